"""The authenticated state tree: a sparse Merkle tree with sixteen children per node, updated once per block.

It maps paths to value digests; `storage.treeproof` says how a node is encoded and hashed. Leaves stand at the
shallowest depth at which at most `LEAVES_MAX` paths begin alike, inside the node above; so the shape, and with it the
root, depends on the content alone and never on the order or history of writes.

A batch is applied in two sweeps: down, to find the slot in which each path ends; up, level by level, where every node
that changes is rewritten and hashed once. Slots and nodes are numbered by their prefix: its half-bytes behind a leading
1, so that `number >> 4` is the node above, `number & 15` the slot in it, and 1 the root.

What is stored is the contents of slots, not nodes: `storage.treeentries`. Nodes are put together from them when they
are needed, checked against the digest in the node above, and cached. Those above `TREE_TOP_DEPTH` change with nearly
every block and are few: they are all held in memory.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from operator import itemgetter
from typing import Final

from storage import limits
from storage.errors import Corruption
from storage.kv import Reader, WriteBatch
from storage.treeentries import TreeEntries
from storage.treeproof import LEAVES_MAX, TreeProof

Hash = Callable[[bytes], bytes]
Change = tuple[bytes, bytes | None]  # path, value digest or None to delete

_EMPTY: Final = b"\x01" + bytes(6)  # a node without children: only ever the root
_HEAD_BYTES: Final = len(_EMPTY)
_ALL_INNER: Final = b"\x01\xff\xff" + bytes(4)
_NO_INNER: Final = b"\x00\x00"
_TOP: Final = limits.TREE_TOP_DEPTH
_NODE_OVERHEAD_BYTES: Final = 150  # what Python adds to a cached node: two object headers and a place in a table

# The three bitmaps of a node as one number of 48 bits; a slot has one bit in each.
_SLOT: Final = 1 << 32 | 1 << 16 | 1
_LOWER: Final = tuple(_SLOT * ((1 << slot) - 1) for slot in range(16))  # the bits of all slots before a slot
_BITS: Final = {  # digests that a slot holds -> its bits; one digest is that of a node, a leaf is two
    1: 1 << 32,
    **{2 * leaves: (leaves & 1) << 16 | leaves >> 1 for leaves in range(LEAVES_MAX + 1)},
}
_UNITS: Final = {bits: units for units, bits in _BITS.items()}

_LeafChange = tuple[bytes, bytes]  # path; path and value digest, or nothing to delete it
_Leaves = list[tuple[int, bytes]]  # (number of the whole path, path and value digest), ascending


class StateTree:
    """The tree stored in `database` and the one batch that is staged over it.

    `hash` gives digests of one length, 16 to 64 bytes, which is also that of paths. `root` is the recorded one, None
    if nothing was ever stored.

    Raises:
        Corruption: the stored entries do not have this root.

    """

    def __init__(
        self,
        database: Reader,
        hash: Hash,  # noqa: A002  # the name every reader expects
        root: bytes | None,
        *,
        cache_bytes: int = limits.TREE_CACHE_BYTES,
    ) -> None:
        self._hash = hash
        self._size = size = len(hash(_EMPTY))
        assert limits.TREE_DIGEST_BYTES_MIN <= size <= limits.TREE_DIGEST_BYTES_MAX, f"digests of {size} bytes"
        self._entries = TreeEntries(database, size)
        self._lead = 1 << 8 * size
        self._shifts = tuple(8 * size - 4 * depth for depth in range(2 * size + 1))
        self._levels: tuple[dict[int, bytes], ...] = tuple({} for _ in range(2 * size))
        self._cache_bytes_max = cache_bytes
        self._cache_bytes = 0  # of the levels from _TOP on
        self._staged_bytes = 0  # what the cache grows by when the staged batch becomes current
        self._staged: tuple[dict[int, bytes], ...] = tuple({} for _ in range(2 * size))
        self._digests: tuple[dict[int, bytes], ...] = tuple({} for _ in range(2 * size))  # of the staged nodes
        self._removed: list[tuple[int, int]] = []  # (depth, number) of nodes that go with what is staged
        self.root = hash(_EMPTY) if root is None else root
        self.staged_root = self.root
        self._load_top()

    def stage(self, changes: Iterable[Change]) -> bytes:
        """Return the root after `changes`, each path once, in any order; staging again replaces what was staged.

        Raises:
            Corruption: a node on the way to a path is damaged.

        """
        self.discard()
        ends = self._descend(changes)
        risen: dict[int, bytes] = {}
        for depth in range(len(ends) - 1, -1, -1):
            if ends[depth] or risen:
                risen = self._rise(depth, ends[depth], risen)
        self.staged_root = risen.get(1, self.root)
        return self.staged_root

    def commit_into(self, batch: WriteBatch) -> None:
        """Add what was staged to `batch`."""
        self._entries.commit_leaves_into(batch)
        for depth, digests in enumerate(self._digests):
            self._entries.commit_digests_into(batch, depth, digests)
        for depth, number in self._removed:
            self._entries.delete_digest_in(batch, depth, number)

    def committed(self) -> None:
        """Make current what was staged: the batch is written."""
        for depth, number in self._removed:
            del self._levels[depth][number]
        for level, nodes in zip(self._levels, self._staged, strict=True):
            level.update(nodes)
        self._cache_bytes += self._staged_bytes
        self.root = self.staged_root
        self.discard()
        self._trim()

    def discard(self) -> None:
        """Forget what was staged."""
        for nodes in (*self._staged, *self._digests):
            nodes.clear()
        self._removed.clear()
        self._entries.discard()
        self._staged_bytes = 0
        self.staged_root = self.root

    def prove(self, path: bytes) -> TreeProof:
        """Return the nodes that lead to `path` in the current tree, or to where it would be.

        Raises:
            Corruption: one of them is damaged.

        """
        full = self._lead | int.from_bytes(path)
        node, nodes = self._levels[0][1], []
        while True:
            nodes.append(node)
            child = full >> self._shifts[len(nodes)]
            if not int.from_bytes(node[1:3]) >> (child & 15) & 1:
                break
            node = self._levels[len(nodes)].get(child) or self._load(len(nodes), child, node)
        self._trim()
        return TreeProof(tuple(nodes))

    def _descend(self, changes: Iterable[Change]) -> list[dict[int, list[_LeafChange]]]:
        # Find the slot in which each path ends; return the changes by depth of the node and number of the slot.
        ends: list[dict[int, list[_LeafChange]]] = [{} for _ in self._levels]
        levels, shifts, lead = self._levels, self._shifts, self._lead
        # Where the tree is dense, most paths lead on below this depth, and the walk from the root is saved.
        dense = 0
        while dense < _TOP and 2 * len(levels[dense + 1]) >= 1 << 4 * (dense + 1):
            dense += 1
        dense_level, dense_shift, top = levels[dense], shifts[dense], levels[0][1]
        for path, digest in sorted(changes, key=itemgetter(0)):  # what is together in the tree comes together
            full = lead | int.from_bytes(path)
            depth, node = dense, dense_level.get(full >> dense_shift)
            if node is None:
                depth, node = 0, top
            number = full >> shifts[depth + 1]
            slot = number & 15
            while node[2 - (slot >> 3)] >> (slot & 7) & 1:  # the slot holds a digest
                depth += 1
                node = levels[depth].get(number) or self._load(depth, number, node)
                number = full >> shifts[depth + 1]
                slot = number & 15
            change = (path, b"" if digest is None else path + digest)
            if number in ends[depth]:
                ends[depth][number].append(change)
            else:
                ends[depth][number] = [change]
        return ends

    def _rise(self, depth: int, ends: dict[int, list[_LeafChange]], risen: dict[int, bytes]) -> dict[int, bytes]:
        # Give slots of nodes at `depth` new contents: what has risen from the level below, and changed leaves, both by
        # number of the slot. Return what rises to the level above.
        level, staged, hash_of, size = self._levels[depth], self._staged[depth], self._hash, self._size
        digests = self._digests[depth]
        rewritten: dict[int, bytes] = {}
        for number, content in risen.items():
            parent = number >> 4
            node = rewritten.get(parent) or level[parent]
            if len(content) == size and node[:_HEAD_BYTES] == _ALL_INNER:  # nearly always, in a large tree
                start = _HEAD_BYTES + size * (number & 15)
                rewritten[parent] = b"".join((node[:start], content, node[start + size :]))
            else:
                rewritten[parent] = self._with_slot(depth, number, node, content)
        known: list[bytes] = []
        for number, changes in ends.items():
            parent = number >> 4
            node = rewritten.get(parent) or level[parent]
            path, leaf = changes[0]
            # A known path gets another value. Its bytes are found only where its leaf is: elsewhere, they would be as
            # good as a collision of the hash.
            if leaf and len(changes) == 1 and (start := node.find(path, _HEAD_BYTES)) > 0:
                if not node.startswith(leaf, start):
                    rewritten[parent] = b"".join((node[:start], leaf, node[start + 2 * size :]))
                    known.append(leaf)
            elif (changed := self._with_slot(depth, number, node, changes)) is not node:
                rewritten[parent] = changed
        self._entries.put_leaves(depth + 1, known)
        rising: dict[int, bytes] = {}
        for number, node in rewritten.items():
            if node[1:3] == _NO_INNER and depth and len(node) <= _HEAD_BYTES + 2 * size * LEAVES_MAX:
                rising[number] = node[_HEAD_BYTES:]  # so few leaves that they stand in the node above
                self._collapse(depth, number, node)
            else:
                staged[number] = node
                rising[number] = digests[number] = hash_of(node)
        return rising

    def _collapse(self, depth: int, number: int, node: bytes) -> None:
        # Give up a node whose leaves move up.
        size = self._size
        self._removed.append((depth, number))
        if depth >= _TOP:
            self._staged_bytes -= len(node) + _NODE_OVERHEAD_BYTES
        for start in range(_HEAD_BYTES, len(node), 2 * size):
            self._entries.delete_leaf(depth + 1, node[start : start + size])

    def _with_slot(self, depth: int, number: int, node: bytes, content: bytes | list[_LeafChange]) -> bytes:
        # Return the node at `depth` with new content in one slot, given itself or as changes to leaves; the very same
        # node if nothing changes.
        size, slot = self._size, number & 15
        bits = int.from_bytes(node[1:_HEAD_BYTES])
        start = _HEAD_BYTES + size * _units_before(bits, slot)
        kind = bits >> slot & _SLOT
        stop = start + size * _UNITS[kind]
        old = node[start:stop]
        if isinstance(content, list):
            content = self._with_leaves(depth + 1, old, content)
            if content == old:
                return node
        elif len(content) != size:  # the node below was given up
            self._entries.put_leaves(
                depth + 1, [content[at : at + 2 * size] for at in range(0, len(content), 2 * size)]
            )
        if depth >= _TOP:
            self._staged_bytes += len(content) - len(old)
        bits ^= (kind ^ _BITS[len(content) // size]) << slot
        return b"".join((_EMPTY[:1], bits.to_bytes(6), node[_HEAD_BYTES:start], content, node[stop:]))

    def _with_leaves(self, depth: int, leaves: bytes, changes: list[_LeafChange]) -> bytes:
        # Return what a slot at `depth` holds after changes to its leaves: leaves, or the digest of a new node below.
        size, entries = self._size, self._entries
        merged = {leaves[at : at + size]: leaves[at : at + 2 * size] for at in range(0, len(leaves), 2 * size)}
        for path, leaf in changes:
            if leaf:
                if merged.get(path) != leaf:
                    merged[path] = leaf
                    entries.put_leaves(depth, (leaf,))
            elif merged.pop(path, None) is not None:
                entries.delete_leaf(depth, path)
        if len(merged) <= LEAVES_MAX:
            return b"".join([merged[path] for path in sorted(merged)])
        for path in merged:
            entries.delete_leaf(depth, path)
        return self._build(depth, [(self._lead | int.from_bytes(path), merged[path]) for path in sorted(merged)])

    def _build(self, depth: int, leaves: _Leaves) -> bytes:
        # Return the digest of a new node at `depth` over leaves that share its prefix, too many to stand above it.
        groups: dict[int, _Leaves] = {}
        for entry in leaves:
            groups.setdefault(entry[0] >> self._shifts[depth + 1], []).append(entry)
        contents: dict[int, bytes] = {}
        for number, group in groups.items():
            if len(group) > LEAVES_MAX:
                contents[number] = self._build(depth + 1, group)
            else:
                contents[number] = b"".join([leaf for _, leaf in group])
                self._entries.put_leaves(depth + 1, [leaf for _, leaf in group])
        node = self._assemble(contents)
        if depth >= _TOP:
            self._staged_bytes += len(node) + _NODE_OVERHEAD_BYTES
        number = leaves[0][0] >> self._shifts[depth]
        self._staged[depth][number] = node
        digest = self._digests[depth][number] = self._hash(node)
        return digest

    def _assemble(self, contents: dict[int, bytes]) -> bytes:
        # Return the node with these contents of its slots, by number in ascending order. What no slot can hold, from a
        # damaged database, gives a node that has another digest than it should.
        bits = 0
        for number, content in contents.items():
            bits |= _BITS.get(len(content) // self._size, 0) << (number & 15)
        return _EMPTY[:1] + bits.to_bytes(6) + b"".join(contents.values())

    def _load(self, depth: int, number: int, above: bytes) -> bytes:
        # Put the node together from its entries; `above` is the node over it, which has its digest.
        contents = self._entries.of_node(depth, number)
        start = _HEAD_BYTES + self._size * _units_before(int.from_bytes(above[1:_HEAD_BYTES]), number & 15)
        node = self._assemble(contents)
        if self._hash(node) != above[start : start + self._size]:
            raise Corruption(f"state tree node {f'{number:x}'[1:]}", "its entries do not have its digest")
        self._levels[depth][number] = node
        self._cache_bytes += len(node) + _NODE_OVERHEAD_BYTES
        return node

    def _load_top(self) -> None:
        # From the lowest level up, so that a node's turn comes when the digests of its children are known.
        for depth in range(_TOP - 1, -1, -1):
            slots = self._entries.of_level(depth + 1)
            for number, node in self._levels[depth + 1].items():
                slots[number] = slots.get(number, b"") + self._hash(node)  # an entry beside a node is damage
            contents: dict[int, dict[int, bytes]] = {}
            for number in sorted(slots):
                contents.setdefault(number >> 4, {})[number] = slots[number]
            for number, node_contents in contents.items():
                self._levels[depth][number] = self._assemble(node_contents)
        self._levels[0].setdefault(1, _EMPTY)
        if (computed := self._hash(self._levels[0][1])) != self.root:
            raise Corruption("state tree", f"its entries have root {computed.hex()}, {self.root.hex()} is recorded")

    def _trim(self) -> None:
        # The deepest go first, among them those that came first: a node of a higher level lies on the way to sixteen
        # times as many paths. An eighth at a time, since finding the first of a dictionary is slow after removals.
        if self._cache_bytes <= self._cache_bytes_max or self._staged[0]:
            return  # what is staged stands over nodes that have to stay until it is current
        for level in reversed(self._levels[_TOP:]):
            while level and self._cache_bytes > self._cache_bytes_max:
                for number in list(islice(level, len(level) // 8 + 1)):
                    self._cache_bytes -= len(level.pop(number)) + _NODE_OVERHEAD_BYTES


def _units_before(bits: int, slot: int) -> int:
    # How many digests the slots before this one hold: one for a node below, two for every leaf.
    before = bits & _LOWER[slot]
    return before.bit_count() + (before & 0xFFFF_FFFF).bit_count() + 2 * (before & 0xFFFF).bit_count()
