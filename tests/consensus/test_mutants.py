"""Planted bugs: each is found within its budget of seeds, and the unmutated core passes the same ones."""

from pathlib import Path

import pytest

from consensus.simulation import run
from consensus.simulation.mutation import Mutation

FILES = sorted((Path(__file__).parent / "mutants").glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=[p.stem for p in FILES])
def test_a_planted_bug_is_found(path: Path) -> None:
    """The simulator reports a violation under the mutation, and none without it, on the same seeds."""
    mutation = Mutation.load(str(path))
    for seed in range(mutation.seeds):
        found = run(seed, mutant=str(path), profile=mutation.profile)
        clean = run(seed, profile=mutation.profile)
        assert clean.violation is None, f"seed {seed}, profile {mutation.profile}: {clean.violation}"
        if found.violation is not None:
            return
    pytest.fail(f"{mutation.name} was not found in {mutation.seeds} seeds of {mutation.profile}")


def test_a_mutation_is_taken_out_again() -> None:
    """After a mutated run the core is as before, wherever the function is known by name."""
    from consensus import normal, restore, view_change, views

    before = (normal._decide, restore.recompute, view_change.select, views.select)
    for path in FILES:
        with Mutation.load(str(path)).applied():
            pass
    assert (normal._decide, restore.recompute, view_change.select, views.select) == before
