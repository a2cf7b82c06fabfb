"""T(k): the floor, what sealing takes here, the doubling and the cap (specification, section 8)."""

from dataclasses import replace

import pytest

from consensus import Settings
from consensus.interface import Executed, PoolChanged, Validated
from consensus.messages import Complain, Complaint, Status

CLOCK_MS = 1_000_000
FLOOR_MS = 2_000


def hear(driver) -> None:
    """Let enough STATUS come for time-outs to count (R5)."""
    driver.receive(Status(0, 2, 0, True, 0, (), False), Status(0, 3, 0, True, 0, (), False))


def propose(kit, driver, height: int):
    """Return the next header, stamped now."""
    parent = kit.anchor.proposal_digest if height == 1 else kit.block(height - 1).proposal_digest
    return replace(kit.header(height, parent), timestamp_ms=CLOCK_MS + driver.now_ms + height)


def seal(
    kit, driver, height: int, header=None, *, validating_ms: int = 0, deciding_ms: int = 0, sealing_ms: int = 0
) -> None:
    """Take one proposal from its arrival to its certificate, with the time that each stage takes."""
    header = propose(kit, driver, height) if header is None else header
    digest = header.digest(kit.context)
    driver.receive(kit.pre_prepare(header))
    driver.now_ms += validating_ms
    driver.step(Validated(0, digest, None))
    driver.now_ms += deciding_ms
    driver.receive(*(kit.prepare(i, 0, height, digest) for i in (0, 2, 3)))
    driver.receive(*(kit.commit(i, 0, height, digest) for i in (0, 2, 3)))
    driver.now_ms += sealing_ms
    driver.step(Executed(height, kit.block(height, digest).block_hash))
    driver.receive(*(kit.seal(i, height, kit.block(height).block_hash) for i in (0, 2, 3)))
    assert driver.replica.snapshot().stable_height == height


def first_timeouts(kit, drive, heights: int, **stages: int) -> list[int]:
    """Return T(0) after each of some heights that took equally long."""
    driver, found = drive(kit), []
    for height in range(1, heights + 1):
        driver.now_ms += 10_000  # an idle chain: time without a proposal teaches nothing
        seal(kit, driver, height, **stages)
        found.append(driver.replica.snapshot().base_timeout_ms)
    return found


def test_section_8_the_floor_rules_while_sealing_is_fast(kit, drive) -> None:
    """Blocks of half a second each: four times the average stays below two seconds."""
    assert first_timeouts(kit, drive, 30, deciding_ms=300, sealing_ms=200) == [FLOOR_MS] * 30


@pytest.mark.parametrize("stage", ["validating_ms", "deciding_ms", "sealing_ms"])
def test_section_8_patience_grows_with_what_a_stage_takes(kit, drive, stage: str) -> None:
    """800 ms in any stage: T(0) is four times the average, in whole numbers."""
    total, expected = 0, []
    for _ in range(30):
        total += 800 - (total >> 3)
        expected.append(max(FLOOR_MS, 4 * total >> 3))
    assert first_timeouts(kit, drive, 30, **{stage: 800}) == expected
    assert (expected[6], expected[7], expected[29]) == (FLOOR_MS, 2_101, 3_143)


def test_section_8_one_outage_teaches_nothing(kit, drive) -> None:
    """A height that took an hour counts as T(0) once, with a weight of an eighth: the floor stays."""
    driver = drive(kit)
    seal(kit, driver, 1, deciding_ms=3_600_000)
    assert driver.replica.snapshot().base_timeout_ms == FLOOR_MS


def test_section_8_patience_is_capped_and_comes_back(kit, drive) -> None:
    """Heights of two minutes each lead to the cap and no further; quick ones lead back to the floor."""
    driver = drive(kit)
    for height in range(1, 61):
        seal(kit, driver, height, deciding_ms=120_000)
    assert driver.replica.snapshot().base_timeout_ms == kit.settings.timeout_max_ms
    for height in range(61, 121):
        seal(kit, driver, height)
    assert driver.replica.snapshot().base_timeout_ms == FLOOR_MS
    assert [what for rule, what in driver.rules() if rule == "T"] == [
        "patience above the floor",
        "patience at the floor",
    ]


