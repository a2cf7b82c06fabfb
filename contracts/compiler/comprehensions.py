"""Comprehensions and sort keys: expressions with variables of their own.

The program has comprehensions of one clause over flat targets. Others are made of them::

    [f(x, y) for x in xs if c for y in ys if d]

becomes a list that inner comprehensions fill and that is the value in the end; their own lists stay empty, since a
condition that is never true does the work::

    (t := [], [None for x in xs if c and [None for y in ys if d and t.append(f(x, y)) is not None]], t)[2]
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from contracts.compiler.body import Body
from contracts.compiler.errors import Reason
from contracts.compiler.grammar import Kind, Node, Unary
from contracts.compiler.scope import Assigned


@dataclass(slots=True)
class _Clause:
    """One ``for`` of a comprehension: what it goes over, the slots it sets and the conditions behind it."""

    iterable: Node
    slots: tuple[int, ...]
    conditions: list[Node]
    place: ast.expr


def lower_list_comprehension(body: Body, node: ast.ListComp) -> Node:
    """Return ``[element for ...]``."""
    with body.scope.comprehension() as names:
        clauses, before = _lower_clauses(body, node.generators, names)
        element = body.expression(node.elt)
    body.scope.assigned = before
    if len(clauses) == 1:
        (clause,) = clauses
        condition = _all(body, node, clause.conditions)
        return body.node(node, Kind.LIST_COMPREHENSION, clause.iterable, clause.slots, condition, element)
    slot = body.scope.temporary()
    append = body.node(node, Kind.METHOD, "append", body.local(node, slot), (element,))
    return _filled(body, node, slot, body.node(node, Kind.LIST, ()), append, clauses)


def lower_dict_comprehension(body: Body, node: ast.DictComp) -> Node:
    """Return ``{key: value for ...}``."""
    with body.scope.comprehension() as names:
        clauses, before = _lower_clauses(body, node.generators, names)
        key, value = body.expression(node.key), body.expression(node.value)
    body.scope.assigned = before
    if len(clauses) == 1:
        (clause,) = clauses
        condition = _all(body, node, clause.conditions)
        return body.node(node, Kind.DICT_COMPREHENSION, clause.iterable, clause.slots, condition, key, value)
    slot = body.scope.temporary()
    pair = body.node(node, Kind.DICT, (key, value))
    update = body.node(node, Kind.METHOD, "update", body.local(node, slot), (pair,))
    return _filled(body, node, slot, body.node(node, Kind.DICT, ()), update, clauses)


def lower_sorted(body: Body, node: ast.Call) -> Node:
    """Return ``sorted(xs, key=lambda x: ..., reverse=...)``."""
    if len(node.args) != 1:
        return body.refuse(node, Reason.WRONG_ARGUMENTS, "sorted takes one list", "sorted(xs, key=lambda x: x.name)")
    iterable = body.expression(node.args[0])
    key: ast.Lambda | None = None
    reverse = False
    for keyword in node.keywords:
        if keyword.arg == "key" and isinstance(keyword.value, ast.Lambda):
            key = keyword.value
        elif (
            keyword.arg == "reverse"
            and isinstance(keyword.value, ast.Constant)
            and isinstance(keyword.value.value, bool)
        ):
            reverse = keyword.value.value
        else:
            suggestion = "sorted(xs, key=lambda x: x.name, reverse=True)"
            body.refuse(
                keyword.value,
                Reason.WRONG_ARGUMENTS,
                "sorted takes key=lambda x: ... and reverse=True or False",
                suggestion,
            )
    slot = body.scope.temporary()
    if key is None:
        return body.node(node, Kind.SORTED, iterable, (slot,), body.local(node, slot), reverse)
    arguments = key.args
    plain = not (
        arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs or arguments.defaults
    )
    if len(arguments.args) != 1 or not plain:
        return body.refuse(key, Reason.WRONG_ARGUMENTS, "a sort key has one parameter", "key=lambda x: x.name")
    if any(isinstance(inner, ast.NamedExpr) for inner in ast.walk(key.body)):
        return body.refuse(key, Reason.UNSUPPORTED, "a sort key assigns nothing")
    before = body.scope.assigned
    with body.scope.comprehension() as names:
        names[arguments.args[0].arg] = slot
        value = body.expression(key.body)
    body.scope.assigned = before
    return body.node(node, Kind.SORTED, iterable, (slot,), value, reverse)


def _lower_clauses(
    body: Body, generators: list[ast.comprehension], names: dict[str, int]
) -> tuple[list[_Clause], Assigned]:
    """Return the clauses with a flat target each, and what has a value after the first iterable, which always runs."""
    clauses: list[_Clause] = []
    before: Assigned = None
    for position, generator in enumerate(generators):
        if generator.is_async:
            body.refuse(generator.iter, Reason.UNSUPPORTED, "nothing waits in a contract", "remove async")
        if any(isinstance(inner, ast.NamedExpr) for inner in ast.walk(generator.iter)):
            body.refuse(
                generator.iter, Reason.UNSUPPORTED, "no ':=' in what a comprehension goes over", "assign before"
            )
        iterable = body.expression(generator.iter)
        if position == 0:
            before = body.scope.assigned
        clauses.extend(_targets(body, generator.target, iterable, names))
        for condition in generator.ifs:
            test = body.test(condition)
            body.scope.assigned = test.when_true
            clauses[-1].conditions.append(test.node)
    return clauses, before


def _targets(body: Body, target: ast.expr, iterable: Node, names: dict[str, int]) -> Iterator[_Clause]:
    """Yield clauses that bind ``target``: a tuple inside a tuple is one more clause over a list of one element."""
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
    slots: list[int] = []
    nested: list[tuple[ast.expr, int]] = []
    for part in parts:
        slot = body.scope.temporary()
        slots.append(slot)
        if isinstance(part, ast.Name):
            names[part.id] = slot
        elif isinstance(part, ast.Tuple | ast.List):
            nested.append((part, slot))
        else:
            body.refuse(part, Reason.UNSUPPORTED, "the variable of a comprehension is a name", "for x in xs")
    if isinstance(target, ast.Tuple | ast.List) and len(slots) == 1:
        # One slot takes the element itself, whatever it is: the program cannot say otherwise.
        body.refuse(
            target, Reason.UNSUPPORTED, "a tuple of one cannot be unpacked here", "take the element and use x[0]"
        )
        nested = []
    yield _Clause(iterable, tuple(slots), [], target)
    for part, slot in nested:
        single = body.node(part, Kind.LIST, (body.local(part, slot),))
        yield from _targets(body, part, single, names)


def _all(body: Body, where: ast.expr, conditions: list[Node]) -> Node | None:
    """Return one condition for several, None for none."""
    whole: Node | None = None
    for condition in conditions:
        whole = condition if whole is None else body.node(where, Kind.AND, whole, condition)
    return whole


def _filled(body: Body, node: ast.expr, slot: int, empty: Node, fill: Node, clauses: list[_Clause]) -> Node:
    """Return an expression that fills a container in a slot and has it as its value."""
    nothing = body.constant(node, None)
    never = body.node(node, Kind.UNARY, Unary.NOT, body.node(node, Kind.IS_NONE, fill))
    inner = never
    for clause in reversed(clauses):
        condition = _all(body, node, [*clause.conditions, inner])
        inner = body.node(node, Kind.LIST_COMPREHENSION, clause.iterable, clause.slots, condition, nothing)
    steps = (body.node(node, Kind.WALRUS, slot, empty), inner, body.local(node, slot))
    return body.node(node, Kind.INDEX, body.node(node, Kind.TUPLE, steps), body.constant(node, 2))
