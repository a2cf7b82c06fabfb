"""The benchmark of the state tree measures what it says, on states small enough for a test."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from hanchain.bench.storage import run_tree
from hanchain.cli.main import app


def test_a_cost_adds_up_and_counts_what_was_written() -> None:
    """Entries, bytes and hashes per changed key are about what the format says, and a bigger tree takes more hashes."""
    said: list[str] = []
    result = run_tree((300, 3000), 100, 6, said.append)
    assert [(cost.keys, cost.batch, cost.blocks) for cost in result.costs] == [(300, 100, 6), (3000, 100, 6)]
    assert len(said) == 4
    for cost in result.costs:
        split = cost.split
        assert 0 < split.hash_us < cost.total_us
        assert 0 < cost.total_best_us <= cost.total_us
        assert cost.values_alone_us > 0
        assert 2 <= cost.records < 4
        assert 150 < cost.written_bytes < 400
        assert cost.load_s > 0
        assert cost.open_ms > 0
    small, large = (cost.split.hashes for cost in result.costs)
    assert 2 < small < large < 5


def test_the_command_prints_figures_and_json() -> None:
    """`hanchain bench storage` takes sizes, and says the same in JSON."""
    options = ["bench", "storage", "--tree", "--keys", "200", "--keys", "400", "--batch", "20", "--blocks", "2"]
    printed = CliRunner().invoke(app, options)
    assert (printed.exit_code, "µs per changed key" in printed.output) == (0, True)
    answered = CliRunner().invoke(app, [*options, "--json"])
    assert answered.exit_code == 0
    assert [cost["keys"] for cost in json.loads(answered.output)["costs"]] == [200, 400]
