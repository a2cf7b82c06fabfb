"""Durable storage of a ledger: key-value stores, a block store, a write-ahead log, Merkle proofs.

The package keeps opaque bytes. It does not know who voted, what a transaction says or what a contract is.
LevelDB is reached only through `storage.leveldb`, so importing this package costs nothing and needs no database.
"""

from storage.errors import (
    Closed,
    Conflict,
    Corruption,
    DiskFull,
    Gap,
    Locked,
    Missing,
    StorageError,
    UnsupportedFormat,
)
from storage.kv import KeyValue, Snapshot, WriteBatch

__all__ = [
    "Closed",
    "Conflict",
    "Corruption",
    "DiskFull",
    "Gap",
    "KeyValue",
    "Locked",
    "Missing",
    "Snapshot",
    "StorageError",
    "UnsupportedFormat",
    "WriteBatch",
]
