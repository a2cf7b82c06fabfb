"""What one message may cost before it is refused, and what the largest honest one needs: limits of values and bytes."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus import Settings, codec, limits
from consensus.certificate import SealCert, Signatures, new_view_fits, pack_bitmap, quorum
from consensus.codec import CodecError, CodecReason, decode, encode
from consensus.fields import Reason
from consensus.interface import Received, Refused
from consensus.messages import NewView, PrepareCert, ProposalHeader, ViewChange, decode_message, encode_message
from consensus.proposal import U16, U32, U64

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "canonical.json").read_text(encoding="utf-8"))
FAMILY = b"\xdc\x0f\xff" + b"\x90" * 4095  # an array of 4095 empty arrays
HEADS_WITHOUT_PLACE = {
    "float32": b"\xca\xc6\xff\xff\xff",
    "float64": b"\xcb\xc6\xff\xff\xff\xff\xff\xff\xff",
    "empty map": b"\x80",
    "empty map16": b"\xde\x00\x00",
    "empty map32": b"\xdf\x00\x00\x00\x00",
    "fixext1": b"\xd4\x00\xc6",
    "empty ext8": b"\xc7\x00\xc6",
    "empty ext16": b"\xc8\x00\x00\xc6",
    "empty ext32": b"\xc9\x00\x00\x00\x00\xc6",
    "reserved": b"\xc1",
}


def values_in(value: Any) -> int:
    """Return how many values a value is made of, itself included."""
    return 1 + sum(values_in(item) for item in value) if isinstance(value, list | tuple) else 1


def count(data: bytes, most: int) -> None:
    """Count the values of ``data`` against a bound of ``most``; raise CodecError beyond it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "VALUES_MAX", most)
        codec._count(data)


def never_unpack(monkeypatch) -> None:
    """Let unpacking anything fail the test."""

    def unpackb(*_: object, **__: object) -> None:
        pytest.fail("unpacked before it was counted")

    monkeypatch.setattr(codec, "msgpack", SimpleNamespace(unpackb=unpackb, packb=codec.msgpack.packb))


# ---------------------------------------------------------------------------------------------------- counting values


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda vector: vector["name"])
def test_the_count_of_an_accepted_vector_is_that_of_its_values(vector: dict[str, Any]) -> None:
    """It passes a bound of exactly its values and fails one less."""
    data = bytes.fromhex(vector["encoded"])
    most = values_in(decode(data, max_bytes=len(data), max_items=2**17))
    count(data, most)
    with pytest.raises(CodecError) as refused:
        count(data, most - 1)
    assert (refused.value.reason, refused.value.detail) == (CodecReason.TOO_MANY, f"more than {most - 1} values")


@pytest.mark.parametrize("vector", VECTORS["rejected"], ids=lambda vector: vector["name"])
def test_a_rejected_vector_stays_rejected_when_it_is_counted_first(vector: dict[str, Any], monkeypatch) -> None:
    """Whatever the bound: refused by the count or behind it, and never by another exception."""
    data = bytes.fromhex(vector["encoded"])
    bounds = {name: vector.get(name, VECTORS["limits"][name]) for name in ("max_bytes", "max_items")}
    for most in range(min(len(data), 64)):
        monkeypatch.setattr(limits, "VALUES_MAX", most)
        with pytest.raises(CodecError) as refused:
            decode(data, **bounds)
        assert refused.value.reason in {vector["reason"], CodecReason.TOO_MANY, CodecReason.UNSUPPORTED}


SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=40) | st.binary(max_size=300)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=20), max_leaves=60)


@settings(derandomize=True, deadline=None)
@given(VALUES)
def test_every_value_is_counted_once(value: Any) -> None:
    """The count of an encoding is the number of values in it, whatever their widths."""
    data, most = encode(value), values_in(value)
    count(data, most)
    with pytest.raises(CodecError):
        count(data, most - 1)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(VALUES, st.integers(0, 2000), st.binary(max_size=6) | st.sampled_from(sorted(HEADS_WITHOUT_PLACE.values())))
def test_what_is_accepted_has_no_more_values_than_allowed(value: Any, position: int, inserted: bytes) -> None:
    """No bytes put into an encoding lead the count astray: decoded, there are never more values than the bound."""
    data = encode(value)
    at = position % (len(data) + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "VALUES_MAX", 8)
        try:
            decoded = decode(data[:at] + inserted + data[at:])
        except CodecError:
            return
    assert values_in(decoded) <= 8


@pytest.mark.parametrize("case", ["alone", *HEADS_WITHOUT_PLACE])
def test_a_bomb_is_refused_before_it_is_unpacked(case: str, monkeypatch) -> None:
    """Nested empty arrays by the hundred thousand, behind any head that could hide them, cost a walk and no objects."""
    never_unpack(monkeypatch)
    mask = HEADS_WITHOUT_PLACE.get(case, b"\x09")
    bomb = b"\x94" + mask + b"\x00\x00" + b"\xdc\x00\x28" + FAMILY * 40
    with pytest.raises(CodecError) as refused:
        decode(bomb)
    if case == "alone":
        expected = (CodecReason.TOO_MANY, f"more than {limits.VALUES_MAX} values")
    else:
        expected = (CodecReason.UNSUPPORTED, f"a value that begins with {mask[0]:#04x}")
    assert (refused.value.reason, refused.value.detail) == expected


