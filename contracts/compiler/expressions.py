"""Expressions to nodes of the program: names, operators, containers, attributes and subscripts."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, Final

from contracts.compiler.arguments import check_operands
from contracts.compiler.body import Body, Test
from contracts.compiler.calls import lower_call
from contracts.compiler.comprehensions import lower_dict_comprehension, lower_list_comprehension
from contracts.compiler.constants import Constants, NotConstant
from contracts.compiler.errors import Reason
from contracts.compiler.grammar import CellKind, Kind, Node, Unary
from contracts.compiler.keys import cell_keys
from contracts.compiler.names import lower_attribute, lower_name
from contracts.compiler.scope import merge
from contracts.compiler.symbols import CellSymbol
from contracts.compiler.vocabulary import COMPARISONS, OPERATORS, OPERATORS_REFUSED


def lower_expression(body: Body, node: ast.expr) -> Node:
    """Return an expression as a node; what the language does not have is noted and becomes None."""
    lower = _LOWER.get(type(node))
    if lower is not None:
        return lower(body, node)
    message, suggestion = _REFUSED.get(type(node), (f"{type(node).__name__} is not part of the language", ""))
    return body.refuse(node, Reason.UNSUPPORTED, message, suggestion)


def lower_test(body: Body, node: ast.expr) -> Test:
    """Return an expression asked for its truth, with what has a value where it holds and where it does not."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = lower_test(body, node.operand)
        return Test(body.node(node, Kind.UNARY, Unary.NOT, inner.node), inner.when_false, inner.when_true)
    if isinstance(node, ast.BoolOp):
        return _lower_bool_test(body, node)
    lowered = lower_expression(body, node)
    after = body.scope.assigned
    if isinstance(node, ast.Constant):  # `while True` ends by break only
        return Test(lowered, after if node.value else None, None if node.value else after)
    return Test(lowered, after, after)


def _lower_bool_test(body: Body, node: ast.BoolOp) -> Test:
    conjunction = isinstance(node.op, ast.And)
    parts: list[Node] = []
    short = None  # what has a value where an operand before the last one decides
    for operand in node.values:
        test = lower_test(body, operand)
        parts.append(test.node)
        decided, body.scope.assigned = (
            (test.when_false, test.when_true) if conjunction else (test.when_true, test.when_false)
        )
        short = merge(short, decided)
    whole = _balanced(body, node, Kind.AND if conjunction else Kind.OR, parts)
    through = body.scope.assigned
    body.branch(through, short)
    return Test(whole, through, short) if conjunction else Test(whole, short, through)


