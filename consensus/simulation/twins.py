"""Twins (Bano et al., arXiv 2004.10617): Byzantine behaviour for free, by running a correct validator twice.

Two instances share one key. Each keeps to the protocol; together they equivocate, forget and contradict themselves. A
scenario says, view by view, who leads and how the instances are divided; messages of a view stay within its groups.
After the last scripted view all are connected, leaders rotate as usual, and the correct validators have to go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from multiprocessing import get_context
from random import Random
from typing import Final

import msgpack

from consensus.certificate import ValidatorSet, faulty_max
from consensus.interface import Settings
from consensus.simulation.casting import Network
from consensus.simulation.checkers import Violation
from consensus.simulation.notary import (
    COMMIT,
    HEADER_HEIGHT,
    NEW_VIEW,
    PRE_PREPARE,
    PREPARE,
    PREPARE_CERTIFICATE,
    SEAL,
    VIEW_CHANGE,
)
from consensus.simulation.parcels import Parcel
from consensus.simulation.stage import Stage

VIEW_MS: Final = 250  # how long a scripted view lasts before everyone suspects its leader
BLOCKS_AFTER: Final = 2  # blocks every correct node has to seal once all are connected
BOUND_MS: Final = 30_000  # within this
_SETTINGS: Final = Settings(window=3, timeout_ms=1_000, timeout_max_ms=8_000)
_COMPLAIN: Final = 5  # type of an encoded message
_OF_A_VIEW: Final = (PRE_PREPARE, PREPARE, COMMIT, NEW_VIEW)  # their view is the field after the sender
_AUTHORED: Final = (PRE_PREPARE, PREPARE, SEAL, VIEW_CHANGE, NEW_VIEW)  # contradicting ones are evidence


@dataclass(frozen=True, slots=True)
class Scripted:
    """One view of a scenario."""

    leader: int
    groups: tuple[int, ...]  # group of each instance


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens to one network with twins. ``changes_cross``: VIEW-CHANGE and COMPLAIN pass between groups."""

    name: str
    validators: int
    views: tuple[Scripted, ...]
    changes_cross: bool = True


@dataclass(frozen=True, slots=True)
class Played:
    """What a scenario showed."""

    name: str
    violation: str | None
    decisions: int
    contradicted: bool  # a correct node was sent two contradicting statements of a twin
    evidence: dict[str, int]  # rules of the evidence against the twins, and how often
    trace_hash: str


@dataclass(frozen=True, slots=True)
class _Led(ValidatorSet):
    """A validator set whose first views are led by whom the scenario says."""

    leaders: tuple[int, ...] = ()

    def leader(self, view: int) -> int:
        return self.leaders[view] if view < len(self.leaders) else (self.epoch + view) % len(self.public_keys)


def exhaustive(validators: int = 4) -> Iterator[Scenario]:
    """Yield every scenario of two views with every leader and every division into two groups: 3,600 for N = 4."""
    instances = validators + faulty_max(validators)
    divisions = [(0, *rest) for rest in product((0, 1), repeat=instances - 1) if any(rest)]
    views = [Scripted(leader, groups) for leader in range(validators) for groups in divisions]
    for number, pair in enumerate(product(views, repeat=2)):
        yield Scenario(f"pair {number}", validators, pair)


def drawn(seed: int, validators: int | None = None) -> Scenario:
    """Return a scenario of 4 to 7 views with up to three groups; one in four has N = 7 and two pairs of twins."""
    random = Random(seed)  # noqa: S311 - reproducible by design, and no secret
    size = validators or (7 if random.randrange(4) == 0 else 4)
    instances = size + faulty_max(size)
    views = []
    for _ in range(4 + random.randrange(4)):
        groups = 1 + random.randrange(3)
        leader = random.randrange(faulty_max(size)) if random.randrange(2) else random.randrange(size)
        views.append(Scripted(leader, tuple(random.randrange(groups) for _ in range(instances))))
    return Scenario(f"seed {seed}", size, tuple(views), changes_cross=random.randrange(4) > 0)


