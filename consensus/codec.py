"""Strict canonical MessagePack: one value has one encoding.

Arrays in fixed order, no maps, no floats, no extension types, minimal integers. The decoder checks the size first,
bounds every length while unpacking, and then re-encodes and compares, so that whatever it accepts is canonical.
Held equal to the codecs of the other packages by ``tests/vectors/canonical.json``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeAlias

import msgpack

from consensus import limits

Value: TypeAlias = "bool | int | str | bytes | list[Value] | tuple[Value, ...] | None"

_SCALARS: Final = frozenset({bytes, int, str, bool, type(None)})


class CodecReason(StrEnum):
    """Why bytes were refused."""

    OVERSIZED = "oversized"
    MALFORMED = "malformed"
    NOT_CANONICAL = "not_canonical"
    FORBIDDEN_TYPE = "forbidden_type"
    TOO_DEEP = "too_deep"


class CodecError(ValueError):
    """Bytes that are not the canonical encoding of an allowed value."""

    def __init__(self, reason: CodecReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def _check(value: object, depth: int) -> None:
    if type(value) in _SCALARS or isinstance(value, int | str | bytes):
        return
    if not isinstance(value, list | tuple):
        raise CodecError(CodecReason.FORBIDDEN_TYPE, type(value).__name__)
    if depth == 0:
        raise CodecError(CodecReason.TOO_DEEP, f"more than {limits.NESTING_MAX} levels")
    for item in value:
        if type(item) not in _SCALARS:  # the common case, kept out of the recursion
            _check(item, depth - 1)


def encode(value: Value) -> bytes:
    """Return the canonical bytes of ``value``; raise CodecError for a type or size that has none."""
    _check(value, limits.NESTING_MAX)
    try:
        packed: bytes = msgpack.packb(value, use_bin_type=True)
    except OverflowError as error:
        raise CodecError(CodecReason.FORBIDDEN_TYPE, "integer out of range") from error
    return packed


def decode(data: bytes, *, max_bytes: int = limits.MESSAGE_BYTES_MAX, max_items: int = limits.ITEMS_MAX) -> Value:
    """Return the value whose canonical encoding is exactly ``data``; raise CodecError otherwise."""
    if len(data) > max_bytes:
        raise CodecError(CodecReason.OVERSIZED, f"{len(data)} bytes, at most {max_bytes}")
    try:
        value = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            max_str_len=max_bytes,
            max_bin_len=max_bytes,
            max_array_len=max_items,
            max_map_len=0,
            max_ext_len=0,
        )
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise CodecError(CodecReason.MALFORMED, str(error) or type(error).__name__) from error
    if encode(value) != data:
        raise CodecError(CodecReason.NOT_CANONICAL, "another encoding of the same value")
    decoded: Value = value
    return decoded
