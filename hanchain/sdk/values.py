"""Contract values in JSON, as the node documents them: the client's copy of that convention.

``"0x…"`` is bytes, another string text; integers beyond 2^53 - 1 are ``{"integer": "…"}`` and text that begins with
``0x`` is ``{"text": "0x…"}``.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from hanchain.ledger.codec import INTEGER_MAX, CodecError, Value, check_types
from hanchain.ledger.fields import rejection_of
from hanchain.ledger.json_reader import Json, hex_of
from hanchain.ledger.limits import NESTING_MAX, RETURN_BYTES_MAX, STATE_VALUE_BYTES_MAX
from hanchain.ledger.reasons import Reason, Rejection

Document: TypeAlias = "bool | int | str | list[Document] | dict[str, Document] | None"

_SAFE_INTEGER_MAX: Final = 2**53 - 1
_INTEGER_DIGITS_MAX: Final = 78  # of ±(2^255 - 1), with its sign
_TEXT_MAX: Final = 8 * max(RETURN_BYTES_MAX, STATE_VALUE_BYTES_MAX)  # a view may return several records
_ITEMS_MAX: Final = 65_536


def to_document(value: Value) -> Document:
    """Return the JSON form of a value to send; raise Rejection for what the ledger has no encoding for."""
    try:
        check_types(value)
    except CodecError as error:
        raise rejection_of(error, "argument") from None
    return _to_document(value)


def _to_document(value: Value) -> Document:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            raise Rejection(Reason.OUT_OF_RANGE, "argument: an integer outside ±(2^255 - 1)")
        return value if abs(value) <= _SAFE_INTEGER_MAX else {"integer": str(value)}
    if isinstance(value, bytes):
        return hex_of(value)
    if isinstance(value, str):
        return {"text": value} if value.startswith("0x") else value
    return [_to_document(item) for item in value]


def read_value(entry: Json, depth: int = NESTING_MAX) -> Value:
    """Return the value that a node sent, arrays as tuples; raise Rejection for what stands for none."""
    document = entry.value
    if document is None or isinstance(document, bool):
        return document
    if isinstance(document, int):
        return entry.integer(-_SAFE_INTEGER_MAX, _SAFE_INTEGER_MAX)
    if isinstance(document, str):
        return entry.blob(0, _TEXT_MAX) if document.startswith("0x") else entry.text(_TEXT_MAX)
    if isinstance(document, dict):
        return _read_marked(entry)
    if depth == 0:
        raise entry.refuse(Reason.MALFORMED, f"nested deeper than {NESTING_MAX}")
    return tuple(read_value(item, depth - 1) for item in entry.items(0, _ITEMS_MAX))


def _read_marked(entry: Json) -> Value:
    fields = entry.fields((), ("integer", "text"))
    if len(fields) != 1:
        raise entry.refuse(Reason.MALFORMED, "one of {integer: …} and {text: …} expected")
    if "text" in fields:
        return fields["text"].text(_TEXT_MAX)
    digits = fields["integer"].text(_INTEGER_DIGITS_MAX)
    if not digits.removeprefix("-").isascii() or not digits.removeprefix("-").isdigit():
        raise fields["integer"].refuse(Reason.MALFORMED, "decimal digits expected")
    number = int(digits)
    if abs(number) > INTEGER_MAX:
        raise fields["integer"].refuse(Reason.OUT_OF_RANGE, "the range is ±(2^255 - 1)")
    return number
