"""The table of functions by number (contract-grammar, section 7): types first, then gas and memory, then the work.

``arguments`` are as many as the function takes, of any type. What hashes, knows accounts or looks at blobs is in
``hostfunctions``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from contracts import hostfunctions, prices
from contracts.calendar import civil_time
from contracts.failures import ContractFailure, Kind
from contracts.limits import ELEMENTS_MAX, INTEGER_MAX, INTEGER_MIN
from contracts.runtime import Runtime
from contracts.values import NUMBERS, alloc_bytes, alloc_elements, integer, is_sequence, occupy, text, truth

INTEGER_DIGITS_MAX: Final = 78  # of 2^256
RANGE_BOUND: Final = 2**62 - 1  # either side of zero: no range is longer than the host can count, which is 2^63 - 1
INTEGER_BYTES_MAX: Final = 32

_PLAIN_INTEGER: Final = re.compile(r"-?[0-9]{1,78}", re.ASCII)
_HOST_INTEGER: Final = re.compile(r"[\s\x1c-\x1f]*[+-]?[0-9]+(_[0-9]+)*[\s\x1c-\x1f]*", re.ASCII)
_ORDERED: Final = frozenset({int, str, bytes})


@dataclass(frozen=True, slots=True)
class Function:
    """``call(runtime, arguments)`` with as many arguments as one of ``arities`` says, of any type.

    It charges for itself and raises ContractFailure or Stop.
    """

    name: str
    arities: frozenset[int]
    call: Callable[[Runtime, list[Any]], object]


# -- Helpers ----------------------------------------------------------------------------------------------------------


def _sequence(value: object) -> list[Any] | tuple[Any, ...]:
    if not is_sequence(value):
        raise ContractFailure(Kind.TYPE)
    return value


def _in_range(value: int) -> int:
    if not INTEGER_MIN <= value <= INTEGER_MAX:
        raise ContractFailure(Kind.OVERFLOW)
    return value


def _one_ordered_type(values: Sequence[Any]) -> type:
    """Return the one type of ``values`` if it has an order here: int, str or bytes; raise ContractFailure.

    REFUSED where Python would compare them all the same, TYPE otherwise.
    """
    kinds = set(map(type, values))
    if len(kinds) == 1 and kinds <= _ORDERED:
        return kinds.pop()
    raise ContractFailure(Kind.REFUSED if kinds <= NUMBERS or kinds in ({list}, {tuple}) else Kind.TYPE)


# -- Conversions and arithmetic ---------------------------------------------------------------------------------------


def length_of(_runtime: Runtime, arguments: list[Any]) -> object:
    """``len(v)``."""
    value = arguments[0]
    if type(value) in {str, bytes, list, tuple, dict}:
        return len(value)
    raise ContractFailure(Kind.REFUSED if type(value) is range else Kind.TYPE)


def to_text(runtime: Runtime, arguments: list[Any]) -> object:
    """``str(v)`` of None, bool, int or str."""
    runtime.pay(prices.MAKE_TEXT)
    runtime.alloc(prices.NUMBER_TEXT_BYTES)
    return text(arguments[0])


def to_integer(runtime: Runtime, arguments: list[Any]) -> object:
    """``int(v)`` of int, bool, or a str of plain decimal; what Python reads beyond that is refused."""
    value = arguments[0]
    if type(value) in NUMBERS:
        runtime.pay(prices.PARSE_INTEGER)
        return int(value)
    if type(value) is not str:
        raise ContractFailure(Kind.REFUSED if type(value) is bytes else Kind.TYPE)
    runtime.pay(prices.PARSE_INTEGER)
    if _PLAIN_INTEGER.fullmatch(value):
        return _in_range(int(value))
    if len(value) > INTEGER_DIGITS_MAX + 1 or not value.isascii() or _HOST_INTEGER.fullmatch(value):
        raise ContractFailure(Kind.REFUSED)  # Python reads it, or it is too long to tell
    raise ContractFailure(Kind.VALUE)


def to_bool(_runtime: Runtime, arguments: list[Any]) -> object:
    """``bool(v)``."""
    return truth(arguments[0])


def absolute(_runtime: Runtime, arguments: list[Any]) -> object:
    """``abs(i)``; the range is symmetric."""
    return abs(integer(arguments[0]))


def divide_both(runtime: Runtime, arguments: list[Any]) -> object:
    """``divmod(a, b)``."""
    dividend, divisor = integer(arguments[0]), integer(arguments[1])
    runtime.pay(prices.DIVIDE_BOTH)
    occupy(runtime, prices.SEQUENCE_BYTES + 2 * prices.SLOT_BYTES)
    if divisor == 0:
        raise ContractFailure(Kind.ZERO_DIVISION)
    return divmod(dividend, divisor)


def multiply_divide(runtime: Runtime, arguments: list[Any]) -> object:
    """``muldiv(a, b, c, mode)``: a * b / c, exact but for one rounding.

    Modes as in Python's decimal: 0 down (towards zero), 1 up (away from zero), 2 half up (ties away from zero),
    3 half even.
    """
    left, right, divisor, mode = map(integer, arguments)
    runtime.pay(prices.MULTIPLY_DIVIDE)
    if divisor == 0:
        raise ContractFailure(Kind.ZERO_DIVISION)
    if not 0 <= mode <= 3:
        raise ContractFailure(Kind.REFUSED)
    product = left * right
    quotient, rest = divmod(abs(product), abs(divisor))
    twice = 2 * rest - abs(divisor)  # where the rest lies beside the half
    if (
        (mode == 1 and rest > 0)
        or (mode == 2 and twice >= 0)
        or (mode == 3 and (twice > 0 or (twice == 0 and quotient & 1 == 1)))
    ):
        quotient += 1
    return _in_range(quotient if (product < 0) == (divisor < 0) else -quotient)


def to_bytes(runtime: Runtime, arguments: list[Any]) -> object:
    """``to_bytes(i, n)``: unsigned, big-endian, in 0 to 32 bytes."""
    value, width = integer(arguments[0]), integer(arguments[1])
    runtime.pay(prices.INTEGER_BYTES)
    if not 0 <= width <= INTEGER_BYTES_MAX:
        raise ContractFailure(Kind.REFUSED)
    if value < 0 or value.bit_length() > 8 * width:
        raise ContractFailure(Kind.OVERFLOW)
    occupy(runtime, prices.BINARY_BYTES + width)
    return value.to_bytes(width, "big")


def from_bytes(runtime: Runtime, arguments: list[Any]) -> object:
    """``to_int(b)``: unsigned, big-endian, of 0 to 32 bytes."""
    value = arguments[0]
    if type(value) is not bytes:
        raise ContractFailure(Kind.TYPE)
    runtime.pay(prices.INTEGER_BYTES)
    if len(value) > INTEGER_BYTES_MAX:
        raise ContractFailure(Kind.REFUSED)
    return _in_range(int.from_bytes(value, "big"))


def from_hex(runtime: Runtime, arguments: list[Any]) -> object:
    """``from_hex(s)``: pairs of 0-9 and a-f only; anything else is an error of value."""
    value = arguments[0]
    if type(value) is not str:
        raise ContractFailure(Kind.TYPE)
    alloc_bytes(runtime, len(value))
    try:
        result = bytes.fromhex(value)
    except ValueError:
        raise ContractFailure(Kind.VALUE) from None
    if result.hex() != value:  # the host also takes capitals and spaces
        raise ContractFailure(Kind.VALUE)
    return result


def date(runtime: Runtime, arguments: list[Any]) -> object:
    """``date(ms, offset_minutes)``: (year, month, day, hour, minute, second) there; else an error of value."""
    time_ms, offset_minutes = integer(arguments[0]), integer(arguments[1])
    runtime.pay(prices.DATE)
    occupy(runtime, prices.SEQUENCE_BYTES + 6 * prices.SLOT_BYTES)
    parts = civil_time(time_ms, offset_minutes)
    if parts is None:
        raise ContractFailure(Kind.VALUE)
    return parts


# -- Sequences --------------------------------------------------------------------------------------------------------


def _extreme(choose: Callable[[Any], Any]) -> Callable[[Runtime, list[Any]], object]:
    """Return ``min`` or ``max``: of a list or tuple, or of 2 to 8 values."""

    def extreme(runtime: Runtime, arguments: list[Any]) -> object:
        values = arguments if len(arguments) > 1 else _sequence(arguments[0])
        runtime.pay(prices.EXTREME + len(values))
        if not values:
            raise ContractFailure(Kind.VALUE)
        if _one_ordered_type(values) is not int:
            runtime.pay(sum(map(len, values)) >> prices.COMPARE_SHIFT)
        return choose(values)

    return extreme


def total(runtime: Runtime, arguments: list[Any]) -> object:
    """``sum(xs)`` of ints."""
    values = _sequence(arguments[0])
    runtime.pay(prices.SUM + len(values))
    kinds = set(map(type, values))
    if not kinds <= {int}:
        raise ContractFailure(Kind.REFUSED if kinds <= NUMBERS else Kind.TYPE)
    return _in_range(sum(values))


def sorted_copy(runtime: Runtime, arguments: list[Any]) -> object:
    """``sorted(xs)``."""
    values = _sequence(arguments[0])
    alloc_elements(runtime, len(values))
    return sort(runtime, values, None, reverse=False)


def sort(runtime: Runtime, values: Sequence[Any], keys: Sequence[Any] | None, reverse: bool) -> list[Any]:
    """Return ``values`` in the order of ``keys``, one for each, or of themselves; copies are charged by the caller.

    Keys are all int, all str, all bytes, or all tuples of one length with such columns. The price depends on count and
    lengths alone, since versions of the host differ in how many comparisons they make.
    """
    by = values if keys is None else keys
    count = len(by)
    if count > 1:
        runtime.pay(count * count.bit_length() * _sort_width(runtime, by) >> prices.SORT_SHIFT)
    if keys is None:
        return sorted(values, reverse=reverse)
    order = sorted(range(count), key=keys.__getitem__, reverse=reverse)
    return [values[index] for index in order]


def _sort_width(runtime: Runtime, keys: Sequence[Any]) -> int:
    """Return what one comparison of ``keys`` is worth; raise ContractFailure if they have no order."""
    if set(map(type, keys)) != {tuple}:
        return _column_width(keys)
    widths = set(map(len, keys))
    if len(widths) != 1:
        raise ContractFailure(Kind.REFUSED)
    columns = widths.pop()
    runtime.pay(len(keys) * columns)  # one tuple may be there many times: this walk is not bounded by memory
    return sum([_column_width([key[column] for key in keys]) for column in range(columns)])


def _column_width(column: Sequence[Any]) -> int:
    if _one_ordered_type(column) is int:
        return 1
    return 1 + (max(map(len, column)) >> prices.COMPARE_SHIFT)


def _elements(runtime: Runtime, value: object) -> Any:
    """Charge a copy of what list() and tuple() take, and return it."""
    if type(value) not in {list, tuple, range, dict}:
        raise ContractFailure(Kind.REFUSED if type(value) in {str, bytes} else Kind.TYPE)
    source: Any = value
    if len(source) > ELEMENTS_MAX:
        raise ContractFailure(Kind.SIZE)
    runtime.pay(len(source) >> prices.BULK_SHIFT)
    alloc_elements(runtime, len(source))
    return source


def to_list(runtime: Runtime, arguments: list[Any]) -> object:
    """``list(xs)`` of list, tuple, range, or dict, whose keys it takes."""
    return list(_elements(runtime, arguments[0]))


def to_tuple(runtime: Runtime, arguments: list[Any]) -> object:
    """``tuple(xs)``; as ``list``."""
    return tuple(_elements(runtime, arguments[0]))


def make_range(_runtime: Runtime, arguments: list[Any]) -> object:
    """``range(…)`` of 1 to 3 ints."""
    bounds = [integer(argument) for argument in arguments]
    if not all(-RANGE_BOUND <= bound <= RANGE_BOUND for bound in bounds):
        raise ContractFailure(Kind.OVERFLOW)
    if len(bounds) == 3 and bounds[2] == 0:
        raise ContractFailure(Kind.VALUE)
    return range(*bounds)


def enumerated(runtime: Runtime, arguments: list[Any]) -> object:
    """``enumerate(xs)``: a list of tuples."""
    values = _sequence(arguments[0])
    runtime.pay(len(values))
    runtime.alloc(prices.SEQUENCE_BYTES + prices.PAIR_BYTES * len(values))
    return list(enumerate(values))


def zipped(runtime: Runtime, arguments: list[Any]) -> object:
    """``zip(xs, ys)``, ``zip(xs, ys, zs)``: a list of tuples, as long as the shortest."""
    sequences = [_sequence(argument) for argument in arguments]
    count = min(map(len, sequences))
    runtime.pay(count)
    runtime.alloc(prices.SEQUENCE_BYTES + prices.PAIR_BYTES * count)
    return list(zip(*sequences, strict=False))


def reverse_copy(runtime: Runtime, arguments: list[Any]) -> object:
    """``reversed(xs)``: a list."""
    values = _sequence(arguments[0])
    runtime.pay(len(values))
    alloc_elements(runtime, len(values))
    return list(values[::-1])


def any_of(runtime: Runtime, arguments: list[Any]) -> object:
    """``any(xs)``."""
    values = _sequence(arguments[0])
    runtime.pay(prices.ANY + len(values))
    return any(values)


def all_of(runtime: Runtime, arguments: list[Any]) -> object:
    """``all(xs)``."""
    values = _sequence(arguments[0])
    runtime.pay(prices.ANY + len(values))
    return all(values)


def _function(name: str, call: Callable[[Runtime, list[Any]], object], *arities: int) -> Function:
    return Function(name, frozenset(arities), call)


FUNCTIONS: Final[tuple[Function, ...]] = (
    _function("len", length_of, 1),
    _function("str", to_text, 1),
    _function("int", to_integer, 1),
    _function("bool", to_bool, 1),
    _function("abs", absolute, 1),
    _function("min", _extreme(min), *range(1, 9)),
    _function("max", _extreme(max), *range(1, 9)),
    _function("sum", total, 1),
    _function("sorted", sorted_copy, 1),
    _function("list", to_list, 1),
    _function("tuple", to_tuple, 1),
    _function("range", make_range, 1, 2, 3),
    _function("enumerate", enumerated, 1),
    _function("zip", zipped, 2, 3),
    _function("reversed", reverse_copy, 1),
    _function("any", any_of, 1),
    _function("all", all_of, 1),
    _function("divmod", divide_both, 2),
    _function("muldiv", multiply_divide, 4),
    _function("hash", hostfunctions.suite_hash, 1),
    _function("sha256", hostfunctions.sha256, 1),
    _function("digest", hostfunctions.digest, 1),
    _function("merkle_verify", hostfunctions.merkle_verify, 5),
    _function("verify", hostfunctions.verify, 3),
    _function("from_hex", from_hex, 1),
    _function("to_bytes", to_bytes, 2),
    _function("to_int", from_bytes, 1),
    _function("date", date, 2),
    _function("account", hostfunctions.account, 1),
    _function("blob_present", hostfunctions.blob_present, 1),
)
