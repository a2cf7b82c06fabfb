"""Waits for transactions: bounded in number and in time, and let go when the node stops."""

from __future__ import annotations

import asyncio

from hanchain.api.limits import WAIT_GRACE_MS, WAITS_MAX
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node.service import NodeService, TransactionStatus


class Waits:
    """The waits in progress at one server."""

    def __init__(self, waits_max: int = WAITS_MAX) -> None:
        self._waits_max = waits_max
        self._running: set[asyncio.Timeout] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._running)

    async def wait(self, service: NodeService, txid: bytes, timeout_ms: int) -> TransactionStatus:
        """Return the final state of a transaction; raise Rejection(timeout), or busy when too many wait."""
        if self._closed:
            raise Rejection(Reason.BUSY, "the node is stopping")
        if len(self._running) >= self._waits_max:
            raise Rejection(Reason.BUSY, f"{self._waits_max} callers wait already")
        bound = asyncio.timeout((timeout_ms + WAIT_GRACE_MS) / 1000)
        try:
            async with bound:
                self._running.add(bound)
                return await service.wait(txid, timeout_ms)
        except TimeoutError:
            if self._closed:
                raise Rejection(Reason.BUSY, "the node is stopping") from None
            raise Rejection(Reason.TIMEOUT, f"not sealed within {timeout_ms} ms") from None
        finally:
            self._running.discard(bound)

    def close(self) -> None:
        """End every wait now, with Rejection(busy)."""
        self._closed = True
        now = asyncio.get_running_loop().time()
        for bound in self._running:
            bound.reschedule(now)
