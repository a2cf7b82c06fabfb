"""Random sources: the compiler and the machine against CPython, on what nobody has thought of."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from contracts.thread import in_deep_thread

SEEDS = 60
PART = 15


@pytest.fixture(scope="module")
def crossover() -> ModuleType:
    """Return the generator, a script beside this file."""
    path = Path(__file__).with_name("crossover.py")
    specification = importlib.util.spec_from_file_location("crossover", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("first", range(0, SEEDS, PART))
def test_what_compiles_is_python_and_computes_what_python_computes(crossover: ModuleType, first: int) -> None:
    """A source with parts of others in it is refused, ended by a rule of ours, or gives what CPython gives.

    An error tells the seed; ``python tests/hostile/crossover.py SEED 1`` repeats it.
    """
    ends = in_deep_thread(lambda: crossover.verdicts(first, PART))
    assert ends.total() == PART
    assert ends["ok"] >= 1, f"the generator has run dry: {ends}"
