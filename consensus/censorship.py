"""Whether the leader leaves transactions out (specification, section 11): pure, kept by the shell beside its pool.

A transaction that waits is forwarded to the leader and *watched* from then on, one of each client: the oldest. The
leader leaves it out when it still waits after the patience and, since it was forwarded, either three blocks had room
for it, or so many transactions were included that came later here than a leader who serves the clients in turn could
have put before it: twice those that waited then, or that fill a block. A client is the reason of one complaint in a
term at most, however often its transactions are left out: nobody can drive view changes by what he submits (Aardvark).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

from consensus import limits


@dataclass(frozen=True, slots=True)
class Waiting:
    """A transaction as fairness sees it: who sent it, when it came compared with others, what room it takes."""

    identifier: bytes
    client: bytes
    order: int  # of admission here
    size: int = 0
    gas: int = 0


@dataclass(frozen=True, slots=True)
class Room:
    """What would still have gone into a block: transactions, bytes, gas."""

    transactions: int
    size: int = 0
    gas: int = 0

    def takes(self, transaction: Waiting) -> bool:
        """Whether the transaction would have fitted."""
        return self.transactions >= 1 and self.size >= transaction.size and self.gas >= transaction.gas


NO_ROOM = Room(0)  # also what is assumed of a block of which it is not known


@dataclass(slots=True)
class _Watched:
    """One transaction since it was forwarded to this leader."""

    transaction: Waiting
    since_ms: int
    later_max: int  # later ones that a leader may put before it
    later: int = 0
    roomy: int = 0


class Watch:
    """What was forwarded to the current leader, and what became of it."""

    def __init__(self, *, patience_ms: int, block_transactions: int) -> None:
        self._patience_ms = patience_ms
        self._block_transactions = block_transactions
        self._watched: dict[bytes, _Watched] = {}  # by client
        self._accused: set[bytes] = set()  # clients that were the reason of a complaint in this term
        self._case: _Watched | None = None  # what is complained about
        self._term = 0

    def __len__(self) -> int:
        return len(self._watched)

    def new_leader(self) -> None:
        """Begin anew: this leader has been forwarded nothing yet."""
        self._watched.clear()
        self._case = None

    def forwarded(self, transactions: Iterable[Waiting], *, waiting: int, now_ms: int) -> None:
        """Watch transactions forwarded now, the oldest of each client first; ``waiting`` is the number of all here."""
        later_max = 2 * max(waiting, self._block_transactions)
        for transaction in transactions:
            client = transaction.client
            if client in self._watched or client in self._accused:
                continue
            if len(self._watched) >= limits.WATCHED_CLIENTS_MAX:
                return
            self._watched[client] = _Watched(transaction, now_ms, later_max)

    def included(self, height: int, transactions: dict[bytes, int | None], room: Room) -> None:
        """Take note of a block: its transactions with their order of admission here, None for one that never came."""
        if height // limits.TERM_BLOCKS != self._term:
            self._term = height // limits.TERM_BLOCKS
            self._accused.clear()
        self.gone(transactions)
        orders = sorted(order for order in transactions.values() if order is not None)
        for watched in self._watched.values():
            watched.later += len(transactions) - bisect_left(orders, watched.transaction.order)
            watched.roomy += room.takes(watched.transaction)

    def gone(self, identifiers: Iterable[bytes]) -> None:
        """Watch no longer what is in a block or can be in none any more."""
        ended = set(identifiers)
        for client in [c for c, w in self._watched.items() if w.transaction.identifier in ended]:
            del self._watched[client]
        if self._case is not None and self._case.transaction.identifier in ended:
            self._case = None

    def censored(self, now_ms: int) -> Waiting | None:
        """Return what the leader leaves out, if anything: the same until it is gone or another leads."""
        if self._case is None:
            self._case = next((w for w in self._watched.values() if self._left_out(w, now_ms)), None)
            if self._case is not None:
                self._accused.add(self._case.transaction.client)
        return None if self._case is None else self._case.transaction

    def _left_out(self, watched: _Watched, now_ms: int) -> bool:
        if watched.transaction.client in self._accused or now_ms - watched.since_ms < self._patience_ms:
            return False
        return watched.roomy >= limits.ROOMY_BLOCKS or watched.later >= watched.later_max
