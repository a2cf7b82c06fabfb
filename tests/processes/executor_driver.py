"""A node's disk in a process of its own that dies where it is told to: run by ``test_executor_crashes``.

``executor_driver.py DIRECTORY POINT HEIGHT WHO`` takes the proposals of DIRECTORY through a chain whose executor is a
real child, and dies at POINT of block HEIGHT; at a point of the child it is the child that dies, ``alone`` or ``with
its node``. Prints what the chain says at the start and after each block, one JSON a line.
"""

import json
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from hanchain.ledger.block import BlockHeader  # noqa: E402 - the path first: a child's interpreter is isolated
from hanchain.ledger.genesis import parse_genesis  # noqa: E402
from hanchain.node.chain import Chain  # noqa: E402
from hanchain.node.executor_child import main as executor_main  # noqa: E402
from hanchain.node.executor_process import ProcessExecutor  # noqa: E402
from hanchain.node.log import configure  # noqa: E402
from hanchain.node.wire import OrderedRecord  # noqa: E402
from storage.blocks import BlockStore  # noqa: E402
from storage.leveldb import LevelDB  # noqa: E402

# Where a crash hits: around (a), the ordered log; (b), the state; (c), the block; (d) is the SEAL, which follows.
OF_THE_NODE = ("before a", "after a", "after the reply", "after c")
OF_THE_CHILD = ("in b", "after b")


def die() -> None:
    """End like a process whose power is cut."""
    os.kill(os.getpid(), signal.SIGKILL)


class DyingStore(BlockStore):
    """A block store whose process dies at a point of a height."""

    point, height_of_death = "", 0

    def append_ordered(self, height: int, digest: bytes, record: bytes) -> None:
        """Step (a)."""
        dies = height == self.height_of_death
        if dies and self.point == "before a":
            die()
        super().append_ordered(height, digest, record)
        if dies and self.point == "after a":
            die()

    def append_block(self, block) -> None:
        """Step (c)."""
        dies = block.height == self.height_of_death
        if dies and self.point == "after the reply":
            die()
        super().append_block(block)
        if dies and self.point == "after c":
            die()


def child(who: str, point: str, height: int) -> int:
    """Be the executor, dying around the write of one block, together with the node if that is wanted."""

    class DyingDatabase(LevelDB):
        writes = 0

        def write(self, batch, *, sync=False):
            self.writes += 1
            dies = self.writes == height
            if dies and point == "in b":
                self._end()
            super().write(batch, sync=sync)
            if dies and point == "after b":
                self._end()

        def _end(self):
            if who == "with its node":
                os.kill(os.getppid(), signal.SIGKILL)
            die()

    return executor_main(sys.argv, DyingDatabase)


def drive(directory: Path, point: str, height: int, who: str) -> None:
    """Be the node."""
    configure("info", "console")
    genesis = parse_genesis((directory / "genesis.json").read_bytes())
    DyingStore.point, DyingStore.height_of_death = point, height
    # A child that dies alone dies once: the next one finds the block, or executes it.
    once = directory / "died"
    command = (sys.executable, "-I", __file__, "child", who, str(once), point, str(height))
    executor = ProcessExecutor(genesis, directory / "state", command=command)
    with LevelDB(directory / "blocks") as blocks:
        chain = Chain(genesis, DyingStore(blocks), executor)
        chain.recover()
        report(chain, genesis)
        for line in (directory / "proposals").read_text().splitlines():
            record = OrderedRecord.decode(bytes.fromhex(line), genesis.suite)
            if record.header.height <= chain.height:
                continue
            chain.decide(record.header, record.header.digest(genesis.context), record.body, record.commit_certificate)
            report(chain, genesis)
        if point == "wait":
            sys.stdin.read()
        chain.close()


def report(chain: Chain, genesis) -> None:
    """Print where the chain stands."""
    header: BlockHeader = chain.header(chain.height)
    status = chain.executor_status()
    said = {
        "height": chain.height,
        "hash": header.hash(genesis.suite).hex(),
        "state_root": header.state_root.hex(),
        "restarts": status.restarts,
        "pid": status.pid,
    }
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "child":
        _, _, who, once, point, height, _ = sys.argv
        again = Path(once).exists()
        Path(once).touch()
        sys.exit(child(who, "never" if again else point, int(height)))
    drive(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
