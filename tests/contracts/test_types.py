"""Declared types: which nodes are types, what each takes and gives in every form, and at what price."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.codec import encode
from contracts.failures import ContractFailure, Stop
from contracts.limits import MESSAGE_BYTES_MAX
from contracts.program_errors import ProgramRejected
from contracts.runtime import Runtime
from contracts.types import StateMachine, Types, outgoing
from contracts.values import Record

MACHINES = (("Bill", ("draft", "issued", "paid"), ((0, 1), (1, 2), (1, 0))),)
RECORDS = (
    ("Flat", (("owner", (3,)), ("digest", (4,)), ("height", (2,)), ("open", (1,)))),
    (
        "Deep",
        (("flat", (8, 0)), ("tags", (5, (3,))), ("state", (10, 0)), ("note", (9, (3,))), ("map", (7, (4,), (2,)))),
    ),
)
TYPES = Types(RECORDS, MACHINES)
FLAT, DEEP = TYPES.shapes


def run(work: Any, host: Any = None) -> tuple[str, Any, int, int]:
    """Return how ``work`` ends on a runtime of its own, its value, gas and memory."""
    runtime = Runtime()
    runtime.gas = runtime.memory = 10**9
    runtime.room = MESSAGE_BYTES_MAX
    if host is not None:
        runtime.host = host
    value = None
    try:
        end, value = "ok", work(runtime)
    except ContractFailure as failure:
        end = failure.kind.name.lower()
    except Stop as stop:
        end = stop.reason.value
    return end, value, 10**9 - runtime.gas, 10**9 - runtime.memory


def plain(value: Any) -> Any:
    """Return a value in which records show their fields."""
    if type(value) is Record:
        return (value.shape.name, [plain(field) for field in value.fields])
    if type(value) in (list, tuple):
        return type(value)(plain(element) for element in value)
    if type(value) is dict:
        return [(key, plain(element)) for key, element in value.items()]
    return value


def flat(owner: str = "ab", digest: bytes = b"xyz") -> Record:
    """Return a record of four scalars."""
    return Record(FLAT, [owner, digest, 7, True])


# node, value in the contract, wire form, gas out, [alloc…] and gas in
FORMS: list[tuple[Any, Any, Any, int, list[int], int]] = [
    ((2,), 2**64 - 1, 2**64 - 1, 0, [], 0),
    ((2,), -(2**63), -(2**63), 0, [], 0),
    ((5, (2,)), [2**64, 1, -(2**63) - 1], (2**64, 1, -(2**63) - 1), 4 + 3 + 32, [112 + 240], 2 + 3),
    ((0,), None, None, 0, [], 0),
    ((1,), True, True, 0, [], 0),
    ((2,), -(2**254), -(2**254), 16, [], 0),
    ((3,), "abc", "abc", 0, [83], 0),
    ((3,), "汉链", "汉链", 0, [88], 0),
    ((4,), b"abc", b"abc", 0, [67], 0),
    ((5, (2,)), [], (), 4, [112], 2),
    ((5, (2,)), [1, 2, 3], (1, 2, 3), 4 + 3, [112 + 240], 2 + 3),
    ((5, (5, (3,))), [["a"], []], (("a",), ()), 3 * 4 + 3, [112 + 160, 112 + 80, 81, 112], 3 * 2 + 3),
    ((6, (2,), (3,)), (1, "a"), (1, "a"), 4 + 2, [112 + 160, 81], 2 + 2),
    ((7, (3,), (2,)), {}, (), 4, [320], 2),
    (
        (7, (3,), (2,)),
        {"a": 1, "b": 2, "汉": 3},
        (("a", 1), ("b", 2), ("汉", 3)),
        4 + 6,
        [320 + 720, 81, 81, 84],
        2 + 6,
    ),
    (
        (7, (4,), (5, (2,))),
        {b"": [1], b"a": []},
        ((b"", (1,)), (b"a", ())),
        3 * 4 + 5,
        [320 + 480, 64, 192, 65, 112],
        3 * 2 + 5,
    ),
    ((8, 0), flat(), ("ab", b"xyz", 7, True), 4 + 4, [176 + 320, 82, 67], 2 + 4),
    (
        (8, 1),
        Record(DEEP, [flat(), ["t"], "issued", None, {b"k": 1}]),
        (("ab", b"xyz", 7, True), ("t",), 1, None, ((b"k", 1),)),
        4 * 4 + 5 + 4 + 1 + 2,
        [176 + 400, 176 + 320, 82, 67, 192, 81, 320 + 240, 65],
        4 * 2 + 5 + 4 + 1 + 2,
    ),
    ((9, (3,)), None, None, 0, [], 0),
    ((9, (3,)), "a", "a", 0, [81], 0),
    ((9, (5, (2,))), [1], (1,), 4 + 1, [192], 2 + 1),
    ((10, 0), "draft", 0, 0, [], 0),
    ((10, 0), "paid", 2, 0, [], 0),
    ((11,), bytes(32), bytes(32), 0, [96], 2),
]


class Blobs:
    """A host that has one blob."""

    def has_blob(self, digest: bytes, /) -> bool:
        return digest == bytes(32)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form[0]} {form[2]}")
def test_forms_and_prices(form: Any) -> None:
    """A value goes out to its wire form and comes in as a fresh equal value, at exactly these prices."""
    node, value, wire, gas_out, sizes, gas_in = form
    kind = TYPES.read(node)
    assert run(lambda runtime: kind.check(runtime, value))[0] == "ok"
    assert run(lambda runtime: kind.to_value(runtime, value))[:3] == ("ok", wire, gas_out)
    end, back, gas, memory = run(lambda runtime: kind.from_value(runtime, wire), Blobs())
    assert (end, plain(back), gas, memory) == (
        "ok",
        plain(value),
        gas_in + sum(size >> 6 for size in sizes),
        sum(sizes),
    )
    if type(value) in (list, dict, Record):
        assert back is not value


def is_of(node: Any, value: Any, *, deep: bool) -> bool:
    """Tell whether ``value`` is of the type, outside only or all through: written from the grammar's list."""
    kind = node[0]
    if kind <= 4:
        return type(value) is (type(None), bool, int, str, bytes)[kind]
    if kind == 5:
        return type(value) is list and (not deep or all(is_of(node[1], element, deep=True) for element in value))
    if kind == 6:
        if type(value) is not tuple or len(value) != len(node) - 1:
            return False
        return not deep or all(is_of(part, element, deep=True) for part, element in zip(node[1:], value, strict=True))
    if kind == 7:
        return type(value) is dict and (
            not deep
            or all(is_of(node[1], key, deep=True) and is_of(node[2], item, deep=True) for key, item in value.items())
        )
    if kind == 8:
        if type(value) is not Record or value.shape is not TYPES.shapes[node[1]]:
            return False
        fields = zip(RECORDS[node[1]][1], value.fields, strict=True)
        return not deep or all(is_of(field[1], element, deep=True) for field, element in fields)
    if kind == 9:
        return value is None or is_of(node[1], value, deep=deep)
    if kind == 10:
        return type(value) is str and value in MACHINES[0][1]
    return type(value) is bytes and 16 <= len(value) <= 64


