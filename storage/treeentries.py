"""What the state tree stores: the contents of its slots, each under its place.

An entry is `n ‖ u8 depth ‖ place -> digest ‖ checksum`, where the depth is that of the slot, the number of half-bytes
of its prefix. The place is either a whole path, of a leaf in this slot, and the digest that of its value; or the slot's
prefix, in whole bytes, and the digest that of the node below. So the entries of one node stand together, while a
changed key changes few and short ones: what LevelDB writes, and rewrites when it compacts, is a sixth of what it would
be if nodes were stored whole.

Digests of nodes above `TREE_TOP_DEPTH` are not stored: those nodes are rebuilt from what is below them at opening.

States of the past (not built) would take a second family, `m ‖ depth ‖ place ‖ height -> the entry that this height
replaced`: the contents at a height are the first such entry at or after it, or else the current one; current reads and
writes stay as they are, and pruning drops heights.
"""

from collections.abc import Iterable, Iterator, Mapping
from struct import Struct
from typing import Final
from zlib import crc32

from storage import limits
from storage.checksum import unseal
from storage.kv import Reader, WriteBatch

ENTRY_PREFIX: Final = b"n"

_TAGS: Final = tuple(ENTRY_PREFIX + bytes([depth]) for depth in range(2 * limits.TREE_DIGEST_BYTES_MAX + 1))
_TAG_BYTES: Final = 2
_PACK: Final = Struct(">I").pack


class TreeEntries:
    """The entries in `database` of a tree with digests of `size` bytes, and changes of leaves that are staged."""

    __slots__ = ("_database", "_size", "_staged")

    def __init__(self, database: Reader, size: int) -> None:
        self._database = database
        self._size = size
        self._staged: dict[bytes, bytes | None] = {}  # None: the entry is to go

    def put_leaves(self, depth: int, leaves: Iterable[bytes]) -> None:
        """Stage leaves, each path and value digest, that are now in slots at this depth."""
        staged, tag, size = self._staged, _TAGS[depth], self._size
        for leaf in leaves:
            staged[tag + leaf[:size]] = leaf[size:]

    def delete_leaf(self, depth: int, path: bytes) -> None:
        """Stage that the leaf is not in a slot at this depth any more."""
        self._staged[_TAGS[depth] + path] = None

    def commit_leaves_into(self, batch: WriteBatch) -> None:
        """Add the staged leaves to `batch`."""
        for key, digest in self._staged.items():
            if digest is None:
                batch.delete(key)
            else:
                batch.put(key, digest + _PACK(crc32(digest, crc32(key, len(key)))))  # checksum.seal, without two calls

    def commit_digests_into(self, batch: WriteBatch, depth: int, digests: Mapping[int, bytes]) -> None:
        """Add the digests of nodes at this depth, by number of the slot above them, to `batch`."""
        for number, digest in digests.items() if depth >= limits.TREE_TOP_DEPTH else ():
            key = _TAGS[depth] + _prefix(depth, number)
            batch.put(key, digest + _PACK(crc32(digest, crc32(key, len(key)))))

    def delete_digest_in(self, batch: WriteBatch, depth: int, number: int) -> None:
        """Add to `batch` that there is no node below the slot any more."""
        if depth >= limits.TREE_TOP_DEPTH:
            batch.delete(_TAGS[depth] + _prefix(depth, number))

    def discard(self) -> None:
        """Forget what is staged."""
        self._staged.clear()

    def of_node(self, depth: int, number: int) -> dict[int, bytes]:
        """Return the contents of the slots, by number of the slot, of the node at `depth` with this number.

        Raises:
            Corruption: an entry is damaged.

        """
        start = _TAGS[depth + 1] + _prefix(depth, number)
        shared = _TAG_BYTES + depth // 2  # whole bytes; an odd half-byte is compared by hand
        contents: dict[int, bytes] = {}
        for slot, content in self._slots(depth + 1, start[:shared], start):
            if slot >> 4 != number:
                break
            contents[slot] = contents.get(slot, b"") + content
        return contents

    def of_level(self, depth: int) -> dict[int, bytes]:
        """Return the contents of all slots at `depth`, by number of the slot.

        Raises:
            Corruption: an entry is damaged.

        """
        contents: dict[int, bytes] = {}
        for slot, content in self._slots(depth, _TAGS[depth], None):
            contents[slot] = contents.get(slot, b"") + content
        return contents

    def _slots(self, depth: int, prefix: bytes, start: bytes | None) -> Iterator[tuple[int, bytes]]:
        # Yield (number of the slot, digest or leaf), ascending.
        lead, padding = 1 << 4 * depth, 4 * (depth & 1)
        end = _TAG_BYTES + (depth + 1) // 2
        for key, sealed in self._database.iterate(prefix, start=start):
            digest = unseal(key, sealed, _name(key))
            number = lead | int.from_bytes(key[_TAG_BYTES:end]) >> padding
            path = key[_TAG_BYTES:]
            yield number, path + digest if len(path) == self._size else digest


def _prefix(depth: int, number: int) -> bytes:
    # The half-bytes of a number without the leading 1, an odd one filled up with zero bits.
    return ((number ^ 1 << 4 * depth) << 4 * (depth & 1)).to_bytes((depth + 1) // 2)


def _name(key: bytes) -> str:
    return f"state tree entry {key[1] if len(key) > 1 else '?'}/{key[_TAG_BYTES:].hex()}"
