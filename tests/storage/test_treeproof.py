"""Proofs under a state root: the honest ones verify, and nothing that is made of them does."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.kv import WriteBatch
from storage.memory import Memory
from storage.state import StateStore
from storage.treeproof import LEAVES_MAX, TreeProof, verify_tree_path

VECTORS = Path(__file__).parent.parent / "vectors" / "state_tree.json"
EMPTY_NODE = b"\x01" + bytes(6)


def sha256(data: bytes) -> bytes:
    """Return the hash that most tests use."""
    return hashlib.sha256(data).digest()


def short(data: bytes) -> bytes:
    """Return a digest of the least length allowed."""
    return hashlib.sha256(data).digest()[:16]


def long(data: bytes) -> bytes:
    """Return a digest of the greatest length allowed."""
    return hashlib.sha512(data).digest()


def store_of(state: dict[bytes, bytes], hasher: Callable[[bytes], bytes] = sha256) -> StateStore:
    """Return a store with this content."""
    database = Memory()
    store = StateStore(database, hasher)
    store.root_after(tuple(sorted(state.items())))
    batch = WriteBatch()
    store.commit_into(batch)
    database.write(batch)
    store.committed()
    return store


STATE = {b"key %d" % number: b"value %d" % number for number in range(1200)}
STORE = store_of(STATE)
PRESENT = b"key 7"


def absent_of(kind: str) -> bytes:
    """Return a key that is not there, whose slot is empty or holds other keys' leaves."""
    for number in range(1200, 2000):
        key = b"key %d" % number
        nodes = TreeProof.decode(STORE.prove(key)[1]).nodes
        digit = int(sha256(b"\x02" + key).hex()[len(nodes) - 1], 16)
        occupied = int.from_bytes(nodes[-1][3:5]) | int.from_bytes(nodes[-1][5:7])
        if (occupied >> digit & 1) == (kind == "strangers"):
            return key
    raise AssertionError(kind)


PROOFS = {
    "present": (PRESENT, STATE[PRESENT]),
    "empty slot": (absent_of("empty"), None),
    "strangers": (absent_of("strangers"), None),
}


@pytest.mark.parametrize("hasher", [short, sha256, long])
def test_every_key_is_proved_with_its_value_and_nothing_else(hasher: Callable[[bytes], bytes]) -> None:
    """With digests of 16, 32 and 64 bytes: the value verifies, absence and other values do not, and the reverse."""
    store = store_of(STATE, hasher)
    for key in [*list(STATE)[:100], *(b"no %d" % number for number in range(100))]:
        value, proof = store.prove(key)
        assert value == STATE.get(key)
        assert verify_tree_path(store.root, key, value, proof, hasher)
        claims = [b"", b"other", None if value is not None else b"value 7"]
        assert [verify_tree_path(store.root, key, claim, proof, hasher) for claim in claims] == [False] * 3


def test_the_vectors_verify() -> None:
    """The published proofs verify under their roots, and each other key's claim with the same proof does not."""
    for case in json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]:
        root = bytes.fromhex(case["root"])
        for entry in case["proofs"]:
            key, proof = bytes.fromhex(entry["key"]), bytes.fromhex(entry["proof"])
            value = None if entry["value"] is None else bytes.fromhex(entry["value"])
            assert verify_tree_path(root, key, value, proof, sha256), case["title"]
            assert not verify_tree_path(sha256(root), key, value, proof, sha256), case["title"]
            assert not verify_tree_path(root, key, (value or b"") + b"!", proof, sha256), case["title"]


