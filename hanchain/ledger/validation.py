"""Fresh validity (rule P2): whether a proposed body may be voted for, as far as that concerns its transactions.

Judged on a fresh proposal only: a batch forced by a view change was judged by f + 1 correct validators before. What
depends on state is never judged here: it becomes a failed receipt. Evidence is judged by consensus.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hanchain.crypto import Suite
from hanchain.ledger.block import Body, transactions_root
from hanchain.ledger.parameters import Parameters
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.transaction import Transaction, check_stateless, decode_transaction


@dataclass(frozen=True, slots=True)
class Announced:
    """What the proposal's header says about its body."""

    height: int
    transactions_root: bytes
    transaction_count: int
    body_bytes: int


@dataclass(frozen=True, slots=True)
class FreshValidity:
    """The judge of fresh bodies on one chain. It holds no state: what was seen and verified is asked of the caller."""

    suite: Suite
    chain_id: bytes
    parameters: Parameters

    def check(
        self,
        body: Body,
        announced: Announced,
        *,
        seen: Callable[[bytes], bool],
        verified: Callable[[Transaction], bool],
    ) -> tuple[Transaction, ...]:
        """Return the body's transactions; raise Rejection for the first thing that must not be voted for.

        ``seen(txid)``: in an ancestor still in flight or in the window of executed transactions.
        ``verified(transaction)``: all its signatures are good; the caller keeps the memory of that.
        """
        self._check_size(body, announced)
        transactions = tuple(
            self._judge(encoded, index, announced.height) for index, encoded in enumerate(body.transactions)
        )
        wanted = sum(transaction.payload.gas_limit for transaction in transactions)
        if wanted > self.parameters.max_block_gas:
            raise Rejection(Reason.TOO_MUCH_GAS, f"gas limits of {wanted}, at most {self.parameters.max_block_gas}")
        here: set[bytes] = set()
        for index, transaction in enumerate(transactions):
            if transaction.txid in here or seen(transaction.txid):
                raise Rejection(Reason.DUPLICATE, f"transaction {index}: {transaction.txid.hex()}")
            here.add(transaction.txid)
        for index, transaction in enumerate(transactions):  # last: signatures cost more than all the rest
            if not verified(transaction):
                raise Rejection(Reason.BAD_SIGNATURE, f"transaction {index}: {transaction.txid.hex()}")
        return transactions

    def check_transaction(self, transaction: Transaction, height: int) -> None:
        """Raise Rejection unless the transaction may stand in a block at ``height``; signatures are not verified."""
        check_stateless(
            transaction,
            chain_id=self.chain_id,
            height=height,
            suite=self.suite,
            expiry_window=self.parameters.expiry_window,
            gas_max=self.parameters.max_transaction_gas,
            verify=False,
        )

    def _judge(self, encoded: bytes, index: int, height: int) -> Transaction:
        try:
            transaction = decode_transaction(encoded, self.suite)
            self.check_transaction(transaction, height)
        except Rejection as rejection:
            raise Rejection(rejection.reason, f"transaction {index}: {rejection.detail}") from None
        return transaction

    def _check_size(self, body: Body, announced: Announced) -> None:
        count, size = len(body.transactions), len(body.encode())
        if count > self.parameters.max_block_transactions:
            raise Rejection(Reason.TOO_MANY_TRANSACTIONS, f"{count}, at most {self.parameters.max_block_transactions}")
        if size > self.parameters.max_block_bytes:
            raise Rejection(Reason.BODY_TOO_LARGE, f"{size} bytes, at most {self.parameters.max_block_bytes}")
        if count != announced.transaction_count:
            raise Rejection(Reason.WRONG_COUNT, f"{count} transactions, {announced.transaction_count} announced")
        if size != announced.body_bytes:
            raise Rejection(Reason.WRONG_BODY_SIZE, f"{size} bytes, {announced.body_bytes} announced")
        if transactions_root(body.transactions, self.suite) != announced.transactions_root:
            raise Rejection(Reason.WRONG_TRANSACTIONS_ROOT, "the header announces another body")


def announce(body: Body, height: int, suite: Suite) -> Announced:
    """Return what a leader announces about ``body``."""
    return Announced(
        height=height,
        transactions_root=transactions_root(body.transactions, suite),
        transaction_count=len(body.transactions),
        body_bytes=len(body.encode()),
    )
