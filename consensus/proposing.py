"""Leading a view: when to ask for a batch, and the header around it (specification, section 4, P1).

The own proposal leaves only after the shell judged it like a follower's: see ``normal.on_validated``.
"""

from __future__ import annotations

from consensus.interface import Batch, BuildProposal, Validate
from consensus.messages import ProposalHeader
from consensus.state import State


def on_proposed(s: State, view: int, height: int, batch: Batch | None) -> None:
    """Make a header for the batch and validate it with the followers' function before anyone sees it (P1)."""
    if s.building == (view, height):
        s.building = None
    if batch is None:
        s.pool_dry_view, s.proposed_ms = view, s.now_ms  # all of it is in flight, until the pool or the view changes
        return
    if not s.leading or view != s.view or height != next_height(s):
        return
    slot, parent, parent_ms = s.slot(height), s.digest_at(height - 1), s.timestamp_at(height - 1)
    anchor = s.chain.get(s.anchor_height(height))
    ancestors = s.ancestors(height)
    if slot.proposal or slot.validating or parent is None or parent_ms is None or anchor is None or ancestors is None:
        return
    header = ProposalHeader(
        chain_id=s.context.chain_id,
        epoch=s.validators.epoch,
        height=height,
        pview=view,
        proposer=s.index,
        parent=parent,
        anchor_height=anchor.height,
        anchor_hash=anchor.block_hash,
        timestamp_ms=max(batch.timestamp_ms, parent_ms + 1),
        tx_root=batch.tx_root,
        tx_count=batch.tx_count,
        body_bytes=len(batch.body),
        evidence_root=batch.evidence_root,
    )
    digest = header.digest(s.context)
    slot.headers[digest], slot.bodies[digest], slot.validating = header, batch.body, digest
    slot.take_up(s.now_ms)
    s.proposed_ms = s.now_ms
    s.emit(Validate(view, digest, header, batch.body, ancestors))


def next_height(s: State) -> int:
    """Return the height a leader proposes next (P1)."""
    accepted = [h for h, slot in s.slots.items() if slot.accepted is not None]
    return max(s.stable, s.executed, s.floor, *accepted, s.stable) + 1


def propose(s: State) -> None:
    """P1: ask for a batch when there is work and room in the window."""
    if not s.leading or s.building is not None or not proposal_due(s):
        return
    height = next_height(s)
    slot = s.slots.get(height)
    if height > s.stable + s.settings.window or s.anchor_height(height) > s.executed:
        return
    if slot is not None and (slot.proposal is not None or slot.validating is not None):
        return
    ancestors = s.ancestors(height)
    if ancestors is None or s.digest_at(height - 1) is None:
        return
    s.building = (s.view, height)
    s.emit(BuildProposal(s.view, height, ancestors))


def proposal_due(s: State) -> bool:
    """Whether a batch is full, old enough, or the chain was idle for too long."""
    since = None if s.pool_dry_view == s.view else s.pool_since_ms
    if since is not None and (s.pool_full or s.now_ms >= since + s.settings.batch_delay_ms):
        return True
    return bool(s.settings.max_idle_ms) and s.now_ms >= s.proposed_ms + s.settings.max_idle_ms
