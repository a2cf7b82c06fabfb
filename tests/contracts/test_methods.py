"""Every method of the table: CPython's result and effect, gas and memory by the formula of the grammar."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from contracts.methods import METHOD_NAMES, METHODS, delete_item, set_item
from contracts.textmethods import WHITESPACE

LIMIT = 65_536
ELEMENTS = 16_384
MEMORY = 16 << 20


@dataclass(frozen=True)
class Cost:
    """Gas and memory, written as the grammar writes them."""

    gas: int = 0
    memory: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.gas + other.gas, self.memory + other.memory)


def alloc(size: int) -> Cost:
    """Return what ``alloc`` charges."""
    return Cost(size >> 6, size)


def text(length: int, *wide: Any) -> Cost:
    """Return the price of a new str or bytes; it is as wide as the widest of its sources."""
    if type(wide[0]) is bytes:
        return alloc(64 + length)
    return alloc(80 + length * (1 if all(part.isascii() for part in wide) else 4))


def find(receiver: Any, part: Any) -> Cost:
    """Return F(n, k)."""
    return Cost(2 + (len(receiver) * min(len(part), 32) >> 4))


TEXTS = [
    "",
    "a",
    "abcabc",
    "Hanchain",
    "汉链",
    "aé汉🔗",
    "\x00",
    "A" * 63,
    "A" * 64,
    "ab" * 500,
    "汉" * 300,
    " \t x\u3000",
]
TEXT_PARTS = ["a", "bc", "A" * 40, "汉", "b" * 200, "🔗", "zz", " "]
BINARIES = [text.encode() for text in TEXTS] + [b"\xff\xfe", bytes(256), b"\x80"]
BINARY_PARTS = [part.encode() for part in TEXT_PARTS] + [b"\xff"]
NUMBERS = [[], [3], [5, 1, 5, 2], [*range(100)], [True, 1, 0], [None, "a", b"a", (1,), [2]], [[1], [2, [3]], (4,)]]
DICTIONARIES = [{}, {"a": 1}, {"b": 2, b"b": 3, "a": [1]}, {f"k{i}": i for i in range(40)}]
VALUES = [1, 5, True, "a", b"a", None, (1,), [2], [2, [3]]]
DIGITS = ["", "0", "12", "9z", "Az", "-1", "Z" * 100, " ", "1" * 64]


def each(receivers: list[Any], *arguments: list[Any]) -> list[tuple[Any, tuple[Any, ...]]]:
    """Return (receiver, arguments) for all combinations."""
    cases: list[tuple[Any, tuple[Any, ...]]] = [(receiver, ()) for receiver in receivers]
    for choices in arguments:
        cases = [(receiver, (*before, choice)) for receiver, before in cases for choice in choices]
    return cases


@dataclass(frozen=True)
class Row:
    """One row of the table: what to try, and ``cost(receiver before, arguments, result, receiver after)``."""

    kind: type
    name: str
    cases: list[tuple[Any, tuple[Any, ...]]]
    cost: Callable[[Any, tuple[Any, ...], Any, Any], Cost]


def match_cost(_receiver: Any, arguments: Any, _result: Any, _after: Any) -> Cost:
    """Return the price of startswith and endswith."""
    return Cost(1 + (len(arguments[0]) >> 6))


def removed_cost(receiver: Any, arguments: Any, result: Any, _after: Any) -> Cost:
    """Return the price of removeprefix and removesuffix."""
    return Cost(1 + (len(arguments[0]) >> 6)) + text(len(result), receiver)


def find_cost(receiver: Any, arguments: Any, _result: Any, _after: Any) -> Cost:
    """Return the price of find and count."""
    return find(receiver, arguments[0])


def replace_cost(receiver: Any, arguments: Any, result: Any, _after: Any) -> Cost:
    """Return the price of replace."""
    return find(receiver, arguments[0]) + find(receiver, arguments[0]) + text(len(result), receiver, arguments[1])


def split_cost(receiver: Any, arguments: Any, result: Any, _after: Any) -> Cost:
    """Return the price of split."""
    content = len(receiver) * (4 if type(receiver) is str and not receiver.isascii() else 1)
    return find(receiver, arguments[0]) + alloc(112 + len(result) * 160 + content)


def join_cost(receiver: Any, arguments: Any, result: Any, _after: Any) -> Cost:
    """Return the price of join."""
    return Cost(1 + len(arguments[0])) + text(len(result), receiver, *arguments[0])


def same_length_cost(receiver: Any, _arguments: Any, _result: Any, _after: Any) -> Cost:
    """Return the price of upper and lower."""
    return alloc(80 + len(receiver))


def classify_cost(receiver: Any, _arguments: Any, _result: Any, _after: Any) -> Cost:
    """Return the price of isdigit and its kin."""
    return Cost(1 + (len(receiver) >> 4))


def text_rows(kind: type, receivers: list[Any], parts: list[Any]) -> list[Row]:
    """Return the rows that str and bytes share."""
    lists = [[], parts[:1], parts, tuple(parts), parts * 30]
    return [
        Row(kind, "startswith", each(receivers, [*parts, parts[0][:0]]), match_cost),
        Row(kind, "endswith", each(receivers, [*parts, parts[0][:0]]), match_cost),
        Row(kind, "removeprefix", each(receivers, parts), removed_cost),
        Row(kind, "removesuffix", each(receivers, parts), removed_cost),
        Row(kind, "find", each(receivers, [*parts, parts[0][:0]]), find_cost),
        Row(kind, "count", each(receivers, parts), find_cost),
        Row(kind, "replace", each(receivers, parts, [*parts, parts[0][:0]]), replace_cost),
        Row(kind, "split", each(receivers, parts), split_cost),
        Row(kind, "join", each(receivers[:6], lists), join_cost),
    ]


def walk_cost(before: list[Any], value: Any) -> Cost:
    """Return what finding ``value`` costs: 4 for each element, and the walks of equality up to the first equal one."""
    total = 1 + 4 * len(before)
    for element in before:
        total += equality_gas(element, value)
        if element == value:
            break
    return Cost(total)


def equality_gas(left: Any, right: Any) -> int:
    """Return what ``left == right`` costs: every text here is shorter than 64."""
    if type(left) is type(right) and type(left) in (list, tuple):
        if len(left) != len(right):
            return 1
        gas = 1 + 4 * len(left)
        for one, other in zip(left, right, strict=True):
            gas += equality_gas(one, other)
            if one != other:
                break
        return gas
    return 0


def popped(before: list[Any], arguments: Any) -> Cost:
    """Return the price of list.pop."""
    place = arguments[0] if arguments else -1
    index = place + len(before) if place < 0 else place
    return Cost(1 + (len(before) - index >> 5))


def dictionary_pop_cost(before: Any, arguments: Any, _result: Any, after: Any) -> Cost:
    """Return the price of dict.pop."""
    count = len(after)
    rebuilt = len(before) != count and count >= 8 and count & (count - 1) == 0
    return Cost(1 + (len(arguments[0]) >> 6) + (count if rebuilt else 0))


def set_default_cost(before: Any, arguments: Any, _result: Any, after: Any) -> Cost:
    """Return the price of setdefault."""
    return Cost(2 + (len(arguments[0]) >> 6)) + (alloc(240) if len(after) > len(before) else Cost())


ROWS = [
    *text_rows(str, TEXTS, TEXT_PARTS),
    *text_rows(bytes, BINARIES, BINARY_PARTS),
    Row(str, "encode", each(TEXTS), lambda s, a, r, x: alloc(64 + 4 * len(s))),
    Row(str, "strip", each(TEXTS), lambda s, a, r, x: Cost(len(s) >> 2) + text(len(s), s)),
    Row(str, "upper", each([text for text in TEXTS if text.isascii()]), same_length_cost),
    Row(str, "lower", each([text for text in TEXTS if text.isascii()]), same_length_cost),
    Row(str, "isdigit", each(DIGITS), classify_cost),
    Row(str, "isalpha", each(DIGITS), classify_cost),
    Row(str, "isalnum", each(DIGITS), classify_cost),
    Row(str, "isascii", each(TEXTS), lambda s, a, r, x: Cost(1 + (len(s) >> 6))),
    Row(
        str,
        "zfill",
        each([*TEXTS, "-5", "+5"], [0, 1, 3, 100, 256]),
        lambda s, a, r, x: alloc(80 + 4 * max(len(s), a[0])),
    ),
    Row(bytes, "decode", each(BINARIES), lambda s, a, r, x: alloc(80 + 4 * len(s))),
    Row(bytes, "hex", each(BINARIES), lambda s, a, r, x: alloc(80 + 2 * len(s))),
    Row(list, "append", each(NUMBERS, VALUES), lambda s, a, r, x: Cost(2, 80)),
    Row(
        list,
        "extend",
        each(NUMBERS, [[], [1], (1, 2), [*range(64)]]),
        lambda s, a, r, x: Cost(1 + (len(a[0]) >> 3)) + alloc(80 * len(a[0])),
    ),
    Row(
        list,
        "insert",
        each(NUMBERS, [0, 1, -1, -200, 200, 2**63 - 1, -(2**63)], [7]),
        lambda s, a, r, x: Cost(1 + (len(s) >> 5)) + alloc(80),
    ),
    Row(list, "pop", each(NUMBERS) + each(NUMBERS, [0, 1, -1, 50, -100]), lambda s, a, r, x: popped(s, a)),
    Row(list, "index", each(NUMBERS, VALUES), lambda s, a, r, x: walk_cost(s, a[0])),
    Row(list, "remove", each(NUMBERS, VALUES), lambda s, a, r, x: walk_cost(s, a[0])),
    Row(list, "reverse", each(NUMBERS), lambda s, a, r, x: Cost(1 + (len(s) >> 3))),
    Row(list, "clear", each(NUMBERS), lambda s, a, r, x: Cost(1 + (len(s) >> 3))),
    Row(list, "copy", each(NUMBERS), lambda s, a, r, x: Cost(1 + (len(s) >> 3)) + alloc(112 + 80 * len(s))),
    Row(
        dict,
        "get",
        each(DICTIONARIES, ["a", b"b", "z" * 64]) + each(DICTIONARIES, ["a", "z" * 200], [None, 9]),
        lambda s, a, r, x: Cost(1 + (len(a[0]) >> 6)),
    ),
    Row(
        dict,
        "pop",
        each(DICTIONARIES, ["a", b"b", "k0", "z" * 64]) + each(DICTIONARIES, ["a", "z" * 200], [None, 9]),
        dictionary_pop_cost,
    ),
    Row(dict, "setdefault", each(DICTIONARIES, ["a", "z" * 64, b"z"], [5]), set_default_cost),
    Row(dict, "keys", each(DICTIONARIES), lambda s, a, r, x: Cost(len(s) >> 2) + alloc(112 + 80 * len(s))),
    Row(dict, "values", each(DICTIONARIES), lambda s, a, r, x: Cost(len(s) >> 2) + alloc(112 + 80 * len(s))),
    Row(dict, "items", each(DICTIONARIES), lambda s, a, r, x: Cost(len(s)) + alloc(112 + 352 * len(s))),
    Row(
        dict,
        "update",
        each(DICTIONARIES, DICTIONARIES),
        lambda s, a, r, x: Cost(3 * len(a[0]) + (sum(map(len, a[0])) >> 6)) + alloc(240 * len(a[0])),
    ),
    Row(dict, "copy", each(DICTIONARIES), lambda s, a, r, x: Cost(3 * len(s)) + alloc(320 + 240 * len(s))),
    Row(dict, "clear", each(DICTIONARIES), lambda s, a, r, x: Cost(3 * len(s))),
]

NATIVE_FAILURES = {KeyError: "key", IndexError: "index", ValueError: "value", UnicodeDecodeError: "value"}


def natively(receiver: Any, name: str, arguments: tuple[Any, ...]) -> tuple[str, Any, Any]:
    """Return how CPython's method ends, its result, and the receiver after it."""
    own = copy.deepcopy(receiver)
    try:
        result = getattr(own, name)(*arguments)
    except (KeyError, IndexError, ValueError) as error:
        return NATIVE_FAILURES[type(error)], None, own
    if type(own) is dict and name in ("keys", "values", "items"):
        result = list(result)
    if type(result) in (str, bytes) and len(result) > LIMIT:
        return "size", None, own
    return "ok", result, own


