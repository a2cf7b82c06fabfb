"""NEW-VIEWs that are forged, bad, late or re-sent, and the base they stand on: N1-N6, K4."""

from dataclasses import replace

import pytest

from consensus import limits
from consensus.fields import Reason
from consensus.interface import Refused, ReportEvidence, Trace, Validated
from consensus.messages import (
    Complain,
    Complaint,
    NewView,
    Prepare,
    SealCertificate,
    encode_message,
)


def between_views(kit, drive, index: int = 3):
    """Return a replica that left view 0 by the complaints of others and waits for the NEW-VIEW of view 1."""
    driver = drive(kit, index)
    driver.receive(*(Complain(0, i, 0, Complaint.NO_PROGRESS, 0) for i in (0, 2) if i != index))
    if index in {0, 2}:
        driver.receive(Complain(0, 1, 0, Complaint.NO_PROGRESS, 0))
    assert (driver.replica.snapshot().view, driver.replica.snapshot().active) == (1, False)
    return driver


def good(kit) -> NewView:
    """Return a NEW-VIEW of view 1 in which nothing was prepared."""
    return kit.new_view(1, [kit.change(i, 1) for i in range(3)])


# ------------------------------------------------------------------------------------------- N1: only its leader's word


def forged(kit) -> dict[str, tuple[NewView, Reason]]:
    """Return NEW-VIEWs of view 1 that its leader, validator 1, did not sign, and why they are refused."""
    empty = NewView(0, 2, 1, (), 0, (), bytes(kit.suite.signature_size))
    return {
        "another sender, unsigned": (empty, Reason.WRONG_SENDER),
        "another sender, signed by it": (kit.signed(empty), Reason.WRONG_SENDER),
        "the leader as sender, unsigned": (replace(empty, sender=1), Reason.BAD_SIGNATURE),
        "the leader's, changed": (replace(good(kit), base=1), Reason.BAD_SIGNATURE),
        "good, but another's": (replace(good(kit), sender=2), Reason.WRONG_SENDER),
    }


@pytest.mark.parametrize(
    "case",
    [
        "another sender, unsigned",
        "another sender, signed by it",
        "the leader as sender, unsigned",
        "the leader's, changed",
        "good, but another's",
    ],
)
def test_n1_what_the_leader_did_not_sign_causes_no_complaint(kit, drive, case: str) -> None:
    """It is refused and changes nothing: the real NEW-VIEW is entered afterwards."""
    driver, (message, reason) = between_views(kit, drive), forged(kit)[case]
    before = driver.replica.snapshot()
    fresh = driver.receive(message, peer=2)
    assert [(e.peer, e.reason) for e in driver.of(Refused, fresh)] == [(2, reason)]
    assert (driver.sent(Complain), driver.of(ReportEvidence), driver.replica.snapshot()) == ([], [], before)
    driver.receive(good(kit))
    assert driver.replica.snapshot() == replace(before, active=True)


def test_n1_a_forger_does_not_keep_the_network_from_its_view(kit, drive, exchange) -> None:
    """Three correct replicas, told a forged NEW-VIEW before each message while between views, all enter view 1."""
    drivers = {i: between_views(kit, drive, i) for i in range(3)}

    def forge(driver) -> None:
        snapshot = driver.replica.snapshot()
        if not snapshot.active:
            sender = (snapshot.leader + 1) % 4
            forgery = NewView(0, sender, snapshot.view, (), 0, (), bytes(kit.suite.signature_size))
            driver.receive(forgery, peer=3)

    exchange(drivers, forge)
    assert [(d.replica.snapshot().view, d.replica.snapshot().active) for d in drivers.values()] == [(1, True)] * 3


