"""The messages of the protocol (specification, section 2): exact fields, strict decoding.

On the wire: ``[type u8, epoch u64, sender u16, *fields]`` in canonical MessagePack. Digest and signature lengths are
those of the network's suite. Decoding judges form only; membership, views and signatures are judged by the replica.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, TypeAlias

from consensus import limits
from consensus.certificate import SEAL_TYPE, SealCert, Signatures
from consensus.codec import CodecError, Value, decode, encode
from consensus.crypto import Context
from consensus.fields import Fields, Reason, Rejection

U8: Final = 2**8 - 1
U16: Final = 2**16 - 1
U32: Final = 2**32 - 1
U64: Final = 2**63 - 1  # one bit less than the field, so that sums stay inside it
HEADER_VERSION: Final = 1


class Type(IntEnum):
    """Message types."""

    PRE_PREPARE = 1
    PREPARE = 2
    COMMIT = 3
    SEAL = SEAL_TYPE
    COMPLAIN = 5
    VIEW_CHANGE = 6
    NEW_VIEW = 7
    HEARTBEAT = 8
    STATUS = 9
    FETCH_BODY = 10
    BODY = 11
    SEAL_CERTIFICATE = 12
    PREPARE_CERTIFICATE = 13


class Complaint(IntEnum):
    """Why a replica wants to leave a view (C1)."""

    NO_PROGRESS = 1
    NO_HEARTBEAT = 2
    CENSORED = 3
    BAD_PROPOSAL = 4
    BAD_NEW_VIEW = 5


@dataclass(frozen=True, slots=True)
class ProposalHeader:
    """The header of an ordered batch. Its digest D is what PREPARE and COMMIT vote for."""

    chain_id: bytes
    epoch: int
    height: int
    pview: int  # view in which it was first proposed
    proposer: int
    parent: bytes  # digest of the proposal at height - 1, or of the epoch anchor
    anchor_height: int
    anchor_hash: bytes  # block hash at anchor_height: ties ordering to executed state W blocks back
    timestamp_ms: int
    tx_root: bytes
    tx_count: int
    body_bytes: int
    evidence_root: bytes

    def value(self) -> list[Value]:
        """Return the array for encoding."""
        return [
            HEADER_VERSION,
            self.chain_id,
            self.epoch,
            self.height,
            self.pview,
            self.proposer,
            self.parent,
            self.anchor_height,
            self.anchor_hash,
            self.timestamp_ms,
            self.tx_root,
            self.tx_count,
            self.body_bytes,
            self.evidence_root,
        ]

    @staticmethod
    def read(value: Value, size: int) -> ProposalHeader:
        """Read the array; ``size`` is the suite's digest length."""
        fields = Fields(value, "proposal header")
        if fields.uint(U8) != HEADER_VERSION:
            raise Rejection(Reason.WRONG_HEADER, f"header version {HEADER_VERSION} expected")
        header = ProposalHeader(
            chain_id=fields.blob(size, size),
            epoch=fields.uint(U64),
            height=fields.uint(U64),
            pview=fields.uint(limits.VIEW_MAX),
            proposer=fields.uint(U16),
            parent=fields.blob(size, size),
            anchor_height=fields.uint(U64),
            anchor_hash=fields.blob(size, size),
            timestamp_ms=fields.uint(U64),
            tx_root=fields.blob(size, size),
            tx_count=fields.uint(U32),
            body_bytes=fields.uint(limits.BODY_BYTES_MAX),
            evidence_root=fields.blob(size, size),
        )
        fields.end()
        return header

    def digest(self, context: Context) -> bytes:
        """Return D."""
        return context.tagged_hash("hanchain/proposal/1", self.value())


@dataclass(frozen=True, slots=True)
class PrepareCert:
    """P-certificate: q PREPARE signatures over (epoch, view, height, D) with the header that hashes to D (P4)."""

    view: int
    header: ProposalHeader
    prepares: Signatures

    def value(self) -> list[Value]:
        """Return the array for encoding."""
        return [self.view, self.header.value(), *self.prepares.value()]

    @staticmethod
    def read(value: Value, size: int) -> PrepareCert:
        """Read the array."""
        fields = Fields(value, "prepare certificate")
        view = fields.uint(limits.VIEW_MAX)
        certificate = PrepareCert(view, ProposalHeader.read(fields.take(), size), Signatures.read(fields))
        fields.end()
        return certificate


