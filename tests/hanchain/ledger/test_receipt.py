"""Receipts and events: encoding, and their places in one tree."""

import dataclasses

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.receipt import (
    Event,
    LeafPath,
    Receipt,
    Status,
    event_leaf,
    event_path,
    leaves_of,
    receipt_leaf,
    receipt_path,
    receipts_root,
    verify_leaf,
)
from storage.proof import merkle_root

values = st.none() | st.booleans() | st.integers(0, 2**64 - 1) | st.binary(max_size=9) | st.text(max_size=9)
events = st.builds(Event, st.text(max_size=9), st.text(max_size=9), st.lists(values, max_size=4).map(tuple))


def _receipt(index=0, status=Status.OK, count=0, **changes):
    made = Receipt(
        txid=bytes([index]) * 32,
        height=7,
        index=index,
        status=status,
        reason="" if status is Status.OK else "E_NO",
        message="",
        gas_used=10,
        return_value=None,
        events=tuple(Event("c", "E", (index, position)) for position in range(count)),
        writes_digest=b"w" * 32,
    )
    return dataclasses.replace(made, **changes)


def _refused(call):
    with pytest.raises(Rejection) as refusal:
        call()
    return refusal.value.reason


@given(st.sampled_from(Status), values, st.lists(events, max_size=4).map(tuple))
def test_round_trip(network, status, return_value, reported):
    """A receipt is an array of ten fields and decodes to itself."""
    receipt = _receipt(3, status, return_value=return_value, events=reported)
    assert Receipt.decode(receipt.encode(), network.suite) == receipt
    assert msgpack.unpackb(receipt.encode()) == [
        receipt.txid,
        7,
        3,
        status.value,
        receipt.reason,
        "",
        10,
        return_value,
        [[event.contract, event.name, list(event.fields)] for event in reported],
        receipt.writes_digest,
    ]


@given(st.binary(max_size=120))
def test_garbage(network, data):
    """Garbage is refused."""
    assert isinstance(_refused(lambda: Receipt.decode(data, network.suite)), Reason)


@pytest.mark.parametrize(
    ("position", "value", "reason"),
    [
        (0, b"x", Reason.OUT_OF_RANGE),
        (2, 4096, Reason.OUT_OF_RANGE),
        (3, 5, Reason.OUT_OF_RANGE),
        (3, 1, Reason.INCONSISTENT),
        (4, "E_NO", Reason.INCONSISTENT),
        (4, b"E_NO", Reason.MALFORMED),
        (5, "x" * 257, Reason.OUT_OF_RANGE),
        (6, -1, Reason.OUT_OF_RANGE),
        (7, 1.5, Reason.MALFORMED),
        (8, [["c", "E"]], Reason.MALFORMED),
        (8, [["c", "E", [], 0]], Reason.MALFORMED),
        (8, [5], Reason.MALFORMED),
        (8, [["c", "E", []]] * 257, Reason.OUT_OF_RANGE),
        (9, None, Reason.MALFORMED),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_fields(network, position, value, reason):
    """A field of another type or range, or status and reason that disagree, are refused with their reason."""
    fields = msgpack.unpackb(_receipt().encode())
    fields[position] = value
    assert _refused(lambda: Receipt.decode(msgpack.packb(fields), network.suite)) is reason


def test_fields_too_many_or_too_few(network):
    """A receipt has ten fields, neither more nor less."""
    fields = msgpack.unpackb(_receipt().encode())
    for value in ([*fields, 0], fields[:-1]):
        assert _refused(lambda value=value: Receipt.decode(msgpack.packb(value), network.suite)) is Reason.MALFORMED


def test_tree_of_a_block(network):
    """The leaves are all receipts in order, then all events in order, each with its kind in front."""
    receipts = [_receipt(0, count=1), _receipt(1, Status.REVERTED), _receipt(2, count=2)]
    expected = [b"\x00" + receipt.encode() for receipt in receipts] + [
        b"\x01" + msgpack.packb([7, 0, 0, bytes([0]) * 32, "c", "E", [0, 0]]),
        b"\x01" + msgpack.packb([7, 2, 0, bytes([2]) * 32, "c", "E", [2, 0]]),
        b"\x01" + msgpack.packb([7, 2, 1, bytes([2]) * 32, "c", "E", [2, 1]]),
    ]
    hasher = network.suite.tagged_hasher("hanchain/receipts/1")
    assert leaves_of(receipts) == expected
    assert receipts_root(receipts, network.suite) == merkle_root(expected, hasher)
    assert receipts_root([], network.suite) == hasher(b"")


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_paths(network, counts):
    """Every receipt and every event is proved in its place and in no other."""
    suite = network.suite
    receipts = [_receipt(index, count=count) for index, count in enumerate(counts)]
    root, size = receipts_root(receipts, suite), len(counts) + sum(counts)
    leaf = len(counts)
    for index, receipt in enumerate(receipts):
        where = receipt_path(receipts, index, suite)
        assert (where.position, where.size) == (index, size)
        assert verify_leaf(receipt_leaf(receipt), where, root, suite)
        assert not verify_leaf(receipt_leaf(receipt), where._replace(position=(index + 1) % (size + 1)), root, suite)
        for position in range(len(receipt.events)):
            where = event_path(receipts, index, position, suite)
            assert (where.position, where.size) == (leaf, size)
            assert verify_leaf(event_leaf(receipt, position), where, root, suite)
            leaf += 1


def test_a_receipt_is_no_event(network):
    """The same bytes under the other kind are another leaf."""
    receipts = [_receipt()]
    root = receipts_root(receipts, network.suite)
    assert verify_leaf(b"\x00" + receipts[0].encode(), LeafPath(0, 1, ()), root, network.suite)
    assert not verify_leaf(b"\x01" + receipts[0].encode(), LeafPath(0, 1, ()), root, network.suite)
