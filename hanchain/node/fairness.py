"""Whether the leader leaves out transactions of this node's pool (consensus specification, section 11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from consensus.censorship import NO_ROOM, Room, Waiting, Watch
from consensus.interface import Censored
from consensus.messages import ProposalHeader
from hanchain.ledger.transaction import Transaction
from hanchain.node.execution import StoredBlock

if TYPE_CHECKING:
    from hanchain.node.node import Node


class Fairness:
    """Watches what was forwarded to the leader, and tells consensus when it is left out."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._parameters = node.genesis.parameters
        settings = node.settings
        self._watch = Watch(
            patience_ms=settings.complain_ms - settings.forward_ms,
            block_transactions=self._parameters.max_block_transactions,
        )
        self._left_out: Waiting | None = None

    def new_leader(self) -> None:
        """Begin anew with another leader."""
        self._watch.new_leader()

    def forwarded(self, transactions: Sequence[Transaction]) -> None:
        """Take note of transactions pushed to all validators, the leader among them, oldest first."""
        node = self._node
        watchable = [
            Waiting(t.txid, t.payload.sender, node.pool.order(t.txid), len(t.encoded), t.payload.gas_limit)
            for t in transactions
        ]
        self._watch.forwarded(watchable, waiting=len(node.pool), now_ms=node.now_ms())

    def included(self, block: StoredBlock, header: ProposalHeader | None) -> None:
        """Take note of an executed block before its transactions leave the pool; caught up ones have no ``header``."""
        orders: dict[bytes, int | None] = {}
        gas = 0
        for txid in block.transaction_ids:
            pooled = self._node.pool.get(txid)
            orders[txid] = None if pooled is None else self._node.pool.order(txid)
            gas += self._parameters.max_transaction_gas if pooled is None else pooled.payload.gas_limit
        room = NO_ROOM
        if header is not None:
            room = Room(
                self._parameters.max_block_transactions - header.tx_count,
                # As a leader reckons it: a few bytes for the arrays around the transactions.
                self._parameters.max_block_bytes - 5 * self._parameters.max_block_transactions - 16 - header.body_bytes,
                self._parameters.max_block_gas - gas,
            )
        self._watch.included(block.height, orders, room)

    def expired(self, txids: Sequence[bytes]) -> None:
        """Take note of what no block can contain any more."""
        self._watch.gone(txids)

    def look(self) -> None:
        """Tell consensus of a transaction left out, as long as it is, and when it no longer is."""
        left_out = self._watch.censored(self._node.now_ms())
        if left_out is not None:
            if self._left_out is None:
                self._node.left_out(left_out.identifier)
            self._node.handle(Censored(self._node.snapshot().view))
        elif self._left_out is not None:
            self._node.handle(Censored(None))
        self._left_out = left_out
