"""Types of contracts, as an ABI declares them: between Python values, the ledger's values and JSON.

A Python value of a type is what one would write: ``dict`` for a record and for a dict, ``list``, ``tuple``, ``str``
for a state of a state machine, ``bytes`` for a blob reference. The ledger's value is what is signed and stored: records
and dicts are arrays there, states are numbers. JSON is for people and files: bytes are ``"0x…"``, integers may be
decimal strings, records are objects.

===================  ====================  =======================================  ==========================
type                 Python                ledger                                   JSON
===================  ====================  =======================================  ==========================
none, bool, str      the same              the same                                 the same
int                  int                   int                                      number, or decimal string
bytes, blob          bytes                 bytes                                    ``"0x00ff"``
list[T]              list                  array                                    array
tuple[T, U]          tuple                 array                                    array
dict[K, T]           dict                  array of [key, value], ascending         object (bytes keys as 0x…)
record               dict, all fields      array in the order of the fields         object, all fields
T | None             None or T             nil or T                                 null or T
state                its name              its number                               its name
list (of anything)   list                  array                                    as in ``contract_call``
===================  ====================  =======================================  ==========================

``to_value`` and ``from_json`` raise Rejection(bad_arguments), ``from_value`` raises Rejection(malformed); each names
the place, such as ``items[2].owner``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from hanchain.crypto.limits import DIGEST_BYTES_MAX, DIGEST_BYTES_MIN
from hanchain.ledger.codec import INTEGER_MAX, CodecError, Value, check_types
from hanchain.ledger.json_reader import Json, hex_of
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.sdk.values import read_value, to_document

KeyPart: TypeAlias = "bool | int | str | bytes"  # of a key of the state
# A list of the ledger's values is one of Python values too, which the types of lists cannot express.
Native: TypeAlias = "bool | int | str | bytes | list[Any] | tuple[Any, ...] | dict[Any, Any] | None"

_SAFE_INTEGER_MAX: Final = 2**53 - 1  # what every JSON reader holds exactly
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,76})", re.ASCII)
_HEX: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*", re.ASCII)


class Type(Protocol):
    """A type: its name for people, and the conversions."""

    @property
    def name(self) -> str:
        """As in a contract's source: ``list[bytes]``."""

    def to_value(self, native: Any, what: str, /) -> Value:
        """Return the ledger's value of a Python value."""

    def from_value(self, value: Any, what: str, /) -> Native:
        """Return the Python value of a ledger's value."""

    def from_json(self, document: Any, what: str, /) -> Native:
        """Return the Python value that a JSON document stands for."""

    def to_json(self, native: Any, /) -> object:
        """Return the JSON document of a Python value that is one of this type."""


def wrong(what: str, expected: str, got: object) -> Rejection:
    """Return the refusal of an argument."""
    shown = repr(got)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}…"
    return Rejection(Reason.BAD_ARGUMENTS, f"{what}: {expected} expected, not {shown}")


def _malformed(what: str, expected: str) -> Rejection:
    return Rejection(Reason.MALFORMED, f"{what}: not a value of type {expected}")


@dataclass(frozen=True, slots=True)
class Scalar:
    """none, bool, int, str or bytes."""

    name: str
    kind: type
    allowed: Callable[[Any], bool] = lambda _: True

    def _is_one(self, native: Any) -> bool:
        return type(native) is self.kind and self.allowed(native)  # exactly: a bool is no int

    def to_value(self, native: Any, what: str) -> Value:
        """Return the value itself."""
        if not self._is_one(native):
            raise wrong(what, self.name, native)
        checked: Value = native
        return checked

    def from_value(self, value: Any, what: str) -> Native:
        """Return the value itself."""
        if not self._is_one(value):
            raise _malformed(what, self.name)
        checked: Native = value
        return checked

    def from_json(self, document: Any, what: str) -> Native:
        """Return the value; bytes from ``0x…``, integers also from decimal text."""
        if self.kind is bytes and isinstance(document, str) and _HEX.fullmatch(document):
            document = bytes.fromhex(document[2:])
        elif self.kind is int and isinstance(document, str) and _DECIMAL.fullmatch(document) and document != "-0":
            document = int(document)
        if not self._is_one(document):
            raise wrong(what, "0x… (bytes)" if self.kind is bytes else self.name, document)
        checked: Native = document
        return checked

    def to_json(self, native: Any) -> object:
        """Return the value; bytes as ``0x…``, integers beyond 2^53 - 1 as decimal text."""
        if isinstance(native, bytes):
            return hex_of(native)
        if type(native) is int and abs(native) > _SAFE_INTEGER_MAX:
            return str(native)
        return native


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair has no encoding
        return False
    return True


