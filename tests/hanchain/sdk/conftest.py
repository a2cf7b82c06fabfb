"""Real servers on loopback in front of one-process nodes, and nodes that answer what a test wants."""

import importlib.util
import json
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from hanchain.api.server import ApiServer
from hanchain.sdk import Client


def _load_fake_node():
    name = "hanchain_tests_fake_node"
    if name in sys.modules:
        return sys.modules[name]
    path = Path(__file__).parents[1] / "api" / "fake_node.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


fake_node = _load_fake_node()


@pytest.fixture(scope="session")
def fake():
    """Return the module of the one-process node: its network, transactions and class."""
    return fake_node


@pytest.fixture
def node():
    """Return a fresh node."""
    return fake_node.FakeNode()


@pytest.fixture
async def url(node):
    """Return the address of a server in front of the node."""
    server = ApiServer(node, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{await server.start()}"
    await server.close()


@pytest.fixture
async def client(url):
    """Return a client with the network's genesis."""
    async with Client(url, fake_node.GENESIS) as client:
        yield client


@pytest.fixture
def dead_url():
    """Return an address where nobody listens: bound, so that nobody else takes it, but not listening."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def liar():
    """Return a context that serves a function (path, body) -> (status, bytes | JSON document) as a node."""

    @asynccontextmanager
    async def serve(answer):
        async def handle(request):
            status, body = answer(request.path, await request.read())
            if not isinstance(body, bytes):
                body = json.dumps(body).encode()
            return web.Response(status=status, body=body)

        application = web.Application()
        application.router.add_post("/{path:.*}", handle)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        await runner.cleanup()

    return serve