def test_section_8_a_late_proposal_teaches_no_patience(kit, drive) -> None:
    """A leader that proposes every block just under T, and heights out of order: none of it is a sample."""
    driver = drive(kit)
    hear(driver)
    for height in range(1, 21, 2):
        one = propose(kit, driver, height)
        two = replace(kit.header(height + 1, one.digest(kit.context)), timestamp_ms=one.timestamp_ms + FLOOR_MS)
        driver.receive(kit.pre_prepare(two))  # it cannot be linked yet
        driver.now_ms += FLOOR_MS - 1
        seal(kit, driver, height, one)
        driver.step(Validated(0, two.digest(kit.context), None))
        seal(kit, driver, height + 1, two)
    assert driver.replica.snapshot().base_timeout_ms == FLOOR_MS


def test_section_8_the_progress_timer_uses_the_adapted_time(kit, drive) -> None:
    """After slow heights a transaction waits for four average latencies before anybody complains."""
    driver = drive(kit)
    hear(driver)
    for height in range(1, 31):
        seal(kit, driver, height, deciding_ms=800)
    base_ms, start_ms = driver.replica.snapshot().base_timeout_ms, driver.now_ms
    assert base_ms == 3_143
    driver.step(PoolChanged(start_ms, False))
    driver.tick(start_ms + 41)
    assert driver.sent(Complain, driver.tick(start_ms + 41 + base_ms - 1)) == []
    assert [c.complaint for c in driver.sent(Complain, driver.tick(start_ms + 41 + base_ms))] == [Complaint.NO_PROGRESS]


def test_section_8_k_counts_from_the_view_of_the_highest_sealed_block(kit, drive) -> None:
    """T(k) = T(0) 2^k, and a seal in the current view brings k back to 0, a NEW-VIEW does not (L1)."""
    driver = drive(kit, 2)
    driver.receive(kit.change(0, 1), kit.change(3, 1))
    assert driver.replica.snapshot().timeout_ms == 2 * FLOOR_MS
    driver.receive(kit.new_view(1, [kit.change(i, 1) for i in (0, 1, 3)]))
    assert (driver.replica.snapshot().active, driver.replica.snapshot().timeout_ms) == (True, 2 * FLOOR_MS)
    header = kit.header(1, view=1)
    digest = header.digest(kit.context)
    driver.receive(kit.pre_prepare(header))
    driver.step(Validated(1, digest, None))
    driver.receive(*(kit.prepare(i, 1, 1, digest) for i in (0, 1, 3)))
    driver.receive(*(kit.commit(i, 1, 1, digest) for i in (0, 1, 3)))
    driver.step(Executed(1, kit.block(1, digest).block_hash))
    driver.receive(*(kit.seal(i, 1, kit.block(1).block_hash) for i in (0, 1, 3)))
    assert driver.replica.snapshot().timeout_ms == FLOOR_MS


def test_section_8_status_comes_more_often_while_something_is_stuck(kit, drive) -> None:
    """Every T(k) / 8, at most every second: an outage of many views must not flood the network."""
    driver = drive(kit, 2)
    hear(driver)
    driver.receive(kit.pre_prepare(kit.header(1)))
    assert [len(driver.sent(Status, driver.tick(now_ms))) for now_ms in (249, 250, 499, 500)] == [0, 1, 0, 1]
    driver.receive(kit.change(0, 3), kit.change(3, 3), kit.new_view(3, [kit.change(i, 3) for i in (0, 2, 3)]))
    driver.receive(*(kit.prepare(i, 3, 1, kit.digest("of others")) for i in (0, 3)))
    assert driver.replica.snapshot().timeout_ms == 8 * FLOOR_MS
    found = [len(driver.sent(Status, driver.tick(now_ms))) for now_ms in range(600, 3_600, 100)]
    assert sum(found) == 3


def test_a_lan_profile_is_legal() -> None:
    """A floor of 500 ms: the delay of a batch is below an eighth of it."""
    assert Settings(timeout_ms=500, batch_delay_ms=20).timeout_ms == 500