def as_written(value: Any) -> Any:
    """Return ``value`` with types that ``==`` would not tell apart; a dict with its order."""
    if type(value) in (list, tuple):
        return type(value), [as_written(element) for element in value]
    if type(value) is dict:
        return dict, [(key, as_written(element)) for key, element in value.items()]
    return type(value), value


def call(meter: Any, receiver: Any, name: str, *arguments: Any, **options: Any) -> Any:
    """Call a method as the machine would."""
    method = METHODS[type(receiver)][name]
    assert len(arguments) in method.arities
    return meter.run(lambda runtime: method.call(runtime, receiver, list(arguments)), **options)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.kind.__name__}.{row.name}")
def test_a_method_does_what_python_does_at_its_price(meter: Any, row: Row) -> None:
    """Result, effect on the receiver and on the arguments, kind of failure, gas and memory of every case are exact."""
    for receiver, arguments in row.cases:
        end, result, after = natively(receiver, row.name, arguments)
        own, given = copy.deepcopy(receiver), copy.deepcopy(arguments)
        ran = call(meter, own, row.name, *given)
        case = (receiver, row.name, arguments)
        assert (ran.end, as_written(ran.value), as_written(own), as_written(given)) == (
            end,
            as_written(result),
            as_written(after),
            as_written(arguments),
        ), case
        if end == "ok" or row.name in ("decode", "index", "remove"):
            cost = row.cost(receiver, arguments, result, after)
            assert (ran.gas, ran.memory_bytes) == (cost.gas, cost.memory), case


