"""Steps (b) and (c) of every block, whatever becomes of the executor.

The ordered log is the truth and the state a cache of it. When the executor's process dies, another one is started and
executes again what the state lacks; every result has to be the stored one. What goes wrong inside a living executor is
a Fault and never tried again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from consensus.messages import ProposalHeader
from hanchain.crypto import Suite
from hanchain.ledger.codec import Value
from hanchain.ledger.execution import Ordering
from hanchain.ledger.reasons import Fault, Reason, Rejection
from hanchain.node import limits
from hanchain.node.executor import Executor, ExecutorDied, Results, StateAnswer
from hanchain.node.service import ExecutorState, ExecutorStatus
from hanchain.node.wire import OrderedRecord
from storage.blocks import BlockRecord, BlockStore


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block whose results are durable."""

    height: int
    block_hash: bytes
    proposal_digest: bytes
    timestamp_ms: int
    view: int
    proposer: int
    transaction_ids: tuple[bytes, ...]


class Execution:
    """The executor and the blocks it has to agree with. One thread works with it; any may ask for ``status``.

    ``observe(stage, seconds)`` is told how long each stage of each block took.
    """

    def __init__(
        self, suite: Suite, store: BlockStore, executor: Executor, observe: Callable[[str, float], None]
    ) -> None:
        self._suite = suite
        self._store = store
        self._executor = executor
        self._observe = observe
        self._deaths_s: deque[float] = deque(maxlen=limits.EXECUTOR_DEATHS_MAX + 1)  # since the last block
        self._restarts = 0
        self._last_restart_ms: int | None = None
        self._replayed = 0
        self._reviving = False
        self._given_up = False
        self._stopping = threading.Event()
        self._out = structlog.get_logger("hanchain.executor")

    def status(self) -> ExecutorStatus:
        """Return what people see of the executor."""
        state = ExecutorState.RUNNING
        if self._given_up:
            state = ExecutorState.STOPPED
        elif self._reviving or self._executor.death is not None:
            state = ExecutorState.RESTARTING
        elif self._executor.silent:
            state = ExecutorState.SILENT
        return ExecutorStatus(
            mode=self._executor.mode.value,
            state=state,
            pid=self._executor.pid,
            restarts=self._restarts,
            last_restart_ms=self._last_restart_ms,
            replayed=self._replayed,
        )

    def recover(self) -> int:
        """Execute and store what the ordered log holds beyond state and blocks; return how many blocks that were.

        The state may be older than the blocks, even empty: it is made again from the log, and has to give the same
        blocks. Raises Fault when it is of other blocks than these.
        """
        repeated = self._bring_up()
        for height in range(self._store.height + 1, self._store.ordered_height + 1):
            self.apply(*self._ordered(height))
            repeated += 1
        self._replayed = repeated
        return repeated

    def apply(self, header: ProposalHeader, digest: bytes, body: bytes) -> StoredBlock:
        """Take the block that follows, which is in the ordered log, through (b) and (c)."""
        results = self._execute(_ordering(header, digest), body)
        self._keep(results, header.height)
        return StoredBlock(
            header.height,
            results.block_hash,
            digest,
            header.timestamp_ms,
            header.pview,
            header.proposer,
            results.transaction_ids,
        )

    def revive(self) -> None:
        """Start another executor in the place of one that died and bring it up to the blocks; else do nothing.

        Raises Fault when executors die again and again without a block in between.
        """
        death = self._executor.death
        if death is None:
            return
        self._reviving = True
        try:
            replayed = self._bring_up()
        finally:
            self._reviving = False
        self._restarts += 1
        self._replayed = replayed
        self._last_restart_ms = round((time.monotonic() - death.noticed_s) * 1000)
        self._out.info(
            "executor back",
            pid=self._executor.pid,
            milliseconds=self._last_restart_ms,
            replayed=replayed,
            height=self._executor.height,
        )

    def view(self, contract: str, method: str, arguments: Sequence[Value]) -> tuple[int, Value]:
        """Call a view on the last state; any thread may. Raises Rejection."""
        self._check_current()
        return self._executor.view(contract, method, arguments)

    def state(self, contract: str, key: bytes) -> StateAnswer:
        """Return a key of a contract's state with its proof; any thread may. Raises Rejection."""
        self._check_current()
        return self._executor.state(contract, key)

    def stop(self) -> None:
        """End a restart that is under way, and a block that is, if not by itself within seconds; from any thread."""
        self._stopping.set()
        self._executor.hurry()

    def _execute(self, ordering: Ordering, body: bytes) -> Results:
        """Have a new block executed, by another executor each time that one dies of it, but not for ever."""
        died = None
        for _ in range(limits.EXECUTOR_DEATHS_MAX + 1):
            self.revive()
            began_s = time.perf_counter()
            try:
                results = self._executor.apply(ordering, body)
            except ExecutorDied as death:
                died = death
                continue
            waited_s = time.perf_counter() - began_s
            for stage, time_us in results.times_us:
                self._observe(stage, time_us / 1e6)
            self._observe("pipe", max(0.0, waited_s - results.spent_us / 1e6))
            self._deaths_s.clear()
            return results
        self._given_up = True
        raise Fault(f"{limits.EXECUTOR_DEATHS_MAX + 1} executors died of block {ordering.height}; {died}")

    def _bring_up(self) -> int:
        """Have executed again what the state lacks of the blocks; return how many blocks that were."""
        replayed = 0
        while True:
            try:
                if self._executor.death is not None:
                    self._start_again(self._executor.death)
                for height in range(self._lowest_lacking(), self._store.height + 1):
                    self._check_stopping()
                    self._replay(height)
                    replayed += 1
            except ExecutorDied:
                continue
            return replayed

    def _start_again(self, death: ExecutorDied) -> None:
        """Start another executor, the sooner the fewer have died of late."""
        deaths = self._deaths_s
        deaths.append(death.noticed_s)
        if len(deaths) == deaths.maxlen and deaths[-1] - deaths[0] < limits.EXECUTOR_DEATHS_SECONDS:
            self._given_up = True
            raise Fault(
                f"{len(deaths)} executors died within {limits.EXECUTOR_DEATHS_SECONDS} s without a block in between; "
                f"{death}"
            )
        if len(deaths) > 1:
            self._stopping.wait(limits.EXECUTOR_PAUSE_SECONDS * 2 ** (len(deaths) - 2))
        self._check_stopping()
        self._executor.start_again()

    def _lowest_lacking(self) -> int:
        """Return the first height that the state lacks; raise Fault for a state that is not of these blocks."""
        done, stored = self._executor.height, self._store.height
        if done > stored + 1 or done > self._store.ordered_height:
            raise Fault(f"the state is that of block {done}, the last stored block is {stored}")
        if done <= stored and self._executor.block_hash != self._store.block_hash(done):
            raise Fault(f"the state is that of another block {done} than the stored one")
        return done + 1

    def _replay(self, height: int) -> None:
        header, digest, body = self._ordered(height)
        results = self._executor.apply(_ordering(header, digest), body)
        if results.block_hash != self._store.block_hash(height):
            raise Fault(f"P9: executing height {height} again gives {results.block_hash.hex()}, stored is another hash")
        self._keep(results, height)

    def _ordered(self, height: int) -> tuple[ProposalHeader, bytes, bytes]:
        """Return header, digest and body of a decided proposal."""
        found = self._store.ordered(height)
        assert found is not None, "the ordered log has no gaps"
        record = OrderedRecord.decode(found[1], self._suite)
        return record.header, found[0], record.body

    def _keep(self, results: Results, height: int) -> None:
        """Step (c); of a block that is stored already, compare."""
        began_s = time.perf_counter()
        self._store.append_block(
            BlockRecord(
                height=height,
                block_hash=results.block_hash,
                header=results.header,
                receipts=results.receipts,
                transaction_ids=results.transaction_ids,
                senders=results.senders,
            )
        )
        self._observe("store", time.perf_counter() - began_s)

    def _check_current(self) -> None:
        """Refuse to read a state that is behind the blocks."""
        if self._reviving:
            raise Rejection(Reason.NOT_READY, f"executor: {ExecutorState.RESTARTING.value}; try again")

    def _check_stopping(self) -> None:
        if self._stopping.is_set():
            raise Rejection(Reason.NOT_READY, "this node is stopping")


def _ordering(header: ProposalHeader, digest: bytes) -> Ordering:
    return Ordering(
        height=header.height,
        epoch=header.epoch,
        proposal_digest=digest,
        transactions_root=header.tx_root,
        view=header.pview,
        proposer=header.proposer,
        timestamp_ms=header.timestamp_ms,
    )
