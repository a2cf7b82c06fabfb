"""A disk that forgets: what was not synced may be gone after a crash, and the last record may be torn.

It holds what a node's real stores hold: the write-ahead log of consensus, the ordered log (P7 (a)), executed blocks
(P7 (b) and (c)) and certificates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from consensus.certificate import SealCert
from consensus.interface import DecidedBlock, Record, Recovery, SealedBlock
from consensus.messages import ProposalHeader
from consensus.simulation.application import Block


@dataclass(frozen=True, slots=True)
class Ordered:
    """One entry of the ordered log."""

    header: ProposalHeader
    digest: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Loss:
    """What a crash did to the write-ahead log."""

    survived: tuple[Record, ...]  # written without a sync, and on the disk all the same
    lost: int
    torn: bool


@dataclass(slots=True)
class Disk:
    """The stores of one node. Positions in the log count records since the disk was made."""

    anchor: SealedBlock
    records: list[Record] = field(default_factory=list)  # durable
    unsynced: list[Record] = field(default_factory=list)
    position: int = 0  # of the last record appended
    ordered: dict[int, Ordered] = field(default_factory=dict)
    blocks: dict[int, Block] = field(default_factory=dict)
    certificates: dict[int, SealCert] = field(default_factory=dict)
    loose_certificates: dict[int, SealCert] = field(default_factory=dict)  # not synced

    @property
    def executed(self) -> int:
        """Height of the last executed block."""
        return self.anchor.height + len(self.blocks)

    def append(self, records: tuple[Record, ...]) -> int:
        """Append records without a sync and return the position of the last."""
        self.unsynced.extend(records)
        self.position += len(records)
        return self.position

    def sync(self, position: int) -> list[Record]:
        """Make all records up to ``position`` durable and return those that were not."""
        count = len(self.unsynced) - (self.position - position)
        if count <= 0:
            return []
        fresh, self.unsynced = self.unsynced[:count], self.unsynced[count:]
        self.records.extend(fresh)
        return fresh

    def replace_log(self, records: list[Record]) -> None:
        """Put a checkpoint in place of the whole log: a new segment is synced before the old ones go."""
        self.records, self.unsynced = list(records), []

    def store_block(self, block: Block) -> None:
        """Store an executed block; the same synced batch carries the certificates that were waiting."""
        assert block.sealed.height == self.executed + 1, "blocks are stored in height order"
        self.blocks[block.sealed.height] = block
        self.certificates.update(self.loose_certificates)
        self.loose_certificates.clear()

    def crash(self, random: Random) -> Loss:
        """Lose a suffix of what was not synced; the first record lost may have been written in part."""
        kept = random.randrange(len(self.unsynced) + 1)
        lost = len(self.unsynced) - kept
        survived = tuple(self.unsynced[:kept])
        self.records.extend(survived)
        self.unsynced = []
        for height in sorted(self.loose_certificates):
            if random.randrange(2):
                self.certificates[height] = self.loose_certificates[height]
        self.loose_certificates.clear()
        return Loss(survived, lost, torn=lost > 0 and random.randrange(2) == 0)

    def block_hash(self, height: int) -> bytes:
        """Return the hash of the executed block at ``height``, or of the anchor."""
        return self.anchor.block_hash if height == self.anchor.height else self.blocks[height].sealed.block_hash

    def recovery(self, kept_blocks: int) -> Recovery:
        """Return what a replica starts from, with ``kept_blocks`` sealed blocks at most."""
        certified = [h for h in self.certificates if h <= self.executed]
        stable = max(certified, default=self.anchor.height)
        # A block that came by catching up has no entry in the ordered log: a certificate above proved it and all below.
        proven = max((h for h in range(stable + 1, self.executed + 1) if h not in self.ordered), default=stable)
        first = max(self.anchor.height + 1, stable - kept_blocks)
        sealed = [self.blocks[height].sealed for height in range(first, proven + 1)]
        decided = []
        for height in range(proven + 1, max(self.ordered, default=0) + 1):
            entry = self.ordered.get(height)
            if entry is None:
                break
            block = self.blocks.get(height)
            decided.append(DecidedBlock(entry.header, entry.body, block.sealed.block_hash if block else None))
        certificate = self.certificates.get(stable)
        return Recovery(self.anchor, tuple(sealed), certificate, tuple(decided), tuple(self.records))
