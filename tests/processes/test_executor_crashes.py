"""A real executor process and its node, killed at every boundary of the durability steps, and what a restart finds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from consensus.messages import ProposalHeader
from hanchain.crypto import default_suite
from hanchain.ledger.block import Body, evidence_root, transactions_root
from hanchain.ledger.execution import rules_of
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.transaction import account_of, build, sign
from hanchain.node.chain import Chain
from hanchain.node.executor_inline import InlineExecutor
from hanchain.node.wire import OrderedRecord
from hanchain.testnet.files import create_network
from storage.blocks import BlockStore
from storage.memory import Memory

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]

DRIVER = Path(__file__).with_name("executor_driver.py")
BLOCKS = 4
CRASH = 3  # the block under way when something dies


def proposals(genesis: Genesis, count: int) -> list[OrderedRecord]:
    """Return consecutive decided batches of three transactions each."""
    suite = genesis.suite
    key = suite.generate(b"user")
    sender = account_of(suite.id, key.public_key, suite)
    made: list[OrderedRecord] = []
    parent = genesis.chain_id
    for height in range(1, count + 1):
        encoded = []
        for number in range(3):
            salt = bytes([height, number]) * 8
            payload = build(
                chain_id=genesis.chain_id,
                sender=sender,
                salt=salt,
                expires_at_height=500,
                contract="sys.anchor",
                method="notarise",
                arguments=(salt * 2, "text/plain", number),
                gas_limit=10_000 if number else 1,
            )
            encoded.append(sign(payload, [key], suite).encoded)
        body = Body(tuple(encoded)).encode()
        header = ProposalHeader(
            chain_id=genesis.chain_id,
            epoch=0,
            height=height,
            pview=0,
            proposer=0,
            parent=parent,
            anchor_height=0,
            anchor_hash=genesis.block0.hash(suite),
            timestamp_ms=genesis.time_ms + height,
            tx_root=transactions_root(tuple(encoded), suite),
            tx_count=len(encoded),
            body_bytes=len(body),
            evidence_root=evidence_root((), suite),
        )
        parent = header.digest(genesis.context)
        made.append(OrderedRecord(header, body, b"commits"))
    return made


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Genesis, list[OrderedRecord], list[dict[str, Any]]]:
    """Return a genesis, proposals, and where a chain in memory stands after each of them."""
    genesis = create_network(tmp_path_factory.mktemp("world") / "network", validators=4).genesis()
    records = proposals(genesis, BLOCKS)
    executor = InlineExecutor(Memory(), rules_of(genesis), genesis.block0)
    chain = Chain(genesis, BlockStore(Memory()), executor)
    stands = [stand(chain, genesis)]
    for record in records:
        chain.decide(record.header, record.header.digest(genesis.context), record.body, record.commit_certificate)
        stands.append(stand(chain, genesis))
    assert default_suite().name == genesis.suite.name
    return genesis, records, stands


def stand(chain: Chain, genesis: Genesis) -> dict[str, Any]:
    """Return height, hash and state root of a chain."""
    header = chain.header(chain.height)
    return {
        "height": chain.height,
        "hash": header.hash(genesis.suite).hex(),
        "state_root": header.state_root.hex(),
    }


@pytest.fixture
def directory(tmp_path: Path, world: Any) -> Path:
    """Return a directory with genesis and proposals for the driver."""
    genesis, records, _ = world
    (tmp_path / "genesis.json").write_text(genesis.to_json())
    (tmp_path / "proposals").write_text("\n".join(record.encode().hex() for record in records))
    return tmp_path


def drive(directory: Path, point: str, who: str = "alone") -> tuple[int, list[dict[str, Any]], str]:
    """Run the driver; return its exit code, what it reported, and its log."""
    done = subprocess.run(
        [sys.executable, str(DRIVER), str(directory), point, str(CRASH), who],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")], done.stderr


def without(reports: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    """Return the reports without some fields."""
    return [{k: v for k, v in report.items() if k not in names} for report in reports]


@pytest.mark.parametrize(
    ("point", "who", "found"),
    [
        ("before a", "alone", CRASH - 1),
        ("after a", "alone", CRASH),
        ("in b", "with its node", CRASH),
        ("after b", "with its node", CRASH),
        ("after the reply", "alone", CRASH),
        ("after c", "alone", CRASH),
    ],
    ids=["before-a", "after-a", "in-b", "after-b", "after-the-reply", "after-c"],
)
def test_a_node_killed_at_a_boundary_comes_back(directory: Path, world: Any, point: str, who: str, found: int) -> None:
    """After SIGKILL at any step the chain recovers the block if it was ordered, and nothing of it if it was not.

    Hashes and state roots before, at and after the crash are those of a replay in memory, and no process is left.
    """
    _, _, stands = world
    code, reports, log = drive(directory, point, who)
    assert code == -signal.SIGKILL, log
    assert without(reports, "restarts", "pid") == stands[:CRASH]
    wait_gone(reports[-1]["pid"])

    code, reports, log = drive(directory, "never")
    assert code == 0, log
    assert without(reports, "restarts", "pid") == stands[found:]
    assert {report["restarts"] for report in reports} == {0}


@pytest.mark.parametrize("point", ["in b", "after b"], ids=["in-b", "after-b"])
def test_a_node_goes_on_when_its_executor_dies(directory: Path, world: Any, point: str) -> None:
    """An executor killed around its write is replaced, and the node takes the same block and the next to the end."""
    _, _, stands = world
    code, reports, log = drive(directory, point)
    assert code == 0, log
    assert without(reports, "restarts", "pid") == stands
    assert [report["restarts"] for report in reports] == [0] * CRASH + [1] * (BLOCKS - CRASH + 1)
    assert reports[CRASH - 1]["pid"] != reports[CRASH]["pid"]
    assert "executor died" in log
    assert "executor back" in log


def wait_gone(pid: int, seconds: float = 5) -> None:
    """Wait until a process is gone, or fail."""
    deadline = time.monotonic() + seconds
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.01)


@pytest.mark.parametrize("stopped", [False, True], ids=["idle", "deaf"])
def test_no_executor_outlives_its_node(directory: Path, stopped: bool) -> None:
    """When the node is killed its executor ends too, even one that can no longer read that the stream has ended."""
    node = subprocess.Popen(
        [sys.executable, str(DRIVER), str(directory), "wait", str(CRASH), "alone"],
        stdin=subprocess.PIPE,  # it waits for the end of this
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with node:
        assert node.stdout is not None
        pid = 0
        for line in node.stdout:
            if line.startswith("{") and json.loads(line)["height"] == BLOCKS:
                pid = json.loads(line)["pid"]
                break
        assert Path(f"/proc/{pid}").exists()
        if stopped:
            os.kill(pid, signal.SIGSTOP)
        node.kill()
    wait_gone(pid)
