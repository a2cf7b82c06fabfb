"""Values of a running contract: None, bool, int, str, bytes, list, tuple, dict, range and Record; sizes and walks.

Native comparison sees scalars only; containers are walked by the code here, at most ``DATA_DEPTH_MAX`` levels deep, and
charged as contract-grammar section 5 says. No object here has special methods, so nothing native calls back into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from contracts import prices
from contracts.failures import ContractFailure, Kind, Stop, StopReason
from contracts.limits import DATA_DEPTH_MAX, ELEMENTS_MAX, TEXT_LENGTH_MAX
from contracts.runtime import Runtime

if TYPE_CHECKING:
    from contracts.forms import Type

SCALARS: Final = frozenset({NoneType, bool, int, str, bytes})
NUMBERS: Final = frozenset({bool, int})


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A record type of one program. Two shapes are the same only if they are one object."""

    name: str
    names: tuple[str, ...]  # of the fields, in order
    positions: dict[str, int]  # of the fields, by name
    types: tuple[Type, ...]
    checks: tuple[Callable[[Runtime, object], object], ...]  # of the fields: what may be assigned


class Record:
    """A value with the fields of its shape; each has passed its check, the contents of lists and dicts have not."""

    __slots__ = ("fields", "shape")

    def __init__(self, shape: Shape, fields: list[object]) -> None:
        self.shape = shape
        self.fields = fields


# -- What a value is --------------------------------------------------------------------------------------------------


def truth(value: object) -> bool:
    """Return whether Python takes ``value`` as true; a record is. Every value may also be tested natively."""
    return bool(value)


def integer(value: object) -> int:
    """Return ``value`` if it is an int; raise ContractFailure(REFUSED) for a bool, else TYPE."""
    if type(value) is int:
        return value
    raise ContractFailure(Kind.REFUSED if type(value) is bool else Kind.TYPE)


def is_sequence(value: object) -> TypeGuard[list[object] | tuple[object, ...]]:
    """Tell whether ``value`` is a list or a tuple."""
    return type(value) is list or type(value) is tuple


def check_key(value: object) -> str | bytes:
    """Return ``value`` if it can be the key of a dict; raise ContractFailure(TYPE)."""
    if type(value) is str or type(value) is bytes:
        return value
    raise ContractFailure(Kind.TYPE)


def position(value: object, length: int) -> int:
    """Return the index from the start that ``value`` means in ``length`` elements; raise ContractFailure(INDEX)."""
    index = integer(value)
    if index < 0:
        index += length
    if not 0 <= index < length:
        raise ContractFailure(Kind.INDEX)
    return index


