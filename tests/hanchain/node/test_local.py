"""The service of a node: states of transactions, proofs, blocks, views, status and readiness."""

import asyncio

import pytest

from hanchain.ledger.cells import cell_key
from hanchain.ledger.codec import encode
from hanchain.ledger.proof import is_proved, verify_bundle
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node import limits
from hanchain.node.service import NodeService, TransactionState, TransactionStatus


async def refusal(awaitable):
    """Return why something is rejected."""
    with pytest.raises(Rejection) as caught:
        await awaitable
    return caught.value.reason


async def test_a_transactions_life(cluster):
    """Unknown before, pending while it waits, committed after, with its place, its receipt and a proof that holds."""
    async with cluster(start=False) as net:
        await net.start("node0")
        service: NodeService = net.services["node0"]
        transaction = net.transaction()
        assert await service.transaction_status(transaction.txid) == TransactionStatus(
            transaction.txid, TransactionState.UNKNOWN
        )
        assert await service.submit(transaction.encoded) == transaction.txid
        assert await service.transaction_status(transaction.txid) == TransactionStatus(
            transaction.txid, TransactionState.PENDING
        )
        assert await refusal(service.proof(transaction.txid)) is Reason.NOT_FOUND
        assert await refusal(service.wait(transaction.txid, 1)) is Reason.TIMEOUT
        await net.start("node1", "node2", "node3")
        status = await service.wait(transaction.txid, 20_000)
        assert (status.state, status.height, status.index) == (TransactionState.COMMITTED, 1, 0)
        assert await service.transaction_status(transaction.txid) == status
        assert await service.wait(transaction.txid, 1) == status
        steps = verify_bundle(await service.proof(transaction.txid), net.genesis)
        assert all(step.ok for step in steps)
        assert await refusal(service.submit(transaction.encoded)) is Reason.DUPLICATE


async def test_a_failed_transaction_says_why(cluster):
    """A transaction that the contract refuses is failed, with its receipt and a proof."""
    async with cluster() as net:
        transaction = net.transaction(arguments=(b"short", "text/plain", 1))
        service = net.services["node1"]
        await service.submit(transaction.encoded)
        status = await service.wait(transaction.txid, 20_000)
        assert (status.state, status.receipt.reason) == (TransactionState.FAILED, "E_DIGEST")
        assert all(step.ok for step in verify_bundle(await service.proof(transaction.txid), net.genesis))


async def test_an_expired_transaction_is_told_so(cluster, wait_until):
    """A transaction whose last height passes without it is expired, and who waits for it learns that."""
    async with cluster(max_idle_ms=50) as net:
        service, node = net.services["node3"], net.nodes["node3"]
        transaction = net.transaction(expires_at_height=node.chain.height + 5)
        node.pool.add(transaction, node.now_ms())
        node.pool.reserve(
            [transaction.txid], node.now_ms() + 10**9
        )  # as if it stood in a proposal that is never decided
        node.intake.close()
        status = await service.wait(transaction.txid, 20_000)
        assert status == TransactionStatus(transaction.txid, TransactionState.EXPIRED)
        assert transaction.txid not in node.pool


async def test_waits_are_bounded(cluster):
    """A wait has a length within its bounds, and a cancelled one leaves nothing."""
    async with cluster(start=False) as net:
        await net.start("node0")
        service = net.services["node0"]
        for timeout_ms in (0, -1, limits.WAIT_MS_MAX + 1):
            assert await refusal(service.wait(bytes(32), timeout_ms)) is Reason.OUT_OF_RANGE
        task = asyncio.create_task(service.wait(bytes(32), 1_000))
        await asyncio.sleep(0)
        assert len(net.nodes["node0"].waiting) == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert len(net.nodes["node0"].waiting) == 0


async def test_submissions_are_bounded(cluster, monkeypatch):
    """A submission of too many transactions is refused as a whole."""
    monkeypatch.setattr(limits, "SUBMIT_BATCH_MAX", 1)
    async with cluster(start=False) as net:
        await net.start("node0")
        assert await refusal(net.services["node0"].submit_batch([b"", b""])) is Reason.OVERSIZED
        assert await refusal(net.services["node0"].submit(b"")) is Reason.MALFORMED


async def test_blocks_are_found_by_height_and_hash(cluster):
    """A sealed block is found both ways, with its signers; what is not sealed is not there."""
    async with cluster() as net:
        status = await net.seal("node0")
        service = net.services["node0"]
        block = await service.block(1)
        assert block.transaction_ids == (status.txid,)
        assert block.receipts == (status.receipt,)
        assert len(block.signers) == 3
        assert await service.block_by_hash(block.block_hash) == block
        assert (await service.block(0)).header == net.genesis.block0
        for height in (-1, 2, 2**63):
            assert await refusal(service.block(height)) is Reason.NOT_FOUND
        assert await refusal(service.block_by_hash(bytes(32))) is Reason.NOT_FOUND


async def test_views_read_the_last_state(cluster):
    """A view answers from the last executed block and names its height; a bad one is rejected."""
    async with cluster() as net:
        service = net.services["node2"]
        transaction = net.transaction()
        await service.submit(transaction.encoded)
        await service.wait(transaction.txid, 20_000)
        height, found = await service.view("sys.anchor", "find", [transaction.payload.arguments[0]])
        assert (height, found[0][0]) == (1, net.sender)
        assert await refusal(service.view("sys.none", "find", [])) is Reason.UNKNOWN_CONTRACT


