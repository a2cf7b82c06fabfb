"""Scenario files: what they expect happens, and a file that asks for nonsense is refused with its line."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consensus.simulation.mutation import Mutation
from consensus.simulation.scenario import ScenarioError, play
from hanchain.cli.simulate import app

FILES = sorted((Path(__file__).parent / "scenarios").glob("*.txt"))
MUTANTS = Path(__file__).parent / "mutants"


@pytest.mark.parametrize("path", FILES, ids=[p.stem for p in FILES])
def test_what_a_scenario_expects_happens(path: Path) -> None:
    """The file equals its replay; after a deliberate change: ``hanchain sim scenario FILE --rewrite``, then read it."""
    text = path.read_text(encoding="utf-8")
    assert play(text) == text


def test_there_is_a_dozen_of_them() -> None:
    """Each begins with the rule it is about."""
    assert len(FILES) >= 12
    assert all(re.match(r"# \S.*", path.read_text(encoding="utf-8")) for path in FILES)


def test_a_planted_bug_shows_in_a_scenario() -> None:
    """Expectations can fail: committed out of order, the scenario of P5 ends with the judges' violation or a diff."""
    text = (Path(__file__).parent / "scenarios" / "p05_commit_in_order.txt").read_text(encoding="utf-8")
    with Mutation.load(str(MUTANTS / "m09_commit_out_of_order.py")).applied():
        assert play(text) != text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("dance\n", "line 1: no command 'dance'"),
        ("# first\n\nnetwork\nrun 10\n", "line 4: 'run 10': start first"),
        ("start\ncut NONSENSE\n", "line 2: 'cut NONSENSE': no message NONSENSE"),
        ("byzantine n0 kindness\n", "line 1: 'byzantine n0 kindness': no behaviour"),
        ("start\nrun 10000000\n", "line 2: 'run 10000000': 0 to 120000 ms"),
        ("start\ncrash 3\n", "line 2: 'crash 3': a node is n0, n1, …, not 3"),
    ],
)
def test_nonsense_is_refused(text: str, reason: str) -> None:
    """The error names the line and what is wrong with it."""
    with pytest.raises(ScenarioError, match=re.escape(reason)):
        play(text)


def test_a_file_is_rewritten_and_then_as_expected(tmp_path: Path) -> None:
    """Commands without output differ (exit 1, a diff); ``--rewrite`` fills them in; then the file passes."""
    path = tmp_path / "new.txt"
    path.write_text("# A file just begun.\n\nnetwork\ntrace P6\nstart\nsubmit n0\nrun 300\n", encoding="utf-8")
    runner = CliRunner()
    assert runner.invoke(app, ["scenario", str(path)]).exit_code == 1
    assert runner.invoke(app, ["scenario", str(path), "--rewrite"]).exit_code == 0
    assert path.read_text(encoding="utf-8").splitlines()[-2:] == ["----", "n0 n1 n2 n3: v0 P6 decided 1 A"]
    assert runner.invoke(app, ["scenario", str(path)]).exit_code == 0
