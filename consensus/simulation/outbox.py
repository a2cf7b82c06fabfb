"""The one contract of a shell: an effect is released only when every Persist before it is durable (R2).

Done the way a real shell does it: records of many steps share one fsync, effects wait in a queue for the log position
that was reached before them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from consensus.interface import Broadcast, Effect, Persist, Record, Send
from consensus.simulation.disk import Disk


@dataclass(frozen=True, slots=True)
class Wiring:
    """What an outbox is connected to; ``boundary`` raises when the node is to die there."""

    disk: Disk
    later: Callable[[int, Callable[[], None]], None]
    sync_ms: Callable[[], int]  # how long the next fsync takes
    perform: Callable[[Effect], None]
    became_durable: Callable[[list[Record]], None]
    boundary: Callable[[Effect], None]
    guarded: Callable[[Callable[[], None]], None]  # runs what may meet a boundary


class Outbox:
    """One life of a node's effects."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._queue: deque[tuple[int, Effect]] = deque()
        self._required = self._durable = wiring.disk.position
        self._syncing = False

    @property
    def holds_messages(self) -> bool:
        """Whether a message waits for its records."""
        return any(isinstance(effect, Send | Broadcast) for _, effect in self._queue)

    def put(self, effect: Effect) -> None:
        """Append records to the log at once, and queue everything else behind those that have to be durable."""
        if isinstance(effect, Persist):
            self._wiring.boundary(effect)
            position = self._wiring.disk.append(effect.records)
            if effect.sync:
                self._required = position
        else:
            self._queue.append((self._required, effect))

    def flush(self) -> None:
        """Release what may leave, and start an fsync for the rest unless one is running."""
        while self._queue and self._queue[0][0] <= self._durable:
            effect = self._queue.popleft()[1]
            self._wiring.boundary(effect)
            self._wiring.perform(effect)
        if self._syncing or self._durable >= self._required:
            return
        position, duration_ms = self._wiring.disk.position, self._wiring.sync_ms()
        if duration_ms == 0:
            self.synced(position)
            return
        self._syncing = True

        def done() -> None:
            self._syncing = False
            self._wiring.guarded(lambda: self.synced(position))

        self._wiring.later(duration_ms, done)

    def synced(self, position: int) -> None:
        """Take note that the log is durable up to ``position``."""
        self._wiring.became_durable(self._wiring.disk.sync(position))
        self._durable = max(self._durable, position)
        self.flush()
