"""What the client returns: frozen records of the ledger's own types, never dictionaries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hanchain.ledger.block import BlockHeader
from hanchain.ledger.bundles import StateBundle, TransactionBundle
from hanchain.ledger.codec import Value
from hanchain.ledger.receipt import Receipt
from hanchain.sdk.types import Native


class State(StrEnum):
    """Where a transaction stands."""

    PENDING = "pending"
    COMMITTED = "committed"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TransactionStatus:
    """What one node says of a transaction; only a proof makes it more than that."""

    txid: bytes
    state: State
    height: int | None
    index: int | None
    receipt: Receipt | None


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer of the node that answered."""

    name: str
    address: str
    connected: bool
    detail: str


@dataclass(frozen=True, slots=True)
class ExecutorStatus:
    """Who executes transactions on the node."""

    mode: str  # process or inline
    state: str  # running, silent, restarting or stopped
    pid: int | None
    restarts: int
    last_restart_ms: int | None
    replayed: int  # blocks executed again in the last restart


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """Where a node and its chain stand."""

    chain_name: str
    chain_id: bytes
    node_name: str
    node_version: str
    suite: str
    validators: tuple[str, ...]
    height: int
    block_hash: bytes
    block_time_ms: int
    executor: ExecutorStatus
    epoch: int
    view: int
    view_active: bool
    leader: str
    mempool_transactions: int
    mempool_bytes: int
    peers: tuple[Peer, ...]
    catching_up_to: int | None
    halted: str | None
    alarm: str | None
    uptime_ms: int


@dataclass(frozen=True, slots=True)
class Block:
    """A block with its content."""

    header: BlockHeader
    block_hash: bytes
    certificate: bytes | None  # None for height 0
    signers: tuple[str, ...]
    transaction_ids: tuple[bytes, ...]
    transactions: tuple[bytes, ...]
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class ViewResult:
    """What a view method returned, on the state of ``height``; one node's word."""

    height: int
    value: Native


@dataclass(frozen=True, slots=True)
class Anchored:
    """A digest in the chain, with the proof that was checked: keep ``proof.to_json()`` beside the file."""

    digest: bytes
    owner: bytes
    txid: bytes
    height: int
    time_ms: int
    proof: TransactionBundle


@dataclass(frozen=True, slots=True)
class EventSeen:
    """An event of a transaction. Fields have names where the contract's ABI is known, else only positions."""

    contract: str
    name: str
    fields: dict[str, Native] | tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Called:
    """A transaction that was sealed and executed well; verified against the genesis if there is a ``proof``."""

    txid: bytes
    height: int
    index: int
    gas_used: int
    value: Native  # what the method returned: by its ABI, or the ledger's value
    events: tuple[EventSeen, ...]
    receipt: Receipt
    proof: TransactionBundle | None


@dataclass(frozen=True, slots=True)
class StateRead:
    """A key of a contract's state after the block of ``height``; verified against the genesis if there is a ``proof``.

    ``value`` is None where nothing is stored; ``present`` tells that from a stored None.
    """

    contract: str
    key: bytes
    height: int
    present: bool
    value: Native
    proof: StateBundle | None
