"""Nodes whose executors are processes: they die, come back, and the node says so; some faults stay faults."""

import os
import signal
import time
from pathlib import Path

import pytest

from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node.service import ExecutorState, TransactionState

COMMITTED = TransactionState.COMMITTED


def alive(pid):
    """Tell whether a process is there, be it a zombie."""
    return Path(f"/proc/{pid}").exists()


def pids(net):
    """Return the process ids of all executors."""
    return {name: service.chain_status().executor.pid for name, service in net.services.items()}


async def test_four_nodes_with_processes(cluster):
    """Four nodes each execute in a child of their own, agree, answer views and proofs of state, and leave nothing."""
    async with cluster(executor="process") as net:
        transaction = net.transaction()
        await net.services["node0"].submit(transaction.encoded)
        assert (await net.services["node3"].wait(transaction.txid, 20_000)).state is COMMITTED
        await net.agree(1)
        children = pids(net)
        assert len(set(children.values()) | {os.getpid()}) == 5
        height, found = await net.services["node2"].view("sys.anchor", "find", [transaction.payload.arguments[0]])
        assert (height, found[0][0]) == (1, net.sender)
        for service in net.services.values():
            text = service.metrics_text().decode()
            for stage in ("decode", "execute", "tree", "roots", "write", "pipe", "ordered", "store"):
                assert f'hanchain_stage_seconds_total{{stage="{stage}"}}' in text
            assert "hanchain_executor_running 1.0" in text
    assert [pid for pid in children.values() if alive(pid)] == []


async def test_a_killed_executor_is_replaced_while_idle(cluster, wait_until, monkeypatch):
    """SIGKILL for one node's idle executor: it is not ready meanwhile, has another soon, and goes on sealing."""
    async with cluster(executor="process") as net:
        await net.seal("node0", "node1")
        node, service = net.nodes["node1"], net.services["node1"]
        before = service.chain_status().executor
        assert (before.mode, before.state, before.restarts) == ("process", ExecutorState.RUNNING, 0)
        seen = []
        revive = node.chain._execution.revive

        def look():
            seen.append((service.chain_status().executor, service.readiness().problems))
            revive()

        monkeypatch.setattr(node.chain._execution, "revive", look)
        os.kill(before.pid, signal.SIGKILL)
        await wait_until(lambda: service.chain_status().executor.restarts == 1)
        status, problems = seen[0]
        assert (status.state, status.pid) == (ExecutorState.RESTARTING, None)
        assert "executor: restarting" in problems
        after = service.chain_status().executor
        assert (after.state, after.replayed) == (ExecutorState.RUNNING, 0)
        assert after.pid not in {None, before.pid}
        assert after.last_restart_ms > 0
        assert not alive(before.pid)
        assert (await net.seal("node1", "node1")).state is COMMITTED
        assert service.readiness().problems == ()


async def test_executors_killed_under_load_cost_nothing_but_time(cluster):
    """Executors of all nodes are killed again and again while transactions come: all are sealed, all nodes agree."""
    async with cluster(executor="process", timeout_ms=2_000) as net:
        for number in range(6):
            victim = f"node{number % 4}"
            pid = net.services[victim].chain_status().executor.pid
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
            assert (await net.seal(f"node{(number + 1) % 4}", "node0")).state is COMMITTED
        await net.agree(6)
        assert [node.halted for node in net.nodes.values()] == [None] * 4
        assert sum(service.chain_status().executor.restarts for service in net.services.values()) >= 4


async def test_an_executor_that_hangs_is_replaced(cluster, wait_until, monkeypatch):
    """A stopped child: its node says so, does not hold up the others, and has another one after a while."""
    monkeypatch.setattr("hanchain.node.limits.EXECUTOR_SILENT_SECONDS", 0.3)
    monkeypatch.setattr("hanchain.node.limits.EXECUTOR_PATIENCE_SECONDS", 5.0)
    monkeypatch.setattr("hanchain.node.limits.EXECUTOR_PATIENCE_FACTOR", 0)
    async with cluster(executor="process") as net:
        await net.seal("node0", "node1")
        service = net.services["node1"]
        os.kill(service.chain_status().executor.pid, signal.SIGSTOP)
        sealed = await net.seal("node0", "node0")
        await wait_until(lambda: service.chain_status().executor.state is ExecutorState.SILENT)
        assert "executor: silent" in service.readiness().problems
        assert (await service.wait(sealed.txid, 20_000)).state is COMMITTED
        after = service.chain_status().executor
        assert (after.state, after.restarts) == (ExecutorState.RUNNING, 1)
        assert net.nodes["node1"].halted is None


async def test_a_node_stops_while_its_executor_hangs(cluster, wait_until, monkeypatch):
    """Closing a node whose child hangs in the middle of a block takes the seconds that a block is given, no more."""
    monkeypatch.setattr("hanchain.node.limits.EXECUTOR_CLOSE_SECONDS", 0.5)
    async with cluster(executor="process") as net:
        await net.seal("node0", "node1")
        child = net.services["node1"].chain_status().executor.pid
        os.kill(child, signal.SIGSTOP)
        await net.seal("node0", "node0")
        began = time.monotonic()
        await net.stop("node1")
        assert time.monotonic() - began < 5
        assert not alive(child)
        await net.start("node1")
        await net.agree(2)


async def test_an_executor_that_always_dies_stops_its_node(cluster, wait_until, monkeypatch):
    """When every new executor of a node ends at once, the node halts with words, serves on, and the others go on."""
    async with cluster(executor="process") as net:
        first = await net.seal("node0", "node3")
        node, service = net.nodes["node3"], net.services["node3"]
        monkeypatch.setattr("hanchain.node.limits.EXECUTOR_PAUSE_SECONDS", 0)
        monkeypatch.setattr(node.chain._executor, "_command", ("/bin/false",))
        os.kill(service.chain_status().executor.pid, signal.SIGKILL)
        await wait_until(lambda: node.halted is not None)
        assert "6 executors died within 60 s without a block in between" in node.halted
        assert service.chain_status().executor.state is ExecutorState.STOPPED
        assert "executor: stopped" in service.readiness().problems
        assert (await service.transaction_status(first.txid)).state is COMMITTED
        with pytest.raises(Rejection) as caught:
            await service.view("sys.anchor", "find", [b"d" * 32])
        assert caught.value.reason is Reason.NOT_READY
        assert (await net.seal("node0", "node1")).state is COMMITTED


async def test_a_node_stops_while_its_executor_does_not_come_back(cluster, monkeypatch):
    """Closing a node in the middle of restarts takes no longer than the restart's next step."""
    async with cluster(executor="process") as net:
        await net.seal("node0", "node2")
        node = net.nodes["node2"]
        monkeypatch.setattr("hanchain.node.limits.EXECUTOR_PAUSE_SECONDS", 60)
        monkeypatch.setattr(node.chain._executor, "_command", ("/bin/false",))
        os.kill(net.services["node2"].chain_status().executor.pid, signal.SIGKILL)
        await net.seal("node0", "node1")
        await net.stop("node2")
        assert node.halted is None
