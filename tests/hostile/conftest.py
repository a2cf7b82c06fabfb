"""Interpreters to compare, and how to run a script of this folder under one of them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgpack
import pytest

VERSIONS = ("3.11", "3.12", "3.13")
ROOT = Path(__file__).parents[2]


def _answers(interpreter: str, version: str) -> bool:
    command = [interpreter, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.returncode == 0 and answer.stdout.strip() == version


@pytest.fixture(scope="session")
def interpreters() -> dict[str, str]:
    """Return the Python interpreters that there are, by version; the running one among them."""
    found = {f"{sys.version_info[0]}.{sys.version_info[1]}": sys.executable}
    for version in VERSIONS:
        installed = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
        for candidate in [shutil.which(f"python{version}"), *map(str, installed)]:
            if version not in found and candidate is not None and _answers(candidate, version):
                found[version] = candidate
    return found


@pytest.fixture(scope="session")
def run_script(interpreters: dict[str, str]) -> Callable[..., str]:
    """Return a function that runs a script of this folder under a version and returns its output.

    A version that is not installed skips the test; a crash fails it.
    """

    def run(script: str, *arguments: object, version: str | None = None, hash_seed: int = 0) -> str:
        if version is not None and version not in interpreters:
            pytest.skip(f"Python {version} is not installed here")
        interpreter = sys.executable if version is None else interpreters[version]
        packages = Path(msgpack.__file__).parents[1]  # other versions than ours use its pure form
        environment = {
            **os.environ,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{packages}",
            "PYTHONHASHSEED": str(hash_seed),
        }
        path = str(Path(__file__).with_name(script))
        command = [interpreter, "-X", "faulthandler", path, *map(str, arguments)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
        assert answer.returncode == 0, f"{' '.join(command)}\n{answer.stderr}"
        return answer.stdout

    return run