POOL = [
    *[form[1] for form in FORMS],
    *[0, 1, False, "x", "Draft", b"", bytes(15), bytes(16), bytes(64), bytes(65), (), (1,), ("a", 1), (1, "a", 2)],
    *[["a"], [None], [True], [[]], [[1]], {"a": "b"}, {b"a": 1}, {"a": 1, b"b": 2}, range(3), range(0)],
    Record(DEEP, [flat(), [1], "paid", None, {}]),
    Record(DEEP, [flat(), [], "paid", None, {"k": 1}]),
]


@pytest.mark.parametrize("node", dict.fromkeys(form[0] for form in FORMS), ids=str)
def test_types_are_exact(node: Any) -> None:
    """A field takes exactly the values of its type outside, and exactly those of it all through can leave."""
    kind = TYPES.read(node)
    for value in POOL:
        ends = [run(lambda runtime, way=way: way(runtime, value))[0] for way in (kind.check, kind.to_value)]  # noqa: B023  # runs at once
        assert ends == ["ok" if is_of(node, value, deep=deep) else "type" for deep in (False, True)], plain(value)


def test_large_integers_are_charged_wherever_they_leave() -> None:
    """16 for each integer beyond 64 bits: alone, in a list, a tuple, a dict, a record of scalars or another."""
    big = 2**64
    cases: list[tuple[Any, Any, int]] = [
        ((2,), big, 16),
        ((9, (2,)), -(2**63) - 1, 16),
        ((5, (2,)), [big, 0, big], 4 + 3 + 32),
        ((5, (9, (2,))), [big, None], 4 + 2 + 16),
        ((6, (2,), (2,)), (0, big), 4 + 2 + 16),
        ((7, (3,), (2,)), {"k": big}, 4 + 2 + 16),
        ((8, 0), Record(FLAT, ["ab", b"x", big, True]), 4 + 4 + 16),
    ]
    for node, value, gas in cases:
        assert run(lambda runtime: TYPES.read(node).to_value(runtime, value))[2] == gas, node  # noqa: B023  # runs at once


