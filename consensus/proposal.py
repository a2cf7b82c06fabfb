"""The proposal header and the P-certificate, message types and integer bounds: what all messages are made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from consensus import limits
from consensus.certificate import SEAL_TYPE, Signatures
from consensus.codec import Value
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


def vote_body(view: int, height: int, digest: bytes) -> list[Value]:
    """Return what PRE-PREPARE, PREPARE and COMMIT sign: the view is inside, or old votes could be replayed (V5)."""
    return [view, height, digest]


def seal_body(height: int, block_hash: bytes) -> list[Value]:
    """Return what SEAL signs."""
    return [height, block_hash]
