"""A crypto suite for simulations: unforgeable by construction, fast, and of unusual lengths.

A signature is a hash over a secret that only the signer's object and the suite's own table hold; no code of a simulated
validator can reach another's secret, so nobody can forge. Digests of 20 and signatures of 24 bytes show every place
that takes 32 and 64 for granted.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

_DIGEST_SIZE: Final = 20
_SIGNATURE_SIZE: Final = 24


class FakeSuite:
    """Digest and signature scheme of one simulated network (a ``consensus.crypto.Suite``)."""

    id: Final = 255
    digest_size: Final = _DIGEST_SIZE
    signature_size: Final = _SIGNATURE_SIZE

    def __init__(self) -> None:
        self._secrets: dict[bytes, bytes] = {}

    def signer(self, name: str) -> FakeSigner:
        """Return the signer of a new key pair named ``name``."""
        secret = blake2b(b"secret/" + name.encode(), digest_size=16).digest()
        public_key = blake2b(b"public/" + secret, digest_size=16).digest()
        self._secrets[public_key] = secret
        return FakeSigner(public_key, secret)

    def hash(self, data: bytes, /) -> bytes:
        """Return the digest of ``data``."""
        return blake2b(data, digest_size=_DIGEST_SIZE).digest()

    def verify(self, public_key: bytes, message: bytes, signature: bytes, /) -> bool:
        """Tell whether the key's signer made ``signature`` over ``message``."""
        secret = self._secrets.get(public_key)
        return secret is not None and _tag(secret, message) == signature


class FakeSigner:
    """The private key of one simulated validator (a ``consensus.crypto.Signer``)."""

    def __init__(self, public_key: bytes, secret: bytes) -> None:
        self.public_key = public_key
        self._secret = secret

    def sign(self, message: bytes, /) -> bytes:
        """Return a signature over ``message``."""
        return _tag(self._secret, message)


def _tag(secret: bytes, message: bytes) -> bytes:
    return blake2b(message, digest_size=_SIGNATURE_SIZE, key=secret).digest()
