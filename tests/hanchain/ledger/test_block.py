"""Bodies and headers: layouts, hashes, strict decoding."""

import dataclasses

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanchain.ledger import limits
from hanchain.ledger.block import BlockHeader, Body, evidence_root, transaction_path, transactions_root
from hanchain.ledger.reasons import Reason, Rejection
from storage.proof import verify_path

pieces = st.lists(st.binary(min_size=1, max_size=20), max_size=8).map(tuple)


def _refused(call):
    with pytest.raises(Rejection) as refusal:
        call()
    return refusal.value.reason


@given(pieces, pieces)
def test_body_round_trip(transactions, evidence):
    """A body is two arrays of bytes and decodes to itself."""
    body = Body(transactions, evidence)
    assert body.encode() == msgpack.packb([list(transactions), list(evidence)])
    assert Body.decode(body.encode()) == body


@given(st.binary(max_size=80))
def test_body_garbage(data):
    """Bytes that are not a body are refused."""
    try:
        body = Body.decode(data)
    except Rejection:
        return
    assert body.encode() == data


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], Reason.MALFORMED),
        ([[], [], []], Reason.MALFORMED),
        ([[b""], []], Reason.MALFORMED),
        ([["text"], []], Reason.MALFORMED),
        ([[], 5], Reason.MALFORMED),
        ([[b"x" * (limits.TRANSACTION_BYTES_MAX + 1)], []], Reason.MALFORMED),
        ([[], [b"x"] * (limits.EVIDENCE_MAX + 1)], Reason.OUT_OF_RANGE),
        ([[b"x"] * (limits.BLOCK_TRANSACTIONS_MAX + 1), []], Reason.OVERSIZED),
        ([[b"x" * 100_000] * 50, []], Reason.OVERSIZED),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_bodies_of_another_form(value, reason):
    """Bodies of another shape or size are refused with their reason."""
    assert _refused(lambda: Body.decode(msgpack.packb(value))) is reason


def test_header_layout(network):
    """The header's fields stand in the order of the specification, and its hash is tagged."""
    header = network.execute(network.transaction()).header
    fields = msgpack.unpackb(header.encode())
    zeros = bytes(32)
    assert fields == [
        1,
        network.suite.id,
        network.genesis.chain_id,
        0,
        1,
        network.suite.hash(b"proposal 1"),
        network.parent0.block_hash,
        header.transactions_root,
        header.receipts_root,
        header.state_root,
        network.genesis.validators_hash,
        zeros,
        2,
        3,
        1_767_225_601_000,
        network.genesis.parameters.hash(network.suite),
    ]
    assert header.hash(network.suite) == network.suite.tagged_hash("hanchain/block/1", header.encode())
    assert BlockHeader.decode(header.encode(), network.suite) == header


@given(st.data())
def test_every_bit_of_a_header_counts(network, data):
    """A header with any one bit flipped is refused or has another hash."""
    header = network.block0
    flipped = bytearray(header.encode())
    bit = data.draw(st.integers(0, len(flipped) * 8 - 1))
    flipped[bit // 8] ^= 1 << bit % 8
    try:
        other = BlockHeader.decode(bytes(flipped), network.suite)
    except Rejection:
        return
    assert other.hash(network.suite) != header.hash(network.suite)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("version", 2, Reason.WRONG_VERSION),
        ("suite_id", 9, Reason.UNKNOWN_SUITE),
        ("height", -1, Reason.OUT_OF_RANGE),
        ("height", True, Reason.MALFORMED),
        ("chain_id", b"x" * 31, Reason.OUT_OF_RANGE),
        ("state_root", "x" * 32, Reason.MALFORMED),
        ("proposal_view", 2**31, Reason.OUT_OF_RANGE),
        ("proposer", 2**16, Reason.OUT_OF_RANGE),
        ("timestamp_ms", 2**53, Reason.OUT_OF_RANGE),
    ],
)
def test_header_fields(network, field, value, reason):
    """A header field of another type or range is refused with its reason."""
    changed = dataclasses.replace(network.block0, **{field: value})
    assert _refused(lambda: BlockHeader.decode(changed.encode(), network.suite)) is reason


def test_headers_of_another_form(network):
    """Headers with a field too many or too few, or too large, are refused."""
    fields = msgpack.unpackb(network.block0.encode())
    for value, reason in (
        (fields[:-1], Reason.MALFORMED),
        ([*fields, 0], Reason.MALFORMED),
        ([b"x" * 1200], Reason.OVERSIZED),
        (5, Reason.MALFORMED),
    ):
        assert _refused(lambda value=value: BlockHeader.decode(msgpack.packb(value), network.suite)) is reason


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=20), st.data())
def test_transaction_paths(network, transactions, data):
    """Every transaction is proved under the root, and under no root of another list or tag."""
    suite = network.suite
    index = data.draw(st.integers(0, len(transactions) - 1))
    root = transactions_root(transactions, suite)
    path = transaction_path(transactions, index, suite)
    hasher = suite.tagged_hasher("hanchain/transactions/1")
    assert verify_path(transactions[index], index, len(transactions), path, root, hasher)
    assert root != evidence_root(transactions, suite)
    assert root != transactions_root([*transactions, b"more"], suite)
