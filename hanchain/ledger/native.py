"""The host of system contracts: metered state of one contract in the journal of a session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contracts import prices
from contracts.keys import decode_key, encode_key
from contracts.program import Program
from hanchain.crypto import Suite
from hanchain.ledger import gas, limits, programs
from hanchain.ledger.codec import Value, encode
from hanchain.ledger.host import Caller, KeyPart, decode_stored
from hanchain.ledger.parameters import Parameters
from hanchain.ledger.session import Session
from hanchain.ledger.state import contract_prefix, state_key


class NativeHost:
    """The services of one system contract in one session; see ``host.Host``."""

    __slots__ = ("_absent", "_contract", "_names", "_session", "caller")

    def __init__(self, contract: str, session: Session) -> None:
        self._contract = contract
        self._session = session
        self._names: dict[tuple[KeyPart, ...], bytes] = {}  # state keys made so far: what is read is often written next
        self._absent: set[bytes] = set()  # state keys that had no value when last looked at
        self.caller: Caller = session.caller

    @property
    def suite(self) -> Suite:
        """The suite of the network."""
        return self._session.rules.suite

    @property
    def parameters(self) -> Parameters:
        """The parameters of the network."""
        return self._session.rules.parameters

    def get(self, *key: KeyPart) -> Any:
        """Return the value under ``key``, None if there is none; charges by its size."""
        name = self._key(key)
        stored = self._session.journal.get(name)
        if stored is None:
            self._absent.add(name)
            self._session.meter.charge(gas.read(0, None))
            return None
        value = decode_stored(self._contract, stored)
        self._session.meter.charge(gas.read(len(stored), value))
        return value

    def put(self, value: Value, *key: KeyPart) -> None:
        """Store ``value`` under ``key``; charges by size before it writes."""
        session = self._session
        assert not session.read_only, "the registry marks methods that write"
        name, encoded = self._key(key), encode(value)
        assert len(encoded) <= limits.STATE_VALUE_BYTES_MAX, "system contracts store records"
        new = name in self._absent or session.journal.get(name) is None
        session.meter.charge(gas.write(len(name) + len(encoded), value, new=new))
        self._absent.discard(name)
        session.journal.put(name, encoded)

    def scan(self, *key: KeyPart, after: KeyPart | None = None) -> Iterator[tuple[KeyPart, Any]]:
        """Yield (next part, value) of the keys that go on with one part after ``key``; charges for each it passes."""
        session, cell = self._session, contract_prefix(self._contract)
        session.meter.charge(prices.ROWS)
        start = None if after is None else self._key((*key, after)) + b"\x00"  # the least key above that of ``after``
        for name, stored in session.journal.scan(self._key(key), start, descending=False):
            if stored is None:
                session.meter.charge(prices.ROWS_DELETED)
                continue
            value = decode_stored(self._contract, stored)
            session.meter.charge(gas.read(len(stored), value))
            part = decode_key(name[len(cell) :])[len(key)]
            assert isinstance(part, str | bytes), "system contracts write such keys only"
            yield part, value

    def emit(self, name: str, *fields: Value) -> None:
        """Report an event; charges by size."""
        assert not self._session.read_only, "the registry marks methods that write"
        size = len(encode(fields))
        self._session.meter.charge(gas.event(size))
        reported = self._session.report(self._contract, name, fields, size)
        assert reported, "system contracts report few and small events"

    def load(self, code: bytes) -> Program:
        """Check and translate a program, for gas; raise ProgramRejected."""
        return programs.load(self._session, code)

    def layout(self, code: bytes) -> tuple[Value, ...]:
        """Return records, state machines and cells of a deployed program, for gas."""
        return programs.layout(self._session, code)

    def initialise(self, contract: str, program: Program, arguments: tuple[Value, ...]) -> None:
        """Run what a program wants done when it is deployed as ``contract``; raise what ends the deployment."""
        programs.initialise(self._session, contract, program, arguments)

    def _key(self, key: tuple[KeyPart, ...]) -> bytes:
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = state_key(self._contract, encode_key(key))
        return name
