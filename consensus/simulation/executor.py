"""Ordering, execution and catching up of one simulated node, with every step to durability taking its time.

A decision is synced to the ordered log (P7 (a)), executed and synced (P7 (b), (c)), and only then reported to the
core, which then seals (P7 (d)). Decisions and blocks from peers go through one queue, in height order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from consensus.certificate import SealCert, ValidatorSet
from consensus.crypto import Context
from consensus.fields import Rejection
from consensus.interface import Event, Execute, Executed, FetchBlocks, Synced
from consensus.simulation import application
from consensus.simulation.application import Block
from consensus.simulation.checkers import Judges
from consensus.simulation.disk import Disk, Ordered
from consensus.simulation.parcels import BlockReply, BlockRequest

FETCH_RETRY_MS = 300  # before blocks are asked of another peer

Job: TypeAlias = "Execute | tuple[Block, SealCert]"


@dataclass(frozen=True, slots=True)
class Bench:
    """What an executor works with; ``later`` forgets its action when the node dies."""

    index: int
    disk: Disk
    context: Context
    validators: ValidatorSet
    random: Random
    judges: Judges | None  # None for a Byzantine node
    spoils: bool  # execution gives results of its own
    execution_ms: int
    sync_ms: int
    later: Callable[[int, Callable[[], None]], None]
    now_ms: Callable[[], int]
    deliver: Callable[[Event], None]
    included: Callable[[int, bytes], None]  # height and body of a block that was executed
    ask: Callable[[int, BlockRequest], None]
    peers: tuple[int, ...]


class Executor:
    """One life of a node's execution."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._jobs: deque[Job] = deque()
        self._working = False
        self._ordered_ms = 0
        self._wanted: FetchBlocks | None = None
        self._tries = 0

    # ------------------------------------------------------------------------------------------------------- decisions

    def order(self, decision: Execute) -> None:
        """Take a decision: the ordered log first, in height order."""
        b = self._bench
        if b.judges is not None:
            b.judges.decides(b.index, decision.header.value(), decision.digest)
        self._ordered_ms = max(self._ordered_ms, b.now_ms()) + b.random.randrange(b.sync_ms + 1)

        def durable() -> None:
            b.disk.ordered[decision.header.height] = Ordered(decision.header, decision.digest, decision.body)
            if b.judges is not None:
                b.judges.ordered(b.index, decision.digest)
            self._jobs.append(decision)
            self._work()

        b.later(self._ordered_ms - b.now_ms(), durable)

    def _work(self) -> None:
        if self._working or not self._jobs:
            return
        self._working = True
        job = self._jobs.popleft()
        b = self._bench
        delay_ms = 1 + b.random.randrange(b.execution_ms)
        if isinstance(job, Execute):
            b.later(delay_ms, lambda: self._executed(job))
        else:
            block, certificate = job
            b.later(1, lambda: self._synced(block, certificate))

    def _executed(self, decision: Execute) -> None:
        b, height = self._bench, decision.header.height
        if height == b.disk.executed + 1:
            parent_hash = b.disk.block_hash(height - 1)
            block = application.execute(b.context, parent_hash, decision.header, decision.digest, decision.body)
            self._store(application.spoilt(b.context, block) if b.spoils else block)
        self._working = False
        if height <= b.disk.executed:  # else catching up overtook it and will bring it
            b.deliver(Executed(height, b.disk.block_hash(height)))
        self._work()

    def _store(self, block: Block) -> None:
        b, sealed = self._bench, block.sealed
        b.disk.store_block(block)
        if b.judges is not None:
            b.judges.executed(b.index, sealed.height, sealed.block_hash)
        b.included(sealed.height, block.body)

    # ----------------------------------------------------------------------------------------------------- catching up

    def fetch(self, wanted: FetchBlocks) -> None:
        """Get blocks up to a certified height from peers, one after the other until they are here."""
        self._wanted, self._tries = wanted, self._bench.random.randrange(len(self._bench.peers))
        self._ask()

    def _ask(self) -> None:
        b, wanted = self._bench, self._wanted
        if wanted is None or b.disk.executed >= wanted.target.height:
            return
        peer = b.peers[self._tries % len(b.peers)]
        self._tries += 1
        b.ask(peer, BlockRequest(b.disk.executed + 1, wanted.target.height))

        def retry() -> None:
            if self._wanted is wanted:
                self._ask()

        b.later(FETCH_RETRY_MS, retry)

    def serve(self, request: BlockRequest) -> BlockReply | None:
        """Return the blocks asked for, None when some are not here."""
        disk = self._bench.disk
        if not disk.anchor.height < request.from_height <= request.to_height <= disk.executed:
            return None
        return BlockReply(tuple(disk.blocks[h] for h in range(request.from_height, request.to_height + 1)))

    def take(self, reply: BlockReply) -> None:
        """Take blocks from a peer: nothing is believed but the certificate of the target and the hashes below it."""
        b, wanted = self._bench, self._wanted
        if wanted is None or not reply.blocks:
            return
        blocks = [x for x in reply.blocks if x.sealed.height > b.disk.executed]
        if not blocks or blocks[-1].sealed.block_hash != wanted.target.block_hash:
            return
        try:
            wanted.target.verify(b.validators, b.context)
        except Rejection:
            return
        parent_hash = b.disk.block_hash(b.disk.executed)
        for height, block in enumerate(blocks, b.disk.executed + 1):
            if block.sealed.height != height or not application.links(b.context, block, parent_hash):
                return
            parent_hash = block.sealed.block_hash
        self._wanted = None
        self._jobs.extend((block, wanted.target) for block in blocks)
        self._work()

    def _synced(self, block: Block, certificate: SealCert) -> None:
        b, height = self._bench, block.sealed.height
        if height == b.disk.executed + 1:
            if b.judges is not None:
                b.judges.syncs(b.index, height, block.sealed.proposal_digest)
            self._store(block)
            if height == certificate.height:
                b.disk.certificates[height] = certificate
        self._working = False
        if height <= b.disk.executed:
            b.deliver(Synced(block.sealed, certificate if height == certificate.height else None))
        self._work()
