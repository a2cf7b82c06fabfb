"""The cost of the state tree on disk: microseconds per changed key in batches as large as a block's, by size of state.

A state of so many keys is built in LevelDB; then blocks follow that change keys drawn at random, the worst case for
every cache: nine in ten exist already, the rest are new. Parts are given in processor time of the thread that does the
work, which does not depend on who else uses the machine; beside them stands the time by the clock, which includes
waiting for the disk. Where staging spends its time comes from further blocks, in which hashing and reading are timed
call by call. "Values alone" is what the same batches cost with no tree at all.
"""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

from hanchain.bench.machine import Machine, describe_machine
from hanchain.crypto import default_suite
from storage.checksum import seal
from storage.kv import KeyValue, Snapshot, WriteBatch
from storage.leveldb import LevelDB
from storage.state import StateStore, Writes

TAG = "hanchain/bench-state/1"  # as long as a real domain tag
VALUE_BYTES = 60  # a record of an account or a balance
LOAD_BATCH = 20_000  # keys of one batch while the state is built
NEW_KEYS_SHARE = 0.1
WARM_UP_BLOCKS_MAX = 200

Hash = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class StageSplit:
    """Where staging spends its time: per changed key, hashing and reading as means over blocks of their own."""

    hash_us: float  # the hash function: keys, values, nodes
    read_us: float  # nodes that were not in memory
    walk_us: float  # the rest of what a block takes that is not timed call by call: Python
    hashes: float  # calls per changed key
    reads: float  # nodes read per changed key


@dataclass(frozen=True, slots=True)
class TreeCost:
    """Microseconds per changed key, medians over blocks, and what they stand on."""

    keys: int
    batch: int
    blocks: int
    clock_us: float  # by the clock, waiting for the disk and for the processor included
    total_us: float  # processor time of the thread: stage, collect, write
    total_best_us: float  # of the fastest block: others on the machine slow a thread down even while it runs
    stage_us: float  # root_after: hash keys and values, walk the tree
    split: StageSplit
    collect_us: float  # commit_into and committed
    write_us: float  # one synced batch
    values_alone_us: float  # sealing and writing the values, no tree
    processor_us: float  # of the whole process: over 100 blocks and more, compaction in the background is in it
    records: float  # entries written per changed key
    written_bytes: float  # of keys and values, per changed key
    load_s: float  # building the state
    open_ms: float  # opening it again: the top of the tree is rebuilt
    resident_bytes: int  # memory of the process after the blocks


@dataclass(frozen=True, slots=True)
class TreeResult:
    """What was measured, on which machine."""

    machine: Machine
    costs: tuple[TreeCost, ...]


def run_tree(
    sizes: tuple[int, ...], batch: int, blocks: int, say: Callable[[str], None], *, seed: int = 1
) -> TreeResult:
    """Measure the tree at these numbers of keys; ``say`` takes progress in words."""
    suite = default_suite()
    machine = describe_machine(suite)
    costs = []
    for keys in sizes:
        with tempfile.TemporaryDirectory(prefix="hanchain-bench-") as scratch:
            load = _Load(keys, seed)
            costs.append(_measure(Path(scratch) / "state", load, batch, blocks, suite.tagged_hasher(TAG), say))
    return TreeResult(machine, tuple(costs))


class _Load:
    """Keys as contracts have them, and blocks that change some of them."""

    def __init__(self, keys: int, seed: int) -> None:
        self.keys = keys
        self._random = Random(seed)  # noqa: S311 - a benchmark must be repeatable, not unpredictable

    def initial(self) -> Iterator[Writes]:
        """Yield the writes that build the state."""
        for first in range(0, self.keys, LOAD_BATCH):
            numbers = range(first, min(first + LOAD_BATCH, self.keys))
            yield tuple((self._key(number), self._random.randbytes(VALUE_BYTES)) for number in numbers)

    def block(self, changed: int) -> Writes:
        """Return the writes of a block."""
        fresh = int(changed * NEW_KEYS_SHARE)
        numbers = set(range(self.keys, self.keys + fresh))
        while len(numbers) < changed:
            numbers.add(self._random.randrange(self.keys))
        self.keys += fresh
        return tuple((self._key(number), self._random.randbytes(VALUE_BYTES)) for number in sorted(numbers))

    def _key(self, number: int) -> bytes:
        return b"\x06ledger\x02balances\x00\x01" + number.to_bytes(20)  # contract, cell, an account's id


