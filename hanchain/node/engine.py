"""The engine: turns the effects of consensus into ordered calls. Synchronous, and tested without asyncio.

It owns the one contract between the core and the world (R2): effects form one stream, and an effect is released only
when every Persist before it is durable. ``drain`` hands out the records to write; the shell makes them durable and
calls ``release``. Steps taken meanwhile join the next drain, so that one fsync serves many of them (group commit).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from consensus.interface import Effect, Event, Persist, Record
from consensus.replica import Replica, Snapshot
from storage.wal import WalRecord


class Performer(Protocol):
    """Whoever carries out the effects, in the order they come."""

    def perform(self, effect: Effect) -> None:
        """Carry out one effect other than Persist; never blocks."""


@dataclass(frozen=True, slots=True)
class Drained:
    """What to make durable before the effects of the same drain may be released."""

    records: tuple[WalRecord, ...]
    sync: bool
    effects: tuple[Effect, ...]


class Engine:
    """Steps the replica and keeps the stream of effects."""

    def __init__(self, replica: Replica, clock: Callable[[], int], wall_clock: Callable[[], int]) -> None:
        self._replica = replica
        self._clock = clock
        self._wall_clock = wall_clock
        self._stream: deque[Effect] = deque()
        self._releasing = False
        self._last_ms = 0

    def start(self) -> None:
        """Begin: the first effects join the stream."""
        self._stream.extend(self._replica.start(self.now_ms(), self._wall_clock()))

    def now_ms(self) -> int:
        """Return the monotonic time of the core, in milliseconds; never less than before."""
        self._last_ms = max(self._last_ms, self._clock())
        return self._last_ms

    def clock_ms(self) -> int:
        """Return the wall clock in milliseconds since 1970."""
        return self._wall_clock()

    def handle(self, event: Event) -> None:
        """Take one event; its effects join the stream."""
        self._stream.extend(self._replica.step(self.now_ms(), event))

    @property
    def waiting(self) -> bool:
        """Whether effects wait to be drained."""
        return bool(self._stream)

    def drain(self) -> Drained:
        """Take all effects so far; their records are to be durable before ``release``."""
        assert not self._releasing, "one drain at a time: a second one would overtake the first"
        self._releasing = True
        records: list[WalRecord] = []
        effects: list[Effect] = []
        sync = False
        while self._stream:
            effect = self._stream.popleft()
            if isinstance(effect, Persist):
                records.extend(_wal_record(r) for r in effect.records)
                sync = sync or effect.sync
            else:
                effects.append(effect)
        return Drained(tuple(records), sync, tuple(effects))

    def release(self, drained: Drained, performer: Performer) -> None:
        """Carry out the effects of a drain whose records are durable."""
        assert self._releasing, "release follows its drain"
        self._releasing = False
        for effect in drained.effects:
            performer.perform(effect)

    def checkpoint(self) -> list[WalRecord]:
        """Return the records that replace the whole log so far."""
        return [_wal_record(r) for r in self._replica.checkpoint()]

    def snapshot(self) -> Snapshot:
        """Return what people see of the replica."""
        return self._replica.snapshot()


def _wal_record(record: Record) -> WalRecord:
    return WalRecord(int(record.kind), record.payload)
