"""A server on loopback in front of a one-process node, and the words to talk to it."""

import importlib.util
import io
import json
import sys
from pathlib import Path

import aiohttp
import pytest

from hanchain.api.server import ApiServer


def _load_fake_node():
    path = Path(__file__).with_name("fake_node.py")
    spec = importlib.util.spec_from_file_location("hanchain_tests_fake_node", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


fake_node = _load_fake_node()


class Connection:
    """A client that speaks plain HTTP, so that tests see what a stranger would."""

    def __init__(self, session, url):
        self.session = session
        self.url = url

    async def post(self, body, path="/rpc", **headers):
        """Post bytes; return status and body."""
        data = io.BytesIO(body) if isinstance(body, bytes) else body  # aiohttp warns of large bytes
        async with self.session.post(self.url + path, data=data, headers=headers) as response:
            return response.status, await response.read()

    async def get(self, path):
        """Get; return status and parsed JSON."""
        async with self.session.get(self.url + path) as response:
            return response.status, json.loads(await response.read())

    async def rpc(self, body):
        """Post a body (bytes, or a value to send as JSON) to /rpc; return the parsed answer, HTTP 200 required."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, answer = await self.post(data)
        assert status == 200, answer
        return json.loads(answer)

    async def call(self, method, /, **params):
        """Call a method by name; return the whole answer."""
        return await self.rpc({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})

    async def result(self, method, /, **params):
        """Call a method that must succeed; return its result."""
        answer = await self.call(method, **params)
        assert set(answer) == {"jsonrpc", "id", "result"}, answer
        return answer["result"]

    async def failure(self, method, /, **params):
        """Call a method that must fail; return (code, reason, detail)."""
        answer = await self.call(method, **params)
        assert set(answer) == {"jsonrpc", "id", "error"}, answer
        return failure_of(answer)


def failure_of(answer):
    """Return (code, reason, detail) of an answer with an error of the documented shape."""
    error = answer["error"]
    assert set(error) == {"code", "message", "data"}
    assert set(error["data"]) == {"reason", "detail"}
    assert "Traceback" not in json.dumps(answer)
    return error["code"], error["data"]["reason"], error["data"]["detail"]


@pytest.fixture(scope="session")
def fake():
    """Return the module of the one-process node: its network, transactions and class."""
    return fake_node


@pytest.fixture
def node():
    """Return a fresh node."""
    return fake_node.FakeNode()


@pytest.fixture
async def client(node):
    """Return a connection to a server in front of the node."""
    server = ApiServer(node, "127.0.0.1", 0)
    port = await server.start()
    async with aiohttp.ClientSession() as session:
        yield Connection(session, f"http://127.0.0.1:{port}")
    await server.close()
