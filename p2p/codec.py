"""Strict canonical MessagePack: one value has one encoding, and only that encoding decodes.

Values are None, bool, int (-2^63 .. 2^64-1), str, bytes and lists of them nested at most `NESTING_MAX` deep. There are
no maps, no floats and no extension types. Each package that hashes or stores has a copy of this file;
`tests/vectors/canonical.json` holds the copies equal.
"""

from enum import Enum
from types import NoneType
from typing import Any, Final

import msgpack

from p2p.limits import NESTING_MAX

_SCALARS: Final = frozenset({NoneType, bool, int, str, bytes})
_SEQUENCES: Final = (list, tuple)


class CodecReason(Enum):
    """Why a value cannot be encoded, or bytes cannot be decoded."""

    TOO_LONG = "too_long"  # more bytes than the caller allows
    TOO_MANY = "too_many"  # a list has more items than the caller allows
    TOO_DEEP = "too_deep"  # lists nested deeper than NESTING_MAX
    TRUNCATED = "truncated"  # the bytes end inside a value
    TRAILING = "trailing"  # bytes follow the value
    NOT_CANONICAL = "not_canonical"  # the value has a shorter encoding
    BAD_TEXT = "bad_text"  # a str is not valid UTF-8
    UNSUPPORTED = "unsupported"  # a map, float, extension, reserved byte, or a Python type that is none of ours
    OUT_OF_RANGE = "out_of_range"  # an int outside -2^63 .. 2^64-1 (only when encoding)


class CodecError(ValueError):
    """A value or its encoding is not canonical; `reason` is for programs, `detail` for people."""

    def __init__(self, reason: CodecReason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


def encode(value: object) -> bytes:
    """Return the canonical encoding of `value`; tuples encode as lists.

    Raises:
        CodecError: TOO_DEEP, UNSUPPORTED (also subclasses such as enums), BAD_TEXT (lone surrogates) or OUT_OF_RANGE.

    """
    _check(value)
    try:
        encoded: bytes = msgpack.packb(value)
    except OverflowError as error:
        raise CodecError(CodecReason.OUT_OF_RANGE, "integer outside -2^63 .. 2^64-1") from error
    except UnicodeEncodeError as error:
        raise CodecError(CodecReason.BAD_TEXT, str(error)) from error
    return encoded


def decode(data: bytes, *, max_bytes: int, max_items: int) -> Any:
    """Return the value that `data` encodes, lists as Python lists; its shape is for the caller to check.

    `max_bytes` bounds the whole input, `max_items` each single list: what a sender can make us allocate is bounded
    before anything is unpacked.

    Raises:
        CodecError: every reason but OUT_OF_RANGE.

    """
    if len(data) > max_bytes:
        raise CodecError(CodecReason.TOO_LONG, f"{len(data)} bytes, at most {max_bytes} allowed")
    try:
        value = msgpack.unpackb(data, max_array_len=max_items, max_map_len=0, max_ext_len=0, strict_map_key=True)
    except msgpack.ExtraData as error:
        raise CodecError(CodecReason.TRAILING, "bytes follow the value") from error
    except msgpack.StackError as error:
        raise CodecError(CodecReason.TOO_DEEP, f"lists nested deeper than {NESTING_MAX}") from error
    except UnicodeDecodeError as error:
        raise CodecError(CodecReason.BAD_TEXT, str(error)) from error
    except ValueError as error:
        raise CodecError(_unpack_reason(str(error)), str(error) or "reserved byte 0xc1") from error
    _check(value)
    if msgpack.packb(value) != data:
        raise CodecError(CodecReason.NOT_CANONICAL, "the value has another, shorter encoding")
    return value


def _check(value: object, lists_left: int = NESTING_MAX) -> None:
    # By exact type: a bool is an int to isinstance, and msgpack would take a bytearray for bytes.
    kind = type(value)
    if kind in _SCALARS:
        return
    if not isinstance(value, _SEQUENCES) or kind not in _SEQUENCES:
        raise CodecError(CodecReason.UNSUPPORTED, f"no canonical encoding for {kind.__name__}")
    if lists_left == 0:
        raise CodecError(CodecReason.TOO_DEEP, f"lists nested deeper than {NESTING_MAX}")
    for item in value:
        if type(item) not in _SCALARS:
            _check(item, lists_left - 1)


def _unpack_reason(message: str) -> CodecReason:
    # msgpack tells these apart by text only; the shared vectors fail if a release words them differently.
    if "max_array_len" in message:
        return CodecReason.TOO_MANY
    if "incomplete" in message:
        return CodecReason.TRUNCATED
    return CodecReason.UNSUPPORTED
