"""The steps of ``hanchain demo``: each prints what it shows, and ends the run when it does not hold."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from contracts.compiler import compile_source
from contracts.library import source
from hanchain.cli.demoload import CONTRACT, Deposit, Load, deposit
from hanchain.cli.demoproofs import Proofs
from hanchain.cli.output import console, fail, marked, print_json, print_table, say
from hanchain.crypto import PrivateKey
from hanchain.crypto.content import CONTENT_DIGEST_NAME
from hanchain.ledger.block import BlockHeader
from hanchain.ledger.genesis import Genesis
from hanchain.sdk import SyncClient
from hanchain.sdk.results import ChainStatus
from hanchain.testnet.files import NetworkFiles, NodeAddress, create_network
from hanchain.testnet.processes import Processes

ROWS_SHOWN = 14
WITNESSES = 2
NOTES = 24  # deposited while an executor dies
WAIT_SECONDS_MAX = 60.0
NEVER_DEPOSITED = b"a document that nobody ever deposited\n"


class Demonstration:
    """The run: each step prints what it shows, and stops the demo when it does not hold."""

    def __init__(self, directory: Path, files: list[Path], quiet: bool) -> None:
        self._directory = directory
        self._files = files
        self._quiet = quiet
        self._summary: dict[str, Any] = {}
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
            self._deploy()
            leader, deposits = self._deposit_all()
            self._restart(leader)
            chosen = next(d for d in reversed(deposits) if d.path in self._files)
            self._witness(chosen)
            self._kill_executor(leader)
            self._compare()
            self._prove(chosen)
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
        self._step(
            "1. Four validators, each a process of its own: mutual TLS 1.3, LevelDB, contracts in a child process"
        )
        for node in self._network.nodes:
            self._processes.start(node, stop_with=os.getpid())
        for node in self._network.nodes:
            self._processes.wait_ready(node)
        self._summary["chain_id"] = self._genesis.chain_id
        self._say(f"chain {self._genesis.chain_name}, id {self._genesis.chain_id.hex()}")
        if not self._quiet:
            rows = [
                (n.name, self._processes.pid(n), self._status(n).executor.pid, n.p2p, n.api)
                for n in self._network.nodes
            ]
            print_table("", ("validator", "process", "executor", "p2p", "api"), rows)

    def _deploy(self) -> None:
        self._step("2. A contract, from its Python source to the chain")
        text = source(CONTRACT)
        compiled = compile_source(text, "evidence.py")
        began = time.monotonic()
        with self._client() as client:
            done = client.deploy(self._signer(), CONTRACT, compiled.program, compiled.abi, text.encode(), [WITNESSES])
        milliseconds = (time.monotonic() - began) * 1000
        self._summary["contract"] = {"name": CONTRACT, "height": done.height, "program_bytes": len(compiled.program)}
        self._say(
            f"evidence.py: {len(text.encode())} bytes of source, checked and compiled to a program of "
            f"{len(compiled.program)} bytes;"
        )
        self._say(
            f"deployed as {CONTRACT!r} at height {done.height} in {milliseconds:.0f} ms "
            f"({done.gas_used} gas), {WITNESSES} witnesses confirm an item"
        )

    def _deposit_all(self) -> tuple[NodeAddress, list[Deposit]]:
        files = list(self._files)
        if len(files) == 1:  # something has to be left for the time after the leader's death
            note = self._directory / "note.txt"
            note.write_text("deposited while the leader was dead\n")
            files.append(note)
        self._step(f"3. Depositing {len(files)} files; the leader is killed with SIGKILL on the way")
        load = Load(self._network)
        leaders: list[NodeAddress] = []
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=console, disable=self._quiet) as progress:
            task = progress.add_task("deposited", total=len(files))
            load.run(
                files,
                at_a_third=lambda: leaders.append(self._kill_leader(progress)),
                watch=lambda count: progress.update(task, completed=count),
            )
        self._report_load(load.deposits, leaders[0])
        return leaders[0], load.deposits

    def _kill_leader(self, progress: Progress) -> NodeAddress:
        status = self._status(self._network.nodes[0])
        leader = self._network.node(status.leader)
        pid = self._processes.kill(leader)
        self._killed = time.monotonic()
        if not self._quiet:
            words = f": the leader, {leader.name}, at height {status.height}"
            progress.console.print(Text.assemble("   ", marked(f"kill -9 {pid}", "red"), words))
        return leader

    def _report_load(self, deposits: list[Deposit], leader: NodeAddress) -> None:
        pause = min(d.ended for d in deposits if self._proposer(d) != leader.name and d.ended > self._killed)
        latencies = sorted(d.latency_ms for d in deposits)
        self._summary |= {
            "deposited": len(deposits),
            "killed": leader.name,
            "pause_seconds": round(pause - self._killed, 2),
            "latency_ms_p50": round(latencies[len(latencies) // 2], 1),
        }
        if self._quiet:
            return
        shown = deposits[:ROWS_SHOWN]
        rows = [(_shown(d.path), d.digest.hex()[:16], d.called.height, f"{d.latency_ms:.0f} ms") for d in shown]
        print_table("", ("file", CONTENT_DIGEST_NAME.lower(), "height", "latency"), rows)
        if len(deposits) > len(shown):
            say(f"… and {len(deposits) - len(shown)} more; median latency {latencies[len(latencies) // 2]:.0f} ms")
        words = ", elected the next leader and went on; nothing was lost"
        self._say("the chain paused for ", marked(f"{pause - self._killed:.2f} s", "bold"), words)

    def _proposer(self, deposit: Deposit) -> str:
        """Return who proposed the block of a deposited file, by the header in its proof."""
        assert deposit.called.proof is not None, "the client has the genesis"
        header = BlockHeader.decode(deposit.called.proof.header, self._genesis.suite)
        return self._genesis.validators[header.proposer].name

    def _restart(self, leader: NodeAddress) -> None:
        self._step(f"4. {leader.name} comes back without its state, makes it again, and catches up")
        data = self._directory / leader.name / "data"
        shutil.rmtree(data / "state")  # a cache of the ordered log: this demo can spare it
        others = [n for n in self._network.nodes if n.name != leader.name]
        head = self._status(others[0]).height
        began = time.monotonic()
        self._processes.start(leader, stop_with=os.getpid())
        self._processes.wait_ready(leader)
        status = self._wait_for(leader, lambda s: s.height >= head, f"height {head}, where the others are")
        seconds = time.monotonic() - began
        self._summary |= {"catch_up_seconds": round(seconds, 2), "replayed": status.executor.replayed}
        self._say(
            f"{leader.name} executed {status.executor.replayed} blocks again from its ordered log, to the roots it had "
            f"sealed,"
        )
        self._say(f"and is at height {status.height}, {seconds:.2f} s after its process was started")

    def _witness(self, deposit: Deposit) -> None:
        self._step(f"5. {WITNESSES} witnesses attest {deposit.path.name}")
        with self._client() as client:
            evidence = client.contract(CONTRACT)
            for number in range(1, WITNESSES + 1):
                key = self._genesis.suite.generate()
                called = evidence.call(key, "witness", deposit.digest)
                names = ", ".join(event.name for event in called.events)
                self._say(f"witness {number}, {key.public_key.hex()[:16]}…, at height {called.height}: {names}")
            confirmed = evidence.query("is_confirmed", deposit.digest).value
        if confirmed is not True:
            raise fail("the contract does not call it confirmed")
        self._summary["confirmed"] = True
        self._say("the contract calls it ", marked("confirmed", "green"))

    def _kill_executor(self, formerly_leading: NodeAddress) -> None:
        leading = self._status(self._network.nodes[0]).leader
        node = next(n for n in self._network.nodes if n.name not in {leading, formerly_leading.name})
        self._step(f"6. The executor of {node.name}, which runs its contracts, is killed with SIGKILL")
        pids: list[int] = []

        def kill() -> None:
            pids.append(self._processes.kill_executor(node, self._status(node).executor.pid))

        meanwhile = Load(self._network)
        meanwhile.run(self._notes(), at_a_third=kill, watch=lambda _: None)  # the other three are enough
        status = self._wait_for(
            node, lambda s: s.executor.restarts > 0 and s.executor.state == "running", "its executor"
        )
        executor = status.executor
        self._say(
            marked(f"kill -9 {pids[0]}", "red"), f": {node.name} executes and seals nothing, the other three go on;"
        )
        again = f"{executor.replayed} blocks executed again" if executor.replayed else "no block was lost"
        self._say(f"process {executor.pid} took over: back after {executor.last_restart_ms} ms, {again}")
        height = self._sealing_again(node)
        self._say(f"{node.name} votes again: its seal stands in the certificate of block {height}")
        self._summary["executor"] = {
            "node": node.name,
            "restart_ms": executor.last_restart_ms,
            "replayed": executor.replayed,
            "seals_at": height,
        }

    def _notes(self) -> list[Path]:
        """Return files that nobody has deposited yet."""
        notes = []
        for number in range(NOTES):
            note = self._directory / f"note{number}.txt"
            note.write_text(f"deposited while an executor was dead, number {number}\n")
            notes.append(note)
        return notes

    def _sealing_again(self, node: NodeAddress) -> int:
        """Deposit notes until a certificate carries the node's seal; return that block's height."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        number = 0
        with SyncClient([node.url], self._genesis) as client:
            evidence, signer = client.contract(CONTRACT), self._signer()
            while time.monotonic() < deadline:
                number += 1
                note = self._directory / "again.txt"
                note.write_text(f"deposited after the executor came back, number {number}\n")
                height = deposit(evidence, signer, note).called.height
                if node.name in client.block(height).signers:
                    return height
        raise fail(f"{node.name} does not seal again")

    def _compare(self) -> None:
        self._step("7. One chain: the same block hash and the same state root on all four")
        height = min(self._status(n).height for n in self._network.nodes)
        rows = []
        for node in self._network.nodes:
            with SyncClient([node.url], self._genesis) as client:
                block = client.block(height)
                rows.append((node.name, height, block.block_hash.hex()[:16], block.header.state_root.hex()[:16]))
        if not self._quiet:
            print_table("", ("validator", "height", "block hash", "state root"), rows)
        if len({row[2:] for row in rows}) != 1:
            raise fail("they differ")
        self._summary |= {"height": height, "block_hash": rows[0][2], "state_root": rows[0][3]}

    def _prove(self, deposit: Deposit) -> None:
        never = self._directory / "never-deposited.txt"
        never.write_bytes(NEVER_DEPOSITED)
        with self._client() as client:
            proofs = Proofs(self._directory / "offline", self._network.genesis_path, client, self._say)
            self._step("8. Proofs, verified offline by a process that has the genesis file and nothing else")
            proofs.deposited(deposit)
            proofs.stored(deposit)
            proofs.absent(never)
            self._summary["verified"] = list(proofs.verified)
            self._step("9. The same proofs with one bit flipped, or with another claim")
            self._summary["tampering"] = proofs.tamper()

    # ---------------------------------------------------------------------------------------------------------- helpers

    def _client(self) -> SyncClient:
        return SyncClient([node.url for node in self._network.nodes], self._genesis)

    def _signer(self) -> PrivateKey:
        return self._network.client_keys().unlock("client", "")

    def _status(self, node: NodeAddress) -> ChainStatus:
        with SyncClient([node.url], self._genesis) as client:
            return client.chain_status()

    def _wait_for(self, node: NodeAddress, holds: Callable[[ChainStatus], bool], what: str) -> ChainStatus:
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not holds(status := self._status(node)):
            if time.monotonic() > deadline:
                raise fail(f"{node.name} is at height {status.height} and waits in vain for {what}")
            time.sleep(0.05)
        return status


def _shown(path: Path) -> Path | str:
    root = Path.cwd()
    return path.relative_to(root) if path.is_relative_to(root) else path.name
