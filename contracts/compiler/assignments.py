"""Assignments: locals, unpacking, elements, fields and state, plain and augmented; ``del``."""

from __future__ import annotations

import ast

from contracts.compiler.arguments import check_operands
from contracts.compiler.body import Body
from contracts.compiler.errors import Reason
from contracts.compiler.grammar import Binary, CellKind, Kind, Node
from contracts.compiler.keys import cell_keys, is_copy, keep, refuse_copy
from contracts.compiler.names import unknown_member
from contracts.compiler.naming import did_you_mean
from contracts.compiler.symbols import CellSymbol
from contracts.compiler.types import Types
from contracts.compiler.vocabulary import OPERATORS, OPERATORS_REFUSED


def lower_assign(body: Body, node: ast.Assign) -> list[Node]:
    """Return ``a = b = value``: the value is evaluated once, targets are set from left to right."""
    value = body.expression(node.value)
    if len(node.targets) == 1:
        return store(body, node.targets[0], value)
    before, (kept,) = keep(body, (value,), ())
    if kept.kind is Kind.LOCAL and not before:  # a target may be the very local
        slot = body.scope.temporary()
        before, kept = [body.node(node, Kind.ASSIGN, slot, value)], body.local(node, slot)
    return [*before, *(part for target in node.targets for part in store(body, target, kept))]


def lower_annotated(body: Body, node: ast.AnnAssign) -> list[Node]:
    """Return ``x: int = value``; the type is for readers and editors."""
    Types(body.contract, body.problems).read(node.annotation)
    if not isinstance(node.target, ast.Name):
        body.refuse(node, Reason.UNSUPPORTED, "only variables have annotations here", "remove the type")
        return []
    return [] if node.value is None else store(body, node.target, body.expression(node.value))


def store(body: Body, target: ast.expr, value: Node) -> list[Node]:
    """Return statements that set a target to a value."""
    if isinstance(target, ast.Name):
        return (
            [body.node(target, Kind.ASSIGN, body.scope.assign(target.id), value)] if _may_assign(body, target) else []
        )
    if isinstance(target, ast.Tuple | ast.List):
        slots, rest = _unpack(body, target)
        return [body.node(target, Kind.UNPACK, slots, value), *rest]
    if isinstance(target, ast.Attribute):
        return _store_attribute(body, target, value)
    if isinstance(target, ast.Subscript):
        return _store_element(body, target, value)
    body.refuse(
        target, Reason.UNSUPPORTED, "a star in a target", "take the list and use slices: first, rest = xs[0], xs[1:]"
    )
    return []


def store_targets(body: Body, target: ast.expr) -> tuple[tuple[int, ...], list[Node]]:
    """Return the slots that a ``for`` sets in each round, and statements that take them apart further."""
    if isinstance(target, ast.Name):
        return ((body.scope.assign(target.id),) if _may_assign(body, target) else (0,)), []
    if isinstance(target, ast.Tuple | ast.List) and len(target.elts) > 1:
        return _unpack(body, target)
    slot = body.scope.temporary()
    return (slot,), store(body, target, body.local(target, slot))


def _unpack(body: Body, target: ast.Tuple | ast.List) -> tuple[tuple[int, ...], list[Node]]:
    slots: list[int] = []
    rest: list[Node] = []
    for part in target.elts:
        if isinstance(part, ast.Name):
            slots.append(body.scope.assign(part.id) if _may_assign(body, part) else 0)
        else:
            slots.append(body.scope.temporary())
            rest.extend(store(body, part, body.local(part, slots[-1])))
    check_operands(body, target, len(slots))
    if not slots:
        body.refuse(target, Reason.UNSUPPORTED, "nothing to assign to")
    _check_order(body, target)
    return tuple(slots), rest


def _check_order(body: Body, target: ast.Tuple | ast.List) -> None:
    """Refuse ``a[i], i = ...``: Python sets targets from left to right, the program sets variables first."""
    for position, part in enumerate(target.elts):
        if not isinstance(part, ast.Name):
            later = {other.id for other in target.elts[position + 1 :] if isinstance(other, ast.Name)}
            if any(isinstance(inner, ast.Name) and inner.id in later for inner in ast.walk(part)):
                body.refuse(
                    part, Reason.UNSUPPORTED, "a variable is used here and set by a later target", "assign in two steps"
                )


def _may_assign(body: Body, target: ast.Name) -> bool:
    """Tell whether a name can be a variable; note an error if not."""
    if target.id == "self" or target.id in body.scope.codes:
        body.refuse(target, Reason.BAD_NAME, f"{target.id!r} has another meaning here", "choose another name")
        return False
    return True


def _store_attribute(body: Body, target: ast.Attribute, value: Node) -> list[Node]:
    if body.is_self(target.value):
        cell = body.cell(target)
        if cell is not None and cell.kind is CellKind.VALUE:
            body.write(target)
            return [body.node(target, Kind.STORE, cell.index, (), value)]
        if target.attr not in body.contract.members:
            unknown_member(body, target)
        else:
            suggestion = f"self.{target.attr}[key] = value" if cell is not None else ""
            body.refuse(target, Reason.UNSUPPORTED, f"self.{target.attr} cannot be assigned to", suggestion)
        return []
    if not _check_container(body, target.value):
        return []
    if target.attr not in body.fields:
        body.refuse(
            target,
            Reason.UNKNOWN_MEMBER,
            f"no record has a field {target.attr!r}",
            did_you_mean(target.attr, body.fields),
        )
    return [body.node(target, Kind.SET_FIELD, target.attr, body.expression(target.value), value)]


