"""Kinds of parameters: what each accepts, said once for the check, for people and for a machine (JSON Schema)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from hanchain.api import limits
from hanchain.api.convert import from_hex, from_integer, from_json
from hanchain.api.strictjson import Json, parse_text
from hanchain.ledger.codec import Value
from hanchain.ledger.limits import (
    ARGUMENTS_MAX,
    EVENTS_MAX,
    HEIGHT_MAX,
    NAMES_LISTED_MAX,
    STATE_KEY_BYTES_MAX,
    TRANSACTION_BYTES_MAX,
)
from hanchain.ledger.reasons import Reason, Rejection

_HEX_PATTERN: Final = "^0x([0-9a-fA-F]{2})*$"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of parameter. ``read`` raises Rejection; ``of_text`` gives the JSON that a word in an address means."""

    name: str  # for people, in tables
    schema: dict[str, Json]  # JSON Schema 2020-12
    read: Callable[[Json, str], Any]  # (document, name of the parameter) -> value for the handler
    of_text: Callable[[str], Json] = str


@dataclass(frozen=True, slots=True)
class BlockRef:
    """How a caller names a block: exactly one of height and hash, or neither for the latest."""

    height: int | None = None
    block_hash: bytes | None = None


def integer(minimum: int, maximum: int) -> Kind:
    """Return the kind of integers in minimum..maximum."""

    def read(document: Json, what: str) -> int:
        value = from_integer(document, what)
        if not minimum <= value <= maximum:
            raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: {value} is not in {minimum}..{maximum}")
        return value

    schema: dict[str, Json] = {"type": ["integer", "string"], "minimum": minimum, "maximum": maximum}
    return Kind(f"integer {minimum}..{maximum}", schema, read)


def text(length_max: int) -> Kind:
    """Return the kind of non-empty strings of at most ``length_max`` characters."""

    def read(document: Json, what: str) -> str:
        if not isinstance(document, str):
            raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: string expected")
        if not 0 < len(document) <= length_max:
            raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: {len(document)} characters, 1..{length_max} allowed")
        return document

    return Kind("string", {"type": "string", "minLength": 1, "maxLength": length_max}, read)


def blob(minimum: int, maximum: int, name: str) -> Kind:
    """Return the kind of byte strings of minimum..maximum bytes, in hexadecimal."""

    def read(document: Json, what: str) -> bytes:
        data = from_hex(document, what)
        if len(data) > maximum:
            raise Rejection(Reason.OVERSIZED, f"{what}: {len(data)} bytes, at most {maximum}")
        if len(data) < minimum:
            raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: {len(data)} bytes, at least {minimum}")
        return data

    schema: dict[str, Json] = {
        "type": "string",
        "pattern": _HEX_PATTERN,
        "minLength": 2 + 2 * minimum,
        "maxLength": 2 + 2 * maximum,
    }
    return Kind(name, schema, read)


def array(item: Kind, items_max: int) -> Kind:
    """Return the kind of arrays of 1 to ``items_max`` items."""

    def read(document: Json, what: str) -> list[Any]:
        if not isinstance(document, list):
            raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: array expected")
        if len(document) > items_max:
            raise Rejection(Reason.OVERSIZED, f"{what}: {len(document)} items, at most {items_max}")
        if not document:
            raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: empty")
        return [item.read(entry, f"{what}[{position}]") for position, entry in enumerate(document)]

    schema: dict[str, Json] = {"type": "array", "items": item.schema, "minItems": 1, "maxItems": items_max}
    return Kind(f"[{item.name}, …]", schema, read, of_text=parse_text)


def optional(kind: Kind) -> Kind:
    """Return the kind of ``kind`` or null."""

    def read(document: Json, what: str) -> Any:
        return None if document is None else kind.read(document, what)

    return Kind(f"{kind.name} or null", {"anyOf": [kind.schema, {"type": "null"}]}, read, kind.of_text)


def _read_cursor(document: Json, what: str) -> str:
    return "" if document == "" else str(NAME.read(document, what))


def _read_boolean(document: Json, what: str) -> bool:
    if not isinstance(document, bool):
        raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: true or false expected")
    return document


def _boolean_of_text(word: str) -> Json:
    return {"true": True, "false": False}.get(word, word)


def _read_arguments(document: Json, what: str) -> list[Value]:
    if not isinstance(document, list):
        raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: array expected")
    if len(document) > ARGUMENTS_MAX:
        raise Rejection(Reason.OVERSIZED, f"{what}: {len(document)} arguments, at most {ARGUMENTS_MAX}")
    return [from_json(entry, f"{what}[{position}]") for position, entry in enumerate(document)]


def _read_block(document: Json, what: str) -> BlockRef:
    if document == "latest":
        return BlockRef()
    if isinstance(document, str) and document.startswith("0x"):
        return BlockRef(block_hash=DIGEST.read(document, what))
    try:
        return BlockRef(height=HEIGHT.read(document, what))
    except Rejection as rejection:
        raise Rejection(Reason.BAD_ARGUMENTS, f'{rejection.detail} (or "latest", or a block hash)') from None


DIGEST: Final = blob(limits.HEX_DIGEST_BYTES_MIN, limits.HEX_DIGEST_BYTES_MAX, "0x hash")
ENVELOPE: Final = blob(1, TRANSACTION_BYTES_MAX, "0x bytes")
ENVELOPES: Final = array(ENVELOPE, limits.BATCH_TRANSACTIONS_MAX)
HEIGHT: Final = integer(0, HEIGHT_MAX)
NAME: Final = text(limits.NAME_LENGTH_MAX)
CURSOR: Final = Kind("string", {"type": "string", "maxLength": limits.NAME_LENGTH_MAX}, _read_cursor)
PAGE: Final = integer(1, NAMES_LISTED_MAX)
STATE_KEY: Final = blob(0, STATE_KEY_BYTES_MAX, "0x bytes")
EVENT_INDEX: Final = integer(0, EVENTS_MAX - 1)
WAIT_MS: Final = integer(1, limits.WAIT_MS_MAX)
BOOLEAN: Final = Kind("boolean", {"type": "boolean"}, _read_boolean, of_text=_boolean_of_text)
ARGUMENTS: Final = Kind("[value, …]", {"type": "array", "maxItems": ARGUMENTS_MAX}, _read_arguments, of_text=parse_text)
BLOCK: Final = Kind(
    'height, 0x hash or "latest"', {"oneOf": [{"const": "latest"}, HEIGHT.schema, DIGEST.schema]}, _read_block
)
