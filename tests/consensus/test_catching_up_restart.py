"""Crashes in the middle of catching up: the shell's certificate lags, the log's does not (R4, R5, P7, P8)."""

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
    Refused,
    Synced,
    Validate,
    Validated,
)
from consensus.messages import (
    Commit,
    Complain,
    Complaint,
    PrePrepare,
    Seal,
    SealCertificate,
    Status,
    ViewChange,
)

CLOCK_MS = 1_000_000
FAR = 140  # more heights above the stable one than a STATUS may list
WINDOW = 3  # of the kit


class Chain:
    """Headers and sealed blocks of heights 1.., and the certificate of any of them."""

    def __init__(self, kit, heights: int) -> None:
        self.kit = kit
        self.headers = kit.chain(heights)
        self.blocks = kit.sealed_blocks(self.headers)

    def certificate(self, height: int):
        """Return the SealCert of a height."""
        return self.kit.certificate(height, self.blocks[height - 1].block_hash)

    def digest(self, height: int) -> bytes:
        """Return the proposal digest of a height."""
        return self.blocks[height - 1].proposal_digest

    def recovery(self, records=(), *, executed: int, certified: int, **changes):
        """Return a disk with blocks up to ``executed`` and the certificate of ``certified``."""
        sealed, certificate = self.blocks[:executed], self.certificate(certified)
        return self.kit.recovery(records, sealed=sealed, certificate=certificate, **changes)


# ----------------------------------------------------------------------------------- R5: what a replica says at a start


def test_r5_status_and_seals_stay_within_the_watermarks(kit, drive) -> None:
    """However far the executed blocks reach: STATUS lists and SEALs cover two windows above the stable height."""
    chain = Chain(kit, FAR + 5)
    driver = drive(kit, 3, chain.recovery(executed=FAR + 5, certified=5))
    heights = [6, 7, 8, 9, 10, 11]
    (status,) = driver.sent(Status)
    assert (status.sealed_height, [held.height for held in status.held]) == (5, heights)
    assert driver.sent(Seal) == [kit.seal(3, h, chain.blocks[h - 1].block_hash) for h in heights]


def test_r5_seals_move_along_with_the_stable_height(kit, drive) -> None:
    """Each certificate that is adopted lets the next executed heights be sealed, each once."""
    chain = Chain(kit, 30)
    driver = drive(kit, 3, chain.recovery(executed=30, certified=5))
    fresh = driver.receive(SealCertificate(0, 0, chain.certificate(8)))
    assert driver.sent(Seal, fresh) == [kit.seal(3, h, chain.blocks[h - 1].block_hash) for h in (12, 13, 14)]
    fresh = driver.receive(SealCertificate(0, 0, chain.certificate(29)))
    assert driver.sent(Seal, fresh) == [kit.seal(3, 30, chain.blocks[29].block_hash)]


def test_r5_a_restart_far_above_its_certificate_is_helped_by_any_peer(kit, drive, exchange) -> None:
    """The first STATUS is understood and answered: the replica learns the target and asks for the rest."""
    chain = Chain(kit, 2 * FAR)
    lagging = drive(kit, 3, chain.recovery(executed=FAR + 5, certified=5))
    peer = drive(kit, 0, chain.recovery(executed=2 * FAR, certified=2 * FAR))
    exchange({0: peer, 3: lagging})
    snapshot = lagging.replica.snapshot()
    assert (peer.of(Refused), lagging.of(Refused)) == ([], [])
    assert (snapshot.stable_height, snapshot.executed_height, snapshot.target_height) == (5, FAR + 5, 2 * FAR)
    lagging.sync(*chain.blocks[FAR + 5 :])
    assert lagging.replica.snapshot().stable_height == 2 * FAR


# -------------------------------------------------------------------------------- P7: seals for what others decided too


def test_p7_blocks_taken_from_others_are_sealed_at_a_restart(kit, drive) -> None:
    """Who decided them does not matter: their certificates may be lost and the seals of all be needed."""
    chain = Chain(kit, 8)
    driver = drive(kit, 2, chain.recovery(executed=8, certified=5))
    assert driver.sent(Seal) == [kit.seal(2, h, chain.blocks[h - 1].block_hash) for h in (6, 7, 8)]


