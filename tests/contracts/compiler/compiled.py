"""Compiles sources that come in as JSON and says what became of each: run by every version of Python there is.

What is compared: the program and the ABI of a source that compiles, line and reason of each error of one that does not.
Where Python's own parser refuses, by grammar or by depth, versions differ in words and places: only that is told.
"""

import hashlib
import json
import sys
from typing import Any

from contracts.compiler import CompileErrors, Reason, compile_source


def told(source: str) -> Any:
    """Return what is compared of one source."""
    try:
        compiled = compile_source(source)
    except CompileErrors as refused:
        if any(error.reason in {Reason.SYNTAX, Reason.TOO_DEEP} for error in refused.errors):
            return "refused"
        return [[error.line, error.reason] for error in refused.errors]
    return [hashlib.sha256(compiled.program).hexdigest(), hashlib.sha256(compiled.abi).hexdigest()]


if __name__ == "__main__":
    json.dump([told(source) for source in json.load(sys.stdin)], sys.stdout)
