"""ABI files: what a client reads from them, and what it refuses."""

import copy
import json

import pytest

from hanchain.ledger.execution import system_registry
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.system.description import abi_of
from hanchain.sdk import limits
from hanchain.sdk.abi import MethodKind, parse_abi

INTEGER = {"type": "integer"}
TEXT = {"type": "string"}
BYTES = {"type": "string", "format": "bytes"}
NULL = {"type": "null"}
ITEM = {"$ref": "#/records/Item"}
GUARD = {"roles": [], "level": 0, "policy": None, "moves": [], "reentrant": False}


def method(name, kind, parameters=(), result=NULL):
    """Return a method's entry."""
    given = [{"name": n, "type": t, "python": "…", **more} for n, t, more in parameters]
    return {
        "name": name,
        "kind": kind,
        "docs": f"About {name}.",
        "parameters": given,
        "result": {"type": result, "python": "…"},
        "guard": GUARD,
    }


ABI = {
    "abi_version": 1,
    "name": "Evidence",
    "docs": "Notarised digests.",
    "methods": [
        method("setup", "init", [("required", INTEGER, {"default": 1})]),
        method("deposit", "export", [("digest", BYTES, {}), ("note", {"anyOf": [TEXT, NULL]}, {"default": None})]),
        method("find", "view", [("digest", BYTES, {})], ITEM),
    ],
    "events": [
        {
            "name": "Deposited",
            "docs": "",
            "fields": [
                {"name": "digest", "type": BYTES, "python": "bytes", "indexed": False},
                {"name": "owner", "type": TEXT, "python": "str", "indexed": True},
            ],
        }
    ],
    "cells": [
        {
            "name": "items",
            "kind": "table",
            "keys": [{"type": BYTES, "python": "bytes"}],
            "value": {"type": ITEM, "python": "Item"},
            "indexes": [{"fields": ["owner"], "unique": False}],
        },
        {
            "name": "required",
            "kind": "value",
            "keys": [],
            "value": {"type": INTEGER, "python": "int"},
            "default": 1,
            "indexes": [],
        },
    ],
    "records": {
        "Item": {
            "docs": "",
            "fields": [
                {"name": "owner", "type": TEXT, "python": "str"},
                {"name": "phase", "type": {"$ref": "#/states/Phase"}, "python": "Phase"},
                {"name": "marks", "type": {"type": "array", "items": INTEGER}, "python": "list[int]"},
            ],
        }
    },
    "states": {"Phase": {"docs": "", "states": ["draft", "final"], "moves": [["draft", "final"]]}},
}


def parse(document=ABI):
    """Read a document as a file."""
    return parse_abi(json.dumps(document).encode())


def refused(document):
    """Return the refusal of a document."""
    with pytest.raises(Rejection) as caught:
        parse(document)
    return caught.value


def test_an_abi_says_what_a_contract_can_be_asked():
    """Methods, events and state come with their types by name, as in the source."""
    abi = parse()
    assert [m.signature for m in abi.methods] == [
        "setup(required: int = 1) -> None",
        "deposit(digest: bytes, note: str | None = null) -> None",
        "find(digest: bytes) -> Item",
    ]
    assert (abi.initializer, abi.methods[2].docs) == (abi.methods[0], "About find.")
    assert (abi.event("Deposited").indexed, abi.event("Other")) == (("owner",), None)
    items = abi.cell("items")
    assert ([k.name for k in items.keys], items.value.name, items.indexes) == (["bytes"], "Item", (("owner",),))
    required = abi.cell("required")
    assert (required.optional, required.default, items.optional, items.default) == (True, 1, False, None)


def test_arguments_by_position_and_by_name_and_defaults():
    """A call may leave out what has a default, name what it likes, and gets the ledger's values."""
    deposit = parse().method("deposit", MethodKind.EXPORT)
    assert deposit.arguments([b"\x01"], {}) == (b"\x01", None)
    assert deposit.arguments([], {"note": "n", "digest": b"\x01"}) == (b"\x01", "n")
    assert parse().initializer.arguments([], {}) == (1,)


@pytest.mark.parametrize(
    ("given", "named", "words"),
    [
        ([], {}, "the argument digest (bytes) is missing"),
        ([b"", None, 3], {}, "takes 2 arguments, 3 were given"),
        ([b""], {"digest": b""}, "digest is given twice"),
        ([b""], {"more": 1}, "has no parameter 'more'"),
        (["text"], {}, "deposit, digest: bytes expected, not 'text'"),
    ],
)
def test_a_wrong_call_is_refused_before_it_is_sent(given, named, words):
    """The refusal names the method, the parameter and what is wrong with it."""
    with pytest.raises(Rejection) as caught:
        parse().method("deposit", MethodKind.EXPORT).arguments(given, named)
    assert (caught.value.reason, words in caught.value.detail) == (Reason.BAD_ARGUMENTS, True), caught.value.detail


def test_results_and_events_come_back_with_names():
    """A record is a dict of its fields, an event too; a value of another type is refused."""
    abi = parse()
    find = abi.method("find", MethodKind.VIEW)
    assert find.returned(("ab", 1, (5,))) == {"owner": "ab", "phase": "final", "marks": [5]}
    assert abi.event("Deposited").read((b"\x01", "ab")) == {"digest": b"\x01", "owner": "ab"}
    for wrong in ("ab", ("ab", 2, ()), ("ab", 1)):
        with pytest.raises(Rejection) as caught:
            find.returned(wrong)
        assert caught.value.reason is Reason.MALFORMED
    with pytest.raises(Rejection, match="1 fields, 2 declared"):
        abi.event("Deposited").read((b"\x01",))


