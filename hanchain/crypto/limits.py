"""Every bound of the package, each with its reason."""

from __future__ import annotations

from typing import Final

DIGEST_BYTES_MIN: Final = 16  # of any suite: collisions of less are found by one machine
DIGEST_BYTES_MAX: Final = 64  # of any suite: a 512-bit hash; consensus and storage carry no longer ones
PUBLIC_KEY_BYTES_MAX: Final = 128  # of any suite: an uncompressed point of a 512-bit curve
SIGNATURE_BYTES_MAX: Final = 256  # of any suite: 128 of them fit the certificate of a block
TAG_BYTES_MAX: Final = 255  # a domain tag's length is one byte of the hash input
TAGS_REMEMBERED: Final = 128  # prefixes computed once; the tags are a few dozen constants of our own
KEY_NAME_LENGTH_MAX: Final = 64  # a file name on every system, with room for its suffix
KEY_FILE_BYTES_MAX: Final = 16 * 1024  # a key file has under 1 KiB; a larger one is not ours and is not read
KEYS_LISTED_MAX: Final = 10_000  # files of one key directory that a listing opens
KDF_MEMORY_KIB_MIN: Final = 8  # the least that libsodium accepts
KDF_MEMORY_KIB_MAX: Final = 1024 * 1024  # 1 GiB: a tampered file must not exhaust the machine
KDF_ITERATIONS_MIN: Final = 1  # the least that libsodium accepts
KDF_ITERATIONS_MAX: Final = 32  # at 1 GiB about a minute: a tampered file must not hang the operator
CERTIFICATE_BYTES_MAX: Final = 16 * 1024  # an Ed25519 certificate with 64 names has about 3 KiB
CERTIFICATE_NAMES_MAX: Final = 64  # addresses of one node
CERTIFICATE_DAYS_MAX: Final = 36_500  # one hundred years: beyond it a validity is a typing mistake
COMMON_NAME_LENGTH_MAX: Final = 64  # RFC 5280, ub-common-name
