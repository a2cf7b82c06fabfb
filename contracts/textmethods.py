"""Methods of str and bytes (contract-grammar, section 6): types first, then gas and memory, then the work.

A receiver is of its type already; ``arguments`` are as many as the method takes. What depends on Unicode tables takes
ASCII only, since the tables of 3.11, 3.12 and 3.13 differ. A result is priced as wide if the receiver or a text that
goes into it is not ASCII.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from contracts import prices
from contracts.failures import ContractFailure, Kind
from contracts.limits import ELEMENTS_MAX, TEXT_LENGTH_MAX
from contracts.runtime import Runtime
from contracts.values import alloc_bytes, alloc_like, alloc_text, find_price, integer

ZFILL_MAX: Final = 256  # a field of a form, not a way to make text

# What str.strip() removes, given to the host as a constant: its own table is a Unicode one.
WHITESPACE: Final = "".join(
    map(
        chr,
        [
            *range(0x09, 0x0E),
            *range(0x1C, 0x21),
            *(0x85, 0xA0, 0x1680),
            *range(0x2000, 0x200B),
            *(0x2028, 0x2029, 0x202F, 0x205F, 0x3000),
        ],
    )
)


def _same(receiver: Any, argument: object) -> Any:
    """Return ``argument`` if it is of the receiver's type; raise ContractFailure(TYPE)."""
    if type(argument) is not type(receiver):
        raise ContractFailure(Kind.TYPE)
    return argument


def _ascii(receiver: str) -> str:
    if not receiver.isascii():
        raise ContractFailure(Kind.REFUSED)
    return receiver


def starts_with(runtime: Runtime, receiver: Any, arguments: list[Any]) -> object:
    """``startswith(p)``."""
    part = _same(receiver, arguments[0])
    runtime.pay(prices.MATCH + (len(part) >> prices.COMPARE_SHIFT))
    return receiver.startswith(part)


def ends_with(runtime: Runtime, receiver: Any, arguments: list[Any]) -> object:
    """``endswith(p)``."""
    part = _same(receiver, arguments[0])
    runtime.pay(prices.MATCH + (len(part) >> prices.COMPARE_SHIFT))
    return receiver.endswith(part)


def remove_prefix(runtime: Runtime, receiver: Any, arguments: list[Any]) -> object:
    """``removeprefix(p)``; whether anything is removed is found out before the result is charged."""
    length = len(receiver) - (len(arguments[0]) if starts_with(runtime, receiver, arguments) else 0)
    alloc_like(runtime, receiver, length)
    return receiver.removeprefix(arguments[0])


def remove_suffix(runtime: Runtime, receiver: Any, arguments: list[Any]) -> object:
    """``removesuffix(p)``; as ``remove_prefix``."""
    length = len(receiver) - (len(arguments[0]) if ends_with(runtime, receiver, arguments) else 0)
    alloc_like(runtime, receiver, length)
    return receiver.removesuffix(arguments[0])


def find(runtime: Runtime, receiver: Any, arguments: list[Any]) -> object:
    """``find(p)``."""
    part = _same(receiver, arguments[0])
    runtime.pay(find_price(len(receiver), len(part)))
    return receiver.find(part)


def count(runtime: Runtime, receiver: Any, arguments: list[Any]) -> object:
    """``count(p)`` of a part that is not empty."""
    part = _same(receiver, arguments[0])
    if not part:
        raise ContractFailure(Kind.REFUSED)
    runtime.pay(find_price(len(receiver), len(part)))
    return receiver.count(part)


def replace(runtime: Runtime, receiver: Any, arguments: list[Any]) -> object:
    """``replace(old, new)`` of an old part that is not empty."""
    old, new = _same(receiver, arguments[0]), _same(receiver, arguments[1])
    if not old:
        raise ContractFailure(Kind.REFUSED)
    runtime.pay(2 * find_price(len(receiver), len(old)))
    length = len(receiver) + receiver.count(old) * (len(new) - len(old))
    alloc_like(runtime, receiver, length, new)
    return receiver.replace(old, new)


