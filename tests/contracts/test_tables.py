"""Tables: index entries follow their rows, walks give what a naive table gives, cursors are checked."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from contracts.cells import Cell, make_cell
from contracts.codec import encode
from contracts.keys import decode_key, encode_key
from contracts.memory import MemoryHost
from contracts.types import Types
from contracts.values import Record

MACHINES = (("Bill", ("draft", "issued"), ((0, 1), (1, 0))),)
RECORDS = (
    (
        "Row",
        (("owner", (3,)), ("digest", (4,)), ("size", (2,)), ("open", (1,)), ("state", (10, 0)), ("note", (5, (3,)))),
    ),
)
TYPES = Types(RECORDS, MACHINES)
(ROW,) = TYPES.shapes
NAMES = [name for name, _ in RECORDS[0][1]]


def table(*indexes: Any, keys: Any = ((3,),)) -> Cell:
    """Return a table called ``rows`` with these indexes."""
    return make_cell(("rows", 2, keys, (8, 0), None, indexes), TYPES)


def row(owner: str = "a", digest: bytes = b"d", size: int = 0, is_open: bool = False, state: str = "draft") -> Record:
    """Return a row without notes."""
    return Record(ROW, [owner, digest, size, is_open, state, []])


def put(meter: Any, own: Cell, key: Any, value: Record) -> Any:
    """Store a row."""
    return meter.run(lambda runtime: own.put(runtime, list(key) if type(key) is tuple else [key], value))


def walk(
    meter: Any,
    own: Cell,
    index: Any = None,
    prefix: Any = (),
    cursor: Any = None,
    limit: Any = 256,
    descending: Any = False,
) -> Any:
    """Return how a walk ends."""
    return meter.run(lambda runtime: own.rows(runtime, index, list(prefix), cursor, limit, descending))


def keys_of(ran: Any) -> list[Any]:
    """Return the keys of the rows of a walk."""
    assert ran.end == "ok"
    return [key for key, _ in ran.value[0]]


def entries(meter: Any) -> list[tuple[Any, ...]]:
    """Return the keys of the state, but for those of rows, as values in order."""
    keys = sorted(key for _, key in meter.host.state)
    return [parts for parts in map(decode_key, keys) if parts[0] != "rows"]


class TestEntries:
    """Index entries beside rows."""

    def test_a_row_has_an_entry_in_each_index(self, meter: Any) -> None:
        """Under the names, the fields and the key, with an empty value; a state is its index."""
        own = table((("owner",), False), (("state", "size", "open"), True), keys=((3,), (2,)))
        put(meter, own, ("k", 9), row("ab", size=-1, is_open=True))
        assert entries(meter) == [("rows#owner", "ab", "k", 9), ("rows#state,size,open", 0, -1, True, "k", 9)]
        assert [data for (_, key), data in sorted(meter.host.state.items()) if decode_key(key)[0] != "rows"] == [
            b"",
            b"",
        ]

    def test_entries_follow_their_rows(self, meter: Any) -> None:
        """Changing an indexed field moves the entry, changing another leaves it, deleting the row removes it."""
        own = table((("owner",), False), (("digest",), True))
        put(meter, own, "k", row("a", b"1"))
        put(meter, own, "k", row("a", b"2", size=5))
        assert entries(meter) == [("rows#digest", b"2", "k"), ("rows#owner", "a", "k")]
        put(meter, own, "k", row("b", b"2"))
        assert entries(meter) == [("rows#digest", b"2", "k"), ("rows#owner", "b", "k")]
        meter.run(lambda runtime: own.delete(runtime, ["k"]))
        assert meter.host.state == {}

    def test_prices(self, meter: Any) -> None:
        """200 for each entry written or deleted, 60 for a look at a unique place, old bytes >> 3 for the old row."""
        own = table((("owner",), False), (("digest",), True))
        size = len(encode(["a", b"1", 0, False, 0, []]))
        base = 2 * size + 2 * 4 + 6
        ran = [
            put(meter, own, "k", row("a", b"1")),
            put(meter, own, "k", row("a", b"1")),
            put(meter, own, "k", row("a", b"2")),
            put(meter, own, "k", row("b", b"3")),
            meter.run(lambda runtime: own.delete(runtime, ["k"])),
        ]
        assert [one.gas for one in ran] == [
            400 + base + 2 * 200 + 60,
            200 + base + (size >> 3),
            200 + base + (size >> 3) + 2 * 200 + 60,
            200 + base + (size >> 3) + 4 * 200 + 60,
            100 + (size >> 3) + 2 * 200,
        ]

    def test_a_unique_place_is_taken_once(self, meter: Any) -> None:
        """Another row there is ``storage``; the row itself may stay, leave and come back; a place left is free."""
        own = table((("owner", "size"), True))
        steps = [
            (put(meter, own, "k", row("a", size=1)), "ok"),
            (put(meter, own, "l", row("a", size=1)), "storage"),
            (put(meter, own, "l", row("a", size=2)), "ok"),
            (put(meter, own, "l", row("a", size=1)), "storage"),
            (put(meter, own, "k", row("a", b"new", size=1)), "ok"),
            (put(meter, own, "k", row("b", size=1)), "ok"),
            (put(meter, own, "l", row("a", size=1)), "ok"),
            (meter.run(lambda runtime: own.delete(runtime, ["k"])), "ok"),
            (put(meter, own, "m", row("b", size=1)), "ok"),
        ]
        assert [ran.end for ran, _ in steps] == [end for _, end in steps]

    def test_a_place_that_goes_on_after_a_nul_is_another(self, meter: Any) -> None:
        """Text that begins with all of another's bytes does not take its unique place."""
        own = table((("owner",), True))
        ends = [
            put(meter, own, key, row(owner)).end
            for key, owner in [("1", "a\x00b"), ("2", "a"), ("3", "a\x00"), ("4", "a")]
        ]
        assert ends == ["ok", "ok", "ok", "storage"]

    @pytest.mark.parametrize(("length", "end"), [(239, "ok"), (240, "storage"), (60_000, "storage")])
    def test_an_entry_has_256_bytes_at_most(self, meter: Any, length: int, end: str) -> None:
        """A field too long for an index cannot be stored in the row."""
        assert put(meter, table((("owner",), False)), "k", row("a" * length)).end == end
        assert max((len(key) for _, key in meter.host.state), default=256) == 256


