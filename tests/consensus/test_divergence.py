"""Results that differ (P9): this replica's own, which halts it for good, and everybody's, which raises an alarm."""

from dataclasses import replace

import pytest

from consensus.codec import encode
from consensus.interface import (
    Alarm,
    DecidedBlock,
    Diverged,
    Execute,
    Executed,
    Halt,
    Persist,
    Record,
    RecordKind,
    Validated,
)
from consensus.messages import Commit, Prepare, PrePrepare, Seal, Status, ViewChange
from consensus.restore import CorruptLog, Halted, StaleBlocks, clearing, halt_in

T_MAX_MS = 60_000
VOTES = (PrePrepare, Prepare, Commit, Seal, ViewChange)
CLEARED = clearing()


def decide(kit, driver, header) -> None:
    """Let a proposal be decided."""
    height, digest = header.height, header.digest(kit.context)
    driver.receive(kit.pre_prepare(header))
    driver.step(Validated(0, digest, None))
    driver.receive(*(kit.prepare(i, 0, height, digest) for i in (0, 2)))
    driver.receive(*(kit.commit(i, 0, height, digest) for i in (0, 2)))
    assert [e.header.height for e in driver.of(Execute)][-1] == height


def executed(kit, drive):
    """Return a replica that executed height 1 and waits for the seals of others."""
    driver, header = drive(kit), kit.header(1)
    decide(kit, driver, header)
    driver.step(Executed(1, kit.block(1, header.digest(kit.context)).block_hash))
    return driver


def other_result(kit, driver, senders) -> list:
    """Let peers seal another result of height 1, all the same one."""
    return driver.receive(*(kit.seal(i, 1, kit.digest("other result")) for i in senders))


def halted(kit, drive):
    """Return a replica that f + 1 seals have shown to be wrong."""
    driver = executed(kit, drive)
    other_result(kit, driver, (0, 2))
    assert driver.replica.snapshot().halted is not None
    return driver


def disk(kit, driver, extra=()):
    """Return what a restart finds: the log and height 1 with the own result, not certified."""
    header = kit.header(1)
    decided = DecidedBlock(header, b"body", kit.block(1, header.digest(kit.context)).block_hash)
    return kit.recovery((*driver.records(), *extra), decided=(decided,))


# ------------------------------------------------------------------------------------------------------------- halting


def test_p9_a_halt_is_in_the_log_before_it_is_told(kit, drive) -> None:
    """Height executed and reason, synced ahead of the Halt."""
    driver = halted(kit, drive)
    reason = driver.replica.snapshot().halted
    (halt,) = driver.of(Halt)
    before = driver.effects[: driver.effects.index(halt)]
    (record,) = [r for e in driver.of(Persist, before) for r in e.records if r.kind is RecordKind.HALTED]
    assert (halt.reason, record.payload) == (reason, encode([1, reason.encode()]))
    assert all(e.sync for e in driver.of(Persist, before) if record in e.records)


def test_p9_a_halted_replica_votes_no_more_after_a_restart(kit, drive) -> None:
    """It says so again at every start, and signs nothing whatever comes."""
    first = halted(kit, drive)
    again = drive(kit, recovery=disk(kit, first))
    third = drive(kit, recovery=disk(kit, again, first.records()))
    for driver in (again, third):
        assert driver.of(Halt) == [Halt(first.replica.snapshot().halted)]
        one = kit.header(1).digest(kit.context)
        driver.receive(Status(0, 2, 0, True, 0, (), False), Status(0, 3, 0, True, 0, (), False))
        driver.receive(kit.pre_prepare(kit.header(2, one)))
        driver.step(Validated(0, kit.header(2, one).digest(kit.context), None))
        driver.receive(kit.change(0, 3), kit.change(2, 3))
        driver.tick(T_MAX_MS)
        fresh = [m for m in driver.sent(VOTES) if m.sender == driver.index]
        assert [m for m in fresh if m not in first.sent(VOTES)] == []
        assert driver.replica.snapshot().halted == first.replica.snapshot().halted


def test_p9_a_checkpoint_keeps_the_halt(kit, drive) -> None:
    """A rotated log says it too."""
    driver = halted(kit, drive)
    kept = kit.recovery(driver.replica.checkpoint(), decided=disk(kit, driver).decided)
    assert drive(kit, recovery=kept).of(Halt) == driver.of(Halt)


def test_p9_a_cleared_replica_votes_again_on_blocks_that_are_certified(kit, drive) -> None:
    """The operator gave it the blocks of a healthy validator and had the log say so."""
    driver, header = halted(kit, drive), kit.header(1)
    right = replace(kit.sealed_blocks([header])[0], block_hash=kit.digest("other result"))
    certificate = kit.certificate(1, right.block_hash, (0, 2, 3))
    mended = kit.recovery((*driver.records(), CLEARED), sealed=(right,), certificate=certificate)
    again = drive(kit, recovery=mended)
    assert (again.of(Halt), again.replica.snapshot().halted) == ([], None)
    two = kit.header(2, header.digest(kit.context))
    again.receive(kit.pre_prepare(two))
    again.step(Validated(0, two.digest(kit.context), None))
    assert [(m.height, m.digest) for m in again.sent(Prepare)] == [(2, two.digest(kit.context))]


def test_p9_clearing_needs_blocks_certified_up_to_the_halt(kit, drive) -> None:
    """Below it this replica may have sealed something else: a second seal of a height is proof of guilt (K3)."""
    driver = halted(kit, drive)
    with pytest.raises(StaleBlocks, match="certified blocks end at height 0; the halt that was cleared needs 1"):
        drive(kit, recovery=disk(kit, driver, [CLEARED]))


