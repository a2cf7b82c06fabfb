"""The send queue: order, fairness, and what is dropped when it is full."""

from __future__ import annotations

from random import Random

import pytest

from p2p import limits
from p2p.channels import _QUEUE_MAX, FRAME_BYTES_MAX, Channel, SendQueue

ALL = 1 << 40


def test_channels_leave_in_order_of_priority():
    """Whatever the order of arrival, control goes first, then consensus, sync, block and transactions."""
    queue = SendQueue()
    for channel in reversed(Channel):
        assert queue.push(channel, (channel.label.encode(),))
    assert queue.take(ALL) == [b"control", b"consensus", b"sync", b"block", b"tx"]
    assert queue.take(ALL) == []
    assert (queue.pending_bytes, queue.sent_messages) == (0, [1, 1, 1, 1, 1])
    assert queue.sent_bytes == [7, 9, 4, 5, 2]


def test_a_vote_overtakes_the_rest_of_a_block():
    """Between two fragments of a block a vote goes through, and the block still arrives whole and in order."""
    queue = SendQueue()
    fragments = tuple(bytes([number]) * limits.FRAGMENT_BYTES_MAX for number in range(3))
    queue.push(Channel.BLOCK, fragments)
    queue.push(Channel.BLOCK, (b"next",))
    assert queue.take(1) == [fragments[0]]
    queue.push(Channel.CONSENSUS, (b"vote",))
    assert queue.take(ALL) == [b"vote", fragments[1], fragments[2], b"next"]


def test_a_busy_consensus_does_not_starve_the_others():
    """With every channel always full, each but consensus gets about one turn in seventeen."""
    queue = SendQueue()
    piece = bytes(limits.FRAGMENT_BYTES_MAX)
    turns = 17 * 20
    for _ in range(turns):
        for channel in (Channel.CONSENSUS, Channel.SYNC, Channel.BLOCK, Channel.TX):
            while queue._lanes[channel].bytes < 4 * len(piece):
                queue.push(channel, (piece,))
        assert queue.take(len(piece)) == [piece]
    assert [sent // len(piece) for sent in queue.sent_bytes] == [0, 282, 20, 19, 19]


def test_consensus_waits_for_at_most_one_turn():
    """However long the others were passed over, a vote is never behind more than one turn of each of them."""
    queue = SendQueue()
    piece = bytes(limits.FRAGMENT_BYTES_MAX)
    for channel in (Channel.SYNC, Channel.BLOCK, Channel.TX):
        for _ in range(8):
            queue.push(channel, (piece,))
    for _ in range(64):
        queue.push(Channel.CONSENSUS, (piece,))
        queue.take(len(piece))
    queue._lanes[Channel.CONSENSUS].waiting.clear()
    queue.pending_bytes -= queue._lanes[Channel.CONSENSUS].bytes
    queue._lanes[Channel.CONSENSUS].bytes = 0
    queue.push(Channel.CONSENSUS, (b"vote",))
    assert queue.take(ALL).index(b"vote") <= 3


def test_full_consensus_drops_the_oldest_and_others_the_newest():
    """Consensus keeps its newest messages, every other channel its oldest, and each loss is counted."""
    queue = SendQueue()
    consensus_max, tx_max = limits.CONSENSUS_QUEUE_MAX[0], limits.TX_QUEUE_MAX[0]
    taken = [queue.push(Channel.CONSENSUS, (b"%d" % number,)) for number in range(consensus_max + 2)]
    assert all(taken)
    taken = [queue.push(Channel.TX, (b"%d" % number,)) for number in range(tx_max + 3)]
    assert taken == [True] * tx_max + [False] * 3
    assert queue.dropped == [0, 2, 0, 0, 3]
    out = queue.take(ALL)
    assert out == [b"%d" % number for number in range(2, consensus_max + 2)] + [b"%d" % n for n in range(tx_max)]


def test_a_message_that_has_begun_is_not_dropped():
    """Dropping the oldest spares the message whose first fragment has left, or the stream would break."""
    queue = SendQueue()
    half = limits.CONSENSUS_QUEUE_MAX[1] // 2
    queue.push(Channel.CONSENSUS, (b"a" * 10, b"b" * (half - 10)))
    assert queue.take(1) == [b"a" * 10]
    assert queue.push(Channel.CONSENSUS, (b"c" * half,))
    assert queue.push(Channel.CONSENSUS, (b"d" * half,))
    assert queue.dropped[Channel.CONSENSUS] == 1
    assert [fragment[:1] for fragment in queue.take(ALL)] == [b"b", b"d"]


@pytest.mark.parametrize("channel", list(Channel))
def test_the_largest_frame_fits_an_empty_queue(channel):
    """The byte bound of each queue admits at least one largest frame with all its headers."""
    largest = FRAME_BYTES_MAX[channel]
    headers = 8 * (largest // limits.FRAGMENT_BYTES_MAX + 1)
    assert largest + headers <= _QUEUE_MAX[channel][1]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_lost_or_reordered_within_a_channel(seed):
    """Under random pushes and takes, each channel gives out what it took, in order, and the sums agree."""
    random = Random(seed)
    queue, pushed, out = SendQueue(), {channel: [] for channel in Channel}, []
    for number in range(400):
        channel = random.choice(list(Channel))
        message = tuple(bytes([channel]) + b"%d.%d" % (number, part) for part in range(random.choice([1, 1, 3])))
        if queue.push(channel, message):
            pushed[channel] += message
        if random.random() < 0.5:
            out += queue.take(random.randrange(1, 200))
    out += queue.take(ALL)
    assert {channel: [piece for piece in out if piece[0] == channel] for channel in Channel} == pushed
    assert queue.pending_bytes == 0
    assert queue.sent_bytes == [sum(map(len, pushed[channel])) for channel in Channel]
