"""Keys of state cells: how many parts there are, and keeping their values while they are used twice."""

from __future__ import annotations

import ast

from contracts.compiler.body import Body
from contracts.compiler.errors import Reason
from contracts.compiler.grammar import CellKind, Kind, Node, is_stable
from contracts.compiler.symbols import CellSymbol


def cell_keys(body: Body, cell: CellSymbol, key: ast.expr) -> tuple[Node, ...]:
    """Return the parts of a key of a map or table; ``self.items[a, b]`` writes them with commas."""
    if isinstance(key, ast.Slice):
        return (body.refuse(key, Reason.UNSUPPORTED, "state is read by its whole key", "go over a Table by rows(...)"),)
    parts = key.elts if isinstance(key, ast.Tuple) else [key]
    if len(parts) != len(cell.keys):
        expected = ", ".join(part.python for part in cell.keys)
        body.refuse(
            key,
            Reason.WRONG_ARGUMENTS,
            f"a key of {cell.name!r} has {len(cell.keys)} parts ({expected})",
            f"self.{cell.name}[{', '.join('abcdefgh'[: len(cell.keys)])}]",
        )
    return body.expressions(parts)


def keep(body: Body, nodes: tuple[Node, ...], others: tuple[Node, ...]) -> tuple[list[Node], tuple[Node, ...]]:
    """Return statements that set ``nodes`` aside, and nodes that give their values however often they are asked.

    What keeps its value while ``others`` are evaluated is not set aside.
    """
    statements: list[Node] = []
    kept: list[Node] = []
    for node in nodes:
        if is_stable(node, others):
            kept.append(node)
        else:
            slot = body.scope.temporary()
            statements.append(body.node(node.place, Kind.ASSIGN, slot, node))
            kept.append(body.local(node.place, slot))
    return statements, tuple(kept)


def is_copy(body: Body, node: ast.expr) -> bool:
    """Tell whether an expression is what was just read from state, or a part of it."""
    inner = node
    while isinstance(inner, ast.Attribute | ast.Subscript | ast.Call):
        cell = body.cell(inner)
        if cell is not None:
            return cell.kind is CellKind.VALUE
        if isinstance(inner, ast.Subscript) and body.cell(inner.value) is not None:
            return True
        if isinstance(inner, ast.Call):
            if not isinstance(inner.func, ast.Attribute):
                return False
            return inner.func.attr == "get" and body.cell(inner.func.value) is not None
        inner = inner.value
    return False


def refuse_copy(body: Body, node: ast.AST) -> None:
    """Note that a change would be lost with the copy that it changes."""
    body.refuse(
        node,
        Reason.COPY_LOST,
        "reading state gives a copy: this changes the copy only",
        "x = self.cell[key]; change x; self.cell[key] = x",
    )