class TestWalks:
    """rows()."""

    def test_the_price_of_a_walk(self, meter: Any) -> None:
        """60, and each row as a read with a tuple and its key; with an index the same."""
        own = table((("owner",), False))
        for key in ("k1", "k2", "k3"):
            put(meter, own, key, row("ab"))
        data = encode(["ab", b"d", 0, False, 0, []])
        each = [352, 82, 176 + 480, 82, 65, 112]
        one = 60 + (len(data) >> 5) + 2 * 2 + 6 + sum(size >> 6 for size in each)
        for index, prefix, mark in ((None, ["k"], "k3"), (0, ["ab"], "k3")):
            whole = walk(meter, own, index, prefix if index == 0 else [])
            part = walk(meter, own, index, prefix if index == 0 else [], limit=2)
            cursor = encode_key(("rows", mark)) if index is None else encode_key(("rows#owner", "ab", mark))
            assert (keys_of(whole), whole.value[1], keys_of(part), part.value[1]) == (
                ["k1", "k2", "k3"],
                None,
                ["k1", "k2"],
                cursor,
            )
            assert (whole.gas, whole.memory_bytes) == (60 + 3 * one + 1, 3 * sum(each) + 64)
            assert (part.gas, part.memory_bytes) == (
                60 + 2 * one + (64 + len(cursor) >> 6),
                2 * sum(each) + 64 + len(cursor),
            )

    def test_rows_are_fresh_records(self, meter: Any) -> None:
        """All fields, states by name, own lists."""
        own = table()
        put(meter, own, "k", Record(ROW, ["a", b"d", 2**100, True, "draft", ["n"]]))
        first = walk(meter, own).value[0][0][1]
        first.fields[5].append("x")
        second = walk(meter, own).value[0][0][1]
        assert (second.shape, second.fields) == (ROW, ["a", b"d", 2**100, True, "draft", ["n"]])

    def test_a_key_of_several_parts_is_a_tuple(self, meter: Any) -> None:
        """Of one part it is the part itself."""
        own = table((("size",), False), keys=((3,), (1,), (4,)))
        for key in (("b", True, b"x"), ("b", False, b"y"), ("a", True, b"z")):
            put(meter, own, key, row(size=len(key[2])))
        assert keys_of(walk(meter, own)) == [("a", True, b"z"), ("b", False, b"y"), ("b", True, b"x")]
        assert keys_of(walk(meter, own, None, ["b", True])) == [("b", True, b"x")]
        assert keys_of(walk(meter, own, 0, [1])) == [("a", True, b"z"), ("b", False, b"y"), ("b", True, b"x")]

    def test_a_whole_key_is_a_prefix_too(self, meter: Any) -> None:
        """It gives its row or none, either way."""
        own = table()
        for key in ("a", "a\x00", "ab"):
            put(meter, own, key, row())
        for descending in (False, True):
            assert keys_of(walk(meter, own, None, ["a"], descending=descending)) == ["a"]
            assert keys_of(walk(meter, own, None, ["b"], descending=descending)) == []

    def test_states_are_given_by_name(self, meter: Any) -> None:
        """An index over a state takes the name, as the contract has it."""
        own = table((("state",), False))
        put(meter, own, "k", row())
        put(meter, own, "l", row())
        put(meter, own, "l", row(state="issued"))
        assert [keys_of(walk(meter, own, 0, [state])) for state in ("draft", "issued")] == [["k"], ["l"]]
        assert [walk(meter, own, 0, [wrong]).end for wrong in ("lost", 0, None)] == ["type"] * 3

    def test_keys_that_go_on_after_a_nul_are_not_walked_over(self, meter: Any) -> None:
        """Ten thousand of them behind a prefix cost a walk nothing, up or down."""
        own = table(keys=((3,), (2,)))
        put(meter, own, ("a", 1), row())
        for number in range(10_000):
            meter.host.state["me", encode_key(("rows", f"a\x00{number}", 1))] = b"\x90"
        meter.host = CountingHost(meter.host.state)
        for descending in (False, True):
            meter.host.shown = 0
            ran = walk(meter, own, None, ["a"], descending=descending)
            assert (keys_of(ran), meter.host.shown <= 2) == ([("a", 1)], True)

    def test_what_the_block_has_deleted_is_passed_over_at_a_price(self, meter: Any) -> None:
        """Each such key costs 20 and is no row; a unique place that was left is free, at that price."""
        own = table((("owner",), True))
        put(meter, own, "k", row("a"))
        plain = walk(meter, own).gas
        meter.host = CountingHost(
            meter.host.state,
            deleted=[encode_key(("rows", f"j{number}")) for number in range(7)]
            + [encode_key(("rows#owner", "b", str(number))) for number in range(3)],
        )
        ran = walk(meter, own)
        assert (keys_of(ran), ran.gas - plain) == (["k"], 7 * 20)
        taken = put(meter, own, "l", row("b"))
        free = put(meter, own, "m", row("c"))
        assert (taken.end, free.end, taken.gas - free.gas) == ("ok", "ok", 3 * 20)

    def test_an_entry_without_its_row_is_an_error(self, meter: Any) -> None:
        """Another version of the program may have left one: ``storage``, never a crash."""
        own = table((("owner",), False))
        meter.host.write("me", encode_key(("rows#owner", "a", "k")), b"")
        assert walk(meter, own, 0, ["a"]).end == "storage"


