"""Proposals, bodies and votes from validators that lie: P1-P6, K1, K3."""

from dataclasses import replace

import pytest

from consensus.codec import encode
from consensus.fields import Reason
from consensus.interface import (
    Batch,
    BuildProposal,
    Execute,
    Persist,
    PoolChanged,
    Proposed,
    RecordKind,
    Refused,
    ReportEvidence,
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
    SealCertificate,
    ViewChange,
    encode_message,
)

CLOCK_MS = 1_000_000
JUNK = b"junk"  # as long as the honest body
NOT_THE_BODY = "not the body that the header commits to"


def junk_beside(kit, header):
    """Return the leader's own signed proposal with other bytes of the same length beside it."""
    return replace(kit.pre_prepare(header), payload=JUNK)


def decide(kit, driver, header) -> None:
    """Let a quorum of others prepare and commit a proposal."""
    digest = header.digest(kit.context)
    driver.receive(*(kit.prepare(i, 0, header.height, digest) for i in (0, 2, 3)))
    driver.receive(*(kit.commit(i, 0, header.height, digest) for i in (0, 2, 3)))


# ------------------------------------------------------------------------------- P2: the body is the one of the header


@pytest.mark.parametrize("peer", [0, 3], ids=["from the leader", "passed on by another"])
def test_p2_other_bytes_beside_a_signed_header_are_refused(kit, drive, peer: int) -> None:
    """The link they came by is blamed, nobody is complained about, and the honest proposal is taken afterwards."""
    driver, header = drive(kit), kit.header(1)
    fresh = driver.receive(junk_beside(kit, header), peer=peer)
    assert driver.of(Refused, fresh) == [Refused(peer, Reason.BAD_BODY, NOT_THE_BODY)]
    assert driver.of(Validate, fresh) == []
    fresh = driver.receive(kit.pre_prepare(header))
    assert driver.of(Validate, fresh) == [Validate(0, header.digest(kit.context), header, b"body", ())]
    assert driver.sent(Complain) == []


@pytest.mark.parametrize("peer", [0, 3], ids=["from the leader", "passed on by another"])
def test_p3_p6_only_the_body_of_the_header_is_logged_and_executed(kit, drive, peer: int) -> None:
    """Whatever came beside the header first: the log and the execution get the bytes that it commits to."""
    driver, header = drive(kit), kit.header(1)
    digest = header.digest(kit.context)
    driver.receive(junk_beside(kit, header), peer=peer)
    driver.receive(kit.pre_prepare(header))
    driver.step(Validated(0, digest, None))
    decide(kit, driver, header)
    bodies = [record.payload for record in driver.records() if record.kind is RecordKind.BODY]
    assert bodies == [encode([header.value(), b"body"])]
    assert [(e.header, e.digest, e.body) for e in driver.of(Execute)] == [(header, digest, b"body")]


def test_p3_a_prepared_proposal_waits_for_its_true_body(kit, drive) -> None:
    """With nothing but other bytes seen, a P-certificate neither prepares nor decides until the body is fetched."""
    driver, header = drive(kit), kit.header(1)
    digest = header.digest(kit.context)
    driver.receive(junk_beside(kit, header), peer=3)
    decide(kit, driver, header)
    assert driver.of(Persist) == []
    assert driver.of(Execute) == []
    assert driver.sent(FetchBody) == [FetchBody(0, 1, 1, digest)]
    fresh = driver.receive(Body(0, 0, header, JUNK))
    assert driver.of(Refused, fresh) == [Refused(0, Reason.BAD_BODY, "not the body of height 1")]
    driver.receive(Body(0, 0, header, b"body"))
    assert [(e.digest, e.body) for e in driver.of(Execute)] == [(digest, b"body")]
    assert driver.sent(Prepare) == [kit.prepare(1, 0, 1, digest)]
    assert driver.sent(Commit) == [kit.commit(1, 0, 1, digest)]


def test_p3_refused_bytes_are_handed_to_nobody(kit, drive) -> None:
    """FETCH_BODY for a proposal seen only beside other bytes is not answered."""
    driver, header = drive(kit), kit.header(1)
    driver.receive(junk_beside(kit, header), peer=3)
    driver.receive(FetchBody(0, 2, 1, header.digest(kit.context)))
    assert driver.sent(Body) == []


def test_p3_a_missing_body_is_asked_for_in_the_step_that_finds_it_missing(kit, drive) -> None:
    """The fetch does not wait for the next deadline of something else."""
    driver, header = drive(kit, 3), kit.header(1)
    driver.tick(1_000)
    driver.now_ms = 1_001
    prepared = kit.prepared(header)
    changes = [kit.change(i, 1, prepared=[prepared]) for i in range(3)]
    fresh = driver.receive(kit.new_view(1, changes, forced=[header.digest(kit.context)]))
    assert driver.sent(FetchBody, fresh) == [FetchBody(0, 3, 1, header.digest(kit.context))]


# ----------------------------------------------------------------------- P1: a leader that refuses its own batch


