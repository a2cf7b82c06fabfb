"""What travels on the simulated network: bytes of consensus, and models of what other channels carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from consensus.simulation.application import Block


@dataclass(frozen=True, slots=True)
class Transactions:
    """Gossip of transactions, by id."""

    identifiers: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class BlockRequest:
    """Ask for the blocks of these heights."""

    from_height: int
    to_height: int


@dataclass(frozen=True, slots=True)
class BlockReply:
    """Blocks in ascending order; the one who asked holds the certificate of the last."""

    blocks: tuple[Block, ...]


Parcel: TypeAlias = bytes | Transactions | BlockRequest | BlockReply
