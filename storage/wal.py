"""Write-ahead log: what a replica said before it said it (consensus rules R1 and R4).

A directory holds one live segment. A segment begins with a checkpoint, which replaces everything before it, so replay
reads one file. Rotation writes the next segment under a temporary name, makes it durable, renames it, makes the name
durable, and only then removes the old one: whatever step a crash interrupts, the newest segment with a final name is
whole and is the truth.

The order every owner keeps: `append`, `sync`, and only then act on what was written.
"""

import errno
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from storage.errors import Closed, Corruption, DiskFull, Missing, StorageError
from storage.files import AppendFile, Files, Lock, RealFiles
from storage.limits import SEGMENT_BYTES, SEGMENT_BYTES_MAX
from storage.walformat import SALT_BYTES, WalRecord, encode_header, encode_marker, encode_record, read_segment

__all__ = ["WalRecord", "WriteAheadLog"]

LOCK_NAME: Final = "lock"
_NAME: Final = re.compile(r"wal-([0-9]{16})\.log")
_TEMPORARY: Final = re.compile(r"wal-[0-9]{16}\.tmp")
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class WriteAheadLog:
    """An append-only log of records in `directory`, locked against every other process while it is open.

    After any failure of the disk the log refuses to go on (a failed sync leaves unknown what is durable): close it and
    open it again, which keeps exactly what is whole.
    """

    def __init__(
        self,
        directory: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        files: Files | None = None,
        new_salt: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._files: Files = files if files is not None else RealFiles()
        self._new_salt = new_salt
        self._file: AppendFile | None = None
        self._lock: Lock | None = None
        self._failure: StorageError | None = None
        self._sequence = 0
        self._salt = b""
        self._checkpoint_end = 0
        self._unsynced = False
        self._marker_due = False  # a sync has happened since the last marker, and no record since that sync
        self.size = 0  # bytes of the live segment
        self.torn_bytes = 0  # bytes dropped from the end when it was opened

    def open(self, *, create: bool = True) -> list[WalRecord]:
        """Lock the directory and return every record since the last checkpoint, the checkpoint's own first.

        All of them are durable when this returns, also those that a killed process had written and not synced.

        Raises:
            Missing: there is no log, and `create` is false (a validator that lost its log must not start a new one).
            Locked: another process has it open.
            Corruption: durable records are damaged; `location` is the segment and offset.
            StorageError: the disk failed.

        """
        assert self._lock is None, "the log is open already"
        self._failure = None
        with self._failing():
            if create:
                self._files.make_directory(self._directory)
            elif not self._exists():
                raise Missing(f"no write-ahead log in {self._directory}")
            self._lock = self._files.lock(self._directory / LOCK_NAME)
            try:
                return self._recover()
            except BaseException:
                self._release()
                raise

    def append(self, records: Sequence[WalRecord]) -> None:
        """Write records at the end, in one write; they are durable after the next `sync`.

        Raises:
            DiskFull, Closed, StorageError: nothing may be assumed about what was written.

        """
        file = self._usable()
        if not records:
            return
        parts = [encode_marker(self.size, self._salt)] if self._marker_due else []
        parts.extend(encode_record(record, self._salt) for record in records)
        data = b"".join(parts)
        if self.size + len(data) > SEGMENT_BYTES_MAX:
            raise StorageError(f"the segment would exceed {SEGMENT_BYTES_MAX} bytes: it has to be rotated")
        with self._failing():
            file.append(data)
        self.size += len(data)
        self._unsynced = True
        self._marker_due = False

    def sync(self) -> None:
        """Make everything appended so far durable (one fdatasync, none if there is nothing to do)."""
        file = self._usable()
        if not self._unsynced:
            return
        with self._failing():
            file.sync_data()
        self._unsynced = False
        self._marker_due = True

    @property
    def should_rotate(self) -> bool:
        """Whether more than `segment_bytes` have been appended since the checkpoint."""
        return self.size - self._checkpoint_end >= self._segment_bytes

    def rotate(self, checkpoint: Sequence[WalRecord]) -> None:
        """Replace the whole content by `checkpoint`, durably when this returns; a crash leaves the old or the new."""
        self._usable()
        with self._failing():
            self._start_segment(self._sequence + 1, checkpoint)
            self._remove_all_but_live()

    def close(self) -> None:
        """Make everything durable and release the lock; closing twice is harmless."""
        if self._lock is None:
            return
        try:
            if self._failure is None:
                self.sync()
                self._mark()
        finally:
            self._release()

    def _recover(self) -> list[WalRecord]:
        sequences = [int(match[1]) for name in self._files.names(self._directory) if (match := _NAME.fullmatch(name))]
        if not sequences:
            self._start_segment(1, ())
            self._remove_all_but_live()
            return []
        path = self._path(max(sequences))
        data = self._files.read(path)
        segment = read_segment(data, path.name)
        if segment.sequence != max(sequences):
            raise Corruption(f"{path.name}:0", f"the segment says that it is number {segment.sequence}")
        self._file = self._files.open_append(path)
        if segment.torn_bytes:
            self._file.truncate(segment.end)
        # The process may have died, or been cut off from power, between writing and syncing, also in a rotation: what
        # is returned from here is acted upon, so the records and the segment's name are made durable first.
        self._file.sync_all()
        self._files.sync_directory(self._directory)
        self._sequence, self._salt = segment.sequence, segment.salt
        self._checkpoint_end = segment.checkpoint_end
        self.size, self.torn_bytes = segment.end, segment.torn_bytes
        self._unsynced = False
        self._marker_due = segment.end > segment.last_marker_end
        self._mark()
        self._remove_all_but_live()
        return list(segment.records)

    def _start_segment(self, sequence: int, checkpoint: Sequence[WalRecord]) -> None:
        salt = self._new_salt(SALT_BYTES)
        content = encode_header(sequence, salt) + b"".join(encode_record(record, salt) for record in checkpoint)
        content += encode_marker(len(content), salt)
        path = self._path(sequence)
        temporary = path.with_suffix(".tmp")
        file = self._files.create(temporary)
        try:
            file.append(content)
            file.sync_all()
            self._files.rename(temporary, path)
            self._files.sync_directory(self._directory)
        except BaseException:
            file.close()
            raise
        if self._file is not None:
            self._file.close()
        self._file, self._sequence, self._salt = file, sequence, salt
        self.size = self._checkpoint_end = len(content)
        self._unsynced = self._marker_due = False

    def _remove_all_but_live(self) -> None:
        # Not made durable: a name that comes back after a crash is removed at the next start.
        live = self._path(self._sequence).name
        for name in self._files.names(self._directory):
            if name != live and (_NAME.fullmatch(name) or _TEMPORARY.fullmatch(name)):
                self._files.unlink(self._directory / name)

    def _mark(self) -> None:
        # At a rest (open, close) the last records get their proof of durability at once, not with the next append.
        if self._marker_due and self._file is not None:
            marker = encode_marker(self.size, self._salt)
            self._file.append(marker)
            self._file.sync_data()
            self.size += len(marker)
            self._marker_due = False

    def _exists(self) -> bool:
        try:
            names = self._files.names(self._directory)
        except FileNotFoundError:
            return False
        return any(_NAME.fullmatch(name) for name in names)

    def _path(self, sequence: int) -> Path:
        return self._directory / f"wal-{sequence:016d}.log"

    def _usable(self) -> AppendFile:
        if self._failure is not None:
            raise self._failure
        if self._file is None:
            raise Closed(f"the log in {self._directory} is not open")
        return self._file

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            kind = DiskFull if error.errno in _FULL else StorageError
            self._failure = kind(f"{self._directory}: {error}")
            raise self._failure from error

    def _release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
