"""The ABI: everything that a client needs to encode, decode and show."""

import json
from typing import Any

from contracts.compiler import compile_source
from contracts.library import source

SOURCE = '''
from contracts.language import BlobRef, Contract, Event, Map, Record, Sequence, States, Table, Value, export, init, view
from contracts.language import to


class Part(Record):
    """A part.

    With more words.
    """

    weight: int = -(2**60)
    label: str | None = None


class Everything(Contract):
    """Holds \u6c49\u94fe."""

    class Status(States):
        """The life of a thing."""

        draft = to("done")
        done = to()

    big = Value(int, default=2**60)
    mark = Value(bytes, default=b"\\x00\\xff")
    shares = Map(tuple[str, bytes], list[tuple[int, bool]])
    parts = Table(Part, key=int, index="weight", unique=(("label_", "weight"),))
    numbers = Sequence()
    Moved = Event(part=Part, status=Status, indexed=("status",))

    @init
    def begin(self, mark: bytes = b"\\x01", size: int = 2**54) -> None:
        """Begin."""

    @export(roles=("clerk", "judge"), kyc=3, move=(Status.draft, Status.done), reentrant=True)
    def go(self, blob: BlobRef, by_name: dict[str, Part]) -> Status | None:
        return None

    @view
    def see(self) -> Part:
        return Part()

    def _help(self) -> None:
        pass
'''


def abi_of(text: str) -> Any:
    """Return the ABI of a source."""
    return json.loads(compile_source(text).abi)


def test_the_abi_of_a_contract_with_everything() -> None:
    """Types are JSON Schema beside Python's text, defaults are what JSON can hold, order is that of the source."""
    text = SOURCE.replace("    label: str | None = None", "    label: str | None = None\n    label_: str = ''")
    integer = {"type": {"type": "integer"}, "python": "int"}
    part = {"type": {"$ref": "#/records/Part"}, "python": "Part"}
    status = {"$ref": "#/states/Status"}
    optional = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    raw = {"type": "string", "format": "bytes"}
    pair = {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "boolean"}], "items": False}
    open_guard = {"roles": [], "level": 0, "policy": None, "moves": [], "reentrant": False}
    assert abi_of(text) == {
        "abi_version": 1,
        "name": "Everything",
        "docs": "Holds \u6c49\u94fe.",
        "methods": [
            {
                "name": "begin",
                "kind": "init",
                "docs": "Begin.",
                "parameters": [
                    {"name": "mark", "type": raw, "python": "bytes", "default": "0x01"},
                    {"name": "size", **integer, "default": str(2**54)},
                ],
                "result": {"type": {"type": "null"}, "python": "None"},
                "guard": open_guard,
            },
            {
                "name": "go",
                "kind": "export",
                "docs": "",
                "parameters": [
                    {"name": "blob", "type": {"type": "string", "format": "blob"}, "python": "BlobRef"},
                    {
                        "name": "by_name",
                        "type": {
                            "type": "object",
                            "propertyNames": {"type": "string"},
                            "additionalProperties": part["type"],
                        },
                        "python": "dict[str, Part]",
                    },
                ],
                "result": {"type": {"anyOf": [status, {"type": "null"}]}, "python": "Status | None"},
                "guard": {
                    "roles": ["clerk", "judge"],
                    "level": 3,
                    "policy": None,
                    "moves": [["Status", "draft", "done"]],
                    "reentrant": True,
                },
            },
            {"name": "see", "kind": "view", "docs": "", "parameters": [], "result": part, "guard": open_guard},
        ],
        "events": [
            {
                "name": "Moved",
                "docs": "",
                "fields": [
                    {"name": "part", **part, "indexed": False},
                    {"name": "status", "type": status, "python": "Status", "indexed": True},
                ],
            }
        ],
        "cells": [
            {"name": "big", "kind": "value", "keys": [], "value": integer, "indexes": [], "default": str(2**60)},
            {
                "name": "mark",
                "kind": "value",
                "keys": [],
                "value": {"type": raw, "python": "bytes"},
                "indexes": [],
                "default": "0x00ff",
            },
            {
                "name": "shares",
                "kind": "map",
                "keys": [{"type": {"type": "string"}, "python": "str"}, {"type": raw, "python": "bytes"}],
                "value": {"type": {"type": "array", "items": pair}, "python": "list[tuple[int, bool]]"},
                "indexes": [],
            },
            {
                "name": "parts",
                "kind": "table",
                "keys": [integer],
                "value": part,
                "indexes": [
                    {"fields": ["weight"], "unique": False},
                    {"fields": ["label_", "weight"], "unique": True},
                ],
            },
            {"name": "numbers", "kind": "sequence", "keys": [], "value": integer, "indexes": []},
        ],
        "records": {
            "Part": {
                "docs": "A part.\n\nWith more words.",
                "fields": [
                    {"name": "weight", **integer, "default": str(-(2**60))},
                    {"name": "label", "type": optional, "python": "str | None", "default": None},
                    {"name": "label_", "type": {"type": "string"}, "python": "str", "default": ""},
                ],
            }
        },
        "states": {
            "Status": {"docs": "The life of a thing.", "states": ["draft", "done"], "moves": [["draft", "done"]]}
        },
    }


def test_the_abi_is_canonical_json() -> None:
    """Keys are sorted, there are no spaces, text is UTF-8 as it is."""
    abi = compile_source(source("evidence")).abi
    assert abi == json.dumps(json.loads(abi), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_documentation_is_bounded_and_no_part_of_the_program() -> None:
    """A docstring of the length of the source is cut in the ABI and changes no program."""
    head = "from contracts.language import Contract\nclass C(Contract):\n"
    long, short = (compile_source(f'{head}    """{"x" * length}"""\n') for length in (10_000, 1))
    assert long.program == short.program
    assert json.loads(long.abi)["docs"] == "x" * 4096
