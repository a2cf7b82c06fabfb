"""Channels in order of priority, and the bounded queue of what waits to be sent to one peer.

The sending rule: a channel goes before those below it. A channel that waits while others go ahead is given one turn
of at least one fragment after ``PATIENCE_BYTES`` have passed it, so that a busy consensus never starves sync for ever,
and consensus itself waits for at most one such turn. When a channel is full, consensus drops its oldest message (the
newest votes are the useful ones, and STATUS repeats the rest); every other channel refuses the new one.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from typing import Final, TypeAlias

from p2p import limits

Message: TypeAlias = tuple[bytes, ...]
"""One message as the fragments that go on the wire, each a complete frame with its header."""


class Channel(IntEnum):
    """What a message is for; a lower number goes first."""

    CONTROL = 0  # the link's own frames: hello, ping, farewell; never from above
    CONSENSUS = 1
    SYNC = 2
    BLOCK = 3
    TX = 4

    @property
    def label(self) -> str:
        """Return the name used in logs and metrics."""
        return self.name.lower()


FRAME_BYTES_MAX: Final = (
    limits.CONTROL_FRAME_BYTES_MAX,
    limits.CONSENSUS_FRAME_BYTES_MAX,
    limits.SYNC_FRAME_BYTES_MAX,
    limits.BLOCK_FRAME_BYTES_MAX,
    limits.TX_FRAME_BYTES_MAX,
)
"""Largest payload by channel, compressed or not."""

_QUEUE_MAX: Final = (
    limits.CONTROL_QUEUE_MAX,
    limits.CONSENSUS_QUEUE_MAX,
    limits.SYNC_QUEUE_MAX,
    limits.BLOCK_QUEUE_MAX,
    limits.TX_QUEUE_MAX,
)


class _Lane:
    """The messages of one channel, in order; a message whose first fragment has left is no longer droppable."""

    __slots__ = ("begun", "bytes", "passed_by", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Message] = deque()
        self.begun: deque[bytes] = deque()
        self.bytes = 0
        self.passed_by = 0  # bytes that went ahead while something waited here

    def drain(self, into: list[bytes], bytes_wanted: int) -> tuple[int, int]:
        """Move fragments to ``into`` until ``bytes_wanted`` is reached; return bytes moved and messages completed."""
        moved = completed = 0
        begun, waiting = self.begun, self.waiting
        while moved < bytes_wanted:
            if begun:
                fragment = begun.popleft()
            elif waiting:
                message = waiting.popleft()
                fragment = message[0]
                if len(message) > 1:
                    begun.extend(message[1:])
            else:
                break
            into.append(fragment)
            moved += len(fragment)
            if not begun:
                completed += 1
        self.bytes -= moved
        return moved, completed


class SendQueue:
    """What waits to be sent to one peer: bounded by channel in messages and bytes."""

    def __init__(self) -> None:
        self._lanes = tuple(_Lane() for _ in Channel)
        self.pending_bytes = 0
        self.dropped = [0] * len(Channel)
        self.sent_messages = [0] * len(Channel)
        self.sent_bytes = [0] * len(Channel)

    def push(self, channel: Channel, message: Message) -> bool:
        """Queue ``message``; return False if it was dropped, counting each dropped message by channel."""
        lane = self._lanes[channel]
        size = len(message[0]) if len(message) == 1 else sum(map(len, message))
        messages_max, bytes_max = _QUEUE_MAX[channel]
        while len(lane.waiting) >= messages_max or lane.bytes + size > bytes_max:
            self.dropped[channel] += 1
            if channel is not Channel.CONSENSUS or not lane.waiting:
                return False
            oldest = sum(map(len, lane.waiting.popleft()))
            lane.bytes -= oldest
            self.pending_bytes -= oldest
        lane.waiting.append(message)
        lane.bytes += size
        self.pending_bytes += size
        return True

    def take(self, bytes_wanted: int) -> list[bytes]:
        """Return fragments in sending order, at least ``bytes_wanted`` unless less waits; over by one fragment at most.

        Time is linear in what is returned: a turn is a whole quantum of one channel, not one message.
        """
        taken: list[bytes] = []
        total = 0
        while self.pending_bytes and total < bytes_wanted:
            channel = self._next()
            lane = self._lanes[channel]
            moved, completed = lane.drain(taken, min(bytes_wanted - total, limits.QUANTUM_BYTES))
            total += moved
            self.pending_bytes -= moved
            self.sent_bytes[channel] += moved
            self.sent_messages[channel] += completed
            lane.passed_by = 0
            for other in self._lanes:
                if other is not lane and other.bytes:
                    other.passed_by += moved
        return taken

    def clear(self) -> None:
        """Forget all that waits, also a half-sent message: only a farewell may follow."""
        for lane in self._lanes:
            lane.waiting.clear()
            lane.begun.clear()
            lane.bytes = 0
        self.pending_bytes = 0

    def _next(self) -> Channel:
        first: Channel | None = None
        for channel, lane in zip(Channel, self._lanes, strict=True):
            if not lane.bytes:
                continue
            if channel is Channel.CONTROL:
                return channel
            if first is None:
                first = channel
            elif lane.passed_by >= limits.PATIENCE_BYTES:
                return channel
        assert first is not None, "pending_bytes disagrees with the lanes"
        return first