@pytest.mark.parametrize(
    ("name", "kinds", "reason", "words"),
    [
        ("missing", [MethodKind.VIEW], Reason.UNKNOWN_METHOD, "no method 'missing'; there are find"),
        ("find", [MethodKind.EXPORT], Reason.VIEW_METHOD, "changes nothing: query it"),
        ("deposit", [MethodKind.VIEW], Reason.UNKNOWN_METHOD, "changes the state: send a transaction"),
        ("setup", [MethodKind.EXPORT], Reason.UNKNOWN_METHOD, "is called by the deployment"),
    ],
)
def test_a_method_of_another_kind_is_refused_with_what_to_do(name, kinds, reason, words):
    """Whoever calls a view by transaction, or queries a change, is told so without asking a node."""
    with pytest.raises(Rejection) as caught:
        parse().method(name, *kinds)
    assert (caught.value.reason, words in caught.value.detail) == (reason, True), caught.value.detail


def test_an_unknown_cell_is_named_with_those_there_are():
    """A misspelt cell is answered with the names of the contract's state."""
    with pytest.raises(Rejection, match="no state called 'item'; there is items, required"):
        parse().cell("item")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ({"type": "array", "prefixItems": [INTEGER, TEXT], "items": False}, "tuple[int, str]"),
        ({"type": "array"}, "list"),
        ({"type": "object", "propertyNames": BYTES, "additionalProperties": {"type": "boolean"}}, "dict[bytes, bool]"),
        ({"type": "string", "format": "blob"}, "BlobRef"),
        ({"anyOf": [ITEM, NULL]}, "Item | None"),
        ({"$ref": "#/states/Phase"}, "Phase"),
    ],
)
def test_every_type_of_the_compiler_is_known(kind, name):
    """JSON Schema on the outside, a contract's types on the inside."""
    document = copy.deepcopy(ABI)
    document["methods"][2]["result"]["type"] = kind
    assert parse(document).methods[2].result.name == name


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (5, "a JSON Schema object expected"),
        ({"type": "number"}, "an unknown type"),
        ({"type": "string", "format": "date"}, "an unknown type"),
        ({"$ref": "#/records/Nothing"}, "nothing is called 'Nothing'"),
        ({"$ref": "http://elsewhere"}, "nothing is called 'http://elsewhere'"),
        ({"anyOf": [TEXT, INTEGER]}, "only null may be the alternative"),
        ({"type": "object", "propertyNames": INTEGER, "additionalProperties": TEXT}, "keys are str or bytes"),
        ({}, "field 'type' is missing"),
    ],
)
def test_an_unknown_type_is_refused_with_its_path(kind, words):
    """A client that cannot read a type says where it stands."""
    document = copy.deepcopy(ABI)
    document["methods"][2]["result"]["type"] = kind
    error = refused(document)
    assert error.detail.startswith("$.methods[2].result.type"), error.detail
    assert words in error.detail


def test_records_in_a_circle_and_towers_of_types_are_refused():
    """Neither a record within itself nor a type deeper than any value can exhaust a client."""
    document = copy.deepcopy(ABI)
    document["records"]["Item"]["fields"][0]["type"] = {"type": "array", "items": ITEM}
    assert "Item contains itself" in refused(document).detail
    deep = INTEGER
    for _ in range(limits.TYPE_DEPTH_MAX):
        deep = {"type": "array", "items": deep}
    document["records"]["Item"]["fields"][0]["type"] = deep
    assert "more than 32 levels" in refused(document).detail
    document = copy.deepcopy(ABI)  # one more level with every record, each met before its parent
    names = [f"R{number:03}" for number in range(60)]
    inner = INTEGER
    for name in names:
        document["records"][name] = {"docs": "", "fields": [{"name": "a", "type": inner, "python": ""}]}
        inner = {"$ref": f"#/records/{name}"}
        document["methods"].append(method(f"m{name}", "view", (), inner))
    assert "more than 32 levels" in refused(document).detail


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("abi_version",), 2, Reason.WRONG_VERSION),
        (("methods",), {}, Reason.WRONG_TYPE),
        (("methods", 0, "kind"), "magic", Reason.MALFORMED),
        (("methods", 0, "parameters", 0, "default"), "one", Reason.BAD_ARGUMENTS),
        (("name",), 5, Reason.WRONG_TYPE),
        (("events", 0, "fields"), None, Reason.WRONG_TYPE),
        (("states", "Phase", "states"), [], Reason.OUT_OF_RANGE),
    ],
)
def test_a_broken_file_is_refused(path, value, reason):
    """Each part that a client depends on is checked."""
    document = copy.deepcopy(ABI)
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert refused(document).reason is reason


def test_what_a_later_compiler_adds_is_skipped():
    """Fields that this client does not know change nothing."""
    document = copy.deepcopy(ABI)
    document["examples"] = [1]
    document["methods"][0]["since"] = "2"
    document["cells"][0]["note"] = None
    assert parse(document) == parse()


@pytest.mark.parametrize("contract", list(system_registry()), ids=lambda contract: contract.name)
def test_system_contracts_describe_themselves_in_the_same_form(contract):
    """One reader serves all contracts: methods with their types, kinds and documentation, and events."""
    abi = parse_abi(abi_of(contract))
    assert abi.name == contract.name
    kinds = {True: MethodKind.VIEW, False: MethodKind.EXPORT}
    assert [(m.name, m.kind) for m in abi.methods] == [(m.name, kinds[m.view]) for m in contract.methods]
    for read, declared in zip(abi.methods, contract.methods, strict=True):
        assert [(p.name, p.type.name) for p in read.parameters] == list(declared.arguments)
        assert read.result.name == {"none": "None"}.get(declared.returns, declared.returns)
        assert read.docs.endswith(".")
    assert [e.name for e in abi.events] == [e.name for e in contract.events]
