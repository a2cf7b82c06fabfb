"""The client against a real server: what it returns, and what it refuses to return."""

import asyncio
import dataclasses

import pytest

from hanchain.ledger.proof import is_proved, verify_file
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.receipt import Status
from hanchain.node import service as node_service
from hanchain.sdk import BadAnswer, Client, Peer, RpcError, State, TransactionStatus, Unverified


async def test_chain_status(client, node):
    """The status arrives as a typed record."""
    status = await client.chain_status()
    there = node.chain_status()
    assert status.peers == (Peer("node-1", "127.0.0.1:7001", connected=True, detail="outbound"),)
    for field in dataclasses.fields(status):
        if field.name not in {"peers", "executor"}:
            assert getattr(status, field.name) == getattr(there, field.name), field.name
    assert dataclasses.asdict(status.executor) == dataclasses.asdict(there.executor)


async def test_prepare(client, node, fake):
    """A prepared transaction is for this chain, by the key's own account, salted, and expires within the window."""
    first = await client.prepare(fake.USER, "sys.anchor", "notarise", [fake.DIGEST, "text/plain", 5])
    second = await client.prepare(fake.USER, "sys.anchor", "notarise", [fake.DIGEST, "text/plain", 5])
    payload = first.payload
    assert (payload.chain_id, payload.sender) == (node.genesis.chain_id, fake.ACCOUNT)
    assert (payload.contract, payload.method) == ("sys.anchor", "notarise")
    assert payload.arguments == (fake.DIGEST, "text/plain", 5)
    assert payload.expires_at_height == 875
    assert first.txid != second.txid
    for _ in range(3):
        node.seal()
    later = await client.prepare(fake.USER, "a", "b", sender=b"registered", gas_limit=7)
    assert (later.payload.expires_at_height, later.payload.sender, later.payload.gas_limit) == (878, b"registered", 7)


async def test_submit_wait_status_proof(client, node, fake):
    """A transaction goes in, is waited for, and comes back with a receipt and a proof that holds."""
    transaction = fake.make_transaction()
    assert await client.submit(transaction) == transaction.txid
    receipt = node.blocks[1].receipts[0]
    expected = TransactionStatus(transaction.txid, State.COMMITTED, 1, 0, receipt)
    assert await client.wait(transaction.txid) == expected
    assert await client.status(transaction.txid) == expected
    bundle = await client.proof(transaction.txid)
    assert is_proved(verify_file(bundle.to_json().encode(), fake.GENESIS, digest=fake.DIGEST, owner=fake.ACCOUNT))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"chain_id": bytes(32)}, Reason.WRONG_CHAIN),
        ({"expires_at_height": 0}, Reason.EXPIRED),
        ({"signers": []}, Reason.NO_SIGNATURE),
    ],
)
async def test_refusals(client, fake, changes, reason):
    """What a node refuses is an RpcError with the ledger's reason, on both ways in."""
    transaction = fake.make_transaction(**changes)
    with pytest.raises(RpcError) as caught:
        await client.submit(transaction)
    assert (caught.value.reason, caught.value.code, caught.value.retried) == (reason, -32000, False)
    (item,) = await client.submit_batch([transaction])
    assert isinstance(item, RpcError)
    assert (item.reason, item.detail) == (reason, caught.value.detail)


async def test_batch(client, node, fake):
    """A batch is answered item by item, in order."""
    good = [fake.make_transaction(bytes([number]) * 32, "text/plain", 5) for number in range(3)]
    bad = fake.make_transaction(chain_id=bytes(32))
    answers = await client.submit_batch([good[0], bad, good[1], good[0], good[2]])
    assert [answer if isinstance(answer, bytes) else answer.reason for answer in answers] == [
        good[0].txid,
        "wrong_chain",
        good[1].txid,
        "duplicate",
        good[2].txid,
    ]


@pytest.mark.parametrize("count", [0, 4097])
async def test_batch_bounds(client, count):
    """A batch that no node would read is not sent."""
    with pytest.raises(ValueError, match=f"a batch of {count} transactions"):
        await client.submit_encoded([b"x"] * count)


async def test_a_large_batch(client, node, fake):
    """A batch of many transactions is one request."""
    transactions = [fake.make_transaction(number.to_bytes(32, "big"), "text/plain", 5) for number in range(300)]
    assert await client.submit_batch(transactions) == [transaction.txid for transaction in transactions]


async def test_wait_is_longer_than_one_request(client, node, fake, monkeypatch):
    """A wait asks again until its own time is over; the transaction may come in any slice."""
    monkeypatch.setattr("hanchain.sdk.limits.WAIT_SLICE_MS", 30)
    node.hold = True
    transaction = fake.make_transaction()
    await client.submit(transaction)
    waiting = asyncio.create_task(client.wait(transaction.txid, 10_000))
    await asyncio.sleep(0.2)
    node.seal()
    assert (await waiting).state is State.COMMITTED


