"""The read methods as REST: ``GET /v1/…``, parameters in the path and the query, the same names and checks as JSON-RPC.

The answer is the result as it is; a failure is ``{"error": …}`` with the JSON-RPC error object and an HTTP status that
fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hanchain.api.errors import Failure
from hanchain.api.method import Method
from hanchain.api.strictjson import Json
from hanchain.ledger.reasons import Reason, Rejection


def bind_words(method: Method, path: Mapping[str, str], query: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the handler's arguments from the words of an address; raise Rejection."""
    words = dict(path)
    for name, word in query:
        if name in words:
            raise Rejection(Reason.BAD_ARGUMENTS, f"the parameter {name[:64]!a} is given twice")
        words[name] = word
    parsers = {parameter.name: parameter.kind.of_text for parameter in method.parameters}
    params: dict[str, Json] = {name: parsers[name](word) if name in parsers else word for name, word in words.items()}
    return method.bind(params)


def error_document(failure: Failure) -> dict[str, object]:
    """Return the body of an answer that tells ``failure``."""
    return {"error": failure.document()}
