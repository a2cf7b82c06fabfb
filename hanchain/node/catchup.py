"""Catching up with sealed blocks: whom to ask for what, and which answers to believe. Pure.

Targets come only from verified certificates, never from claimed heights. An answer is believed block by block from its
last certificate backwards: certificate over header hash, parent hashes down, proposal digest and transactions root
over the ordered body. A peer whose bytes do not verify is passed over, the request goes to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consensus import SealCert, ValidatorSet
from consensus.crypto import Context
from consensus.fields import Rejection as ConsensusRejection
from consensus.messages import ProposalHeader
from hanchain.crypto import Suite
from hanchain.ledger.block import BlockHeader, Body, evidence_root, transactions_root
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node import limits
from hanchain.node.wire import BlocksRequest, BlocksResponse, OrderedRecord


@dataclass(frozen=True, slots=True)
class VerifiedBlock:
    """A sealed block that holds up; its certificate is None when only a later one covers it."""

    header: BlockHeader
    block_hash: bytes
    certificate: SealCert | None
    record: OrderedRecord
    digest: bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to send."""

    peer: str
    request: BlocksRequest


class CatchUp:
    """One node's catch-up: at most one request under way."""

    def __init__(self, suite: Suite, context: Context, validators: ValidatorSet, validators_hash: bytes) -> None:
        self._suite = suite
        self._context = context
        self._validators = validators
        self._validators_hash = validators_hash
        self._target = 0
        self._asked: Ask | None = None
        self._deadline_ms = 0
        self._working = False  # an answer is being verified and applied
        self._last_peer = ""
        self._useless: set[str] = set()  # peers whose last answer did not help
        self._rest_until_ms = 0  # nobody had anything: no use in asking at once

    @property
    def target(self) -> int | None:
        """The certified height to reach, None when there is nothing to do."""
        return self._target or None

    @property
    def deadline_ms(self) -> int | None:
        """When to ask another peer if no answer came; None when no request is under way."""
        return self._deadline_ms if self._asked is not None else None

    def aim(self, certificate: SealCert) -> None:
        """Set a verified certificate's height as the target; a lower one changes nothing."""
        self._target = max(self._target, certificate.height)

    def next_ask(self, executed: int, peers: Sequence[str], now_ms: int) -> Ask | None:
        """Return the next request, None when there is nothing to ask or nobody to ask; peers take turns."""
        if self._target and executed >= self._target:
            self._target = 0
            self._asked = None
            self._useless.clear()
        if not self._target or not peers or self._working or now_ms < self._rest_until_ms:
            return None
        if self._asked is not None:
            if now_ms < self._deadline_ms and self._asked.peer in peers:
                return None
            self._useless.add(self._asked.peer)
            self._asked = None
        candidates = [p for p in sorted(peers) if p not in self._useless]
        if not candidates:
            self._useless.clear()
            self._rest_until_ms = now_ms + limits.SYNC_PAUSE_MS
            return None
        after = [p for p in candidates if p > self._last_peer]
        peer = (after or candidates)[0]
        self._last_peer = peer
        count = min(limits.SYNC_BLOCKS_MAX, self._target - executed)
        self._asked = Ask(peer, BlocksRequest(executed + 1, count))
        self._deadline_ms = now_ms + limits.SYNC_TIMEOUT_MS
        return self._asked

    def accept(self, peer: str, response: BlocksResponse) -> bool:
        """Tell whether this answers the request under way; if so, nothing is asked until ``finished``."""
        asked = self._asked
        if asked is None or asked.peer != peer or response.from_height != asked.request.from_height:
            return False  # late: somebody else was asked meanwhile
        self._asked = None
        self._working = True
        return True

    def finished(self, peer: str, *, useful: bool) -> None:
        """Take note of what an accepted answer was worth."""
        self._working = False
        if useful:
            self._useless.discard(peer)
        else:
            self._useless.add(peer)

    def verify(self, response: BlocksResponse, previous_hash: bytes) -> list[VerifiedBlock]:
        """Return the blocks of an answer that hold up and that a certificate covers; raise Rejection for a lie.

        ``previous_hash`` is the hash of the block below the first. Touches no state: any thread may call it.
        """
        try:
            return self._verify(response, previous_hash)
        except ConsensusRejection as error:
            raise Rejection(Reason.BAD_CERTIFICATE, str(error)) from error

    def _verify(self, response: BlocksResponse, previous_hash: bytes) -> list[VerifiedBlock]:
        blocks: list[VerifiedBlock] = []
        certain = 0
        header_only: int | None = None  # from here on, headers lead to a certificate that covers the blocks before
        for height, raw in enumerate(response.blocks, start=response.from_height):
            header = BlockHeader.decode(raw.header, self._suite)
            block_hash = header.hash(self._suite)
            if header.height != height or header.chain_id != self._context.chain_id:
                raise Rejection(Reason.INCONSISTENT, f"height {height}: header of another height or chain")
            if header.parent_hash != previous_hash:
                raise Rejection(Reason.INCONSISTENT, f"height {height}: parent hash differs")
            if header.validators_hash != self._validators_hash:
                raise Rejection(Reason.INCONSISTENT, f"height {height}: sealed by another validator set")
            certificate = self._certificate(raw.certificate, height, block_hash) if raw.certificate else None
            previous_hash = block_hash
            if raw.ordered and header_only is None:
                record, digest = self._check_record(header, raw.ordered)
                blocks.append(VerifiedBlock(header, block_hash, certificate, record, digest))
            elif raw.ordered:
                raise Rejection(
                    Reason.INCONSISTENT, f"height {height}: a body after the body of {header_only} is left out"
                )
            else:
                header_only = header_only or height
            if certificate is not None:
                certain = len(blocks)
        return blocks[:certain]

    def verify_certificate(self, data: bytes, height: int, block_hash: bytes) -> SealCert:
        """Return the certificate of a block that is here already; raise Rejection for any other."""
        try:
            return self._certificate(data, height, block_hash)
        except ConsensusRejection as error:
            raise Rejection(Reason.BAD_CERTIFICATE, str(error)) from error

    def _certificate(self, data: bytes, height: int, block_hash: bytes) -> SealCert:
        certificate = SealCert.decode(data)
        if (certificate.height, certificate.block_hash) != (height, block_hash):
            raise Rejection(Reason.BAD_CERTIFICATE, f"height {height}: certificate of another block")
        certificate.verify(self._validators, self._context)
        return certificate

    def _check_record(self, header: BlockHeader, data: bytes) -> tuple[OrderedRecord, bytes]:
        record = OrderedRecord.decode(data, self._suite)
        digest = record.header.digest(self._context)
        if digest != header.proposal_digest or record.header.height != header.height:
            raise Rejection(Reason.INCONSISTENT, f"height {header.height}: another proposal")
        if record.header.tx_root != header.transactions_root or not body_matches(
            record.header, record.body, self._suite
        ):
            raise Rejection(Reason.INCONSISTENT, f"height {header.height}: another body")
        return record, digest


def body_matches(header: ProposalHeader, body: bytes, suite: Suite) -> bool:
    """Tell whether ``body`` is exactly the one that a proposal header commits to."""
    try:
        decoded = Body.decode(body)
    except Rejection:
        return False
    return (
        len(body) == header.body_bytes
        and len(decoded.transactions) == header.tx_count
        and transactions_root(decoded.transactions, suite) == header.tx_root
        and evidence_root(decoded.evidence, suite) == header.evidence_root
    )
