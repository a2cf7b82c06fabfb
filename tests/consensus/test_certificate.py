"""Quorums, bitmaps and certificates."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.certificate import (
    SealCert,
    Signatures,
    ValidatorSet,
    faulty_max,
    pack_bitmap,
    quorum,
    unpack_bitmap,
)
from consensus.fields import Reason, Rejection
from consensus.limits import VALIDATORS_MAX


@pytest.mark.parametrize("size", range(1, VALIDATORS_MAX + 1))
def test_two_quorums_share_a_correct_validator_and_the_correct_ones_make_one(size: int) -> None:
    """2q - N >= f + 1 and q <= N - f, and q is the smallest such number."""
    f, q = faulty_max(size), quorum(size)
    assert (3 * f + 1 <= size < 3 * f + 4, 2 * q - size >= f + 1, q <= size - f) == (True, True, True)
    assert 2 * (q - 1) - size < f + 1


def test_quorums_of_the_specification() -> None:
    """The values the specification lists."""
    assert {n: quorum(n) for n in (4, 5, 6, 7, 10, 31)} == {4: 3, 5: 4, 6: 4, 7: 5, 10: 7, 31: 21}


def test_the_leader_rotates_with_view_and_epoch(kit) -> None:
    """Leader of view v in epoch e is validator (e + v) mod N."""
    keys = kit.validators.public_keys
    assert [ValidatorSet(3, keys).leader(view) for view in range(6)] == [3, 0, 1, 2, 3, 0]


@given(st.integers(1, VALIDATORS_MAX).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
def test_a_bitmap_comes_back(case: tuple[int, set[int]]) -> None:
    """Packing and unpacking gives the members in ascending order."""
    size, members = case
    assert unpack_bitmap(pack_bitmap(members, size), size) == tuple(sorted(members))


@pytest.mark.parametrize(
    ("bitmap", "size"),
    [(b"", 4), (b"\x07\x00", 4), (b"\x10", 4), (b"\x80", 7), (b"\xff\x04", 10)],
    ids=["empty", "too long", "bit beyond 4", "bit beyond 7", "bit beyond 10"],
)
def test_a_bitmap_of_another_size_is_refused(bitmap: bytes, size: int) -> None:
    """A wrong length or a bit beyond the set is no certificate (ASA-2024-011: it halted chains)."""
    with pytest.raises(Rejection) as refused:
        unpack_bitmap(bitmap, size)
    assert refused.value.reason is Reason.BAD_CERTIFICATE


def test_a_good_certificate_verifies_and_comes_back(kit) -> None:
    """A quorum of seals verifies under the set of their epoch, and the bytes decode to the same certificate."""
    certificate = kit.certificate(5, kit.digest("block"))
    certificate.verify(kit.validators, kit.context)
    assert SealCert.decode(certificate.encode()) == certificate
    assert certificate.seals.members(4) == (0, 1, 2)


def broken(kit) -> dict[str, tuple[SealCert, Reason]]:
    """Return certificates that prove nothing, each with the reason."""
    good = kit.certificate(5, kit.digest("block"))
    bitmap, signatures = good.seals.bitmap, good.seals.signatures
    bad = Reason.BAD_CERTIFICATE
    return {
        "one too few": (kit.certificate(5, good.block_hash, (0, 1)), bad),
        "one too many": (kit.certificate(5, good.block_hash, (0, 1, 2, 3)), bad),
        "fewer signatures than bits": (replace(good, seals=Signatures(bitmap, signatures[:2])), bad),
        "fewer bits than signatures": (replace(good, seals=Signatures(b"\x03", signatures)), bad),
        "one signer three times": (replace(good, seals=Signatures(b"\x01", signatures[:1] * 3)), bad),
        "one signature three times": (replace(good, seals=Signatures(bitmap, signatures[:1] * 3)), bad),
        "another signer's signature": (replace(good, seals=Signatures(b"\x0b", signatures)), bad),
        "another height": (replace(good, height=6), bad),
        "another block": (replace(good, block_hash=kit.digest("other")), bad),
        "another epoch": (replace(good, epoch=1), Reason.WRONG_EPOCH),
    }


@pytest.mark.parametrize(
    "case",
    [
        "one too few",
        "one too many",
        "fewer signatures than bits",
        "fewer bits than signatures",
        "one signer three times",
        "one signature three times",
        "another signer's signature",
        "another height",
        "another block",
        "another epoch",
    ],
)
def test_a_broken_certificate_is_refused(kit, case: str) -> None:
    """Exactly q distinct members, each with a good signature over exactly this block, or nothing."""
    certificate, reason = broken(kit)[case]
    with pytest.raises(Rejection) as refused:
        certificate.verify(kit.validators, kit.context)
    assert refused.value.reason is reason


def test_a_certificate_of_another_set_of_the_same_size_is_refused(kit, make_kit) -> None:
    """The same indices under other keys prove nothing."""
    other = make_kit(7)
    keys = tuple(other.signers[i].public_key for i in (3, 4, 5, 6))
    with pytest.raises(Rejection) as refused:
        kit.certificate(5, kit.digest("block")).verify(ValidatorSet(0, keys), kit.context)
    assert refused.value.reason is Reason.BAD_CERTIFICATE


def test_a_seal_is_not_a_prepare(kit) -> None:
    """The type is inside what is signed: votes of one kind make no certificate of another."""
    header = kit.header(3)
    prepares = kit.prepared(header).prepares
    with pytest.raises(Rejection):
        SealCert(0, 3, header.digest(kit.context), prepares).verify(kit.validators, kit.context)


@pytest.mark.parametrize("data", [b"", b"\x90", b"\xc0", b"\x95\x00\x05\xc4\x01a\xc4\x01\x07\x90", b"\x00" * 70_000])
def test_bytes_that_are_no_certificate_are_refused(data: bytes) -> None:
    """Only a Rejection comes out of decoding."""
    with pytest.raises(Rejection) as refused:
        SealCert.decode(data)
    assert refused.value.reason is Reason.MALFORMED


def test_a_set_with_a_key_twice_is_our_own_mistake() -> None:
    """One key votes once: the member list was checked when it was adopted."""
    with pytest.raises(AssertionError, match="one key votes once"):
        ValidatorSet(0, (b"a", b"a", b"b", b"c"))
