"""Transaction gossip: when batches leave, what is new, what is refused."""

from __future__ import annotations

import pytest

from p2p import codec, limits
from p2p.gossip import GossipCounts, GossipError, GossipReason, SeenCache, TransactionGossip, fingerprint


def test_a_batch_leaves_after_its_delay():
    """The first transaction sets the deadline; those that come in time share the batch."""
    gossip = TransactionGossip(batch_delay_ms=10)
    assert gossip.next_deadline_ms is None
    assert gossip.add(b"one", 100)
    assert gossip.add(b"two", 109)
    assert (gossip.next_deadline_ms, gossip.due(109)) == (110, [])
    assert gossip.due(110) == [codec.encode([b"one", b"two"])]
    assert (gossip.next_deadline_ms, gossip.due(200)) == (None, [])


def test_a_full_batch_leaves_at_once():
    """Count and bytes each close a batch before its delay; the rest keeps its own deadline."""
    gossip = TransactionGossip(batch_delay_ms=10, max_batch_count=2)
    for number in range(5):
        gossip.add(b"%d" % number, 0)
    assert gossip.next_deadline_ms == 0
    assert gossip.due(0) == [codec.encode([b"0", b"1"]), codec.encode([b"2", b"3"])]
    assert gossip.next_deadline_ms == 10

    gossip = TransactionGossip(batch_delay_ms=10, max_batch_bytes=1000)
    for number in range(3):
        gossip.add(bytes([number]) * 600, 0)
    assert gossip.due(0) == [codec.encode([b"\x00" * 600]), codec.encode([b"\x01" * 600])]
    assert gossip.due(10) == [codec.encode([b"\x02" * 600])]


def test_no_batch_is_larger_than_the_bound_unless_one_transaction_is():
    """Encoded batches respect the byte bound, and a large transaction travels alone."""
    gossip = TransactionGossip(max_batch_bytes=4096)
    for number in range(100):
        gossip.add(b"%03d" % number * 50, 0)
    gossip.add(bytes(limits.TRANSACTION_BYTES_MAX), 0)
    batches = gossip.due(10**6)
    assert max(map(len, batches[:-1])) <= 4096
    assert batches[-1] == codec.encode([bytes(limits.TRANSACTION_BYTES_MAX)])


def test_received_transactions_are_new_once_and_not_sent_on():
    """A batch gives its new transactions in order; they are not gossiped again, and repetition is measured."""
    sender, receiver = TransactionGossip(), TransactionGossip()
    sender.add(b"one", 0)
    sender.add(b"three", 0)
    (batch,) = sender.due(10)
    assert receiver.received(batch) == [b"one", b"three"]
    assert receiver.received(batch) == []
    assert receiver.received(codec.encode([b"one", b"four", b"four"])) == [b"four"]
    assert not receiver.add(b"three", 20)
    assert receiver.due(10**6) == []
    assert sender.counts == GossipCounts(2, 8, 0, 0, 0, 0, 0)
    assert receiver.counts == GossipCounts(0, 0, 3, 12, 4, 15, 0)
    assert receiver.counts.redundancy_permille == (12 + 15) * 1000 // 12


def test_a_copy_with_other_signatures_does_not_hide_the_good_one():
    """The cache knows transactions by all their bytes."""
    gossip = TransactionGossip()
    assert gossip.received(codec.encode([b"body|bad signature"])) == [b"body|bad signature"]
    assert gossip.received(codec.encode([b"body|good signature"])) == [b"body|good signature"]
    assert fingerprint(b"a") != fingerprint(b"b")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", GossipReason.MALFORMED),
        (b"junk", GossipReason.MALFORMED),
        (codec.encode([]), GossipReason.EMPTY),
        (codec.encode(b"tx"), GossipReason.MALFORMED),
        (codec.encode(["tx"]), GossipReason.MALFORMED),
        (codec.encode([b"tx", b""]), GossipReason.MALFORMED),
        (codec.encode([[b"tx"]]), GossipReason.MALFORMED),
        (codec.encode([b"tx"]) + b"x", GossipReason.MALFORMED),
        (codec.encode([b"tx"] * (limits.BATCH_COUNT_MAX + 1)), GossipReason.MALFORMED),
        (codec.encode([b"tx", bytes(limits.TRANSACTION_BYTES_MAX + 1)]), GossipReason.OVERSIZED),
    ],
)
def test_a_bad_batch_is_refused_whole_and_changes_nothing(payload, reason):
    """A batch with any fault is refused with its reason, and its good transactions are still new afterwards."""
    gossip = TransactionGossip()
    with pytest.raises(GossipError) as error:
        gossip.received(payload)
    assert error.value.reason is reason
    assert gossip.counts == GossipCounts(0, 0, 0, 0, 0, 0, 0)
    assert gossip.received(codec.encode([b"tx"])) == [b"tx"]


def test_what_waits_is_bounded():
    """Without anybody taking batches, transactions are refused above the byte bound, and counted."""
    gossip = TransactionGossip()
    size = limits.TRANSACTION_BYTES_MAX
    taken = [gossip.add(bytes([number]) * size, 0) for number in range(20)]
    assert taken == [True] * 15 + [False] * 5
    assert gossip.counts.refused == 5
    assert sum(map(len, gossip.due(10))) <= limits.GOSSIP_PENDING_BYTES_MAX
    assert gossip.add(bytes([19]) * size, 20)


def test_the_seen_cache_is_bounded_and_remembers_the_latest_half():
    """It never holds more than its capacity, and the last half of it is always there."""
    cache = SeenCache(100)
    for number in range(1000):
        assert cache.add(b"%d" % number)
        assert len(cache) <= 100
        latest = range(max(0, number - 49), number + 1)
        assert all(b"%d" % seen in cache._young or b"%d" % seen in cache._old for seen in latest)
    assert not cache.add(b"999")
    assert cache.add(b"0")