def test_the_table_has_these_methods_and_no_others() -> None:
    """Every method of the table is tested above, and nothing else is in it."""
    assert {(kind, name) for kind, methods in METHODS.items() for name in methods} == {
        (row.kind, row.name) for row in ROWS
    }
    assert {row.name for row in ROWS} == METHOD_NAMES
    assert len({(row.kind, row.name) for row in ROWS}) == len(ROWS) == 47


def test_the_arities_are_those_of_the_grammar() -> None:
    """Optional arguments are those of pop, dict.pop and dict.get only."""
    several = {
        (kind, name): set(method.arities) for kind, methods in METHODS.items() for name, method in methods.items()
    }
    assert {key: arities for key, arities in several.items() if len(arities) > 1} == {
        (list, "pop"): {0, 1},
        (dict, "get"): {1, 2},
        (dict, "pop"): {1, 2},
    }
    assert {key for key, arities in several.items() if arities == {2}} == {
        (str, "replace"),
        (bytes, "replace"),
        (list, "insert"),
        (dict, "setdefault"),
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.kind.__name__}.{row.name}")
def test_gas_is_charged_before_the_work(meter: Any, row: Row) -> None:
    """One unit of gas or byte of memory less than it takes ends the transaction, and the receiver is as it was."""
    for receiver, arguments in row.cases[-8:]:
        end, result, after = natively(receiver, row.name, arguments)
        cost = row.cost(receiver, arguments, result, after) if end == "ok" else Cost()
        if cost.gas:
            own = copy.deepcopy(receiver)
            ran = call(meter, own, row.name, *copy.deepcopy(arguments), gas=cost.gas - 1)
            assert (ran.end, as_written(own)) == ("out_of_gas", as_written(receiver)), (receiver, arguments)
        if cost.memory:
            own = copy.deepcopy(receiver)
            method = METHODS[row.kind][row.name]

            def work(runtime: Any, own: Any = own, arguments: Any = arguments, method: Any = method) -> Any:
                runtime.memory = row.cost(receiver, arguments, result, after).memory - 1  # noqa: B023  # runs at once
                return method.call(runtime, own, list(copy.deepcopy(arguments)))

            assert (meter.run(work).end, as_written(own)) == ("out_of_memory", as_written(receiver)), receiver


