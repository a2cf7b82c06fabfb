"""Expressions: values, order of evaluation, and gas of each node."""

from typing import Any

import pytest

from contracts.limits import INTEGER_MAX
from contracts.values import Record

A, B = [2, 0], [2, 1]
FAIL = [6, 3, [1, 1], [1, 0]]  # raises zero_division


@pytest.mark.parametrize("value", [None, True, 0, -1, INTEGER_MAX, -INTEGER_MAX, "汉", b"\x00"], ids=str)
def test_constants(bench: Any, value: Any) -> None:
    """A constant is what it says, for one unit of gas."""
    ran = bench.value([1, value])
    assert (ran.value, type(ran.value), ran.gas) == (value, type(value), 1)


def test_locals_begin_as_none_and_are_assigned(bench: Any) -> None:
    """A slot never assigned reads None; the walrus gives and keeps its value."""
    assert bench.value([2, 15]).value is None
    assert bench.value([14, [[3, 5, [1, 4]], [2, 5]]]).value == (4, 4)


def test_context(bench: Any) -> None:
    """The context is the transaction's, the caller none, the name that of the contract."""
    context = bench.context
    expected = [context.sender, 7, context.time_ms, context.tx_id, context.chain_id, "acme", None, "me"]
    assert bench.value([12, [[4, number] for number in range(8)]]).value == expected


def test_short_circuit(bench: Any) -> None:
    """And, or and the conditional evaluate only what Python would, and give what Python gives."""
    assert bench.value([9, A, FAIL], 0).value == 0
    assert bench.value([9, A, B], [1], "x").value == "x"
    assert bench.value([10, A, FAIL], "a").value == "a"
    assert bench.value([10, A, B], [], ()).value == ()
    assert bench.value([11, A, [1, 1], FAIL], "yes").value == 1
    assert bench.value([11, A, FAIL, [1, 2]], b"").value == 2
    assert bench.value([9, FAIL, A]).end == "zero_division"


def test_operands_are_evaluated_from_left_to_right(bench: Any) -> None:
    """The left operand is read before the right one assigns to it, whatever the shapes of both."""
    assert bench.value([6, 1, A, [3, 0, [1, 1]]], 10).value == 9
    assert bench.value([6, 1, [11, [1, True], A, A], [3, 0, [1, 1]]], 10).value == 9
    assert bench.value([7, 0, A, [3, 0, [1, 1]]], 10).value is False
    assert bench.value([12, [A, [3, 0, [1, 1]], A]], 10).value == [10, 1, 1]
    assert bench.value([12, [[3, 1, [1, 1]], [3, 1, [1, 2]], [3, 1, [1, 3]], B]]).value == [1, 2, 3, 3]


def test_none(bench: Any) -> None:
    """Is None is about None only."""
    assert [bench.value([8, A], value).value for value in (None, False, 0, "")] == [True, False, False, False]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 9])
def test_lists_and_tuples(bench: Any, count: int) -> None:
    """Lists and tuples hold their elements in order and pay for each slot."""
    elements = [[1, number] for number in range(count)]
    for kind, build in ((12, list), (14, tuple)):
        ran = bench.value([kind, elements])
        size_bytes = 112 + 80 * count
        assert (ran.value, type(ran.value)) == (build(range(count)), build)
        assert (ran.memory_bytes, ran.gas) == (size_bytes, 1 + count + (size_bytes >> 6))


def test_a_list_is_new_each_time(bench: Any) -> None:
    """The list of one evaluation is not that of the next."""
    first, second = bench.value([12, [[1, 1]]]), bench.value([12, [[1, 1]]])
    assert first.value is not second.value
    body = [
        [50, [3], [21, 11, [[1, 2]]], [[41, 1, [12, []]], [40, [22, "append", B, [[2, 3]]]]]],
        [53, B],
    ]
    assert bench.run(body).value == [1]


