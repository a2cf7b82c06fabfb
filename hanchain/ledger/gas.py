"""What native calls cost, and the meter that counts it.

A unit is about ten nanoseconds of a validator: the figures follow measurements, rounded, and are part of the protocol
version. Bytes are paid where they are stored or hashed.
"""

from __future__ import annotations

from typing import Final

TRANSACTION: Final = 2_000  # receipt, roots and indexes of any transaction
TRANSACTION_BYTE: Final = 4  # an envelope is stored by every node for ever
SIGNATURE: Final = 6_000  # one verification
READ: Final = 200
READ_BYTE: Final = 1
WRITE: Final = 1_000  # a changed key is hashed into the state
WRITE_BYTE: Final = 4
EVENT: Final = 400  # a leaf of the receipts root
EVENT_BYTE: Final = 4


class OutOfGas(Exception):
    """The transaction wanted more than its limit."""


class Meter:
    """Gas of one transaction: ``used`` grows up to ``limit`` and never beyond."""

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def charge(self, amount: int) -> None:
        """Count ``amount``; raise OutOfGas, with everything used up, if it is not there."""
        assert amount >= 0, "gas is never given back"
        self.used += amount
        if self.used > self.limit:
            self.used = self.limit
            raise OutOfGas


def intrinsic(envelope_bytes: int, signatures: int) -> int:
    """Return what a transaction costs before it does anything."""
    return TRANSACTION + TRANSACTION_BYTE * envelope_bytes + SIGNATURE * signatures
