"""The authenticated state tree: a sparse Merkle tree with sixteen children per node, updated once per block.

It maps paths to value digests (`storage.treeproof` has the format). A leaf stands at the shallowest depth at which its
path is unique, inside its parent; so the shape, and with it the root, depends on the content alone and never on the
order or history of writes. A batch is applied in one walk: each node that changes is read, hashed and stored once.

Nodes are stored by their prefix: `n ‖ u8 depth ‖ prefix in hex`. Those above `TREE_TOP_DEPTH` change with nearly every
write and are few: they are held in memory, stored only if they contain a leaf, and rebuilt from below at opening.
"""

from collections.abc import Callable, Sequence
from typing import Final

from storage import limits
from storage.checksum import seal, unseal
from storage.errors import Corruption
from storage.kv import Reader, WriteBatch
from storage.treecache import NodeCache
from storage.treeproof import TreeProof

Hash = Callable[[bytes], bytes]
Change = tuple[bytes, bytes | None]  # path, value digest or None to delete

NODE_PREFIX: Final = b"n"

_EMPTY: Final = b"\x01\x00\x00\x00\x00"  # a node without children: only ever at the root
_HEAD_BYTES: Final = len(_EMPTY)
_DEPTH_TAGS: Final = tuple(NODE_PREFIX + bytes([depth]) for depth in range(2 * limits.TREE_DIGEST_BYTES_MAX))
_SLOTS: Final = {ord(digit): int(digit, 16) for digit in "0123456789abcdef"}
_ROOT: Final = _DEPTH_TAGS[0]


