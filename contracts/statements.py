"""Statements: the rules of nodes that do something (contract-grammar, section 3), but for loops and state."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NoReturn

from contracts import limits, loops, methods, prices, state
from contracts.failures import CATCHABLE_MAX, CODED, ContractFailure, Kind
from contracts.names import check_name
from contracts.program_errors import ProgramRejected
from contracts.translate import (
    RETURN,
    Frame,
    Node,
    Rule,
    Statement,
    Translator,
    number,
)
from contracts.values import Record


def evaluate(translator: Translator, node: Node) -> Statement:
    """[40, e]."""
    expression = translator.expression(node[1])

    def run(frame: Frame) -> None:
        expression(frame)

    return run


def assign(translator: Translator, node: Node) -> Statement:
    """[41, slot, e]."""
    slot = translator.slot(node[1])
    expression = translator.expression(node[2])

    def run(frame: Frame) -> None:
        frame[slot] = expression(frame)

    return run


def set_item(translator: Translator, node: Node) -> Statement:
    """[42, c, i, v]: c[i] = v of a list or dict; v, c, i are evaluated in this order."""
    container = translator.expression(node[1])
    index = translator.expression(node[2])
    value = translator.expression(node[3])
    runtime = translator.runtime
    store = methods.set_item

    def run(frame: Frame) -> None:
        v = value(frame)
        c = container(frame)
        store(runtime, c, index(frame), v)

    return run


def set_field(translator: Translator, node: Node) -> Statement:
    """[43, name, r, v]: r.name = v of a record, if v is of the field's type; v, r are evaluated in this order."""
    name = check_name(node[1])
    expression = translator.expression(node[2])
    value = translator.expression(node[3])
    runtime = translator.runtime

    def run(frame: Frame) -> None:
        v = value(frame)
        record = expression(frame)
        position = record.shape.positions.get(name) if type(record) is Record else None
        if position is None:
            raise ContractFailure(Kind.TYPE)
        record.fields[position] = record.shape.checks[position](runtime, v)

    return run


def delete_item(translator: Translator, node: Node) -> Statement:
    """[44, c, i]: del c[i] of a list or dict."""
    container = translator.expression(node[1])
    index = translator.expression(node[2])
    runtime = translator.runtime

    def run(frame: Frame) -> None:
        c = container(frame)
        methods.delete_item(runtime, c, index(frame))

    return run


def branch(translator: Translator, node: Node) -> Statement:
    """[48, test, block, block or []]: if."""
    test = translator.expression(node[1])
    chosen = translator.block(node[2])
    if node[3] == ():

        def run_one(frame: Frame) -> int | None:
            if test(frame):
                return chosen(frame)
            return None

        return run_one
    other = translator.block(node[3])

    def run(frame: Frame) -> int | None:
        if test(frame):
            return chosen(frame)
        return other(frame)

    return run


def leave(translator: Translator, node: Node) -> Statement:
    """[53, e]: return."""
    expression = translator.expression(node[1])
    translator.signals = True
    runtime = translator.runtime

    def run(frame: Frame) -> int:
        runtime.result = expression(frame)
        return RETURN

    return run


def revert(code: object) -> NoReturn:
    """Raise REVERT with the contract's own ``code``; TYPE if it is no str, SIZE if it is too long."""
    if type(code) is not str:
        raise ContractFailure(Kind.TYPE)
    if len(code) > limits.ERROR_CODE_BYTES_MAX or len(code.encode()) > limits.ERROR_CODE_BYTES_MAX:
        raise ContractFailure(Kind.SIZE)
    raise ContractFailure(Kind.REVERT, code)


def raise_revert(translator: Translator, node: Node) -> Statement:
    """[54, code]: raise Revert(code)."""
    code = translator.expression(node[1])

    def run(frame: Frame) -> NoReturn:
        revert(code(frame))

    return run


def require(translator: Translator, node: Node) -> Statement:
    """[57, test, code]: the code is evaluated only when the test fails."""
    test = translator.expression(node[1])
    code = translator.expression(node[2])

    def run(frame: Frame) -> None:
        if test(frame):
            return
        revert(code(frame))

    return run


def attempt(translator: Translator, node: Node) -> Statement:
    """[55, block, [error kind...], slot or nil, block]: try and except.

    The slot gets the code of a revert or call, the kind's name of the others. An error that goes on is raised afresh,
    so that nothing of the contract runs inside the host's except, errors never chain and tracebacks stay short.
    """
    block = translator.protected(node[1])
    if type(node[2]) is not tuple or not 1 <= len(node[2]) <= CATCHABLE_MAX + 1:
        raise ProgramRejected("except names one to six kinds")
    kinds = frozenset([Kind(number(kind, CATCHABLE_MAX + 1)) for kind in node[2]])
    slot = None if node[3] is None else translator.slot(node[3])
    handler = translator.block(node[4])
    runtime = translator.runtime

    def run(frame: Frame) -> int | None:
        calls = runtime.calls
        try:
            return block(frame)
        except ContractFailure as failure:
            kind, code = failure.kind, failure.code
        runtime.pay(prices.CAUGHT)
        if kind not in kinds:
            raise ContractFailure(kind, code)
        runtime.calls = calls
        if slot is not None:
            frame[slot] = code if kind in CODED else kind.name.lower()
        return handler(frame)

    return run


def unpack(translator: Translator, node: Node) -> Statement:
    """[56, [slot...], e]: a list or tuple of exactly as many elements."""
    slots = translator.slots(node[1])
    expression = translator.expression(node[2])
    runtime = translator.runtime

    def run(frame: Frame) -> None:
        loops.unpack(runtime, frame, slots, expression(frame))

    return run


STATEMENTS: Final[Mapping[int, Rule]] = MappingProxyType(
    {
        40: Rule(2, evaluate),
        41: Rule(3, assign),
        42: Rule(4, set_item),
        43: Rule(4, set_field),
        44: Rule(3, delete_item),
        45: Rule(4, state.store),
        46: Rule(3, state.delete),
        47: Rule(3, state.emit),
        48: Rule(4, branch),
        49: Rule(3, loops.while_loop),
        50: Rule(4, loops.for_loop),
        51: Rule(1, loops.break_loop),
        52: Rule(1, loops.continue_loop),
        53: Rule(2, leave),
        54: Rule(2, raise_revert),
        55: Rule(5, attempt),
        56: Rule(3, unpack),
        57: Rule(3, require),
    }
)
