"""A bounded cache of tree nodes: the deepest are dropped first, among them the ones that were stored longest ago.

A node of a higher level lies on the way to sixteen times as many keys, so it is worth more than any below it.
"""

from typing import Final

from storage import limits

_ENTRY_BYTES: Final = 150  # what Python needs for an entry beside the node's own bytes: two headers, key, table slot


class NodeCache:
    """Nodes by their keys, whose second byte is the depth, in at most `bytes_max` bytes of memory."""

    __slots__ = ("_bytes", "_bytes_max", "_deepest", "_levels")

    def __init__(self, bytes_max: int) -> None:
        self._levels: tuple[dict[bytes, bytes], ...] = tuple({} for _ in range(2 * limits.TREE_DIGEST_BYTES_MAX))
        self._bytes = 0
        self._bytes_max = bytes_max
        self._deepest = 0

    def get(self, key: bytes) -> bytes | None:
        """Return the node, or None if it is not here."""
        return self._levels[key[1]].get(key)

    def put(self, key: bytes, node: bytes | None) -> None:
        """Store a node as the newest of its level, or forget it."""
        level = self._levels[key[1]]
        old = level.pop(key, None)
        if old is not None:
            self._bytes -= len(old) + _ENTRY_BYTES
        if node is not None:
            level[key] = node
            self._bytes += len(node) + _ENTRY_BYTES
            self._deepest = max(self._deepest, key[1])
            while self._bytes > self._bytes_max:
                self._drop()

    def _drop(self) -> None:
        while not self._levels[self._deepest]:
            self._deepest -= 1
        level = self._levels[self._deepest]
        self._bytes -= len(level.pop(next(iter(level)))) + _ENTRY_BYTES
