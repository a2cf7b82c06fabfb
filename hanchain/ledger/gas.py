"""What a transaction and its native calls cost, and the meter that counts it.

A unit is about 100 nanoseconds of a validator, here as in contracts: state and events cost a system contract what they
cost a user's. The figures follow measurements, rounded, and are part of the protocol version.
"""

from __future__ import annotations

from typing import Final

from hanchain.ledger.codec import Value

TRANSACTION: Final = 200  # decoding, receipt, roots and indexes of any transaction
TRANSACTION_BYTES_PER_GAS: Final = 2  # an envelope is hashed twice, sent to all and stored by every node for ever
SIGNATURE: Final = 600  # one verification, 60 µs
READ: Final = 60
READ_BYTES_PER_GAS: Final = 32
WRITE: Final = 200  # a changed key is hashed into the state
WRITE_NEW: Final = 400  # one that was not there is stored by every node for ever
WRITE_BYTE: Final = 2
DELETE: Final = 100
ELEMENT: Final = 1  # of a list that is decoded or encoded
SCAN: Final = 60
SCAN_PASSED: Final = 20  # a key deleted in this block that a scan passes over
EVENT: Final = 60  # a leaf of the receipts root
EVENT_BYTE: Final = 1


class OutOfGas(Exception):
    """The transaction wanted more than its limit."""


class Meter:
    """Gas of one transaction: ``used`` grows up to ``limit`` and never beyond."""

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    @property
    def left(self) -> int:
        """What may still be used."""
        return self.limit - self.used

    def charge(self, amount: int) -> None:
        """Count ``amount``; raise OutOfGas, with everything used up, if it is not there."""
        assert amount >= 0, "gas is never given back"
        self.used += amount
        if self.used > self.limit:
            self.used = self.limit
            raise OutOfGas


def intrinsic(envelope_bytes: int, signatures: int) -> int:
    """Return what a transaction costs before it does anything."""
    return TRANSACTION + envelope_bytes // TRANSACTION_BYTES_PER_GAS + SIGNATURE * signatures


def read(size_bytes: int, value: Value) -> int:
    """Return what reading a stored value of this size costs."""
    return READ + size_bytes // READ_BYTES_PER_GAS + ELEMENT * elements(value)


def write(size_bytes: int, value: Value, *, new: bool) -> int:
    """Return what storing a value costs; ``size_bytes`` are those of key and value."""
    return (WRITE_NEW if new else WRITE) + WRITE_BYTE * size_bytes + ELEMENT * elements(value)


def event(size_bytes: int) -> int:
    """Return what an event costs whose fields have this size."""
    return EVENT + EVENT_BYTE * size_bytes


def elements(value: Value) -> int:
    """Return how many values lie inside a value; a scalar has none."""
    if not isinstance(value, list | tuple):
        return 0
    return len(value) + sum(elements(item) for item in value if isinstance(item, list | tuple))
