"""The bytes of a log segment: round trip, torn tails, and damage told from torn tails."""

from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import Corruption
from storage.walformat import (
    HEADER_BYTES,
    MAGIC,
    MARKER_BYTES,
    WalRecord,
    encode_header,
    encode_marker,
    encode_record,
    read_segment,
)

SALT = b"salt-of8"
RECORDS = (WalRecord(1, b"first"), WalRecord(255, b""), WalRecord(7, b"x" * 700))


def segment_of(*groups: tuple[WalRecord, ...], marked: bool = False) -> bytes:
    """Build a segment with an empty checkpoint and one synced append per group; `marked` adds a last marker."""
    data = encode_header(1, SALT)
    for group in groups:
        data += encode_marker(len(data), SALT) + b"".join(encode_record(record, SALT) for record in group)
    return data + encode_marker(len(data), SALT) if marked else data


def test_the_layout_is_the_documented_one() -> None:
    """Header, marker and record have exactly the documented bytes; the checksum covers length, kind and payload."""
    head = MAGIC + (1).to_bytes(8) + SALT
    marker = bytes.fromhex("00" + "0000000000001c".rjust(14, "0"))
    seed = crc32(SALT)
    marker_crc = crc32((8).to_bytes(4) + b"\x00" + marker, seed)
    record_crc = crc32((5).to_bytes(4) + b"\x01" + b"first", seed)
    assert segment_of((WalRecord(1, b"first"),)) == (
        head
        + crc32(head).to_bytes(4)
        + ((8).to_bytes(4) + marker_crc.to_bytes(4) + b"\x00" + marker)
        + ((5).to_bytes(4) + record_crc.to_bytes(4) + b"\x01" + b"first")
    )
    assert (HEADER_BYTES, MARKER_BYTES) == (28, 17)


@given(st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=50)), max_size=8), st.booleans())
def test_records_come_back(content: list[tuple[int, bytes]], marked: bool) -> None:
    """Whatever was written is read, in order, and nothing of it is called torn."""
    records = tuple(WalRecord(kind, payload) for kind, payload in content)
    data = segment_of(records, marked=marked)
    segment = read_segment(data, "wal")
    assert (segment.records, segment.end, segment.torn_bytes) == (records, len(data), 0)
    assert (segment.sequence, segment.salt, segment.checkpoint_end) == (1, SALT, HEADER_BYTES + MARKER_BYTES)


def test_a_tail_cut_anywhere_is_torn() -> None:
    """A segment that ends inside its last, un-synced append keeps the whole records and drops the rest."""
    start = len(segment_of(()))
    data = segment_of(RECORDS)
    ends = [start + len(b"".join(encode_record(record, SALT) for record in RECORDS[:count])) for count in range(4)]
    for length in range(start, len(data) + 1):
        whole = sum(end <= length for end in ends) - 1
        segment = read_segment(data[:length], "wal")
        expected = (RECORDS[:whole], ends[whole], length - ends[whole])
        assert (segment.records, segment.end, segment.torn_bytes) == expected, f"cut at {length}"


def test_a_tail_of_zeros_is_torn() -> None:
    """Sectors that a loss of power left zero, at the end or below intact ones, end the trusted part."""
    start = len(segment_of(()))
    data = segment_of(RECORDS)
    for length in (1, 9, 512, 5000):
        segment = read_segment(data + bytes(length), "wal")
        assert (segment.records, segment.torn_bytes) == (RECORDS, length)
    lost_first_sector = data[:start] + bytes(512 - start) + data[512:]
    segment = read_segment(lost_first_sector, "wal")
    assert (segment.records, segment.end) == ((), start)


def test_any_bit_flip_in_proven_bytes_is_corruption_at_the_right_place() -> None:
    """Before the last marker every flipped bit refuses the segment and names the offset of the damaged record."""
    data = segment_of(RECORDS[:1], RECORDS[1:], marked=True)
    bounds = [0, HEADER_BYTES]
    for group in (RECORDS[:1], RECORDS[1:]):
        bounds.append(bounds[-1] + MARKER_BYTES)
        for record in group:
            bounds.append(bounds[-1] + len(encode_record(record, SALT)))
    for bit in range(8 * bounds[-1]):
        damaged = (int.from_bytes(data) ^ 1 << 8 * len(data) - 1 - bit).to_bytes(len(data))
        with pytest.raises(Corruption) as found:
            read_segment(damaged, "wal")
        place = max(bound for bound in bounds if bound <= bit // 8)
        assert found.value.location == f"wal:{place}", f"bit {bit}"


def test_a_flipped_bit_in_the_last_append_is_never_a_record() -> None:
    """Without a later marker, damage is refused when its record is whole, and at worst taken for a torn tail."""
    data = segment_of(RECORDS)
    start = len(segment_of(()))
    refused = 0
    for bit in range(8 * start, 8 * len(data)):
        damaged = (int.from_bytes(data) ^ 1 << 8 * len(data) - 1 - bit).to_bytes(len(data))
        try:
            records = read_segment(damaged, "wal").records
        except Corruption:
            refused += 1
        else:
            assert records == RECORDS[: len(records)], f"bit {bit}"
            assert len(records) < len(RECORDS), f"bit {bit}"
    assert refused / (8 * (len(data) - start)) > 0.95


def test_a_payload_cannot_pose_as_a_marker() -> None:
    """A marker made with another salt, inside a torn record, does not turn the torn tail into corruption."""
    start = len(segment_of(()))
    at = start + 9 + 600
    payload = bytes(600) + encode_marker(at, b"guessed!")
    data = segment_of((WalRecord(1, payload),))
    assert read_segment(data[:start] + bytes(512 - start) + data[512:], "wal").records == ()
    real = bytes(600) + encode_marker(at, SALT)
    data = segment_of((WalRecord(1, real),))
    with pytest.raises(Corruption):
        read_segment(data[:start] + bytes(512 - start) + data[512:], "wal")


@pytest.mark.parametrize("length", range(HEADER_BYTES + 9 + 5 + MARKER_BYTES))
def test_an_incomplete_beginning_is_corruption(length: int) -> None:
    """A segment gets its name only when its checkpoint is durable, so a cut before its marker's end is damage."""
    checkpoint = encode_header(1, SALT) + encode_record(RECORDS[0], SALT)
    checkpoint += encode_marker(len(checkpoint), SALT)
    assert read_segment(checkpoint, "wal").records == RECORDS[:1]
    with pytest.raises(Corruption):
        read_segment(checkpoint[:length], "wal")


@pytest.mark.parametrize("kind", [0, 256, -1])
def test_kinds_outside_the_owner_s_range_are_our_own_error(kind: int) -> None:
    """Kind 0 is the log's own, and a kind is one byte."""
    with pytest.raises(AssertionError):
        encode_record(WalRecord(kind, b""), SALT)
