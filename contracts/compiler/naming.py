"""Which names may be declared, and which known name a mistyped one probably meant."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable

from contracts.compiler.errors import Problems, Reason
from contracts.compiler.limits import SUGGESTIONS_MAX
from contracts.compiler.vocabulary import BUILTINS, NAMES_REFUSED
from contracts.limits import NAME_LENGTH_MAX

_FIXED = frozenset({"self", "True", "False", "None"})


def check_identifier(name: str, where: ast.AST, problems: Problems) -> bool:
    """Tell whether ``name`` is an identifier of the language; note an error if not."""
    if len(name) > NAME_LENGTH_MAX:
        message = f"a name of {len(name)} characters, at most {NAME_LENGTH_MAX} are allowed"
        problems.error(where, Reason.BAD_NAME, message)
    elif name.startswith("__") or name.endswith("__"):
        suggestion = "one underscore in front marks a helper" if name.startswith("__") else ""
        if name == "__init__":
            suggestion = "what runs once, at deployment, is a method of any name with @init"
        problems.error(where, Reason.BAD_NAME, f"{name!r} has two underscores at an end", suggestion)
    else:
        return True
    return False


def check_declared(name: str, where: ast.AST, problems: Problems) -> bool:
    """Tell whether a module or class may declare ``name``: an identifier that does not hide a name of the language."""
    if name in _FIXED or name in BUILTINS or name in NAMES_REFUSED:
        problems.error(where, Reason.BAD_NAME, f"{name!r} has a meaning in Python", "choose another name")
        return False
    return check_identifier(name, where, problems)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a suggestion from the known names that are like ``name``, "" if none is."""
    names = sorted(set(known))
    if len(names) > SUGGESTIONS_MAX:
        return ""
    close = difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    return "did you mean " + " or ".join(repr(word) for word in close) + "?" if close else ""


def documentation_of(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> str:
    """Return the docstring of a syntax node with its indentation removed, "" if it has none.

    By hand, since ``ast.get_docstring`` and ``inspect.cleandoc`` differ between versions of Python.
    """
    text = _docstring(node.body)
    if text is None:
        return ""
    lines = text.expandtabs().split("\n")
    margin = min((len(line) - len(line.lstrip(" ")) for line in lines[1:] if line.strip(" ")), default=0)
    stripped = [lines[0].strip(" "), *(line[margin:].rstrip(" ") for line in lines[1:])]
    return "\n".join(stripped).strip("\n")


def without_documentation(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return statements without the docstring in front."""
    return body if _docstring(body) is None else body[1:]


def _docstring(body: list[ast.stmt]) -> str | None:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return first.value.value
    return None
