"""The write-ahead log on real files: replay, rotation, locks, and what it refuses."""

import errno
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from storage import wal as wal_module
from storage.errors import Closed, Corruption, DiskFull, Locked, Missing, StorageError
from storage.faultyfiles import FaultyFiles
from storage.wal import WalRecord, WriteAheadLog
from storage.walformat import HEADER_BYTES, MARKER_BYTES

ONE, TWO, THREE = (WalRecord(kind, bytes([kind]) * 10) for kind in (1, 2, 3))


def logs_in(directory: Path) -> list[str]:
    """Return the names of the segments and leftovers, without the lock."""
    return sorted(path.name for path in directory.iterdir() if path.name != "lock")


def test_records_survive_reopening(tmp_path: Path) -> None:
    """What was appended comes back in order, over several openings, with nothing torn."""
    directory = tmp_path / "a" / "wal"
    with WriteAheadLog(directory) as log:
        assert log.open() == []
        log.append([ONE, TWO])
        log.sync()
    with WriteAheadLog(directory) as log:
        assert (log.open(), log.torn_bytes) == ([ONE, TWO], 0)
        log.append([THREE])
        log.append([])
    with WriteAheadLog(directory) as log:
        assert log.open(create=False) == [ONE, TWO, THREE]
        size = log.size
    assert (directory / "wal-0000000000000001.log").stat().st_size == size
    with WriteAheadLog(directory) as log:
        log.open()
        assert log.size == size, "opening and closing again and again must not grow the log"


def test_rotation_replaces_everything_by_the_checkpoint(tmp_path: Path) -> None:
    """After `rotate` only the checkpoint and what follows is replayed, and only the new segment is left."""
    with WriteAheadLog(tmp_path, segment_bytes=100) as log:
        log.open()
        assert not log.should_rotate
        log.append([ONE, TWO, THREE] * 3)
        assert log.should_rotate
        log.rotate([TWO, THREE])
        assert not log.should_rotate
        log.append([ONE])
        log.sync()
    assert logs_in(tmp_path) == ["wal-0000000000000002.log"]
    with WriteAheadLog(tmp_path) as log:
        assert log.open() == [TWO, THREE, ONE]


def test_a_checkpoint_larger_than_a_segment_does_not_rotate_for_ever(tmp_path: Path) -> None:
    """The size that asks for rotation is counted from the end of the checkpoint."""
    with WriteAheadLog(tmp_path, segment_bytes=50) as log:
        log.open()
        log.rotate([ONE] * 20)
        assert (log.size > 50, log.should_rotate) == (True, False)


def test_leftovers_of_an_interrupted_rotation_are_removed(tmp_path: Path) -> None:
    """Older segments and temporary files beside the newest segment are deleted, and files of others are left alone."""
    with WriteAheadLog(tmp_path) as log:
        log.open()
        log.append([ONE])
        log.sync()
        old = (tmp_path / "wal-0000000000000001.log").read_bytes()
        log.rotate([TWO])
    (tmp_path / "wal-0000000000000001.log").write_bytes(old)
    (tmp_path / "wal-0000000000000003.tmp").write_bytes(b"half")
    (tmp_path / "notes.txt").write_bytes(b"")
    with WriteAheadLog(tmp_path) as log:
        assert log.open() == [TWO]
    assert logs_in(tmp_path) == ["notes.txt", "wal-0000000000000002.log"]


def test_a_torn_tail_is_cut_off_and_reported(tmp_path: Path) -> None:
    """Bytes after the last whole record are dropped from the file, counted, and do not disturb later records."""
    path = tmp_path / "wal-0000000000000001.log"
    with WriteAheadLog(tmp_path) as log:
        log.open()
        log.append([ONE])
    whole = path.read_bytes()
    path.write_bytes(whole + b"\x00\x00\x00\x20torn")
    with WriteAheadLog(tmp_path) as log:
        assert (log.open(), log.torn_bytes) == ([ONE], 8)
        assert path.read_bytes() == whole
        log.append([TWO])
    with WriteAheadLog(tmp_path) as log:
        assert (log.open(), log.torn_bytes) == ([ONE, TWO], 0)


def test_a_flipped_bit_refuses_to_open_and_says_where(tmp_path: Path) -> None:
    """Damage to a durable record names segment and offset, changes nothing on disk and holds no lock."""
    path = tmp_path / "wal-0000000000000001.log"
    with WriteAheadLog(tmp_path) as log:
        log.open()
        log.append([ONE])
        log.sync()
        log.append([TWO])
    content = bytearray(path.read_bytes())
    content[HEADER_BYTES + MARKER_BYTES + 12] ^= 1
    path.write_bytes(content)
    for _ in range(2):
        with pytest.raises(Corruption) as found:
            WriteAheadLog(tmp_path).open()
        assert found.value.location == f"wal-0000000000000001.log:{HEADER_BYTES + MARKER_BYTES}"
    assert path.read_bytes() == content


