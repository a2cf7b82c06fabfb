"""State keys: tuples of bool, int, str and bytes as bytes whose order is the order of the tuples.

The encoding of FoundationDB's tuple layer (design/tuple.md in apple/foundationdb) for these four types. Each part says
its own type and where it ends, so a key reads back without a schema, and ascending bytes are ascending values:

====== ==================================================================================
bytes  ``01``, the content with ``00`` as ``00 ff``, ``00``
str    ``02``, the UTF-8 with ``00`` as ``00 ff``, ``00``: the order of code points
int    0 is ``14``; positive ``14 + n`` and n bytes, negative ``14 - n`` and the n bytes of value + 256^n - 1, n <= 8
       longer: ``1d``, n, n bytes; negative ``0b``, 255 - n, n bytes; always as few bytes as it takes
bool   ``26`` False, ``27`` True
====== ==================================================================================

Parts of different types are ordered by the first byte: bytes, str, int, bool. One tuple has one encoding. The key of a
row of a contract is that of ``(cell name, *key parts)``. Pure: clients and verifiers read keys with it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, TypeAlias

from contracts.limits import INTEGER_MAX

Part: TypeAlias = bool | int | str | bytes

BYTES_CODE: Final = 0x01
TEXT_CODE: Final = 0x02
ZERO_CODE: Final = 0x14
NEGATIVE_CODE: Final = 0x0B  # longer than 8 bytes
POSITIVE_CODE: Final = 0x1D
FALSE_CODE: Final = 0x26
TRUE_CODE: Final = 0x27
BEYOND_PARTS: Final = b"\xfe"  # after a prefix: above whatever part follows, below the second byte of ``00 ff``
ESCAPED: Final = 0xFF  # after a prefix: not a part, but the prefix's last part going on

_SHORT_BYTES_MAX: Final = 8


class KeyReason(StrEnum):
    """Why parts are no key, or bytes are not one."""

    TRUNCATED = "truncated"  # the bytes end inside a part
    NOT_CANONICAL = "not_canonical"  # an integer in more bytes than it takes
    BAD_TEXT = "bad_text"  # text that is not valid UTF-8, or has surrogates
    UNSUPPORTED = "unsupported"  # a type, or a first byte of a part, that keys do not have
    OUT_OF_RANGE = "out_of_range"  # an integer outside of -(2^255-1) .. 2^255-1


class KeyRejected(ValueError):
    """Parts that have no encoding, or bytes that are not one; ``reason`` is for programs, ``detail`` for people."""

    def __init__(self, reason: KeyReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def encode_key(parts: Sequence[Part]) -> bytes:
    """Return the bytes of ``parts``, which end nothing: those of a longer tuple begin with them; raise KeyRejected."""
    return b"".join([encode_part(part) for part in parts])


def encode_part(part: Part) -> bytes:
    """Return the bytes of one part; raise KeyRejected."""
    if type(part) is str:
        try:
            content = part.encode()
        except UnicodeEncodeError as error:
            raise KeyRejected(KeyReason.BAD_TEXT, str(error)) from None
        return b"\x02" + (content.replace(b"\x00", b"\x00\xff") if b"\x00" in content else content) + b"\x00"
    if type(part) is bytes:
        return b"\x01" + (part.replace(b"\x00", b"\x00\xff") if b"\x00" in part else part) + b"\x00"
    if type(part) is int:
        return _encode_integer(part)
    if type(part) is bool:
        return b"\x27" if part else b"\x26"
    raise KeyRejected(KeyReason.UNSUPPORTED, f"{type(part).__name__} in a key")


def decode_key(data: bytes) -> tuple[Part, ...]:
    """Return the parts of which ``data`` is the encoding, none for no bytes; raise KeyRejected."""
    parts: list[Part] = []
    position = 0
    while position < len(data):
        part, position = _decode_part(data, position)
        parts.append(part)
    return tuple(parts)


def _encode_integer(value: int) -> bytes:
    if not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise KeyRejected(KeyReason.OUT_OF_RANGE, "integer outside of -(2^255-1) .. 2^255-1")
    width = (value.bit_length() + 7) >> 3
    if value >= 0:
        head = bytes((ZERO_CODE + width,)) if width <= _SHORT_BYTES_MAX else bytes((POSITIVE_CODE, width))
        return head + value.to_bytes(width, "big")
    head = bytes((ZERO_CODE - width,)) if width <= _SHORT_BYTES_MAX else bytes((NEGATIVE_CODE, width ^ 0xFF))
    return head + (value + (1 << 8 * width) - 1).to_bytes(width, "big")


def _decode_part(data: bytes, position: int) -> tuple[Part, int]:
    """Return the part that begins at ``position``, and where the next one does."""
    code = data[position]
    position += 1
    if code in {BYTES_CODE, TEXT_CODE}:
        content, position = _decode_delimited(data, position)
        if code == BYTES_CODE:
            return content, position
        try:
            return content.decode(), position
        except UnicodeDecodeError as error:
            raise KeyRejected(KeyReason.BAD_TEXT, str(error)) from None
    if ZERO_CODE - _SHORT_BYTES_MAX <= code <= ZERO_CODE + _SHORT_BYTES_MAX:
        width = abs(code - ZERO_CODE)
        return _decode_integer(data, position, width, negative=code < ZERO_CODE), position + width
    if code in {NEGATIVE_CODE, POSITIVE_CODE}:
        if position == len(data):
            raise KeyRejected(KeyReason.TRUNCATED, "an integer without its width")
        width = data[position] ^ 0xFF if code == NEGATIVE_CODE else data[position]
        if width <= _SHORT_BYTES_MAX:
            raise KeyRejected(KeyReason.NOT_CANONICAL, f"an integer of {width} bytes in the long form")
        return _decode_integer(data, position + 1, width, negative=code == NEGATIVE_CODE), position + 1 + width
    if code in {FALSE_CODE, TRUE_CODE}:
        return code == TRUE_CODE, position
    raise KeyRejected(KeyReason.UNSUPPORTED, f"a part that begins with {code:#04x}")


def _decode_delimited(data: bytes, start: int) -> tuple[bytes, int]:
    end = data.find(b"\x00", start)
    while end >= 0 and data[end + 1 : end + 2] == b"\xff":
        end = data.find(b"\x00", end + 2)
    if end < 0:
        raise KeyRejected(KeyReason.TRUNCATED, "a str or bytes without its end")
    return data[start:end].replace(b"\x00\xff", b"\x00"), end + 1


def _decode_integer(data: bytes, start: int, width: int, *, negative: bool) -> int:
    content = data[start : start + width]
    if len(content) < width:
        raise KeyRejected(KeyReason.TRUNCATED, f"an integer of {width} bytes with {len(content)}")
    value = int.from_bytes(content, "big")
    if negative:
        value -= (1 << 8 * width) - 1
    if (value.bit_length() + 7) >> 3 != width:
        raise KeyRejected(KeyReason.NOT_CANONICAL, f"an integer of fewer than {width} bytes")
    if not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise KeyRejected(KeyReason.OUT_OF_RANGE, "integer outside of -(2^255-1) .. 2^255-1")
    return value
