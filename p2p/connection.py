"""One link as a state machine over bytes: TLS, handshake, frames, queue, keepalive; no IO, time is passed in.

The owner moves ciphertext: ``receive`` what arrives, send what ``output`` returns, call ``tick`` now and then. Any
``Rejection`` raised here ends the link: the owner calls ``farewell``, sends ``output`` once more, and closes.
"""

from __future__ import annotations

import ssl
from enum import StrEnum
from typing import Final

from p2p import limits
from p2p.backoff import Throttle
from p2p.channels import Channel, Message, SendQueue
from p2p.framing import Frame, FrameDecoder, FrameEncoder
from p2p.handshake import (
    Admission,
    Control,
    Handshake,
    HandshakeError,
    HandshakeReason,
    LinkIdentity,
    Terms,
    read_refusal,
    refusal,
)
from p2p.limits import Timing
from p2p.rejection import Rejection
from p2p.tls import TlsError, TlsPipe

_CONTROL_ONLY: Final = frozenset({Channel.CONTROL})
_ALL_CHANNELS: Final = frozenset(Channel)


class LinkReason(StrEnum):
    """Why a link ended that was not refused by TLS, frames or handshake."""

    CLOSED_BY_PEER = "closed_by_peer"
    LOST = "lost"
    GOODBYE = "goodbye"
    HANDSHAKE_TIMEOUT = "handshake_timeout"
    IDLE = "idle"
    SLOW_READER = "slow_reader"
    DUPLICATE = "duplicate"
    RESTARTED = "restarted"
    EVICTED = "evicted"
    DISCONNECTED = "disconnected"
    BANNED = "banned"
    SHUTDOWN = "shutdown"
    DIAL_FAILED = "dial_failed"
    FAULT = "fault"


_NOT_TOLD: Final = frozenset(
    {LinkReason.CLOSED_BY_PEER, LinkReason.LOST, LinkReason.GOODBYE, HandshakeReason.REFUSED_BY_PEER}
)  # the peer ended the link itself


class LinkError(Rejection):
    """The link is over, for one of the reasons of its later life."""

    def __init__(self, reason: LinkReason, detail: str) -> None:
        super().__init__(reason, detail)


