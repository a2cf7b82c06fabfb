"""One socket: the asyncio protocol that moves bytes between a transport and its ``Connection``.

It ends exactly once, tells its owner why, and lingers a moment so that a refused peer can read the reason.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol, cast

from p2p import limits
from p2p.channels import Channel, Message
from p2p.connection import Connection, LinkError, LinkReason
from p2p.framing import Frame
from p2p.info import Direction
from p2p.rejection import Rejection


class Owner(Protocol):
    """What a link tells the network it belongs to."""

    def now_ms(self) -> int:
        """Return the loop's clock."""

    def opened(self, link: Link) -> Connection | None:
        """Take a new socket; return its state machine, or None to have it closed."""

    def established(self, link: Link, peer_id: str) -> None:
        """Take a link whose handshake is done."""

    def received(self, link: Link, peer_id: str, messages: Sequence[Frame]) -> None:
        """Take messages in order."""

    def paused(self) -> None:
        """Count a link that is not read for a moment because its peer sends too fast."""

    def ended(self, link: Link, error: Rejection) -> None:
        """Take the end of a link, once for each."""

    def gone(self, link: Link) -> None:
        """Take the end of its socket."""


class Link(asyncio.BufferedProtocol):
    """One socket: moves bytes between the transport and its ``Connection``, and ends exactly once."""

    def __init__(self, network: Owner, *, expected: str | None, stall_timeout_ms: int) -> None:
        self.expected = expected  # the peer we dialled; None when the other side did
        self.over = False
        self.host = self.address = "-"
        self.since_ms = 0
        self.connection: Connection
        self._network = network
        self._stall_timeout_ms = stall_timeout_ms
        self._peer_id = ""
        self._transport: asyncio.Transport
        self._buffer = memoryview(bytearray(limits.READ_BUFFER_BYTES))
        self._flush_due = False
        self._blocked_since_ms: int | None = None  # the transport's buffer is full, and does not shrink, since then
        self._blocked_bytes = 0
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def direction(self) -> Direction:
        """Return who opened the link."""
        return Direction.INBOUND if self.expected is None else Direction.OUTBOUND

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin TLS on a new socket."""
        self._transport = cast("asyncio.Transport", transport)
        remote = transport.get_extra_info("peername")
        if remote is not None:
            self.host, self.address = remote[0], words_of(remote)
        _tune(transport.get_extra_info("socket"))
        self._transport.set_write_buffer_limits(high=limits.WRITE_BUFFER_BYTES_MAX)
        connection = self._network.opened(self)
        if connection is None:
            self.over = True
            self._transport.abort()
            return
        self.connection = connection
        self.flush()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Return where the next read goes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read; after the end of the link, discard it."""
        if self.over:
            return
        connection = self.connection
        now_ms = self._network.now_ms()
        try:
            messages = connection.receive(self._buffer[:nbytes], now_ms)
        except Rejection as error:
            self.end(error)
            return
        if not self._peer_id and connection.established:
            identity = connection.identity
            assert identity is not None, "established without an identity"
            self._peer_id = identity.peer_id
            self.since_ms = time.time_ns() // 1_000_000
            self._network.established(self, self._peer_id)
        if messages and not self.over:
            self._network.received(self, self._peer_id, messages)
        if not self.over:
            pause_ms = connection.pause_ms(nbytes, now_ms)
            if pause_ms:
                self._network.paused()
                self._transport.pause_reading()
                self._timer = self._loop.call_later(pause_ms / 1000, self._transport.resume_reading)
            self.flush()

    def eof_received(self) -> None:
        """End the link because the peer closed its side."""
        if not self.over:
            self.end(self.connection.end_of_input())

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the socket."""
        if self._timer is not None:
            self._timer.cancel()
        try:
            if not self.over:
                self.over = True
                ours = exc is not None and not isinstance(exc, OSError)  # a handler raised: asyncio reports it
                detail = "" if exc is None else str(exc)
                self._network.ended(self, LinkError(LinkReason.FAULT if ours else LinkReason.LOST, detail))
        finally:
            self._network.gone(self)

    def pause_writing(self) -> None:
        """Stop giving the transport more; the queue keeps what waits, by priority."""
        self._blocked_since_ms = self._network.now_ms()
        self._blocked_bytes = self._transport.get_write_buffer_size()

    def resume_writing(self) -> None:
        """Go on writing."""
        self._blocked_since_ms = None
        self.flush()

    # Called by the network.

    def push(self, channel: Channel, message: Message) -> bool:
        """Queue a message and write it in the next turn of the loop, together with others of this turn."""
        taken = not self.over and self.connection.push(channel, message)
        if taken and not self._flush_due and self._blocked_since_ms is None:
            self._flush_due = True
            self._loop.call_soon(self.flush)
        return taken

    def flush(self) -> None:
        """Give the transport what waits, until it is full."""
        self._flush_due = False
        try:
            while not self.over and self._blocked_since_ms is None:
                data = self.connection.output(self._network.now_ms())
                if not data:
                    break
                self._transport.write(data)
        except Rejection as error:
            self.end(error)

    def tick(self, now_ms: int) -> None:
        """Let time pass."""
        if self.over:
            return
        try:
            self.connection.tick(now_ms)
            self._check_stall(now_ms)
        except Rejection as error:
            self.end(error)
            return
        self.flush()

    def end(self, error: Rejection) -> None:
        """End the link once: tell the peer why if it reads, close, and tell the network."""
        if self.over:
            return
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
            self._transport.resume_reading()
        if self._blocked_since_ms is not None or error.reason is LinkReason.IDLE:
            self._transport.abort()  # nobody reads at the other end
        else:
            # Closing at once, with unread input, would reset the connection and destroy the words on their way.
            self.connection.farewell(error)
            told = self.connection.output(self._network.now_ms())
            if told:
                self._transport.write(told)
                with suppress(OSError):  # the peer's reset may be ahead of us
                    self._transport.write_eof()
            else:
                self._transport.close()
            self._timer = self._loop.call_later(limits.LINGER_MS / 1000, self._transport.abort)
        self._network.ended(self, error)

    def _check_stall(self, now_ms: int) -> None:
        if self._blocked_since_ms is None:
            return
        waiting = self._transport.get_write_buffer_size()
        if waiting < self._blocked_bytes:  # slow is not stuck: a peer that throttles us still reads
            self._blocked_bytes, self._blocked_since_ms = waiting, now_ms
        elif now_ms - self._blocked_since_ms >= self._stall_timeout_ms:
            raise LinkError(LinkReason.SLOW_READER, f"nothing read for {self._stall_timeout_ms} ms")

    def abort(self) -> None:
        """Close the socket without any courtesy."""
        self._transport.abort()


def words_of(address: tuple[object, ...]) -> str:
    """Return host:port for logs."""
    return f"{address[0]}:{address[1]}"


def _tune(sock: socket.socket) -> None:
    """Keep little unsent in the kernel, so that a vote overtakes what is still queued here."""
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, limits.WRITE_BATCH_BYTES)