NONE: Final = Scalar("None", type(None))
BOOL: Final = Scalar("bool", bool)
INT: Final = Scalar("int", int, lambda number: abs(number) <= INTEGER_MAX)
STR: Final = Scalar("str", str, _is_text)
BYTES: Final = Scalar("bytes", bytes)
BLOB: Final = Scalar("BlobRef", bytes, lambda data: DIGEST_BYTES_MIN <= len(data) <= DIGEST_BYTES_MAX)


@dataclass(frozen=True, slots=True)
class ListOf:
    """list[T]."""

    item: Type

    @property
    def name(self) -> str:
        """list[T]."""
        return f"list[{self.item.name}]"

    def to_value(self, native: Any, what: str) -> Value:
        """Return an array."""
        if not isinstance(native, list | tuple):
            raise wrong(what, self.name, native)
        return tuple(self.item.to_value(entry, f"{what}[{index}]") for index, entry in enumerate(native))

    def from_value(self, value: Any, what: str) -> Native:
        """Return a list."""
        if not isinstance(value, list | tuple):
            raise _malformed(what, self.name)
        return [self.item.from_value(entry, f"{what}[{index}]") for index, entry in enumerate(value)]

    def from_json(self, document: Any, what: str) -> Native:
        """Return a list."""
        if not isinstance(document, list):
            raise wrong(what, self.name, document)
        return [self.item.from_json(entry, f"{what}[{index}]") for index, entry in enumerate(document)]

    def to_json(self, native: Any) -> object:
        """Return an array."""
        return [self.item.to_json(entry) for entry in native]


@dataclass(frozen=True, slots=True)
class AnyList:
    """A list whose elements are the method's affair, as system contracts have them."""

    name: str = "list"

    def to_value(self, native: Any, what: str) -> Value:
        """Return an array of the ledger's values."""
        if not isinstance(native, list | tuple):
            raise wrong(what, self.name, native)
        try:
            check_types(native)
        except CodecError as error:
            raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: {error.detail}") from None
        return tuple(native)

    def from_value(self, value: Any, what: str) -> Native:
        """Return a list; arrays within it are tuples."""
        if not isinstance(value, list | tuple):
            raise _malformed(what, self.name)
        return list(value)

    def from_json(self, document: Any, what: str) -> Native:
        """Return a list: ``"0x…"`` within it is bytes, ``{"text": "0x…"}`` is text, ``{"integer": "…"}`` an integer."""
        if not isinstance(document, list):
            raise wrong(what, self.name, document)
        try:
            read: list[Any] = [read_value(Json(entry, f"{what}[{index}]")) for index, entry in enumerate(document)]
        except Rejection as rejection:
            raise Rejection(Reason.BAD_ARGUMENTS, rejection.detail) from None
        return read

    def to_json(self, native: Any) -> object:
        """Return an array in the same convention."""
        return [to_document(entry) for entry in native]


@dataclass(frozen=True, slots=True)
class TupleOf:
    """tuple[T, U, …]."""

    items: tuple[Type, ...]

    @property
    def name(self) -> str:
        """tuple[T, U]."""
        return f"tuple[{', '.join(item.name for item in self.items)}]"

    def to_value(self, native: Any, what: str) -> Value:
        """Return an array."""
        if not isinstance(native, list | tuple) or len(native) != len(self.items):
            raise wrong(what, self.name, native)
        return tuple(item.to_value(entry, f"{what}[{i}]") for i, (item, entry) in _numbered(self.items, native))

    def from_value(self, value: Any, what: str) -> Native:
        """Return a tuple."""
        if not isinstance(value, list | tuple) or len(value) != len(self.items):
            raise _malformed(what, self.name)
        return tuple(item.from_value(entry, f"{what}[{i}]") for i, (item, entry) in _numbered(self.items, value))

    def from_json(self, document: Any, what: str) -> Native:
        """Return a tuple."""
        if not isinstance(document, list) or len(document) != len(self.items):
            raise wrong(what, self.name, document)
        return tuple(item.from_json(entry, f"{what}[{i}]") for i, (item, entry) in _numbered(self.items, document))

    def to_json(self, native: Any) -> object:
        """Return an array."""
        return [item.to_json(entry) for item, entry in zip(self.items, native, strict=True)]


def _numbered(types: tuple[Type, ...], values: Any) -> Iterator[tuple[int, tuple[Type, Any]]]:
    return enumerate(zip(types, values, strict=True))