def text(value: object) -> str:
    """Return str() of None, bool, int or str; the caller has charged; raise ContractFailure(REFUSED or TYPE)."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[return-value]  # mypy does not narrow by a stored type()
    if kind in SCALARS and kind is not bytes:
        return str(value)
    raise ContractFailure(Kind.REFUSED)  # Python has a text for everything, such as an address


# -- Sizes ------------------------------------------------------------------------------------------------------------


def alloc_text(runtime: Runtime, length: int, *, wide: bool) -> None:
    """Charge a str of ``length`` characters that is about to be made, ``wide`` unless all of them are ASCII."""
    if length > TEXT_LENGTH_MAX:
        raise ContractFailure(Kind.SIZE)
    runtime.alloc(prices.TEXT_BYTES + (prices.WIDE_CHARACTER_BYTES * length if wide else length))


def alloc_bytes(runtime: Runtime, length: int) -> None:
    """Charge a bytes object of ``length`` that is about to be made."""
    if length > TEXT_LENGTH_MAX:
        raise ContractFailure(Kind.SIZE)
    runtime.alloc(prices.BINARY_BYTES + length)


def alloc_like(runtime: Runtime, like: str | bytes, length: int, *others: str) -> None:
    """Charge a text of the type of ``like``; it is wide if ``like`` or one of ``others`` is not ASCII."""
    if type(like) is bytes:
        alloc_bytes(runtime, length)
    else:
        alloc_text(runtime, length, wide=not (like.isascii() and all(map(str.isascii, others))))


def alloc_elements(runtime: Runtime, count: int) -> None:
    """Charge a list or tuple of ``count`` elements that is about to be made."""
    if count > ELEMENTS_MAX:
        raise ContractFailure(Kind.SIZE)
    runtime.alloc(prices.SEQUENCE_BYTES + prices.SLOT_BYTES * count)


def occupy(runtime: Runtime, size_bytes: int) -> None:
    """Charge memory alone, for a result of small fixed size whose price says all of its gas."""
    runtime.memory -= size_bytes
    if runtime.memory < 0:
        raise Stop(StopReason.OUT_OF_MEMORY)


def find_price(length: int, part_length: int) -> int:
    """Return F(n, k) of contract-grammar section 5: the gas of a search in ``length``."""
    return prices.FIND + (length * min(part_length, prices.FIND_PART_MAX) >> prices.FIND_SHIFT)


# -- Walks ------------------------------------------------------------------------------------------------------------


def equal(runtime: Runtime, left: object, right: object, levels_left: int = DATA_DEPTH_MAX) -> bool:
    """Return ``left == right``; charges what it walks; raise Stop(DATA_DEPTH).

    Identity is no shortcut: versions of the host differ in which equal values are one object.
    """
    kind = type(left)
    if kind is not type(right):
        return kind in NUMBERS and type(right) in NUMBERS and left == right
    if kind in SCALARS:
        if (kind is str or kind is bytes) and len(left) == len(right):  # type: ignore[arg-type]  # as in text()
            runtime.pay(len(left) >> prices.COMPARE_SHIFT)  # type: ignore[arg-type]  # as in text()
        return left == right
    if levels_left == 0:
        raise Stop(StopReason.DATA_DEPTH)
    if isinstance(left, Record) and isinstance(right, Record):
        if left.shape is not right.shape:
            return False
        return _equal_sequences(runtime, left.fields, right.fields, levels_left - 1)
    if isinstance(left, dict) and isinstance(right, dict):
        return _equal_dictionaries(runtime, left, right, levels_left - 1)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return _equal_sequences(runtime, left, right, levels_left - 1)
    assert isinstance(left, range), f"no value of a contract: {kind.__name__}"
    return left == right  # three numbers each


def _equal_sequences(runtime: Runtime, left: Sequence[object], right: Sequence[object], levels_left: int) -> bool:
    count = len(left)
    if count != len(right):
        runtime.pay(prices.WALK)
        return False
    runtime.pay(prices.WALK + prices.WALK_ELEMENT * count)
    for index in range(count):  # noqa: SIM110  # all() would put the host's stack between two levels of the walk
        if not equal(runtime, left[index], right[index], levels_left):
            return False
    return True


def _equal_dictionaries(runtime: Runtime, left: dict[Any, object], right: dict[Any, object], levels_left: int) -> bool:
    if len(left) != len(right):
        runtime.pay(prices.WALK)
        return False
    runtime.pay(prices.WALK + prices.WALK_ENTRY * len(left) + (sum(map(len, left)) >> prices.COMPARE_SHIFT))
    for key, value in left.items():
        if key not in right or not equal(runtime, value, right[key], levels_left):
            return False
    return True


def contains(runtime: Runtime, container: object, value: object) -> bool:
    """Return ``value in container``; raise ContractFailure(TYPE) unless Python has an answer and we do."""
    if isinstance(container, dict):
        key = check_key(value)
        runtime.pay(prices.LOOK_UP + (len(key) >> prices.COMPARE_SHIFT))
        return key in container
    if isinstance(container, (list, tuple)):
        if type(value) is int or type(value) is bool or value is None:
            runtime.pay(len(container))
            return value in container  # a number or None against a container is decided by their types alone
        runtime.pay(prices.WALK_ELEMENT * len(container))
        return find_element(runtime, container, value) >= 0
    if (type(container) is str or type(container) is bytes) and type(value) is type(container):
        runtime.pay(find_price(len(container), len(value)))
        return value in container  # type: ignore[operator]  # of one type, as just checked
    raise ContractFailure(Kind.TYPE)


def find_element(runtime: Runtime, elements: Sequence[object], value: object) -> int:
    """Return the first index of an element equal to ``value``, -1 if there is none; charges the walks of equality."""
    for index, element in enumerate(elements):
        if equal(runtime, element, value):
            return index
    return -1


def iterate(runtime: Runtime, value: object) -> Iterable[object]:
    """Return what a loop over ``value`` goes through; charges the copies that it makes; raise ContractFailure(TYPE)."""
    kind = type(value)
    if kind is list or kind is tuple or kind is range:
        return value  # type: ignore[return-value]  # mypy does not narrow by a stored type()
    if isinstance(value, dict):
        runtime.pay(len(value) >> prices.KEYS_SHIFT)
        alloc_elements(runtime, len(value))
        return _keys(value, list(value))
    if kind is str or kind is bytes:
        runtime.alloc(prices.SLOT_BYTES * len(value))  # type: ignore[arg-type]  # as above
        return value  # type: ignore[return-value]  # as above
    raise ContractFailure(Kind.TYPE)


def _keys(dictionary: dict[Any, object], keys: list[object]) -> Iterator[object]:
    """Yield ``keys`` while ``dictionary`` has as many: Python too ends a loop over a dict that grows or shrinks."""
    count = len(keys)
    for key in keys:
        if len(dictionary) != count:
            raise ContractFailure(Kind.REFUSED)
        yield key
    if len(dictionary) != count:
        raise ContractFailure(Kind.REFUSED)
