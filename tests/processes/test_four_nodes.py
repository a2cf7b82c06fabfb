"""Four validators as processes under load: a leader and a follower die and come back, and nothing is lost."""

from __future__ import annotations

import random
import shutil
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hanchain.sdk.results import Anchored, State
from hanchain.testnet.files import create_network

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]

PATIENCE_SECONDS = 60.0


class Load:
    """Anchors one digest after the other until told to stop, through whichever node answers."""

    def __init__(self, running: Any) -> None:
        self._running = running
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.done: list[Anchored] = []
        self.failure: BaseException | None = None

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        key = self._running.files.client_keys().unlock("client", "")
        try:
            with self._running.client() as client:
                while not self._stop.is_set():
                    digest = len(self.done).to_bytes(32, "big")
                    self.done.append(client.anchor(digest, "text/plain", len(self.done), key))
        except BaseException as error:
            self.failure = error

    def wait_for(self, more: int) -> None:
        """Wait until so many more digests are anchored."""
        target, deadline = len(self.done) + more, time.monotonic() + PATIENCE_SECONDS
        while len(self.done) < target:
            assert self.failure is None, self.failure
            assert time.monotonic() < deadline, f"{len(self.done)} anchored, {target} wanted"
            time.sleep(0.02)


def _wait_height(client: Any, height: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while client.chain_status().height < height:
        assert time.monotonic() < deadline, client.chain_status()
        time.sleep(0.05)


def test_a_killed_leader_and_a_killed_follower_cost_nothing_but_time(network: Callable[..., Any]) -> None:
    """SIGKILL for the leader, then for a follower: the load goes on, both catch up, all four have one chain."""
    running = network()
    with Load(running) as load:
        load.wait_for(5)
        with running.client() as client:
            leader = running.files.node(client.chain_status().leader)
        running.processes.kill(leader)
        load.wait_for(5)
        others = [n for n in running.files.nodes if n.name != leader.name]
        with running.client(others[0]) as client:
            after = client.chain_status()
        assert after.leader != leader.name
        assert after.view >= 1
        running.start(leader)
        with running.client(leader) as client:
            _wait_height(client, after.height)
        load.wait_for(5)

        follower = next(n for n in others if n.name != after.leader)
        running.processes.kill(follower)
        load.wait_for(5)
        running.start(follower)
        load.wait_for(5)
    assert load.failure is None

    height = max(a.height for a in load.done)
    hashes = set()
    for node in running.files.nodes:
        with running.client(node) as client:
            _wait_height(client, height)
            hashes.add(client.block(height).block_hash)
            for anchored in load.done:
                status = client.status(anchored.txid)
                assert (status.state, status.height) == (State.COMMITTED, anchored.height)
    assert len(hashes) == 1


def test_all_four_killed_at_once_come_back_with_the_same_chain(network: Callable[..., Any]) -> None:
    """A power cut for everybody: what was sealed is still there, and new blocks follow."""
    running = network()
    with Load(running) as load:
        load.wait_for(5)
    sealed = list(load.done)
    for node in running.files.nodes:
        running.processes.kill(node)
    for node in running.files.nodes:
        running.processes.start(node)
    for node in running.files.nodes:
        running.processes.wait_ready(node)
    with running.client() as client:
        key = running.files.client_keys().unlock("client", "")
        for anchored in sealed:
            status = client.status(anchored.txid)
            assert (status.state, status.height) == (State.COMMITTED, anchored.height)
        new = client.anchor(b"\xff" * 32, "text/plain", 1, key)
    assert new.height > max(a.height for a in sealed)


def test_a_certificate_of_another_authority_is_refused_on_both_sides_in_words(
    network: Callable[..., Any], tmp_path: Path
) -> None:
    """A validator comes back with certificates of a foreign authority: nobody takes it, and both logs say why."""
    running = network()
    victim, other = running.files.nodes[1], running.files.nodes[0]
    running.processes.stop(victim)
    foreign = create_network(tmp_path / "foreign")
    for name in ("node.pem", "node-key.pem", "authority.pem"):
        shutil.copy(
            foreign.directory / victim.name / "tls" / name, running.files.directory / victim.name / "tls" / name
        )
    before = {n.name: len(running.files.log_path(n.name).read_text()) for n in (victim, other)}
    running.start(victim)
    wanted = {victim.name: "unknown authority", other.name: "unknown authority"}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while wanted:
        for name, words in list(wanted.items()):
            said = running.files.log_path(name).read_text()[before[name] :]
            assert "Traceback" not in said
            if words in said:
                del wanted[name]
        assert time.monotonic() < deadline, wanted
        time.sleep(0.1)
    with running.client(other) as client:
        assert {p.name: p.connected for p in client.chain_status().peers}[victim.name] is False
        key = running.files.client_keys().unlock("client", "")
        assert client.anchor(b"\x02" * 32, "text/plain", 1, key).height >= 1


def test_random_bytes_on_the_p2p_port_cost_one_logged_line(network: Callable[..., Any]) -> None:
    """Garbage closes that connection with a reason in the log, and the chain goes on."""
    running = network()
    target = running.files.nodes[0]
    before = running.files.log_path(target.name).read_text()
    host, port = target.p2p.split(":")
    noise = random.Random(7).randbytes(4096)
    with socket.create_connection((host, int(port)), timeout=5) as plain:
        plain.sendall(noise)
        plain.settimeout(5)
        try:
            while plain.recv(4096):
                pass
        except ConnectionError:
            pass
    deadline = time.monotonic() + 10
    while "not_tls" not in (said := running.files.log_path(target.name).read_text()[len(before) :]):
        assert time.monotonic() < deadline, said
        time.sleep(0.05)
    assert "Traceback" not in said
    assert sum("not_tls" in line for line in said.splitlines()) == 1
    with running.client() as client:
        key = running.files.client_keys().unlock("client", "")
        assert client.anchor(b"\x01" * 32, "text/plain", 1, key).height >= 1
