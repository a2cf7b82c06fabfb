"""The command line and four real nodes: a contract from source to offline proof, with a node killed on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts import library

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]

EVIDENCE = Path(library.__file__).parent / "evidence.py"


def hanchain(directory: Path, *arguments: object) -> tuple[int, str]:
    """Run the command line in a process of its own; return its exit code and output."""
    command = [sys.executable, "-m", "hanchain.cli.main", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_a_contract_from_source_to_offline_proof(network: Callable[..., Any], tmp_path: Path) -> None:
    """Checked, deployed, called before and after the leader is killed; what is and what is not stored is proved."""
    running = network()
    net = running.files.directory
    report, other = tmp_path / "report.pdf", tmp_path / "other.pdf"
    report.write_bytes(b"report")
    other.write_bytes(b"never deposited")

    def run(*arguments: object) -> Any:
        code, output = hanchain(tmp_path, *arguments[:2], "--dir", net, "--json", *arguments[2:])
        assert code == 0, output
        return json.loads(output)

    assert hanchain(tmp_path, "contract", "check", EVIDENCE)[0] == 0
    deployed = run("contract", "deploy", EVIDENCE, "--name", "evidence", "1")
    assert deployed["events"][0]["name"] == "Deployed"
    deposit = run(
        "contract", "call", "evidence", "deposit", f"digest:{report}", "application/pdf", "6", "--proof", "call.json"
    )
    with running.client() as client:
        leader = running.files.node(client.chain_status().leader)
    running.processes.kill(leader)
    second = run("tx", "send", "evidence", "deposit", "0x" + "05" * 32, "text/plain", "1")
    assert second["height"] > deposit["height"]
    found = run("contract", "query", "evidence", "find", f"digest:{report}")
    assert (found["value"]["media_type"], found["value"]["height"]) == ("application/pdf", deposit["height"])
    present = run("state", "get", "evidence", "items", f"digest:{report}", "--proof", "present.json")
    absent = run("state", "get", "evidence", "items", f"digest:{other}", "--proof", "absent.json")
    assert (present["present"], present["value"]["size"], absent["present"]) == (True, 6, False)
    run("tx", "proof", deposit["txid"], "event.json", "--event", "0")

    running.start(leader)  # proofs are of the chain, not of who was there when it was made
    with running.client(leader) as client:
        status = client.wait(bytes.fromhex(second["txid"]))
        assert (status.height, status.receipt.reason) == (second["height"], "")
        assert client.contract("evidence").state("items", b"\x05" * 32).value["size"] == 1
    running.processes.stop_all()
    genesis = ["--genesis", running.files.genesis_path]
    for name, file in (("call", report), ("event", report), ("present", report), ("absent", other)):
        code, output = hanchain(tmp_path, "verify", f"{name}.json", *genesis, "--file", file)
        assert (code, "verified" in output) == (0, True), output
    code, output = hanchain(tmp_path, "verify", "absent.json", *genesis, "--file", report)
    assert (code, "not verified" in output) == (1, True), output
