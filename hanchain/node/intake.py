"""How transactions come in: from clients and from peers, in batches, and how they spread."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from hanchain.ledger.codec import encode
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.transaction import Transaction
from hanchain.node import limits
from hanchain.node.wire import Kind
from p2p.channels import Channel
from p2p.gossip import GossipError, TransactionGossip, fingerprint
from p2p.limits import BATCH_BYTES_MAX, BATCH_COUNT_MAX, BATCH_DELAY_MS

if TYPE_CHECKING:
    from hanchain.node.node import Node


# What no honest node passes on: it has verified the same. Anything else may be a matter of timing.
_OFFENCES: Final = {
    Reason.MALFORMED,
    Reason.OVERSIZED,
    Reason.NOT_CANONICAL,
    Reason.OUT_OF_RANGE,
    Reason.GAS_LIMIT,
    Reason.WRONG_VERSION,
    Reason.WRONG_CHAIN,
    Reason.NO_SIGNATURE,
    Reason.WRONG_ALGORITHM,
    Reason.BAD_SIGNATURE,
}


class Intake:
    """Admits transactions into a node's pool and pushes those of its clients to its peers."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._gossip = TransactionGossip()
        self._gossip_timer: asyncio.TimerHandle | None = None
        self._missed: OrderedDict[bytes, bool] = OrderedDict()  # fingerprints of what peers sent and had no room here
        self._under_way: dict[str, int] = {}  # bytes of each peer's batches in admission
        self._closed = False

    def close(self) -> None:
        """Push no more."""
        self._closed = True
        if self._gossip_timer is not None:
            self._gossip_timer.cancel()

    def on_transactions(self, peer_id: str, payload: bytes) -> None:
        """Take a peer's batch."""
        busy = self._under_way.get(peer_id, 0)
        if busy + len(payload) > limits.GOSSIP_UNDER_WAY_BYTES_MAX:
            self._node.metrics.gossip_dropped.inc()  # it is pushed again if it is needed
            return
        try:
            envelopes = self._gossip.received(payload) + self._missed_in(payload)
        except GossipError as error:
            self._node.network.report(peer_id, f"gossip_{error.reason}", 25)
            return
        if envelopes:
            self._under_way[peer_id] = busy + len(payload)
            self._node.crew.spawn(self._admit_gossip(peer_id, envelopes, len(payload)))

    def _missed_in(self, payload: bytes) -> list[bytes]:
        """Return the transactions of a batch that were seen before and found no room then: it is pushed for them."""
        if not self._missed:
            return []
        return [e for e in TransactionGossip().received(payload) if self._missed.pop(fingerprint(e), False)]

    async def _admit_gossip(self, peer_id: str, envelopes: Sequence[bytes], size: int) -> None:
        """Admit a peer's batch; a transaction that cannot enter here is dropped and counted."""
        try:
            outcomes = await self.admit(envelopes, "gossip")
        finally:
            self._under_way[peer_id] -= size
        for envelope, outcome in zip(envelopes, outcomes, strict=True):
            if not isinstance(outcome, Rejection):
                continue
            if outcome.reason in _OFFENCES:
                self._node.network.report(peer_id, f"transaction_{outcome.reason}", 10)
                return
            if outcome.reason in {Reason.POOL_FULL, Reason.EXPIRY_TOO_FAR}:
                self._missed[fingerprint(envelope)] = True
                while len(self._missed) > limits.MISSED_REMEMBERED:
                    self._missed.popitem(last=False)

    async def admit(self, envelopes: Sequence[bytes], origin: str) -> list[bytes | Rejection]:
        """Admit transactions into the pool; one answer each, in order: the id, or why not."""
        answers: list[bytes | Rejection] = []
        for start in range(0, len(envelopes), limits.VALIDATION_CHUNK):
            answers.extend(await self._admit_chunk(envelopes[start : start + limits.VALIDATION_CHUNK], origin))
        self._node.tell_pool()
        return answers

    async def _admit_chunk(self, envelopes: Sequence[bytes], origin: str) -> list[bytes | Rejection]:
        answers: list[bytes | Rejection] = []
        fresh: list[tuple[int, Transaction]] = []
        next_height = self._node.chain.height + 1
        began = time.thread_time()
        for envelope in envelopes:
            try:
                transaction, pooled = self._node.admission.check(envelope, next_height)
            except Rejection as error:
                answers.append(error)
                continue
            answers.append(transaction.txid)
            if not pooled:
                fresh.append((len(answers) - 1, transaction))
        self._node.metrics.observe("admit", time.thread_time() - began)
        verdicts: list[bool] = []
        if not fresh:
            await asyncio.sleep(0)  # a long batch without news must not hold the loop
        else:
            verify = partial(self._node.admission.verify, [t for _, t in fresh])
            verdicts = await self._node.crew.read(self._node.metrics.timed("verify", verify))
        now_ms = self._node.now_ms()
        for (position, transaction), good in zip(fresh, verdicts, strict=True):
            if not good:
                answers[position] = Rejection(Reason.BAD_SIGNATURE, "a signature is not valid for the key it carries")
                continue
            try:
                if self._node.chain.locate(transaction.txid) is None and self._node.pool.add(transaction, now_ms):
                    self._node.metrics.admitted.labels(origin).inc()
                    if origin == "client":
                        self._gossip.add(transaction.encoded, now_ms)
            except Rejection as error:
                answers[position] = error
        for answer in answers:
            if isinstance(answer, Rejection):
                self._node.metrics.rejected.labels(answer.reason).inc()
        self._flush_gossip()
        return answers

    def _flush_gossip(self) -> None:
        """Send the batches that are due and come back when the next one is."""
        for payload in self._gossip.due(self._node.now_ms()):
            self._node.network.broadcast(Channel.TX, Kind.TRANSACTIONS, payload)
        if self._gossip.next_deadline_ms is not None and self._gossip_timer is None and not self._closed:
            self._gossip_timer = asyncio.get_running_loop().call_later(BATCH_DELAY_MS / 1000, self._come_back)

    def _come_back(self) -> None:
        self._gossip_timer = None
        self._flush_gossip()

    def push_again(self) -> None:
        """Push transactions that wait for T_fwd to every validator: one that lacks them cannot complain (section 11).

        Among them is the leader: for it this is the forwarding.
        """
        due = self._node.pool.due_for_push(self._node.now_ms(), self._node.settings.forward_ms)
        batch: list[bytes] = []
        size = 0
        for transaction in due:
            if len(batch) >= BATCH_COUNT_MAX or size + len(transaction.encoded) > BATCH_BYTES_MAX - 1024:
                self._node.network.broadcast(Channel.TX, Kind.TRANSACTIONS, encode(batch))
                batch, size = [], 0
            batch.append(transaction.encoded)
            size += len(transaction.encoded) + 5
        if batch:
            self._node.network.broadcast(Channel.TX, Kind.TRANSACTIONS, encode(batch))
        self._node.fairness.forwarded(due)
