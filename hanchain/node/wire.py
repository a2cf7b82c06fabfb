"""What nodes say to one another beside consensus: kinds of messages, the hello, and catch-up.

Kinds are numbers within a channel of ``p2p``; everything is canonical and read strictly.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from consensus.fields import Rejection as ConsensusRejection
from consensus.messages import ProposalHeader
from hanchain.crypto import Suite
from hanchain.crypto import limits as crypto_limits
from hanchain.ledger import limits as ledger_limits
from hanchain.ledger.codec import encode
from hanchain.ledger.fields import Fields
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node import limits

_DIGEST = (crypto_limits.DIGEST_BYTES_MIN, crypto_limits.DIGEST_BYTES_MAX)  # the peer's suite is not known yet
NODE_PROTOCOL = 1  # raised when nodes of two versions can no longer talk


class Kind(IntEnum):
    """Kinds of messages: CONSENSUS_MESSAGE on the consensus channel, BLOCKS_* on sync, TRANSACTIONS on tx."""

    CONSENSUS_MESSAGE = 1
    BLOCKS_REQUEST = 2
    BLOCKS_RESPONSE = 3
    TRANSACTIONS = 4


@dataclass(frozen=True, slots=True)
class Hello:
    """What a node says of itself before anything else."""

    protocol: int
    chain_name: str
    chain_id: bytes
    node_name: str
    node_version: str

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return encode([self.protocol, self.chain_name, self.chain_id, self.node_name, self.node_version])

    @staticmethod
    def decode(data: bytes) -> Hello:
        """Return the hello in ``data``; raise Rejection for anything else."""
        fields = Fields.decode(data, "hello", max_bytes=1024, max_items=16)
        protocol, chain_name, chain_id = fields.integer(0, 2**32), fields.text(64), fields.blob(*_DIGEST)
        hello = Hello(protocol, chain_name, chain_id, fields.text(64), fields.text(64))
        fields.end()
        return hello


@dataclass(frozen=True, slots=True)
class OrderedRecord:
    """One entry of the ordered log: what was decided, with the COMMITs that decided it here."""

    header: ProposalHeader
    body: bytes
    commit_certificate: bytes

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return encode([self.header.value(), self.body, self.commit_certificate])

    @staticmethod
    def decode(data: bytes, suite: Suite) -> OrderedRecord:
        """Return the record in ``data``; raise Rejection otherwise."""
        most = ledger_limits.BLOCK_BYTES_MAX + 256 * 1024
        fields = Fields.decode(data, "ordered record", max_bytes=most, max_items=ledger_limits.ITEMS_MAX)
        raw = fields.value()
        try:
            header = ProposalHeader.read(list(raw) if isinstance(raw, tuple) else raw, suite.digest_size)
        except ConsensusRejection as error:
            raise Rejection(Reason.MALFORMED, f"ordered record: {error}") from None
        record = OrderedRecord(header, fields.blob(0, ledger_limits.BLOCK_BYTES_MAX), fields.blob(0, 128 * 1024))
        fields.end()
        return record


@dataclass(frozen=True, slots=True)
class BlocksRequest:
    """Ask for sealed blocks from a height on."""

    from_height: int
    count: int

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return encode([self.from_height, self.count])

    @staticmethod
    def decode(data: bytes) -> BlocksRequest:
        """Return the request in ``data``; raise Rejection for anything else."""
        fields = Fields.decode(data, "blocks request", max_bytes=64, max_items=4)
        request = BlocksRequest(fields.integer(1, ledger_limits.HEIGHT_MAX), fields.integer(1, limits.SYNC_BLOCKS_MAX))
        fields.end()
        return request


@dataclass(frozen=True, slots=True)
class SyncBlock:
    """A sealed block as it travels: header, certificate (empty when the sender lacks its own), ordered record.

    The last blocks of a response may lack the record: their headers lead from the blocks before to a certificate.
    """

    header: bytes
    certificate: bytes
    ordered: bytes


@dataclass(frozen=True, slots=True)
class BlocksResponse:
    """Consecutive blocks from the height asked for; empty when the sender has none."""

    from_height: int
    blocks: tuple[SyncBlock, ...]

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return encode([self.from_height, [[b.header, b.certificate, b.ordered] for b in self.blocks]])

    @staticmethod
    def decode(data: bytes) -> BlocksResponse:
        """Return the response in ``data``; raise Rejection for anything else."""
        most = limits.SYNC_BYTES_MAX + 2 * ledger_limits.BLOCK_BYTES_MAX
        fields = Fields.decode(data, "blocks response", max_bytes=most, max_items=limits.SYNC_BLOCKS_MAX)
        from_height = fields.integer(1, ledger_limits.HEIGHT_MAX)
        blocks = []
        for raw in fields.array(limits.SYNC_BLOCKS_MAX):
            inner = Fields(raw, "block")
            blocks.append(
                SyncBlock(
                    inner.blob(1, ledger_limits.HEADER_BYTES_MAX),
                    inner.blob(0, ledger_limits.CERTIFICATE_BYTES_MAX),
                    inner.blob(0, ledger_limits.BLOCK_BYTES_MAX + 256 * 1024),
                )
            )
            inner.end()
        fields.end()
        return BlocksResponse(from_height, tuple(blocks))
