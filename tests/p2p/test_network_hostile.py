"""Networks over real sockets whose other side is wrong, broken, or an enemy."""

from __future__ import annotations

import asyncio
import logging
import tracemalloc
from contextlib import suppress
from random import Random

import pytest

from p2p import limits
from p2p.backoff import Throttle
from p2p.channels import Channel
from p2p.framing import HEADER
from p2p.limits import Timing

UNKNOWN = "certificate signed by an unknown authority"


def lines(caplog: pytest.LogCaptureFixture, address: str = "") -> list[str]:
    """Return the log lines about ended links, without those of an orderly close."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "hanchain.p2p"
        and record.getMessage().startswith("link ended")
        and address in record.getMessage()
    ]


async def raw(node) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """Open a plain socket to a node; return it with its address as the node logs it."""
    reader, writer = await asyncio.open_connection(*node.network.address)
    host, port = writer.get_extra_info("sockname")
    return reader, writer, f"address={host}:{port} "


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a plain socket whatever the other side did to it."""
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_wrong_authority_is_said_in_words_on_both_sides(world, wait_until, caplog):
    """Two nodes of different authorities never connect, and both logs say what to look for."""
    stranger = type(world.authority)("elsewhere").issue("a", trusts=world.authority)
    a, b = await world.node("a", tls=stranger), await world.node("b")
    a.dial(b)
    await wait_until(lambda: a.network.metrics().ended.get("certificate_refused_by_peer", 0) >= 2)
    assert a.network.peers()[0].last_reason == f"certificate_refused_by_peer: peer refused ours: {UNKNOWN}"
    at_a = [line for line in lines(caplog) if "direction=outbound" in line]
    at_b = [line for line in lines(caplog) if "direction=inbound" in line]
    assert f"peer=b address=127.0.0.1:{b.network.address[1]} " in at_a[0]
    assert f'reason=certificate_refused_by_peer detail="peer refused ours: {UNKNOWN}"' in at_a[0]
    assert f'reason=unknown_authority detail="{UNKNOWN}"' in at_b[0]
    assert (a.heard.changes, b.heard.changes) == ([], [])
    assert [r for r in caplog.records if r.exc_info] == []


async def test_a_listener_of_a_wrong_authority_is_named_on_both_sides(world, wait_until):
    """The dialler refuses the listener's certificate and the listener is told."""
    stranger = type(world.authority)("elsewhere").issue("b", trusts=world.authority)
    a, b = await world.node("a"), await world.node("b", tls=stranger)
    a.dial(b)
    await wait_until(lambda: "unknown_authority" in a.network.metrics().ended)
    await wait_until(lambda: "certificate_refused_by_peer" in b.network.metrics().ended)


async def test_an_expired_certificate_is_named_on_both_sides(world, wait_until):
    """The best-known killer of permissioned networks has its own words."""
    a = await world.node("a", tls=world.authority.issue("a", first_day=-3, last_day=-1))
    b = await world.node("b")
    a.dial(b)
    await wait_until(lambda: a.network.peers()[0].last_reason)
    assert a.network.peers()[0].last_reason == "certificate_refused_by_peer: peer refused ours: certificate expired"
    assert "certificate_expired" in b.network.metrics().ended


async def test_another_chain_is_said_in_words_on_both_sides(world, wait_until, caplog):
    """Nodes of two chains refuse each other after TLS, in the words of the admission that spoke first."""
    a, b = await world.node("a", hello=b"other"), await world.node("b")
    a.dial(b)
    await wait_until(
        lambda: len({"direction=outbound", "direction=inbound"} & set(" ".join(lines(caplog)).split())) == 2
    )
    words = "wrong_chain: peer is on b'other', this node on b'chain'"
    assert any(f'reason=not_admitted detail="{words}"' in line for line in lines(caplog))
    assert a.network.peers()[0].last_reason in (
        f"refused_by_peer: not_admitted: {words}",
        "not_admitted: wrong_chain: peer is on b'chain', this node on b'chain'",
    )
    assert (a.heard.changes, b.heard.changes) == ([], [])


