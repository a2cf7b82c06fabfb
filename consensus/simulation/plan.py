"""What one run does: drawn from its seed before the run starts.

Swarm testing: every run enables a random subset of the faults, because faults that are always on together hide one
another (a network that loses everything never reaches the second view change).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Final

from consensus.certificate import faulty_max
from consensus.interface import Settings
from consensus.simulation.behaviours import SWARM

PROFILES: Final = (
    "swarm",
    "lost_votes",
    "lying_leader",
    "quiet",
    "wrong_clock",
    "forger",
    "impatient",
    "outage",
    "divergent",
    "old_copy",
    "censor",
)
_TIMEOUTS_MS: Final = (1_000, 2_000)


@dataclass(frozen=True, slots=True)
class Partition:
    """While it lasts, messages out of ``group`` are lost, and those into it too unless it is one-way."""

    from_ms: int
    to_ms: int
    group: tuple[int, ...]
    one_way: bool

    def blocks(self, now_ms: int, sender: int, receiver: int) -> bool:
        """Whether a message sent now is lost."""
        if not self.from_ms <= now_ms < self.to_ms or (sender in self.group) == (receiver in self.group):
            return False
        return sender in self.group or not self.one_way


@dataclass(frozen=True, slots=True)
class Crash:
    """A node dies at the ``boundary``-th Persist or Send after ``at_ms`` (0: at once) and stays down for a while."""

    node: int
    at_ms: int
    boundary: int
    down_ms: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. Times in milliseconds, rates per mille."""

    seed: int
    profile: str
    validators: int
    settings: Settings
    gst_ms: int  # global stabilisation time: until then links and nodes are at fault
    delay_ms: int  # longest ordinary delay before
    delta_ms: int  # longest delay after
    loss: int
    vote_loss: int  # part of all (view, height) whose votes reach a few nodes only
    drought: bool  # no PREPARE arrives: views fail one after the other
    duplicates: int
    stragglers: int  # messages that take ten times as long
    ordered_links: bool
    gossip_loss: int
    partitions: tuple[Partition, ...]
    crashes: tuple[Crash, ...]
    byzantine: tuple[tuple[int, tuple[str, ...]], ...]  # node and the names of its behaviours
    skew_ms: tuple[int, ...]
    execution_ms: tuple[int, ...]
    sync_ms: tuple[int, ...]  # longest time of an fsync
    rotation_ms: int  # between log checkpoints, 0: never
    kept_blocks: int
    transaction_ms: int  # mean time between client requests
    burst: int

    @property
    def faulty(self) -> frozenset[int]:
        """The Byzantine validators."""
        return frozenset(node for node, _ in self.byzantine)


def draw(
    random: Random,
    seed: int,
    *,
    validators: int | None = None,
    window: int | None = None,
    byzantine: tuple[str, ...] | None = None,
    profile: str = "swarm",
    faulty: int | None = None,
) -> Plan:
    """Return the plan of ``seed``; arguments override what would be drawn, ``faulty`` even beyond what is tolerated."""
    assert profile in PROFILES, f"one of {PROFILES}"

    def some(*choices: int) -> int:
        return choices[random.randrange(len(choices))]

    size = some(4, 4, 4, 4, 4, 4, 4, 7) if validators is None else validators
    flight = some(1, 3, 3, 8) if window is None else window
    timeout_ms = some(*_TIMEOUTS_MS)
    gst_ms = 4_000 + random.randrange(10_000)
    bad = random.sample(range(size), faulty_max(size)) if random.randrange(8) else []
    if faulty is not None:
        bad = random.sample(range(size), faulty)
    if byzantine is not None:
        bad = bad or list(range(faulty_max(size)))
    behaviours = tuple(
        (node, tuple(n for n in SWARM if random.randrange(3) == 0) if byzantine is None else byzantine)
        for node in sorted(bad)
    )
    correct = [node for node in range(size) if node not in bad]
    plan = Plan(
        seed=seed,
        profile=profile,
        validators=size,
        settings=Settings(window=flight, timeout_ms=timeout_ms, timeout_max_ms=8 * timeout_ms),
        gst_ms=gst_ms,
        delay_ms=some(10, 50, 200),
        delta_ms=some(5, 20, 60),
        loss=some(0, 0, 20, 150, 300),
        vote_loss=some(0, 0, 100, 300),
        drought=False,
        duplicates=some(0, 0, 50),
        stragglers=some(0, 0, 30),
        ordered_links=random.randrange(3) == 0,
        gossip_loss=some(0, 100, 500),
        partitions=_partitions(random, size, gst_ms) if random.randrange(2) else (),
        crashes=_crashes(random, correct, gst_ms) if random.randrange(3) else (),
        byzantine=behaviours,
        skew_ms=_skews(random, size, bad),
        execution_ms=tuple(some(2, 10, 60) for _ in range(size)),
        sync_ms=tuple(some(0, 2, 8) for _ in range(size)),
        rotation_ms=some(0, 700, 3_000),
        kept_blocks=some(2 * flight, 1024),
        transaction_ms=some(150, 300),
        burst=some(1, 4, 12),
    )
    return _focus(random, plan)


