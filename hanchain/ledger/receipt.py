"""Receipts and events: what became of each transaction, provable one by one.

``receipts_root`` is a Merkle tree of RFC 6962 shape whose leaves are all receipts of the block in order, then all its
events in order. A kind byte in front of every leaf keeps a receipt from passing for an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from hanchain.crypto import Suite
from hanchain.ledger import limits
from hanchain.ledger.codec import Value, encode
from hanchain.ledger.fields import Fields
from hanchain.ledger.reasons import Reason, Rejection
from storage.proof import merkle_path, merkle_root, verify_path

RECEIPTS_TAG: Final = "hanchain/receipts/1"
_RECEIPT: Final = b"\x00"
_EVENT: Final = b"\x01"


class Status(IntEnum):
    """How a transaction ended. Only ``OK`` changed the state."""

    OK = 0
    REVERTED = 1  # the contract said no
    OUT_OF_GAS = 2
    REJECTED_AT_EXECUTION = 3  # the contract was not reached: sender, contract, method or arguments were wrong
    FAILED = 4  # the machine ended the call: the reason is the kind of failure


@dataclass(frozen=True, slots=True)
class Event:
    """Something a contract reported; the names of the fields are in the contract's description."""

    contract: str
    name: str
    fields: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The outcome of one transaction."""

    txid: bytes
    height: int
    index: int  # position in the block
    status: Status
    reason: str  # empty if ok; else a value of Reason or a code of the contract such as E_EXISTS
    message: str  # for people
    gas_used: int
    return_value: Value
    events: tuple[Event, ...]
    writes_digest: bytes  # over the keys and values written, see state.py

    def encode(self) -> bytes:
        """Return the canonical bytes: the fields in order, status as a number, events as arrays."""
        return encode(
            [
                self.txid,
                self.height,
                self.index,
                int(self.status),
                self.reason,
                self.message,
                self.gas_used,
                self.return_value,
                [(event.contract, event.name, event.fields) for event in self.events],
                self.writes_digest,
            ]
        )

    @staticmethod
    def decode(data: bytes, suite: Suite) -> Receipt:
        """Return the receipt whose encoding is ``data``; raise Rejection for anything else."""
        fields = Fields.decode(data, "receipt", max_bytes=limits.RECEIPT_BYTES_MAX, max_items=limits.ITEMS_MAX)
        receipt = Receipt(
            txid=fields.blob(suite.digest_size),
            height=fields.integer(0, limits.HEIGHT_MAX),
            index=fields.integer(0, limits.BLOCK_TRANSACTIONS_MAX - 1),
            status=Status(fields.integer(0, max(Status))),
            reason=fields.text(limits.REASON_LENGTH_MAX),
            message=fields.text(limits.MESSAGE_LENGTH_MAX),
            gas_used=fields.integer(0, limits.GAS_LIMIT_MAX),
            return_value=fields.value(),
            events=tuple(_read_event(value) for value in fields.array(limits.EVENTS_MAX)),
            writes_digest=fields.blob(suite.digest_size),
        )
        fields.end()
        if (receipt.status is Status.OK) != (receipt.reason == ""):
            raise Rejection(Reason.INCONSISTENT, f"receipt: status {receipt.status.name}, reason {receipt.reason!r}")
        return receipt


class LeafPath(NamedTuple):
    """Where a leaf stands: its position in a tree of ``size`` leaves, and the hashes that lead to the root."""

    position: int
    size: int
    path: tuple[bytes, ...]


def leaves_of(receipts: Sequence[Receipt]) -> list[bytes]:
    """Return the leaves of ``receipts_root``; leaf ``i`` of the receipts is the kind byte and ``encode()``."""
    leaves = [_RECEIPT + receipt.encode() for receipt in receipts]
    leaves += [
        event_leaf(receipt, position)
        for receipt in receipts
        if receipt.events
        for position in range(len(receipt.events))
    ]
    return leaves


def receipt_leaf(receipt: Receipt) -> bytes:
    """Return the leaf of a receipt."""
    return _RECEIPT + receipt.encode()


def event_leaf(receipt: Receipt, position: int) -> bytes:
    """Return the leaf of an event."""
    return leaf_of_event(event_content(receipt, position))


def leaf_of_event(content: bytes) -> bytes:
    """Return the leaf of an event with this content."""
    return _EVENT + content


def event_content(receipt: Receipt, position: int) -> bytes:
    """Return an event with its place: ``[height, transaction index, event index, txid, contract, name, fields]``."""
    event = receipt.events[position]
    return encode([receipt.height, receipt.index, position, receipt.txid, event.contract, event.name, event.fields])


def root_of(leaves: Sequence[bytes], suite: Suite) -> bytes:
    """Return ``receipts_root`` from the leaves of ``leaves_of``."""
    return merkle_root(leaves, suite.tagged_hasher(RECEIPTS_TAG))


def receipts_root(receipts: Sequence[Receipt], suite: Suite) -> bytes:
    """Return the root that a header commits to."""
    return root_of(leaves_of(receipts), suite)


def receipt_path(receipts: Sequence[Receipt], index: int, suite: Suite) -> LeafPath:
    """Return where the receipt at ``index`` stands under ``receipts_root``."""
    return _leaf_path(leaves_of(receipts), index, suite)


def event_path(receipts: Sequence[Receipt], index: int, position: int, suite: Suite) -> LeafPath:
    """Return where event ``position`` of the receipt at ``index`` stands under ``receipts_root``."""
    assert 0 <= position < len(receipts[index].events), "asked for an event that exists"
    leaf = len(receipts) + sum(len(receipt.events) for receipt in receipts[:index]) + position
    return _leaf_path(leaves_of(receipts), leaf, suite)


def verify_leaf(leaf: bytes, where: LeafPath, root: bytes, suite: Suite) -> bool:
    """Tell whether ``leaf`` stands where it says under ``root``; nothing about the arguments is trusted."""
    return verify_path(leaf, where.position, where.size, where.path, root, suite.tagged_hasher(RECEIPTS_TAG))


def _leaf_path(leaves: Sequence[bytes], index: int, suite: Suite) -> LeafPath:
    return LeafPath(index, len(leaves), tuple(merkle_path(leaves, index, suite.tagged_hasher(RECEIPTS_TAG))))


def _read_event(value: Value) -> Event:
    fields = Fields(value, "event")
    event = Event(
        fields.text(limits.NAME_LENGTH_MAX),
        fields.text(limits.NAME_LENGTH_MAX),
        fields.array(limits.ARGUMENTS_MAX),
    )
    fields.end()
    return event