@dataclass(frozen=True, slots=True)
class PrePrepare:
    """The leader's proposal. ``payload`` is the complete body; a replica that lacks it pulls it by D.

    The signature covers (view, height, D); the body is bound through the header.
    """

    TYPE: ClassVar = Type.PRE_PREPARE
    epoch: int
    sender: int
    view: int
    header: ProposalHeader
    payload: bytes
    signature: bytes

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.view, self.header.value(), self.payload, self.signature]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, sizes: tuple[int, int]) -> PrePrepare:
        """Read the fields."""
        view = fields.uint(limits.VIEW_MAX)
        header = ProposalHeader.read(fields.take(), sizes[0])
        return PrePrepare(
            epoch, sender, view, header, fields.blob(0, limits.BODY_BYTES_MAX), fields.blob(sizes[1], sizes[1])
        )


@dataclass(frozen=True, slots=True)
class Prepare:
    """A signed vote for (view, height, D); the leader sends one too, its PRE-PREPARE is no vote (P3)."""

    TYPE: ClassVar = Type.PREPARE
    epoch: int
    sender: int
    view: int
    height: int
    digest: bytes
    signature: bytes

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.view, self.height, self.digest, self.signature]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, sizes: tuple[int, int]) -> Prepare:
        """Read the fields."""
        return Prepare(epoch, sender, *_vote(fields, sizes))


@dataclass(frozen=True, slots=True)
class Commit:
    """A vote after a P-certificate; authenticated by its link, its signature verified lazily (P5)."""

    TYPE: ClassVar = Type.COMMIT
    epoch: int
    sender: int
    view: int
    height: int
    digest: bytes
    signature: bytes

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.view, self.height, self.digest, self.signature]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, sizes: tuple[int, int]) -> Commit:
        """Read the fields."""
        return Commit(epoch, sender, *_vote(fields, sizes))


def _vote(fields: Fields, sizes: tuple[int, int]) -> tuple[int, int, bytes, bytes]:
    return (
        fields.uint(limits.VIEW_MAX),
        fields.uint(U64),
        fields.blob(sizes[0], sizes[0]),
        fields.blob(sizes[1], sizes[1]),
    )


@dataclass(frozen=True, slots=True)
class Seal:
    """A signature over an executed header's hash: no view, no time, so that re-signing gives the same statement."""

    TYPE: ClassVar = Type.SEAL
    epoch: int
    sender: int
    height: int
    block_hash: bytes
    signature: bytes

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.height, self.block_hash, self.signature]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, sizes: tuple[int, int]) -> Seal:
        """Read the fields."""
        return Seal(epoch, sender, fields.uint(U64), fields.blob(sizes[0], sizes[0]), fields.blob(sizes[1], sizes[1]))


@dataclass(frozen=True, slots=True)
class Complain:
    """A wish to leave ``view`` (C1): unsigned, authenticated by its link."""

    TYPE: ClassVar = Type.COMPLAIN
    epoch: int
    sender: int
    view: int
    complaint: Complaint
    resends: int

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.view, int(self.complaint), self.resends]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, _sizes: tuple[int, int]) -> Complain:
        """Read the fields."""
        view, kind = fields.uint(limits.VIEW_MAX), fields.uint(U8)
        if kind not in Complaint.__members__.values():
            raise Rejection(Reason.OUT_OF_RANGE, f"complaint {kind}")
        return Complain(epoch, sender, view, Complaint(kind), fields.uint(U32))


