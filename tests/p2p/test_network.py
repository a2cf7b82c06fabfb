"""Networks over real sockets that behave, or die and come back."""

from __future__ import annotations

import asyncio
import gc

import pytest

from p2p.backoff import Throttle
from p2p.channels import Channel
from p2p.info import Direction
from p2p.network import Network


async def test_messages_arrive_whole_in_order_on_every_channel(world, wait_until):
    """What is sent on each channel arrives once, whole, with its kind, at both ends."""
    a, b = await world.pair()
    large = bytes(range(256)) * 8192
    for channel in (Channel.CONSENSUS, Channel.SYNC, Channel.BLOCK):
        assert a.network.send("b", channel, 7, large)
        assert b.network.send("a", channel, 65535, b"")
    assert a.network.send("b", Channel.TX, 0, b"tx")
    await wait_until(lambda: len(b.heard.messages) == 4 and len(a.heard.messages) == 3)
    assert sorted(b.heard.messages) == [
        ("a", Channel.CONSENSUS, 7, large),
        ("a", Channel.SYNC, 7, large),
        ("a", Channel.BLOCK, 7, large),
        ("a", Channel.TX, 0, b"tx"),
    ]
    assert sorted(a.heard.messages) == [
        ("b", Channel.CONSENSUS, 65535, b""),
        ("b", Channel.SYNC, 65535, b""),
        ("b", Channel.BLOCK, 65535, b""),
    ]


async def test_a_vote_overtakes_megabytes_of_sync(world, wait_until):
    """A vote sent after sixteen megabytes of sync arrives before the last of them."""
    a, b = await world.pair()
    for _ in range(2):
        assert a.network.send("b", Channel.SYNC, 1, bytes(7_900_000))
    assert a.network.send("b", Channel.CONSENSUS, 2, b"vote")
    await wait_until(lambda: len(b.heard.messages) == 3)
    assert [kind for _, _, kind, _ in b.heard.messages].index(2) < 2


async def test_a_hundred_thousand_messages(world, wait_until):
    """A hundred thousand votes arrive in order, none lost, even where the receiver holds their sender to a rate."""
    a, b = await world.pair()
    throttle = Throttle(b.network.now_ms(), messages_per_second=50_000)
    b.network._links["a"].connection._throttle = throttle
    sent = 0
    while sent < 100_000:
        for _ in range(2000):
            assert a.network.send("b", Channel.CONSENSUS, 1, b"vote %d" % sent)
            sent += 1
        await wait_until(lambda: a.network.metrics().queued_bytes < 16_000, 30)
    await wait_until(lambda: len(b.heard.messages) == sent, 60)
    assert [payload for *_, payload in b.heard.messages] == [b"vote %d" % number for number in range(sent)]
    assert a.network.metrics().dropped["consensus"] == 0


async def test_broadcast_reaches_all_or_those_named(world, wait_until):
    """A broadcast goes once to every connected peer, or to those named; unknown names count for nothing."""
    hub, left, right = [await world.node(name) for name in ("hub", "left", "right")]
    left.dial(hub)
    right.dial(hub)
    await wait_until(lambda: sorted(hub.heard.changes) == ["+left", "+right"])
    await wait_until(lambda: left.heard.changes == ["+hub"] and right.heard.changes == ["+hub"])
    assert hub.network.broadcast(Channel.TX, 1, b"all") == 2
    assert hub.network.broadcast(Channel.TX, 2, b"some", peers=["right", "nobody"]) == 1
    await wait_until(lambda: len(right.heard.messages) == 2 and len(left.heard.messages) == 1)
    assert left.heard.messages == [("hub", Channel.TX, 1, b"all")]
    assert right.heard.messages == [("hub", Channel.TX, 1, b"all"), ("hub", Channel.TX, 2, b"some")]
    assert hub.network.send("nobody", Channel.TX, 1, b"") is False


async def test_simultaneous_dials_leave_one_link_and_no_flapping(world, wait_until, fast):
    """Both sides dial at once, many times over: one link remains, and nobody above saw it change."""
    for round_number in range(10):
        a, b = await world.node(f"a{round_number}"), await world.node(f"b{round_number}")
        a.dial(b)
        b.dial(a)
        await wait_until(lambda a=a, b=b: a.heard.changes and b.heard.changes)
        await asyncio.sleep(2 * fast.backoff_cap_ms / 1000)
        assert (len(a.network._all), len(b.network._all)) == (1, 1)
        assert (a.heard.changes, b.heard.changes) == ([f"+{b.name}"], [f"+{a.name}"])
        directions = {a.network.peers()[0].direction, b.network.peers()[0].direction}
        assert directions == {Direction.INBOUND, Direction.OUTBOUND}
        assert a.network.send(b.name, Channel.TX, 1, b"x")
        await wait_until(lambda b=b: b.heard.messages)


