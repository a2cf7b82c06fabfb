"""Every function of the table: CPython's result, gas and memory by the formula of the grammar, what it refuses."""

import copy
import datetime as dt
import decimal
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from contracts.calendar import civil_time
from contracts.functions import FUNCTIONS, sort
from contracts.limits import INTEGER_MAX

LIMIT = 65_536
ELEMENTS = 16_384
NAMES = {function.name: function for function in FUNCTIONS}


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


def call(meter: Any, name: str, *arguments: Any, **options: Any) -> Any:
    """Call a function as the machine would."""
    function = NAMES[name]
    assert len(arguments) in function.arities
    return meter.run(lambda runtime: function.call(runtime, list(arguments)), **options)


def total_length(values: Any) -> int:
    """Return the length of all texts together, 0 for numbers."""
    return sum(len(value) for value in values if type(value) is not int)


def given(arguments: Any) -> Any:
    """Return what min and max choose from."""
    return arguments if len(arguments) > 1 else arguments[0]


INTEGERS = [0, 1, -1, 7, -7, 255, 2**64, -(2**200), INTEGER_MAX, -INTEGER_MAX]
TEXTS = ["", "a", "Hanchain", "汉链", "A" * 200]
LISTS: list[Any] = [[], [3, 1, 2], (2, 2, 1), ["b", "a"], [b"b", b"a", b""], [*range(200)], ["x" * 100, "x" * 99]]
MIXED: list[Any] = [[1, "a"], [None], [[1]], [[1], [2]], [True], [1, True], [{}], [1, b""], ((1,), (2,))]