def test_dicts(bench: Any) -> None:
    """A dict keeps the last value of a key, in the place of the first, and takes text and bytes as keys."""
    ran = bench.value([15, [[1, "b"], [1, 1], [1, b"b"], [1, 2], [1, "b"], [1, 3]]])
    assert list(ran.value.items()) == [("b", 3), (b"b", 2)]
    assert (ran.memory_bytes, ran.gas) == (320 + 3 * 240, 7 + (1040 >> 6))
    for key in (1, None, True):
        assert bench.value([15, [[1, key], [1, 1]]]).end == "type"
    assert bench.value([15, [[14, []], [1, 1]]]).end == "type"


RECORDS = [["Point", [["x", [2]], ["y", [2]]]], ["Item", [["name", [3]], ["tags", [5, [3]]], ["at", [9, [8, 0]]]]]]


def test_records(bench: Any) -> None:
    """A record has all of its fields, of their types; each slot and the record itself are paid."""
    bench.records = RECORDS
    ran = bench.value([16, 0, [[1, 1], [1, 2]]])
    assert isinstance(ran.value, Record)
    assert (ran.value.shape.name, ran.value.fields) == ("Point", [1, 2])
    assert (ran.memory_bytes, ran.gas) == (176 + 160, 3 + 4 + (336 >> 6))
    assert bench.value([17, "y", [16, 0, [[1, 1], [1, 2]]]]).value == 2
    nested = [16, 1, [[1, "a"], [12, []], [16, 0, [[1, 1], [1, 2]]]]]
    assert bench.value([17, "x", [17, "at", nested]]).value == 1


@pytest.mark.parametrize(
    "expression",
    [
        [16, 0, [[1, 1], [1, "2"]]],
        [16, 0, [[1, 1], [1, True]]],
        [16, 1, [[1, "a"], [14, []], [1, None]]],
        [16, 1, [[1, "a"], [12, []], [1, 1]]],
        [17, "z", [16, 0, [[1, 1], [1, 2]]]],
        [17, "x", [1, 1]],
        [17, "append", [12, []]],
        [17, "fields", [16, 0, [[1, 1], [1, 2]]]],
        [17, "shape", [16, 0, [[1, 1], [1, 2]]]],
    ],
    ids=str,
)
def test_records_of_other_types_and_fields(bench: Any, expression: list[Any]) -> None:
    """A value of another type, a field that is not there and an attribute of the host are type errors."""
    bench.records = RECORDS
    assert bench.value(expression).end == "type"


def test_f_strings(bench: Any) -> None:
    """Parts are None, bool, int and str as str() gives them; the result is paid, other parts are refused."""
    ran = bench.value([23, [[1, "a"], [1, None], [1, True], [1, -5]]])
    assert (ran.value, ran.memory_bytes, ran.gas) == ("aNoneTrue-5", 80 + 11, 5 + 12 + 1)
    assert bench.value([23, [[1, "汉"], [1, "a"]]]).memory_bytes == 80 + 8
    assert bench.value([23, []]).value == ""
    assert bench.value([23, [A]], [1]).end == "refused"
    assert bench.value([23, [A]], b"a").end == "refused"
    assert bench.value([23, [A, A]], "a" * 40_000).end == "size"


def test_calls_of_functions(bench: Any) -> None:
    """A function gets its arguments as its first locals, others unset, and falls off its end with None."""
    bench.functions = [
        ["add", [None, None], None, 2, [[53, [6, 0, A, B]]]],
        ["unset", [None], None, 3, [[53, [12, [A, B, [2, 2]]]]]],
        ["none", [], None, 0, [[40, [1, 1]]]],
        ["four", [None] * 4, None, 4, [[53, [12, [[2, 3], [2, 2], B, A]]]]],
        ["even", [None], None, 1, [[48, A, [[53, [20, 5, [[6, 1, A, [1, 1]]]]]], [[53, [1, True]]]]]],
        ["odd", [None], None, 1, [[48, A, [[53, [20, 4, [[6, 1, A, [1, 1]]]]]], [[53, [1, False]]]]]],
    ]
    assert bench.value([20, 0, [[1, 2], [1, 3]]]).value == 5
    assert bench.value([20, 1, [[1, 2]]]).value == [2, None, None]
    assert bench.value([20, 2, []]).value is None
    assert bench.value([20, 3, [[1, 1], [1, 2], [1, 3], [1, 4]]]).value == [4, 3, 2, 1]
    assert bench.value([20, 4, [[1, 10]]]).value is True
    assert bench.value([20, 4, [[1, 11]]]).value is False


