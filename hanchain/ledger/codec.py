"""Strict canonical MessagePack: one value has one encoding, and only that encoding decodes.

Values are None, bool, int (-(2^255-1) .. 2^255-1), str, bytes and sequences of them, nested at most ``NESTING_MAX``
deep; no maps, no floats. Sequences decode as tuples. An integer outside of -2^63 .. 2^64-1 is extension type 1: two's
complement, big-endian, as few of 9 to 32 bytes as it takes. ``tests/vectors/canonical.json`` holds this copy equal to
those of the other packages where they meet, ``tests/vectors/big_integers.json`` to that of the contracts.
"""

from __future__ import annotations

from enum import StrEnum
from types import NoneType
from typing import Any, Final, TypeAlias

import msgpack

from hanchain.ledger.limits import NESTING_MAX

Value: TypeAlias = "bool | int | str | bytes | list[Value] | tuple[Value, ...] | None"

INTEGER_MAX: Final = 2**255 - 1  # symmetric, as in contracts: negation never overflows
BIG_INTEGER_TYPE: Final = 1  # of the extension
BIG_INTEGER_BYTES_MIN: Final = 9
BIG_INTEGER_BYTES_MAX: Final = 32

_SCALARS: Final = frozenset({NoneType, bool, int, str, bytes})
_SEQUENCES: Final = frozenset({list, tuple})


class CodecReason(StrEnum):
    """Why a value has no canonical encoding, or bytes are not one."""

    TOO_LONG = "too_long"
    TOO_MANY = "too_many"
    TOO_DEEP = "too_deep"
    TRUNCATED = "truncated"
    TRAILING = "trailing"
    NOT_CANONICAL = "not_canonical"
    BAD_TEXT = "bad_text"
    UNSUPPORTED = "unsupported"
    OUT_OF_RANGE = "out_of_range"


class CodecError(ValueError):
    """Bytes that are not the canonical encoding of an allowed value, or a value that has none."""

    def __init__(self, reason: CodecReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def encode(value: object, *, nesting_max: int = NESTING_MAX) -> bytes:
    """Return the canonical bytes of ``value``; raise CodecError for a type, number or text that has none."""
    check_types(value, nesting_max)
    try:
        encoded: bytes = pack(value)
    except UnicodeEncodeError as error:
        raise CodecError(CodecReason.BAD_TEXT, str(error)) from None
    return encoded


def decode(data: bytes, *, max_bytes: int, max_items: int) -> Any:
    """Return the value whose canonical encoding is exactly ``data``; its shape is for the caller to check.

    ``max_bytes`` bounds the input before anything is unpacked, ``max_items`` each single sequence.
    Raise CodecError for any reason.
    """
    value = unpack(data, max_bytes=max_bytes, max_items=max_items)
    check_types(value)
    check_canonical(value, data)
    return value


def unpack(data: bytes, *, max_bytes: int, max_items: int) -> Any:
    """Return the bounded but otherwise unchecked value in ``data``: the first third of ``decode``.

    For hot paths that check the types of every field themselves before they call ``check_canonical``.
    """
    if len(data) > max_bytes:
        raise CodecError(CodecReason.TOO_LONG, f"{len(data)} bytes, at most {max_bytes} allowed")
    try:
        return msgpack.unpackb(
            data,
            use_list=False,
            ext_hook=_unpack_big,
            max_array_len=max_items,
            max_map_len=0,
            max_ext_len=BIG_INTEGER_BYTES_MAX,
        )
    except CodecError:
        raise
    except msgpack.ExtraData:
        raise CodecError(CodecReason.TRAILING, "bytes follow the value") from None
    except msgpack.StackError:
        raise CodecError(CodecReason.TOO_DEEP, f"nested deeper than {NESTING_MAX}") from None
    except UnicodeDecodeError as error:
        raise CodecError(CodecReason.BAD_TEXT, str(error)) from None
    except ValueError as error:
        raise CodecError(_unpack_reason(str(error)), str(error) or "reserved byte") from None


def check_types(value: object, nesting_max: int = NESTING_MAX) -> None:
    """Raise CodecError unless ``value`` consists of the allowed types within the allowed depth."""
    kind = type(value)
    if kind not in _SCALARS:
        _check_sequence(value, kind, nesting_max)


def _check_sequence(value: Any, kind: type, depth: int) -> None:
    if kind not in _SEQUENCES:
        raise CodecError(CodecReason.UNSUPPORTED, f"no canonical encoding for {kind.__name__}")
    if depth == 0:
        raise CodecError(CodecReason.TOO_DEEP, "sequences nested deeper than allowed")
    if _SCALARS.issuperset(map(type, value)):
        return  # most sequences are flat: no Python code per item
    for item in value:
        kind = type(item)
        if kind not in _SCALARS:
            _check_sequence(item, kind, depth - 1)


def is_flat(values: tuple[object, ...]) -> bool:
    """Tell whether ``values`` are scalars of the allowed types, as the arguments of most transactions are."""
    return _SCALARS.issuperset(map(type, values))


def check_canonical(value: object, data: bytes) -> None:
    """Raise CodecError unless ``data`` is how ``value``, of checked types, encodes."""
    if pack(value) != data:
        raise CodecError(CodecReason.NOT_CANONICAL, "the value has another, shorter encoding")


def pack(value: object) -> bytes:
    """Return the canonical bytes of a value already known to be of our types: ``encode`` without its checks."""
    # A packer each time, since threads share this module; directly, since the library's packb costs half as much again.
    packed: bytes = msgpack.Packer(default=_pack_big).pack(value)
    return packed


def _pack_big(value: object) -> msgpack.ExtType:
    """Return the extension for what MessagePack has no form of: for us, only an integer beyond 64 bits."""
    assert type(value) is int, f"types are checked before: {type(value).__name__}"
    if not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise CodecError(CodecReason.OUT_OF_RANGE, "integer outside -(2^255-1) .. 2^255-1")
    magnitude = value if value >= 0 else ~value  # whose bits, and one for the sign, are those of two's complement
    return msgpack.ExtType(BIG_INTEGER_TYPE, value.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True))


def _unpack_big(code: int, data: bytes) -> int:
    if code != BIG_INTEGER_TYPE or not BIG_INTEGER_BYTES_MIN <= len(data) <= BIG_INTEGER_BYTES_MAX:
        raise CodecError(CodecReason.UNSUPPORTED, f"extension {code} of {len(data)} bytes")
    value = int.from_bytes(data, "big", signed=True)
    if value < -INTEGER_MAX:
        raise CodecError(CodecReason.OUT_OF_RANGE, "integer outside -(2^255-1) .. 2^255-1")
    return value  # one that has a shorter form is found when it is encoded again


def _unpack_reason(message: str) -> CodecReason:
    # msgpack tells these apart by text only; the shared vectors fail if a release words them differently
    if "max_array_len" in message:
        return CodecReason.TOO_MANY
    if "incomplete" in message:
        return CodecReason.TRUNCATED
    return CodecReason.UNSUPPORTED
