"""Wire format: every message comes back, and nothing but a Rejection comes out of anything else."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consensus.codec import decode, encode
from consensus.fields import Reason, Rejection
from consensus.messages import (
    Body,
    Commit,
    Complain,
    Complaint,
    FetchBody,
    Heartbeat,
    Held,
    Message,
    NewView,
    PrepareCertificate,
    Seal,
    SealCertificate,
    Status,
    Type,
    decode_message,
    encode_message,
)


def samples(kit) -> list[Message]:
    """Return one message of every type, with every optional part there."""
    one, two = kit.chain(2)
    digest = one.digest(kit.context)
    certificate = kit.certificate(1, kit.digest("block 1"))
    changes = [kit.change(i, 1, stable=certificate, prepared=[kit.prepared(two)]) for i in range(3)]
    return [
        kit.pre_prepare(one),
        kit.prepare(2, 3, 1, digest),
        kit.commit(3, 3, 1, digest),
        kit.seal(0, 1, kit.digest("block 1")),
        Complain(0, 2, 7, Complaint.CENSORED, 3),
        changes[0],
        kit.new_view(1, changes, base=1, forced=[two.digest(kit.context)]),
        Heartbeat(0, 1, 1, 17, 19, 1_000_000),
        Status(0, 3, 4, False, 17, (Held(18, True, b"\x07", b"\x01", b"\x00"),), True),
        FetchBody(0, 1, 18, digest),
        Body(0, 1, one, b"body"),
        SealCertificate(0, 1, certificate),
        PrepareCertificate(0, 1, kit.prepared(one)),
    ]


def test_every_type_has_a_sample(kit) -> None:
    """The list below is complete: one sample for each member of the union and each wire type."""
    assert [type(m) for m in samples(kit)] == list(get_args(Message))
    assert [m.TYPE for m in samples(kit)] == list(Type)


@pytest.mark.parametrize("position", range(13))
def test_a_message_comes_back(kit, position: int) -> None:
    """Decoding the encoding gives an equal message."""
    message = samples(kit)[position]
    assert decode_message(encode_message(message), kit.context) == message


@pytest.mark.parametrize("position", range(13))
def test_a_field_more_or_less_is_refused(kit, position: int) -> None:
    """There are no optional fields: one more, one less or an odd one makes the message malformed."""
    fields = decode(encode_message(samples(kit)[position]))
    assert isinstance(fields, list)
    for variant in (
        [*fields, 0],
        fields[:-1],
        [*fields[:-1], [[]]],
        [True, *fields[1:]],
        [*fields[:2], -1, *fields[3:]],
    ):
        with pytest.raises(Rejection):
            decode_message(encode(variant), kit.context)


@pytest.mark.parametrize("kind", [0, 14, 255])
def test_an_unknown_type_is_refused(kit, kind: int) -> None:
    """A type that is none of ours is named as such."""
    with pytest.raises(Rejection) as refused:
        decode_message(encode([kind, 0, 0]), kit.context)
    assert refused.value.reason is Reason.UNKNOWN_TYPE


def test_lengths_are_those_of_the_suite(kit) -> None:
    """A digest or signature of any other length than the suite's is refused: 32 and 64 mean nothing here."""
    good = kit.prepare(2, 3, 1, kit.digest("proposal"))
    for bad in (replace(good, digest=bytes(32)), replace(good, signature=bytes(64)), replace(good, signature=b"")):
        with pytest.raises(Rejection) as refused:
            decode_message(encode_message(bad), kit.context)
        assert refused.value.reason is Reason.MALFORMED


def test_a_view_beyond_the_bound_is_refused(kit) -> None:
    """View + 1 never leaves its field (FISCO-BCOS #2312)."""
    fields = decode(encode_message(kit.prepare(2, 3, 1, kit.digest("proposal"))))
    assert isinstance(fields, list)
    fields[3] = 2**31
    with pytest.raises(Rejection) as refused:
        decode_message(encode(fields), kit.context)
    assert refused.value.reason is Reason.OUT_OF_RANGE


@given(st.binary(max_size=120))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_is_refused(kit, data: bytes) -> None:
    """Random bytes give a Rejection and never another exception."""
    with pytest.raises(Rejection):
        decode_message(data, kit.context)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.binary(max_size=40) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=6),
    max_leaves=12,
)


@given(st.integers(0, 12), st.lists(st.integers(0, 6), min_size=1, max_size=6), values)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_a_message_with_one_value_replaced(kit, position: int, path: list[int], value: object) -> None:
    """A message with a random value somewhere inside is refused, or is another well-formed message."""
    fields = decode(encode_message(samples(kit)[position]))
    spot = fields
    for step in path[:-1]:
        if isinstance(spot, list) and spot and isinstance(spot[step % len(spot)], list):
            spot = spot[step % len(spot)]
    if not isinstance(spot, list) or not spot:
        return
    spot[path[-1] % len(spot)] = value
    data = encode(fields)
    try:
        message = decode_message(data, kit.context)
    except Rejection:
        return
    assert encode_message(message) == data


@given(st.integers(0, 12), st.integers(0, 4_000), st.integers(1, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_a_message_with_one_byte_changed(kit, position: int, at: int, flip: int) -> None:
    """A changed byte makes a Rejection or another well-formed message, never the same one."""
    original = samples(kit)[position]
    data = bytearray(encode_message(original))
    data[at % len(data)] ^= flip
    try:
        message = decode_message(bytes(data), kit.context)
    except Rejection:
        return
    assert (encode_message(message), message != original) == (bytes(data), True)


def test_a_seal_says_nothing_about_views(kit) -> None:
    """SEAL holds no view and no time, so that signing again after a crash gives the same bytes."""
    assert [len(m.fields()) for m in samples(kit) if isinstance(m, Seal | Commit | NewView)] == [4, 3, 5]
    assert kit.seal(0, 1, kit.digest("b")) == kit.seal(0, 1, kit.digest("b"))
