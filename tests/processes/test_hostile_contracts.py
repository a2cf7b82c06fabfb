"""Contracts that would stall, bloat or crash a node, on four real ones: they waste their own gas and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contracts.compiler import compile_source
from hanchain.crypto import PrivateKey
from hanchain.ledger.receipt import Receipt, Status
from hanchain.sdk import SyncClient
from hanchain.testnet.files import NodeAddress

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]

HOSTILE = '''
from contracts.language import Contract, Value, export


class Hostile(Contract):
    """Everything that a node must survive."""

    counter = Value(int, default=0)

    @export
    def spin(self) -> None:
        """Never end."""
        while True:
            pass

    @export
    def bloat(self) -> None:
        """Grow without end."""
        text = "x" * 60000
        held = [text]
        while True:
            held.append(text + "y")

    @export
    def dig(self, depth: int) -> int:
        """Call itself without end."""
        return self.dig(depth + 1) + 1

    @export
    def chain(self) -> int:
        """Nest a list in a list in a list."""
        held = [0]
        for _ in range(100000):
            held = [held]
        return len(held)

    @export
    def count(self) -> int:
        """Be honest."""
        self.counter = self.counter + 1
        return self.counter
'''
GAS = 1_500_000


def receipt_of(client: SyncClient, signer: PrivateKey, method: str, *arguments: Any, gas: int = GAS) -> Receipt:
    """Send one call and return its receipt, of whatever status."""
    prepared = client.prepare(signer, "hostile", method, list(arguments), gas_limit=gas)
    client.submit(prepared)
    receipt = client.wait(prepared.txid, 60_000).receipt
    assert receipt is not None
    return receipt


def test_hostile_calls_fail_alike_everywhere_and_honest_ones_go_on(network: Callable[..., Any]) -> None:
    """A loop, a memory bomb, deep recursion and a nested list: equal failed receipts on four nodes, no restart."""
    running = network()
    signer = running.files.client_keys().unlock("client", "")
    compiled = compile_source(HOSTILE, "hostile.py")
    with running.client() as client:
        client.deploy(signer, "hostile", compiled.program, compiled.abi, HOSTILE.encode())
        before = {node.name: client_status(running, node) for node in running.files.nodes}
        failed = [
            receipt_of(client, signer, "spin"),
            receipt_of(client, signer, "bloat"),
            receipt_of(client, signer, "dig", 0),
            receipt_of(client, signer, "chain"),
        ]
        honest = receipt_of(client, signer, "count", gas=10_000)
    assert [(receipt.status, receipt.reason) for receipt in failed] == [
        (Status.OUT_OF_GAS, "out_of_gas"),
        (Status.FAILED, "out_of_memory"),
        (Status.FAILED, "call_depth"),
        (Status.FAILED, "out_of_memory"),
    ]
    assert failed[0].gas_used == GAS
    assert (honest.status, honest.return_value) == (Status.OK, 1)
    for node in running.files.nodes:
        with running.client(node) as client:
            client.wait(honest.txid, 60_000)
            assert [client.wait(r.txid, 60_000).receipt for r in failed] == failed
            assert client.wait(honest.txid, 60_000).receipt == honest
        after = client_status(running, node)
        assert after.executor.pid == before[node.name].executor.pid, f"{node.name}: the executor was replaced"
        assert after.halted is None


def client_status(running: Any, node: NodeAddress) -> Any:
    """Return what a node says of itself."""
    with running.client(node) as client:
        return client.chain_status()
