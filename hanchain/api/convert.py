"""How the ledger's values look in JSON, both ways.

Two rules, for two situations:

*Typed fields* (ids, heights, keys: everything whose type the documentation states). Bytes are ``"0x"`` and lower-case
hexadecimal; integers are JSON numbers up to 2^53 - 1 and decimal strings beyond.

*Contract values* (arguments, return values, fields of events: the type is the contract's affair). There the text must
say the type, and every value has exactly one form on the way out:

===============================  ==================================================
value                            JSON
===============================  ==================================================
``None``, ``bool``               ``null``, ``true``, ``false``
``int`` up to ±(2^53 - 1)        a number
``int`` beyond                   ``{"integer": "18446744073709551615"}``
``bytes``                        ``"0x00ff"``
``str``                          a string
``str`` that begins with ``0x``  ``{"text": "0x…"}``
list or tuple                    an array
===============================  ==================================================

On the way in, ``{"bytes": "0x00ff"}``, ``{"text": …}`` and ``{"integer": …}`` are accepted for any bytes, str and int.
The ledger has no maps, so an object can be nothing else; and no floats, so a fraction is refused, never rounded.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from hanchain.api.limits import SAFE_INTEGER_MAX
from hanchain.api.strictjson import Json
from hanchain.ledger.codec import INTEGER_MAX, Value
from hanchain.ledger.limits import NESTING_MAX
from hanchain.ledger.reasons import Reason, Rejection

_HEX: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*", re.ASCII)
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,76})", re.ASCII)


def from_hex(text: object, what: str) -> bytes:
    """Return the bytes of ``"0x…"``; raise Rejection(bad_arguments) for anything else."""
    if not isinstance(text, str) or _HEX.fullmatch(text) is None:
        raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: 0x and an even number of hexadecimal digits expected")
    return bytes.fromhex(text[2:])


def to_hex(data: bytes) -> str:
    """Return ``"0x"`` and the lower-case hexadecimal digits."""
    return "0x" + data.hex()


def from_integer(number: object, what: str) -> int:
    """Return the integer of a JSON number up to ±(2^53 - 1) or a decimal string within the ledger's range."""
    if type(number) is int:
        if abs(number) > SAFE_INTEGER_MAX:
            raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: integers beyond 2^53 - 1 are sent as decimal strings")
        return number
    if isinstance(number, str) and _DECIMAL.fullmatch(number) is not None and number != "-0":
        value = int(number)
        if abs(value) <= INTEGER_MAX:
            return value
        raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: the range is ±(2^255 - 1)")
    raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: integer expected")


def to_integer(number: int) -> Json:
    """Return a JSON number, or a decimal string beyond ±(2^53 - 1)."""
    return number if abs(number) <= SAFE_INTEGER_MAX else str(number)


def from_json(document: Json, what: str) -> Value:
    """Return the contract value that ``document`` stands for; raise Rejection(bad_arguments) if it stands for none."""
    return _from_json(document, what, NESTING_MAX)


def _from_json(document: Json, what: str, depth: int) -> Value:
    if document is None or isinstance(document, bool):
        return document
    if isinstance(document, int):
        return from_integer(document, what)
    if isinstance(document, float):
        raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: the ledger has no fractions; use integers of a smaller unit")
    if isinstance(document, str):
        return from_hex(document, f'{what} (as text it is {{"text": "0x…"}})') if _is_hex(document) else document
    if isinstance(document, dict):
        return _from_marked(document, what)
    if depth == 0:
        raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: nested deeper than {NESTING_MAX}")
    return [_from_json(item, f"{what}[{position}]", depth - 1) for position, item in enumerate(document)]


def to_json(value: Value) -> Json:
    """Return the one JSON form of a contract value."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= SAFE_INTEGER_MAX else {"integer": str(value)}
    if isinstance(value, bytes):
        return to_hex(value)
    if isinstance(value, str):
        return {"text": value} if _is_hex(value) else value
    return [to_json(item) for item in value]


def record_to_json(record: object) -> Json:
    """Return a frozen dataclass of typed fields as an object: names as they are, enums by value, tuples as arrays."""
    if record is None or isinstance(record, bool):
        return record
    if isinstance(record, Enum):
        return record_to_json(record.value)
    if isinstance(record, int):
        return to_integer(record)
    if isinstance(record, bytes):
        return to_hex(record)
    if isinstance(record, str):
        return record
    if isinstance(record, tuple | list):
        return [record_to_json(item) for item in record]
    assert dataclasses.is_dataclass(record), f"no JSON form for {type(record).__name__}"
    return {field.name: record_to_json(getattr(record, field.name)) for field in dataclasses.fields(record)}


def _is_hex(text: str) -> bool:
    return text.startswith("0x")


def _text(document: Json, what: str) -> str:
    if not isinstance(document, str):
        raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: string expected")
    return document


_MARKS: Final[Mapping[str, Callable[[Json, str], Value]]] = MappingProxyType(
    {"bytes": from_hex, "integer": from_integer, "text": _text}
)


def _from_marked(document: dict[str, Json], what: str) -> Value:
    if len(document) == 1:
        ((mark, content),) = document.items()
        if mark in _MARKS:
            return _MARKS[mark](content, what)
    raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: an object is one of {{bytes: …}}, {{integer: …}}, {{text: …}}")