# name: (native, cases, cost of (arguments, result))
ROWS: dict[str, tuple[Callable[..., Any], list[tuple[Any, ...]], Callable[[Any, Any], Cost]]] = {
    "len": (len, [(value,) for value in [*TEXTS, b"ab", *LISTS, {"a": 1}]], lambda a, r: Cost()),
    "str": (str, [(value,) for value in [None, True, False, *INTEGERS, *TEXTS]], lambda a, r: Cost(4) + alloc(160)),
    "int": (
        int,
        [(value,) for value in [True, *INTEGERS, "0", "-0", "12", "-12", "007", str(INTEGER_MAX), str(-INTEGER_MAX)]],
        lambda a, r: Cost(6),
    ),
    "bool": (
        bool,
        [(value,) for value in [None, True, 0, 5, "", "a", b"", b"a", [], [0], (), {}, {"a": 1}, range(0), range(9)]],
        lambda a, r: Cost(),
    ),
    "abs": (abs, [(value,) for value in INTEGERS], lambda a, r: Cost()),
    "min": (
        min,
        [(values,) for values in LISTS] + [(3, 1, 2), ("b", "a"), (b"x", b"y" * 300, b""), tuple(range(8))],
        lambda a, r: Cost(1 + len(given(a)) + (total_length(given(a)) >> 6)),
    ),
    "max": (
        max,
        [(values,) for values in LISTS] + [(3, 1, 2), ("b", "a"), (b"x", b"y" * 300, b""), tuple(range(8))],
        lambda a, r: Cost(1 + len(given(a)) + (total_length(given(a)) >> 6)),
    ),
    "sum": (sum, [([],), ([1, -2, 3],), ((INTEGER_MAX, 1, -1),), ([*range(100)],)], lambda a, r: Cost(1 + len(a[0]))),
    "sorted": (
        sorted,
        [(values,) for values in [*LISTS, [(2, "a"), (1, "b"), (1, "a")], [(b"x" * 70, 3), (b"y", 1)], [()], [(), ()]]],
        lambda a, r: alloc(112 + 80 * len(r)) + Cost(sort_gas(r)),
    ),
    "list": (
        list,
        [(value,) for value in [*LISTS, range(0), range(100), range(9, 0, -2), {"b": 1, "a": 2}]],
        lambda a, r: Cost(len(r) >> 3) + alloc(112 + 80 * len(r)),
    ),
    "tuple": (
        tuple,
        [(value,) for value in [*LISTS, range(0), range(100), range(9, 0, -2), {"b": 1, "a": 2}]],
        lambda a, r: Cost(len(r) >> 3) + alloc(112 + 80 * len(r)),
    ),
    "range": (
        range,
        [(5,), (0,), (-3,), (2, 9), (9, 2, -3), (0, 2**62 - 1), (1 - 2**62, 2**62 - 1, 2**62 - 1), (1, 2, 0)],
        lambda a, r: Cost(),
    ),
    "enumerate": (
        lambda values: list(enumerate(values)),
        [(values,) for values in LISTS],
        lambda a, r: Cost(len(r)) + alloc(112 + 352 * len(r)),
    ),
    "zip": (
        lambda *lists: list(zip(*lists, strict=False)),
        [(left, right) for left in LISTS for right in LISTS] + [(LISTS[1], LISTS[2], LISTS[5])],
        lambda a, r: Cost(len(r)) + alloc(112 + 352 * len(r)),
    ),
    "reversed": (
        lambda values: list(reversed(values)),
        [(values,) for values in LISTS],
        lambda a, r: Cost(len(r)) + alloc(112 + 80 * len(r)),
    ),
    "any": (any, [(values,) for values in [*LISTS, [0, "", None], [[], {}, 1]]], lambda a, r: Cost(1 + len(a[0]))),
    "all": (all, [(values,) for values in [*LISTS, [0, "", None], [[0], "x", 1]]], lambda a, r: Cost(1 + len(a[0]))),
    "divmod": (
        divmod,
        [(left, right) for left in INTEGERS for right in INTEGERS],
        lambda a, r: Cost(6, 272),
    ),
    "from_hex": (
        bytes.fromhex,
        [("",), ("00ff",), ("ab" * 300,), ("0",), ("zz",), ("é0",)],
        lambda a, r: alloc(64 + len(a[0])),
    ),
    "to_bytes": (
        lambda value, width: value.to_bytes(width, "big"),
        [(0, 0), (0, 5), (255, 1), (256, 2), (INTEGER_MAX, 32), (2**64, 32)],
        lambda a, r: Cost(4, 64 + a[1]),
    ),
    "to_int": (
        lambda data: int.from_bytes(data, "big"),
        [(b"",), (b"\x00",), (b"\x01\x00",), (b"\x7f" + b"\xff" * 31,), (bytes(32),)],
        lambda a, r: Cost(4),
    ),
    "sha256": (
        lambda data: hashlib.sha256(data).digest(),
        [(b"",), (b"abc",), (bytes(1000),)],
        lambda a, r: Cost(40 + (len(a[0]) >> 6), 64 + 32),
    ),
}
ELSEWHERE = {"muldiv", "date", "hash", "digest", "merkle_verify", "verify", "account", "blob_present"}


def sort_gas(values: Any) -> int:
    """Return the gas of ordering ``values``: n x bits(n) x width >> 2, and a walk over the columns of tuples."""
    count = len(values)
    if count < 2:
        return 0
    if type(values[0]) is not tuple:
        return count * count.bit_length() * column_width(values) >> 2
    columns = list(zip(*values, strict=True))
    return count * len(columns) + (count * count.bit_length() * sum(map(column_width, columns)) >> 2)


def column_width(column: Any) -> int:
    """Return 1 + the greatest length >> 6."""
    return 1 if type(column[0]) is int else 1 + (max(map(len, column)) >> 6)


NATIVE_FAILURES = {ValueError: "value", ZeroDivisionError: "zero_division"}


