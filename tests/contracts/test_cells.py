"""State cells: where things lie, what is read and stored, at what price, and what is refused."""

from typing import Any

import pytest

from contracts.cells import Cell, make_cell
from contracts.codec import decode, encode
from contracts.keys import decode_key, encode_key
from contracts.program_errors import ProgramRejected
from contracts.types import Types
from contracts.values import Record

MACHINES = (("Bill", ("draft", "issued", "paid"), ((0, 1), (1, 2), (1, 0))), ("Door", ("open", "shut"), ((0, 1),)))
RECORDS = (
    ("Item", (("owner", (3,)), ("size", (2,)), ("tags", (5, (3,))))),
    ("Claim", (("holder", (3,)), ("bill", (10, 0)), ("door", (10, 1)))),
    ("Nested", (("claim", (8, 1)), ("maybe", (9, (10, 0))))),
)
TYPES = Types(RECORDS, MACHINES)
ITEM, CLAIM, NESTED = TYPES.shapes


def cell(kind: int, keys: Any = (), value: Any = (2,), default: Any = None, indexes: Any = ()) -> Cell:
    """Return a cell called ``cell``."""
    return make_cell(("cell", kind, keys, value, default, indexes), TYPES)


def at(*keys: Any) -> tuple[str, bytes]:
    """Return where the row of ``cell`` lies in the host's state."""
    return "me", encode_key(("cell", *keys))


def item(owner: str = "ab", size: int = 7, tags: Any = ("x", "yy")) -> Record:
    """Return an item with its own list of tags."""
    return Record(ITEM, [owner, size, list(tags)])


class TestReading:
    """get and has."""

    def test_a_row_is_read_under_its_key(self, meter: Any) -> None:
        """The key is the cell's name and the parts; the price 60 + bytes >> 5 + 2 a container + elements + memory."""
        own = cell(1, ((3,), (2,)), (8, 0))
        data = encode(["ab", 7, ["x", "yy" * 50]])
        meter.host.write(*at("k", -5), data)
        ran = meter.run(lambda runtime: own.get(runtime, ["k", -5]))
        memory = [176 + 240, 82, 112 + 160, 81, 180]
        assert (ran.end, ran.value.shape, ran.value.fields) == ("ok", ITEM, ["ab", 7, ["x", "yy" * 50]])
        assert (ran.gas, ran.memory_bytes) == (
            60 + (len(data) >> 5) + 2 * 2 + 3 + 2 + sum(size >> 6 for size in memory),
            sum(memory),
        )

    def test_what_is_read_is_a_fresh_copy(self, meter: Any) -> None:
        """Changing it changes neither the state nor what is read next."""
        own = cell(0, (), (5, (2,)))
        meter.host.write(*at(), encode([1, 2]))
        first = meter.run(lambda runtime: own.get(runtime, [])).value
        first.append(3)
        assert (meter.run(lambda runtime: own.get(runtime, [])).value, meter.host.state) == (
            [1, 2],
            {at(): encode([1, 2])},
        )

    @pytest.mark.parametrize(
        ("value", "default"),
        [((2,), 5), ((3,), "x"), ((4,), b"x"), ((1,), False), ((9, (2,)), None), ((10, 0), "issued")],
    )
    def test_a_default_is_read_where_nothing_is_stored(self, meter: Any, value: Any, default: Any) -> None:
        """It costs 60, and is not there for has()."""
        for kind, keys, parts in ((0, (), []), (1, ((3,),), ["k"])):
            own = cell(kind, keys, value, (default,))
            ran = [meter.run(lambda runtime, way=way: way(runtime, list(parts))) for way in (own.get, own.has)]  # noqa: B023  # runs at once
            assert [(one.end, one.value, one.gas, one.memory_bytes) for one in ran] == [
                ("ok", default, 60, 0),
                ("ok", False, 60, 0),
            ]

    def test_without_a_default_it_is_an_error_of_key(self, meter: Any) -> None:
        """It costs 60 as well."""
        ran = meter.run(lambda runtime: cell(1, ((3,),)).get(runtime, ["k"]))
        assert (ran.end, ran.gas) == ("key", 60)

    def test_has_tells_what_is_stored(self, meter: Any) -> None:
        """A stored None is stored."""
        own = cell(1, ((3,),), (9, (2,)))
        meter.host.write(*at("k"), encode(None))
        assert [meter.run(lambda runtime, key=key: own.has(runtime, [key])).value for key in ("k", "l")] == [
            True,
            False,
        ]

    def test_gas_is_charged_before_the_host_reads(self, meter: Any) -> None:
        """With 59 gas the host is not asked."""
        meter.host.read = None
        for way in (cell(0).get, cell(0).has):
            assert meter.run(lambda runtime, way=way: way(runtime, []), gas=59).end == "out_of_gas"

    @pytest.mark.parametrize(
        "data", [["ab", 7], ["ab", "7", []], 5, ["ab", 7, ["x"] * 20_000], [None, 7, []], [["ab"], 7, []]]
    )
    def test_bytes_that_another_program_left_are_an_error(self, meter: Any, data: Any) -> None:
        """A value of another type, as a careless upgrade would find, is ``storage``, and never a crash."""
        own = cell(2, ((3,),), (8, 0), None, ((("owner",), False),))
        meter.host.write(*at("k"), encode(data))
        reading = meter.run(lambda runtime: own.get(runtime, ["k"]))
        assert reading.end == "storage"
        if data == 5 or len(data) == 2 or type(data[0]) is not str:
            for work in (lambda runtime: own.put(runtime, ["k"], item()), lambda runtime: own.delete(runtime, ["k"])):
                assert meter.run(work).end == "storage"


