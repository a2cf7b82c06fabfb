"""The few file operations that the write-ahead log needs, behind a protocol so that tests can put a bad disk there."""

import fcntl
import os
from pathlib import Path
from typing import Protocol

from storage.errors import Locked


class AppendFile(Protocol):
    """A file open for appending. Nothing is durable before a sync returns."""

    def append(self, data: bytes) -> None:
        """Write all of `data` at the end."""
        ...

    def truncate(self, size: int) -> None:
        """Cut the file to `size` bytes."""
        ...

    def sync_data(self) -> None:
        """Make the content and the size durable (fdatasync)."""
        ...

    def sync_all(self) -> None:
        """Make the content and all metadata durable (fsync): for a file that was just created."""
        ...

    def close(self) -> None:
        """Close the file; this makes nothing durable."""
        ...


class Lock(Protocol):
    """A lock held until it is released or the process ends."""

    def release(self) -> None:
        """Let go of the lock."""
        ...


class Files(Protocol):
    """A file system. Methods raise `OSError`; only `lock` has an error of its own."""

    def make_directory(self, directory: Path) -> None:
        """Create the directory and its parents, durably; existing ones are left alone."""
        ...

    def names(self, directory: Path) -> list[str]:
        """Return the names in the directory, sorted."""
        ...

    def read(self, path: Path) -> bytes:
        """Return the whole content of a file."""
        ...

    def create(self, path: Path) -> AppendFile:
        """Open a new empty file, emptying one that is there."""
        ...

    def open_append(self, path: Path) -> AppendFile:
        """Open an existing file at its end."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name, atomically; durable after `sync_directory`."""
        ...

    def unlink(self, path: Path) -> None:
        """Remove a file; durable after `sync_directory`."""
        ...

    def sync_directory(self, directory: Path) -> None:
        """Make the names in the directory durable."""
        ...

    def lock(self, path: Path) -> Lock:
        """Take an exclusive advisory lock.

        Raises:
            Locked: somebody else has it.

        """
        ...


class RealFiles:
    """The operating system's files."""

    def make_directory(self, directory: Path) -> None:
        """Create the directory and its parents, syncing each parent whose entries change."""
        missing = [path for path in (directory, *directory.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            self.sync_directory(path.parent)

    def names(self, directory: Path) -> list[str]:
        """Return the names in the directory, sorted."""
        return sorted(entry.name for entry in directory.iterdir())

    def read(self, path: Path) -> bytes:
        """Return the whole content of a file."""
        return path.read_bytes()

    def create(self, path: Path) -> AppendFile:
        """Open a new empty file, readable by its owner only."""
        return _RealAppendFile(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))

    def open_append(self, path: Path) -> AppendFile:
        """Open an existing file at its end."""
        return _RealAppendFile(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC))

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name, replacing what had it."""
        source.replace(target)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def sync_directory(self, directory: Path) -> None:
        """Make the names in the directory durable."""
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def lock(self, path: Path) -> Lock:
        """Take an exclusive `flock`; the file stays, the lock goes with the process."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise Locked(f"{path} is locked by another process") from error
        return _RealLock(descriptor)


class _RealAppendFile:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:  # a signal or a nearly full disk can make one write shorter than asked
            view = view[os.write(self._descriptor, view) :]

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def sync_data(self) -> None:
        os.fdatasync(self._descriptor)

    def sync_all(self) -> None:
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class _RealLock:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        os.close(self._descriptor)
