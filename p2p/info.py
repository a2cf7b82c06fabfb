"""What a network tells about itself: plain frozen values and the counters behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from p2p.channels import Channel
from p2p.connection import Connection


class Direction(StrEnum):
    """Who opened a link."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """One peer as an operator sees it; byte counts are of the current link, by channel name."""

    peer_id: str
    address: str  # host:port of the link, or the one we dial
    direction: Direction | None  # None when not connected
    connected_since_ms: int | None  # Unix time
    bytes_in: Mapping[str, int]
    bytes_out: Mapping[str, int]
    dropped: Mapping[str, int]
    score: int
    banned: bool
    last_reason: str  # why it is not connected; empty while it is


@dataclass(frozen=True, slots=True)
class NetworkMetrics:
    """A snapshot of plain numbers since the start, over all links, by channel name or reason."""

    links: int
    pending: int
    messages_in: Mapping[str, int]
    messages_out: Mapping[str, int]
    bytes_in: Mapping[str, int]
    bytes_out: Mapping[str, int]
    dropped: Mapping[str, int]
    queued_bytes: int
    ended: Mapping[str, int]  # links and attempts that ended, by reason
    offences: Mapping[str, int]
    bans: int
    pauses: int  # times a link was not read for a moment because its peer sent too fast


class Traffic:
    """Sums of messages and bytes by channel."""

    def __init__(self) -> None:
        self._sums = [[0] * len(Channel) for _ in range(5)]

    def add(self, connection: Connection) -> None:
        """Add the counts of one link."""
        queue = connection.queue
        rows = (connection.messages_in, queue.sent_messages, connection.bytes_in, queue.sent_bytes, queue.dropped)
        for sums, row in zip(self._sums, rows, strict=True):
            for channel, count in enumerate(row):
                sums[channel] += count

    def copy(self) -> Traffic:
        """Return another with the same sums."""
        other = Traffic()
        other._sums = [list(row) for row in self._sums]
        return other

    def by_channel(self) -> tuple[Mapping[str, int], ...]:
        """Return messages in, messages out, bytes in, bytes out and messages dropped."""
        return tuple(labelled(row) for row in self._sums)


def labelled(row: Iterable[int]) -> Mapping[str, int]:
    """Return counts by channel name."""
    return {channel.label: count for channel, count in zip(Channel, row, strict=True)}


class Counters:
    """What happened since the start; reasons come from our own enums, so the tables stay small."""

    def __init__(self) -> None:
        self.ended: Counter[str] = Counter()
        self.offences: Counter[str] = Counter()
        self.bans = 0
        self.pauses = 0
        self.closed_links = Traffic()
