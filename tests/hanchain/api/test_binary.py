"""The reader of binary batches agrees with the codec on every input."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanchain.api.binary import read_envelopes, write_answers
from hanchain.ledger.codec import CodecError, decode, encode
from hanchain.ledger.reasons import Reason, Rejection

LENGTHS = st.sampled_from([0, 1, 31, 255, 256, 65_535, 65_536, 128 * 1024])
BATCHES = st.lists(st.binary(max_size=20) | LENGTHS.map(bytes), min_size=1, max_size=20)


def _codec_reads(body):
    """Return what the general reader makes of a batch, None if it refuses or it is none."""
    try:
        value = decode(body, max_bytes=1 << 24, max_items=4096)
    except CodecError:
        return None
    is_batch = isinstance(value, tuple) and value and all(type(item) is bytes for item in value)
    return value if is_batch and max(map(len, value)) <= 128 * 1024 else None


def _reads(body):
    try:
        return read_envelopes(body)
    except Rejection:
        return None


@given(BATCHES)
def test_batches(batch):
    """Every canonical batch is read."""
    assert read_envelopes(encode(batch)) == tuple(batch)


@given(BATCHES, st.integers(0, 200), st.binary(max_size=3), st.integers(0, 3))
def test_damaged(batch, position, inserted, removed):
    """A damaged batch is read exactly when the codec reads it, and as the same."""
    body = encode(batch)
    at = position % len(body)
    damaged = body[:at] + inserted + body[at + removed :]
    assert _reads(damaged) == _codec_reads(damaged)


@given(st.binary(max_size=30) | st.binary(max_size=30).map(lambda tail: b"\x92\xc4" + tail))
def test_garbage(body):
    """Any bytes are read exactly when the codec reads them."""
    assert _reads(body) == _codec_reads(body)


@pytest.mark.parametrize("count", [1, 15, 16, 4096])
def test_counts(count):
    """The array's header is read in both its forms, up to the bound."""
    assert read_envelopes(encode([b"x"] * count)) == (b"x",) * count


@pytest.mark.parametrize(
    ("body", "reason", "detail"),
    [
        (b"", Reason.MALFORMED, "array of transactions expected at byte 0"),
        (b"\xdc\x00", Reason.MALFORMED, "array of transactions: cut off at byte 2"),
        (b"\x90", Reason.MALFORMED, "an empty batch"),
        (b"\x91\xa1x", Reason.MALFORMED, "transaction 0 expected at byte 1"),
        (b"\x92\xc4\x01x", Reason.MALFORMED, "transaction 1 expected at byte 4"),
        (b"\x91\xc4\x02x", Reason.MALFORMED, "4 bytes, 5 announced"),
        (b"\x91\xc4\x01xy", Reason.MALFORMED, "5 bytes, 4 announced"),
        (b"\x91\xc5\x00\x01x", Reason.NOT_CANONICAL, "transaction 0: the length 1 has a shorter form"),
        (b"\xdc\x00\x01\xc4\x01x", Reason.NOT_CANONICAL, "array of transactions: the length 1 has a shorter form"),
        (b"\xdd\xff\xff\xff\xff", Reason.OVERSIZED, "4294967295 transactions, at most 4096"),
        (b"\x91\xc6\x00\x02\x00\x01", Reason.OVERSIZED, "transaction 0: 131073 bytes, at most 131072"),
    ],
)
def test_refusals(body, reason, detail):
    """Each refusal has its reason, and says where."""
    with pytest.raises(Rejection) as caught:
        read_envelopes(body)
    assert (caught.value.reason, caught.value.detail) == (reason, detail)


def test_answers():
    """Answers are ids or pairs of reason and detail; a long detail is cut."""
    answers = [b"id", Rejection(Reason.BUSY, "x" * 1000), Rejection(Reason.EXPIRED)]
    assert msgpack.unpackb(write_answers(answers)) == [b"id", ["busy", "x" * 512], ["expired", ""]]
