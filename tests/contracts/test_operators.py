"""Operators: the same values as CPython where they give one, and gas and memory by the table."""

import operator
from typing import Any

import pytest

from contracts.limits import INTEGER_MAX

LEFT, RIGHT = [2, 0], [2, 1]

INTEGERS = (0, 1, -1, 2, -7, 255, 2**64, -(2**128), INTEGER_MAX, -INTEGER_MAX)
OPERATORS = (
    (0, operator.add),
    (1, operator.sub),
    (2, operator.mul),
    (3, operator.floordiv),
    (4, operator.mod),
    (5, operator.and_),
    (6, operator.or_),
    (7, operator.xor),
    (11, operator.add),
)


def constant(value: Any) -> list[Any]:
    """Return a node that gives ``value``."""
    return [1, value]


def closure_of(value: list[Any]) -> list[Any]:
    """Return a node with the same value that is neither a local nor a constant."""
    return [11, [1, True], value, [1, None]]


@pytest.mark.parametrize(("number", "operate"), OPERATORS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_integers_are_those_of_python(bench: Any, number: int, operate: Any) -> None:
    """Every pair of integers gives CPython's result in each shape of operands, or overflow beyond 255 bits."""
    for left in INTEGERS:
        for right in INTEGERS:
            if right == 0 and number in (3, 4):
                expected: tuple[str, Any] = ("zero_division", None)
            else:
                value = operate(left, right)
                expected = ("ok", value) if abs(value) <= INTEGER_MAX else ("overflow", None)
            for first in (LEFT, closure_of(LEFT), constant(left)):
                for second in (RIGHT, closure_of(RIGHT), constant(right)):
                    ran = bench.value([6, number, first, second], left, right)
                    assert (ran.end, ran.value) == expected, (left, operate, right, first, second)


COMPARISONS = (
    (0, operator.eq),
    (1, operator.ne),
    (2, operator.lt),
    (3, operator.le),
    (4, operator.gt),
    (5, operator.ge),
)


@pytest.mark.parametrize(("number", "operate"), COMPARISONS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_comparisons_are_those_of_python(bench: Any, number: int, operate: Any) -> None:
    """Integers, texts and bytes compare as in CPython in each shape of operands."""
    pairs = [(left, right) for left in INTEGERS for right in INTEGERS]
    pairs += [("a", "b"), ("", "a"), ("é", "e"), ("z", "汉"), ("a", "a"), (b"a", b"b"), (b"", b""), (b"\xff", b"a")]
    for left, right in pairs:
        for first in (LEFT, closure_of(LEFT), constant(left)):
            for second in (RIGHT, closure_of(RIGHT), constant(right)):
                ran = bench.value([7, number, first, second], left, right)
                assert (ran.end, ran.value) == ("ok", operate(left, right)), (left, operate, right)


@pytest.mark.parametrize(
    ("number", "left", "right", "expected"),
    [
        (8, 2, 254, 2**254),
        (8, 2, 255, "overflow"),
        (8, -2, 255, "overflow"),
        (8, -1, 10**40, 1),
        (8, 0, 10**40, 0),
        (8, 0, 0, 1),
        (8, 10, 10**8, "overflow"),
        (8, 3, 160, 3**160),
        (8, 3, 161, "overflow"),
        (8, 2, -1, "refused"),
        (8, True, 2, "refused"),
        (8, "a", 2, "type"),
        (9, 1, 254, 2**254),
        (9, 1, 255, "overflow"),
        (9, -1, 255, "overflow"),
        (9, 0, 10**40, 0),
        (9, 1, 10**40, "overflow"),
        (9, 1, -1, "value"),
        (9, 1, False, "refused"),
        (10, INTEGER_MAX, 254, 1),
        (10, -5, 10**40, -1),
        (10, 5, 10**40, 0),
        (10, 5, -1, "value"),
        (10, "a", 1, "type"),
    ],
    ids=str,
)
def test_powers_and_shifts(bench: Any, number: int, left: Any, right: Any, expected: Any) -> None:
    """Powers and shifts are bounded before the work, and refuse what would leave the integers."""
    ran = bench.value([6, number, LEFT, RIGHT], left, right)
    assert (ran.end if isinstance(expected, str) else ran.value) == expected


@pytest.mark.parametrize(
    ("number", "left", "right", "expected"),
    [
        (0, "a", "bc", ("abc", 83)),
        (0, "a", "汉", ("a汉", 88)),
        (0, "汉", "a", ("汉a", 88)),
        (0, b"a", b"b", (b"ab", 66)),
        (0, [1], [2, 3], ([1, 2, 3], 352)),
        (0, (1,), (2,), ((1, 2), 272)),
        (11, "a", "b", ("ab", 82)),
        (11, [1], (2, 3), ([1, 2, 3], 160)),
        (11, [1], [2], ([1, 2], 80)),
        (2, "ab", 3, ("ababab", 86)),
        (2, 3, "ab", ("ababab", 86)),
        (2, "ab", -3, ("", 80)),
        (2, b"a", 2, (b"aa", 66)),
        (2, [None], 2, ([None, None], 272)),
        (2, (None,), 0, ((), 112)),
    ],
    ids=str,
)
def test_texts_and_sequences(bench: Any, number: int, left: Any, right: Any, expected: Any) -> None:
    """Joined and repeated texts and sequences are CPython's and pay for what they become."""
    ran = bench.value([6, number, LEFT, RIGHT], left, right)
    value, size_bytes = expected
    assert (ran.end, ran.value) == ("ok", value)
    assert ran.memory_bytes == size_bytes
    static = 2 if number == 2 else 0
    in_place = 1 if number == 11 and isinstance(left, list) else 0
    assert ran.gas == 3 + static + in_place + (size_bytes >> 6)


@pytest.mark.parametrize(
    ("number", "left", "right", "end"),
    [
        (0, "a", 1, "type"),
        (0, "a", b"a", "type"),
        (0, [1], (1,), "type"),
        (0, None, None, "type"),
        (0, {"a": 1}, {"b": 1}, "type"),
        (0, True, 1, "refused"),
        (0, 1, True, "refused"),
        (0, "a" * 40_000, "a" * 40_000, "size"),
        (0, [None] * 10_000, [None] * 10_000, "size"),
        (11, [None] * 10_000, [None] * 10_000, "size"),
        (11, [1], "ab", "refused"),
        (11, [1], 1, "type"),
        (2, "a", "a", "type"),
        (2, "a", True, "refused"),
        (2, "a", 65_537, "overflow"),
        (2, "ab", 65_536, "size"),
        (2, [1], 16_385, "size"),
        (1, "a", "b", "type"),
        (3, 1, True, "refused"),
        (4, "%d", 1, "type"),
        (5, True, False, "refused"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_refusals(bench: Any, number: int, left: Any, right: Any, end: str) -> None:
    """Wrong types, bools as numbers and results that are too large end in their own kind, before any work."""
    before = len(left) if isinstance(left, list) else None
    assert bench.value([6, number, LEFT, RIGHT], left, right).end == end
    assert before is None or len(left) == before


@pytest.mark.parametrize(
    ("left", "right", "end"),
    [
        (1, "a", "type"),
        (True, 1, "refused"),
        (False, True, "refused"),
        ("a", b"a", "type"),
        (None, None, "type"),
        ([1], [2], "refused"),
        ((1,), (2,), "refused"),
        ({"a": 1}, {}, "type"),
    ],
    ids=str,
)
def test_order_is_for_scalars_of_one_type(bench: Any, left: Any, right: Any, end: str) -> None:
    """There is no order of containers, of mixed types, of bools."""
    for number in (2, 3, 4, 5):
        for first in (LEFT, closure_of(LEFT)):
            assert bench.value([7, number, first, RIGHT], left, right).end == end


@pytest.mark.parametrize(
    ("number", "value", "expected"),
    [
        (0, 0, True),
        (0, [], True),
        (0, "a", False),
        (1, 5, -5),
        (1, INTEGER_MAX, -INTEGER_MAX),
        (1, -INTEGER_MAX, INTEGER_MAX),
        (2, 0, -1),
        (2, -INTEGER_MAX, INTEGER_MAX - 1),
        (2, INTEGER_MAX, "overflow"),
        (1, True, "refused"),
        (2, False, "refused"),
        (1, "a", "type"),
    ],
    ids=str,
)
def test_unary(bench: Any, number: int, value: Any, expected: Any) -> None:
    """Not takes every value; negate and invert take integers and stay within them."""
    ran = bench.value([5, number, LEFT], value)
    assert (ran.end if isinstance(expected, str) else ran.value) == expected


@pytest.mark.parametrize(
    ("container", "index", "expected"),
    [
        ([1, 2, 3], 0, 1),
        ([1, 2, 3], -3, 1),
        ([1, 2, 3], 3, "index"),
        ([1, 2, 3], -4, "index"),
        ([1, 2, 3], 2**200, "index"),
        ([1, 2, 3], True, "refused"),
        ([1, 2, 3], "a", "type"),
        ((1, 2), 1, 2),
        ((1, 2), 2, "index"),
        ("a汉", 1, "汉"),
        ("a汉", -3, "index"),
        ("a汉", None, "type"),
        (b"ab", -1, 98),
        (b"ab", 2, "index"),
        ({"a": 1, b"a": 2}, "a", 1),
        ({"a": 1, b"a": 2}, b"a", 2),
        ({"a": 1}, "b", "key"),
        ({"a": 1}, 1, "type"),
        (5, 0, "type"),
        (None, 0, "type"),
        (range(3), 0, "refused"),
    ],
    ids=str,
)
def test_items(bench: Any, container: Any, index: Any, expected: Any) -> None:
    """c[i] is CPython's for list, tuple, str, bytes and dict; what Python would do and we do not is refused."""
    ran = bench.value([18, LEFT, RIGHT], container, index)
    if isinstance(expected, str) and ran.end != "ok":
        assert ran.end == expected
    else:
        assert (ran.end, ran.value) == ("ok", expected)


def test_price_of_items(bench: Any) -> None:
    """A character is a new str, a look-up costs one, other items nothing besides their nodes."""
    assert bench.value([18, LEFT, RIGHT], "abc", 0).memory_bytes == 84
    assert bench.value([18, LEFT, RIGHT], "abc", 0).gas == 3 + (84 >> 6)
    assert bench.value([18, LEFT, RIGHT], {"a": 1}, "a").gas == 3 + 1
    assert bench.value([18, LEFT, RIGHT], [1], 0).gas == 3


BOUNDS = (None, 0, 1, -1, 2, -3, 5, 10**30, -(10**30))


@pytest.mark.parametrize("container", ["abcd", "a汉c", b"abcd", [1, 2, 3, 4], (1, 2, 3)], ids=str)
def test_slices_are_those_of_python(bench: Any, container: Any) -> None:
    """Every combination of bounds and steps gives CPython's part, and a step of zero its error."""
    for low in BOUNDS:
        for high in BOUNDS:
            for step in BOUNDS:
                ran = bench.value([19, [2, 0], [2, 1], [2, 2], [2, 3]], container, low, high, step)
                if step == 0:
                    assert ran.end == "value"
                else:
                    assert (ran.end, ran.value) == ("ok", container[low:high:step]), (low, high, step)


def test_slices_pay_for_what_they_make(bench: Any) -> None:
    """A slice costs the memory of the part, and refuses bools, texts and ranges."""
    assert bench.value([19, LEFT, None, [1, 2], None], "abcd").memory_bytes == 82
    assert bench.value([19, LEFT, None, [1, 2], None], [1, 2, 3]).memory_bytes == 272
    assert bench.value([19, LEFT, [1, True], None, None], "abcd").end == "refused"
    assert bench.value([19, LEFT, [1, "a"], None, None], "abcd").end == "type"
    assert bench.value([19, LEFT, None, None, None], range(3)).end == "refused"
    assert bench.value([19, LEFT, None, None, None], {}).end == "type"


def test_long_keys_pay_for_being_compared(bench: Any) -> None:
    """``d[k]``, a dict of equal keys, and dicts that are compared or merged: 1 for each 64 units of their keys."""
    long, same = "汉" * 6_400, "".join(["汉" * 6_399, "汉"])  # equal, and not one object
    item, other = [18, LEFT, RIGHT], [22, "update", LEFT, [RIGHT]]
    pair = [15, [LEFT, [1, 1], RIGHT, [1, 2]]]
    for node, left, right, gas in (
        (item, {long: 1}, same, 100),
        (pair, long, same, 200),
        ([7, 0, LEFT, RIGHT], {long: 1}, {same: 1}, 100),
        (other, {long: 1}, {same: 2}, 100),
    ):
        short = bench.value(node, *[{"k": 1} if type(value) is dict else "k" for value in (left, right)])
        ran = bench.value(node, left, right)
        assert (ran.end, ran.gas - short.gas) == ("ok", gas), node


def test_a_power_of_one_takes_no_longer_for_its_exponent(bench: Any) -> None:
    """-1, 0 and 1 to any power are what Python says, by an exponent of at most two."""
    for base in (-1, 0, 1):
        for exponent in (0, 1, 2, 3, 2**254, 2**254 + 1):
            assert bench.value([6, 8, LEFT, RIGHT], base, exponent).value == base**exponent
