"""Leaving a view and entering the next, on one replica: C1-C4, N4, N6, timers, buffers."""

import pytest

from consensus import limits
from consensus.interface import FetchBlocks, Persist, PoolChanged, RecordKind, ReportEvidence, Tick, Validated
from consensus.messages import Body, Complain, Complaint, Heartbeat, NewView, Prepare, Seal, Status, ViewChange

CLOCK_MS = 1_000_000
TIMEOUT_MS = 2_000


def tick(driver, now_ms: int) -> list:
    """Let time pass."""
    driver.now_ms = now_ms
    return driver.step(Tick(CLOCK_MS + now_ms))


def hear(driver) -> None:
    """Let enough STATUS come for time-outs to count (R5)."""
    driver.receive(Status(0, 2, 0, True, 0, (), False), Status(0, 3, 0, True, 0, (), False))


def complaint(sender: int, view: int = 0) -> Complain:
    """Return a peer's complaint."""
    return Complain(0, sender, view, Complaint.NO_PROGRESS, 0)


def stuck(kit, drive):
    """Return a replica with work in flight whose leader does nothing more."""
    driver = drive(kit)
    hear(driver)
    driver.receive(kit.pre_prepare(kit.header(1)))
    return driver


# ---------------------------------------------------------------------------------------------------- C1: complaints


def test_c1_no_progress_is_complained_about_after_t_and_voting_goes_on(kit, drive) -> None:
    """The replica says it wants to leave, stays, and still votes."""
    driver = stuck(kit, drive)
    assert driver.sent(Complain, tick(driver, TIMEOUT_MS - 1)) == []
    assert driver.sent(Complain, tick(driver, TIMEOUT_MS)) == [complaint(1)]
    driver.step(Validated(0, kit.header(1).digest(kit.context), None))
    assert (driver.replica.snapshot().view, len(driver.sent(Prepare))) == (0, 1)


def test_c1_a_silent_leader_of_an_idle_network_is_complained_about(kit, drive) -> None:
    """No heartbeat for T: NO_HEARTBEAT; a heartbeat in between postpones it."""
    driver = drive(kit)
    hear(driver)
    driver.now_ms = 1_500
    driver.receive(Heartbeat(0, 0, 0, 0, 1, CLOCK_MS))
    assert driver.sent(Complain, tick(driver, TIMEOUT_MS)) == []
    assert [c.complaint for c in driver.sent(Complain, tick(driver, 3_500))] == [Complaint.NO_HEARTBEAT]


def test_c1_heartbeats_do_not_hide_missing_progress(kit, drive) -> None:
    """A leader that lives and orders nothing is left all the same."""
    driver = stuck(kit, drive)
    for driver.now_ms in (500, 1_000, 1_500, 1_999):
        driver.receive(Heartbeat(0, 0, 0, 0, 1, CLOCK_MS))
    assert [c.complaint for c in driver.sent(Complain, tick(driver, TIMEOUT_MS))] == [Complaint.NO_PROGRESS]


def test_c1_a_waiting_transaction_is_pending_work(kit, drive) -> None:
    """Nothing proposed, but the pool has waited for more than two batch delays: the timer runs."""
    driver = drive(kit)
    hear(driver)
    driver.step(PoolChanged(0, False))
    tick(driver, 41)
    assert [c.complaint for c in driver.sent(Complain, tick(driver, 41 + TIMEOUT_MS))] == [Complaint.NO_PROGRESS]


def test_c1_votes_of_one_for_nothing_are_no_pending_work(kit, drive) -> None:
    """A single validator's PREPAREs for proposals nobody made must not time views out; those of f + 1 do."""
    for senders, expected in (((3,), Complaint.NO_HEARTBEAT), ((2, 3), Complaint.NO_PROGRESS)):
        driver = drive(kit)
        hear(driver)
        driver.receive(*(kit.prepare(i, 0, 1, kit.digest("phantom")) for i in senders))
        assert [c.complaint for c in driver.sent(Complain, tick(driver, TIMEOUT_MS))] == [expected]


def test_c1_f_plus_1_complaints_move_the_replica(kit, drive) -> None:
    """The own complaint and one more: VIEW-CHANGE to view 1, durable before it leaves."""
    driver = stuck(kit, drive)
    tick(driver, TIMEOUT_MS)
    effects = driver.receive(complaint(3))
    (change,) = driver.sent(ViewChange, effects)
    assert change == kit.change(1, 1)
    assert [r.kind for e in driver.of(Persist, effects) for r in e.records] == [RecordKind.MOVED]
    snapshot = driver.replica.snapshot()
    assert (snapshot.view, snapshot.active) == (1, False)


