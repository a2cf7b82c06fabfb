"""Reading state by methods: ``self.cell.get(key)`` and ``self.table.rows(...)``."""

from __future__ import annotations

import ast

from contracts.compiler.body import Body
from contracts.compiler.constants import Constants, NotConstant
from contracts.compiler.errors import Reason
from contracts.compiler.grammar import Kind, Node, is_pure
from contracts.compiler.keys import cell_keys
from contracts.compiler.naming import did_you_mean
from contracts.compiler.symbols import CellSymbol

_ROWS = 'rows("owner", (owner,), cursor=cursor, limit=20, descending=False)'
_ROWS_PARAMETERS = ("index", "prefix", "cursor", "limit", "descending")
_LIMIT = 50  # rows of one page unless said otherwise


def lower_get(body: Body, node: ast.Call, cell: CellSymbol) -> Node:
    """Return ``self.cell.get(key)`` or ``get(key, default)``: the stored value, or the default if there is none."""
    if node.keywords or len(node.args) not in (1, 2):
        return body.refuse(node, Reason.WRONG_ARGUMENTS, "get takes a key and perhaps a default", "get(key, 0)")
    parts = cell_keys(body, cell, node.args[0])
    default = body.expression(node.args[1]) if len(node.args) == 2 else body.constant(node, None)
    keys: list[Node] = []
    again: list[Node] = []
    for part in (*parts, *(() if is_pure(default) else (default,))):
        simple = part.kind in (Kind.CONSTANT, Kind.CONTEXT) or (
            part.kind is Kind.LOCAL
            and not any(inner.kind is Kind.WALRUS for item in (*parts, default) for inner in item.walk())
        )
        if simple:
            keys.append(part)
            again.append(part)
        else:
            slot = body.scope.temporary()
            keys.append(body.node(part.place, Kind.WALRUS, slot, part))
            again.append(body.local(part.place, slot))
    if is_pure(default):
        has = body.node(node, Kind.HAS, cell.index, tuple(keys))
        read = body.node(node, Kind.READ, cell.index, tuple(again))
        return body.node(node, Kind.CONDITIONAL, has, read, default)
    # The default is evaluated whether it is needed or not, as Python does, and after the key.
    steps = body.node(node, Kind.TUPLE, tuple(keys))
    has = body.node(node, Kind.HAS, cell.index, tuple(again[:-1]))
    read = body.node(node, Kind.READ, cell.index, tuple(again[:-1]))
    choice = body.node(node, Kind.CONDITIONAL, has, read, again[-1])
    return body.node(node, Kind.INDEX, body.node(node, Kind.TUPLE, (steps, choice)), body.constant(node, 1))


def lower_rows(body: Body, node: ast.Call, cell: CellSymbol) -> Node:
    """Return one page of a table: ``rows(index, prefix, cursor=..., limit=..., descending=...)``."""
    given: dict[str, ast.expr] = dict(zip(_ROWS_PARAMETERS[:2], node.args, strict=False))
    for keyword in node.keywords:
        if keyword.arg not in _ROWS_PARAMETERS or keyword.arg in given:
            return body.refuse(keyword.value, Reason.WRONG_ARGUMENTS, f"rows takes no {keyword.arg!r} here", _ROWS)
        given[keyword.arg] = keyword.value
    if len(node.args) > 2:
        return body.refuse(node.args[2], Reason.WRONG_ARGUMENTS, "cursor, limit and descending have names", _ROWS)
    try:
        index = _read_index(body, given.get("index"), cell)
    except NotConstant:
        return body.constant(node, None)
    written = given.get("prefix", ast.Tuple(elts=[], ctx=ast.Load()))
    if not isinstance(written, ast.Tuple):
        return body.refuse(written, Reason.WRONG_ARGUMENTS, "a prefix is a tuple written out", "(owner,)")
    fields = len(cell.keys) if index is None else len(cell.indexes[index].fields)
    if len(written.elts) > fields:
        return body.refuse(written, Reason.WRONG_ARGUMENTS, f"a prefix has at most {fields} parts here")
    lowered: dict[str, tuple[Node, ...]] = {
        "prefix": (),
        "cursor": (body.constant(node, None),),
        "limit": (body.constant(node, _LIMIT),),
    }
    effects: list[str] = []
    for name, value in given.items():
        if name in lowered:
            lowered[name] = body.expressions(written.elts if name == "prefix" else [value])
            if not all(is_pure(part) for part in lowered[name]):
                effects.append(name)
    if effects != sorted(effects, key=_ROWS_PARAMETERS.index):
        return body.refuse(node, Reason.WRONG_ARGUMENTS, "arguments of rows stand in their order", _ROWS)
    prefix, (cursor,), (limit,) = lowered["prefix"], lowered["cursor"], lowered["limit"]
    descending = given.get("descending")
    if descending is not None and not (isinstance(descending, ast.Constant) and isinstance(descending.value, bool)):
        return body.refuse(descending, Reason.WRONG_ARGUMENTS, "descending is True or False, written out", _ROWS)
    reverse = isinstance(descending, ast.Constant) and descending.value is True
    return body.node(node, Kind.ROWS, cell.index, index, prefix, cursor, limit, reverse)


def _read_index(body: Body, node: ast.expr | None, cell: CellSymbol) -> int | None:
    """Return the number of the index that ``rows`` names, None for the order of the keys; raise NotConstant."""
    if node is None or (isinstance(node, ast.Constant) and node.value is None):
        return None
    names = Constants(body.problems, body.contract.module, body.contract.members).texts(node)
    for number, index in enumerate(cell.indexes):
        if index.fields == names:
            return number
    known = [", ".join(index.fields) for index in cell.indexes]
    body.refuse(
        node,
        Reason.UNKNOWN_MEMBER,
        f"{cell.name!r} has no index by {', '.join(names)}",
        did_you_mean(", ".join(names), known) or f"declare it: Table(..., index=({names[0]!r},))",
    )
    raise NotConstant
