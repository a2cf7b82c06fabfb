"""Frames on a link: ``length u32 | flags u8 | channel u8 | kind u16 | payload``, big-endian, without any IO.

``length`` counts the payload as it is on the wire and is checked against the channel's maximum before anything is
kept. Flag 1 says that the message is one zstandard frame that states its size; flag 2 that more fragments of the same
message follow on this channel, so that a vote can overtake a block. A kind belongs to whoever owns the channel.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import Final, NamedTuple

import zstandard

from p2p import limits
from p2p.channels import FRAME_BYTES_MAX, Channel, Message
from p2p.rejection import Rejection

HEADER: Final = struct.Struct(">IBBH")
KIND_MAX: Final = 2**16 - 1
FLAG_ZSTD: Final = 1
FLAG_MORE: Final = 2

_HEADER_BYTES: Final = HEADER.size
_CHANNELS: Final = tuple(Channel)


class FrameReason(StrEnum):
    """Why bytes on a link were refused."""

    OVERSIZED = "frame_oversized"
    UNKNOWN_CHANNEL = "frame_unknown_channel"
    UNKNOWN_FLAGS = "frame_unknown_flags"
    MIXED_FRAGMENTS = "frame_mixed_fragments"
    SMALL_FRAGMENT = "frame_small_fragment"
    BAD_COMPRESSION = "frame_bad_compression"


class FrameError(Rejection):
    """Bytes that are no frame; the link cannot go on after them."""

    def __init__(self, reason: FrameReason, detail: str) -> None:
        super().__init__(reason, detail)


class Frame(NamedTuple):
    """One whole message; a tuple because one is made for each message and it is three times cheaper than a class."""

    channel: Channel
    kind: int
    payload: bytes


class FrameEncoder:
    """Turns messages into fragments; one per node, so that a broadcast is compressed once."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=limits.COMPRESS_LEVEL)

    def encode(self, channel: Channel, kind: int, payload: bytes) -> Message:
        """Return the fragments of one message; a payload above the channel's maximum is our own error."""
        size = len(payload)
        assert size <= FRAME_BYTES_MAX[channel], f"{size} bytes on {channel.label}"
        if size < limits.COMPRESS_BYTES_MIN:
            return (HEADER.pack(size, 0, channel, kind) + payload,)
        flags = 0
        compressed = self._compressor.compress(payload)
        if size <= len(compressed) * limits.COMPRESS_RATIO_MAX and len(compressed) <= size - (
            size >> limits.COMPRESS_GAIN_SHIFT
        ):
            payload, size, flags = compressed, len(compressed), FLAG_ZSTD
        step = limits.FRAGMENT_BYTES_MAX
        if size <= step:
            return (HEADER.pack(size, flags, channel, kind) + payload,)
        fragments = []
        for start in range(0, size, step):
            piece = payload[start : start + step]
            more = FLAG_MORE if start + step < size else 0
            fragments.append(HEADER.pack(len(piece), flags | more, channel, kind) + piece)
        return tuple(fragments)


class _Partial:
    """The fragments of one message received so far."""

    __slots__ = ("body", "flags", "kind")

    def __init__(self, flags: int, kind: int) -> None:
        self.flags = flags
        self.kind = kind
        self.body = bytearray()  # not a list of pieces: small pieces would cost more than their size


