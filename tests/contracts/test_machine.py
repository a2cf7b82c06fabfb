"""The machine: entries, arguments and results, guards, outcomes, and the price of a call."""

from dataclasses import replace
from typing import Any

import pytest

from contracts.host import Account
from contracts.machine import Entry, Machine, Outcome, Status
from contracts.memory import EmittedEvent

A, B = [2, 0], [2, 1]
GUARD = [[], None, 0, [], False]
FOREVER = [49, [1, True], [[40, [1, None]]]]


def function(body: list[Any], parameters: Any = (), result: Any = None) -> list[Any]:
    """Return a function with 16 locals."""
    return ["f", list(parameters), result, 16, body]


def test_a_call_gives_its_result(bench: Any) -> None:
    """Arguments arrive by their types, the result leaves by its own, and gas is what both, nodes and levels cost."""
    program = bench.program([[53, [6, 0, A, B]]], parameters=[[2], [2]], result=[2])
    outcome = bench.call(program, "f", 2, 3)
    assert outcome == Outcome(Status.OK, "", "", 5, 300 + (3 >> 5) + 1 + 4 + 3 * 3)


TYPES: list[tuple[Any, Any]] = [
    ([0], None),
    ([1], True),
    ([2], 2**255 - 1),
    ([3], "汉"),
    ([4], b"\x00"),
    ([5, [2]], (1, 2)),
    ([6, [2], [3]], (1, "a")),
    ([7, [3], [2]], (("a", 1), ("b", 2))),
    ([8, 0], (1, 2)),
    ([9, [2]], None),
    ([10, 0], 1),
]


@pytest.mark.parametrize(("node", "value"), TYPES, ids=str)
def test_every_type_goes_in_and_out(bench: Any, node: Any, value: Any) -> None:
    """A value of each type comes out as it went in; any other value is refused before anything runs."""
    bench.records = [["Point", [["x", [2]], ["y", [2]]]]]
    bench.machines = [["Life", ["new", "done"], [[0, 1]]]]
    program = bench.program([[53, A]], parameters=[node], result=node)
    outcome = bench.call(program, "f", value)
    assert (outcome.status, outcome.value) == (Status.OK, value)
    refused = bench.call(program, "f", ((((),),),))
    assert (refused.status, refused.reason, refused.value) == (Status.REFUSED, "bad_arguments", None)


def test_blob_references(bench: Any) -> None:
    """A blob reference has to be among the transaction's blobs."""
    program = bench.program([[53, A]], parameters=[[11]], result=[11])
    digest = b"d" * 32
    assert bench.call(program, "f", digest).reason == "bad_arguments"
    bench.host.blobs.add(digest)
    assert bench.call(program, "f", digest).value == digest


@pytest.mark.parametrize("arguments", [(), (1, 2), ("1",), (True,), (None,), (b"1",), ((1,),)], ids=str)
def test_wrong_arguments(bench: Any, arguments: Any) -> None:
    """Another number or type of arguments is refused for a small price, and nothing runs."""
    bench.events = [["Ran", []]]
    program = bench.program([[47, 0, []]], parameters=[[2]])
    outcome = bench.call(program, "f", *arguments)
    assert (outcome.status, outcome.reason) == (Status.REFUSED, "bad_arguments")
    assert outcome.gas_used < 310
    assert bench.host.events == []


def test_arguments_and_results_pay_for_their_size(bench: Any) -> None:
    """Each 32 bytes of arguments and result cost one, each element one, fresh values their memory."""
    program = bench.program([[53, A]], parameters=[[4]], result=[4])
    outcome = bench.call(program, "f", b"x" * 6_400)
    packed = 1 + 3 + 6_400
    assert outcome.gas_used == 300 + (packed >> 5) + ((64 + 6_400) >> 6) + 3 + 3 * 2 + (packed >> 5)
    assert bench.call(program, "f", b"x" * 65_535).reason == "bad_arguments"
    grow = bench.program([[53, [6, 2, A, [1, 2]]]], parameters=[[4]], result=[4])
    outcome = bench.call(grow, "f", b"x" * 32_768)
    assert (outcome.status, outcome.reason) == (Status.ERROR, "size")