@pytest.mark.parametrize("kind", PROOFS)
def test_every_bit_flip_is_refused(kind: str) -> None:
    """Whichever bit of a proof, a root, a key or a value flips, the proof no longer verifies."""
    key, value = PROOFS[kind]
    proof = STORE.prove(key)[1]
    for bit in range(8 * len(proof)):
        flipped = (int.from_bytes(proof) ^ 1 << bit).to_bytes(len(proof))
        assert not verify_tree_path(STORE.root, key, value, flipped, sha256), bit
    for bit in range(8 * len(STORE.root)):
        root = (int.from_bytes(STORE.root) ^ 1 << bit).to_bytes(len(STORE.root))
        assert not verify_tree_path(root, key, value, proof, sha256), bit
    if value is not None:
        for bit in range(8 * len(key)):
            other = (int.from_bytes(key) ^ 1 << bit).to_bytes(len(key))
            assert not verify_tree_path(STORE.root, other, value, proof, sha256), bit
        for bit in range(8 * len(value)):
            other = (int.from_bytes(value) ^ 1 << bit).to_bytes(len(value))
            assert not verify_tree_path(STORE.root, key, other, proof, sha256), bit


@pytest.mark.parametrize("kind", PROOFS)
def test_cut_and_lengthened_proofs_are_refused(kind: str) -> None:
    """Every prefix and suffix of a proof, and a proof with anything before or after it, is refused."""
    key, value = PROOFS[kind]
    proof = STORE.prove(key)[1]
    nodes = TreeProof.decode(proof).nodes
    extra = [EMPTY_NODE, *nodes, *TreeProof.decode(STORE.prove(b"key 8")[1]).nodes]
    forged = [proof[:end] for end in range(len(proof))] + [proof[start:] for start in range(1, len(proof))]
    forged += [proof + b"\x00", proof + proof, b"\x00" + proof]
    forged += [TreeProof((*nodes, node)).encode() for node in extra]
    forged += [TreeProof((node, *nodes)).encode() for node in extra]
    assert not any(verify_tree_path(STORE.root, key, value, each, sha256) for each in forged)


def test_a_proof_speaks_for_its_own_path_only() -> None:
    """The proof of one key says nothing of a key on another way, not even that it is absent."""
    proofs = {key: STORE.prove(key)[1] for key in [*list(STATE)[:60], *(b"no %d" % number for number in range(60))]}
    for key, own in proofs.items():
        for other, proof in proofs.items():
            verified = verify_tree_path(STORE.root, key, STATE.get(key), proof, sha256)
            assert verified == (proof == own), (key, other)
            if key in STATE:
                assert not verify_tree_path(STORE.root, key, None, proof, sha256), (key, other)


def test_exchanged_nodes_and_contents_are_refused() -> None:
    """Nodes in another order, or a node with two of its contents exchanged, do not verify."""
    proof = STORE.prove(PRESENT)[1]
    nodes = TreeProof.decode(proof).nodes
    assert len(nodes) == 3
    forged = [tuple(nodes[place] for place in order) for order in ((1, 0, 2), (0, 2, 1), (2, 1, 0), (0, 0, 1), (0, 2))]
    for depth, node in enumerate(nodes):
        units = [node[start : start + 32] for start in range(7, len(node), 32)]
        for first in range(len(units) - 1):
            swapped = [*units[:first], units[first + 1], units[first], *units[first + 2 :]]
            forged.append((*nodes[:depth], node[:7] + b"".join(swapped), *nodes[depth + 1 :]))
    assert not any(
        verify_tree_path(STORE.root, PRESENT, STATE[PRESENT], TreeProof(each).encode(), sha256) for each in forged
    )


def test_a_prover_cannot_make_up_nodes() -> None:
    """Nodes that nobody committed to do not verify, although each leads to the next by its right digest."""
    path = sha256(b"\x02" + PRESENT)
    slot = 1 << path[0] // 16
    leaf = path + sha256(b"\x03" + b"forged")
    made_up = b"\x01\x00\x00" + slot.to_bytes(2) + b"\x00\x00" + leaf
    assert verify_tree_path(sha256(made_up), PRESENT, b"forged", TreeProof((made_up,)).encode(), sha256)
    assert not verify_tree_path(STORE.root, PRESENT, b"forged", TreeProof((made_up,)).encode(), sha256)
    above = b"\x01" + slot.to_bytes(2) + b"\x00\x00\x00\x00" + sha256(made_up)
    assert not verify_tree_path(STORE.root, PRESENT, b"forged", TreeProof((above, made_up)).encode(), sha256)