class _Play:
    """One scenario in progress: the rule that decides what passes, and what correct nodes were told by twins."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        size = scenario.validators
        self.twins = faulty_max(size)
        network = Network.found("twins", size, _SETTINGS)
        led = _Led(0, network.validators.public_keys, tuple(view.leader for view in scenario.views))
        network = Network(network.context, network.signers, led, network.anchor, _SETTINGS, network.suite)
        seats = (*range(size), *range(self.twins))
        skews = tuple(range(len(seats)))  # no two instances propose the same bytes
        self.stage = Stage(network, seats, self.passes, skews_ms=skews)
        self._told: dict[tuple[object, ...], bytes] = {}
        self.contradicted = False

    def passes(self, sender: int, receiver: int, parcel: Parcel) -> bool:
        """Whether the script lets a message through."""
        view = self.stage.nodes[sender].replica.snapshot().view
        if isinstance(parcel, bytes):
            message = msgpack.unpackb(parcel)
            if message[0] in {_COMPLAIN, VIEW_CHANGE} and self.scenario.changes_cross:
                view = len(self.scenario.views)
            elif message[0] in _OF_A_VIEW:
                view = message[3]
            elif message[0] == PREPARE_CERTIFICATE:
                view = message[3][0]
        if view < len(self.scenario.views):
            groups = self.scenario.views[view].groups
            if groups[sender] != groups[receiver]:
                return False
        if isinstance(parcel, bytes) and self.stage.nodes[receiver].correct:
            self._tell(receiver, message)
        return True

    def _tell(self, receiver: int, message: list[object]) -> None:
        kind, author = message[0], message[2]
        if kind not in _AUTHORED or not isinstance(author, int) or author >= self.twins:
            return
        height, said = message[4], message[-2]
        if kind == PRE_PREPARE:
            header = message[4]
            assert isinstance(header, list), "encoded by our own code"
            height, said = header[HEADER_HEIGHT], header
        elif kind in {VIEW_CHANGE, NEW_VIEW}:
            height, said = 0, message[4:-1]
        elif kind == SEAL:
            height = 0
        packed: bytes = msgpack.packb(said)
        held = self._told.setdefault((receiver, kind, author, message[3], height), packed)
        self.contradicted = self.contradicted or held != packed

    def run(self) -> None:
        """Play the scripted views, then let everyone talk to everyone."""
        stage, scripted = self.stage, len(self.scenario.views)
        stage.start()
        for view in range(scripted):
            stage.timeline.after(view * VIEW_MS, partial(self._submit, view))
            stage.timeline.run_until((view + 1) * VIEW_MS)
            stage.suspect(view)
        for node in stage.nodes:
            node.push(tuple(node.pool.waiting))
        goal = max(stage.stable()) + BLOCKS_AFTER
        end_ms = stage.timeline.now_ms + BOUND_MS
        batch = scripted
        while min(stage.stable()) < goal:
            self._submit(batch)
            batch += 1
            stage.timeline.run_until(stage.timeline.now_ms + 200)
            if stage.timeline.now_ms > end_ms:
                raise Violation("L1", f"{BOUND_MS} ms after all were connected: goal {goal}, stable {stage.stable()}")

    def _submit(self, batch: int) -> None:
        """Give every instance a transaction of its own, so that twins propose different bodies."""
        for instance, node in enumerate(self.stage.nodes):
            node.admit((b"%04d/%02d" % (batch, instance),))


def play(scenario: Scenario) -> Played:
    """Play one scenario under the judges of all correct validators."""
    performance = _Play(scenario)
    violation = None
    try:
        performance.run()
    except Violation as found:
        violation = str(found)
    except AssertionError as fault:
        violation = f"fault: {type(fault).__name__}: {fault}"
    coverage = performance.stage.judges.coverage
    return Played(
        name=scenario.name,
        violation=violation,
        decisions=coverage.get("decisions", 0),
        contradicted=performance.contradicted,
        evidence={what.split()[1]: n for what, n in sorted(coverage.items()) if what.startswith("evidence ")},
        trace_hash=performance.stage.timeline.trace_hash,
    )


def play_many(scenarios: Iterable[Scenario], *, jobs: int = 1) -> list[Played]:
    """Play every scenario on ``jobs`` processes, in order."""
    if jobs <= 1:
        return [play(scenario) for scenario in scenarios]
    with get_context("spawn").Pool(jobs) as pool:
        return list(pool.imap(play, scenarios, chunksize=32))
