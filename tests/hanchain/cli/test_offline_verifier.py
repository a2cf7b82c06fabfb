"""``hanchain verify`` needs no database, no network and no event loop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from consensus.certificate import SEAL_TYPE, SealCert, Signatures
from hanchain.crypto import default_suite
from hanchain.ledger.block import Body, transactions_root
from hanchain.ledger.execution import Catalogue, Ordering, apply_block, parent_of, rules_of
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.memory import MemoryState
from hanchain.ledger.proof import build_bundle
from hanchain.ledger.transaction import account_of, build, sign
from hanchain.testnet.files import create_network

BLOCKED = ("plyvel", "plyvel_next", "aiohttp", "asyncio")

RUNNER = f"""
import importlib.abc, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {BLOCKED!r}:
            raise ImportError(f"{{name}} is out of the way")
sys.meta_path.insert(0, Blocked())
from hanchain.cli.main import main
main()
"""


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a genesis, an anchored file and its proof, sealed by the network's own keys."""
    from hanchain.crypto.keystore import KeyStore

    directory = tmp_path_factory.mktemp("proof")
    files = create_network(directory / "network")
    genesis: Genesis = files.genesis()
    suite = default_suite()
    content = directory / "report.txt"
    content.write_text("the report")
    client = files.client_keys().unlock("client", "")
    payload = build(
        chain_id=genesis.chain_id,
        sender=account_of(suite.id, client.public_key, suite),
        salt=bytes(16),
        expires_at_height=10,
        contract="sys.anchor",
        method="notarise",
        arguments=[suite.hash(content.read_bytes()), "text/plain", 10],
        gas_limit=10_000,
    )
    body = Body((sign(payload, [client], suite).encoded,))
    root = transactions_root(body.transactions, suite)
    ordering = Ordering(1, 0, b"\x07" * 32, root, 0, 0, genesis.time_ms + 1)
    parent, catalogue = parent_of(genesis.block0, suite), Catalogue(genesis.parameters)
    executed = apply_block(MemoryState(suite), ordering, body, parent, rules_of(genesis), catalogue)
    message = genesis.context.signing_input(SEAL_TYPE, 0, [1, executed.block_hash])
    seals = {}
    for index in range(3):
        key = KeyStore(files.directory / f"node{index}" / "keys").unlock("validator", "")
        seals[index] = key.sign(message)
    certificate = SealCert(0, 1, executed.block_hash, Signatures.collect(seals, genesis.validator_set))
    bundle = build_bundle(genesis, body.transactions, executed.receipts, 0, executed.header, certificate.encode())
    (directory / "proof.json").write_text(bundle.to_json())
    (directory / "genesis.json").write_text(genesis.to_json())
    return directory


def verify(directory: Path, bundle: str = "proof.json", *more: str) -> tuple[int, str]:
    """Run the verifier with everything it does not need blocked."""
    command = [sys.executable, "-c", RUNNER, "verify", bundle, "--genesis", "genesis.json", *more]
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, env=environment, check=False, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def test_a_good_bundle_verifies_with_databases_network_and_event_loop_blocked(proof: Path) -> None:
    """Every step holds, down to the digest of the file itself."""
    code, output = verify(proof, "proof.json", "--file", "report.txt")
    assert code == 0, output
    assert output.splitlines()[-1] == "verified"


def test_another_file_is_refused_at_the_digest(proof: Path) -> None:
    """The proof is of one content only."""
    (proof / "other.txt").write_text("another report")
    code, output = verify(proof, "proof.json", "--file", "other.txt")
    assert code == 1
    assert "FAILED digest" in " ".join(output.split())


@pytest.mark.parametrize(
    ("part", "step"),
    [("transaction", "signature"), ("receipt", "receipt"), ("header", "receipt"), ("certificate", "certificate")],
)
def test_a_flipped_bit_is_refused_at_its_step(proof: Path, part: str, step: str) -> None:
    """One bit anywhere, and the step it belongs to says so."""
    document = json.loads((proof / "proof.json").read_text())
    data = bytearray.fromhex(document[part][2:])
    data[len(data) // 2] ^= 1
    document[part] = "0x" + data.hex()
    (proof / f"forged-{part}.json").write_text(json.dumps(document))
    code, output = verify(proof, f"forged-{part}.json")
    assert code == 1
    assert f"FAILED {step}" in " ".join(output.split())


def test_machine_output_is_one_json_document(proof: Path) -> None:
    """``--json`` says the same for programs."""
    code, output = verify(proof, "proof.json", "--json")
    document = json.loads(output)
    assert (code, document["verified"], all(s["ok"] for s in document["steps"])) == (0, True, True)


def test_an_expected_outcome_decides_the_exit_code(proof: Path) -> None:
    """A program that says what it wants is not served with a good proof of something else."""
    assert verify(proof, "proof.json", "--expect", "executed")[0] == 0
    code, output = verify(proof, "proof.json", "--expect", "present", "--json")
    document = json.loads(output)
    assert (code, document["verified"], document["outcome"]) == (1, False, None)
    assert document["steps"][-1] == {
        "name": "expected",
        "ok": False,
        "detail": "executed, as present was expected",
    }
    assert json.loads(verify(proof, "proof.json", "--json")[1])["outcome"] == "executed"


@pytest.mark.parametrize("owner", ["", "0x", "0xzz"])
def test_no_account_is_wrong_usage(proof: Path, owner: str) -> None:
    """An account that is empty, such as a variable that is not set, is not looked for."""
    assert verify(proof, "proof.json", "--owner", owner)[0] == 2


def test_a_file_without_an_end_is_refused(proof: Path) -> None:
    """No more is read of a file than a proof can have."""
    code, output = verify(proof, "/dev/zero")
    assert code == 1
    assert "oversized" in output


def test_machine_output_holds_no_controls(proof: Path) -> None:
    """What others wrote is escaped in JSON too: a terminal obeys some characters beyond ASCII."""
    (proof / "strange.json").write_text('{"version": 2, "kind": "\x7f\u009b31m\u202e汉\U000e0001"}', encoding="utf-8")
    code, output = verify(proof, "strange.json", "--json")
    assert code == 1
    assert "".join(c for c in output if not c.isprintable()).strip("\n") == ""
    assert "汉" in json.loads(output)["steps"][0]["detail"]
