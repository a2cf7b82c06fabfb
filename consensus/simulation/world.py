"""The world of one run: virtual clock, event heap, network, nodes and clients.

Everything is drawn from one ``random.Random(seed)``; nothing reads a clock, an environment or a file, and nothing
iterates over a set, so that a run is the same in every process and under every hash seed.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from random import Random
from typing import Final

from consensus.certificate import ValidatorSet
from consensus.crypto import Context
from consensus.interface import SealedBlock, Trace
from consensus.messages import ProposalHeader
from consensus.replica import Replica
from consensus.simulation import inspection
from consensus.simulation.adversary import Adversary, Seat
from consensus.simulation.behaviours import BEHAVIOURS
from consensus.simulation.checkers import Judges
from consensus.simulation.disk import Disk
from consensus.simulation.node import Node, Traits
from consensus.simulation.parcels import Parcel, Transactions
from consensus.simulation.plan import Crash, Plan
from consensus.simulation.suite import FakeSuite

_TAIL: Final = 200  # traced steps kept for the report of a violation
_PREPARE, _COMMIT, _VIEW_CHANGE, _PREPARE_CERTIFICATE = 2, 3, 6, 13  # types of encoded messages
_STRAGGLER: Final = 10  # a straggling message takes this many times the ordinary delay


class World:
    """One run in progress (the ``Host`` of its nodes)."""

    def __init__(self, plan: Plan, random: Random, *, keep_lines: bool = False) -> None:
        self.plan = plan
        self.random = random
        self.now_ms = 0
        self.events = 0
        self.healed = False
        self.submitting = True
        self.recovery_ms: int | None = None
        suite = FakeSuite()
        self._signers = [suite.signer(f"{plan.seed}/{i}") for i in range(plan.validators)]
        self.context = Context(suite, suite.hash(b"chain"))
        keys = tuple(signer.public_key for signer in self._signers)
        self.validators = ValidatorSet(0, keys)
        self.anchor = SealedBlock(0, suite.hash(b"genesis"), suite.hash(b"genesis proposal"), 0, 0)
        self.judges = Judges(suite, self.context.chain_id, keys, plan.settings.window, self.anchor.proposal_digest)
        self.submitted: dict[bytes, int] = {}
        self.lines: deque[tuple[int, int, Trace]] = deque(maxlen=None if keep_lines else _TAIL)
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0
        self._hash = sha256()
        self._last_ms: dict[tuple[int, int], int] = {}
        self._luck: dict[tuple[int, int], tuple[int, int] | None] = {}
        self._moods: dict[int, tuple[int, int, int]] = {}
        self.nodes = [self._node(i) for i in range(plan.validators)]
        self.correct = [node for node in self.nodes if node.correct]

    # ------------------------------------------------------------------------------------------------------------ time

    def after(self, delay_ms: int, action: Callable[[], None]) -> None:
        """Do something later; events of one moment happen in the order they were asked for."""
        assert delay_ms >= 0, "nothing happens in the past"
        self._number += 1
        heapq.heappush(self._heap, (self.now_ms + delay_ms, self._number, action))

    def advance(self) -> bool:
        """Let the next event happen; False when there is none."""
        if not self._heap:
            return False
        self.now_ms, _, action = heapq.heappop(self._heap)
        self.events += 1
        action()
        return True

    def note(self, node: int, what: str, data: bytes = b"") -> None:
        """Mix something that happened into the trace hash."""
        self._hash.update(b"%d %d %s %d\n" % (self.now_ms, node, what.encode(), len(data)))
        self._hash.update(data)

    def traced(self, node: int, trace: Trace) -> None:
        """Keep a step of the protocol for the readable trace, and count the ones worth counting."""
        self.lines.append((self.now_ms, node, trace))
        if self.nodes[node].correct:
            counted = _COVERED.get((trace.rule, trace.what))
            if counted is not None:
                self.judges.count(counted)

    @property
    def trace_hash(self) -> str:
        """Hash of all that happened so far, in hexadecimal."""
        return self._hash.hexdigest()

    # --------------------------------------------------------------------------------------------------------- network

    def transmit(self, sender: int, receiver: int, parcel: Parcel, delay_ms: int | None = None) -> None:
        """Put a parcel on the network; with ``delay_ms`` the sender decides how long it takes."""
        plan, random = self.plan, self.random
        if delay_ms is not None:
            self._deliver(delay_ms, sender, receiver, parcel)
            return
        if self.healed:
            self._deliver(1 + random.randrange(plan.delta_ms), sender, receiver, parcel)
            return
        if any(p.blocks(self.now_ms, sender, receiver) for p in plan.partitions):
            return
        loss = plan.gossip_loss if isinstance(parcel, Transactions) else plan.loss
        if random.randrange(1_000) < loss or self._vote_lost(sender, receiver, parcel):
            return
        copies = 2 if random.randrange(1_000) < plan.duplicates else 1
        for _ in range(copies):
            delay = 1 + random.randrange(plan.delay_ms)
            if random.randrange(1_000) < plan.stragglers:
                delay *= _STRAGGLER
            self._deliver(delay, sender, receiver, parcel)

    def _vote_lost(self, sender: int, receiver: int, parcel: Parcel) -> bool:
        """Lose the votes of some heights on their way to most nodes: a few are left with certificates of their own.

        Uniform loss hardly ever makes such gaps, and without them a wrong choice in a view change does no harm.
        """
        plan = self.plan
        if plan.drought and isinstance(parcel, bytes) and parcel[1] in {_PREPARE, _PREPARE_CERTIFICATE}:
            return True
        if not plan.vote_loss or not isinstance(parcel, bytes) or receiver in plan.faulty:
            return False
        if parcel[1] == _VIEW_CHANGE:
            mood, _, favourite = self._moods.get(inspection.new_view_of(parcel) - 1, (1, 0, 0))
            return mood == 0 and favourite == 1 << sender  # what it alone knows is left out of the next view
        if parcel[1] not in {_PREPARE, _COMMIT, _PREPARE_CERTIFICATE}:
            return False
        ballot = inspection.ballot_of(parcel)
        if ballot is None:
            return False
        kind, view, height = ballot
        lucky = self._lucky(view, height)
        return lucky is not None and not lucky[kind == _COMMIT] >> receiver & 1

    def _lucky(self, view: int, height: int) -> tuple[int, int] | None:
        """Return bitmaps of who gets the PREPAREs and who the COMMITs of a height, None when all do."""
        random, everyone = self.random, (1 << self.plan.validators) - 1
        if view not in self._moods:
            favourite = self.correct[random.randrange(len(self.correct))].index
            mood = view % 3 if random.randrange(4) else 2
            self._moods[view] = mood, height + random.randrange(2), 1 << favourite
        mood, start, favourite = self._moods[view]
        if (view, height) not in self._luck:
            commits = (everyone, random.randrange(everyone))[random.randrange(2)]
            drawn: tuple[int, int] | None = None
            if mood == 0 and height >= start:  # one node alone gets certificates, of a whole chain
                drawn = favourite, commits
            elif mood == 1 and height > start:  # the chain ends for all
                drawn = 0, commits
            elif mood > 1 and random.randrange(1_000) < self.plan.vote_loss:
                drawn = (0, everyone, favourite, favourite)[random.randrange(4)], commits
            self._luck[view, height] = drawn
        return self._luck[view, height]

    def _deliver(self, delay_ms: int, sender: int, receiver: int, parcel: Parcel) -> None:
        at_ms = self.now_ms + delay_ms
        if self.plan.ordered_links:
            at_ms = self._last_ms[sender, receiver] = max(at_ms, self._last_ms.get((sender, receiver), 0))
        node = self.nodes[receiver]
        self.after(at_ms - self.now_ms, lambda: node.receive(sender, parcel))

    # ----------------------------------------------------------------------------------------------------------- nodes

    def _node(self, index: int) -> Node:
        plan = self.plan
        behaviours = dict(plan.byzantine).get(index)
        adversary = None
        if behaviours is not None:
            seat = Seat(
                context=self.context,
                validators=self.validators,
                index=index,
                signer=self._signers[index],
                random=self.random,
                window=plan.settings.window,
                timeout_ms=plan.settings.timeout_ms,
                proposal_digest=lambda height: inspection.proposal_digest(self.nodes[index].replica, height),
            )
            adversary = Adversary(seat, tuple(BEHAVIOURS[name] for name in behaviours))
        traits = Traits(
            index=index,
            peers=tuple(i for i in range(plan.validators) if i != index),
            skew_ms=plan.skew_ms[index],
            execution_ms=plan.execution_ms[index],
            sync_ms=plan.sync_ms[index],
            regossip_ms=plan.settings.timeout_ms // 2,
            faulty=plan.faulty,
            adversary=adversary,
        )
        return Node(self, traits, Disk(self.anchor), self.judges)

    def starts(self, node: Node) -> Replica:
        """Make a replica from a node's disk."""
        return Replica(
            context=Context(self.context.suite, self.context.chain_id),
            validators=self.validators,
            index=node.index,
            signer=self._signers[node.index],
            settings=self.plan.settings,
            body_matches=self._body_matches,
            recovery=node.disk.recovery(self.plan.kept_blocks),
        )

    def _body_matches(self, header: ProposalHeader, body: bytes) -> bool:
        return self.context.suite.hash(body) == header.tx_root

    def schedule(self) -> None:
        """Start all nodes and lay out crashes, log rotations and clients."""
        for node in self.nodes:
            self.after(self.random.randrange(20), node.boot)
        for crash in self.plan.crashes:
            self.after(crash.at_ms, partial(self._crash, crash))
        if self.plan.rotation_ms:
            self.after(self.plan.rotation_ms, self._rotate)
        self.after(50, self.submit)

    def _crash(self, crash: Crash) -> None:
        node = self.nodes[crash.node]
        if not node.up or self.healed:
            return
        if crash.boundary == 0:
            node.crash()
        else:
            node.boundaries_left = crash.boundary
        self.after(crash.down_ms, lambda: self._restart(node))

    def _restart(self, node: Node) -> None:
        node.boundaries_left = None
        if not node.up and not self.healed:
            node.boot()

    def _rotate(self) -> None:
        node = self.correct[self.random.randrange(len(self.correct))]
        if node.up:
            node.rotate()
        self.after(self.plan.rotation_ms, self._rotate)

    def heal(self) -> None:
        """Global stabilisation: from now on links deliver within delta, and correct nodes run."""
        self.healed = True
        self.note(-1, "healed")
        everyone = self.random.randrange(4) == 0
        for node in self.correct:
            node.boundaries_left = None
            if node.up and everyone:
                node.crash()
            if not node.up:
                node.boot()

    # --------------------------------------------------------------------------------------------------------- clients

    def submit(self) -> None:
        """Hand new transactions to a correct node, and plan the next ones."""
        if not self.submitting:
            return
        node = self.correct[self.random.randrange(len(self.correct))]
        count = 1 + self.random.randrange(self.plan.burst)
        if node.up:
            fresh = tuple(b"%08d" % (len(self.submitted) + k) for k in range(count))
            self.submitted.update((identifier, self.now_ms) for identifier in fresh)
            node.admit(fresh)
            node.push(fresh)
        self.after(1 + self.random.randrange(2 * count * self.plan.transaction_ms), self.submit)


_COVERED: Final = {
    ("C3", "view change"): "view changes",
    ("C2", "join"): "joins",
    ("C4", "new view timer expired"): "consecutive view changes",
    ("P3", "body fetched"): "bodies fetched",
    ("R5", "synced"): "blocks caught up",
    ("P2", "refused"): "proposals refused",
    ("C1", "leave"): "views left by complaints",
    ("P8", "sealed"): "seals",
    ("T", "patience above the floor"): "patience above the floor",
}
