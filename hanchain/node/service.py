"""What a running node offers to programs: the interface that the API serves and the node implements.

Every method returns values that are complete in themselves: no live object of the node leaves it. Bad requests raise
``hanchain.ledger.reasons.Rejection`` with a reason that programs can match on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hanchain.ledger.block import BlockHeader
from hanchain.ledger.codec import Value
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.proof import EventBundle, StateBundle, TransactionBundle
from hanchain.ledger.reasons import Rejection
from hanchain.ledger.receipt import Receipt


class TransactionState(StrEnum):
    """Where a transaction stands: always one of these, never in between."""

    PENDING = "pending"  # admitted here, not yet in a sealed block
    COMMITTED = "committed"  # in a sealed block, executed well
    FAILED = "failed"  # in a sealed block, without effect: the receipt says why
    EXPIRED = "expired"  # admitted here, and its last height passed without it
    UNKNOWN = "unknown"  # never seen by this node, or long expired


@dataclass(frozen=True, slots=True)
class TransactionStatus:
    """A transaction's state; height, index and receipt are there once it is in a sealed block."""

    txid: bytes
    state: TransactionState
    height: int | None = None
    index: int | None = None
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A sealed block: its header verifies with its certificate, its transactions with the header."""

    header: BlockHeader
    block_hash: bytes
    certificate: bytes | None  # None for genesis only
    transaction_ids: tuple[bytes, ...]
    transactions: tuple[bytes, ...]
    receipts: tuple[Receipt, ...]
    signers: tuple[str, ...]  # names of the validators in the certificate


@dataclass(frozen=True, slots=True)
class StateRead:
    """A key of the state after the block of ``height``: its canonical value, None where nothing is stored."""

    height: int
    value: bytes | None
    proof: StateBundle | None  # None unless it was asked for


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """A peer as this node sees it."""

    name: str
    address: str
    connected: bool
    detail: str  # direction when connected, the last reason when not


class ExecutorState(StrEnum):
    """Whether transactions can be executed."""

    RUNNING = "running"
    SILENT = "silent"  # its process has not answered for long: if it hangs, it is replaced
    RESTARTING = "restarting"  # its process died: another one is started and brought up to date
    STOPPED = "stopped"  # it died too often; so has this node's voting


@dataclass(frozen=True, slots=True)
class ExecutorStatus:
    """Whoever executes, and how often that had to be another one."""

    mode: str  # process or inline
    state: ExecutorState
    pid: int | None
    restarts: int  # since this node started
    last_restart_ms: int | None  # how long nothing could be executed the last time
    replayed: int  # blocks executed again in the last restart


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """Where a node stands."""

    chain_name: str
    chain_id: bytes
    node_name: str
    node_version: str
    suite: str
    validator_index: int
    validators: tuple[str, ...]
    height: int  # highest sealed block
    block_hash: bytes
    block_time_ms: int
    executed_height: int
    executor: ExecutorStatus
    epoch: int
    view: int
    view_active: bool
    leader: str
    timeout_ms: int
    mempool_transactions: int
    mempool_bytes: int
    peers: tuple[PeerStatus, ...]
    catching_up_to: int | None
    halted: str | None  # why this node votes no more
    alarm: str | None  # what people have to look at while it votes on
    uptime_ms: int


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the node takes part: an empty list of problems means ready."""

    problems: tuple[str, ...]


class NodeService(Protocol):
    """The node, as the API sees it."""

    @property
    def genesis(self) -> Genesis:
        """The network's genesis."""

    async def submit(self, envelope: bytes) -> bytes:
        """Admit a signed transaction and gossip it; return its id. Raises Rejection. Submitting again is harmless."""

    async def submit_batch(self, envelopes: Sequence[bytes]) -> list[bytes | Rejection]:
        """Admit many; one answer each, in order: the id or why not."""

    async def transaction_status(self, txid: bytes) -> TransactionStatus:
        """Return the state of a transaction."""

    async def wait(self, txid: bytes, timeout_ms: int) -> TransactionStatus:
        """Return once the transaction is sealed, failed or expired; raises Rejection(timeout) otherwise."""

    async def proof(self, txid: bytes) -> TransactionBundle:
        """Return the offline proof of a sealed transaction. Raises Rejection(not_found)."""

    async def event_proof(self, txid: bytes, position: int) -> EventBundle:
        """Return the offline proof of an event of a sealed transaction. Raises Rejection(not_found)."""

    async def block(self, height: int) -> Block:
        """Return a sealed block. Raises Rejection(not_found)."""

    async def block_by_hash(self, block_hash: bytes) -> Block:
        """Return a sealed block by its hash. Raises Rejection(not_found)."""

    async def view(self, contract: str, method: str, args: Sequence[Value]) -> tuple[int, Value]:
        """Call a view method on the last executed state; return the height of that state and the value."""

    async def state(self, contract: str, key: bytes, *, prove: bool) -> StateRead:
        """Return what a contract has stored under a key (``ledger.cells``) after the last executed block.

        With ``prove`` that block is waited for to be sealed. Raises Rejection(timeout) when it is not, busy, not_ready.
        """

    def chain_status(self) -> ChainStatus:
        """Return where the node stands."""

    def readiness(self) -> Readiness:
        """Tell whether the node takes part in consensus, and if not, why."""

    def metrics_text(self) -> bytes:
        """Return the metrics in Prometheus exposition format."""
