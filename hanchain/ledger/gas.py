"""What a transaction and its native calls cost, and the meter that counts it.

A unit is about 100 nanoseconds of a validator, here as in contracts: state and events cost a system contract what they
cost a user's (``contracts.prices``). The figures follow measurements, rounded, and are part of the protocol version.
"""

from __future__ import annotations

from typing import Final, NoReturn

from contracts import prices
from hanchain.ledger.codec import Value

TRANSACTION: Final = 200  # decoding, receipt, roots and indexes of any transaction
TRANSACTION_SHIFT: Final = 1  # 2 bytes a unit: an envelope is hashed twice, sent to all and stored for ever
LOOK_UP: Final = 100  # finding the program behind a name
PROGRAM: Final = 2_000  # deploying one, besides what is stored
PROGRAM_BYTE: Final = 8  # of a program, before it is looked at: declarations are checked and kept too
PROGRAM_NODE: Final = 40  # checking and translating a node, and keeping it translated
LAYOUT_SHIFT: Final = 2  # 4 bytes a unit: reading the declarations of the program that an upgrade replaces

_SEQUENCES: Final = (list, tuple)


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

    def exhaust(self) -> NoReturn:
        """Raise OutOfGas with everything used up."""
        self.used = self.limit
        raise OutOfGas

    def charge(self, amount: int) -> None:
        """Count ``amount``; raise OutOfGas, with everything used up, if it is not there."""
        assert amount >= 0, "gas is never given back"
        self.used += amount
        if self.used > self.limit:
            self.exhaust()


def intrinsic(envelope_bytes: int, signatures: int) -> int:
    """Return what a transaction costs before it does anything."""
    return TRANSACTION + (envelope_bytes >> TRANSACTION_SHIFT) + prices.SIGNATURE * signatures


def read(size_bytes: int, value: Value) -> int:
    """Return what reading a stored value of this size costs."""
    return prices.READ + (size_bytes >> prices.READ_SHIFT) + prices.ELEMENT * elements(value)


def write(size_bytes: int, value: Value, *, new: bool) -> int:
    """Return what storing a value costs; ``size_bytes`` are those of key and value."""
    base = prices.WRITE_NEW if new else prices.WRITE
    return base + prices.WRITE_BYTE * size_bytes + prices.ELEMENT * elements(value)


def event(size_bytes: int) -> int:
    """Return what an event costs whose fields have this size."""
    return prices.EMIT + size_bytes


def result(size_bytes: int) -> int:
    """Return what a result of this size costs, which stands in the receipt."""
    return size_bytes


def elements(value: Value) -> int:
    """Return how many values lie inside a value; a scalar has none."""
    if not isinstance(value, _SEQUENCES):
        return 0
    count = len(value)
    for item in value:
        if isinstance(item, _SEQUENCES):
            count += elements(item)
    return count
