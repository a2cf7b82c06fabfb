"""Twins: a validator that runs twice under one key forks nothing, stops nothing, and is found out."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consensus.simulation.mutation import Mutation
from consensus.simulation.twins import Scenario, Scripted, drawn, exhaustive, play
from hanchain.cli.simulate import app

MUTANTS = Path(__file__).parent / "mutants"
APART = Scripted(0, (0, 0, 1, 1, 1))  # twin 0 with 1, its other self with 2 and 3; both lead
TOGETHER = Scripted(0, (0, 0, 0, 0, 0))


def test_the_two_view_set_is_complete() -> None:
    """Every leader and every division of five instances into two groups, in both views: (4 x 15) squared, no double."""
    scenarios = list(exhaustive())
    assert len({scenario.views for scenario in scenarios}) == len(scenarios) == 3_600


def test_a_sample_of_the_two_view_set_passes() -> None:
    """No violation; in every scenario in which twins contradict themselves before a correct node, there is evidence."""
    played = [play(scenario) for number, scenario in enumerate(exhaustive()) if number % 113 == 0]
    assert [(p.name, p.violation) for p in played if p.violation] == []
    contradicted = [p for p in played if p.contradicted]
    assert len(contradicted) >= 10, "twins that agree with one another test nothing"
    assert [p.name for p in contradicted if not p.evidence] == []


def test_random_scenarios_pass() -> None:
    """Four to seven views, up to three groups, N = 4 and N = 7 with two pairs of twins."""
    scenarios = [drawn(seed) for seed in range(16)]
    assert {scenario.validators for scenario in scenarios} == {4, 7}
    played = [play(scenario) for scenario in scenarios]
    assert [(p.name, p.violation) for p in played if p.violation] == []
    assert sum(p.decisions for p in played) >= 10 * len(played)


def test_twin_leaders_are_convicted_of_two_proposals() -> None:
    """Two selves that lead in front of everybody propose two batches: K2, and only against them (I17)."""
    played = play(Scenario("together", 4, (TOGETHER, APART)))
    assert (played.violation, played.contradicted, "K2" in played.evidence) == (None, True, True)


def test_twins_that_led_apart_are_convicted_of_two_view_changes() -> None:
    """Two selves that led two groups leave with different VIEW-CHANGEs: K5 once they meet."""
    played = play(Scenario("apart", 4, (APART,)))
    assert (played.violation, played.contradicted, sorted(played.evidence)) == (None, True, ["K5"])


def test_a_scenario_is_the_same_twice() -> None:
    """Scenarios have no chance in them."""
    assert play(drawn(3)) == play(drawn(3))


@pytest.mark.parametrize("name", ["m01_prepare_quorum", "m03_new_view_quorum", "m18_execute_before_decision"])
def test_twins_find_planted_bugs(name: str) -> None:
    """What twins never break in the core, they break in a core with quorums too small or decisions too early."""
    with Mutation.load(str(MUTANTS / f"{name}.py")).applied():
        found = [play(scenario).violation for number, scenario in enumerate(exhaustive()) if number % 400 == 0]
    assert any(found), name


def test_the_command_reports_what_it_played() -> None:
    """``hanchain sim twins --json`` gives the figures of the table, and exits 0 when nothing is violated."""
    result = CliRunner().invoke(app, ["twins", "--scenarios", "3", "--jobs", "1", "--json"])
    summary = json.loads(result.output)
    assert (result.exit_code, summary["scenarios"], summary["failures"]) == (0, 3, [])
