"""The state as the ledger sees it: keys of contracts over a base that a block reads and does not change.

A state key is ``u8 len(contract) ‖ contract ‖ key``: the name has its length in front, so that no contract can name a
key of another, and the keys of one contract lie in the order of their own bytes, so that they can be scanned.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from enum import Enum
from functools import lru_cache
from typing import Final, Protocol, TypeAlias

from hanchain.crypto import Suite
from hanchain.ledger import limits
from hanchain.ledger.codec import pack
from storage.memory import Memory
from storage.state import StateStore

Writes: TypeAlias = tuple[tuple[bytes, bytes | None], ...]  # ascending by key; None deletes

WRITES_TAG: Final = "hanchain/writes/1"
STATE_TAG: Final = "hanchain/state/1"


class Reader(Protocol):
    """Somewhere that state keys are read."""

    def get(self, key: bytes, /) -> bytes | None:
        """Return the value of a state key, None if there is none."""


class Base(Reader, Protocol):
    """A state after some block, that does not change while it is read."""

    def scan(self, prefix: bytes, start: bytes | None, /, *, descending: bool) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) of the keys that begin with ``prefix`` in the order of their bytes, or against it.

        ``start`` is a whole key: the first one yielded is the nearest at or beyond it in the direction of travel.
        """


class State(Base, Protocol):
    """The authenticated state after the last block."""

    def root_after(self, writes: Writes, /) -> bytes:
        """Return the root that the state has after ``writes``; nothing that can be read changes."""


def state_key(contract: str, key: bytes) -> bytes:
    """Return the state key of ``key`` of ``contract``."""
    assert len(key) <= limits.STATE_KEY_BYTES_MAX, "the host checks the keys of contracts"
    return contract_prefix(contract) + key


@lru_cache(maxsize=limits.PREFIXES_REMEMBERED)
def contract_prefix(contract: str) -> bytes:
    """Return what all state keys of ``contract`` begin with, and no other contract's."""
    name = contract.encode()
    assert 0 < len(name) <= limits.NAME_LENGTH_MAX, "contract names are checked when a contract is registered"
    return bytes((len(name),)) + name


class _Absent(Enum):
    """What ``dict.get`` says for a key that nobody has written: None is a deletion."""

    ABSENT = 0


_ABSENT: Final = _Absent.ABSENT


class Journal:
    """The writes of a block over the state before it, in levels that are kept or undone as a whole.

    All writes lie in one table, whatever the level: reading costs one look-up however deep contracts call one another.
    A level remembers what stood there before its first write of a key; that is what ``undo`` puts back.
    """

    __slots__ = ("_base", "_levels", "_sorted", "_unsorted", "_writes")

    def __init__(self, base: Base) -> None:
        self._base = base
        self._writes: dict[bytes, bytes | None] = {}
        self._levels: list[dict[bytes, bytes | _Absent | None]] = []
        self._sorted: list[bytes] = []  # written keys in order, but for those in _unsorted
        self._unsorted: dict[bytes, None] = {}

    def get(self, key: bytes) -> bytes | None:
        """Return what was last written here, else what the base has."""
        value = self._writes.get(key, _ABSENT)
        return self._base.get(key) if value is _ABSENT else value

    def put(self, key: bytes, value: bytes | None) -> None:
        """Set a state key; None deletes it."""
        before = self._writes.get(key, _ABSENT)
        if before is _ABSENT:
            self._unsorted[key] = None
        if self._levels:
            self._levels[-1].setdefault(key, before)
        self._writes[key] = value

    def begin(self) -> None:
        """Open a level: writes until its ``keep`` or ``undo`` belong to it."""
        self._levels.append({})

    def keep(self) -> None:
        """Close the innermost level; its writes belong to the one around it."""
        level = self._levels.pop()
        if self._levels:
            around = self._levels[-1]
            for key, before in level.items():
                around.setdefault(key, before)

    def undo(self) -> None:
        """Close the innermost level and forget its writes."""
        for key, before in self._levels.pop().items():
            if before is _ABSENT:
                del self._writes[key]
                self._forget_order(key)
            else:
                self._writes[key] = before

    def changes(self) -> Writes:
        """Return the writes of the innermost level, ascending by key."""
        return tuple((key, self._writes[key]) for key in sorted(self._levels[-1]))

    def writes(self) -> Writes:
        """Return all writes, ascending by key."""
        assert not self._levels, "a block's writes are taken when all its transactions have ended"
        return tuple(sorted(self._writes.items()))

    def scan(self, prefix: bytes, start: bytes | None, *, descending: bool) -> Iterator[tuple[bytes, bytes | None]]:
        """Yield (key, value) as ``Base.scan`` does, writes included; value None: a key deleted since the block began.

        Deleted keys are told because passing over them is work that somebody has to pay for. The iteration must end
        before the next write.
        """
        low, high = self._range(prefix, start, descending=descending)
        positions = range(high - 1, low - 1, -1) if descending else range(low, high)
        written = (self._sorted[position] for position in positions)
        key = next(written, None)
        for stored_key, stored in self._base.scan(prefix, start, descending=descending):
            while key is not None and (key > stored_key if descending else key < stored_key):
                yield key, self._writes[key]
                key = next(written, None)
            if key == stored_key:
                yield stored_key, self._writes[stored_key]
                key = next(written, None)
            else:
                yield stored_key, stored
        while key is not None:
            yield key, self._writes[key]
            key = next(written, None)

    def _range(self, prefix: bytes, start: bytes | None, *, descending: bool) -> tuple[int, int]:
        """Return the half-open range of positions in ``_sorted`` that a scan covers."""
        self._sort()
        low = bisect_left(self._sorted, prefix)
        high = bisect_left(self._sorted, _successor(prefix))
        if start is not None and descending:
            high = min(high, bisect_right(self._sorted, start))
        elif start is not None:
            low = max(low, bisect_left(self._sorted, start))
        return low, high

    def _sort(self) -> None:
        # Contracts that write and scan in turns must not have all keys of the block looked at each time: few new keys
        # are put in their places one by one, many are sorted with the rest, and either is paid by the writes.
        if len(self._unsorted) * limits.KEYS_SORTED_PER_WRITE < len(self._sorted):
            for key in self._unsorted:
                insort(self._sorted, key)
        else:
            self._sorted.extend(self._unsorted)
            self._sorted.sort()
        self._unsorted.clear()

    def _forget_order(self, key: bytes) -> None:
        if key in self._unsorted:
            del self._unsorted[key]
        else:
            del self._sorted[bisect_left(self._sorted, key)]


def _successor(prefix: bytes) -> bytes:
    """Return the smallest key above all that begin with ``prefix``, which begins with the length of a name."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes((stripped[-1] + 1,))


def state_hasher(suite: Suite) -> Callable[[bytes], bytes]:
    """Return the hash function of the state tree on a network of ``suite``."""
    return suite.tagged_hasher(STATE_TAG)


def writes_digest(writes: Writes, suite: Suite) -> bytes:
    """Return the digest of ``[[key, value or nil], …]``."""
    return suite.tagged_hash(WRITES_TAG, pack(writes))


def empty_state_root(suite: Suite) -> bytes:
    """Return the root of a state without keys: that of a tree whose only node has no children."""
    return StateStore(Memory(), state_hasher(suite)).root
