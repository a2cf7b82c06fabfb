"""The ``ed25519`` suite: SHA-256 and Ed25519 (RFC 8032), by libsodium through PyNaCl.

Ed25519 libraries disagree about odd signatures (ZIP 215; Chalkias et al., "Taming the many EdDSAs", 2020), and
validators that disagree about one signature split. So there is one verify function, and what it accepts is pinned:

* S must be below the group order, R and A must not be of small order, A must be canonically encoded;
* the equation is the one without cofactor: ``R`` must be byte for byte the encoding of ``[S]B - [k]A``, so that a
  non-canonical R is refused too.

That is the rule of the libsodium that PyNaCl bundles; ``self_check`` recomputes cases that tell the variants apart and
refuses a library that answers otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import Final

from nacl.bindings import (
    crypto_sign,
    crypto_sign_BYTES,
    crypto_sign_open,
    crypto_sign_PUBLICKEYBYTES,
    crypto_sign_seed_keypair,
    crypto_sign_SEEDBYTES,
    randombytes,
)
from nacl.exceptions import BadSignatureError

from hanchain.crypto import limits
from hanchain.crypto.reasons import CryptoFault, CryptoReason, CryptoRejection

_ID: Final = 1
_LENGTH: Final = Struct(">I")
_sha256 = hashlib.sha256


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether ``signature`` (64 bytes) by ``public_key`` (32 bytes) over ``message`` is good under the rule above.

    Releases the interpreter lock while it computes, so that a thread pool verifies in parallel.
    """
    if len(public_key) != crypto_sign_PUBLICKEYBYTES or len(signature) != crypto_sign_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, public_key)
    except BadSignatureError:
        return False
    return True


# Signatures over b"hanchain" where the variants of Ed25519 differ; made from the scalars SHA-512("a") and SHA-512("r").
# (public key A, R, S, what the pinned rule says)
PINNED_CASES: Final = (
    # an ordinary signature
    (
        "88aa55e6afeed8960a3191de78600347db8acd0a3795412f275f049b86260488",
        "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a",
        "cdaca92f6f950aaa63023a73ef9448e0edd86b42ab430b48fd75bece2c120b01",
        True,
    ),
    # A with a component of order 8: good under the equation with cofactor, bad without
    (
        "99555efe5dbf5b50b6fb4d8c38ee05c4ea8a97011c08e11366e8c8c00e8ce5d5",
        "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a",
        "9d313ed9313248a4b5ac79b28c6cd437e997f419d0f9f955fdd9963e05e9cf06",
        False,
    ),
    # R with a component of order 8: the same
    (
        "88aa55e6afeed8960a3191de78600347db8acd0a3795412f275f049b86260488",
        "5b61c2e3b93e6c06450f327ea72cdfeb8cde6aa020d2dd827ab3f86e708c8393",
        "1a3f136a5c4a830ae271c8bf49ff92ab97c2439bfa45906b05ee5d84c9fc7008",
        False,
    ),
    # the ordinary signature with S + L for S: malleable where S is not checked
    (
        "88aa55e6afeed8960a3191de78600347db8acd0a3795412f275f049b86260488",
        "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a",
        "ba809f8c89f81c023a9f3116ce8e27f5edd86b42ab430b48fd75bece2c120b11",
        False,
    ),
    # A = the point of order 1, R = [S]B: good for every message where small order is not refused
    (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a",
        "2e77a7db3b2f65a47efd3cf9bbe5f05486e88756c8cc06c7691f6d5679727502",
        False,
    ),
)


def self_check() -> None:
    """Raise CryptoFault if the installed library does not verify by the pinned rule (about half a millisecond)."""
    for number, (public_key, point, scalar, expected) in enumerate(PINNED_CASES):
        if verify(bytes.fromhex(public_key), b"hanchain", bytes.fromhex(point + scalar)) is not expected:
            raise CryptoFault(
                f"libsodium answers pinned Ed25519 case {number} with {not expected}: this build would disagree with "
                "the other validators about signatures; install the PyNaCl wheel of this release"
            )


class Ed25519Key:
    """An Ed25519 signing key: 32 secret bytes and the public key they determine."""

    __slots__ = ("_expanded", "_seed", "public_key")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != crypto_sign_SEEDBYTES:
            raise CryptoRejection(CryptoReason.BAD_KEY, f"{len(seed)} bytes, {crypto_sign_SEEDBYTES} expected")
        self._seed = seed
        self.public_key, self._expanded = crypto_sign_seed_keypair(seed)

    def __repr__(self) -> str:
        return f"Ed25519Key(public_key={self.public_key.hex()})"

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature (deterministic, RFC 8032)."""
        return bytes(crypto_sign(message, self._expanded)[:crypto_sign_BYTES])

    def export(self) -> bytes:
        """Return the 32-byte seed of RFC 8032."""
        return self._seed


@lru_cache(maxsize=limits.TAGS_REMEMBERED)
def _prefix(tag: str) -> bytes:
    name = tag.encode("ascii")
    assert 0 < len(name) <= limits.TAG_BYTES_MAX, "domain tags are our own constants"
    return bytes((len(name),)) + name + bytes((_ID,))


class Ed25519Suite:
    """SHA-256 and Ed25519."""

    id: Final = _ID
    name: Final = "ed25519"
    digest_size: Final = 32
    public_key_size: Final = 32
    signature_size: Final = 64

    __slots__ = ()

    def __init__(self) -> None:
        self_check()

    def __repr__(self) -> str:
        return "Ed25519Suite()"

    def hash(self, data: bytes) -> bytes:
        """Return SHA-256 of ``data``."""
        return _sha256(data).digest()

    def tagged_hash(self, tag: str, *parts: bytes) -> bytes:
        """Return the digest of length-prefixed ``parts`` under ``tag`` (see the Suite protocol)."""
        if len(parts) == 1:  # nearly every call: half the time of the general form
            part = parts[0]
            return _sha256(_prefix(tag) + _LENGTH.pack(len(part)) + part).digest()
        state = _sha256(_prefix(tag))
        for part in parts:
            state.update(_LENGTH.pack(len(part)))
            state.update(part)
        return state.digest()

    def tagged_hasher(self, tag: str) -> Callable[[bytes], bytes]:
        """Return ``tagged_hash`` of one part under one tag, with the prefix computed once."""
        prefix, length = _prefix(tag), _LENGTH.pack

        def hasher(part: bytes) -> bytes:
            return _sha256(prefix + length(len(part)) + part).digest()

        return hasher

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Tell whether the signature is good under the pinned rule."""
        return verify(public_key, message, signature)

    def generate(self, seed: bytes | None = None) -> Ed25519Key:
        """Return a key from 32 random bytes, or the one determined by ``seed`` of any length."""
        if seed is None:
            return Ed25519Key(randombytes(crypto_sign_SEEDBYTES))
        return Ed25519Key(self.tagged_hash("hanchain/key-seed/1", seed))

    def load(self, exported: bytes) -> Ed25519Key:
        """Return the key of a 32-byte RFC 8032 seed; raise CryptoRejection(BAD_KEY) for another length."""
        return Ed25519Key(exported)