class TestStoring:
    """put and delete."""

    def test_a_value_is_stored_as_canonical_bytes(self, meter: Any) -> None:
        """400 for a new key, 200 for an old one, 2 per byte, 4 per container, 1 per element; no memory."""
        own = cell(2, ((4,),), (8, 0))
        data = encode(["ab", 7, ["x", "yy"]])
        ran = [meter.run(lambda runtime: own.put(runtime, [b"k"], item())) for _ in range(2)]
        assert meter.host.state == {at(b"k"): data}
        assert [(one.end, one.gas, one.memory_bytes) for one in ran] == [
            ("ok", price + 2 * len(data) + 2 * 4 + 3 + 2, 0) for price in (400, 200)
        ]

    def test_what_is_stored_is_a_copy(self, meter: Any) -> None:
        """Changing the value afterwards changes nothing."""
        own, value = cell(0, (), (8, 0)), item()
        meter.run(lambda runtime: own.put(runtime, [], value))
        value.fields[2].append("z")
        assert meter.run(lambda runtime: own.get(runtime, [])).value.fields == ["ab", 7, ["x", "yy"]]

    def test_a_dict_comes_back_in_the_order_of_its_keys(self, meter: Any) -> None:
        """However it was made."""
        own = cell(0, (), (7, (3,), (2,)))
        meter.run(lambda runtime: own.put(runtime, [], {"b": 1, "汉": 2, "a": 3}))
        assert list(meter.run(lambda runtime: own.get(runtime, [])).value.items()) == [("a", 3), ("b", 1), ("汉", 2)]

    def test_big_integers_are_stored(self, meter: Any) -> None:
        """The whole range comes back."""
        own = cell(0, (), (5, (2,)))
        values = [2**64, -(2**63) - 1, 2**255 - 1, 1 - 2**255]
        meter.run(lambda runtime: own.put(runtime, [], values))
        assert meter.run(lambda runtime: own.get(runtime, [])).value == values

    def test_a_value_has_64_kib_at_most(self, meter: Any) -> None:
        """One byte more is ``size`` and nothing is stored; so is what is long only when written out."""
        own = cell(0, (), (4,))
        head = len(encode(bytes(65_000))) - 65_000
        works = [
            (own, bytes(65_536 - head)),
            (own, bytes(65_537 - head)),
            (cell(0, (), (5, (4,))), [bytes(60_000)] * 16_384),
        ]
        ends = [
            meter.run(lambda runtime, one=one, value=value: one.put(runtime, [], value)).end for one, value in works
        ]
        assert (ends, [len(data) for data in meter.host.state.values()]) == (["ok", "size", "size"], [65_536])

    def test_deleting(self, meter: Any) -> None:
        """It costs 100; what is not there is an error of key."""
        own = cell(1, ((3,),))
        meter.host.write(*at("k"), encode(5))
        ran = [meter.run(lambda runtime: own.delete(runtime, ["k"])) for _ in range(2)]
        assert ([(one.end, one.gas) for one in ran], meter.host.state) == ([("ok", 100), ("key", 100)], {})

    def test_a_sequence_counts_from_one(self, meter: Any) -> None:
        """260 each; the last number is the state."""
        own = cell(3)
        ran = [meter.run(own.next) for _ in range(300)]
        assert [(one.value, one.gas) for one in ran] == [(number, 260) for number in range(1, 301)]
        assert meter.host.state == {at(): encode(300)}

    @pytest.mark.parametrize("data", [None, True, "a", b"a", [], [1], -1, 2**255 - 1], ids=str)
    def test_a_sequence_counts_from_numbers_only(self, meter: Any, data: Any) -> None:
        """What another program left where the last number lies is ``storage``, and never a crash."""
        meter.host.write(*at(), encode(data))
        assert meter.run(lambda runtime: cell(3).next(runtime)).end == "storage"

    def test_a_view_writes_nothing(self, meter: Any) -> None:
        """put, delete and next are ``view`` and free; reading is not."""
        meter.host.write(*at("k"), encode(5))
        own = cell(1, ((3,),))
        ran = [
            meter.run(lambda runtime: own.put(runtime, ["k"], 6), view=True),
            meter.run(lambda runtime: own.delete(runtime, ["k"]), view=True),
            meter.run(cell(3).next, view=True),
            meter.run(lambda runtime: own.get(runtime, ["k"]), view=True),
        ]
        assert [(one.end, one.gas) for one in ran] == [("view", 0), ("view", 0), ("view", 0), ("ok", 60)]
        assert meter.host.state == {at("k"): encode(5)}

    def test_nothing_is_stored_without_gas(self, meter: Any) -> None:
        """One unit less than it takes and the state is as it was."""
        own = cell(0)
        gas = meter.run(lambda runtime: own.put(runtime, [], 300)).gas
        assert meter.run(lambda runtime: own.put(runtime, [], 400), gas=gas - 201).end == "out_of_gas"
        assert meter.host.state == {at(): encode(300)}


