"""Catching up over the network: carries out what ``catchup`` decides, and serves blocks to others, a few at a time."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

import structlog

from consensus import SealCert
from consensus.interface import SealedBlock, Synced
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node import limits
from hanchain.node.catchup import CatchUp, VerifiedBlock
from hanchain.node.execution import StoredBlock
from hanchain.node.gaps import Gaps
from hanchain.node.wire import BlocksRequest, BlocksResponse, Kind
from p2p.channels import Channel

if TYPE_CHECKING:
    from hanchain.node.node import Node


class Syncing:
    """The catch-up of one node, and its service to the catch-up of others."""

    def __init__(self, node: Node) -> None:
        genesis = node.genesis
        self._node = node
        self._catchup = CatchUp(genesis.suite, genesis.context, genesis.validator_set, genesis.validators_hash)
        self._gaps = Gaps()
        self._serving: dict[str, int] = {}
        self._out = structlog.get_logger("hanchain.sync")

    @property
    def target(self) -> int | None:
        """The height to reach, None when up to date."""
        return self._catchup.target

    def aim(self, certificate: SealCert) -> None:
        """Catch up to a certified height."""
        self._catchup.aim(certificate)
        self.drive()

    def drive(self) -> None:
        """Send the next request if there is one to send."""
        node = self._node
        if node.failed:
            return  # nothing can be stored any more
        peers, now_ms = sorted(node.connected), node.now_ms()
        ask = self._catchup.next_ask(node.chain.height, peers, now_ms)
        if ask is None and self._catchup.target is None:
            ask = self._gaps.next_ask(peers, now_ms)
        if ask is not None:
            node.network.send(ask.peer, Channel.SYNC, Kind.BLOCKS_REQUEST, ask.request.encode())

    def look_for_gaps(self, heights: Iterable[int]) -> None:
        """Take note which of some sealed heights have no certificate of their own."""
        self._gaps.note(height for height in heights if self._node.chain.certificate(height) is None)

    def on_request(self, peer: str, payload: bytes) -> None:
        """Serve a peer's request, a bounded number at a time; a refused one is simply asked again."""
        try:
            request = BlocksRequest.decode(payload)
        except Rejection as error:
            self._node.network.report(peer, f"sync_{error.reason}", 25)
            return
        if self._serving.get(peer, 0) < limits.SYNC_SERVED_PER_PEER:
            self._serving[peer] = self._serving.get(peer, 0) + 1
            self._node.crew.spawn(self._serve(peer, request))

    async def _serve(self, peer: str, request: BlocksRequest) -> None:
        node = self._node
        try:
            response = await node.crew.read(partial(node.chain.serve, request, node.sealed_height))
            node.network.send(peer, Channel.SYNC, Kind.BLOCKS_RESPONSE, response.encode())
        finally:
            self._serving[peer] -= 1

    def on_response(self, peer: str, payload: bytes) -> None:
        """Take a peer's blocks: verified and applied on the chain's thread, one after the other."""
        try:
            response = BlocksResponse.decode(payload)
        except Rejection as error:
            self._node.network.report(peer, f"sync_{error.reason}", 25)
            return
        if self._catchup.accept(peer, response):
            self._node.crew.spawn(self._apply(peer, response))
        elif self._gaps.accept(peer, response) and response.blocks and response.blocks[0].certificate:
            self._node.crew.spawn(self._fill(peer, response.from_height, response.blocks[0].certificate))

    async def _apply(self, peer: str, response: BlocksResponse) -> None:
        node = self._node
        useful = False
        try:
            for block in await node.crew.in_order(partial(self._verify, response)):
                node.crew.in_chain(partial(node.chain.adopt, block), partial(self._applied, block))
                useful = True
            await node.crew.in_order(_nothing)  # the chain's thread works in order: all of them are applied now
        except Rejection as error:
            self._lied(peer, error)
        finally:
            self._catchup.finished(peer, useful=useful)
        self.drive()

    async def _fill(self, peer: str, height: int, data: bytes) -> None:
        chain = self._node.chain

        def fill() -> None:
            chain.certify(self._catchup.verify_certificate(data, height, chain.block_hash(height)))

        try:
            await self._node.crew.in_order(fill)
        except Rejection as error:
            self._lied(peer, error)
        else:
            self._gaps.filled(height)
            self.drive()

    def _lied(self, peer: str, error: Rejection) -> None:
        if error.reason is Reason.NOT_READY:
            return  # we are stopping: that is not the peer's doing
        self._out.warning("bad blocks", peer=peer, detail=str(error))
        self._node.network.report(peer, f"sync_{error.reason}", 50)

    def _verify(self, response: BlocksResponse) -> list[VerifiedBlock]:
        if not response.blocks:
            return []
        return self._catchup.verify(response, self._node.chain.block_hash(response.from_height - 1))

    def _applied(self, block: VerifiedBlock, stored: StoredBlock) -> None:
        node = self._node
        node.executed(stored)
        sealed = SealedBlock(stored.height, stored.block_hash, stored.proposal_digest, stored.timestamp_ms, stored.view)
        node.handle(Synced(sealed, block.certificate))


def _nothing() -> None:
    return None