def test_a_segment_under_another_s_name_is_refused(tmp_path: Path) -> None:
    """The number inside a segment must be the number of its name."""
    with WriteAheadLog(tmp_path) as log:
        log.open()
    (tmp_path / "wal-0000000000000001.log").rename(tmp_path / "wal-0000000000000009.log")
    with pytest.raises(Corruption) as found:
        WriteAheadLog(tmp_path).open()
    assert found.value.detail == "the segment says that it is number 1"


def test_a_lost_log_is_not_silently_replaced(tmp_path: Path) -> None:
    """With `create=False` neither a missing directory nor an empty one becomes a new log."""
    for directory in (tmp_path / "none", tmp_path):
        with pytest.raises(Missing):
            WriteAheadLog(directory).open(create=False)
    assert list(tmp_path.iterdir()) == []


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """While another process has the log, opening says `Locked`; when that process dies the log opens."""
    program = """
        import sys
        from pathlib import Path
        from storage.wal import WalRecord, WriteAheadLog
        log = WriteAheadLog(Path(sys.argv[1]))
        log.open()
        log.append([WalRecord(1, bytes([1]) * 10)])
        print("open", flush=True)
        sys.stdin.read()
        """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(Locked):
            WriteAheadLog(tmp_path).open()
        holder.kill()
    with WriteAheadLog(tmp_path) as log:
        assert log.open() == [ONE]


def test_closed_is_said(tmp_path: Path) -> None:
    """Before `open` and after `close` the log refuses, and closing twice is harmless."""
    log = WriteAheadLog(tmp_path)
    with pytest.raises(Closed):
        log.append([ONE])
    log.open()
    log.close()
    log.close()
    with pytest.raises(Closed):
        log.sync()
    with pytest.raises(Closed):
        log.rotate([])


def test_an_unbounded_segment_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An owner that never rotates is stopped at the limit, before the segment is too long to replay."""
    monkeypatch.setattr(wal_module, "SEGMENT_BYTES_MAX", 100)
    with WriteAheadLog(tmp_path) as log:
        log.open()
        log.append([ONE])
        with pytest.raises(StorageError, match="has to be rotated"):
            log.append([TWO, THREE, ONE])
        log.rotate([ONE])


def test_a_full_disk_is_said_and_everything_synced_survives() -> None:
    """ENOSPC in the middle of an append says `DiskFull` until the log is reopened, which drops the half record."""
    files, directory = FaultyFiles(seed=1), Path("/wal")
    log = WriteAheadLog(directory, files=files)
    log.open()
    log.append([ONE])
    log.sync()
    files.limit_space(30)
    for _ in range(2):
        with pytest.raises(DiskFull):
            log.append([TWO, THREE])
    files.limit_space(None)
    with pytest.raises(DiskFull):
        log.sync()
    log.close()
    log = WriteAheadLog(directory, files=files)
    assert log.open() == [ONE]
    assert log.torn_bytes == 30 - MARKER_BYTES
    log.append([TWO])
    log.sync()


def test_after_a_failed_sync_nothing_is_believed() -> None:
    """A sync that failed is not retried: the kernel may have dropped the pages, so every later call fails."""
    files, directory = FaultyFiles(seed=1), Path("/wal")
    log = WriteAheadLog(directory, files=files)
    log.open()
    log.append([ONE])
    files.broken_sync = True
    with pytest.raises(StorageError, match=f"Errno {errno.EIO}"):
        log.sync()
    files.broken_sync = False
    for _ in range(2):
        with pytest.raises(StorageError, match=f"Errno {errno.EIO}"):
            log.sync()
    with pytest.raises(StorageError, match=f"Errno {errno.EIO}"):
        log.append([TWO])
    log.close()


def test_opening_proves_the_records_it_returns() -> None:
    """Records of a killed process, once returned, cannot be taken for a torn tail: damaging their length is damage."""
    files, directory = FaultyFiles(seed=1), Path("/wal")
    log = WriteAheadLog(directory, files=files)
    log.open()
    start = log.size
    log.append([ONE])
    files.kill()
    assert WriteAheadLog(directory, files=files).open() == [ONE]
    files.kill()
    files.flip_bit(directory / "wal-0000000000000001.log", 8 * start + 7)
    with pytest.raises(Corruption) as found:
        WriteAheadLog(directory, files=files).open()
    assert found.value.location == f"wal-0000000000000001.log:{start}"


def test_records_of_a_killed_process_are_durable_once_returned() -> None:
    """What `open` returns after a kill, though never synced by the killed process, survives a loss of power at once."""
    directory = Path("/wal")
    for seed in range(50):
        files = FaultyFiles(seed)
        log = WriteAheadLog(directory, files=files)
        log.open()
        log.append([ONE])
        files.kill()
        assert WriteAheadLog(directory, files=files).open() == [ONE], f"seed {seed}"
        files.crash()
        assert WriteAheadLog(directory, files=files).open() == [ONE], f"seed {seed}"
