"""The demo as its user runs it: to the end, interrupted, and killed; nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]

DEMO = [sys.executable, "-m", "hanchain.cli.main", "demo"]


def nodes_below(directory: Path) -> list[int]:
    """Return ids of living node processes whose command line names a file below ``directory``."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if str(directory).encode() in command and b"node\0run" in command and state != "Z":
                found.append(int(entry.name))
    return found


def wait_until_gone(directory: Path, seconds: float) -> None:
    """Wait until no node of the directory runs."""
    deadline = time.monotonic() + seconds
    while left := nodes_below(directory):
        assert time.monotonic() < deadline, f"left behind: {left}"
        time.sleep(0.1)


def heed_interrupts() -> None:
    """Take SIGINT as a program in the foreground does: a shell's background jobs begin with it ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for_nodes(directory: Path, count: int) -> None:
    """Wait until so many nodes of the directory run."""
    deadline = time.monotonic() + 30
    while len(nodes_below(directory)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_demo_runs_to_its_end_and_leaves_nothing(tmp_path: Path) -> None:
    """Deposits given files, survives a killed leader and executor, proves and refuses, stops everything, exits 0."""
    files = []
    for number in range(9):
        path = tmp_path / f"file{number}.txt"
        path.write_text(f"content {number}")
        files.append(str(path))
    done = subprocess.run(
        [*DEMO, *files, "--json", "--keep", str(tmp_path / "kept")],
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(done.stdout)
    assert (summary["deposited"], summary["confirmed"]) == (9, True)
    assert summary["contract"]["name"] == "evidence"
    assert summary["replayed"] > 0
    assert summary["executor"]["restart_ms"] > 0
    assert summary["verified"] == ["receipt", "state", "absence"]
    assert {(t["proof"], t["part"]): t["refused_at"] for t in summary["tampering"]} == {
        ("receipt", "transaction"): "signature",
        ("receipt", "receipt"): "receipt",
        ("receipt", "header"): "header",
        ("receipt", "certificate"): "certificate",
        ("state", "value"): "state",
        ("state", "tree_proof"): "state",
        ("state", "header"): "header",
        ("state", "certificate"): "certificate",
        ("state", "a present item called absent"): "state",
        ("absence", "an absent item called present"): "state",
    }
    assert nodes_below(tmp_path) == []
    for name in ("node0", "node1", "node2", "node3"):
        assert not (tmp_path / "kept" / name / "node.pid").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_an_interrupted_demo_stops_its_nodes(tmp_path: Path, number: int, code: int) -> None:
    """Ctrl-C or SIGTERM in the middle: exit code 130, and no process is left."""
    demo = subprocess.Popen(
        [*DEMO, "--keep", str(tmp_path / "kept")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 - this process has no threads
    )
    wait_for_nodes(tmp_path, 4)
    demo.send_signal(number)
    assert demo.wait(timeout=60) == code
    assert nodes_below(tmp_path) == []


def test_the_nodes_of_a_killed_demo_end_by_themselves(tmp_path: Path) -> None:
    """SIGKILL leaves the demo no chance to clean up: its nodes notice and stop."""
    demo = subprocess.Popen(
        [*DEMO, "--keep", str(tmp_path / "kept")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for_nodes(tmp_path, 4)
    os.kill(demo.pid, signal.SIGKILL)
    demo.wait()
    wait_until_gone(tmp_path, 30)
