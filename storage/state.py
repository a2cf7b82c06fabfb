"""The state: values by key with the tree that authenticates them, in one database and always of one block.

Entries in the database: `v ‖ key` holds a sealed value, `n…` the nodes of the tree (`storage.tree`), `r` format and
root. Other first bytes are free for the owner of the database, who may put its own entries into the same batch.
"""

from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import Final

from storage import limits
from storage.checksum import seal, unseal
from storage.errors import Corruption, UnsupportedFormat
from storage.kv import KeyValue, WriteBatch, key_range
from storage.tree import StateTree
from storage.treeentries import ENTRY_PREFIX
from storage.voids import Voids

Writes = tuple[tuple[bytes, bytes | None], ...]  # ascending by key; None deletes

FORMAT: Final = 1

_VALUE: Final = b"v"
_ROOT: Final = b"r"
_KEY_TAG: Final = b"\x02"
_VALUE_TAG: Final = b"\x03"
_BEYOND: Final = b"\xff" * (limits.STATE_KEY_BYTES_MAX + 1)  # above every key


class StateStore:
    """The current state, and at most one block's writes staged over it.

    A block is `root_after(writes)`, `commit_into(batch)`, the owner's write of the batch, `committed()`. Until then
    every read sees the state before the block. One thread at a time.

    Raises:
        UnsupportedFormat: the state was written by another version of this format.
        Corruption: root or tree are damaged.

    """

    def __init__(
        self,
        database: KeyValue,
        hash: Callable[[bytes], bytes],  # noqa: A002  # the name every reader expects
        *,
        cache_bytes: int = limits.TREE_CACHE_BYTES,
    ) -> None:
        self._database = database
        self._hash = hash
        self._staged: Writes = ()
        self._voids = Voids(limits.STATE_VOIDS_MAX)
        self._commits = 0
        self._tree = StateTree(database, hash, self._read_root(), cache_bytes=cache_bytes)

    @property
    def root(self) -> bytes:
        """The root of the current state."""
        return self._tree.root

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None.

        Raises:
            Corruption: the value is damaged.

        """
        stored = _VALUE + key
        sealed = self._database.get(stored)
        return None if sealed is None else unseal(stored, sealed, _name(stored))

    def scan(
        self, prefix: bytes = b"", start: bytes | None = None, *, descending: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) of all keys that begin with `prefix`, from the whole key `start` on if that is given."""
        first, end = key_range(prefix, start, reverse=descending)
        if end is None:
            end = _BEYOND
        walk = self._descend(prefix, start, first, end) if descending else self._ascend(prefix, first, end)
        for stored, sealed in walk:
            yield stored[1:], unseal(stored, sealed, _name(stored))

    def _ascend(self, prefix: bytes, first: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        # Stored entries from key `first` on and below `end`. Voids are those of the current state: an iteration that
        # goes on after a commit stays with the state of its beginning, and leaves them alone.
        entries: Iterator[tuple[bytes, bytes]] | None = None
        commits = self._commits
        while True:
            position = self._voids.above(first) if commits == self._commits else first
            if position >= end:
                return
            began_ns = perf_counter_ns()
            if entries is None or position != first:
                entries = self._database.iterate(_VALUE + prefix, start=_VALUE + position)
            entry = next(entries, None)
            slow = perf_counter_ns() - began_ns > limits.STATE_STEP_SLOW_NS
            if slow and commits == self._commits:
                self._voids.add(position, end if entry is None else entry[0][1:])
            if entry is None:
                return
            yield entry
            first = entry[0][1:] + b"\x00"

    def _descend(self, prefix: bytes, start: bytes | None, first: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        # The same entries the other way round.
        entries: Iterator[tuple[bytes, bytes]] | None = None
        commits = self._commits
        while True:
            position = self._voids.below(end) if commits == self._commits else end
            if position <= first:
                return
            began_ns = perf_counter_ns()
            if position != end:
                # A void begins behind a key that is there, as a rule: the store finds that without a look at the void.
                start = position[:-1] if position.endswith(b"\x00") else position
                entries = None
            if entries is None:
                begin = None if start is None else _VALUE + start
                entries = self._database.iterate(_VALUE + prefix, start=begin, reverse=True)
            entry = next(entries, None)
            slow = perf_counter_ns() - began_ns > limits.STATE_STEP_SLOW_NS
            if slow and commits == self._commits:
                self._voids.add(first if entry is None else entry[0][1:] + b"\x00", position)
            if entry is None:
                return
            yield entry
            end = entry[0][1:]

    def root_after(self, writes: Writes) -> bytes:
        """Return the root after `writes` (ascending by key, None deletes) and stage them; nothing visible changes.

        Raises:
            Corruption: a node of the tree on the way is damaged.
            AssertionError: the keys are not ascending, or one is too long.

        """
        self._staged = ()
        self._tree.discard()
        hash_of = self._hash
        changes: list[tuple[bytes, bytes | None]] = []
        previous: bytes | None = None
        for key, value in writes:
            assert previous is None or previous < key, f"writes are not ascending at {key.hex()}"
            assert len(key) <= limits.STATE_KEY_BYTES_MAX, f"a state key of {len(key)} bytes"
            previous = key
            changes.append((hash_of(_KEY_TAG + key), None if value is None else hash_of(_VALUE_TAG + value)))
        root = self._tree.stage(changes)
        self._staged = writes
        return root

    def commit_into(self, batch: WriteBatch) -> None:
        """Add the staged values, nodes and root to `batch`, which the owner then writes."""
        for key, value in self._staged:
            stored = _VALUE + key
            if value is None:
                batch.delete(stored)
            else:
                batch.put(stored, seal(stored, value))
                self._voids.on_put(key)  # now, lest a void be believed whatever becomes of the batch
        self._tree.commit_into(batch)
        batch.put(_ROOT, seal(_ROOT, bytes([FORMAT]) + self._tree.staged_root))

    def committed(self) -> None:
        """Take what was staged for current: call it when the batch is written."""
        for key, value in self._staged:
            if value is None:
                self._voids.on_delete(key)
            else:
                self._voids.on_put(key)  # again: a walk between collecting and writing the batch found nothing there
        self._staged = ()
        self._commits += 1
        self._tree.committed()

    def prove(self, key: bytes) -> tuple[bytes | None, bytes]:
        """Return the current value of `key`, or None, and the proof of it (`storage.treeproof`) under `root`."""
        return self.get(key), self._tree.prove(self._hash(_KEY_TAG + key)).encode()

    def _read_root(self) -> bytes | None:
        sealed = self._database.get(_ROOT)
        if sealed is None:
            for prefix in (_VALUE, ENTRY_PREFIX):
                if next(self._database.iterate(prefix), None) is not None:
                    raise Corruption("state root", "the entry is missing")
            return None
        record = unseal(_ROOT, sealed, "state root")
        if record[0] != FORMAT:
            raise UnsupportedFormat(f"the state has format {record[0]}, this program reads {FORMAT}")
        return record[1:]


def _name(stored: bytes) -> str:
    return f"state value {stored[1:].hex()}"
