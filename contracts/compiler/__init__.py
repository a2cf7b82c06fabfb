"""The compiler of contracts: Python source to a canonical program and its ABI.

It runs on the developer's machine. Validators never parse Python: they load the program, which the machine checks
against its closed grammar whatever the compiler did.
"""

from __future__ import annotations

from contracts.compiler.compile import Compiled, SourceLine, compile_source
from contracts.compiler.errors import Advice, CompileError, CompileErrors, CompileWarning, Finding, Reason, render

__all__ = [
    "Advice",
    "CompileError",
    "CompileErrors",
    "CompileWarning",
    "Compiled",
    "Finding",
    "Reason",
    "SourceLine",
    "compile_source",
    "render",
]
