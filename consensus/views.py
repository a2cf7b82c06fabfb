"""Leaving a view and entering the next: complaints, VIEW-CHANGE, NEW-VIEW (specification, section 5, C1-C4, N1-N7)."""

from __future__ import annotations

from collections.abc import Sequence

from consensus import limits
from consensus.codec import encode
from consensus.faults import compare_prepares, compare_seals, report
from consensus.fields import Reason, Rejection
from consensus.interface import RecordKind
from consensus.keyguard import look_at_prepares
from consensus.messages import Complain, Complaint, NewView, ViewChange, encode_message
from consensus.patience import timeout_ms
from consensus.sealing import adopt_certificate
from consensus.state import State
from consensus.view_change import Forced, base_of, check_author, check_change, check_content, select

# ---------------------------------------------------------------------------------------------------------- complaints


def complain(s: State, complaint: Complaint) -> None:
    """Tell all that this replica wants to leave its view, and keep voting in it (C1)."""
    if s.complaining is not None or s.halted is not None:
        return
    s.complaining, s.complaint_resends, s.resend_ms = int(complaint), 0, s.now_ms
    s.trace("C1", "complain", s.stable + 1, complaint.name.lower())
    s.broadcast(Complain(s.validators.epoch, s.index, s.view, complaint, 0))
    check_complaints(s)


def on_complain(s: State, message: Complain) -> None:
    """Take note of a peer's complaint: the latest view counts, for a while after each resend."""
    held = s.complaints.get(message.sender)
    view = message.view if held is None else max(held[0], message.view)
    s.complaints[message.sender] = (view, s.now_ms)
    check_complaints(s)


def check_complaints(s: State) -> None:
    """Leave the view at f + 1 complaints about it, this replica's own included (C1)."""
    if s.halted is not None:
        return
    who = {
        sender
        for sender, (view, received_ms) in s.complaints.items()
        if view >= s.view and s.now_ms - received_ms < limits.COMPLAINT_LIFETIME_MS
    }
    who |= {sender for sender, change in s.changes.items() if change.new_view > s.view}
    if s.complaining is not None:
        who.add(s.index)
    if len(who) >= s.validators.weak_quorum and s.view < limits.VIEW_MAX:
        s.trace("C1", "leave", s.stable + 1, f"{len(who)} complaints")
        move(s, s.view + 1)


def move(s: State, view: int) -> None:
    """Leave for ``view``: no vote for an earlier one is ever sent again (C3)."""
    assert view > s.view, "views only grow"
    _leave(s, view)
    unsigned = ViewChange(
        epoch=s.validators.epoch,
        sender=s.index,
        new_view=view,
        stable_height=s.stable,
        stable=s.certificate,
        prepared=tuple(
            slot.prepared
            for height, slot in sorted(s.slots.items())
            if slot.prepared is not None and height <= s.stable + s.settings.window
        ),
        signature=b"",
    )
    change = s.safety.view_change(unsigned)
    s.active, s.new_view, s.own_change, s.changes[s.index] = False, None, change, change
    data = encode_message(change)
    s.persist(RecordKind.MOVED, encode([s.validators.epoch, view, data]))
    s.broadcast(change)
    s.resend_ms = s.now_ms
    s.trace("C3", "view change", s.stable, f"to view {view}, {len(change.prepared)} prepared")
    check_changes(s)


def _leave(s: State, view: int) -> None:
    s.view, s.building, s.complaining = view, None, None
    s.new_view_deadline_ms = None
    s.pending_new_view, s.pending_new_view_data = None, b""
    s.complaints = {sender: c for sender, c in s.complaints.items() if c[0] >= view}
    for slot in s.slots.values():
        slot.reset_view(view)


# --------------------------------------------------------------------------------------------------------- view change


def on_view_change(s: State, message: ViewChange) -> None:
    """Store the latest valid VIEW-CHANGE of each sender."""
    held = s.changes.get(message.sender)
    if held is not None and held.new_view >= message.new_view:
        if held.new_view == message.new_view and held.body() != message.body():
            check_change(message, s.validators, s.context, s.anchor, s.settings.window)
            report(s, "K5", message.sender, message.new_view, held, message)
        return
    check_change(message, s.validators, s.context, s.anchor, s.settings.window)
    s.changes[message.sender] = message
    for certificate in message.prepared:
        compare_prepares(s, certificate, certificate.header.digest(s.context))
        look_at_prepares(s, certificate, certificate.header.digest(s.context))
    if message.stable is not None:
        compare_seals(s, message.stable)
        adopt_certificate(s, message.stable)
    check_changes(s)
    check_complaints(s)


def check_changes(s: State) -> None:
    """Join f + 1 others further on (C2), start the NEW-VIEW timer at q (C4), build the NEW-VIEW when leading."""
    if s.halted is not None:
        return
    views = sorted((c.new_view for c in s.changes.values()), reverse=True)
    if len(views) >= s.validators.weak_quorum and views[s.validators.weak_quorum - 1] > s.view:
        s.trace("C2", "join", s.stable, f"view {views[s.validators.weak_quorum - 1]}")
        move(s, views[s.validators.weak_quorum - 1])
        return
    if s.active:
        return
    at_least = sum(1 for view in views if view >= s.view)
    if s.new_view_deadline_ms is None and at_least >= s.validators.quorum:
        s.new_view_deadline_ms = s.now_ms + timeout_ms(s)
        s.trace("C4", "new view timer", s.stable, f"{timeout_ms(s)} ms")
    lead_view(s)


