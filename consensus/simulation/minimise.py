"""From a failing seed to the few faults that matter: delta debugging (Zeller and Hildebrandt, 2002) on its plan.

A run without some faults is drawn from the same seed and is as repeatable as the whole. Taking one away moves all that
is drawn after it, so that less is not always a part of more; ddmin needs no such order, it keeps only what still fails
by the same invariant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from consensus.simulation.ablation import faults_of, words
from consensus.simulation.simulator import Result

RUNS_MAX: Final = 300  # a minimisation that needs more stays where it is


@dataclass(frozen=True, slots=True)
class Minimal:
    """The smallest schedule found."""

    seed: int
    violation: str  # of the smallest schedule
    kept: tuple[str, ...]  # the faults that remain, in words
    removed: tuple[str, ...]  # the names of those taken away
    runs: int  # that it took
    repeat: str  # the command that shows the smallest schedule


def minimise(again: Callable[[tuple[str, ...]], Result]) -> Minimal:
    """Return the smallest failing schedule of a run; ``again(removed)`` runs it without the faults named.

    Raises ValueError when the whole run does not fail.
    """
    whole = again(())
    if whole.violation is None:
        raise ValueError(f"seed {whole.seed} does not fail: there is nothing to minimise")
    invariant, names = whole.violation.split(":")[0], faults_of(whole.plan)
    runs, best = 1, whole

    def fails(kept: tuple[str, ...]) -> bool:
        nonlocal runs, best
        if runs >= RUNS_MAX:
            return False
        runs += 1
        result = again(tuple(name for name in names if name not in kept))
        if result.violation is None or result.violation.split(":")[0] != invariant:
            return False
        best = result
        return True

    kept = ddmin(names, fails)
    removed = tuple(name for name in names if name not in kept)
    assert best.violation is not None, "only failing runs are kept"
    return Minimal(
        seed=whole.seed,
        violation=best.violation,
        kept=tuple(words(whole.plan, name) for name in kept),
        removed=removed,
        runs=runs,
        repeat=best.repeat,
    )


def ddmin(whole: Sequence[str], fails: Callable[[tuple[str, ...]], bool]) -> tuple[str, ...]:
    """Return a subset of ``whole`` that fails and from which no single element can be taken (1-minimal)."""
    kept, parts = tuple(whole), 2
    if fails(()):
        return ()
    while len(kept) >= 2:
        size = -(-len(kept) // parts)
        chunks = [kept[i : i + size] for i in range(0, len(kept), size)]
        complements = [tuple(x for x in kept if x not in chunk) for chunk in chunks]
        smaller = next((c for c in chunks if fails(c)), None)
        if smaller is not None:
            kept, parts = smaller, 2
            continue
        smaller = next((c for c in complements if fails(c)), None)
        if smaller is not None:
            kept, parts = smaller, max(parts - 1, 2)
        elif parts >= len(kept):
            break
        else:
            parts = min(len(kept), 2 * parts)
    return kept
