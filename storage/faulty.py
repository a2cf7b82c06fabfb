"""A key-value store with a bad disk, for tests: it loses power, runs full and flips bits, all from a seed."""

from collections.abc import Iterator
from random import Random

from storage.errors import Closed, DiskFull
from storage.kv import WriteBatch
from storage.memory import Memory, MemorySnapshot


class PowerCut(Exception):  # an event of the test's world, not an error anyone should handle
    """The power went off at a write; only `Faulty.crash` brings the store back."""


class Faulty:
    """A `KeyValue` with the semantics of `Memory` while it lasts, and of an honest but unlucky disk when it breaks.

    Writes that were not synced survive a crash as a prefix of random length. Whole batches survive or vanish, unless
    `crash(tear=True)` breaks the promise of atomicity to show what would follow.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311  # a test must be repeatable, not unpredictable
        self._durable: dict[bytes, bytes] = {}
        self._unsynced: list[WriteBatch] = []
        self._memory = Memory()
        self._writes_until_cut: int | None = None
        self._writes_until_full: int | None = None
        self.writes = 0  # writes that reached the store since it was created

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None."""
        return self._memory.get(key)

    def iterate(
        self, prefix: bytes = b"", *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) under `prefix`; see `Reader.iterate`."""
        return self._memory.iterate(prefix, start=start, reverse=reverse)

    def snapshot(self) -> MemorySnapshot:
        """Return a view of this moment."""
        return self._memory.snapshot()

    def put(self, key: bytes, value: bytes, *, sync: bool = False) -> None:
        """Store `value` under `key`."""
        batch = WriteBatch()
        batch.put(key, value)
        self.write(batch, sync=sync)

    def delete(self, key: bytes, *, sync: bool = False) -> None:
        """Remove `key` if it is there."""
        batch = WriteBatch()
        batch.delete(key)
        self.write(batch, sync=sync)

    def write(self, batch: WriteBatch, *, sync: bool = False) -> None:
        """Apply the whole batch, or raise `PowerCut` or `DiskFull` as ordered.

        A power cut hits between the write and its sync: the batch may or may not be there after the restart.
        """
        if self._memory.closed:
            raise Closed("the store is closed")
        if self._writes_until_full is not None:
            self._writes_until_full = max(0, self._writes_until_full - 1)
            if self._writes_until_full == 0:
                raise DiskFull("the test's disk is full")
        kept = WriteBatch()
        kept.operations = list(batch.operations)  # the caller may go on using its batch
        self._unsynced.append(kept)
        self._memory.write(kept)
        self.writes += 1
        if self._writes_until_cut is not None:
            self._writes_until_cut -= 1
            if self._writes_until_cut <= 0:
                self._memory.close()
                raise PowerCut(f"at write {self.writes}")
        if sync:
            self._apply_to_disk(self._unsynced)
            self._unsynced = []

    def close(self) -> None:
        """Close cleanly: everything written so far is on disk."""
        if not self._memory.closed:
            self._apply_to_disk(self._unsynced)
            self._unsynced = []
            self._memory.close()

    def cut_power_at(self, writes: int) -> None:
        """Raise `PowerCut` at the write that is `writes` from now: 1 is the next one."""
        assert writes >= 1, f"{writes} is not a future write"
        self._writes_until_cut = writes

    def fill_disk_at(self, writes: int) -> None:
        """Raise `DiskFull` at the write that is `writes` from now (1 is the next one), and on until `free_disk`."""
        assert writes >= 1, f"{writes} is not a future write"
        self._writes_until_full = writes

    def free_disk(self) -> None:
        """Let writes succeed again."""
        self._writes_until_full = None

    def crash(self, *, tear: bool = False) -> None:
        """Lose power now and come back: a random prefix of the un-synced writes is all that is left of them.

        With `tear`, the first lost batch is half applied, which an honest LevelDB never does.
        """
        survivors = self._random.randint(0, len(self._unsynced))
        self._apply_to_disk(self._unsynced[:survivors])
        if tear and survivors < len(self._unsynced):
            torn = WriteBatch()
            operations = self._unsynced[survivors].operations
            torn.operations = operations[: self._random.randint(0, len(operations))]
            self._apply_to_disk([torn])
        self._unsynced = []
        self._memory.close()
        self._start()

    def flip_bit(self, key: bytes, bit: int | None = None) -> int:
        """Invert one bit of the stored value of `key`, a random one by default; return which."""
        value = bytearray(self._memory.get(key) or b"")
        assert value, f"nothing to damage at {key!r}"
        position = self._random.randrange(8 * len(value)) if bit is None else bit
        value[position // 8] ^= 1 << position % 8
        self.put(key, bytes(value), sync=True)
        return position

    def _start(self) -> None:
        self._writes_until_cut = None
        self._memory = Memory()
        everything = WriteBatch()
        everything.operations = list(self._durable.items())
        self._memory.write(everything)

    def _apply_to_disk(self, batches: list[WriteBatch]) -> None:
        for batch in batches:
            for key, value in batch.operations:
                if value is None:
                    self._durable.pop(key, None)
                else:
                    self._durable[key] = value
