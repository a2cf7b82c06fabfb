"""Bodies and headers: what consensus ordered, and what executing it produced.

A block is self-verifying: the certificate is checked against its epoch's validators, it names the hash of the header,
and the header commits to the parent, the body, the results and the state. Roots are Merkle trees of RFC 6962 shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hanchain.crypto import Suite
from hanchain.ledger import limits
from hanchain.ledger.codec import encode
from hanchain.ledger.fields import Fields
from hanchain.ledger.reasons import Reason, Rejection
from storage.proof import merkle_path, merkle_root

HEADER_VERSION: Final = 1

BLOCK_TAG: Final = "hanchain/block/1"
TRANSACTIONS_TAG: Final = "hanchain/transactions/1"
EVIDENCE_TAG: Final = "hanchain/evidence/1"


@dataclass(frozen=True, slots=True)
class Body:
    """The ordered batch: transaction envelopes and pieces of evidence, as canonical bytes each."""

    transactions: tuple[bytes, ...] = ()
    evidence: tuple[bytes, ...] = ()

    def encode(self) -> bytes:
        """Return ``[[transaction, …], [evidence, …]]``."""
        return encode([self.transactions, self.evidence])

    @staticmethod
    def decode(data: bytes) -> Body:
        """Return the body whose encoding is ``data``; raise Rejection for anything else. Elements are not decoded."""
        fields = Fields.decode(data, "body", max_bytes=limits.BLOCK_BYTES_MAX, max_items=limits.ITEMS_MAX)
        transactions = Fields(fields.array(limits.BLOCK_TRANSACTIONS_MAX), "body, transactions")
        evidence = Fields(fields.array(limits.EVIDENCE_MAX), "body, evidence")
        fields.end()
        return Body(
            transactions.blobs(limits.TRANSACTION_BYTES_MAX),
            evidence.blobs(limits.EVIDENCE_BYTES_MAX),
        )


@dataclass(frozen=True, slots=True)
class BlockHeader:
    """The executed header that validators seal. Digests have the length of the suite's."""

    suite_id: int
    chain_id: bytes
    epoch: int
    height: int
    proposal_digest: bytes
    parent_hash: bytes  # block hash at height - 1
    transactions_root: bytes
    receipts_root: bytes
    state_root: bytes
    validators_hash: bytes  # the set of this epoch
    next_validators_hash: bytes  # zeros unless this is the last block of its epoch
    proposal_view: int  # view in which the batch was first proposed
    proposer: int  # index in the epoch's set
    timestamp_ms: int
    parameters_hash: bytes
    version: int = HEADER_VERSION

    def encode(self) -> bytes:
        """Return the canonical bytes, fields in the order of the consensus specification, section 2."""
        return encode(
            [
                self.version,
                self.suite_id,
                self.chain_id,
                self.epoch,
                self.height,
                self.proposal_digest,
                self.parent_hash,
                self.transactions_root,
                self.receipts_root,
                self.state_root,
                self.validators_hash,
                self.next_validators_hash,
                self.proposal_view,
                self.proposer,
                self.timestamp_ms,
                self.parameters_hash,
            ]
        )

    @staticmethod
    def decode(data: bytes, suite: Suite) -> BlockHeader:
        """Return the header whose encoding is ``data``, of this version and suite; raise Rejection otherwise."""
        fields = Fields.decode(data, "header", max_bytes=limits.HEADER_BYTES_MAX, max_items=32)
        size = suite.digest_size
        version = fields.integer(0, 255)
        if version != HEADER_VERSION:
            raise Rejection(Reason.WRONG_VERSION, f"header version {version}, {HEADER_VERSION} expected")
        suite_id = fields.integer(0, 255)
        if suite_id != suite.id:
            raise Rejection(Reason.UNKNOWN_SUITE, f"header of suite {suite_id}, {suite.id} expected")
        header = BlockHeader(
            suite_id=suite_id,
            chain_id=fields.blob(size),
            epoch=fields.integer(0, limits.HEIGHT_MAX),
            height=fields.integer(0, limits.HEIGHT_MAX),
            proposal_digest=fields.blob(size),
            parent_hash=fields.blob(size),
            transactions_root=fields.blob(size),
            receipts_root=fields.blob(size),
            state_root=fields.blob(size),
            validators_hash=fields.blob(size),
            next_validators_hash=fields.blob(size),
            proposal_view=fields.integer(0, limits.VIEW_MAX),
            proposer=fields.integer(0, limits.PROPOSER_MAX),
            timestamp_ms=fields.integer(0, limits.TIME_MS_MAX),
            parameters_hash=fields.blob(size),
        )
        fields.end()
        return header

    def hash(self, suite: Suite) -> bytes:
        """Return the block hash: what a seal signs and the next header points to."""
        return suite.tagged_hash(BLOCK_TAG, self.encode())


def transactions_root(transactions: Sequence[bytes], suite: Suite) -> bytes:
    """Return the Merkle root over envelopes, signatures included: a proposal digest binds exactly one body."""
    return merkle_root(transactions, suite.tagged_hasher(TRANSACTIONS_TAG))


def transaction_path(transactions: Sequence[bytes], index: int, suite: Suite) -> tuple[bytes, ...]:
    """Return the Merkle path of the transaction at ``index`` to ``transactions_root``."""
    return tuple(merkle_path(transactions, index, suite.tagged_hasher(TRANSACTIONS_TAG)))


def evidence_root(evidence: Sequence[bytes], suite: Suite) -> bytes:
    """Return the Merkle root over the evidence of a body."""
    return merkle_root(evidence, suite.tagged_hasher(EVIDENCE_TAG))
