"""Values: equality, membership, loops and sizes against CPython, with their gas."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import values
from contracts.failures import ContractFailure, Stop
from contracts.limits import DATA_DEPTH_MAX
from contracts.runtime import Runtime
from contracts.values import Record, Shape

PAIR = Shape("Pair", ("a", "b"), {"a": 0, "b": 1}, (), ())
TWIN = Shape("Pair", ("a", "b"), {"a": 0, "b": 1}, (), ())

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers(-(2**200), 2**200)
    | st.text(max_size=2)
    | st.binary(max_size=2)
)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=1) | st.binary(max_size=1), inner, max_size=3)
    ),
    max_leaves=12,
)


def equality_gas(left: Any, right: Any) -> int:
    """Return what ``left == right`` costs, by the table of the grammar."""
    if type(left) is not type(right):
        return 0
    if type(left) in (str, bytes):
        return len(left) >> 6 if len(left) == len(right) else 0
    if type(left) is dict:
        if len(left) != len(right):
            return 1
        gas = 1 + 5 * len(left)
        for key, value in left.items():
            if key not in right:
                return gas
            gas += equality_gas(value, right[key])
            if value != right[key]:
                return gas
        return gas
    if type(left) in (list, tuple):
        if len(left) != len(right):
            return 1
        gas = 1 + 4 * len(left)
        for one, other in zip(left, right, strict=True):
            gas += equality_gas(one, other)
            if one != other:
                return gas
        return gas
    return 0


def run(work: Any) -> tuple[str, Any, int]:
    """Return how ``work`` ends on a runtime of its own, its value and gas."""
    runtime = Runtime()
    runtime.gas = runtime.memory = 10**9
    try:
        return "ok", work(runtime), 10**9 - runtime.gas
    except ContractFailure as failure:
        return failure.kind.name.lower(), None, 10**9 - runtime.gas
    except Stop as stop:
        return stop.reason.value, None, 10**9 - runtime.gas


@given(trees, trees)
def test_equality_is_pythons(left: Any, right: Any) -> None:
    """Any two values are equal as CPython says, both ways round, at the price of the walk."""
    assert run(lambda runtime: values.equal(runtime, left, right)) == ("ok", left == right, equality_gas(left, right))
    assert run(lambda runtime: values.equal(runtime, right, left))[1] == (left == right)


@given(trees)
def test_a_copy_is_equal(value: Any) -> None:
    """A deep copy is equal, and walking it costs the same as walking the value itself."""
    other = copy.deepcopy(value)
    gas = equality_gas(value, value)
    assert run(lambda runtime: values.equal(runtime, value, other)) == ("ok", True, gas)
    assert run(lambda runtime: values.equal(runtime, value, value)) == ("ok", True, gas)


@pytest.mark.parametrize(("length", "gas"), [(63, 0), (64, 1), (6400, 100)])
def test_long_text_of_one_length_is_charged(length: int, gas: int) -> None:
    """Text and bytes cost 1 for each 64 units, and nothing when their lengths differ."""
    for unit in ("a", "汉", b"a"):
        assert run(lambda runtime, unit=unit: values.equal(runtime, unit * length, unit * length)) == ("ok", True, gas)
        assert run(lambda runtime, unit=unit: values.equal(runtime, unit * length, unit * (length + 1)))[2] == 0


def test_records_are_equal_by_shape_and_fields() -> None:
    """Only one shape makes equal records, however much another looks like it."""
    same = [Record(PAIR, [1, [2]]), Record(PAIR, [1, [2]])]
    others: list[Any] = [Record(PAIR, [1, [3]]), Record(TWIN, [1, [2]]), [1, [2]], (1, [2]), None]
    assert run(lambda runtime: values.equal(runtime, *same)) == ("ok", True, 1 + 8 + 1 + 4)
    for other in others:
        assert run(lambda runtime, other=other: values.equal(runtime, same[0], other))[1] is False


def test_ranges_are_equal_as_in_python() -> None:
    """A range equals a range with the same numbers, and nothing else."""
    pairs: list[tuple[Any, Any]] = [
        (range(0), range(5, 1)),
        (range(3), range(3)),
        (range(3), range(4)),
        (range(1), [0]),
    ]
    assert [run(lambda runtime, pair=pair: values.equal(runtime, *pair))[1] for pair in pairs] == [
        True,
        True,
        False,
        False,
    ]


def nested(levels: int, kind: str = "list") -> Any:
    """Return so many containers in one another."""
    value: Any = []
    for _ in range(levels - 1):
        value = {"list": [value], "tuple": (value,), "dict": {"k": value}, "record": Record(PAIR, [0, value])}[kind]
    return value


@pytest.mark.parametrize("kind", ["list", "tuple", "dict", "record"])
def test_walks_end_at_the_depth_of_data(kind: str) -> None:
    """32 levels compare; 33 end the transaction."""
    assert DATA_DEPTH_MAX == 32
    ends = [
        run(lambda runtime, levels=levels: values.equal(runtime, nested(levels, kind), nested(levels, kind)))[:2]
        for levels in (32, 33)
    ]
    assert ends == [("ok", True), ("data_depth", None)]


@settings(max_examples=300)
@given(trees, st.lists(trees, max_size=5))
def test_membership_in_lists_is_pythons(value: Any, elements: list[Any]) -> None:
    """``x in list`` is CPython's; numbers and None cost n, the rest 4n and the walks to the first equal element."""
    for container in (elements, tuple(elements), [*elements, copy.deepcopy(value)]):
        gas = len(container)
        if not (value is None or type(value) in (bool, int)):
            gas *= 4
            for element in container:
                gas += equality_gas(element, value)
                if element == value:
                    break
        expected = ("ok", value in container, gas)
        assert run(lambda runtime, container=container: values.contains(runtime, container, value)) == expected