def test_result_of_another_type(bench: Any) -> None:
    """A result of another type than declared is the contract's error; without a type it has to be None."""
    assert bench.call(bench.program([[53, [1, "a"]]], result=[2]), "f").reason == "type"
    assert bench.call(bench.program([[53, [1, 1]]]), "f").reason == "type"
    assert bench.call(bench.program([[53, [1, None]]]), "f").status is Status.OK
    assert bench.call(bench.program([[40, [1, 1]]]), "f").status is Status.OK


def test_entries(bench: Any) -> None:
    """Transactions call exports, queries views, deployment the init and an upgrade the migration; nobody else does."""
    bench.functions = [function([[53, [1, number]]], result=[2]) for number in range(4)]
    names = ["setup", "run", "look", "move"]
    program = bench.load([[name, number, number, GUARD] for number, name in enumerate(names)])
    reach = {}
    for entry in Entry:
        for name in [*names, "none", ""]:
            outcome = bench.call(program, name, entry=entry)
            reach[entry, name] = outcome.value if outcome.status is Status.OK else outcome.reason
    unknown, view = "unknown_method", "view_method"
    assert reach == {
        (Entry.INIT, "setup"): 0,
        (Entry.INIT, "run"): unknown,
        (Entry.INIT, "look"): unknown,
        (Entry.INIT, "move"): unknown,
        (Entry.INIT, "none"): unknown,
        (Entry.INIT, ""): 0,
        (Entry.CALL, "setup"): unknown,
        (Entry.CALL, "run"): 1,
        (Entry.CALL, "look"): view,
        (Entry.CALL, "move"): unknown,
        (Entry.CALL, "none"): unknown,
        (Entry.CALL, ""): unknown,
        (Entry.VIEW, "setup"): unknown,
        (Entry.VIEW, "run"): unknown,
        (Entry.VIEW, "look"): 2,
        (Entry.VIEW, "move"): unknown,
        (Entry.VIEW, "none"): unknown,
        (Entry.VIEW, ""): unknown,
        (Entry.MIGRATE, "setup"): unknown,
        (Entry.MIGRATE, "run"): unknown,
        (Entry.MIGRATE, "look"): unknown,
        (Entry.MIGRATE, "move"): 3,
        (Entry.MIGRATE, "none"): unknown,
        (Entry.MIGRATE, ""): 3,
    }


def test_a_program_without_init(bench: Any) -> None:
    """Without an init there is nothing to do at deployment, and no arguments to do it with."""
    program = bench.load([])
    assert bench.call(program, "", entry=Entry.INIT) == Outcome(Status.OK, "", "", None, 300)
    assert bench.call(program, "", 1, entry=Entry.INIT).reason == "bad_arguments"
    assert bench.call(program, "setup", entry=Entry.INIT).reason == "unknown_method"


@pytest.mark.parametrize(
    ("body", "status", "reason", "code"),
    [
        ([[54, [1, "E_NO"]]], Status.REVERT, "revert", "E_NO"),
        ([[40, [6, 0, [1, 1], [1, "a"]]]], Status.ERROR, "type", ""),
        ([[40, [6, 9, [1, 1], [1, 255]]]], Status.ERROR, "overflow", ""),
        ([[40, [18, [12, []], [1, 0]]]], Status.ERROR, "index", ""),
        ([[40, [18, [15, []], [1, "a"]]]], Status.ERROR, "key", ""),
        ([[40, [6, 3, [1, 1], [1, 0]]]], Status.ERROR, "zero_division", ""),
        ([[40, [6, 9, [1, 1], [1, -1]]]], Status.ERROR, "value", ""),
        ([[40, [6, 0, [1, True], [1, 1]]]], Status.ERROR, "refused", ""),
        ([[40, [6, 2, [1, "ab"], [1, 65_536]]]], Status.ERROR, "size", ""),
        ([[40, [29, [1, "nobody"], "f", [], None]]], Status.ERROR, "call", "unknown_contract"),
        ([FOREVER], Status.STOPPED, "out_of_gas", ""),
        ([[49, [1, True], [[40, [12, [[1, 0]] * 256]]]]], Status.STOPPED, "out_of_memory", ""),
        ([[40, [20, 0, []]]], Status.STOPPED, "call_depth", ""),
    ],
    ids=lambda value: str(value)[:24],
)
def test_outcomes(bench: Any, body: Any, status: Status, reason: str, code: str) -> None:
    """Each way to end is told by status, reason and code, and twice in the same way."""
    program = bench.program(body)
    outcome = bench.call(program, "f")
    assert (outcome.status, outcome.reason, outcome.code, outcome.value) == (status, reason, code, None)
    assert (outcome.gas_used == 1_000_000) is (reason == "out_of_gas")
    assert bench.call(program, "f") == outcome
    assert Machine().load(program.code).nodes == program.nodes


