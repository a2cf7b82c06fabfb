"""The single steps of a verification: what each kind of bundle has to show, in words for the person who asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from hanchain.crypto import Suite
from hanchain.ledger import limits
from hanchain.ledger.block import TRANSACTIONS_TAG, BlockHeader
from hanchain.ledger.bundles import EventBundle, StateBundle, TransactionBundle
from hanchain.ledger.cells import cell_parts
from hanchain.ledger.codec import CodecError, Value, decode
from hanchain.ledger.fields import Fields
from hanchain.ledger.reasons import Rejection
from hanchain.ledger.receipt import Receipt, Status, leaf_of_event, receipt_leaf, verify_leaf
from hanchain.ledger.state import state_hasher, state_key
from hanchain.ledger.system import anchor
from hanchain.ledger.transaction import Transaction, signatures_valid
from storage.proof import verify_path
from storage.treeproof import verify_tree_path

_SHOWN_LENGTH_MAX: Final = 400  # characters of a value in one line


class Failed(Exception):
    """A step does not hold, for this reason."""


def require(holds: bool, otherwise: str) -> None:
    """Raise Failed unless something holds."""
    if not holds:
        raise Failed(otherwise)


# ------------------------------------------------------------------------------------------------------- transactions


def check_signature(transaction: Transaction, suite: Suite) -> str:
    """Check the signatures with the keys that they carry."""
    require(bool(transaction.signatures), "nobody signed the transaction")
    require(all(entry.algorithm == suite.id for entry in transaction.signatures), "a key of another algorithm")
    require(signatures_valid(transaction, suite), "a signature is not good: the transaction was changed")
    return "signed with " + ", ".join(entry.public_key.hex() for entry in transaction.signatures)


def check_transaction(bundle: TransactionBundle, receipt: Receipt, header: BlockHeader, suite: Suite) -> str:
    """Check that the transaction stands under the header, where the receipt says."""
    where = bundle.transaction_path
    require(where.position == receipt.index, "the receipt names another position in the block")
    included = verify_path(
        bundle.transaction,
        where.position,
        where.size,
        where.path,
        header.transactions_root,
        suite.tagged_hasher(TRANSACTIONS_TAG),
    )
    require(included, "the transaction is not under the header's root")
    return f"number {where.position} in block {header.height}"


def check_receipt(
    bundle: TransactionBundle, transaction: Transaction, receipt: Receipt, header: BlockHeader, suite: Suite
) -> str:
    """Check that the receipt is this transaction's and stands under the header."""
    require(receipt.txid == transaction.txid, "the receipt is of another transaction")
    require(receipt.height == header.height, "the receipt is of another block")
    included = verify_leaf(receipt_leaf(receipt), bundle.receipt_path, header.receipts_root, suite)
    require(included, "the receipt is not under the header's root")
    return f"transaction {receipt.txid.hex()}"


def outcome_of(transaction: Transaction, receipt: Receipt) -> str:
    """Return how a transaction ended."""
    if receipt.status is Status.OK:
        return f"executed: {transaction.payload.contract}.{transaction.payload.method}"
    return f"failed ({receipt.status.name.lower()}): {receipt.reason}: {receipt.message}"


def find_digest_in_call(transaction: Transaction, receipt: Receipt, digest: bytes) -> str:
    """Check that an executed call has ``digest`` among its arguments; of an anchoring, that it is what was anchored."""
    payload = transaction.payload
    call = f"{payload.contract}.{payload.method}"
    require(receipt.status is Status.OK, f"the call of {call} failed: it put nothing on record")
    if (payload.contract, payload.method) == (anchor.NAME, anchor.NOTARISE):
        anchored = payload.arguments[0]  # an executed call has the arguments of its method
        require(anchored == digest, f"anchored {shown(anchored)}, not {digest.hex()}")
        return f"anchored {digest.hex()} as {payload.arguments[1]!r}, {payload.arguments[2]!r} bytes"
    where = _place_of(digest, payload.arguments)
    require(where is not None, f"{digest.hex()} is no argument of {call}")
    return f"{digest.hex()} is argument {where} of {call}"


def check_owner(transaction: Transaction, receipt: Receipt, owner: bytes) -> str:
    """Check that an account sent the transaction; only execution finds out whether its keys speak for the sender."""
    sender = transaction.payload.sender
    reached = receipt.status in {Status.OK, Status.REVERTED, Status.FAILED}
    require(reached, "the transaction did not reach its contract: nobody checked that its keys speak for the sender")
    require(sender == owner, f"the sender is {sender.hex()}, not {owner.hex()}")
    return f"sent by {owner.hex()}"


# -------------------------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class ReportedEvent:
    """The content of an event's leaf."""

    height: int
    index: int  # of the transaction in its block
    position: int  # of the event in its transaction
    txid: bytes
    contract: str
    name: str
    fields: tuple[Value, ...]


