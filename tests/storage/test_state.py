"""The state store: values and tree move together, block by block, through restarts, crashes and full disks."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage.checksum import seal
from storage.errors import Corruption, DiskFull, UnsupportedFormat
from storage.faulty import Faulty, PowerCut
from storage.kv import KeyValue, WriteBatch
from storage.leveldb import LevelDB
from storage.limits import STATE_KEY_BYTES_MAX
from storage.memory import Memory
from storage.state import StateStore, Writes
from storage.treeproof import verify_tree_path

HEIGHTS = 8


def sha256(data: bytes) -> bytes:
    """Return the hash that these tests use."""
    return hashlib.sha256(data).digest()


def writes_of(height: int) -> Writes:
    """Return the writes of a block: forty keys set, and some that the last block has set deleted."""
    values = {b"%03d" % (20 * height + number): b"value %d/%d" % (height, number) for number in range(40)}
    deleted: dict[bytes, bytes | None] = {b"%03d" % (20 * (height - 1) + number): None for number in range(0, 20, 3)}
    return tuple(sorted({**deleted, **values}.items()))


def states() -> list[dict[bytes, bytes]]:
    """Return the content after each height, from 0 on."""
    found: list[dict[bytes, bytes]] = []
    for height in range(HEIGHTS):
        state = dict(found[-1]) if found else {}
        for key, value in writes_of(height):
            if value is None:
                state.pop(key, None)
            else:
                state[key] = value
        found.append(state)
    return found


def apply(store: StateStore, database: KeyValue, writes: Writes, height: int = 0) -> bytes:
    """Apply one block as its owner does, with the owner's own entry in the same batch; return the root."""
    root = store.root_after(writes)
    batch = WriteBatch()
    store.commit_into(batch)
    batch.put(b"height", b"%d" % height)
    database.write(batch, sync=True)
    store.committed()
    assert store.root == root
    return root


def apply_all(store: StateStore, database: KeyValue, first: int = 0) -> None:
    """Apply all blocks from a height on."""
    for height in range(first, HEIGHTS):
        apply(store, database, writes_of(height), height)


def roots() -> list[bytes]:
    """Return the root after each height, from 0 on, each from a store that got its content at once."""
    found = []
    for state in states():
        database = Memory()
        found.append(apply(StateStore(database, sha256), database, tuple(sorted(state.items()))))
    return found