def test_membership_of_a_record() -> None:
    """A record is found by its fields."""
    elements = [1, None, Record(TWIN, [1, 2]), Record(PAIR, [1, 2])]
    assert [
        run(lambda runtime, fields=fields: values.contains(runtime, elements, Record(PAIR, fields)))[1]
        for fields in ([1, 2], [2, 1])
    ] == [True, False]


@pytest.mark.parametrize(
    ("container", "value", "expected"),
    [
        ({"a": 1}, "a", ("ok", True, 1)),
        ({"a": 1}, b"a", ("ok", False, 1)),
        ({"a": 1}, "a" * 64, ("ok", False, 2)),
        ({"a": 1}, 1, ("type", None, 0)),
        ({"a": 1}, None, ("type", None, 0)),
        ("abc", "bc", ("ok", True, 2)),
        ("abc" * 100, "", ("ok", True, 2)),
        ("a" * 1000, "a" * 100, ("ok", True, 2 + 2000)),
        (b"abc", b"bc", ("ok", True, 2)),
        (b"abc", 97, ("type", None, 0)),
        ("abc", b"a", ("type", None, 0)),
        ("abc", 1, ("type", None, 0)),
        (range(5), 1, ("type", None, 0)),
        (5, 1, ("type", None, 0)),
        (None, None, ("type", None, 0)),
    ],
    ids=str,
)
def test_membership_elsewhere(container: Any, value: Any, expected: Any) -> None:
    """Keys in dicts, parts in text; other pairs of types are errors."""
    assert run(lambda runtime: values.contains(runtime, container, value)) == expected


class TestLoops:
    """iterate()."""

    @pytest.mark.parametrize("value", [[], [1, [2]], (), (1,), range(5), "", "aé汉", b"", b"ab", {}, {"b": 1, b"a": 2}])
    def test_a_loop_goes_through_what_python_goes_through(self, value: Any) -> None:
        """Elements and their order are CPython's."""
        end, elements, _ = run(lambda runtime: list(values.iterate(runtime, value)))
        assert (end, elements) == ("ok", list(value))

    @pytest.mark.parametrize(
        ("value", "gas"),
        [([0] * 100, 0), ((0,) * 100, 0), (range(10**9), 0), ("a" * 10, 800 >> 6), (b"a" * 10, 800 >> 6)],
        ids=["list", "tuple", "range", "str", "bytes"],
    )
    def test_its_price(self, value: Any, gas: int) -> None:
        """Only text makes new values, 80 bytes each; every round pays for its own block."""
        assert run(lambda runtime: values.iterate(runtime, value))[2] == gas

    def test_a_dict_is_charged_as_its_keys(self) -> None:
        """The loop has a copy of the keys: n >> 2 and a list."""
        own = {str(number): number for number in range(10)}
        assert run(lambda runtime: values.iterate(runtime, own))[2] == (10 >> 2) + ((112 + 800) >> 6)

    def test_a_list_that_grows_is_followed(self) -> None:
        """As in CPython, a loop over a list sees what is appended to it."""
        own = [1, 2, 3]
        seen = []
        for element in values.iterate(Runtime(), own):
            seen.append(element)
            if len(own) < 5:
                own.append(9)
        assert seen == [1, 2, 3, 9, 9]

    @pytest.mark.parametrize("change", ["grow", "shrink", "grow_last"])
    def test_a_dict_that_changes_its_length_is_refused(self, change: str) -> None:
        """Where CPython raises RuntimeError, also in the last round, the contract ends."""
        own = {"a": 1, "b": 2}

        def work(runtime: Runtime) -> None:
            for key in values.iterate(runtime, own):
                if change == "grow" or (change == "grow_last" and key == "b"):
                    own[key + "x"] = 1
                elif change == "shrink":
                    del own[str(key)]

        assert run(work)[0] == "refused"

    def test_a_dict_whose_values_change_is_not(self) -> None:
        """Storing under a key that is there leaves the loop alone."""
        own = {"a": 1, "b": 2}

        def work(runtime: Runtime) -> None:
            for key in values.iterate(runtime, own):
                own[str(key)] = 9

        assert (run(work)[0], own) == ("ok", {"a": 9, "b": 9})

    @pytest.mark.parametrize("value", [None, True, 5, Record(PAIR, [1, 2])], ids=["none", "bool", "int", "record"])
    def test_what_no_loop_goes_over(self, value: Any) -> None:
        """Scalars and records have no elements."""
        assert run(lambda runtime: values.iterate(runtime, value))[0] == "type"


