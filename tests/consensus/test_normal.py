"""The normal case on one replica, its peers played by the test: P1-P9, K1-K3, section 10."""

from dataclasses import replace

import pytest

from consensus.interface import (
    CommitBlock,
    Execute,
    Executed,
    FetchBlocks,
    Halt,
    Persist,
    RecordKind,
    Refused,
    ReportEvidence,
    SealedBlock,
    Send,
    Synced,
    Tick,
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
    Status,
)

CLOCK_MS = 1_000_000


def propose(kit, driver, headers) -> None:
    """Let the leader's proposals come and be found valid."""
    for header in headers:
        driver.receive(kit.pre_prepare(header))
        driver.step(Validated(0, header.digest(kit.context), None))


def prepare(kit, driver, header, senders=(2, 3), view: int = 0) -> list:
    """Let PREPAREs of others come."""
    digest = header.digest(kit.context)
    return driver.receive(*(kit.prepare(i, view, header.height, digest) for i in senders))


def commit(kit, driver, header, senders=(2, 3), view: int = 0) -> list:
    """Let COMMITs of others come."""
    digest = header.digest(kit.context)
    return driver.receive(*(kit.commit(i, view, header.height, digest) for i in senders))


def decide(kit, driver, header) -> None:
    """Bring a proposal to its decision."""
    propose(kit, driver, [header])
    prepare(kit, driver, header)
    commit(kit, driver, header)


# ------------------------------------------------------------------------------------------------------------- P2 - P9


def test_p2_p3_a_valid_proposal_is_voted_for_with_body_and_vote_durable(kit, drive) -> None:
    """PREPARE follows a synced body and a synced vote, and only after the shell found the body valid."""
    driver, header = drive(kit), kit.header(1)
    asked = driver.of(Validate, driver.receive(kit.pre_prepare(header)))
    digest = header.digest(kit.context)
    assert asked == [Validate(0, digest, header, b"body", ())]
    assert driver.sent(Prepare) == []
    effects = driver.step(Validated(0, digest, None))
    kinds = [(r.kind, e.sync) for e in driver.of(Persist, effects) for r in e.records]
    assert kinds == [(RecordKind.BODY, True), (RecordKind.VOTE, True)]
    assert driver.sent(Prepare, effects) == [kit.prepare(1, 0, 1, digest)]
    assert max(i for i, e in enumerate(effects) if isinstance(e, Persist)) < min(
        i for i, e in enumerate(effects) if not isinstance(e, Persist)
    )


def test_p2_a_refused_proposal_is_complained_about_and_not_voted_for(kit, drive) -> None:
    """The shell's refusal leads to COMPLAIN; the replica keeps its view."""
    driver, header = drive(kit), kit.header(1)
    driver.receive(kit.pre_prepare(header))
    driver.step(Validated(0, header.digest(kit.context), "a transaction twice"))
    assert [c.complaint.name for c in driver.sent(Complain)] == ["BAD_PROPOSAL"]
    assert (driver.sent(Prepare), driver.replica.snapshot().view) == ([], 0)


def test_p2_a_proposal_waits_for_its_parent(kit, drive) -> None:
    """Height 2 that comes first is validated once height 1 is accepted, on top of it."""
    driver = drive(kit)
    one, two = kit.chain(2)
    assert driver.of(Validate, driver.receive(kit.pre_prepare(two))) == []
    propose(kit, driver, [one])
    asked = driver.of(Validate)
    assert [(v.digest, v.ancestors) for v in asked] == [
        (one.digest(kit.context), ()),
        (two.digest(kit.context), ((one.digest(kit.context), b"body"),)),
    ]


@pytest.mark.parametrize("field", ["chain_id", "epoch", "pview", "proposer", "body_bytes"])
def test_p2_a_header_of_elsewhere_is_refused(kit, drive, field: str) -> None:
    """Chain, epoch, view, proposer and length are checked before anything is kept."""
    driver, header = drive(kit), kit.header(1)
    other = kit.digest("elsewhere") if field == "chain_id" else 7
    refused = driver.of(Refused, driver.receive(kit.pre_prepare(replace(header, **{field: other}), view=0)))
    assert [r.peer for r in refused] == [0]
    assert driver.replica.snapshot().in_flight == 0


