"""Networks over real sockets that behave."""

from __future__ import annotations

from p2p.channels import Channel


async def test_messages_arrive_whole_in_order_on_every_channel(world, wait_until):
    """What is sent on each channel arrives once, whole, in order, with its kind, at both ends."""
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
