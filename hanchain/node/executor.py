"""The executor: whoever owns the state and turns ordered batches into results, one at a time, each exactly once.

``Executor`` is what the node knows. ``executor_inline`` executes in the calling process, ``executor_process`` in a
child of it; results are the same, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from hanchain.ledger.codec import Value
from hanchain.ledger.execution import Ordering

# Where an executor's time goes, in order: reading the batch, running the transactions, the state root, the other roots
# and the header, the synced batch. All but the last are time of the processor, which what else runs does not stretch.
STAGES: Final = ("decode", "execute", "tree", "roots", "write")

StageTimes = tuple[tuple[str, int], ...]  # (stage, microseconds)


@dataclass(frozen=True, slots=True)
class Results:
    """What executing a block gave, encoded as it is stored and hashed."""

    header: bytes
    block_hash: bytes
    receipts: tuple[bytes, ...]
    transaction_ids: tuple[bytes, ...]
    senders: tuple[bytes, ...]
    # How long it took here is no part of the result: by stage, and from request to answer, in the executor.
    times_us: StageTimes = field(default=(), compare=False)
    spent_us: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class StateAnswer:
    """One key of the state after a block, with the proof that it is there, or that nothing is."""

    height: int
    value: bytes | None
    proof: bytes


class ExecutorDied(Exception):
    """The executor's process ended, whatever it was doing; ``start_again`` gives another one."""

    def __init__(self, pid: int, how: str, noticed_s: float) -> None:
        super().__init__(f"the executor, process {pid}, ended with {how}")
        self.pid = pid
        self.how = how  # the name of a signal, or the exit code
        self.noticed_s = noticed_s  # monotonic

    def again(self) -> ExecutorDied:
        """Return the same, to be raised once more: one object would gather the trace of every raise."""
        return ExecutorDied(self.pid, self.how, self.noticed_s)


class Mode(StrEnum):
    """Where transactions are executed; the values of ``[node] executor``."""

    PROCESS = "process"
    INLINE = "inline"


class Executor(Protocol):
    """Whoever owns the state. One thread applies; any thread reads."""

    @property
    def mode(self) -> Mode:
        """Where it executes."""

    @property
    def pid(self) -> int | None:
        """The id of the process that executes, None while there is none."""

    @property
    def death(self) -> ExecutorDied | None:
        """How the process ended, None while one runs."""

    @property
    def silent(self) -> bool:
        """Whether something has been waited for longer than anything should take."""

    @property
    def height(self) -> int:
        """Height of the last executed block."""

    @property
    def block_hash(self) -> bytes:
        """Hash of the last executed block."""

    def apply(self, ordering: Ordering, body: bytes) -> Results:
        """Execute the next block, or answer for the last one again; durable when this returns.

        Raises Fault or StorageError when the block cannot be executed here, ExecutorDied when the process ended.
        """

    def view(self, contract: str, method: str, arguments: Sequence[Value]) -> tuple[int, Value]:
        """Call a view on the last state; return that state's height and the value.

        Raises Rejection for a bad call, with BUSY or NOT_READY for one that cannot be answered now.
        """

    def state(self, contract: str, key: bytes) -> StateAnswer:
        """Return a key of a contract's state with its proof; raises Rejection as ``view`` does."""

    def watch(self, on_death: Callable[[ExecutorDied], None]) -> None:
        """Call ``on_death`` from now on, in a thread of the executor, as soon as its process has ended."""

    def start_again(self) -> None:
        """Start another process in the place of one that ended; raises ExecutorDied when that one ends at once."""

    def hurry(self) -> None:
        """Have what is under way end within seconds: answered, or else with the process. Any thread may call this."""

    def close(self) -> None:
        """Release the database; what waits for an answer gets Rejection(not_ready)."""
