"""What consensus needs of cryptography: injected, never chosen here.

The suite (digest, signature scheme and their lengths) belongs to the network's genesis. Every signature covers
``H(canonical(["hanchain/bft/1", suite_id, chain_id, type, epoch, body]))``: a signature made for one chain, one kind of
message or one epoch says nothing in another (consensus specification, section 2).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Protocol

from consensus import limits
from consensus.codec import Value, encode

DOMAIN: Final = "hanchain/bft/1"


class Suite(Protocol):
    """Digest and signature scheme of one network."""

    @property
    def id(self) -> int:
        """Number of the suite, part of every signed context."""

    @property
    def digest_size(self) -> int:
        """Bytes of a digest."""

    @property
    def signature_size(self) -> int:
        """Bytes of a signature."""

    def hash(self, data: bytes, /) -> bytes:
        """Return the digest of ``data``."""

    def verify(self, public_key: bytes, message: bytes, signature: bytes, /) -> bool:
        """Tell whether ``signature`` is good; never raises on bad input."""


class Signer(Protocol):
    """The validator's private key."""

    def sign(self, message: bytes, /) -> bytes:
        """Return a signature over ``message``."""


class Context:
    """The suite bound to one chain: hashing, signing input and verification with a memory of good signatures."""

    def __init__(self, suite: Suite, chain_id: bytes) -> None:
        self.suite = suite
        self.chain_id = chain_id
        self._good: OrderedDict[tuple[bytes, bytes, bytes], None] = OrderedDict()

    def tagged_hash(self, tag: str, fields: Value) -> bytes:
        """Return the digest of ``fields`` under a domain tag."""
        return self.suite.hash(encode([tag, self.suite.id, fields]))

    def signing_input(self, kind: int, epoch: int, body: Value) -> bytes:
        """Return the digest that a message of type ``kind`` signs."""
        return self.suite.hash(encode([DOMAIN, self.suite.id, self.chain_id, int(kind), epoch, body]))

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Tell whether a signature is good; one already seen good is not computed again."""
        entry = (public_key, message, signature)
        if entry in self._good:
            return True
        if not self.suite.verify(public_key, message, signature):
            return False
        self._good[entry] = None
        if len(self._good) > limits.VERIFIED_SIGNATURES_KEPT:
            self._good.popitem(last=False)
        return True
