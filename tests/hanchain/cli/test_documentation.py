"""Every command is documented, and every documented command exists."""

from __future__ import annotations

import re
from pathlib import Path

import click
import typer.main

from hanchain.cli.main import app

ROOT = Path(__file__).resolve().parents[3]


def commands(group: click.Command, prefix: str) -> list[str]:
    """Return all commands below a group, such as ``hanchain testnet init``."""
    if isinstance(group, click.Group) or hasattr(group, "commands"):
        return [c for name, sub in group.commands.items() for c in commands(sub, f"{prefix} {name}")]
    return [prefix]


def test_every_command_is_in_the_readme_or_a_guide() -> None:
    """The texts name each command of the program, and no other."""
    texts = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
    documented = set(re.findall(r"`(hanchain(?: [a-z][a-z-]*)+)", "\n".join(t.read_text() for t in texts)))
    known = set(commands(typer.main.get_command(app), "hanchain"))
    assert known - documented == set()
    groups = {" ".join(c.split()[:2]) for c in known}
    assert documented - known - groups == set()


def test_every_command_and_option_has_a_help_text() -> None:
    """A person can learn each command from ``--help``."""

    def walk(command: click.Command, name: str) -> list[str]:
        missing = [] if command.help else [name]
        missing += [
            f"{name} {p.name}"
            for p in command.params
            if not getattr(p, "help", None) and not getattr(p, "hidden", False)
        ]
        for sub_name, sub in getattr(command, "commands", {}).items():
            missing += walk(sub, f"{name} {sub_name}")
        return missing

    assert walk(typer.main.get_command(app), "hanchain") == []


def test_every_command_prints_json_for_programs_or_runs_in_the_foreground() -> None:
    """All commands but the node itself take ``--json``."""

    def walk(command: click.Command, name: str) -> list[str]:
        subs = getattr(command, "commands", {})
        if subs:
            return [n for sub_name, sub in subs.items() for n in walk(sub, f"{name} {sub_name}")]
        return [] if any("--json" in p.opts for p in command.params) else [name]

    assert walk(typer.main.get_command(app), "hanchain") == ["hanchain node run"]
