"""Who we are connected to, whom we dial and when, and whom we no longer trust; no IO, time is passed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from random import Random
from typing import Generic, TypeAlias, TypeVar

from p2p import limits
from p2p.backoff import Backoff
from p2p.connection import Connection
from p2p.handshake import Admission, Admitted, Refused, supersedes
from p2p.limits import Timing

Address: TypeAlias = tuple[str, int]
LinkT = TypeVar("LinkT", bound=Hashable)


@dataclass(slots=True)
class PeerRecord:
    """What is remembered of one peer."""

    peer_id: str
    backoff: Backoff
    address: Address | None = None  # set for peers to keep connected
    dialling: bool = False
    next_dial_ms: int = 0
    connection: Connection | None = None
    last_reason: str = ""
    score: int = 0
    score_at_ms: int = 0
    banned_until_ms: int = 0
    banned_for: str = ""


@dataclass(frozen=True, slots=True)
class Establishment:
    """What becomes of a link that just finished its handshake."""

    kept: bool
    replaces: bool  # an older link is to be closed
    restarted: bool  # which was to an earlier life of the peer's process


@dataclass(frozen=True, slots=True)
class Loss:
    """What the end of a link or of an attempt to dial means."""

    current: bool  # it was the peer's current link
    news: bool  # or its reason is not the one of the attempt before: worth a line in the log


@dataclass(frozen=True, slots=True)
class Report:
    """A peer's score after an offence, and whether it is banned because of it."""

    score: int
    banned: bool


class PendingLinks(Generic[LinkT]):
    """Links that are not authenticated yet: bounded in all and by address, the oldest goes first.

    When there are too many in all, the address with the most loses its oldest: whoever fills the table pays.
    """

    def __init__(self) -> None:
        self._hosts: dict[LinkT, str] = {}  # in order of arrival

    def __len__(self) -> int:
        return len(self._hosts)

    def add(self, link: LinkT, host: str) -> LinkT | None:
        """Take a new link; return the one to close for it, if any."""
        counts = Counter(self._hosts.values())
        full_host: str | None = None
        if counts[host] >= limits.PENDING_PER_ADDRESS_MAX:
            full_host = host
        elif len(self._hosts) >= limits.PENDING_MAX:
            full_host = counts.most_common(1)[0][0]
        self._hosts[link] = host
        if full_host is None:
            return None
        evicted = next(other for other, its_host in self._hosts.items() if its_host == full_host)
        del self._hosts[evicted]
        return evicted

    def discard(self, link: LinkT) -> None:
        """Forget a link that is authenticated or over."""
        self._hosts.pop(link, None)


