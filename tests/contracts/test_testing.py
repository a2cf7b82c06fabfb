"""The local chain: it runs the real machine, and says what it is told."""

import pytest

from contracts.abivalues import AbiMismatch, default_of, from_wire, to_wire
from contracts.compiler import CompileErrors
from contracts.machine import Status
from contracts.testing import CallFailed, LocalChain, reverts

SOURCE = """
from contracts.language import Contract, Event, Revert, Value, ctx, export, require, view

class Example(Contract):
    total = Value(int, default=0)
    Added = Event(amount=int)

    @export
    def add(self, amount: int) -> int:
        require(amount > 0, "E_AMOUNT")
        self.total += amount
        self.Added(amount)
        return self.total

    @export
    def deep(self, depth: int) -> int:
        return 0 if depth == 0 else self.deep(depth - 1) + 1

    @view
    def when(self) -> tuple[int, int]:
        return ctx.height, ctx.time_ms
"""
ALICE = b"alice".hex()


@pytest.fixture
def chain() -> LocalChain:
    """Return a chain with one contract, ``example``."""
    chain = LocalChain(height=5, time_ms=1_000)
    chain.deploy("example", SOURCE, sender=ALICE)
    return chain


def test_calls_are_transactions(chain: LocalChain) -> None:
    """What ends ok stays, what fails leaves nothing; both cost gas."""
    example = chain.contracts["example"]
    assert (example.call("add", 3, sender=ALICE), example.call("add", 4, sender=ALICE)) == (3, 7)
    assert chain.last is not None
    spent = chain.last.gas_used
    assert 300 < spent < 2_000
    with reverts("E_AMOUNT"):
        example.call("add", 0, sender=ALICE)
    assert (example.stored("total"), [event.fields["amount"] for event in chain.events]) == (7, [3, 4])
    with pytest.raises(CallFailed) as failed:
        example.call("add", 1, sender=ALICE, gas=spent - 1)
    assert (failed.value.outcome.status, failed.value.code) == (Status.STOPPED, "out_of_gas")


def test_the_deepest_calls_run(chain: LocalChain) -> None:
    """The machine's own thread is deep enough for what programs may do; one call more is refused by the machine."""
    example = chain.contracts["example"]
    assert example.call("deep", 63, sender=ALICE) == 63
    with pytest.raises(CallFailed) as failed:
        example.call("deep", 64, sender=ALICE)
    assert failed.value.code == "call_depth"


def test_height_and_time_go_on_when_told(chain: LocalChain) -> None:
    """A block takes a second unless said otherwise."""
    example = chain.contracts["example"]
    assert example.view("when") == (5, 1_000)
    chain.advance()
    assert example.view("when") == (6, 2_000)
    chain.advance(10, ms=5)
    assert example.view("when") == (16, 2_005)


@pytest.mark.parametrize(
    ("method", "arguments", "code"),
    [
        ("add", ("x",), "bad_arguments"),
        ("add", (), "bad_arguments"),
        ("add", (1, 2), "bad_arguments"),
        ("add", (True,), "bad_arguments"),
        ("when", (), "view_method"),
        ("nothing", (), "unknown_method"),
    ],
)
def test_a_wrong_call_reaches_the_machine(
    chain: LocalChain, method: str, arguments: tuple[object, ...], code: str
) -> None:
    """It is the machine that refuses, as it would on a chain."""
    with pytest.raises(CallFailed) as failed:
        chain.contracts["example"].call(method, *arguments, sender=ALICE)
    assert (failed.value.outcome.status, failed.value.code) == (Status.REFUSED, code)


def test_reverts_wants_its_own_code(chain: LocalChain) -> None:
    """An expectation that does not come true fails the test that has it."""
    example = chain.contracts["example"]
    with pytest.raises(AssertionError, match="expected a revert with E_OTHER: "), reverts("E_OTHER"):
        example.call("add", 0, sender=ALICE)
    with pytest.raises(AssertionError, match="it went through"), reverts("E_AMOUNT"):
        example.call("add", 1, sender=ALICE)


def test_what_does_not_compile_is_not_deployed(chain: LocalChain) -> None:
    """Errors of the compiler come as they are."""
    with pytest.raises(CompileErrors):
        chain.deploy("other", "x = 1", sender=ALICE)
    assert list(chain.contracts) == ["example"]


