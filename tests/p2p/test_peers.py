"""The peer table: whom to dial and when, which link counts, who is banned."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import pytest

from p2p import limits
from p2p.handshake import Admitted, LinkIdentity, Refused
from p2p.limits import Timing
from p2p.peers import Establishment, Loss, PeerTable, PendingLinks, Report

OWN, PEER, REBORN = b"m" * 16, b"p" * 16, b"q" * 16
TIMING = Timing(backoff_base_ms=100, backoff_cap_ms=800, stable_ms=10_000)


@dataclass(eq=False)
class FakeConnection:
    """The two things the table reads of a connection."""

    identity: LinkIdentity | None
    established_at_ms: int | None = 0


def link(number: int, peer_id: str = "b", nonce: bytes = PEER) -> FakeConnection:
    """Return an established connection; the peer's nonce is the larger, so its number decides."""
    return FakeConnection(LinkIdentity(peer_id, nonce, 1000 - number, number))


@pytest.fixture
def table() -> PeerTable:
    """Return an empty table."""
    return PeerTable(own_nonce=OWN, timing=TIMING, random=Random(1))


def due(table: PeerTable, now_ms: int) -> list[str]:
    """Return the names of the peers to dial."""
    return [record.peer_id for record in table.due(now_ms)]


def test_a_wanted_peer_is_dialled_once_at_a_time_and_for_ever(table):
    """A peer is due at once, not while being dialled, and again after each failure no later than the cap."""
    table.want("b", ("host", 1), 0)
    assert (due(table, 0), due(table, 10**6)) == (["b"], [])
    now_ms = 0
    for _ in range(50):
        table.dial_failed("b", "refused", now_ms)
        assert due(table, now_ms) == []
        now_ms += TIMING.backoff_cap_ms
        assert due(table, now_ms) == ["b"]


def test_only_a_new_reason_is_news(table):
    """The same failure again is not worth a line in the log; another one is."""
    table.want("b", ("host", 1), 0)
    news = []
    for now_ms, reason in enumerate(["refused", "refused", "no answer", "refused"]):
        table.due(now_ms * 10_000)
        news.append(table.dial_failed("b", reason, now_ms * 10_000))
    assert news == [True, False, True, True]


def test_a_connected_peer_is_not_dialled_whoever_opened_the_link(table):
    """An inbound link stops the dialling, and its end starts it again after the backoff."""
    table.want("b", ("host", 1), 0)
    inbound = link(1)
    assert table.establish(inbound) == Establishment(kept=True, replaces=False, restarted=False)
    assert due(table, 10**6) == []
    assert table.lost(inbound, None, "lost", 10**6) == Loss(current=True, news=True)
    assert (due(table, 10**6), due(table, 10**6 + 100)) == ([], ["b"])


def test_a_long_life_resets_the_backoff_and_a_short_one_does_not(table):
    """A link that lived a while is redialled soon; one that dies at once is redialled ever more slowly."""
    table.want("b", ("host", 1), 0)
    for _ in range(6):
        table.due(10**6)
        table.dial_failed("b", "refused", 0)
    short = FakeConnection(LinkIdentity("b", PEER, 1, 1), established_at_ms=0)
    table.establish(short)
    table.lost(short, None, "lost", 5_000)
    assert due(table, 5_000 + 399) == []
    long = FakeConnection(LinkIdentity("b", PEER, 2, 2), established_at_ms=10_000)
    table.establish(long)
    table.lost(long, None, "lost", 20_000)
    assert due(table, 20_100) == ["b"]


def test_of_two_links_the_later_of_the_choosing_side_stays(table):
    """The later link wins in either order of establishment, and the end of the other changes nothing."""
    first, second = link(1), link(2)
    table.establish(first)
    assert table.establish(second) == Establishment(kept=True, replaces=True, restarted=False)
    assert table.lost(first, None, "duplicate", 0) == Loss(current=False, news=True)
    assert table.establish(link(1)) == Establishment(kept=False, replaces=False, restarted=False)
    record = table.all()[0]
    assert record.connection is second


