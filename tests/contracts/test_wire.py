"""Values without a type on the wire: forms, gas, room."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import wire
from contracts.codec import encode
from contracts.limits import MESSAGE_BYTES_MAX
from contracts.runtime import Runtime
from contracts.values import Record, Shape

PAIR = Shape("Pair", ("a", "b"), {"a": 0, "b": 1}, (), ())

scalars = st.none() | st.booleans() | st.integers(-(2**254), 2**254) | st.text(max_size=5) | st.binary(max_size=5)
trees = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=15)


def price(value: Any) -> int:
    """Return what encoding a wire form costs: 4 for a container, 1 for an element, 16 for an integer beyond 64 bits."""
    if type(value) is tuple:
        return 4 + len(value) + sum(map(price, value))
    return 16 if type(value) is int and not -(2**63) <= value < 2**64 else 0


def as_lists(value: Any) -> Any:
    """Return a wire form with lists for tuples."""
    return [as_lists(element) for element in value] if type(value) is tuple else value


@given(trees)
def test_what_goes_out_comes_in_as_lists(value: Any) -> None:
    """The wire form of sequences and scalars is the value itself; the other side gets fresh lists; by the price."""
    runtime = Runtime()
    runtime.gas = runtime.memory = 10**7
    out, size = wire.outgoing(runtime, [as_lists(value), value])
    assert (out, size, 10**7 - runtime.gas) == ((value, value), len(encode((value, value))), 2 * price(value))
    assert wire.incoming(runtime, value) == as_lists(value)


def test_dicts_and_records(meter: Any) -> None:
    """A dict is pairs by key, str before bytes, each in the order of its bytes; a record is its fields."""
    value = {"b": 1, "汉": 2, b"\xff": 3, "": 4, b"": 5, "a" * 9: Record(PAIR, [6, {"x": b"y"}])}
    ran = meter.run(lambda runtime: wire.outgoing(runtime, [value]))
    form = (("", 4), ("a" * 9, (6, (("x", b"y"),))), ("b", 1), ("汉", 2), (b"", 5), (b"\xff", 3))
    assert (ran.value, ran.gas) == (((form,), len(encode([form]))), 12 + 2 * 6 + (4 + 2) + (12 + 2))


def test_incoming_is_charged_as_new(meter: Any) -> None:
    """Every list and text is charged, 2 for each list and 1 for each element."""
    ran = meter.run(lambda runtime: wire.incoming(runtime, (1, "ab", (b"abc", "汉"))))
    memory = [112 + 240, 80 + 2, 112 + 160, 64 + 3, 80 + 4]
    assert (ran.value, ran.gas, ran.memory_bytes) == (
        [1, "ab", [b"abc", "汉"]],
        2 * 2 + 5 + sum(size >> 6 for size in memory),
        sum(memory),
    )


def test_room_is_sharp(meter: Any) -> None:
    """Exactly 64 KiB together go out, one byte more does not."""
    head = len(encode([b"a" * 300])) - 300
    full = MESSAGE_BYTES_MAX - head
    ran = [
        meter.run(lambda runtime, length=length: wire.outgoing(runtime, [bytes(length)])) for length in (full, full + 1)
    ]
    assert [(one.end, one.value and one.value[1]) for one in ran] == [("ok", MESSAGE_BYTES_MAX), ("size", None)]


@pytest.mark.parametrize(
    "value",
    [
        ["a" * 60_000, "b" * 6_000],
        ["a" * 60_000] * 16_384,
        [[0] * 16_384] * 16_384,
        [[[]] * 200] * 16_384,
        {str(number): "a" * 60_000 for number in range(9)},
        ["汉" * 30_000],
    ],
    ids=["two", "text", "lists", "empty", "dict", "wide"],
)
def test_what_is_large_only_when_written_out_is_refused(meter: Any, value: Any) -> None:
    """A small value that is there many times counts as often as it is there, before anything of its size exists."""
    assert meter.run(lambda runtime: wire.outgoing(runtime, [value])).end == "size"


def test_the_values_share_one_room(meter: Any) -> None:
    """Many arguments are together as small as one."""
    assert meter.run(lambda runtime: wire.outgoing(runtime, ["a" * 5_000] * 14)).end == "size"


def test_wide_text_occupies_its_utf8(meter: Any) -> None:
    """The host keeps the UTF-8 of text that is not ASCII beside it: memory without gas."""
    ran = [meter.run(lambda runtime, text=text: wire.outgoing(runtime, [text])) for text in ("a" * 100, "汉" * 100)]
    assert [(one.gas, one.memory_bytes) for one in ran] == [(0, 0), (0, 400)]


def nested(levels: int) -> Any:
    """Return so many dicts in one another: the form with the most sequences on the wire."""
    value: Any = {}
    for _ in range(levels - 1):
        value = {"k": value}
    return value


def test_depth_and_types(meter: Any) -> None:
    """32 levels go out, 33 end the transaction; a range has no form."""
    values: list[Any] = [nested(32), nested(33), range(3), [range(3)]]
    assert [meter.run(lambda runtime, value=value: wire.outgoing(runtime, [value])).end for value in values] == [
        "ok",
        "data_depth",
        "type",
        "type",
    ]
