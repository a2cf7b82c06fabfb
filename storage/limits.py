"""Every bound of this package, each with its reason."""

from typing import Final

# Canonical encoding. The depth is part of the format (every package's copy of the codec has the same one).
DEPTH_MAX: Final = (
    32  # lists inside lists; bounds recursion in every reader, and no format we store nests deeper than 6
)

# Keys and values of a key-value store.
KEY_BYTES_MAX: Final = 1024  # the longest of ours is about 300: a sender of 255 bytes, its prefix and a position
VALUE_BYTES_MAX: Final = (
    64 << 20
)  # a body of 32 MiB and its envelope fit; LevelDB holds a value in memory several times

# Block store.
HEIGHT_MAX: Final = (1 << 63) - 1  # fits a signed 64-bit integer everywhere, and never wraps in a big-endian key
DIGEST_BYTES_MAX: Final = 64  # room for a 512-bit hash; the suites in use have 32
SENDER_BYTES_MAX: Final = 255  # its length is one byte of the index key
TRANSACTIONS_PER_BLOCK_MAX: Final = 1 << 20  # an index is 4 bytes in keys; a million is beyond any block we can execute
RECEIPTS_PER_GROUP: Final = (
    64  # receipts stored as one value: reading one costs about 20 KB, writing 1,000 costs 16 puts
)
PAGE_MAX: Final = 1000  # entries of one page of the sender index: about a millisecond of reading

# State tree.
TREE_DIGEST_BYTES_MIN: Final = 16  # below 128 bits two paths can be made to collide by anyone with a large machine
TREE_DIGEST_BYTES_MAX: Final = 64  # room for a 512-bit hash; a key of an entry and the proof's bounds follow from it
TREE_TOP_DEPTH: Final = (
    4  # nodes above are held in memory, at most 4,369 of them (13 MB), and rebuilt at opening from at most 65,536 slots
)
TREE_CACHE_BYTES: Final = (
    80 << 20  # nearly all nodes of a state of a million keys; a node's processes have 300 MB altogether
)
STATE_KEY_BYTES_MAX: Final = KEY_BYTES_MAX - 1  # one byte says that the entry is a value
STATE_VOIDS_MAX: Final = 8_192  # stretches without keys that are remembered: a few megabytes
STATE_STEP_SLOW_NS: Final = 30_000  # a step of a walk that took longer passed over hundreds of deleted keys, or waited

# Write-ahead log.
RECORD_BYTES_MAX: Final = 64 << 20  # one record carries at most a block body; above, a length field is taken as damage
SEGMENT_BYTES: Final = 16 << 20  # replay of a segment this long takes well under a second
SEGMENT_BYTES_MAX: Final = (
    1 << 30
)  # an owner that never rotates is a bug: refuse before memory at replay becomes the limit

# LevelDB, per database. A node opens two, within a budget of 300 MB for the process.
LEVELDB_WRITE_BUFFER_BYTES: Final = 16 << 20  # two can be alive at once; larger means fewer, longer compactions
LEVELDB_CACHE_BYTES: Final = 32 << 20  # blocks recently read
LEVELDB_OPEN_FILES_MAX: Final = 200  # tables held open; the usual limit of a process is 1,024 descriptors
LEVELDB_BLOOM_BITS: Final = (
    10  # about 1 % false positives: looking for an unknown transaction id rarely touches the disk
)
