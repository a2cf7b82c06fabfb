"""Frames: what goes in comes out however the stream is cut, and hostile bytes are refused before they cost anything."""

from __future__ import annotations

import tracemalloc
from random import Random

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from p2p import limits
from p2p.channels import FRAME_BYTES_MAX, Channel
from p2p.framing import FLAG_MORE, FLAG_ZSTD, HEADER, Frame, FrameDecoder, FrameEncoder, FrameError, FrameReason

EVERY = frozenset(Channel)


def refused(data: bytes, channels: frozenset[Channel] = EVERY) -> FrameReason:
    """Return why ``data`` is refused."""
    with pytest.raises(FrameError) as error:
        FrameDecoder(channels=channels).feed(data)
    return error.value.reason


def noise(size: int, seed: int = 1) -> bytes:
    """Return bytes that do not compress."""
    return Random(seed).randbytes(size)


def text(size: int) -> bytes:
    """Return bytes that compress about twice."""
    return noise(size // 2 + 1).hex().encode()[:size]


def test_the_bytes_of_a_small_frame():
    """A small frame is its header and its payload, as the module says."""
    assert FrameEncoder().encode(Channel.TX, 0x0102, b"abc") == (b"\x00\x00\x00\x03\x00\x04\x01\x02abc",)


@pytest.mark.parametrize("size", [0, 1, 2047, 2048, 65536, 65537, 1_000_000])
@pytest.mark.parametrize("make", [noise, text, bytes])
def test_a_message_comes_back(size, make):
    """Incompressible, compressible and constant payloads of every size come back whole."""
    payload = make(size)
    fragments = FrameEncoder().encode(Channel.BLOCK, 9, payload)
    assert max(map(len, fragments)) <= limits.FRAGMENT_BYTES_MAX + 8
    assert FrameDecoder(channels=EVERY).feed(b"".join(fragments)) == [Frame(Channel.BLOCK, 9, payload)]


def test_the_largest_message_of_each_channel_comes_back():
    """A payload of exactly the channel's maximum travels, compressed or not."""
    for channel in Channel:
        for make in (noise, text):
            payload = make(FRAME_BYTES_MAX[channel])
            wire = b"".join(FrameEncoder().encode(channel, 1, payload))
            assert FrameDecoder(channels=EVERY).feed(wire) == [Frame(channel, 1, payload)]


def test_compression_is_used_where_it_pays():
    """Text shrinks by a third at least; noise goes as it is with one header per fragment."""
    assert sum(map(len, FrameEncoder().encode(Channel.BLOCK, 1, text(60_000)))) < 40_000
    assert sum(map(len, FrameEncoder().encode(Channel.BLOCK, 1, noise(60_000)))) == 60_008


@given(st.lists(st.tuples(st.sampled_from(Channel), st.integers(0, 65535), st.binary(max_size=3000))), st.data())
def test_any_cut_of_the_stream_gives_the_same_messages(messages, data):
    """Messages come out whole and in order however the stream is cut into reads."""
    encoder, decoder = FrameEncoder(), FrameDecoder(channels=EVERY)
    wire = b"".join(b"".join(encoder.encode(*message)) for message in messages)
    frames = []
    while wire:
        cut = data.draw(st.integers(1, len(wire)))
        frames += decoder.feed(wire[:cut])
        wire = wire[cut:]
    assert frames == messages


def test_fragments_of_different_channels_may_interleave():
    """A vote between two fragments of a block arrives first, and the block whole after it."""
    encoder, block = FrameEncoder(), noise(100_000)
    first, second = encoder.encode(Channel.BLOCK, 3, block)
    vote = encoder.encode(Channel.CONSENSUS, 1, b"vote")[0]
    assert FrameDecoder(channels=EVERY).feed(first + vote + second) == [
        Frame(Channel.CONSENSUS, 1, b"vote"),
        Frame(Channel.BLOCK, 3, block),
    ]


@pytest.mark.parametrize("channel", list(Channel))
def test_an_oversize_header_is_refused_before_its_payload_comes(channel):
    """One byte above the maximum is refused by the header alone."""
    assert refused(HEADER.pack(FRAME_BYTES_MAX[channel] + 1, 0, channel, 0)) is FrameReason.OVERSIZED
    assert refused(HEADER.pack(2**32 - 1, 0, channel, 0)) is FrameReason.OVERSIZED


def test_fragments_cannot_add_up_to_more_than_the_maximum():
    """The sum of the fragments is bounded like a single frame, before the excess is kept."""
    piece = HEADER.pack(limits.FRAGMENT_BYTES_MAX, FLAG_MORE, Channel.TX, 0) + bytes(limits.FRAGMENT_BYTES_MAX)
    count = limits.TX_FRAME_BYTES_MAX // limits.FRAGMENT_BYTES_MAX
    decoder = FrameDecoder(channels=EVERY)
    assert decoder.feed(piece * count) == []
    with pytest.raises(FrameError) as error:
        decoder.feed(piece)
    assert error.value.reason is FrameReason.OVERSIZED


def test_unknown_flags_channels_and_closed_channels_are_refused():
    """Bits and channels that mean nothing are errors, not extensions, and before admission only control is open."""
    assert refused(HEADER.pack(0, 4, Channel.TX, 0)) is FrameReason.UNKNOWN_FLAGS
    assert refused(HEADER.pack(0, 0, 5, 0)) is FrameReason.UNKNOWN_CHANNEL
    assert refused(HEADER.pack(0, 0, 255, 0)) is FrameReason.UNKNOWN_CHANNEL
    assert refused(HEADER.pack(0, 0, Channel.TX, 0), frozenset({Channel.CONTROL})) is FrameReason.UNKNOWN_CHANNEL


def test_fragments_of_two_messages_cannot_mix_on_one_channel():
    """A kind or a compression flag that changes between fragments is refused, and so is a tiny fragment."""
    first = HEADER.pack(2048, FLAG_MORE, Channel.TX, 1) + bytes(2048)
    assert refused(first + HEADER.pack(1, 0, Channel.TX, 2) + b"x") is FrameReason.MIXED_FRAGMENTS
    assert refused(first + HEADER.pack(1, FLAG_ZSTD, Channel.TX, 1) + b"x") is FrameReason.MIXED_FRAGMENTS
    assert refused(HEADER.pack(1, FLAG_MORE, Channel.TX, 1) + b"x") is FrameReason.SMALL_FRAGMENT


def packed(compressed: bytes, channel: Channel = Channel.TX) -> bytes:
    """Return a frame that claims to be compressed."""
    return HEADER.pack(len(compressed), FLAG_ZSTD, channel, 0) + compressed


def with_stated_size(compressed: bytes, size: int) -> bytes:
    """Return a zstandard frame (RFC 8878, 3.1.1.1) with another four-byte content size in its header."""
    stated = zstandard.frame_content_size(compressed).to_bytes(4, "little")
    assert 0 < compressed.index(stated) < 10
    return compressed.replace(stated, size.to_bytes(4, "little"), 1)


def test_a_decompression_bomb_costs_no_memory():
    """A hundred bytes that claim 64 MiB, or a ratio no real message has, is refused before anything is allocated."""
    bomb = zstandard.ZstdCompressor().compress(bytes(1 << 26))
    small_bomb = zstandard.ZstdCompressor().compress(bytes(limits.TX_FRAME_BYTES_MAX))
    tracemalloc.start()
    try:
        assert refused(packed(bomb[:100])) is FrameReason.OVERSIZED
        assert refused(packed(small_bomb)) is FrameReason.BAD_COMPRESSION
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 300_000


def test_lying_or_broken_compression_is_refused():
    """A stated size that is too small, too large or absent, trailing bytes, cut and random content: all refused."""
    plain = text(100_000)
    honest = zstandard.ZstdCompressor().compress(plain)
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(plain)
    for bad in (
        with_stated_size(honest, 99_999),
        with_stated_size(honest, 100_001),
        unsized,
        honest + b"x",
        honest[:-5],
        noise(3000),
        b"",
        zstandard.ZstdCompressor().compress(b""),
    ):
        assert refused(packed(bad)) is FrameReason.BAD_COMPRESSION
    assert FrameDecoder(channels=EVERY).feed(packed(honest)) == [Frame(Channel.TX, 0, plain)]


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_or_wait_for_more(data):
    """Any bytes give frames or a FrameError, never another exception."""
    try:
        frames = FrameDecoder(channels=EVERY).feed(data)
    except FrameError:
        return
    assert sum(len(frame.payload) + 8 for frame in frames) <= len(data)


def test_many_fragments_take_linear_time_and_memory():
    """Eight megabytes fed in 16 KiB reads keep at most about twice that."""
    wire = b"".join(FrameEncoder().encode(Channel.SYNC, 1, noise(limits.SYNC_FRAME_BYTES_MAX)))
    decoder, frames = FrameDecoder(channels=EVERY), []
    tracemalloc.start()
    try:
        for start in range(0, len(wire), 16384):
            frames += decoder.feed(wire[start : start + 16384])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [len(frame.payload) for frame in frames] == [limits.SYNC_FRAME_BYTES_MAX]
    assert peak < 2.6 * limits.SYNC_FRAME_BYTES_MAX
