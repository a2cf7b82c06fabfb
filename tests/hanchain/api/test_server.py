"""The server as such: bounds, health, metrics, the binary route, starting and stopping."""

import asyncio
import gzip
import json

import aiohttp
import msgpack
import pytest

from hanchain.api import limits
from hanchain.api.intake import Intake
from hanchain.api.server import ApiServer
from hanchain.api.waits import Waits
from hanchain.ledger.reasons import Reason, Rejection

MSGPACK = {"Content-Type": "application/msgpack"}
PEERS = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "peers"}).encode()


async def _chunks(count, size=64 * 1024):
    for _ in range(count):
        yield b" " * size


async def _raw(url, data):
    """Send raw bytes; return everything that comes back until the server closes."""
    port = int(url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    await writer.drain()
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    return answer


async def test_oversized_body_by_its_length(client):
    """A body that announces more than the bound is 413 with a JSON-RPC error before any of it is read."""
    announced = limits.JSON_BODY_BYTES_MAX + 1
    head = f"POST /rpc HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {announced}\r\n\r\n"
    answer = await _raw(client.url, head.encode())
    status, _, body = answer.partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 413 ")
    document = json.loads(body)
    assert (document["jsonrpc"], document["id"]) == ("2.0", None)
    assert document["error"]["data"] == {
        "reason": "oversized",
        "detail": f"a body of {announced} bytes, at most {limits.JSON_BODY_BYTES_MAX}",
    }


@pytest.mark.parametrize(
    ("path", "headers", "bytes_max"),
    [("/rpc", {}, limits.JSON_BODY_BYTES_MAX), ("/v1/transactions", MSGPACK, limits.BINARY_BODY_BYTES_MAX)],
)
async def test_oversized_body_in_chunks(client, path, headers, bytes_max):
    """A body without a length is refused as soon as it passes the bound."""
    chunks = bytes_max // (64 * 1024) + 1
    status, answer = await client.post(_chunks(chunks), path, **headers)
    assert (status, json.loads(answer)["error"]["data"]["reason"]) == (413, "oversized")


async def test_largest_body(client):
    """A body at the bound exactly is read."""
    body = PEERS + b" " * (limits.JSON_BODY_BYTES_MAX - len(PEERS))
    status, answer = await client.post(body)
    assert (status, "result" in json.loads(answer)) == (200, True)


async def test_compressed_bodies_are_refused(client):
    """A compressed body is refused: its size says nothing about what it becomes."""
    for path, headers in (("/rpc", {}), ("/v1/transactions", MSGPACK)):
        status, answer = await client.post(gzip.compress(PEERS), path, **headers, **{"Content-Encoding": "gzip"})
        assert (status, json.loads(answer)["error"]["data"]["reason"]) == (400, "malformed")


async def test_slow_body():
    """A body that does not arrive in time is given up."""
    intake = Intake()

    async def drip():
        while True:
            await asyncio.sleep(0.01)
            yield b" "

    with pytest.raises(Rejection) as caught, intake.admit() as allowance:
        await allowance.body(drip(), None, bytes_max=1000, read_ms=50)
    assert caught.value.reason is Reason.TIMEOUT
    assert (intake.requests, intake.body_bytes) == (0, 0)


async def test_intake_is_bounded():
    """Requests and body bytes beyond the bounds are told busy, and what ends gives its room back."""
    intake = Intake(requests_max=2, bodies_bytes_max=100)

    async def body(size):
        yield b"x" * size

    with intake.admit() as first, intake.admit() as second:
        with pytest.raises(Rejection) as caught, intake.admit():
            pass
        assert caught.value.reason is Reason.BUSY
        assert await first.body(body(60), 60, bytes_max=100) == b"x" * 60
        with pytest.raises(Rejection) as caught:
            await second.body(body(41), 41, bytes_max=100)
        assert caught.value.reason is Reason.BUSY
    assert (intake.requests, intake.body_bytes) == (0, 0)
    with intake.admit() as third:
        assert len(await third.body(body(100), 100, bytes_max=100)) == 100


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET /v1/status HTTP/9.9\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
        b"POST /rpc HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
        b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    ],
    ids=["no HTTP", "no version", "long header", "bad chunk", "negative length"],
)
async def test_broken_http(client, data):
    """What is not HTTP is 400 or a closed connection, without a traceback; the server lives on."""
    answer = await _raw(client.url, data)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 ")), answer
    assert b"Traceback" not in answer
    assert await client.get("/health/live") == (200, {"live": True})