def bad(kit) -> dict[str, NewView]:
    """Return NEW-VIEWs of view 1, signed by its leader, that no correct leader sends."""
    changes = [kit.change(i, 1) for i in range(3)]
    short = kit.prepared(kit.header(1), signers=(0, 1))
    return {
        "too few": kit.new_view(1, changes[:2]),
        "one twice": kit.new_view(1, [changes[0], changes[0], changes[2]]),
        "of another view": kit.new_view(1, [*changes[:2], kit.change(2, 2)]),
        "another base": kit.new_view(1, changes, base=1),
        "a view change not signed": kit.new_view(1, [*changes[:2], replace(changes[2], signature=bytes(24))]),
        "a view change of a bad form": kit.new_view(
            1, [*changes[:2], kit.signed(replace(changes[2], stable_height=1))]
        ),
        "a certificate of too few": kit.new_view(1, [*changes[:2], kit.change(2, 1, prepared=[short])]),
    }


BAD = [
    "too few",
    "one twice",
    "of another view",
    "another base",
    "a view change not signed",
    "a view change of a bad form",
    "a certificate of too few",
]


@pytest.mark.parametrize("case", BAD)
def test_n2_n3_a_bad_new_view_its_leader_signed_leads_on(kit, drive, case: str) -> None:
    """Refused, proof against its leader, and a reason to leave the view at once."""
    driver, message = between_views(kit, drive), bad(kit)[case]
    fresh = driver.receive(message)
    data = encode_message(message)
    assert [(e.peer, e.reason) for e in driver.of(Refused, fresh)] == [(1, Reason.BAD_NEW_VIEW)]
    assert driver.of(ReportEvidence, fresh) == [ReportEvidence("K4", 1, data, data)]
    assert driver.sent(Complain, fresh) == [Complain(0, 3, 1, Complaint.BAD_NEW_VIEW, 0)]


@pytest.mark.parametrize("case", BAD)
def test_n2_n3_a_bad_new_view_of_a_view_to_come_is_proof_and_no_complaint(kit, drive, case: str) -> None:
    """A replica that is still active in view 0 has no reason to leave it."""
    driver, message = drive(kit, 3), bad(kit)[case]
    data = encode_message(message)
    driver.receive(message)
    assert driver.of(ReportEvidence) == [ReportEvidence("K4", 1, data, data)]
    assert driver.sent(Complain) == []
    assert driver.replica.snapshot() == drive(kit, 3).replica.snapshot()


# ----------------------------------------------------------------------------------- N3: a view starts on a stable base


class Lag:
    """Validators 0 and 2 left view 0 at stable height 10 with 11 and 12 prepared; then 12 was sealed after all."""

    def __init__(self, kit) -> None:
        self.headers = kit.chain(12)
        self.blocks = kit.sealed_blocks(self.headers)
        self.base = kit.certificate(10, self.blocks[9].block_hash)
        self.target = SealCertificate(0, 2, kit.certificate(12, self.blocks[11].block_hash))
        self.prepared = [kit.prepared(h) for h in self.headers[10:]]
        self.changes = {i: kit.change(i, 1, stable=self.base, prepared=self.prepared) for i in (0, 2, 3)}
        self.forced = [h.digest(kit.context) for h in self.headers[10:]]

    def new_view(self, kit) -> NewView:
        """Return what the leader of view 1, which lags and has nothing to add, makes of it."""
        return kit.new_view(1, [self.changes[0], kit.change(1, 1), self.changes[2]], base=10, forced=self.forced)


def test_n3_a_lagging_leader_builds_its_view_when_the_base_is_stable_here(kit, drive) -> None:
    """Not before and not later: what is certified above the base does not matter."""
    lag, driver = Lag(kit), drive(kit, 1)
    driver.receive(*lag.changes.values())
    driver.receive(lag.target)
    driver.sync(*lag.blocks[:9])
    assert driver.sent(NewView) == []
    driver.sync(lag.blocks[9])
    snapshot = driver.replica.snapshot()
    assert driver.sent(NewView) == [lag.new_view(kit)]
    assert (snapshot.view, snapshot.active, snapshot.stable_height) == (1, True, 10)
    driver.sync(*lag.blocks[10:])
    assert (driver.replica.snapshot().stable_height, driver.replica.snapshot().target_height) == (12, None)