@dataclass(frozen=True, slots=True)
class DictOf:
    """dict[K, T], with K str or bytes."""

    key: Scalar
    value: Type

    @property
    def name(self) -> str:
        """dict[K, T]."""
        return f"dict[{self.key.name}, {self.value.name}]"

    def to_value(self, native: Any, what: str) -> Value:
        """Return an array of pairs in ascending order of the keys' bytes."""
        if not isinstance(native, Mapping):
            raise wrong(what, self.name, native)
        for key in native:
            self.key.to_value(key, f"{what}, a key")
        pairs = sorted(native.items(), key=lambda pair: _key_bytes(pair[0]))
        return tuple((key, self.value.to_value(entry, f"{what}[{key!r}]")) for key, entry in pairs)

    def from_value(self, value: Any, what: str) -> Native:
        """Return a dict in the order of the array; refuse any other order."""
        made: dict[Any, Native] = {}
        previous: bytes | None = None
        for pair in value if isinstance(value, list | tuple) else (None,):
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise _malformed(what, self.name)
            key = self.key.from_value(pair[0], f"{what}, a key")
            if previous is not None and _key_bytes(key) <= previous:
                raise _malformed(what, f"{self.name}, keys ascending")
            previous = _key_bytes(key)
            made[key] = self.value.from_value(pair[1], f"{what}[{key!r}]")
        return made

    def from_json(self, document: Any, what: str) -> Native:
        """Return a dict."""
        if not isinstance(document, dict):
            raise wrong(what, self.name, document)
        made: dict[Any, Native] = {}
        for name, entry in document.items():
            key = self.key.from_json(name, f"{what}, a key")
            if key in made:
                raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: the key {name} stands twice")
            made[key] = self.value.from_json(entry, f"{what}[{name!r}]")
        return made

    def to_json(self, native: Any) -> object:
        """Return an object."""
        return {self.key.to_json(key): self.value.to_json(entry) for key, entry in native.items()}


def _key_bytes(key: Any) -> bytes:
    return key if isinstance(key, bytes) else str(key).encode()


@dataclass(frozen=True, slots=True)
class RecordOf:
    """A record."""

    name: str
    fields: tuple[tuple[str, Type], ...]

    def to_value(self, native: Any, what: str) -> Value:
        """Return an array in the order of the fields."""
        given = self._all_fields(native, what)
        return tuple(kind.to_value(given[field], f"{what}.{field}") for field, kind in self.fields)

    def from_value(self, value: Any, what: str) -> Native:
        """Return a dict of the fields."""
        if not isinstance(value, list | tuple) or len(value) != len(self.fields):
            raise _malformed(what, self.name)
        named = zip(self.fields, value, strict=True)
        return {field: kind.from_value(entry, f"{what}.{field}") for (field, kind), entry in named}

    def from_json(self, document: Any, what: str) -> Native:
        """Return a dict of the fields."""
        given = self._all_fields(document, what)
        return {field: kind.from_json(given[field], f"{what}.{field}") for field, kind in self.fields}

    def to_json(self, native: Any) -> object:
        """Return an object."""
        return {field: kind.to_json(native[field]) for field, kind in self.fields}

    def _all_fields(self, given: object, what: str) -> Mapping[Any, Any]:
        names = [field for field, _ in self.fields]
        if not isinstance(given, Mapping):
            raise wrong(what, f"{self.name} with the fields {', '.join(names)}", given)
        for field in names:
            if field not in given:
                raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: the field {field} of {self.name} is missing")
        for field in given:
            if field not in names:
                raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: {self.name} has no field {field!r}")
        return given


@dataclass(frozen=True, slots=True)
class OptionalOf:
    """T | None."""

    of: Type

    @property
    def name(self) -> str:
        """T | None."""
        return f"{self.of.name} | None"

    def to_value(self, native: Any, what: str) -> Value:
        """Return nil or the value."""
        return None if native is None else self.of.to_value(native, what)

    def from_value(self, value: Any, what: str) -> Native:
        """Return None or the value."""
        return None if value is None else self.of.from_value(value, what)

    def from_json(self, document: Any, what: str) -> Native:
        """Return None or the value."""
        return None if document is None else self.of.from_json(document, what)

    def to_json(self, native: Any) -> object:
        """Return null or the value."""
        return None if native is None else self.of.to_json(native)


@dataclass(frozen=True, slots=True)
class StateOf:
    """A state of a state machine."""

    name: str
    states: tuple[str, ...]

    def to_value(self, native: Any, what: str) -> Value:
        """Return the number of a state."""
        if not isinstance(native, str) or native not in self.states:
            raise wrong(what, f"{self.name}, one of {', '.join(self.states)},", native)
        return self.states.index(native)

    def from_value(self, value: Any, what: str) -> Native:
        """Return the name of a state."""
        if type(value) is not int or not 0 <= value < len(self.states):
            raise _malformed(what, self.name)
        return self.states[value]

    def from_json(self, document: Any, what: str) -> Native:
        """Return the name of a state."""
        self.to_value(document, what)
        return str(document)

    def to_json(self, native: Any) -> object:
        """Return the name."""
        return native