class CountingHost(MemoryHost):
    """A host that counts what walks look at, and shows keys that the block has deleted."""

    def __init__(self, state: Any, deleted: Any = ()) -> None:
        super().__init__()
        for (contract, key), value in state.items():
            self.write(contract, key, value)
        self.shown = 0
        self.deleted = list(deleted)

    def scan(
        self, contract: str, prefix: bytes, start: bytes | None, /, *, descending: bool
    ) -> Iterator[tuple[bytes, bytes | None]]:
        gone = [(key, None) for key in self.deleted if key.startswith(prefix)]
        both = [*super().scan(contract, prefix, start, descending=descending), *gone]
        for key, value in sorted(both, reverse=descending):
            self.shown += 1
            yield key, value


class TestCursors:
    """Cursors and limits."""

    def test_pages_make_the_whole(self, meter: Any) -> None:
        """Page by page, up and down, by key and by index, is every row once, in order."""
        own = table((("owner",), False))
        for number in range(23):
            put(meter, own, f"k{number:02}", row("ab"[number % 2]))
        for index, prefix in ((None, ()), (0, ()), (0, ("b",))):
            whole = keys_of(walk(meter, own, index, prefix))
            for descending in (False, True):
                pages, cursor = [], None
                while True:
                    ran = walk(meter, own, index, prefix, cursor, 5, descending)
                    pages.append(keys_of(ran))
                    cursor = ran.value[1]
                    if cursor is None:
                        break
                assert [len(page) for page in pages[:-1]] == [5] * (len(pages) - 1)
                assert [key for page in pages for key in page] == (whole[::-1] if descending else whole)

    def test_a_cursor_whose_row_is_gone_goes_on_behind_it(self, meter: Any) -> None:
        """Rows that vanish or appear between pages disturb no others."""
        own = table()
        for key in "abcdef":
            put(meter, own, key, row())
        for descending, rest in ((False, ["e", "f"]), (True, ["c", "b"])):
            cursor = encode_key(("rows", "d"))
            meter.run(lambda runtime: own.delete(runtime, ["d"]))
            assert keys_of(walk(meter, own, None, (), cursor, 2, descending)) == rest
            put(meter, own, "d", row())

    @pytest.mark.parametrize(
        "cursor",
        [
            b"",
            b"\xff",
            encode_key(("rows",)),
            encode_key(("rows", 5)),
            encode_key(("rows", b"k")),
            encode_key(("rows", "k", "l")),
            encode_key(("rowz", "k")),
            encode_key(("rows#owner", "a", "k")),
            encode_key(("other", "k")),
            encode_key(("rows", "k"))[:-1],
            encode_key(("rows", "k")) + b"\x00",
            encode_key(("rows", "k" * 300)),
            encode_key(("rows\x00x", "k")),
        ],
        ids=bytes.hex,
    )
    def test_foreign_cursors_are_errors_of_value(self, meter: Any, cursor: bytes) -> None:
        """Only a key that the walk could meet is a cursor; the rest can be caught."""
        own = table((("owner",), False))
        put(meter, own, "k", row())
        assert walk(meter, own, None, (), cursor).end == "value"

    def test_a_cursor_belongs_to_its_prefix_and_index(self, meter: Any) -> None:
        """That of another prefix or index is an error of value."""
        own = table((("owner",), False), (("size",), False))
        put(meter, own, "k", row("a"))
        cursor = encode_key(("rows#owner", "a", "k"))
        ends = [
            walk(meter, own, index, prefix, cursor).end
            for index, prefix in ((0, ["a"]), (0, ()), (0, ["b"]), (1, ()), (None, ()))
        ]
        assert ends == ["ok", "ok", "value", "value", "value"]
        assert walk(meter, own, 0, ["a"], encode_key(("rows#owner", "a\x00b", "k"))).end == "value"

    @pytest.mark.parametrize(
        ("cursor", "limit", "end"),
        [
            (None, 0, "value"),
            (None, 257, "value"),
            (None, -1, "value"),
            (None, 2**70, "value"),
            (None, 1, "ok"),
            (None, 256, "ok"),
            (None, True, "refused"),
            (None, None, "type"),
            (None, "5", "type"),
            ("", 5, "type"),
            (5, 5, "type"),
            (False, 5, "type"),
        ],
    )
    def test_limits_and_types(self, meter: Any, cursor: Any, limit: Any, end: str) -> None:
        """1 to 256 rows; a cursor is bytes or None."""
        assert walk(meter, table(), None, (), cursor, limit).end == end

    def test_256_rows_are_the_most(self, meter: Any) -> None:
        """The rest comes by cursor."""
        own = table(keys=((2,),))
        for number in range(300):
            put(meter, own, number, row())
        ran = walk(meter, own)
        assert (keys_of(ran), ran.value[1]) == ([*range(256)], encode_key(("rows", 256)))

    @pytest.mark.parametrize("wrong", [None, 5, b"a", True, ("a",)])
    def test_parts_of_a_prefix_are_of_their_types(self, meter: Any, wrong: Any) -> None:
        """Of the key, or of the fields of the index."""
        own = table((("owner",), False))
        assert [walk(meter, own, index, [wrong]).end for index in (None, 0)] == ["type", "type"]

    def test_a_prefix_too_long_for_a_key(self, meter: Any) -> None:
        """No row can have it."""
        assert walk(meter, table(), None, ["a" * 300]).end == "storage"