WRONG = [None, True, 5, "s", b"s", [1], (1,), {"a": 1}, range(3)]
TAKES: dict[tuple[type, str], Callable[[Any], bool]] = {
    **{(str, row.name): lambda value: type(value) is str for row in text_rows(str, TEXTS, TEXT_PARTS)},
    **{(bytes, row.name): lambda value: type(value) is bytes for row in text_rows(bytes, BINARIES, BINARY_PARTS)},
    (str, "join"): lambda value: type(value) in (list, tuple),
    (bytes, "join"): lambda value: type(value) in (list, tuple),
    (str, "zfill"): lambda value: type(value) is int,
    (list, "extend"): lambda value: type(value) in (list, tuple),
    (list, "insert"): lambda value: type(value) is int,
    (list, "pop"): lambda value: type(value) is int,
    (dict, "get"): lambda value: type(value) in (str, bytes),
    (dict, "pop"): lambda value: type(value) in (str, bytes),
    (dict, "setdefault"): lambda value: type(value) in (str, bytes),
    (dict, "update"): lambda value: type(value) is dict,
}


@pytest.mark.parametrize(("kind", "name"), TAKES, ids=lambda value: getattr(value, "__name__", value))
def test_first_arguments_of_other_types_are_errors(meter: Any, kind: type, name: str) -> None:
    """A wrong type is ``type``, a bool in place of an int ``refused``; nothing is charged and nothing changes."""
    receiver: Any = {str: "abc", bytes: b"abc", list: [1, 2], dict: {"a": 1}}[kind]
    others = {"replace": [receiver], "insert": [0], "setdefault": [0]}.get(name, [])
    for wrong in WRONG:
        if TAKES[kind, name](wrong):
            continue
        own = copy.deepcopy(receiver)
        ran = call(meter, own, name, wrong, *others)
        expected = "refused" if wrong is True and name in ("zfill", "insert", "pop") and kind is not dict else "type"
        assert (ran.end, ran.gas, own) == (expected, 0, receiver), wrong


