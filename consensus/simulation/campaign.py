"""Many runs on all cores: the one impure file of the simulator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from time import perf_counter
from typing import Final

from consensus.simulation.simulator import Result, run

# What a campaign of some hundred swarm runs must have met at least once: a simulator that never reaches a state says
# nothing about it (a first adversary decided 0.02 blocks per run and missed five of eleven planted bugs).
EXPECTED_COVERAGE: Final = (
    "P-certificates relayed",
    "base above the anchor",
    "blocks caught up",
    "bodies fetched",
    "consecutive view changes",
    "crashes between persist and send",
    "decisions",
    "evidence K1",
    "evidence K2",
    "evidence K4",
    "evidence K5",
    "joins",
    "log rotations",
    "new views entered",
    "proposals refused",
    "re-proposals",
    "restarts with votes",
    "seals",
    "torn tails",
    "truncations",
    "view changes",
)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a campaign showed."""

    runs: int
    failures: tuple[Result, ...]  # in the order of the seeds
    coverage: dict[str, int]  # summed over all runs
    events: int
    virtual_ms: int
    recovery_ms_max: int  # the slowest recovery after the links healed
    wall_ms: int

    @property
    def missing(self) -> tuple[str, ...]:
        """Expected states that no run reached."""
        return tuple(name for name in EXPECTED_COVERAGE if not self.coverage.get(name))


def run_many(
    seeds: Iterable[int],
    *,
    jobs: int = 1,
    validators: int | None = None,
    window: int | None = None,
    mutant: str | None = None,
    byzantine: tuple[str, ...] | None = None,
    profile: str = "swarm",
    faulty: int | None = None,
) -> Summary:
    """Run every seed on ``jobs`` processes; arguments as for ``run``."""
    started = perf_counter()
    one = partial(
        run,
        validators=validators,
        window=window,
        mutant=mutant,
        byzantine=byzantine,
        profile=profile,
        faulty=faulty,
    )
    ordered = list(seeds)
    if jobs <= 1:
        return _sum(map(one, ordered), started)
    with get_context("spawn").Pool(jobs) as pool:
        return _sum(pool.imap(one, ordered, chunksize=4), started)


def _sum(results: Iterable[Result], started: float) -> Summary:
    failures: list[Result] = []
    coverage: dict[str, int] = {}
    runs = events = virtual_ms = recovery_ms_max = 0
    for result in results:
        runs += 1
        events += result.events
        virtual_ms += result.virtual_ms
        recovery_ms_max = max(recovery_ms_max, result.recovery_ms or 0)
        for name, count in result.coverage.items():
            coverage[name] = coverage.get(name, 0) + count
        if result.violation is not None:
            failures.append(result)
    return Summary(
        runs=runs,
        failures=tuple(failures),
        coverage=dict(sorted(coverage.items())),
        events=events,
        virtual_ms=virtual_ms,
        recovery_ms_max=recovery_ms_max,
        wall_ms=int((perf_counter() - started) * 1000),
    )
