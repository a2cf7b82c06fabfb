"""Failing over, retrying, and answers that are none."""

import asyncio
import json

import msgpack
import pytest

from hanchain.api.server import ApiServer
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.sdk import BadAnswer, Client, RpcError, State, Unreachable, limits
from hanchain.sdk.transport import Transport


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(limits, "BACKOFF_MS", 10)


async def test_a_dead_node_is_passed_over(url, dead_url, node, fake):
    """With one of two nodes dead, every call is answered by the other one."""
    async with Client([dead_url, url], fake.GENESIS) as client:
        anchored = await client.anchor(fake.DIGEST, "text/plain", 5, fake.USER)
        assert anchored.height == 1
        assert (await client.block(1)).transaction_ids == (anchored.txid,)
        transaction = fake.make_transaction(bytes(32), "text/plain", 5)
        assert await client.submit_batch([transaction]) == [transaction.txid]


async def test_a_node_that_dies(node, fake):
    """A node that dies between two calls, or in the middle of a wait, is replaced by the next."""
    servers = [ApiServer(node, "127.0.0.1", 0) for _ in range(2)]
    urls = [f"http://127.0.0.1:{await server.start()}" for server in servers]
    node.hold = True
    async with Client(urls, fake.GENESIS) as client:
        transaction = fake.make_transaction()
        await client.submit(transaction)
        await servers[0].close()
        waiting = asyncio.create_task(client.wait(transaction.txid))
        await asyncio.sleep(0.05)
        node.seal()
        assert (await waiting).state is State.COMMITTED
    await servers[1].close()


async def test_a_proxy_without_a_node(liar, url, fake):
    """A gateway's 502, 503 and 504 count as a node that is gone."""
    for status in (502, 503, 504):
        refusing = liar(lambda path, body, status=status: (status, b"<html>"))
        async with refusing as proxy, Client([proxy, url], fake.GENESIS) as client:
            assert (await client.chain_status()).chain_id == fake.GENESIS.chain_id


async def test_nobody_answers(dead_url):
    """With every node dead the error names each attempt."""
    async with Client([dead_url, dead_url]) as client:
        with pytest.raises(Unreachable) as caught:
            await client.chain_status()
    assert [address.rstrip("/") for address, _ in caught.value.attempts] == [dead_url] * 2 * limits.ROUNDS


