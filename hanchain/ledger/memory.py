"""A state that lives in memory: for tests, benchmarks, and whoever replays a chain to compare."""

from __future__ import annotations

from collections.abc import Iterator

from hanchain.crypto import Suite
from hanchain.ledger.state import Writes, state_hasher
from storage.kv import WriteBatch
from storage.memory import Memory
from storage.state import StateStore


class MemoryState:
    """The authenticated state after the last committed block, over a store that keeps nothing."""

    def __init__(self, suite: Suite) -> None:
        self._database = Memory()
        self._store = StateStore(self._database, state_hasher(suite))

    @property
    def root(self) -> bytes:
        """The root of the committed state."""
        return self._store.root

    def get(self, key: bytes, /) -> bytes | None:
        """Return the value of a state key, None if there is none."""
        return self._store.get(key)

    def scan(self, prefix: bytes, start: bytes | None, /, *, descending: bool) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) as ``Base.scan`` does."""
        return self._store.scan(prefix, start, descending=descending)

    def root_after(self, writes: Writes, /) -> bytes:
        """Return the root that the state has after ``writes``; nothing that can be read changes."""
        return self._store.root_after(writes)

    def commit(self, writes: Writes) -> bytes:
        """Make ``writes`` part of the state and return its root."""
        root = self._store.root_after(writes)
        batch = WriteBatch()
        self._store.commit_into(batch)
        self._database.write(batch)
        self._store.committed()
        return root

    def prove(self, key: bytes) -> tuple[bytes | None, bytes]:
        """Return the value of a state key, None if there is none, and the proof of it under ``root``."""
        return self._store.prove(key)
