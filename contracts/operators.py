"""Operators on values: the integer case as closures for the common shapes of operands, all else as plain functions.

Sources: contract-grammar, section 5, for types, prices and the order types, charge, work; section 10 for what native
operations may see: scalars only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeAlias

from contracts import limits, prices
from contracts.failures import ContractFailure, Kind
from contracts.limits import INTEGER_MAX, INTEGER_MIN
from contracts.runtime import Runtime
from contracts.values import NUMBERS, alloc_elements, alloc_like, check_key, position

Slow: TypeAlias = "Callable[[Runtime, Any, Any], Any]"  # what an operator does when not both operands are integers

_SEQUENCES: Final = (list, tuple)
_TEXTS: Final = (str, bytes)


def mismatch(_: Runtime, left: object, right: object) -> NoReturn:
    """Raise TYPE, or REFUSED where Python would take the operands and we do not: a bool is not a number."""
    if type(left) in NUMBERS and type(right) in NUMBERS:
        raise ContractFailure(Kind.REFUSED)
    raise ContractFailure(Kind.TYPE)


def integer(value: int) -> int:
    """Return ``value`` if it is in the range of integers; raise OVERFLOW."""
    if INTEGER_MIN <= value <= INTEGER_MAX:
        return value
    raise ContractFailure(Kind.OVERFLOW)


def _alloc(runtime: Runtime, like: Any, length: int) -> None:
    """Charge a new text or sequence of the kind of ``like``; raise SIZE or Stop."""
    if type(like) in _SEQUENCES:
        alloc_elements(runtime, length)
    else:
        alloc_like(runtime, like, length)


def concatenate(runtime: Runtime, left: Any, right: Any) -> Any:
    """Return ``left + right`` of two str, bytes, lists or tuples."""
    kind = type(left)
    if kind is not type(right):
        mismatch(runtime, left, right)
    if kind not in _TEXTS and kind not in _SEQUENCES:
        mismatch(runtime, left, right)
    _alloc(runtime, left if kind is not str or not left.isascii() else right, len(left) + len(right))
    return left + right


def extend(runtime: Runtime, left: Any, right: Any) -> Any:
    """Return ``left += right``: a list grows in place, by a list or a tuple."""
    if type(left) is not list:
        return concatenate(runtime, left, right)
    if type(right) not in _SEQUENCES:
        raise ContractFailure(Kind.REFUSED if type(right) in _ITERABLES else Kind.TYPE)
    if len(left) + len(right) > limits.ELEMENTS_MAX:
        raise ContractFailure(Kind.SIZE)
    runtime.pay(prices.GROW_IN_PLACE)
    runtime.alloc(prices.SLOT_BYTES * len(right))
    left.extend(right)
    return left


_ITERABLES: Final = frozenset({str, bytes, dict, range})


def repeat(runtime: Runtime, left: Any, right: Any) -> Any:
    """Return ``left * right`` of a str, bytes, list or tuple and an integer, in either order."""
    if type(left) is int:
        left, right = right, left
    kind = type(left)
    if kind not in _TEXTS and kind not in _SEQUENCES:
        mismatch(runtime, left, right)
    if type(right) is not int:
        raise ContractFailure(Kind.REFUSED if type(right) is bool else Kind.TYPE)
    if not -limits.REPEAT_MAX <= right <= limits.REPEAT_MAX:
        raise ContractFailure(Kind.OVERFLOW)
    length = len(left) * max(right, 0)
    _alloc(runtime, left, length)
    return left * right


def power(runtime: Runtime, base: Any, exponent: Any) -> int:
    """Return ``base ** exponent``; a negative exponent would make a float and is REFUSED."""
    if type(base) is not int or type(exponent) is not int:
        mismatch(runtime, base, exponent)
    if exponent < 0:
        raise ContractFailure(Kind.REFUSED)
    if abs(base) > 1 and (base.bit_length() - 1) * exponent > limits.INTEGER_BITS_MAX + 1:
        raise ContractFailure(Kind.OVERFLOW)
    runtime.pay(prices.POWER)
    if -1 <= base <= 1:  # where no exponent is too large: the host would square for each of its bits
        exponent = exponent and 2 - exponent % 2
    return integer(base**exponent)


def shift_left(runtime: Runtime, value: Any, count: Any) -> int:
    """Return ``value << count``; a negative count is a VALUE error as in Python."""
    if type(value) is not int or type(count) is not int:
        mismatch(runtime, value, count)
    if count < 0:
        raise ContractFailure(Kind.VALUE)
    if value == 0:
        return 0
    if value.bit_length() + count > limits.INTEGER_BITS_MAX + 1:
        raise ContractFailure(Kind.OVERFLOW)
    return integer(value << count)


def shift_right(runtime: Runtime, value: Any, count: Any) -> int:
    """Return ``value >> count``; a negative count is a VALUE error as in Python."""
    if type(value) is not int or type(count) is not int:
        mismatch(runtime, value, count)
    if count < 0:
        raise ContractFailure(Kind.VALUE)
    shifted: int = value >> min(count, _SHIFT_MAX)
    return shifted


_SHIFT_MAX: Final = 300  # beyond this nothing but the sign is left


def order(operate: Callable[[Any, Any], bool]) -> Slow:
    """Return <, <=, > or >= of any two operands."""

    def run(runtime: Runtime, left: Any, right: Any) -> bool:
        kind = type(left)
        if kind is not type(right) or kind not in _TEXTS:
            if kind is type(right) and kind in _SEQUENCES:
                raise ContractFailure(Kind.REFUSED)  # Python would compare element by element
            mismatch(runtime, left, right)
        runtime.pay(prices.ORDER + (min(len(left), len(right)) >> prices.COMPARE_SHIFT))
        return operate(left, right)

    return run


def item(runtime: Runtime, container: Any, index: Any) -> Any:
    """Return ``container[index]``."""
    kind = type(container)
    if kind in _SEQUENCES:
        return container[position(index, len(container))]
    if kind is dict:
        check_key(index)
        runtime.pay(prices.ITEM_OF_DICTIONARY + (len(index) >> prices.COMPARE_SHIFT))
        if index in container:
            return container[index]
        raise ContractFailure(Kind.KEY)
    if kind is str:
        index = position(index, len(container))
        runtime.alloc(prices.ITEM_OF_TEXT_BYTES)
        return container[index]
    if kind is bytes:
        return container[position(index, len(container))]
    raise ContractFailure(Kind.REFUSED if kind is range else Kind.TYPE)


def part(runtime: Runtime, container: Any, bounds: slice) -> Any:
    """Return ``container[bounds]`` of a str, bytes, list or tuple; a step of zero is a VALUE error."""
    kind = type(container)
    if kind not in _TEXTS and kind not in _SEQUENCES:
        raise ContractFailure(Kind.REFUSED if kind is range else Kind.TYPE)
    for bound in (bounds.start, bounds.stop, bounds.step):
        if bound is not None and type(bound) is not int:
            raise ContractFailure(Kind.REFUSED if type(bound) is bool else Kind.TYPE)
    if bounds.step == 0:
        raise ContractFailure(Kind.VALUE)
    length = len(range(*bounds.indices(len(container))))
    _alloc(runtime, container, length)
    return container[bounds]
