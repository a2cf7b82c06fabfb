"""Checksums on stored values, bound to the key they were stored under.

CRC-32 (IEEE 802.3, `zlib.crc32`) finds every burst of up to 32 bits and misses other damage once in four billion.
Because the key is part of it, a value read back under the wrong key is found too. It protects against disks, cables,
memory and bugs. It does not protect against someone who can write to the disk, nor notice that a value is an older
one of the same key, or gone: roots, hashes and certificates, checked by the layers above, do that.
"""

from struct import Struct
from typing import Final
from zlib import crc32

from storage.errors import Corruption

_CHECKSUM: Final = Struct(">I")
SEAL_BYTES: Final = _CHECKSUM.size


def seal(key: bytes, value: bytes) -> bytes:
    """Return `value` followed by its 4-byte checksum. The key's length is the CRC's start: "a"+"bc" is not "ab"+"c"."""
    return value + _CHECKSUM.pack(crc32(value, crc32(key, len(key))))


def unseal(key: bytes, sealed: bytes, location: str) -> bytes:
    """Return the value inside `sealed`.

    Raises:
        Corruption: the checksum does not match; `location` says where the bytes came from.

    """
    if len(sealed) < SEAL_BYTES:
        raise Corruption(location, f"{len(sealed)} bytes are too short to hold a checksum")
    value = sealed[:-SEAL_BYTES]
    stored: int = _CHECKSUM.unpack_from(sealed, len(value))[0]
    computed = crc32(value, crc32(key, len(key)))
    if stored != computed:
        raise Corruption(location, f"checksum is {stored:08x}, the {len(value)} bytes give {computed:08x}")
    return value
