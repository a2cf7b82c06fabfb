"""Loops, comprehensions and sorting: CPython's rounds, each of them paid before it begins."""

from typing import Any

import pytest

A, B, C = [2, 0], [2, 1], [2, 2]


def count_to(limit: list[Any], *body: Any) -> list[Any]:
    """Return a while loop in which local 1 counts from 1 to ``limit``, and ``body`` runs after counting."""
    return [49, [7, 2, B, limit], [[41, 1, [6, 0, B, [1, 1]]], *body]]


def test_while(bench: Any) -> None:
    """A while loop tests before each round and pays test and block each time."""
    start = [41, 1, [1, 0]]
    ran = bench.run([start, count_to(A), [53, B]], 10)
    assert (ran.value, ran.gas) == (10, (1 + 2 + 1 + 2) + 11 * 4 + 10 * 5)
    assert bench.run([start, count_to([1, 0]), [53, B]]).value == 0


def test_break_and_continue(bench: Any) -> None:
    """Break leaves the innermost loop, continue goes on with its next round."""
    start = [41, 1, [1, 0]]
    skip = [48, [7, 0, [6, 4, B, [1, 2]], [1, 0]], [[52]], []]
    keep = [40, [22, "append", A, [B]]]
    stop = [48, [7, 4, B, [1, 6]], [[51]], []]
    seen: list[int] = []
    bench.run([start, count_to([1, 100], skip, stop, keep), [40, [22, "append", A, [[1, -1]]]]], seen)
    assert seen == [1, 3, 5, -1]
    seen.clear()
    inner = [
        50,
        [2],
        [12, [[1, 7], [1, 8], [1, 9]]],
        [[48, [7, 0, C, [1, 8]], [[51]], []], [40, [22, "append", A, [C]]]],
    ]
    bench.run([[50, [1], [21, 11, [[1, 2]]], [inner, [40, [22, "append", A, [B]]]]]], seen)
    assert seen == [7, 0, 7, 1]


@pytest.mark.parametrize(
    "iterable",
    [[1, 2], (3, 4), range(2, 9, 3), "a汉", b"ab", {"x": 1, b"y": 2}, [], ""],
    ids=str,
)
def test_for_visits_what_python_visits(bench: Any, iterable: Any) -> None:
    """For goes over list, tuple, range, str, bytes and the keys of a dict."""
    seen: list[Any] = []
    assert bench.run([[50, [2], B, [[40, [22, "append", A, [C]]]]]], seen, iterable).end == "ok"
    assert seen == list(iterable)
    assert bench.value([13, A, [2], None, C], iterable).value == list(iterable)


@pytest.mark.parametrize("value", [None, 5, True], ids=str)
def test_for_refuses_other_types(bench: Any, value: Any) -> None:
    """What is no iterable is a type error, in loops and comprehensions alike."""
    assert bench.run([[50, [1], A, [[40, B]]]], value).end == "type"
    assert bench.value([13, A, [1], None, B], value).end == "type"
    assert bench.value([27, A, [1], None, [1, "a"], B], value).end == "type"
    assert bench.value([26, A, [1], B, False], value).end == "type"


def test_for_unpacks(bench: Any) -> None:
    """Several targets take elements that are lists or tuples of as many."""
    seen: list[int] = []
    body = [[50, [1, 2], [2, 3], [[40, [22, "append", A, [[6, 0, B, C]]]]]]]
    assert bench.run(body, seen, None, None, [(1, 2), [3, 4]]).end == "ok"
    assert seen == [3, 7]
    assert bench.run(body, seen, None, None, [(1, 2, 3)]).end == "value"
    assert bench.run(body, seen, None, None, ["ab"]).end == "type"
    assert bench.value([13, A, [1, 2], None, [6, 0, B, C]], [(1, 2), (3, 4)]).value == [3, 7]


def test_a_list_that_grows_is_followed(bench: Any) -> None:
    """As in Python a loop sees what is appended while it runs, and what is taken away it does not."""
    values = [1, 2, 3]
    grow = [48, [7, 2, B, [1, 6]], [[40, [22, "append", A, [[6, 0, B, [1, 3]]]]]], []]
    assert bench.run([[50, [1], A, [grow]]], values).end == "ok"
    assert values == [1, 2, 3, 4, 5, 6, 7, 8]
    seen: list[int] = []
    bench.run([[50, [2], B, [[40, [22, "append", A, [C]]], [40, [22, "pop", B, []]]]]], seen, [1, 2, 3, 4])
    assert seen == [1, 2]