def test_c1_others_complaints_alone_suffice(kit, drive) -> None:
    """One of f + 1 is correct: no own time-out is needed."""
    driver = drive(kit)
    driver.receive(complaint(2), complaint(3))
    assert driver.replica.snapshot().view == 1


def test_c1_one_validator_complaining_twice_counts_once(kit, drive) -> None:
    """Complaints are counted by sender."""
    driver = drive(kit)
    driver.receive(complaint(3), complaint(3), complaint(3, view=9))
    assert driver.replica.snapshot().view == 0


@pytest.mark.parametrize(
    ("apart_ms", "view"), [(limits.COMPLAINT_LIFETIME_MS - 1, 1), (limits.COMPLAINT_LIFETIME_MS, 0)]
)
def test_c1_a_complaint_expires(kit, drive, apart_ms: int, view: int) -> None:
    """A complaint counts for 3 seconds after its last resend, not a moment longer."""
    driver = drive(kit)
    driver.receive(complaint(2))
    driver.now_ms = apart_ms
    driver.receive(complaint(3))
    assert driver.replica.snapshot().view == view


def test_c1_a_view_change_is_a_complaint(kit, drive) -> None:
    """Who has left for a later view need not complain about this one."""
    driver = drive(kit)
    driver.receive(kit.change(2, 1), complaint(3))
    assert driver.replica.snapshot().view == 1


def test_c1_complaints_are_resent_with_the_same_content(kit, drive) -> None:
    """Every second, counted; a sealed block ends them."""
    driver = stuck(kit, drive)
    tick(driver, TIMEOUT_MS)
    resent = [c.resends for now_ms in (2_500, 3_000, 4_000) for c in driver.sent(Complain, tick(driver, now_ms))]
    assert resent == [1, 2]


def test_r5_nothing_times_out_before_others_were_heard(kit, drive) -> None:
    """A replica that just started and hears nobody has no opinion about its leader."""
    driver = drive(kit)
    driver.receive(kit.pre_prepare(kit.header(1)))
    assert driver.sent(Complain, tick(driver, 10 * TIMEOUT_MS)) == []


# ------------------------------------------------------------------------------------------- C2 - C4: view changes


def test_c2_a_single_huge_view_has_no_effect(kit, drive) -> None:
    """One validator cannot drive the others (FISCO-BCOS #2211)."""
    driver = drive(kit)
    driver.receive(kit.change(3, 10**6))
    assert driver.replica.snapshot().view == 0


@pytest.mark.parametrize(("views", "joined"), [((3, 7), 3), ((7, 3), 3), ((5, 5), 5), ((10**6, 2), 2)])
def test_c2_the_f_plus_1th_largest_view_is_joined(kit, drive, views: tuple[int, int], joined: int) -> None:
    """With f = 1 the second largest counts, in whatever order they come."""
    driver = drive(kit)
    driver.receive(kit.change(2, views[0]), kit.change(3, views[1]))
    assert (driver.replica.snapshot().view, driver.sent(ViewChange)[-1].new_view) == (joined, joined)


def test_c2_one_view_change_per_sender_is_kept(kit, drive) -> None:
    """A hundred view changes of one validator are one, the latest."""
    driver = drive(kit)
    driver.receive(*(kit.change(3, view) for view in range(1, 101)))
    assert {s: c.new_view for s, c in driver.replica._state.changes.items()} == {3: 100}


def test_c3_nothing_is_sent_for_a_view_already_left(kit, drive) -> None:
    """PREPAREs of the old view may come: they are counted, and not answered by COMMIT."""
    driver = drive(kit)
    header = kit.header(1)
    driver.receive(kit.pre_prepare(header))
    driver.step(Validated(0, header.digest(kit.context), None))
    driver.receive(complaint(2), complaint(3))
    effects = driver.receive(*(kit.prepare(i, 0, 1, header.digest(kit.context)) for i in (2, 3)))
    assert [type(m) for m in driver.sent(object, effects)] == []
    assert [r.kind for e in driver.of(Persist, effects) for r in e.records] == [RecordKind.PREPARED]


def test_c3_the_view_change_is_resent_byte_for_byte(kit, drive) -> None:
    """Every second until the new view starts, and in answer to STATUS."""
    driver = drive(kit)
    driver.receive(complaint(2), complaint(3))
    first = driver.sent(ViewChange)
    again = driver.sent(ViewChange, tick(driver, 1_000)) + driver.sent(
        ViewChange, driver.receive(Status(0, 2, 0, True, 0, (), False))
    )
    assert (len(first), again) == (1, first * 2)