def test_elements_of_join_are_of_the_type_of_the_separator(meter: Any) -> None:
    """One element of another type is an error, wherever it stands."""
    for receiver, elements in [("", ["a", b"b"]), (b"", [b"a", "b"]), ("", [1]), ("-", ["a", None]), ("", [["a"]])]:
        assert call(meter, receiver, "join", elements).end == "type"


def test_a_second_text_of_another_type_is_an_error(meter: Any) -> None:
    """replace() wants both of the type of the receiver."""
    assert [call(meter, "abc", "replace", "a", b"b").end, call(meter, b"abc", "replace", b"a", "b").end] == ["type"] * 2


@pytest.mark.parametrize("name", ["count", "replace", "split", "find"])
@pytest.mark.parametrize("kind", [str, bytes])
def test_an_empty_pattern(meter: Any, name: str, kind: Any) -> None:
    """Empty patterns are refused, but for split, where Python raises ValueError, and find, which gives 0."""
    receiver = kind() + ("abc" if kind is str else b"abc")
    ran = call(meter, receiver, name, kind(), *([kind()] if name == "replace" else []))
    assert (ran.end, ran.value) == {"split": ("value", None), "find": ("ok", 0)}.get(name, ("refused", None))


@pytest.mark.parametrize("name", ["upper", "lower", "isdigit", "isalpha", "isalnum"])
@pytest.mark.parametrize("receiver", ["é", "汉", "ABC\x80", "²", "٣", "ß"])
def test_what_depends_on_unicode_tables_takes_ascii_only(meter: Any, name: str, receiver: str) -> None:
    """A receiver with any other character is refused, before anything is charged."""
    ran = call(meter, receiver, name)
    assert (ran.end, ran.gas) == ("refused", 0)


