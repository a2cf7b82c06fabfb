"""The throughput benchmark, short: its figures fit together."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]


def test_a_short_run_gives_consistent_figures() -> None:
    """What was sealed, in which time, at which rate; latencies in order; nothing refused; the machine named."""
    command = [sys.executable, "-m", "hanchain.cli.main", "bench", "throughput", "--duration", "6", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=150)
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = json.loads(done.stdout)
    assert (result["workload"], result["validators"], result["failed"]) == ("evidence", 4, 0)
    assert result["transactions_sealed"] > 0
    assert result["blocks"] > 0
    assert result["throughput_tx_s"] == pytest.approx(result["transactions_sealed"] / result["duration_s"], rel=0.02)
    assert 0 < result["half_load_latency_p50_ms"] <= result["half_load_latency_p99_ms"]
    assert result["half_load_samples"] > 0
    machine = result["machine"]
    assert machine["cores"] >= 1
    ratio = result["throughput_tx_s"] * 4 / machine["verifies_per_second"]
    assert result["throughput_ratio"] == pytest.approx(ratio, abs=0.002)
    parts = result["breakdown"]
    assert all(value > 0 for value in parts["stages_us"].values()), parts
    assert parts["node_rest_us"] == pytest.approx(
        parts["node_us"] - sum(parts["stages_us"][stage] for stage in ("admit", "verify", "judge")), abs=1
    )