@pytest.mark.parametrize("name", ROWS)
def test_a_function_does_what_python_does_at_its_price(meter: Any, name: str) -> None:
    """Result, its type, kind of failure, gas and memory of every case are exact; arguments stay as they are."""
    native, cases, cost = ROWS[name]
    for arguments in cases:
        try:
            end, result = "ok", native(*arguments)
        except (ValueError, ZeroDivisionError) as error:
            end, result = NATIVE_FAILURES[type(error)], None
        own = copy.deepcopy(arguments)
        ran = call(meter, name, *own)
        assert (ran.end, type(ran.value), ran.value, own) == (end, type(result), result, arguments), arguments
        if end == "ok":
            expected = cost(arguments, result)
            assert (ran.gas, ran.memory_bytes) == (expected.gas, expected.memory), arguments
            if expected.gas:
                assert call(meter, name, *own, gas=expected.gas - 1).end == "out_of_gas"


def test_the_table_has_these_functions_in_this_order() -> None:
    """Programs name functions by their place; every one of them is tested here."""
    assert " ".join(function.name for function in FUNCTIONS) == (
        "len str int bool abs min max sum sorted list tuple range enumerate zip reversed any all divmod muldiv hash"
        " sha256 digest merkle_verify verify from_hex to_bytes to_int date account blob_present"
    )
    assert set(NAMES) == set(ROWS) | ELSEWHERE


def test_the_arities_are_those_of_the_grammar() -> None:
    """All functions take one number of arguments but min, max, range and zip."""
    assert {name: sorted(function.arities) for name, function in NAMES.items()} == {
        **{name: [1] for name in NAMES},
        "min": [*range(1, 9)],
        "max": [*range(1, 9)],
        "range": [1, 2, 3],
        "zip": [2, 3],
        "divmod": [2],
        "muldiv": [4],
        "merkle_verify": [5],
        "verify": [3],
        "to_bytes": [2],
        "date": [2],
    }


@pytest.mark.parametrize(
    ("name", "arguments", "end"),
    [
        ("len", (5,), "type"),
        ("len", (None,), "type"),
        ("len", (range(3),), "refused"),
        ("str", (b"a",), "refused"),
        ("str", ([],), "refused"),
        ("int", (b"5",), "refused"),
        ("int", (None,), "type"),
        ("int", ([],), "type"),
        ("abs", (True,), "refused"),
        ("abs", ("1",), "type"),
        ("min", (5,), "type"),
        ("min", ({"a": 1},), "type"),
        ("min", (1, "a"), "type"),
        ("min", (True, False), "refused"),
        ("min", (1, True), "refused"),
        ("max", ([1], [2]), "refused"),
        ("max", (None, None), "type"),
        ("max", ([],), "value"),
        ("max", ((),), "value"),
        ("sum", ([True],), "refused"),
        ("sum", ([1, True],), "refused"),
        ("sum", (["a"],), "type"),
        ("sum", ([[1]],), "type"),
        ("sum", ({"a": 1},), "type"),
        ("sum", ([INTEGER_MAX, 1],), "overflow"),
        ("sum", ([-INTEGER_MAX, -1],), "overflow"),
        ("sorted", ("ab",), "type"),
        ("sorted", ({"a": 1},), "type"),
        ("sorted", ([1, "a"],), "type"),
        ("sorted", ([[1], [2]],), "refused"),
        ("sorted", ([True, False],), "refused"),
        ("sorted", ([(1, 2), (1,)],), "refused"),
        ("sorted", ([(1, True), (1, False)],), "refused"),
        ("sorted", ([((1,),), ((2,),)],), "refused"),
        ("sorted", ([(1, None), (2, None)],), "type"),
        ("sorted", ([(1,), [1]],), "type"),
        ("list", ("ab",), "refused"),
        ("list", (b"ab",), "refused"),
        ("tuple", (5,), "type"),
        ("list", (range(ELEMENTS),), "ok"),
        ("list", (range(ELEMENTS + 1),), "size"),
        ("tuple", (range(2**62),), "size"),
        ("range", (True,), "refused"),
        ("range", ("5",), "type"),
        ("range", (2**62 + 1,), "overflow"),
        ("range", (0, 5, -(2**62) - 1), "overflow"),
        ("enumerate", ("ab",), "type"),
        ("zip", ([1], "a"), "type"),
        ("reversed", ({"a": 1},), "type"),
        ("any", (range(3),), "type"),
        ("all", ("ab",), "type"),
        ("divmod", (1, True), "refused"),
        ("divmod", (1, "1"), "type"),
        ("from_hex", (b"00",), "type"),
        ("from_hex", ("AB",), "value"),
        ("from_hex", ("a b",), "value"),
        ("from_hex", (" ab",), "value"),
        ("from_hex", ("a" * (LIMIT + 1),), "size"),
        ("to_bytes", (1, 33), "refused"),
        ("to_bytes", (1, -1), "refused"),
        ("to_bytes", (256, 1), "overflow"),
        ("to_bytes", (1, 0), "overflow"),
        ("to_bytes", (-1, 4), "overflow"),
        ("to_bytes", (True, 4), "refused"),
        ("to_int", (bytes(33),), "refused"),
        ("to_int", (b"\x80" + bytes(31),), "overflow"),
        ("to_int", ("a",), "type"),
        ("sha256", ("a",), "type"),
    ],
    ids=str,
)
def test_what_functions_refuse(meter: Any, name: str, arguments: tuple[Any, ...], end: str) -> None:
    """Other types are ``type``, what Python would take all the same ``refused``; bounds are sharp."""
    assert call(meter, name, *arguments).end == end