def test_a_list_that_grows_for_ever_runs_out_of_gas(bench: Any) -> None:
    """Appending to the list under the loop ends with the gas, or with the largest list."""
    forever = [[50, [1], A, [[40, [22, "append", A, [[1, 1]]]]]]]
    assert bench.run(forever, [1], gas=10_000).end == "out_of_gas"
    assert bench.run(forever, [1]).end == "size"


def test_a_dict_that_changes_length_is_refused(bench: Any) -> None:
    """A dict may change its values under the loop, not its length."""
    entries = {"a": 1, "b": 2}
    assert bench.run([[50, [1], A, [[42, A, B, [1, 9]]]]], entries).end == "ok"
    assert entries == {"a": 9, "b": 9}
    assert bench.run([[50, [1], A, [[44, A, B]]]], dict(entries)).end == "refused"
    assert bench.run([[50, [1], A, [[42, A, [1, "c"], [1, 1]]]]], dict(entries)).end == "refused"
    assert bench.run([[50, [1], A, [[42, A, [1, "c"], [1, 1]], [51]]]], dict(entries)).end == "ok"


def test_price_of_for(bench: Any) -> None:
    """Each round of a for loop pays its block, and nothing for going on."""
    assert bench.run([[50, [1], A, [[40, B]]]], [0] * 10).gas == 1 + 2 + 10 * 3
    assert bench.run([[50, [1], A, [[40, B]]]], range(10)).gas == 1 + 2 + 10 * 3
    assert bench.run([[50, [1], A, [[40, B]]]], "abc").memory_bytes == 3 * 80


def test_comprehensions(bench: Any) -> None:
    """Comprehensions filter and map; a round pays one and its nodes, an element its slot."""
    ran = bench.value([13, A, [1], [7, 4, B, [1, 1]], [6, 2, B, B]], [1, 2, 3])
    assert (ran.end, ran.value) == ("ok", [4, 9])
    assert ran.memory_bytes == 112 + 2 * 80
    assert ran.gas == 2 + (112 >> 6) + 3 * (1 + 3 + 3 + 2)
    ran = bench.value([27, A, [1], [7, 4, B, [1, 1]], [21, 1, [B]], B], [1, 2, 3])
    assert (ran.end, ran.value) == ("ok", {"2": 2, "3": 3})
    assert bench.value([27, A, [1], None, B, B], [1]).end == "type"


def test_comprehensions_are_bounded(bench: Any) -> None:
    """A comprehension stops at the largest list, at memory and at gas."""
    assert bench.value([13, A, [1], None, B], range(16_384)).end == "ok"
    assert bench.value([13, A, [1], None, B], range(16_385)).end == "size"
    assert bench.value([13, A, [1], None, [13, A, [2], None, C]], range(1_000)).end == "out_of_memory"
    assert bench.run([[53, [13, A, [1], [1, False], B]]], range(10**12), gas=100_000).end == "out_of_gas"
    assert bench.value([27, A, [1], None, [21, 1, [B]], B], range(17_000)).end in ("size", "out_of_memory")


@pytest.mark.parametrize("reverse", [False, True])
def test_sorted_with_a_key(bench: Any, reverse: bool) -> None:
    """Sorting by a key is stable in both directions, as in CPython."""
    values = [(number * 7 % 5, number) for number in range(20)]
    ran = bench.value([26, A, [1], [18, B, [1, 0]], reverse], values)
    assert (ran.end, ran.value) == ("ok", sorted(values, key=lambda pair: pair[0], reverse=reverse))
    pairs = bench.value([26, A, [1, 2], [14, [[5, 1, B], C]], reverse], values)
    assert pairs.value == sorted(values, key=lambda pair: (-pair[0], pair[1]), reverse=reverse)
    assert bench.value([26, A, [1], [11, [7, 0, B, [1, 1]], [1, "a"], B], reverse], [1, 2, 3]).end == "type"
    assert bench.value([26, A, [1], [6, 3, [1, 1], B], reverse], [1, 0]).end == "zero_division"


def test_sorting_takes_a_copy_first(bench: Any) -> None:
    """A key that changes the list changes nothing of the result, as in CPython."""
    values = [3, 1, 2]
    ran = bench.value([26, A, [1], [11, [22, "append", A, [[1, 0]]], B, B], False], values)
    assert (ran.value, values) == ([1, 2, 3], [3, 1, 2, 0, 0, 0])


def test_price_of_sorting(bench: Any) -> None:
    """A sort pays ten, both copies, each key's round, and n times its bits by the width of the keys."""
    count = 100
    ran = bench.value([26, A, [1], B, False], list(range(count, 0, -1)))
    size_bytes = 112 + 80 * count
    assert ran.memory_bytes == 2 * size_bytes
    assert ran.gas == 2 + 10 + 2 * (size_bytes >> 6) + count * 2 + (count * 7 >> 2)
