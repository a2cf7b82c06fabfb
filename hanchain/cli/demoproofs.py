"""The proofs of ``hanchain demo``: written, verified in a process of its own with no network, and tampered with."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from hanchain.cli.demoload import CONTRACT, Deposit
from hanchain.cli.output import fail, marked
from hanchain.crypto.content import digest_file
from hanchain.sdk import SyncClient

_SECONDS_MAX = 60
# What is flipped: a bit of the last byte, which belongs to a digest or a signature and so is well-formed still.
_TRANSACTION_PARTS = ("transaction", "receipt", "header", "certificate")
_STATE_PARTS = ("value", "tree_proof", "header", "certificate")


class Proofs:
    """A folder with the genesis, files and their proofs; a process in it has nothing else."""

    def __init__(self, folder: Path, genesis: Path, client: SyncClient, say: Callable[..., None]) -> None:
        self._folder = folder
        self._client = client
        self._say = say
        self._files: dict[str, str] = {}  # proof -> name of the file it is about
        self.verified: list[str] = []
        folder.mkdir()
        shutil.copy(genesis, folder / "genesis.json")

    def deposited(self, deposit: Deposit) -> None:
        """Prove the transaction that deposited a file, and its receipt."""
        assert deposit.called.proof is not None, "the client has the genesis"
        self._write("receipt", deposit.path, deposit.called.proof.to_json())
        self._verify("receipt", f"the receipt of depositing {deposit.path.name}")

    def stored(self, deposit: Deposit) -> None:
        """Prove that the state has an item for a file."""
        read = self._client.state(CONTRACT, "items", deposit.digest)
        if not read.present or read.proof is None:
            raise fail("the state has no item for a deposited file")
        self._write("state", deposit.path, read.proof.to_json())
        self._verify("state", f"the state has the item of {deposit.path.name}")

    def absent(self, path: Path) -> None:
        """Prove that the state has no item for a file."""
        read = self._client.state(CONTRACT, "items", digest_file(path))
        if read.present or read.proof is None:
            raise fail("the state has an item for a file that was never deposited")
        self._write("absence", path, read.proof.to_json())
        self._verify("absence", f"the state has no item for {path.name}")

    def tamper(self) -> list[dict[str, str]]:
        """Flip a bit in every part of the proofs, and claim another thing; return where each was refused."""
        refused = [self._flip("receipt", part) for part in _TRANSACTION_PARTS]
        refused += [self._flip("state", part) for part in _STATE_PARTS]
        present, absent = self._document("state"), self._document("absence")
        refused.append(self._refuse("state", "a present item called absent", present | {"value": None}))
        refused.append(self._refuse("absence", "an absent item called present", absent | {"value": present["value"]}))
        return refused

    def _write(self, name: str, about: Path, content: str) -> None:
        holder = self._folder / f"file-{name}"  # apart from the demo's own files, whatever its name
        holder.mkdir()
        shutil.copy(about, holder / about.name)
        self._files[name] = f"{holder.name}/{about.name}"
        (self._folder / f"{name}.json").write_text(content)

    def _document(self, name: str) -> dict[str, object]:
        document: dict[str, object] = json.loads((self._folder / f"{name}.json").read_text())
        return document

    def _verify(self, name: str, what: str) -> None:
        path = self._folder / f"{name}.json"
        self._say(marked(what, "bold"), f" ({path.name}, {path.stat().st_size} bytes)")
        code, output = self._run(path.name, self._files[name])
        for line in output.rstrip().splitlines():
            self._say(line)
        if code != 0:
            raise fail(f"the proof {path.name} does not verify")
        self.verified.append(name)

    def _flip(self, name: str, part: str) -> dict[str, str]:
        document = self._document(name)
        data = bytearray.fromhex(str(document[part]).removeprefix("0x"))
        data[-1] ^= 1
        return self._refuse(name, part, document | {part: "0x" + data.hex()})

    def _refuse(self, name: str, part: str, forged: dict[str, object]) -> dict[str, str]:
        path = self._folder / "forged.json"
        path.write_text(json.dumps(forged))
        code, output = self._run(path.name, self._files[name])
        if code == 0:
            raise fail(f"a change went unnoticed: {name}, {part}")
        step = next((line.split() for line in output.splitlines() if "FAILED" in line), output.split())
        self._say(f"{name:<8} {part:<28} ", marked("refused", "red"), f" {' '.join(step)}")
        return {"proof": name, "part": part, "refused_at": " ".join(step[2:3])}

    def _run(self, bundle: str, about: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "hanchain.cli.main", "verify", bundle, "--genesis", "genesis.json"]
        environment = {
            "PATH": "/usr/bin:/bin",
            "COLUMNS": "200",
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        }
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [*command, "--file", about],
            cwd=self._folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS_MAX,
        )
        return done.returncode, done.stdout + done.stderr
