"""LevelDB behind the `KeyValue` interface: the only file that imports its binding."""

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from storage import limits
from storage.errors import Closed, Corruption, DiskFull, Locked, Missing, StorageError
from storage.kv import WriteBatch, key_range

if sys.version_info >= (3, 13):  # the same binding under another name, where the first has no wheels
    import plyvel_next as plyvel
else:
    import plyvel

# LevelDB reports a failed system call by the words of strerror, and nothing else.
_FULL: Final = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_LOCKED: Final = (os.strerror(errno.EAGAIN), os.strerror(errno.EACCES), "already held by process")
_LAST_KEY: Final = b"\xff" * limits.KEY_BYTES_MAX


class LevelDB:
    """A `KeyValue` in a directory of its own.

    Block checksums are verified at every read, and damage in LevelDB's own log refuses to open instead of dropping
    what follows it. Reading is thread-safe; one thread at a time should write.

    Raises:
        Missing: nothing is there and `create` is false.
        Locked: another process or handle has it open.
        Corruption: LevelDB's files are damaged; `location` is the path.
        StorageError: the directory cannot be used for another reason.

    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self._path = path
        self._failure: StorageError | None = None
        created = create and not path.exists()
        if created:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.exists():
            raise Missing(f"no database at {path}")
        try:
            self._db = plyvel.DB(
                str(path),
                create_if_missing=create,
                paranoid_checks=True,
                write_buffer_size=limits.LEVELDB_WRITE_BUFFER_BYTES,
                max_open_files=limits.LEVELDB_OPEN_FILES_MAX,
                lru_cache_size=limits.LEVELDB_CACHE_BYTES,
                bloom_filter_bits=limits.LEVELDB_BLOOM_BITS,
            )
        except plyvel.Error as error:
            raise self._translate(error) from error
        if created:
            _sync_directory(path.parent)  # LevelDB makes its files durable, but not its directory's own name

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None."""
        return self._get(self._db, key)

    def iterate(
        self, prefix: bytes = b"", *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) under `prefix`; see `Reader.iterate`."""
        return self._iterate(self._db, prefix, start, reverse=reverse)

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
        """Apply the whole batch or nothing of it.

        Raises:
            DiskFull: no space; the batch is not stored, and every later write fails too until the database is reopened.
            AssertionError: a key or value is longer than its limit.

        """
        if self._failure is not None:
            # LevelDB would append after a half-written record, and the next start would find damage in the middle.
            raise self._failure
        try:
            atomic = self._db.write_batch(sync=sync)
            put, delete = atomic.put, atomic.delete
            for key, value in batch.operations:
                assert len(key) <= limits.KEY_BYTES_MAX, f"a key of {len(key)} bytes"
                if value is None:
                    delete(key)
                else:
                    assert len(value) <= limits.VALUE_BYTES_MAX, f"a value of {len(value)} bytes"
                    put(key, value)
            atomic.write()
        except plyvel.Error as error:
            self._failure = self._translate(error)
            raise self._failure from error
        except RuntimeError as error:
            raise self._closed(error) from error

    def snapshot(self) -> "LevelDBSnapshot":
        """Return a consistent view of this moment, at no cost until it has to keep old data alive."""
        try:
            return LevelDBSnapshot(self, self._db.snapshot())
        except RuntimeError as error:
            raise self._closed(error) from error

    def close(self) -> None:
        """Release the files and the lock."""
        self._db.close()

    def compact(self) -> None:
        """Rewrite all tables so that deleted data gives its disk space back; takes time proportional to the data."""
        try:
            # The binding compacts nothing without bounds, whatever its documentation says.
            self._db.compact_range(start=b"", stop=_LAST_KEY)
        except RuntimeError as error:
            raise self._closed(error) from error

    def size_bytes(self, prefix: bytes = b"") -> int:
        """Return about how many bytes the keys under `prefix` take on disk; what is still in memory is not counted."""
        first, end = key_range(prefix, None, reverse=False)
        try:
            return int(self._db.approximate_size(first, _LAST_KEY if end is None else end))
        except RuntimeError as error:
            raise self._closed(error) from error

    def _get(self, source: Any, key: bytes) -> bytes | None:
        try:
            value: bytes | None = source.get(key, verify_checksums=True)
        except plyvel.Error as error:
            raise self._translate(error) from error
        except RuntimeError as error:
            raise self._closed(error) from error
        return value

    def _iterate(
        self, source: Any, prefix: bytes, start: bytes | None, *, reverse: bool
    ) -> Iterator[tuple[bytes, bytes]]:
        first, end = key_range(prefix, start, reverse=reverse)
        # The binding's own iterators take an error where they begin for the end of the data, and say nothing.
        try:
            cursor = source.raw_iterator(verify_checksums=True)
        except RuntimeError as error:
            raise self._closed(error) from error
        entries = self._backwards(cursor, first, end, start) if reverse else self._forwards(cursor, first, end)
        return self._walk(cursor, entries)

    def _walk(self, cursor: Any, entries: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
        try:
            yield from entries
        except plyvel.Error as error:
            raise self._translate(error) from error
        except RuntimeError as error:
            raise self._closed(error) from error
        finally:
            cursor.close()

    @staticmethod
    def _forwards(cursor: Any, first: bytes, end: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        cursor.seek(first)
        while cursor.valid():
            entry: tuple[bytes, bytes] = cursor.item()
            if end is not None and entry[0] >= end:
                return
            yield entry
            cursor.next()

    @staticmethod
    def _backwards(cursor: Any, first: bytes, end: bytes | None, start: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        # Begins at `start` rather than behind it: from a key that is there nothing that was deleted is passed over.
        target = end if start is None or end is None or end <= start else start
        if target is None:
            cursor.seek_to_last()
        else:
            cursor.seek(target)
            if not cursor.valid():
                cursor.seek_to_last()
        while cursor.valid():
            entry: tuple[bytes, bytes] = cursor.item()
            if entry[0] < first:
                return
            if end is None or entry[0] < end:
                yield entry
            cursor.prev()

    def _translate(self, error: Exception) -> StorageError:
        # The binding puts LevelDB's status text into its exceptions as bytes.
        message = error.args[0] if error.args else b""
        text = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
        if isinstance(error, plyvel.CorruptionError):
            return Corruption(str(self._path), text)
        if any(words in text for words in _FULL):
            return DiskFull(text)
        if "lock" in text and any(words in text for words in _LOCKED):
            return Locked(text)
        return StorageError(text)

    def _closed(self, error: RuntimeError) -> StorageError:
        return Closed(f"{self._path}: {error}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class LevelDBSnapshot:
    """The entries of a `LevelDB` at one moment."""

    def __init__(self, database: LevelDB, snapshot: Any) -> None:
        self._database = database
        self._snapshot = snapshot

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key` at the moment of the snapshot, or None."""
        return self._database._get(self._snapshot, key)

    def iterate(
        self, prefix: bytes = b"", *, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) under `prefix`; see `Reader.iterate`."""
        return self._database._iterate(self._snapshot, prefix, start, reverse=reverse)

    def close(self) -> None:
        """Release the snapshot."""
        self._snapshot.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
