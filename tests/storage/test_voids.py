"""Voids: walks pass over what is known to be empty, and find the same as ever."""

import hashlib
import random
import time
from bisect import bisect_left
from pathlib import Path

import pytest

from storage import limits
from storage.kv import WriteBatch, key_range
from storage.leveldb import LevelDB
from storage.memory import Memory
from storage.state import StateStore
from storage.voids import Voids


def sha256(data: bytes) -> bytes:
    """Return the hash that these tests use."""
    return hashlib.sha256(data).digest()


def commit(store: StateStore, database, writes: dict[bytes, bytes | None]) -> None:
    """Apply one block."""
    store.root_after(tuple(sorted(writes.items())))
    batch = WriteBatch()
    store.commit_into(batch)
    database.write(batch)
    store.committed()


def expected(content: dict[bytes, bytes], prefix: bytes, start: bytes | None, *, descending: bool) -> list:
    """Return what a walk has to find."""
    first, end = key_range(prefix, start, reverse=descending)
    found = sorted((k, v) for k, v in content.items() if first <= k and (end is None or k < end))
    return found[::-1] if descending else found


class Model:
    """Keys of a few letters, and a set of them that have entries."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def key(self) -> bytes:
        """Return some key: letters that border on each other, NUL and ff among them."""
        return bytes(self.random.choice(b"\x00\x01ab\xff") for _ in range(self.random.randint(1, 4)))


@pytest.mark.parametrize("seed", range(4))
def test_voids_are_true_whatever_happens(seed: int) -> None:
    """After any order of walks, puts and deletions no key in a void has an entry, and both ends of a jump agree."""
    model, voids, present = Model(seed), Voids(1_000), set()
    for _ in range(3_000):
        key, other = sorted((model.key(), model.key()))
        match model.random.randint(0, 3):
            case 0:
                present.add(key)
                voids.on_put(key)
            case 1:
                present.discard(key)
                voids.on_delete(key)
            case _:
                ordered = sorted(present)
                at = bisect_left(ordered, key)
                end = min(other, ordered[at]) if at < len(ordered) else other
                voids.add(key, end)
        place = model.key()
        above, below = voids.above(place), voids.below(place)
        assert below <= place <= above
        assert not [k for k in present if below <= k < place or place <= k < above], seed
        assert voids._starts == sorted(voids._starts)
        assert all(a < b for a, b in zip(voids._starts, voids._ends, strict=True))
        assert all(e < s for e, s in zip(voids._ends, voids._starts[1:], strict=False))


def test_voids_that_touch_are_one_and_their_number_is_bounded() -> None:
    """Neighbours join, a deletion beside one makes it longer, a put cuts it, and no more than the limit are kept."""
    voids = Voids(3)
    voids.add(b"b", b"c")
    voids.add(b"c", b"d")
    assert (voids._starts, voids._ends) == ([b"b"], [b"d"])
    voids.on_delete(b"d")
    voids.on_delete(b"a\xff")  # not the key just below: a\xff\x00 lies between
    assert (voids._starts, voids._ends) == ([b"b"], [b"d\x00"])
    voids.on_put(b"c")
    assert (voids._starts, voids._ends) == ([b"b", b"c\x00"], [b"c", b"d\x00"])
    voids.on_put(b"b")
    assert (voids._starts, voids._ends) == ([b"b\x00", b"c\x00"], [b"c", b"d\x00"])
    voids.on_delete(b"c")
    voids.on_delete(b"b")
    assert (voids._starts, voids._ends) == ([b"b"], [b"d\x00"])
    for number in range(10):
        voids.add(b"x%d" % number, b"x%d\x00" % number)
    assert len(voids) == 3


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["memory", "leveldb"])
def test_walks_find_the_same_when_every_step_is_remembered(
    seed: int, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of puts and deletions, walks in both directions in between, broken off or not: a dictionary agrees."""
    monkeypatch.setattr(limits, "STATE_STEP_SLOW_NS", -1)
    monkeypatch.setattr(limits, "STATE_VOIDS_MAX", (3, 1_000)[seed % 2])
    model = Model(seed)
    database = Memory() if kind == "memory" else LevelDB(tmp_path / "db")
    store, content = StateStore(database, sha256), {}
    for _ in range(60):
        block = {model.key(): model.random.choice([None, b"1", b"2"]) for _ in range(model.random.randint(1, 8))}
        commit(store, database, block)
        content.update(block)
        content = {key: value for key, value in content.items() if value is not None}
        for _ in range(12):
            prefix = model.key()[: model.random.randint(0, 2)]
            start = None if model.random.randint(0, 2) == 0 else prefix + model.key()
            descending = model.random.randint(0, 1) == 1
            walk = store.scan(prefix, start, descending=descending)
            wanted = expected(content, prefix, start, descending=descending)
            if model.random.randint(0, 2) == 0:
                assert next(walk, None) == (wanted[0] if wanted else None), seed
            else:
                assert list(walk) == wanted, seed
    database.close()


