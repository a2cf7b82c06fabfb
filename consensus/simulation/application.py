"""The application under the simulated consensus: bodies are lists of transaction ids, state is the chain of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from consensus.codec import CodecError, CodecReason, decode, encode
from consensus.crypto import Context
from consensus.interface import Ancestor, Batch, SealedBlock
from consensus.messages import ProposalHeader

BATCH_TRANSACTIONS_MAX: Final = 3  # small, so that a burst of transactions fills the window


@dataclass(frozen=True, slots=True)
class Block:
    """An executed block as a disk keeps it and as peers hand it on."""

    sealed: SealedBlock
    parent_hash: bytes
    body: bytes


def block_hash(
    context: Context, height: int, parent_hash: bytes, proposal: bytes, timestamp_ms: int, pview: int, body: bytes
) -> bytes:
    """Return the hash of an executed header: it commits to all that an execution depends on."""
    root = context.suite.hash(body)
    return context.tagged_hash("simulation/block/1", [height, parent_hash, proposal, timestamp_ms, pview, root])


def execute(context: Context, parent_hash: bytes, header: ProposalHeader, digest: bytes, body: bytes) -> Block:
    """Return the block that executing a decision on top of ``parent_hash`` gives, the same on every validator."""
    made = block_hash(context, header.height, parent_hash, digest, header.timestamp_ms, header.pview, body)
    return Block(SealedBlock(header.height, made, digest, header.timestamp_ms, header.pview), parent_hash, body)


def spoilt(context: Context, block: Block) -> Block:
    """Return what an execution gives that is not deterministic."""
    return replace(block, sealed=replace(block.sealed, block_hash=context.suite.hash(block.sealed.block_hash)))


def links(context: Context, block: Block, parent_hash: bytes) -> bool:
    """Whether a block received from a peer is what its hash says, and stands on ``parent_hash``."""
    s = block.sealed
    made = block_hash(context, s.height, parent_hash, s.proposal_digest, s.timestamp_ms, s.pview, block.body)
    return block.parent_hash == parent_hash and made == s.block_hash


def transactions(body: bytes) -> list[bytes]:
    """Return the transaction ids of a body; raise CodecError when it is none."""
    value = decode(body)
    if not isinstance(value, list) or not all(isinstance(item, bytes) for item in value):
        raise CodecError(CodecReason.UNSUPPORTED, "not a list of ids")
    return [item for item in value if isinstance(item, bytes)]


def client_of(identifier: bytes) -> bytes:
    """Return who submitted a transaction: one of ten clients."""
    return identifier[-1:]


def make_batch(context: Context, chosen: list[bytes], clock_ms: int) -> Batch:
    """Return a body of ``chosen`` with what its header says about it."""
    body = encode(list(chosen))
    nothing = bytes(context.suite.digest_size)
    return Batch(body, context.suite.hash(body), len(chosen), nothing, clock_ms)


def build(context: Context, pool: Iterable[bytes], ancestors: tuple[Ancestor, ...], clock_ms: int) -> Batch | None:
    """Return a batch of the pool's oldest transactions that no ancestor holds, None when there is none."""
    taken = {identifier for _, body in ancestors for identifier in transactions(body)}
    chosen: list[bytes] = []
    for identifier in pool:
        if identifier not in taken:
            chosen.append(identifier)
            if len(chosen) == BATCH_TRANSACTIONS_MAX:
                break
    return make_batch(context, chosen, clock_ms) if chosen else None


def refusal(
    context: Context,
    header: ProposalHeader,
    body: bytes,
    ancestors: tuple[Ancestor, ...],
    included: dict[bytes, int],
) -> str | None:
    """Return why a body is not fresh-valid (P2), None when it is."""
    try:
        listed = transactions(body)
    except CodecError:
        return "not a list of transaction ids"
    if context.suite.hash(body) != header.tx_root or len(listed) != header.tx_count:
        return "the header does not fit the body"
    if not 1 <= len(listed) <= BATCH_TRANSACTIONS_MAX:
        return f"{len(listed)} transactions"
    earlier = {identifier for _, other in ancestors for identifier in transactions(other)}
    if len(set(listed)) != len(listed) or any(
        i in earlier or included.get(i, header.height) < header.height for i in listed
    ):
        return "a transaction twice"
    return None
