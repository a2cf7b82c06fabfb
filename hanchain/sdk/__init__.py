"""The client library: build, sign, submit, wait, call views, and check every answer that can be checked.

    async with Client(["http://127.0.0.1:8600"], genesis) as client:
        anchored = await client.anchor(digest, "application/pdf", size, key)
        evidence = await client.contract("evidence")
        done = await evidence.call(key, "deposit", digest, "application/pdf", size)
        row = await evidence.state("items", digest)

``SyncClient`` is the same without ``await``. Both are imported when first used, so that a program which only reads
results or errors loads no network.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from hanchain.sdk.errors import (
    BadAddress,
    BadAnswer,
    ClientError,
    RpcError,
    TransactionFailed,
    Unreachable,
    Unverified,
)
from hanchain.sdk.results import (
    Anchored,
    Block,
    Called,
    ChainStatus,
    EventSeen,
    ExecutorStatus,
    Peer,
    State,
    StateRead,
    TransactionStatus,
    ViewResult,
)

if TYPE_CHECKING:
    from hanchain.sdk.client import Client
    from hanchain.sdk.contract import Contract
    from hanchain.sdk.sync import SyncClient, SyncContract

__all__ = [
    "Anchored",
    "BadAddress",
    "BadAnswer",
    "Block",
    "Called",
    "ChainStatus",
    "Client",
    "ClientError",
    "Contract",
    "EventSeen",
    "ExecutorStatus",
    "Peer",
    "RpcError",
    "State",
    "StateRead",
    "SyncClient",
    "SyncContract",
    "TransactionFailed",
    "TransactionStatus",
    "Unreachable",
    "Unverified",
    "ViewResult",
]

_LAZY = {
    "Client": "hanchain.sdk.client",
    "Contract": "hanchain.sdk.contract",
    "SyncClient": "hanchain.sdk.sync",
    "SyncContract": "hanchain.sdk.sync",
}


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
