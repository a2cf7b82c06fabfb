"""What nodes say to one another: round trips, bounds, and garbage of every kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanchain.crypto import default_suite
from hanchain.ledger import limits as ledger_limits
from hanchain.ledger.codec import encode
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node import limits
from hanchain.node.wire import BlocksRequest, BlocksResponse, Hello, OrderedRecord, SyncBlock

SUITE = default_suite()
HELLO = Hello(1, "chain", b"g" * 32, "node0", "0.1.0")
REQUEST = BlocksRequest(7, 3)
RESPONSE = BlocksResponse(7, (SyncBlock(b"header", b"", b"record"), SyncBlock(b"header", b"certificate", b"")))


def decoders():
    """Return every decoder of the module."""
    return [Hello.decode, BlocksRequest.decode, BlocksResponse.decode, lambda data: OrderedRecord.decode(data, SUITE)]


def refused(decode, data):
    """Return the reason of a refusal."""
    with pytest.raises(Rejection) as caught:
        decode(data)
    return caught.value.reason


def test_everything_comes_back(world):
    """What is encoded decodes to the same value, and only the exact bytes do."""
    proposal = world.proposal([world.transaction()])
    record = OrderedRecord(proposal.header, proposal.body, b"commits")
    for value, decode in zip([HELLO, REQUEST, RESPONSE, record], decoders(), strict=True):
        assert decode(value.encode()) == value
        assert refused(decode, value.encode() + b"\0") is Reason.MALFORMED
        assert refused(decode, value.encode()[:-1]) is Reason.MALFORMED


@pytest.mark.parametrize(
    ("decode", "value", "reason"),
    [
        (Hello.decode, [1, "c" * 65, b"g" * 16, "n", "v"], Reason.OUT_OF_RANGE),
        (Hello.decode, [1, "c", b"", "n", "v"], Reason.OUT_OF_RANGE),
        (Hello.decode, [True, "c", b"g" * 16, "n", "v"], Reason.MALFORMED),
        (Hello.decode, [1, "c", b"g" * 16, "n", "v", 0], Reason.MALFORMED),
        (Hello.decode, [1, "c", b"g" * 16, "n"], Reason.MALFORMED),
        (BlocksRequest.decode, [0, 1], Reason.OUT_OF_RANGE),
        (BlocksRequest.decode, [1, 0], Reason.OUT_OF_RANGE),
        (BlocksRequest.decode, [1, limits.SYNC_BLOCKS_MAX + 1], Reason.OUT_OF_RANGE),
        (BlocksRequest.decode, [ledger_limits.HEIGHT_MAX + 1, 1], Reason.OUT_OF_RANGE),
        (BlocksResponse.decode, [1, [[b"", b"", b"r"]]], Reason.OUT_OF_RANGE),
        (BlocksResponse.decode, [1, [[b"h", b"", b"r", b""]]], Reason.MALFORMED),
        (BlocksResponse.decode, [1, [b"h"]], Reason.MALFORMED),
        (BlocksResponse.decode, [1, [[b"h", b"", b"r"]] * (limits.SYNC_BLOCKS_MAX + 1)], Reason.OVERSIZED),
        (BlocksResponse.decode, [1, [[b"h" * 1025, b"", b"r"]]], Reason.OUT_OF_RANGE),
    ],
)
def test_fields_out_of_bounds_are_refused(decode, value, reason):
    """A field of another type, length or value is refused with a reason."""
    assert refused(decode, encode(value)) is reason


def test_a_header_of_consensus_is_refused_in_our_words(world):
    """A record whose proposal header is wrong is malformed, not an error of another package."""
    for header in ([], [1], 5, b"", [2, *world.proposal([]).header.value()[1:]]):
        data = encode([header, b"", b""])
        assert refused(lambda d: OrderedRecord.decode(d, SUITE), data) is Reason.MALFORMED


LEAVES = st.integers(-5, 2**64 - 1) | st.binary(max_size=40) | st.text(max_size=10) | st.booleans() | st.none()
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=6), max_leaves=20)


@given(st.binary(max_size=200) | VALUES.map(encode))
def test_garbage_is_only_ever_rejected(data):
    """No bytes make a decoder raise anything but a Rejection, or accept what does not encode to the same bytes."""
    for decode in decoders():
        try:
            value = decode(data)
        except Rejection:
            continue
        assert value.encode() == data


@given(st.integers(0, 3), st.data())
def test_a_changed_byte_is_rejected_or_read_as_it_stands(kind, data):
    """One flipped byte of a good message gives a Rejection or another message with exactly those bytes."""
    good = [HELLO, REQUEST, RESPONSE][kind % 3].encode()
    position = data.draw(st.integers(0, len(good) - 1))
    changed = bytearray(good)
    changed[position] ^= data.draw(st.integers(1, 255))
    try:
        value = decoders()[kind % 3](bytes(changed))
    except Rejection:
        return
    assert value.encode() == bytes(changed)
