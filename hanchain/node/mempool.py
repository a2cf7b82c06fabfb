"""The pool of admitted transactions: bounded in count and bytes, fair between senders, pure.

A transaction stays here until it is executed or expires. Those that stand in a proposal in flight are *reserved*: not
offered again, but not lost either, so that an abandoned proposal needs no way back. ``release`` makes all of them
available again: after a view change, and when a reservation is so old that its proposal must have been abandoned.
Releasing too much does no harm, since ``take`` is told what is in flight and reserves it again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.transaction import Transaction
from hanchain.node import limits


@dataclass(slots=True)
class Entry:
    """A pooled transaction."""

    transaction: Transaction
    admitted_ms: int
    pushed_ms: int  # when it was last gossiped from here
    order: int  # how many were admitted before it

    @property
    def size(self) -> int:
        """Bytes of its envelope."""
        return len(self.transaction.encoded)


class Mempool:
    """Admitted transactions by id; see the module's docstring."""

    def __init__(
        self,
        *,
        transactions_max: int = limits.POOL_TRANSACTIONS_MAX,
        bytes_max: int = limits.POOL_BYTES_MAX,
    ) -> None:
        self._transactions_max = transactions_max
        self._bytes_max = bytes_max
        self._entries: dict[bytes, Entry] = {}
        self._free: OrderedDict[bytes, None] = OrderedDict()  # not reserved, in order of arrival
        self._by_sender: OrderedDict[bytes, OrderedDict[bytes, None]] = OrderedDict()  # the same, per sender
        self._reserved: OrderedDict[bytes, int] = OrderedDict()  # when, in order
        self._held_by: dict[bytes, int] = {}  # transactions of a sender, reserved ones too
        self._expiries: dict[int, list[bytes]] = {}
        self._swept_height = 0
        self._admitted = 0
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, txid: bytes) -> bool:
        return txid in self._entries

    @property
    def free(self) -> int:
        """How many transactions stand in no proposal in flight."""
        return len(self._free)

    @property
    def oldest_free_ms(self) -> int | None:
        """When the oldest of them was admitted; None when there is none."""
        for txid in self._free:
            return self._entries[txid].admitted_ms
        return None

    def get(self, txid: bytes) -> Transaction | None:
        """Return a pooled transaction."""
        entry = self._entries.get(txid)
        return None if entry is None else entry.transaction

    def order(self, txid: bytes) -> int:
        """Return how many transactions were admitted before this pooled one."""
        return self._entries[txid].order

    def check_room(self, transaction: Transaction) -> None:
        """Raise Rejection(pool_full) when the pool, or the sender's share of it, has no room."""
        if len(self._entries) >= self._transactions_max:
            raise Rejection(Reason.POOL_FULL, f"{len(self._entries)} transactions wait; try again later")
        if self.bytes + len(transaction.encoded) > self._bytes_max:
            raise Rejection(Reason.POOL_FULL, f"{self.bytes} bytes wait; try again later")
        share = max(1, self._transactions_max // limits.POOL_SENDER_SHARE)
        if self._held_by.get(transaction.payload.sender, 0) >= share:
            raise Rejection(Reason.POOL_FULL, f"this sender has {share} transactions waiting, its whole share")

    def add(self, transaction: Transaction, now_ms: int) -> bool:
        """Admit a checked transaction; return False when it is here already. Raises Rejection(pool_full | expired)."""
        txid = transaction.txid
        if txid in self._entries:
            return False
        if transaction.payload.expires_at_height < self._swept_height:  # a block came while its signature was verified
            raise Rejection(Reason.EXPIRED, f"expired at height {transaction.payload.expires_at_height}")
        self.check_room(transaction)
        self._entries[txid] = Entry(transaction, now_ms, now_ms, self._admitted)
        self._admitted += 1
        self.bytes += len(transaction.encoded)
        self._held_by[transaction.payload.sender] = self._held_by.get(transaction.payload.sender, 0) + 1
        self._expiries.setdefault(transaction.payload.expires_at_height, []).append(txid)
        self._set_free(txid, transaction.payload.sender)
        return True

    def take(
        self,
        *,
        height: int,
        transactions_max: int,
        bytes_max: int,
        gas_max: int,
        in_flight: Collection[bytes],
        now_ms: int,
    ) -> list[Transaction]:
        """Reserve and return a batch for ``height``: one transaction of each sender in turn, each one's in its order.

        ``in_flight`` holds the ids of transactions in proposals this batch builds on: they are reserved, not offered.
        A transaction that expires below ``height`` is passed over; one that no longer fits ends the batch.
        """
        chosen: list[Transaction] = []
        passed: list[bytes] = []
        size = gas = 0
        turns = [list(queue) for queue in self._by_sender.values()]
        position = 0
        while turns and len(chosen) < transactions_max:
            waiting = []
            for queue in turns:
                if position >= len(queue) or len(chosen) >= transactions_max:
                    continue
                waiting.append(queue)
                txid = queue[position]
                if txid in in_flight:
                    passed.append(txid)
                    continue
                transaction = self._entries[txid].transaction
                if transaction.payload.expires_at_height < height:
                    continue
                if size + len(transaction.encoded) > bytes_max or gas + transaction.payload.gas_limit > gas_max:
                    waiting = []
                    break
                size += len(transaction.encoded)
                gas += transaction.payload.gas_limit
                chosen.append(transaction)
            turns = waiting
            position += 1
        self.reserve((t.txid for t in chosen), now_ms)
        self.reserve(passed, now_ms)
        for sender in dict.fromkeys(t.payload.sender for t in chosen):
            if sender in self._by_sender:
                self._by_sender.move_to_end(sender)  # its next turn comes after those of all who wait
        return chosen

    def reserve(self, txids: Iterable[bytes], now_ms: int) -> None:
        """Mark transactions as standing in a proposal in flight; ids not pooled here are ignored."""
        for txid in txids:
            if txid in self._free:
                self._take_free(txid, self._entries[txid].transaction.payload.sender)
                self._reserved[txid] = now_ms

    def release_stale(self, now_ms: int, age_ms: int) -> bool:
        """Release when the oldest reservation is older than ``age_ms``; return whether it was."""
        oldest = next(iter(self._reserved.values()), now_ms)
        if now_ms - oldest <= age_ms:
            return False
        self.release()
        return True

    def release(self) -> None:
        """Make all reserved transactions available again, in their order of arrival."""
        if not self._reserved:
            return
        self._reserved.clear()
        self._free.clear()
        self._by_sender.clear()
        for txid, entry in self._entries.items():
            self._set_free(txid, entry.transaction.payload.sender)

    def remove(self, txids: Iterable[bytes]) -> None:
        """Forget executed transactions."""
        for txid in txids:
            if txid in self._entries:
                self._drop(txid)

    def expire(self, height: int) -> list[bytes]:
        """Forget and return the transactions that no block above ``height`` can contain."""
        gone: list[bytes] = []
        for expiry in range(self._swept_height, height + 1) if self._swept_height else sorted(self._expiries):
            if expiry > height:
                break
            for txid in self._expiries.pop(expiry, ()):
                if txid in self._entries:
                    gone.append(txid)
                    self._drop(txid)
        self._swept_height = height + 1
        return gone

    def due_for_push(self, now_ms: int, age_ms: int) -> list[Transaction]:
        """Return transactions not gossiped for ``age_ms``, oldest first, and count them as pushed now (section 11)."""
        due: list[Transaction] = []
        for entry in self._entries.values():
            if now_ms - entry.admitted_ms < age_ms or len(due) >= limits.REGOSSIP_BATCH_MAX:
                break
            if now_ms - entry.pushed_ms >= age_ms:
                entry.pushed_ms = now_ms
                due.append(entry.transaction)
        return due

    def _set_free(self, txid: bytes, sender: bytes) -> None:
        self._free[txid] = None
        queue = self._by_sender.get(sender)
        if queue is None:
            queue = self._by_sender[sender] = OrderedDict()
        queue[txid] = None

    def _take_free(self, txid: bytes, sender: bytes) -> None:
        del self._free[txid]
        queue = self._by_sender[sender]
        del queue[txid]
        if not queue:
            del self._by_sender[sender]

    def _drop(self, txid: bytes) -> None:
        entry = self._entries.pop(txid)
        sender = entry.transaction.payload.sender
        if txid in self._free:
            self._take_free(txid, sender)
        else:
            del self._reserved[txid]
        self.bytes -= entry.size
        held = self._held_by[sender] - 1
        if held:
            self._held_by[sender] = held
        else:
            del self._held_by[sender]