class StateTree:
    """The tree stored in `database` and the one batch that is staged over it.

    `hash` gives digests of one length, 16 to 64 bytes, which is also that of paths.

    Raises:
        Corruption: the stored nodes do not have the root `root`.

    """

    def __init__(
        self,
        database: Reader,
        hash: Hash,  # noqa: A002  # the name every reader expects
        root: bytes | None,
        *,
        cache_bytes: int = limits.TREE_CACHE_BYTES,
    ) -> None:
        self._database = database
        self._hash = hash
        self._size = len(hash(_EMPTY))
        assert limits.TREE_DIGEST_BYTES_MIN <= self._size <= limits.TREE_DIGEST_BYTES_MAX, f"digests of {self._size}"
        self._cache = NodeCache(cache_bytes)
        self._top: dict[bytes, bytes] = {_ROOT: _EMPTY}
        self.root = hash(_EMPTY) if root is None else root
        self._staged: dict[bytes, bytes | None] = {}  # None: the node is to go
        self.staged_root = self.root
        self._paths: list[bytes] = []  # of the batch being applied: ascending, in hex
        self._leaves: list[bytes | None] = []  # of the same batch: path and value digest, None to delete
        self._load_top()

    def stage(self, changes: Sequence[Change]) -> bytes:
        """Return the root after `changes`, (path, digest or None to delete) in any order, each path once.

        Only `commit_into` makes use of what was staged; staging again replaces it.
        """
        ordered = sorted([(path.hex().encode(), digest, path) for path, digest in changes])
        self._paths = [path for path, _, _ in ordered]
        self._leaves = [None if digest is None else path + digest for _, digest, path in ordered]
        self._staged = {}
        self.staged_root = self.root
        if ordered:
            root = self._update(0, 0, len(ordered))
            assert root is not None, "the root is always a node"
            self.staged_root = root
        return self.staged_root

    def commit_into(self, batch: WriteBatch) -> None:
        """Add what was staged to `batch`."""
        for key, node in self._staged.items():
            if key[1] < limits.TREE_TOP_DEPTH and (node is None or node[3:5] == b"\x00\x00"):
                if self._top.get(key, _EMPTY)[3:5] != b"\x00\x00":
                    batch.delete(key)
            elif node is None:
                batch.delete(key)
            else:
                batch.put(key, seal(key, node))

    def committed(self) -> None:
        """Make current what was staged: the batch is written."""
        for key, node in self._staged.items():
            if key[1] >= limits.TREE_TOP_DEPTH:
                self._cache.put(key, node)
            elif node is None:
                del self._top[key]
            else:
                self._top[key] = node
        self._staged = {}
        self.root = self.staged_root

    def prove(self, path: bytes) -> TreeProof:
        """Return the nodes that lead to `path` in the current tree, or to where it would be."""
        digits = path.hex().encode()
        nodes: list[bytes] = []
        while True:
            depth = len(nodes)
            node = self._node(_DEPTH_TAGS[depth] + digits[:depth])
            nodes.append(node)
            if not int.from_bytes(node[1:3]) >> _SLOTS[digits[depth]] & 1:
                return TreeProof(tuple(nodes))

    def _update(self, depth: int, low: int, high: int) -> bytes | None:
        # Apply changes low..high-1, which share the prefix of the node at `depth`; return what its parent then holds:
        # a digest, a leaf if only one path is left (never for the root), or None.
        key = _DEPTH_TAGS[depth] + self._paths[low][:depth]
        node = bytearray(self._node(key))
        paths, size = self._paths, self._size
        bits = int.from_bytes(node[1:5])  # inner in the high half, leaves in the low half
        while low < high:
            digit = paths[low][depth]
            end = low + 1
            while end < high and paths[end][depth] == digit:
                end += 1
            slot = _SLOTS[digit]
            leaf, below = 1 << slot, (1 << slot) - 1
            inner = leaf << 16
            start = _HEAD_BYTES + size * ((bits >> 16 & below).bit_count() + 2 * (bits & below).bit_count())
            if bits & inner:
                stop = start + size
                child = self._update(depth + 1, low, end)
            elif bits & leaf:
                stop = start + 2 * size
                child = self._merge(depth + 1, bytes(node[start:stop]), low, end)
            else:
                stop = start
                child = self._merge(depth + 1, None, low, end)
            bits &= ~(inner | leaf)
            if child is None:
                del node[start:stop]
            else:
                node[start:stop] = child
                bits |= inner if len(child) == size else leaf
            low = end
        if depth and not bits >> 16 and bits.bit_count() < 2:
            self._staged[key] = None
            return bytes(node[_HEAD_BYTES:]) or None
        node[1:5] = bits.to_bytes(4)
        return self._stage_node(key, bytes(node))

    def _merge(self, depth: int, leaf: bytes | None, low: int, high: int) -> bytes | None:
        # Apply changes to a slot that holds `leaf` or nothing; return what the slot then holds.
        if leaf is None and high - low == 1:
            return self._leaves[low]
        merged: dict[bytes, bytes] = {} if leaf is None else {leaf[: self._size].hex().encode(): leaf}
        for index in range(low, high):
            changed = self._leaves[index]
            if changed is None:
                merged.pop(self._paths[index], None)
            else:
                merged[self._paths[index]] = changed
        return self._build(depth, sorted(merged.items()))

    def _build(self, depth: int, leaves: list[tuple[bytes, bytes]]) -> bytes | None:
        # Stage a new subtree of these leaves, ascending by path, which share `depth` digits; return what holds it.
        if len(leaves) < 2:
            return leaves[0][1] if leaves else None
        groups: dict[int, list[tuple[bytes, bytes]]] = {}
        for entry in leaves:
            groups.setdefault(_SLOTS[entry[0][depth]], []).append(entry)
        bits, parts = 0, [b""]
        for slot, group in groups.items():
            child = self._build(depth + 1, group)
            assert child is not None, "a group has a leaf"
            parts.append(child)
            bits |= 1 << slot + 16 if len(child) == self._size else 1 << slot
        parts[0] = _EMPTY[:1] + bits.to_bytes(4)
        return self._stage_node(_DEPTH_TAGS[depth] + leaves[0][0][:depth], b"".join(parts))

    def _stage_node(self, key: bytes, node: bytes) -> bytes:
        self._staged[key] = node
        return self._hash(node)

    def _node(self, key: bytes) -> bytes:
        if key[1] < limits.TREE_TOP_DEPTH:
            return self._top[key]
        node = self._cache.get(key)
        if node is None:
            sealed = self._database.get(key)
            if sealed is None:
                raise Corruption(_name(key), "the node is missing")
            node = unseal(key, sealed, _name(key))
            self._cache.put(key, node)
        return node

    def _load_top(self) -> None:
        # From the lowest level up, so that a node has the digests of its children when its turn comes.
        digests: dict[bytes, dict[int, bytes]] = {}  # prefix of the parent -> slot -> digest of the child
        for depth in range(limits.TREE_TOP_DEPTH, -1, -1):
            nodes: dict[bytes, bytes] = {}
            above: dict[bytes, dict[int, bytes]] = {}
            for key, sealed in self._database.iterate(_DEPTH_TAGS[depth]):
                node = unseal(key, sealed, _name(key))
                if depth == limits.TREE_TOP_DEPTH:
                    self._cache.put(key, node)
                    above.setdefault(key[2:-1], {})[_SLOTS[key[-1]]] = self._hash(node)
                else:
                    nodes[key] = node
            for prefix, children in digests.items():
                bits = sum(1 << slot + 16 for slot in children)
                parts = [_EMPTY[:1] + bits.to_bytes(4), *children.values()]
                nodes.setdefault(_DEPTH_TAGS[depth] + prefix, b"".join(parts))
            for key, node in nodes.items() if depth else ():
                above.setdefault(key[2:-1], {})[_SLOTS[key[-1]]] = self._hash(node)
            digests = {prefix: dict(sorted(children.items())) for prefix, children in above.items()}
            self._top |= nodes
        if (computed := self._hash(self._top[_ROOT])) != self.root:
            raise Corruption("state tree", f"the nodes have root {computed.hex()}, {self.root.hex()} is recorded")


def _name(key: bytes) -> str:
    return f"state tree node {key[2:].decode(errors='replace') or 'root'}"
