"""The wheel: exactly five packages, and the demo's steps run from it with the sources out of the way."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"hanchain", "consensus", "contracts", "p2p", "storage"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_exactly_the_five_packages(wheel: Path) -> None:
    """No test, benchmark or stray module is shipped; the simulator is."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.split("/")[0] for name in names if not name.split("/")[0].endswith(".dist-info")}
    assert top == PACKAGES
    assert "consensus/simulation/simulator.py" in names


def test_the_demo_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """In an environment whose path never names the sources, all five packages and the demo come from the wheel."""
    home = tmp_path / "environment"
    venv.create(home, with_pip=False, symlinks=True)
    (site,) = home.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # The dependencies of the test environment; a .pth line adds the folder, not that folder's own .pth files.
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    python = home / "bin" / "python"
    where = "import consensus as a, contracts as b, hanchain as c, p2p as d, storage as e\n"
    where += "print(*(m.__file__ for m in (a, b, c, d, e)))"
    found = subprocess.run([python, "-c", where], capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60)
    assert all(path.startswith(str(site)) for path in found.stdout.split()), found.stdout + found.stderr
    files = [tmp_path / f"{n}.txt" for n in range(6)]
    for number, path in enumerate(files):
        path.write_text(f"from the wheel, {number}")
    done = subprocess.run(
        [python, "-m", "hanchain.cli.main", "demo", "--json", *map(str, files)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(done.stdout)
    assert (summary["deposited"], summary["verified"]) == (6, ["receipt", "state", "absence"])
