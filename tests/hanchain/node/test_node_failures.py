"""Nodes of which something fails: they stop voting, say why, and the others go on."""

import asyncio

import pytest

from consensus.interface import Connected
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node.service import TransactionState
from storage.errors import DiskFull, StorageError

COMMITTED = TransactionState.COMMITTED


async def test_a_node_whose_disk_fails_halts_and_serves(cluster, wait_until, monkeypatch):
    """A failing disk stops that node's voting with words in status and readiness; reads go on, and so do the others."""
    async with cluster() as net:
        first = await net.seal("node0", "node3")
        node, service = net.nodes["node3"], net.services["node3"]

        def fail(*_, **__):
            raise DiskFull("no space left on the test's disk")

        monkeypatch.setattr(node.chain._store, "append_ordered", fail)
        waiting = asyncio.create_task(service.wait(b"never" * 6 + b"xx", 10_000))
        for _ in range(3):
            await net.seal("node0")
        await wait_until(lambda: node.halted is not None)
        assert node.halted == "no space left on the test's disk"
        assert service.chain_status().halted == node.halted
        assert f"this node stopped voting: {node.halted}" in service.readiness().problems
        with pytest.raises(Rejection) as caught:
            await waiting
        assert caught.value.reason is Reason.NOT_READY
        with pytest.raises(Rejection, match="stopped voting"):
            await service.submit(net.transaction().encoded)
        assert (await service.transaction_status(first.txid)).state is COMMITTED
        assert (await service.block(1)).header.height == 1
        monkeypatch.undo()
        await net.stop("node3")
        await net.start("node3")
        await net.agree(4)


async def test_a_log_that_fails_stops_voting_before_anything_is_sent(cluster, wait_until, monkeypatch):
    """When the write-ahead log cannot be synced, no vote whose record is not durable leaves."""
    async with cluster() as net:
        await net.seal("node0")
        node = net.nodes["node2"]
        sent = []

        def fail():
            monkeypatch.setattr(node.network, "broadcast", lambda *_, **__: sent.append("broadcast"))
            monkeypatch.setattr(node.network, "send", lambda *_, **__: sent.append("send"))
            raise StorageError("the log's disk is gone")

        monkeypatch.setattr(node._log, "sync", fail)
        await net.seal("node0")
        await wait_until(lambda: node.halted is not None)
        assert (node.halted, sent) == ("the log's disk is gone", [])
        monkeypatch.undo()


async def test_a_broken_step_halts(cluster, wait_until, monkeypatch):
    """An assertion that fails inside consensus stops this node instead of going unnoticed in a callback."""
    async with cluster() as net:
        node = net.nodes["node1"]

        def fail(*_):
            raise AssertionError("must be true of our own code")

        monkeypatch.setattr(node._engine._replica, "step", fail)
        node.handle(Connected(0))
        assert node.halted == "AssertionError: must be true of our own code"
        await net.seal("node0", "node2")


async def test_a_failing_callback_halts(cluster, wait_until, monkeypatch):
    """What fails after the chain's thread has done its work stops the node too."""
    async with cluster() as net:
        node = net.nodes["node1"]

        def fail(*_):
            raise ValueError("unforeseen")

        monkeypatch.setattr(node, "executed", fail)
        await net.seal("node0", "node2")
        await wait_until(lambda: node.halted is not None)
        assert node.halted == "ValueError: unforeseen"