@pytest.mark.parametrize(
    "value", [None, True, False, 0, -1, "", "0", b"", b"\x00", [], [0], (), (0,), {}, {"": 0}, range(0), range(1)]
)
def test_truth_is_pythons(value: Any) -> None:
    """Every value is true or false as in CPython, so a test may also be made natively."""
    assert values.truth(value) is bool(value)


def test_a_record_is_true() -> None:
    """As an object of a class without methods is."""
    assert (values.truth(Record(PAIR, [0, 0])), bool(Record(PAIR, [None, None]))) == (True, True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ("ok", "None", 0)),
        (True, ("ok", "True", 0)),
        (-(2**254), ("ok", str(-(2**254)), 0)),
        ("汉", ("ok", "汉", 0)),
        (b"a", ("refused", None, 0)),
        ([], ("refused", None, 0)),
        (range(3), ("refused", None, 0)),
        (Record(PAIR, [1, 2]), ("refused", None, 0)),
    ],
    ids=["none", "bool", "int", "str", "bytes", "list", "range", "record"],
)
def test_text_of_values(value: Any, expected: Any) -> None:
    """Four types have a text; no other text, such as an address of the host, ever gets out."""
    assert run(lambda runtime: values.text(value)) == expected


def test_sizes_are_charged_by_width() -> None:
    """ASCII takes a byte for each character, other text four; above the limits it is ``size`` and free."""
    charged = []
    for work in (
        lambda runtime: values.alloc_text(runtime, 100, wide=False),
        lambda runtime: values.alloc_text(runtime, 100, wide=True),
        lambda runtime: values.alloc_bytes(runtime, 100),
        lambda runtime: values.alloc_elements(runtime, 100),
        lambda runtime: values.alloc_like(runtime, "a", 100),
        lambda runtime: values.alloc_like(runtime, "a", 100, "é"),
        lambda runtime: values.alloc_like(runtime, b"\xff", 100),
        lambda runtime: values.alloc_text(runtime, 65_537, wide=False),
        lambda runtime: values.alloc_bytes(runtime, 65_537),
        lambda runtime: values.alloc_elements(runtime, 16_385),
    ):
        runtime = Runtime()
        runtime.gas = runtime.memory = 10**7
        try:
            work(runtime)
            charged.append((10**7 - runtime.memory, 10**7 - runtime.gas))
        except ContractFailure as failure:
            charged.append((failure.kind.name, 10**7 - runtime.gas))
    assert charged == [
        (180, 2),
        (480, 7),
        (164, 2),
        (8112, 126),
        (180, 2),
        (480, 7),
        (164, 2),
        ("SIZE", 0),
        ("SIZE", 0),
        ("SIZE", 0),
    ]


def test_memory_alone_can_run_out() -> None:
    """Occupying more than is left ends the transaction, and takes no gas."""
    runtime = Runtime()
    runtime.memory = 100
    values.occupy(runtime, 100)
    with pytest.raises(Stop) as stopped:
        values.occupy(runtime, 1)
    assert (stopped.value.reason.value, runtime.gas) == ("out_of_memory", 0)
