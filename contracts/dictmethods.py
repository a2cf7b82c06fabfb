"""Methods of dict (contract-grammar, section 6), and ``d[k] = v``. Keys are str or bytes."""

from __future__ import annotations

from typing import Any, Final

from contracts import prices
from contracts.failures import ContractFailure, Kind
from contracts.limits import ELEMENTS_MAX
from contracts.runtime import Runtime
from contracts.values import alloc_elements, check_key

REBUILD_LENGTH_MIN: Final = 8  # below, the holes of a dict are too few to matter


def get(runtime: Runtime, receiver: dict[Any, Any], arguments: list[Any]) -> object:
    """``get(k)``, ``get(k, d)``."""
    key = check_key(arguments[0])
    runtime.pay(prices.LOOK_UP + (len(key) >> prices.COMPARE_SHIFT))
    return receiver.get(key, arguments[1] if len(arguments) > 1 else None)


def pop(runtime: Runtime, receiver: dict[Any, Any], arguments: list[Any]) -> object:
    """``pop(k)``, ``pop(k, d)``; an absent key without a default is an error of key."""
    key = check_key(arguments[0])
    runtime.pay(prices.LOOK_UP + (len(key) >> prices.COMPARE_SHIFT))
    if key not in receiver:
        if len(arguments) > 1:
            return arguments[1]
        raise ContractFailure(Kind.KEY)
    return _take(runtime, receiver, key)


def _take(runtime: Runtime, dictionary: dict[Any, Any], key: str | bytes) -> object:
    """Remove a key that is there; rebuild the dict whenever its length has become a power of two.

    A dict keeps a hole for every key removed, and a walk passes over all of them: without this, emptying a large dict
    and walking it many times costs far more than its length says. So there are never more holes than a few times that.
    """
    length = len(dictionary) - 1
    rebuild = length >= REBUILD_LENGTH_MIN and length & (length - 1) == 0
    if rebuild:
        runtime.pay(length)
    value: object = dictionary.pop(key)
    if rebuild:
        entries = list(dictionary.items())
        dictionary.clear()
        dictionary.update(entries)
    return value


def set_default(runtime: Runtime, receiver: dict[Any, Any], arguments: list[Any]) -> object:
    """``setdefault(k, v)``."""
    key = check_key(arguments[0])
    runtime.pay(prices.STORE + (len(key) >> prices.COMPARE_SHIFT))
    if key not in receiver:
        _room_for_entry(runtime, receiver)
        receiver[key] = arguments[1]
    return receiver[key]


def store(runtime: Runtime, dictionary: dict[Any, Any], key: object, value: object) -> None:
    """``d[k] = v``."""
    checked = check_key(key)
    runtime.pay(prices.STORE + (len(checked) >> prices.COMPARE_SHIFT))
    if checked not in dictionary:
        _room_for_entry(runtime, dictionary)
    dictionary[checked] = value


def _room_for_entry(runtime: Runtime, dictionary: dict[Any, Any]) -> None:
    if len(dictionary) >= ELEMENTS_MAX:
        raise ContractFailure(Kind.SIZE)
    runtime.alloc(prices.ENTRY_BYTES)


def keys(runtime: Runtime, receiver: dict[Any, Any], _arguments: list[Any]) -> object:
    """``keys()``: a list."""
    runtime.pay(len(receiver) >> prices.KEYS_SHIFT)
    alloc_elements(runtime, len(receiver))
    return list(receiver)


def values(runtime: Runtime, receiver: dict[Any, Any], _arguments: list[Any]) -> object:
    """``values()``: a list."""
    runtime.pay(len(receiver) >> prices.KEYS_SHIFT)
    alloc_elements(runtime, len(receiver))
    return list(receiver.values())


def items(runtime: Runtime, receiver: dict[Any, Any], _arguments: list[Any]) -> object:
    """``items()``: a list of tuples."""
    runtime.pay(len(receiver))
    runtime.alloc(prices.SEQUENCE_BYTES + prices.PAIR_BYTES * len(receiver))
    return list(receiver.items())


def update(runtime: Runtime, receiver: dict[Any, Any], arguments: list[Any]) -> object:
    """Do ``update(d)``; every entry of ``d`` is charged as a new one."""
    other = arguments[0]
    if type(other) is not dict:
        raise ContractFailure(Kind.TYPE)
    runtime.pay(prices.ENTRY * len(other) + (sum(map(len, other)) >> prices.COMPARE_SHIFT))
    runtime.alloc(prices.ENTRY_BYTES * len(other))
    if len(receiver) + len(other) > ELEMENTS_MAX and len(receiver) + len(other.keys() - receiver.keys()) > ELEMENTS_MAX:
        raise ContractFailure(Kind.SIZE)
    receiver.update(other)
    return None


def copy(runtime: Runtime, receiver: dict[Any, Any], _arguments: list[Any]) -> object:
    """``copy()``."""
    runtime.pay(prices.ENTRY * len(receiver))
    runtime.alloc(prices.DICTIONARY_BYTES + prices.ENTRY_BYTES * len(receiver))
    return receiver.copy()


def clear(runtime: Runtime, receiver: dict[Any, Any], _arguments: list[Any]) -> object:
    """``clear()``."""
    runtime.pay(prices.ENTRY * len(receiver))
    receiver.clear()
    return None
