"""A key-value store in memory, for tests and for nodes that keep nothing."""

from bisect import bisect_left
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from storage.errors import Closed
from storage.kv import WriteBatch, key_range


class MemorySnapshot:
    """The entries of a `Memory` at one moment."""

    def __init__(self, store: "Memory", entries: dict[bytes, bytes]) -> None:
        self._store = store
        self._entries = entries
        self._keys = sorted(entries)
        self._closed = False

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key` at the moment of the snapshot, or None."""
        self._check_open()
        return self._entries.get(key)

    def iterate(
        self, prefix: bytes = b"", *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) under `prefix`; see `Reader.iterate`."""
        self._check_open()
        first, end = key_range(prefix, start, reverse=reverse)
        low = bisect_left(self._keys, first)
        high = len(self._keys) if end is None else bisect_left(self._keys, end)
        positions = range(high - 1, low - 1, -1) if reverse else range(low, high)
        return self._walk(positions)

    def close(self) -> None:
        """Release the snapshot."""
        self._closed = True

    def _walk(self, positions: range) -> Iterator[tuple[bytes, bytes]]:
        for position in positions:
            self._check_open()
            key = self._keys[position]
            yield key, self._entries[key]

    def _check_open(self) -> None:
        if self._closed or self._store.closed:
            raise Closed("the snapshot is closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Memory:
    """A `KeyValue` without a disk: `sync` does nothing, and closing loses everything."""

    def __init__(self) -> None:
        self._entries: dict[bytes, bytes] = {}
        self._view: MemorySnapshot | None = None  # what iterations read: sorted once, used until the next write
        self._shared = False  # a snapshot refers to `_entries`: the next write works on a copy
        self.closed = False

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None."""
        self._check_open()
        return self._entries.get(key)

    def iterate(
        self, prefix: bytes = b"", *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) under `prefix`; see `Reader.iterate`."""
        return self._current().iterate(prefix, start=start, reverse=reverse)

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

    def write(self, batch: WriteBatch, *, sync: bool = False) -> None:  # noqa: ARG002  # there is nothing to sync
        """Apply the whole batch."""
        self._check_open()
        if self._shared:
            self._entries = dict(self._entries)
            self._shared = False
        self._view = None
        for key, value in batch.operations:
            if value is None:
                self._entries.pop(key, None)
            else:
                self._entries[key] = value

    def snapshot(self) -> MemorySnapshot:
        """Return a view of this moment; it costs a copy of the entries at the next write."""
        current = self._current()
        self._view = None
        self._shared = True
        return current

    def close(self) -> None:
        """Drop everything; snapshots and iterations handed out end with `Closed`."""
        self.closed = True
        self._entries = {}
        self._view = None

    def _current(self) -> MemorySnapshot:
        self._check_open()
        if self._view is None:
            self._view = MemorySnapshot(self, self._entries)
            self._shared = True
        return self._view

    def _check_open(self) -> None:
        if self.closed:
            raise Closed("the store is closed")
