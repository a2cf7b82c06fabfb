"""A node of one process behind a real server, and the command line in this process."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from hanchain.api.server import ApiServer
from hanchain.cli.main import app
from hanchain.crypto.keystore import Cost, KeyStore


def _load_fake_node() -> ModuleType:
    name = "hanchain_tests_fake_node"
    if name in sys.modules:
        return sys.modules[name]
    path = Path(__file__).parents[1] / "api" / "fake_node.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


fake_node = _load_fake_node()


@dataclass(frozen=True, slots=True)
class Commands:
    """The command line, told where the node is, which genesis holds and which key signs."""

    node: Any
    url: str
    directory: Path

    @property
    def genesis(self) -> Path:
        """The genesis file."""
        return self.directory / "genesis.json"

    def run(self, *arguments: object, signs: bool = False) -> Result:
        """Run a command of the network; its options stand first, so that words may follow ``--``."""
        words = [str(argument) for argument in arguments]
        options = ["--url", self.url, "--genesis", str(self.genesis)]
        options += ["--keys", str(self.directory / "keys")] if signs else []
        return CliRunner().invoke(app, [*words[:2], *options, *words[2:]])

    def json(self, *arguments: object, signs: bool = False) -> Any:
        """Run a command that must succeed; return its JSON."""
        result = self.run(*arguments[:2], "--json", *arguments[2:], signs=signs)
        assert result.exit_code == 0, result.output
        return json.loads(result.output)


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    """Serve a fresh node from a thread of its own; write its genesis and the user's key into files."""
    node = fake_node.FakeNode()
    loop, ready, address = asyncio.new_event_loop(), threading.Event(), []

    async def start() -> ApiServer:
        server = ApiServer(node, "127.0.0.1", 0)
        address.append(f"http://127.0.0.1:{await server.start()}")
        ready.set()
        return server

    def run() -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(server.close())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(10)
    (tmp_path / "genesis.json").write_text(node.genesis.to_json())
    store = KeyStore(tmp_path / "keys", cost=Cost(memory_kib=64, iterations=1))
    store.add("client", "", fake_node.SUITE, fake_node.USER, allow_empty_passphrase=True)
    with capture_logs():  # of the server's thread: the output of a command is that of the command alone
        yield Commands(node, address[0], tmp_path)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
