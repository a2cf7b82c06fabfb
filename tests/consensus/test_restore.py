"""Starting again from the log: what was sent is remembered, byte for byte (R3-R6, I7)."""

from dataclasses import replace

import pytest

from consensus.codec import encode
from consensus.interface import (
    Batch,
    BuildProposal,
    CommitBlock,
    DecidedBlock,
    Execute,
    Executed,
    PoolChanged,
    Proposed,
    Record,
    RecordKind,
    ReportEvidence,
    Validate,
    Validated,
)
from consensus.messages import (
    Commit,
    Complain,
    Complaint,
    NewView,
    Prepare,
    PrePrepare,
    Seal,
    Status,
    ViewChange,
    encode_message,
)
from consensus.restore import CorruptLog

CLOCK_MS = 1_000_000


def voted(kit, drive, heights: int = 2):
    """Return a replica that voted for some heights and holds a P-certificate of the first."""
    driver = drive(kit)
    chain = kit.chain(heights)
    for header in chain:
        driver.receive(kit.pre_prepare(header))
        driver.step(Validated(0, header.digest(kit.context), None))
    digest = chain[0].digest(kit.context)
    driver.receive(*(kit.prepare(i, 0, 1, digest) for i in (2, 3)))
    return driver, chain


def ask(kit, driver, kind: type) -> list:
    """Return what a replica sends to a peer that holds nothing."""
    return driver.sent(kind, driver.receive(Status(0, 2, driver.replica.snapshot().view, True, 0, (), False)))


def test_votes_come_back_and_are_sent_again_byte_for_byte(kit, drive) -> None:
    """After a restart the same PREPAREs and the same COMMIT answer a STATUS."""
    driver, chain = voted(kit, drive)
    again = drive(kit, 1, kit.recovery(driver.records()))
    assert ask(kit, again, Prepare) == driver.sent(Prepare)
    (commit,) = driver.sent(Commit)
    assert again.sent(Commit) == [commit, commit], "at the start and in the answer"
    assert commit == kit.commit(1, 0, 1, chain[0].digest(kit.context))


def test_another_proposal_is_not_voted_for_after_a_restart(kit, drive) -> None:
    """A leader that equivocates while a replica restarts gains nothing."""
    driver, _ = voted(kit, drive)
    again = drive(kit, 1, kit.recovery(driver.records()))
    twin = kit.header(2, kit.chain(1)[0].digest(kit.context), body=b"twin")
    again.receive(kit.pre_prepare(twin, b"twin"))
    again.step(Validated(0, twin.digest(kit.context), None))
    assert [p.digest for p in again.sent(Prepare) if p.height == 2 and p.digest == twin.digest(kit.context)] == []


@pytest.mark.parametrize("torn", range(6))
def test_a_torn_tail_loses_only_what_was_never_sent(kit, drive, torn: int) -> None:
    """Whatever suffix of the log is lost, the rest makes a replica whose votes are those of before."""
    driver, _ = voted(kit, drive)
    records = driver.records()
    again = drive(kit, 1, kit.recovery(records[: len(records) - torn]))
    for header in kit.chain(2):
        again.receive(kit.pre_prepare(header))
        again.step(Validated(0, header.digest(kit.context), None))
    sent = {(p.view, p.height): p for p in driver.sent(Prepare)}
    assert all(sent[p.view, p.height] == p for p in again.sent(Prepare))
    assert len({p.height for p in again.sent(Prepare) + ask(kit, again, Prepare)}) == 2


def test_a_leader_sends_the_proposal_it_logged_and_no_other(kit, drive) -> None:
    """A restarted leader re-sends its PRE-PREPARE, does not build another, and goes on above it."""
    driver = drive(kit, 0)
    driver.step(PoolChanged(0, True))
    batch = Batch(b"body", kit.suite.hash(b"body"), 1, bytes(kit.suite.digest_size), CLOCK_MS)
    driver.step(Proposed(0, 1, batch))
    driver.step(Validated(0, driver.of(Validate)[-1].digest, None))
    again = drive(kit, 0, kit.recovery(driver.records()))
    assert ask(kit, again, PrePrepare) == driver.sent(PrePrepare)
    assert [b.height for b in again.of(BuildProposal, again.step(PoolChanged(0, True)))] == [2]


def test_the_view_moved_to_is_kept_without_its_new_view(kit, drive) -> None:
    """A replica restarts in the view it left for, inactive, with the same VIEW-CHANGE (concord-bft PR 805)."""
    driver, _ = voted(kit, drive)
    driver.receive(*(Complain(0, i, 0, Complaint.NO_PROGRESS, 0) for i in (2, 3)))
    again = drive(kit, 1, kit.recovery(driver.records()))
    snapshot = again.replica.snapshot()
    assert (snapshot.view, snapshot.active) == (1, False)
    assert ask(kit, again, ViewChange) == driver.sent(ViewChange)
    assert again.of(ReportEvidence) == []


