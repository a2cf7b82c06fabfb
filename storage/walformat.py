"""The bytes of one write-ahead log segment, and what can be concluded from them after a crash. Pure functions.

    segment  = header | checkpoint records | marker | (record | marker)*
    header   = magic 8 | sequence u64 | salt 8 | crc u32 (of the 24 bytes before it)
    record   = length u32 | crc u32 | kind u8 | payload        crc over length, kind and payload, seeded by the salt
    marker   = a record of kind 0 whose payload is its own offset, u64

All integers are big-endian. A marker is written by the first append after a sync, so it says: when I was written,
everything before me was durable. That tells a torn tail, which nobody has relied on, from damage to records that were
synced and then acted upon. The salt is random per segment, so bytes that a peer made us store cannot pose as a marker.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final
from zlib import crc32

from storage.errors import Corruption
from storage.limits import RECORD_BYTES_MAX

MAGIC: Final = b"HCWAL\x00\x00\x01"  # the last byte is the format's version
SALT_BYTES: Final = 8
MARKER: Final = 0
KIND_MAX: Final = 255
SECTOR_BYTES: Final = 512  # the smallest unit that a disk writes entirely or not at all

_SEGMENT: Final = Struct(f">8sQ{SALT_BYTES}s")
_CHECKSUM: Final = Struct(">I")
_RECORD: Final = Struct(">IIB")
_COVERED: Final = Struct(">IB")
_OFFSET: Final = Struct(">Q")
HEADER_BYTES: Final = _SEGMENT.size + _CHECKSUM.size
MARKER_BYTES: Final = _RECORD.size + _OFFSET.size


@dataclass(frozen=True, slots=True)
class WalRecord:
    """One record: `kind` 1..255 and `payload` are the owner's; the log does not look into them."""

    kind: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Segment:
    """What a segment's bytes say: its records, and where the trusted part ends (`end`; the rest is a torn tail)."""

    sequence: int
    salt: bytes
    records: tuple[WalRecord, ...]
    checkpoint_end: int
    end: int
    torn_bytes: int
    last_marker_end: int


def encode_header(sequence: int, salt: bytes) -> bytes:
    """Return the first bytes of a segment."""
    assert len(salt) == SALT_BYTES, f"a salt of {len(salt)} bytes"
    head = _SEGMENT.pack(MAGIC, sequence, salt)
    return head + _CHECKSUM.pack(crc32(head))


def encode_record(record: WalRecord, salt: bytes) -> bytes:
    """Return the bytes of one of the owner's records."""
    assert MARKER < record.kind <= KIND_MAX, f"record kind {record.kind}"
    assert len(record.payload) <= RECORD_BYTES_MAX, f"a record of {len(record.payload)} bytes"
    return _frame(record.kind, record.payload, salt)


def encode_marker(offset: int, salt: bytes) -> bytes:
    """Return the marker for position `offset` of the segment."""
    return _frame(MARKER, _OFFSET.pack(offset), salt)


def read_segment(data: bytes, name: str) -> Segment:
    """Return what is in the segment `data`.

    Raises:
        Corruption: bytes that had been durable are not what was written; `location` is `name` and the offset.

    """
    sequence, salt = _read_header(data, name)
    records: list[WalRecord] = []
    position = HEADER_BYTES
    checkpoint_end = last_marker_end = 0
    while (record := _record_at(data, position, salt)) is not None:
        end = position + _RECORD.size + len(record.payload)
        if record.kind != MARKER:
            records.append(record)
        elif record.payload == _OFFSET.pack(position):
            checkpoint_end = checkpoint_end or end
            last_marker_end = end
        else:
            raise Corruption(f"{name}:{position}", "a marker that belongs elsewhere")
        position = end
    if not checkpoint_end:
        raise Corruption(f"{name}:{position}", "the checkpoint that begins the segment is incomplete")
    if position < len(data):
        _check_torn(data, position, salt, name)
    return Segment(sequence, salt, tuple(records), checkpoint_end, position, len(data) - position, last_marker_end)


def _read_header(data: bytes, name: str) -> tuple[int, bytes]:
    if len(data) < HEADER_BYTES or data[: len(MAGIC)] != MAGIC:
        raise Corruption(f"{name}:0", "not a log segment of this format version")
    if _CHECKSUM.unpack_from(data, _SEGMENT.size)[0] != crc32(data[: _SEGMENT.size]):
        raise Corruption(f"{name}:0", "the segment header fails its checksum")
    _, sequence, salt = _SEGMENT.unpack_from(data)
    return sequence, salt


def _record_at(data: bytes, position: int, salt: bytes) -> WalRecord | None:
    # None: no whole, undamaged record is there; zeros are none either, because of the seeded checksum.
    start = position + _RECORD.size
    if start > len(data):
        return None
    length, checksum, kind = _RECORD.unpack_from(data, position)
    if length > RECORD_BYTES_MAX or start + length > len(data):
        return None
    payload = data[start : start + length]
    return WalRecord(kind, payload) if checksum == _checksum(kind, payload, salt) else None


def _check_torn(data: bytes, position: int, salt: bytes, name: str) -> None:
    # Called with `position` at something that is no record: is it what a loss of power leaves behind? A later marker
    # proves that it had been durable. Without one, un-synced sectors are missing or zero; a whole record with neither,
    # and still a wrong checksum, has been changed after it was written.
    where = f"{name}:{position}"
    if _marker_follows(data, position, salt):
        raise Corruption(where, "a record that was durable is damaged: later records prove it")
    start = position + _RECORD.size
    if start > len(data):
        return
    end = start + _RECORD.unpack_from(data, position)[0]
    if end > len(data):
        return
    chunk = position
    while chunk < end:
        chunk_end = min(end, (chunk // SECTOR_BYTES + 1) * SECTOR_BYTES)
        if not any(data[chunk:chunk_end]):
            return
        chunk = chunk_end
    raise Corruption(where, "a whole record fails its checksum, and no sector of it is missing")


def _marker_follows(data: bytes, position: int, salt: bytes) -> bool:
    # Every marker begins with the same length field and ends with its own offset; candidates are few.
    prefix = _RECORD.pack(_OFFSET.size, 0, MARKER)[:4]
    found = data.find(prefix, position)
    while found != -1:
        if data[found : found + MARKER_BYTES] == encode_marker(found, salt):
            return True
        found = data.find(prefix, found + 1)
    return False


def _frame(kind: int, payload: bytes, salt: bytes) -> bytes:
    return _RECORD.pack(len(payload), _checksum(kind, payload, salt), kind) + payload


def _checksum(kind: int, payload: bytes, salt: bytes) -> int:
    return crc32(payload, crc32(_COVERED.pack(len(payload), kind), crc32(salt)))