def read_event(content: bytes, suite: Suite) -> ReportedEvent:
    """Return the event whose leaf has this content; raise Rejection for anything else."""
    fields = Fields.decode(
        content, "event", max_bytes=limits.EVENT_CONTENT_BYTES_MAX, max_items=limits.ARGUMENT_ITEMS_MAX
    )
    event = ReportedEvent(
        height=fields.integer(0, limits.HEIGHT_MAX),
        index=fields.integer(0, limits.ITEMS_MAX),
        position=fields.integer(0, limits.EVENTS_MAX),
        txid=fields.blob(suite.digest_size),
        contract=fields.text(limits.NAME_LENGTH_MAX),
        name=fields.text(limits.NAME_LENGTH_MAX),
        fields=fields.array(limits.ARGUMENTS_MAX),
    )
    fields.end()
    return event


def check_event(bundle: EventBundle, event: ReportedEvent, header: BlockHeader, suite: Suite) -> str:
    """Check that the event stands under the header of its block."""
    require(event.height == header.height, "the event is of another block")
    included = verify_leaf(leaf_of_event(bundle.event), bundle.event_path, header.receipts_root, suite)
    require(included, "the event is not under the header's root")
    return f"number {event.position} of transaction {event.txid.hex()}"


def reported(event: ReportedEvent) -> str:
    """Return the event in words."""
    return f"reported: {event.contract}.{event.name}({', '.join(map(shown, event.fields))})"


def find_in_event(event: ReportedEvent, wanted: bytes, what: str) -> str:
    """Check that an event names a digest or an account."""
    where = _place_of(wanted, event.fields)
    require(where is not None, f"{wanted.hex()} is no field of {event.contract}.{event.name}")
    return f"{what} {wanted.hex()} is field {where} of {event.contract}.{event.name}"


# --------------------------------------------------------------------------------------------------------------- state


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key of a contract's state with its decoded value; ``name`` is the key in words."""

    name: str
    parts: tuple[Value, ...]  # of the key, without the cell's name; empty for a key of another form
    present: bool
    value: Value


def read_stored(bundle: StateBundle) -> StoredKey:
    """Return what a bundle says of the state; a key or a value of another form is shown as bytes."""
    present = bundle.value is not None
    value: Value = bundle.value
    if bundle.value is not None:
        most = limits.STATE_VALUE_BYTES_MAX  # also of elements: each has at least one byte
        with suppress(CodecError):  # it is proved all the same
            value = decode(bundle.value, max_bytes=most, max_items=most)
    try:
        cell, *parts = cell_parts(bundle.key)
    except (Rejection, ValueError):  # bytes that are no key, or no parts at all
        return StoredKey(f"{bundle.contract}/{shown(bundle.key)}", (), present, value)
    keys = f"[{', '.join(map(shown, parts))}]" if parts else ""
    name = cell if isinstance(cell, str) and cell.isprintable() else shown(cell)
    return StoredKey(f"{bundle.contract}/{name}{keys}", tuple(parts), present, value)


def check_state(bundle: StateBundle, stored: StoredKey, header: BlockHeader, suite: Suite) -> str:
    """Check that the state's tree has the key with this value, or does not have it."""
    key = state_key(bundle.contract, bundle.key)
    holds = verify_tree_path(header.state_root, key, bundle.value, bundle.tree_proof, state_hasher(suite))
    claim = f"has {stored.name} with this value" if stored.present else f"has no {stored.name}"
    require(holds, f"the path does not show that the state {claim}")
    return f"present: {stored.name}" if stored.present else f"absent: no {stored.name}"


def stored_as_of(stored: StoredKey, header: BlockHeader) -> str:
    """Return what is stored, in words."""
    if not stored.present:
        return f"absent: after block {header.height} there is no {stored.name}"
    return f"present: after block {header.height} {stored.name} is {shown(stored.value)}"


def find_in_key(stored: StoredKey, wanted: bytes, what: str) -> str:
    """Check that a digest or an account is a part of the key, or an element of the value."""
    where = _place_of(wanted, stored.parts)
    if where is not None:
        return f"{what} {wanted.hex()} is part {where} of the key"
    elements = stored.value if isinstance(stored.value, tuple) else (stored.value,)
    where = _place_of(wanted, elements)
    require(where is not None, f"{wanted.hex()} stands neither in the key nor in the value of {stored.name}")
    return f"{what} {wanted.hex()} is element {where} of the value"


# --------------------------------------------------------------------------------------------------------------- words


def shown(value: Value) -> str:
    """Return a value in one line of bounded length."""
    text = "".join(_pieces(value))
    return text if len(text) <= _SHOWN_LENGTH_MAX else text[: _SHOWN_LENGTH_MAX - 1] + "…"


def _pieces(value: Value) -> Iterator[str]:
    if isinstance(value, bytes):
        yield "0x" + value[:_SHOWN_LENGTH_MAX].hex()
    elif isinstance(value, list | tuple):
        yield "["
        for position, item in enumerate(value[:_SHOWN_LENGTH_MAX]):
            yield ", " if position else ""
            yield from _pieces(item)
        yield "]"
    else:
        yield repr(value[:_SHOWN_LENGTH_MAX] if isinstance(value, str) else value)


def _place_of(wanted: bytes, values: tuple[Value, ...]) -> int | None:
    """Return the position, from 1, of bytes among values: as they are, or as contracts write an account."""
    for position, value in enumerate(values, start=1):
        if value in (wanted, wanted.hex()):
            return position
    return None