async def test_wait_ends(client, fake):
    """A wait whose time is over is RpcError(timeout)."""
    with pytest.raises(RpcError) as caught:
        await client.wait(bytes(32), 50)
    assert caught.value.reason == Reason.TIMEOUT


async def test_send_twice(client, node, fake):
    """Sending again what is in the chain returns its state: the id makes it idempotent."""
    transaction = fake.make_transaction()
    first = await client.send(transaction)
    assert await client.send(transaction) == first
    assert (first.state, len(node.blocks)) == (State.COMMITTED, 2)


async def test_send_hands_in_again(client, node, fake, monkeypatch):
    """A transaction that its node forgot is handed in again, until it is sealed."""
    monkeypatch.setattr("hanchain.sdk.limits.RESUBMIT_MS", 30)
    node.hold = True
    transaction = fake.make_transaction()
    sending = asyncio.create_task(client.send(transaction))
    await asyncio.sleep(0.02)
    node.pending.clear()
    await asyncio.sleep(0.2)
    assert list(node.pending) == [transaction.txid]
    node.seal()
    assert (await sending).state is State.COMMITTED
    assert node.submissions >= 2


@pytest.mark.parametrize(
    ("refusal", "found", "outcome"),
    [
        (Reason.BUSY, State.PENDING, Reason.TIMEOUT),
        (Reason.POOL_FULL, State.PENDING, Reason.TIMEOUT),
        (Reason.EXPIRED, State.EXPIRED, State.EXPIRED),
        (Reason.EXPIRED, State.COMMITTED, State.COMMITTED),
        (Reason.EXPIRED, State.UNKNOWN, Reason.EXPIRED),
        (Reason.DUPLICATE, State.UNKNOWN, Reason.TIMEOUT),
    ],
)
async def test_refused_when_handed_in_again(client, node, fake, monkeypatch, refusal, found, outcome):
    """A later refusal ends a sending only if the transaction has ended: a busy node, for one, says nothing of it."""
    monkeypatch.setattr("hanchain.sdk.limits.RESUBMIT_MS", 20)
    transaction = fake.make_transaction()
    submit, submissions = node.submit, []

    async def refuse_later(envelope):
        submissions.append(envelope)
        if len(submissions) > 1:
            raise Rejection(refusal, "later")
        return await submit(envelope)

    async def status(txid):
        return node_service.TransactionStatus(txid, node_service.TransactionState(found))

    node.hold, node.submit, node.transaction_status = True, refuse_later, status
    try:
        result = (await client.send(transaction, 200)).state
    except RpcError as error:
        result = error.reason
    assert result == outcome
    assert len(submissions) >= 2


async def test_the_first_refusal_is_final(client, node, fake):
    """What a node refuses at first is not tried again."""
    node.failure = Rejection(Reason.BUSY, "full")
    with pytest.raises(RpcError) as caught:
        await client.send(fake.make_transaction())
    assert caught.value.reason == Reason.BUSY


async def test_view(client, fake):
    """A view returns the contract's value with its types."""
    transaction = fake.make_transaction()
    await client.send(transaction)
    result = await client.view("sys.anchor", "find", fake.DIGEST)
    assert (result.height, result.value) == (
        1,
        ((fake.ACCOUNT, "text/plain", 5, 1, 1_767_225_601_000, transaction.txid),),
    )
    with pytest.raises(RpcError) as caught:
        await client.view("sys.anchor", "find", "text")
    assert caught.value.reason == Reason.BAD_ARGUMENTS


async def test_anchor(client, node, fake):
    """Anchoring returns the place, the time and a proof of exactly this digest by this owner."""
    anchored = await client.anchor(fake.DIGEST, "application/pdf", 1234, fake.USER)
    header = node.blocks[1].header
    assert (anchored.digest, anchored.owner) == (fake.DIGEST, fake.ACCOUNT)
    assert (anchored.height, anchored.time_ms) == (1, header.timestamp_ms)
    assert anchored.txid == node.blocks[1].transaction_ids[0]
    assert is_proved(
        verify_file(anchored.proof.to_json().encode(), fake.GENESIS, digest=fake.DIGEST, owner=fake.ACCOUNT)
    )


async def test_anchor_twice(client, fake):
    """The same digest by the same owner is refused by the contract; the first height is in the words."""
    await client.anchor(fake.DIGEST, "application/pdf", 1234, fake.USER)
    with pytest.raises(RpcError) as caught:
        await client.anchor(fake.DIGEST, "application/pdf", 1234, fake.USER)
    assert (caught.value.reason, caught.value.detail) == ("E_EXISTS", "notarised by this owner at height 1")