def test_p2_a_proposal_on_another_anchor_is_complained_about(kit, drive) -> None:
    """The anchor ties ordering to executed state: a leader whose state differs is found before more is ordered."""
    driver = drive(kit)
    driver.receive(kit.pre_prepare(replace(kit.header(1), anchor_hash=kit.digest("other state"))))
    assert [c.complaint.name for c in driver.sent(Complain)] == ["BAD_PROPOSAL"]


def test_p4_p5_a_quorum_of_prepares_is_durable_before_commit(kit, drive) -> None:
    """Two PREPAREs besides the own one make a P-certificate, synced before COMMIT leaves."""
    driver, header = drive(kit), kit.header(1)
    propose(kit, driver, [header])
    assert driver.sent(Commit, prepare(kit, driver, header, [2])) == []
    effects = prepare(kit, driver, header, [3])
    assert [(r.kind, e.sync) for e in driver.of(Persist, effects) for r in e.records] == [(RecordKind.PREPARED, True)]
    assert driver.sent(Commit, effects) == [kit.commit(1, 0, 1, header.digest(kit.context))]


def test_p4_one_sender_counts_once(kit, drive) -> None:
    """The same PREPARE three times is one vote."""
    driver, header = drive(kit), kit.header(1)
    propose(kit, driver, [header])
    prepare(kit, driver, header, [2, 2, 2])
    assert driver.sent(Commit) == []


def test_p5_commits_go_in_height_order(kit, drive) -> None:
    """A P-certificate at height 2 waits for the one at height 1 (M9 forks)."""
    driver = drive(kit)
    one, two = kit.chain(2)
    propose(kit, driver, [one, two])
    assert driver.sent(Commit, prepare(kit, driver, two)) == []
    assert [c.height for c in driver.sent(Commit, prepare(kit, driver, one))] == [1, 2]


def test_p6_a_decision_needs_certificate_and_quorum_of_commits(kit, drive) -> None:
    """Two COMMITs besides the own one decide; Execute carries the header, body and who committed."""
    driver, header = drive(kit), kit.header(1)
    propose(kit, driver, [header])
    prepare(kit, driver, header)
    assert driver.of(Execute, commit(kit, driver, header, [2])) == []
    (decision,) = driver.of(Execute, commit(kit, driver, header, [3]))
    assert (decision.header, decision.digest, decision.body) == (header, header.digest(kit.context), b"body")


def test_p6_commits_without_a_certificate_decide_nothing(kit, drive) -> None:
    """COMMITs alone are not believed: the P-certificate is part of the decision."""
    driver, header = drive(kit), kit.header(1)
    propose(kit, driver, [header])
    commit(kit, driver, header, [0, 2, 3])
    assert driver.of(Execute) == []


def test_p7_p8_execution_is_sealed_and_a_quorum_of_seals_makes_it_stable(kit, drive) -> None:
    """SEAL leaves after Executed; two more make the certificate, and slots below go."""
    driver, header = drive(kit), kit.header(1)
    decide(kit, driver, header)
    assert driver.sent(Seal) == []
    block = kit.digest("block 1")
    driver.step(Executed(1, block))
    assert driver.sent(Seal) == [kit.seal(1, 1, block)]
    effects = driver.receive(kit.seal(2, 1, block), kit.seal(3, 1, block))
    assert driver.of(CommitBlock, effects) == [CommitBlock(kit.certificate(1, block, (1, 2, 3)))]
    snapshot = driver.replica.snapshot()
    assert (snapshot.stable_height, snapshot.executed_height, snapshot.in_flight) == (1, 1, 0)


def test_p8_seals_of_different_blocks_are_not_added_up(kit, drive) -> None:
    """Quorums are keyed by value (M17)."""
    driver, header = drive(kit), kit.header(1)
    decide(kit, driver, header)
    driver.step(Executed(1, kit.digest("block 1")))
    driver.receive(kit.seal(2, 1, kit.digest("block 1")), kit.seal(3, 1, kit.digest("other")))
    assert driver.of(CommitBlock) == []


