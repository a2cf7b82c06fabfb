"""Stretches of keys that are known to hold nothing, so that walks pass over them in one step.

A deleted key, or an older value of one, stays in a log-structured store, to be passed over, until a compaction drops
it: sixty thousand deleted keys take 5 ms, fifty thousand values of one key 140 ms backwards, again and again, and
whoever deletes cannot be made to pay for the walks of all others. A walk that was slow says here where it found
nothing. This is a cache: what is in it never shows in what a walk finds.
"""

from bisect import bisect_left, bisect_right
from typing import Final

_NEXT: Final = b"\x00"  # behind a key: the smallest key above it


class Voids:
    """Disjoint half-open ranges of keys without any entry in the current state; at most `voids_max` of them."""

    def __init__(self, voids_max: int) -> None:
        self._voids_max = voids_max
        self._starts: list[bytes] = []  # ascending; a range ends before the next one begins
        self._ends: list[bytes] = []
        self._hand = 0  # which one makes room next

    def __len__(self) -> int:
        return len(self._starts)

    def above(self, position: bytes) -> bytes:
        """Return the first key at or above `position` that may have an entry."""
        index = bisect_right(self._starts, position) - 1
        return self._ends[index] if index >= 0 and position < self._ends[index] else position

    def below(self, end: bytes) -> bytes:
        """Return the lowest place for which it is known that no key from there on and below `end` has an entry."""
        index = bisect_left(self._starts, end) - 1
        return self._starts[index] if index >= 0 and end <= self._ends[index] else end

    def add(self, start: bytes, end: bytes) -> None:
        """Note that no key from `start` on and below `end` has an entry."""
        if start >= end:
            return
        low, high = bisect_left(self._ends, start), bisect_right(self._starts, end)  # all that overlap or touch
        if low < high:
            start, end = min(start, self._starts[low]), max(end, self._ends[high - 1])
        self._replace(low, high, [(start, end)])

    def on_put(self, key: bytes) -> None:
        """Note that `key` gets an entry."""
        index = bisect_right(self._starts, key) - 1
        if index >= 0 and key < self._ends[index]:
            parts = [(self._starts[index], key), (key + _NEXT, self._ends[index])]
            self._replace(index, index + 1, [(start, end) for start, end in parts if start < end])

    def on_delete(self, key: bytes) -> None:
        """Note that `key` has no entry any more, if that makes a known stretch longer."""
        after = key + _NEXT
        below, above = bisect_left(self._ends, key), bisect_left(self._starts, after)
        if (below < len(self._ends) and self._ends[below] == key) or (
            above < len(self._starts) and self._starts[above] == after
        ):
            self.add(key, after)

    def _replace(self, low: int, high: int, ranges: list[tuple[bytes, bytes]]) -> None:
        self._starts[low:high] = [start for start, _ in ranges]
        self._ends[low:high] = [end for _, end in ranges]
        while len(self._starts) > self._voids_max:  # in turns: which ones are worth most is not known
            self._hand = (self._hand + 1) % len(self._starts)
            del self._starts[self._hand], self._ends[self._hand]
