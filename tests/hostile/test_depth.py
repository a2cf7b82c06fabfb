"""The deepest legal programs on the smallest stack that the machine allows, on every version of Python there is."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from contracts.limits import FRAMES_MIN, STACK_BYTES_MIN


@pytest.fixture(scope="module")
def ours(run_script: Callable[..., str]) -> dict[str, Any]:
    """Return the report of the running version."""
    report: dict[str, Any] = json.loads(run_script("deepest.py", STACK_BYTES_MIN, hash_seed=1))
    return report


def test_every_program_ends_by_depth_or_memory(ours: dict[str, Any]) -> None:
    """Nesting ends with the depth of calls, chains with memory; the host's frames stay far from their limit."""
    ends = {name: (status, reason) for name, (status, reason, *_) in ours.items()}
    expected = {name: "out_of_memory" if name.startswith("chain") else "call_depth" for name in ours}
    assert ends == {name: ("stopped", reason) for name, reason in expected.items()}
    frames = [frames for *_, frames in ours.values()]
    assert 8_000 < max(frames) < FRAMES_MIN // 2


def test_a_second_run_ends_like_the_first(ours: dict[str, Any]) -> None:
    """Outcome and gas are the same when the program runs again on the same machine."""
    first = {name: end for name, end in ours.items() if not name.endswith(" again")}
    assert first == {name: ours[f"{name} again"] for name in first}


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_versions_of_python_agree(run_script: Callable[..., str], ours: dict[str, Any], version: str) -> None:
    """Outcome, gas and even the number of frames are the same on each version, under another hash seed."""
    assert json.loads(run_script("deepest.py", STACK_BYTES_MIN, version=version, hash_seed=2)) == ours


@pytest.mark.parametrize("version", ["3.11", "3.12"])
def test_nesting_takes_no_stack(run_script: Callable[..., str], ours: dict[str, Any], version: str) -> None:
    """No C function calls a closure: 8,000 frames deep, programs end alike on 128 KiB of stack.

    From 3.13 on, dropping the traceback of an error takes stack by itself.
    """
    report = json.loads(run_script("deepest.py", 128 * 1024, version=version))
    ends = {name: end for name, (*end, _) in report.items()}
    assert ends == {name: end for name, (*end, _) in ours.items() if not name.startswith("chain")}
