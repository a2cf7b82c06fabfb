"""The executor: owns the state database and turns ordered batches into results, one at a time, each exactly once.

``Executor`` is the interface that the node knows; ``InlineExecutor`` runs in the node's process. Durability step (b):
the writes of a block, its height and its encoded results go into one synced batch, so that after a crash the same
block is answered from what is stored instead of being executed twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from hanchain.ledger import limits as ledger_limits
from hanchain.ledger.block import BlockHeader, Body
from hanchain.ledger.codec import CodecError, Value, decode, encode
from hanchain.ledger.execution import Executed, Ordering, Parent, Rules, apply_block, call_view, parent_of
from hanchain.ledger.reasons import Fault
from storage.checksum import seal, unseal
from storage.errors import Corruption
from storage.kv import KeyValue, WriteBatch

VIEW_GAS_MAX: Final = 10_000_000  # a view reads at most about as much as a hundred transactions

_STATE: Final = b"s"  # ‖ state key
_LAST: Final = b"l"  # the last block's header and receipts


@dataclass(frozen=True, slots=True)
class Results:
    """What executing a block gave, encoded as it is stored and hashed."""

    header: bytes
    block_hash: bytes
    receipts: tuple[bytes, ...]


class Executor(Protocol):
    """Whoever owns the state."""

    @property
    def height(self) -> int:
        """Height of the last executed block."""

    @property
    def block_hash(self) -> bytes:
        """Hash of the last executed block."""

    def apply(self, ordering: Ordering, body: bytes) -> Results:
        """Execute the next block, or answer for the last one again; durable when this returns."""

    def view(self, contract: str, method: str, arguments: Sequence[Value]) -> tuple[int, Value]:
        """Call a view on the last state; raise Rejection for a bad call."""

    def close(self) -> None:
        """Release the database."""


class InlineExecutor:
    """Executes in this process. One thread calls it."""

    def __init__(self, database: KeyValue, rules: Rules, genesis_header: BlockHeader) -> None:
        self._database = database
        self._rules = rules
        self._header = genesis_header
        self._last = Results(genesis_header.encode(), genesis_header.hash(rules.suite), ())
        stored = database.get(_LAST)
        if stored is not None:
            self._last = self._decode_last(unseal(_LAST, stored, "state/last"))
            self._header = BlockHeader.decode(self._last.header, rules.suite)

    @property
    def height(self) -> int:
        """Height of the last executed block."""
        return self._header.height

    @property
    def block_hash(self) -> bytes:
        """Hash of the last executed block."""
        return self._last.block_hash

    def apply(self, ordering: Ordering, body: bytes) -> Results:
        """Execute the next block, or answer for the last one again; durable when this returns.

        Raises Fault for a block that does not follow, and StorageError when the disk fails.
        """
        if ordering.height == self._header.height and ordering.proposal_digest == self._header.proposal_digest:
            return self._last
        executed = apply_block(self._read, ordering, Body.decode(body), self._parent(), self._rules)
        results = Results(executed.header.encode(), executed.block_hash, executed.encoded_receipts)
        self._database.write(self._batch(executed, results), sync=True)
        self._header, self._last = executed.header, results
        return results

    def view(self, contract: str, method: str, arguments: Sequence[Value]) -> tuple[int, Value]:
        """Call a view on the last state; raise Rejection for a bad call."""
        value = call_view(
            self._read, contract, method, arguments, at=self._header, gas_limit=VIEW_GAS_MAX, rules=self._rules
        )
        return self._header.height, value

    def close(self) -> None:
        """Release the database."""
        self._database.close()

    def _parent(self) -> Parent:
        return parent_of(self._header, self._rules.suite)

    def _read(self, key: bytes) -> bytes | None:
        name = _STATE + key
        stored = self._database.get(name)
        return None if stored is None else unseal(name, stored, f"state/{key.hex()}")

    @staticmethod
    def _batch(executed: Executed, results: Results) -> WriteBatch:
        batch = WriteBatch()
        for key, value in executed.writes:
            name = _STATE + key
            if value is None:
                batch.delete(name)
            else:
                batch.put(name, seal(name, value))
        batch.put(_LAST, seal(_LAST, encode([results.header, results.block_hash, results.receipts])))
        return batch

    def _decode_last(self, data: bytes) -> Results:
        most = ledger_limits.RECEIPT_BYTES_MAX * 64
        try:
            header, block_hash, receipts = decode(
                data, max_bytes=max(most, len(data)), max_items=ledger_limits.ITEMS_MAX
            )
        except (CodecError, ValueError) as error:
            raise Corruption("state/last", str(error)) from error
        if BlockHeader.decode(header, self._rules.suite).hash(self._rules.suite) != block_hash:
            raise Fault("the state database holds the result of another block")
        return Results(header, block_hash, tuple(receipts))
