"""The network of one node: one asyncio protocol per link, one timer, one short task per attempt to dial.

All judgement is elsewhere: ``connection`` says what bytes mean, ``peers`` which link counts and whom to dial. The
receiving path makes no task, future or lock: a handler is called for each message straight from the socket's read.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from random import Random
from typing import Final, Protocol

from p2p import limits
from p2p.backoff import LogBudget
from p2p.channels import Channel
from p2p.connection import Connection, LinkError, LinkReason
from p2p.framing import Frame, FrameEncoder, FrameError
from p2p.handshake import Admission, Admitted, Refused, Terms
from p2p.info import Counters, NetworkMetrics, PeerInfo, labelled
from p2p.limits import Timing
from p2p.link import Link, words_of
from p2p.peers import Address, PeerRecord, PeerTable, PendingLinks
from p2p.rejection import Rejection
from p2p.tls import TlsFiles, make_context

_LOG: Final = logging.getLogger("hanchain.p2p")
_QUIET: Final = frozenset({LinkReason.DUPLICATE, LinkReason.SHUTDOWN, LinkReason.RESTARTED, LinkReason.DISCONNECTED})


class Handler(Protocol):
    """The owner's callbacks: plain calls on the loop, which must not block.

    What they raise is the owner's own fault: it reaches the loop's exception handler and costs the link.
    """

    def on_message(self, peer_id: str, channel: Channel, kind: int, payload: bytes) -> None:
        """Take one message; ``payload`` is whole and within the channel's limit, and means whatever it means."""

    def on_connected(self, peer_id: str) -> None:
        """Learn that a peer is connected: messages can be sent from now on."""

    def on_disconnected(self, peer_id: str, reason: str) -> None:
        """Learn that a peer is no longer connected; what was queued for it is gone."""


