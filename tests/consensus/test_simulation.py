"""The simulator: it is deterministic, unmutated seeds pass, and its runs reach what they are there for."""

import subprocess
import sys
from pathlib import Path

import pytest

from consensus.simulation import run
from consensus.simulation.behaviours import BEHAVIOURS
from consensus.simulation.campaign import run_many

SEEDS = [
    line.split(maxsplit=2)
    for line in (Path(__file__).parent / "seeds.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
CAMPAIGN = range(300)


@pytest.mark.parametrize(("seed", "profile", "story"), SEEDS, ids=[seed for seed, _, _ in SEEDS])
def test_a_seed_that_once_failed_passes(seed: str, profile: str, story: str) -> None:
    """A bug found once stays fixed; print the trace with ``hanchain sim replay SEED``."""
    result = run(int(seed), profile=profile)
    assert result.violation is None, f"{story}; repeat with: {result.repeat}"


@pytest.mark.timeout(600)  # half a minute on two idle cores
@pytest.mark.timeout(900)
def test_a_campaign_passes_and_reaches_what_it_is_there_for() -> None:
    """Three hundred seeds without a violation, and every expected state met at least once."""
    summary = run_many(CAMPAIGN, jobs=2)
    failed = [(r.repeat, r.violation) for r in summary.failures]
    assert (summary.runs, failed, summary.missing) == (len(CAMPAIGN), [], ())
    assert summary.coverage["decisions"] >= 20 * summary.runs, "a run that decides nothing tests nothing"


@pytest.mark.parametrize("profile", ["quiet", "lost_votes", "lying_leader", "wrong_clock", "forger", "impatient"])
def test_a_profile_passes(profile: str) -> None:
    """Every profile runs clean without a planted bug."""
    for seed in range(4):
        result = run(seed, profile=profile)
        assert result.violation is None, f"{profile}: {result.repeat}"
        assert result.sealed_height >= 10


@pytest.mark.parametrize("name", sorted(BEHAVIOURS))
def test_each_byzantine_behaviour_alone_is_survived(name: str) -> None:
    """One behaviour at a time, so that none hides behind another."""
    for seed in (1, 2):
        result = run(seed, validators=4, byzantine=(name,))
        assert result.violation is None, f"{name}, seed {seed}"


def test_a_validator_whose_execution_differs_halts_for_good() -> None:
    """P9: it stops at the first height that the others sealed otherwise, and is still stopped after a restart."""
    for seed in range(4):
        result = run(seed, profile="divergent")
        assert result.violation is None, result.repeat
        assert result.coverage["P9 halts"] >= 2, "once when it is found, and again at the start"
        assert result.coverage["restarts after a halt"] >= 1


def test_a_run_is_the_same_twice() -> None:
    """The same seed gives the same result in all its parts."""
    assert run(5, trace=True) == run(5, trace=True)


def test_a_run_is_the_same_under_any_hash_seed() -> None:
    """No iteration over a set decides anything: the trace hash does not depend on PYTHONHASHSEED."""
    program = "from consensus.simulation import run; print([run(s).trace_hash for s in (5, 7)])"
    hashes = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert hashes == {f"{[run(s).trace_hash for s in (5, 7)]}\n"}


def test_different_seeds_are_different_runs() -> None:
    """The trace hash tells runs apart."""
    assert len({run(seed).trace_hash for seed in range(5)}) == 5


def test_a_trace_reads_as_rules() -> None:
    """Each line has time, node, view, rule label and what happened."""
    lines = run(0, profile="quiet", trace=True).lines
    assert lines[0].split()[:4] == [lines[0].split()[0], lines[0].split()[1], "v0", "R4"]
    labels = {line.split()[3] for line in lines}
    assert {"R4", "P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8"} <= labels


def test_arguments_override_the_plan() -> None:
    """Validators, window and adversaries can be chosen."""
    plan = run(3, validators=7, window=8, byzantine=("equivocate",)).plan
    assert (plan.validators, plan.settings.window) == (7, 8)
    assert [names for _, names in plan.byzantine] == [("equivocate",)] * 2
