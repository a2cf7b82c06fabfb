"""Virtual time: a clock that only events move, and a hash of all that happened.

Shared by every kind of run: seeds (``world``), twins and scenarios (``stage``), and protocols of your own.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from hashlib import sha256


class Timeline:
    """An event heap; events of one moment happen in the order they were asked for."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.events = 0
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0
        self._hash = sha256()

    def after(self, delay_ms: int, action: Callable[[], None]) -> None:
        """Do something ``delay_ms`` from now."""
        assert delay_ms >= 0, "nothing happens in the past"
        self._number += 1
        heapq.heappush(self._heap, (self.now_ms + delay_ms, self._number, action))

    def advance(self) -> bool:
        """Let the next event happen; False when there is none."""
        if not self._heap:
            return False
        self.now_ms, _, action = heapq.heappop(self._heap)
        self.events += 1
        action()
        return True

    def run_until(self, at_ms: int) -> None:
        """Let everything happen up to and including ``at_ms``, and make it now."""
        while self._heap and self._heap[0][0] <= at_ms:
            self.advance()
        self.now_ms = max(self.now_ms, at_ms)

    def note(self, node: int, what: str, data: bytes = b"") -> None:
        """Mix something that happened into the trace hash."""
        self._hash.update(b"%d %d %s %d\n" % (self.now_ms, node, what.encode(), len(data)))
        self._hash.update(data)

    @property
    def trace_hash(self) -> str:
        """Hash of all that happened so far, in hexadecimal."""
        return self._hash.hexdigest()
