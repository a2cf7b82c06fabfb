"""LevelDB on a real disk: locks between processes, killed processes, a full disk, damaged files."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from storage.errors import Closed, Corruption, Locked, Missing, StorageError
from storage.leveldb import LevelDB


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Run a program in another Python process, its standard output and input connected."""
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """While another process has the database, opening it says `Locked`; once that process is gone it opens."""
    holder = start(
        """
        import sys
        from pathlib import Path
        from storage.leveldb import LevelDB
        database = LevelDB(Path(sys.argv[1]))
        print("open", flush=True)
        sys.stdin.read()
        """,
        tmp_path / "db",
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(Locked):
            LevelDB(tmp_path / "db")
        holder.communicate()
    LevelDB(tmp_path / "db").close()


def test_one_handle_at_a_time(tmp_path: Path) -> None:
    """A second handle in the same process is refused too, and the first goes on working."""
    with LevelDB(tmp_path / "db") as database:
        with pytest.raises(Locked):
            LevelDB(tmp_path / "db")
        database.put(b"a", b"1")
        assert database.get(b"a") == b"1"


def test_what_a_killed_process_had_synced_is_there(tmp_path: Path) -> None:
    """A process that is killed with SIGKILL in the middle of writing has lost nothing that it said was written."""
    writer = start(
        """
        import sys
        from pathlib import Path
        from storage.leveldb import LevelDB
        database = LevelDB(Path(sys.argv[1]))
        for number in range(1_000_000):
            database.put(number.to_bytes(4), bytes(100), sync=True)
            print(number, flush=True)
        """,
        tmp_path / "db",
    )
    with writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(200)]
        os.kill(writer.pid, signal.SIGKILL)
    with LevelDB(tmp_path / "db", create=False) as database:
        found = [int.from_bytes(key) for key, _ in database.iterate()]
    assert acknowledged == list(range(200))
    assert found == list(range(len(found)))
    assert len(found) >= 200


def test_a_missing_database_is_not_created_unless_asked(tmp_path: Path) -> None:
    """With `create=False` nothing is made where nothing was."""
    with pytest.raises(Missing):
        LevelDB(tmp_path / "db", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_and_stops_writing_until_reopened(tmp_path: Path) -> None:
    """At the file-size limit a write says `DiskFull`, so does every later one; reopened, all acknowledged is there."""
    writer = start(
        """
        import resource, signal, sys
        from pathlib import Path
        from storage.errors import DiskFull
        from storage.leveldb import LevelDB
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        database = LevelDB(Path(sys.argv[1]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
        refused, written = 0, 0
        for number in range(100):
            try:
                database.put(number.to_bytes(4), bytes(10_000), sync=True)
                written += 1
            except DiskFull:
                refused += 1
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        database.close()
        print(written, refused)
        """,
        tmp_path / "db",
    )
    output, _ = writer.communicate()
    written, refused = map(int, output.split())
    assert (written + refused, 0 < written < 20) == (100, True)
    with LevelDB(tmp_path / "db", create=False) as database:
        assert [key for key, _ in database.iterate()] == [number.to_bytes(4) for number in range(written)]
        database.put(b"more", b"")


def test_a_flipped_bit_in_a_table_is_found(tmp_path: Path) -> None:
    """Damage in LevelDB's own files raises `Corruption` with the path, by key and by iteration, and serves nothing."""
    path = tmp_path / "db"
    with LevelDB(path) as database:
        for number in range(1000):
            database.put(number.to_bytes(4), os.urandom(50))
        database.compact()
    (table,) = path.glob("*.ldb")
    content = bytearray(table.read_bytes())
    content[1000] ^= 4
    table.write_bytes(content)
    with LevelDB(path) as database:
        with pytest.raises(Corruption) as found:
            database.get((20).to_bytes(4))
        assert found.value.location == str(path)
        with pytest.raises(Corruption):
            list(database.iterate())


def test_damage_inside_the_log_of_leveldb_refuses_to_open(tmp_path: Path) -> None:
    """A damaged record in the middle of LevelDB's log is not skipped, as LevelDB itself would by default."""
    path = tmp_path / "db"
    with LevelDB(path) as database:
        for number in range(100):
            database.put(number.to_bytes(4), bytes(100), sync=True)
    (log,) = path.glob("*.log")
    content = bytearray(log.read_bytes())
    content[5000] ^= 1
    log.write_bytes(content)
    with pytest.raises(Corruption) as found:
        LevelDB(path)
    assert found.value.location == str(path)


def test_size_and_compaction(tmp_path: Path) -> None:
    """Deleting everything and compacting gives the disk space back."""
    with LevelDB(tmp_path / "db") as database:
        for number in range(3000):
            database.put(number.to_bytes(4), os.urandom(1000))
        database.compact()
        full = database.size_bytes()
        for number in range(3000):
            database.delete(number.to_bytes(4))
        database.compact()
        assert (full > 2_900_000, database.size_bytes()) == (True, 0)
    with pytest.raises(Closed):
        database.compact()


@pytest.mark.parametrize(("key_bytes", "value_bytes"), [(1025, 1), (1, (64 << 20) + 1)])
def test_too_long_is_our_own_error(tmp_path: Path, key_bytes: int, value_bytes: int) -> None:
    """A key or value beyond its limit is an assertion and stores nothing."""
    with LevelDB(tmp_path / "db") as database:
        with pytest.raises(AssertionError):
            database.put(bytes(key_bytes), bytes(value_bytes))
        assert list(database.iterate()) == []


@pytest.mark.parametrize("reverse", [False, True])
def test_a_table_that_was_cut_off_is_told_by_every_read(tmp_path: Path, reverse: bool) -> None:
    """When a file on disk has lost its end, a walk says so in our words, also where the walk only begins."""
    with LevelDB(tmp_path / "db") as database:
        for number in range(1_000):
            database.put(b"%04d" % number, b"value" * 20)
        database.compact()
    (table,) = [*(tmp_path / "db").glob("*.ldb"), *(tmp_path / "db").glob("*.sst")]
    os.truncate(table, table.stat().st_size // 2)
    with LevelDB(tmp_path / "db") as database:
        with pytest.raises(StorageError):
            list(database.iterate(reverse=reverse))
        with pytest.raises(StorageError):
            database.get(b"0001")
