"""Keys of contracts as people and clients write them: a cell's name and the parts of its key.

The key of a row is ``contracts.keys.encode_key((cell name, *parts))``, for system contracts and others alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from contracts.keys import KeyReason, KeyRejected, Part, decode_key, encode_key
from hanchain.ledger import limits
from hanchain.ledger.reasons import Reason, Rejection

_CONTRACT_NAME: Final = re.compile(r"(sys\.)?[a-z][a-z0-9_]*")


def is_contract_name(text: str) -> bool:
    """Tell whether a contract can have this name: no other name has state, or reads like one that has."""
    return len(text) <= limits.NAME_LENGTH_MAX and _CONTRACT_NAME.fullmatch(text) is not None


def cell_key(cell: str, parts: Sequence[Part] = ()) -> bytes:
    """Return the key under which a contract stores the row ``parts`` of ``cell``.

    Raise Rejection(MALFORMED | OUT_OF_RANGE) for parts that no key has, OVERSIZED for a key too long.
    """
    try:
        key = encode_key((cell, *parts))
    except KeyRejected as rejected:
        reason = Reason.OUT_OF_RANGE if rejected.reason is KeyReason.OUT_OF_RANGE else Reason.MALFORMED
        raise Rejection(reason, f"key: {rejected.detail}") from None
    if len(key) > limits.STATE_KEY_BYTES_MAX:
        raise Rejection(Reason.OVERSIZED, f"a key of {len(key)} bytes, at most {limits.STATE_KEY_BYTES_MAX}")
    return key


def cell_parts(key: bytes) -> tuple[Part, ...]:
    """Return the name of the cell and the parts of ``key``, no parts for no bytes; raise Rejection for other bytes."""
    try:
        return decode_key(key)
    except KeyRejected as rejected:
        raise Rejection(Reason.MALFORMED, f"key: {rejected.detail}") from None