def refuse_own(kit, driver, height: int = 1) -> bytes:
    """Let the leader build a proposal that its own validation refuses; return its digest."""
    batch = Batch(b"body", kit.suite.hash(b"body"), 1, bytes(kit.suite.digest_size), CLOCK_MS)
    (validate,) = driver.of(Validate, driver.step(Proposed(0, height, batch)))
    driver.step(Validated(0, validate.digest, "a transaction twice"))
    return validate.digest


def test_p1_a_refused_own_proposal_is_not_built_again_at_once(kit, drive) -> None:
    """The next batch is asked for when the pool has changed, once per change."""
    driver = drive(kit, 0)
    driver.step(PoolChanged(0, True))
    for built in (1, 2, 3):
        assert driver.of(BuildProposal) == [BuildProposal(0, 1, ())] * built
        refuse_own(kit, driver)
        driver.tick(driver.now_ms + 10)
        assert driver.of(BuildProposal) == [BuildProposal(0, 1, ())] * built
        driver.step(PoolChanged(driver.now_ms, True))


def test_p1_a_refused_own_proposal_is_not_kept(kit, drive) -> None:
    """Its body can be had from nobody afterwards: refusing again and again costs no memory."""
    driver = drive(kit, 0)
    driver.step(PoolChanged(0, True))
    driver.receive(FetchBody(0, 2, 1, refuse_own(kit, driver)))
    assert driver.sent(Body) == []


# --------------------------------------------------------------------------- K1, K3: double statements in certificates


def evidence(rule: str, offender: int, *messages) -> ReportEvidence:
    """Return the report of two contradicting messages."""
    return ReportEvidence(rule, offender, *sorted(encode_message(m) for m in messages))


def double_prepare(kit):
    """Return validator 3's PREPARE for one proposal, a P-certificate of another with its vote, and that vote."""
    one, two = kit.header(1), kit.header(1, body=b"other")
    vote = kit.prepare(3, 0, 1, one.digest(kit.context))
    return vote, kit.prepared(two, signers=(0, 2, 3)), kit.prepare(3, 0, 1, two.digest(kit.context))


def test_k1_a_double_prepare_seen_in_a_relayed_certificate_is_evidence(kit, drive) -> None:
    """A voter that told each replica one thing is exposed by the P-certificate of the others."""
    driver, (vote, certificate, other) = drive(kit), double_prepare(kit)
    driver.receive(vote)
    driver.receive(PrepareCertificate(0, 2, certificate))
    assert driver.of(ReportEvidence) == [evidence("K1", 3, vote, other)]


def test_k1_a_double_prepare_seen_in_a_view_change_is_evidence(kit, drive) -> None:
    """The P-certificates that a VIEW-CHANGE carries expose it as well."""
    driver, (vote, certificate, other) = drive(kit), double_prepare(kit)
    driver.receive(vote)
    driver.receive(kit.change(2, 1, prepared=[certificate]))
    assert driver.of(ReportEvidence) == [evidence("K1", 3, vote, other)]


def test_k1_equal_votes_in_certificates_are_no_evidence(kit, drive) -> None:
    """A certificate of what was voted for here accuses nobody."""
    driver, header = drive(kit), kit.header(1)
    driver.receive(kit.prepare(3, 0, 1, header.digest(kit.context)))
    certificate = kit.prepared(header, signers=(0, 2, 3))
    driver.receive(PrepareCertificate(0, 2, certificate), kit.change(2, 1, prepared=[certificate]))
    assert driver.of(ReportEvidence) == []


@pytest.mark.parametrize("carrier", [SealCertificate, ViewChange])
def test_k3_a_double_seal_seen_in_a_certificate_is_evidence(kit, drive, carrier: type) -> None:
    """A SEAL for one block here and a certificate with the same validator's seal for another."""
    driver = drive(kit)
    first, second = kit.digest("one result"), kit.digest("another result")
    driver.receive(kit.seal(3, 1, first))
    certificate = kit.certificate(1, second, signers=(0, 2, 3))
    carried = {
        SealCertificate: SealCertificate(0, 2, certificate),
        ViewChange: kit.change(2, 1, stable=certificate),
    }
    driver.receive(carried[carrier])
    assert driver.of(ReportEvidence) == [evidence("K3", 3, kit.seal(3, 1, first), kit.seal(3, 1, second))]


def test_k5_one_offender_does_not_hide_another(make_kit, drive) -> None:
    """Hundreds of offences of one validator are one report, and the next offender is reported all the same."""
    kit = make_kit(7)
    driver = drive(kit)
    prepared = kit.prepared(kit.header(1), signers=range(5))
    for view in range(1, 300):
        driver.receive(kit.change(6, view), kit.change(6, view, prepared=[prepared]))
    k5 = evidence("K5", 6, kit.change(6, 1), kit.change(6, 1, prepared=[prepared]))
    votes = [kit.prepare(5, 0, 1, kit.digest(text)) for text in ("one", "two")]
    driver.receive(*votes)
    assert driver.of(ReportEvidence) == [k5, evidence("K1", 5, *votes)]
