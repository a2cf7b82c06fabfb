"""Catching up over a network that is only a list: requests served, answers applied, lies reported."""

import asyncio

import pytest

from consensus.interface import Synced
from hanchain.node import limits
from hanchain.node.syncing import Syncing
from hanchain.node.wire import BlocksRequest, BlocksResponse, Kind
from p2p.channels import Channel


class Shell:
    """As much of a node as catching up sees."""

    def __init__(self, world, chain=None):
        self.genesis = world.genesis
        self.chain = chain or world.chain()
        self.network = self.crew = self
        self.connected = {"node1", "node2"}
        self.sealed_height = self.chain.height
        self.failed = False
        self.time_ms = 0
        self.reports = []
        self.sent = []
        self.events = []
        self.executed_heights = []
        self.tasks = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.syncing = Syncing(self)

    def now_ms(self):
        """Return the clock."""
        return self.time_ms

    def send(self, peer, channel, kind, payload):
        """Note a message."""
        assert channel is Channel.SYNC
        self.sent.append((peer, kind, payload))

    def report(self, peer, offence, weight):
        """Note an offence."""
        self.reports.append((peer, offence, weight))

    def handle(self, event):
        """Note an event for consensus."""
        self.events.append(event)

    def executed(self, stored):
        """Note an executed block."""
        self.executed_heights.append(stored.height)

    async def read(self, work):
        """Run on this thread, once the gate is open."""
        await self.gate.wait()
        return work()

    in_order = read

    def in_chain(self, work, done):
        """Run on this thread."""
        done(work())

    def spawn(self, work):
        """Run in the background."""
        self.tasks.append(asyncio.create_task(work))

    async def idle(self):
        """Wait for what runs in the background."""
        while self.tasks:
            await self.tasks.pop()

    def requests(self):
        """Return and forget the requests that were sent."""
        sent, self.sent = self.sent, []
        assert {kind for _, kind, _ in sent} <= {Kind.BLOCKS_REQUEST}
        return [(peer, BlocksRequest.decode(payload)) for peer, _, payload in sent]


@pytest.fixture(scope="module")
def source(world):
    """Return a chain of four sealed blocks, of which 2 has no certificate of its own."""
    return world.sealed_chain(4, uncertified={2})[0]


async def answer(shell, source, peer, request):
    """Let a peer answer honestly."""
    shell.syncing.on_response(peer, source.serve(request, source.height).encode())
    await shell.idle()


async def test_a_node_behind_ends_where_the_others_are(world, source):
    """From a certificate to the same head: blocks executed in order, each told to consensus, the aim forgotten."""
    shell = Shell(world)
    shell.syncing.aim(source.certificate(4))
    assert shell.syncing.target == 4
    ((peer, request),) = shell.requests()
    await answer(shell, source, peer, request)
    assert shell.executed_heights == [1, 2, 3, 4]
    assert [(type(e), e.block.height, e.block.block_hash, e.certificate) for e in shell.events] == [
        (Synced, h, source.block_hash(h), source.certificate(h)) for h in range(1, 5)
    ]
    assert (shell.syncing.target, shell.requests(), shell.reports) == (None, [], [])


async def test_a_lie_costs_the_peer_and_the_next_is_asked(world, source):
    """A peer whose blocks do not verify is reported; nothing of its answer is stored, and another is asked at once."""
    shell = Shell(world)
    shell.syncing.aim(source.certificate(4))
    ((peer, request),) = shell.requests()
    honest = source.serve(request, 4)
    forged = BlocksResponse(1, (honest.blocks[0], honest.blocks[2]))
    shell.syncing.on_response(peer, forged.encode())
    await shell.idle()
    assert shell.reports == [("node1", "sync_inconsistent", 50)]
    assert (shell.chain.height, shell.events) == (0, [])
    ((peer, request),) = shell.requests()
    assert peer == "node2"
    await answer(shell, source, peer, request)
    assert shell.chain.height == 4


@pytest.mark.parametrize("payload", [b"", b"\xc0", bytes(100)])
async def test_garbage_costs_the_peer(world, payload):
    """A request or an answer that is none is an offence and starts nothing."""
    shell = Shell(world)
    shell.syncing.on_request("node1", payload)
    shell.syncing.on_response("node1", payload)
    assert [(peer, weight) for peer, _, weight in shell.reports] == [("node1", 25)] * 2
    assert (shell.tasks, shell.sent) == ([], [])


async def test_nobody_has_it_yet(world, source):
    """Empty answers lead from peer to peer and then to a rest; once somebody has the blocks they come."""
    shell = Shell(world)
    shell.syncing.aim(source.certificate(4))
    asked = []
    for _ in range(2):
        ((peer, request),) = shell.requests()
        asked.append(peer)
        shell.syncing.on_response(peer, BlocksResponse(request.from_height, ()).encode())
        await shell.idle()
    assert (asked, shell.requests()) == (["node1", "node2"], [])
    shell.syncing.drive()
    assert shell.requests() == []
    shell.time_ms += limits.SYNC_PAUSE_MS
    shell.syncing.drive()
    ((peer, request),) = shell.requests()
    await answer(shell, source, peer, request)
    assert (shell.chain.height, shell.reports) == (4, [])


async def test_an_unasked_answer_is_ignored(world, source):
    """Blocks that nobody asked for are neither verified nor stored."""
    shell = Shell(world)
    await answer(shell, source, "node1", BlocksRequest(1, 4))
    assert (shell.chain.height, shell.reports) == (0, [])


async def test_a_failed_node_asks_nobody(world, source):
    """When nothing can be stored any more, nothing is asked for."""
    shell = Shell(world)
    shell.failed = True
    shell.syncing.aim(source.certificate(4))
    assert shell.requests() == []


async def test_serving_a_peer_is_bounded(world, source):
    """Requests of one peer beyond the bound are dropped while others are served; afterwards it is served again."""
    shell = Shell(world, source)
    shell.gate.clear()
    for peer in ("node1", "node1", "node1", "node2"):
        shell.syncing.on_request(peer, BlocksRequest(1, 1).encode())
    shell.gate.set()
    await shell.idle()
    served = [peer for peer, kind, _ in shell.sent if kind is Kind.BLOCKS_RESPONSE]
    assert sorted(served) == ["node1", "node1", "node2"]
    shell.syncing.on_request("node1", BlocksRequest(1, 1).encode())
    await shell.idle()
    assert BlocksResponse.decode(shell.sent[-1][2]) == source.serve(BlocksRequest(1, 1), 4)


async def test_missing_certificates_are_fetched(world, source):
    """A block sealed by a later certificate gets its own afterwards; one that does not verify costs the peer."""
    complete, proposals = world.sealed_chain(3)
    chain = world.chain()
    for proposal in proposals:
        proposal.decide(chain)
    chain.certify(complete.certificate(3))
    shell = Shell(world, chain)
    shell.syncing.look_for_gaps([1, 2, 3])
    shell.syncing.drive()
    ((peer, request),) = shell.requests()
    assert request == BlocksRequest(1, 1)
    shell.syncing.on_response(peer, BlocksResponse(1, source.serve(request, 4).blocks).encode())
    await shell.idle()
    assert shell.reports == [(peer, "sync_bad_certificate", 50)]
    for _ in range(2):
        shell.syncing.drive()
        for peer, request in shell.requests():
            await answer(shell, complete, peer, request)
    assert [chain.certificate(h) for h in (1, 2, 3)] == [complete.certificate(h) for h in (1, 2, 3)]
    shell.syncing.drive()
    assert shell.requests() == []
