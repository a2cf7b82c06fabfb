"""The steps of ``hanchain demo``: each prints what it shows, and ends the run when it does not hold."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from hanchain.cli.anchor import media_type_of
from hanchain.cli.output import console, fail, marked, print_json, print_table, say
from hanchain.crypto.content import CONTENT_DIGEST_NAME, digest_file
from hanchain.ledger.block import BlockHeader
from hanchain.ledger.genesis import Genesis
from hanchain.sdk import SyncClient
from hanchain.sdk.results import Anchored, ChainStatus
from hanchain.testnet.files import NetworkFiles, NodeAddress, create_network
from hanchain.testnet.processes import Processes

ROWS_SHOWN = 14
WORKERS = 4
CATCH_UP_SECONDS_MAX = 60.0


@dataclass(slots=True)
class Outcome:
    """One anchored file."""

    path: Path
    anchored: Anchored
    began: float
    ended: float


@dataclass(slots=True)
class Load:
    """The files under way: shared by the workers."""

    outcomes: list[Outcome] = field(default_factory=list)
    failure: BaseException | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Demonstration:
    """The run: each step prints what it shows, and stops the demo when it does not hold."""

    def __init__(self, directory: Path, files: list[Path], quiet: bool) -> None:
        self._directory = directory
        self._files = files
        self._quiet = quiet
        self._summary: dict[str, Any] = {}
        self._load = Load()
        self._killed = 0.0
        self._network: NetworkFiles
        self._processes: Processes
        self._genesis: Genesis

    def run(self) -> None:
        """Run all steps; whatever happens, every process is stopped."""
        began = time.monotonic()
        self._network = create_network(self._directory, chain_name="hanchain-demo")
        self._genesis = self._network.genesis()
        self._processes = Processes(self._network)
        try:
            self._start()
            leader = self._anchor_all()
            self._restart(leader)
            self._compare()
            bundle = self._write_bundle()
            self._verify(bundle)
            self._tamper(bundle)
        finally:
            self._processes.stop_all()
        left = [n.name for n in self._network.nodes if self._processes.pid(n) is not None]
        if left:
            raise fail(f"still running: {', '.join(left)}")
        self._summary["seconds"] = round(time.monotonic() - began, 1)
        self._say("")
        self._say(marked("done", "bold green"), f" in {self._summary['seconds']} s; all four processes stopped")
        if self._quiet:
            print_json(self._summary)

    def _say(self, *parts: str | Text) -> None:
        if not self._quiet:
            say(*parts)

    def _step(self, title: str) -> None:
        self._say("")
        self._say(marked(title, "bold"))

    # ---------------------------------------------------------------------------------------------------------- steps

    def _start(self) -> None:
        self._step("1. Four validators, each a process of its own: mutual TLS 1.3, LevelDB on disk")
        for node in self._network.nodes:
            self._processes.start(node, stop_with=os.getpid())
        for node in self._network.nodes:
            self._processes.wait_ready(node)
        self._summary["chain_id"] = self._genesis.chain_id
        self._say(f"chain {self._genesis.chain_name}, id {self._genesis.chain_id.hex()}")
        if not self._quiet:
            rows = [(n.name, self._processes.pid(n), n.p2p, n.api) for n in self._network.nodes]
            print_table("", ("validator", "process", "p2p", "api"), rows)

    def _anchor_all(self) -> NodeAddress:
        files = list(self._files)
        if len(files) == 1:  # something has to be left for the time after the leader's death
            note = self._directory / "note.txt"
            note.write_text("anchored while the leader was dead\n")
            files.append(note)
        self._step(f"2. Anchoring {len(files)} files; the leader is killed with SIGKILL on the way")
        later = max(1, len(files) // 2)  # handed out after the kill, to what is still under way then
        waiting: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        for path in files[:-later]:
            waiting.put(path)
        workers = [threading.Thread(target=self._work, args=(waiting,), daemon=True) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        leader: NodeAddress | None = None
        with Progress(*columns, console=console, disable=self._quiet) as progress:
            task = progress.add_task("anchored", total=len(files))
            while any(w.is_alive() for w in workers) and self._load.failure is None:
                time.sleep(0.02)
                progress.update(task, completed=len(self._load.outcomes))
                if leader is None and len(self._load.outcomes) >= max(1, len(files) // 3):
                    leader = self._kill_leader(progress)
                    for rest in [*files[-later:], *[None] * WORKERS]:
                        waiting.put(rest)
        if self._load.failure is not None:
            raise self._load.failure
        assert leader is not None, "a third of the files comes before the last half"
        self._report_load(leader)
        return leader

    def _kill_leader(self, progress: Progress) -> NodeAddress:
        status = self._status(self._network.nodes[0])
        leader = self._network.node(status.leader)
        pid = self._processes.kill(leader)
        self._killed = time.monotonic()
        if not self._quiet:
            line = Text.assemble(
                "   ", marked(f"kill -9 {pid}", "red"), f": the leader, {leader.name}, at height {status.height}"
            )
            progress.console.print(line)
        return leader

    def _work(self, waiting: queue.SimpleQueue[Path | None]) -> None:
        """Anchor files until told to end; nodes are tried in turn, so a dead one costs a retry and no more."""
        try:
            signer = self._network.client_keys().unlock("client", "")
            with SyncClient([n.url for n in self._network.nodes], self._genesis) as client:
                while self._load.failure is None and (path := waiting.get()) is not None:
                    began = time.monotonic()
                    anchored = client.anchor(digest_file(path), media_type_of(path), path.stat().st_size, signer)
                    with self._load.lock:
                        self._load.outcomes.append(Outcome(path, anchored, began, time.monotonic()))
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for this one
            self._load.failure = error

    def _proposer(self, outcome: Outcome) -> str:
        """Return who proposed the block of an anchored file, by the header in its proof."""
        header = BlockHeader.decode(outcome.anchored.proof.header, self._genesis.suite)
        return self._genesis.validators[header.proposer].name

    def _report_load(self, leader: NodeAddress) -> None:
        outcomes = self._load.outcomes
        pause = min(o.ended for o in outcomes if self._proposer(o) != leader.name) - self._killed
        latencies = sorted((o.ended - o.began) * 1000 for o in outcomes)
        self._summary |= {
            "anchored": len(outcomes),
            "killed": leader.name,
            "pause_seconds": round(pause, 2),
            "latency_ms_p50": round(latencies[len(latencies) // 2], 1),
        }
        if self._quiet:
            return
        root = Path.cwd()
        shown = outcomes[:ROWS_SHOWN]
        print_table(
            "",
            ("file", CONTENT_DIGEST_NAME.lower(), "height", "latency"),
            [
                (
                    o.path.relative_to(root) if o.path.is_relative_to(root) else o.path.name,
                    o.anchored.digest.hex()[:16],
                    o.anchored.height,
                    f"{(o.ended - o.began) * 1000:.0f} ms",
                )
                for o in shown
            ],
        )
        if len(outcomes) > len(shown):
            say(f"… and {len(outcomes) - len(shown)} more; median latency {latencies[len(latencies) // 2]:.0f} ms")
        words = ", elected the next leader and went on; nothing was lost"
        self._say("the chain paused for ", marked(f"{pause:.2f} s", "bold"), words)

    def _restart(self, leader: NodeAddress) -> None:
        self._step(f"3. {leader.name} comes back and catches up")
        others = [n for n in self._network.nodes if n.name != leader.name]
        head = self._status(others[0]).height
        began = time.monotonic()
        self._processes.start(leader, stop_with=os.getpid())
        self._processes.wait_ready(leader)
        while (status := self._status(leader)).height < head:
            if time.monotonic() - began > CATCH_UP_SECONDS_MAX:
                raise fail(f"{leader.name} is at height {status.height}, the others at {head}")
            time.sleep(0.05)
        seconds = time.monotonic() - began
        self._summary["catch_up_seconds"] = round(seconds, 2)
        self._say(f"{leader.name} is at height {status.height}, {seconds:.2f} s after its process was started")

    def _compare(self) -> None:
        self._step("4. One chain: the same block hash on all four")
        height = min(self._status(n).height for n in self._network.nodes)
        rows = []
        for node in self._network.nodes:
            with SyncClient([node.url], self._genesis) as client:
                rows.append((node.name, height, client.block(height).block_hash.hex()[:32]))
        if not self._quiet:
            print_table("", ("validator", "height", "block hash"), rows)
        if len({row[2] for row in rows}) != 1:
            raise fail("the hashes differ")
        self._summary |= {"height": height, "block_hash": rows[0][2]}

    def _write_bundle(self) -> Path:
        self._step("5. A proof, verified offline by a process that has the genesis file and nothing else")
        outcome = [o for o in self._load.outcomes if o.path in self._files][-1]
        offline = self._directory / "offline"
        offline.mkdir()
        shutil.copy(self._network.genesis_path, offline / "genesis.json")
        (offline / "file").mkdir()  # apart from the demo's own files, whatever its name
        shutil.copy(outcome.path, offline / "file" / outcome.path.name)
        bundle = offline / "proof.json"
        bundle.write_text(outcome.anchored.proof.to_json())
        self._say(f"{outcome.path.name}: proof of {bundle.stat().st_size} bytes")
        self._anchored_name = outcome.path.name
        return bundle

    def _verify(self, bundle: Path) -> None:
        code, output = self._run_verifier(bundle)
        for line in output.rstrip().splitlines():
            self._say(line)
        if code != 0:
            raise fail("the proof does not verify")
        self._summary["verified"] = True

    def _tamper(self, bundle: Path) -> None:
        self._step("6. The same proof with one bit flipped, in four places")
        document = json.loads(bundle.read_text())
        refused = []
        for part in ("transaction", "receipt", "header", "certificate"):
            forged = dict(document)
            data = bytearray.fromhex(forged[part].removeprefix("0x"))
            data[len(data) // 2] ^= 1
            forged[part] = "0x" + data.hex()
            path = bundle.with_name(f"forged-{part}.json")
            path.write_text(json.dumps(forged))
            code, output = self._run_verifier(path)
            if code == 0:
                raise fail(f"a bit flipped in the {part} went unnoticed")
            step = next(line for line in output.splitlines() if "FAILED" in line)
            refused.append({"part": part, "refused_at": " ".join(step.split()[2:3])})
            self._say(f"{part:<12} ", marked("refused", "red"), f" {' '.join(step.split())}")
        self._summary["tampering"] = refused

    def _run_verifier(self, bundle: Path) -> tuple[int, str]:
        command = [sys.executable, "-m", "hanchain.cli.main", "verify", bundle.name, "--genesis", "genesis.json"]
        command += ["--file", f"file/{self._anchored_name}"]
        environment = {
            "PATH": "/usr/bin:/bin",
            "COLUMNS": "200",
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        }
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command, cwd=bundle.parent, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        return done.returncode, done.stdout + done.stderr

    def _status(self, node: NodeAddress) -> ChainStatus:
        with SyncClient([node.url], self._genesis) as client:
            return client.chain_status()