async def test_a_node_that_dials_itself_says_so(world, wait_until):
    """One's own address in the configuration is named as such."""
    a = await world.node("a")
    a.dial(a)
    await wait_until(lambda: "connected_to_self" in a.network.metrics().ended)
    assert a.heard.changes == []


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(range(256)) * 400, b"\x16\x03\x01\x00"])
async def test_random_bytes_cost_one_line(world, wait_until, caplog, data):
    """Junk on the port closes that connection with one line that has reason and address, and nothing else."""
    b = await world.node("b")
    reader, writer, address = await raw(b)
    writer.write(data)
    if len(data) < 10:
        writer.write_eof()
    with suppress(ConnectionError):
        await reader.read()
    await hang_up(writer)
    await wait_until(lambda: not b.network._all)
    (line,) = lines(caplog, address)
    if len(data) < 10:
        assert 'reason=closed_in_handshake detail="peer closed during handshake"' in line
    else:
        assert 'reason=not_tls detail="not TLS (plain bytes on the port)"' in line
    assert [r for r in caplog.records if r.exc_info or r.name == "asyncio"] == []


async def test_a_port_scan_costs_one_line(world, wait_until, caplog):
    """A connection that is opened and closed, or reset, is one line each."""
    b = await world.node("b")
    for reset in (False, True):
        _, writer, address = await raw(b)
        if reset:
            await asyncio.sleep(0.02)
            writer.transport.abort()
        await hang_up(writer)
        await wait_until(lambda: not b.network._all)
        assert len(lines(caplog, address)) == 1


async def test_slow_loris_is_cut_off_and_does_not_keep_others_out(world, wait_until, fast):
    """Connections that drip bytes end at the handshake deadline, and an honest peer gets in meanwhile."""
    b = await world.node("b")
    slow = [await raw(b) for _ in range(limits.PENDING_PER_ADDRESS_MAX + 10)]
    assert len(b.network._pending) <= limits.PENDING_PER_ADDRESS_MAX
    for _, writer, _ in slow:
        writer.write(b"\x16")
    a = await world.node("a")
    a.dial(b)
    await wait_until(lambda: b.heard.changes == ["+a"], fast.handshake_timeout_ms / 1000)
    await wait_until(lambda: len(b.network._all) == 1)
    metrics = b.network.metrics()
    assert metrics.ended["evicted"] + metrics.ended["handshake_timeout"] == len(slow)
    for _, writer, _ in slow:
        await hang_up(writer)


@pytest.mark.parametrize(
    "frame", [HEADER.pack(2**32 - 1, 0, Channel.TX, 1), HEADER.pack(0, 0, 77, 1), bytes([255] * 9)]
)
async def test_a_malformed_frame_ends_the_link_and_counts_as_an_offence(world, wait_until, frame):
    """The sender is told, scored, and banned when it does it again."""
    a, b = await world.pair()
    for _ in range(2):
        link = a.network._links["b"]
        link.connection.queue.push(Channel.TX, (frame,))
        link.flush()
        changes = len(b.heard.changes)
        await wait_until(lambda n=changes: len(b.heard.changes) > n)
        await wait_until(lambda: "b" in a.network._links or b.network.metrics().bans)
        await asyncio.sleep(0.02)
    assert sum(b.network.metrics().offences.values()) == 2
    assert b.network.metrics().bans == 1
    assert a.heard.changes[1].startswith("-b goodbye: frame_")
    assert b.network.peers()[0].banned


