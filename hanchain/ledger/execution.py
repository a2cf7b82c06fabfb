"""Execution: from an ordered batch to receipts, writes and the header that validators seal.

``apply_block`` never raises for a transaction's fault: that is a failed receipt. It raises :class:`Fault` when what
was ordered contradicts what every validator has checked before it voted; a node that sees that must stop voting.

Order within a block: governance time-outs due at this height, transactions in order, evidence, end-of-epoch work. In
this version of the protocol the system contracts give only the second something to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hanchain.crypto import Suite
from hanchain.ledger import gas, limits
from hanchain.ledger.block import BlockHeader, Body, transactions_root
from hanchain.ledger.codec import Value, encode
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.host import Caller, NativeHost, Revert
from hanchain.ledger.reasons import Fault, Reason, Rejection
from hanchain.ledger.receipt import Event, Receipt, Status, leaves_of, root_of
from hanchain.ledger.state import Journal, Read, Writes, next_state_root, writes_digest
from hanchain.ledger.system import anchor
from hanchain.ledger.system.registry import Refused, Registry, call_method
from hanchain.ledger.transaction import Transaction, account_of, decode_transaction


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
class Rules:
    """What is the same for every block of an epoch."""

    suite: Suite
    chain_id: bytes
    validators_hash: bytes
    parameters_hash: bytes
    registry: Registry


@dataclass(frozen=True, slots=True)
class Parent:
    """What a block takes over from the one before it."""

    height: int
    block_hash: bytes
    state_root: bytes


@dataclass(frozen=True, slots=True)
class Executed:
    """The results of a block: everything the node stores, and the hash that it seals."""

    header: BlockHeader
    block_hash: bytes
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
        return Parent(self.header.height, self.block_hash, self.header.state_root)


def system_registry() -> Registry:
    """Return the system contracts of this version of the protocol."""
    return Registry((anchor.CONTRACT,))


def rules_of(genesis: Genesis, registry: Registry | None = None) -> Rules:
    """Return the rules of a network's first epoch."""
    return Rules(
        suite=genesis.suite,
        chain_id=genesis.chain_id,
        validators_hash=genesis.validators_hash,
        parameters_hash=genesis.parameters.hash(genesis.suite),
        registry=registry or system_registry(),
    )


def parent_of(header: BlockHeader, suite: Suite) -> Parent:
    """Return what the block after ``header`` takes over."""
    return Parent(header.height, header.hash(suite), header.state_root)


class _Base:
    """A read function as a base of journals, until there is an authenticated state."""

    def __init__(self, read: Read) -> None:
        self.get = read

    def scan(self, *_: object, descending: bool) -> Iterator[tuple[bytes, bytes]]:  # noqa: ARG002  # Reader's name
        raise Fault("system contracts scan nothing")


def apply_block(read: Read, ordering: Ordering, body: Body, parent: Parent, rules: Rules) -> Executed:
    """Execute ``body`` on the state behind ``read``, which is not changed: the writes are in the result."""
    suite = rules.suite
    if ordering.height != parent.height + 1:
        raise Fault(f"block {ordering.height} on top of block {parent.height}")
    if ordering.transactions_root != transactions_root(body.transactions, suite):
        raise Fault(f"the body of block {ordering.height} is not the one that was ordered")
    state = Journal(_Base(read))

    receipts = tuple(
        _execute(state, ordering, index, _ordered(encoded, suite), rules)
        for index, encoded in enumerate(body.transactions)
    )

    leaves = leaves_of(receipts)
    writes = state.writes()
    header = BlockHeader(
        suite_id=suite.id,
        chain_id=rules.chain_id,
        epoch=ordering.epoch,
        height=ordering.height,
        proposal_digest=ordering.proposal_digest,
        parent_hash=parent.block_hash,
        transactions_root=ordering.transactions_root,
        receipts_root=root_of(leaves, suite),
        state_root=next_state_root(parent.state_root, writes, suite),
        validators_hash=rules.validators_hash,
        next_validators_hash=bytes(suite.digest_size),
        proposal_view=ordering.view,
        proposer=ordering.proposer,
        timestamp_ms=ordering.timestamp_ms,
        parameters_hash=rules.parameters_hash,
    )
    encoded_receipts = tuple(leaf[1:] for leaf in leaves[: len(receipts)])
    return Executed(header, header.hash(suite), receipts, encoded_receipts, writes)


