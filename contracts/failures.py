"""How a contract ends when it does not return: what it may catch, what ends its call, what ends the transaction.

Anything else that is raised while a contract runs (MemoryError, RecursionError, an assertion) is a fault of the node
and never an outcome: the machine lets it pass.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Kind(IntEnum):
    """Kinds of failure. The numbers up to ``CALL`` stand in programs, in ``except``; the others cannot be caught."""

    REVERT = 0  # the contract said no
    KEY = 1
    INDEX = 2
    VALUE = 3
    ZERO_DIVISION = 4
    CALL = 5  # a called contract ended by revert or error
    TYPE = 6
    OVERFLOW = 7  # an integer outside of -(2^255 - 1) .. 2^255 - 1
    SIZE = 8  # a text, list or stored value larger than the machine allows
    REFUSED = 9  # Python would do it, we do not
    VIEW = 10  # a view wanted to write
    STORAGE = 11  # a stored value or key of a size or form that state does not take
    REENTRANT = 12


CATCHABLE_MAX = Kind.CALL
CODED = frozenset({Kind.REVERT, Kind.CALL})  # have a code of a contract's own; the others have their name


class ContractFailure(Exception):
    """Ends a block of statements, a call or a transaction; ``code`` is the contract's own for REVERT and CALL."""

    def __init__(self, kind: Kind, code: str = "") -> None:
        super().__init__(kind, code)
        self.kind = kind
        self.code = code


class StopReason(StrEnum):
    """Why a transaction ends at once, whatever its contracts would like to catch."""

    OUT_OF_GAS = "out_of_gas"
    OUT_OF_MEMORY = "out_of_memory"
    CALL_DEPTH = "call_depth"
    DATA_DEPTH = "data_depth"


class Stop(Exception):
    """Ends the transaction."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason)
        self.reason = reason