def test_p9_a_replica_with_another_result_stops_voting_and_keeps_serving(kit, drive) -> None:
    """Seals of f + 1 against the own one: Halt once, no vote ever after, STATUS still answered."""
    driver = drive(kit)
    one, two = kit.chain(2)
    decide(kit, driver, one)
    driver.step(Executed(1, kit.digest("mine")))
    driver.receive(kit.seal(2, 1, kit.digest("theirs")), kit.seal(3, 1, kit.digest("theirs")))
    assert len(driver.of(Halt)) == 1
    before = len(driver.sent(Prepare))
    propose(kit, driver, [two])
    assert len(driver.sent(Prepare)) == before
    assert driver.receive(FetchBody(0, 2, 1, one.digest(kit.context)))


def test_the_window_bounds_votes(kit, drive) -> None:
    """With W = 3 and nothing sealed, height 4 is kept but not voted for."""
    driver = drive(kit)
    propose(kit, driver, kit.chain(4))
    assert [p.height for p in driver.sent(Prepare)] == [1, 2, 3]


# ---------------------------------------------------------------------------------------------------------- evidence


def test_k1_k2_k3_double_statements_are_evidence(kit, drive) -> None:
    """Two PREPAREs, two proposals, two seals: reported once each, the smaller encoding first."""
    driver = drive(kit)
    one, other = kit.header(1), kit.header(1, body=b"twin")
    digests = [h.digest(kit.context) for h in (one, other)]
    driver.receive(kit.pre_prepare(one), kit.pre_prepare(other, b"twin"), kit.pre_prepare(other, b"twin"))
    driver.receive(*(kit.prepare(2, 0, 1, d) for d in digests), kit.prepare(2, 0, 1, digests[1]))
    driver.receive(*(kit.seal(3, 1, kit.digest(text)) for text in "ab"))
    evidence = driver.of(ReportEvidence)
    assert [(e.rule, e.offender) for e in evidence] == [("K2", 0), ("K1", 2), ("K3", 3)]
    assert all(e.first < e.second for e in evidence)


def test_votes_in_two_views_are_no_offence(kit, drive) -> None:
    """A replica may vote differently in another view: that is what view changes are for."""
    driver = drive(kit)
    changes = [kit.change(i, 1) for i in (0, 2, 3)]
    driver.receive(kit.prepare(2, 0, 1, kit.digest("one")), *changes)
    driver.receive(kit.prepare(2, 1, 1, kit.digest("two")))
    assert driver.of(ReportEvidence) == []


# ------------------------------------------------------------------------------------- bodies, STATUS and catching up


def test_a_certificate_without_the_body_fetches_it_from_its_signers(kit, drive) -> None:
    """The holders are asked one after the other; the answer is checked against the digest."""
    driver, header = drive(kit), kit.header(1)
    prepare(kit, driver, header, [0, 2, 3])
    for driver.now_ms in (300, 600):
        driver.step(Tick(CLOCK_MS + driver.now_ms))
    assert [e.peer for e in driver.of(Send) if driver.sent(FetchBody, [e])] == [0, 2, 3]
    wrong = driver.receive(Body(0, 2, header, b"ydob"))
    assert len(driver.of(Refused, wrong)) == 1
    effects = driver.receive(Body(0, 3, header, b"body"))
    assert driver.sent(Commit, effects) == [kit.commit(1, 0, 1, header.digest(kit.context))]


def test_status_is_answered_with_what_the_peer_lacks(kit, drive) -> None:
    """A holder re-sends P-certificates, its own votes and, once work is stuck, proposals; a lagging peer gets more."""
    driver = drive(kit)
    one, two = kit.chain(2)
    decide(kit, driver, one)
    propose(kit, driver, [two])
    prepare(kit, driver, two)
    nothing = Status(0, 2, 0, True, 0, (), False)
    kinds = (PrePrepare, Prepare, PrepareCertificate, Commit, SealCertificate)

    def answer(now_ms: int) -> list[int]:
        driver.now_ms = now_ms
        effects = driver.receive(nothing)
        return [len(driver.sent(kind, effects)) for kind in kinds]

    assert answer(0) == [0, 2, 2, 2, 0]
    assert answer(300) == [2, 2, 2, 2, 0]
    block = kit.digest("block 1")
    driver.step(Executed(1, block))
    driver.receive(kit.seal(2, 1, block), kit.seal(3, 1, block))
    assert answer(600) == [1, 1, 1, 1, 1]
    assert answer(601) == [0, 0, 0, 0, 0], "one answer per interval and peer"


