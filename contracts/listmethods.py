"""Methods of list (contract-grammar, section 6), and ``del`` of an element."""

from __future__ import annotations

from typing import Any, Final

from contracts import prices
from contracts.failures import ContractFailure, Kind, Stop, StopReason
from contracts.limits import ELEMENTS_MAX
from contracts.runtime import Runtime
from contracts.values import alloc_elements, find_element, integer

HOST_INTEGER_MAX: Final = 2**63 - 1  # beyond it Python raises OverflowError, which no contract can catch


def _place(value: object) -> int:
    """Return ``value`` if Python takes it as a position; raise ContractFailure(TYPE, REFUSED or OVERFLOW)."""
    place = integer(value)
    if not -HOST_INTEGER_MAX - 1 <= place <= HOST_INTEGER_MAX:
        raise ContractFailure(Kind.OVERFLOW)
    return place


def _room_for(elements: list[Any], count: int) -> None:
    if len(elements) + count > ELEMENTS_MAX:
        raise ContractFailure(Kind.SIZE)


def append(runtime: Runtime, receiver: list[Any], arguments: list[Any]) -> object:
    """``append(v)``."""
    _room_for(receiver, 1)
    runtime.pay(prices.APPEND)
    runtime.memory -= prices.SLOT_BYTES
    if runtime.memory < 0:
        raise Stop(StopReason.OUT_OF_MEMORY)
    receiver.append(arguments[0])
    return None


def extend(runtime: Runtime, receiver: list[Any], arguments: list[Any]) -> object:
    """``extend(xs)`` by a list or tuple."""
    added = arguments[0]
    if type(added) is not list and type(added) is not tuple:
        raise ContractFailure(Kind.TYPE)
    _room_for(receiver, len(added))
    runtime.pay(prices.BULK + (len(added) >> prices.BULK_SHIFT))
    runtime.alloc(prices.SLOT_BYTES * len(added))
    receiver.extend(added)
    return None


def insert(runtime: Runtime, receiver: list[Any], arguments: list[Any]) -> object:
    """``insert(i, v)``; a position beyond either end means the end, as in Python."""
    place = _place(arguments[0])
    _room_for(receiver, 1)
    runtime.pay(prices.INSERT + (len(receiver) >> prices.MOVE_SHIFT))
    runtime.alloc(prices.SLOT_BYTES)
    receiver.insert(place, arguments[1])
    return None


def pop(runtime: Runtime, receiver: list[Any], arguments: list[Any]) -> object:
    """``pop()``, ``pop(i)``; empty or outside is an error of index."""
    return take(runtime, receiver, _place(arguments[0]) if arguments else -1)


def take(runtime: Runtime, elements: list[Any], place: int) -> object:
    """Remove and return the element at ``place``, which may count from the end; raise ContractFailure(INDEX)."""
    count = len(elements)
    index = place + count if place < 0 else place
    inside = 0 <= index < count
    runtime.pay(prices.REMOVE + (count - index >> prices.MOVE_SHIFT if inside else 0))
    if not inside:
        raise ContractFailure(Kind.INDEX)
    return elements.pop(index)


def index(runtime: Runtime, receiver: list[Any], arguments: list[Any]) -> object:
    """``index(v)``; an absent value is an error of value."""
    runtime.pay(prices.SEARCH + prices.WALK_ELEMENT * len(receiver))
    found = find_element(runtime, receiver, arguments[0])
    if found < 0:
        raise ContractFailure(Kind.VALUE)
    return found


def remove(runtime: Runtime, receiver: list[Any], arguments: list[Any]) -> object:
    """``remove(v)``; an absent value is an error of value."""
    runtime.pay(prices.SEARCH + prices.WALK_ELEMENT * len(receiver))
    found = find_element(runtime, receiver, arguments[0])
    if found < 0:
        raise ContractFailure(Kind.VALUE)
    del receiver[found]
    return None


def reverse(runtime: Runtime, receiver: list[Any], _arguments: list[Any]) -> object:
    """``reverse()``."""
    runtime.pay(prices.BULK + (len(receiver) >> prices.BULK_SHIFT))
    receiver.reverse()
    return None


def clear(runtime: Runtime, receiver: list[Any], _arguments: list[Any]) -> object:
    """``clear()``."""
    runtime.pay(prices.BULK + (len(receiver) >> prices.BULK_SHIFT))
    receiver.clear()
    return None


def copy(runtime: Runtime, receiver: list[Any], _arguments: list[Any]) -> object:
    """``copy()``."""
    runtime.pay(prices.BULK + (len(receiver) >> prices.BULK_SHIFT))
    alloc_elements(runtime, len(receiver))
    return receiver.copy()
