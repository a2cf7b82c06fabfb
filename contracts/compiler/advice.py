"""Warnings about functions that compile and probably do not do what was meant."""

from __future__ import annotations

import ast
from typing import Final

from contracts.compiler.body import Body
from contracts.compiler.errors import Advice
from contracts.compiler.keys import is_copy
from contracts.compiler.vocabulary import CHANGING_METHODS

_LOOPS: Final = ast.For | ast.While


def advise(body: Body, function: ast.FunctionDef) -> None:
    """Warn of copies that are changed and never stored, and of text that grows by ``+=`` in a loop."""
    _check_copies(body, function)
    _check_text(body, function)


def _check_copies(body: Body, function: ast.FunctionDef) -> None:
    """Find locals that only ever hold what was read from state, are changed, and go nowhere."""
    values = _values_assigned(function)
    changed: dict[str, ast.AST] = {}
    inside: set[int] = set()  # names that only lead to a part of their value, or are compared
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute | ast.Subscript) and (base := _base(node)) is not None:
            inside.add(id(base))
            if isinstance(node.ctx, ast.Store | ast.Del):
                changed.setdefault(base.id, node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING_METHODS:
            if (base := _base(node.func)) is not None:
                changed.setdefault(base.id, node)
        elif isinstance(node, ast.Compare):
            inside.update(id(operand) for operand in (node.left, *node.comparators) if isinstance(operand, ast.Name))
    loads = [node for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    used = {node.id for node in loads if id(node) not in inside}
    for name, place in changed.items():
        if name in values and name not in used and all(value and is_copy(body, value) for value in values[name]):
            message = f"{name!r} is a copy of what is stored; this change is lost"
            body.problems.warn(place, Advice.COPY_NOT_STORED, message, f"store it: self.cell[key] = {name}")


def _values_assigned(function: ast.FunctionDef) -> dict[str, list[ast.expr | None]]:
    """Return what each local is set to by ``name = value``; None stands for every other way to set it."""
    values: dict[str, list[ast.expr | None]] = {}
    plain: set[int] = set()
    for node in ast.walk(function):  # statements come before their parts
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            plain.add(id(node.targets[0]))
            values.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in plain:
            values.setdefault(node.id, []).append(None)
        elif isinstance(node, ast.arg):
            values.setdefault(node.arg, []).append(None)
    return values


def _base(node: ast.expr) -> ast.Name | None:
    """Return the name that a chain of attributes and subscripts begins with."""
    inner = node
    while isinstance(inner, ast.Attribute | ast.Subscript):
        inner = inner.value
    return inner if isinstance(inner, ast.Name) and inner is not node else None


def _check_text(body: Body, function: ast.FunctionDef) -> None:
    """Find ``text += "..."`` in loops: each round pays for a copy of all so far."""
    for loop in ast.walk(function):
        if not isinstance(loop, _LOOPS):
            continue
        for node in ast.walk(loop):
            if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and _is_text(node.value):
                body.problems.warn(
                    node,
                    Advice.SLOW_TEXT,
                    "each round copies the whole text, and pays for it",
                    'collect the parts in a list and join them: "".join(parts)',
                )


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_text(node.left) or _is_text(node.right)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "str"
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))
