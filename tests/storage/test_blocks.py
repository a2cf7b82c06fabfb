"""The block store: what is appended is found by every index, appended once, and never served damaged."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.blocks import BlockRecord, BlockStore, Location
from storage.checksum import seal
from storage.errors import Conflict, Corruption, Gap, UnsupportedFormat
from storage.faulty import Faulty
from storage.kv import KeyValue
from storage.leveldb import LevelDB
from storage.memory import Memory


def digest(text: str) -> bytes:
    """Return 32 bytes that are different for different texts."""
    return text.encode().ljust(32, b".")


def block(height: int, transactions: int = 3) -> BlockRecord:
    """Return a block whose every part says where it belongs; two senders take turns, one extra receipt follows."""
    return BlockRecord(
        height=height,
        block_hash=digest(f"block {height}"),
        header=f"header {height}".encode(),
        receipts=tuple(f"receipt {height}/{index}".encode() * index for index in range(transactions + 1)),
        transaction_ids=tuple(digest(f"transaction {height}/{index}") for index in range(transactions)),
        senders=tuple((b"alice", b"bob")[index % 2] for index in range(transactions)),
    )


def append(store: BlockStore, record: BlockRecord) -> None:
    """Decide, execute and certify one block."""
    if record.height:
        store.append_ordered(record.height, digest(f"proposal {record.height}"), b"body %d" % record.height)
    store.append_block(record)
    store.put_certificate(record.height, b"certificate %d" % record.height)


@pytest.fixture(params=["memory", "leveldb"])
def kv(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyValue]:
    """Give an empty store in memory, and one on disk."""
    made: KeyValue = Memory() if request.param == "memory" else LevelDB(tmp_path / "db")
    with closing(made) as opened:
        yield opened


def test_an_empty_store_has_nothing(kv: KeyValue) -> None:
    """Before genesis every question has the answer "nothing"."""
    store = BlockStore(kv)
    assert (store.ordered_height, store.height, store.certified_height) == (0, -1, -1)
    answers = [
        store.ordered(0),
        store.ordered(1),
        store.header(0),
        store.block_hash(0),
        store.height_of(digest("block 0")),
        store.receipts(0),
        store.receipt(0, 0),
        store.certificate(0),
        store.locate(digest("transaction 0/0")),
    ]
    assert answers == [None] * len(answers)
    assert (store.by_sender(b"alice", 10), list(store.damage())) == ([], [])


def test_everything_appended_is_found_also_after_reopening(kv: KeyValue) -> None:
    """Each part of each block comes back by height, hash, transaction and position, from the old and a new store."""
    written = BlockStore(kv)
    blocks = [block(height, transactions=height) for height in range(4)]
    for record in blocks:
        append(written, record)
    for store in (written, BlockStore(kv)):
        assert (store.ordered_height, store.height, store.certified_height) == (3, 3, 3)
        for record in blocks:
            height = record.height
            assert store.header(height) == record.header
            assert store.block_hash(height) == record.block_hash
            assert store.height_of(record.block_hash) == height
            assert store.receipts(height) == record.receipts
            assert store.certificate(height) == b"certificate %d" % height
            for index, transaction_id in enumerate(record.transaction_ids):
                assert store.locate(transaction_id) == Location(height, index)
            for index, receipt in enumerate(record.receipts):
                assert store.receipt(height, index) == receipt
            assert store.receipt(height, len(record.receipts)) is None
            assert store.receipt(height, -1) is None
        assert [store.ordered(height) for height in range(1, 4)] == [
            (digest(f"proposal {height}"), b"body %d" % height) for height in range(1, 4)
        ]
        assert (store.ordered(4), store.header(4), store.header(-1), store.certificate(-1)) == (None,) * 4
        assert list(store.damage()) == []


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 128, 200])
def test_receipts_in_groups(count: int) -> None:
    """Any number of receipts, empty ones included, comes back whole and one by one."""
    store = BlockStore(Memory())
    receipts = tuple(bytes([index]) * (index % 5) for index in range(count))
    store.append_block(replace(block(0, transactions=0), receipts=receipts))
    assert store.receipts(0) == receipts
    assert [store.receipt(0, index) for index in range(count + 1)] == [*receipts, None]


def test_appending_the_same_again_does_nothing() -> None:
    """A replay after a restart writes nothing and changes nothing."""
    kv = Faulty(seed=1)
    store = BlockStore(kv)
    for height in range(3):
        append(store, block(height))
    before, writes = list(kv.iterate()), kv.writes
    for height in range(3):
        store.append_block(block(height))
        if height:
            store.append_ordered(height, digest(f"proposal {height}"), b"body %d" % height)
    assert (list(kv.iterate()), kv.writes) == (before, writes)


def test_something_else_at_a_stored_height_is_a_conflict() -> None:
    """A different digest, body, hash, header, receipt, id or sender is refused, and what was stored stays."""
    kv = Memory()
    store = BlockStore(kv)
    for height in range(3):
        append(store, block(height))
    before = list(kv.iterate())
    stored = block(1)
    different = [
        replace(stored, block_hash=digest("other")),
        replace(stored, header=b"other"),
        replace(stored, receipts=(*stored.receipts[:-1], b"other")),
        replace(stored, receipts=stored.receipts[:-1]),
        replace(stored, transaction_ids=(digest("other"), *stored.transaction_ids[1:])),
        replace(stored, senders=(b"carol", *stored.senders[1:])),
    ]
    for record in different:
        with pytest.raises(Conflict) as refused:
            store.append_block(record)
        assert (refused.value.what, refused.value.height) == ("the block", 1)
    for proposal, body in ((digest("other"), b"body 1"), (digest("proposal 1"), b"other")):
        with pytest.raises(Conflict) as refused:
            store.append_ordered(1, proposal, body)
        assert (refused.value.what, refused.value.height) == ("the ordered record", 1)
    assert list(kv.iterate()) == before


def test_heights_are_consecutive_and_ordered_before_executed() -> None:
    """A skipped height, height 0 in the ordered log, and a block whose proposal is not in the log are refused."""
    store = BlockStore(Memory())
    refused: list[tuple[Callable[[], None], int, int]] = [
        (lambda: store.append_ordered(0, b"", b""), 1, 0),
        (lambda: store.append_ordered(2, b"", b""), 1, 2),
        (lambda: store.append_ordered(-1, b"", b""), 1, -1),
        (lambda: store.append_block(block(1)), 0, 1),
        (lambda: store.append_block(block(-1)), 0, -1),
    ]
    for operation, expected, given_height in refused:
        with pytest.raises(Gap) as gap:
            operation()
        assert (gap.value.expected, gap.value.given) == (expected, given_height)
    store.append_block(block(0))
    with pytest.raises(Gap) as gap:
        store.append_block(block(1))
    assert (gap.value.what, gap.value.expected, gap.value.given) == ("ordered log, before a block", 1, 1)


def test_certificates_can_be_replaced_and_come_in_any_order() -> None:
    """The newest certificate of a height is served, and `certified_height` is the greatest, also after reopening."""
    kv = Memory()
    store = BlockStore(kv)
    for height, certificate in ((3, b"three"), (1, b"one"), (3, b"other signers")):
        store.put_certificate(height, certificate)
    for opened in (store, BlockStore(kv)):
        found = [opened.certificate(height) for height in range(5)]
        assert (found, opened.certified_height) == ([None, b"one", None, b"other signers", None], 3)


def test_what_a_killed_process_left_is_durable_once_reopened() -> None:
    """Opening makes durable what it finds, so nothing it answers from can vanish in a later loss of power."""
    for seed in range(20):
        kv = Faulty(seed)
        BlockStore(kv).put_certificate(1, b"one")
        assert BlockStore(kv).certificate(1) == b"one"
        kv.crash()
        assert BlockStore(kv).certificate(1) == b"one", f"seed {seed}"


def test_pages_of_a_sender(kv: KeyValue) -> None:
    """A sender's transactions come newest first in pages that neither repeat nor skip, others' never among them."""
    store = BlockStore(kv)
    for height in range(5):
        append(store, block(height, transactions=5))
    expected = [Location(height, index) for height in range(4, -1, -1) for index in (4, 2, 0)]
    for limit in range(1, 20):
        pages: list[Location] = []
        while page := store.by_sender(b"alice", limit, before=pages[-1] if pages else None):
            assert len(page) <= limit
            pages += page
        assert pages == expected
    assert store.by_sender(b"alice", 3, before=Location(2, 3)) == [Location(2, 2), Location(2, 0), Location(1, 4)]
    assert store.by_sender(b"alic", 10) == store.by_sender(b"", 10) == store.by_sender(b"x" * 300, 10) == []


@given(st.lists(st.lists(st.sampled_from([b"", b"a", b"ab", b"\x00", b"a\x00", b"\xff"]), max_size=4), max_size=6))
def test_the_sender_index_is_a_search_through_all_blocks(senders: list[list[bytes]]) -> None:
    """Whatever the names, also when one begins with another, the index finds what reading all blocks would."""
    store = BlockStore(Memory())
    for height, names in enumerate(senders):
        append(store, replace(block(height, transactions=len(names)), senders=tuple(names)))
    for name in (b"", b"a", b"ab", b"\x00", b"a\x00", b"\xff"):
        found = [
            Location(height, index)
            for height, names in enumerate(senders)
            for index, sender in enumerate(names)
            if sender == name
        ]
        assert store.by_sender(name, 100) == found[::-1]


def test_every_flipped_bit_is_found_with_its_location_and_never_served() -> None:
    """One flipped bit in any entry is reported by `damage` at that entry, and raised by whatever reads it."""
    blocks = [block(height) for height in range(3)]
    reads: dict[str, Callable[[BlockStore], object]] = {
        "ordered/2": lambda store: store.ordered(2),
        "blocks/2": lambda store: store.header(2),
        "hashes/" + digest("block 2").hex(): lambda store: store.height_of(digest("block 2")),
        "receipts/2/0": lambda store: store.receipt(2, 1),
        "transactions/" + digest("transaction 2/1").hex(): lambda store: store.locate(digest("transaction 2/1")),
        "certificates/2": lambda store: store.certificate(2),
        "senders/05" + b"alice".hex() + "000000000000000200000002": lambda store: store.by_sender(b"alice", 1),
    }
    for seed, (location, read) in enumerate(reads.items()):
        kv = Faulty(seed)
        store = BlockStore(kv)
        for record in blocks:
            append(store, record)
        component, _, place = location.partition("/")
        prefix = {"hashes": b"h", "transactions": b"t", "senders": b"s"}.get(component)
        rest = bytes.fromhex(place) if prefix else b"".join(_packed(component, place))
        kv.flip_bit((prefix or component[:1].encode()) + rest)
        assert [found.location for found in store.damage()] == [location], f"seed {seed}"
        with pytest.raises(Corruption) as raised:
            read(store)
        assert raised.value.location == location, f"seed {seed}"


def _packed(component: str, place: str) -> Iterator[bytes]:
    # The numbers of a readable location as they stand in the key.
    height, _, group = place.partition("/")
    yield int(height).to_bytes(8)
    if component == "receipts":
        yield int(group).to_bytes(4)


def test_damage_to_the_newest_entry_is_found_on_opening() -> None:
    """A store whose newest entries are damaged refuses to open; it does not take an older height for the newest."""
    for prefix in (b"o", b"b", b"c"):
        kv = Faulty(seed=1)
        store = BlockStore(kv)
        for height in range(3):
            append(store, block(height))
        kv.flip_bit(prefix + (2).to_bytes(8))
        with pytest.raises(Corruption):
            BlockStore(kv)


def test_a_missing_entry_is_damage_not_an_answer() -> None:
    """A block, ordered record or receipt group that has vanished is `Corruption`, not "there is no such block"."""
    kv = Memory()
    store = BlockStore(kv)
    for height in range(3):
        append(store, block(height))
    one = (1).to_bytes(8)
    for key in (b"o" + one, b"b" + one):
        kv.delete(key)
    kv.delete(b"r" + (2).to_bytes(8) + bytes(4))
    reopened = BlockStore(kv)
    for read in (lambda: reopened.ordered(1), lambda: reopened.header(1), lambda: reopened.receipt(2, 0)):
        with pytest.raises(Corruption, match="missing"):
            read()
    assert [found.location for found in reopened.damage()] == ["ordered/1", "blocks/1"]


def test_a_conflict_is_not_confused_with_damage() -> None:
    """Replaying the same block over a damaged entry says `Corruption`, not `Conflict`."""
    kv = Faulty(seed=5)
    store = BlockStore(kv)
    append(store, block(0))
    kv.flip_bit(b"b" + bytes(8))
    with pytest.raises(Corruption):
        store.append_block(block(0))


def test_other_formats_are_refused() -> None:
    """A database of another version, or of something else, is not opened as blocks."""
    foreign, newer = Memory(), Memory()
    foreign.put(b"x", b"y")
    newer.put(b"!", seal(b"!", b"hanchain-blocks/2"))
    for kv in (foreign, newer):
        with pytest.raises(UnsupportedFormat):
            BlockStore(kv)


def test_inconsistent_blocks_are_our_own_error() -> None:
    """Ids, senders and receipts that do not fit together, or over-long names, are assertions and store nothing."""
    kv = Memory()
    store = BlockStore(kv)
    before = list(kv.iterate())
    good = block(0)
    for bad in (
        replace(good, senders=good.senders[1:]),
        replace(good, receipts=good.receipts[:2]),
        replace(good, senders=(b"x" * 256, b"", b"")),
        replace(good, block_hash=bytes(65)),
    ):
        with pytest.raises(AssertionError):
            store.append_block(bad)
    assert list(kv.iterate()) == before


def test_stats_count_every_byte() -> None:
    """The components' bytes add up to the whole store but for the format entry."""
    kv = Memory()
    store = BlockStore(kv)
    for height in range(3):
        append(store, block(height))
    whole = sum(len(key) + len(value) for key, value in kv.iterate())
    format_entry = len(b"!") + len(b"hanchain-blocks/1") + 4
    stats = store.stats()
    assert sum(stats.values()) + format_entry == whole
    assert all(stats.values())
