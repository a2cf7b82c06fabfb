"""What the server takes in at one time: requests, and the bytes of their bodies. When it is full, it says busy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from hanchain.api import limits
from hanchain.ledger.reasons import Reason, Rejection


class Intake:
    """The requests in service at one server and the body bytes that they hold."""

    def __init__(
        self, requests_max: int = limits.REQUESTS_MAX, bodies_bytes_max: int = limits.BODIES_BYTES_MAX
    ) -> None:
        self._requests_max = requests_max
        self._bodies_bytes_max = bodies_bytes_max
        self.requests = 0
        self.body_bytes = 0

    @contextmanager
    def admit(self) -> Iterator[Allowance]:
        """Take a request into service until the context ends; raise Rejection(busy) when there are too many."""
        if self.requests >= self._requests_max:
            raise Rejection(Reason.BUSY, f"{self._requests_max} requests are in service")
        self.requests += 1
        allowance = Allowance(self)
        try:
            yield allowance
        finally:
            self.requests -= 1
            self.body_bytes -= allowance.held

    def hold(self, count: int) -> None:
        """Count more body bytes in; raise Rejection(busy) beyond the bound."""
        if self.body_bytes + count > self._bodies_bytes_max:
            raise Rejection(Reason.BUSY, "other requests' bodies fill the memory set aside for them")
        self.body_bytes += count


class Allowance:
    """One request's part of the intake."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.held = 0

    async def body(
        self,
        chunks: AsyncIterator[bytes],
        content_length: int | None,
        *,
        bytes_max: int,
        read_ms: int = limits.BODY_READ_MS,
    ) -> bytes:
        """Return the body; raise Rejection(oversized) before reading more than allowed, (timeout), (busy)."""
        if content_length is not None and content_length > bytes_max:
            raise Rejection(Reason.OVERSIZED, f"a body of {content_length} bytes, at most {bytes_max}")
        received = bytearray()
        try:
            async with asyncio.timeout(read_ms / 1000):
                async for chunk in chunks:
                    if len(received) + len(chunk) > bytes_max:
                        raise Rejection(Reason.OVERSIZED, f"a body of more than {bytes_max} bytes")
                    self._intake.hold(len(chunk))
                    self.held += len(chunk)
                    received += chunk
        except TimeoutError:
            raise Rejection(Reason.TIMEOUT, f"the body did not arrive within {read_ms} ms") from None
        return bytes(received)
