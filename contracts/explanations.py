"""What the reasons of the machine mean, in a sentence for the person whose call ended so."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from contracts.failures import Kind, StopReason

_KINDS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.KEY: "a key was read under which nothing is stored, or that a dict does not have",
        Kind.INDEX: "a position outside of a list, text or bytes",
        Kind.VALUE: "a value that the operation cannot take, as in int('x')",
        Kind.ZERO_DIVISION: "a division by zero",
        Kind.CALL: "a contract that was called failed",
        Kind.TYPE: "a value of another type than the operation or the declaration takes",
        Kind.OVERFLOW: "a number of more than 255 bits",
        Kind.SIZE: "a text, list or value larger than the machine allows",
        Kind.REFUSED: "Python would do this, contracts do not: contracts/README.md lists where results differ",
        Kind.VIEW: "a view wanted to change state",
        Kind.STORAGE: "state does not take this value or key: a move that a state machine does not declare, a second "
        "row with the same fields of a unique index, or a value too large",
        Kind.REENTRANT: "a contract was called that waits for another one",
    }
)
_STOPS: Final[Mapping[StopReason, str]] = MappingProxyType(
    {
        StopReason.OUT_OF_GAS: "more work than the gas limit of the transaction pays for",
        StopReason.OUT_OF_MEMORY: "more memory than a transaction may use",
        StopReason.CALL_DEPTH: "too many calls inside one another",
        StopReason.DATA_DEPTH: "values too deep inside one another",
    }
)
_MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {kind.name.lower(): text for kind, text in _KINDS.items()} | {str(stop): text for stop, text in _STOPS.items()}
)


def meaning_of(reason: str) -> str:
    """Return what a reason of the machine means, "" for a contract's own code and whatever else is none."""
    return _MEANINGS.get(reason, "")