async def test_anchor_bad_media_type(client, fake):
    """What the contract refuses is an RpcError with its code."""
    with pytest.raises(RpcError) as caught:
        await client.anchor(fake.DIGEST, "pdf", 1234, fake.USER)
    assert caught.value.reason == "E_MEDIA_TYPE"


async def test_blocks(client, node, fake):
    """Blocks come by height, by hash and as the latest: whole, and equal to the node's."""
    transaction = fake.make_transaction()
    failing = fake.make_transaction(contract="sys.nothing")
    await client.submit(transaction)
    await client.submit(failing)
    there = node.blocks[1]
    block = await client.block(1)
    assert (block.header, block.block_hash, block.certificate) == (there.header, there.block_hash, there.certificate)
    assert (block.transactions, block.receipts) == (there.transactions, there.receipts)
    assert (block.transaction_ids, block.signers) == (there.transaction_ids, there.signers)
    assert await client.block(there.block_hash) == block
    latest = await client.block()
    assert (latest.header.height, latest.receipts[0].status) == (2, Status.REJECTED_AT_EXECUTION)
    genesis = await client.block(0)
    assert (genesis.header, genesis.certificate) == (fake.GENESIS.block0, None)


async def test_without_genesis(url, fake):
    """Without a genesis nothing is called verified: the caller has to say that it is not wanted."""
    async with Client(url) as client:
        transaction = await client.prepare(fake.USER, "sys.anchor", "notarise", [fake.DIGEST, "text/plain", 5])
        assert (await client.send(transaction)).state is State.COMMITTED
        for call in (
            client.proof(transaction.txid),
            client.block(1),
            client.anchor(bytes(32), "text/plain", 5, fake.USER),
        ):
            with pytest.raises(ValueError, match="nothing to verify against"):
                await call
        assert (await client.proof(transaction.txid, verify=False)).transaction == transaction.encoded
        assert (await client.block(1, verify=False)).transaction_ids == (transaction.txid,)


async def test_another_chain(url, fake):
    """A node of another chain is noticed at the first status and at every proof."""
    async with Client(url, fake.make_genesis("other-chain")) as client:
        with pytest.raises(Unverified, match="serves chain"):
            await client.chain_status()
        transaction = fake.make_transaction()
        await client.send(transaction)
        with pytest.raises(Unverified) as caught:
            await client.proof(transaction.txid)
        assert [step.name for step in caught.value.steps] == ["format", "genesis"]
        with pytest.raises(Unverified):
            await client.block(1)
        with pytest.raises(Unverified, match="another block of height 0"):
            await client.block(0)


def _resealed(block, **changes):
    return dataclasses.replace(block, **changes)


TAMPERINGS = {
    "header": lambda block, other: _resealed(block, header=dataclasses.replace(block.header, timestamp_ms=1)),
    "hash": lambda block, other: _resealed(block, block_hash=bytes(32)),
    "transactions": lambda block, other: _resealed(block, transactions=other.transactions),
    "no transactions": lambda block, other: _resealed(block, transactions=(), receipts=(), transaction_ids=()),
    "ids": lambda block, other: _resealed(block, transaction_ids=other.transaction_ids),
    "receipts": lambda block, other: _resealed(block, receipts=other.receipts),
    "certificate": lambda block, other: _resealed(block, certificate=other.certificate),
    "no certificate": lambda block, other: _resealed(block, certificate=None),
    "another block": lambda block, other: other,
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
async def test_tampered_blocks(client, node, fake, tampering):
    """A block that a node changed, anywhere that matters, is not returned."""
    await client.submit(fake.make_transaction())
    await client.submit(fake.make_transaction(bytes(32), "text/plain", 5))
    node.blocks[1] = TAMPERINGS[tampering](node.blocks[1], node.blocks[2])
    with pytest.raises(Unverified):
        await client.block(1)


async def test_empty_block(client, node):
    """A block without transactions is verified by its header's seals, like any other."""
    node.seal()
    assert (await client.block(1)).transactions == ()
    node.blocks[1] = dataclasses.replace(node.blocks[1], certificate=b"\x95")
    with pytest.raises(Unverified, match="fails at 'format'"):
        await client.block(1)


async def test_proof_of_another_transaction(client, node, fake):
    """A valid proof of something else is refused."""
    asked, other = fake.make_transaction(), fake.make_transaction(bytes(32), "text/plain", 5)
    await client.submit(asked)
    await client.submit(other)
    honest = node.proof

    async def proof(_):
        return await honest(other.txid)

    node.proof = proof
    with pytest.raises(Unverified, match="the proof is of transaction"):
        await client.proof(asked.txid)


async def test_state_of_another_transaction(client, node, fake):
    """A state of something else is no answer."""
    honest = node.transaction_status

    async def status(_):
        return await honest(b"\x01" * 32)

    node.transaction_status = status
    with pytest.raises(BadAnswer, match="was asked for"):
        await client.status(bytes(32))