async def test_a_peer_that_died_and_came_back_is_connected_again(world, wait_until):
    """The dialling side keeps trying while nobody answers, and connects when the peer listens again."""
    a, b = await world.pair()
    port = b.network.address[1]
    await b.network.close()
    await wait_until(lambda: len(a.heard.changes) == 2)
    assert a.heard.changes[1] == "-b goodbye: shutdown: b is shutting down"
    await wait_until(lambda: a.network.metrics().ended.get("dial_failed", 0) >= 3)
    info = a.network.peers()[0]
    assert (info.direction, info.address) == (None, f"127.0.0.1:{port}")
    assert info.last_reason.startswith("dial_failed: ")
    reborn = await world.node("b", port=port)
    await wait_until(lambda: reborn.heard.changes == ["+a"])
    assert a.heard.changes[2] == "+b"


async def test_a_restarted_dialler_replaces_its_former_life(world, wait_until):
    """A new process under the same name takes over at once, and the owner sees the change."""
    a, b = await world.pair()
    second = await world.node("a")
    second.dial(b)
    await wait_until(lambda: len(b.heard.changes) == 3)
    assert b.heard.changes == ["+a", "-a restarted", "+a"]
    a.network.forget("b")
    assert b.network.send("a", Channel.TX, 1, b"to the new one")
    await wait_until(lambda: second.heard.messages == [("b", Channel.TX, 1, b"to the new one")])


async def test_a_dead_half_of_a_link_is_healed_by_the_next_dial(world, wait_until):
    """When one side lost the link unnoticed by the other, its next dial replaces the dead one without a time-out."""
    a, b = await world.pair()
    link = a.network._links["b"]
    link._transport.pause_reading()
    link.over = True  # a forgets the link without a word: its socket stays open and silent
    a.network._table.lost(link.connection, None, "lost", a.network.now_ms())
    del a.network._links["b"]
    await wait_until(lambda: a.heard.changes == ["+b", "+b"])
    assert b.heard.changes == ["+a"]
    assert a.network.send("b", Channel.TX, 1, b"again")
    await wait_until(lambda: b.heard.messages == [("a", Channel.TX, 1, b"again")])


async def test_disconnect_tells_the_peer_why_and_the_dialler_returns(world, wait_until):
    """Both sides learn the reason; a forgotten peer is not dialled again."""
    a, b = await world.pair()
    b.network.disconnect("a", "removed by governance")
    await wait_until(lambda: len(a.heard.changes) == 3)
    assert a.heard.changes == ["+b", "-b goodbye: disconnected: removed by governance", "+b"]
    assert b.heard.changes[:2] == ["+a", "-a disconnected: removed by governance"]
    a.network.forget("b")
    a.network.disconnect("b", "enough")
    await asyncio.sleep(0.3)
    assert a.heard.changes[3:] == ["-b disconnected: enough"]


async def test_reports_add_up_to_a_ban(world, wait_until):
    """At a score of 100 the peer is cut off, told why, and refused while the ban lasts."""
    a, b = await world.pair()
    assert b.network.report("a", "bad_signature", 60) == 60
    assert b.network.peers()[0].score == 60
    assert b.network.report("a", "bad_signature", 40) == 100
    await wait_until(lambda: len(a.heard.changes) == 2)
    assert a.heard.changes[1] == "-b goodbye: banned: bad_signature"
    await wait_until(lambda: "refused_by_peer" in a.network.metrics().ended)
    assert a.network.peers()[0].last_reason == ("refused_by_peer: not_admitted: banned: for 300 s more: bad_signature")
    assert b.network.peers()[0].banned
    assert (b.network.metrics().bans, b.network.metrics().offences) == (1, {"bad_signature": 2})


