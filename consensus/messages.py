"""The messages of the protocol (specification, section 2): exact fields, strict decoding.

On the wire: ``[type u8, epoch u64, sender u16, *fields]`` in canonical MessagePack. Digest and signature lengths are
those of the network's suite. Decoding judges form only; membership, views and signatures are judged by the replica.
The signed messages are defined here, the unsigned ones in ``upkeep``, what both are made of in ``proposal``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

from consensus import limits
from consensus.certificate import SealCert
from consensus.codec import CodecError, Value, decode, encode
from consensus.crypto import Context
from consensus.fields import Fields, Reason, Rejection
from consensus.proposal import (
    HEADER_VERSION,
    U8,
    U16,
    U32,
    U64,
    Complaint,
    PrepareCert,
    ProposalHeader,
    Type,
    seal_body,
    vote_body,
)
from consensus.upkeep import Body, Complain, FetchBody, Heartbeat, Held, PrepareCertificate, SealCertificate, Status

__all__ = [
    "HEADER_VERSION",
    "U8",
    "U16",
    "U32",
    "U64",
    "Body",
    "Commit",
    "Complain",
    "Complaint",
    "FetchBody",
    "Heartbeat",
    "Held",
    "Message",
    "NewView",
    "PrePrepare",
    "Prepare",
    "PrepareCert",
    "PrepareCertificate",
    "ProposalHeader",
    "Seal",
    "SealCertificate",
    "Status",
    "Type",
    "ViewChange",
    "decode_message",
    "encode_message",
    "seal_body",
    "vote_body",
]


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