class PeerTable:
    """The peers of one node, by name."""

    def __init__(self, *, own_nonce: bytes, timing: Timing, random: Random) -> None:
        self._own_nonce = own_nonce
        self._timing = timing
        self._random = random
        self._records: dict[str, PeerRecord] = {}
        self._links = 0

    def all(self) -> list[PeerRecord]:
        """Return all records in order of name."""
        return [self._records[peer_id] for peer_id in sorted(self._records)]

    def want(self, peer_id: str, address: Address, now_ms: int) -> None:
        """Keep this peer connected from now on, at this address."""
        record = self._record(peer_id)
        if record.address is None:
            dials = sum(1 for other in self._records.values() if other.address is not None)
            assert dials < limits.DIALS_MAX, "the caller names more peers than a mesh can hold"
        if record.address != address:
            record.backoff.reset()
            record.next_dial_ms = now_ms
        record.address = address

    def forget(self, peer_id: str) -> None:
        """Dial this peer no more; a link that exists stays."""
        record = self._records.get(peer_id)
        if record is not None:
            record.address = None

    def due(self, now_ms: int) -> list[PeerRecord]:
        """Return the peers to dial now, marked as being dialled."""
        due = [
            record
            for record in self._records.values()
            if record.address is not None
            and record.connection is None
            and not record.dialling
            and record.next_dial_ms <= now_ms
            and record.banned_until_ms <= now_ms
        ]
        for record in due:
            record.dialling = True
        return due

    def judge(self, admission: Admission, certificate_der: bytes, hello: bytes, now_ms: int) -> Admitted | Refused:
        """Return the admission's verdict, or our own refusal of a banned peer or of one link too many."""
        verdict = admission(certificate_der, hello)
        if isinstance(verdict, Refused):
            return verdict
        record = self._records.get(verdict.peer_id)
        if record is not None and record.banned_until_ms > now_ms:
            seconds = (record.banned_until_ms - now_ms + 999) // 1000
            return Refused("banned", f"for {seconds} s more: {record.banned_for}")
        if self._links >= limits.LINKS_MAX and (record is None or record.connection is None):
            return Refused("too_many_links", f"{limits.LINKS_MAX} peers are connected")
        return verdict

    def establish(self, connection: Connection) -> Establishment:
        """Take a link whose handshake is done; say whether it is kept and which older one it replaces."""
        new = connection.identity
        assert new is not None, "established without an identity"
        record = self._record(new.peer_id)
        older = record.connection
        if older is None:
            record.connection = connection
            self._links += 1
            return Establishment(kept=True, replaces=False, restarted=False)
        old = older.identity
        assert old is not None, "kept without an identity"
        if not supersedes(new, old, self._own_nonce):
            return Establishment(kept=False, replaces=False, restarted=False)
        record.connection = connection
        return Establishment(kept=True, replaces=True, restarted=new.peer_nonce != old.peer_nonce)

    def lost(self, connection: Connection, dialled_peer: str | None, reason: str, now_ms: int) -> Loss:
        """Take the end of a link; ``dialled_peer`` is whom we dialled for it, if we did."""
        identity = connection.identity
        record = self._records.get(identity.peer_id) if identity is not None else None
        if record is not None and record.connection is connection:
            assert connection.established_at_ms is not None, "current without having been established"
            if now_ms - connection.established_at_ms >= self._timing.stable_ms:
                record.backoff.reset()
            record.connection = None
            self._links -= 1
            self._retry(record, reason, now_ms)
            return Loss(current=True, news=True)
        if dialled_peer is None:
            return Loss(current=False, news=True)
        return Loss(current=False, news=self.dial_failed(dialled_peer, reason, now_ms))

    def dialled(self, peer_id: str) -> None:
        """Take the success of an attempt to dial: its link is established."""
        record = self._records.get(peer_id)
        if record is not None:
            record.dialling = False

    def dial_failed(self, peer_id: str, reason: str, now_ms: int) -> bool:
        """Take the failure of an attempt to dial; return whether its reason is news."""
        record = self._records.get(peer_id)
        if record is None or not record.dialling:
            return False
        record.dialling = False
        if record.connection is not None:
            return False
        news = record.last_reason != reason
        self._retry(record, reason, now_ms)
        return news

    def report(self, peer_id: str, offence: str, weight: int, now_ms: int) -> Report:
        """Add an offence of weight 1..100 to a peer's score; the score decays by one a second."""
        assert 0 < weight <= limits.SCORE_MAX, "weights are 1..100"
        record = self._record(peer_id)
        decay = (now_ms - record.score_at_ms) * limits.SCORE_DECAY_PER_SECOND // 1000
        score = max(record.score - decay, 0) + weight
        record.score_at_ms = now_ms
        banned = score >= limits.SCORE_MAX
        if banned:
            record.banned_until_ms = now_ms + limits.BAN_MS
            record.banned_for = offence
        record.score = 0 if banned else score  # a served ban starts afresh
        return Report(score=score, banned=banned)

    def score(self, record: PeerRecord, now_ms: int) -> int:
        """Return a peer's score as of now."""
        return max(record.score - (now_ms - record.score_at_ms) * limits.SCORE_DECAY_PER_SECOND // 1000, 0)

    def _retry(self, record: PeerRecord, reason: str, now_ms: int) -> None:
        record.last_reason = reason
        record.next_dial_ms = now_ms + record.backoff.next_delay_ms()

    def _record(self, peer_id: str) -> PeerRecord:
        record = self._records.get(peer_id)
        if record is None:
            if len(self._records) >= limits.RECORDS_MAX:
                self._evict()
            backoff = Backoff(
                base_ms=self._timing.backoff_base_ms, cap_ms=self._timing.backoff_cap_ms, random=self._random
            )
            record = self._records[peer_id] = PeerRecord(peer_id, backoff)
        return record

    def _evict(self) -> None:
        """Forget the oldest peer that is neither wanted nor linked, banned ones last."""
        idle = [record for record in self._records.values() if record.address is None and record.connection is None]
        assert idle, "more peers wanted and linked than there are records"
        del self._records[min(idle, key=lambda record: record.banned_until_ms).peer_id]
