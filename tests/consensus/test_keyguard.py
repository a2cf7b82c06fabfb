"""R6: a certificate with a signature of this replica that it never made stops it; everything else does not."""

import pytest

from consensus.interface import DecidedBlock, Executed, FetchBlocks, Halt, Validated
from consensus.messages import Complain, Prepare, PrepareCertificate, Seal, SealCertificate
from consensus.restore import halt_in
from consensus.simulation import run


def voted(kit, drive):
    """Return a replica that voted for height 1."""
    driver, header = drive(kit, guard_key=True), kit.header(1)
    driver.receive(kit.pre_prepare(header))
    driver.step(Validated(0, header.digest(kit.context), None))
    assert len(driver.sent(Prepare)) == 1
    return driver


def executed(kit, drive):
    """Return a replica that executed and sealed height 1, which is not certified yet."""
    driver, digest = voted(kit, drive), kit.header(1).digest(kit.context)
    driver.receive(*(kit.prepare(i, 0, 1, digest) for i in (0, 2)))
    driver.receive(*(kit.commit(i, 0, 1, digest) for i in (0, 2)))
    driver.step(Executed(1, kit.block(1, digest).block_hash))
    assert len(driver.sent(Seal)) == 1
    return driver


def reasons(driver) -> list[str]:
    """Return why the replica halted."""
    return [e.reason for e in driver.of(Halt)]


@pytest.mark.parametrize(
    ("height", "signers", "halts"),
    [(1, (0, 1, 2), False), (2, (0, 1, 2), True), (2, (0, 2, 3), False), (9, (1, 2, 3), True)],
)
def test_r6_an_own_seal_above_the_last_executed_height_halts(kit, drive, height: int, signers, halts: bool) -> None:
    """One above is the first that cannot be its own; the last executed one may be."""
    driver = executed(kit, drive)
    driver.receive(SealCertificate(0, 2, kit.certificate(height, kit.block(height).block_hash, signers)))
    assert [r.startswith(f"R6: the certificate of height {height} carries") for r in reasons(driver)] == [True] * halts
    assert (driver.replica.snapshot().halted is not None) == halts
    assert driver.of(FetchBlocks) == []


def test_r6_an_own_seal_of_before_a_crash_is_known(kit, drive) -> None:
    """Sealed, crashed, restarted: executed comes first and is durable, so the certificate is no surprise."""
    first, header = executed(kit, drive), kit.header(1)
    block = kit.block(1)
    decided = (DecidedBlock(header, b"body", block.block_hash),)
    again = drive(kit, guard_key=True, recovery=kit.recovery(first.records(), decided=decided))
    again.receive(SealCertificate(0, 2, kit.certificate(1, block.block_hash, (0, 1, 2))))
    assert (reasons(again), again.replica.snapshot().stable_height) == ([], 1)


def test_r6_an_own_prepare_that_is_in_the_log_is_known(kit, drive) -> None:
    """Before and after a restart the P-certificate is only the own vote with others."""
    first = voted(kit, drive)
    for driver in (first, drive(kit, guard_key=True, recovery=kit.recovery(first.records()))):
        driver.receive(PrepareCertificate(0, 2, kit.prepared(kit.header(1), signers=(0, 1, 2))))
        assert reasons(driver) == []


@pytest.mark.parametrize("path", ["certificate", "view change"])
@pytest.mark.parametrize(("own", "known"), [("none", "none"), ("another", "another one")])
def test_r6_an_own_prepare_that_is_not_in_the_log_halts(kit, drive, path: str, own: str, known: str) -> None:
    """Relayed or inside a VIEW-CHANGE: the same key has voted elsewhere, for what this replica did not."""
    driver = drive(kit, guard_key=True) if own == "none" else voted(kit, drive)
    certificate = kit.prepared(kit.header(1, body=b"other"), signers=(1, 2, 3))
    if path == "certificate":
        driver.receive(PrepareCertificate(0, 2, certificate))
    else:
        driver.receive(kit.change(3, 1, prepared=[certificate]))
    (reason,) = reasons(driver)
    assert reason.startswith("R6: a P-certificate of view 0, height 1 carries a PREPARE of this validator")
    assert f"its log has {known}" in reason
    assert halt_in(driver.records()) is not None
    driver.tick(100_000)
    assert driver.sent(Complain) == []


def test_r6_the_votes_of_others_are_none_of_its_business(kit, drive) -> None:
    """A P-certificate without this replica's signature is followed."""
    driver = drive(kit, guard_key=True)
    driver.receive(PrepareCertificate(0, 2, kit.prepared(kit.header(1), signers=(0, 2, 3))))
    assert reasons(driver) == []


def test_r6_an_old_copy_of_a_disk_is_found_out() -> None:
    """In whole runs: a validator started on what its disk was a while ago stops, and no correct one ever does."""
    found = 0
    for seed in range(8):
        result = run(seed, profile="old_copy")
        assert result.violation is None, result.repeat
        found += result.coverage.get("R6 halts", 0)
    assert found >= 2
