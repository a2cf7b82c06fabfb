"""Merkle trees: the known answers of RFC 6962's reference implementation, a naive twin, and forged proofs."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.proof import merkle_path, merkle_root, verify_path

# Inputs and roots of the certificate-transparency reference tests; roots[n] is that of the first n inputs.
INPUTS = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# Inclusion proofs of the same tests: (index, size) -> path, lowest first.
PATHS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
}


def sha256(data: bytes) -> bytes:
    """Return the hash that RFC 6962 uses."""
    return hashlib.sha256(data).digest()


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """Follow the recursive definition of RFC 6962 section 2.1 word by word."""
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:]))


@pytest.mark.parametrize("size", range(9))
def test_reference_roots(size: int) -> None:
    """The roots of the first 0 to 8 reference inputs are the published ones."""
    assert merkle_root(INPUTS[:size], sha256).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), PATHS)
def test_reference_paths(index: int, size: int) -> None:
    """Published inclusion proofs are produced, and verify against the published root."""
    path = merkle_path(INPUTS[:size], index, sha256)
    assert [node.hex() for node in path] == PATHS[index, size]
    assert verify_path(INPUTS[index], index, size, path, bytes.fromhex(ROOTS[size]), sha256)


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_root_equals_the_recursive_definition(leaves: list[bytes]) -> None:
    """Pairing level by level gives the root that the recursive definition gives."""
    assert merkle_root(leaves, sha256) == naive_root(leaves)


def test_every_leaf_of_every_small_tree_is_proved_at_its_own_index_only() -> None:
    """In all trees up to 33 leaves each leaf verifies with its path at its index and at no other."""
    for size in range(1, 34):
        leaves = [bytes([number]) for number in range(size)]
        root = merkle_root(leaves, sha256)
        for index in range(size):
            path = merkle_path(leaves, index, sha256)
            verified = [at for at in range(-1, size + 2) if verify_path(leaves[index], at, size, path, root, sha256)]
            assert verified == [index], (index, size)


@given(st.data())
def test_a_changed_proof_does_not_verify(data: st.DataObject) -> None:
    """Another leaf, root, or path (a bit flipped, one more, one fewer, a shorter node) is refused."""
    size = data.draw(st.integers(1, 40))
    index = data.draw(st.integers(0, size - 1))
    leaves = [bytes([number]) for number in range(size)]
    root, path = merkle_root(leaves, sha256), merkle_path(leaves, index, sha256)
    assert not verify_path(b"other", index, size, path, root, sha256)
    assert not verify_path(leaves[index], index, size, path, sha256(root), sha256)
    assert not verify_path(leaves[index], index, size, [*path, root], root, sha256)
    if path:
        place = data.draw(st.integers(0, len(path) - 1))
        bit = data.draw(st.integers(0, 255))
        flipped = (int.from_bytes(path[place]) ^ 1 << bit).to_bytes(32)
        for forged in (
            [*path[:place], flipped, *path[place + 1 :]],
            [*path[:place], path[place][:-1], *path[place + 1 :]],
            path[:-1],
            path[1:],
        ):
            assert not verify_path(leaves[index], index, size, forged, root, sha256)


def test_an_inner_node_does_not_pass_for_a_leaf() -> None:
    """The two children of the root, joined, are not accepted as the only leaf of a smaller tree."""
    left, right = (sha256(b"\x00" + leaf) for leaf in INPUTS[:2])
    assert not verify_path(left + right, 0, 1, [], merkle_root(INPUTS[:2], sha256), sha256)


def test_a_node_of_another_length_is_refused_whatever_the_hash_does() -> None:
    """A hash that ignores trailing zeros does not let two paths prove the same leaf: nodes have one length."""

    def careless(data: bytes) -> bytes:
        return sha256(data.rstrip(b"\x00"))

    leaves = [b"left", b"right"]
    root, path = merkle_root(leaves, careless), merkle_path(leaves, 0, careless)
    assert verify_path(b"left", 0, 2, path, root, careless)
    assert not verify_path(b"left", 0, 2, [path[0] + b"\x00"], root, careless)


def test_the_empty_tree_proves_nothing() -> None:
    """No leaf is in a tree of size 0, and asking for a path outside a tree is our own error."""
    assert not verify_path(b"", 0, 0, [], merkle_root([], sha256), sha256)
    with pytest.raises(AssertionError):
        merkle_path(INPUTS, 8, sha256)
