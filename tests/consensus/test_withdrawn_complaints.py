"""A complaint ends with its reason: a leader that is heard again, work that is done (C1)."""

from consensus.interface import PoolChanged, Validated
from consensus.messages import Complain, Complaint, Heartbeat, Status

CLOCK_MS = 1_000_000
T_MS = 2_000


def heard(kit, drive):
    """Return a replica whose time-outs count, since it heard f + 1 others (R5)."""
    driver = drive(kit)
    driver.receive(Status(0, 2, 0, True, 0, (), False), Status(0, 3, 0, True, 0, (), False))
    return driver


def beat(driver, now_ms: int) -> list:
    """Let a heartbeat of the leader come and time pass."""
    driver.now_ms = now_ms
    return driver.receive(Heartbeat(0, 0, 0, 0, 1, CLOCK_MS)) + driver.tick(now_ms)


def complaints(driver, effects=None) -> list[tuple[Complaint, int]]:
    """Return reason and number of resends of the complaints sent."""
    return [(m.complaint, m.resends) for m in driver.sent(Complain, effects)]


def test_c1_a_leader_heard_again_is_complained_about_no_more(kit, drive) -> None:
    """One silence on an idle chain, then ten minutes of heartbeats: no resend, and no half of a view change waits."""
    driver = heard(kit, drive)
    driver.tick(T_MS)
    assert complaints(driver) == [(Complaint.NO_HEARTBEAT, 0)]
    assert ("C1", "complaint withdrawn") in driver.rules(beat(driver, T_MS + 500))
    for now_ms in range(T_MS + 1_000, 600_000, 500):
        beat(driver, now_ms)
    assert complaints(driver) == [(Complaint.NO_HEARTBEAT, 0)]
    driver.receive(Complain(0, 3, 0, Complaint.NO_PROGRESS, 0))
    assert (driver.replica.snapshot().view, driver.replica.snapshot().complaining) == (0, None)


def test_c1_a_leader_silent_again_is_complained_about_again(kit, drive) -> None:
    """The complaint withdrawn is over: the next silence of T makes a new one, with resends from the beginning."""
    driver = heard(kit, drive)
    driver.tick(T_MS)
    driver.tick(T_MS + 1_000)
    beat(driver, T_MS + 1_500)
    driver.tick(2 * T_MS + 1_499)
    assert complaints(driver) == [(Complaint.NO_HEARTBEAT, 0), (Complaint.NO_HEARTBEAT, 1)]
    assert complaints(driver, driver.tick(2 * T_MS + 1_500)) == [(Complaint.NO_HEARTBEAT, 0)]


def test_c1_missing_progress_is_forgiven_when_the_work_is_gone(kit, drive) -> None:
    """The transaction that waited was withdrawn from the pool: nobody waits for the leader any more."""
    driver = heard(kit, drive)
    driver.step(PoolChanged(0, False))
    driver.tick(T_MS // 4)
    driver.tick(2 * T_MS)
    assert complaints(driver) == [(Complaint.NO_PROGRESS, 0)]
    driver.step(PoolChanged(None, False))
    assert ("C1", "complaint withdrawn") in driver.rules(beat(driver, 2 * T_MS + 100))
    assert driver.replica.snapshot().complaining is None


def test_c1_heartbeats_do_not_withdraw_a_complaint_about_missing_progress(kit, drive) -> None:
    """A leader that lives and orders nothing stays complained about."""
    driver = heard(kit, drive)
    driver.step(PoolChanged(0, False))
    driver.tick(T_MS // 4)
    for now_ms in range(T_MS, 3 * T_MS, 500):
        beat(driver, now_ms)
    assert driver.replica.snapshot().complaining == Complaint.NO_PROGRESS
    driver.receive(Complain(0, 3, 0, Complaint.NO_PROGRESS, 0))
    assert driver.replica.snapshot().view == 1


def test_c1_heartbeats_do_not_withdraw_a_complaint_about_a_bad_proposal(kit, drive) -> None:
    """What the leader signed stays bad, however lively it is."""
    driver, header = heard(kit, drive), kit.header(1)
    driver.receive(kit.pre_prepare(header))
    driver.step(Validated(0, header.digest(kit.context), "a transaction twice"))
    beat(driver, 500)
    beat(driver, 1_000)
    assert complaints(driver) == [(Complaint.BAD_PROPOSAL, 0), (Complaint.BAD_PROPOSAL, 1)]
    assert driver.replica.snapshot().complaining == Complaint.BAD_PROPOSAL
