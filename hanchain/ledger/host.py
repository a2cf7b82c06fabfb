"""What a system contract sees of the world: the caller, the block, its own state, its events, and programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from contracts.keys import encode_key
from hanchain.crypto import Suite
from hanchain.ledger import limits
from hanchain.ledger.codec import CodecError, Value, decode
from hanchain.ledger.parameters import Parameters
from hanchain.ledger.reasons import Fault
from hanchain.ledger.state import Reader, state_key

if TYPE_CHECKING:
    from contracts.program import Program

KeyPart: TypeAlias = (
    str | bytes
)  # of a system contract's keys: with numbers in them, 1 and True would be one to a table


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, in which block. In a view the sender and the txid are empty."""

    sender: bytes
    txid: bytes
    height: int
    time_ms: int


class Host(Protocol):
    """The services of a running system contract. Keys and events are its own; values are canonically encoded."""

    @property
    def caller(self) -> Caller:
        """Who calls, in which block."""

    @property
    def suite(self) -> Suite:
        """The suite of the network."""

    @property
    def parameters(self) -> Parameters:
        """The parameters of the network."""

    def get(self, *key: KeyPart) -> Any:
        """Return the value under ``key``, None if there is none."""

    def put(self, value: Value, *key: KeyPart) -> None:
        """Store ``value`` under ``key``."""

    def scan(self, *key: KeyPart, after: KeyPart | None = None) -> Iterator[tuple[KeyPart, Any]]:
        """Yield (next part, value) of the keys that go on with one part after ``key``, in order, above ``after``."""

    def emit(self, name: str, *fields: Value) -> None:
        """Report an event."""

    def load(self, code: bytes) -> Program:
        """Check and translate a program, for gas; raise ProgramRejected."""

    def layout(self, code: bytes) -> tuple[Value, ...]:
        """Return records, state machines and cells of a deployed program, for gas."""

    def initialise(self, contract: str, program: Program, arguments: tuple[Value, ...]) -> None:
        """Run what a program wants done when it is deployed as ``contract``; raise what ends the deployment."""


def read_cell(state: Reader, contract: str, *key: KeyPart) -> Any:
    """Return what a system contract has stored under ``key``, None if that is nothing: for the ledger's own use.

    Raise Fault for bytes that no execution wrote.
    """
    stored = state.get(state_key(contract, encode_key(key)))
    return None if stored is None else decode_stored(contract, stored)


def decode_stored(contract: str, stored: bytes) -> Any:
    """Return the value that a system contract has stored; raise Fault for bytes that no execution wrote."""
    try:
        return decode(stored, max_bytes=limits.STATE_VALUE_BYTES_MAX, max_items=limits.ITEMS_MAX)
    except CodecError as error:
        raise Fault(f"state of {contract} is damaged: {error}") from error