async def test_a_flood_is_slowed_down_and_keeps_memory_bounded(world, wait_until):
    """A peer that sends as fast as it can is held to the rate while an honest one is heard at once."""
    a, b = await world.pair()
    c = await world.node("c")
    c.dial(b)
    await wait_until(lambda: len(b.heard.changes) == 2)
    b.heard.on_message = lambda peer_id, *_: b.heard.messages.append(peer_id) if peer_id == "c" else None
    flood = HEADER.pack(64, 0, Channel.TX, 1) + bytes(64)
    link = a.network._links["b"]
    rate = 4_000  # tracing memory makes everything slow; the ratio is what matters
    b.network._links["a"].connection._throttle = Throttle(b.network.now_ms(), messages_per_second=rate)
    tracemalloc.start()
    try:
        loop = asyncio.get_running_loop()
        end, worst_s = loop.time() + 1.5, 0.0
        while loop.time() < end:
            while link.connection.queue.push(Channel.TX, (flood,) * 1000):
                pass
            link.flush()
            asked = loop.time()
            heard = len(b.heard.messages)
            assert c.network.send("b", Channel.CONSENSUS, 1, b"vote")
            await wait_until(lambda n=heard: len(b.heard.messages) > n)
            worst_s = max(worst_s, loop.time() - asked)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    received = b.network.metrics().messages_in["tx"]
    assert rate < received <= rate * 2.6  # 1.5 seconds, a burst of half a second, and one read
    assert b.network.metrics().pauses > 0
    assert worst_s < 0.2
    assert peak < 3 * limits.TX_QUEUE_MAX[1]


async def test_a_peer_that_does_not_read_is_bounded_and_given_up(world, wait_until, fast):
    """What waits for it stays within the queues, old votes go first, and the link ends as a slow reader."""
    calm = Timing(stall_timeout_ms=1_000, tick_ms=20)
    a = await world.node("a", timing=calm)
    b = await world.node("b", timing=Timing(idle_timeout_ms=60_000))
    a.dial(b)
    await wait_until(lambda: a.heard.changes and b.heard.changes)
    b.network._links["a"]._transport.pause_reading()
    random = Random(1)
    vote, transaction = random.randbytes(150_000), random.randbytes(100_000)
    for number in range(600):
        assert a.network.send("b", Channel.CONSENSUS, 1, vote)
        a.network.send("b", Channel.TX, 1, transaction)
        if number % 50 == 0:
            await asyncio.sleep(0)
    metrics = a.network.metrics()
    assert metrics.queued_bytes <= limits.CONSENSUS_QUEUE_MAX[1] + limits.TX_QUEUE_MAX[1] + limits.CONTROL_QUEUE_MAX[1]
    assert metrics.dropped["consensus"] > 0
    assert metrics.dropped["tx"] > 0
    await wait_until(lambda: len(a.heard.changes) >= 2)
    assert a.heard.changes[1] == "-b slow_reader: nothing read for 1000 ms"


async def test_a_dead_peer_is_noticed_by_silence(world, wait_until, fast):
    """A peer whose process hangs is given up after the idle time, without a word from its socket."""
    a, b = await world.pair()
    link = b.network._links["a"]
    link._transport.pause_reading()
    link.flush = lambda: None
    link.tick = lambda _: None
    await wait_until(lambda: len(a.heard.changes) >= 2, 3)
    assert a.heard.changes[1].startswith("-b idle: nothing heard for ")


async def test_strangers_cannot_fill_the_log(world, wait_until, caplog):
    """A thousand junk connections write at most the budget of lines, and the rest are counted."""
    caplog.set_level(logging.INFO, logger="hanchain.p2p")
    b = await world.node("b")
    b.network._strangers._left = 20
    for _ in range(50):
        _, writer, _ = await raw(b)
        writer.write(b"junk")
        await hang_up(writer)
    await wait_until(lambda: b.network.metrics().ended.get("not_tls", 0) == 50)
    assert len(lines(caplog)) == 20
    assert b.network._strangers.renew(b.network.now_ms() + limits.STRANGER_INTERVAL_MS) == 30