class Connection:
    """One end of one link, from its first byte."""

    def __init__(
        self,
        *,
        context: ssl.SSLContext,
        dialled: bool,
        terms: Terms,
        number: int,
        judge: Admission,
        expected: str | None,
        timing: Timing,
        encoder: FrameEncoder,
        now_ms: int,
    ) -> None:
        self.dialled = dialled
        self.queue = SendQueue()
        self.messages_in = [0] * len(Channel)
        self.bytes_in = [0] * len(Channel)
        self.established_at_ms: int | None = None
        self._throttle = Throttle(now_ms)
        self._tls = TlsPipe(context, server_side=not dialled)
        self._decoder = FrameDecoder(channels=_CONTROL_ONLY)
        self._encoder = encoder
        self._handshake: Handshake | None = None
        self._terms = terms
        self._number = number
        self._judge = judge
        self._expected = expected
        self._timing = timing
        self._opened_at_ms = now_ms
        self._heard_at_ms = now_ms
        self._spoke_at_ms = now_ms
        self._pinged_at_ms = now_ms
        self._frames_unpaid = 0
        self._bytes_unpaid = 0
        self._over = False

    @property
    def established(self) -> bool:
        """Return whether messages may flow."""
        return self.established_at_ms is not None

    @property
    def identity(self) -> LinkIdentity | None:
        """Return who is at the other end, once admitted."""
        return self._handshake.identity if self._handshake is not None else None

    def receive(self, data: bytes | memoryview, now_ms: int) -> list[Frame]:
        """Take ciphertext; return the messages for above, in order; raise Rejection when the link must end."""
        assert not self._over, "input after the farewell"
        self._heard_at_ms = now_ms
        records = self._tls.receive(data)
        if self._handshake is None:
            if not self._tls.established:
                return []
            self._begin_handshake()
        messages: list[Frame] = []
        for record in records:
            frames = self._decoder.feed(record)
            self._frames_unpaid += len(frames)
            for frame in frames:
                self._bytes_unpaid += len(frame.payload)
                channel = frame.channel
                if channel is Channel.CONTROL:
                    self._take_control(frame, now_ms)
                    continue
                if self.established_at_ms is None:
                    raise HandshakeError(HandshakeReason.OUT_OF_ORDER, f"a {channel.label} message before READY")
                self.messages_in[channel] += 1
                self.bytes_in[channel] += len(frame.payload)
                messages.append(frame)
        return messages

    def pause_ms(self, wire_bytes: int, now_ms: int) -> int:
        """Account for the last ``receive`` of so many bytes; return how long to stop reading, mostly 0."""
        frames, size = self._frames_unpaid, max(self._bytes_unpaid, wire_bytes)
        self._frames_unpaid = self._bytes_unpaid = 0
        return self._throttle.spend(frames, size, now_ms)

    def end_of_input(self) -> Rejection:
        """Return why the link ends when the peer closes its side of the socket."""
        failure: TlsError | None = self._tls.end_of_input()
        if failure is not None:
            return failure
        if not self.established:
            return LinkError(LinkReason.CLOSED_BY_PEER, "peer closed during handshake, without saying why")
        return LinkError(LinkReason.CLOSED_BY_PEER, "")

    def push(self, channel: Channel, message: Message) -> bool:
        """Queue an encoded message for an established link; return False if it was dropped."""
        assert self.established, "a message before READY"
        return self.queue.push(channel, message)

    def output(self, now_ms: int) -> bytes:
        """Return the next ciphertext to write, at most one batch of frames; empty when nothing waits."""
        if self.queue.pending_bytes and self._tls.established:
            self._tls.write(b"".join(self.queue.take(limits.WRITE_BATCH_BYTES)))
            self._spoke_at_ms = now_ms
        return self._tls.outgoing()

    def tick(self, now_ms: int) -> None:
        """Queue a PING when it is time; raise LinkError when the peer has been silent or slow for too long."""
        timing = self._timing
        if not self.established:
            if now_ms - self._opened_at_ms >= timing.handshake_timeout_ms:
                raise LinkError(LinkReason.HANDSHAKE_TIMEOUT, f"no handshake within {timing.handshake_timeout_ms} ms")
            return
        silent_ms = now_ms - self._heard_at_ms
        if silent_ms >= timing.idle_timeout_ms:
            raise LinkError(LinkReason.IDLE, f"nothing heard for {silent_ms} ms")
        # A PING asks a silent peer for a PONG, and shows a talking one that we are here.
        quiet_ms = max(silent_ms, now_ms - self._spoke_at_ms)
        if min(quiet_ms, now_ms - self._pinged_at_ms) >= timing.ping_after_ms:
            self._pinged_at_ms = now_ms
            self._send_control(Control.PING, b"")

    def farewell(self, error: Rejection) -> None:
        """Drop what waits and tell the peer why, if it can still be told; only ``output`` may follow."""
        if self._over:
            return
        self._over = True
        self.queue.clear()
        if self._tls.established and error.reason not in _NOT_TOLD and not isinstance(error, TlsError):
            self._send_control(Control.GOODBYE if self.established else Control.REFUSE, refusal(error))
            self._tls.write(b"".join(self.queue.take(limits.WRITE_BATCH_BYTES)))
        self._tls.close()

    def _begin_handshake(self) -> None:
        self._handshake = Handshake(
            terms=self._terms,
            number=self._number,
            peer_certificate_der=self._tls.peer_certificate_der,
            judge=self._judge,
            expected=self._expected,
        )
        self._send_control(*self._handshake.opening())

    def _take_control(self, frame: Frame, now_ms: int) -> None:
        assert self._handshake is not None, "frames before TLS"
        if not self.established:
            reply = self._handshake.receive(frame.kind, frame.payload)
            if reply is not None:
                self._send_control(*reply)
                self._decoder.open(_ALL_CHANNELS)  # the peer may send as soon as it sees our READY
            if self._handshake.established:
                self.established_at_ms = now_ms
        elif frame.kind == Control.PING:
            self._send_control(Control.PONG, b"")
        elif frame.kind == Control.GOODBYE:
            raise LinkError(LinkReason.GOODBYE, read_refusal(frame.payload))
        elif frame.kind != Control.PONG:
            raise HandshakeError(HandshakeReason.OUT_OF_ORDER, f"control frame {frame.kind} on an established link")

    def _send_control(self, kind: Control, payload: bytes) -> None:
        self.queue.push(Channel.CONTROL, self._encoder.encode(Channel.CONTROL, kind, payload))