class TestKeys:
    """Parts of keys."""

    @pytest.mark.parametrize("key", [True, False, 0, -(2**254), 2**64, "", "汉\x00x", b"", b"\x00\xff"])
    def test_every_type_of_key(self, meter: Any, key: Any) -> None:
        """What is stored under a key is found under it, and the key reads back from the state."""
        own = cell(1, (({bool: 1, int: 2, str: 3, bytes: 4}[type(key)],),))
        meter.run(lambda runtime: own.put(runtime, [key], 5))
        ((_, stored),) = meter.host.state
        assert (meter.run(lambda runtime: own.get(runtime, [key])).value, decode_key(stored)) == (5, ("cell", key))

    @pytest.mark.parametrize("number", [1, 2, 3, 4])
    def test_keys_are_of_their_type(self, meter: Any, number: int) -> None:
        """Anything else is ``type`` for every way to use a key; a bool is no int."""
        own = cell(1, ((number,),))
        kind = {1: bool, 2: int, 3: str, 4: bytes}[number]
        for wrong in (None, True, 5, "s", b"s", (1,), [1], item()):
            if type(wrong) is kind:
                continue
            works = [own.get, own.has, own.delete, lambda runtime, keys: own.put(runtime, keys, 5)]
            ends = [meter.run(lambda runtime, work=work, wrong=wrong: work(runtime, [wrong])).end for work in works]
            assert ends == ["type"] * 4, wrong

    @pytest.mark.parametrize(
        "longest",
        ["a" * 248, b"a" * 248, "\x00" * 124, "é" * 124],
        ids=["str", "bytes", "escaped", "wide"],
    )
    def test_a_state_key_has_256_bytes_at_most(self, meter: Any, longest: Any) -> None:
        """The cell's name, the marks and the parts together; one unit more is ``storage``."""
        own = cell(1, ((3 if type(longest) is str else 4,),))
        longer = longest + longest[:1]
        assert [meter.run(lambda runtime, key=key: own.put(runtime, [key], 5)).end for key in (longest, longer)] == [
            "ok",
            "storage",
        ]
        assert [len(key) for _, key in meter.host.state] == [256]
        for work in (own.get, own.has, own.delete):
            assert meter.run(lambda runtime, work=work: work(runtime, [longer * 250])).end == "storage"


