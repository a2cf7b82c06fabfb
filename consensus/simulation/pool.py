"""The transaction pool of one simulated node, and which of its transactions are in blocks already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from consensus.censorship import Waiting
from consensus.simulation import application


@dataclass(slots=True)
class Pool:
    """Transactions that wait, in the order they came; they stay until they are executed."""

    waiting: dict[bytes, int] = field(default_factory=dict)  # id -> when it came
    included: dict[bytes, int] = field(default_factory=dict)  # id -> height
    taken: set[bytes] = field(default_factory=set)  # by own proposals of this view, and what they build on
    pushed: dict[bytes, int] = field(default_factory=dict)  # id -> when it was last handed to all others
    orders: dict[bytes, int] = field(default_factory=dict)  # id -> how many came before it

    def admit(self, identifiers: Iterable[bytes], now_ms: int) -> bool:
        """Take in what is new; tell whether anything was."""
        fresh = [i for i in identifiers if i not in self.waiting and i not in self.included]
        self.waiting.update((i, now_ms) for i in fresh)
        for identifier in fresh:
            self.orders[identifier] = len(self.orders)
        return bool(fresh)

    def offer(self) -> tuple[int | None, bool]:
        """Return since when the oldest transaction outside of own proposals waits, and whether they fill a batch."""
        free = [since for identifier, since in self.waiting.items() if identifier not in self.taken]
        return (free[0] if free else None), len(free) >= application.BATCH_TRANSACTIONS_MAX

    def take(self, bodies: Iterable[bytes]) -> None:
        """Take note of what an own proposal holds and builds on."""
        for body in bodies:
            self.taken.update(application.transactions(body))

    def execute(self, height: int, body: bytes) -> list[bytes]:
        """Take out what a block holds; return what had been in a block before."""
        again = []
        for identifier in application.transactions(body):
            if identifier in self.included:
                again.append(identifier)
            self.included[identifier] = height
            self.waiting.pop(identifier, None)
            self.taken.discard(identifier)
            self.pushed.pop(identifier, None)
        return again

    def due(self, now_ms: int, after_ms: int) -> tuple[bytes, ...]:
        """Return the transactions to push again, each waiting for ``after_ms`` since it came or was last pushed."""
        found = tuple(i for i, since in self.waiting.items() if now_ms - self.pushed.get(i, since) >= after_ms)
        self.pushed.update((i, now_ms) for i in found)
        return found

    def watchable(self, identifiers: Iterable[bytes]) -> list[Waiting]:
        """Return waiting transactions as fairness sees them."""
        return [Waiting(i, application.client_of(i), self.orders[i]) for i in identifiers]

    def restart(self, bodies: Iterable[tuple[int, bytes]]) -> None:
        """Read the executed blocks again; clients submit again what waited (so it is simply kept)."""
        self.included = {i: height for height, body in bodies for i in application.transactions(body)}
        self.waiting = {i: since for i, since in self.waiting.items() if i not in self.included}
        self.taken, self.pushed = set(), {}
