"""The benchmark of the contract machine."""

import json

import pytest
from typer.testing import CliRunner

from hanchain.bench import vm
from hanchain.cli.main import app


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm, "ROUNDS", 2)
    monkeypatch.setattr(vm, "CALLS", 3)
    monkeypatch.setattr(vm, "LOOP_ROUNDS", 50)


def test_figures_belong_together() -> None:
    """Each figure follows from its time and gas, and gas is the same in every run."""
    first, second = vm.run(), vm.run()
    assert [call.name for call in first.calls] == ["empty method", "transfer", "evidence deposit"]
    assert [call.gas for call in first.calls] == [call.gas for call in second.calls]
    assert first.calls[0].gas < first.calls[1].gas < first.calls[2].gas
    for call in first.calls:
        assert call.calls_per_second == pytest.approx(1e6 / call.microseconds)
        assert call.nanoseconds_per_gas == pytest.approx(call.microseconds * 1e3 / call.gas)
    for ratio in first.ratios:
        assert ratio.ratio == pytest.approx(ratio.machine_ms / ratio.python_ms)
        assert ratio.ratio > 1


def test_the_command_prints_tables_and_json() -> None:
    """``hanchain bench vm`` prints tables for people and all figures as JSON."""
    runner = CliRunner()
    table = runner.invoke(app, ["bench", "vm"])
    assert table.exit_code == 0, table.output
    assert "evidence deposit" in table.output
    assert "tight loop" in table.output
    figures = runner.invoke(app, ["bench", "vm", "--json"])
    document = json.loads(figures.stdout)
    assert [call["name"] for call in document["calls"]] == ["empty method", "transfer", "evidence deposit"]
    assert [ratio["name"] for ratio in document["ratios"]] == ["tight loop", "function calls"]
    assert document["load_nodes"] > 0
