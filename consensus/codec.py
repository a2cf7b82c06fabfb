"""Strict canonical MessagePack: one value has one encoding, and only that encoding decodes.

Values are None, bool, int (-2^63 .. 2^64-1), str, bytes and lists of them; no maps, no floats, no extension types.
Held equal to the codecs of the other packages by ``tests/vectors/canonical.json``.
"""

from __future__ import annotations

from enum import StrEnum
from types import NoneType
from typing import Final, TypeAlias

import msgpack

from consensus import limits

Value: TypeAlias = "bool | int | str | bytes | list[Value] | tuple[Value, ...] | None"

_SCALARS: Final = frozenset({NoneType, bool, int, str, bytes})
_SEQUENCES: Final = (list, tuple)


# First bytes of MessagePack values, and how many bytes of length or number follow them.
_LENGTHS: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_ARRAYS: Final = {0xDC: 2, 0xDD: 4}
_WIDTHS: Final = {0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}


class CodecReason(StrEnum):
    """Why a value has no encoding, or why bytes were refused."""

    TOO_LONG = "too_long"  # more bytes than the caller allows
    TOO_MANY = "too_many"  # an array has more items than the caller allows
    TOO_DEEP = "too_deep"  # arrays nested deeper than NESTING_MAX
    TRUNCATED = "truncated"  # the bytes end inside a value
    TRAILING = "trailing"  # bytes follow the value
    NOT_CANONICAL = "not_canonical"  # the value has a shorter encoding
    BAD_TEXT = "bad_text"  # text that is not valid UTF-8
    UNSUPPORTED = "unsupported"  # a map, float, extension or reserved byte, or a Python type that is none of ours
    OUT_OF_RANGE = "out_of_range"  # an integer outside of 64 bits (only when encoding)


class CodecError(ValueError):
    """A value or its encoding is not canonical; ``reason`` is for programs, ``detail`` for people."""

    def __init__(self, reason: CodecReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def encode(value: Value) -> bytes:
    """Return the canonical bytes of ``value``, tuples as arrays; raise CodecError for a value that has none."""
    _check(value)
    try:
        packed: bytes = msgpack.packb(value)
    except OverflowError as error:
        raise CodecError(CodecReason.OUT_OF_RANGE, "integer outside of -2^63 .. 2^64-1") from error
    except UnicodeEncodeError as error:
        raise CodecError(CodecReason.BAD_TEXT, str(error)) from error
    return packed


def decode(data: bytes, *, max_bytes: int = limits.MESSAGE_BYTES_MAX, max_items: int = limits.ITEMS_MAX) -> Value:
    """Return the value whose canonical encoding is exactly ``data``; raise CodecError otherwise.

    ``max_bytes`` bounds the input, ``max_items`` each array and ``limits.VALUES_MAX`` all values together, before
    anything is allocated: a byte of input can otherwise cost an object of sixty.
    """
    if len(data) > max_bytes:
        raise CodecError(CodecReason.TOO_LONG, f"{len(data)} bytes, at most {max_bytes}")
    if len(data) > limits.VALUES_MAX:
        _count(data)
    try:
        value: Value = msgpack.unpackb(data, max_array_len=max_items, max_map_len=0, max_ext_len=0, strict_map_key=True)
    except msgpack.ExtraData as error:
        raise CodecError(CodecReason.TRAILING, "bytes follow the value") from error
    except msgpack.StackError as error:
        raise CodecError(CodecReason.TOO_DEEP, f"more than {limits.NESTING_MAX} levels") from error
    except UnicodeDecodeError as error:
        raise CodecError(CodecReason.BAD_TEXT, str(error)) from error
    except ValueError as error:
        raise CodecError(_unpack_reason(str(error)), str(error) or "reserved byte") from error
    _check(value)
    if msgpack.packb(value) != data:
        raise CodecError(CodecReason.NOT_CANONICAL, "another encoding of the same value")
    return value


def _check(value: object, levels_left: int = limits.NESTING_MAX) -> None:
    # By exact type: a bool is an int to isinstance, an enum an int to msgpack, and its ExtType a tuple.
    kind = type(value)
    if kind in _SCALARS:
        return
    if not isinstance(value, _SEQUENCES) or kind not in _SEQUENCES:
        raise CodecError(CodecReason.UNSUPPORTED, f"no canonical encoding for {kind.__name__}")
    if levels_left == 0:
        raise CodecError(CodecReason.TOO_DEEP, f"more than {limits.NESTING_MAX} levels")
    for item in value:
        if type(item) not in _SCALARS:
            _check(item, levels_left - 1)


def _count(data: bytes) -> None:
    """Raise CodecError when ``data`` holds more than VALUES_MAX values; walks headers, skips contents."""
    position, waiting, seen = 0, 1, 0
    end = len(data)
    while waiting and position < end:
        seen += 1
        if seen > limits.VALUES_MAX:
            raise CodecError(CodecReason.TOO_MANY, f"more than {limits.VALUES_MAX} values")
        waiting -= 1
        head = data[position]
        position += 1
        if head <= 0x7F or head >= 0xE0:  # small integers
            continue
        if 0x90 <= head <= 0x9F:  # short array
            waiting += head & 0x0F
        elif 0xA0 <= head <= 0xBF:  # short text
            position += head & 0x1F
        elif head in _LENGTHS:  # bytes, text: a length of so many bytes, then the content
            width = _LENGTHS[head]
            position += width + int.from_bytes(data[position : position + width], "big")
        elif head in _ARRAYS:
            width = _ARRAYS[head]
            waiting += int.from_bytes(data[position : position + width], "big")
            position += width
        elif head in _WIDTHS:  # numbers and constants of a fixed width
            position += _WIDTHS[head]
        else:  # whatever it is, it would only mislead this walk
            raise CodecError(CodecReason.UNSUPPORTED, f"a value that begins with {head:#04x}")


def _unpack_reason(message: str) -> CodecReason:
    # msgpack tells these apart by text only; the shared vectors fail if a release words them differently.
    if "max_array_len" in message:
        return CodecReason.TOO_MANY
    if "incomplete" in message:
        return CodecReason.TRUNCATED
    return CodecReason.UNSUPPORTED