def split(runtime: Runtime, receiver: Any, arguments: list[Any]) -> object:
    """``split(sep)``; an empty separator is an error of value, as in Python."""
    separator = _same(receiver, arguments[0])
    if not separator:
        raise ContractFailure(Kind.VALUE)
    runtime.pay(find_price(len(receiver), len(separator)))
    pieces = receiver.count(separator) + 1
    if pieces > ELEMENTS_MAX:
        raise ContractFailure(Kind.SIZE)
    width = 1 if receiver.isascii() or type(receiver) is bytes else prices.WIDE_CHARACTER_BYTES
    runtime.alloc(prices.SEQUENCE_BYTES + pieces * prices.PIECE_BYTES + width * len(receiver))
    return receiver.split(separator)


def join(runtime: Runtime, receiver: Any, arguments: list[Any]) -> object:
    """``join(xs)`` of a list or tuple whose elements are of the receiver's type."""
    pieces, kind = arguments[0], type(receiver)
    if type(pieces) is not list and type(pieces) is not tuple:
        raise ContractFailure(Kind.TYPE)
    runtime.pay(prices.JOIN + len(pieces))
    if not {kind}.issuperset(map(type, pieces)):
        raise ContractFailure(Kind.TYPE)
    length = sum(map(len, pieces)) + len(receiver) * max(0, len(pieces) - 1)
    if kind is str:
        alloc_text(runtime, length, wide=not (receiver.isascii() and all(map(str.isascii, pieces))))
    else:
        alloc_bytes(runtime, length)
    return receiver.join(pieces)


def encode(runtime: Runtime, receiver: str, _arguments: list[Any]) -> object:
    """``encode()``: UTF-8; never fails, since no str has surrogates."""
    runtime.alloc(prices.BINARY_BYTES + prices.WIDE_CHARACTER_BYTES * len(receiver))
    encoded = receiver.encode()
    if len(encoded) > TEXT_LENGTH_MAX:
        raise ContractFailure(Kind.SIZE)
    return encoded


def strip(runtime: Runtime, receiver: str, _arguments: list[Any]) -> object:
    """``strip()`` of white space at both ends."""
    runtime.pay(len(receiver) >> prices.STRIP_SHIFT)
    alloc_like(runtime, receiver, len(receiver))
    return receiver.strip(WHITESPACE)


def upper(runtime: Runtime, receiver: str, _arguments: list[Any]) -> object:
    """``upper()`` of ASCII."""
    alloc_text(runtime, len(_ascii(receiver)), wide=False)
    return receiver.upper()


def lower(runtime: Runtime, receiver: str, _arguments: list[Any]) -> object:
    """``lower()`` of ASCII."""
    alloc_text(runtime, len(_ascii(receiver)), wide=False)
    return receiver.lower()


def zfill(runtime: Runtime, receiver: str, arguments: list[Any]) -> object:
    """``zfill(w)`` for 0 <= w <= 256."""
    width = integer(arguments[0])
    if not 0 <= width <= ZFILL_MAX:
        raise ContractFailure(Kind.REFUSED)
    length = max(len(receiver), width)
    runtime.alloc(prices.TEXT_BYTES + prices.WIDE_CHARACTER_BYTES * length)
    return receiver.zfill(width)


def _classifier(test: Callable[[str], bool], *, ascii_only: bool) -> Callable[[Runtime, str, list[Any]], object]:
    """Return a method that asks one question about all characters."""
    shift = prices.CLASSIFY_SHIFT if ascii_only else prices.COMPARE_SHIFT

    def classify(runtime: Runtime, receiver: str, _arguments: list[Any]) -> object:
        if ascii_only:
            _ascii(receiver)
        runtime.pay(prices.CLASSIFY + (len(receiver) >> shift))
        return test(receiver)

    return classify


is_digit = _classifier(str.isdigit, ascii_only=True)
is_alpha = _classifier(str.isalpha, ascii_only=True)
is_alnum = _classifier(str.isalnum, ascii_only=True)
is_ascii = _classifier(str.isascii, ascii_only=False)


def decode(runtime: Runtime, receiver: bytes, _arguments: list[Any]) -> object:
    """``decode()``: strict UTF-8, so no surrogates; anything else is an error of value."""
    runtime.alloc(prices.TEXT_BYTES + prices.WIDE_CHARACTER_BYTES * len(receiver))
    try:
        return receiver.decode()
    except UnicodeDecodeError:
        raise ContractFailure(Kind.VALUE) from None


def to_hex(runtime: Runtime, receiver: bytes, _arguments: list[Any]) -> object:
    """``hex()``."""
    alloc_text(runtime, 2 * len(receiver), wide=False)
    return receiver.hex()