ABI = {
    "records": {
        "Part": {
            "fields": [
                {"name": "weight", "type": {"type": "integer"}},
                {"name": "mark", "type": {"type": "string", "format": "bytes"}, "default": "0x01"},
            ]
        }
    },
    "states": {"Light": {"states": ["red", "green"]}},
}
INTEGER = {"type": "integer"}
PAIR = {"type": "array", "prefixItems": [INTEGER, {"type": "string"}], "items": False}


@pytest.mark.parametrize(
    ("declared", "value", "wire"),
    [
        pytest.param(INTEGER, 5, 5, id="integer"),
        pytest.param({"type": "array", "items": INTEGER}, [1, 2], (1, 2), id="list"),
        pytest.param(PAIR, (1, "a"), (1, "a"), id="tuple"),
        pytest.param({"anyOf": [PAIR, {"type": "null"}]}, None, None, id="none"),
        pytest.param({"anyOf": [PAIR, {"type": "null"}]}, (1, "a"), (1, "a"), id="optional"),
        pytest.param({"$ref": "#/states/Light"}, "green", 1, id="state"),
        pytest.param({"$ref": "#/records/Part"}, {"weight": 1, "mark": b"x"}, (1, b"x"), id="record"),
        pytest.param(
            {"type": "object", "additionalProperties": {"$ref": "#/states/Light"}},
            {"a": "red", "b": "green"},
            (("a", 0), ("b", 1)),
            id="dict",
        ),
    ],
)
def test_values_go_to_the_wire_and_come_back(declared: dict[str, object], value: object, wire: object) -> None:
    """Each declared type has one wire form for each value."""
    assert to_wire(declared, value, ABI) == wire
    assert from_wire(declared, wire, ABI) == value


def test_a_record_takes_its_defaults() -> None:
    """A field with a default may be left out; one without may not, and none may be added."""
    part = {"$ref": "#/records/Part"}
    assert to_wire(part, {"weight": 1}, ABI) == (1, b"\x01")
    for wrong in ({}, {"weight": 1, "other": 2}, [1]):
        with pytest.raises(AbiMismatch):
            to_wire(part, wrong, ABI)


def test_shapes_that_do_not_fit_are_found() -> None:
    """A value of another shape is a mismatch; scalars are for the machine to judge."""
    for declared, value in [
        (PAIR, (1,)),
        ({"type": "array", "items": INTEGER}, 5),
        ({"$ref": "#/states/Light"}, "blue"),
    ]:
        with pytest.raises(AbiMismatch):
            to_wire(declared, value, ABI)
    assert to_wire(INTEGER, "x", ABI) == "x"


def test_defaults_of_an_abi_are_values() -> None:
    """Bytes and large integers, which JSON does not have, come back as what they were."""
    assert default_of({"type": {"type": "string", "format": "bytes"}, "default": "0x00ff"}) == b"\x00\xff"
    assert default_of({"type": INTEGER, "default": str(2**60)}) == 2**60
    assert default_of({"type": {"type": "string"}, "default": "0x00"}) == "0x00"
    assert default_of({"type": {"anyOf": [INTEGER, {"type": "null"}]}, "default": None}) is None


def test_a_refused_call_says_what_the_contract_takes(chain: LocalChain) -> None:
    """Whoever mistyped a method or forgot an argument need not open the source."""
    example = chain.contracts["example"]
    with pytest.raises(CallFailed, match=r"^example\.ad: refused unknown_method: there are add, deep, when$"):
        example.call("ad", 1, sender=ALICE)
    with pytest.raises(CallFailed, match=r"^example\.add: refused bad_arguments: it is the export add\(amount: int\)$"):
        example.call("add", "1", sender=ALICE)
    with pytest.raises(CallFailed, match=r"^example\.when: refused view_method: it is the view when\(\)$"):
        example.call("when", sender=ALICE)


def test_a_call_that_the_machine_ended_says_why_in_words(chain: LocalChain) -> None:
    """A bare word such as overflow would send its reader to the manual."""
    example = chain.contracts["example"]
    example.call("add", 2**254, sender=ALICE)
    with pytest.raises(CallFailed, match=r"^example\.add: error overflow: a number of more than 255 bits$"):
        example.call("add", 2**254, sender=ALICE)
