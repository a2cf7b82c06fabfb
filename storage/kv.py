"""The key-value interface that everything above is written against.

Keys and values are bytes, ordered by unsigned lexicographic comparison. A write is atomic; with `sync=True` it and
every write before it survive a loss of power once the call returns, without it a crash may lose a suffix of writes,
never a part of one and never one from the middle.
"""

from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self


class WriteBatch:
    """Puts and deletes that are applied in order and atomically; `operations` can be read by anyone."""

    __slots__ = ("operations",)

    def __init__(self) -> None:
        self.operations: list[tuple[bytes, bytes | None]] = []  # value None deletes the key

    def put(self, key: bytes, value: bytes) -> None:
        """Store `value` under `key` when the batch is written."""
        self.operations.append((key, value))

    def delete(self, key: bytes) -> None:
        """Remove `key`, if it is there, when the batch is written."""
        self.operations.append((key, None))

    def __len__(self) -> int:
        return len(self.operations)

    def __repr__(self) -> str:
        return f"WriteBatch({len(self.operations)} operations)"


class Reader(Protocol):
    """What can be read, from a store as it is now or from a snapshot of it."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None."""
        ...

    def iterate(
        self, prefix: bytes = b"", *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) of all keys that begin with `prefix`, ascending, or descending with `reverse`.

        `start` is a whole key: the first one yielded is the nearest at or beyond it in the direction of travel. The
        entries are those of the moment of the call, whatever is written during the iteration.
        """
        ...


class Snapshot(Reader, Protocol):
    """A store as it was when the snapshot was taken; close it so that old data can be dropped."""

    def close(self) -> None:
        """Release the snapshot; closing twice is harmless."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class KeyValue(Reader, Protocol):
    """An ordered map of bytes to bytes. Every method raises `StorageError` when the disk fails, `Closed` after close.

    After a write has failed, whether it is stored is unknown: every later write fails too until the store is reopened.
    """

    def put(self, key: bytes, value: bytes, *, sync: bool = False) -> None:
        """Store `value` under `key`."""
        ...

    def delete(self, key: bytes, *, sync: bool = False) -> None:
        """Remove `key`; removing what is not there is not an error."""
        ...

    def write(self, batch: WriteBatch, *, sync: bool = False) -> None:
        """Apply the whole batch or nothing of it."""
        ...

    def snapshot(self) -> Snapshot:
        """Return a consistent read-only view of this moment."""
        ...

    def close(self) -> None:
        """Release files and locks; closing twice is harmless. Open snapshots and iterations end with `Closed`."""
        ...


def key_range(prefix: bytes, start: bytes | None, *, reverse: bool) -> tuple[bytes, bytes | None]:
    """Return the half-open range [first, end) of keys that `Reader.iterate` covers; `end` None means no upper end."""
    first, end = prefix, _successor(prefix)
    if start is not None and reverse:
        after_start = start + b"\x00"  # the smallest key greater than `start`: the range includes `start` itself
        end = after_start if end is None else min(end, after_start)
    elif start is not None:
        first = max(first, start)
    return first, end


def _successor(prefix: bytes) -> bytes | None:
    # The smallest key greater than every key with this prefix; none exists for the empty prefix and for all 0xff.
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else None
