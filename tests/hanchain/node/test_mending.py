"""A validator whose state is wrong: halted across restarts, mended by its operator, and voting again."""

import asyncio
import dataclasses
import shutil

import pytest

from consensus.interface import Alarm
from hanchain.node import mending
from hanchain.node.chain import WrongResult
from hanchain.node.config import load
from storage.errors import Corruption, Locked, Missing


def config_of(net, name):
    """Return a node's configuration."""
    return load(net.files.config_path(name), {"HANCHAIN_NODE_EXECUTOR": "inline"})


def copy_chain(net, source, target):
    """Put the chain of one stopped node in the place of another's, as the manual says."""
    for part in ("blocks", "state"):
        ours = config_of(net, target).path(config_of(net, target).node.data) / part
        theirs = config_of(net, source).path(config_of(net, source).node.data) / part
        shutil.rmtree(ours)
        shutil.copytree(theirs, ours)


async def test_a_wrong_state_halts_until_it_is_mended(cluster, wait_until, monkeypatch):
    """P9: halted after a restart too; cleared it needs the blocks of a healthy node, and then it votes."""
    async with cluster() as net:
        await net.seal("node0")
        await net.agree(1)
        node, decide = net.nodes["node3"], net.nodes["node3"].chain.decide
        monkeypatch.setattr(
            node.chain, "decide", lambda *args: dataclasses.replace(decide(*args), block_hash=b"\x07" * 32)
        )
        await net.seal("node0")
        await wait_until(lambda: node.halted is not None)
        reason = node.halted
        sealed = "P9: {} validators sealed another result at height 2"  # two are enough, the third may have come first
        assert reason in {sealed.format(2), sealed.format(3)}
        await net.stop("node3")
        await net.start("node3")
        await wait_until(lambda: net.nodes["node3"].halted == reason)
        with pytest.raises(Locked):
            mending.read_halt(config_of(net, "node3"))
        await net.stop("node3")
        assert mending.read_halt(config_of(net, "node3")) == mending.Halted(2, reason)
        assert mending.clear_halt(config_of(net, "node3")) == mending.Halted(2, reason)
        assert mending.clear_halt(config_of(net, "node3")) is None
        with pytest.raises(Corruption, match="certified blocks end at height 1; the halt that was cleared needs 2"):
            net.assemble("node3")
        await net.seal("node0")
        await net.stop("node0")
        copy_chain(net, "node0", "node3")
        await net.start("node0", "node3")
        await net.stop("node1")  # so that nothing is sealed without node3
        await net.seal("node0")
        assert net.nodes["node3"].halted is None


async def test_a_wrong_result_of_catching_up_is_remembered(cluster, wait_until):
    """Found by the chain's thread, it is in the log all the same."""
    async with cluster() as net:
        await net.seal("node0")
        node = net.nodes["node2"]
        node._fault(WrongResult("P9: executing height 9 gives another hash"))
        await wait_until(lambda: node.halted is not None)
        await net.stop("node2")
        found = mending.read_halt(config_of(net, "node2"))
        assert (found is not None and found.reason) == "P9: executing height 9 gives another hash"


async def test_an_alarm_is_shown_and_taken_back(cluster):
    """Status and metrics show it, voting goes on, and it is gone when the core says so."""
    async with cluster() as net:
        node, service = net.nodes["node0"], net.services["node0"]
        for reason in ("P9: no quorum for one result of height 7", None):
            node.perform(Alarm(reason))
            assert (service.chain_status().alarm, service.chain_status().halted) == (reason, None)
            assert f"hanchain_alarm {float(reason is not None)}".encode() in service.metrics_text()
        await net.seal("node0")


async def test_a_log_that_is_not_there_has_no_halt_to_clear(cluster):
    """The tool makes no log: a validator without its log must not vote."""
    async with cluster() as net:
        await net.stop("node1")
        await asyncio.to_thread(shutil.rmtree, config_of(net, "node1").path(config_of(net, "node1").node.data) / "log")
        with pytest.raises(Missing):
            mending.clear_halt(config_of(net, "node1"))
