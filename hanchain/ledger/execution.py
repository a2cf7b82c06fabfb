"""Execution: from an ordered batch to receipts, writes and the header that validators seal.

``apply_block`` never raises for a transaction's fault: that is a failed receipt. It raises :class:`Fault` when what
was ordered contradicts what every validator has checked before it voted; a node that sees that must stop voting.

Order within a block: governance time-outs due at this height, transactions in order, evidence, end-of-epoch work. In
this version of the protocol the system contracts give only the second something to do.
"""

from __future__ import annotations

from dataclasses import dataclass

from hanchain.crypto import Suite
from hanchain.ledger import transact
from hanchain.ledger.block import BlockHeader, Body, transactions_root
from hanchain.ledger.catalogue import Catalogue
from hanchain.ledger.reasons import Fault, Rejection
from hanchain.ledger.receipt import Event, Receipt, leaves_of, root_of
from hanchain.ledger.rules import Rules, rules_of, system_registry
from hanchain.ledger.state import Base, Journal, State, Writes
from hanchain.ledger.transact import call_view
from hanchain.ledger.transaction import Transaction, decode_transaction

__all__ = [
    "Catalogue",
    "Executed",
    "Ordering",
    "Parent",
    "Ran",
    "Rules",
    "apply_block",
    "call_view",
    "decode_block",
    "parent_of",
    "rules_of",
    "run_block",
    "seal_block",
    "system_registry",
]


@dataclass(frozen=True, slots=True)
class Ordering:
    """What consensus decided about a batch, besides its body."""

    height: int
    epoch: int
    proposal_digest: bytes
    transactions_root: bytes
    view: int  # in which the batch was first proposed
    proposer: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Parent:
    """What a block takes over from the one before it."""

    height: int
    block_hash: bytes


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of the transactions of a block, and what they wrote."""

    receipts: tuple[Receipt, ...]
    writes: Writes


@dataclass(frozen=True, slots=True)
class Executed:
    """The results of a block: everything the node stores, and the hash that it seals."""

    header: BlockHeader
    block_hash: bytes
    transactions: tuple[Transaction, ...]
    receipts: tuple[Receipt, ...]
    encoded_receipts: tuple[bytes, ...]
    writes: Writes

    @property
    def events(self) -> tuple[Event, ...]:
        """All events of the block in order."""
        return tuple(event for receipt in self.receipts for event in receipt.events)

    @property
    def as_parent(self) -> Parent:
        """What the next block takes over."""
        return Parent(self.header.height, self.block_hash)


def parent_of(header: BlockHeader, suite: Suite) -> Parent:
    """Return what the block after ``header`` takes over."""
    return Parent(header.height, header.hash(suite))


def apply_block(
    state: State, ordering: Ordering, body: Body, parent: Parent, rules: Rules, catalogue: Catalogue
) -> Executed:
    """Execute ``body`` on ``state``, that after ``parent``, which is not changed: the writes are in the result.

    They are staged in ``state`` (``root_after``), for its owner to commit. This is ``decode_block``, ``run_block`` and
    ``seal_block`` in order, for whoever does not time them one by one.
    """
    transactions = decode_block(ordering, body, parent, rules)
    ran = run_block(state, ordering, transactions, rules, catalogue)
    return seal_block(state.root_after(ran.writes), ordering, transactions, ran, parent, rules)


def decode_block(ordering: Ordering, body: Body, parent: Parent, rules: Rules) -> tuple[Transaction, ...]:
    """Return the transactions of the block that follows ``parent``; raise Fault when this is not that block."""
    if ordering.height != parent.height + 1:
        raise Fault(f"block {ordering.height} on top of block {parent.height}")
    if ordering.transactions_root != transactions_root(body.transactions, rules.suite):
        raise Fault(f"the body of block {ordering.height} is not the one that was ordered")
    try:
        return tuple([decode_transaction(encoded, rules.suite) for encoded in body.transactions])
    except Rejection as rejection:
        raise Fault(f"an ordered transaction is not well-formed: {rejection}") from rejection


def run_block(
    state: Base, ordering: Ordering, transactions: tuple[Transaction, ...], rules: Rules, catalogue: Catalogue
) -> Ran:
    """Execute transactions in their order on ``state``, which is not changed."""
    journal = Journal(state)
    receipts = tuple(
        [
            transact.execute(
                journal,
                transaction,
                height=ordering.height,
                time_ms=ordering.timestamp_ms,
                index=index,
                rules=rules,
                catalogue=catalogue,
            )
            for index, transaction in enumerate(transactions)
        ]
    )
    return Ran(receipts, journal.writes())


def seal_block(
    state_root: bytes,
    ordering: Ordering,
    transactions: tuple[Transaction, ...],
    ran: Ran,
    parent: Parent,
    rules: Rules,
) -> Executed:
    """Return the results of a block whose writes give the state ``state_root``."""
    leaves = leaves_of(ran.receipts)
    header = BlockHeader(
        suite_id=rules.suite.id,
        chain_id=rules.chain_id,
        epoch=ordering.epoch,
        height=ordering.height,
        proposal_digest=ordering.proposal_digest,
        parent_hash=parent.block_hash,
        transactions_root=ordering.transactions_root,
        receipts_root=root_of(leaves, rules.suite),
        state_root=state_root,
        validators_hash=rules.validators_hash,
        next_validators_hash=bytes(rules.suite.digest_size),
        proposal_view=ordering.view,
        proposer=ordering.proposer,
        timestamp_ms=ordering.timestamp_ms,
        parameters_hash=rules.parameters_hash,
    )
    return Executed(
        header=header,
        block_hash=header.hash(rules.suite),
        transactions=transactions,
        receipts=ran.receipts,
        encoded_receipts=tuple(leaf[1:] for leaf in leaves[: len(ran.receipts)]),
        writes=ran.writes,
    )
