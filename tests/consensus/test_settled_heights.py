"""Heights executed here are settled: what older views say about them is old news, never a reason to stop (P9, N6).

A replica takes height 1 from others who decided it in view 2; it is still in view 0 itself, and hears of another
proposal at that height, which is honest and merely late.
"""

import pytest

from consensus.codec import encode
from consensus.interface import (
    Batch,
    BuildProposal,
    Halt,
    PoolChanged,
    Proposed,
    Record,
    RecordKind,
    Refused,
    Synced,
    Validate,
    Validated,
)
from consensus.messages import (
    Body,
    Commit,
    Complain,
    FetchBody,
    Prepare,
    PrepareCertificate,
    PrePrepare,
    Seal,
    SealCertificate,
    encode_message,
)

CLOCK_MS = 1_000_000


class Story:
    """A replica that catches up with heights decided in view 2, and what view 0 proposed instead."""

    def __init__(self, kit, drive, index: int = 3) -> None:
        self.kit, self.driver = kit, drive(kit, index)
        self.decided = kit.chain(4, view=2)
        self.blocks = kit.sealed_blocks(self.decided)
        self.old = kit.header(1, body=b"old")  # by the honest leader of view 0
        self.old_digest = self.old.digest(kit.context)
        child = kit.header(2, self.old_digest, body=b"old")
        self.old_prepared = [kit.prepared(self.old), kit.prepared(child)]
        self.target = kit.certificate(3, self.blocks[2].block_hash)
        forced = [self.old_digest, child.digest(kit.context)]
        changes = [kit.change(0, 1, prepared=self.old_prepared), kit.change(1, 1), kit.change(2, 1)]
        self.old_new_view = kit.new_view(1, changes, forced=forced)

    def learn_target(self) -> None:
        """Hear of the certified height 3 and let the time for deciding here pass."""
        self.driver.receive(SealCertificate(0, 1, self.target))
        self.driver.tick(300)

    def catch_up(self) -> None:
        """Take height 1, which others decided in view 2."""
        self.learn_target()
        self.driver.sync(self.blocks[0])

    def assert_untouched(self, view: int = 0) -> None:
        """Nothing was voted for, nobody blamed; the rest of the way is gone and ends at the target."""
        driver = self.driver
        told = [driver.sent(kind) for kind in (Prepare, Commit, Complain)]
        assert (driver.of(Halt), driver.of(Refused), told) == ([], [], [[], [], []])
        driver.sync(*self.blocks[1:3])
        snapshot = driver.replica.snapshot()
        assert (snapshot.halted, snapshot.stable_height, snapshot.view) == (None, 3, view)


def test_p9_a_proposal_judged_while_its_height_is_taken_from_others_is_no_contradiction(kit, drive) -> None:
    """The verdict on the old proposal comes after another one was executed at its height: no vote, no halt."""
    story = Story(kit, drive)
    story.driver.receive(kit.pre_prepare(story.old, b"old"))
    assert [e.digest for e in story.driver.of(Validate)] == [story.old_digest]
    story.catch_up()
    story.driver.step(Validated(0, story.old_digest, None))
    story.assert_untouched()


def test_p9_a_late_proposal_for_an_executed_height_is_no_contradiction(kit, drive) -> None:
    """The old proposal comes after another one was executed at its height: it is not even judged."""
    story = Story(kit, drive)
    story.catch_up()
    story.driver.receive(kit.pre_prepare(story.old, b"old"))
    assert story.driver.of(Validate) == []
    story.assert_untouched()


def test_n6_a_late_new_view_that_forces_something_else_is_no_contradiction(kit, drive) -> None:
    """NEW-VIEW of view 1 forces what view 2 did not decide: entered, none of it nor of what follows it is wanted."""
    story = Story(kit, drive)
    story.catch_up()
    story.driver.receive(story.old_new_view)
    assert ("N6", "settled otherwise") in story.driver.rules()
    assert story.driver.sent(FetchBody) == []
    story.assert_untouched(view=1)


