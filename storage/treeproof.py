"""Proofs that a state key has a value, or has none, under a root; pure, for verifiers that have no database.

A tree maps `path = hash(0x02 ‖ key)` to `hash(0x03 ‖ value)`. A node stands at a prefix of paths, one half-byte longer
per level, and is `0x01 ‖ u16 inner ‖ u16 leaves ‖ children by slot`: bit s of `inner` says that slot s holds the digest
of a deeper node, bit s of `leaves` that only one path begins that way, and then `path ‖ value digest` itself is the
child. A node's digest is the hash of exactly these bytes; the root is the digest of the node at the empty prefix. The
first bytes 0x01, 0x02 and 0x03 keep nodes, keys and values apart, so that none of them can be offered as another.

A proof is the nodes from the root down to the one that decides, each as u16 length and its bytes.
"""

from collections.abc import Callable
from typing import NamedTuple

DIGEST_BYTES_MIN = 16
DIGEST_BYTES_MAX = 64
_NODE_BYTES_MAX = 5 + 16 * 2 * DIGEST_BYTES_MAX  # sixteen leaves


class TreeProof(NamedTuple):
    """The nodes on the way to a path, root first: at least one, at most one per half-byte of the longest path."""

    nodes: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Return the proof's only encoding."""
        return b"".join(len(node).to_bytes(2) + node for node in self.nodes)

    @classmethod
    def decode(cls, data: bytes) -> "TreeProof":
        """Return the proof that `data` encodes; raise ValueError if it encodes none."""
        nodes: list[bytes] = []
        start = 0
        while start < len(data):
            end = start + 2 + int.from_bytes(data[start : start + 2])
            node = data[start + 2 : end]
            if end > len(data) or not 5 <= len(node) <= _NODE_BYTES_MAX or len(nodes) == 2 * DIGEST_BYTES_MAX:
                raise ValueError(f"node {len(nodes)} of the proof is cut off, of a wrong length or one too many")
            nodes.append(node)
            start = end
        if not nodes:
            raise ValueError("a proof has at least one node")
        return cls(tuple(nodes))


def verify_tree_path(
    root: bytes,
    key: bytes,
    value: bytes | None,
    proof: bytes,
    hash: Callable[[bytes], bytes],  # noqa: A002  # the name every reader expects
) -> bool:
    """Say whether `proof` shows that `key` has `value`, or has none if `value` is None, in the tree with `root`.

    False for anything else that `proof` may be: nothing in it is trusted, and no input makes this raise.
    """
    try:
        nodes = TreeProof.decode(proof).nodes
    except ValueError:
        return False
    path, expected, size = hash(b"\x02" + key), root, len(root)
    if len(path) != size or not DIGEST_BYTES_MIN <= size <= DIGEST_BYTES_MAX:
        return False
    nibbles = path.hex()
    child: bytes | None = root
    for depth, node in enumerate(nodes):
        # Only a digest leads to another node: after an empty slot or a leaf, nothing may follow.
        if child is None or len(child) != size or depth == len(nibbles) or hash(node) != expected:
            return False
        inner, leaves = int.from_bytes(node[1:3]), int.from_bytes(node[3:5])
        if node[0] != 1 or inner & leaves or len(node) != 5 + size * (inner.bit_count() + 2 * leaves.bit_count()):
            return False
        bit = 1 << int(nibbles[depth], 16)
        start = 5 + size * ((inner & (bit - 1)).bit_count() + 2 * (leaves & (bit - 1)).bit_count())
        length = size if inner & bit else 2 * size if leaves & bit else 0
        child = node[start : start + length] or None
        expected = child or b""
    if child is None:
        return value is None
    if len(child) == size or child.hex()[: len(nodes)] != nibbles[: len(nodes)]:
        return False
    if child[:size] != path:  # a stranger's leaf: if `key` had a value, this slot would hold an inner node
        return value is None
    return value is not None and child[size:] == hash(b"\x03" + value)