OWNERS = ["", "a", "a\x00", "a\x00b", "aa", "b", "汉"]


@pytest.mark.parametrize("seed", range(6))
def test_a_table_is_a_naive_table(meter: Any, seed: int) -> None:
    """After any puts and deletes, every walk gives the rows of a dict in the order of Python's own sort."""
    generator = random.Random(seed)
    own = table((("owner",), False), (("open", "size"), False), keys=((3,), (2,)))
    twin: dict[Any, list[Any]] = {}
    fields = {None: lambda key: (), 0: lambda key: (twin[key][0],), 1: lambda key: (twin[key][3], twin[key][2])}
    for _ in range(120):
        key = (generator.choice(OWNERS), generator.choice([-300, -1, 0, 1, 2**64]))
        if generator.random() < 0.3:
            ran = meter.run(lambda runtime, key=key: own.delete(runtime, list(key)))
            assert ran.end == ("ok" if key in twin else "key")
            twin.pop(key, None)
        else:
            value = row(generator.choice(OWNERS), b"d", generator.choice([-5, 0, 5]), generator.random() < 0.5)
            assert put(meter, own, key, value).end == "ok"
            twin[key] = value.fields
        index = generator.choice([None, 0, 1])
        ordered = sorted(twin, key=lambda key: (*fields[index](key), *key))
        sample = generator.choice(ordered) if ordered else ("a", 0)
        whole = (*fields[index](sample), *sample) if ordered else sample
        length = generator.randrange(own.prefix_max(index) + 1) if ordered else 0
        prefix = whole[:length]
        expected = [key for key in ordered if (*fields[index](key), *key)[:length] == prefix]
        descending = generator.random() < 0.5
        limit = generator.choice([1, 3, 256])
        ran = walk(meter, own, index, prefix, None, limit, descending)
        wanted = (expected[::-1] if descending else expected)[:limit]
        assert (keys_of(ran), [record.fields for _, record in ran.value[0]], ran.value[1] is None) == (
            wanted,
            [twin[key] for key in wanted],
            len(expected) <= limit,
        ), f"seed {seed}"
    assert len(entries(meter)) == 2 * len(twin)
