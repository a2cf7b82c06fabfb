"""The ABI of a contract: what it can be asked, with which types. Made by the compiler, stored beside the program.

The file is JSON (``abi_version`` 1); types in it are JSON Schema, records and state machines are referred to by name.
``parse_abi`` reads it strictly where a client depends on it and skips what it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from hanchain.ledger.codec import Value
from hanchain.ledger.json_reader import Json, read_json
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.sdk import limits, types
from hanchain.sdk.reading import fields_of
from hanchain.sdk.types import Native, Type

VERSION: Final = 1

_RECORDS: Final = "#/records/"
_STATES: Final = "#/states/"
_SCALARS: Final[Mapping[tuple[str, str], Type]] = {
    ("null", ""): types.NONE,
    ("boolean", ""): types.BOOL,
    ("integer", ""): types.INT,
    ("string", ""): types.STR,
    ("string", "bytes"): types.BYTES,
    ("string", "blob"): types.BLOB,
}


class MethodKind(StrEnum):
    """When a method may be called."""

    INIT = "init"  # once, by the deployment
    EXPORT = "export"  # by transactions
    VIEW = "view"  # by queries


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter; ``default`` stands for an argument that is left out, if ``optional``."""

    name: str
    type: Type
    optional: bool = False
    default: Native = None

    @property
    def text(self) -> str:
        """For people: ``required: int = 1``."""
        if not self.optional:
            return f"{self.name}: {self.type.name}"
        exact = type(self.default) is int  # JSON makes text of a large one
        given = str(self.default) if exact else json.dumps(self.type.to_json(self.default), ensure_ascii=False)
        return f"{self.name}: {self.type.name} = {given}"


@dataclass(frozen=True, slots=True)
class Method:
    """A method, with how its arguments become the ledger's values and its result a Python value."""

    name: str
    kind: MethodKind
    parameters: tuple[Parameter, ...]
    result: Type
    docs: str = ""

    @property
    def signature(self) -> str:
        """For people: ``setup(required: int = 1) -> None``; defaults are written as in JSON."""
        return f"{self.name}({', '.join(parameter.text for parameter in self.parameters)}) -> {self.result.name}"

    def arguments(self, given: Sequence[object], named: Mapping[str, object]) -> tuple[Value, ...]:
        """Return the arguments of a call, by position and by name; raise Rejection(bad_arguments)."""
        return tuple(
            parameter.type.to_value(native, f"{self.name}, {parameter.name}")
            for parameter, native in zip(self.parameters, self.bind(given, named), strict=True)
        )

    def bind(self, given: Sequence[object], named: Mapping[str, object]) -> list[object]:
        """Return one value per parameter, defaults filled in; raise Rejection(bad_arguments)."""
        names = [parameter.name for parameter in self.parameters]
        if len(given) > len(names):
            raise self._refuse(f"takes {len(names)} arguments, {len(given)} were given")
        for name in named:
            if name not in names[len(given) :]:
                raise self._refuse(f"{name} is given twice" if name in names else f"has no parameter {name!r}")
        bound = list(given)
        for parameter in self.parameters[len(given) :]:
            if parameter.name not in named and not parameter.optional:
                raise self._refuse(f"the argument {parameter.name} ({parameter.type.name}) is missing")
            bound.append(named.get(parameter.name, parameter.default))
        return bound

    def returned(self, value: Any) -> Native:
        """Return the Python value of a result; raise Rejection(malformed) if it has another type."""
        return self.result.from_value(value, f"result of {self.name}")

    def _refuse(self, what: str) -> Rejection:
        return Rejection(Reason.BAD_ARGUMENTS, f"{self.signature}: {what}")


