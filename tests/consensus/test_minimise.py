"""More faults than are tolerated break the protocol and the judges say so; failing schedules get small."""

import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consensus.simulation import run
from consensus.simulation.ablation import faults_of, without, words
from consensus.simulation.minimise import ddmin, minimise
from consensus.simulation.plan import draw
from hanchain.cli.simulate import app

LOG_IGNORED = str(Path(__file__).parent / "mutants" / "m14_log_ignored.py")


def test_two_equivocators_of_four_fork_the_chain() -> None:
    """With f = 1 of N = 4, two validators that vote with everybody in private make two quorums: a fork (I1)."""
    found = [run(seed, validators=4, faulty=2, byzantine=("equivocate", "agree_in_private")) for seed in range(2, 6)]
    assert [(result.violation or "").split(":")[0] for result in found] == ["I1"] * 4
    assert found[0].repeat == (
        "hanchain sim replay 2 --validators 4 --byzantine equivocate,agree_in_private --faulty 2"
    )


def test_one_equivocator_of_four_forks_nothing() -> None:
    """The same behaviours, the same seeds, one validator less."""
    found = [run(seed, validators=4, faulty=1, byzantine=("equivocate", "agree_in_private")) for seed in range(2, 6)]
    assert [result.violation for result in found] == [None] * 4


def test_two_silent_validators_of_four_stop_the_chain() -> None:
    """Two that say nothing leave no quorum: the judge of liveness reports it (L1)."""
    violation = run(1, validators=4, faulty=2, byzantine=("silent",)).violation
    assert violation is not None
    assert violation.startswith("L1: ")


def test_every_fault_of_a_plan_can_be_taken_away() -> None:
    """Without all of its faults a plan has none left, and each of them can be told in words."""
    for seed in range(40):
        plan = draw(random.Random(seed), seed)
        names = faults_of(plan)
        assert faults_of(without(plan, names)) == ()
        assert all(words(plan, name).startswith(f"{name}: ") for name in names)
        assert without(plan, ()) == plan


def test_a_fault_that_is_not_in_the_plan_is_refused() -> None:
    """A misspelt name is an error, not a run of something else."""
    with pytest.raises(ValueError, match="no such fault in seed 5: crash:77"):
        run(5, removed=("crash:77",))


def test_ddmin_finds_what_is_needed() -> None:
    """Of twelve faults, the failure needs two: they are left, in order, whichever they are."""
    names = [f"f{i}" for i in range(12)]
    assert ddmin(names, lambda kept: {"f3", "f10"} <= set(kept)) == ("f3", "f10")
    assert ddmin(names, lambda kept: "f7" in kept) == ("f7",)
    assert ddmin(names, lambda _kept: True) == ()


def test_a_planted_bug_is_minimised_to_one_crash() -> None:
    """A restart without the log's votes needs one crash and nothing else; the command printed shows it again."""
    minimal = minimise(lambda removed: run(1, mutant=LOG_IGNORED, removed=removed))
    assert [fault.split(":")[0] for fault in minimal.kept] == ["crash"]
    assert minimal.violation.startswith("I7: ")
    again = run(1, mutant=LOG_IGNORED, removed=minimal.removed)
    assert (again.violation, again.repeat) == (minimal.violation, minimal.repeat)


def test_the_minimised_schedule_is_replayed_by_its_command() -> None:
    """``sim minimise`` prints a command; given to ``sim replay`` it ends with the same violation and exit code 1."""
    printed = CliRunner().invoke(app, ["minimise", "1", "--mutant", LOG_IGNORED])
    assert printed.exit_code == 0, printed.output
    minimal = minimise(lambda removed: run(1, mutant=LOG_IGNORED, removed=removed))
    replayed = CliRunner().invoke(app, minimal.repeat.split()[2:])
    assert (replayed.exit_code, minimal.violation in replayed.output.replace("\n", " ")) == (1, True)


def test_a_seed_that_passes_is_not_minimised() -> None:
    """There is nothing to minimise in a run without a violation."""
    with pytest.raises(ValueError, match="seed 5 does not fail"):
        minimise(lambda removed: run(5, removed=removed))
