"""Strict reading of JSON files: every field named, typed and bounded, and every refusal with its JSON path.

Duplicate keys, unknown keys, floating-point numbers and ``NaN`` are refused; bytes are lower-case ``0x`` hexadecimal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from hanchain.ledger.reasons import Reason, Rejection

_REPEATED_MAX: Final = 80  # characters of a strange name or number in a refusal
_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def read_json(data: bytes, *, max_bytes: int) -> Json:
    """Return the root of the document in ``data``; raise Rejection(OVERSIZED | MALFORMED)."""
    if len(data) > max_bytes:
        raise Rejection(Reason.OVERSIZED, f"{len(data)} bytes, at most {max_bytes}")
    try:
        # Decoded here, strictly: the library would also take UTF-16 and UTF-32, and halves of surrogate pairs.
        text = data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_without_duplicates, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError) as error:
        raise Rejection(Reason.MALFORMED, f"not JSON: {error}") from None
    return Json(value, "$")


def hex_of(data: bytes) -> str:
    """Return ``data`` the way files and the API show bytes."""
    return "0x" + data.hex()


@dataclass(frozen=True, slots=True)
class Json:
    """A value of a document and the path that leads to it."""

    value: Any
    path: str

    def field(self, name: str) -> Json:
        """Return a field of an object that ``fields`` has checked."""
        return Json(self.value[name], f"{self.path}.{name}")

    def fields(self, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Json]:
        """Return the fields of an object that has all of ``required`` and none besides ``optional``."""
        if not isinstance(self.value, dict):
            raise self.refuse(Reason.WRONG_TYPE, "object expected")
        for name in self.value:
            if name not in required and name not in optional:
                raise self.refuse(Reason.UNKNOWN_FIELD, f"unknown field {_brief(ascii(name))}")
        for name in required:
            if name not in self.value:
                raise self.refuse(Reason.MISSING_FIELD, f"field {name!r} is missing")
        return {name: self.field(name) for name in self.value}

    def items(self, minimum: int, maximum: int) -> Iterator[Json]:
        """Return the elements of an array of minimum..maximum elements."""
        if not isinstance(self.value, list):
            raise self.refuse(Reason.WRONG_TYPE, "array expected")
        if not minimum <= len(self.value) <= maximum:
            raise self.refuse(Reason.OUT_OF_RANGE, f"{len(self.value)} elements, {minimum}..{maximum} allowed")
        return (Json(item, f"{self.path}[{index}]") for index, item in enumerate(self.value))

    def integer(self, minimum: int, maximum: int) -> int:
        """Return an integer in minimum..maximum."""
        if type(self.value) is not int:
            raise self.refuse(Reason.WRONG_TYPE, "integer expected")
        if not minimum <= self.value <= maximum:
            raise self.refuse(Reason.OUT_OF_RANGE, f"{_brief(str(self.value))} is not in {minimum}..{maximum}")
        return self.value

    def text(self, maximum: int) -> str:
        """Return text of at most ``maximum`` characters."""
        if not isinstance(self.value, str):
            raise self.refuse(Reason.WRONG_TYPE, "text expected")
        if len(self.value) > maximum:
            raise self.refuse(Reason.OUT_OF_RANGE, f"{len(self.value)} characters, at most {maximum}")
        if not self.value.isascii() and _SURROGATES.search(self.value):
            raise self.refuse(Reason.MALFORMED, "half of a surrogate pair, which is no character")
        return self.value

    def blob(self, minimum: int, maximum: int) -> bytes:
        """Return bytes of minimum..maximum length."""
        text = self.text(2 + 2 * maximum)
        try:
            data = bytes.fromhex(text[2:])
        except ValueError:
            data = b""
        if hex_of(data) != text:  # also refuses upper case and the spaces that fromhex skips
            raise self.refuse(Reason.MALFORMED, "0x and lower-case hexadecimal digits expected")
        if not minimum <= len(data) <= maximum:
            raise self.refuse(Reason.OUT_OF_RANGE, f"{len(data)} bytes, {minimum}..{maximum} allowed")
        return data

    def refuse(self, reason: Reason, detail: str) -> Rejection:
        """Return the rejection of this value."""
        return Rejection(reason, f"{self.path}: {detail}")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("an object has a field twice")
    return made


def _no_float(text: str) -> Any:
    raise ValueError(f"{_brief(text)}: only integers are numbers here")


def _brief(text: str) -> str:
    """Return the beginning of something that somebody else wrote, as it may be repeated to people."""
    return text if len(text) <= _REPEATED_MAX else f"{text[:_REPEATED_MAX]}…"