async def test_health(client, node):
    """Live is always 200; ready is 503 with the problems while there are any."""
    assert await client.get("/health/live") == (200, {"live": True})
    assert await client.get("/health/ready") == (200, {"ready": True, "problems": []})
    node.problems = ("catching up: 5 blocks behind",)
    assert await client.get("/health/ready") == (503, {"ready": False, "problems": ["catching up: 5 blocks behind"]})
    assert await client.get("/health/live") == (200, {"live": True})


async def test_metrics(client, node):
    """The node's metrics and the interface's own come as one Prometheus text."""
    from prometheus_client.parser import text_string_to_metric_families

    await client.result("peers")
    await client.failure("tx_status", id=5)
    await client.failure("nonsense")
    async with client.session.get(client.url + "/metrics") as response:
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        text = await response.text()
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["hanchain_height", ()] == 0
    calls = {labels: value for (name, labels), value in samples.items() if name == "hanchain_api_calls_total"}
    assert calls == {
        (("method", "peers"), ("outcome", "ok")): 1,
        (("method", "tx_status"), ("outcome", "bad_arguments")): 1,
        (("method", "none"), ("outcome", "unknown_method")): 1,
    }
    assert samples["hanchain_api_request_seconds_count", (("route", "/rpc"), ("status", "200"))] == 3
    assert samples["hanchain_api_requests", ()] == 0


async def test_binary_batch(client, node, fake):
    """A binary batch is answered with an id for each transaction, in order."""
    transactions = [fake.make_transaction(bytes([number]) * 32, "text/plain", 5) for number in range(100)]
    body = msgpack.packb([transaction.encoded for transaction in transactions])
    async with client.session.post(client.url + "/v1/transactions", data=body, headers=MSGPACK) as response:
        assert (response.status, response.content_type) == (200, "application/msgpack")
        answer = await response.read()
    assert msgpack.unpackb(answer) == [transaction.txid for transaction in transactions]
    assert len(node.found) == 100


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "malformed"),
        (b"\xc1", 400, "malformed"),
        (msgpack.packb([]), 400, "malformed"),
        (msgpack.packb({}), 400, "malformed"),
        (msgpack.packb([5]), 400, "malformed"),
        (msgpack.packb(["text"]), 400, "malformed"),
        (msgpack.packb([[b"x"]]), 400, "malformed"),
        (b"\xdc\x00\x01\xc4\x01x", 400, "not_canonical"),
        (msgpack.packb([b"x"]) + b"\x00", 400, "malformed"),
        (msgpack.packb([b"x"] * 4097), 413, "oversized"),
        (msgpack.packb([b"x" * (128 * 1024 + 1)]), 413, "oversized"),
    ],
)
async def test_binary_refused_as_a_whole(client, node, body, status, reason):
    """A body that is no canonical array of transactions is refused as a whole, with a JSON error."""
    found, answer = await client.post(body, "/v1/transactions", **MSGPACK)
    assert (found, json.loads(answer)["error"]["data"]["reason"]) == (status, reason)
    assert node.submissions == 0


async def test_binary_wants_its_content_type(client, fake):
    """The binary route cannot be reached by a web page's form."""
    body = msgpack.packb([fake.make_transaction().encoded])
    status, answer = await client.post(body, "/v1/transactions", **{"Content-Type": "text/plain"})
    assert (status, json.loads(answer)["error"]["data"]["reason"]) == (400, "malformed")


