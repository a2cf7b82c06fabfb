"""A leader that leaves transactions out, and clients who would like to seem left out (specification, section 11)."""

import pytest

from consensus import Settings, limits
from consensus.censorship import NO_ROOM, Room, Waiting, Watch
from consensus.interface import Censored, PoolChanged, Validated
from consensus.messages import Complain, Complaint, Heartbeat, Status
from consensus.simulation import run

PATIENCE_MS = 4_000
BLOCK = 100  # transactions of a full one
ROOMY = Room(BLOCK, 1_000, 1_000)


def waits(number: int, client: bytes = b"a", **needs: int) -> Waiting:
    """Return the transaction that came as the ``number``-th."""
    return Waiting(b"t%d" % number, client, number, **needs)


def watching(*transactions: Waiting, waiting: int = 10) -> Watch:
    """Return a watch to which these were forwarded at time 0."""
    watch = Watch(patience_ms=PATIENCE_MS, block_transactions=BLOCK)
    watch.forwarded(transactions, waiting=waiting, now_ms=0)
    return watch


def blocks(watch: Watch, count: int, room: Room = ROOMY, start: int = 1, size: int = 1, order: int = 1_000) -> None:
    """Let blocks come with transactions that came later."""
    for height in range(start, start + count):
        watch.included(height, {b"b%d/%d" % (height, i): order for i in range(size)}, room)


# ------------------------------------------------------------------------------------------------------------ the rule


def test_three_blocks_with_room_and_the_patience_over() -> None:
    """Both are needed: neither two such blocks nor a moment less."""
    watch = watching(waits(1))
    blocks(watch, 2)
    assert watch.censored(10 * PATIENCE_MS) is None
    blocks(watch, 1, start=3)
    assert [watch.censored(now_ms) for now_ms in (PATIENCE_MS - 1, PATIENCE_MS)] == [None, waits(1)]


@pytest.mark.parametrize("short", ["transactions", "size", "gas"])
def test_a_block_without_room_for_it_proves_nothing(short: str) -> None:
    """What is missing may be the number, the bytes or the gas."""
    left = {"transactions": 1, "size": 70, "gas": 50}
    watch = watching(waits(1, size=70, gas=50))
    blocks(watch, 50, Room(**{**left, short: left[short] - 1}))
    assert watch.censored(PATIENCE_MS) is None
    blocks(watch, 3, Room(**left), start=51)
    assert watch.censored(PATIENCE_MS) == waits(1, size=70, gas=50)


@pytest.mark.parametrize(("waiting", "later_max"), [(10, 200), (1_000, 2_000)])
def test_in_full_blocks_later_ones_are_counted(waiting: int, later_max: int) -> None:
    """Twice a block or twice all that waited: more than a leader who serves clients in turn puts before anybody."""
    watch = watching(waits(5), waiting=waiting)
    blocks(watch, later_max - 1, NO_ROOM)
    blocks(watch, 500, NO_ROOM, start=1, order=4)  # those that came before it are no offence
    assert watch.censored(PATIENCE_MS) is None
    watch.included(1, {b"never seen here": None}, NO_ROOM)
    assert watch.censored(PATIENCE_MS) == waits(5)


def test_what_is_included_or_expired_is_left_out_no_more() -> None:
    """The complaint ends with its reason."""
    for end in ("included", "expired"):
        watch = watching(waits(1))
        blocks(watch, 3)
        assert watch.censored(PATIENCE_MS) == waits(1)
        if end == "included":
            watch.included(4, {b"t1": 1}, ROOMY)
        else:
            watch.gone([b"t1"])
        assert (watch.censored(PATIENCE_MS), len(watch)) == (None, 0)


def test_a_new_leader_is_forwarded_everything_anew() -> None:
    """What its predecessor did proves nothing against it (SmartBFT #476)."""
    watch = watching(waits(1))
    blocks(watch, 3)
    watch.new_leader()
    assert watch.censored(PATIENCE_MS) is None
    watch.forwarded([waits(1)], waiting=1, now_ms=PATIENCE_MS)
    blocks(watch, 3, start=4)
    assert [watch.censored(now_ms) for now_ms in (2 * PATIENCE_MS - 1, 2 * PATIENCE_MS)] == [None, waits(1)]


def test_one_transaction_of_a_client_is_watched_the_oldest() -> None:
    """A leader that serves clients in turn owes each one the head of its queue."""
    watch = watching(waits(1), waits(2), waits(3, b"b"))
    assert len(watch) == 2
    watch.included(1, {b"t1": 1, b"t3": 3}, ROOMY)
    assert len(watch) == 0


# ------------------------------------------------------------------------------------------------------------ fairness


