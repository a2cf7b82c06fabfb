"""Calls between contracts: context, results, roll-back, own gas, re-entrancy and depth."""

from typing import Any

import pytest

from contracts.machine import Entry, Status

A, B = [2, 0], [2, 1]
GUARD = [[], None, 0, [], False]
REENTRANT = [[], None, 0, [], True]
FOREVER = [49, [1, True], [[40, [1, None]]]]
ALL_KINDS = [0, 1, 2, 3, 4, 5]


def remote(name: str, method: str, arguments: Any = (), gas: Any = None) -> list[Any]:
    """Return a call of another contract."""
    return [29, [1, name], method, list(arguments), gas]


def caught(*body: Any) -> list[Any]:
    """Return statements that give the code of the error that ends ``body``."""
    return [[55, list(body), ALL_KINDS, 9, [[53, [2, 9]]]]]


class Chain:
    """Contracts by name; every method is one function of its own."""

    def __init__(self, bench: Any) -> None:
        self.bench = bench
        bench.events = [["Note", [["number", [2], False]]]]
        bench.cells = [["count", 0, [], [2], [0], []]]

    def deploy(self, name: str, **methods: Any) -> None:
        """Deploy a contract; a method is (body, parameters, result, kind, guard), the last as usual if they lack."""
        self.bench.functions = []
        exports = []
        for number, (method, parts) in enumerate(methods.items()):
            body, parameters, result, kind, guard = (*parts, *([], None, 1, GUARD)[len(parts) - 1 :])
            self.bench.functions.append(["f", parameters, result, 16, body])
            exports.append([method, number, kind, guard])
        self.bench.host.programs[name] = self.bench.load(exports)

    def call(self, name: str, method: str, *arguments: Any, gas: int = 1_000_000, entry: Entry = Entry.CALL) -> Any:
        """Call a method as a transaction would."""
        bench = self.bench
        return bench.machine.call(
            bench.host.programs[name],
            contract=name,
            method=method,
            arguments=arguments,
            host=bench.host,
            context=bench.context,
            gas=gas,
            entry=entry,
        )


@pytest.fixture
def chain(bench: Any) -> Chain:
    """Return a chain without contracts."""
    return Chain(bench)


COUNT = [[45, 0, [], [6, 0, [24, 0, []], [1, 1]]], [47, 0, [[24, 0, []]]], [53, [24, 0, []]]]


def test_a_result_comes_back(chain: Chain) -> None:
    """The callee runs on its own state under its own name, and its result is the value of the call."""
    chain.deploy("counter", count=(COUNT, [], [2]))
    chain.deploy("user", use=([[40, remote("counter", "count")], [53, remote("counter", "count")]], [], [2]))
    outcome = chain.call("user", "use")
    assert (outcome.status, outcome.value) == (Status.OK, 2)
    assert [contract for contract, _ in chain.bench.host.state] == ["counter"]
    assert [(event.contract, event.fields) for event in chain.bench.host.events] == [
        ("counter", (1,)),
        ("counter", (2,)),
    ]


def test_context_of_the_callee(chain: Chain) -> None:
    """The sender of a callee is the contract that calls, never who signed; all come back after the call."""
    who = [[53, [14, [[4, 0], [4, 6], [4, 7]]]]]
    three = [6, [3], [9, [3]], [3]]
    chain.deploy("last", who=(who, [], three))
    sender = chain.bench.context.sender
    assert chain.call("last", "who").value == (sender, None, "last")
    seen_and_own = [12, [[18, A, [1, 0]], [18, A, [1, 1]], [18, A, [1, 2]], [4, 7]]]
    chain.deploy("middle", who=([[41, 0, remote("last", "who")], [53, seen_and_own]], [], [5, [3]]))
    assert chain.call("middle", "who").value == ("contract:middle", "middle", "last", "middle")
    own_after = [12, [[4, 0], [6, 0, [4, 7], [1, ""]], [1, ""], [1, ""]]]
    chain.deploy("before", who=([[40, remote("last", "who")], [53, own_after]], [], [5, [3]]))
    assert chain.call("before", "who").value == (sender, "before", "", "")