class _Clock:
    """Seconds and calls; what reading the clock costs by itself is taken off."""

    def __init__(self) -> None:
        began = time.thread_time()
        for _ in range(10_000):
            time.thread_time()
        self._own_s = (time.thread_time() - began) / 10_000
        self.reset()

    def reset(self) -> None:
        """Begin again."""
        self.seconds, self.calls = 0.0, 0

    def add(self, began: float) -> None:
        """Add the time since ``began``."""
        self.seconds += time.thread_time() - began - self._own_s


class _Clocked:
    """A database that times its reads, and otherwise is the one given."""

    def __init__(self, database: KeyValue) -> None:
        self._database = database
        self.clock = _Clock()

    def get(self, key: bytes) -> bytes | None:
        self.clock.calls += 1
        began = time.thread_time()
        value = self._database.get(key)
        self.clock.add(began)
        return value

    def iterate(
        self, prefix: bytes = b"", *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        self.clock.calls += 1
        began = time.thread_time()
        entries = self._database.iterate(prefix, start=start, reverse=reverse)
        self.clock.add(began)
        while True:
            began = time.thread_time()
            entry = next(entries, None)
            self.clock.add(began)
            if entry is None:
                return
            yield entry

    def put(self, key: bytes, value: bytes, *, sync: bool = False) -> None:
        self._database.put(key, value, sync=sync)

    def delete(self, key: bytes, *, sync: bool = False) -> None:
        self._database.delete(key, sync=sync)

    def write(self, batch: WriteBatch, *, sync: bool = False) -> None:
        self._database.write(batch, sync=sync)

    def snapshot(self) -> Snapshot:
        return self._database.snapshot()

    def close(self) -> None:
        self._database.close()


class _ClockedHash:
    """A hash function that times itself."""

    def __init__(self, hasher: Hash) -> None:
        self._hasher = hasher
        self.clock = _Clock()

    def __call__(self, data: bytes) -> bytes:
        self.clock.calls += 1
        began = time.thread_time()
        digest = self._hasher(data)
        self.clock.add(began)
        return digest


@dataclass(frozen=True, slots=True)
class _Block:
    """One block: processor time of its parts in this thread, time by the clock, processor time of the process."""

    stage_s: float
    collect_s: float
    write_s: float
    clock_s: float
    processor_s: float
    records: int
    written_bytes: int

    @property
    def total_s(self) -> float:
        return self.stage_s + self.collect_s + self.write_s


def _measure(path: Path, load: _Load, batch: int, blocks: int, hasher: Hash, say: Callable[[str], None]) -> TreeCost:
    keys = load.keys
    say(f"{keys} keys: building the state")
    began = time.perf_counter()
    with LevelDB(path) as database:
        store = StateStore(database, hasher)
        for writes in load.initial():
            _block(store, database, writes)
    load_s = time.perf_counter() - began

    with LevelDB(path) as database:
        began = time.perf_counter()
        store = StateStore(database, hasher)
        open_s = time.perf_counter() - began
        say(f"{keys} keys: built in {load_s:.1f} s, opened in {open_s:.2f} s; {blocks} blocks of {batch}")
        for _ in range(_warm_up_blocks(keys, batch)):
            _block(store, database, load.block(batch))
        plain = [_block(store, database, load.block(batch)) for _ in range(blocks)]
        resident_bytes = _resident_bytes()
        stage_s = median(block.stage_s for block in plain) / batch
        split = _split(store, database, hasher, [load.block(batch) for _ in range(blocks)], stage_s)
        alone = [_values_alone(database, load.block(batch)) for _ in range(blocks)]

    def per_key(seconds: float) -> float:
        return round(seconds / batch * 1e6, 2)

    return TreeCost(
        keys=keys,
        batch=batch,
        blocks=blocks,
        clock_us=per_key(median(block.clock_s for block in plain)),
        total_us=per_key(median(block.total_s for block in plain)),
        total_best_us=per_key(min(block.total_s for block in plain)),
        stage_us=round(stage_s * 1e6, 2),
        split=split,
        collect_us=per_key(median(block.collect_s for block in plain)),
        write_us=per_key(median(block.write_s for block in plain)),
        values_alone_us=per_key(median(alone)),
        processor_us=per_key(sum(block.processor_s for block in plain) / blocks),
        records=round(sum(block.records for block in plain) / blocks / batch, 2),
        written_bytes=round(sum(block.written_bytes for block in plain) / blocks / batch, 1),
        load_s=round(load_s, 2),
        open_ms=round(open_s * 1000, 1),
        resident_bytes=resident_bytes,
    )


def _warm_up_blocks(keys: int, batch: int) -> int:
    """Return how many blocks touch most nodes that fit into the cache, each of which has about fifteen keys."""
    return min(WARM_UP_BLOCKS_MAX, 1 + 3 * keys // 15 // batch)


def _split(store: StateStore, database: KeyValue, hasher: Hash, blocks: list[Writes], stage_s: float) -> StageSplit:
    """Return where ``stage_s`` per changed key goes, with the store's own hash function and database timed."""
    timed_hash, timed = _ClockedHash(hasher), _Clocked(database)
    store._hash = store._tree._hash = timed_hash  # a second store would begin with an empty cache
    store._tree._entries._database = timed
    for writes in blocks:
        _block(store, database, writes)
    changed = sum(map(len, blocks))
    hash_us = timed_hash.clock.seconds / changed * 1e6
    read_us = timed.clock.seconds / changed * 1e6
    return StageSplit(
        hash_us=round(hash_us, 2),
        read_us=round(read_us, 2),
        walk_us=round(stage_s * 1e6 - hash_us - read_us, 2),
        hashes=round(timed_hash.clock.calls / changed, 2),
        reads=round(timed.clock.calls / changed, 3),
    )


def _block(store: StateStore, database: KeyValue, writes: Writes) -> _Block:
    """Apply one block as the executor does, the collection of cyclic garbage put off until it is written."""
    gc.disable()
    try:
        processor, clock = time.process_time(), time.perf_counter()
        began = time.thread_time()
        store.root_after(writes)
        staged = time.thread_time()
        batch = WriteBatch()
        store.commit_into(batch)
        collected = time.thread_time()
        database.write(batch, sync=True)
        written = time.thread_time()
        store.committed()
        ended = time.thread_time()
        processor, clock = time.process_time() - processor, time.perf_counter() - clock
    finally:
        gc.enable()
    return _Block(
        stage_s=staged - began,
        collect_s=collected - staged + ended - written,
        write_s=written - collected,
        clock_s=clock,
        processor_s=processor,
        records=len(batch),
        written_bytes=sum(len(key) + len(value or b"") for key, value in batch.operations),
    )


def _values_alone(database: KeyValue, writes: Writes) -> float:
    """Return the processor time of sealing and writing the same values under keys of their own."""
    gc.disable()
    try:
        began = time.thread_time()
        batch = WriteBatch()
        for key, value in writes:
            assert value is not None, "the load deletes nothing"
            batch.put(b"x" + key, seal(b"x" + key, value))
        database.write(batch, sync=True)
        return time.thread_time() - began
    finally:
        gc.enable()


def _resident_bytes() -> int:
    """Return the memory of this process now, 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
