"""Binary Merkle trees in the shape of RFC 6962, and proofs that a leaf is at an index of a tree.

Leaves are hashed with prefix 0x00 and inner nodes with 0x01, so a node can never pass for a leaf. The hash function is
given by the caller (a domain tag, if any, is part of it). The functions are pure and import nothing
that does IO: a verifier of proof files needs no other file of this package.
"""

from collections.abc import Callable, Sequence

Hash = Callable[[bytes], bytes]


def merkle_root(leaves: Sequence[bytes], hash: Hash) -> bytes:  # noqa: A002  # the name every reader expects
    """Return the Merkle tree hash of `leaves` (RFC 6962 section 2.1); of no leaves, the hash of the empty string."""
    if not leaves:
        return hash(b"")
    level = [hash(b"\x00" + leaf) for leaf in leaves]
    while len(level) > 1:
        level = _parents(level, hash)
    return level[0]


def merkle_path(leaves: Sequence[bytes], index: int, hash: Hash) -> list[bytes]:  # noqa: A002
    """Return the hashes that lead from leaf `index` to the root, lowest first (RFC 6962 section 2.1.1).

    Raises:
        AssertionError: `index` is not that of a leaf.

    """
    assert 0 <= index < len(leaves), f"index {index} of {len(leaves)} leaves"
    level = [hash(b"\x00" + leaf) for leaf in leaves]
    path = []
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):  # the last node of an odd level has none: it moves up unchanged
            path.append(level[sibling])
        level = _parents(level, hash)
        index >>= 1
    return path


def verify_path(
    leaf: bytes,
    index: int,
    size: int,
    path: Sequence[bytes],
    root: bytes,
    hash: Hash,  # noqa: A002
) -> bool:
    """Say whether `leaf` is leaf `index` of a tree of `size` leaves with `root` (RFC 9162 section 2.1.3.2).

    False for any index outside the tree and any path of the wrong length. The root does not bind the size: take both
    from the same authenticated place, such as a block header, and only then trust the index.
    """
    if not 0 <= index < size:
        return False
    node, last = index, size - 1  # the node's and the last node's position in the current level
    digest = hash(b"\x00" + leaf)
    for sibling in path:
        if last == 0 or len(sibling) != len(digest):
            return False
        if node & 1 or node == last:
            digest = hash(b"\x01" + sibling + digest)
            while not node & 1 and node:  # a node that moved up unchanged skips the levels where it had no sibling
                node >>= 1
                last >>= 1
        else:
            digest = hash(b"\x01" + digest + sibling)
        node >>= 1
        last >>= 1
    return last == 0 and digest == root


def _parents(level: list[bytes], hash: Hash) -> list[bytes]:  # noqa: A002
    # Splitting at the largest power of two, as RFC 6962 defines it, is the same tree as pairing level by level and
    # moving an odd last node up; this way costs two hashes per leaf and no recursion.
    nodes = iter(level)
    parents = [hash(b"\x01" + left + right) for left, right in zip(nodes, nodes, strict=False)]
    if len(level) & 1:
        parents.append(level[-1])
    return parents