async def test_metrics_and_peers_add_up(world, wait_until):
    """What one side sent the other received, by channel, and counts survive the end of the link."""
    a, b = await world.pair()
    for number in range(5):
        a.network.send("b", Channel.BLOCK, 1, b"block")
        a.network.send("b", Channel.TX, 1, bytes(number))
    await wait_until(lambda: len(b.heard.messages) == 10)
    info_a, info_b = a.network.peers()[0], b.network.peers()[0]
    assert (info_a.direction, info_b.direction) == (Direction.OUTBOUND, Direction.INBOUND)
    assert (info_b.bytes_in["block"], info_b.bytes_in["tx"]) == (25, 10)
    assert (info_a.bytes_out["block"], info_a.bytes_out["tx"]) == (25 + 5 * 8, 10 + 5 * 8)
    assert info_a.connected_since_ms > 1_600_000_000_000
    a.network.disconnect("b", "count")
    await wait_until(lambda: len(b.heard.changes) >= 2)
    metrics_a, metrics_b = a.network.metrics(), b.network.metrics()
    assert (metrics_a.messages_out["block"], metrics_a.messages_out["tx"]) == (5, 5)
    assert (metrics_b.messages_in["block"], metrics_b.messages_in["tx"]) == (5, 5)
    assert metrics_b.ended["goodbye"] == 1


async def test_a_quiet_link_stays_up_by_pings(world, fast):
    """Several idle times without a message do not end a link whose peer answers."""
    a, b = await world.pair()
    await asyncio.sleep(3 * fast.idle_timeout_ms / 1000)
    assert (a.heard.changes, b.heard.changes) == (["+b"], ["+a"])


async def test_new_certificates_are_used_for_new_links(world, wait_until):
    """A rotated certificate appears on the next link while the old link goes on."""
    a, b = await world.pair()
    before = b.network._links["a"].connection._tls.peer_certificate_der
    a.network.use_tls(world.authority.issue("a"))
    assert a.heard.changes == ["+b"]
    a.network.disconnect("b", "rotate")
    await wait_until(lambda: len(b.heard.changes) == 3)
    assert b.network._links["a"].connection._tls.peer_certificate_der != before


async def test_close_leaves_no_tasks_sockets_or_timers(world, wait_until):
    """After close nothing of the network runs, with links up, in handshake and being dialled."""
    a, b = await world.pair()
    a.network.dial("nobody", "127.0.0.1", 1)
    address = b.network.address
    reader, writer = await asyncio.open_connection(*address)
    await asyncio.sleep(0.05)
    await a.network.close()
    await b.network.close()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert (a.network._all, b.network._all) == (set(), set())
    with pytest.raises(OSError):
        await asyncio.open_connection(*address)
    loop = asyncio.get_running_loop()
    assert [handle for handle in loop._scheduled if not handle.cancelled()] == []
    del reader, writer
    gc.collect()  # an unclosed socket or transport would warn, and warnings are errors


async def test_close_is_bounded_when_a_peer_does_not_read(world, wait_until, fast):
    """A peer that ignores the farewell delays close by no more than its time-out."""
    a, b = await world.pair()
    b.network._links["a"]._transport.pause_reading()
    loop = asyncio.get_running_loop()
    start = loop.time()
    await a.network.close()
    assert loop.time() - start < fast.close_timeout_ms / 1000 + 0.3
    assert a.network._all == set()


async def test_a_handler_that_raises_is_our_fault_and_costs_the_link(world, wait_until, caplog):
    """The exception reaches the loop's handler, the link ends as a fault, and is dialled again."""
    a, b = await world.pair()
    complaints: list[dict] = []
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: complaints.append(context))

    def explode(*_: object) -> None:
        raise RuntimeError("handler bug")

    b.heard.on_message = explode
    a.network.send("b", Channel.TX, 1, b"x")
    await wait_until(lambda: len(b.heard.changes) == 3)
    assert b.heard.changes == ["+a", "-a fault: handler bug", "+a"]
    assert [str(context["exception"]) for context in complaints] == ["handler bug"]
    loop.set_exception_handler(before)


async def test_a_taken_port_is_an_os_error(world, fast):
    """Starting on a port in use says so and leaves nothing behind."""
    a = await world.node("a")
    network = Network(
        node_name="b",
        tls=world.authority.issue("b"),
        listen=a.network.address,
        hello=b"chain",
        admission=lambda *_: None,
        handler=a.heard,
        timing=fast,
    )
    with pytest.raises(OSError):
        await network.start()
    await network.close()
