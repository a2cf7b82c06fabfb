"""The client for programs without asyncio: the same calls, each blocking until its answer is there.

A thread of its own runs the event loop, so a ``SyncClient`` may be shared by the threads of a program.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Self, TypeVar

from hanchain.crypto import PrivateKey
from hanchain.ledger.bundles import EventBundle, TransactionBundle
from hanchain.ledger.codec import Value
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.receipt import Event
from hanchain.ledger.transaction import Transaction
from hanchain.sdk import limits
from hanchain.sdk.abi import Abi
from hanchain.sdk.client import Client
from hanchain.sdk.contract import Contract
from hanchain.sdk.errors import RpcError
from hanchain.sdk.results import (
    Anchored,
    Block,
    Called,
    ChainStatus,
    EventSeen,
    StateRead,
    TransactionStatus,
    ViewResult,
)
from hanchain.sdk.types import KeyPart

_T = TypeVar("_T")


class SyncClient:
    """``Client``, blocking. Use as ``with``, or call ``close``; errors are those of ``Client``."""

    def __init__(self, urls: str | Sequence[str], genesis: Genesis | None = None) -> None:
        self._client = Client(urls, genesis)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hanchain-sdk", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection and end the thread; the client is of no use afterwards. Closing twice is harmless."""
        if self._loop.is_closed():
            return
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def chain_status(self) -> ChainStatus:
        """Return where a node stands."""
        return self._run(self._client.chain_status())

    def prepare(
        self,
        key: PrivateKey,
        contract: str,
        method: str,
        arguments: Sequence[Value] = (),
        *,
        sender: bytes | None = None,
        gas_limit: int = limits.GAS_LIMIT_DEFAULT,
    ) -> Transaction:
        """Return a signed transaction."""
        return self._run(self._client.prepare(key, contract, method, arguments, sender=sender, gas_limit=gas_limit))

    def submit(self, transaction: Transaction) -> bytes:
        """Hand a transaction to a node; return its id."""
        return self._run(self._client.submit(transaction))

    def submit_batch(self, transactions: Sequence[Transaction]) -> list[bytes | RpcError]:
        """Hand many transactions to a node; return for each its id or why not."""
        return self._run(self._client.submit_batch(transactions))

    def status(self, txid: bytes) -> TransactionStatus:
        """Return what a node says of a transaction, now."""
        return self._run(self._client.status(txid))

    def wait(self, txid: bytes, timeout_ms: int = limits.WAIT_MS_DEFAULT) -> TransactionStatus:
        """Return once the transaction is committed, failed or expired."""
        return self._run(self._client.wait(txid, timeout_ms))

    def send(self, transaction: Transaction, timeout_ms: int = limits.WAIT_MS_DEFAULT) -> TransactionStatus:
        """Submit and wait."""
        return self._run(self._client.send(transaction, timeout_ms))

    def proof(self, txid: bytes, *, verify: bool = True) -> TransactionBundle:
        """Return the verified proof of a sealed transaction."""
        return self._run(self._client.proof(txid, verify=verify))

    def block(self, block: int | bytes | None = None, *, verify: bool = True) -> Block:
        """Return a verified block."""
        return self._run(self._client.block(block, verify=verify))

    def view(self, contract: str, method: str, *arguments: Value) -> ViewResult:
        """Call a view method."""
        return self._run(self._client.view(contract, method, *arguments))

    def call(
        self,
        key: PrivateKey,
        contract: str,
        method: str,
        arguments: Sequence[Value] = (),
        *,
        sender: bytes | None = None,
        gas_limit: int = limits.CONTRACT_GAS_LIMIT_DEFAULT,
        timeout_ms: int = limits.WAIT_MS_DEFAULT,
        signed: Callable[[bytes], None] | None = None,
    ) -> Called:
        """Call a method with the ledger's values; return what became of it, verified."""
        return self._run(
            self._client.call(
                key,
                contract,
                method,
                arguments,
                sender=sender,
                gas_limit=gas_limit,
                timeout_ms=timeout_ms,
                signed=signed,
            )
        )

    def deploy(
        self,
        key: PrivateKey,
        name: str,
        program: bytes,
        abi: bytes,
        source: bytes = b"",
        arguments: Sequence[object] = (),
        *,
        gas_limit: int | None = None,
        timeout_ms: int = limits.WAIT_MS_DEFAULT,
    ) -> Called:
        """Put a compiled program behind a new name."""
        return self._run(
            self._client.deploy(key, name, program, abi, source, arguments, gas_limit=gas_limit, timeout_ms=timeout_ms)
        )

    def contract(self, name: str) -> SyncContract:
        """Return a contract by its ABI."""
        return SyncContract(self._run(self._client.contract(name)), self._run)

    def state(self, contract: str, cell: str, *parts: KeyPart, verify: bool = True, at_least: int = 0) -> StateRead:
        """Return what a contract has stored, verified."""
        return self._run(self._client.state(contract, cell, *parts, verify=verify, at_least=at_least))

    def event_proof(self, txid: bytes, index: int, *, verify: bool = True) -> EventBundle:
        """Return the verified proof of one event."""
        return self._run(self._client.event_proof(txid, index, verify=verify))

    def anchor(
        self, digest: bytes, media_type: str, size: int, key: PrivateKey, *, timeout_ms: int = limits.WAIT_MS_DEFAULT
    ) -> Anchored:
        """Notarise a digest; return it with its verified proof."""
        return self._run(self._client.anchor(digest, media_type, size, key, timeout_ms=timeout_ms))

    def anchored(self, digest: bytes, owner: bytes) -> Anchored | None:
        """Return an earlier notarisation with its verified proof, None if there is none."""
        return self._run(self._client.anchored(digest, owner))

    def _run(self, call: Coroutine[Any, Any, _T]) -> _T:
        future = asyncio.run_coroutine_threadsafe(call, self._loop)
        try:
            return future.result()
        except BaseException:  # also an interrupt from the keyboard: what nobody waits for must not go on
            future.cancel()
            raise


class SyncContract:
    """``Contract``, blocking."""

    def __init__(self, contract: Contract, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._contract = contract
        self._run = run

    @property
    def name(self) -> str:
        """The name it is deployed under."""
        return self._contract.name

    @property
    def abi(self) -> Abi:
        """Its methods, events and state."""
        return self._contract.abi

    def call(
        self,
        key: PrivateKey,
        method: str,
        /,
        *arguments: object,
        gas_limit: int = limits.CONTRACT_GAS_LIMIT_DEFAULT,
        timeout_ms: int = limits.WAIT_MS_DEFAULT,
        **named: object,
    ) -> Called:
        """Call a method by a transaction, and wait until it is sealed."""
        call = self._contract.call(key, method, *arguments, gas_limit=gas_limit, timeout_ms=timeout_ms, **named)
        done: Called = self._run(call)
        return done

    def query(self, method: str, /, *arguments: object, **named: object) -> ViewResult:
        """Call a view on a node's last state."""
        found: ViewResult = self._run(self._contract.query(method, *arguments, **named))
        return found

    def state(self, cell: str, /, *keys: object, at_least: int = 0) -> StateRead:
        """Read a piece of the contract's state, verified."""
        found: StateRead = self._run(self._contract.state(cell, *keys, at_least=at_least))
        return found

    def event(self, event: Event) -> EventSeen:
        """Return an event of a receipt with the names of its fields."""
        return self._contract.event(event)