class Network:
    """This node's links to its peers: all methods are for the loop, after ``start``; only start and close wait."""

    def __init__(
        self,
        *,
        node_name: str,
        tls: TlsFiles,
        listen: Address | None,
        hello: bytes,
        admission: Admission,
        handler: Handler,
        seed: int | None = None,
        timing: Timing | None = None,
    ) -> None:
        assert len(hello) <= limits.HELLO_BYTES_MAX, "hello bytes must fit the frame"
        self._name = node_name
        self._tls = tls
        self._listen = listen
        self._admission = admission
        self._handler = handler
        self._timing = timing if timing is not None else Timing()
        self._terms = Terms(hello=hello, nonce=secrets.token_bytes(limits.NONCE_BYTES))
        random = Random(seed)  # noqa: S311 - jitter only
        self._table = PeerTable(own_nonce=self._terms.nonce, timing=self._timing, random=random)
        self._encoder = FrameEncoder()
        self._counters = Counters()
        self._links: dict[str, Link] = {}  # the current one of each connected peer
        self._all: set[Link] = set()  # also those in their handshake and those that linger
        self._pending: PendingLinks[Link] = PendingLinks()
        self._dials: set[asyncio.Task[None]] = set()
        self._next_number = 0
        self._closing = False
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Listen and begin to dial; raise OSError if the port is taken or a TLS file is unreadable or bad."""
        loop = self._loop = asyncio.get_running_loop()
        self.use_tls(self._tls)
        self._strangers = LogBudget(self.now_ms())
        self._gone = asyncio.Event()
        if self._listen is not None:
            host, port = self._listen
            self._server = await loop.create_server(lambda: self._make_link(None), host, port)
            _LOG.info("listening node=%s address=%s", self._name, words_of(self.address))
        self._tick()

    async def close(self) -> None:
        """Say goodbye to every peer and close all sockets, within ``close_timeout_ms``."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        if self._server is not None:
            self._server.close()
        for task in self._dials:
            task.cancel()
        await asyncio.gather(*self._dials, return_exceptions=True)
        for link in list(self._all):
            link.flush()
            link.end(LinkError(LinkReason.SHUTDOWN, f"{self._name} is shutting down"))
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timing.close_timeout_ms / 1000):
                while self._all:
                    self._gone.clear()
                    await self._gone.wait()
        for link in list(self._all):
            link.abort()
        await asyncio.sleep(0)  # aborted transports report their end in the next turn of the loop
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    @property
    def address(self) -> Address:
        """Return the host and port that this node listens on, also when port 0 was asked for."""
        assert self._server is not None, "not listening"
        name = self._server.sockets[0].getsockname()
        return name[0], name[1]

    def use_tls(self, files: TlsFiles) -> None:
        """Use other TLS files for new links; existing links stay. Raise OSError if they are unreadable or bad."""
        self._server_context = make_context(files, server_side=True)
        self._client_context = make_context(files, server_side=False)

    def dial(self, peer_id: str, host: str, port: int) -> None:
        """Keep this peer connected for ever, at this address."""
        self._table.want(peer_id, (host, port), self.now_ms())
        self._loop.call_soon(self._dial_due)

    def forget(self, peer_id: str) -> None:
        """Dial this peer no more; ``disconnect`` ends the link that exists."""
        self._table.forget(peer_id)

    def send(self, peer_id: str, channel: Channel, kind: int, payload: bytes) -> bool:
        """Queue a message without waiting; return False if the peer is not connected or its queue refused it."""
        assert channel is not Channel.CONTROL, "control frames are the link's own"
        link = self._links.get(peer_id)
        return link is not None and link.push(channel, self._encoder.encode(channel, kind, payload))

    def broadcast(self, channel: Channel, kind: int, payload: bytes, *, peers: Iterable[str] | None = None) -> int:
        """Queue a message for all connected peers, or those named; return how many took it. Encodes it once."""
        assert channel is not Channel.CONTROL, "control frames are the link's own"
        message = self._encoder.encode(channel, kind, payload)
        if peers is None:
            return sum(link.push(channel, message) for link in self._links.values())
        return sum(self._links[peer_id].push(channel, message) for peer_id in peers if peer_id in self._links)

    def disconnect(self, peer_id: str, reason: str) -> None:
        """End the link to a peer, telling it why; a peer that is dialled will be dialled again."""
        link = self._links.get(peer_id)
        if link is not None:
            link.end(LinkError(LinkReason.DISCONNECTED, reason))

    def report(self, peer_id: str, offence: str, weight: int) -> int:
        """Add an offence of weight 1..100 to a peer's score and return it; at 100 the peer is banned for a time.

        ``offence`` labels a metric: take it from a closed list.
        """
        report = self._table.report(peer_id, offence, weight, self.now_ms())
        self._counters.offences[offence] += 1
        _LOG.warning("offence peer=%s offence=%s weight=%d score=%d", peer_id, offence, weight, report.score)
        if report.banned:
            self._counters.bans += 1
            _LOG.warning("peer banned peer=%s offence=%s seconds=%d", peer_id, offence, limits.BAN_MS // 1000)
            link = self._links.get(peer_id)
            if link is not None:
                link.end(LinkError(LinkReason.BANNED, offence))
        return report.score

    def peers(self) -> tuple[PeerInfo, ...]:
        """Return what is known of each peer, in order of name."""
        return tuple(self._peer_info(record) for record in self._table.all())

    def metrics(self) -> NetworkMetrics:
        """Return a snapshot of the counters."""
        counters = self._counters
        traffic = counters.closed_links.copy()
        live = [link.connection for link in self._all if not link.over]
        for connection in live:
            traffic.add(connection)
        messages_in, messages_out, bytes_in, bytes_out, dropped = traffic.by_channel()
        return NetworkMetrics(
            links=len(self._links),
            pending=len(self._pending),
            messages_in=messages_in,
            messages_out=messages_out,
            bytes_in=bytes_in,
            bytes_out=bytes_out,
            dropped=dropped,
            queued_bytes=sum(connection.queue.pending_bytes for connection in live),
            ended=dict(counters.ended),
            offences=dict(counters.offences),
            bans=counters.bans,
            pauses=counters.pauses,
        )

    def now_ms(self) -> int:
        """Return the loop's clock."""
        return int(self._loop.time() * 1000)

    # What links tell their network.

    def opened(self, link: Link) -> Connection | None:
        """Take a new socket; return its state machine, or None if we are closing."""
        if self._closing:
            return None
        self._all.add(link)
        expected = link.expected
        if expected is None:
            evicted = self._pending.add(link, link.host)
            if evicted is not None:
                evicted.end(LinkError(LinkReason.EVICTED, "too many unauthenticated links"))
        self._next_number += 1
        return Connection(
            context=self._server_context if expected is None else self._client_context,
            dialled=expected is not None,
            terms=self._terms,
            number=self._next_number,
            judge=self._judge,
            expected=expected,
            timing=self._timing,
            encoder=self._encoder,
            now_ms=self.now_ms(),
        )

    def established(self, link: Link, peer_id: str) -> None:
        """Take a link whose handshake is done: it becomes the peer's current one, or ends."""
        self._pending.discard(link)
        if link.expected is not None:
            self._table.dialled(link.expected)
        verdict = self._table.establish(link.connection)
        if not verdict.kept:
            link.end(LinkError(LinkReason.DUPLICATE, "another link to this peer is in use"))
            return
        older = self._links.get(peer_id)
        self._links[peer_id] = link
        if verdict.replaces:
            assert older is not None, "the table knows a link that the network does not"
            reason = LinkReason.RESTARTED if verdict.restarted else LinkReason.DUPLICATE
            older.end(LinkError(reason, "a newer link to this peer is in use"))
            if not verdict.restarted:
                return  # the same two processes: nobody above need know that the socket changed
            self._handler.on_disconnected(peer_id, LinkReason.RESTARTED)
        _LOG.info("link up peer=%s address=%s direction=%s", peer_id, link.address, link.direction)
        self._handler.on_connected(peer_id)

    def ended(self, link: Link, error: Rejection) -> None:
        """Take the end of a link, for whatever reason; called once for each."""
        connection = link.connection
        identity = connection.identity
        self._pending.discard(link)
        self._counters.ended[error.reason] += 1
        self._counters.closed_links.add(connection)
        loss = self._table.lost(connection, link.expected, str(error), self.now_ms())
        peer_id = identity.peer_id if identity is not None else link.expected or "-"
        if loss.current:
            del self._links[peer_id]
        stranger = identity is None and link.expected is None
        level = logging.INFO if error.reason in _QUIET else logging.WARNING
        if (stranger and not self._strangers.allow()) or not loss.news:
            level = logging.DEBUG
        _LOG.log(
            level,
            'link ended peer=%s address=%s direction=%s reason=%s detail="%s"',
            peer_id,
            link.address,
            link.direction,
            error.reason,
            error.detail,
        )
        if connection.established and isinstance(error, FrameError):
            self.report(peer_id, error.reason, limits.FRAME_OFFENCE_WEIGHT)
        if loss.current:
            self._handler.on_disconnected(peer_id, str(error))

    def gone(self, link: Link) -> None:
        """Take the end of a link's socket."""
        self._all.discard(link)
        self._gone.set()

    def received(self, link: Link, peer_id: str, messages: Sequence[Frame]) -> None:
        """Hand messages to the owner, in order, until it ends the link."""
        on_message = self._handler.on_message
        for channel, kind, payload in messages:
            on_message(peer_id, channel, kind, payload)
            if link.over:
                break

    def paused(self) -> None:
        """Count a link that is not read for a moment."""
        self._counters.pauses += 1

    # Inside.

    def _make_link(self, expected: str | None) -> Link:
        return Link(self, expected=expected, stall_timeout_ms=self._timing.stall_timeout_ms)

    def _judge(self, peer_certificate_der: bytes, hello: bytes) -> Admitted | Refused:
        return self._table.judge(self._admission, peer_certificate_der, hello, self.now_ms())

    def _tick(self) -> None:
        now_ms = self.now_ms()
        for link in list(self._all):
            link.tick(now_ms)
        suppressed = self._strangers.renew(now_ms)
        if suppressed:
            _LOG.warning("lines not written about unauthenticated links count=%d", suppressed)
        self._dial_due()
        self._timer = self._loop.call_later(self._timing.tick_ms / 1000, self._tick)

    def _dial_due(self) -> None:
        if self._closing:
            return
        for record in self._table.due(self.now_ms()):
            assert record.address is not None, "due without an address"
            task = self._loop.create_task(self._dial(record.peer_id, record.address))
            self._dials.add(task)
            task.add_done_callback(self._dials.discard)

    async def _dial(self, peer_id: str, address: Address) -> None:
        try:
            async with asyncio.timeout(self._timing.connect_timeout_ms / 1000):
                await self._loop.create_connection(lambda: self._make_link(peer_id), *address)
        except (OSError, TimeoutError) as error:
            reason = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
            self._counters.ended[LinkReason.DIAL_FAILED] += 1
            news = self._table.dial_failed(peer_id, f"{LinkReason.DIAL_FAILED}: {reason}", self.now_ms())
            level = logging.WARNING if news else logging.DEBUG
            _LOG.log(level, 'dial failed peer=%s address=%s detail="%s"', peer_id, words_of(address), reason)

    def _peer_info(self, record: PeerRecord) -> PeerInfo:
        link = self._links.get(record.peer_id)
        now_ms = self.now_ms()
        zeros = [0] * len(Channel)
        queue = link.connection.queue if link is not None else None
        return PeerInfo(
            peer_id=record.peer_id,
            address=link.address if link is not None else words_of(record.address) if record.address else "",
            direction=link.direction if link is not None else None,
            connected_since_ms=link.since_ms if link is not None else None,
            bytes_in=labelled(link.connection.bytes_in if link is not None else zeros),
            bytes_out=labelled(queue.sent_bytes if queue is not None else zeros),
            dropped=labelled(queue.dropped if queue is not None else zeros),
            score=self._table.score(record, now_ms),
            banned=record.banned_until_ms > now_ms,
            last_reason="" if link is not None else record.last_reason,
        )