def test_depth_of_data_stops(bench: Any) -> None:
    """A walk of data deeper than 32 levels ends the transaction."""
    nest = [50, [1], [21, 11, [[1, 33]]], [[41, 0, [12, [A]]], [41, 2, [12, [[2, 2]]]]]]
    assert bench.call(bench.program([nest, [40, [7, 0, A, [2, 2]]]]), "f").reason == "data_depth"


@pytest.mark.parametrize("gas", [0, 299, 300, 301, 308, 309])
def test_gas_is_never_more_than_its_limit(bench: Any, gas: int) -> None:
    """The call itself costs 300, and what is charged stays within the limit."""
    outcome = bench.call(bench.program([[40, [1, None]]]), "f", gas=gas)
    assert outcome.gas_used == min(gas, 309)
    assert outcome.status is (Status.OK if gas == 309 else Status.STOPPED)


def test_views_do_not_write(bench: Any) -> None:
    """A view that stores, deletes, takes a number or reports ends with the error view."""
    bench.events = [["Ran", []]]
    bench.cells = [["one", 0, [], [2], [0], []], ["many", 1, [[2]], [2], [0], []], ["next", 3, [], [2], None, []]]
    for statement in ([45, 0, [], [1, 5]], [46, 1, [[1, 1]]], [47, 0, []], [40, [30, 2]]):
        program = bench.program([statement], kind=2)
        outcome = bench.call(program, "f", entry=Entry.VIEW)
        assert (outcome.status, outcome.reason) == (Status.ERROR, "view"), statement
    assert (bench.host.state, bench.host.events) == ({}, [])
    assert bench.call(bench.program([[53, [24, 0, []]]], kind=2, result=[2]), "f", entry=Entry.VIEW).value == 0


def test_state_and_events_reach_the_host(bench: Any) -> None:
    """What a call stores is there for the next one, and events carry the contract's name."""
    bench.events = [["Counted", [["to", [2], False]]]]
    bench.cells = [["count", 0, [], [2], [0], []]]
    step = [[45, 0, [], [6, 0, [24, 0, []], [1, 1]]], [47, 0, [[24, 0, []]]], [53, [24, 0, []]]]
    program = bench.program(step, result=[2])
    assert [bench.call(program, "f").value for _ in range(3)] == [1, 2, 3]
    assert bench.host.events == [EmittedEvent("me", "Counted", (number,)) for number in (1, 2, 3)]


def test_guards(bench: Any) -> None:
    """A guard wants one of its roles and its level, looks them up for a price, and reverts with its own codes."""
    bench.functions = [function([[53, [1, 1]]], result=[2])]
    program = bench.load(
        [
            ["roles", 0, 1, [["notary", "judge"], None, 0, [], False]],
            ["level", 0, 1, [[], None, 2, [], False]],
            ["free", 0, 1, GUARD],
        ]
    )
    sender = bench.context.sender

    def ends(name: str) -> tuple[str, str, Any]:
        outcome = bench.call(program, name)
        return outcome.status, outcome.code, outcome.value

    assert ends("roles") == (Status.REVERT, "E_ROLE", None)
    assert ends("level") == (Status.REVERT, "E_LEVEL", None)
    bench.host.accounts[sender] = Account(True, "acme", ("clerk", "judge"), 1, "active")
    assert ends("roles") == (Status.OK, "", 1)
    assert ends("level") == (Status.REVERT, "E_LEVEL", None)
    bench.host.accounts[sender] = Account(True, "acme", ("judges",), 2, "active")
    assert ends("roles") == (Status.REVERT, "E_ROLE", None)
    assert ends("level") == (Status.OK, "", 1)
    assert bench.call(program, "level").gas_used == bench.call(program, "free").gas_used + 60


