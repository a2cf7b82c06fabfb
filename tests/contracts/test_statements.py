"""Statements: effects, order of evaluation, control flow, and the gas of blocks."""

from typing import Any

import pytest

from contracts.memory import EmittedEvent

A, B, C = [2, 0], [2, 1], [2, 2]
ZERO_DIVISION = [40, [6, 3, [1, 1], [1, 0]]]


def note(value: int) -> list[Any]:
    """Return an expression that appends ``value`` to the first local and gives the value."""
    return [11, [22, "append", A, [[1, value]]], [1, None], [1, value]]


def test_gas_of_blocks(bench: Any) -> None:
    """A block pays one and one for each node in it, when it is entered; nested blocks pay for themselves."""
    assert bench.run([[40, [1, 1]]]).gas == 1 + 2
    assert bench.run([[40, [1, 1]]] * 5).gas == 1 + 10
    assert bench.run([[48, [1, True], [[40, [1, 1]]], [[40, [1, 1]]] * 9]]).gas == 1 + 2 + 1 + 2
    assert bench.run([[48, [1, False], [[40, [1, 1]]], [[40, [1, 1]]] * 9]]).gas == 1 + 2 + 1 + 18
    assert bench.run([[48, [1, False], [[40, [1, 1]]], []]]).gas == 1 + 2
    assert bench.run([[41, 1, [6, 2, A, A]], [41, 1, [6, 3, A, A]], [41, 1, [6, 4, A, A]]], 3).gas == 1 + 12 + 2 + 3 + 3


@pytest.mark.parametrize("limit", range(9))
def test_gas_is_charged_before_the_block_runs(bench: Any, limit: int) -> None:
    """With less gas than a block costs, none of its statements has an effect."""
    seen: list[int] = []
    ran = bench.run([[40, [22, "append", A, [[1, 1]]]]] * 2, seen, gas=limit)
    assert (ran.end, seen) == ("out_of_gas", [])


@pytest.mark.parametrize("count", range(1, 8))
def test_statements_run_in_order(bench: Any, count: int) -> None:
    """Blocks of every length run their statements in order, once."""
    for last in ([40, note(99)], [53, [1, 0]]):
        seen: list[int] = []
        bench.run([[40, note(number)] for number in range(count)] + [last], seen)
        assert seen == list(range(count)) + ([99] if last[0] == 40 else [])


@pytest.mark.parametrize("place", range(5))
def test_return_leaves_all_blocks(bench: Any, place: int) -> None:
    """A return ends the function wherever it stands, through branches and loops."""
    seen: list[int] = []
    body: list[Any] = [[40, note(number)] for number in range(5)]
    body[place] = [48, [1, True], [[49, [1, True], [[50, [1], [12, [[1, 7]]], [[53, B]]]]]], []]
    ran = bench.run(body, seen)
    assert (ran.end, ran.value, seen) == ("ok", 7, list(range(place)))


def test_set_item(bench: Any) -> None:
    """c[i] = v evaluates v, c, i, and stores in lists and dicts."""
    values: list[Any] = [1, 2, 3]
    assert bench.run([[42, A, [1, -1], [1, 9]]], values).end == "ok"
    assert values == [1, 2, 9]
    assert bench.run([[42, A, [1, 3], [1, 9]]], values).end == "index"
    assert bench.run([[42, A, [1, True], [1, 9]]], values).end == "refused"
    entries: dict[Any, Any] = {"a": 1}
    ran = bench.run([[42, A, [1, "a"], [1, 2]]], entries)
    assert (entries, ran.memory_bytes, ran.gas) == ({"a": 2}, 0 + 0, 1 + 4 + 2)
    ran = bench.run([[42, A, [1, b"b"], [1, 3]]], entries)
    assert (entries, ran.gas) == ({"a": 2, b"b": 3}, 1 + 4 + 2 + (240 >> 6))
    assert bench.run([[42, A, [1, 1], [1, 3]]], entries).end == "type"
    assert bench.run([[42, A, [1, 0], [1, 3]]], (1,)).end == "type"
    seen: list[int] = []
    bench.run([[42, [11, note(2), B, B], [6, 1, note(3), [1, 3]], note(1)]], seen, [0])
    assert seen == [1, 2, 3]


def test_delete_item(bench: Any) -> None:
    """Del takes elements of lists and entries of dicts, with Python's errors."""
    values = [1, 2, 3]
    assert bench.run([[44, A, [1, -3]]], values).end == "ok"
    assert values == [2, 3]
    assert bench.run([[44, A, [1, 2]]], values).end == "index"
    assert bench.run([[44, A, [1, 0]]], []).end == "index"
    entries = {"a": 1, "b": 2}
    assert bench.run([[44, A, [1, "a"]]], entries).end == "ok"
    assert entries == {"b": 2}
    assert bench.run([[44, A, [1, "a"]]], entries).end == "key"
    assert bench.run([[44, A, [1, 0]]], (1,)).end == "type"
    assert bench.run([[44, A, [1, 0]]], "a").end == "type"


