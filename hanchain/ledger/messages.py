"""Signatures of accounts over messages that contracts verify: the keys travel with them, as in a transaction.

    signed  = [[algorithm, public_key, signature], …]   ascending by algorithm and key, 1..16 of them
    a signature signs H("hanchain/contract-signature/1", chain id, message)

so that a message signed for one chain means nothing on another, and none can pass for a transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hanchain.crypto import PrivateKey, Suite
from hanchain.ledger import limits
from hanchain.ledger.codec import CodecError, decode, encode
from hanchain.ledger.reasons import Rejection
from hanchain.ledger.transaction import Signature, read_signatures

MESSAGE_TAG: Final = "hanchain/contract-signature/1"


def sign_message(message: bytes, keys: Sequence[PrivateKey], *, chain_id: bytes, suite: Suite) -> bytes:
    """Return the signatures of ``keys``, keys of the network's suite, over ``message``."""
    digest = suite.tagged_hash(MESSAGE_TAG, chain_id, message)
    return encode(sorted((suite.id, key.public_key, key.sign(digest)) for key in keys))


def signers_of(message: bytes, signed: bytes, *, chain_id: bytes, suite: Suite) -> tuple[Signature, ...]:
    """Return who signed ``message``; nobody if any signature is not good, or ``signed`` is not of this form."""
    try:
        value = decode(signed, max_bytes=limits.MESSAGE_SIGNATURES_BYTES_MAX, max_items=limits.SIGNATURES_MAX)
        signatures = read_signatures(value)
    except (CodecError, Rejection):
        return ()
    digest = suite.tagged_hash(MESSAGE_TAG, chain_id, message)
    good = all(
        entry.algorithm == suite.id and suite.verify(entry.public_key, digest, entry.signature) for entry in signatures
    )
    return signatures if good else ()
