"""The only builder of votes: what it refuses, and that it repeats itself byte for byte."""

import pytest

from consensus.codec import decode
from consensus.messages import Type
from consensus.safety import Safety, SafetyViolation


@pytest.fixture
def safety(kit) -> Safety:
    """Return the vote builder of validator 0."""
    return Safety(kit.context, kit.signers[0], 0, 0)


def test_the_same_vote_is_the_same_bytes(kit, safety) -> None:
    """A vote asked for twice is signed once."""
    digest = kit.digest("proposal")
    assert safety.prepare(0, 1, digest) == safety.prepare(0, 1, digest)
    assert safety.prepare(0, 1, digest)[0] == kit.prepare(0, 0, 1, digest)


def test_a_second_statement_is_never_signed(kit, safety) -> None:
    """One (epoch, view, height, type), one digest: for PRE-PREPARE, PREPARE, COMMIT and SEAL."""
    one, two = kit.header(1), kit.header(1, body=b"other")
    digests = [h.digest(kit.context) for h in (one, two)]
    safety.pre_prepare(0, one, digests[0], b"body")
    safety.prepare(0, 1, digests[0])
    safety.commit(0, 1, kit.prepared(one), digests[0])
    safety.seal(1, kit.digest("block"))
    for again in (
        lambda: safety.pre_prepare(0, two, digests[1], b"other"),
        lambda: safety.prepare(0, 1, digests[1]),
        lambda: safety.commit(0, 1, kit.prepared(two), digests[1]),
        lambda: safety.seal(1, kit.digest("another block")),
    ):
        with pytest.raises(SafetyViolation, match="a second"):
            again()


def test_no_vote_for_a_view_already_left(kit, safety) -> None:
    """After a VIEW-CHANGE nothing is signed for an earlier view (C3, M11 forks), nor for one not entered."""
    digest = kit.header(1).digest(kit.context)
    safety.view_change(kit.change(0, 2))
    for view in (0, 1, 3):
        with pytest.raises(SafetyViolation, match="moved to 2"):
            safety.prepare(view, 1, digest)
        with pytest.raises(SafetyViolation, match="moved to 2"):
            safety.commit(view, 1, kit.prepared(kit.header(1), view=view), digest)


def test_views_only_grow(kit, safety) -> None:
    """A second VIEW-CHANGE to the same or a lower view, or entering a lower one, is refused."""
    safety.view_change(kit.change(0, 2))
    for new_view in (1, 2):
        with pytest.raises(SafetyViolation):
            safety.view_change(kit.change(0, new_view))
    with pytest.raises(SafetyViolation):
        safety.entered(1)
    with pytest.raises(SafetyViolation):
        safety.new_view(kit.new_view(1, ()))


def test_commit_needs_its_own_certificate(kit, safety) -> None:
    """A P-certificate of another view or height does not do (P5)."""
    one, two = kit.chain(2)
    for certificate in (kit.prepared(one, view=1), kit.prepared(two)):
        with pytest.raises(SafetyViolation, match="P-certificate"):
            safety.commit(0, 1, certificate, one.digest(kit.context))


def test_nothing_at_or_below_the_stable_height(kit, safety) -> None:
    """Sealed heights are forgotten behind a floor that refuses them."""
    digest = kit.digest("proposal")
    safety.prepare(0, 1, digest)
    safety.prepare(0, 2, digest)
    safety.sealed(kit.certificate(1, kit.digest("block 1")))
    assert (safety.voted(Type.PREPARE, 0, 1), safety.voted(Type.PREPARE, 0, 2)) == (
        None,
        (digest, kit.prepare(0, 0, 2, digest).signature),
    )
    with pytest.raises(SafetyViolation, match="stable at 1"):
        safety.prepare(0, 1, digest)


def test_votes_come_back_from_their_records(kit, safety) -> None:
    """A log of PRE-PREPARE and PREPARE records makes the same votes again, and refuses others."""
    header = kit.header(1)
    digest = header.digest(kit.context)
    made = [safety.pre_prepare(0, header, digest, b"body")[0], safety.prepare(0, 1, digest)[0]]
    again = Safety(kit.context, kit.signers[0], 0, 0)
    for record in safety.votes():
        again.restore_vote(decode(record.payload))
    assert [again.pre_prepare(0, header, digest, b"body")[0], again.prepare(0, 1, digest)[0]] == made
    with pytest.raises(SafetyViolation, match="a second PREPARE"):
        again.prepare(0, 1, kit.digest("other"))


def test_a_log_with_two_votes_is_a_fault(kit, safety) -> None:
    """A log that contradicts itself was not written by this code: no vote comes out of it."""
    _, record = Safety(kit.context, kit.signers[0], 0, 0).prepare(0, 1, kit.digest("one"))
    safety.prepare(0, 1, kit.digest("two"))
    with pytest.raises(SafetyViolation, match="the log holds two PREPARE votes"):
        safety.restore_vote(decode(record.payload))
