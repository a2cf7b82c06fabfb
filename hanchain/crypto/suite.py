"""A suite is everything that consensus agrees on about cryptography: one hash and one signature scheme.

One network has one suite, chosen at genesis. Its id is inside every hashed or signed context, so that bytes made under
one suite mean nothing under another. Lengths are attributes of the suite and are assumed nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from hanchain.crypto import limits
from hanchain.crypto.ed25519 import Ed25519Suite
from hanchain.crypto.reasons import CryptoReason, CryptoRejection


class PrivateKey(Protocol):
    """A signing key. It never shows its secret in ``repr``."""

    @property
    def public_key(self) -> bytes:
        """Public key, ``suite.public_key_size`` bytes."""

    def sign(self, message: bytes, /) -> bytes:
        """Return a signature of ``suite.signature_size`` bytes over ``message``."""

    def export(self) -> bytes:
        """Return the secret bytes that ``suite.load`` takes back; only the key store should call this."""


class Suite(Protocol):
    """One hash and one signature scheme, with their lengths in bytes."""

    @property
    def id(self) -> int:
        """Number of the suite on the wire, 1..255; also the algorithm tag of an account's key."""

    @property
    def name(self) -> str:
        """Name of the suite in files and commands."""

    @property
    def digest_size(self) -> int:
        """Bytes of a digest."""

    @property
    def public_key_size(self) -> int:
        """Bytes of a public key."""

    @property
    def signature_size(self) -> int:
        """Bytes of a signature."""

    def hash(self, data: bytes, /) -> bytes:
        """Return the plain digest of ``data``."""

    def tagged_hash(self, tag: str, /, *parts: bytes) -> bytes:
        """Return ``H(u8 len(tag) ‖ tag ‖ u8 suite id ‖ (u32 len(part) ‖ part)…)``, lengths big endian.

        Every part has its length in front, so that no two lists of parts share an input.
        """

    def tagged_hasher(self, tag: str, /) -> Callable[[bytes], bytes]:
        """Return a function equal to ``lambda part: tagged_hash(tag, part)``, for many hashes under one tag."""

    def verify(self, public_key: bytes, message: bytes, signature: bytes, /) -> bool:
        """Tell whether ``signature`` over ``message`` is good; bad input of any kind is False, never an exception."""

    def generate(self, seed: bytes | None = None, /) -> PrivateKey:
        """Return a new key from the system's randomness, or the one key that ``seed`` (test networks) determines."""

    def load(self, exported: bytes, /) -> PrivateKey:
        """Return the key that ``export`` gave out; raise CryptoRejection(BAD_KEY) for another length."""


def check_lengths(suite: Suite) -> None:
    """Assert that a suite's id and lengths are within what every format has room for."""
    assert 0 < suite.id <= 255, "the id is one byte"
    assert limits.DIGEST_BYTES_MIN <= suite.digest_size <= limits.DIGEST_BYTES_MAX, "a digest of any suite"
    assert 0 < suite.public_key_size <= limits.PUBLIC_KEY_BYTES_MAX, "a public key of any suite"
    assert 0 < suite.signature_size <= limits.SIGNATURE_BYTES_MAX, "a signature of any suite"


def _table(*suites: Suite) -> Mapping[str, Suite]:
    for suite in suites:
        check_lengths(suite)
    return MappingProxyType({suite.name: suite for suite in suites})


_SUITES: Final = _table(Ed25519Suite())  # closed: no code, file or message can add to it


def suite_by_name(name: str) -> Suite:
    """Return the suite called ``name``; raise CryptoRejection(UNKNOWN_SUITE) if there is none."""
    suite = _SUITES.get(name)
    if suite is None:
        raise CryptoRejection(CryptoReason.UNKNOWN_SUITE, f"{name!r}; known: {', '.join(sorted(_SUITES))}")
    return suite


def suite_by_id(number: int) -> Suite:
    """Return the suite with this number; raise CryptoRejection(UNKNOWN_SUITE) if there is none."""
    for suite in _SUITES.values():
        if suite.id == number:
            return suite
    raise CryptoRejection(CryptoReason.UNKNOWN_SUITE, f"suite id {number}")


def default_suite() -> Suite:
    """Return the suite of a network that names none."""
    return suite_by_name("ed25519")