def _balanced(body: Body, where: ast.expr, kind: Kind, parts: list[Node]) -> Node:
    """Return a chain of ``and`` or ``or`` as a tree of little depth: the operators are associative, values included."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return body.node(
        where, kind, _balanced(body, where, kind, parts[:half]), _balanced(body, where, kind, parts[half:])
    )


def _lower_bool(body: Body, node: ast.BoolOp) -> Node:
    return _lower_bool_test(body, node).node


def _lower_constant(body: Body, node: ast.Constant) -> Node:
    try:
        return body.constant(node, Constants(body.problems, {}, {}).literal(node))
    except NotConstant:
        return body.constant(node, None)


def _lower_unary(body: Body, node: ast.UnaryOp) -> Node:
    if isinstance(node.op, ast.Not):
        return lower_test(body, node).node
    operand = lower_expression(body, node.operand)
    if isinstance(node.op, ast.UAdd):
        return body.refuse(node, Reason.UNSUPPORTED, "there is no unary +", "leave it out")
    value = operand.operands[0] if operand.kind is Kind.CONSTANT else None
    if isinstance(node.op, ast.USub) and type(value) is int:
        return body.constant(node, -value)
    return body.node(node, Kind.UNARY, Unary.NEGATE if isinstance(node.op, ast.USub) else Unary.INVERT, operand)


def _lower_binary(body: Body, node: ast.BinOp) -> Node:
    name = type(node.op).__name__
    left, right = lower_expression(body, node.left), lower_expression(body, node.right)
    if name in OPERATORS_REFUSED:
        return body.refuse(node, Reason.UNSUPPORTED, *OPERATORS_REFUSED[name])
    if name == "Mod" and left.kind in (Kind.CONSTANT, Kind.TEXT) and not isinstance(left.operands[0], int):
        return body.refuse(node, Reason.UNSUPPORTED, "text is not formatted by %", 'use an f-string: f"{a} of {b}"')
    return body.node(node, Kind.BINARY, OPERATORS[name], left, right)


def _lower_compare(body: Body, node: ast.Compare) -> Node:
    """Return a comparison: ``a < b < c`` is ``a < (t := b) and t < c``, so that ``b`` is evaluated once."""
    for operator, right in zip(node.ops, node.comparators, strict=True):
        cell = body.cell(right) if isinstance(operator, ast.In | ast.NotIn) else None
        if cell is not None and cell.kind in (CellKind.MAP, CellKind.TABLE):
            return _lower_membership(body, node, cell, operator)
    assigning = any(isinstance(inner, ast.NamedExpr) for inner in ast.walk(node))
    parts: list[Node] = []
    left = lower_expression(body, node.left)
    after_first = body.scope.assigned
    for position, (operator, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
        rest = node.comparators[position + 1 :]
        if isinstance(operator, ast.Is | ast.IsNot):
            parts.append(_lower_is_none(body, node, left, operator, right, last=not rest))
            continue
        other = again = lower_expression(body, right)
        if rest and not (other.kind in (Kind.CONSTANT, Kind.CONTEXT) or (other.kind is Kind.LOCAL and not assigning)):
            slot = body.scope.temporary()
            other, again = body.node(right, Kind.WALRUS, slot, other), body.local(right, slot)
        parts.append(body.node(node, Kind.COMPARE, COMPARISONS[type(operator).__name__], left, other))
        left = again
        if position == 0:
            after_first = body.scope.assigned
    if len(parts) > 1:
        body.branch(body.scope.assigned, after_first)
    return _balanced(body, node, Kind.AND, parts)


def _lower_membership(body: Body, node: ast.Compare, cell: CellSymbol, operator: ast.cmpop) -> Node:
    if len(node.ops) > 1:
        return body.refuse(
            node, Reason.UNSUPPORTED, "state is asked by a comparison of its own", "k in self.items and ..."
        )
    key = node.left
    has = body.node(node, Kind.HAS, cell.index, cell_keys(body, cell, key))
    return has if isinstance(operator, ast.In) else body.node(node, Kind.UNARY, Unary.NOT, has)


def _lower_is_none(
    body: Body, node: ast.Compare, left: Node, operator: ast.cmpop, right: ast.expr, *, last: bool
) -> Node:
    if not isinstance(right, ast.Constant) or right.value is not None or not last:
        return body.refuse(node, Reason.UNSUPPORTED, "'is' compares with None only", "compare values with ==")
    test = body.node(node, Kind.IS_NONE, left)
    return test if isinstance(operator, ast.Is) else body.node(node, Kind.UNARY, Unary.NOT, test)


def _lower_conditional(body: Body, node: ast.IfExp) -> Node:
    test = lower_test(body, node.test)
    body.scope.assigned = test.when_true
    first = lower_expression(body, node.body)
    after_first, body.scope.assigned = body.scope.assigned, test.when_false
    second = lower_expression(body, node.orelse)
    body.branch(after_first, body.scope.assigned)
    return body.node(node, Kind.CONDITIONAL, test.node, first, second)


def _lower_walrus(body: Body, node: ast.NamedExpr) -> Node:
    value = lower_expression(body, node.value)
    if body.scope.is_inner(node.target.id):
        return body.refuse(
            node, Reason.UNSUPPORTED, "':=' cannot change the variable of a comprehension", "use another name"
        )
    return body.node(node, Kind.WALRUS, body.scope.assign(node.target.id), value)


def _lower_sequence(body: Body, node: ast.List | ast.Tuple) -> Node:
    check_operands(body, node, len(node.elts))
    return body.node(node, Kind.LIST if isinstance(node, ast.List) else Kind.TUPLE, body.expressions(node.elts))


def _lower_dict(body: Body, node: ast.Dict) -> Node:
    check_operands(body, node, 2 * len(node.keys))
    parts: list[Node] = []
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            return body.refuse(
                node, Reason.UNSUPPORTED, "no ** inside a dict", "copy = d.copy(), then copy.update(other)"
            )
        lowered = lower_expression(body, key)
        if lowered.kind in (Kind.CONSTANT, Kind.TUPLE) and not isinstance(lowered.operands[0], str | bytes):
            body.refuse(key, Reason.UNSUPPORTED, "a dict's keys are str or bytes", "str(key), or a Map if it is state")
        parts.extend((lowered, lower_expression(body, value)))
    return body.node(node, Kind.DICT, tuple(parts))


def _lower_text(body: Body, node: ast.JoinedStr) -> Node:
    parts: list[Node] = []
    text = ""  # versions of Python split the text between braces differently: here it is one constant
    for value in node.values:
        if isinstance(value, ast.Constant):
            text += str(_lower_constant(body, value).operands[0])
            continue
        if text:
            parts.append(body.constant(node, text))
            text = ""
        assert isinstance(value, ast.FormattedValue), "an f-string has texts and values"
        if value.conversion != -1 or value.format_spec is not None:
            body.refuse(
                value,
                Reason.UNSUPPORTED,
                "an f-string has no format specification, !r or = here",
                "work the text out first: str(n).zfill(4)",
            )
        parts.append(lower_expression(body, value.value))
    if text or not parts:
        parts.append(body.constant(node, text))
    check_operands(body, node, len(parts))
    has_values = any(isinstance(value, ast.FormattedValue) for value in node.values)
    return body.node(node, Kind.TEXT, tuple(parts)) if has_values else parts[0]


def _lower_subscript(body: Body, node: ast.Subscript) -> Node:
    cell = body.cell(node.value)
    if cell is not None and cell.kind in (CellKind.MAP, CellKind.TABLE):
        return body.node(node, Kind.READ, cell.index, cell_keys(body, cell, node.slice))
    container = lower_expression(body, node.value)
    if isinstance(node.slice, ast.Slice):
        bounds = [
            None if bound is None else lower_expression(body, bound)
            for bound in (node.slice.lower, node.slice.upper, node.slice.step)
        ]
        return body.node(node, Kind.SLICE, container, *bounds)
    if isinstance(node.slice, ast.Tuple):
        return body.refuse(
            node.slice, Reason.UNSUPPORTED, "a list or dict has one index", "x[i][j]; only a Map has keys of parts"
        )
    return body.node(node, Kind.INDEX, container, lower_expression(body, node.slice))


_LOWER: Final[Mapping[type[ast.expr], Callable[[Body, Any], Node]]] = {
    ast.Attribute: lower_attribute,
    ast.BinOp: _lower_binary,
    ast.BoolOp: _lower_bool,
    ast.Call: lower_call,
    ast.Compare: _lower_compare,
    ast.Constant: _lower_constant,
    ast.Dict: _lower_dict,
    ast.DictComp: lower_dict_comprehension,
    ast.IfExp: _lower_conditional,
    ast.JoinedStr: _lower_text,
    ast.List: _lower_sequence,
    ast.ListComp: lower_list_comprehension,
    ast.Name: lower_name,
    ast.NamedExpr: _lower_walrus,
    ast.Subscript: _lower_subscript,
    ast.Tuple: _lower_sequence,
    ast.UnaryOp: _lower_unary,
}
_REFUSED: Final[Mapping[type[ast.expr], tuple[str, str]]] = {
    ast.Lambda: ("a lambda is the key of sorted(...) only", "write a helper function"),
    ast.Set: (
        "there are no sets: their order is not the same everywhere",
        "use a dict with None as values, or a sorted list",
    ),
    ast.SetComp: (
        "there are no sets: their order is not the same everywhere",
        "use a dict with None as values, or a sorted list",
    ),
    ast.GeneratorExp: ("there are no generators", "use a list: [x for x in xs]"),
    ast.Yield: ("there are no generators", "collect the values in a list and return it"),
    ast.YieldFrom: ("there are no generators", "collect the values in a list and return it"),
    ast.Await: ("nothing waits in a contract", "remove await"),
    ast.Starred: ("there are no star arguments", "write the values one by one, or use + and extend"),
    ast.Slice: ("a slice stands between brackets only", ""),
}
