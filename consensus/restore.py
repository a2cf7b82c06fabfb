"""Starting from a disk: the log back into a state, and a state into the records that replace the log (R3, R4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from consensus.certificate import SealCert
from consensus.codec import CodecError, Value, decode, encode
from consensus.divergence import halt_payload
from consensus.fields import Fields, Rejection
from consensus.interface import Record, RecordKind, Recovery, SealedBlock
from consensus.limits import BODY_BYTES_MAX, MESSAGE_BYTES_MAX
from consensus.messages import (
    U64,
    NewView,
    PrepareCert,
    PrePrepare,
    ProposalHeader,
    Type,
    ViewChange,
    decode_message,
    encode_message,
)
from consensus.state import State
from consensus.views import apply_forced, recompute

RECORD_BYTES_MAX = MESSAGE_BYTES_MAX + BODY_BYTES_MAX


class StaleBlocks(Exception):
    """The blocks end below what the log knows to be executed: with them this replica might contradict itself (R4)."""


class CorruptLog(Exception):
    """The log holds a record that this code never wrote: refuse to vote (R4)."""


@dataclass(frozen=True, slots=True)
class Halted:
    """A halt that a log remembers: the height executed by then, and why."""

    height: int
    reason: str


def halt_in(records: Iterable[Record]) -> Halted | None:
    """Return the halt that a log's records leave a replica in; raise CorruptLog for a record this code never wrote."""
    kinds = {RecordKind.HALTED, RecordKind.CLEARED}
    try:
        return _halts([(r.kind, decode(r.payload, max_bytes=RECORD_BYTES_MAX)) for r in records if r.kind in kinds])[0]
    except (Rejection, CodecError) as error:
        raise CorruptLog(str(error)) from error


def clearing() -> Record:
    """Return the record that ends a halt: written by the operator's tool, never by a replica."""
    return Record(RecordKind.CLEARED, encode([]))


def restore(s: State, recovery: Recovery) -> None:
    """Bring a fresh state to where the disk says this replica was."""
    try:
        decoded = [(r.kind, decode(r.payload, max_bytes=RECORD_BYTES_MAX)) for r in recovery.records]
        _restore_chain(s, recovery, [SealCert.read(v) for kind, v in decoded if kind is RecordKind.SEALED])
        for kind, value in decoded:
            _restore_record(s, kind, value)
        _restore_halt(s, decoded)
    except (Rejection, CodecError) as error:
        raise CorruptLog(str(error)) from error
    if s.certificate is not None:
        s.safety.sealed(s.certificate)
    _restore_view(s)
    s.out.clear()  # what these steps would send was sent, or will be re-sent on STATUS


def _restore_chain(s: State, recovery: Recovery, logged: list[SealCert]) -> None:
    """Restore blocks and the stable height, before any slot is made: what lies above it is judged by its window.

    The shell's certificate may lag behind the log's own: only the log's was written before the votes that followed.
    """
    for block in recovery.sealed:
        s.chain[block.height] = block
        s.executed = block.height
    digests = [decided.header.digest(s.context) for decided in recovery.decided]
    for decided, digest in zip(recovery.decided, digests, strict=True):
        header = decided.header
        if decided.block_hash is not None and header.height == s.executed + 1:
            block = SealedBlock(header.height, decided.block_hash, digest, header.timestamp_ms, header.pview)
            s.chain[header.height] = block
            s.executed = header.height
    s.execute_next = s.executed + 1
    known = [] if recovery.certificate is None else [recovery.certificate]
    for certificate in logged:
        held = s.chain.get(certificate.height)
        if certificate.epoch == s.validators.epoch and certificate.height > s.executed:
            raise StaleBlocks(f"blocks end at height {s.executed}, the log has the certificate of {certificate.height}")
        if certificate.epoch == s.validators.epoch and held is not None and held.block_hash == certificate.block_hash:
            known.append(certificate)
    s.certificate = max(known, key=lambda c: c.height, default=None)
    s.stable = s.anchor.height if s.certificate is None else s.certificate.height
    assert s.stable in s.chain, "the certified block is among those of the disk"
    s.safety.floor = s.stable
    for decided, digest in zip(recovery.decided, digests, strict=True):
        height = decided.header.height
        if s.stable < height <= s.stable + 2 * s.settings.window:
            slot = s.slot(height)
            slot.headers[digest], slot.bodies[digest], slot.decided = decided.header, decided.body, digest
            slot.durable.add(digest)  # the ordered log holds it


