"""The deepest legal programs on the smallest stack that the machine allows, on every version of Python there is."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgpack
import pytest

from contracts.limits import FRAMES_MIN, STACK_BYTES_MIN

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("deepest.py")
RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"


def report(interpreter: str, hash_seed: str) -> dict[str, Any]:
    """Return how the programs end under ``interpreter``; a crash of it fails the test."""
    packages = Path(msgpack.__file__).parents[1]  # other versions than ours use its pure form
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{packages}", "PYTHONHASHSEED": hash_seed}
    command = [interpreter, "-X", "faulthandler", str(SCRIPT), str(STACK_BYTES_MIN)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    assert answer.returncode == 0, answer.stderr
    result: dict[str, Any] = json.loads(answer.stdout)
    return result


@pytest.fixture(scope="module")
def ours(interpreters: dict[str, str]) -> dict[str, Any]:
    """Return the report of the running version."""
    return report(interpreters[RUNNING], "1")


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
def test_versions_of_python_agree(interpreters: dict[str, str], ours: dict[str, Any], version: str) -> None:
    """Outcome, gas and even the number of frames are the same on each version, under another hash seed."""
    if version not in interpreters:
        pytest.skip(f"Python {version} is not installed here")
    assert report(interpreters[version], "2") == ours
