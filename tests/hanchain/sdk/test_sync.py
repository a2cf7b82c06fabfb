"""The blocking client, and what importing the package costs."""

import asyncio
import subprocess
import sys
import threading

import pytest

from contracts import library
from contracts.compiler import compile_source
from hanchain.api.server import ApiServer
from hanchain.sdk import Client, RpcError, State, SyncClient


@pytest.fixture
def running(node):
    """Serve the node from a thread of its own; return the address."""
    loop, ready, address = asyncio.new_event_loop(), threading.Event(), []

    async def start():
        server = ApiServer(node, "127.0.0.1", 0)
        address.append(f"http://127.0.0.1:{await server.start()}")
        ready.set()
        return server

    def run():
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(server.close())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(10)
    yield address[0]
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


def test_every_call(running, node, fake):
    """The blocking client does what the asynchronous one does."""
    with SyncClient([running], fake.GENESIS) as client:
        assert client.chain_status().height == 0
        anchored = client.anchor(fake.DIGEST, "text/plain", 5, fake.USER)
        assert client.status(anchored.txid).state is State.COMMITTED
        assert client.proof(anchored.txid) == anchored.proof
        assert client.block(1).transaction_ids == (anchored.txid,)
        assert client.view("sys.anchor", "find", fake.DIGEST).value[0][0] == fake.ACCOUNT
        transaction = client.prepare(fake.USER, "sys.anchor", "notarise", [bytes(32), "text/plain", 5])
        assert client.submit(transaction) == transaction.txid
        assert client.send(transaction).height == client.wait(transaction.txid).height == 2
        third = fake.make_transaction(b"\x01" * 32, "text/plain", 5)
        assert client.submit_batch([third]) == [third.txid]
        with pytest.raises(RpcError) as caught:
            client.anchor(fake.DIGEST, "text/plain", 5, fake.USER)
        assert caught.value.reason == "E_EXISTS"
    client.close()  # twice is harmless
    assert not any(thread.name == "hanchain-sdk" for thread in threading.enumerate())


def test_every_call_about_contracts(running, fake):
    """Deployed, called, queried, read and proved without ``await``."""
    compiled = compile_source(library.source("evidence"))
    with SyncClient([running], fake.GENESIS) as client:
        deployed = client.deploy(fake.USER, "evidence", compiled.program, compiled.abi, b"", [1])
        contract = client.contract("evidence")
        assert (contract.name, contract.abi.name, deployed.height) == ("evidence", "Evidence", 1)
        done = contract.call(fake.USER, "deposit", fake.DIGEST, "text/plain", size=5)
        assert contract.event(done.receipt.events[0]) == done.events[0]
        assert contract.query("count", fake.ACCOUNT.hex()).value == 1
        assert contract.state("items", fake.DIGEST).value["size"] == 5
        assert client.state("evidence", "items", fake.DIGEST).present
        assert client.event_proof(done.txid, 0).kind == "event"
        raw = client.call(fake.USER, "evidence", "deposit", [bytes(32), "text/plain", 1])
        assert raw.events[0].fields[0] == bytes(32)


def test_from_many_threads(running, fake):
    """Threads of a program share one client."""
    with SyncClient(running, fake.GENESIS) as client:
        heights = []
        threads = [threading.Thread(target=lambda: heights.append(client.chain_status().height)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert heights == [0] * 8


def test_the_same_calls():
    """Every public call of the asynchronous client is there, except the one for load generators."""
    asynchronous = {name for name in vars(Client) if not name.startswith("_")}
    blocking = {name for name in vars(SyncClient) if not name.startswith("_")}
    assert asynchronous - blocking == {"submit_encoded"}
    assert blocking <= asynchronous


def test_import_is_light():
    """Importing the package loads no network; the clients are loaded when they are named."""
    code = (
        "import sys, hanchain.sdk as sdk\n"
        "assert sdk.State.COMMITTED == 'committed'\n"
        "assert not {'aiohttp', 'plyvel', 'hanchain.node', 'hanchain.api'} & set(sys.modules)\n"
        "assert sdk.Client.__name__ == 'Client' and 'aiohttp' in sys.modules\n"
        "assert not {'hanchain.node', 'hanchain.api'} & set(sys.modules)\n"
        "try:\n    sdk.Nothing\nexcept AttributeError:\n    print('done')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("done\n", "")
