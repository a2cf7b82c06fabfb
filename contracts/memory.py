"""A host that keeps state in memory: for tests, benchmarks and the local kit. The ledger has its own."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from contracts.host import Account

if TYPE_CHECKING:
    from contracts.codec import Value
    from contracts.program import Program

StateKey: TypeAlias = "tuple[str, bytes]"  # contract, key


@dataclass(frozen=True, slots=True)
class EmittedEvent:
    """An event as a contract reported it."""

    contract: str
    name: str
    fields: tuple[Value, ...]


@dataclass(slots=True)
class _Journal:
    """What to do to go back: values before the first write at each key, and how many events there were."""

    before: dict[StateKey, bytes | None] = field(default_factory=dict)
    events: int = 0


class MemoryHost:
    """State, events and programs of a chain that is one process; implements ``contracts.host.Host``.

    ``programs`` and ``accounts`` are the caller's to fill. Writes go to ``state`` at once; ``begin`` and ``undo`` also
    serve whoever wants to take back a whole transaction.
    """

    def __init__(
        self,
        programs: Mapping[str, Program] | None = None,
        accounts: Mapping[str, Account] | None = None,
        *,
        hash_function: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self.programs: dict[str, Program] = dict(programs or {})
        self.accounts: dict[str, Account] = dict(accounts or {})
        self.state: dict[StateKey, bytes] = {}
        self.events: list[EmittedEvent] = []
        self.blobs: set[bytes] = set()
        self._sorted: dict[str, list[bytes]] = {}  # keys of each contract in order
        self._journals: list[_Journal] = []
        self._hash = hash_function or (lambda data: hashlib.sha256(data).digest())

    def read(self, contract: str, key: bytes, /) -> bytes | None:
        """See ``Host``."""
        return self.state.get((contract, key))

    def write(self, contract: str, key: bytes, value: bytes | None, /) -> None:
        """See ``Host``."""
        if self._journals:
            self._journals[-1].before.setdefault((contract, key), self.state.get((contract, key)))
        self._put(contract, key, value)

    def _put(self, contract: str, key: bytes, value: bytes | None) -> None:
        keys = self._sorted.setdefault(contract, [])
        known = (contract, key) in self.state
        if value is None:
            if known:
                del self.state[contract, key]
                del keys[bisect_left(keys, key)]
            return
        self.state[contract, key] = value
        if not known:
            insort(keys, key)

    def scan(
        self, contract: str, prefix: bytes, start: bytes | None, /, *, descending: bool
    ) -> Iterator[tuple[bytes, bytes | None]]:
        """See ``Host``; what has been deleted is gone."""
        keys = self._sorted.get(contract, [])
        if descending:
            place = len(keys) if start is None else bisect_right(keys, start)
            chosen = [key for key in keys[:place] if key.startswith(prefix)][::-1]
        else:
            place = bisect_left(keys, prefix if start is None else max(start, prefix))
            chosen = [key for key in keys[place:] if key.startswith(prefix)]
        for key in chosen:
            yield key, self.state[contract, key]

    def emit(self, contract: str, name: str, fields: tuple[Value, ...], /) -> None:
        """See ``Host``."""
        self.events.append(EmittedEvent(contract, name, fields))

    def program(self, contract: str, /) -> Program | None:
        """See ``Host``."""
        return self.programs.get(contract)

    def begin(self) -> None:
        """See ``Host``."""
        self._journals.append(_Journal(events=len(self.events)))

    def keep(self) -> None:
        """See ``Host``."""
        journal = self._journals.pop()
        if self._journals:
            for key, value in journal.before.items():
                self._journals[-1].before.setdefault(key, value)

    def undo(self) -> None:
        """See ``Host``."""
        journal = self._journals.pop()
        for (contract, key), value in journal.before.items():
            self._put(contract, key, value)
        del self.events[journal.events :]

    def hash(self, data: bytes, /) -> bytes:
        """See ``Host``."""
        return self._hash(data)

    def account(self, account: str, /) -> Account:
        """See ``Host``."""
        return self.accounts.get(account, Account(exists=False, organisation="", roles=(), level=0, status=""))

    def verify(self, _account: str, _message: bytes, _signature: bytes, /) -> bool:
        """Say no: nobody has keys here."""
        return False

    def has_blob(self, digest: bytes, /) -> bool:
        """See ``Host``."""
        return digest in self.blobs
