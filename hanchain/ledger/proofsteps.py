"""The single steps of a verification: what each kind of bundle has to show, in words for the person who asked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
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
_PART_LENGTH_MAX: Final = 4 * limits.STATE_KEY_BYTES_MAX  # of a part of a key, with escapes: never cut, since it names
_CELL_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(#[A-Za-z0-9_,]+)?")  # of a cell, or of an index of a table
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})  # bidirectional classes that move their neighbours
_INVISIBLE: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # printable for Unicode, and drawn as nothing


class Outcome(StrEnum):
    """What a proof shows: the first word of its step ``outcome``."""

    EXECUTED = "executed"
    FAILED = "failed"
    REPORTED = "reported"
    PRESENT = "present"
    ABSENT = "absent"


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
    require(bundle.receipt_path.position == receipt.index, "the receipt names another position in the block")
    included = verify_leaf(receipt_leaf(receipt), bundle.receipt_path, header.receipts_root, suite)
    require(included, "the receipt is not under the header's root")
    return f"transaction {receipt.txid.hex()}"


def outcome_of(transaction: Transaction, receipt: Receipt) -> str:
    """Return how a transaction ended."""
    if receipt.status is Status.OK:
        return f"{Outcome.EXECUTED}: {transaction.payload.contract}.{transaction.payload.method}"
    reason = receipt.reason if _CODE.fullmatch(receipt.reason) else shown(receipt.reason)  # contracts write any text
    message = f": {shown(receipt.message)}" if receipt.message else ""
    return f"{Outcome.FAILED} ({receipt.status.name.lower()}): {reason}{message}"


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
    return f"{Outcome.REPORTED}: {event.contract}.{event.name}({', '.join(map(shown, event.fields))})"


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
    content: bytes | None  # None: nothing is stored

    @property
    def value(self) -> Value:
        """What is stored; bytes that encode nothing as they are. Only for sealed content: strangers' may be a bomb."""
        if self.content is None:
            return None
        most = limits.STATE_VALUE_BYTES_MAX  # also of elements: each has at least one byte
        try:
            value: Value = decode(self.content, max_bytes=most, max_items=most)
        except CodecError:  # it is proved all the same
            return self.content
        return value


def read_stored(bundle: StateBundle) -> StoredKey:
    """Return what a bundle says of the state; a key of another form is shown as bytes.

    Two keys never have one name: anyone can ask for the absence of a key that looks like another in words.
    """
    try:
        cell, *parts = cell_parts(bundle.key)
    except (Rejection, ValueError):  # bytes that are no key, or no parts at all
        return StoredKey(f"{bundle.contract}/raw {_shown_part(bundle.key)}", (), bundle.value)
    keys = f"[{', '.join(map(_shown_part, parts))}]" if parts else ""
    name = cell if isinstance(cell, str) and _CELL_NAME.fullmatch(cell) else f"({_shown_part(cell)})"
    return StoredKey(f"{bundle.contract}/{name}{keys}", tuple(parts), bundle.value)


def check_state(bundle: StateBundle, stored: StoredKey, header: BlockHeader, suite: Suite) -> str:
    """Check that the state's tree has the key with this value, or does not have it."""
    key = state_key(bundle.contract, bundle.key)
    holds = verify_tree_path(header.state_root, key, bundle.value, bundle.tree_proof, state_hasher(suite))
    present = stored.content is not None
    claim = f"has {stored.name} with this value" if present else f"has no {stored.name}"
    require(holds, f"the path does not show that the state {claim}")
    return f"present: {stored.name}" if present else f"absent: no {stored.name}"


def stored_as_of(stored: StoredKey, header: BlockHeader) -> str:
    """Return what is stored, in words."""
    if stored.content is None:
        return f"{Outcome.ABSENT}: after block {header.height} there is no {stored.name}"
    if not stored.content:  # an entry of an index
        return f"{Outcome.PRESENT}: after block {header.height} there is {stored.name}, without a value"
    return f"{Outcome.PRESENT}: after block {header.height} {stored.name} is {shown(stored.value)}"


def find_in_key(stored: StoredKey, wanted: bytes, what: str, *, as_text: bool) -> str:
    """Check that a digest or an account is a part of the key, or an element of the value.

    ``as_text``: how an absent key must hold it, as the contract would have written it. Absence of the other form says
    nothing: the key ``['00ff']`` is absent where ``[0x00ff]`` is not.
    """
    if stored.content is None:
        form: bytes | str = wanted.hex() if as_text else wanted
        require(form in stored.parts, f"{shown(form)} is no part of the absent key {stored.name}")
        return f"{what} {wanted.hex()} is part {stored.parts.index(form) + 1} of the key"
    where = _place_of(wanted, stored.parts)
    if where is not None:
        return f"{what} {wanted.hex()} is part {where} of the key"
    value = stored.value
    where = _place_of(wanted, value if isinstance(value, tuple) else (value,))
    require(where is not None, f"{wanted.hex()} stands neither in the key nor in the value of {stored.name}")
    return f"{what} {wanted.hex()} is element {where} of the value"


# --------------------------------------------------------------------------------------------------------------- words


def shown(value: Value) -> str:
    """Return a value in one line of bounded length, in characters that stay where they are and mean what they seem.

    Text is in quotes. Escaped in it are control characters, all but the first of several spaces (a terminal breaks
    lines, and padding would begin a line of somebody's choice), letters that are drawn as nothing, and letters written
    from right to left, which move what stands beside them.
    """
    text = "".join(_pieces(value, _SHOWN_LENGTH_MAX))
    return text if len(text) <= _SHOWN_LENGTH_MAX else text[: _SHOWN_LENGTH_MAX - 1] + "…"


def _shown_part(part: Value) -> str:
    """Return a part of a key in words, whole."""
    return "".join(_pieces(part, _PART_LENGTH_MAX))


def _pieces(value: Value, most: int) -> Iterator[str]:
    if isinstance(value, bytes):
        yield "0x" + value[:most].hex()
    elif isinstance(value, list | tuple):
        yield "["
        for position, item in enumerate(value[:most]):
            yield ", " if position else ""
            yield from _pieces(item, most)
        yield "]"
    elif isinstance(value, str):
        yield _quoted(value[:most])
    else:
        yield repr(value)


def _quoted(text: str) -> str:
    quoted = repr(text)
    if quoted.isascii() and "  " not in quoted:
        return quoted
    pieces = []
    for before, character in zip(" " + quoted, quoted, strict=False):
        moves = unicodedata.bidirectional(character) in _RIGHT_TO_LEFT
        if moves or character in _INVISIBLE or before == character == " ":
            pieces.append("\\x20" if character == " " else ascii(character)[1:-1])
        else:
            pieces.append(character)
    return "".join(pieces)


def _place_of(wanted: bytes, values: tuple[Value, ...]) -> int | None:
    """Return the position, from 1, of bytes among values: as they are, or as contracts write an account."""
    for position, value in enumerate(values, start=1):
        if value in (wanted, wanted.hex()):
            return position
    return None