async def test_readiness_lists_every_problem(cluster, wait_until):
    """A lone node of four says who is missing; with a quorum it is ready, and without one it is not again."""
    async with cluster(start=False) as net:
        await net.start("node0")
        service = net.services["node0"]
        assert service.readiness().problems == ("1 of 4 validators connected, 3 needed; missing: node1, node2, node3",)
        await net.start("node1", "node2")
        await wait_until(lambda: service.readiness().problems == ())
        await net.stop("node1", "node2")
        await wait_until(lambda: any("1 of 4 validators connected" in p for p in service.readiness().problems))


async def test_status_and_metrics_say_where_the_node_stands(cluster):
    """Status, metrics and blocks agree on height, hash, leader and peers."""
    async with cluster() as net:
        await net.seal("node0")
        service = net.services["node1"]
        await net.agree(1)
        status = service.chain_status()
        assert (status.height, status.executed_height, status.epoch) == (1, 1, 0)
        assert status.block_hash == (await service.block(1)).block_hash
        assert (status.node_name, status.validator_index, status.validators) == ("node1", 1, tuple(net.names))
        assert [(p.name, p.connected) for p in status.peers] == [("node0", True), ("node2", True), ("node3", True)]
        assert (status.halted, status.catching_up_to, status.mempool_transactions, status.mempool_bytes) == (
            None,
            None,
            0,
            0,
        )
        text = service.metrics_text().decode()
        for line in (
            "hanchain_height 1.0",
            "hanchain_peers 3.0",
            "hanchain_halted 0.0",
            "hanchain_transactions_sealed_total 1.0",
            'hanchain_transactions_admitted_total{origin="gossip"} 1.0',
        ):
            assert line in text.splitlines()


@pytest.mark.parametrize("names", [("node0", "node1", "node2", "node3")])
async def test_every_node_offers_the_genesis(cluster, names):
    """The genesis of the service is the network's."""
    async with cluster(start=False) as net:
        await net.start(*names)
        assert {service.genesis.chain_id for service in net.services.values()} == {net.genesis.chain_id}


async def test_the_state_is_read_with_and_without_a_proof(cluster):
    """What a transaction has stored is found by its key, proved present; what nobody stored is proved absent."""
    async with cluster() as net:
        digest = bytes(range(32))
        transaction = net.transaction(arguments=(digest, "text/plain", 5))
        service = net.services["node2"]
        await service.submit(transaction.encoded)
        await service.wait(transaction.txid, 20_000)
        for key, value in (
            (cell_key("latest", [digest]), encode(net.sender)),
            (cell_key("latest", [bytes(32)]), None),
        ):
            plain = await service.state("sys.anchor", key, prove=False)
            assert (plain.height, plain.value, plain.proof) == (1, value, None)
            proved = await service.state("sys.anchor", key, prove=True)
            assert (proved.height, proved.value, proved.proof.value) == (1, value, value)
            steps = verify_bundle(proved.proof, net.genesis)
            assert is_proved(steps), steps
            assert (proved.proof.contract, proved.proof.key) == ("sys.anchor", key)


async def test_a_state_that_nobody_seals_is_not_proved(cluster, monkeypatch):
    """At genesis there is nothing to prove with; a block without its seals is waited for, and not for ever."""
    async with cluster() as net:
        key = cell_key("latest", [bytes(32)])
        service = net.services["node1"]
        assert await refusal(service.state("sys.anchor", key, prove=True)) is Reason.NOT_FOUND
        assert (await service.state("sys.anchor", key, prove=False)).height == 0
        await net.seal("node1")
        monkeypatch.setattr(limits, "STATE_PROOF_WAIT_MS", 200)
        monkeypatch.setattr(limits, "STATE_PROOF_PAUSE_MS", 10)
        node = net.nodes["node1"]
        monkeypatch.setattr(node, "sealed_height", 0)
        assert await refusal(service.state("sys.anchor", key, prove=True)) is Reason.TIMEOUT
        monkeypatch.setattr(node, "sealed_height", 1)
        monkeypatch.setattr(node.chain, "state_proof", lambda *_: None)
        assert await refusal(service.state("sys.anchor", key, prove=True)) is Reason.TIMEOUT
        assert len(node.waiting) == 0


async def test_a_proof_of_the_state_waits_for_the_seals_of_its_block(cluster, wait_until):
    """Asked between execution and seal, the node answers once the seal is there."""
    async with cluster() as net:
        await net.seal("node1")
        service, node = net.services["node1"], net.nodes["node1"]
        node.sealed_height = 0
        asked = asyncio.create_task(service.state("sys.anchor", cell_key("latest", [bytes(32)]), prove=True))
        await wait_until(lambda: len(node.waiting) == 1)
        node.sealed_height = 1
        node.waiting.wake([1])
        assert is_proved(verify_bundle((await asked).proof, net.genesis))


async def test_events_are_proved_one_by_one(cluster):
    """Each event of a sealed transaction has a proof of its own; others are not found."""
    async with cluster() as net:
        transaction = net.transaction()
        service = net.services["node0"]
        assert await refusal(service.event_proof(transaction.txid, 0)) is Reason.NOT_FOUND
        await service.submit(transaction.encoded)
        await service.wait(transaction.txid, 20_000)
        bundle = await service.event_proof(transaction.txid, 0)
        steps = verify_bundle(bundle, net.genesis, digest=transaction.payload.arguments[0], owner=net.sender)
        assert is_proved(steps), steps
        assert await refusal(service.event_proof(transaction.txid, 1)) is Reason.NOT_FOUND