@pytest.mark.parametrize("width", [-1, 257, 2**63, -(2**70)])
def test_zfill_is_bounded(meter: Any, width: int) -> None:
    """Widths outside of 0 to 256 are refused."""
    assert call(meter, "7", "zfill", width).end == "refused"


def test_strip_knows_all_white_space_of_python() -> None:
    """The constant is what CPython's own strip() removes, and nothing else."""
    assert len(WHITESPACE) == len(set(WHITESPACE)) == 29
    assert [chr(code) for code in range(0x110000) if not chr(code).strip()] == sorted(WHITESPACE)


@pytest.mark.parametrize("place", [2**63, -(2**63) - 1, 2**200])
def test_positions_beyond_the_host_are_overflow(meter: Any, place: int) -> None:
    """Python raises OverflowError there, which no contract catches: not an error of index."""
    assert [call(meter, [1], "pop", place).end, call(meter, [], "insert", place, 1).end] == ["overflow", "overflow"]


class TestLimits:
    """At the bounds of text and elements."""

    def test_texts_of_the_greatest_length_are_made_and_longer_ones_not(self, meter: Any) -> None:
        """65,536 characters or bytes are the most of a result."""
        full = "a" * LIMIT
        half = full[: LIMIT // 2]
        assert [
            call(meter, "", "join", [half, half]).end,
            call(meter, "-", "join", [half, half]).end,
            call(meter, half, "replace", "a", "bb").end,
            call(meter, half + "a", "replace", "a", "bb").end,
            call(meter, full, "encode").end,
            call(meter, "é" * (LIMIT // 2), "encode").end,
            call(meter, "é" * (LIMIT // 2 + 1), "encode").end,
            call(meter, bytes(LIMIT // 2), "hex").end,
            call(meter, bytes(LIMIT // 2 + 1), "hex").end,
            call(meter, full.encode(), "decode").end,
        ] == ["ok", "size", "ok", "size", "ok", "ok", "size", "ok", "size", "ok"]

    def test_lists_of_the_greatest_length_are_made_and_longer_ones_not(self, meter: Any) -> None:
        """16,384 elements are the most of a list."""
        full, one_less = [0] * ELEMENTS, [0] * (ELEMENTS - 1)
        assert [
            call(meter, one_less, "append", 1).end,
            call(meter, full, "append", 1).end,
            call(meter, full, "insert", 0, 1).end,
            call(meter, [0], "extend", full).end,
            call(meter, [], "extend", full).end,
            call(meter, "a" * (ELEMENTS - 1), "split", "a").end,
            call(meter, "a" * ELEMENTS, "split", "a").end,
            len(full),
        ] == ["ok", "size", "size", "size", "ok", "ok", "size", ELEMENTS]

    def test_dicts_of_the_greatest_length_are_made_and_longer_ones_not(self, meter: Any) -> None:
        """16,384 entries are the most of a dict; an update of keys that are there adds none."""
        full = {str(number): 0 for number in range(ELEMENTS)}
        assert [
            call(meter, full, "setdefault", "new", 1).end,
            call(meter, full, "setdefault", "5", 1).end,
            call(meter, full, "update", {"5": 1, "6": 2}).end,
            call(meter, full, "update", {"5": 1, "new": 2}).end,
            meter.run(lambda runtime: set_item(runtime, full, "new", 1)).end,
            meter.run(lambda runtime: set_item(runtime, full, "5", 1)).end,
            len(full),
        ] == ["size", "ok", "ok", "size", "size", "ok", ELEMENTS]


class TestItems:
    """``c[i] = v`` and ``del c[i]``."""

    def test_storing_in_a_dict(self, meter: Any) -> None:
        """A new key costs its entry, an old one does not."""
        own: dict[Any, Any] = {}
        first = meter.run(lambda runtime: set_item(runtime, own, "k" * 64, 1))
        second = meter.run(lambda runtime: set_item(runtime, own, "k" * 64, 2))
        assert [(first.gas, first.memory_bytes), (second.gas, second.memory_bytes), own] == [
            (3 + 3, 240),
            (3, 0),
            {"k" * 64: 2},
        ]

    def test_storing_in_a_list(self, meter: Any) -> None:
        """Positions count from either end; it costs nothing beyond its node."""
        own = [1, 2, 3]
        ran = [meter.run(lambda runtime, place=place: set_item(runtime, own, place, place)) for place in (0, -1)]
        assert ([(one.end, one.gas) for one in ran], own) == ([("ok", 0)] * 2, [0, 2, -1])

    @pytest.mark.parametrize(
        ("container", "place", "end"),
        [
            ([1], 1, "index"),
            ([1], -2, "index"),
            ([1], 2**80, "index"),
            ([1], "0", "type"),
            ([1], True, "refused"),
            ({}, 1, "type"),
            ({}, None, "type"),
            ({}, (1,), "type"),
            ((1,), 0, "type"),
            ("a", 0, "type"),
            (b"a", 0, "type"),
            (None, 0, "type"),
        ],
        ids=str,
    )
    def test_what_cannot_be_stored_or_deleted(self, meter: Any, container: Any, place: Any, end: str) -> None:
        """Storing and deleting refuse the same containers and places; a bool is no place."""
        before = copy.deepcopy(container)
        storing = meter.run(lambda runtime: set_item(runtime, container, place, 9))
        deleting = meter.run(lambda runtime: delete_item(runtime, container, place))
        assert (storing.end, deleting.end, container) == (end, end, before)

    def test_deleting(self, meter: Any) -> None:
        """Deleting costs what pop costs; an absent key is an error of key."""
        own, mapping = [*range(100)], {"a": 1}
        ran = [
            meter.run(lambda runtime: delete_item(runtime, own, 0)),
            meter.run(lambda runtime: delete_item(runtime, own, -1)),
            meter.run(lambda runtime: delete_item(runtime, mapping, "a")),
            meter.run(lambda runtime: delete_item(runtime, mapping, "a")),
        ]
        assert [(one.end, one.gas) for one in ran] == [("ok", 1 + 3), ("ok", 1), ("ok", 1), ("key", 1)]
        assert (own, mapping) == ([*range(1, 99)], {})


def test_an_emptied_dict_is_rebuilt_at_powers_of_two(meter: Any) -> None:
    """Popping key by key costs 1 each and the length whenever it becomes 8, 16, 32 …; order and content stay."""
    own = {str(number): number for number in range(100)}
    twin = dict(own)
    gas = []
    for number in range(100):
        gas.append(call(meter, own, "pop", str(number)).gas)
        del twin[str(number)]
        assert list(own.items()) == list(twin.items())
    assert gas == [1 + (left if left in (8, 16, 32, 64) else 0) for left in range(99, -1, -1)]


def test_a_list_of_itself_is_a_walk_that_ends(meter: Any) -> None:
    """Looking for a list that contains itself ends at the depth of data, on any host."""
    own: list[Any] = []
    own.append(own)
    other: list[Any] = []
    other.append(other)
    assert [call(meter, own, "index", other).end, call(meter, own, "index", own).end] == ["data_depth", "data_depth"]