def test_n6_the_same_new_view_in_the_log_is_no_contradiction_at_a_restart(kit, drive) -> None:
    """A restart with it starts in its view, not halted, and catches up."""
    story = Story(kit, drive)
    log = [Record(RecordKind.NEW_VIEW, encode_message(story.old_new_view))]
    story.driver = drive(kit, 3, kit.recovery(log, sealed=story.blocks[:1]))
    story.learn_target()
    story.assert_untouched(view=1)


@pytest.mark.parametrize("body_first", [False, True], ids=["certificate only", "body here"])
def test_p4_a_late_certificate_for_an_executed_height_is_no_contradiction(kit, drive, body_first: bool) -> None:
    """An honest answer to STATUS carries the P-certificate of the old view: no PREPARE, no COMMIT."""
    story = Story(kit, drive)
    if body_first:
        story.driver.receive(kit.pre_prepare(story.old, b"old"))
    story.catch_up()
    story.driver.receive(PrepareCertificate(0, 0, story.old_prepared[0]))
    story.driver.receive(Body(0, 0, story.old, b"old"))
    story.assert_untouched()


def test_p5_nothing_above_a_height_settled_otherwise_is_committed(kit, drive) -> None:
    """P-certificates of the old view at heights 1 and 2, whose first is overtaken: no COMMIT for the second."""
    story = Story(kit, drive)
    story.driver.receive(kit.pre_prepare(story.old, b"old"))
    story.catch_up()
    for prepared in story.old_prepared:
        story.driver.receive(PrepareCertificate(0, 0, prepared), Body(0, 0, prepared.header, b"old"))
    assert story.driver.sent(Commit) == []
    assert story.driver.replica.snapshot().halted is None


def test_p1_a_leader_sends_no_proposal_for_a_height_it_took_from_others(kit, drive) -> None:
    """Its own proposal was being validated when the block of that height came: it never leaves."""
    story = Story(kit, drive, index=0)
    driver = story.driver
    driver.step(PoolChanged(0, True))
    assert driver.of(BuildProposal) == [BuildProposal(0, 1, ())]
    driver.step(Proposed(0, 1, Batch(b"mine", kit.suite.hash(b"mine"), 1, bytes(kit.suite.digest_size), CLOCK_MS)))
    (validate,) = driver.of(Validate)
    story.catch_up()
    driver.step(Validated(0, validate.digest, None))
    assert driver.sent(PrePrepare) == []
    story.assert_untouched()


def test_p2_the_executed_proposal_itself_is_still_voted_for(kit, drive) -> None:
    """Others may need the vote to prepare it: it is given at once, without another judgement."""
    driver, header = drive(kit, 3), kit.header(1)
    digest = header.digest(kit.context)
    (block,) = kit.sealed_blocks([header])
    driver.receive(SealCertificate(0, 1, kit.certificate(2, kit.block(2).block_hash)))
    driver.tick(300)
    driver.sync(block)
    driver.receive(kit.pre_prepare(header))
    assert driver.of(Validate) == []
    assert driver.sent(Prepare) == [kit.prepare(3, 0, 1, digest)]
    bodies = [record.payload for record in driver.records() if record.kind is RecordKind.BODY]
    assert bodies == [encode([header.value(), b"body"])]


def test_p9_another_certified_result_still_halts(kit, drive) -> None:
    """What is a contradiction stays one: a certificate of another block at an executed height."""
    story = Story(kit, drive)
    story.catch_up()
    other = kit.digest("another result")
    story.driver.receive(SealCertificate(0, 1, kit.certificate(1, other)))
    assert story.driver.of(Halt) == [Halt("P9: the certified result at height 1 is not mine")]


def test_p9_a_synced_block_is_sealed_here_too(kit, drive) -> None:
    """This replica executed it, so it says so: the others may need its seal after a joint crash."""
    story = Story(kit, drive)
    story.catch_up()
    assert story.driver.sent(Seal) == [kit.seal(3, 1, story.blocks[0].block_hash)]
    story.driver.step(Synced(story.blocks[1], None))
    assert story.driver.sent(Seal) == [kit.seal(3, h, story.blocks[h - 1].block_hash) for h in (1, 2)]