def test_c4_the_new_view_timer_starts_at_a_quorum_and_leads_to_the_next_view(kit, drive) -> None:
    """Two view changes: no timer; the third starts T(k), also when it is for a later view; expiry moves on."""
    driver = drive(kit, 2)
    driver.receive(complaint(0), complaint(3))
    driver.receive(kit.change(0, 1))
    tick(driver, 10_000)
    assert driver.replica.snapshot().view == 1
    driver.receive(kit.change(3, 4))
    assert ("C4", "new view timer") in driver.rules()
    tick(driver, 10_000 + 2 * TIMEOUT_MS - 1)
    assert driver.replica.snapshot().view == 1
    tick(driver, 10_000 + 2 * TIMEOUT_MS)
    assert driver.replica.snapshot().view == 2


def test_the_time_out_doubles_per_view_and_is_capped(kit, drive) -> None:
    """T(k) = T(0) 2^k with k the views since the last sealed block's, at most a minute (besu-docs #611)."""
    driver = drive(kit)
    seen = []
    for view in (1, 2, 4, 5, 6, 1_000):
        driver.receive(kit.change(2, view), kit.change(3, view))
        seen.append(driver.replica.snapshot().timeout_ms)
    assert seen == [4_000, 8_000, 32_000, 60_000, 60_000, 60_000]


# --------------------------------------------------------------------------------------------------------- NEW-VIEW


def test_the_leader_of_the_next_view_builds_it_from_a_quorum(kit, drive) -> None:
    """Validator 1 leads view 1: with three view changes it recomputes, logs, sends and enters."""
    driver = drive(kit)
    chain = kit.chain(2)
    shown = kit.change(2, 1, prepared=[kit.prepared(h) for h in chain])
    effects = driver.receive(shown, kit.change(3, 1))
    digests = [h.digest(kit.context) for h in chain]
    assert driver.sent(NewView, effects) == [
        kit.new_view(1, [kit.change(1, 1), shown, kit.change(3, 1)], forced=digests)
    ]
    assert RecordKind.NEW_VIEW in [r.kind for e in driver.of(Persist, effects) for r in e.records]
    assert driver.replica.snapshot().active


def test_n6_a_valid_new_view_is_logged_and_entered(kit, drive) -> None:
    """A follower checks, logs and enters; the second, different one is evidence (K4)."""
    driver = drive(kit, 2)
    first = kit.new_view(1, [kit.change(i, 1) for i in (0, 1, 3)])
    second = kit.new_view(1, [kit.change(i, 1) for i in (0, 1, 2)])
    effects = driver.receive(first)
    assert [r.kind for e in driver.of(Persist, effects) for r in e.records] == [RecordKind.NEW_VIEW]
    driver.receive(second, second)
    snapshot = driver.replica.snapshot()
    assert (snapshot.view, snapshot.active) == (1, True)
    assert [(e.rule, e.offender) for e in driver.of(ReportEvidence)] == [("K4", 1)]


def test_n6_a_new_view_is_taken_from_any_holder(kit, drive) -> None:
    """Its signature decides, not its link."""
    driver = drive(kit, 2)
    driver.receive(kit.new_view(1, [kit.change(i, 1) for i in (0, 1, 3)]), peer=3)
    assert driver.replica.snapshot().active


@pytest.mark.parametrize("lie", ["nothing", "the first only", "another digest", "one too many"])
def test_n4_a_false_forced_list_is_refused_and_evidence(kit, drive, lie: str) -> None:
    """Everybody recomputes what the view changes force (M5 forks)."""
    driver = drive(kit, 2)
    chain = kit.chain(2)
    digests = [h.digest(kit.context) for h in chain]
    told = {
        "nothing": [],
        "the first only": digests[:1],
        "another digest": [digests[0], kit.digest("other")],
        "one too many": [*digests, kit.digest("third")],
    }[lie]
    changes = [kit.change(0, 1), kit.change(1, 1), kit.change(3, 1, prepared=[kit.prepared(h) for h in chain])]
    driver.receive(complaint(0), complaint(3))
    driver.receive(kit.new_view(1, changes, forced=told))
    assert not driver.replica.snapshot().active
    assert [(e.rule, e.offender) for e in driver.of(ReportEvidence)] == [("K4", 1)]
    assert driver.sent(Complain)[-1].complaint is Complaint.BAD_NEW_VIEW


