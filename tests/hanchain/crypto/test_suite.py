"""Suites: hashing under tags, the registry, and the pinned Ed25519."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanchain.crypto import CryptoReason, CryptoRejection, default_suite, suite_by_id, suite_by_name
from hanchain.crypto.ed25519 import PINNED_CASES, self_check, verify
from hanchain.crypto.reasons import CryptoFault

VECTORS = Path(__file__).parents[2] / "vectors"
SUITE = default_suite()


def _load(name: str) -> list[dict[str, str | bool]]:
    return json.loads((VECTORS / name).read_text())["cases"]


@pytest.mark.parametrize("case", _load("ed25519_signatures.json"), ids=lambda case: case["name"])
def test_rfc_8032(case):
    """Keys, signatures and verification agree with RFC 8032."""
    key = SUITE.load(bytes.fromhex(case["secret"]))
    message, signature = bytes.fromhex(case["message"]), bytes.fromhex(case["signature"])
    assert key.public_key.hex() == case["public_key"]
    assert key.sign(message) == signature
    assert SUITE.verify(key.public_key, message, signature)
    assert not SUITE.verify(key.public_key, message + b"\x00", signature)


@pytest.mark.parametrize("case", _load("ed25519_edge_cases.json"), ids=lambda case: case["name"])
def test_edge_cases(case):
    """What odd signatures are worth is the pinned rule, not the library's choice."""
    public_key, message, signature = (bytes.fromhex(case[field]) for field in ("public_key", "message", "signature"))
    assert SUITE.verify(public_key, message, signature) is case["valid"]


def test_self_check_passes_here():
    """The installed library follows the pinned rule."""
    self_check()


def test_self_check_refuses_another_rule(monkeypatch):
    """A library that accepted what the rule refuses would stop the program at start."""
    monkeypatch.setattr("hanchain.crypto.ed25519.verify", lambda *_: True)
    with pytest.raises(CryptoFault, match="pinned Ed25519 case 1"):
        self_check()


def test_wrong_lengths_are_false():
    """Keys and signatures of every other length are bad signatures, not errors."""
    public_key, point, scalar, _ = PINNED_CASES[0]
    key, signature = bytes.fromhex(public_key), bytes.fromhex(point + scalar)
    assert verify(key, b"hanchain", signature)
    answers = [verify(key, b"hanchain", signature[:length]) for length in range(64)]
    answers += [verify(key[:length], b"hanchain", signature) for length in range(32)]
    answers += [verify(key, b"hanchain", signature + b"\x00"), verify(key + b"\x00", b"hanchain", signature)]
    assert answers == [False] * 98


@given(st.binary(max_size=80), st.binary(max_size=80), st.binary(max_size=120))
def test_verify_never_raises(public_key, message, signature):
    """Garbage is False."""
    assert SUITE.verify(public_key, message, signature) is False


@given(st.integers(0, 511))
def test_every_bit_of_a_signature_counts(bit):
    """A signature with any one bit flipped is bad."""
    key = SUITE.generate(b"seed")
    signature = bytearray(key.sign(b"message"))
    signature[bit // 8] ^= 1 << bit % 8
    assert not SUITE.verify(key.public_key, b"message", bytes(signature))


def test_tagged_hash_layout():
    """The input is the prefixed tag, the suite id and the prefixed parts."""
    expected = hashlib.sha256(b"\x03a/1" + b"\x01" + b"\x00\x00\x00\x02xy" + b"\x00\x00\x00\x00").digest()
    assert SUITE.tagged_hash("a/1", b"xy", b"") == expected


@given(st.lists(st.binary(max_size=4), max_size=3), st.lists(st.binary(max_size=4), max_size=3))
def test_tagged_hash_is_unambiguous(left, right):
    """Two lists of parts have the same digest only if they are the same list."""
    assert (SUITE.tagged_hash("t", *left) == SUITE.tagged_hash("t", *right)) == (left == right)


@given(st.binary(max_size=64))
def test_tagged_hasher_is_tagged_hash(part):
    """The fast form is equal to the plain one, and another tag gives another digest."""
    assert SUITE.tagged_hasher("tag/1")(part) == SUITE.tagged_hash("tag/1", part) != SUITE.tagged_hash("tag/2", part)


def test_lengths_are_those_announced():
    """Digest, key and signature have the lengths that the suite announces."""
    key = SUITE.generate()
    made = (len(SUITE.hash(b"")), len(SUITE.tagged_hash("t")), len(key.public_key), len(key.sign(b"")))
    assert made == (SUITE.digest_size, SUITE.digest_size, SUITE.public_key_size, SUITE.signature_size)


def test_keys_from_seeds_and_exports():
    """A seed determines its key; without one every key is new; an export loads as the same key."""
    key = SUITE.generate(b"a")
    assert key.public_key == SUITE.generate(b"a").public_key != SUITE.generate(b"b").public_key
    assert SUITE.generate().public_key != SUITE.generate().public_key
    assert SUITE.load(key.export()).public_key == key.public_key
    assert key.export().hex() not in repr(key)


def test_load_refuses_another_length():
    """An export of another length is refused with its reason."""
    with pytest.raises(CryptoRejection) as refusal:
        SUITE.load(b"short")
    assert refusal.value.reason is CryptoReason.BAD_KEY


def test_registry():
    """A suite is found by name and by id, and an unknown one is refused."""
    assert suite_by_name(SUITE.name) is SUITE is suite_by_id(SUITE.id)
    for call in (lambda: suite_by_name("rot13"), lambda: suite_by_id(255)):
        with pytest.raises(CryptoRejection) as refusal:
            call()
        assert refusal.value.reason is CryptoReason.UNKNOWN_SUITE