def test_price_of_a_call(bench: Any) -> None:
    """A call pays ten besides its nodes and the callee's block and levels, and gives its frame's memory back."""
    bench.functions = [["one", [None], None, 4, [[53, A]]]]
    ran = bench.value([20, 0, [[1, 1]]])
    levels = 3 * 2  # of the callee's body
    assert (ran.gas, ran.memory_bytes) == (2 + 10 + 3 + levels, 0)
    for _ in range(64):  # more than memory for as many frames of a chain of calls in each turn
        assert bench.run([[50, [1], [21, 11, [[1, 1000]]], [[40, [20, 0, [[2, 1]]]]]]]).end == "ok"


def test_depth_of_calls(bench: Any) -> None:
    """The sixty-fifth open call ends the transaction; sixty-four are fine."""
    bench.functions = [["down", [None], None, 1, [[48, A, [[53, [20, 0, [[6, 1, A, [1, 1]]]]]], [[53, A]]]]]]
    assert bench.run([[53, [20, 0, [[1, 62]]]]]).value == 0  # and the function of the bench itself
    assert bench.run([[53, [20, 0, [[1, 63]]]]]).end == "call_depth"


def test_functions_of_the_table(bench: Any) -> None:
    """A function of the table is called by its number with one of its numbers of arguments."""
    assert bench.value([21, 0, [[1, "abc"]]]).value == 3
    assert bench.value([21, 11, [[1, 1], [1, 7], [1, 2]]]).value == range(1, 7, 2)


def test_methods(bench: Any) -> None:
    """A method is found by the type of its receiver; other types and numbers of arguments are type errors."""
    assert bench.value([22, "startswith", [1, "abc"], [[1, "ab"]]]).value is True
    assert bench.value([22, "startswith", [1, b"abc"], [[1, b"c"]]]).value is False
    assert bench.value([22, "pop", A, []], [1, 2]).value == 2
    assert bench.value([22, "pop", A, [[1, "a"]]], {"a": 5}).value == 5
    assert bench.value([22, "pop", A, []], {"a": 5}).end == "type"
    assert bench.value([22, "append", A, [[1, 1]]], (1,)).end == "type"
    assert bench.value([22, "encode", A, []], 5).end == "type"
    bench.records = RECORDS
    assert bench.value([22, "get", [16, 0, [[1, 1], [1, 2]]], [[1, "x"]]]).end == "type"


def test_append(bench: Any) -> None:
    """List.append costs two units and a slot, and stops at the largest list."""
    ran = bench.value([22, "append", A, [[1, 1]]], [])
    assert (ran.end, ran.value, ran.gas, ran.memory_bytes) == ("ok", None, 3 + 2, 80)
    assert bench.value([22, "append", A, [[1, 1]]], [0] * 16_383).end == "ok"
    assert bench.value([22, "append", A, [[1, 1]]], [0] * 16_384).end == "size"


@pytest.mark.parametrize(
    ("name", "receiver", "arguments", "end"),
    [("append", 5, 1, "type"), ("index", 5, 1, "type"), ("get", [], 1, "type"), ("pop", [], 2, "value")],
)
def test_a_method_that_is_not_there_fails_before_its_arguments(
    bench: Any, name: str, receiver: Any, arguments: int, end: str
) -> None:
    """As in Python, where no handler of a failing argument sees the error; with too many arguments they come first."""
    failing = [[21, 2, [[1, "x"]]], [1, 1]][:arguments]
    assert bench.value([22, name, A, failing], receiver).end == end
