"""Time: what a fresh proposal may be stamped with, and who judges it (specification, section 10)."""

from dataclasses import replace

import pytest

from consensus import Settings
from consensus.interface import Validate, Validated
from consensus.messages import Complain

CLOCK_MS = 1_000_000
PRECISION_MS = 500


def propose(kit, driver, headers) -> None:
    """Let the leader's proposals come and be found valid."""
    for header in headers:
        driver.receive(kit.pre_prepare(header))
        driver.step(Validated(0, header.digest(kit.context), None))


def prepare(kit, driver, header, senders=(2, 3), view: int = 0) -> list:
    """Let PREPAREs of others come."""
    digest = header.digest(kit.context)
    return driver.receive(*(kit.prepare(i, view, header.height, digest) for i in senders))


@pytest.mark.parametrize(
    ("offset_ms", "timely"), [(0, True), (500, True), (501, False), (-2_500, True), (-2_501, False), (100_000, False)]
)
def test_section_10_a_fresh_time_is_near_the_receiver_s_clock(kit, drive, offset_ms: int, timely: bool) -> None:
    """MSGDELAY + PRECISION back and PRECISION ahead; what is outside waits, without a complaint."""
    driver = drive(kit)
    effects = driver.receive(kit.pre_prepare(replace(kit.header(1), timestamp_ms=CLOCK_MS + offset_ms)))
    assert (len(driver.of(Validate, effects)), driver.sent(Complain)) == (int(timely), [])


@pytest.mark.parametrize(("view", "oldest_ms"), [(0, 2_000), (1, 3_000), (2, 4_500), (8, 51_257), (9, 51_257)])
def test_section_10_the_window_back_grows_with_failed_views(kit, drive, view: int, oldest_ms: int) -> None:
    """MSGDELAY(k) = 2 s 1.5^k, up to the 25-fold: a wrong setting cannot stop the chain for ever."""
    found = []
    for back_ms in (oldest_ms + PRECISION_MS, oldest_ms + PRECISION_MS + 1):
        driver = drive(kit, 3)
        if view:
            driver.receive(kit.new_view(view, [kit.change(i, view) for i in (0, 1, 2)]))
        driver.effects.clear()
        header = replace(kit.header(1, view=view), timestamp_ms=CLOCK_MS - back_ms)
        found.append(len(driver.of(Validate, driver.receive(kit.pre_prepare(header)))))
    assert found == [1, 0]


@pytest.mark.parametrize(("timeout_ms", "oldest_ms"), [(500, 2_000), (4_000, 2_000), (4_002, 2_001), (60_000, 30_000)])
def test_section_10_the_window_back_is_never_below_half_a_time_out(timeout_ms: int, oldest_ms: int) -> None:
    """What replicas wait for must not be too old when it comes."""
    assert Settings(timeout_ms=timeout_ms).message_delay_ms == oldest_ms


def test_section_10_f_plus_1_votes_of_others_waive_the_own_clock(kit, drive) -> None:
    """A replica with a wrong clock follows instead of blocking; one vote is not enough."""
    driver, header = drive(kit), replace(kit.header(1), timestamp_ms=CLOCK_MS + 60_000)
    driver.receive(kit.pre_prepare(header))
    assert driver.of(Validate, prepare(kit, driver, header, [2])) == []
    assert len(driver.of(Validate, prepare(kit, driver, header, [3]))) == 1


@pytest.mark.parametrize(("step_ms", "timely"), [(1, True), (2, False)])
def test_section_10_after_a_block_from_the_future_time_creeps(kit, drive, step_ms: int, timely: bool) -> None:
    """On a parent stamped a minute ahead the least time above it is timely, anything later is not."""
    driver = drive(kit)
    one = replace(kit.header(1), timestamp_ms=CLOCK_MS + 60_000)
    digest = one.digest(kit.context)
    two = replace(kit.header(2, digest), timestamp_ms=one.timestamp_ms + step_ms)
    driver.receive(kit.pre_prepare(one))
    prepare(kit, driver, one, [2, 3])
    driver.step(Validated(0, digest, None))
    assert len(driver.of(Validate, driver.receive(kit.pre_prepare(two)))) == int(timely)


def test_section_10_time_must_grow_whatever_others_vote(kit, drive) -> None:
    """A time at or below the parent's is invalid for everybody: no waiver, a complaint."""
    driver = drive(kit)
    one = kit.header(1)
    two = replace(kit.header(2, one.digest(kit.context)), timestamp_ms=one.timestamp_ms)
    propose(kit, driver, [one])
    driver.receive(kit.pre_prepare(two))
    prepare(kit, driver, two, [0, 2])
    assert [c.complaint.name for c in driver.sent(Complain)] == ["BAD_PROPOSAL"]
