"""The world of one run: virtual clock, event heap, network, nodes and clients.

Everything is drawn from one ``random.Random(seed)``; nothing reads a clock, an environment or a file, and nothing
iterates over a set, so that a run is the same in every process and under every hash seed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

from consensus.certificate import ValidatorSet
from consensus.crypto import Context
from consensus.interface import Trace
from consensus.replica import Replica
from consensus.simulation import inspection
from consensus.simulation.casting import Network, Pace, cast
from consensus.simulation.film import Film
from consensus.simulation.links import Links
from consensus.simulation.node import Node
from consensus.simulation.parcels import Parcel, Transactions
from consensus.simulation.plan import Crash, Plan
from consensus.simulation.timeline import Timeline

_TAIL: Final = 200  # traced steps kept for the report of a violation
_PREPARE, _COMMIT, _VIEW_CHANGE, _PREPARE_CERTIFICATE = 2, 3, 6, 13  # types of encoded messages


class World:
    """One run in progress (the ``Host`` of its nodes)."""

    def __init__(self, plan: Plan, random: Random, *, keep_lines: bool = False, film: Film | None = None) -> None:
        self.plan = plan
        self.random = random
        self.timeline = Timeline()
        self.film = film
        self.submitting = True
        self.recovery_ms: int | None = None
        self.network = Network.found(str(plan.seed), plan.validators, plan.settings)
        self.judges = self.network.judges(len(plan.byzantine))
        self.submitted: dict[bytes, int] = {}
        self.lines: deque[tuple[int, int, Trace]] = deque(maxlen=None if keep_lines else _TAIL)
        self.links = Links(plan, random, self.timeline)
        self._luck: dict[tuple[int, int], tuple[int, int] | None] = {}
        self._moods: dict[int, tuple[int, int, int]] = {}
        self.nodes = [self._node(i) for i in range(plan.validators)]
        self.correct = [node for node in self.nodes if node.correct]

    @property
    def context(self) -> Context:
        """The suite and chain of the network."""
        return self.network.context

    @property
    def validators(self) -> ValidatorSet:
        """The validators of the network."""
        return self.network.validators

    @property
    def now_ms(self) -> int:
        """Virtual time."""
        return self.timeline.now_ms

    def after(self, delay_ms: int, action: Callable[[], None]) -> None:
        """Do something later."""
        self.timeline.after(delay_ms, action)

    def note(self, node: int, what: str, data: bytes = b"") -> None:
        """Mix something that happened into the trace hash."""
        self.timeline.note(node, what, data)
        if self.film is not None:
            self.film.note(self.now_ms, node, what)

    def traced(self, node: int, trace: Trace) -> None:
        """Keep a step of the protocol for the readable trace, and count the ones worth counting."""
        self.lines.append((self.now_ms, node, trace))
        if self.film is not None:
            self.film.steps.append((self.now_ms, node, trace))
        if self.nodes[node].correct:
            counted = _COVERED.get((trace.rule, trace.what))
            if counted is not None:
                self.judges.count(counted)

    # --------------------------------------------------------------------------------------------------------- network

    def transmit(self, sender: int, receiver: int, parcel: Parcel, delay_ms: int | None = None) -> None:
        """Put a parcel on the network; with ``delay_ms`` the sender decides how long it takes."""
        if delay_ms is not None:
            self._deliver(self.links.ordered(sender, receiver, delay_ms), sender, receiver, parcel)
            return
        delays = self.links.delays(
            sender,
            receiver,
            loss=self.plan.gossip_loss if isinstance(parcel, Transactions) else self.plan.loss,
            also_lost=lambda: self._vote_lost(sender, receiver, parcel),
        )
        for delay in delays:
            self._deliver(delay, sender, receiver, parcel)
        if not delays and self.film is not None:
            self.film.message(self.now_ms, None, sender, receiver, parcel)

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
        if self.film is not None:
            self.film.message(self.now_ms, self.now_ms + delay_ms, sender, receiver, parcel)
        self.after(delay_ms, lambda: self.nodes[receiver].receive(sender, parcel))

    # ----------------------------------------------------------------------------------------------------------- nodes

    def _node(self, index: int) -> Node:
        plan = self.plan
        pace = Pace(plan.skew_ms[index], plan.execution_ms[index], plan.sync_ms[index])
        return cast(self, self.network, self.judges, index, pace, byzantine=dict(plan.byzantine))

    def starts(self, node: Node) -> Replica:
        """Make a replica from a node's disk."""
        return self.network.replica(node, self.plan.kept_blocks)

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
        if not node.up or self.links.healed:
            return
        if crash.boundary == 0:
            node.crash()
        else:
            node.boundaries_left = crash.boundary
        self.after(crash.down_ms, lambda: self._restart(node))

    def _restart(self, node: Node) -> None:
        node.boundaries_left = None
        if not node.up and not self.links.healed:
            node.boot()

    def _rotate(self) -> None:
        node = self.correct[self.random.randrange(len(self.correct))]
        if node.up:
            node.rotate()
        self.after(self.plan.rotation_ms, self._rotate)

    def heal(self) -> None:
        """Global stabilisation: from now on links deliver within delta, and correct nodes run."""
        self.links.healed = True
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
