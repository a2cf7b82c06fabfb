"""Networks of four nodes in this process: agreement, failures, restarts, refusals."""

import asyncio
import shutil

import pytest
import structlog

from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node.assembly import assemble
from hanchain.node.config import load
from hanchain.node.service import TransactionState
from hanchain.testnet.files import NetworkFiles, NodeAddress, create_network

COMMITTED = TransactionState.COMMITTED


async def test_what_one_node_takes_all_nodes_seal(cluster):
    """A transaction submitted to any node is sealed on every other, with one hash everywhere."""
    async with cluster() as net:
        for through, seen_on in (("node0", "node1"), ("node1", "node2"), ("node2", "node3"), ("node3", "node0")):
            status = await net.seal(through, seen_on)
            assert (status.state, status.receipt.height) == (COMMITTED, status.height)
        await net.agree(4)


async def test_many_transactions_leave_no_rest(cluster):
    """A burst through all nodes is sealed whole: no transaction stays behind in any pool, each is sealed once."""
    async with cluster(max_block_transactions=20) as net:
        sent = []
        for name in net.names:
            batch = [net.transaction() for _ in range(75)]
            sent += batch
            answers = await net.services[name].submit_batch([t.encoded for t in batch])
            assert answers == [t.txid for t in batch]
        statuses = await asyncio.gather(*(net.services["node2"].wait(t.txid, 30_000) for t in sent))
        assert [s.state for s in statuses] == [COMMITTED] * 300
        await net.agree(15)
        head = net.heads()["node0"][0]
        blocks = [await net.services["node1"].block(h) for h in range(1, head + 1)]
        ids = [txid for block in blocks for txid in block.transaction_ids]
        assert sorted(ids) == sorted(t.txid for t in sent)
        assert [len(node.pool) for node in net.nodes.values()] == [0] * 4


async def test_a_closed_node_catches_up(cluster):
    """Three nodes go on without the fourth; started again from its directory it reaches the same hash."""
    async with cluster() as net:
        await net.seal("node0")
        await net.stop("node3")
        for _ in range(5):
            await net.seal("node1")
        await net.start("node3")
        await net.seal("node2", "node3")
        await net.agree(7)
        await net.ready()


async def test_a_closed_leader_is_replaced(cluster):
    """Without the leader of view 0 the others change the view, and what waited in their pools is sealed."""
    async with cluster() as net:
        await net.seal("node1")
        await net.stop("node0")
        status = await net.seal("node1", "node2")
        assert status.state is COMMITTED
        assert {s.chain_status().view for s in net.services.values()} != {0}
        await net.start("node0")
        await net.seal("node0", "node3")
        await net.agree(3)


async def test_a_leader_closed_under_load_loses_nothing(cluster):
    """When the leader goes while its proposals are in flight, everything is sealed under its successor, once."""
    async with cluster(max_block_transactions=10) as net:
        sent = [net.transaction() for _ in range(200)]
        await net.services["node1"].submit_batch([t.encoded for t in sent])
        await net.services["node1"].wait(sent[0].txid, 10_000)
        await net.stop("node0")
        statuses = await asyncio.gather(*(net.services["node2"].wait(t.txid, 30_000) for t in sent))
        assert {s.state for s in statuses} == {COMMITTED}
        assert len({(s.height, s.index) for s in statuses}) == 200


async def test_all_nodes_restart_at_once(cluster):
    """After all four were closed they start from their disks, agree on the same head, and go on."""
    async with cluster() as net:
        for name in net.names:
            await net.seal(name)
        await net.agree(4)
        before = net.heads()
        await net.stop()
        await net.start()
        assert net.heads() == before
        await net.ready()
        await net.seal("node3", "node0")
        await net.agree(5)


async def test_certificates_lost_in_a_crash_come_back(cluster):
    """Blocks whose certificates were lost are sealed again after a restart, and those who wait are woken."""
    async with cluster() as net:
        status = await net.seal("node0", "node3")
        await net.agree(1)
        await net.stop()
        for name in net.names:
            node = net.assemble(name)
            node.chain._store._kv.delete(b"c" + (1).to_bytes(8, "big"))
            shutil.rmtree(net.files.directory / name / "data" / "log")
            await node.close()
            (net.files.directory / name / "data" / "log").mkdir()
        await _renew_logs(net)
        node = net.assemble("node3")
        assert (node.chain.certificate(1), node.chain.height) == (None, 1)
        await node.close()
        await net.start()
        again = await net.services["node3"].wait(status.txid, 10_000)
        assert (again.state, again.height) == (COMMITTED, 1)
        assert (await net.services["node3"].proof(status.txid)) is not None


async def _renew_logs(net):
    """Give every node an empty log, as if what it held had been cut off."""
    from storage.wal import WriteAheadLog

    for name in net.names:
        log = WriteAheadLog(net.files.directory / name / "data" / "log")
        log.open()
        log.close()


