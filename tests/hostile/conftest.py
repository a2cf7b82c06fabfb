"""Interpreters to compare."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

VERSIONS = ("3.11", "3.12", "3.13")


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
