"""The researcher's guide: its programs do what the text says, and it knows every command and scenario word."""

import re
from pathlib import Path

import pytest

from consensus.simulation.behaviours import BEHAVIOURS
from consensus.simulation.scenario import _COMMANDS
from hanchain.cli.simulate import app

TEXT = (Path(__file__).parents[2] / "docs" / "research.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_a_byzantine_validator_in_thirty_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """The liar of the guide breaks nothing, and most runs end with evidence against it."""
    program = PROGRAMS[0]
    assert len(program.rstrip().splitlines()) <= 33, "thirty lines, give or take what is blank"
    try:
        exec(compile(program, "docs/research.md, a Byzantine validator", "exec"), {})
    finally:
        BEHAVIOURS.pop("deceive_one", None)
    violations, convicted = capsys.readouterr().out.splitlines()
    assert violations == "violations: []"
    found = re.fullmatch(r"convicted in (\d+) of 12 runs", convicted)
    assert found is not None
    assert int(found[1]) >= 8


def test_another_protocol_in_a_hundred_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Reliable broadcast keeps its promises with the right quorum, and breaks them with one too small."""
    program = PROGRAMS[1]
    assert len(program.splitlines()) <= 100
    exec(compile(program, "docs/research.md, another protocol", "exec"), {})
    right, wrong = capsys.readouterr().out.splitlines()
    assert right == "echo quorum 3: 0 of 100 seeds violate"
    found = re.fullmatch(r"echo quorum 2: (\d+) of 100 seeds violate", wrong)
    assert found is not None
    assert int(found[1]) > 0


def test_the_guide_knows_every_command() -> None:
    """Each ``hanchain sim`` command and each word of the scenario language is explained."""
    commands = {command.name for command in app.registered_commands}
    missing = [name for name in sorted(map(str, commands)) if f"hanchain sim {name}" not in TEXT]
    missing += [name for name in sorted(_COMMANDS) if f"| `{name}" not in TEXT]
    assert missing == []
