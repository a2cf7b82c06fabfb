"""Execution in the calling process: the state database, and the one place where the node calls the ledger's execution.

Durability step (b): the writes of a block, its height and its encoded results go into one synced batch, so that after a
crash the same block is answered from what is stored instead of being executed twice.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from contracts.thread import in_deep_thread
from hanchain.ledger import limits as ledger_limits
from hanchain.ledger.block import BlockHeader, Body, transactions_root
from hanchain.ledger.cells import is_contract_name
from hanchain.ledger.codec import CodecError, Value, decode, encode
from hanchain.ledger.execution import (
    Catalogue,
    Executed,
    Ordering,
    Rules,
    call_view,
    decode_block,
    parent_of,
    run_block,
    seal_block,
)
from hanchain.ledger.reasons import Fault, Reason, Rejection
from hanchain.ledger.state import state_hasher, state_key
from hanchain.ledger.transaction import Transaction, decode_transaction
from hanchain.node import limits
from hanchain.node.executor import ExecutorDied, Mode, Results, StageTimes, StateAnswer
from storage.checksum import seal, unseal
from storage.errors import Corruption
from storage.kv import KeyValue, WriteBatch
from storage.state import StateStore

_LAST: Final = b"l"  # the last block's header, hash and receipts; the state's own entries begin otherwise


_T = TypeVar("_T")


class InlineExecutor:
    """Executes in this process. Blocks and reads exclude one another."""

    def __init__(
        self, database: KeyValue, rules: Rules, genesis_header: BlockHeader, *, caller_is_deep: bool = False
    ) -> None:
        """Open the state; ``caller_is_deep`` says that whoever calls has stack enough for any contract.

        Raises Corruption for a damaged database, Fault for one of another chain.
        """
        self._needs_depth = not caller_is_deep
        self._database = database
        self._rules = rules
        self._state = StateStore(database, state_hasher(rules.suite))
        self._catalogue = Catalogue(rules.parameters)
        self._lock = threading.Lock()
        self._header = genesis_header
        self._block_hash = genesis_header.hash(rules.suite)
        self._receipts: tuple[bytes, ...] = ()
        stored = database.get(_LAST)
        if stored is not None:
            self._read_last(unseal(_LAST, stored, "state/last"))
        if self._state.root != self._header.state_root:
            raise Fault(f"the state is not that of block {self._header.height}: its root is {self._state.root.hex()}")

    @property
    def mode(self) -> Mode:
        """Where it executes: here."""
        return Mode.INLINE

    @property
    def pid(self) -> int:
        """The id of this process."""
        return os.getpid()

    @property
    def death(self) -> None:
        """This process has not ended."""
        return None

    @property
    def silent(self) -> bool:
        """Nobody waits for himself."""
        return False

    @property
    def height(self) -> int:
        """Height of the last executed block."""
        return self._header.height

    @property
    def block_hash(self) -> bytes:
        """Hash of the last executed block."""
        return self._block_hash

    def apply(self, ordering: Ordering, body: bytes) -> Results:
        """Execute the next block, or answer for the last one again; durable when this returns.

        Raises Fault for a block that does not follow, and StorageError when the disk fails.
        """
        if ordering.height == self._header.height and ordering.proposal_digest == self._header.proposal_digest:
            return self._answer_again(Body.decode(body))
        with self._lock:
            return self._deep(lambda: self._apply(ordering, Body.decode(body)))

    def view(self, contract: str, method: str, arguments: Sequence[Value]) -> tuple[int, Value]:
        """Call a view on the last state; raise Rejection for a bad call."""
        with self._lock:
            return self._deep(lambda: self._view(contract, method, arguments))

    def state(self, contract: str, key: bytes) -> StateAnswer:
        """Return a key of a contract's state with its proof; raise Rejection for a name or key that cannot be."""
        if not is_contract_name(contract):
            raise Rejection(Reason.OUT_OF_RANGE, f"no contract can be called {contract[:64]!a}")
        if len(key) > ledger_limits.STATE_KEY_BYTES_MAX:
            raise Rejection(
                Reason.OUT_OF_RANGE, f"a key of {len(key)} bytes, at most {ledger_limits.STATE_KEY_BYTES_MAX}"
            )
        with self._lock:
            value, proof = self._state.prove(state_key(contract, key))
            return StateAnswer(self._header.height, value, proof)

    def watch(self, on_death: Callable[[ExecutorDied], None]) -> None:
        """Do nothing: what executes here does not end before the one who watches."""

    def start_again(self) -> None:
        """Never called: this process has not ended."""
        raise AssertionError("an executor in this process cannot have ended")

    def hurry(self) -> None:
        """Do nothing: what is under way here ends by itself."""

    def close(self) -> None:
        """Release the database."""
        with self._lock:
            self._database.close()

    def _apply(self, ordering: Ordering, body: Body) -> Results:
        watch = _StopWatch()
        rules, parent = self._rules, parent_of(self._header, self._rules.suite)
        transactions = decode_block(ordering, body, parent, rules)
        watch.lap("decode")
        ran = run_block(self._state, ordering, transactions, rules, self._catalogue)
        watch.lap("execute")
        root = self._state.root_after(ran.writes)
        watch.lap("tree")
        executed = seal_block(root, ordering, transactions, ran, parent, rules)
        header = executed.header.encode()
        watch.lap("roots")
        self._database.write(self._batch(executed, header), sync=True)
        self._state.committed()
        watch.lap("write", waits=True)
        self._header, self._block_hash = executed.header, executed.block_hash
        self._receipts = executed.encoded_receipts
        return self._results(transactions, watch.times_us, watch.spent_us)

    def _answer_again(self, body: Body) -> Results:
        """Return the results of the last block; ids and senders are not stored, since they are in its body."""
        suite = self._rules.suite
        if transactions_root(body.transactions, suite) != self._header.transactions_root:
            raise Fault(f"the body of block {self.height} is not the one that was executed")
        return self._results([decode_transaction(encoded, suite) for encoded in body.transactions])

    def _results(self, transactions: Sequence[Transaction], times_us: StageTimes = (), spent_us: int = 0) -> Results:
        return Results(
            self._header.encode(),
            self._block_hash,
            self._receipts,
            tuple(t.txid for t in transactions),
            tuple(t.payload.sender for t in transactions),
            times_us,
            spent_us,
        )

    def _view(self, contract: str, method: str, arguments: Sequence[Value]) -> tuple[int, Value]:
        value = call_view(
            self._state,
            contract,
            method,
            arguments,
            at=self._header,
            gas_limit=limits.VIEW_GAS_MAX,
            rules=self._rules,
            catalogue=self._catalogue,
        )
        return self._header.height, value

    def _deep(self, work: Callable[[], _T]) -> _T:
        return in_deep_thread(work) if self._needs_depth else work()

    def _batch(self, executed: Executed, header: bytes) -> WriteBatch:
        batch = WriteBatch()
        self._state.commit_into(batch)
        batch.put(_LAST, seal(_LAST, encode([header, executed.block_hash, executed.encoded_receipts])))
        return batch

    def _read_last(self, data: bytes) -> None:
        try:
            header, block_hash, receipts = decode(data, max_bytes=len(data), max_items=ledger_limits.ITEMS_MAX)
            self._header = BlockHeader.decode(header, self._rules.suite)
        except (CodecError, Rejection, ValueError) as error:
            raise Corruption("state/last", str(error)) from error
        if self._header.hash(self._rules.suite) != block_hash:
            raise Fault("the state database holds the result of another block")
        self._block_hash, self._receipts = block_hash, receipts


class _StopWatch:
    """Takes the times of stages that follow one another, of the processor and of the clock."""

    def __init__(self) -> None:
        self._first_ns = self._wall_ns = time.perf_counter_ns()
        self._cpu_ns = time.thread_time_ns()
        self.times_us: StageTimes = ()

    def lap(self, stage: str, *, waits: bool = False) -> None:
        """Note the time since the last lap as that of ``stage``: by the clock if it ``waits`` for the disk."""
        wall_ns, cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
        spent_ns = wall_ns - self._wall_ns if waits else cpu_ns - self._cpu_ns
        self.times_us = (*self.times_us, (stage, spent_ns // 1000))
        self._wall_ns, self._cpu_ns = wall_ns, cpu_ns

    @property
    def spent_us(self) -> int:
        """The clock's time until the last lap."""
        return (self._wall_ns - self._first_ns) // 1000