def _restore_record(s: State, kind: RecordKind, value: Value) -> None:
    size = s.context.suite.digest_size
    if kind is RecordKind.BODY:
        fields = Fields(value, "body record")
        header, body = ProposalHeader.read(fields.take(), size), fields.blob(0, BODY_BYTES_MAX)
        if s.stable < header.height <= s.stable + 2 * s.settings.window:
            digest, slot = header.digest(s.context), s.slot(header.height)
            slot.headers[digest], slot.bodies[digest] = header, body
            slot.durable.add(digest)
    elif kind is RecordKind.VOTE:
        s.safety.restore_vote(value)
    elif kind is RecordKind.PREPARED:
        prepared = PrepareCert.read(value, size)
        height = prepared.header.height
        if s.stable < height <= s.stable + 2 * s.settings.window:
            slot = s.slot(height)
            if slot.prepared is None or slot.prepared.view < prepared.view:
                slot.prepared, slot.prepared_digest = prepared, prepared.header.digest(s.context)
    elif kind is RecordKind.MOVED:
        fields = Fields(value, "moved record")
        epoch, view = fields.uint(U64), fields.uint(U64)
        message = decode_message(fields.blob(0, MESSAGE_BYTES_MAX), s.context)
        if epoch == s.validators.epoch and isinstance(message, ViewChange) and view >= s.view:
            s.view, s.own_change = view, message
    elif kind is RecordKind.NEW_VIEW:
        message = decode_message(encode(value), s.context)
        if isinstance(message, NewView) and message.epoch == s.validators.epoch and message.view >= s.view:
            s.view, s.new_view = message.view, message


def _restore_halt(s: State, decoded: list[tuple[RecordKind, Value]]) -> None:
    """Stay halted until the operator cleared it, and then only on blocks that are sealed up to there.

    What this replica executed by then it may have sealed: on certified blocks it never seals those heights again.
    """
    halted, cleared = _halts(decoded)
    if halted is not None:
        s.halted, s.halted_height = halted.reason, halted.height
    if s.stable < cleared:
        raise StaleBlocks(f"certified blocks end at height {s.stable}; the halt that was cleared needs {cleared}")


def _halts(decoded: list[tuple[RecordKind, Value]]) -> tuple[Halted | None, int]:
    """Return the halt that stands, and the highest height of those that were cleared."""
    halted: Halted | None = None
    cleared = 0
    for kind, value in decoded:
        if kind is RecordKind.HALTED:
            fields = Fields(value, "halt record")
            halted = Halted(fields.uint(U64), fields.blob(0, MESSAGE_BYTES_MAX).decode(errors="replace"))
            fields.end()
        elif kind is RecordKind.CLEARED and halted is not None:
            cleared, halted = max(cleared, halted.height), None
    return halted, cleared


def _restore_view(s: State) -> None:
    """Be in the view moved to, inactive unless its NEW-VIEW is here; own votes of it count again (R4)."""
    if s.new_view is not None and s.new_view.view < s.view:
        s.new_view = None
    s.active = s.view == 0 or s.new_view is not None
    s.safety.view = s.view
    if s.own_change is not None:
        s.changes[s.index] = s.own_change
    if s.new_view is not None:
        _restore_forced(s, s.new_view)
    for slot in s.slots.values():
        if slot.prepared is not None and slot.prepared_digest is not None:
            members = slot.prepared.prepares.members(len(s.validators))
            tally = slot.prepares.setdefault((slot.prepared.view, slot.prepared_digest), {})
            tally.update(zip(members, slot.prepared.prepares.signatures, strict=True))
            for member in members:
                slot.voters[Type.PREPARE, slot.prepared.view, member] = slot.prepared_digest
            slot.headers.setdefault(slot.prepared_digest, slot.prepared.header)
        own = s.safety.voted(Type.PREPARE, s.view, slot.height)
        if own is not None:
            slot.prepares.setdefault((s.view, own[0]), {})[s.index] = own[1]
            slot.voters[Type.PREPARE, s.view, s.index] = own[0]
            if s.active and slot.accepted is None:
                slot.accepted = own[0]
        own = s.safety.voted(Type.PRE_PREPARE, s.view, slot.height)
        if own is not None and own[0] in slot.bodies:
            header = slot.headers[own[0]]
            slot.proposal = PrePrepare(s.validators.epoch, s.index, s.view, header, slot.bodies[own[0]], own[1])
            slot.valid = own[0]


def _restore_forced(s: State, new_view: NewView) -> None:
    forced = recompute(s, new_view)
    assert forced is not None, "the shell keeps as many blocks as the window"
    apply_forced(s, new_view.base, forced)


def checkpoint(s: State) -> list[Record]:
    """Return the records from which ``restore`` makes this state again; they replace all earlier ones."""
    records: list[Record] = []
    if s.halted is not None:
        records.append(Record(RecordKind.HALTED, halt_payload(s)))
    if s.certificate is not None:
        records.append(Record(RecordKind.SEALED, s.certificate.encode()))
    if s.own_change is not None and s.own_change.new_view == s.view:
        payload = encode([s.validators.epoch, s.view, encode_message(s.own_change)])
        records.append(Record(RecordKind.MOVED, payload))
    if s.new_view is not None:
        records.append(Record(RecordKind.NEW_VIEW, encode_message(s.new_view)))
    for _, slot in sorted(s.slots.items()):
        for digest in sorted(slot.durable):
            if digest in slot.bodies and digest in slot.headers:
                payload = encode([slot.headers[digest].value(), slot.bodies[digest]])
                records.append(Record(RecordKind.BODY, payload))
    records.extend(s.safety.votes())
    records.extend(
        Record(RecordKind.PREPARED, encode(slot.prepared.value()))
        for _, slot in sorted(s.slots.items())
        if slot.prepared is not None
    )
    return records
