"""Nodes that lie with good proofs: of an earlier height, of another call, of nothing; and answers made to hurt."""

import dataclasses

import pytest

from contracts import library
from contracts.compiler import compile_source
from contracts.keys import decode_key
from hanchain.ledger.cells import cell_key
from hanchain.ledger.codec import INTEGER_MAX
from hanchain.ledger.reasons import Reason
from hanchain.node.service import StateRead as NodeStateRead
from hanchain.sdk import BadAnswer, Client, RpcError, Unverified, limits

SOURCE = library.source("evidence")
COMPILED = compile_source(SOURCE)


@pytest.fixture
async def evidence(client, fake):
    """Return the deployed evidence contract."""
    await client.deploy(fake.USER, "evidence", COMPILED.program, COMPILED.abi, SOURCE.encode())
    return await client.contract("evidence")


def lying(node, *, value, proof, height):
    """Make the node answer every question for its state with this."""

    async def state(_contract, _key, *, prove):
        return NodeStateRead(height, value, proof)

    node.state = state


async def test_an_earlier_state_is_not_taken_for_a_later_one(client, evidence, node, fake, monkeypatch):
    """What was absent at an earlier height is proved by an honest proof: the caller can say how late it must be."""
    monkeypatch.setattr(limits, "PROOF_MS", 300)
    before = await node.state("evidence", cell_key("items", [fake.DIGEST]), prove=True)
    done = await evidence.call(fake.USER, "deposit", fake.DIGEST, "text/plain", 5)
    assert (await evidence.state("items", fake.DIGEST, at_least=done.height)).present
    lying(node, value=None, proof=before.proof, height=done.height + 7)
    stale = await evidence.state("items", fake.DIGEST)
    assert (stale.present, stale.height) == (False, done.height - 1)
    for read in (
        evidence.state("items", fake.DIGEST, at_least=done.height),
        client.state("evidence", "items", fake.DIGEST, at_least=done.height),
    ):
        with pytest.raises(Unverified, match=f"the state of block {done.height - 1} was given, {done.height} or later"):
            await read


async def test_a_node_that_is_behind_is_waited_for(client, evidence, node, fake):
    """A state that comes to the height in time is the answer."""
    honest, asked = node.state, []
    early = await honest("evidence", cell_key("items", [fake.DIGEST]), prove=True)
    done = await evidence.call(fake.USER, "deposit", fake.DIGEST, "text/plain", 5)

    async def behind(contract, key, *, prove):
        asked.append(key)
        return early if len(asked) < 3 else await honest(contract, key, prove=prove)

    node.state = behind
    assert (await evidence.state("items", fake.DIGEST, at_least=done.height)).present
    assert len(asked) == 3


async def test_a_notarisation_is_not_denied(client, node, fake):
    """A node that says that the contract refused is not believed: absence is proved like anything else."""
    anchored = await client.anchor(fake.DIGEST, "application/pdf", 1234, fake.USER)
    absent = await node.state("sys.anchor", cell_key("record", [bytes(32), fake.ACCOUNT]), prove=True)
    assert await client.anchored(bytes(32), fake.ACCOUNT) is None
    assert await client.anchored(fake.DIGEST, fake.ACCOUNT) == anchored
    lying(node, value=None, proof=absent.proof, height=1)
    with pytest.raises(Unverified, match="of another key"):
        await client.anchored(fake.DIGEST, fake.ACCOUNT)


async def test_another_call_with_the_digest_is_no_notarisation(client, evidence, node, fake, monkeypatch):
    """A transaction of the same account that gave the digest to another contract notarised nothing."""
    done = await evidence.call(fake.USER, "deposit", fake.DIGEST, "text/plain", 5)

    class Found:
        present, value = True, ("text/plain", 5, done.height, 0, done.txid, None)

    async def found(*_, **__):
        return Found

    monkeypatch.setattr(Client, "state", found)
    with pytest.raises(Unverified, match=r"an argument of evidence\.deposit: nothing was notarised"):
        await client.anchored(fake.DIGEST, fake.ACCOUNT)


@pytest.mark.parametrize("signers", [(), ("node-1", "node-2", "node-3"), ("node-0", "node-1", "nobody")])
async def test_signers_are_those_of_the_certificate(client, node, signers):
    """The names beside a verified block are checked too."""
    node.seal()
    assert (await client.block(1)).signers == ("node-0", "node-1", "node-2")
    node.blocks[1] = dataclasses.replace(node.blocks[1], signers=signers)
    with pytest.raises(Unverified, match="other signers"):
        await client.block(1)
    node.blocks[0] = dataclasses.replace(node.blocks[0], signers=("node-0",))
    with pytest.raises(Unverified, match="nobody seals the block of height 0"):
        await client.block(0)


async def test_an_entry_of_an_index_is_present(client, evidence, node, fake):
    """An index's entry has no value: it is there all the same, with its proof, and is not absent."""
    await evidence.call(fake.USER, "deposit", fake.DIGEST, "text/plain", 5)
    prefix = b"\x08evidence\x02items#"
    (key,) = {key for key, value in node.ledger_state.scan(prefix, None, descending=False) if value == b""}
    cell, *parts = decode_key(key[9:])
    for verify in (True, False):
        read = await client.state("evidence", cell, *parts, verify=verify)
        assert (read.present, read.value, read.proof is not None) == (True, None, verify)


@pytest.mark.parametrize("depth", [100, 900, 975, 980, 985, 990, 5_000, 100_000])
async def test_nesting_in_an_answer_is_a_bad_answer(liar, fake, depth):
    """However deep a node nests what it sends, the call ends with BadAnswer."""
    body = b'{"jsonrpc":"2.0","id":1,"result":{"proof":' + b"[" * depth + b"]" * depth + b"}}"
    async with liar(lambda path, _: (200, body)) as url, Client(url, fake.GENESIS) as client:
        with pytest.raises(BadAnswer):
            await client.proof(bytes(32))


async def test_only_a_block_may_be_large(liar, fake):
    """An answer that is no block may not have the size of one: as objects it would be many times that."""
    body = b"[" + b"[]," * (limits.ANSWER_BYTES_MAX // 3) + b"[]]"
    async with liar(lambda path, _: (200, body)) as url, Client(url, fake.GENESIS) as client:
        with pytest.raises(BadAnswer, match=f"more than {limits.ANSWER_BYTES_MAX} bytes"):
            await client.state("evidence", "items", INTEGER_MAX)


async def test_before_the_first_block_nothing_is_proved(client, fake):
    """Nobody has sealed the state of genesis: that nothing was notarised is not said, and not passed off as proved."""
    with pytest.raises(RpcError) as refused:
        await client.anchored(fake.DIGEST, fake.ACCOUNT)
    assert refused.value.reason == Reason.NOT_FOUND
