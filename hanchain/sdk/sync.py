"""The client for programs without asyncio: the same calls, each blocking until its answer is there.

A thread of its own runs the event loop, so a ``SyncClient`` may be shared by the threads of a program.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, Self, TypeVar

from hanchain.crypto import PrivateKey
from hanchain.ledger.codec import Value
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.proof import ProofBundle
from hanchain.ledger.transaction import Transaction
from hanchain.sdk import limits
from hanchain.sdk.client import Client
from hanchain.sdk.errors import RpcError
from hanchain.sdk.results import Anchored, Block, ChainStatus, TransactionStatus, ViewResult

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

    def proof(self, txid: bytes, *, verify: bool = True) -> ProofBundle:
        """Return the verified proof of a sealed transaction."""
        return self._run(self._client.proof(txid, verify=verify))

    def block(self, block: int | bytes | None = None, *, verify: bool = True) -> Block:
        """Return a verified block."""
        return self._run(self._client.block(block, verify=verify))

    def view(self, contract: str, method: str, *arguments: Value) -> ViewResult:
        """Call a view method."""
        return self._run(self._client.view(contract, method, *arguments))

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