def test_moves_of_a_guard(bench: Any) -> None:
    """An export whose guard names moves makes these and no others, whatever its state machine allows."""
    bench.machines = [["Life", ["new", "open", "done"], [[0, 1], [1, 2], [0, 2]]]]
    bench.cells = [["state", 1, [[2]], [10, 0], None, []]]
    bench.functions = [
        function([[45, 0, [[1, 1]], A]], parameters=[[10, 0]]),
        function([[45, 0, [[1, 1]], [1, "new"]]]),
    ]
    program = bench.load(
        [
            ["any", 0, 1, GUARD],
            ["open", 0, 1, [[], None, 0, [[0, 0, 1]], False]],
            ["begin", 1, 1, GUARD],
        ]
    )
    assert bench.call(program, "begin").status is Status.OK
    assert bench.call(program, "open", 2).reason == "storage"
    assert bench.call(program, "open", 1).status is Status.OK
    assert bench.call(program, "open", 2).reason == "storage"
    assert bench.call(program, "any", 2).status is Status.OK
    assert bench.call(program, "any", 0).reason == "storage"


class _Broken:
    """A host that fails in a way that no contract can cause."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def read(self, *_: Any) -> bytes:
        """Fail."""
        raise self.error


@pytest.mark.parametrize(
    "error", [MemoryError(), RecursionError(), OSError(5, "disk"), KeyError("x"), AssertionError()]
)
def test_host_exceptions_pass_through(bench: Any, error: BaseException) -> None:
    """What the host raises is a fault and no outcome, even inside of an except that names every kind."""
    bench.cells = [["one", 0, [], [2], [0], []]]
    program = bench.program([[55, [[40, [24, 0, []]]], [0, 1, 2, 3, 4, 5], None, [[40, [1, None]]]]])
    bench.host = _Broken(error)
    with pytest.raises(type(error)) as caught:
        bench.call(program, "f")
    assert caught.value is error


def test_programs_stay_with_their_machine(bench: Any) -> None:
    """A program runs on the machine that has loaded it."""
    program = bench.program([[40, [1, None]]])
    bench.machine = Machine()
    with pytest.raises(AssertionError, match="has loaded them"):
        bench.call(program, "f")


def test_nothing_is_left_for_the_next_call(bench: Any) -> None:
    """Lists built by one call are not there in the next, whatever way the first one ended."""
    append = [40, [22, "append", [2, 3], [A]]]
    body = [[41, 3, [12, []]], append, [57, [7, 2, A, [1, 9]], [1, "E"]], [53, [2, 3]]]
    bench.functions = [function(body, [[2]], [5, [2]])]
    program = bench.load([["f", 0, 1, GUARD]])
    first = bench.call(program, "f", 1)
    assert first.value == (1,)
    assert bench.call(program, "f", 9).code == "E"
    assert bench.call(program, "f", 1, gas=310).reason == "out_of_gas"
    assert bench.call(program, "f", 1) == first


def test_views_have_no_sender(bench: Any) -> None:
    """A view sees the context that it is given."""
    bench.context = replace(bench.context, sender="", tx_id=b"", organisation=None)
    program = bench.program([[53, [14, [[4, 0], [4, 5]]]]], kind=2, result=[6, [3], [9, [3]]])
    assert bench.call(program, "f", entry=Entry.VIEW).value == ("", None)


def test_cycles_are_collected_by_what_was_charged(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the host's collector off, the machine collects the young once calls have charged 64 MiB together."""
    collections: list[int] = []
    monkeypatch.setattr("contracts.machine.gc.collect", collections.append)
    cycle = [[41, 3, [12, []]], [40, [22, "append", [2, 3], [[2, 3]]]]]
    program = bench.program([[50, [1], [21, 11, [[1, 10_000]]], cycle]])
    charged = 10_000 * (112 + 80)
    calls = 64 * 1024 * 1024 // charged + 1
    for _ in range(calls - 1):
        assert bench.call(program, "f").status is Status.OK
    assert collections == []
    bench.call(program, "f")
    assert collections == [1]