class TestInt:
    """int() of text: plain decimal, and nothing caught that Python would have read."""

    @pytest.mark.parametrize(
        "text",
        ["+5", " 5", "5 ", "1_000", "\t-7\n", "+1_0", "\x0b5", "\u0665", "５", "\u20075", "1" * 79, "-" + "1" * 79],
    )
    def test_what_python_reads_beyond_plain_decimal_is_refused(self, meter: Any, text: str) -> None:
        """Python gives a number, so an error of value, which can be caught, would not be Python's."""
        assert type(int(text)) is int
        assert call(meter, "int", text).end == "refused"

    @pytest.mark.parametrize(
        "text", ["", "-", "+", "--5", "5-", "1.0", "0x10", "1__0", "_1", "1_", "a", "- 5", "1 2", "\x005", "5\x00"]
    )
    def test_what_python_does_not_read_is_an_error_of_value(self, meter: Any, text: str) -> None:
        """Short ASCII that Python refuses can be caught."""
        with pytest.raises(ValueError, match="invalid literal"):
            int(text)
        assert call(meter, "int", text).end == "value"

    @pytest.mark.parametrize("text", ["a" * 80, "汉", "x" * LIMIT, " " * LIMIT])
    def test_what_is_too_long_or_not_ascii_is_refused(self, meter: Any, text: str) -> None:
        """Telling whether Python reads it would take tables or time."""
        ran = call(meter, "int", text)
        assert (ran.end, ran.gas) == ("refused", 6)

    @pytest.mark.parametrize("sign", ["", "-"])
    def test_numbers_of_78_digits_may_be_out_of_range(self, meter: Any, sign: str) -> None:
        """The greatest integer is read; one more, and all of 78 nines, are overflow."""
        ends = [call(meter, "int", sign + digits).end for digits in (str(INTEGER_MAX), str(INTEGER_MAX + 1), "9" * 78)]
        assert ends == ["ok", "overflow", "overflow"]

    def test_random_short_text_is_read_as_python_reads_it_or_not_at_all(self, meter: Any) -> None:
        """Whatever ends ok is Python's number, and an error of value is Python's error of value."""
        seed = 7
        generator = random.Random(seed)
        for _ in range(20_000):
            text = "".join(generator.choices("0123456789+-_ \t\x1c\x85\xa0\x00a", k=generator.randrange(6)))
            try:
                native: Any = int(text)
            except ValueError:
                native = None
            ran = call(meter, "int", text)
            assert ran.end == "refused" or (ran.end, ran.value) == (
                "value" if native is None else "ok",
                native,
            ), (text, f"seed {seed}")


