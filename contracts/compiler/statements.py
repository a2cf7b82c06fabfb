"""Statements to nodes of the program: blocks, branches, loops, returns and failures."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, Final

from contracts.compiler.arguments import arrange
from contracts.compiler.assignments import lower_annotated, lower_assign, lower_augmented, lower_delete, store_targets
from contracts.compiler.body import Body
from contracts.compiler.catching import check_code, lower_raise, lower_try
from contracts.compiler.errors import Advice, Reason
from contracts.compiler.grammar import Kind, Node
from contracts.compiler.keys import is_copy, refuse_copy
from contracts.compiler.matching import lower_match
from contracts.compiler.scope import Loop, merge
from contracts.compiler.symbols import EventSymbol
from contracts.compiler.vocabulary import CHANGING_METHODS
from contracts.limits import STATEMENTS_MAX


def lower_block(body: Body, statements: list[ast.stmt]) -> tuple[Node, ...]:
    """Return statements as a block, which is never empty."""
    nodes: list[Node] = []
    warned = False
    for statement in statements:
        if body.scope.assigned is None and not warned:
            warned = True
            body.problems.warn(statement, Advice.UNREACHABLE, "this is never reached", "delete it")
        with body.scope.temporaries():
            nodes.extend(_lower_statement(body, statement))
    if len(nodes) > STATEMENTS_MAX:
        body.refuse(
            statements[0],
            Reason.TOO_MANY,
            f"a block has at most {STATEMENTS_MAX} statements",
            "move parts into helpers",
        )
    return tuple(nodes) if nodes else (_nothing(body, statements[0]),)


def _lower_statement(body: Body, node: ast.stmt) -> list[Node]:
    lower = _LOWER.get(type(node))
    if lower is not None:
        return lower(body, node)
    message, suggestion = _REFUSED.get(type(node), (f"{type(node).__name__} is not part of the language", ""))
    body.refuse(node, Reason.UNSUPPORTED, message, suggestion)
    return []


def _nothing(body: Body, where: ast.AST) -> Node:
    return body.node(where, Kind.EVALUATE, body.constant(where, None))


def _lower_pass(_body: Body, _node: ast.Pass) -> list[Node]:
    return []


def _lower_expression(body: Body, node: ast.Expr) -> list[Node]:
    """Return an expression that is a statement: a call, an event, a requirement."""
    value = node.value
    if isinstance(value, ast.Constant) and (value.value is ... or isinstance(value.value, str)):
        if value.value is ...:
            body.refuse(node, Reason.UNSUPPORTED, "'...' stands for nothing here", "pass")
        return []
    if isinstance(value, ast.Call):
        if body.is_language(value.func, "require"):
            return _lower_require(body, value)
        event = body.member(value.func)
        if isinstance(event, EventSymbol):
            return _lower_emit(body, value, event)
        _check_lost_change(body, value)
    elif not isinstance(value, ast.NamedExpr):
        body.problems.warn(node, Advice.NO_EFFECT, "this value is not used", "delete it, or assign it")
    return [body.node(node, Kind.EVALUATE, body.expression(value))]


def _check_lost_change(body: Body, call: ast.Call) -> None:
    """Refuse ``self.items[key].names.append(x)``: it changes a copy that is gone at once."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in CHANGING_METHODS and is_copy(body, call.func.value):
        refuse_copy(body, call)


def _lower_require(body: Body, call: ast.Call) -> list[Node]:
    if len(call.args) != 2 or call.keywords:
        body.refuse(
            call, Reason.WRONG_ARGUMENTS, "require takes a condition and a code", 'require(amount > 0, "E_AMOUNT")'
        )
        return []
    test = body.test(call.args[0])
    body.scope.assigned = test.when_false
    code = body.expression(call.args[1])
    check_code(body, call.args[1], code)
    body.scope.assigned = test.when_true
    return [body.node(call, Kind.REQUIRE, test.node, code)]


def _lower_emit(body: Body, call: ast.Call, event: EventSymbol) -> list[Node]:
    if any(isinstance(argument, ast.Starred) for argument in call.args) or any(
        item.arg is None for item in call.keywords
    ):
        body.refuse(call, Reason.UNSUPPORTED, "there are no star arguments", "write the fields one by one")
        return []
    arguments = arrange(body, call, event.name, tuple(field.name for field in event.fields), {})
    body.write(call)
    return [] if arguments is None else [body.node(call, Kind.EMIT, event.index, arguments)]


def _lower_if(body: Body, node: ast.If) -> list[Node]:
    test = body.test(node.test)
    body.scope.assigned = test.when_true
    then = lower_block(body, node.body)
    after, body.scope.assigned = body.scope.assigned, test.when_false
    otherwise = lower_block(body, node.orelse) if node.orelse else ()
    body.branch(after, body.scope.assigned)
    return [body.node(node, Kind.IF, test.node, then, otherwise)]