def test_values_cross_as_on_the_wire(chain: Chain) -> None:
    """Arguments are checked by the callee's types; results arrive as fresh lists."""
    pair = [6, [2], [7, [3], [2]]]
    chain.deploy("echo", echo=([[53, A]], [pair], pair))
    argument = [14, [[1, 1], [15, [[1, "b"], [1, 2], [1, "a"], [1, 3]]]]]
    lists = [12, [[1, 1], [12, [[12, [[1, "a"], [1, 3]]], [12, [[1, "b"], [1, 2]]]]]]]
    chain.deploy(
        "user",
        same=([[53, [7, 0, remote("echo", "echo", [argument]), lists]]], [], [1]),
        fresh=(
            [[41, 0, remote("echo", "echo", [argument])], [40, [22, "append", A, [[1, 1]]]], [53, [21, 0, [A]]]],
            [],
            [2],
        ),
        wrong=(caught([53, remote("echo", "echo", [[1, 1]])]), [], [3]),
        ranged=([[53, remote("echo", "echo", [[21, 11, [[1, 3]]]])]], [], [3]),
    )
    assert chain.call("user", "same").value is True
    assert chain.call("user", "fresh").value == 3
    assert chain.call("user", "wrong").value == "bad_arguments"
    assert chain.call("user", "ranged").reason == "type"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([[54, [1, "E_NO"]]], "E_NO"),
        ([[40, [6, 0, [1, 1], [1, "a"]]]], "type"),
        ([[40, [6, 9, [1, 1], [1, 255]]]], "overflow"),
        ([[40, [6, 3, [1, 1], [1, 0]]]], "zero_division"),
        ([[40, [6, 2, [1, "ab"], [1, 65_536]]]], "size"),
        ([[53, [1, 5]]], "type"),
        ([[40, remote("nobody", "f")]], "unknown_contract"),
        ([[40, remote("other", "f")]], "reentrant"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_ends_the_callee_is_rolled_back(chain: Chain, body: Any, code: str) -> None:
    """The caller sees the code, and of the callee's writes and events nothing is left, of its own everything."""
    chain.deploy("other", f=([*COUNT[:2], *body], [], None))
    chain.deploy("user", f=([*COUNT[:2], *caught([40, remote("other", "f")])], [], [3]))
    outcome = chain.call("user", "f")
    assert (outcome.status, outcome.value) == (Status.OK, code)
    assert [contract for contract, _ in chain.bench.host.state] == ["user"]
    assert [event.contract for event in chain.bench.host.events] == ["user"]


def test_an_uncaught_failure_ends_the_caller(chain: Chain) -> None:
    """Without an except the caller ends with the error call, and the code of what was called."""
    chain.deploy("other", f=([[54, [1, "E_NO"]]],))
    chain.deploy("user", f=([[40, remote("other", "f")]],))
    outcome = chain.call("user", "f")
    assert (outcome.status, outcome.reason, outcome.code) == (Status.ERROR, "call", "E_NO")


def test_who_can_be_called(chain: Chain) -> None:
    """Contracts call exports and views, no init, no migration, nothing unknown."""
    one = [[53, [1, 1]]]
    chain.deploy(
        "other", setup=(one, [], [2], 0), run=(one, [], [2], 1), look=(one, [], [2], 2), move=(one, [], [2], 3)
    )
    for method, code in (("setup", "unknown_method"), ("move", "unknown_method"), ("none", "unknown_method")):
        chain.deploy("user", f=(caught([53, remote("other", method)]), [], [3]))
        assert chain.call("user", "f").value == code
    for method in ("run", "look"):
        chain.deploy("user", f=([[53, remote("other", method)]], [], [2]))
        assert chain.call("user", "f").value == 1


def test_views_stay_views(chain: Chain) -> None:
    """What a view calls does not write, and after a call of a view the caller may write again."""
    chain.deploy("other", count=(COUNT, [], [2]), look=(COUNT, [], [2], 2), read=([[53, [24, 0, []]]], [], [2], 2))
    chain.deploy(
        "user",
        look=(caught([53, [21, 1, [remote("other", "count")]]]), [], [3], 2),
        call=([[40, remote("other", "read")], *COUNT], [], [2]),
        peek=(caught([53, [21, 1, [remote("other", "look")]]]), [], [3]),
    )
    assert chain.call("user", "look", entry=Entry.VIEW).value == "view"
    assert chain.call("user", "peek").value == "view"
    assert chain.call("user", "call").value == 1


def test_guards_hold_between_contracts(chain: Chain) -> None:
    """A guard asks for the roles of who calls: a contract has none, whatever roles the one has who signed."""
    chain.deploy("other", f=([[40, [1, 1]]], [], None, 1, [["notary"], None, 0, [], False]))
    chain.deploy("user", f=(caught([40, remote("other", "f")]), [], [3]))
    assert chain.call("user", "f").value == "E_ROLE"


def test_reentrancy(chain: Chain) -> None:
    """A contract with an open call is entered again only through exports that say so; others may call each other."""
    back = remote("user", "back")
    chain.deploy("other", f=(caught([53, [21, 1, [back]]]), [], [3]), free=([[53, remote("user", "free")]], [], [2]))
    chain.deploy(
        "user",
        f=([[53, remote("other", "f")]], [], [3]),
        g=([[53, remote("other", "free")]], [], [2]),
        back=([[53, [1, 1]]], [], [2]),
        free=([[53, [1, 2]]], [], [2], 1, REENTRANT),
        again=(caught([53, [21, 1, [back]]]), [], [3]),
    )
    assert chain.call("user", "f").value == "reentrant"
    assert chain.call("user", "again").value == "reentrant"
    assert chain.call("user", "g").value == 2
    assert chain.call("user", "f").value == "reentrant"


def test_own_gas_bounds_the_callee(chain: Chain) -> None:
    """With gas of its own a callee that runs out of it is rolled back, and the caller goes on with the rest."""
    chain.deploy("other", f=([*COUNT[:2], FOREVER],), g=(COUNT, [], [2]))
    chain.deploy(
        "user",
        f=(caught([40, remote("other", "f", gas=[1, 5_000])]), [], [3]),
        g=([[53, remote("other", "g", gas=[1, 5_000])]], [], [2]),
        none=([[53, remote("other", "f")]],),
    )
    outcome = chain.call("user", "f")
    assert (outcome.status, outcome.value) == (Status.OK, "out_of_gas")
    assert 5_000 < outcome.gas_used < 6_000
    assert (chain.bench.host.state, chain.bench.host.events) == ({}, [])
    assert chain.call("user", "g").value == 1
    assert chain.call("user", "g").gas_used < 5_000
    assert chain.call("user", "none").reason == "out_of_gas"


def test_promised_gas_has_to_be_there(chain: Chain) -> None:
    """A call that promises more gas than is left ends the transaction; nobody gets less than promised."""
    chain.deploy("other", f=([[53, [1, 1]]], [], [2]))
    chain.deploy("user", f=(caught([53, [21, 1, [remote("other", "f", gas=[1, 10_000])]]]), [], [3]))
    assert chain.call("user", "f", gas=9_000).reason == "out_of_gas"
    assert chain.call("user", "f", gas=11_000).value == "1"


@pytest.mark.parametrize(
    ("name", "gas", "reason"),
    [
        ([1, 5], None, "type"),
        ([1, None], None, "type"),
        ([1, b"other"], None, "type"),
        ([1, "other"], [1, "5"], "type"),
        ([1, "other"], [1, True], "refused"),
        ([1, "other"], [1, -1], "refused"),
        ([1, "other"], [1, None], "type"),
    ],
    ids=str,
)
def test_wrong_names_and_gas(chain: Chain, name: Any, gas: Any, reason: str) -> None:
    """A contract is named by a text, and its gas is a number from zero."""
    chain.deploy("other", f=([[40, [1, 1]]],))
    chain.deploy("user", f=([[40, [29, name, "f", [], gas]]],))
    assert chain.call("user", "f").reason == reason


def test_gas_that_was_kept_is_not_spent_by_a_stop(chain: Chain) -> None:
    """When a callee with gas of its own stops the transaction for memory, the gas that was kept is not used."""
    chain.deploy("other", f=([[49, [1, True], [[40, [12, [[1, 0]] * 256]]]]],))
    chain.deploy("user", f=([[40, remote("other", "f", gas=[1, 500_000])]],))
    outcome = chain.call("user", "f", gas=100_000_000)
    assert (outcome.status, outcome.reason) == (Status.STOPPED, "out_of_memory")
    assert outcome.gas_used < 500_000


def test_a_stop_closes_the_journals_that_calls_opened(chain: Chain) -> None:
    """Whatever ends a transaction, the host has as many open journals as before, and nothing of the callees."""
    chain.deploy("last", f=([*COUNT[:2], FOREVER],))
    chain.deploy("middle", f=([*COUNT[:2], [40, remote("last", "f")]],))
    chain.deploy("user", f=([[40, remote("middle", "f")]],))
    chain.bench.host.begin()
    assert chain.call("user", "f").reason == "out_of_gas"
    chain.bench.host.undo()
    assert (chain.bench.host.state, chain.bench.host.events) == ({}, [])
    with pytest.raises(IndexError):
        chain.bench.host.undo()


def test_depth_of_contracts(chain: Chain) -> None:
    """Eight contracts may be open; a ninth ends the transaction, also under an except."""
    chain.deploy("c0", f=([[53, [1, 0]]], [], [2]))
    for number in range(1, 9):
        chain.deploy(f"c{number}", f=(caught([53, [6, 0, remote(f"c{number - 1}", "f"), [1, 1]]]), [], [2]))
    assert chain.call("c7", "f").value == 7
    assert chain.call("c8", "f").reason == "call_depth"


def test_calls_are_counted_together(chain: Chain) -> None:
    """Sixty-four calls may be open in all contracts together, and are counted right after a failure."""
    down = [48, A, [[53, [20, 0, [[6, 1, A, [1, 1]]]]]], [[53, [1, 0]]]]
    chain.deploy("other", f=([down], [[2]], [2]))
    then = [48, A, [[53, [20, 0, [[6, 1, A, [1, 1]]]]]], [[53, remote("other", "f", [[1, 31]])]]]
    chain.deploy("user", f=([then], [[2]], [2]))
    assert chain.call("user", "f", 31).value == 0
    assert chain.call("user", "f", 32).reason == "call_depth"
    fail = [48, A, [[53, [20, 0, [[6, 1, A, [1, 1]]]]]], [[54, [1, "E"]]]]
    chain.deploy("other", f=([fail], [[2]], [2]))
    attempt = [55, [[40, remote("other", "f", [[1, 40]])]], ALL_KINDS, None, [[40, [1, None]]]]
    chain.deploy("user", f=([[50, [1], [21, 11, [[1, 20]]], [attempt]], [53, [1, 1]]], [], [2]))
    assert chain.call("user", "f").value == 1


def test_price_of_a_call(chain: Chain) -> None:
    """A call costs 300, one for each 32 bytes of arguments and of result, for each element and list of both."""
    words = [5, [4]]
    chain.deploy("other", none=([[53, [1, None]]],), echo=([[53, A]], [words], words))
    chain.deploy("user", none=([[40, remote("other", "none")]],), echo=([[40, remote("other", "echo", [A])]], [words]))
    alone = chain.call("other", "none").gas_used
    assert alone == 300 + 9  # three for block and nodes, six for two levels of them
    assert chain.call("user", "none").gas_used == alone + 300 + 1 + 12
    value = (b"x" * 100, b"y" * 200)
    packed = 1 + 1 + 102 + 202  # the arguments or the results; the value
    fresh = (112 + 160 >> 6) + (64 + 100 >> 6) + (64 + 200 >> 6) + 2 + 2  # a copy: its memory, elements, itself
    inner = 300 + (packed >> 5) + fresh + 9 + 2 + 4 + (packed >> 5)  # the callee: takes a copy, gives a list of two
    outer = 300 + (packed >> 5) + fresh + 14 + 2 + 4 + fresh  # the caller: takes a copy, gives a list, gets a copy
    assert chain.call("other", "echo", value).gas_used == inner
    assert chain.call("user", "echo", value).gas_used == outer + inner


def test_gas_sweep(chain: Chain) -> None:
    """Whatever the limit, a transaction across contracts ends well with the same gas, or runs out of it."""
    chain.deploy("other", f=([*COUNT[:2], *caught([54, [1, "E"]])], [], [3]))
    chain.deploy("user", f=([*COUNT[:2], [53, remote("other", "f")]], [], [3]))
    needed = chain.call("user", "f").gas_used
    for gas in range(0, needed + 40, max(1, needed // 500)):
        chain.bench.host.state.clear()
        chain.bench.host._sorted.clear()
        outcome = chain.call("user", "f", gas=gas)
        if gas >= needed + 200:
            assert (outcome.status, outcome.gas_used) == (Status.OK, needed)
        else:
            assert outcome.gas_used <= gas
            assert outcome.reason in ("", "out_of_gas")