class TestMuldiv:
    """muldiv(a, b, c, mode)."""

    ROUNDINGS = (decimal.ROUND_DOWN, decimal.ROUND_UP, decimal.ROUND_HALF_UP, decimal.ROUND_HALF_EVEN)

    def test_it_rounds_as_decimal_does(self, meter: Any) -> None:
        """All four modes agree with the decimal module, small ties and numbers of 255 bits alike."""
        seed = 11
        generator = random.Random(seed)
        small = [(a, b, c) for a in range(-7, 8) for b in (-3, 1, 5) for c in (-4, -2, -1, 1, 2, 3, 6)]
        large = [
            tuple(generator.choice((1, -1)) * generator.getrandbits(generator.randrange(1, 256)) for _ in range(3))
            for _ in range(500)
        ]
        with decimal.localcontext(prec=400, rounding=decimal.ROUND_HALF_EVEN):
            for a, b, c in [*small, *large]:
                if c == 0:
                    continue
                for mode, rounding in enumerate(self.ROUNDINGS):
                    exact = int((decimal.Decimal(a * b) / decimal.Decimal(c)).to_integral_value(rounding))
                    expected = ("ok", exact) if abs(exact) <= INTEGER_MAX else ("overflow", None)
                    ran = call(meter, "muldiv", a, b, c, mode)
                    assert (ran.end, ran.value, ran.gas) == (*expected, 12), (a, b, c, mode, f"seed {seed}")

    @pytest.mark.parametrize(
        ("arguments", "end"),
        [
            ((1, 1, 0, 0), "zero_division"),
            ((1, 1, 1, 4), "refused"),
            ((1, 1, 1, -1), "refused"),
            ((INTEGER_MAX, 2, 1, 0), "overflow"),
            ((True, 1, 1, 0), "refused"),
            ((1, 1, "1", 0), "type"),
        ],
        ids=str,
    )
    def test_what_it_refuses(self, meter: Any, arguments: tuple[Any, ...], end: str) -> None:
        """No division by zero, no other mode, no result out of range, integers only."""
        assert call(meter, "muldiv", *arguments).end == end


class TestDate:
    """date(ms, offset_minutes)."""

    def test_it_is_the_date_of_datetime(self, meter: Any) -> None:
        """Random times and offsets, and the days around every leap rule, agree with Python's own calendar."""
        seed = 13
        generator = random.Random(seed)
        epoch = dt.datetime(1970, 1, 1)
        times = [generator.randrange(0, 253402300800_000) for _ in range(2_000)]
        for year in (1972, 2000, 2023, 2024, 2100, 2400, 9999):
            start = int((dt.datetime(year, 2, 28) - epoch).total_seconds()) * 1000
            times += [start + day * 86_400_000 - step for day in range(3) for step in (0, 1)]
        for time_ms in times:
            offset = generator.choice([0, 480, -720, 330, 1440, -1440])
            try:
                there = epoch + dt.timedelta(milliseconds=time_ms, minutes=offset)
            except OverflowError:
                there = None
            good = there is not None and there.year >= 1970
            expected: Any = (
                (there.year, there.month, there.day, there.hour, there.minute, there.second) if good else None
            )
            ran = call(meter, "date", time_ms, offset)
            assert (ran.end, ran.value) == ("ok" if good else "value", expected), (time_ms, offset, f"seed {seed}")

    def test_its_price(self, meter: Any) -> None:
        """12 gas and a tuple of six."""
        ran = call(meter, "date", 1_700_000_000_123, 480)
        assert (ran.value, ran.gas, ran.memory_bytes) == ((2023, 11, 15, 6, 13, 20), 12, 112 + 480)

    @pytest.mark.parametrize(
        ("time_ms", "offset", "known"),
        [
            (0, 0, (1970, 1, 1, 0, 0, 0)),
            (-1, 0, None),
            (0, -1, None),
            (-1, 1, (1970, 1, 1, 0, 0, 59)),
            (253402300799_999, 0, (9999, 12, 31, 23, 59, 59)),
            (253402300800_000, 0, None),
            (253402300800_000, -1, (9999, 12, 31, 23, 59, 0)),
            (0, 1440, (1970, 1, 2, 0, 0, 0)),
            (0, 1441, None),
            (10**15, -1441, None),
            (2**255 - 1, 0, None),
        ],
    )
    def test_bounds(self, time_ms: int, offset: int, known: Any) -> None:
        """The local year is 1970 to 9999, the offset at most a day."""
        assert civil_time(time_ms, offset) == known


