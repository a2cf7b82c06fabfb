"""Hunting planted bugs: how many seeds until the judges speak, and whether the core itself passes the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context

from consensus.simulation.mutation import Mutation
from consensus.simulation.simulator import run


@dataclass(frozen=True, slots=True)
class Hunted:
    """What became of one planted bug."""

    name: str
    rule: str
    seeds: int | None  # until it was found; None: not within the budget
    budget: int
    violation: str  # what gave it away
    unmutated: str | None  # a violation of the core itself on one of the same seeds

    @property
    def passed(self) -> bool:
        """Whether the bug was found and the core itself is clean."""
        return self.seeds is not None and self.unmutated is None


def hunt(path: str, *, unmutated: bool = True) -> Hunted:
    """Run seeds 0, 1, … with the mutation in the file ``path`` until it shows or its budget is spent.

    ``unmutated``: also run the core itself on the same seeds.
    """
    mutation = Mutation.load(path)
    violation, seeds, clean = "", None, None
    for seed in range(mutation.seeds):
        violation = run(seed, mutant=path, profile=mutation.profile, byzantine=mutation.byzantine).violation or ""
        if unmutated and clean is None:
            clean = run(seed, profile=mutation.profile, byzantine=mutation.byzantine).violation
        if violation:
            seeds = seed + 1
            break
    return Hunted(mutation.name, mutation.rule, seeds, mutation.seeds, violation, clean)


def hunt_many(paths: Sequence[str], *, jobs: int = 1) -> list[Hunted]:
    """Hunt every mutation on ``jobs`` processes; results in the order of the paths."""
    if jobs <= 1:
        return [hunt(path) for path in paths]
    with get_context("spawn").Pool(jobs) as pool:
        return pool.map(hunt, paths, chunksize=1)