def test_types_know_bool_from_int() -> None:
    """True is no int and 1 no bool, on the way in and out and in fields."""
    for node, wrong in (((2,), True), ((1,), 1), ((1,), 0)):
        kind = TYPES.read(node)
        for way in (kind.check, kind.to_value, kind.from_value):
            assert run(lambda runtime, way=way, wrong=wrong: way(runtime, wrong))[0] == "type"


@pytest.mark.parametrize(
    ("node", "wire", "end"),
    [
        ((2,), None, "type"),
        ((2,), "1", "type"),
        ((3,), b"a", "type"),
        ((4,), "a", "type"),
        ((3,), "a" * 65_537, "size"),
        ((4,), bytes(65_537), "size"),
        ((5, (2,)), 5, "type"),
        ((5, (2,)), (1, "a"), "type"),
        ((5, (2,)), (0,) * 16_385, "size"),
        ((6, (2,), (3,)), (1,), "type"),
        ((6, (2,), (3,)), (1, "a", 2), "type"),
        ((6, (2,), (3,)), ("a", 1), "type"),
        ((7, (3,), (2,)), (("b", 1), ("a", 2)), "type"),
        ((7, (3,), (2,)), (("a", 1), ("a", 1)), "type"),
        ((7, (3,), (2,)), (("a",),), "type"),
        ((7, (3,), (2,)), (("a", 1, 2),), "type"),
        ((7, (3,), (2,)), ("ab",), "type"),
        ((7, (3,), (2,)), ((b"a", 1),), "type"),
        ((7, (3,), (2,)), ((1, 1),), "type"),
        ((7, (3,), (2,)), tuple((f"{number:05}", 1) for number in range(16_385)), "size"),
        ((8, 0), ("ab", b"xyz", 7), "type"),
        ((8, 0), ("ab", b"xyz", 7, 1), "type"),
        ((8, 0), ("ab", "xyz", 7, True), "type"),
        ((10, 0), 3, "type"),
        ((10, 0), -1, "type"),
        ((10, 0), "draft", "type"),
        ((10, 0), True, "type"),
        ((11,), bytes(31) + b"x", "type"),
        ((11,), b"", "type"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wire_values_that_do_not_come_in(node: Any, wire: Any, end: str) -> None:
    """Another shape, an unsorted dict, an unknown state, a blob that is not there: ``type``; too large: ``size``."""
    assert run(lambda runtime: TYPES.read(node).from_value(runtime, wire), Blobs())[0] == end


def test_sequences_come_in_as_tuples_or_lists() -> None:
    """Whatever the decoder made of an array, the value is the same."""
    kind = TYPES.read((8, 1))
    wires: list[Any] = [
        (("ab", b"xyz", 7, True), ("t",), 1, None, ((b"k", 1),)),
        [["ab", b"xyz", 7, True], ["t"], 1, None, [[b"k", 1]]],
    ]
    first, second = [run(lambda runtime, wire=wire: kind.from_value(runtime, wire)) for wire in wires]
    assert (plain(first[1]), first[2:]) == (plain(second[1]), second[2:])


def test_a_blob_reference_is_looked_for_only_when_it_enters() -> None:
    """As an argument it has to be among the transaction's blobs; what state holds has been let in before."""
    kind = TYPES.read((5, (11,)))
    other = (b"\x01" * 32,)
    ends = [
        run(lambda runtime, entering=entering: kind.from_value(runtime, other, entering), Blobs())[0]
        for entering in (True, False)
    ]
    assert ends == ["type", "ok"]


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ((5, (2,)), ["a"]),
        ((5, (2,)), [1, True]),
        (
            (
                6,
                (5, (2,)),
            ),
            (["a"],),
        ),
        ((7, (3,), (2,)), {"a": "b"}),
        ((7, (3,), (2,)), {b"a": 1}),
        ((7, (3,), (2,)), {"a": 1, b"a": 1}),
        ((9, (5, (2,))), [None]),
        ((8, 1), Record(DEEP, [flat(), [1], "paid", None, {}])),
    ],
    ids=["list", "bool", "tuple", "value", "key", "keys", "optional", "record"],
)
def test_contents_are_checked_when_they_leave(node: Any, value: Any) -> None:
    """A list that may be assigned to a field, since it is one, still cannot leave with elements of another type."""
    kind = TYPES.read(node)
    assert [run(lambda runtime, way=way: way(runtime, value))[0] for way in (kind.check, kind.to_value)] == [
        "ok",
        "type",
    ]


def test_records_are_told_by_shape() -> None:
    """A record of another type, or of the same declaration read twice, is not one."""
    other = Types(RECORDS, MACHINES).shapes[0]
    kind = TYPES.read((8, 0))
    for value in (Record(DEEP, [1, 2, 3, 4, 5]), Record(other, flat().fields), tuple(flat().fields)):
        assert [
            run(lambda runtime, way=way, value=value: way(runtime, value))[0] for way in (kind.check, kind.to_value)
        ] == [
            "type",
            "type",
        ]


def test_a_shape_knows_its_fields() -> None:
    """Names, places and checks are in the order of the declaration."""
    assert (DEEP.name, DEEP.names, DEEP.positions) == (
        "Deep",
        ("flat", "tags", "state", "note", "map"),
        {"flat": 0, "tags": 1, "state": 2, "note": 3, "map": 4},
    )
    values = [flat(), [], "paid", "n", {}]
    for position, check in enumerate(DEEP.checks):
        ends = [run(lambda runtime, check=check, value=value: check(runtime, value))[0] for value in values]
        assert ends == ["ok" if is_of(RECORDS[1][1][position][1], value, deep=False) else "type" for value in values]


def test_machines_are_read() -> None:
    """States in order, moves as pairs of their indices."""
    moves = frozenset({(0, 1), (1, 2), (1, 0)})
    assert TYPES.machines == (StateMachine("Bill", ("draft", "issued", "paid"), moves),)


def deep_list(levels: int) -> Any:
    """Return the node of so many levels of types, the innermost int."""
    node: Any = (2,)
    for _ in range(levels - 1):
        node = (5, node)
    return node


@pytest.mark.parametrize("levels", [1, 7, 8])
def test_types_are_eight_levels_deep_at_most(levels: int) -> None:
    """Eight levels are read, nine are not, however they are made up."""
    assert TYPES.read(deep_list(levels)).depth == levels
    for node in (deep_list(9), deep_list(100), (9, deep_list(8)), (6, (2,), deep_list(8)), (7, (3,), deep_list(8))):
        with pytest.raises(ProgramRejected, match="too deep"):
            TYPES.read(node)


def test_levels_of_records_count() -> None:
    """A record is one level above its fields, whatever uses it."""
    records: tuple[Any, ...] = (("R0", (("x", (2,)),)),)
    for number in range(1, 7):
        records += ((f"R{number}", (("x", (8, number - 1)),)),)
    types = Types(records, ())
    assert types.read((8, 6)).depth == 8
    with pytest.raises(ProgramRejected, match="too deep"):
        types.read((5, (8, 6)))
    with pytest.raises(ProgramRejected, match="too deep"):
        Types((*records, ("R7", (("x", (8, 6)),))), ())


@pytest.mark.parametrize(
    "node",
    [
        None,
        2,
        "int",
        (),
        [2],
        ((2,),),
        (True,),
        (12,),
        (-1,),
        (2, 3),
        (0, None),
        (5,),
        (5, (2,), (2,)),
        (5, 2),
        (6,),
        (6, *((2,),) * 17),
        (7, (3,)),
        (7, (2,), (2,)),
        (7, (1,), (2,)),
        (7, (9, (3,)), (2,)),
        (7, (3,), (2,), (2,)),
        (8,),
        (8, 2),
        (8, -1),
        (8, True),
        (8, (3,)),
        (9,),
        (9, (2,), (2,)),
        (10,),
        (10, 1),
        (10, None),
        (11, 0),
        (2**70,),
    ],
    ids=str,
)
def test_nodes_that_are_no_types(node: Any) -> None:
    """Whatever the grammar does not list is rejected."""
    with pytest.raises(ProgramRejected):
        TYPES.read(node)


GOOD_FIELDS = (("x", (2,)),)


@pytest.mark.parametrize(
    "records",
    [
        None,
        [],
        (1,),
        (("A",),),
        (("A", ()),),
        (("A", (("x",),)),),
        (("A", (("x", (2,)), ("x", (3,)))),),
        (("A", GOOD_FIELDS), ("A", GOOD_FIELDS)),
        ((1, GOOD_FIELDS),),
        (("A b", GOOD_FIELDS),),
        (("__A", GOOD_FIELDS),),
        (("A", (("é", (2,)),)),),
        (("A", (("x", (8, 0)),)),),
        (("A", (("x", (8, 1)),)), ("B", GOOD_FIELDS)),
        (("A", tuple((f"f{number}", (2,)) for number in range(33))),),
        tuple((f"R{number}", GOOD_FIELDS) for number in range(65)),
    ],
    ids=lambda value: str(value)[:50],
)
def test_records_that_are_none(records: Any) -> None:
    """Names, counts and the order of records are checked; none contains itself."""
    with pytest.raises(ProgramRejected):
        Types(records, ())


@pytest.mark.parametrize(
    "machines",
    [
        None,
        ("M",),
        (("M", ("a",)),),
        (("M", (), ()),),
        (("M", ("a", "a"), ()),),
        (("M", ("a", 1), ()),),
        (("M", ("a",), ((0,),)),),
        (("M", ("a",), ((0, 1),)),),
        (("M", ("a",), ((-1, 0),)),),
        (("M", ("a", "b"), ((0, True),)),),
        (("M", ("a", "b"), ((0, 1), (0, 1))),),
        (("M", ("a",), ()), ("M", ("b",), ())),
        (("M", tuple(f"s{number}" for number in range(65)), ()),),
        ((None, ("a",), ()),),
    ],
    ids=lambda value: str(value)[:50],
)
def test_machines_that_are_none(machines: Any) -> None:
    """States and moves are named once and exist."""
    with pytest.raises(ProgramRejected):
        Types((), machines)


class TestOutgoing:
    """Events and results: several values of declared types together."""

    def test_form_size_and_price(self, meter: Any) -> None:
        """All of them in order, the bytes of the whole, 2 for each container and 1 for each element."""
        kinds = [TYPES.read((2,)), TYPES.read((5, (3,))), TYPES.read((8, 0))]
        ran = meter.run(lambda runtime: outgoing(runtime, kinds, [1, ["a", "b"], flat()]))
        wire = (1, ("a", "b"), ("ab", b"xyz", 7, True))
        assert (ran.value, ran.gas, ran.memory_bytes) == ((wire, len(encode(wire))), 2 * 4 + 6, 0)

    def test_they_share_64_kib(self, meter: Any) -> None:
        """Exactly 64 KiB go out, one byte more does not, and no list of one text many times is ever written out."""
        text, texts = TYPES.read((4,)), TYPES.read((5, (4,)))
        head = len(encode([bytes(30_000), bytes(30_000)])) - 60_000
        rest = MESSAGE_BYTES_MAX - head - 30_000
        assert [
            meter.run(lambda runtime: outgoing(runtime, [text, text], [bytes(30_000), bytes(rest)])).end,
            meter.run(lambda runtime: outgoing(runtime, [text, text], [bytes(30_000), bytes(rest + 1)])).end,
            meter.run(lambda runtime: outgoing(runtime, [texts], [[bytes(60_000)] * 16_384])).end,
        ] == ["ok", "size", "size"]

    def test_deep_expansion_is_refused(self, meter: Any) -> None:
        """Lists of one list many times count as written out, for typed values too."""
        kind = TYPES.read((5, (5, (5, (2,)))))
        row = [0] * 1_000
        assert meter.run(lambda runtime: outgoing(runtime, [kind], [[[row] * 1_000] * 1_000])).end == "size"

    def test_nothing_of_the_contract_is_in_it(self, meter: Any) -> None:
        """Changing a list afterwards changes nothing that has gone out."""
        own = [1, 2]
        wire = meter.run(lambda runtime: outgoing(runtime, [TYPES.read((5, (2,)))], [own])).value[0]
        own.append(3)
        assert wire == ((1, 2),)


@given(st.dictionaries(st.text(max_size=4), st.lists(st.binary(max_size=4), max_size=3), max_size=5))
def test_dicts_come_back_sorted(value: Any) -> None:
    """Out and in again is the same dict in the order of its keys."""
    kind = TYPES.read((7, (3,), (5, (4,))))
    wire = run(lambda runtime: kind.to_value(runtime, value))[1]
    back = run(lambda runtime: kind.from_value(runtime, wire))[1]
    assert list(back.items()) == sorted(value.items())
    assert [pair[0] for pair in wire] == sorted(value, key=str.encode)