def test_p8_sealing_goes_on_after_a_joint_crash_that_lost_the_certificates(kit, drive, exchange) -> None:
    """Two decided the last window, the third had caught up, the fourth is silent: three seals are all there are."""
    chain = Chain(kit, 8)
    decided = tuple(DecidedBlock(h, b"body", chain.blocks[h.height - 1].block_hash) for h in chain.headers[5:8])
    disks = {
        0: chain.recovery(executed=5, certified=5, decided=decided),
        1: chain.recovery(executed=5, certified=5, decided=decided),
        2: chain.recovery(executed=8, certified=5),
    }
    drivers = {i: drive(kit, i, disk) for i, disk in disks.items()}
    exchange(drivers)
    assert [d.replica.snapshot().stable_height for d in drivers.values()] == [8, 8, 8]
    assert [d.of(CommitBlock)[-1].certificate for d in drivers.values()] == [chain.certificate(8)] * 3


def test_p8_the_own_seal_of_a_block_from_others_completes_its_certificate(kit, drive) -> None:
    """With the seals of two others here, the block's arrival makes it stable."""
    chain = Chain(kit, 2)
    driver = drive(kit, 2)
    driver.receive(*(kit.seal(i, 1, chain.blocks[0].block_hash) for i in (0, 1)))
    driver.receive(SealCertificate(0, 0, chain.certificate(2)))
    driver.tick(300)
    fresh = driver.step(Synced(chain.blocks[0], None))
    assert driver.of(CommitBlock, fresh) == [CommitBlock(chain.certificate(1))]


@pytest.mark.parametrize("executed", [6, 8, 40])
def test_p8_a_network_of_one_seals_at_a_restart(make_kit, drive, executed: int) -> None:
    """Its own seals are a quorum: no message has to come for the certificates lost in a crash to be made again."""
    kit = make_kit(1)
    headers = kit.chain(executed)
    blocks = kit.sealed_blocks(headers)
    decided = tuple(DecidedBlock(h, b"body", b.block_hash) for h, b in zip(headers, blocks, strict=True))
    certificate = kit.certificate(5, blocks[4].block_hash, (0,))
    driver = drive(kit, 0, kit.recovery(sealed=blocks[:5], certificate=certificate, decided=decided[5:]))
    assert driver.of(CommitBlock)[-1] == CommitBlock(kit.certificate(executed, blocks[-1].block_hash, (0,)))


# -------------------------------------------------------------------------- R4: the log's own certificate counts first


def first_life(kit, drive, chain: Chain):
    """Return a replica that caught up from 5 to 20, prepared 21 and sent COMMIT for it."""
    driver = drive(kit, 3, chain.recovery(executed=5, certified=5))
    driver.receive(SealCertificate(0, 0, chain.certificate(20)))
    driver.sync(*chain.blocks[5:20])
    header = chain.headers[20]
    driver.receive(kit.pre_prepare(header))
    driver.step(Validated(0, chain.digest(21), None))
    driver.receive(*(kit.prepare(i, 0, 21, chain.digest(21)) for i in (0, 1)))
    assert driver.sent(Commit) == [kit.commit(3, 0, 21, chain.digest(21))]
    return driver


def view_change_of(driver) -> ViewChange:
    """Let two others complain about view 0; return the VIEW-CHANGE."""
    fresh = driver.receive(*(Complain(0, i, 0, Complaint.NO_PROGRESS, 0) for i in (0, 1)))
    (change,) = driver.sent(ViewChange, fresh)
    return change


@pytest.mark.parametrize("order", [1, -1], ids=["as written", "certificate last"])
def test_r4_the_p_certificate_behind_a_commit_survives(kit, drive, order: int) -> None:
    """The shell's certificate is five windows behind: the VIEW-CHANGE still carries what was prepared."""
    chain = Chain(kit, 21)
    records = first_life(kit, drive, chain).records()[::order]
    driver = drive(kit, 3, chain.recovery(records, executed=20, certified=5))
    assert driver.of(CommitBlock) == [CommitBlock(chain.certificate(20))]
    prepared = kit.prepared(chain.headers[20], signers=(0, 1, 3))
    assert view_change_of(driver) == kit.change(3, 1, stable=chain.certificate(20), prepared=[prepared])