def test_p9_clearing_ends_one_halt_not_the_next(kit, drive) -> None:
    """What comes after the clearing counts; a clearing of nothing is harmless."""
    driver = drive(kit, recovery=kit.recovery([CLEARED, *halted(kit, drive).records()], decided=()))
    assert len(driver.of(Halt)) == 1


def test_p9_the_halt_of_a_log_can_be_read_without_a_replica(kit, drive) -> None:
    """For the operator's tool: the last one that was not cleared."""
    records = halted(kit, drive).records()
    reason = "P9: 2 validators sealed another result at height 1"
    assert [halt_in(r) for r in ((), records, (*records, CLEARED), (*records, CLEARED, *records))] == [
        None,
        Halted(1, reason),
        None,
        Halted(1, reason),
    ]
    with pytest.raises(CorruptLog):
        halt_in([Record(RecordKind.HALTED, b"")])


def test_p9_a_wrong_block_from_catching_up_halts_for_good(kit, drive) -> None:
    """The shell found that a certified block gives another result here."""
    driver = drive(kit)
    driver.step(Diverged("P9: executing height 4 gives another hash"))
    assert driver.of(Halt) == [Halt("P9: executing height 4 gives another hash")]
    assert drive(kit, recovery=kit.recovery(driver.records())).of(Halt) == driver.of(Halt)


@pytest.mark.parametrize("payload", [encode([]), encode([1]), encode([1, b"x", 2]), encode(["x", b"x"])])
def test_a_halt_record_this_code_never_wrote_stops_the_start(kit, payload: bytes) -> None:
    """R4: a damaged log is refused, not guessed at."""
    with pytest.raises(CorruptLog):
        kit.replica(1, kit.recovery([Record(RecordKind.HALTED, payload)]))


def test_r4_blocks_older_than_the_log_are_refused(kit) -> None:
    """The log has the certificate of a height that the blocks lack: somebody put an old copy in their place."""
    records = [Record(RecordKind.SEALED, kit.certificate(3, kit.block(3).block_hash).encode())]
    with pytest.raises(StaleBlocks, match="blocks end at height 0, the log has the certificate of 3"):
        kit.replica(1, kit.recovery(records))


# --------------------------------------------------------------------------------------------------------------- alarm


def test_p9_no_quorum_of_seals_within_t_max_is_an_alarm(kit, drive) -> None:
    """Voting goes on; the alarm says who sealed what, and comes once."""
    driver = executed(kit, drive)
    other_result(kit, driver, (3,))
    driver.tick(T_MAX_MS - 1)
    assert driver.of(Alarm) == []
    driver.tick(T_MAX_MS)
    driver.tick(3 * T_MAX_MS)
    (alarm,) = driver.of(Alarm)
    mine, other = kit.block(1).block_hash.hex()[:8], kit.digest("other result").hex()[:8]
    parts = sorted([f"{mine} (mine) by [1]", f"{other} by [3]"])
    assert alarm.reason is not None
    assert alarm.reason.startswith(
        f"P9: no quorum for one result of height 1: {', '.join(parts)}; nothing from [0, 2]."
    )
    assert (driver.of(Halt), driver.replica.snapshot().alarm) == ([], alarm.reason)


def test_p9_results_that_no_quorum_can_agree_on_are_an_alarm_at_once(kit, drive) -> None:
    """Three results of four validators: the fourth cannot make three equal ones."""
    driver = executed(kit, drive)
    driver.receive(kit.seal(2, 1, kit.digest("second result")))
    assert driver.of(Alarm) == []
    driver.receive(kit.seal(3, 1, kit.digest("third result")))
    assert [("height 1" in a.reason, driver.replica.snapshot().halted) for a in driver.of(Alarm)] == [(True, None)]


def test_p9_the_alarm_is_over_when_a_quorum_seals(kit, drive) -> None:
    """The validators that were away are back."""
    driver = executed(kit, drive)
    driver.tick(T_MAX_MS)
    driver.receive(*(kit.seal(i, 1, kit.block(1).block_hash) for i in (0, 2)))
    driver.tick(T_MAX_MS + 1_000)
    assert [a.reason is None for a in driver.of(Alarm)] == [False, True]
    assert driver.replica.snapshot().alarm is None


def test_p9_the_time_without_a_quorum_runs_from_the_last_seal(kit, drive) -> None:
    """Heights sealed late one after the other, each within T_MAX, are no alarm; nor is an idle chain."""
    driver, headers = drive(kit), kit.chain(2)
    for header in headers:
        decide(kit, driver, header)
        driver.step(Executed(header.height, kit.block(header.height, header.digest(kit.context)).block_hash))
    for height, now_ms in ((1, T_MAX_MS - 1), (2, 2 * T_MAX_MS - 2)):
        driver.tick(now_ms)
        driver.receive(*(kit.seal(i, height, kit.block(height).block_hash) for i in (0, 2)))
    driver.tick(10 * T_MAX_MS)
    assert (driver.replica.snapshot().stable_height, driver.of(Alarm)) == (2, [])


def test_p9_a_wake_is_asked_for_when_the_alarm_is_due(kit, drive) -> None:
    """The shell is called at that moment, whatever else happens."""
    driver = executed(kit, drive)
    driver.tick(T_MAX_MS - 100)
    assert driver.replica.snapshot().alarm is None
    from consensus.timers import deadlines

    assert T_MAX_MS in deadlines(driver.replica._state)
