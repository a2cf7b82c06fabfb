"""Networks of real node processes: made in a temporary directory, stopped whatever happens."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hanchain.ledger.genesis import Genesis
from hanchain.sdk import SyncClient
from hanchain.testnet.files import NetworkFiles, NodeAddress, create_network
from hanchain.testnet.processes import Processes


@dataclass(slots=True)
class Running:
    """A started network."""

    files: NetworkFiles
    processes: Processes
    genesis: Genesis

    def client(self, *nodes: NodeAddress) -> SyncClient:
        """Return a client of these nodes, by default of all."""
        return SyncClient([n.url for n in nodes or self.files.nodes], self.genesis)

    def start(self, node: NodeAddress) -> None:
        """Start a node and wait until it answers."""
        self.processes.start(node, stop_with=os.getpid())
        self.processes.wait_ready(node)


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Callable[[int], Running]]:
    """Start networks that end with the test."""
    started: list[Running] = []

    def start(validators: int = 4) -> Running:
        files = create_network(tmp_path / f"network{len(started)}", validators=validators)
        running = Running(files, Processes(files), files.genesis())
        started.append(running)
        for node in files.nodes:
            running.processes.start(node, stop_with=os.getpid())
        for node in files.nodes:
            running.processes.wait_ready(node)
        return running

    yield start
    for running in started:
        running.processes.stop_all()
        assert [n.name for n in running.files.nodes if running.processes.pid(n) is not None] == []