def test_an_entered_view_is_entered_again(kit, drive) -> None:
    """With its NEW-VIEW in the log the replica is active in it, forced proposals accepted, and passes it on."""
    _, chain = voted(kit, drive)
    shown = kit.change(3, 1, prepared=[kit.prepared(chain[0])])
    message = kit.new_view(1, [kit.change(0, 1), kit.change(2, 1), shown], forced=[chain[0].digest(kit.context)])
    follower = drive(kit, 2)
    follower.receive(message)
    again = drive(kit, 2, kit.recovery(follower.records()))
    snapshot = again.replica.snapshot()
    assert (snapshot.view, snapshot.active, snapshot.in_flight) == (1, True, 1)
    effects = again.receive(Status(0, 3, 0, True, 0, (), False))
    assert again.sent(NewView, effects) == [message]


def test_decisions_are_executed_again_and_seals_signed_again(kit, drive) -> None:
    """The ordered log is the truth: what was not executed is handed over, what was is sealed with the same bytes."""
    one, two = kit.chain(2)
    decided = (DecidedBlock(one, b"body", kit.digest("block 1")), DecidedBlock(two, b"body", None))
    driver = drive(kit, 1, kit.recovery(decided=decided))
    assert driver.sent(Seal) == [kit.seal(1, 1, kit.digest("block 1"))]
    assert [(e.header, e.body) for e in driver.of(Execute)] == [(two, b"body")]
    driver.step(Executed(2, kit.digest("block 2")))
    assert driver.sent(Seal)[1:] == [kit.seal(1, 2, kit.digest("block 2"))]


def test_a_certificate_only_the_log_kept_is_handed_to_the_shell_again(kit, drive) -> None:
    """The shell's store may lag: the stable height is the log's, and CommitBlock is repeated."""
    block = kit.block(1)
    certificate = kit.certificate(1, block.block_hash)
    record = Record(RecordKind.SEALED, certificate.encode())
    driver = drive(kit, 1, kit.recovery([record], sealed=(block,)))
    assert (driver.replica.snapshot().stable_height, driver.of(CommitBlock)) == (1, [CommitBlock(certificate)])


def test_blocks_above_the_certificate_are_executed_and_not_stable(kit, drive) -> None:
    """A crash while catching up leaves blocks that a certificate further up proved: they count as executed."""
    blocks = tuple(kit.block(height) for height in range(1, 9))
    recovery = kit.recovery(sealed=blocks, certificate=kit.certificate(2, blocks[1].block_hash))
    snapshot = drive(kit, 1, recovery).replica.snapshot()
    assert (snapshot.stable_height, snapshot.executed_height) == (2, 8)


def test_a_checkpoint_makes_the_same_replica(kit, drive) -> None:
    """The records of a checkpoint stand for the whole log: same position, same votes, same checkpoint."""
    driver, _ = voted(kit, drive)
    records = driver.replica.checkpoint()
    again = drive(kit, 1, kit.recovery(records))
    assert again.replica.checkpoint() == records
    assert ask(kit, again, Prepare) == driver.sent(Prepare)
    assert set(again.sent(Commit)) == set(driver.sent(Commit))
    assert len(records) < len(driver.records()) + 1


def test_a_checkpoint_forgets_what_is_sealed(kit, drive) -> None:
    """Records of heights at or below the stable one go; the log does not grow with the chain."""
    driver, chain = voted(kit, drive, 1)
    digest, block = chain[0].digest(kit.context), kit.digest("block 1")
    driver.receive(*(kit.commit(i, 0, 1, digest) for i in (2, 3)))
    driver.step(Executed(1, block))
    driver.receive(*(kit.seal(i, 1, block) for i in (2, 3)))
    assert [r.kind for r in driver.replica.checkpoint()] == [RecordKind.SEALED]


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (RecordKind.BODY, b"\xc1"),
        (RecordKind.BODY, encode([[], b""])),
        (RecordKind.PREPARED, encode([0])),
        (RecordKind.NEW_VIEW, encode([99, 0, 0])),
        (RecordKind.MOVED, encode([0, 1, b"not a message"])),
        (RecordKind.SEALED, encode([0, 1])),
    ],
)
def test_a_record_this_code_never_wrote_stops_the_start(kit, kind: RecordKind, payload: bytes) -> None:
    """Corruption anywhere but at the torn tail: refuse to vote (R4)."""
    with pytest.raises(CorruptLog):
        kit.replica(1, kit.recovery([Record(kind, payload)]))


def test_a_move_of_another_epoch_is_left_alone(kit, drive) -> None:
    """Views belong to their epoch: what another one's log says moves nothing."""
    data = encode_message(replace(kit.change(1, 5), epoch=3))
    driver = drive(kit, 1, kit.recovery([Record(RecordKind.MOVED, encode([3, 5, data]))]))
    assert driver.replica.snapshot().view == 0
