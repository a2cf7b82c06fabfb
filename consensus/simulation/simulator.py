"""Run one seed: faults until the links heal, then a check that everything gets done.

Two phases (the idea of VOPR in tigerbeetle). Safety is judged after every event of both. Liveness is judged in the
second: within the bound B of the specification every correct node seals ten more blocks and every transaction that
waited at a correct node is in a block; after that views stop growing.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from random import Random
from typing import Final

from consensus.interface import Trace
from consensus.simulation.ablation import without
from consensus.simulation.checkers import Violation
from consensus.simulation.film import Film
from consensus.simulation.mutation import Mutation
from consensus.simulation.plan import Plan, draw
from consensus.simulation.world import World

BLOCKS_AFTER: Final = 10  # blocks every correct node has to seal after the links heal
LOADED_MS: Final = 4_000  # how long views are watched under load once all is done
IDLE_MS: Final = 6_000  # and after that without
EVENTS_MAX: Final = 400_000  # a run that needs more goes round in circles
_DELTA_ROUNDS: Final = 40  # one-way trips in the bound: 20 round trips


@dataclass(frozen=True, slots=True)
class Result:
    """What a run showed. The same seed and arguments give the same result, in every process."""

    seed: int
    violation: str | None
    trace_hash: str
    coverage: dict[str, int]
    sealed_height: int
    events: int
    virtual_ms: int
    recovery_ms: int | None  # from healing until all was done; None when that never came
    lines: tuple[str, ...]  # the whole trace when asked for, the last steps after a violation, else nothing
    plan: Plan
    repeat: str  # the command that shows this run again
    film: Film | None = None  # everything to be seen of it, when asked for


def run(
    seed: int,
    *,
    validators: int | None = None,
    window: int | None = None,
    mutant: str | None = None,
    byzantine: tuple[str, ...] | None = None,
    profile: str = "swarm",
    faulty: int | None = None,
    removed: tuple[str, ...] = (),
    trace: bool = False,
    film: bool = False,
) -> Result:
    """Run one seed.

    ``mutant`` is the path of a mutation file, ``byzantine`` names behaviours for the faulty nodes, ``faulty`` says how
    many there are (more than f is allowed: then the judges have something to say), ``removed`` names faults of the plan
    to leave out (``minimise``).
    """
    random = Random(seed)  # noqa: S311 - reproducible by design, and no secret
    plan = draw(random, seed, validators=validators, window=window, byzantine=byzantine, profile=profile, faulty=faulty)
    plan = without(plan, removed)
    change = nullcontext() if mutant is None else Mutation.load(mutant).applied()
    with change:
        filmed = Film() if film else None
        world = World(plan, random, keep_lines=trace, film=filmed)
        violation = None
        try:
            _drive(world)
        except Violation as found:
            violation = str(found)
        except AssertionError as fault:
            violation = f"fault: {type(fault).__name__}: {fault}"
    shown = trace or violation is not None
    return Result(
        seed=seed,
        violation=violation,
        trace_hash=world.timeline.trace_hash,
        coverage=dict(sorted(world.judges.coverage.items())),
        sealed_height=min(world.judges.nodes[n.index].stable for n in world.correct),
        events=world.timeline.events,
        virtual_ms=world.now_ms,
        recovery_ms=world.recovery_ms,
        lines=tuple(_line(*entry) for entry in world.lines) if shown else (),
        plan=plan,
        repeat=_command(
            seed,
            validators=validators,
            window=window,
            byzantine=byzantine and ",".join(byzantine),
            profile=None if profile == "swarm" else profile,
            faulty=faulty,
            without=",".join(removed) or None,
            mutant=mutant,
        ),
        film=filmed,
    )


def _command(seed: int, **options: object) -> str:
    chosen = [f"--{name} {value}" for name, value in options.items() if value is not None]
    return " ".join(["hanchain sim replay", str(seed), *chosen])


def _line(now_ms: int, node: int, trace: Trace) -> str:
    return f"{now_ms:>7} n{node} v{trace.view:<3} {trace.rule:<3} {trace.what} {trace.height} {trace.detail}".rstrip()


def _drive(world: World) -> None:
    world.schedule()
    _until(world, world.plan.gst_ms)
    world.heal()
    _recover(world)
    _settle(world)


def _until(world: World, at_ms: int) -> None:
    while world.now_ms < at_ms and world.timeline.advance():
        if world.timeline.events > EVENTS_MAX:
            raise Violation("L0", f"more than {EVENTS_MAX} events")


def _stable(world: World) -> list[int]:
    return [world.judges.nodes[node.index].stable for node in world.correct]


def _recover(world: World) -> None:
    """Liveness: ten blocks and all waiting transactions within B after the links healed."""
    waiting = list(world.submitted)  # each was admitted at a correct node
    goal = max(_stable(world)) + BLOCKS_AFTER
    start_ms, bound_ms = world.now_ms, bound(world)
    while True:
        _until(world, world.now_ms + 100)
        if min(_stable(world)) >= goal:
            missing = [i for i in waiting for node in world.correct if i not in node.pool.included]
            if not missing:
                break
        if world.now_ms > start_ms + bound_ms:
            raise Violation("L1", _stuck(world, goal, waiting, bound_ms))
    world.recovery_ms = world.now_ms - start_ms


def bound(world: World) -> int:
    """Return B in milliseconds: the time-outs T(0) .. T(k + f + 1), 20 round trips, and the blocks to seal."""
    plan, settings = world.plan, world.plan.settings
    stands = [node.replica.snapshot() for node in world.correct]
    spread = max(s.view for s in stands) - min(s.view for s in stands)
    first_ms, back_offs = max(s.base_timeout_ms for s in stands), max(s.timeout_ms for s in stands)
    steps = spread + world.judges.faulty + 1
    while settings.timeout_ms << steps < min(back_offs, settings.timeout_max_ms):
        steps += 1
    total = sum(min(settings.timeout_max_ms, first_ms << min(i, 20)) for i in range(steps + 2))
    per_block_ms = (
        4 * plan.delta_ms + max(plan.execution_ms) + 4 * max(plan.sync_ms) + 2 * plan.transaction_ms * plan.burst
    )
    return total + _DELTA_ROUNDS * plan.delta_ms + 2 * BLOCKS_AFTER * per_block_ms + 3_000


def _stuck(world: World, goal: int, waiting: list[bytes], bound_ms: int) -> str:
    stands = [
        f"n{node.index} view {s.view}{'' if s.active else '?'} stable {s.stable_height}"
        for node in world.correct
        for s in [node.replica.snapshot()]
    ]
    left = sum(1 for i in waiting for node in world.correct if i not in node.pool.included)
    return f"{bound_ms} ms after healing: goal {goal}, {left} transactions missing; {', '.join(stands)}"


def _settle(world: World) -> None:
    """Judge whether views stop growing: they may still pass every faulty leader, and one wrong clock, once."""
    before = max(node.replica.snapshot().view for node in world.correct)
    _until(world, world.now_ms + LOADED_MS)
    world.submitting = False
    _until(world, world.now_ms + IDLE_MS)
    after = max(node.replica.snapshot().view for node in world.correct)
    if after > before + world.judges.faulty + 1:
        raise Violation("L2", f"views grow from {before} to {after} while nothing is wrong")
