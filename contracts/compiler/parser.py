"""Source text to Python's syntax tree: checked before, bounded after, and never a crash in between."""

from __future__ import annotations

import ast
import warnings
from typing import Final

from contracts.compiler.errors import Problems, Reason
from contracts.compiler.grammar import Place
from contracts.compiler.limits import NESTING_MAX
from contracts.compiler.scanner import scan

PYTHON: Final = (3, 11)  # the grammar of this version, on every version
DECLARATION_LEVELS: Final = 2  # class and method, around what nests


def parse(text: str, problems: Problems, file: str = "<contract>") -> ast.Module:
    """Return the syntax tree of ``text``, nested at most NESTING_MAX deep; raise CompileErrors."""
    scan(text, problems)
    problems.check()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes: versions warn of different ones, all read them alike
            tree = ast.parse(text, file, feature_version=PYTHON)
    except SyntaxError as error:
        place = Place(error.lineno or 1, max(1, error.offset or 1))
        problems.error(place, Reason.SYNTAX, error.msg or "not Python")
    except (RecursionError, MemoryError):
        problems.error(Place(1, 1), Reason.TOO_DEEP, "the source is nested too deep for Python's parser")
    except ValueError as error:  # what is no token at all
        problems.error(Place(1, 1), Reason.SYNTAX, str(error))
    problems.check()
    _check_nesting(tree, problems)
    problems.check()
    return tree


def _check_nesting(tree: ast.Module, problems: Problems) -> None:
    """Refuse what nests too deep for functions that call themselves for each level; itself it does not.

    The depth of a program is judged when it is made: this only has to be near it.
    """
    waiting: list[tuple[ast.AST, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > NESTING_MAX + DECLARATION_LEVELS:
            suggestion = (
                "give parts of an expression names, split a long elif chain or sum, move the inside into a helper"
            )
            problems.error(node, Reason.TOO_DEEP, f"more than {NESTING_MAX} levels of nesting", suggestion)
            return
        children = ast.iter_child_nodes(node)
        waiting.extend((child, depth + isinstance(child, ast.stmt | ast.expr | ast.pattern)) for child in children)
