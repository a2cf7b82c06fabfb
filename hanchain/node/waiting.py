"""Callers that wait for transactions or heights, and what became of transactions that never reached a block."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node import limits


class Waiting:
    """Wakes callers when their transaction is sealed or expired, or their height is sealed."""

    def __init__(self) -> None:
        self._futures: dict[bytes | int, list[asyncio.Future[None]]] = {}
        self._count = 0
        self._closed: str | None = None
        self._expired: OrderedDict[bytes, None] = OrderedDict()

    def __len__(self) -> int:
        return self._count

    @contextmanager
    def registered(self, awaited: bytes | int) -> Iterator[asyncio.Future[None]]:
        """Give a future that is done once a transaction (its id) is sealed or expired, or a height is sealed.

        Raises Rejection(busy) when too many wait, and Rejection(not_ready) after ``close``, also out of the future.
        """
        if self._closed is not None:
            raise Rejection(Reason.NOT_READY, self._closed)
        if self._count >= limits.WAITERS_MAX:
            raise Rejection(Reason.BUSY, f"{self._count} callers wait already")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._futures.setdefault(awaited, []).append(future)
        self._count += 1
        try:
            yield future
        finally:
            future.cancel()
            self._count -= 1
            held = self._futures[awaited]
            held.remove(future)
            if not held:
                del self._futures[awaited]

    async def wait(self, txid: bytes, timeout_ms: int) -> None:
        """Return when the transaction was sealed or expired; raise Rejection(timeout | busy | not_ready)."""
        with self.registered(txid) as future:
            await until(future, timeout_ms)

    def wake(self, awaited: Iterable[bytes | int]) -> None:
        """Wake the callers of these transactions or heights."""
        if not self._futures:
            return
        for each in awaited:
            for future in self._futures.get(each, ()):
                if not future.done():
                    future.set_result(None)

    def expire(self, txids: Iterable[bytes]) -> None:
        """Remember transactions as expired and wake their callers."""
        expired = list(txids)
        for txid in expired:
            self._expired[txid] = None
        while len(self._expired) > limits.EXPIRED_REMEMBERED:
            self._expired.popitem(last=False)
        self.wake(expired)

    def close(self, why: str) -> None:
        """Send all callers away, and those who come later: this node will never know."""
        self._closed = why
        for futures in self._futures.values():
            for future in futures:
                if not future.done():
                    future.set_exception(Rejection(Reason.NOT_READY, why))

    def is_expired(self, txid: bytes) -> bool:
        """Tell whether a transaction expired here."""
        return txid in self._expired


async def until(future: asyncio.Future[None], timeout_ms: int) -> None:
    """Wait for a registered future; raise Rejection(timeout)."""
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            await future
    except TimeoutError:
        raise Rejection(Reason.TIMEOUT, f"not sealed within {timeout_ms} ms; it may still be") from None