def test_set_field(bench: Any) -> None:
    """r.name = v takes values of the field's type only, and evaluates v before r."""
    bench.records = [["Point", [["x", [2]], ["y", [9, [3]]]]]]
    made = [41, 1, [16, 0, [[1, 1], [1, None]]]]
    assert bench.run([made, [43, "x", B, [1, 5]], [53, [17, "x", B]]], []).value == 5
    assert bench.run([made, [43, "y", B, [1, "a"]], [53, [17, "y", B]]], []).value == "a"
    assert bench.run([made, [43, "x", B, [1, "5"]]], []).end == "type"
    assert bench.run([made, [43, "x", B, [1, True]]], []).end == "type"
    assert bench.run([made, [43, "z", B, [1, 5]]], []).end == "type"
    assert bench.run([[43, "x", A, [1, 5]]], [1]).end == "type"
    seen: list[int] = []
    bench.run([made, [43, "x", [11, note(2), B, B], note(1)]], seen)
    assert seen == [1, 2]


def test_unpack(bench: Any) -> None:
    """A list or tuple of exactly as many elements is assigned in order, one unit each; slots may repeat."""
    assert bench.run([[56, [1, 2, 3], A]], (5, 6, 7)).gas == 1 + 2 + 3
    assert bench.run([[56, [1, 2], A], [53, [12, [B, C]]]], (5, 6)).value == [5, 6]
    assert bench.run([[56, [1], A], [53, B]], [5]).value == 5
    assert bench.run([[56, [1, 1], A], [53, B]], [5, 6]).value == 6
    assert bench.run([[56, [1, 2], A]], [5]).end == "value"
    assert bench.run([[56, [1, 2], A]], [5, 6, 7]).end == "value"
    assert bench.run([[56, [1, 2], A]], "ab").end == "type"
    assert bench.run([[56, [1, 2], A]], {"a": 1, "b": 2}).end == "type"


def test_reverts(bench: Any) -> None:
    """A revert carries a code of at most 64 bytes; anything else as a code ends the call in another way."""
    ran = bench.run([[54, [1, "E_NO"]]])
    assert (ran.end, ran.code) == ("revert", "E_NO")
    assert bench.run([[54, [1, "x" * 64]]]).code == "x" * 64
    assert bench.run([[54, [1, "汉" * 21]]]).end == "revert"
    assert bench.run([[54, [1, "x" * 65]]]).end == "size"
    assert bench.run([[54, [1, "汉" * 22]]]).end == "size"
    assert bench.run([[54, [1, 5]]]).end == "type"
    assert bench.run([[54, [1, None]]]).end == "type"


def test_require(bench: Any) -> None:
    """Require evaluates its code only when the test fails."""
    assert bench.run([[57, [1, 1], [6, 3, [1, 1], [1, 0]]]]).end == "ok"
    ran = bench.run([[57, A, [23, [[1, "E_"], B]]]], [], 5)
    assert (ran.end, ran.code) == ("revert", "E_5")
    assert bench.run([[57, [1, False], [1, 5]]]).end == "type"


RAISE = {
    0: ([54, [1, "E_NO"]], "E_NO"),
    1: ([40, [18, [15, []], [1, "a"]]], "key"),
    2: ([40, [18, [12, []], [1, 0]]], "index"),
    3: ([40, [6, 9, [1, 1], [1, -1]]], "value"),
    4: (ZERO_DIVISION, "zero_division"),
}


@pytest.mark.parametrize("kind", RAISE)
def test_except_catches_what_it_names(bench: Any, kind: int) -> None:
    """An except catches its own kinds, gives the code or the kind's name, and pays twenty; others pass."""
    statement, code = RAISE[kind]
    ran = bench.run([[55, [statement], [kind], 1, [[53, B]]], [53, [1, "not caught"]]])
    assert (ran.end, ran.value) == ("ok", code)
    others = [other for other in range(6) if other != kind]
    assert bench.run([[55, [statement], others, 1, [[53, B]]]]).end == ("revert" if kind == 0 else code)
    assert bench.run([[55, [statement], [0, 1, 2, 3, 4, 5], None, [[53, B]]]]).value is None
    nothing = bench.run([[55, [[40, [1, 1]]], [kind], 1, [[53, B]]]])
    assert (nothing.end, nothing.value, nothing.gas) == ("ok", None, 2 + 3 * 2 + 3)


