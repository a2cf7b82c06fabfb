"""Admission: which transactions enter the pool, and which bodies may be voted for.

Signatures are verified once per node: what stands in the pool was verified on entry, and a proposal's transaction that
is byte for byte a pooled one is not verified again. The slow part runs in worker threads: verification lets go of the
interpreter lock meanwhile.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from threading import Lock

from consensus.interface import Ancestor, Batch, BuildProposal, Validate
from hanchain.ledger.block import Body, evidence_root, transactions_root
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.transaction import Transaction, decode_transaction, signatures_valid
from hanchain.ledger.validation import Announced, FreshValidity
from hanchain.node import limits
from hanchain.node.mempool import Mempool


class Admission:
    """Judges transactions and bodies against the pool and the chain."""

    def __init__(self, genesis: Genesis, pool: Mempool, executed: Callable[[bytes], bool]) -> None:
        self._suite = genesis.suite
        self._parameters = genesis.parameters
        self._rules = FreshValidity(genesis.suite, genesis.chain_id, genesis.parameters)
        self._pool = pool
        self._executed = executed
        self._ids: OrderedDict[bytes, frozenset[bytes]] = OrderedDict()  # of the last proposals, by digest
        self._ids_lock = Lock()  # the loop and a worker thread use them

    def check(self, envelope: bytes, next_height: int) -> tuple[Transaction, bool]:
        """Return a transaction that may enter, its signatures not yet verified, and whether it is pooled already.

        Raises Rejection: every cheap check comes before the expensive one.
        """
        transaction = decode_transaction(envelope, self._suite)
        self._rules.check_transaction(transaction, next_height)
        if transaction.txid in self._pool:
            return transaction, True
        if self._executed(transaction.txid):
            raise Rejection(Reason.DUPLICATE, "this transaction is in the chain already")
        self._pool.check_room(transaction)
        return transaction, False

    def verify(self, transactions: Iterable[Transaction]) -> list[bool]:
        """Verify all signatures; for a worker thread."""
        return [signatures_valid(transaction, self._suite) for transaction in transactions]

    def build(self, effect: BuildProposal, timestamp_ms: int, now_ms: int) -> Batch | None:
        """Return the next batch, None when the pool has nothing to offer; ``now_ms`` is the clock of the pool."""
        chosen = self._pool.take(
            height=effect.height,
            transactions_max=self._parameters.max_block_transactions,
            # The arrays around the transactions: at most 5 bytes each, and a few for the body itself.
            bytes_max=self._parameters.max_block_bytes - 5 * self._parameters.max_block_transactions - 16,
            gas_max=self._parameters.max_block_gas,
            in_flight=self._union(effect.ancestors),
            now_ms=now_ms,
        )
        if not chosen and not self._parameters.max_idle_ms:
            return None  # with max_idle_ms the core asks on a quiet chain too, and an empty block is the answer
        body = Body(tuple(t.encoded for t in chosen), ())
        return Batch(
            body=body.encode(),
            tx_root=transactions_root(body.transactions, self._suite),
            tx_count=len(chosen),
            evidence_root=evidence_root((), self._suite),
            timestamp_ms=timestamp_ms,
        )

    def validate(self, effect: Validate) -> tuple[Transaction, ...]:
        """Return the transactions of a fresh-valid body; raise Rejection otherwise (P2). For a worker thread."""
        header = effect.header
        body = Body.decode(effect.body)
        if body.evidence or header.evidence_root != evidence_root((), self._suite):
            raise Rejection(Reason.INCONSISTENT, "this protocol version orders no evidence")
        announced = Announced(header.height, header.tx_root, header.tx_count, header.body_bytes)
        in_flight = self._union(effect.ancestors)

        def verified(transaction: Transaction) -> bool:
            pooled = self._pool.get(transaction.txid)
            if pooled is not None and pooled.encoded == transaction.encoded:
                return True
            return signatures_valid(transaction, self._suite)

        return self._rules.check(
            body, announced, seen=lambda txid: txid in in_flight or self._executed(txid), verified=verified
        )

    def note(self, digest: bytes, txids: Iterable[bytes]) -> None:
        """Remember the transaction ids of a proposal, which others will build on; the oldest is forgotten."""
        with self._ids_lock:
            self._ids[digest] = frozenset(txids)
            while len(self._ids) > limits.PROPOSALS_REMEMBERED:
                self._ids.popitem(last=False)

    def _union(self, ancestors: Iterable[Ancestor]) -> frozenset[bytes]:
        found: list[frozenset[bytes]] = []
        for digest, body in ancestors:
            with self._ids_lock:
                ids = self._ids.get(digest)
            if ids is None:
                ids = frozenset(decode_transaction(t, self._suite).txid for t in Body.decode(body).transactions)
                self.note(digest, ids)
            found.append(ids)
        return frozenset().union(*found)
