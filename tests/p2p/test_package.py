"""What the package may import, and that its table of limits agrees with itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import p2p
from p2p import limits

SOURCES = sorted(Path(p2p.__file__).parent.glob("*.py"))


def imported(path: Path) -> set[str]:
    """Return the top-level modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_asyncio_is_imported_by_the_shell_only():
    """Only the socket and the network of sockets know asyncio."""
    assert [path.name for path in SOURCES if "asyncio" in imported(path)] == ["link.py", "network.py"]


def test_the_state_machines_load_without_asyncio():
    """Importing the package and every state machine loads neither asyncio nor another library of the house."""
    modules = [f"p2p.{path.stem}" for path in SOURCES if path.stem not in ("__init__", "link", "network")]
    code = (
        f"import sys, p2p, {', '.join(modules)}; print(sorted(set(sys.modules) & {{'asyncio', 'hanchain', 'storage'}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_package_names_no_signature_algorithm():
    """Identity is judged by whoever is injected: no source names a key or hash of the chain."""
    words = ("ed25519", "sm2", "sha256", "secp256")
    assert [path.name for path in SOURCES if any(word in path.read_text("utf-8").lower() for word in words)] == []


def test_limits_agree_with_one_another():
    """Each bound leaves room for what another bound allows."""
    assert limits.HELLO_BYTES_MAX + 256 <= limits.CONTROL_FRAME_BYTES_MAX
    assert limits.BATCH_BYTES_MAX <= limits.TX_FRAME_BYTES_MAX
    assert limits.TRANSACTION_BYTES_MAX + 16 <= limits.TX_FRAME_BYTES_MAX
    assert limits.PENDING_PER_ADDRESS_MAX <= limits.PENDING_MAX
    assert limits.LINKS_MAX + limits.DIALS_MAX < limits.RECORDS_MAX
    assert limits.FRAME_OFFENCE_WEIGHT <= limits.SCORE_MAX
    assert limits.FRAGMENT_BYTES_MIN <= limits.FRAGMENT_BYTES_MAX