def test_a_malformed_node_proves_nothing_even_under_its_own_root() -> None:
    """A root over a node that no honest tree has does not verify anything: the format has one reading."""
    path, strange = sha256(b"\x02" + PRESENT), sha256(b"\x02another")
    first, value = path[0] // 16, sha256(b"\x03value")
    slot = (1 << first).to_bytes(2)
    none = b"\x00\x00"
    twin = path[:-1] + bytes([path[-1] ^ 1])  # begins as the path does
    assert strange[0] // 16 != first
    malformed = {
        "another first byte": b"\x00" + none + slot + none + path + value,
        "inner and leaf in one slot": b"\x01" + slot + slot + none + path + value + twin,
        "a digest too many": b"\x01" + none + slot + none + path + value + value,
        "a digest too few": b"\x01" + none + slot + slot + path + value,
        "half a digest": b"\x01" + none + slot + none + path + value[:16],
        "a leaf of another slot": b"\x01" + none + slot + none + strange + value,
        "a digest and no node": b"\x01" + slot + none + none + twin,
        "too short for its bitmaps": b"\x01" + none + slot,
    }
    for title, node in malformed.items():
        proof = len(node).to_bytes(2) + node
        for claim in (b"value", b"", None):
            assert not verify_tree_path(sha256(node), PRESENT, claim, proof, sha256), title
    well_formed = b"\x01" + none + slot + none + path + value
    assert verify_tree_path(sha256(well_formed), PRESENT, b"value", TreeProof((well_formed,)).encode(), sha256)


def test_a_chain_as_long_as_the_path_ends_there() -> None:
    """Nodes below the last half-byte of a path are refused under their own root too, without an exception."""
    path = sha256(b"\x02" + PRESENT)
    for extra in (0, 1):
        nodes = [EMPTY_NODE]
        for digit in reversed(path.hex() + "0" * extra):
            nodes.append(b"\x01" + (1 << int(digit, 16)).to_bytes(2) + bytes(4) + sha256(nodes[-1]))
        chain = nodes[::-1][: 64 + extra]
        assert not verify_tree_path(sha256(chain[0]), PRESENT, None, TreeProof(tuple(chain)).encode(), sha256)
    above = [b"\x01" + bytes(6)]
    for digit in reversed(path.hex()[:63]):
        above.append(b"\x01" + (1 << int(digit, 16)).to_bytes(2) + bytes(4) + sha256(above[-1]))
    assert verify_tree_path(sha256(above[-1]), PRESENT, None, TreeProof(tuple(above[::-1])).encode(), sha256)


@pytest.mark.parametrize("size", [15, 65])
def test_digests_too_short_or_too_long_prove_nothing(size: int) -> None:
    """A hash function outside 16 to 64 bytes is not taken, whatever the root."""

    def hasher(data: bytes) -> bytes:
        return hashlib.shake_256(data).digest(size)

    proof = TreeProof((EMPTY_NODE,)).encode()
    assert not verify_tree_path(hasher(EMPTY_NODE), b"key", None, proof, hasher)
    assert verify_tree_path(sha256(EMPTY_NODE), b"key", None, proof, sha256)


def test_keys_values_and_nodes_do_not_pass_for_one_another() -> None:
    """A value that is a node, byte for byte, does not become one: what is hashed begins with what it is."""
    (inside,) = TreeProof.decode(store_of({PRESENT: b"forged"}).prove(PRESENT)[1]).nodes
    store = store_of({**STATE, b"trap": inside, inside: b"trap"})
    value, proof = store.prove(b"trap")
    assert verify_tree_path(store.root, b"trap", value, proof, sha256)
    nodes = TreeProof.decode(proof).nodes
    for tail in (inside, b"\x03" + inside, b"\x02" + inside):
        forged = TreeProof((*nodes, tail)).encode()
        for key in (b"trap", PRESENT, inside):
            for claim in (None, inside, b"trap", b"forged", STATE[PRESENT]):
                assert not verify_tree_path(store.root, key, claim, forged, sha256)