class TestMoves:
    """State machines are enforced where states are stored."""

    @pytest.mark.parametrize("kind", ["value", "map"])
    def test_a_cell_of_states_moves_as_declared(self, meter: Any, kind: str) -> None:
        """It begins in the first state, stays or makes a declared move, and nothing else."""
        own, keys = (cell(0, (), (10, 0)), []) if kind == "value" else (cell(1, ((3,),), (10, 0)), ["k"])
        steps = [
            ("issued", "storage"),
            ("draft", "ok"),
            ("draft", "ok"),
            ("paid", "storage"),
            ("issued", "ok"),
            ("draft", "ok"),
            ("issued", "ok"),
            ("paid", "ok"),
            ("issued", "storage"),
            ("paid", "ok"),
            ("lost", "type"),
        ]
        ends = [meter.run(lambda runtime, state=state: own.put(runtime, list(keys), state)).end for state, _ in steps]
        assert ends == [end for _, end in steps]
        assert meter.host.state == {at(*keys): encode(2)}

    def test_a_new_value_may_move_from_the_default(self, meter: Any) -> None:
        """A cell whose default is ``issued`` is there to begin with."""
        own = cell(1, ((3,),), (10, 0), ("issued",))
        ends = [
            meter.run(lambda runtime, state=state: own.put(runtime, [state], state)).end for state in MACHINES[0][1]
        ]
        assert ends == ["ok", "ok", "ok"]
        own = cell(1, ((3,),), (10, 0), ("paid",))
        ends = [
            meter.run(lambda runtime, state=state: own.put(runtime, [state + "2"], state)).end
            for state in MACHINES[0][1]
        ]
        assert ends == ["storage", "storage", "ok"]

    def test_fields_of_a_record_move_each_by_its_machine(self, meter: Any) -> None:
        """Every field of a state is looked at, others change freely; a move costs the reading of the old row."""
        own = cell(2, ((3,),), (8, 1))

        def put(holder: str, bill: str, door: str) -> Any:
            return meter.run(lambda runtime: own.put(runtime, ["k"], Record(CLAIM, [holder, bill, door])))

        ran = [
            put("a", "issued", "open"),
            put("a", "draft", "shut"),
            put("a", "draft", "open"),
            put("b" * 90, "issued", "open"),
        ]
        ran += [put("b", "issued", "shut"), put("b", "paid", "open"), put("b", "paid", "shut")]
        assert [one.end for one in ran] == ["storage", "storage", "ok", "ok", "ok", "storage", "ok"]
        row = encode(["b" * 90, 1, 0])
        assert ran[3].gas == 200 + 2 * len(row) + 4 + 3 + (len(encode(["a", 0, 0])) >> 3)
        assert ran[4].gas == 200 + 2 * len(encode(["b", 1, 1])) + 4 + 3 + (len(row) >> 3)
        assert meter.host.state == {at("k"): encode(["b", 2, 1])}

    def test_a_row_that_was_deleted_begins_again(self, meter: Any) -> None:
        """A new row is new, whatever lay there before."""
        own = cell(2, ((3,),), (8, 1))
        meter.host.write(*at("k"), encode(["a", 2, 1]))
        meter.run(lambda runtime: own.delete(runtime, ["k"]))
        ends = [
            meter.run(lambda runtime, bill=bill: own.put(runtime, ["k"], Record(CLAIM, ["a", bill, "open"]))).end
            for bill in ("paid", "draft")
        ]
        assert ends == ["storage", "ok"]

    def test_deeper_states_are_only_states(self, meter: Any) -> None:
        """In a record of a record, or where there may be none, any state may be stored."""
        own = cell(0, (), (8, 2))
        for bill, maybe in (("paid", "paid"), ("draft", None), ("paid", "draft")):
            value = Record(NESTED, [Record(CLAIM, ["a", bill, "shut"]), maybe])
            assert meter.run(lambda runtime, value=value: own.put(runtime, [], value)).end == "ok"

    def test_a_method_may_be_held_to_fewer_moves(self, meter: Any) -> None:
        """The runtime's moves narrow the machine's, by the number of the machine; staying and beginning are allowed."""
        own = cell(0, (), (10, 0))
        meter.host.write(*at(), encode(0))
        for moves, end in (
            (frozenset({(0, 0, 1)}), "ok"),
            (frozenset({(0, 1, 2)}), "storage"),
            (frozenset({(1, 0, 1)}), "storage"),
            (frozenset(), "storage"),
            (None, "ok"),
        ):
            meter.host.write(*at(), encode(0))
            assert meter.run(lambda runtime: own.put(runtime, [], "issued"), moves=moves).end == end, moves
            meter.host.write(*at(), encode(0))
            assert meter.run(lambda runtime: own.put(runtime, [], "draft"), moves=moves).end == "ok"
        meter.host.write(*at(), None)
        assert meter.run(lambda runtime: own.put(runtime, [], "draft"), moves=frozenset()).end == "ok"

    def test_no_move_exists_only_in_a_method(self, meter: Any) -> None:
        """What the machine does not declare stays forbidden."""
        own = cell(0, (), (10, 0))
        meter.host.write(*at(), encode(0))
        assert meter.run(lambda runtime: own.put(runtime, [], "paid"), moves=frozenset({(0, 0, 2)})).end == "storage"


