"""The state as contracts see it: keys of one contract, written in journals that commit or vanish as a whole.

A state key is ``u8 len(contract) ‖ contract ‖ u16 len(key) ‖ key``: both parts have their length in front, so that no
contract can name a key of another.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import Final, Protocol, TypeAlias

from hanchain.crypto import Suite
from hanchain.ledger import limits
from hanchain.ledger.codec import encode

Read: TypeAlias = Callable[[bytes], bytes | None]
Writes: TypeAlias = tuple[tuple[bytes, bytes | None], ...]  # ascending by key; None deletes

WRITES_TAG: Final = "hanchain/writes/1"
STATE_TAG: Final = "hanchain/state/1"

_LENGTH: Final = Struct(">H")


class StateView(Protocol):
    """Somewhere that state keys are read and written."""

    def get(self, key: bytes, /) -> bytes | None:
        """Return the value of a state key, None if there is none."""

    def put(self, key: bytes, value: bytes | None, /) -> None:
        """Set a state key; None deletes it."""


def state_key(contract: str, key: bytes) -> bytes:
    """Return the state key of ``key`` of ``contract``."""
    assert len(key) <= limits.STATE_KEY_BYTES_MAX, "the host checks the keys of contracts"
    return _prefix(contract) + _LENGTH.pack(len(key)) + key


@lru_cache(maxsize=limits.PREFIXES_REMEMBERED)
def _prefix(contract: str) -> bytes:
    name = contract.encode()
    assert 0 < len(name) <= limits.NAME_LENGTH_MAX, "contract names are checked when a contract is registered"
    return bytes((len(name),)) + name


class Journal:
    """Writes over a read function: nothing below changes before ``commit``, and nothing at all after ``rollback``.

    Journals nest: a block has one over the stored state, each of its transactions one over the block's.
    """

    __slots__ = ("_below", "_read", "_writes")

    def __init__(self, read: Read, below: StateView | None = None) -> None:
        self._read = read
        self._below = below
        self._writes: dict[bytes, bytes | None] = {}

    def get(self, key: bytes) -> bytes | None:
        """Return what was last written here, else what is below."""
        if key in self._writes:
            return self._writes[key]
        return self._read(key)

    def put(self, key: bytes, value: bytes | None) -> None:
        """Set a state key; None deletes it."""
        self._writes[key] = value

    def child(self) -> Journal:
        """Return an empty journal over this one."""
        return Journal(self.get, self)

    def commit(self) -> None:
        """Write everything into the journal below; this one is empty afterwards."""
        assert self._below is not None, "the outermost journal's writes are taken, not committed"
        for key, value in self._writes.items():
            self._below.put(key, value)
        self._writes = {}

    def rollback(self) -> None:
        """Forget every write."""
        self._writes = {}

    def writes(self) -> Writes:
        """Return the writes in ascending order of their keys."""
        return tuple(sorted(self._writes.items()))


def writes_digest(writes: Writes, suite: Suite) -> bytes:
    """Return the digest of ``[[key, value or nil], …]``."""
    return suite.tagged_hash(WRITES_TAG, encode(writes))


def empty_state_root(suite: Suite) -> bytes:
    """Return the state root before the first write."""
    return suite.tagged_hash(STATE_TAG)


def next_state_root(previous_root: bytes, writes: Writes, suite: Suite) -> bytes:
    """Return the state root after a block's writes: a hash chain over all writes since genesis.

    It commits to the state, since the state is a function of the writes, but proves no single key: the authenticated
    tree will take its place.
    """
    return suite.tagged_hash(STATE_TAG, previous_root, writes_digest(writes, suite))