@given(st.binary(max_size=200), st.binary(max_size=4), st.none() | st.binary(max_size=4), st.binary(max_size=70))
def test_any_bytes_are_judged_without_an_exception(proof: bytes, key: bytes, value: bytes | None, root: bytes) -> None:
    """Random proofs and roots of any length are refused, quietly."""
    assert not verify_tree_path(root, key, value, proof, sha256)


@given(st.lists(st.binary(min_size=7, max_size=300), min_size=1, max_size=128))
def test_a_proof_has_one_encoding(nodes: list[bytes]) -> None:
    """Whatever decodes encodes to the same bytes."""
    encoded = TreeProof(tuple(nodes)).encode()
    assert TreeProof.decode(encoded) == TreeProof(tuple(nodes))
    assert TreeProof.decode(encoded).encode() == encoded


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00", b"\x00\x07", b"\x00\x06" + bytes(6), b"\x00\x07" + bytes(6), (b"\x00\x07" + EMPTY_NODE) * 129],
    ids=["empty", "half a length", "no node", "short node", "cut node", "too many nodes"],
)
def test_what_is_no_proof_does_not_decode(data: bytes) -> None:
    """Truncated, too short and too many nodes raise ValueError, and verify as False."""
    with pytest.raises(ValueError, match="proof"):
        TreeProof.decode(data)
    assert not verify_tree_path(sha256(EMPTY_NODE), b"key", None, data, sha256)


def test_a_node_is_as_long_as_a_node_can_be() -> None:
    """Sixteen slots of three leaves with the longest digests decode; one byte more does not."""
    longest = 7 + 16 * LEAVES_MAX * 2 * 64
    assert TreeProof.decode(TreeProof((bytes(longest),)).encode()) == TreeProof((bytes(longest),))
    with pytest.raises(ValueError, match="proof"):
        TreeProof.decode(TreeProof((bytes(longest + 1),)).encode())


def test_the_empty_tree_proves_that_there_is_nothing() -> None:
    """Any key is absent under the root of nothing, which is the hash of a node without contents."""
    store = store_of({})
    assert store.root == sha256(EMPTY_NODE)
    assert verify_tree_path(store.root, b"key", None, store.prove(b"key")[1], sha256)
    assert not verify_tree_path(store.root, b"key", b"", store.prove(b"key")[1], sha256)


def test_proofs_of_a_large_state_are_small() -> None:
    """In a state of 20,000 keys no proof of a sample exceeds 4 KB."""
    store = store_of({b"%d" % number: b"" for number in range(20_000)})
    random = Random(1)
    assert max(len(store.prove(b"%d" % random.randrange(40_000))[1]) for _ in range(500)) < 4096


def test_the_verifier_imports_nothing_but_types() -> None:
    """`storage.treeproof` can be loaded, and verifies, where only `typing` and `collections.abc` can be imported."""
    program = """
import sys, hashlib
path, proof = sys.argv[1], bytes.fromhex(sys.argv[2])
source = open(path).read()
imported = []
real = __import__
def only(name, *rest):
    imported.append(name)
    return real(name, *rest)
scope = {"__name__": "treeproof", "__builtins__": {**vars(__import__("builtins")), "__import__": only}}
exec(compile(source, path, "exec"), scope)
root = hashlib.sha256(proof[2:]).digest()
judged = scope["verify_tree_path"](root, b"key", None, proof, lambda data: hashlib.sha256(data).digest())
print(sorted(set(imported)), judged)
"""
    path = Path(sys.modules[TreeProof.__module__].__file__ or "")
    proof = TreeProof((EMPTY_NODE,)).encode().hex()
    command = [sys.executable, "-c", program, str(path), proof]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    assert ran.stdout == "['collections.abc', 'typing'] True\n"
    assert len(path.read_text(encoding="utf-8").splitlines()) < 100
