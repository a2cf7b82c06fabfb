"""``hanchain anchor`` on a real network: odd names, repeated files, proofs that are always to be had."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hanchain.cli.main import app

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]


def run(*arguments: object) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_a_file_is_anchored_once_and_its_proof_can_be_had_again(network: Callable[..., Any], tmp_path: Path) -> None:
    """The second time gives the first height and the same proof, no new block, and exit code 0 both ways."""
    running = network()
    directory = running.files.directory
    path = tmp_path / "[red]contract[bold].txt"
    path.write_text("a contract")
    first = run("anchor", path, "--dir", directory)
    assert first.exit_code == 0, first.output
    assert "[red]contract[bold].txt" in "".join(first.output.split())
    with running.client() as client:
        height = client.chain_status().height
    again = run("anchor", path, "--dir", directory, "--proofs", tmp_path / "proofs", "--json")
    assert again.exit_code == 0, again.output
    (row,) = json.loads(again.output)
    assert (row["status"], row["height"]) == ("anchored before", height)
    with running.client() as client:
        assert client.chain_status().height == height
    genesis = running.files.genesis_path
    verified = run("verify", row["proof"], "--genesis", genesis, "--file", path)
    assert (verified.exit_code, verified.output.splitlines()[-1]) == (0, "verified")


def test_proofs_that_cannot_be_written_are_refused_before_anything_is_submitted(
    network: Callable[..., Any], tmp_path: Path
) -> None:
    """A file in the place of the directory for proofs: an error, and nothing is anchored."""
    running = network(1)
    path = tmp_path / "a.txt"
    path.write_text("a")
    refused = run("anchor", path, "--dir", running.files.directory, "--proofs", path)
    assert (refused.exit_code, "File exists" in refused.output) == (1, True), refused.output
    with running.client() as client:
        assert client.chain_status().height == 0