def lead_view(s: State) -> None:
    """Build and send the NEW-VIEW of the current view from q VIEW-CHANGEs, once the block at its base is here."""
    if s.active or s.leader != s.index or s.halted is not None:
        return
    same = sorted((c for c in s.changes.values() if c.new_view == s.view), key=lambda c: c.sender)
    if len(same) < s.validators.quorum:
        return
    chosen = tuple(same[: s.validators.quorum])
    base = base_of(chosen).stable_height
    block = s.chain.get(base) if _stable_at(s, chosen) else None
    if block is None:
        return  # the certificate in the VIEW-CHANGE is the target to catch up to
    forced = select(chosen, block.proposal_digest, s.settings.window, s.context)
    unsigned = NewView(s.validators.epoch, s.index, s.view, chosen, base, tuple(f.digest for f in forced), b"")
    message = s.safety.new_view(unsigned)
    s.persist(RecordKind.NEW_VIEW, encode_message(message))
    s.broadcast(message)
    enter(s, message, forced)


# ------------------------------------------------------------------------------------------------------------ new view


def on_new_view(s: State, message: NewView) -> None:
    """Check a NEW-VIEW by recomputing it, and enter its view."""
    if message.view < s.view or (message.view == s.view and s.active):
        if s.active and s.new_view is not None and message.view == s.view and message.body() != s.new_view.body():
            check_author(message, s.validators, s.context)
            report(s, "K4", message.sender, message.view, s.new_view, message)
        return
    check_author(message, s.validators, s.context)
    try:
        certificate = check_content(message, s.validators, s.context, s.anchor, s.settings.window)
    except Rejection as refusal:
        _refuse(s, message, "N2", refusal.detail)
        raise Rejection(Reason.BAD_NEW_VIEW, str(refusal)) from refusal
    if certificate is not None:
        adopt_certificate(s, certificate)
    s.pending_new_view, s.pending_new_view_data = message, encode_message(message)
    resume_new_view(s)


def resume_new_view(s: State) -> None:
    """Enter the pending NEW-VIEW once its base is stable here: N4 needs the proposal digest of that block."""
    message = s.pending_new_view
    if message is None:
        lead_view(s)
        return
    if message.view < s.view or (message.view == s.view and s.active):
        s.pending_new_view, s.pending_new_view_data = None, b""
        return
    if not _stable_at(s, message.changes):
        return
    s.pending_new_view, s.pending_new_view_data = None, b""
    forced = recompute(s, message)
    if forced is None:
        return  # it builds on a block older than the chain kept here: only the next view helps
    if s.chain.get(message.base) is not None and tuple(f.digest for f in forced) != message.forced:
        _refuse(s, message, "N4", "forced list differs from the recomputed one")
        return
    if message.view > s.view:
        _leave(s, message.view)
    s.safety.entered(message.view)
    s.persist(RecordKind.NEW_VIEW, encode_message(message))
    enter(s, message, forced)


def _stable_at(s: State, changes: Sequence[ViewChange]) -> bool:
    """Whether the base of these VIEW-CHANGEs is stable here; its certificate makes it so once it is executed."""
    best = base_of(changes)
    if best.stable is not None:
        adopt_certificate(s, best.stable)
    return best.stable_height <= s.stable


def _refuse(s: State, message: NewView, rule: str, detail: str) -> None:
    """Refuse a NEW-VIEW that its leader signed and that does not hold: evidence, and on to the next view."""
    s.trace(rule, "refused", message.base, detail)
    report(s, "K4", message.sender, message.view, message, message)
    if message.view == s.view:
        complain(s, Complaint.BAD_NEW_VIEW)


def recompute(s: State, message: NewView) -> list[Forced] | None:
    """Return what a NEW-VIEW forces above the stable height, by N4; None when that cannot be known here."""
    block = s.chain.get(message.base)
    if block is not None:
        return select(message.changes, block.proposal_digest, s.settings.window, s.context)
    return [] if message.base + s.settings.window <= s.stable else None  # all it can force is sealed


def enter(s: State, message: NewView, forced: list[Forced]) -> None:
    """Start the view: forced proposals are accepted as they are, without fresh-validity or time (plenum #1488)."""
    assert message.view == s.view, "left for it before"
    s.active, s.new_view, s.complaining = True, message, None
    s.new_view_deadline_ms = None
    s.pending_new_view, s.pending_new_view_data = None, b""
    s.leader_seen_ms = s.now_ms
    s.progress_since_ms = s.now_ms if s.progress_since_ms is not None else None
    s.proposed_ms = s.now_ms
    for slot in s.slots.values():
        slot.reset_view(s.view)
    apply_forced(s, message.base, forced)
    for slot in s.slots.values():
        if slot.accepted is not None:
            slot.take_up(s.now_ms)
    s.trace("N6", "new view", message.base, f"forced {len(forced)}")


def apply_forced(s: State, base: int, forced: list[Forced]) -> None:
    """Accept the forced proposals above the stable height, and only them up to the floor."""
    s.floor = base + len(forced)
    for item in forced:
        block = s.chain.get(item.height)
        if block is not None and block.proposal_digest != item.digest:
            # Decided in a later view that this replica has not entered yet: this NEW-VIEW is old news.
            s.trace("N6", "settled otherwise", item.height)
            break
        if item.height > s.stable:
            slot = s.slot(item.height)
            slot.headers[item.digest] = item.certificate.header
            slot.accepted = item.digest
