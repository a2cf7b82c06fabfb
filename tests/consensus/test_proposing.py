"""Leading a view: when a batch is asked for, and what leaves as a proposal (P1)."""

from consensus.interface import (
    Batch,
    BuildProposal,
    Persist,
    PoolChanged,
    Proposed,
    RecordKind,
    Tick,
    Validate,
    Validated,
)
from consensus.messages import Prepare, PrePrepare

CLOCK_MS = 1_000_000


def batch(kit, body: bytes = b"body") -> Batch:
    """Return a batch of one transaction."""
    return Batch(body, kit.suite.hash(body), 1, bytes(kit.suite.digest_size), CLOCK_MS)


def test_p1_the_leader_batches_validates_and_proposes(kit, drive) -> None:
    """After the batch delay the leader asks for a body, validates it like a follower, persists and sends."""
    driver = drive(kit, 0)
    assert driver.of(BuildProposal, driver.step(PoolChanged(0, False))) == []
    driver.now_ms = kit.settings.batch_delay_ms
    assert driver.of(BuildProposal, driver.step(Tick(CLOCK_MS + 20))) == [BuildProposal(0, 1, ())]
    (asked,) = driver.of(Validate, driver.step(Proposed(0, 1, batch(kit))))
    assert driver.sent(PrePrepare) == []
    effects = driver.step(Validated(0, asked.digest, None))
    assert [r.kind for e in driver.of(Persist, effects) for r in e.records] == [
        RecordKind.BODY,
        RecordKind.VOTE,
        RecordKind.VOTE,
    ]
    (sent,) = driver.sent(PrePrepare, effects)
    assert (sent.header.height, sent.header.proposer, sent.payload) == (1, 0, b"body")
    assert driver.sent(Prepare, effects) == [kit.prepare(0, 0, 1, asked.digest)]


def test_p1_a_full_batch_does_not_wait(kit, drive) -> None:
    """The batch delay ends when the batch is full."""
    driver = drive(kit, 0)
    assert len(driver.of(BuildProposal, driver.step(PoolChanged(0, True)))) == 1


def test_p1_proposals_stay_inside_the_window(kit, drive) -> None:
    """With W = 3 the fourth proposal waits for a seal."""
    driver = drive(kit, 0)
    driver.step(PoolChanged(0, True))
    for height in range(1, 5):
        driver.step(Proposed(0, height, batch(kit, b"%d" % height)))
        driver.step(Validated(0, driver.of(Validate)[-1].digest, None))
    assert [p.header.height for p in driver.sent(PrePrepare)] == [1, 2, 3]
    assert [b.height for b in driver.of(BuildProposal)] == [1, 2, 3]


def test_p1_an_empty_answer_is_not_asked_for_again_until_the_pool_changes(kit, drive) -> None:
    """All transactions may be in flight already: no busy loop, and no lost wake-up."""
    driver = drive(kit, 0)
    driver.step(PoolChanged(0, True))
    assert driver.of(BuildProposal, driver.step(Proposed(0, 1, None))) == []
    assert len(driver.of(BuildProposal, driver.step(PoolChanged(0, True)))) == 1


def test_p1_a_refused_own_proposal_never_leaves(kit, drive) -> None:
    """An inconsistent application stops its own node, not the network."""
    driver = drive(kit, 0)
    driver.step(PoolChanged(0, True))
    driver.step(Proposed(0, 1, batch(kit)))
    driver.step(Validated(0, driver.of(Validate)[-1].digest, "inconsistent"))
    assert driver.sent(PrePrepare) == []
