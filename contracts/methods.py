"""The table of methods by type and name (contract-grammar, section 6). What is not in it does not exist."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from contracts import dictmethods, listmethods, textmethods
from contracts.failures import ContractFailure, Kind
from contracts.runtime import Runtime
from contracts.values import position


@dataclass(frozen=True, slots=True)
class Method:
    """``call(runtime, receiver, arguments)`` with as many arguments as one of ``arities`` says, of any type.

    It charges for itself and raises ContractFailure or Stop.
    """

    arities: frozenset[int]
    call: Callable[[Runtime, Any, list[Any]], object]


def _method(call: Callable[[Runtime, Any, list[Any]], object], *arities: int) -> Method:
    return Method(frozenset(arities), call)


_TEXT: Final = {
    "startswith": _method(textmethods.starts_with, 1),
    "endswith": _method(textmethods.ends_with, 1),
    "removeprefix": _method(textmethods.remove_prefix, 1),
    "removesuffix": _method(textmethods.remove_suffix, 1),
    "find": _method(textmethods.find, 1),
    "count": _method(textmethods.count, 1),
    "replace": _method(textmethods.replace, 2),
    "split": _method(textmethods.split, 1),
    "join": _method(textmethods.join, 1),
}

METHODS: Final[Mapping[type, Mapping[str, Method]]] = MappingProxyType(
    {
        str: MappingProxyType(
            _TEXT
            | {
                "encode": _method(textmethods.encode, 0),
                "strip": _method(textmethods.strip, 0),
                "upper": _method(textmethods.upper, 0),
                "lower": _method(textmethods.lower, 0),
                "isdigit": _method(textmethods.is_digit, 0),
                "isalpha": _method(textmethods.is_alpha, 0),
                "isalnum": _method(textmethods.is_alnum, 0),
                "isascii": _method(textmethods.is_ascii, 0),
                "zfill": _method(textmethods.zfill, 1),
            }
        ),
        bytes: MappingProxyType(
            _TEXT
            | {
                "decode": _method(textmethods.decode, 0),
                "hex": _method(textmethods.to_hex, 0),
            }
        ),
        list: MappingProxyType(
            {
                "append": _method(listmethods.append, 1),
                "extend": _method(listmethods.extend, 1),
                "insert": _method(listmethods.insert, 2),
                "pop": _method(listmethods.pop, 0, 1),
                "index": _method(listmethods.index, 1),
                "remove": _method(listmethods.remove, 1),
                "reverse": _method(listmethods.reverse, 0),
                "clear": _method(listmethods.clear, 0),
                "copy": _method(listmethods.copy, 0),
            }
        ),
        dict: MappingProxyType(
            {
                "get": _method(dictmethods.get, 1, 2),
                "pop": _method(dictmethods.pop, 1, 2),
                "setdefault": _method(dictmethods.set_default, 2),
                "keys": _method(dictmethods.keys, 0),
                "values": _method(dictmethods.values, 0),
                "items": _method(dictmethods.items, 0),
                "update": _method(dictmethods.update, 1),
                "copy": _method(dictmethods.copy, 0),
                "clear": _method(dictmethods.clear, 0),
            }
        ),
    }
)

METHOD_NAMES: Final = frozenset(name for methods in METHODS.values() for name in methods)


def set_item(runtime: Runtime, container: object, index: object, value: object) -> None:
    """``c[i] = v`` of a list or dict; raise ContractFailure(TYPE) for another container."""
    if isinstance(container, dict):
        dictmethods.store(runtime, container, index, value)
    elif isinstance(container, list):
        container[position(index, len(container))] = value
    else:
        raise ContractFailure(Kind.TYPE)


def delete_item(runtime: Runtime, container: object, index: object) -> None:
    """``del c[i]`` of a list or dict, priced as ``pop``; raise ContractFailure(TYPE) for another container."""
    if isinstance(container, dict):
        dictmethods.pop(runtime, container, [index])
    elif isinstance(container, list):
        listmethods.take(runtime, container, position(index, len(container)))
    else:
        raise ContractFailure(Kind.TYPE)