async def test_wait_returns_when_sealed(client, node, fake):
    """A wait returns as soon as the block is there, long before its time is over."""
    node.hold = True
    transaction = fake.make_transaction()
    txid = "0x" + transaction.txid.hex()
    await client.result("tx_submit", transaction="0x" + transaction.encoded.hex())
    waiting = asyncio.create_task(client.result("tx_wait", id=txid, timeout_ms=60_000))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    node.seal()
    assert (await waiting)["state"] == "committed"


async def test_waits_are_bounded(node):
    """Callers beyond the bound are told busy; a wait that ends makes room."""
    waits = Waits(waits_max=2)
    waiting = [asyncio.create_task(waits.wait(node, bytes(32), 100)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Rejection) as caught:
        await waits.wait(node, bytes(32), 100)
    assert caught.value.reason is Reason.BUSY
    for task in waiting:
        with pytest.raises(Rejection) as caught:
            await task
        assert caught.value.reason is Reason.TIMEOUT
    assert len(waits) == 0


async def test_a_late_node_is_not_waited_for(node, monkeypatch):
    """A wait ends even if the node forgets it."""
    monkeypatch.setattr("hanchain.api.waits.WAIT_GRACE_MS", 20)

    async def forget(*_):
        await asyncio.sleep(60)

    node.wait = forget
    with pytest.raises(Rejection) as caught:
        await Waits().wait(node, bytes(32), 10)
    assert caught.value.reason is Reason.TIMEOUT


async def test_close_ends_waits(node):
    """Closing answers who waits, then closes every connection, all within the bound."""
    server = ApiServer(node, "127.0.0.1", 0)
    port = await server.start()
    url = f"http://127.0.0.1:{port}"
    request = {"jsonrpc": "2.0", "id": 1, "method": "tx_wait", "params": ["0x" + "00" * 32, 60_000]}
    async with aiohttp.ClientSession() as session:

        async def call():
            async with session.post(url + "/rpc", json=request) as response:
                return await response.json()

        waiting = asyncio.create_task(call())
        await asyncio.sleep(0.1)
        started = asyncio.get_running_loop().time()
        await server.close()
        assert asyncio.get_running_loop().time() - started < limits.SHUTDOWN_MS / 1000
        assert (await waiting)["error"]["data"] == {"reason": "busy", "detail": "the node is stopping"}
        with pytest.raises(aiohttp.ClientConnectionError):
            await call()
    await server.close()  # twice is harmless


async def test_close_is_bounded(node, monkeypatch):
    """A handler that hangs does not keep the node from stopping."""
    monkeypatch.setattr(limits, "SHUTDOWN_MS", 100)

    async def hang(_):
        await asyncio.sleep(60)

    node.transaction_status = hang
    server = ApiServer(node, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{await server.start()}/v1/transactions/0x{'00' * 32}/status"
    async with aiohttp.ClientSession() as session:
        hanging = asyncio.create_task(session.get(url))
        await asyncio.sleep(0.1)
        async with asyncio.timeout(5):
            await server.close()
        with pytest.raises(aiohttp.ClientConnectionError):
            await hanging


async def test_address_in_use(node):
    """An address that is taken is an OSError, and the server can be started again elsewhere."""
    first, second = ApiServer(node, "127.0.0.1", 0), None
    port = await first.start()
    second = ApiServer(node, "127.0.0.1", port)
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await second.close()
    await first.close()


async def test_too_many_connections(client, monkeypatch):
    """A connection beyond the bound is told so and closed; the ones before are served."""
    await client.result("peers")  # one connection is open now
    monkeypatch.setattr(limits, "CONNECTIONS_MAX", 1)
    answer = await _raw(client.url, b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 429 ")
    document = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert document["error"]["data"] == {"reason": "busy", "detail": "1 connections are open"}
    assert await client.get("/health/live") == (200, {"live": True})
