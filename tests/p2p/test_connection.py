"""Two connections joined by bytes in memory: the whole life of a link without a socket or a clock."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from p2p import limits
from p2p.channels import Channel
from p2p.connection import Connection, LinkError, LinkReason
from p2p.framing import HEADER, FrameEncoder, FrameError
from p2p.handshake import Control, HandshakeError, Terms
from p2p.limits import Timing
from p2p.rejection import Rejection

TIMING = Timing()
ENCODER = FrameEncoder()


@pytest.fixture
def ends(contexts, admission) -> list[Connection]:
    """Return the dialling a and the listening b of one link, before any byte has moved."""
    return [make(contexts, admission, dialled=True), make(contexts, admission, dialled=False)]


def make(contexts, admission, *, dialled: bool, terms: Terms | None = None) -> Connection:
    """Return one end of a link."""
    return Connection(
        context=contexts[0 if dialled else 1],
        dialled=dialled,
        terms=terms or Terms(hello=b"chain", nonce=(b"a" if dialled else b"b") * limits.NONCE_BYTES),
        number=1,
        judge=admission,
        expected="b" if dialled else None,
        timing=TIMING,
        encoder=ENCODER,
        now_ms=0,
    )


def run(ends: list[Connection], now_ms: int = 0) -> tuple[list[list[tuple]], list[Rejection | None]]:
    """Carry bytes until nothing moves; return the messages and the failure of each end."""
    messages: list[list[tuple]] = [[], []]
    failures: list[Rejection | None] = [None, None]
    moved = True
    while moved:
        moved = False
        for index in (0, 1):
            data = ends[index].output(now_ms)
            other = 1 - index
            if data and failures[other] is None:
                moved = True
                try:
                    messages[other] += map(tuple, ends[other].receive(data, now_ms))
                except Rejection as error:
                    failures[other] = error
                    ends[other].farewell(error)
    return messages, failures


def message(channel: Channel, payload: bytes) -> tuple[bytes, ...]:
    """Return an encoded message of kind 1."""
    return ENCODER.encode(channel, 1, payload)


def test_a_link_comes_up_and_carries_messages_both_ways(ends):
    """Both ends are established, know each other's name, and count what they carry."""
    a, b = ends
    assert run(ends) == ([[], []], [None, None])
    assert (a.established, b.established) == (True, True)
    assert (a.identity.peer_id, b.identity.peer_id) == ("b", "a")
    a.push(Channel.TX, message(Channel.TX, b"tx"))
    a.push(Channel.CONSENSUS, message(Channel.CONSENSUS, b"vote"))
    b.push(Channel.SYNC, message(Channel.SYNC, bytes(300_000)))
    messages, failures = run(ends)
    assert messages == [
        [(Channel.SYNC, 1, bytes(300_000))],
        [(Channel.CONSENSUS, 1, b"vote"), (Channel.TX, 1, b"tx")],
    ]
    assert failures == [None, None]
    assert (b.messages_in, b.bytes_in) == ([0, 1, 0, 0, 1], [0, 4, 0, 0, 2])


def test_a_message_right_behind_ready_is_not_lost(ends):
    """A sends as soon as it is established, and b gets READY and message in one read."""
    a, b = ends
    while not a.established:
        b.receive(a.output(0), 0)
        a.receive(b.output(0), 0)
    assert not b.established
    a.push(Channel.TX, message(Channel.TX, b"early bird"))
    assert [tuple(frame) for frame in b.receive(a.output(0), 0)] == [(Channel.TX, 1, b"early bird")]
    assert b.established


def test_another_chain_is_refused_in_words_on_both_sides(contexts, admission):
    """Both ends can log why, the refused one in the refuser's words."""
    other = Terms(hello=b"other", nonce=b"a" * limits.NONCE_BYTES)
    ends = [make(contexts, admission, dialled=True, terms=other), make(contexts, admission, dialled=False)]
    _, failures = run(ends)
    assert [str(failure) for failure in failures] == [
        "refused_by_peer: not_admitted: wrong_chain: peer is on b'other', this node on b'chain'",
        "not_admitted: wrong_chain: peer is on b'other', this node on b'chain'",
    ]


def test_another_version_is_refused_in_words_on_both_sides(contexts, admission):
    """A node of another protocol version is told both versions."""
    newer = Terms(hello=b"chain", nonce=b"a" * limits.NONCE_BYTES, version=2)
    ends = [make(contexts, admission, dialled=True, terms=newer), make(contexts, admission, dialled=False)]
    _, failures = run(ends)
    assert [str(failure) for failure in failures] == [
        "refused_by_peer: wrong_version: peer has protocol version 2, this node 1",
        "wrong_version: peer has protocol version 2, this node 1",
    ]


def test_messages_before_ready_are_refused(ends):
    """A peer that was not admitted yet cannot make us keep more than a control frame."""
    a, b = ends
    b.receive(a.output(0), 0)
    a.receive(b.output(0), 0)
    a.queue.push(Channel.TX, message(Channel.TX, b"x"))
    a.queue._lanes[Channel.CONTROL].waiting.clear()
    a.queue._lanes[Channel.CONTROL].bytes = 0
    a.queue.pending_bytes = a.queue._lanes[Channel.TX].bytes
    with pytest.raises(FrameError) as error:
        b.receive(a.output(0), 0)
    assert str(error.value) == "frame_unknown_channel: channel 4 is not open on this link"