def test_blocks_that_others_sealed_are_fetched_and_taken(kit, drive) -> None:
    """A certificate far ahead is a target at once; Synced blocks make it stable."""
    driver = drive(kit)
    certificate = kit.certificate(5, kit.block(5).block_hash)
    effects = driver.receive(SealCertificate(0, 2, certificate))
    assert driver.of(FetchBlocks, effects) == [FetchBlocks(1, certificate)]
    for height in range(1, 6):
        effects = driver.step(Synced(kit.block(height), certificate))
    assert driver.of(CommitBlock, effects) == [CommitBlock(certificate)]
    assert driver.replica.snapshot().stable_height == 5


def test_a_certified_height_close_by_is_given_time_to_be_decided_here(kit, drive) -> None:
    """Inside the window blocks are fetched only T / 8 after the certificate became known."""
    driver = drive(kit)
    certificate = kit.certificate(1, kit.block(1).block_hash)
    assert driver.of(FetchBlocks, driver.receive(SealCertificate(0, 2, certificate))) == []
    driver.now_ms = kit.settings.timeout_ms // 8
    assert driver.of(FetchBlocks, driver.step(Tick(CLOCK_MS))) == [FetchBlocks(1, certificate)]


def test_a_forged_certificate_is_no_target(kit, drive) -> None:
    """Targets come from verified certificates only (ASA-2025-001)."""
    driver = drive(kit)
    effects = driver.receive(SealCertificate(0, 2, kit.certificate(9, kit.digest("far"), (0, 1))))
    assert (len(driver.of(Refused, effects)), driver.replica.snapshot().target_height) == (1, None)


def test_synced_against_an_own_result_halts(kit, drive) -> None:
    """A certified block that differs from what was executed here means this state is wrong."""
    driver, header = drive(kit), kit.header(1)
    decide(kit, driver, header)
    driver.step(Executed(1, kit.digest("mine")))
    theirs = SealedBlock(1, kit.digest("theirs"), header.digest(kit.context), header.timestamp_ms, 0)
    driver.step(Synced(theirs, kit.certificate(1, theirs.block_hash)))
    assert len(driver.of(Halt)) == 1


# ------------------------------------------------------------------------------------------------- refused input


def test_a_refused_message_changes_nothing(kit, drive) -> None:
    """Wrong link, stranger, other epoch, bad signatures and malformed bytes leave the state as it was."""
    driver, header = drive(kit), kit.header(1)
    propose(kit, driver, [header])
    digest = header.digest(kit.context)
    state = driver.replica._state
    before = (repr(state.slots), repr(state.seals), repr(state.changes), repr(state.complaints), repr(state.later))
    vote = kit.prepare(2, 0, 1, digest)
    refused = [
        driver.receive(vote, peer=3),
        driver.receive(replace(vote, sender=1), peer=1),
        driver.receive(replace(vote, sender=9), peer=9),
        driver.receive(replace(vote, epoch=1)),
        driver.receive(replace(vote, signature=bytes(24))),
        driver.receive(replace(kit.seal(2, 1, digest), height=2)),
        driver.receive(kit.signed(replace(kit.change(2, 1), new_view=0))),
        driver.receive(kit.signed(replace(kit.new_view(1, ()), sender=2))),
        driver.receive(replace(kit.pre_prepare(header), sender=2)),
        driver.receive(SealCertificate(0, 2, kit.certificate(1, digest, (0, 1)))),
    ]
    assert [len(driver.of(Refused, effects)) for effects in refused] == [1] * len(refused)
    after = (repr(state.slots), repr(state.seals), repr(state.changes), repr(state.complaints), repr(state.later))
    assert after == before


def test_late_and_distant_votes_are_dropped_without_blame(kit, drive) -> None:
    """A correct peer may be behind or ahead: votes outside of the watermarks are no offence."""
    driver = drive(kit)
    far = 2 * kit.settings.window + 1
    effects = driver.receive(kit.prepare(2, 0, far, kit.digest("p")), kit.commit(2, 0, far, kit.digest("p")))
    effects += driver.receive(kit.seal(2, far, kit.digest("b")))
    assert (driver.of(Refused, effects), driver.replica._state.slots, driver.replica._state.seals) == ([], {}, {})
