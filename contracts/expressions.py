"""Expressions: the rules of nodes that give a value (contract-grammar, section 4), but for calls, loops and state.

Order inside a node: operands from left to right, types, gas and memory, work.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from contracts import calls, limits, loops, operators, prices, state, values
from contracts.binary import arithmetic, comparison, division
from contracts.failures import ContractFailure, Kind
from contracts.names import check_name
from contracts.program_errors import ProgramRejected
from contracts.translate import (
    Expression,
    Frame,
    Node,
    Rule,
    Translator,
    gathered,
    number,
)
from contracts.values import Record, alloc_text


def constant(_: Translator, node: Node) -> Expression:
    """[1, value]: None, bool, int, str or bytes."""
    value = node[1]
    if type(value) is tuple:
        raise ProgramRejected("a constant is None, a bool, an int, a str or bytes")
    if type(value) is int and not limits.INTEGER_MIN <= value <= limits.INTEGER_MAX:
        raise ProgramRejected("a constant outside of the range of integers")

    def run(_: Frame) -> Any:
        return value

    return run


def local(translator: Translator, node: Node) -> Expression:
    """[2, slot]."""
    slot = translator.slot(node[1])

    def run(frame: Frame) -> Any:
        return frame[slot]

    return run


def assign(translator: Translator, node: Node) -> Expression:
    """[3, slot, e]: the walrus."""
    slot = translator.slot(node[1])
    expression = translator.expression(node[2])

    def run(frame: Frame) -> Any:
        value = frame[slot] = expression(frame)
        return value

    return run


def context(translator: Translator, node: Node) -> Expression:
    """[4, n]: what ``ctx`` says."""
    runtime = translator.runtime
    get = (
        lambda _: runtime.sender,
        lambda _: runtime.context.height,
        lambda _: runtime.context.time_ms,
        lambda _: runtime.context.tx_id,
        lambda _: runtime.context.chain_id,
        lambda _: runtime.context.organisation if runtime.caller is None else None,
        lambda _: runtime.caller,
        lambda _: runtime.contract,
    )
    return get[number(node[1], len(get))]


def unary(translator: Translator, node: Node) -> Expression:
    """[5, op, e]: not, negate, invert."""
    operation = number(node[1], 3)
    expression = translator.expression(node[2])
    if operation == 0:

        def negation(frame: Frame) -> bool:
            return not expression(frame)

        return negation
    operate = (operator.neg, operator.invert)[operation - 1]

    def run(frame: Frame) -> int:
        value = expression(frame)
        if type(value) is not int:
            raise ContractFailure(Kind.REFUSED if type(value) is bool else Kind.TYPE)
        return operators.integer(operate(value))

    return run


_ARITHMETIC: Final = (
    (operator.add, operators.concatenate),
    (operator.sub, operators.mismatch),
    (operator.mul, operators.repeat),
    (operator.floordiv, operators.mismatch),
    (operator.mod, operators.mismatch),
    (operator.and_, operators.mismatch),
    (operator.or_, operators.mismatch),
    (operator.xor, operators.mismatch),
    (None, operators.power),
    (None, operators.shift_left),
    (None, operators.shift_right),
    (operator.add, operators.extend),
)
_STATIC_GAS: Final = {2: prices.MULTIPLY, 3: prices.DIVIDE, 4: prices.DIVIDE}
_DIVISIONS: Final = (3, 4)


def binary(translator: Translator, node: Node) -> Expression:
    """[6, op, a, b]: arithmetic."""
    operation = number(node[1], len(_ARITHMETIC))
    translator.cost += _STATIC_GAS.get(operation, 0)
    left = translator.operand(node[2])
    right = translator.operand(node[3])
    operate, slow = _ARITHMETIC[operation]
    runtime = translator.runtime
    if operate is None:
        a, b = left.expression, right.expression

        def run(frame: Frame) -> Any:
            return slow(runtime, a(frame), b(frame))

        return run
    if operation in _DIVISIONS:
        return division(runtime, operate, left, right)
    return arithmetic(runtime, operate, slow, left, right)


_COMPARISONS: Final = (
    (operator.eq, values.equal),
    (operator.ne, lambda runtime, left, right: not values.equal(runtime, left, right)),
    (operator.lt, operators.order(operator.lt)),
    (operator.le, operators.order(operator.le)),
    (operator.gt, operators.order(operator.gt)),
    (operator.ge, operators.order(operator.ge)),
)
_IN: Final = 6
_NOT_IN: Final = 7


def compare(translator: Translator, node: Node) -> Expression:
    """[7, op, a, b]: comparison and membership."""
    operation = number(node[1], _NOT_IN + 1)
    left = translator.operand(node[2])
    right = translator.operand(node[3])
    runtime = translator.runtime
    if operation < _IN:
        operate, slow = _COMPARISONS[operation]
        return comparison(runtime, operate, slow, left, right)
    part, whole = left.expression, right.expression
    contains = values.contains
    wanted = operation == _IN

    def run(frame: Frame) -> bool:
        value = part(frame)
        return contains(runtime, whole(frame), value) is wanted

    return run


def is_none(translator: Translator, node: Node) -> Expression:
    """[8, e]."""
    expression = translator.expression(node[1])

    def run(frame: Frame) -> bool:
        return expression(frame) is None

    return run


def both(translator: Translator, node: Node) -> Expression:
    """[9, a, b]: and."""
    left = translator.expression(node[1])
    right = translator.expression(node[2])

    def run(frame: Frame) -> Any:
        return left(frame) and right(frame)

    return run


def either(translator: Translator, node: Node) -> Expression:
    """[10, a, b]: or."""
    left = translator.expression(node[1])
    right = translator.expression(node[2])

    def run(frame: Frame) -> Any:
        return left(frame) or right(frame)

    return run


def conditional(translator: Translator, node: Node) -> Expression:
    """[11, test, a, b]."""
    test = translator.expression(node[1])
    chosen = translator.expression(node[2])
    other = translator.expression(node[3])

    def run(frame: Frame) -> Any:
        return chosen(frame) if test(frame) else other(frame)

    return run


def new_list(translator: Translator, node: Node) -> Expression:
    """[12, [e...]]."""
    gather = gathered(translator.operands(node[1]))
    size_bytes = prices.SEQUENCE_BYTES + prices.SLOT_BYTES * len(node[1])
    alloc = translator.runtime.alloc

    def run(frame: Frame) -> list[Any]:
        elements = gather(frame)
        alloc(size_bytes)
        return elements

    return run


def new_tuple(translator: Translator, node: Node) -> Expression:
    """[14, [e...]]."""
    gather = gathered(translator.operands(node[1]))
    size_bytes = prices.SEQUENCE_BYTES + prices.SLOT_BYTES * len(node[1])
    alloc = translator.runtime.alloc

    def run(frame: Frame) -> tuple[Any, ...]:
        elements = gather(frame)
        alloc(size_bytes)
        return tuple(elements)

    return run


def new_dict(translator: Translator, node: Node) -> Expression:
    """[15, [k, v, k, v...]]."""
    operands = translator.operands(node[1])
    if len(operands) % 2:
        raise ProgramRejected("a dict has a value for each key")
    gather = gathered(operands)
    size_bytes = prices.DICTIONARY_BYTES + prices.ENTRY_BYTES * (len(operands) // 2)
    alloc, pay = translator.runtime.alloc, translator.runtime.pay
    if not operands:

        def run_empty(_: Frame) -> dict[Any, Any]:
            alloc(size_bytes)
            return {}

        return run_empty

    def run(frame: Frame) -> dict[Any, Any]:
        elements = gather(frame)
        keys = elements[::2]
        for key in keys:
            values.check_key(key)
        pay(sum(map(len, keys)) >> prices.COMPARE_SHIFT)  # equal keys are compared
        alloc(size_bytes)
        return dict(zip(keys, elements[1::2], strict=True))

    return run


def new_record(translator: Translator, node: Node) -> Expression:
    """[16, record, [e...]]: all fields, in order, of the declared types."""
    shapes = translator.declarations.shapes
    shape = shapes[number(node[1], len(shapes))]
    gather = gathered(translator.operands(node[2], len(shape.names)))
    translator.cost += prices.NEW_RECORD
    size_bytes = prices.RECORD_BYTES + prices.SLOT_BYTES * len(shape.names)
    runtime = translator.runtime
    checks = shape.checks

    def run(frame: Frame) -> Record:
        fields = gather(frame)
        for position, check in enumerate(checks):
            fields[position] = check(runtime, fields[position])
        runtime.alloc(size_bytes)
        return Record(shape, fields)

    return run


def field(translator: Translator, node: Node) -> Expression:
    """[17, name, e]: a field of a record."""
    name = check_name(node[1])
    expression = translator.expression(node[2])

    def run(frame: Frame) -> Any:
        record = expression(frame)
        if type(record) is Record:
            position = record.shape.positions.get(name)
            if position is not None:
                return record.fields[position]
        raise ContractFailure(Kind.TYPE)

    return run


def index(translator: Translator, node: Node) -> Expression:
    """[18, c, i]."""
    container = translator.expression(node[1])
    place = translator.expression(node[2])
    runtime = translator.runtime
    item = operators.item

    def run(frame: Frame) -> Any:
        c = container(frame)
        i = place(frame)
        if type(c) is list and type(i) is int and -len(c) <= i < len(c):
            return c[i]
        return item(runtime, c, i)

    return run


def part(translator: Translator, node: Node) -> Expression:
    """[19, c, low or nil, high or nil, step or nil]."""
    container = translator.expression(node[1])
    translator.cost += prices.SLICE
    low, high, step = (translator.optional(bound) for bound in node[2:])
    runtime = translator.runtime

    def run(frame: Frame) -> Any:
        c = container(frame)
        first = None if low is None else low(frame)
        end = None if high is None else high(frame)
        by = None if step is None else step(frame)
        return operators.part(runtime, c, slice(first, end, by))

    return run


def text(translator: Translator, node: Node) -> Expression:
    """[23, [e...]]: an f-string of None, bool, int and str."""
    parts = translator.operands(node[1])
    translator.cost += prices.TEXT_PART * len(parts)
    gather = gathered(parts)
    runtime = translator.runtime

    def run(frame: Frame) -> str:
        pieces = [values.text(value) for value in gather(frame)]
        alloc_text(runtime, sum(map(len, pieces)), wide=not all(map(str.isascii, pieces)))
        return "".join(pieces)

    return run


EXPRESSIONS: Final[Mapping[int, Rule]] = MappingProxyType(
    {
        1: Rule(2, constant),
        2: Rule(2, local),
        3: Rule(3, assign),
        4: Rule(2, context),
        5: Rule(3, unary),
        6: Rule(4, binary),
        7: Rule(4, compare),
        8: Rule(2, is_none),
        9: Rule(3, both),
        10: Rule(3, either),
        11: Rule(4, conditional),
        12: Rule(2, new_list),
        13: Rule(5, loops.list_comprehension),
        14: Rule(2, new_tuple),
        15: Rule(2, new_dict),
        16: Rule(3, new_record),
        17: Rule(3, field),
        18: Rule(3, index),
        19: Rule(5, part),
        20: Rule(3, calls.call_function),
        21: Rule(3, calls.call_builtin),
        22: Rule(4, calls.call_method),
        23: Rule(2, text),
        24: Rule(3, state.read),
        25: Rule(3, state.has),
        26: Rule(5, loops.sort),
        27: Rule(6, loops.dict_comprehension),
        28: Rule(7, state.rows),
        29: Rule(5, calls.call_contract),
        30: Rule(2, state.sequence),
    }
)
