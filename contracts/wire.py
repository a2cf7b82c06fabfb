"""Values without a declared type on the wire: arguments of calls to other contracts, their results, and digests.

The wire form of a value is a ``codec.Value``: a list or tuple as a sequence, a record as its fields, a dict as pairs in
the order of its keys (str by code points, then bytes). Nothing tells a list from a tuple, a record or a dict there.

Whoever encodes sets ``runtime.room`` first: how many bytes the whole may take. Every element and every character takes
one at least, and a list that holds one long text ten thousand times is refused before anything of its size exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from contracts import prices
from contracts.codec import Value
from contracts.failures import ContractFailure, Kind, Stop, StopReason
from contracts.limits import DATA_DEPTH_MAX, MESSAGE_BYTES_MAX
from contracts.runtime import Runtime
from contracts.values import SCALARS, Record, alloc_bytes, alloc_elements, alloc_text, occupy

HOST_INTEGER_MIN: Final = -(2**63)  # MessagePack has a form of its own for what lies between
HOST_INTEGER_MAX: Final = 2**64 - 1


def take_room(runtime: Runtime, size_bytes: int) -> None:
    """Count ``size_bytes`` at least against the room of what is being encoded; raise ContractFailure(SIZE)."""
    runtime.room -= size_bytes
    if runtime.room < 0:
        raise ContractFailure(Kind.SIZE)


def take_text(runtime: Runtime, value: str) -> None:
    """Count ``value`` against the room; the host keeps the UTF-8 of a wide str beside it, which is memory."""
    take_room(runtime, len(value))
    if not value.isascii():
        occupy(runtime, prices.WIDE_CHARACTER_BYTES * len(value))


def pay_integer(runtime: Runtime, value: int) -> None:
    """Charge an integer that MessagePack has no form of; others are charged as elements."""
    if not HOST_INTEGER_MIN <= value <= HOST_INTEGER_MAX:
        runtime.pay(prices.BIG_INTEGER)


def pay_integers(runtime: Runtime, values: Sequence[int]) -> None:
    """Do ``pay_integer`` for each of ``values``."""
    if values and (min(values) < HOST_INTEGER_MIN or max(values) > HOST_INTEGER_MAX):
        for value in values:
            pay_integer(runtime, value)


def outgoing(runtime: Runtime, values: Sequence[object]) -> tuple[tuple[Value, ...], int]:
    """Return the wire form of ``values`` and the bytes that they take together; charges all of them.

    Raise ContractFailure(TYPE) for a range, SIZE above ``MESSAGE_BYTES_MAX``, or Stop.
    """
    runtime.room = MESSAGE_BYTES_MAX
    wire = tuple([to_wire(runtime, value, prices.ELEMENT) for value in values])
    size = len(runtime.pack(wire))
    if size > MESSAGE_BYTES_MAX:
        raise ContractFailure(Kind.SIZE)
    return wire, size


def to_wire(runtime: Runtime, value: Any, element_gas: int, levels_left: int = DATA_DEPTH_MAX) -> Value:
    """Return the wire form of ``value`` within ``runtime.room``, ``element_gas`` charged for each element."""
    kind = type(value)
    if kind in SCALARS:
        _take_scalars(runtime, (value,))
        scalar: Value = value
        return scalar
    if levels_left == 0:
        raise Stop(StopReason.DATA_DEPTH)
    if kind is dict:
        return _entries_to_wire(runtime, value, element_gas, levels_left - 1)
    if kind is Record:
        value = value.fields
    elif kind is not list and kind is not tuple:
        raise ContractFailure(Kind.TYPE)
    take_room(runtime, len(value))
    runtime.pay(prices.CONTAINER + element_gas * len(value))
    return _elements_to_wire(runtime, value, element_gas, levels_left - 1)


def _elements_to_wire(runtime: Runtime, values: Sequence[Any], element_gas: int, levels_left: int) -> tuple[Value, ...]:
    if SCALARS.issuperset(map(type, values)):  # most are: no call for each of them
        _take_scalars(runtime, values)
        return tuple(values)
    return tuple([to_wire(runtime, value, element_gas, levels_left) for value in values])


def _entries_to_wire(runtime: Runtime, entries: dict[Any, Any], element_gas: int, levels_left: int) -> Value:
    take_room(runtime, 3 * len(entries))  # a pair, a key, a value: a byte each at least
    runtime.pay(prices.UNTYPED_DICTIONARY + 2 * element_gas * len(entries))
    keys = list(entries)
    _take_scalars(runtime, keys)
    if len(set(map(type, keys))) > 1:
        keys = sorted([key for key in keys if type(key) is str]) + sorted([key for key in keys if type(key) is bytes])
    else:
        keys.sort()
    values = [entries[key] for key in keys]
    return tuple(zip(keys, _elements_to_wire(runtime, values, element_gas, levels_left), strict=True))


def _take_scalars(runtime: Runtime, values: Sequence[Any]) -> None:
    """Count the content of scalars against the room, and charge the large integers among them."""
    for value in values:
        kind = type(value)
        if kind is int:
            if not HOST_INTEGER_MIN <= value <= HOST_INTEGER_MAX:
                runtime.pay(prices.BIG_INTEGER)
        elif kind is str:
            take_text(runtime, value)
        elif kind is bytes:
            take_room(runtime, len(value))


def incoming(runtime: Runtime, value: Value) -> object:
    """Return a fresh value of a wire form that another contract's types have checked: its sequences as lists."""
    if type(value) is str:
        alloc_text(runtime, len(value), wide=not value.isascii())
        return value
    if type(value) is bytes:
        alloc_bytes(runtime, len(value))
        return value
    if isinstance(value, (tuple, list)):
        alloc_elements(runtime, len(value))
        runtime.pay(prices.DECODED + prices.ELEMENT * len(value))
        return [incoming(runtime, element) for element in value]
    return value