@pytest.fixture(params=["memory", "leveldb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyValue]:
    """Give an empty store in memory, and one on disk."""
    made: KeyValue = Memory() if request.param == "memory" else LevelDB(tmp_path / "db")
    with closing(made) as opened:
        yield opened


def test_blocks_give_values_scans_roots_and_proofs(database: KeyValue) -> None:
    """After each block all values, scans both ways, the root and proofs are those of its content."""
    store = StateStore(database, sha256)
    for height, (state, root) in enumerate(zip(states(), roots(), strict=True)):
        assert apply(store, database, writes_of(height), height) == root
        assert list(store.scan()) == sorted(state.items())
        assert list(store.scan(b"1", descending=True)) == sorted(
            ((key, value) for key, value in state.items() if key[:1] == b"1"), reverse=True
        )
        for number in range(0, 250, 7):
            key = b"%03d" % number
            value, proof = store.prove(key)
            assert value == store.get(key) == state.get(key)
            assert verify_tree_path(root, key, value, proof, sha256)


def test_scans_begin_where_they_are_told(database: KeyValue) -> None:
    """`start` is a whole key, included, in either direction, and the prefix bounds the scan at both ends."""
    store = StateStore(database, sha256)
    apply(store, database, tuple((key, key) for key in (b"a", b"b", b"ba", b"bb", b"bc", b"c")))
    assert [key for key, _ in store.scan(b"b", b"bb")] == [b"bb", b"bc"]
    assert [key for key, _ in store.scan(b"b", b"bb", descending=True)] == [b"bb", b"ba", b"b"]
    assert [key for key, _ in store.scan(b"b")] == [b"b", b"ba", b"bb", b"bc"]
    assert [key for key, _ in store.scan(b"", b"bd")] == [b"c"]
    assert list(store.scan(b"x")) == []


def test_staged_writes_are_not_read(database: KeyValue) -> None:
    """Until `committed`, values, scans, root and proofs are those of the block before."""
    store = StateStore(database, sha256)
    before = apply(store, database, writes_of(0))
    kept = list(store.scan())
    after = store.root_after(writes_of(1))
    value, proof = store.prove(b"021")
    assert (store.root, list(store.scan()), value) == (before, kept, b"value 0/21")
    assert verify_tree_path(before, b"021", value, proof, sha256)
    assert not verify_tree_path(after, b"021", value, proof, sha256)


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    """A store on disk that is closed after every block has the same roots as one that never was."""
    for height, root in enumerate(roots()):
        with LevelDB(tmp_path / "db") as database:
            store = StateStore(database, sha256)
            assert store.root == ([StateStore(Memory(), sha256).root, *roots()][height])
            assert apply(store, database, writes_of(height), height) == root
            assert database.get(b"height") == b"%d" % height


def test_an_empty_block_stores_the_root() -> None:
    """A block without writes keeps the root, and the root of nothing is read back after a restart."""
    database = Memory()
    empty = StateStore(database, sha256).root
    assert apply(StateStore(database, sha256), database, ()) == empty
    assert StateStore(database, sha256).root == empty


def test_writes_that_are_refused_leave_nothing_staged() -> None:
    """After writes that raise, collecting adds neither them nor what was staged before: only the root as it is."""
    database = Memory()
    store = StateStore(database, sha256)
    root = apply(store, database, writes_of(0))
    store.root_after(writes_of(1))
    with pytest.raises(AssertionError, match="ascending"):
        store.root_after(((b"b", b""), (b"a", b"")))
    batch, entries = WriteBatch(), dict(database.iterate())
    store.commit_into(batch)
    database.write(batch)
    store.committed()
    assert (store.root, dict(database.iterate())) == (root, entries)


def test_wrong_writes_are_our_own_error() -> None:
    """Keys that are not ascending, twice the same key, and a key too long are refused with an assertion."""
    store = StateStore(Memory(), sha256)
    for writes in (((b"b", b""), (b"a", b"")), ((b"a", b""), (b"a", None))):
        with pytest.raises(AssertionError, match="ascending"):
            store.root_after(writes)
    with pytest.raises(AssertionError, match="bytes"):
        store.root_after(((bytes(STATE_KEY_BYTES_MAX + 1), b""),))
    database = Memory()
    apply(StateStore(database, sha256), database, ((bytes(STATE_KEY_BYTES_MAX), b"longest"),))
    assert StateStore(database, sha256).get(bytes(STATE_KEY_BYTES_MAX)) == b"longest"


def test_a_damaged_value_is_never_served(database: KeyValue) -> None:
    """`get`, `scan` and `prove` raise `Corruption` with the key of a value whose bit flipped."""
    store = StateStore(database, sha256)
    apply(store, database, writes_of(0))
    sealed = database.get(b"v007")
    assert sealed is not None
    database.put(b"v007", bytes([sealed[0] ^ 1]) + sealed[1:])
    for read in (lambda: store.get(b"007"), lambda: list(store.scan()), lambda: store.prove(b"007")):
        with pytest.raises(Corruption) as found:
            read()
        assert found.value.location == f"state value {b'007'.hex()}"
    assert store.get(b"008") == b"value 0/8"


def test_another_format_does_not_open() -> None:
    """A state written by another version is refused, not read."""
    database = Memory()
    apply(StateStore(database, sha256), database, writes_of(0))
    record = database.get(b"r")
    assert record is not None
    database.put(b"r", seal(b"r", b"\x02" + record[1:-4]))
    with pytest.raises(UnsupportedFormat, match="format 2"):
        StateStore(database, sha256)


@pytest.mark.parametrize("cut", range(1, HEIGHTS + 1))
def test_power_cut_at_every_block(cut: int) -> None:
    """After a cut at any batch the state is that of a block, height and all, and going on from there completes it."""
    wanted, contents = roots(), states()
    for seed in range(10):
        database = Faulty(100 * seed + cut)
        database.cut_power_at(cut)
        store = StateStore(database, sha256, cache_bytes=0)
        with pytest.raises(PowerCut):
            apply_all(store, database)
        database.crash()
        store = StateStore(database, sha256, cache_bytes=0)
        height = int(database.get(b"height") or b"-1")
        assert height in {cut - 2, cut - 1}, f"seed {seed}"
        assert store.root == ([StateStore(Memory(), sha256).root, *wanted][height + 1]), f"seed {seed}"
        assert dict(store.scan()) == (contents[height] if height >= 0 else {}), f"seed {seed}"
        apply_all(store, database, height + 1)
        assert (store.root, dict(store.scan())) == (wanted[-1], contents[-1]), f"seed {seed}"


def test_a_full_disk_changes_nothing() -> None:
    """When the batch cannot be written, the state stays at the block before, also after reopening."""
    database = Faulty(seed=1)
    store = StateStore(database, sha256)
    root = apply(store, database, writes_of(0))
    database.fill_disk_at(1)
    with pytest.raises(DiskFull):
        apply(store, database, writes_of(1))
    assert store.root == root
    database.free_disk()
    store = StateStore(database, sha256)
    assert (store.root, dict(store.scan())) == (root, states()[0])
    assert apply(store, database, writes_of(1)) == roots()[1]


def test_a_torn_batch_is_noticed() -> None:
    """If a disk ever broke the promise of atomic batches, half a block would be `Corruption`, not a state."""
    noticed = whole = 0
    known = [StateStore(Memory(), sha256).root, *roots()]
    for seed in range(100):
        database = Faulty(seed)
        store = StateStore(database, sha256)
        apply(store, database, writes_of(0))
        database.cut_power_at(1)
        with pytest.raises(PowerCut):
            apply(store, database, writes_of(1))
        database.crash(tear=True)
        try:
            root = StateStore(database, sha256).root
        except Corruption:
            noticed += 1
        else:
            assert root in known[1:3], f"seed {seed}"
            whole += 1
    assert noticed > 20
    assert whole > 20