async def test_a_node_that_comes_back(node, monkeypatch):
    """A node that restarts between two rounds is found."""
    monkeypatch.setattr(limits, "BACKOFF_MS", 500)
    server = ApiServer(node, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{await server.start()}"
    await server.close()
    async with Client([url]) as client:
        calling = asyncio.create_task(client.chain_status())
        await asyncio.sleep(0.05)
        again = ApiServer(node, "127.0.0.1", int(url.rsplit(":", 1)[1]))
        await again.start()
        assert (await calling).height == 0
    await again.close()


async def test_a_refusal_is_final(liar, url, fake, node):
    """A node that refuses is believed: the next one is not asked."""
    asked = []

    def count(path, body):
        asked.append(path)
        return 503, b""

    node.failure = Rejection(Reason.POOL_FULL, "50000 transactions")
    async with liar(count) as other, Client([url, other], fake.GENESIS) as client:
        with pytest.raises(RpcError) as caught:
            await client.submit(fake.make_transaction())
    assert (caught.value.reason, caught.value.code, caught.value.detail) == ("pool_full", -32002, "50000 transactions")
    assert asked == []


async def test_submission_of_unknown_fate(liar, url, node, fake):
    """A node that dies after it took the transaction: the next says duplicate, which is success, not an error."""
    transaction = fake.make_transaction()
    await node.submit(transaction.encoded)
    async with liar(lambda path, body: (502, b"")) as gone, Client([gone, url], fake.GENESIS) as client:
        assert await client.submit(transaction) == transaction.txid
        with pytest.raises(RpcError) as caught:  # nothing of unknown fate came before this one
            await client.submit(transaction)
        assert caught.value.reason == Reason.DUPLICATE


async def test_silence(node, fake):
    """A node that accepts and says nothing is given up after the time of a request."""
    handlers = []

    async def swallow(reader, writer):
        handlers.append(asyncio.current_task())
        await reader.read()  # until the client hangs up
        writer.close()
        await writer.wait_closed()

    silent = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    transport = Transport([f"http://127.0.0.1:{port}"])
    with pytest.raises(Unreachable) as caught:
        await transport.rpc("peers", {}, timeout_ms=50)
    assert len(caught.value.attempts) == limits.ROUNDS
    await transport.close()
    silent.close()
    await silent.wait_closed()
    await asyncio.gather(*handlers)
    assert len(handlers) == limits.ROUNDS


def _result(value):
    def answer(path, body):
        request = json.loads(body)
        return 200, {"jsonrpc": "2.0", "id": request["id"], "result": value}

    return answer


BAD_ANSWERS = {
    "html": lambda path, body: (200, b"<html>"),
    "empty": lambda path, body: (200, b""),
    "an array": lambda path, body: (200, []),
    "another id": lambda path, body: (200, {"jsonrpc": "2.0", "id": 77, "result": {}}),
    "another version": lambda path, body: (200, {"jsonrpc": "1.0", "id": json.loads(body)["id"], "result": {}}),
    "no result": lambda path, body: (200, {"jsonrpc": "2.0", "id": json.loads(body)["id"]}),
    "a redirect": lambda path, body: (307, b""),
    "not found": lambda path, body: (404, b"not found"),
    "a shapeless error": lambda path, body: (200, {"jsonrpc": "2.0", "id": 1, "error": "no"}),
    "an error without reason": lambda path, body: (
        200,
        {"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "x", "data": {}}},
    ),
    "a number": _result(5),
    "missing fields": _result({"height": 5}),
    "deep": lambda path, body: (200, b"[" * 100_000),
}


@pytest.mark.parametrize("lie", BAD_ANSWERS)
async def test_answers_that_are_none(liar, lie):
    """Whatever a false node answers is a BadAnswer with its address, never another exception."""
    async with liar(BAD_ANSWERS[lie]) as false_node, Client(false_node) as client:
        for call in (client.chain_status(), client.status(bytes(32)), client.view("a", "b"), client.wait(bytes(32))):
            with pytest.raises(BadAnswer) as caught:
                await call
            assert caught.value.url.startswith(false_node)


@pytest.mark.parametrize(
    "body",
    [b"", b"\xc1", msgpack.packb([]), msgpack.packb([b"x", b"y"]), msgpack.packb([5]), msgpack.packb([["reason"]])],
)
async def test_binary_answers_that_are_none(liar, body):
    """An answer to a batch that is not one item per transaction is a BadAnswer."""
    async with liar(lambda path, _: (200, body)) as false_node, Client(false_node) as client:
        with pytest.raises(BadAnswer):
            await client.submit_encoded([b"transaction"])


async def test_an_endless_answer(liar, monkeypatch):
    """An answer beyond the bound is given up, not kept."""
    monkeypatch.setattr(limits, "ANSWER_BYTES_MAX", 1000)
    async with liar(lambda path, body: (200, b" " * 5000)) as false_node, Client(false_node) as client:
        with pytest.raises(BadAnswer, match="more than 1000 bytes"):
            await client.chain_status()


@pytest.mark.parametrize("url", ["", "127.0.0.1:80", "ftp://a", "http://", "http://a/?b=c", "http://a/#b", "unix:///x"])
def test_addresses(url):
    """What is no address of a node is refused at once."""
    with pytest.raises(ValueError, match="not the address of a node"):
        Client(url)


def test_no_addresses():
    """A client needs a node."""
    with pytest.raises(ValueError, match="addresses of nodes"):
        Client([])