def test_a_new_life_of_the_peer_replaces_its_link(table):
    """Another nonce is a restart."""
    table.establish(link(5))
    assert table.establish(link(1, nonce=REBORN)) == Establishment(kept=True, replaces=True, restarted=True)


def test_a_failed_handshake_of_a_dialled_link_counts_as_a_failed_dial(table):
    """A refused dial backs off like one that found nobody."""
    table.want("b", ("host", 1), 0)
    assert due(table, 0) == ["b"]
    assert table.lost(FakeConnection(None, None), "b", "refused_by_peer: banned", 0) == Loss(current=False, news=True)
    assert (due(table, 0), due(table, 100)) == ([], ["b"])


def test_offences_add_up_decay_and_ban(table):
    """A score falls by one a second; at 100 the peer is refused and not dialled until its ban is over."""
    table.want("b", ("host", 1), 0)
    assert table.report("b", "bad_signature", 60, 0) == Report(score=60, banned=False)
    assert table.report("b", "bad_signature", 39, 10_000) == Report(score=89, banned=False)
    assert table.report("b", "bad_signature", 11, 10_999) == Report(score=100, banned=True)
    assert due(table, 10_999) == []

    def admission(peer_certificate_der: bytes, hello: bytes) -> Admitted | Refused:
        return Admitted("b")

    over_ms = 10_999 + limits.BAN_MS
    assert table.judge(admission, b"", b"", over_ms - 1500) == Refused("banned", "for 2 s more: bad_signature")
    assert table.judge(admission, b"", b"", over_ms) == Admitted("b")
    assert due(table, over_ms) == ["b"]
    assert table.score(table.all()[0], over_ms) == 0


def test_one_link_too_many_is_refused_but_a_second_of_the_same_peer_is_not(table):
    """The table of links is bounded by peers."""
    for number in range(limits.LINKS_MAX):
        table.establish(link(1, f"p{number}"))
    assert isinstance(table.judge(lambda *_: Admitted("other"), b"", b"", 0), Refused)
    assert table.judge(lambda *_: Admitted("p7"), b"", b"", 0) == Admitted("p7")


def test_records_are_bounded_and_bans_are_forgotten_last(table):
    """However many names come by, the table keeps the wanted, the linked and the banned as long as it can."""
    table.want("wanted", ("host", 1), 0)
    table.report("banned", "flood", 100, 0)
    for number in range(limits.RECORDS_MAX + 100):
        table.report(f"passer-by {number}", "useless", 1, 0)
    names = {record.peer_id for record in table.all()}
    assert len(names) == limits.RECORDS_MAX
    assert {"wanted", "banned"} <= names


def test_a_full_address_loses_its_own_oldest_pending_link():
    """An address above its bound pays itself; others keep theirs."""
    pending: PendingLinks[str] = PendingLinks()
    assert pending.add("honest", "1.1.1.1") is None
    evicted = [pending.add(f"evil {n}", "6.6.6.6") for n in range(limits.PENDING_PER_ADDRESS_MAX + 2)]
    assert evicted == [None] * limits.PENDING_PER_ADDRESS_MAX + ["evil 0", "evil 1"]


def test_a_full_table_takes_from_the_busiest_address():
    """When all is full, the newcomer costs the busiest address its oldest link."""
    pending: PendingLinks[str] = PendingLinks()
    for number in range(limits.PENDING_MAX - 3):
        pending.add(f"single {number}", f"10.0.0.{number}")
    for number in range(3):
        pending.add(f"busy {number}", "6.6.6.6")
    assert pending.add("honest", "1.1.1.1") == "busy 0"
    pending.discard("busy 1")
    assert pending.add("another", "1.1.1.2") is None
    assert len(pending) == limits.PENDING_MAX