class FrameDecoder:
    """Finds messages in a stream of bytes; keeps at most one unfinished message per open channel."""

    def __init__(self, *, channels: frozenset[Channel]) -> None:
        self._maxima = [0] * len(Channel)
        self._open = [False] * len(Channel)
        self._buffer = bytearray()
        self._needed = _HEADER_BYTES
        self._partials: list[_Partial | None] = [None] * len(Channel)
        self._decompressor: zstandard.ZstdDecompressor | None = None
        self.open(channels)

    def open(self, channels: frozenset[Channel]) -> None:
        """Accept frames on ``channels`` from now on."""
        for channel in channels:
            self._open[channel] = True
            self._maxima[channel] = FRAME_BYTES_MAX[channel]

    def feed(self, data: bytes) -> list[Frame]:
        """Return the messages that ``data`` completes, in order; raise FrameError at the first bad header or message.

        A message before the bad one in the same call is lost with it: the link is closed anyway.
        """
        buffer = self._buffer
        if buffer:
            buffer += data
            if len(buffer) < self._needed:
                return []
            data = bytes(buffer)
            buffer.clear()
        frames: list[Frame] = []
        offset, end = 0, len(data)
        unpack = HEADER.unpack_from
        while True:
            body = offset + _HEADER_BYTES
            if body > end:
                self._needed = _HEADER_BYTES
                break
            length, flags, channel, kind = unpack(data, offset)
            if flags or channel >= len(_CHANNELS) or length > self._maxima[channel] or not self._open[channel]:
                self._check_header(length, flags, channel)
            stop = body + length
            if stop > end:
                self._needed = _HEADER_BYTES + length
                break
            payload = data[body:stop]
            offset = stop
            if flags or self._partials[channel] is not None:
                whole = self._assemble(channel, kind, flags, payload)
                if whole is None:
                    continue
                payload = whole
            frames.append(Frame(_CHANNELS[channel], kind, payload))
        if offset < end:
            buffer += data[offset:] if offset else data
        return frames

    def _check_header(self, length: int, flags: int, channel: int) -> None:
        if channel >= len(_CHANNELS) or not self._open[channel]:
            raise FrameError(FrameReason.UNKNOWN_CHANNEL, f"channel {channel} is not open on this link")
        if flags & ~(FLAG_ZSTD | FLAG_MORE):
            raise FrameError(FrameReason.UNKNOWN_FLAGS, f"flags {flags:#04x}")
        maximum = self._maxima[channel]
        if length > maximum:
            raise FrameError(FrameReason.OVERSIZED, f"{length} bytes on {_CHANNELS[channel].label}, at most {maximum}")

    def _assemble(self, channel: int, kind: int, flags: int, payload: bytes) -> bytes | None:
        partial = self._partials[channel]
        if partial is not None or flags & FLAG_MORE:
            if partial is None:
                partial = self._partials[channel] = _Partial(flags & ~FLAG_MORE, kind)
            if (flags & ~FLAG_MORE, kind) != (partial.flags, partial.kind):
                raise FrameError(
                    FrameReason.MIXED_FRAGMENTS, f"another message inside one of {_CHANNELS[channel].label}"
                )
            if flags & FLAG_MORE and len(payload) < limits.FRAGMENT_BYTES_MIN:
                raise FrameError(FrameReason.SMALL_FRAGMENT, f"{len(payload)} bytes on {_CHANNELS[channel].label}")
            self._check_header(len(partial.body) + len(payload), flags, channel)
            partial.body += payload
            if flags & FLAG_MORE:
                return None
            self._partials[channel] = None
            payload = bytes(partial.body)
        return self._decompress(payload, self._maxima[channel]) if flags & FLAG_ZSTD else payload

    def _decompress(self, payload: bytes, bytes_max: int) -> bytes:
        try:
            stated = zstandard.frame_content_size(payload)
        except zstandard.ZstdError as error:
            raise FrameError(FrameReason.BAD_COMPRESSION, str(error)) from error
        if stated <= 0:
            raise FrameError(FrameReason.BAD_COMPRESSION, "the compressed message does not state its size")
        if stated > bytes_max:
            raise FrameError(FrameReason.OVERSIZED, f"{stated} bytes when decompressed, at most {bytes_max}")
        if stated > len(payload) * limits.COMPRESS_RATIO_MAX:  # else one read could make us hold gigabytes
            raise FrameError(FrameReason.BAD_COMPRESSION, f"{len(payload)} bytes claim to hold {stated}")
        if self._decompressor is None:
            self._decompressor = zstandard.ZstdDecompressor()
        try:
            plain = self._decompressor.decompress(payload, max_output_size=stated, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise FrameError(FrameReason.BAD_COMPRESSION, str(error)) from error
        if len(plain) != stated:
            raise FrameError(FrameReason.BAD_COMPRESSION, f"{len(plain)} bytes, stated {stated}")
        return plain
