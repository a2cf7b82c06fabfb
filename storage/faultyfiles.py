"""A file system with a bad disk, for tests of the write-ahead log: it cuts power at any operation, from a seed.

After a crash a file holds what was synced, then a random prefix of what was appended since, in which random sectors may
be zero (the size became durable, the data did not). Changes of names that were not synced are each kept or lost on
their own. Locks are gone, as after any death of a process.
"""

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from storage.errors import Locked
from storage.faulty import PowerCut
from storage.files import AppendFile, Lock
from storage.walformat import SECTOR_BYTES


@dataclass(slots=True)
class _Content:
    # `data` is what programs see; of it, the last sync made `durable` survive. A file only shrinks by truncation.
    data: bytearray = field(default_factory=bytearray)
    durable: bytes = b""


@dataclass(frozen=True, slots=True)
class _Link:
    # One change of a directory: `name` now means `content`, or nothing; a rename also takes the old name away.
    name: Path
    content: _Content | None
    removes: Path | None = None


class FaultyFiles:
    """A `Files` in memory. Every call is one operation that `cut_power_at` can count to."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311  # a test must be repeatable, not unpredictable
        self._names: dict[Path, _Content] = {}
        self._durable_names: dict[Path, _Content] = {}
        self._unsynced_links: list[_Link] = []
        self._locked: set[Path] = set()
        self._operations_until_cut: int | None = None
        self._space_bytes: int | None = None
        self._dead = False
        self.operations = 0
        self.broken_sync = False  # while set, syncs fail with EIO and make nothing durable

    def make_directory(self, directory: Path) -> None:  # noqa: ARG002  # of the protocol
        """Directories exist once they are used."""
        self._step()

    def names(self, directory: Path) -> list[str]:
        """Return the names in the directory, sorted."""
        self._step()
        return sorted(path.name for path in self._names if path.parent == directory)

    def read(self, path: Path) -> bytes:
        """Return the whole content of a file."""
        self._step()
        return bytes(self._content(path).data)

    def create(self, path: Path) -> AppendFile:
        """Open a new empty file; one that had the name before is another file."""
        self._step()
        content = _Content()
        self._link(_Link(path, content))
        return _FaultyAppendFile(self, content)

    def open_append(self, path: Path) -> AppendFile:
        """Open an existing file at its end."""
        self._step()
        return _FaultyAppendFile(self, self._content(path))

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name."""
        self._step()
        self._link(_Link(target, self._content(source), removes=source))

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        self._step()
        self._content(path)
        self._link(_Link(path, None))

    def sync_directory(self, directory: Path) -> None:
        """Make the names in the directory durable."""
        self._step()
        if self.broken_sync:
            raise OSError(errno.EIO, "the test's disk cannot sync")
        for link in self._unsynced_links:
            if link.name.parent == directory:
                _apply(self._durable_names, link)
        self._unsynced_links = [link for link in self._unsynced_links if link.name.parent != directory]

    def lock(self, path: Path) -> Lock:
        """Take a lock on the path."""
        self._step()
        if path in self._locked:
            raise Locked(f"{path} is locked")
        if path not in self._names:
            self._link(_Link(path, _Content()))
        self._locked.add(path)
        return _FaultyLock(self._locked, path)

    def cut_power_at(self, operation: int) -> None:
        """Raise `PowerCut` at the operation that is `operation` calls from now: 1 is the next one.

        An append or a truncation may have happened in part; a sync may have been complete or not at all.
        """
        assert operation >= 1, f"{operation} is not a future operation"
        self._operations_until_cut = operation

    def limit_space(self, space_bytes: int | None) -> None:
        """Let appends fail with ENOSPC once `space_bytes` more have been written; None means no limit."""
        self._space_bytes = space_bytes

    def crash(self) -> None:
        """Lose power now and come back with what was durable and what luck has kept."""
        for link in self._unsynced_links:
            if self._random.random() < 0.5:
                _apply(self._durable_names, link)
        self._names = {path: self._survivor(content) for path, content in self._durable_names.items()}
        self._durable_names = dict(self._names)
        self._unsynced_links = []
        self._operations_until_cut = None
        self._dead = False
        self._locked = set()

    def kill(self) -> None:
        """End the process but not the machine: locks are gone, what was written stays, synced or not.

        After a `PowerCut`, turn that into the death of the process alone, at that operation.
        """
        self._locked = set()
        if self._dead:
            self._operations_until_cut = None
            self._dead = False

    def flip_bit(self, path: Path, bit: int) -> None:
        """Invert one bit of a file, durably."""
        content = self._content(path)
        content.data[bit // 8] ^= 1 << bit % 8
        content.durable = bytes(content.data)

    def _survivor(self, content: _Content) -> _Content:
        durable, written = content.durable, bytes(content.data)
        if len(written) < len(durable):  # an un-synced truncation
            kept = bytearray(self._random.choice([durable, written]))
        else:
            kept = bytearray(written[: self._random.randint(len(durable), len(written))])
            if self._random.random() < 0.5:
                self._lose_sectors(kept, len(durable))
        return _Content(kept, bytes(kept))

    def _lose_sectors(self, data: bytearray, start: int) -> None:
        while start < len(data):
            end = min(len(data), (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
            if self._random.random() < 0.3:
                data[start:end] = bytes(end - start)
            start = end

    def _step(self, partly: Callable[[], None] | None = None) -> None:
        if self._dead:
            raise PowerCut("the machine is off")
        self.operations += 1
        if self._operations_until_cut is None:
            return
        self._operations_until_cut -= 1
        if self._operations_until_cut <= 0:
            if partly is not None:
                partly()
            self._dead = True
            raise PowerCut(f"at operation {self.operations}")

    def _content(self, path: Path) -> _Content:
        if path not in self._names:
            raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
        return self._names[path]

    def _link(self, link: _Link) -> None:
        _apply(self._names, link)
        self._unsynced_links.append(link)

    def _append(self, content: _Content, data: bytes) -> None:
        self._step(lambda: content.data.extend(data[: self._random.randint(0, len(data))]))
        if self._space_bytes is not None and len(data) > self._space_bytes:
            content.data.extend(data[: self._space_bytes])
            self._space_bytes = 0
            raise OSError(errno.ENOSPC, "the test's disk is full")
        content.data.extend(data)
        if self._space_bytes is not None:
            self._space_bytes -= len(data)

    def _truncate(self, content: _Content, size: int) -> None:
        self._step()
        del content.data[size:]

    def _sync(self, content: _Content) -> None:
        def complete() -> None:
            if self._random.random() < 0.5:
                content.durable = bytes(content.data)

        self._step(complete)
        if self.broken_sync:
            raise OSError(errno.EIO, "the test's disk cannot sync")
        content.durable = bytes(content.data)


class _FaultyAppendFile:
    def __init__(self, files: FaultyFiles, content: _Content) -> None:
        self._files = files
        self._content = content

    def append(self, data: bytes) -> None:
        self._files._append(self._content, data)

    def truncate(self, size: int) -> None:
        self._files._truncate(self._content, size)

    def sync_data(self) -> None:
        self._files._sync(self._content)

    def sync_all(self) -> None:
        self._files._sync(self._content)

    def close(self) -> None:
        """Nothing is held."""


class _FaultyLock:
    def __init__(self, locked: set[Path], path: Path) -> None:
        self._locked = locked
        self._path = path

    def release(self) -> None:
        self._locked.discard(self._path)


def _apply(names: dict[Path, _Content], link: _Link) -> None:
    if link.removes is not None:
        names.pop(link.removes, None)
    if link.content is None:
        names.pop(link.name, None)
    else:
        names[link.name] = link.content
