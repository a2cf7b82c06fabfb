"""Nothing outside ``hanchain/crypto`` knows an algorithm or a length."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from hanchain.crypto import default_suite
from hanchain.crypto import limits as crypto_limits
from hanchain.ledger import limits as ledger_limits
from storage import limits as storage_limits

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("consensus", "contracts", "hanchain", "p2p", "storage")
ALGORITHM = re.compile(
    r"ed25519|curve25519|ecdsa|secp\d|\brsa\b|sha-?[1235]|blake2|hashlib|\bhmac\b|nacl|sodium|\bsm[234]\b",
    re.IGNORECASE,
)

# Where a name may stand that decides nothing about signatures, accounts or the chain; with the reason.
_LANGUAGE = "`sha256` of the contract language, for digests that people make elsewhere: no rule of the chain uses it"
ALLOWED = {
    "contracts/compiler/vocabulary.py": _LANGUAGE,
    "contracts/functions.py": _LANGUAGE,
    "contracts/hostfunctions.py": _LANGUAGE,
    "contracts/language.py": _LANGUAGE,
    "contracts/memory.py": "the hash of a host in memory, for developers' tests: unlike a network it has no suite",
    "consensus/simulation/suite.py": "the simulator's own suite, of odd lengths: it stands in for a real one",
    "consensus/simulation/timeline.py": "the hash of a trace, by which two runs are compared",
    "p2p/gossip.py": "names of frames among direct neighbours, 16 bytes: never stored, signed or judged",
    "hanchain/ledger/limits.py": "lengths of file digests that owners bring, of whatever hash they used",
}

SOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if not path.is_relative_to(ROOT / "hanchain" / "crypto")
)


def named(path: str) -> list[str]:
    """Return the lines of a source that name an algorithm."""
    lines = (ROOT / path).read_text().splitlines()
    return [f"{path}:{number}: {line.strip()}" for number, line in enumerate(lines, 1) if ALGORITHM.search(line)]


def test_only_crypto_names_an_algorithm() -> None:
    """A suite is added in one package: no other source, comment or message says which one is in use."""
    assert len(SOURCES) > 100
    assert [line for path in SOURCES if path not in ALLOWED for line in named(path)] == []


@pytest.mark.parametrize("path", sorted(ALLOWED))
def test_every_exception_is_still_needed(path: str) -> None:
    """The list of exceptions only holds files that make use of it."""
    assert named(path) != []


def suspicious_lengths(path: str) -> list[str]:
    """Return where a source compares a length with 32 or 64, makes that many bytes, or cuts them off."""
    found = []
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        numbers: list[ast.expr] = []
        if isinstance(node, ast.Compare) and "len(" in ast.unparse(node):
            numbers = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"bytes", "bytearray", "blob"}:
            numbers = list(node.args)
        if any(isinstance(n, ast.Constant) and n.value in {32, 33, 64, 65} for n in numbers):
            found.append(f"{path}:{node.lineno}: {ast.unparse(node)}")
    return found


# The same in other words: a bound of whatever suite, told to be one where it stands.
LENGTHS_ALLOWED = {
    "consensus/certificate.py": "a certificate is read before the suite is known: the range that suites keep to",
}


def test_no_length_is_taken_for_granted() -> None:
    """32 and 64 are lengths of one suite: outside its file they are asked of the suite."""
    assert [line for path in SOURCES if path not in LENGTHS_ALLOWED for line in suspicious_lengths(path)] == []
    assert [path for path in LENGTHS_ALLOWED if not suspicious_lengths(path)] == []


def test_every_format_has_room_for_every_suite() -> None:
    """What a suite may have at most is what the ledger's and the block store's formats hold at most."""
    assert ledger_limits.KEY_BYTES_MAX == crypto_limits.PUBLIC_KEY_BYTES_MAX
    assert ledger_limits.SIGNATURE_BYTES_MAX == crypto_limits.SIGNATURE_BYTES_MAX
    assert ledger_limits.SENDER_BYTES_MAX >= crypto_limits.DIGEST_BYTES_MAX
    assert storage_limits.DIGEST_BYTES_MAX == crypto_limits.DIGEST_BYTES_MAX
    nine_digests_and_numbers = 9 * (crypto_limits.DIGEST_BYTES_MAX + 2) + 7 * 9 + 3
    assert nine_digests_and_numbers <= ledger_limits.HEADER_BYTES_MAX
    assert default_suite().signature_size <= crypto_limits.SIGNATURE_BYTES_MAX
