"""Power is cut at every single file operation of random schedules: the log never loses what it said was durable."""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from storage.faulty import PowerCut
from storage.faultyfiles import FaultyFiles
from storage.wal import WalRecord, WriteAheadLog

DIRECTORY = Path("/wal")


@dataclass
class Promises:
    """What the owner of a log may rely on: `durable` must be there; `written` is all that can be."""

    durable: list[WalRecord] = field(default_factory=list)
    written: list[WalRecord] = field(default_factory=list)
    checkpoint: list[WalRecord] | None = None  # a rotation was under way: this may have replaced everything


class Owner:
    """Runs a random schedule of appends, syncs, rotations, restarts and kills, and keeps track of the promises."""

    def __init__(self, seed: int, files: FaultyFiles) -> None:
        self.random = Random(seed)
        self.files = files
        self.promises = Promises()
        self.counter = 0
        self.log = WriteAheadLog(DIRECTORY, files=files)

    def run(self, steps: int) -> None:
        """Open the log and take `steps` random steps."""
        self.reopen()
        for _ in range(steps):
            step = self.random.choices(
                [self.append, self.sync, self.rotate, self.restart, self.kill], weights=[5, 4, 1, 1, 1]
            )[0]
            step()

    def reopen(self) -> None:
        """Open the log, and hold it to its promises: a prefix of what was written, with all that was durable."""
        self.log = WriteAheadLog(DIRECTORY, files=self.files)
        found = self.log.open()
        check(self.promises, found)
        self.promises = Promises(durable=list(found), written=list(found))

    def append(self) -> None:
        """Append a few records of various sizes, zeros among them."""
        records = [self.new_record() for _ in range(self.random.randint(1, 3))]
        self.promises.written += records
        self.log.append(records)

    def sync(self) -> None:
        """Sync, after which everything written is promised."""
        self.log.sync()
        self.promises.durable = list(self.promises.written)

    def rotate(self) -> None:
        """Replace everything by a checkpoint of one or two new records."""
        checkpoint = [self.new_record() for _ in range(self.random.randint(0, 2))]
        self.promises.checkpoint = checkpoint
        self.log.rotate(checkpoint)
        self.promises = Promises(durable=list(checkpoint), written=list(checkpoint))

    def restart(self) -> None:
        """Close cleanly and open again."""
        self.log.close()
        self.promises.durable = list(self.promises.written)
        self.reopen()

    def kill(self) -> None:
        """Die without closing, with the machine still running: the operating system keeps what was written."""
        self.files.kill()
        written = list(self.promises.written)
        self.reopen()
        assert self.promises.durable == written

    def new_record(self) -> WalRecord:
        """Return a record that no other equals."""
        self.counter += 1
        filling = self.random.choice([b"", b"\x00", b"x"]) * self.random.choice([1, 30, 600, 2000])
        return WalRecord(self.random.randint(1, 255), self.counter.to_bytes(4) + filling)


def check(promises: Promises, found: list[WalRecord]) -> None:
    """Assert that what was found is allowed by the promises."""
    if promises.checkpoint is not None and found == promises.checkpoint:
        return
    assert found == promises.written[: len(found)]
    assert len(found) >= len(promises.durable), f"lost {promises.durable[len(found) :]}"


def count_operations(seed: int, steps: int) -> int:
    """Run a schedule without a power cut and return how many file operations it took."""
    files = FaultyFiles(seed)
    Owner(seed, files).run(steps)
    return files.operations


@pytest.mark.parametrize("seed", range(30))
def test_power_cut_at_every_operation(seed: int) -> None:
    """After a cut at any operation the log opens, with a prefix of what was written and all that was synced."""
    operations = count_operations(seed, steps=12)
    for cut in range(1, operations + 1):
        files = FaultyFiles(seed * 100_000 + cut)
        owner = Owner(seed, files)
        files.cut_power_at(cut)
        with pytest.raises(PowerCut):
            owner.run(steps=12)
        files.crash()
        try:
            owner.reopen()
            owner.append()
            owner.restart()
        except Exception as error:
            error.add_note(f"seed {seed}, power cut at operation {cut} of {operations}")
            raise


@pytest.mark.parametrize("seed", range(30))
def test_process_death_at_every_operation_then_a_power_cut(seed: int) -> None:
    """What a log says after its process died at any operation, it still says when power fails right afterwards."""
    operations = count_operations(seed, steps=12)
    for death in range(1, operations + 1):
        files = FaultyFiles(seed * 100_000 + death)
        owner = Owner(seed, files)
        files.cut_power_at(death)
        with pytest.raises(PowerCut):
            owner.run(steps=12)
        files.kill()
        found = WriteAheadLog(DIRECTORY, files=files).open()
        check(owner.promises, found)
        files.crash()
        again = WriteAheadLog(DIRECTORY, files=files).open()
        assert again == found, f"seed {seed}, death at operation {death} of {operations}"


@pytest.mark.parametrize("seed", range(40))
def test_power_cuts_during_recovery(seed: int) -> None:
    """Power that fails again and again, also while the log is being reopened, still breaks no promise."""
    files = FaultyFiles(seed)
    owner = Owner(seed, files)
    for crash in range(30):
        files.cut_power_at(owner.random.randint(1, 25))
        try:
            owner.run(steps=20)
            files.kill()
        except PowerCut:
            files.crash()
        except Exception as error:
            error.add_note(f"seed {seed}, crash {crash}")
            raise


def test_the_disk_of_these_tests_does_lose_things() -> None:
    """The bad disk is bad: un-synced data, un-synced names and un-synced removals are lost under some seeds."""
    outcomes = set()
    for seed in range(2000):
        files = FaultyFiles(seed)
        kept = files.create(DIRECTORY / "kept")
        kept.append(b"durable")
        kept.sync_all()
        files.sync_directory(DIRECTORY)
        kept.append(b"x" * 20)
        files.create(DIRECTORY / "new").append(b"")
        files.crash()
        content = files.read(DIRECTORY / "kept")
        assert content.startswith(b"durable"), f"seed {seed}"
        outcomes.add((len(content) == 27, b"\x00" in content, "new" in files.names(DIRECTORY)))
    assert len(outcomes) == 8
