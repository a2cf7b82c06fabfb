"""A second crypto suite, for tests only: no length and no name of it is that of a real one.

Digests are SHA-384 (48 bytes). A key is Ed25519 under a label (40 bytes); a signature (80 bytes) is Ed25519's with a
checksum behind, and every byte of it counts. Programs know a closed table of suites: a test swaps the table, and a
process of its own is started through this file, which takes the arguments of the command line:

    python tests/toysuite.py keys new alice --suite toy --unprotected
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from struct import Struct
from types import MappingProxyType
from typing import Final
from unittest import mock

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from hanchain.crypto import CryptoReason, CryptoRejection, suite

_LABEL: Final = b"toy-key:"
_CHECKSUM_SIZE: Final = 16
_LENGTH: Final = Struct(">I")


class ToyKey:
    """A signing key."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != 32:
            raise CryptoRejection(CryptoReason.BAD_KEY, f"{len(seed)} bytes, 32 expected")
        self._key = SigningKey(seed)
        self.public_key = _LABEL + bytes(self._key.verify_key)

    def sign(self, message: bytes) -> bytes:
        """Return the 80-byte signature."""
        signature = self._key.sign(message).signature
        return signature + _checksum(self.public_key, signature)

    def export(self) -> bytes:
        """Return the seed."""
        return bytes(self._key)


class ToySuite:
    """The suite; see ``hanchain.crypto.suite.Suite`` for what each part promises."""

    id: Final = 201
    name: Final = "toy"
    digest_size: Final = 48
    public_key_size: Final = 40
    signature_size: Final = 80

    def hash(self, data: bytes) -> bytes:
        """Return the 48-byte digest."""
        return hashlib.sha384(data).digest()

    def tagged_hash(self, tag: str, *parts: bytes) -> bytes:
        """Return the digest of length-prefixed parts under a tag."""
        name = tag.encode("ascii")
        state = hashlib.sha384(bytes((len(name),)) + name + bytes((self.id,)))
        for part in parts:
            state.update(_LENGTH.pack(len(part)))
            state.update(part)
        return state.digest()

    def tagged_hasher(self, tag: str) -> Callable[[bytes], bytes]:
        """Return the tagged hash of one part."""
        return lambda part: self.tagged_hash(tag, part)

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Tell whether all 80 bytes of the signature are right."""
        if len(public_key) != self.public_key_size or len(signature) != self.signature_size:
            return False
        if not public_key.startswith(_LABEL):
            return False
        inner, checksum = signature[:-_CHECKSUM_SIZE], signature[-_CHECKSUM_SIZE:]
        if checksum != _checksum(public_key, inner):
            return False
        try:
            VerifyKey(public_key[len(_LABEL) :]).verify(message, inner)
        except BadSignatureError:
            return False
        return True

    def generate(self, seed: bytes | None = None) -> ToyKey:
        """Return a new key, or the one that ``seed`` determines."""
        return ToyKey(os.urandom(32) if seed is None else self.tagged_hash("toy/seed", seed)[:32])

    def load(self, exported: bytes) -> ToyKey:
        """Return the key of an exported seed."""
        return ToyKey(exported)


def _checksum(public_key: bytes, signature: bytes) -> bytes:
    return hashlib.sha384(public_key + signature).digest()[:_CHECKSUM_SIZE]


@contextmanager
def known_suites(*suites: suite.Suite) -> Iterator[None]:
    """Let these be all the suites there are, for a while: the default is unknown, and who falls back to it fails."""
    for each in suites:
        suite.check_lengths(each)
    with mock.patch.object(suite, "_SUITES", MappingProxyType({each.name: each for each in suites})):
        yield


if __name__ == "__main__":
    from hanchain.cli.main import main

    with known_suites(ToySuite()):
        main()
