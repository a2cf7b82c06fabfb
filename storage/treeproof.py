"""Proofs that a state key has a value, or has none, under a root; pure, for verifiers that have no database.

A tree maps `path = hash(0x02 ‖ key)` to `hash(0x03 ‖ value)`; both together are a leaf. A node stands at a prefix of
paths, one half-byte longer per level, and is `0x01 ‖ u16 inner ‖ u16 ones ‖ u16 twos ‖ contents of 16 slots`. A slot in
which more than `LEAVES_MAX` paths begin has its bit in `inner` and holds the digest of the node below; any other holds
the leaves themselves, ascending, as many as its bits in `ones` and `twos` add up to. A node's digest is the hash of
exactly these bytes; the root is that of the node at the empty prefix. The first bytes 0x01, 0x02 and 0x03 keep nodes,
keys and values apart, so that none of them can be offered as another.

A proof is the nodes from the root down to the one that decides, each as u16 length and its bytes.
"""

from collections.abc import Callable
from typing import NamedTuple

LEAVES_MAX = 3
DIGEST_BYTES_MIN, DIGEST_BYTES_MAX = 16, 64
_HEAD_BYTES = 7
_NODE_BYTES_MAX = _HEAD_BYTES + 16 * LEAVES_MAX * 2 * DIGEST_BYTES_MAX


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
            if end > len(data) or not _HEAD_BYTES <= len(node) <= _NODE_BYTES_MAX or len(nodes) == 2 * DIGEST_BYTES_MAX:
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
    path, content = hash(b"\x02" + key), root
    half_bytes, size = path.hex(), len(path)
    if not DIGEST_BYTES_MIN <= size <= DIGEST_BYTES_MAX:
        return False
    for depth, node in enumerate(nodes):
        # Only a digest leads to another node: after leaves, or an empty slot, nothing can follow.
        if depth == len(half_bytes) or node[0] != 1 or hash(node) != content:
            return False
        inner, ones, twos = (int.from_bytes(node[at : at + 2]) for at in (1, 3, 5))
        ends = [_HEAD_BYTES]
        for slot in range(16):
            ends.append(ends[-1] + size * ((inner >> slot & 1) + 2 * (ones >> slot & 1) + 4 * (twos >> slot & 1)))
        if inner & (ones | twos) or ends[16] != len(node):
            return False
        slot = int(half_bytes[depth], 16)
        content = node[ends[slot] : ends[slot + 1]]
    if len(content) == size:
        return False
    leaves = {content[at : at + size]: content[at + size : at + 2 * size] for at in range(0, len(content), 2 * size)}
    if any(leaf.hex()[: len(nodes)] != half_bytes[: len(nodes)] for leaf in leaves):
        return False
    return leaves.get(path) == (None if value is None else hash(b"\x03" + value))
