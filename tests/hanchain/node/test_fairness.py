"""A leader that leaves a transaction out is left (consensus specification, section 11), in four real nodes."""

import asyncio

from hanchain.node.service import TransactionState


async def test_a_transaction_that_the_leader_leaves_out_gets_in(cluster, wait_until, monkeypatch):
    """Blocks go on, so nothing times out: the others complain about the censorship, and the next leader includes it."""
    async with cluster() as net:
        await net.seal("node1")
        before = net.services["node1"].chain_status()
        victim, leader = net.transaction(), net.nodes[before.leader]
        take = leader.pool.take
        monkeypatch.setattr(leader.pool, "take", lambda **how: [t for t in take(**how) if t.txid != victim.txid])
        await net.services["node1"].submit(victim.encoded)
        waiting = asyncio.create_task(net.services["node1"].wait(victim.txid, 20_000))
        sealed = 0
        while not waiting.done():
            await net.seal("node2")
            sealed += 1
        assert (await waiting).state is TransactionState.COMMITTED
        assert sealed >= 3, "others were included all the time"
        assert net.services["node1"].chain_status().view > before.view
        complaints = [
            line
            for node in net.nodes.values()
            for line in net.services[node.config.node.name].metrics_text().decode().splitlines()
            if line.startswith("hanchain_transactions_left_out_total")
        ]
        assert sum(float(line.split()[1]) for line in complaints) >= 2


async def test_an_honest_leader_is_not_complained_about(cluster):
    """Under the same traffic nobody thinks that anything is left out."""
    async with cluster() as net:
        for _ in range(25):
            await net.seal("node2")
            await asyncio.sleep(0.05)
        for service in net.services.values():
            assert b"hanchain_transactions_left_out_total 0.0" in service.metrics_text()