INDEX = (("owner",), False)


@pytest.mark.parametrize(
    "node",
    [
        None,
        (),
        ["cell", 0, (), (2,), None, ()],
        ("cell", 0, (), (2,), None),
        ("cell", 0, (), (2,), None, (), None),
        (5, 0, (), (2,), None, ()),
        ("a b", 0, (), (2,), None, ()),
        ("__cell", 0, (), (2,), None, ()),
        ("cell", 4, (), (2,), None, ()),
        ("cell", -1, (), (2,), None, ()),
        ("cell", True, ((3,),), (2,), None, ()),
        ("cell", 0, ((3,),), (2,), None, ()),
        ("cell", 1, (), (2,), None, ()),
        ("cell", 2, (), (8, 0), None, ()),
        ("cell", 3, ((3,),), (2,), None, ()),
        ("cell", 1, None, (2,), None, ()),
        ("cell", 1, ((0,),), (2,), None, ()),
        ("cell", 1, ((5, (2,)),), (2,), None, ()),
        ("cell", 1, ((9, (3,)),), (2,), None, ()),
        ("cell", 1, ((True,),), (2,), None, ()),
        ("cell", 1, (3,), (2,), None, ()),
        ("cell", 1, ((3, 3),), (2,), None, ()),
        ("cell", 1, ((10, 0),), (2,), None, ()),
        ("cell", 1, ((3,),) * 9, (2,), None, ()),
        ("cell", 0, (), (12,), None, ()),
        ("cell", 0, (), None, None, ()),
        ("cell", 2, ((3,),), (2,), None, ()),
        ("cell", 2, ((3,),), (9, (8, 0)), None, ()),
        ("cell", 3, (), (3,), None, ()),
        ("cell", 3, (), (2,), (0,), ()),
        ("cell", 2, ((3,),), (8, 0), (None,), ()),
        ("cell", 0, (), (2,), 5, ()),
        ("cell", 0, (), (2,), (), ()),
        ("cell", 0, (), (2,), (5, 6), ()),
        ("cell", 0, (), (2,), ("5",), ()),
        ("cell", 0, (), (2,), (True,), ()),
        ("cell", 0, (), (2,), (None,), ()),
        ("cell", 0, (), (5, (2,)), ((),), ()),
        ("cell", 0, (), (10, 0), (0,), ()),
        ("cell", 0, (), (10, 0), ("lost",), ()),
        ("cell", 0, (), (2,), None, None),
        ("cell", 0, (), (8, 0), None, (INDEX,)),
        ("cell", 1, ((3,),), (8, 0), None, (INDEX,)),
        ("cell", 2, ((3,),), (8, 0), None, (INDEX, INDEX)),
        ("cell", 2, ((3,),), (8, 0), None, (INDEX, (("owner",), True))),
        ("cell", 2, ((3,),), (8, 0), None, ((("owner",),),)),
        ("cell", 2, ((3,),), (8, 0), None, ((("owner",), 1),)),
        ("cell", 2, ((3,),), (8, 0), None, (((), False),)),
        ("cell", 2, ((3,),), (8, 0), None, ((("owner", "owner"), False),)),
        ("cell", 2, ((3,),), (8, 0), None, ((("lost",), False),)),
        ("cell", 2, ((3,),), (8, 0), None, ((("tags",), False),)),
        ("cell", 2, ((3,),), (8, 0), None, (((0,), False),)),
        ("cell", 2, ((3,),), (8, 0), None, ((("owner", "size", "owner", "size"), False),)),
        ("cell", 2, ((3,),), (8, 2), None, ((("maybe",), False),)),
        ("c" * 64, 2, ((3,),), (8, 3), None, ((("f" * 64,), False),)),
        ("cell", 2, ((3,),), (8, 0), None, (INDEX,) * 9),
    ],
    ids=lambda value: str(value)[:70],
)
def test_declarations_that_are_none(node: Any) -> None:
    """Whatever the grammar does not allow is no cell."""
    types = Types((*RECORDS, ("Long", (("f" * 64, (2,)),))), MACHINES)
    with pytest.raises(ProgramRejected):
        make_cell(node, types)


def test_what_a_cell_tells_the_translator() -> None:
    """Name, kind, number of key parts, and how long prefixes of its walks may be."""
    own = cell(2, ((3,), (2,)), (8, 0), None, (INDEX, (("size", "owner"), True)))
    assert (own.name, own.kind, own.arity, [own.prefix_max(index) for index in (None, 0, 1)]) == (
        "cell",
        2,
        2,
        [2, 1, 2],
    )
    for index in (2, -1):
        with pytest.raises(ProgramRejected):
            own.prefix_max(index)


def test_decoding_is_strict_about_nothing_it_wrote_itself(meter: Any) -> None:
    """What put() stores is canonical: the strict decoder reads it."""
    own = cell(0, (), (7, (3,), (5, (2,))))
    meter.run(lambda runtime: own.put(runtime, [], {"b": [1, 2**80], "a": []}))
    assert decode(meter.host.state[at()]) == (("a", ()), ("b", (1, 2**80)))