def test_an_admitted_peer_that_skips_ready_is_refused(ends):
    """Between HELLO and READY only READY may come."""
    a, b = ends
    b.receive(a.output(0), 0)
    a.receive(b.output(0), 0)
    b.receive(a.output(0), 0)
    a.queue.clear()
    a.queue.push(Channel.TX, message(Channel.TX, b"x"))
    with pytest.raises(HandshakeError) as error:
        b.receive(a.output(0), 0)
    assert str(error.value) == "handshake_out_of_order: a tx message before READY"


def test_a_silent_peer_is_pinged_and_then_given_up(ends):
    """Pings keep a quiet link alive; without an answer the link ends after the idle time."""
    a, b = ends
    run(ends)
    for now_ms in range(0, 60_000, 500):
        a.tick(now_ms)
        b.tick(now_ms)
        assert run(ends, now_ms)[1] == [None, None]
    assert a.queue.sent_messages[Channel.CONTROL] < 60
    heard_ms = a._heard_at_ms
    for now_ms in range(59_500, heard_ms + TIMING.idle_timeout_ms, 500):
        a.tick(now_ms)
        a.output(now_ms)
    with pytest.raises(LinkError) as error:
        a.tick(heard_ms + TIMING.idle_timeout_ms)
    assert str(error.value) == "idle: nothing heard for 12000 ms"


def test_a_handshake_has_one_deadline_however_it_drips(ends):
    """A byte now and then does not extend the time for the handshake."""
    a, b = ends
    hello = a.output(0)
    for index in range(TIMING.handshake_timeout_ms // 100):
        b.receive(hello[index : index + 1], index * 100)
        b.tick(index * 100)
    with pytest.raises(LinkError) as error:
        b.tick(TIMING.handshake_timeout_ms)
    assert error.value.reason is LinkReason.HANDSHAKE_TIMEOUT


def test_a_farewell_says_why_and_nothing_more(ends):
    """Goodbye reaches the peer before what still waited, which is dropped."""
    a, b = ends
    run(ends)
    a.push(Channel.TX, message(Channel.TX, b"never mind"))
    a.farewell(LinkError(LinkReason.SHUTDOWN, "a is shutting down"))
    with pytest.raises(LinkError) as error:
        b.receive(a.output(0), 0)
    assert str(error.value) == "goodbye: shutdown: a is shutting down"


def test_a_bad_frame_is_refused_and_named_to_its_sender(ends):
    """A peer whose frame is refused hears which rule it broke."""
    run(ends)
    ends[0].queue.push(Channel.TX, (HEADER.pack(2**31, 0, Channel.TX, 1),))
    _, failures = run(ends)
    assert [str(failure) for failure in failures] == [
        "goodbye: frame_oversized: 2147483648 bytes on tx, at most 2097152",
        "frame_oversized: 2147483648 bytes on tx, at most 2097152",
    ]


def test_a_flood_of_pings_costs_bounded_memory_and_is_paused(ends):
    """A hundred thousand pings queue at most 64 answers, and the link is held to its rate."""
    a, b = ends
    run(ends)
    ping = ENCODER.encode(Channel.CONTROL, Control.PING, b"")[0]
    a._tls.write(ping * 100_000)
    assert b.receive(a.output(0), 0) == []
    assert b.queue.pending_bytes <= 64 * len(ping)
    assert b.pause_ms(100_000 * len(ping), 0) == limits.INBOUND_BURST_MS


def test_decompressed_bytes_count_against_the_rate(ends):
    """What a message expands to is what its sender pays for."""
    a, b = ends
    run(ends)
    payload = Random(1).randbytes(1_000_000).hex().encode()
    wire = 0
    for _ in range(20):
        a.push(Channel.SYNC, message(Channel.SYNC, payload))
        data = a.output(0)
        wire += len(data)
        while data:
            b.receive(data, 0)
            data = a.output(0)
            wire += len(data)
    assert 20 * len(payload) > limits.INBOUND_BYTES_PER_SECOND // 2
    assert wire < 20 * len(payload) * 2 // 3
    assert b.pause_ms(0, 0) > 0


def test_an_unknown_control_frame_ends_an_established_link(ends):
    """After READY only pings, pongs and goodbye are control."""
    a, b = ends
    run(ends)
    a.queue.push(Channel.CONTROL, ENCODER.encode(Channel.CONTROL, Control.HELLO, b""))
    with pytest.raises(HandshakeError):
        b.receive(a.output(0), 0)


def test_timings_are_consistent():
    """A quiet link is pinged several times before it is given up, and the default times keep their order."""
    assert TIMING.idle_timeout_ms >= 3 * TIMING.ping_after_ms
    assert TIMING.tick_ms * 10 <= TIMING.ping_after_ms
    assert replace(TIMING, tick_ms=50).backoff_cap_ms == 5_000
