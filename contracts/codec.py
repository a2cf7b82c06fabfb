"""Strict canonical MessagePack of the contracts: one value has one encoding, and only that encoding decodes.

Values are None, bool, int (-(2^255-1) .. 2^255-1), str, bytes and sequences of them; no maps, no floats. Sequences
decode as tuples. An integer outside of -2^63 .. 2^64-1 is extension type 1: two's complement, big-endian, as few bytes
of 9 to 32 as it takes. ``tests/vectors/canonical.json`` holds this copy equal to those of the other packages where they
meet, ``tests/vectors/big_integers.json`` to those that know big integers.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from types import NoneType
from typing import Any, Final, TypeAlias

import msgpack

from contracts.limits import ELEMENTS_MAX, INTEGER_MAX, MESSAGE_BYTES_MAX

Value: TypeAlias = "bool | int | str | bytes | list[Value] | tuple[Value, ...] | None"

NESTING_MAX: Final = 32  # sequences in sequences, of a value; a program has its own bound
BIG_INTEGER_TYPE: Final = 1  # of the extension
BIG_INTEGER_BYTES_MIN: Final = 9
BIG_INTEGER_BYTES_MAX: Final = 32

_SCALARS: Final = frozenset({NoneType, bool, int, str, bytes})
_SEQUENCES: Final = frozenset({list, tuple})


class CodecReason(StrEnum):
    """Why a value has no canonical encoding, or bytes are not one."""

    TOO_LONG = "too_long"  # more bytes than the caller allows
    TOO_MANY = "too_many"  # a sequence has more items than the caller allows
    TOO_DEEP = "too_deep"  # sequences nested deeper than the caller allows
    TRUNCATED = "truncated"  # the bytes end inside a value
    TRAILING = "trailing"  # bytes follow the value
    NOT_CANONICAL = "not_canonical"  # the value has another, shorter encoding
    BAD_TEXT = "bad_text"  # text that is not valid UTF-8, or has surrogates
    UNSUPPORTED = "unsupported"  # a map, float, other extension or reserved byte, or a Python type that is none of ours
    OUT_OF_RANGE = "out_of_range"  # an integer outside of -(2^255-1) .. 2^255-1


class CodecError(ValueError):
    """Bytes that are not the canonical encoding of an allowed value, or a value that has none."""

    def __init__(self, reason: CodecReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def encode(value: object, *, nesting_max: int = NESTING_MAX) -> bytes:
    """Return the canonical bytes of ``value``, tuples and lists alike.

    Raises:
        CodecError: UNSUPPORTED (also subclasses such as enums), TOO_DEEP, BAD_TEXT or OUT_OF_RANGE.

    """
    _check(value, nesting_max)
    try:
        encoded: bytes = msgpack.packb(value, default=_pack_big)
    except UnicodeEncodeError as error:
        raise CodecError(CodecReason.BAD_TEXT, str(error)) from None
    return encoded


def decode(
    data: bytes,
    *,
    bytes_max: int = MESSAGE_BYTES_MAX,
    items_max: int = ELEMENTS_MAX,
    nesting_max: int = NESTING_MAX,
) -> Value:
    """Return the value whose canonical encoding is exactly ``data``; its shape is for the caller to check.

    ``bytes_max`` bounds the input before anything is unpacked, ``items_max`` each single sequence: keep it tight where
    strangers send, since an input can announce that many items about a thousand times, 8 bytes each.

    Raises:
        CodecError: any reason.

    """
    if len(data) > bytes_max:
        raise CodecError(CodecReason.TOO_LONG, f"{len(data)} bytes, at most {bytes_max} allowed")
    try:
        value: Value = msgpack.unpackb(
            data,
            use_list=False,
            ext_hook=_unpack_big,
            max_array_len=items_max,
            max_map_len=0,
            max_ext_len=BIG_INTEGER_BYTES_MAX,
        )
    except CodecError:
        raise
    except msgpack.ExtraData:
        raise CodecError(CodecReason.TRAILING, "bytes follow the value") from None
    except msgpack.StackError:
        raise CodecError(CodecReason.TOO_DEEP, f"nested deeper than {nesting_max}") from None
    except UnicodeDecodeError as error:
        raise CodecError(CodecReason.BAD_TEXT, str(error)) from None
    except ValueError as error:
        raise CodecError(_unpack_reason(str(error)), str(error) or "reserved byte") from None
    _check(value, nesting_max)
    if msgpack.packb(value, default=_pack_big) != data:
        raise CodecError(CodecReason.NOT_CANONICAL, "the value has another, shorter encoding")
    return value


def make_packer() -> Callable[[object], bytes]:
    """Return a function that encodes values already known to be of our types: ``encode`` without its checks.

    It reuses one buffer: each machine has its own, and calls it from one thread.
    """
    pack: Callable[[object], bytes] = msgpack.Packer(default=_pack_big, buf_size=4096).pack
    return pack


def unpack(data: bytes) -> Any:
    """Return the value in bytes that a packer made: ``decode`` without its checks."""
    return msgpack.unpackb(data, use_list=False, ext_hook=_unpack_big)


def _pack_big(value: object) -> msgpack.ExtType:
    """Return the extension for what MessagePack has no form of: for us, only an integer beyond 64 bits."""
    assert type(value) is int, f"types are checked before: {type(value).__name__}"
    if not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise CodecError(CodecReason.OUT_OF_RANGE, "integer outside of -(2^255-1) .. 2^255-1")
    magnitude = value if value >= 0 else ~value  # whose bits, and one for the sign, are those of two's complement
    width = magnitude.bit_length() // 8 + 1
    return msgpack.ExtType(BIG_INTEGER_TYPE, value.to_bytes(width, "big", signed=True))


def _unpack_big(code: int, data: bytes) -> int:
    if code != BIG_INTEGER_TYPE or not BIG_INTEGER_BYTES_MIN <= len(data) <= BIG_INTEGER_BYTES_MAX:
        raise CodecError(CodecReason.UNSUPPORTED, f"extension {code} of {len(data)} bytes")
    value = int.from_bytes(data, "big", signed=True)
    if value < -INTEGER_MAX:
        raise CodecError(CodecReason.OUT_OF_RANGE, "integer outside of -(2^255-1) .. 2^255-1")
    return value  # one with a shorter form is found when it is encoded again


def _check(value: object, nesting_left: int) -> None:
    # By exact type: a bool is an int to isinstance, an enum an int to msgpack, and its ExtType a tuple.
    kind = type(value)
    if kind in _SCALARS:
        return
    if kind not in _SEQUENCES:
        raise CodecError(CodecReason.UNSUPPORTED, f"no canonical encoding for {kind.__name__}")
    if nesting_left == 0:
        raise CodecError(CodecReason.TOO_DEEP, "sequences nested deeper than allowed")
    sequence: Any = value
    if _SCALARS.issuperset(map(type, sequence)):
        return  # most sequences are flat: no Python code for each item
    for item in sequence:
        if type(item) not in _SCALARS:
            _check(item, nesting_left - 1)


def _unpack_reason(message: str) -> CodecReason:
    # msgpack tells these apart by text only; the shared vectors fail if a release words them differently.
    if "max_array_len" in message:
        return CodecReason.TOO_MANY
    if "incomplete" in message:
        return CodecReason.TRUNCATED
    return CodecReason.UNSUPPORTED
