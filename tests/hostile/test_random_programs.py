"""Random programs: no input makes the machine fault, and everybody gets the same outcomes."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from contracts.machine import Outcome
from contracts.thread import in_deep_thread

SEEDS = 120
FIRST_OF_RUN = 0


@pytest.fixture(scope="module")
def programs() -> ModuleType:
    """Return the generator, a script beside this file."""
    specification = importlib.util.spec_from_file_location(
        "randomprograms", Path(__file__).with_name("randomprograms.py")
    )
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("first", range(FIRST_OF_RUN, FIRST_OF_RUN + SEEDS, 20))
def test_valid_and_mutated_programs_never_fault(programs: ModuleType, first: int) -> None:
    """Whatever the program, it is refused or ends with an outcome, and a fresh machine ends in the same way."""
    for seed in range(first, first + 20):
        once = in_deep_thread(lambda seed=seed: programs.outcomes(seed))
        again = in_deep_thread(lambda seed=seed: programs.outcomes(seed))
        assert once == again, f"repeat with: python tests/hostile/randomprograms.py {seed} 1"


def test_random_programs_are_worth_running(programs: ModuleType) -> None:
    """Among the outcomes are good ends, each kind of bad one, state and events: the generator has not run dry."""
    ends = set()
    stored = reported = 0
    for seed in range(200):
        for outcome in in_deep_thread(lambda seed=seed: programs.outcomes(seed)):
            if isinstance(outcome, Outcome):
                ends.add(f"{outcome.status} {outcome.reason}".strip())
            elif isinstance(outcome, tuple):
                ends.add(outcome[0])
            elif outcome and isinstance(outcome[0][0], tuple):
                stored += 1
            elif outcome:
                reported += 1
    expected = {"ok", "bad_program", "error type", "error overflow", "error refused", "error view", "error storage"}
    assert expected | {"stopped out_of_gas", "stopped call_depth"} <= ends
    assert stored > 50
    assert reported > 20


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_versions_of_python_agree(programs: ModuleType, run_script: Callable[..., str], version: str) -> None:
    """The digest of all outcomes, state and events of a hundred seeds is the same on each version and hash seed."""
    ours = in_deep_thread(lambda: programs.digest_of(0, 100))
    assert run_script("randomprograms.py", 0, 100, version=version, hash_seed=7).strip() == ours