def call_view(
    read: Read, contract: str, method: str, arguments: Sequence[Value], *, at: BlockHeader, gas_limit: int, rules: Rules
) -> Value:
    """Return what a view method says about the state behind ``read``, that of the block ``at``.

    Raise Rejection(UNKNOWN_CONTRACT | UNKNOWN_METHOD | BAD_ARGUMENTS | OUT_OF_GAS | REVERTED); the detail of
    REVERTED begins with the contract's code.
    """
    caller = Caller(sender=b"", txid=b"", height=at.height, time_ms=at.timestamp_ms)
    host = NativeHost(contract, Journal(_Base(read)), gas.Meter(gas_limit), caller, read_only=True)
    try:
        return call_method(rules.registry.method(contract, method, view=True), host, arguments)
    except Refused as refused:
        raise Rejection(refused.reason, refused.message) from None
    except Revert as revert:
        raise Rejection(Reason.REVERTED, str(revert)) from None
    except gas.OutOfGas:
        raise Rejection(Reason.OUT_OF_GAS, f"more than {gas_limit}") from None


def _ordered(encoded: bytes, suite: Suite) -> Transaction:
    try:
        return decode_transaction(encoded, suite)
    except Rejection as rejection:
        raise Fault(f"an ordered transaction is not well-formed: {rejection}") from rejection


def _execute(state: Journal, ordering: Ordering, index: int, transaction: Transaction, rules: Rules) -> Receipt:
    """Execute one transaction in a journal of its own, which is committed only if all of it went well."""
    payload = transaction.payload
    meter = gas.Meter(payload.gas_limit)
    state.begin()
    caller = Caller(payload.sender, transaction.txid, ordering.height, ordering.timestamp_ms)
    host = NativeHost(payload.contract, state, meter, caller, read_only=False)
    status, reason, message, value = Status.OK, "", "", None
    try:
        meter.charge(gas.intrinsic(len(transaction.encoded), len(transaction.signatures)))
        _authorise(transaction, rules.suite)
        method = rules.registry.method(payload.contract, payload.method, view=False)
        value = call_method(method, host, payload.arguments)
        assert value is None or len(encode(value)) <= limits.RETURN_BYTES_MAX, "system contracts return little"
    except gas.OutOfGas:
        status, reason, message = Status.OUT_OF_GAS, Reason.OUT_OF_GAS.value, f"gas limit {payload.gas_limit}"
    except Refused as refused:
        status, reason, message = Status.REJECTED_AT_EXECUTION, refused.reason.value, refused.message
    except Revert as revert:
        status, reason, message = Status.REVERTED, revert.code, revert.message
    digest = writes_digest(state.changes() if status is Status.OK else (), rules.suite)
    if status is Status.OK:
        state.keep()
    else:
        state.undo()
    return Receipt(
        txid=transaction.txid,
        height=ordering.height,
        index=index,
        status=status,
        reason=reason,
        message=message[: limits.MESSAGE_LENGTH_MAX],
        gas_used=meter.used,
        return_value=value,
        events=tuple(host.events) if status is Status.OK else (),
        writes_digest=digest,
    )


def _authorise(transaction: Transaction, suite: Suite) -> None:
    """Refuse a sender that none of the transaction's (valid) signatures speaks for."""
    for entry in transaction.signatures:
        if account_of(entry.algorithm, entry.public_key, suite) == transaction.payload.sender:
            return
    raise Refused(Reason.WRONG_SENDER, "the sender is not the account of any key that signed")