def test_a_walk_across_a_commit_teaches_nothing_false(monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk that was begun before a block goes on with the state of its beginning; later ones see the block."""
    monkeypatch.setattr(limits, "STATE_STEP_SLOW_NS", -1)
    database = Memory()
    store = StateStore(database, sha256)
    commit(store, database, {b"a": b"1", b"z": b"1"})
    for descending in (False, True):
        walk = store.scan(b"", descending=descending)
        first = next(walk)
        commit(store, database, {b"m": b"2"})
        assert [first, *walk] == sorted({b"a": b"1", b"z": b"1"}.items(), reverse=descending)
        assert [key for key, _ in store.scan(b"")] == [b"a", b"m", b"z"]
        commit(store, database, {b"m": None})


@pytest.mark.parametrize("descending", [False, True])
def test_a_walk_while_a_batch_is_on_its_way_hides_nothing(monkeypatch: pytest.MonkeyPatch, descending: bool) -> None:
    """What a walk finds empty between ``commit_into`` and ``committed`` is not held against the keys of that batch."""
    monkeypatch.setattr(limits, "STATE_STEP_SLOW_NS", -1)
    database = Memory()
    store = StateStore(database, sha256)
    store.root_after(((b"a", b"1"), (b"b", b"2")))
    batch = WriteBatch()
    store.commit_into(batch)
    assert list(store.scan(descending=descending)) == []
    database.write(batch)
    store.committed()
    assert sorted(store.scan(descending=descending)) == [(b"a", b"1"), (b"b", b"2")]


@pytest.mark.parametrize("descending", [False, True])
def test_rows_deleted_long_ago_cost_a_walk_nothing(tmp_path: Path, descending: bool) -> None:
    """Where 40,000 rows were deleted, fifty walks take less than the time of ten that pass over them all."""
    with LevelDB(tmp_path / "db") as database:
        store = StateStore(database, sha256)
        keys = [b"%06d" % number for number in range(40_000)]
        commit(store, database, {b"000000a": b"", b"039999a": b""} | dict.fromkeys(keys, b"row"))
        commit(store, database, dict.fromkeys(keys))

        def walk() -> float:
            began = time.thread_time()
            found = [key for key, _ in store.scan(b"0", descending=descending)]
            assert found == sorted([b"000000a", b"039999a"], reverse=descending)
            return time.thread_time() - began

        first = walk()
        assert sum(walk() for _ in range(50)) < 10 * first


def test_a_row_written_in_every_block_costs_a_walk_nothing(tmp_path: Path) -> None:
    """Of a row that was overwritten in 10,000 blocks walks backwards pass over the old values once, not each time."""
    with LevelDB(tmp_path / "db") as database:
        store = StateStore(database, sha256)
        commit(store, database, {b"a": b"", b"b": b"", b"c": b""})
        for number in range(10_000):
            commit(store, database, {b"b": b"%d" % number})

        def walk() -> float:
            began = time.thread_time()
            assert [key for key, _ in store.scan(b"", descending=True)] == [b"c", b"b", b"a"]
            return time.thread_time() - began

        first = walk()
        commit(store, database, {b"b": b"last"})
        assert sum(walk() for _ in range(20)) < 5 * first