def test_forced_proposals_are_voted_for_without_fresh_validity(kit, drive) -> None:
    """No Validate, no look at the clock (plenum #1488); but the body is needed, and fetched."""
    driver = drive(kit, 2)
    header = kit.header(1)
    old = kit.prepared(header)
    driver.now_ms = 10**9  # the proposal's time is long past
    driver.receive(
        kit.new_view(
            1,
            [kit.change(0, 1), kit.change(1, 1), kit.change(3, 1, prepared=[old])],
            forced=[header.digest(kit.context)],
        )
    )
    assert driver.sent(Prepare) == []
    effects = driver.receive(Body(0, 3, header, b"body"))
    assert driver.sent(Prepare, effects) == [kit.prepare(2, 1, 1, header.digest(kit.context))]


def test_a_new_view_waits_for_the_block_at_its_base(kit, drive) -> None:
    """The certificate in a view change is the target to catch up to; the view starts once its block is here."""
    driver = drive(kit, 2)
    certificate = kit.certificate(7, kit.block(7).block_hash)
    changes = [kit.change(0, 1), kit.change(1, 1, stable=certificate), kit.change(3, 1)]
    effects = driver.receive(kit.new_view(1, changes, base=7))
    assert driver.of(FetchBlocks, effects) == [FetchBlocks(1, certificate)]
    assert driver.replica.snapshot().view == 0


def test_k5_two_view_changes_for_one_view_are_evidence(kit, drive) -> None:
    """A second, different VIEW-CHANGE is kept out and reported; the same bytes again are not."""
    driver = drive(kit)
    one, two = kit.change(3, 1), kit.change(3, 1, prepared=[kit.prepared(kit.header(1))])
    driver.receive(one, one, two)
    assert [(e.rule, e.offender) for e in driver.of(ReportEvidence)] == [("K5", 3)]
    assert driver.replica._state.changes[3] == one


# ------------------------------------------------------------------------------------------------------------ buffers


def test_messages_of_a_view_to_come_are_kept_and_taken_up(kit, drive) -> None:
    """Votes that overtake the NEW-VIEW count once it is there."""
    driver = drive(kit, 2)
    header = kit.header(1, view=1)
    digest = header.digest(kit.context)
    driver.receive(kit.pre_prepare(header), kit.prepare(1, 1, 1, digest), kit.prepare(3, 1, 1, digest))
    assert driver.replica._state.slots == {}
    driver.receive(kit.new_view(1, [kit.change(i, 1) for i in (0, 1, 3)]))
    effects = driver.step(Validated(1, digest, None))
    assert driver.sent(Prepare, effects) == [kit.prepare(2, 1, 1, digest)]
    assert ("P4", "prepared") in driver.rules()


def test_kept_messages_are_bounded_per_peer(kit, drive) -> None:
    """The oldest are dropped; one peer's flood does not touch another's."""
    driver = drive(kit)
    driver.receive(kit.prepare(3, 5, 1, kit.digest("kept")))
    driver.receive(*(kit.prepare(2, 5, height, kit.digest("p")) for height in range(1, 200)))
    queues = {peer: [m.height for m, _ in queue] for peer, queue in driver.replica._state.later.items()}
    assert queues == {3: [1], 2: list(range(200 - limits.LATER_MESSAGES_MAX, 200))}


def test_votes_of_old_views_are_forgotten_after_a_few(kit, drive) -> None:
    """Slots stay bounded however often the view changes."""
    driver = drive(kit)
    for view in range(1, 20):
        driver.receive(kit.prepare(2, view - 1, 1, kit.digest(f"view {view}")))
        driver.receive(kit.change(2, view), kit.change(3, view))
        driver.receive(kit.new_view(view, [kit.change(i, view) for i in (0, 2, 3)]))
    slot = driver.replica._state.slots[1]
    assert {view for view, _ in slot.prepares} <= set(range(19 - limits.VOTE_VIEWS_KEPT, 20))
    assert len(slot.voters) <= limits.VOTE_VIEWS_KEPT + 1


def test_seals_are_kept_within_the_watermarks(kit, drive) -> None:
    """Seals for a thousand heights take no more room than two windows."""
    driver = drive(kit)
    driver.receive(*(kit.seal(3, height, kit.digest("b")) for height in range(1, 1_000)))
    assert sorted(driver.replica._state.seals) == list(range(1, 2 * kit.settings.window + 1))
    assert driver.sent(Seal) == []