def test_r4_a_decision_above_the_logged_certificate_is_executed_again(kit, drive) -> None:
    """The ordered log reached further than the shell's certificate by more than two windows: the replica starts."""
    chain = Chain(kit, 21)
    records = first_life(kit, drive, chain).records()
    decided = (DecidedBlock(chain.headers[20], b"body", None),)
    driver = drive(kit, 3, chain.recovery(records, executed=20, certified=5, decided=decided))
    assert [(e.header, e.digest, e.body) for e in driver.of(Execute)] == [
        (chain.headers[20], chain.digest(21), b"body")
    ]
    driver.step(Executed(21, chain.blocks[20].block_hash))
    assert driver.sent(Seal) == [kit.seal(3, 21, chain.blocks[20].block_hash)]


def test_r4_decisions_far_above_the_certificate_are_no_reason_to_stay_down(kit, drive) -> None:
    """A shell that passes all executed blocks as its own decisions: executed is executed, slots stay in the window."""
    chain = Chain(kit, 30)
    decided = tuple(DecidedBlock(h, b"body", b.block_hash) for h, b in zip(chain.headers, chain.blocks, strict=True))
    driver = drive(kit, 3, chain.recovery(executed=5, certified=5, decided=decided[5:]))
    snapshot = driver.replica.snapshot()
    assert (snapshot.stable_height, snapshot.executed_height) == (5, 30)
    assert [seal.height for seal in driver.sent(Seal)] == [6, 7, 8, 9, 10, 11]


@pytest.mark.parametrize("case", ["another block", "another epoch"])
def test_r4_a_logged_certificate_that_fits_no_block_here_does_not_count(kit, drive, case: str) -> None:
    """The stable height is certified by an executed block, or it is the shell's."""
    chain = Chain(kit, 8)
    strange = {
        "another block": kit.certificate(7, kit.digest("another result")),
        "another epoch": replace(chain.certificate(7), epoch=1),
    }
    log = [Record(RecordKind.SEALED, strange[case].encode())]
    driver = drive(kit, 3, chain.recovery(log, executed=7, certified=5))
    assert (driver.replica.snapshot().stable_height, driver.of(CommitBlock)) == (5, [])


def test_r4_a_restarted_leader_sends_the_proposal_it_made_after_catching_up(kit, drive) -> None:
    """Its PRE-PREPARE and body are in the log above a certificate the shell does not have yet: the same bytes again."""
    chain = Chain(kit, 20)
    driver = drive(kit, 0, chain.recovery(executed=5, certified=5))
    driver.receive(SealCertificate(0, 2, chain.certificate(20)))
    driver.sync(*chain.blocks[5:20])
    driver.step(PoolChanged(0, True))
    assert [(e.view, e.height) for e in driver.of(BuildProposal)] == [(0, 21)]
    driver.step(Proposed(0, 21, Batch(b"body", kit.suite.hash(b"body"), 1, bytes(20), CLOCK_MS)))
    (validate,) = driver.of(Validate)
    driver.step(Validated(0, validate.digest, None))
    sent = driver.sent(PrePrepare)
    assert [(m.header.height, m.payload) for m in sent] == [(21, b"body")]
    again = drive(kit, 0, chain.recovery(driver.records(), executed=20, certified=5))
    again.receive(Status(0, 2, 0, True, 20, (), False))
    assert again.sent(PrePrepare) == sent
    again.step(PoolChanged(0, True))
    assert again.of(BuildProposal) == [BuildProposal(0, 22, ((validate.digest, b"body"),))]


def test_r4_a_torn_log_without_the_certificate_has_none_of_what_followed(kit, drive) -> None:
    """Records are durable in order: without the certificate the votes above it were never sent."""
    chain = Chain(kit, 21)
    records = first_life(kit, drive, chain).records()
    assert records[0] == Record(RecordKind.SEALED, chain.certificate(20).encode())
    assert [r.kind for r in records[1:]] == [RecordKind.BODY, RecordKind.VOTE, RecordKind.PREPARED]
    assert records[1].payload == encode([chain.headers[20].value(), b"body"])
    driver = drive(kit, 3, chain.recovery((), executed=20, certified=5))
    assert view_change_of(driver) == kit.change(3, 1, stable=chain.certificate(5))