class TestSort:
    """sorted() with keys (node 26) and without."""

    @pytest.mark.parametrize("reverse", [False, True])
    def test_it_is_stable_as_in_python(self, meter: Any, reverse: bool) -> None:
        """Values with equal keys stay in order, also in reverse; values themselves need no order."""
        values: list[Any] = [{"a": 1}, None, [3], "x", {"a": 2}, 5, (1,)]
        for keys in ([1, 0, 1, 0, 1, 0, 1], ["b", "a", "b", "c", "a", "a", "b"], [(1, "x")] * 6 + [(0, "y")]):
            expected = [
                value for _, value in sorted(zip(keys, values, strict=True), key=lambda p: p[0], reverse=reverse)
            ]
            ran = meter.run(lambda runtime, keys=keys: sort(runtime, list(values), keys, reverse))
            assert (ran.end, ran.value, ran.gas, ran.memory_bytes) == ("ok", expected, sort_gas(keys), 0)

    def test_one_value_needs_no_order(self, meter: Any) -> None:
        """A list of one or none is sorted whatever is in it, as in Python."""
        assert [call(meter, "sorted", values).value for values in ([], [None], [{"a": 1}], ([1],))] == [
            [],
            [None],
            [{"a": 1}],
            [[1]],
        ]

    def test_one_tuple_many_times_is_charged_by_its_columns(self, meter: Any) -> None:
        """Walking 16,384 times over a tuple of 16,384 is paid for before it is done."""
        wide = tuple(range(ELEMENTS))
        assert call(meter, "sorted", [wide] * ELEMENTS, gas=5_000_000).end == "out_of_gas"

    def test_gas_does_not_depend_on_the_order(self, meter: Any) -> None:
        """Versions of the host make different numbers of comparisons: none of them counts."""
        seed = 17
        values = [*range(500)]
        gas = {call(meter, "sorted", values).gas}
        generator = random.Random(seed)
        for _ in range(20):
            generator.shuffle(values)
            gas.add(call(meter, "sorted", values).gas)
        assert gas == {((112 + 80 * 500) >> 6) + (500 * 9 >> 2)}, f"seed {seed}"


def test_results_are_fresh(meter: Any) -> None:
    """list, sorted, reversed and enumerate of a list are new lists, even of one element."""
    own = [1]
    for name in ("list", "sorted", "reversed", "enumerate"):
        assert call(meter, name, own).value is not own


def test_no_range_is_longer_than_the_host_can_count(meter: Any) -> None:
    """The longest range has a length; what would be longer is no range. Its length was once a fault of the node."""
    bound = 2**62 - 1
    for first, last, step in ((-bound, bound, 1), (bound, -bound, -1)):
        longest = call(meter, "range", first, last, step)
        assert len(longest.value) == 2**63 - 2
        assert (call(meter, "list", longest.value).end, call(meter, "tuple", longest.value).end) == ("size", "size")
    for bounds in ((-bound - 1, bound), (-bound, bound + 1), (bound + 1, -bound, -1), (2**255 - 1,)):
        assert call(meter, "range", *bounds).end == "overflow", bounds
