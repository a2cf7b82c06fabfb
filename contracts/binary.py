"""Closures of arithmetic and comparison: one for each shape of operands, with the integer case in line.

``operate`` is a C function of the ``operator`` module that sees two integers of at most 256 bits. A local or a constant
operand is read in line instead of through a closure of its own, which saves a third of the time of a loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from contracts.failures import ContractFailure, Kind
from contracts.limits import INTEGER_MAX, INTEGER_MIN
from contracts.operators import Slow, mismatch
from contracts.runtime import Runtime
from contracts.translate import Expression, Frame, Operand

Operate: TypeAlias = "Callable[[Any, Any], Any]"


def arithmetic(runtime: Runtime, operate: Operate, slow: Slow, left: Operand, right: Operand) -> Expression:
    """Return the closure of an operator: ``operate`` for integers with a check of the range, else ``slow``."""
    if right.constant is not None:
        if left.slot is not None:
            return _local_constant(runtime, operate, slow, left.slot, right.constant)
        return _any_constant(runtime, operate, slow, left.expression, right.constant)
    if left.slot is not None:
        if right.slot is not None:
            return _local_local(runtime, operate, slow, left.slot, right.slot)
        return _local_any(runtime, operate, slow, left.slot, right.expression)
    if right.slot is not None:
        return _any_local(runtime, operate, slow, left.expression, right.slot)
    return _any_any(runtime, operate, slow, left.expression, right.expression)


def _any_any(runtime: Runtime, operate: Operate, slow: Slow, left: Expression, right: Expression) -> Expression:
    def run(frame: Frame) -> Any:
        x = left(frame)
        y = right(frame)
        if type(x) is int and type(y) is int:
            value = operate(x, y)
            if INTEGER_MIN <= value <= INTEGER_MAX:
                return value
            raise ContractFailure(Kind.OVERFLOW)
        return slow(runtime, x, y)

    return run


def _any_local(runtime: Runtime, operate: Operate, slow: Slow, left: Expression, right: int) -> Expression:
    def run(frame: Frame) -> Any:
        x = left(frame)
        y = frame[right]
        if type(x) is int and type(y) is int:
            value = operate(x, y)
            if INTEGER_MIN <= value <= INTEGER_MAX:
                return value
            raise ContractFailure(Kind.OVERFLOW)
        return slow(runtime, x, y)

    return run


def _any_constant(runtime: Runtime, operate: Operate, slow: Slow, left: Expression, y: int) -> Expression:
    def run(frame: Frame) -> Any:
        x = left(frame)
        if type(x) is int:
            value = operate(x, y)
            if INTEGER_MIN <= value <= INTEGER_MAX:
                return value
            raise ContractFailure(Kind.OVERFLOW)
        return slow(runtime, x, y)

    return run


def _local_any(runtime: Runtime, operate: Operate, slow: Slow, left: int, right: Expression) -> Expression:
    def run(frame: Frame) -> Any:
        x = frame[left]
        y = right(frame)
        if type(x) is int and type(y) is int:
            value = operate(x, y)
            if INTEGER_MIN <= value <= INTEGER_MAX:
                return value
            raise ContractFailure(Kind.OVERFLOW)
        return slow(runtime, x, y)

    return run


def _local_local(runtime: Runtime, operate: Operate, slow: Slow, left: int, right: int) -> Expression:
    def run(frame: Frame) -> Any:
        x = frame[left]
        y = frame[right]
        if type(x) is int and type(y) is int:
            value = operate(x, y)
            if INTEGER_MIN <= value <= INTEGER_MAX:
                return value
            raise ContractFailure(Kind.OVERFLOW)
        return slow(runtime, x, y)

    return run


def _local_constant(runtime: Runtime, operate: Operate, slow: Slow, left: int, y: int) -> Expression:
    def run(frame: Frame) -> Any:
        x = frame[left]
        if type(x) is int:
            value = operate(x, y)
            if INTEGER_MIN <= value <= INTEGER_MAX:
                return value
            raise ContractFailure(Kind.OVERFLOW)
        return slow(runtime, x, y)

    return run


def comparison(runtime: Runtime, operate: Operate, slow: Slow, left: Operand, right: Operand) -> Expression:
    """Return the closure of a comparison: ``operate`` for integers, else ``slow``."""
    if right.constant is not None:
        return _compare_constant(runtime, operate, slow, left.expression, right.constant)
    if left.slot is not None and right.slot is not None:
        return _compare_locals(runtime, operate, slow, left.slot, right.slot)
    return _compare_any(runtime, operate, slow, left.expression, right.expression)


def _compare_any(runtime: Runtime, operate: Operate, slow: Slow, left: Expression, right: Expression) -> Expression:
    def run(frame: Frame) -> Any:
        x = left(frame)
        y = right(frame)
        if type(x) is int and type(y) is int:
            return operate(x, y)
        return slow(runtime, x, y)

    return run


def _compare_locals(runtime: Runtime, operate: Operate, slow: Slow, left: int, right: int) -> Expression:
    def run(frame: Frame) -> Any:
        x = frame[left]
        y = frame[right]
        if type(x) is int and type(y) is int:
            return operate(x, y)
        return slow(runtime, x, y)

    return run


def _compare_constant(runtime: Runtime, operate: Operate, slow: Slow, left: Expression, y: int) -> Expression:
    def run(frame: Frame) -> Any:
        x = left(frame)
        if type(x) is int:
            return operate(x, y)
        return slow(runtime, x, y)

    return run


def division(runtime: Runtime, operate: Operate, left: Operand, right: Operand) -> Expression:
    """Return the closure of // or %, which looks at the divisor first."""
    if right.constant:
        return arithmetic(runtime, operate, mismatch, left, right)
    dividend, divisor = left.expression, right.expression

    def run(frame: Frame) -> Any:
        x = dividend(frame)
        y = divisor(frame)
        if type(x) is int and type(y) is int:
            if y == 0:
                raise ContractFailure(Kind.ZERO_DIVISION)
            return operate(x, y)  # no farther from zero than one of the operands: in the range
        return mismatch(runtime, x, y)

    return run