@dataclass(frozen=True, slots=True)
class EventKind:
    """An event; ``indexed`` names the fields that it can be found by."""

    name: str
    fields: tuple[tuple[str, Type], ...]
    indexed: tuple[str, ...] = ()

    def read(self, values: Sequence[Value]) -> dict[str, Native]:
        """Return the fields of an emitted event by name; raise Rejection(malformed)."""
        if len(values) != len(self.fields):
            raise Rejection(Reason.MALFORMED, f"event {self.name}: {len(values)} fields, {len(self.fields)} declared")
        named = zip(self.fields, values, strict=True)
        return {name: kind.from_value(value, f"event {self.name}, {name}") for (name, kind), value in named}


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of state: ``value``, ``map``, ``table`` or ``sequence``, under keys of these types."""

    name: str
    kind: str
    keys: tuple[Type, ...]
    value: Type
    indexes: tuple[tuple[str, ...], ...] = ()
    optional: bool = False
    default: Native = None  # what the contract reads where nothing is stored, if ``optional``


@dataclass(frozen=True, slots=True)
class Abi:
    """A contract, as a client sees it."""

    name: str
    docs: str
    methods: tuple[Method, ...]
    events: tuple[EventKind, ...] = ()
    cells: tuple[Cell, ...] = ()

    def method(self, name: str, *kinds: MethodKind) -> Method:
        """Return the method called ``name``, of one of ``kinds``; raise Rejection(unknown_method | view_method)."""
        found = next((method for method in self.methods if method.name == name), None)
        if found is None:
            known = ", ".join(m.name for m in self.methods if m.kind in kinds) or "none"
            raise Rejection(Reason.UNKNOWN_METHOD, f"{self.name} has no method {name!r}; there are {known}")
        if found.kind not in kinds:
            reason = Reason.VIEW_METHOD if found.kind is MethodKind.VIEW else Reason.UNKNOWN_METHOD
            raise Rejection(reason, f"{found.signature} {_HOW[found.kind]}")
        return found

    @property
    def initializer(self) -> Method | None:
        """The method that a deployment calls."""
        return next((method for method in self.methods if method.kind is MethodKind.INIT), None)

    def event(self, name: str) -> EventKind | None:
        """Return the event called ``name``, None if the contract declares none."""
        return next((event for event in self.events if event.name == name), None)

    def cell(self, name: str) -> Cell:
        """Return the cell called ``name``; raise Rejection(not_found)."""
        for cell in self.cells:
            if cell.name == name:
                return cell
        known = ", ".join(cell.name for cell in self.cells) or "none"
        raise Rejection(Reason.NOT_FOUND, f"{self.name} has no state called {name!r}; there is {known}")


_HOW: Final = {
    MethodKind.INIT: "is called by the deployment, and never again",
    MethodKind.EXPORT: "changes the state: send a transaction",
    MethodKind.VIEW: "changes nothing: query it",
}


def parse_abi(data: bytes) -> Abi:
    """Return the ABI in ``data``; raise Rejection with the JSON path of the first thing wrong."""
    root = read_json(data, max_bytes=limits.ABI_BYTES_MAX)
    fields = fields_of(root, ("abi_version", "name", "docs", "methods", "events", "cells", "records", "states"))
    version = fields["abi_version"].integer(0, 2**31)
    if version != VERSION:
        raise fields["abi_version"].refuse(Reason.WRONG_VERSION, f"ABI version {version}, {VERSION} expected")
    reader = _Types(fields["records"], fields["states"])
    return Abi(
        name=_name(fields["name"]),
        docs=fields["docs"].text(limits.ABI_BYTES_MAX),
        methods=tuple(_method(entry, reader) for entry in fields["methods"].items(0, limits.ABI_ITEMS_MAX)),
        events=tuple(_event(entry, reader) for entry in fields["events"].items(0, limits.ABI_ITEMS_MAX)),
        cells=tuple(_cell(entry, reader) for entry in fields["cells"].items(0, limits.ABI_ITEMS_MAX)),
    )


def _method(entry: Json, reader: _Types) -> Method:
    fields = fields_of(entry, ("name", "kind", "docs", "parameters", "result"))
    kind = fields["kind"].text(limits.NAME_LENGTH_MAX)
    if kind not in MethodKind.__members__.values():
        raise fields["kind"].refuse(Reason.MALFORMED, f"{kind!r} is no kind of method")
    return Method(
        name=_name(fields["name"]),
        kind=MethodKind(kind),
        parameters=tuple(
            _parameter(parameter, reader) for parameter in fields["parameters"].items(0, limits.ABI_ITEMS_MAX)
        ),
        result=reader.typed(fields["result"]),
        docs=fields["docs"].text(limits.ABI_BYTES_MAX),
    )


def _parameter(entry: Json, reader: _Types) -> Parameter:
    name, kind = _name(fields_of(entry, ("name",))["name"]), reader.typed(entry)
    if "default" not in entry.value:
        return Parameter(name, kind)
    default = entry.field("default")
    return Parameter(name, kind, optional=True, default=kind.from_json(default.value, default.path))


def _event(entry: Json, reader: _Types) -> EventKind:
    fields = fields_of(entry, ("name", "fields"))
    declared = [
        (_name(fields_of(field, ("name",))["name"]), reader.typed(field), field.value.get("indexed") is True)
        for field in fields["fields"].items(0, limits.ABI_ITEMS_MAX)
    ]
    return EventKind(
        name=_name(fields["name"]),
        fields=tuple((name, kind) for name, kind, _ in declared),
        indexed=tuple(name for name, _, indexed in declared if indexed),
    )


def _cell(entry: Json, reader: _Types) -> Cell:
    fields = fields_of(entry, ("name", "kind", "keys", "value", "indexes"))
    value = reader.typed(fields["value"])
    default = entry.field("default") if "default" in entry.value else None
    return Cell(
        name=_name(fields["name"]),
        kind=_name(fields["kind"]),
        keys=tuple(reader.typed(key) for key in fields["keys"].items(0, limits.ABI_ITEMS_MAX)),
        value=value,
        optional=default is not None,
        default=None if default is None else value.from_json(default.value, default.path),
        indexes=tuple(
            tuple(_name(field) for field in fields_of(index, ("fields",))["fields"].items(0, limits.ABI_ITEMS_MAX))
            for index in fields["indexes"].items(0, limits.ABI_ITEMS_MAX)
        ),
    )


def _name(entry: Json) -> str:
    return entry.text(limits.NAME_LENGTH_MAX)


class _Types:
    """The types of one file. Records may refer to one another, never in a circle; how deep is bounded."""

    def __init__(self, records: Json, states: Json) -> None:
        self._records = records
        self._states = states
        self._made: dict[str, tuple[Type, int]] = {}
        self._making: set[str] = set()

    def typed(self, entry: Json) -> Type:
        """Return the type of an object that has one."""
        return self._read(fields_of(entry, ("type",))["type"], limits.TYPE_DEPTH_MAX)[0]

    def _read(self, entry: Json, room: int) -> tuple[Type, int]:
        """Return a type and how many levels it has."""
        if room == 0:
            raise entry.refuse(Reason.MALFORMED, f"a type of more than {limits.TYPE_DEPTH_MAX} levels")
        schema: Any = entry.value
        if not isinstance(schema, dict):
            raise entry.refuse(Reason.WRONG_TYPE, "a JSON Schema object expected")
        if "$ref" in schema:
            return self._named(entry.field("$ref"), room)
        if "anyOf" in schema:
            first, second = [*entry.field("anyOf").items(2, 2)]
            if second.value != {"type": "null"}:
                raise second.refuse(Reason.MALFORMED, "only null may be the alternative")
            of, levels = self._read(first, room - 1)
            return types.OptionalOf(of), levels + 1
        kind = fields_of(entry, ("type",))["type"].text(limits.NAME_LENGTH_MAX)
        if kind == "array":
            return self._array(entry, room)
        if kind == "object":
            return self._dict(entry, room)
        scalar = _SCALARS.get((kind, str(schema.get("format", ""))))
        if scalar is None:
            raise entry.refuse(Reason.MALFORMED, "an unknown type")
        return scalar, 1

    def _array(self, entry: Json, room: int) -> tuple[Type, int]:
        if "prefixItems" in entry.value:
            parts = entry.field("prefixItems").items(0, limits.ABI_ITEMS_MAX)
            items = [self._read(part, room - 1) for part in parts]
            return types.TupleOf(tuple(item for item, _ in items)), 1 + max((n for _, n in items), default=0)
        if "items" not in entry.value:
            return types.AnyList(), 1
        item, levels = self._read(entry.field("items"), room - 1)
        return types.ListOf(item), levels + 1

    def _dict(self, entry: Json, room: int) -> tuple[Type, int]:
        fields = fields_of(entry, ("additionalProperties", "propertyNames"))
        key, _ = self._read(fields["propertyNames"], room - 1)
        if key not in {types.STR, types.BYTES}:
            raise fields["propertyNames"].refuse(Reason.MALFORMED, "keys are str or bytes")
        assert isinstance(key, types.Scalar), "just compared with two of them"
        value, levels = self._read(fields["additionalProperties"], room - 1)
        return types.DictOf(key, value), levels + 1

    def _named(self, reference: Json, room: int) -> tuple[Type, int]:
        target = reference.text(limits.NAME_LENGTH_MAX)
        if target not in self._made:
            if target in self._making:
                raise reference.refuse(Reason.MALFORMED, f"{target} contains itself")
            self._making.add(target)
            self._made[target] = self._make(reference, target, room)
        found, levels = self._made[target]
        if levels > room:
            raise reference.refuse(Reason.MALFORMED, f"a type of more than {limits.TYPE_DEPTH_MAX} levels")
        return found, levels

    def _make(self, reference: Json, target: str, room: int) -> tuple[Type, int]:
        if target.startswith(_STATES):
            name = target.removeprefix(_STATES)
            states = fields_of(self._found(self._states, name, reference), ("states",))["states"]
            return types.StateOf(name, tuple(_name(state) for state in states.items(1, limits.ABI_ITEMS_MAX))), 1
        name = target.removeprefix(_RECORDS)
        record = fields_of(self._found(self._records, name, reference), ("fields",))["fields"]
        fields, deepest = [], 0
        for field in record.items(0, limits.ABI_ITEMS_MAX):
            parts = fields_of(field, ("name", "type"))
            kind, levels = self._read(parts["type"], room - 1)
            fields.append((_name(parts["name"]), kind))
            deepest = max(deepest, levels)
        return types.RecordOf(name, tuple(fields)), 1 + deepest

    def _found(self, table: Json, name: str, reference: Json) -> Json:
        if not isinstance(table.value, dict) or name not in table.value:
            raise reference.refuse(Reason.MALFORMED, f"nothing is called {name!r}")
        return table.field(name)