async def test_an_idle_chain_makes_empty_blocks_when_asked(cluster):
    """With max_idle_ms the height rises without transactions, everywhere alike."""
    async with cluster(max_idle_ms=50) as net:
        await net.agree(3)
        block = await net.services["node1"].block(2)
        assert (block.transactions, block.receipts) == ((), ())


async def test_a_lone_validator_seals_by_itself(cluster):
    """A network of one needs nobody."""
    async with cluster(validators=1) as net:
        assert (await net.seal("node0")).state is COMMITTED


# ---------------------------------------------------------------------------------------------------------------- close


async def test_closing_in_the_middle_of_work_is_clean(cluster):
    """Nodes closed under load leave no task and no lock, answer late callers, and start again."""
    async with cluster() as net:
        services = dict(net.services)
        submissions = [
            asyncio.create_task(service.submit_batch([net.transaction().encoded for _ in range(300)]))
            for service in services.values()
        ]
        await asyncio.sleep(0.05)
        waits = [asyncio.create_task(service.wait(bytes(32), 60_000)) for service in services.values()]
        await asyncio.sleep(0)
        await asyncio.gather(*(node.close() for node in net.nodes.values()))
        for answer in await asyncio.gather(*waits, return_exceptions=True):
            assert isinstance(answer, Rejection)
            assert answer.reason is Reason.NOT_READY
        for answer in await asyncio.gather(*submissions, return_exceptions=True):
            assert isinstance(answer, list | asyncio.CancelledError) or answer.reason is Reason.NOT_READY
        for service in services.values():
            with pytest.raises(Rejection, match="stopping"):
                await service.block(0)
        await net.stop()
        await net.start()
        await net.ready()
        await net.seal("node0")


async def test_what_runs_in_the_background_ends_with_the_node(cluster):
    """Background work is cancelled and awaited at close, and none begins afterwards; none of it is a fault."""
    async with cluster(start=False) as net:
        await net.start("node0")
        node = net.nodes["node0"]
        ended = []

        async def work():
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("cancelled")

        node.crew.spawn(work())
        await asyncio.sleep(0)
        await net.stop("node0")
        assert ended == ["cancelled"]
        node.crew.spawn(work())
        assert node.halted is None


async def test_closing_twice_and_before_starting(cluster):
    """Closing again is harmless, and a node that never started releases its disk."""
    async with cluster(start=False) as net:
        node = net.assemble("node0")
        await node.close()
        await node.close()
        again = net.assemble("node0")
        await again.close()


async def test_closing_while_starting(cluster):
    """A node closed while its network opens ends closed, and its port is free."""
    async with cluster(start=False) as net:
        node = net.assemble("node0")
        starting = asyncio.create_task(node.start())
        await asyncio.sleep(0)
        await node.close()
        await asyncio.gather(starting, return_exceptions=True)
        await net.start("node0")


async def test_a_taken_port_is_told(cluster):
    """Starting on a port that somebody has is refused in words, after which the node closes cleanly."""
    async with cluster(start=False) as net:
        host, _, port = net.files.nodes[0].p2p.rpartition(":")
        server = await asyncio.start_server(lambda *_: None, host, int(port))
        node = net.assemble("node0")
        with pytest.raises(Rejection, match="address already in use"):
            await node.start()
        await node.close()
        server.close()
        await server.wait_closed()


# ------------------------------------------------------------------------------------------------------------ refusals


async def refused_links(cluster, wait_until, caplog, change):
    """Start two networks' first nodes, the second one at node1's place in the first; return what both logs say."""
    async with cluster(start=False) as net:
        foreign = change(net)
        ours = net.assemble("node0")
        theirs = assemble(load(foreign, {"HANCHAIN_NODE_EXECUTOR": net.executor}))
        with structlog.testing.capture_logs():
            await ours.start()
            await theirs.start()
            try:
                await wait_until(lambda: sum("refused" in r.getMessage() for r in caplog.records) >= 1, 5)
                await wait_until(lambda: ours.network.metrics().ended and theirs.network.metrics().ended, 5)
                assert (ours.connected, theirs.connected) == (set(), set())
                return [r.getMessage() for r in caplog.records]
            finally:
                await ours.close()
                await theirs.close()


def other_genesis(net, old, new):
    """Give node1 another genesis file with the same keys; return its configuration."""
    text = net.files.genesis_path.read_text()
    assert old in text
    (net.files.directory / "other.json").write_text(text.replace(old, new, 1))
    config = net.files.config_path("node1")
    config.write_text(config.read_text().replace("../genesis.json", "../other.json"))
    return config


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"hanchain-testnet"', '"other-net"', "wrong_chain"),
        ('"time_ms": 1', '"time_ms": 2', "wrong_genesis"),
    ],
)
async def test_another_chain_is_refused_in_words(cluster, wait_until, caplog, old, new, words):
    """A node with another chain name or genesis is refused; both logs say which is whose."""
    said = await refused_links(cluster, wait_until, caplog, lambda net: other_genesis(net, old, new))
    assert any("reason=not_admitted" in line and words in line for line in said), said
    assert any("reason=refused_by_peer" in line and words in line for line in said), said


