"""The TLA+ specification: TLC finds planted bugs in it, and takes runs of the simulator for behaviours of it.

``make tla`` searches more and longer; here is what a minute allows.
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from consensus.simulation.recording import GENESIS, record

SCRIPT = Path(__file__).parent / "tla" / "check.py"


def _load() -> ModuleType:
    spec = spec_from_file_location("tla_check", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["tla_check"] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tla = _load()
TOOLS = tla.find_tools()
needs_tlc = pytest.mark.skipif(isinstance(TOOLS, str), reason=str(TOOLS))


@needs_tlc
def test_one_view_is_searched_completely() -> None:
    """No order of votes in one view, with an equivocating leader, breaks an invariant."""
    outcome = tla.explore(TOOLS, tla.ONE_VIEW)
    assert (outcome.finished, outcome.violated, outcome.distinct) == (True, None, 963)


@needs_tlc
@pytest.mark.parametrize("rule", ["P4", "P6", "P8 keep"])
def test_a_rule_that_is_switched_off_is_missed(rule: str) -> None:
    """TLC shows a behaviour in which what the rule prevents happens."""
    bug = next(b for b in tla.BUGS if b.rule == rule)
    outcome = tla.find(TOOLS, bug)
    assert outcome.violated in {"Agreement", "OneCertificate", "DecidedIsForced"}, outcome.output
    assert outcome.steps > 0


@needs_tlc
@pytest.mark.parametrize(("off", "violated"), [(None, None), ("C2", "Bounded"), ("C4", "liveness")])
def test_views_come_together_by_the_rules_and_not_without(off: str | None, violated: str | None) -> None:
    """With all rules views meet in one with a correct leader; without C2 they are driven, without C4 they get stuck."""
    assert tla.synchronise(TOOLS, off).violated == violated


@needs_tlc
def test_runs_of_the_simulator_are_behaviours_of_the_specification() -> None:
    """Each step that a correct validator took is one that its rule allows, through crashes and view changes."""
    recordings = [record(seed) for seed in (1, 3, 4)]
    assert [r.violation for r in recordings] == [None, None, None]
    assert max(r.views for r in recordings) > 2
    assert [v.refused for v in tla.judge(TOOLS, recordings)] == [None, None, None]


@needs_tlc
def test_a_run_of_a_mutated_core_is_refused() -> None:
    """A COMMIT out of height order is no step of the specification, and TLC says which one it was."""
    name, profile, seed = tla.MUTATED[4]
    recording = record(seed, mutant=str(tla.MUTANTS / f"{name}.py"), profile=profile, judged=False)
    assert recording.violation is not None, "the judges saw it too, and were not heeded"
    [verdict] = tla.judge(TOOLS, [recording])
    assert verdict.refused is not None
    assert verdict.refused[1][0] == "P5"


@needs_tlc
def test_a_recording_that_was_tampered_with_is_refused() -> None:
    """A recording without one of its steps is refused where that step is missed."""
    from dataclasses import replace

    recording = record(4)
    at = next(i for i, step in enumerate(recording.steps) if step[0] == "P4")
    shorter = replace(recording, steps=recording.steps[:at] + recording.steps[at + 1 :])
    [verdict] = tla.judge(TOOLS, [shorter])
    assert verdict.refused is not None
    assert verdict.refused[1][:2] == ("P5", recording.steps[at][1])


def test_a_recording_is_the_same_every_time() -> None:
    """One seed gives one recording, whose blocks are chained from the first height on."""
    recording = record(1)
    assert record(1) == recording
    heights = {number: height for number, (height, _, _) in enumerate(recording.blocks, 1)} | {GENESIS: 0}
    for height, parent, _ in recording.blocks:
        assert parent not in heights or heights[parent] == height - 1


def test_missing_tools_are_named() -> None:
    """Without Java or the wheel the reason says what to install."""
    assert not isinstance(TOOLS, str) or "install" in TOOLS