def _partitions(random: Random, size: int, gst_ms: int) -> tuple[Partition, ...]:
    found = []
    for _ in range(1 + random.randrange(3)):
        start = random.randrange(gst_ms)
        group = tuple(sorted(random.sample(range(size), 1 + random.randrange(size // 2))))
        found.append(
            Partition(start, min(gst_ms, start + 500 + random.randrange(4_000)), group, random.randrange(3) == 0)
        )
    return tuple(found)


def _crashes(random: Random, correct: list[int], gst_ms: int) -> tuple[Crash, ...]:
    found = []
    for node in correct:
        for _ in range(random.randrange(4)):
            boundary = random.randrange(12) if random.randrange(4) else 0
            found.append(Crash(node, random.randrange(gst_ms), boundary, 20 + random.randrange(3_000)))
    return tuple(sorted(found, key=lambda c: (c.at_ms, c.node)))


def _skews(random: Random, size: int, bad: list[int]) -> tuple[int, ...]:
    """Clocks are near one another; sometimes one correct clock is far off, never more than f of all."""
    skews = [random.randrange(-100, 101) for _ in range(size)]
    if random.randrange(6) == 0:
        correct = [node for node in range(size) if node not in bad]
        skews[correct[random.randrange(len(correct))]] = random.randrange(-6_000, 6_001)
    return tuple(skews)


def _focus(random: Random, plan: Plan) -> Plan:
    """Turn the faults of a profile up: rare interleavings need a push in their direction."""
    if plan.profile == "swarm":
        return plan
    if plan.profile == "quiet":
        return replace(
            plan,
            loss=0,
            vote_loss=0,
            partitions=(),
            crashes=(),
            byzantine=(),
            stragglers=0,
            gst_ms=1_000,
        )
    if plan.profile in {"impatient", "outage"}:  # deciding takes longer than the floor, or at first for ever
        outage = plan.profile == "outage"
        return replace(
            plan,
            settings=replace(plan.settings, timeout_ms=200, timeout_max_ms=1_600),
            gst_ms=150_000 if outage else 1_000,
            drought=outage,
            loss=0,
            vote_loss=0,
            partitions=(),
            crashes=(),
            byzantine=tuple((node, ("silent_leader",)) for node, _ in plan.byzantine),
            delay_ms=200,
            delta_ms=200 if outage else 300,
            transaction_ms=600,
            burst=1,
        )
    bad = plan.byzantine or ((random.randrange(plan.validators), ()),)
    if plan.profile == "censor":  # a good network, led by who leaves one client out
        return replace(
            plan,
            loss=0,
            vote_loss=0,
            gossip_loss=0,
            stragglers=0,
            delay_ms=20,
            partitions=(),
            crashes=(),
            byzantine=((0, ("censor",)),),
            skew_ms=(0,) * plan.validators,
            transaction_ms=100,
        )
    if plan.profile in {"divergent", "old_copy"}:
        fault = "wrong_results" if plan.profile == "divergent" else "old_copy"
        crashes = [Crash(node, at_ms, 0, 400) for node, _ in bad for at_ms in (2_000, 3_000)]
        return replace(
            plan,
            crashes=tuple(sorted((*plan.crashes, *crashes), key=lambda c: (c.at_ms, c.node))),
            byzantine=tuple((node, (fault,)) for node, _ in bad),
        )
    if plan.profile == "wrong_clock":
        faulty = {node for node, _ in bad}
        correct = [node for node in range(plan.validators) if node not in faulty]
        skews = list(plan.skew_ms)
        skews[correct[random.randrange(len(correct))]] = (-5_000, 5_000)[random.randrange(2)]
        return replace(plan, skew_ms=tuple(skews), byzantine=tuple((node, ("complain_always",)) for node, _ in bad))
    common = replace(
        plan,
        settings=replace(plan.settings, window=max(3, plan.settings.window), timeout_ms=400, timeout_max_ms=1_600),
        gst_ms=15_000,
        crashes=(),
        loss=20,
        delay_ms=20,
        transaction_ms=150,
        burst=6,
    )
    if plan.profile == "lost_votes":
        partitions = tuple(
            Partition(at, at + 600 + random.randrange(1_500), (random.randrange(plan.validators),), False)
            for at in (3_000, 9_000)
        )
        voter = ("agree_to_all", "hide_certificates", "hide_prepared", "leader_lull")
        return replace(
            common,
            vote_loss=500,
            partitions=partitions,
            byzantine=tuple((node, voter) for node, _ in bad),
        )
    if plan.profile == "forger":
        forger = ("forge_new_view", "leader_lull", "swap_payload")
        return replace(common, loss=0, byzantine=tuple((node, forger) for node, _ in bad))
    liar = ("false_new_view", "hide_prepared", "leader_lull", "old_change")
    return replace(common, vote_loss=250, byzantine=tuple((node, liar) for node, _ in bad))
