"""Failures: ``raise Revert(code)`` and ``try ... except``."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TypeAlias

from contracts.compiler.body import Body
from contracts.compiler.errors import Reason
from contracts.compiler.grammar import Compare, Kind, Node
from contracts.compiler.naming import did_you_mean
from contracts.compiler.scope import Assigned, merge
from contracts.compiler.vocabulary import BUILTIN_FAILURES, FAILURES
from contracts.limits import ERROR_CODE_BYTES_MAX

LowerBlock: TypeAlias = Callable[[Body, list[ast.stmt]], tuple[Node, ...]]


def lower_raise(body: Body, node: ast.Raise) -> list[Node]:
    """Return ``raise Revert(code)``."""
    call = node.exc
    suggestion = 'raise Revert("E_CODE")'
    if node.cause is not None or not isinstance(call, ast.Call) or not body.is_language(call.func, "Revert"):
        body.refuse(node, Reason.UNSUPPORTED, "a contract raises Revert with a code", suggestion)
        body.scope.assigned = None
        return []
    if len(call.args) != 1 or call.keywords:
        body.refuse(call, Reason.WRONG_ARGUMENTS, "Revert takes one code", suggestion)
        return []
    code = body.expression(call.args[0])
    check_code(body, call.args[0], code)
    body.scope.assigned = None
    return [body.node(node, Kind.RAISE, code)]


def check_code(body: Body, where: ast.AST, code: Node) -> None:
    """Refuse a code of failure that the machine would refuse."""
    value = code.operands[0] if code.kind is Kind.CONSTANT else "E"
    if not isinstance(value, str) or not 0 < len(value.encode()) <= ERROR_CODE_BYTES_MAX:
        body.refuse(where, Reason.WRONG_ARGUMENTS, f"a code is text of 1 to {ERROR_CODE_BYTES_MAX} bytes", '"E_AMOUNT"')


def lower_try(body: Body, node: ast.Try, lower_block: LowerBlock) -> list[Node]:
    """Return ``try`` with its handlers.

    The program has one handler for each ``try``. Several become nested ones that only note which of them it is; the
    handlers themselves run after all of them have ended, so that none catches what another raises::

        which = 0
        try:                                        # second handler
            try: ...                                # first handler
            except KeyError: which = 1
        except Revert as code: which = 2
        if which == 1: ...
        elif which == 2: ...
    """
    if node.finalbody:
        body.refuse(
            node.finalbody[0], Reason.UNSUPPORTED, "there is no finally", "a failed transaction is undone anyway"
        )
    if node.orelse:
        body.refuse(node.orelse[0], Reason.UNSUPPORTED, "try has no else", "put it behind, or into the try")
    before = body.scope.assigned
    which = body.scope.temporary() if len(node.handlers) > 1 else 0  # before the block, whose temporaries follow it
    handlers = [_kinds(body, handler) for handler in node.handlers]
    block = lower_block(body, node.body)
    after = body.scope.assigned
    if len(handlers) == 1:
        kinds, slot = handlers[0]
        handled, after_handler = _lower_handler(body, node.handlers[0], slot, before, lower_block)
        body.scope.assigned = merge(after, after_handler)
        return [body.node(node, Kind.TRY, block, kinds, slot, handled)]
    for number, (handler, (kinds, slot)) in enumerate(zip(node.handlers, handlers, strict=True), start=1):
        note = body.node(handler, Kind.ASSIGN, which, body.constant(handler, number))
        block = (body.node(handler, Kind.TRY, block, kinds, slot, (note,)),)
    chain: tuple[Node, ...] = ()
    for number in range(len(handlers), 0, -1):
        handler = node.handlers[number - 1]
        handled, after_handler = _lower_handler(body, handler, handlers[number - 1][1], before, lower_block)
        after = merge(after, after_handler)
        test = body.node(
            handler, Kind.COMPARE, Compare.EQUAL, body.local(handler, which), body.constant(handler, number)
        )
        chain = (body.node(handler, Kind.IF, test, handled, chain),)
    body.scope.assigned = after
    return [body.node(node, Kind.ASSIGN, which, body.constant(node, 0)), *block, *chain]


def _lower_handler(
    body: Body, handler: ast.ExceptHandler, slot: int | None, before: Assigned, lower_block: LowerBlock
) -> tuple[tuple[Node, ...], Assigned]:
    """Return a handler's block, and what has a value after it; it begins with what had one before the ``try``."""
    body.scope.assigned = before
    if handler.name is not None and slot is not None:
        if handler.name in body.scope.slots or handler.name in body.scope.codes:
            body.refuse(handler, Reason.DUPLICATE, f"{handler.name!r} is a variable already", "choose another name")
        body.scope.codes[handler.name] = slot
    block = lower_block(body, handler.body)
    if handler.name is not None:
        body.scope.codes.pop(handler.name, None)
    return block, body.scope.assigned


def _kinds(body: Body, handler: ast.ExceptHandler) -> tuple[tuple[int, ...], int | None]:
    """Return the kinds that a handler catches, and the slot for the code if it has a name."""
    caught = handler.type
    if caught is None:
        body.refuse(handler, Reason.UNSUPPORTED, "except names what it catches", "except Revert as failure:")
        return (FAILURES["Revert"],), None
    kinds: list[int] = []
    for item in caught.elts if isinstance(caught, ast.Tuple) else [caught]:
        name = item.id if isinstance(item, ast.Name) else ast.unparse(item)[:60]
        if name in BUILTIN_FAILURES:
            kinds.append(BUILTIN_FAILURES[name])
        elif name in FAILURES and body.is_language(item, name):
            kinds.append(FAILURES[name])
        elif name in FAILURES:
            body.refuse(
                item, Reason.UNKNOWN_NAME, f"{name!r} is not imported", f"from contracts.language import {name}"
            )
        else:
            known = [*FAILURES, *BUILTIN_FAILURES]
            body.refuse(
                item,
                Reason.UNSUPPORTED,
                f"{name} cannot be caught",
                did_you_mean(name, known) or f"there are {', '.join(known)}",
            )
    kinds = kinds or [FAILURES["Revert"]]
    slot = body.scope.temporary() if handler.name is not None else None
    if handler.name is not None and not set(kinds) <= set(FAILURES.values()):
        body.refuse(handler, Reason.UNSUPPORTED, "only Revert and CallError have a code", "leave out 'as'")
    return tuple(sorted(set(kinds))), slot
