"""What a contract sees of the world: the caller, the block, its own state, its events. Nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from hanchain.ledger import gas, limits
from hanchain.ledger.codec import CodecError, Value, decode, encode
from hanchain.ledger.reasons import Fault
from hanchain.ledger.receipt import Event
from hanchain.ledger.state import Journal, state_key


class Revert(Exception):
    """A contract says no: the transaction's writes and events are undone, the receipt carries code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, in which block. In a view the sender and the txid are empty."""

    sender: bytes
    txid: bytes
    height: int
    time_ms: int


class Host(Protocol):
    """The services of a running contract, native or interpreted. Keys and events are those of the contract itself."""

    @property
    def caller(self) -> Caller:
        """Who calls, in which block."""

    def get(self, *key: Value) -> Any:
        """Return the value under ``key``, None if there is none."""

    def put(self, value: Value, *key: Value) -> None:
        """Store ``value`` under ``key``."""

    def emit(self, name: str, *fields: Value) -> None:
        """Report an event."""


class NativeHost:
    """The host of system contracts: metered state of one contract in a journal. Values are canonically encoded."""

    __slots__ = ("_contract", "_meter", "_state", "caller", "events", "read_only")

    def __init__(self, contract: str, state: Journal, meter: gas.Meter, caller: Caller, *, read_only: bool) -> None:
        self._contract = contract
        self._state = state
        self._meter = meter
        self.caller = caller
        self.read_only = read_only
        self.events: list[Event] = []

    def get(self, *key: Value) -> Any:
        """Return the value under ``key``, None if there is none; charges by its size."""
        stored = self._state.get(self._key(key))
        if stored is None:
            self._meter.charge(gas.read(0, None))
            return None
        try:
            value = decode(stored, max_bytes=limits.STATE_VALUE_BYTES_MAX, max_items=limits.ITEMS_MAX)
        except CodecError as error:
            raise Fault(f"state of {self._contract} is damaged: {error}") from error
        self._meter.charge(gas.read(len(stored), value))
        return value

    def put(self, value: Value, *key: Value) -> None:
        """Store ``value`` under ``key``; charges by size before it writes."""
        assert not self.read_only, "the registry marks methods that write"
        name, encoded = self._key(key), encode(value)
        assert len(encoded) <= limits.STATE_VALUE_BYTES_MAX, "system contracts store records"
        size = len(name) + len(encoded)
        self._meter.charge(gas.write(size, value, new=self._state.get(name) is None))
        self._state.put(name, encoded)

    def emit(self, name: str, *fields: Value) -> None:
        """Report an event; charges by size."""
        assert not self.read_only, "the registry marks methods that write"
        size = len(encode(fields))
        assert size <= limits.EVENT_BYTES_MAX, "system contracts report entries"
        assert len(self.events) < limits.EVENTS_MAX, "system contracts report few events"
        self._meter.charge(gas.event(size))
        self.events.append(Event(self._contract, name, fields))

    def _key(self, key: tuple[Value, ...]) -> bytes:
        return state_key(self._contract, encode(key))