def _lower_while(body: Body, node: ast.While) -> list[Node]:
    flag = body.scope.temporary() if node.orelse else None
    test = body.test(node.test)
    body.scope.assigned = test.when_true
    loop = Loop(flag)
    body.scope.loops.append(loop)
    block = lower_block(body, node.body)
    body.scope.loops.pop()
    body.scope.assigned = test.when_false
    return _finish_loop(body, node, loop, body.node(node, Kind.WHILE, test.node, block))


def _lower_for(body: Body, node: ast.For) -> list[Node]:
    flag = body.scope.temporary() if node.orelse else None
    iterable = body.expression(node.iter)
    before = body.scope.assigned
    slots, first = store_targets(body, node.target)
    loop = Loop(flag)
    body.scope.loops.append(loop)
    block = (*first, *lower_block(body, node.body))
    body.scope.loops.pop()
    body.scope.assigned = before
    return _finish_loop(body, node, loop, body.node(node, Kind.FOR, slots, iterable, block))


def _finish_loop(body: Body, node: ast.While | ast.For, loop: Loop, lowered: Node) -> list[Node]:
    """Return the loop with its ``else``: a flag that ``break`` clears."""
    if loop.flag is None:
        body.branch(body.scope.assigned, loop.breaks)
        return [lowered]
    otherwise = lower_block(body, node.orelse)
    body.branch(body.scope.assigned, loop.breaks)
    set_flag = body.node(node, Kind.ASSIGN, loop.flag, body.constant(node, True))
    return [set_flag, lowered, body.node(node, Kind.IF, body.local(node, loop.flag), otherwise, ())]


def _lower_break(body: Body, node: ast.Break) -> list[Node]:
    if not body.scope.loops:
        body.refuse(node, Reason.MISPLACED, "break stands inside of a loop only")
        return []
    loop = body.scope.loops[-1]
    loop.breaks = merge(loop.breaks, body.scope.assigned)
    body.scope.assigned = None
    leave = body.node(node, Kind.BREAK)
    if loop.flag is None:
        return [leave]
    return [body.node(node, Kind.ASSIGN, loop.flag, body.constant(node, False)), leave]


def _lower_continue(body: Body, node: ast.Continue) -> list[Node]:
    if not body.scope.loops:
        body.refuse(node, Reason.MISPLACED, "continue stands inside of a loop only")
        return []
    body.scope.assigned = None
    return [body.node(node, Kind.CONTINUE)]


def _lower_return(body: Body, node: ast.Return) -> list[Node]:
    value = body.constant(node, None) if node.value is None else body.expression(node.value)
    body.scope.assigned = None
    return [body.node(node, Kind.RETURN, value)]


_LOWER: Final[Mapping[type[ast.stmt], Callable[[Body, Any], list[Node]]]] = {
    ast.AnnAssign: lower_annotated,
    ast.Assign: lower_assign,
    ast.AugAssign: lower_augmented,
    ast.Break: _lower_break,
    ast.Continue: _lower_continue,
    ast.Delete: lower_delete,
    ast.Expr: _lower_expression,
    ast.For: _lower_for,
    ast.If: _lower_if,
    ast.Match: lambda body, node: lower_match(body, node, lower_block),
    ast.Pass: _lower_pass,
    ast.Raise: lower_raise,
    ast.Return: _lower_return,
    ast.Try: lambda body, node: lower_try(body, node, lower_block),
    ast.While: _lower_while,
}
_REFUSED: Final[Mapping[type[ast.stmt], tuple[str, str]]] = {
    ast.Assert: ("assert disappears when Python optimises", 'require(condition, "E_CODE")'),
    ast.AsyncFor: ("nothing waits in a contract", "remove async"),
    ast.AsyncFunctionDef: ("nothing waits in a contract", "remove async"),
    ast.AsyncWith: ("nothing waits in a contract", "remove async"),
    ast.ClassDef: ("classes stand in the module or contract", "move it out of the function"),
    ast.FunctionDef: ("functions stand in the module or contract", "move it out and pass what it needs"),
    ast.Global: (
        "there are no global variables: nothing but declared state outlives a call",
        "declare a Value in the class",
    ),
    ast.Import: ("imports stand at the top of the file", ""),
    ast.ImportFrom: ("imports stand at the top of the file", ""),
    ast.Nonlocal: ("there are no nested functions", "pass and return values"),
    ast.TryStar: ("there are no groups of exceptions", "except Revert as failure"),
    ast.With: ("there is nothing to open or close in a contract", "remove with"),
}
