"""The README of the package: its programs run and do what the text says."""

import re
from pathlib import Path

from consensus.simulation.behaviours import BEHAVIOURS

TEXT = (Path(__file__).parents[2] / "consensus" / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_four_driven_replicas_seal_a_block(capsys) -> None:
    """The loop brings one proposal to its seal certificate on every validator."""
    exec(compile(PROGRAMS[0], "README, driving it", "exec"), {})
    assert sorted(capsys.readouterr().out.splitlines()) == [f"validator {i}: height 1 is sealed" for i in range(4)]


def test_the_simulator_is_called_as_shown(capsys) -> None:
    """A replayed seed prints no violation, its coverage and a line of its trace."""
    exec(compile(PROGRAMS[1], "README, simulator", "exec"), {})
    assert capsys.readouterr().out.startswith("None {")


def test_a_behaviour_of_one_s_own_is_written_as_shown(capsys) -> None:
    """The attack is run, and survived."""
    try:
        exec(compile(PROGRAMS[2].replace("range(20)", "range(3)"), "README, adversary", "exec"), {})
    finally:
        BEHAVIOURS.pop("my_attack", None)
    assert capsys.readouterr().out == "[None, None, None]\n"
