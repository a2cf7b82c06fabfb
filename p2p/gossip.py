"""Transaction gossip as a state machine: batches out, new transactions in; no IO, time is passed in.

The validators form a full mesh: the node where a transaction enters pushes it to every peer once, and receivers do
not relay it. So a transaction crosses each link at most once unless clients hand it to several nodes; ``redundancy``
measures that. What a peer missed while it was away, proposals make it pull.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from p2p import codec, limits
from p2p.channels import FRAME_BYTES_MAX, Channel
from p2p.rejection import Rejection

_BATCH_OVERHEAD = 5  # array header
_ITEM_OVERHEAD = 5  # binary header, at most


class GossipReason(StrEnum):
    """Why a batch was refused as a whole."""

    MALFORMED = "batch_malformed"
    EMPTY = "batch_empty"
    OVERSIZED = "batch_oversized"


class GossipError(Rejection):
    """A peer sent bytes that are no batch; the owner reports it."""

    def __init__(self, reason: GossipReason, detail: str) -> None:
        super().__init__(reason, detail)


def fingerprint(data: bytes) -> bytes:
    """Return 16 bytes that stand for all of ``data``, signatures included (BLAKE2b, RFC 7693).

    A transaction id will not do here: it leaves the signatures out, so that a peer could send a copy with broken
    signatures first and have the good one taken for already seen.
    """
    return hashlib.blake2b(data, digest_size=16).digest()


class SeenCache:
    """Remembers at least the last half and at most all of ``capacity`` identities, in two generations."""

    def __init__(self, capacity: int) -> None:
        assert capacity >= 2, "two generations"
        self._generation_max = capacity // 2
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def add(self, identity: bytes) -> bool:
        """Remember ``identity``; return whether it is new."""
        if identity in self._young:
            return False
        new = identity not in self._old
        if len(self._young) >= self._generation_max:
            self._old, self._young = self._young, set()
        self._young.add(identity)
        return new


@dataclass(frozen=True, slots=True)
class GossipCounts:
    """Transactions and bytes since the start; redundancy is ``(useful + twice) / useful`` in bytes."""

    sent: int
    sent_bytes: int
    received_useful: int
    received_useful_bytes: int
    received_twice: int
    received_twice_bytes: int
    refused: int  # not taken because too many bytes already wait

    @property
    def redundancy_permille(self) -> int:
        """Return bytes received per useful byte in thousandths; 1000 when nothing came twice."""
        useful = self.received_useful_bytes
        return 1000 if useful == 0 else (useful + self.received_twice_bytes) * 1000 // useful


class TransactionGossip:
    """Collects transactions into batches and unpacks the batches of others."""

    def __init__(
        self,
        *,
        batch_delay_ms: int = limits.BATCH_DELAY_MS,
        max_batch_bytes: int = limits.BATCH_BYTES_MAX,
        max_batch_count: int = limits.BATCH_COUNT_MAX,
        seen_capacity: int = limits.SEEN_CAPACITY,
        identify: Callable[[bytes], bytes] = fingerprint,
    ) -> None:
        assert 0 < max_batch_bytes <= FRAME_BYTES_MAX[Channel.TX], "a batch must fit one message"
        assert 0 < max_batch_count <= limits.BATCH_COUNT_MAX, "peers refuse larger batches"
        self._delay_ms = batch_delay_ms
        self._bytes_max = max_batch_bytes
        self._count_max = max_batch_count
        self._identify = identify
        self._seen = SeenCache(seen_capacity)
        self._open: list[bytes] = []
        self._open_bytes = _BATCH_OVERHEAD
        self._deadline_ms: int | None = None
        self._ready: list[bytes] = []
        self._pending_bytes = 0
        self._counts: Counter[str] = Counter()

    @property
    def next_deadline_ms(self) -> int | None:
        """Return when ``due`` should be called next; 0 for now, None while nothing waits."""
        return 0 if self._ready else self._deadline_ms

    @property
    def counts(self) -> GossipCounts:
        """Return the counters."""
        return GossipCounts(**{name: self._counts[name] for name in GossipCounts.__slots__})

    def add(self, data: bytes, now_ms: int, *, identity: bytes | None = None) -> bool:
        """Take a transaction that entered at this node; return False if it was seen before or the queue is full.

        ``identity`` saves hashing when the caller has ``identify(data)`` already.
        """
        size = len(data) + _ITEM_OVERHEAD
        assert 0 < len(data) <= limits.TRANSACTION_BYTES_MAX, "admission let a transaction in that cannot travel"
        if self._pending_bytes + size > limits.GOSSIP_PENDING_BYTES_MAX:
            self._counts["refused"] += 1
            return False
        if not self._seen.add(self._identify(data) if identity is None else identity):
            return False
        if self._open and self._open_bytes + size > self._bytes_max:
            self._seal()
        if not self._open:
            self._deadline_ms = now_ms + self._delay_ms
        self._open.append(data)
        self._open_bytes += size
        self._pending_bytes += size
        if len(self._open) >= self._count_max or self._open_bytes >= self._bytes_max:
            self._seal()
        return True

    def due(self, now_ms: int) -> list[bytes]:
        """Return the payloads to broadcast now: full batches, and the open one once its delay is over."""
        if self._deadline_ms is not None and now_ms >= self._deadline_ms:
            self._seal()
        ready, self._ready = self._ready, []
        self._pending_bytes = self._open_bytes if self._open else 0
        return ready

    def received(self, payload: bytes) -> list[bytes]:
        """Return the transactions of a peer's batch that are new here, in order; raise GossipError for no batch."""
        try:
            batch = codec.decode(payload, max_bytes=FRAME_BYTES_MAX[Channel.TX], max_items=limits.BATCH_COUNT_MAX)
        except codec.CodecError as error:
            raise GossipError(GossipReason.MALFORMED, str(error)) from error
        if not isinstance(batch, list):
            raise GossipError(GossipReason.MALFORMED, "a batch is a list")
        if not batch:
            raise GossipError(GossipReason.EMPTY, "no transaction")
        transactions: list[bytes] = []
        for data in batch:  # all are checked before any is remembered: a refused batch changes nothing
            if not isinstance(data, bytes) or not data:
                raise GossipError(GossipReason.MALFORMED, "a transaction is a byte string")
            if len(data) > limits.TRANSACTION_BYTES_MAX:
                raise GossipError(GossipReason.OVERSIZED, f"a transaction of {len(data)} bytes")
            transactions.append(data)
        new = [data for data in transactions if self._seen.add(self._identify(data))]
        counts = self._counts
        total_bytes, new_bytes = sum(map(len, transactions)), sum(map(len, new))
        counts["received_useful"] += len(new)
        counts["received_useful_bytes"] += new_bytes
        counts["received_twice"] += len(transactions) - len(new)
        counts["received_twice_bytes"] += total_bytes - new_bytes
        return new

    def _seal(self) -> None:
        self._counts["sent"] += len(self._open)
        self._counts["sent_bytes"] += sum(map(len, self._open))
        self._ready.append(codec.encode(tuple(self._open)))
        self._open = []
        self._open_bytes = _BATCH_OVERHEAD
        self._deadline_ms = None
