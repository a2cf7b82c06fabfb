"""One transaction or view while it runs: its gas, writes and events, and what it is allowed to see."""

from __future__ import annotations

from dataclasses import dataclass, field

from contracts.program import Program
from hanchain.ledger import limits
from hanchain.ledger.catalogue import Catalogue
from hanchain.ledger.codec import Value
from hanchain.ledger.gas import Meter
from hanchain.ledger.host import Caller
from hanchain.ledger.receipt import Event
from hanchain.ledger.rules import Rules
from hanchain.ledger.state import Journal


@dataclass(slots=True, eq=False)
class Session:
    """What native and interpreted contracts of one transaction or view share.

    Levels of the journal and the events in them open and close together: what a failed call reported never happened.
    """

    rules: Rules
    catalogue: Catalogue
    journal: Journal
    meter: Meter
    caller: Caller
    blobs: tuple[bytes, ...]
    read_only: bool
    events: list[Event] = field(default_factory=list)
    programs: dict[bytes, Program] = field(default_factory=dict)  # deployed by this transaction, by code hash
    _events_bytes: int = 0
    _marks: list[tuple[int, int]] = field(default_factory=list)  # events and their bytes when each level opened

    @property
    def levels(self) -> int:
        """How many levels are open."""
        return len(self._marks)

    def begin(self) -> None:
        """Open a level."""
        self.journal.begin()
        self._marks.append((len(self.events), self._events_bytes))

    def keep(self) -> None:
        """Close the innermost level; what is in it belongs to the one around."""
        self.journal.keep()
        self._marks.pop()

    def undo(self) -> None:
        """Close the innermost level and forget what is in it."""
        self.journal.undo()
        count, self._events_bytes = self._marks.pop()
        del self.events[count:]

    def report(self, contract: str, name: str, fields: tuple[Value, ...], size_bytes: int) -> bool:
        """Add an event whose fields take ``size_bytes``; return False when it is too large or one too many."""
        if (
            size_bytes > limits.EVENT_BYTES_MAX
            or len(self.events) >= limits.EVENTS_MAX
            or self._events_bytes + size_bytes > limits.EVENTS_BYTES_MAX
        ):
            return False
        self.events.append(Event(contract, name, fields))
        self._events_bytes += size_bytes
        return True