async def test_a_foreign_authority_is_refused(cluster, wait_until, caplog, tmp_path):
    """A certificate of another authority does not come through TLS, on either side."""
    async with cluster(start=False) as net:
        stranger = create_network(tmp_path / "stranger")
        for name in ("node.pem", "node-key.pem", "authority.pem"):
            shutil.copy(stranger.directory / "node1" / "tls" / name, net.files.directory / "node1" / "tls" / name)
        await net.start("node0", "node1")
        ours, theirs = net.nodes["node0"], net.nodes["node1"]
        for reason in ("reason=unknown_authority", "reason=certificate_refused_by_peer"):
            await wait_until(lambda reason=reason: any(reason in r.getMessage() for r in caplog.records), 5)
        assert (ours.connected, theirs.connected) == (set(), set())


def test_the_files_of_a_network_are_one_value(tmp_path):
    """The directory and its nodes' addresses are all there is."""
    files = create_network(tmp_path / "net")
    assert files == NetworkFiles(tmp_path / "net", files.nodes)
    assert all(isinstance(node, NodeAddress) for node in files.nodes)


# ------------------------------------------------------------------------------------------------------- odd moments


async def test_a_missing_certificate_is_fetched_after_a_restart(cluster, wait_until):
    """A block without a certificate of its own, between certified ones, becomes provable once peers are asked."""
    async with cluster() as net:
        first = await net.seal("node0", "node3")
        await net.seal("node1")
        await net.agree(2)
        await net.stop("node3")
        node = net.assemble("node3")
        node.chain._store._kv.delete(b"c" + (1).to_bytes(8, "big"))
        await node.close()
        await net.start("node3")
        node, service = net.nodes["node3"], net.services["node3"]
        await wait_until(lambda: node.chain.certificate(1) is not None)
        assert (await service.proof(first.txid)).header == (await net.services["node0"].proof(first.txid)).header


async def test_a_node_far_behind_catches_up_in_many_requests(cluster, monkeypatch):
    """A node that missed more than one answer holds asks again and again until it is level."""
    monkeypatch.setattr("hanchain.node.limits.SYNC_BLOCKS_MAX", 3)
    async with cluster(max_block_transactions=1) as net:
        await net.stop("node2")
        sent = [net.transaction() for _ in range(20)]
        await net.services["node0"].submit_batch([t.encoded for t in sent])
        await asyncio.gather(*(net.services["node0"].wait(t.txid, 30_000) for t in sent))
        await net.start("node2")
        await net.seal("node1", "node2")
        await net.agree(21)


async def test_a_pool_that_is_all_in_flight_does_not_spin(cluster, wait_until):
    """A leader all of whose transactions stand in proposals says so once, and the loop goes on turning."""
    async with cluster(start=False) as net:
        await net.start("node0")  # it leads, and alone it decides nothing
        node = net.nodes["node0"]
        await net.services["node0"].submit_batch([net.transaction().encoded for _ in range(5)])
        await wait_until(lambda: node.pool.free == 0)
        node.pool.release()
        node.tell_pool()
        await wait_until(lambda: node.pool.free == 0)
        calls = []
        original = node.perform
        node.perform = lambda effect: (calls.append(effect), original(effect))
        await asyncio.sleep(0.2)
        assert len(calls) < 50


async def test_a_reservation_of_an_abandoned_proposal_lapses(cluster):
    """A transaction that was reserved for a proposal that nobody decides is proposed again, without a view change."""
    async with cluster() as net:
        transaction = net.transaction()
        node = net.nodes["node0"]
        node.pool.add(transaction, node.now_ms())
        node.pool.reserve([transaction.txid], node.now_ms())
        node.tell_pool()
        status = await net.services["node0"].wait(transaction.txid, 20_000)
        assert status.state is COMMITTED
        assert net.services["node0"].chain_status().view == 0


async def test_an_alarm_that_rings_early_is_set_again(cluster, wait_until):
    """A timer that fires before its time does not lose the wake-up that the core asked for only once."""
    async with cluster(start=False) as net:
        await net.start("node0")
        node = net.nodes["node0"]
        await wait_until(lambda: node._alarm is not None)
        node._alarm.cancel()
        handled = []
        original = node.handle
        node.handle = lambda event: (handled.append(type(event).__name__), original(event))
        at_ms = node.now_ms() + 50
        node._ring(at_ms)
        assert handled == []
        await wait_until(lambda: "Tick" in handled, 5)
        assert node.now_ms() >= at_ms