@dataclass(frozen=True, slots=True)
class ViewChange:
    """What a replica takes along into ``new_view``: its stable certificate and its P-certificates above (C3).

    ``stable`` is None exactly for the epoch's anchor, which is known to every member.
    """

    TYPE: ClassVar = Type.VIEW_CHANGE
    epoch: int
    sender: int
    new_view: int
    stable_height: int
    stable: SealCert | None
    prepared: tuple[PrepareCert, ...]  # ascending heights
    signature: bytes

    def body(self) -> list[Value]:
        """Return the signed fields."""
        stable = None if self.stable is None else self.stable.value()
        return [self.new_view, self.stable_height, stable, [p.value() for p in self.prepared]]

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [*self.body(), self.signature]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, sizes: tuple[int, int]) -> ViewChange:
        """Read the fields."""
        new_view, stable_height, raw = fields.uint(limits.VIEW_MAX), fields.uint(U64), fields.take()
        stable = None if raw is None else SealCert.read(raw)
        prepared = tuple(PrepareCert.read(p, sizes[0]) for p in fields.array(limits.WINDOW_MAX))
        return ViewChange(epoch, sender, new_view, stable_height, stable, prepared, fields.blob(sizes[1], sizes[1]))


@dataclass(frozen=True, slots=True)
class NewView:
    """The new leader's justification: q VIEW-CHANGEs and what follows from them, recomputed by everyone (N1-N7)."""

    TYPE: ClassVar = Type.NEW_VIEW
    epoch: int
    sender: int
    view: int
    changes: tuple[ViewChange, ...]  # exactly q, ascending sender
    base: int
    forced: tuple[bytes, ...]
    signature: bytes

    def body(self) -> list[Value]:
        """Return the signed fields."""
        changes: list[Value] = [[c.sender, *c.fields()] for c in self.changes]
        return [self.view, changes, self.base, list(self.forced)]

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [*self.body(), self.signature]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, sizes: tuple[int, int]) -> NewView:
        """Read the fields."""
        view = fields.uint(limits.VIEW_MAX)
        changes = []
        for raw in fields.array(limits.VALIDATORS_MAX):
            inner = Fields(raw, "view change in new view")
            changes.append(ViewChange.read(epoch, inner.uint(U16), inner, sizes))
            inner.end()
        base = fields.uint(U64)
        digests = Fields(fields.array(limits.WINDOW_MAX), "forced digests")
        forced = []
        while not digests.done:
            forced.append(digests.blob(sizes[0], sizes[0]))
        return NewView(epoch, sender, view, tuple(changes), base, tuple(forced), fields.blob(sizes[1], sizes[1]))


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The leader is alive; ``clock_ms`` serves monitoring only."""

    TYPE: ClassVar = Type.HEARTBEAT
    epoch: int
    sender: int
    view: int
    sealed_height: int
    next_height: int
    clock_ms: int

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.view, self.sealed_height, self.next_height, self.clock_ms]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, _sizes: tuple[int, int]) -> Heartbeat:
        """Read the fields."""
        return Heartbeat(
            epoch, sender, fields.uint(limits.VIEW_MAX), fields.uint(U64), fields.uint(U64), fields.uint(U64)
        )


@dataclass(frozen=True, slots=True)
class Held:
    """What a replica holds of one height in its view: bitmaps of PREPARE, COMMIT and SEAL senders."""

    height: int
    proposal: bool
    prepares: bytes
    commits: bytes
    seals: bytes

    def value(self) -> list[Value]:
        """Return the array for encoding."""
        return [self.height, self.proposal, self.prepares, self.commits, self.seals]

    @staticmethod
    def read(value: Value) -> Held:
        """Read the array."""
        fields, most = Fields(value, "held"), limits.VALIDATORS_MAX // 8
        held = Held(fields.uint(U64), fields.flag(), fields.blob(1, most), fields.blob(1, most), fields.blob(1, most))
        fields.end()
        return held


@dataclass(frozen=True, slots=True)
class Status:
    """Where a replica stands, so that others re-send what it lacks: the only retransmission mechanism of votes."""

    TYPE: ClassVar = Type.STATUS
    epoch: int
    sender: int
    view: int
    active: bool
    sealed_height: int
    held: tuple[Held, ...]
    has_new_view: bool

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.view, self.active, self.sealed_height, [h.value() for h in self.held], self.has_new_view]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, _sizes: tuple[int, int]) -> Status:
        """Read the fields."""
        view, active, sealed = fields.uint(limits.VIEW_MAX), fields.flag(), fields.uint(U64)
        held = tuple(Held.read(h) for h in fields.array(2 * limits.WINDOW_MAX))
        return Status(epoch, sender, view, active, sealed, held, fields.flag())


@dataclass(frozen=True, slots=True)
class FetchBody:
    """Ask for the body of the proposal with digest D."""

    TYPE: ClassVar = Type.FETCH_BODY
    epoch: int
    sender: int
    height: int
    digest: bytes

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.height, self.digest]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, sizes: tuple[int, int]) -> FetchBody:
        """Read the fields."""
        return FetchBody(epoch, sender, fields.uint(U64), fields.blob(sizes[0], sizes[0]))


@dataclass(frozen=True, slots=True)
class Body:
    """The answer to FETCH_BODY: the header with it, so that the pair proves itself against D."""

    TYPE: ClassVar = Type.BODY
    epoch: int
    sender: int
    header: ProposalHeader
    body: bytes

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.header.value(), self.body]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, sizes: tuple[int, int]) -> Body:
        """Read the fields."""
        return Body(epoch, sender, ProposalHeader.read(fields.take(), sizes[0]), fields.blob(0, limits.BODY_BYTES_MAX))


@dataclass(frozen=True, slots=True)
class SealCertificate:
    """A SealCert for a replica that lags: self-verifying, so its sender does not matter."""

    TYPE: ClassVar = Type.SEAL_CERTIFICATE
    epoch: int
    sender: int
    certificate: SealCert

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.certificate.value()]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, _sizes: tuple[int, int]) -> SealCertificate:
        """Read the fields."""
        return SealCertificate(epoch, sender, SealCert.read(fields.take()))


@dataclass(frozen=True, slots=True)
class PrepareCertificate:
    """A P-certificate relayed to a replica that misses PREPAREs: self-verifying."""

    TYPE: ClassVar = Type.PREPARE_CERTIFICATE
    epoch: int
    sender: int
    certificate: PrepareCert

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.certificate.value()]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, sizes: tuple[int, int]) -> PrepareCertificate:
        """Read the fields."""
        return PrepareCertificate(epoch, sender, PrepareCert.read(fields.take(), sizes[0]))


Message: TypeAlias = (
    PrePrepare
    | Prepare
    | Commit
    | Seal
    | Complain
    | ViewChange
    | NewView
    | Heartbeat
    | Status
    | FetchBody
    | Body
    | SealCertificate
    | PrepareCertificate
)

_READERS: Final[dict[int, Callable[[int, int, Fields, tuple[int, int]], Message]]] = {
    kind.TYPE: kind.read
    for kind in (
        PrePrepare,
        Prepare,
        Commit,
        Seal,
        Complain,
        ViewChange,
        NewView,
        Heartbeat,
        Status,
        FetchBody,
        Body,
        SealCertificate,
        PrepareCertificate,
    )
}


def encode_message(message: Message) -> bytes:
    """Return the canonical bytes of a message."""
    return encode([int(message.TYPE), message.epoch, message.sender, *message.fields()])


def decode_message(data: bytes, context: Context) -> Message:
    """Return the message encoded in ``data``; raise Rejection for anything but the canonical form of one."""
    try:
        fields = Fields(decode(data), "message")
    except CodecError as error:
        raise Rejection(Reason.MALFORMED, str(error)) from error
    reader = _READERS.get(fields.uint(U8))
    if reader is None:
        raise Rejection(Reason.UNKNOWN_TYPE)
    epoch, sender = fields.uint(U64), fields.uint(U16)
    message = reader(epoch, sender, fields, (context.suite.digest_size, context.suite.signature_size))
    fields.end()
    return message


def vote_body(view: int, height: int, digest: bytes) -> list[Value]:
    """Return what PRE-PREPARE, PREPARE and COMMIT sign: the view is inside, or old votes could be replayed (V5)."""
    return [view, height, digest]


def seal_body(height: int, block_hash: bytes) -> list[Value]:
    """Return what SEAL signs."""
    return [height, block_hash]