def test_n3_a_lagging_replica_enters_when_the_base_is_stable_here(kit, drive) -> None:
    """A follower with a target above the base does not wait for the whole of it."""
    lag, driver = Lag(kit), drive(kit, 3)
    driver.receive(lag.target, lag.new_view(kit))
    driver.sync(*lag.blocks[:9])
    assert driver.replica.snapshot().view == 0
    driver.sync(lag.blocks[9])
    snapshot = driver.replica.snapshot()
    assert (snapshot.view, snapshot.active, snapshot.stable_height) == (1, True, 10)
    driver.sync(*lag.blocks[10:])
    assert driver.replica.snapshot().stable_height == 12


def test_n4_a_waiting_new_view_costs_nothing_when_it_comes_again(kit, drive, monkeypatch) -> None:
    """Every holder re-sends it: its bytes are recognised before anything is decoded, hashed or verified."""
    lag, driver = Lag(kit), drive(kit, 3)
    driver.receive(lag.new_view(kit))
    message = lag.new_view(kit)
    hashed = []
    digest_of = kit.suite.hash
    monkeypatch.setattr(kit.suite, "hash", lambda data: hashed.append(data) or digest_of(data))
    effects = [effect for peer in (0, 1, 2) for effect in driver.receive(message, peer=peer)]
    assert (hashed, effects) == ([], [])


# --------------------------------------------------------------------- N4 without the base block: everything is sealed


def long_after(kit, drive, records=()):
    """Return a replica whose shell kept blocks 10 to 12 of 12, all sealed, and the NEW-VIEW of view 1 on height 2."""
    headers = kit.chain(12)
    blocks = kit.sealed_blocks(headers)
    recovery = kit.recovery(records, sealed=blocks[9:], certificate=kit.certificate(12, blocks[11].block_hash))
    old = kit.certificate(2, blocks[1].block_hash)
    return drive(kit, 3, recovery), headers, [kit.change(i, 1, stable=old) for i in range(3)]


def test_n4_a_view_on_a_block_no_longer_kept_is_entered(kit, drive) -> None:
    """All that it can force is sealed: the replica enters and votes in it."""
    driver, headers, changes = long_after(kit, drive)
    driver.receive(kit.new_view(1, changes, base=2))
    snapshot = driver.replica.snapshot()
    assert (snapshot.view, snapshot.active, snapshot.stable_height) == (1, True, 12)
    header = kit.header(13, headers[11].digest(kit.context), view=1)
    driver.receive(kit.pre_prepare(header))
    driver.step(Validated(1, header.digest(kit.context), None))
    assert driver.sent(Prepare) == [kit.prepare(3, 1, 13, header.digest(kit.context))]


def test_n4_a_replica_that_slept_through_more_than_is_kept_enters_the_view(kit, drive, monkeypatch) -> None:
    """Down when the view began, back when its base is pruned everywhere: it catches up and votes."""
    monkeypatch.setattr(limits, "CHAIN_KEPT", 4)
    _, headers, changes = long_after(kit, drive)
    blocks = kit.sealed_blocks(headers)
    driver = drive(kit, 3)
    driver.receive(SealCertificate(0, 0, kit.certificate(12, blocks[11].block_hash)))
    driver.sync(*blocks)
    driver.receive(kit.new_view(1, changes, base=2))
    snapshot = driver.replica.snapshot()
    assert (snapshot.view, snapshot.active, snapshot.stable_height) == (1, True, 12)


def test_n4_a_forced_list_nobody_can_check_does_no_harm(kit, drive) -> None:
    """The list of such a NEW-VIEW is not used: nothing of it is accepted, and a restart with it starts in its view."""
    driver, _, changes = long_after(kit, drive)
    driver.receive(kit.new_view(1, changes, base=2, forced=[kit.digest("junk")]))
    assert [(e.what, e.height, e.detail) for e in driver.of(Trace) if e.rule == "N6"] == [("new view", 2, "forced 0")]
    again, _, _ = long_after(kit, drive, driver.records())
    assert again.replica.snapshot() == driver.replica.snapshot()