def _store_element(body: Body, target: ast.Subscript, value: Node) -> list[Node]:
    cell = body.cell(target.value)
    if cell is not None and cell.kind in (CellKind.MAP, CellKind.TABLE):
        body.write(target)
        return [body.node(target, Kind.STORE, cell.index, cell_keys(body, cell, target.slice), value)]
    if not _check_container(body, target.value) or not _check_index(body, target):
        return []
    container, index = body.expression(target.value), body.expression(target.slice)
    return [body.node(target, Kind.SET_ITEM, container, index, value)]


def _check_container(body: Body, container: ast.expr) -> bool:
    """Refuse to change what was read from state in the same breath: the change would be lost with the copy."""
    if is_copy(body, container):
        refuse_copy(body, container)
        return False
    return True


def _check_index(body: Body, node: ast.Subscript) -> bool:
    if isinstance(node.slice, ast.Slice):
        body.refuse(node, Reason.UNSUPPORTED, "slices are read only", "make a new list: xs[:i] + new + xs[j:]")
        return False
    if isinstance(node.slice, ast.Tuple):
        body.refuse(
            node.slice, Reason.UNSUPPORTED, "a list or dict has one index", "x[i][j]; only a Map has keys of parts"
        )
        return False
    return True


def lower_augmented(body: Body, node: ast.AugAssign) -> list[Node]:
    """Return ``target op= value``: container and index are evaluated once, before the value."""
    name = type(node.op).__name__
    if name in OPERATORS_REFUSED:
        body.refuse(node, Reason.UNSUPPORTED, *OPERATORS_REFUSED[name])
        return []
    operator = Binary.ADD_IN_PLACE if name == "Add" else OPERATORS[name]
    target = node.target
    if isinstance(target, ast.Name):
        return _augment_local(body, node, target, operator)
    cell = body.cell(target)
    if cell is not None and cell.kind is CellKind.VALUE:
        return _augment_cell(body, node, cell, (), operator)
    if isinstance(target, ast.Attribute):
        if body.is_self(target.value):
            return _store_attribute(body, target, body.constant(node, None))
        return _augment_field(body, node, target, operator)
    cell = body.cell(target.value)
    if cell is not None and cell.kind in (CellKind.MAP, CellKind.TABLE):
        return _augment_cell(body, node, cell, cell_keys(body, cell, target.slice), operator)
    if not _check_container(body, target.value) or not _check_index(body, target):
        return []
    parts = (body.expression(target.value), body.expression(target.slice))
    value = body.expression(node.value)
    before, (container, index) = keep(body, parts, (value, parts[1]))
    current = body.node(target, Kind.INDEX, container, index)
    result = body.node(node, Kind.BINARY, operator, current, value)
    return [*before, body.node(node, Kind.SET_ITEM, container, index, result)]


def _augment_local(body: Body, node: ast.AugAssign, target: ast.Name, operator: Binary) -> list[Node]:
    current = body.expression(ast.copy_location(ast.Name(target.id, ast.Load()), target))
    value = body.expression(node.value)
    if not _may_assign(body, target):
        return []
    slot = body.scope.assign(target.id)
    return [body.node(node, Kind.ASSIGN, slot, body.node(node, Kind.BINARY, operator, current, value))]


def _augment_cell(
    body: Body, node: ast.AugAssign, cell: CellSymbol, keys: tuple[Node, ...], operator: Binary
) -> list[Node]:
    value = body.expression(node.value)
    before, kept = keep(body, keys, (value, *keys))
    body.write(node)
    current = body.node(node.target, Kind.READ, cell.index, kept)
    result = body.node(node, Kind.BINARY, operator, current, value)
    return [*before, body.node(node, Kind.STORE, cell.index, kept, result)]


def _augment_field(body: Body, node: ast.AugAssign, target: ast.Attribute, operator: Binary) -> list[Node]:
    if not _check_container(body, target.value):
        return []
    if target.attr not in body.fields:
        body.refuse(
            target,
            Reason.UNKNOWN_MEMBER,
            f"no record has a field {target.attr!r}",
            did_you_mean(target.attr, body.fields),
        )
    record = body.expression(target.value)
    value = body.expression(node.value)
    before, (kept,) = keep(body, (record,), (value,))
    current = body.node(target, Kind.FIELD, target.attr, kept)
    result = body.node(node, Kind.BINARY, operator, current, value)
    return [*before, body.node(node, Kind.SET_FIELD, target.attr, kept, result)]


def lower_delete(body: Body, node: ast.Delete) -> list[Node]:
    """Return ``del self.cell[key]`` and ``del x[i]``."""
    nodes: list[Node] = []
    for target in node.targets:
        if not isinstance(target, ast.Subscript):
            body.refuse(target, Reason.UNSUPPORTED, "del removes an element, no variable or field", "assign None")
            continue
        cell = body.cell(target.value)
        if cell is not None and cell.kind in (CellKind.MAP, CellKind.TABLE):
            body.write(target)
            nodes.append(body.node(target, Kind.DELETE, cell.index, cell_keys(body, cell, target.slice)))
        elif _check_container(body, target.value) and _check_index(body, target):
            nodes.append(
                body.node(target, Kind.DELETE_ITEM, body.expression(target.value), body.expression(target.slice))
            )
    return nodes