def test_a_replica_refuses_a_bomb_as_malformed(kit, drive, monkeypatch) -> None:
    """The largest message of the smallest values: one refusal that names the link, nothing else."""
    never_unpack(monkeypatch)
    families = (limits.MESSAGE_BYTES_MAX - 16) // len(FAMILY)
    bomb = b"\x94\x09\x00\x00\xdc" + families.to_bytes(2, "big") + FAMILY * families
    driver = drive(kit)
    effects = driver.step(Received(2, bomb, 1_000_000))
    detail = f"too_many: more than {limits.VALUES_MAX} values"
    assert driver.of(Refused, effects) == [Refused(2, Reason.MALFORMED, detail)]


# --------------------------------------------------------------------------------------- the largest message: NEW-VIEW


def largest_new_view(size: int, window: int, digest_size: int, signature_size: int) -> NewView:
    """Return the NEW-VIEW of such a network with every field at its longest; its signatures sign nothing."""
    digest, signature = b"\xff" * digest_size, b"\xff" * signature_size
    votes = quorum(size)
    signatures = Signatures(pack_bitmap(set(range(votes)), size), (signature,) * votes)
    header = ProposalHeader(
        chain_id=digest,
        epoch=U64,
        height=U64,
        pview=limits.VIEW_MAX,
        proposer=U16,
        parent=digest,
        anchor_height=U64,
        anchor_hash=digest,
        timestamp_ms=U64,
        tx_root=digest,
        tx_count=U32,
        body_bytes=limits.BODY_BYTES_MAX,
        evidence_root=digest,
    )
    prepared = (PrepareCert(limits.VIEW_MAX, header, signatures),) * window
    stable = SealCert(U64, U64, digest, signatures)
    change = ViewChange(U64, U16, limits.VIEW_MAX, U64, stable, prepared, signature)
    return NewView(U64, U16, limits.VIEW_MAX, (change,) * votes, U64, (digest,) * window, signature)


SHAPES = [(1, 1, 20, 24), (4, 8, 20, 24), (4, 8, 32, 64), (7, 64, 32, 64), (31, 8, 32, 64), (64, 2, 64, 96)]


@pytest.mark.parametrize(("size", "window", "digest_size", "signature_size"), SHAPES)
def test_the_estimate_covers_the_largest_new_view_and_little_more(
    size: int, window: int, digest_size: int, signature_size: int, monkeypatch
) -> None:
    """A bound below the real bytes or values is found too small, one a fifth and 256 above is found enough."""
    shape = (size, window, digest_size, signature_size)
    data = encode_message(largest_new_view(*shape))
    values = values_in(decode(data, max_items=2**17))
    enough = (len(data) * 6 // 5 + 256, values * 6 // 5 + 256)
    found = []
    for most_bytes, most_values in (enough, (len(data) - 1, enough[1]), (enough[0], values - 1)):
        monkeypatch.setattr(limits, "MESSAGE_BYTES_MAX", most_bytes)
        monkeypatch.setattr(limits, "VALUES_MAX", most_values)
        found.append(new_view_fits(*shape))
    assert found == [True, False, False]


def test_the_largest_new_view_of_four_validators_and_window_eight_is_a_message(make_kit) -> None:
    """It is said to fit, and it decodes to itself."""
    kit = make_kit(4, 8)
    message = largest_new_view(4, 8, kit.suite.digest_size, kit.suite.signature_size)
    data = encode_message(message)
    assert new_view_fits(4, 8, kit.suite.digest_size, kit.suite.signature_size)
    assert len(data) <= limits.MESSAGE_BYTES_MAX
    assert decode_message(data, kit.context) == message


@pytest.mark.parametrize(("digest_size", "signature_size"), [(20, 24), (32, 64), (64, 256)])
def test_what_fits_fits_in_everything_smaller(digest_size: int, signature_size: int) -> None:
    """Fewer validators, a smaller window, shorter digests or signatures never make a NEW-VIEW too large."""
    sizes = range(1, limits.VALIDATORS_MAX + 1)
    windows = range(1, limits.WINDOW_MAX + 1)
    fits = {(n, w): new_view_fits(n, w, digest_size, signature_size) for n in sizes for w in windows}
    assert set(fits.values()) == {True, False}
    wrong = [
        (n, w)
        for (n, w), fit in fits.items()
        if fit
        and not (
            fits.get((n - 1, w), True)
            and fits.get((n, w - 1), True)
            and new_view_fits(n, w, digest_size - 1, signature_size)
            and new_view_fits(n, w, digest_size, signature_size - 1)
        )
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("size", "window", "fits"),
    [(4, 8, True), (4, 64, True), (31, 8, True), (128, 64, False), (64, 64, False), (128, 16, False)],
)
def test_networks_that_could_never_change_their_view_are_known(size: int, window: int, fits: bool) -> None:
    """With 32-byte digests and 64-byte signatures."""
    assert new_view_fits(size, window, 32, 64) is fits


def test_a_replica_of_such_a_network_does_not_start(make_kit) -> None:
    """Its genesis should have been refused: it is our own error, said at once."""
    with pytest.raises(AssertionError, match="could never change its view"):
        make_kit(128, 64).replica(0)


@pytest.mark.parametrize("window", [0, limits.WINDOW_MAX + 1])
def test_a_window_beyond_its_bounds_is_no_setting(window: int) -> None:
    """A VIEW-CHANGE with more P-certificates than the bound could not be decoded."""
    with pytest.raises(AssertionError):
        Settings(window=window)