def test_a_client_is_the_reason_of_one_complaint_in_a_term() -> None:
    """Whatever it submits, and whoever leads; in the next term again."""
    watch = watching(waits(1))
    blocks(watch, 3)
    assert watch.censored(PATIENCE_MS) == waits(1)
    watch.new_leader()
    for number in range(2, 30):
        watch.forwarded([waits(number)], waiting=1, now_ms=0)
        blocks(watch, 3, start=4)
        assert (watch.censored(1_000_000), len(watch)) == (None, 0)
    blocks(watch, 1, start=limits.TERM_BLOCKS)
    watch.forwarded([waits(30)], waiting=1, now_ms=0)
    blocks(watch, 3, start=limits.TERM_BLOCKS)
    assert watch.censored(PATIENCE_MS) == waits(30)


def test_one_client_s_complaint_takes_nothing_from_another() -> None:
    """Who was not the reason of one yet still may be."""
    watch = watching(waits(1), waits(2, b"b"))
    blocks(watch, 3)
    assert watch.censored(PATIENCE_MS) == waits(1)
    watch.new_leader()
    watch.forwarded([waits(1), waits(2, b"b")], waiting=2, now_ms=0)
    blocks(watch, 3, start=4)
    assert watch.censored(PATIENCE_MS) == waits(2, b"b")


def test_what_is_watched_is_bounded() -> None:
    """A client for every transaction makes the watch no larger."""
    watch = watching(*(waits(i, b"client %d" % i) for i in range(1_000)))
    assert len(watch) == limits.WATCHED_CLIENTS_MAX


# ------------------------------------------------------------------------------------------------------------ the core


def heard(kit, drive, index: int = 1):
    """Return a replica whose time-outs count (R5)."""
    driver = drive(kit, index)
    driver.receive(*(Status(0, i, 0, True, 0, (), False) for i in (2, 3)))
    return driver


def complaints(driver) -> list[tuple[Complaint, int]]:
    """Return reasons and numbers of resends."""
    return [(m.complaint, m.resends) for m in driver.sent(Complain)]


def test_c1_a_leader_that_leaves_out_is_complained_about_though_blocks_go_on(kit, drive) -> None:
    """Neither a sealed block nor a heartbeat withdraws it; with one more complaint the view is left."""
    driver, header = heard(kit, drive), kit.header(1)
    driver.step(Censored(0))
    driver.step(Censored(0))
    driver.receive(kit.pre_prepare(header), Heartbeat(0, 0, 0, 0, 1, 1_000_000))
    driver.step(Validated(0, header.digest(kit.context), None))
    driver.receive(*(kit.seal(i, 1, kit.block(1).block_hash) for i in (0, 2, 3)))
    driver.sync(kit.block(1, header.digest(kit.context)))
    driver.tick(1_000)
    assert driver.replica.snapshot().stable_height == 1
    assert complaints(driver) == [(Complaint.CENSORED, 0), (Complaint.CENSORED, 1)]
    driver.receive(Complain(0, 3, 0, Complaint.CENSORED, 0))
    assert driver.replica.snapshot().view == 1


def test_c1_a_complaint_about_censorship_is_withdrawn(kit, drive) -> None:
    """The transaction is in a block: no complaint waits for another to join it."""
    driver = heard(kit, drive)
    driver.step(Censored(0))
    driver.step(Censored(None))
    assert driver.replica.snapshot().complaining is None
    driver.step(Censored(None))
    assert driver.rules().count(("C1", "complaint withdrawn")) == 1


def test_c1_only_the_leader_of_this_view_is_complained_about(kit, drive) -> None:
    """Not one already left, not this replica itself, and nobody before others were heard (R5)."""
    for driver, view in ((heard(kit, drive), 1), (heard(kit, drive, 0), 0), (drive(kit), 0)):
        driver.step(Censored(view))
        assert complaints(driver) == []


def test_c1_no_other_complaint_is_withdrawn_by_it(kit, drive) -> None:
    """Work that does not get done stays complained about."""
    driver = heard(kit, drive)
    driver.step(PoolChanged(0, False))
    driver.tick(41)
    driver.tick(2_041)
    driver.step(Censored(None))
    assert driver.replica.snapshot().complaining == Complaint.NO_PROGRESS


@pytest.mark.parametrize("timeout_ms", [161, 500, 2_000, 60_000])
def test_the_times_of_section_11_fit_together(timeout_ms: int) -> None:
    """T_complain is at least twice T_fwd, whatever the floor is."""
    settings = Settings(timeout_ms=timeout_ms)
    assert settings.complain_ms >= 2 * settings.forward_ms > 0


# ---------------------------------------------------------------------------------------------------------- whole runs


def test_a_censoring_leader_is_left_after_the_complaint_time() -> None:
    """Every transaction of the client it leaves out gets in, and each correct replica complains once."""
    complained = 0
    for seed in range(6):
        result = run(seed, profile="censor")
        assert result.violation is None, result.repeat
        complained += result.coverage.get("censorship complaints", 0)
    assert complained >= 9


def test_an_honest_leader_is_never_thought_to_censor() -> None:
    """No complaint in runs without a fault."""
    for seed in range(6):
        assert "censorship complaints" not in run(seed, profile="quiet").coverage