def test_price_of_a_caught_error(bench: Any) -> None:
    """A try pays for the levels in it, and each except that an error meets pays twenty, whether it catches or not."""
    caught = [55, [[54, [1, "E"]]], [0], None, [[40, [1, 1]]]]
    assert bench.run([caught]).gas == (2 + 3 * 2) + 3 + 20 + 3
    missed = [55, [[54, [1, "E"]]], [1], None, [[40, [1, 1]]]]
    assert bench.run([missed]).gas == (2 + 3 * 2) + 3 + 20
    deep = [5, 0, [5, 0, [5, 0, [1, 1]]]]
    assert bench.run([[55, [[40, deep]], [0], None, [[40, [1, 1]]]]]).gas == (2 + 3 * 5) + 6
    outer = [55, [missed], [0], None, [[40, [1, 1]]]]
    assert bench.run([outer]).gas == (2 + 3 * 3) + (2 + 3 * 2) + 3 + 20 + 20 + 3


@pytest.mark.parametrize(
    ("statement", "end"),
    [
        ([40, [6, 0, [1, 1], [1, "a"]]], "type"),
        ([40, [6, 9, [1, 1], [1, 255]]], "overflow"),
        ([40, [6, 0, [1, True], [1, 1]]], "refused"),
        ([40, [6, 2, [1, "ab"], [1, 65_536]]], "size"),
        ([49, [1, True], [[40, [1, 1]]]], "out_of_gas"),
    ],
    ids=["type", "overflow", "refused", "size", "out_of_gas"],
)
def test_errors_of_the_machine_are_never_caught(bench: Any, statement: list[Any], end: str) -> None:
    """No except sees what CPython would not raise."""
    assert bench.run([[55, [statement], [0, 1, 2, 3, 4, 5], 1, [[53, B]]]], gas=100_000).end == end


def test_try_undoes_nothing_and_calls_are_counted_again(bench: Any) -> None:
    """What was done before the error stays, and calls left open by it are closed."""
    bench.functions = [["fail", [], None, 0, [[54, [1, "E"]]]]]
    seen: list[int] = []
    once = [55, [[40, note(1)], [40, [20, 0, []]]], [0], None, [[40, note(2)]]]
    ran = bench.run([[50, [1], [21, 11, [[1, 100]]], [once]], [53, [1, 5]]], seen)
    assert (ran.end, ran.value, seen) == ("ok", 5, [1, 2] * 100)


def test_handlers_may_fail_and_signal(bench: Any) -> None:
    """A handler returns, breaks and raises like any block, and its error has no host exception behind it."""
    attempt = [55, [[54, [1, "E"]]], [0], 1, [[51]]]
    assert bench.run([[49, [1, True], [attempt]], [53, B]]).value == "E"
    again = [55, [[54, [1, "E"]]], [0], 1, [[54, [23, [B, [1, "2"]]]]]]
    ran = bench.run([again])
    assert (ran.end, ran.code) == ("revert", "E2")
    assert bench.run([[55, [again], [0], 1, [[53, B]]]]).value == "E2"


def test_events(bench: Any) -> None:
    """An event reaches the host in wire form under its name, and pays for its bytes."""
    bench.records = [["Point", [["x", [2]], ["y", [2]]]]]
    bench.events = [["Moved", [["at", [8, 0], False], ["who", [3], True]]], ["Nothing", []]]
    ran = bench.run([[47, 0, [[16, 0, [[1, 1], [1, 2]]], [1, "bob"]]], [47, 1, []]])
    assert ran.end == "ok"
    assert bench.host.events == [EmittedEvent("me", "Moved", ((1, 2), "bob")), EmittedEvent("me", "Nothing", ())]
    bytes_of_first, bytes_of_second = 1 + 3 + 4, 1
    elements = 2 + 4  # of the record, and the record itself
    nodes = 1 + 5 + 4 + 1  # block, nodes of the first, new record, second event
    memory_of_record = 176 + 160
    assert ran.memory_bytes == memory_of_record + 64 + bytes_of_first + 64 + bytes_of_second
    charged = (60 + bytes_of_first + (72 >> 6)) + (60 + bytes_of_second + (65 >> 6))
    assert ran.gas == nodes + (memory_of_record >> 6) + elements + charged


def test_events_of_other_types_and_in_views(bench: Any) -> None:
    """Fields are of the declared types, events are not for views and not without end."""
    bench.events = [["Said", [["what", [3], False]]]]
    assert bench.run([[47, 0, [[1, 5]]]]).end == "type"
    assert bench.run([[47, 0, [[1, "a"]]]], view=True).end == "view"
    assert bench.run([[47, 0, [A]]], "a" * 65_536).end == "size"
    assert bench.host.events == []
