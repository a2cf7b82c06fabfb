"""Timers (specification, section 8): all deadlines of a replica, and what happens when one has passed.

The shell keeps one alarm (Wake) for the earliest of them. Nothing here decides anything: a passed deadline leads to a
complaint, a view change, a resend or a proposal by the same functions that messages use.
"""

from __future__ import annotations

from consensus import limits
from consensus.divergence import alarm_due_ms, watch_results
from consensus.interface import Wake
from consensus.messages import Complain, Complaint, Heartbeat
from consensus.patience import timeout_ms
from consensus.proposing import next_height
from consensus.state import Slot, State
from consensus.status import ask_for_bodies, own_status
from consensus.views import check_complaints, complain, move


def pending(s: State) -> bool:
    """Whether work waits for the leader: something in flight, or a transaction older than two batch delays."""
    return _pool_pending(s) or any(_in_flight(s, slot) for slot in s.slots.values())


def _in_flight(s: State, slot: Slot) -> bool:
    """Whether something was proposed: votes alone prove it only when one of them is a correct replica's."""
    if slot.proposal is not None or slot.accepted is not None or slot.decided is not None:
        return True
    enough = s.validators.weak_quorum
    return any(ballot[0] == s.view and len(votes) >= enough for ballot, votes in slot.prepares.items())


def _pool_pending(s: State) -> bool:
    return s.pool_since_ms is not None and s.now_ms > s.pool_since_ms + 2 * s.settings.batch_delay_ms


def caught_up(s: State) -> bool:
    """R5: after a start, time-outs count only once f + 1 replicas were heard and their certified blocks are here."""
    return len(s.heard) + 1 >= s.validators.weak_quorum and s.target is None


def update_progress(s: State) -> None:
    """Arm the progress timer while work is pending; it runs from the last sealed height."""
    if not pending(s):
        s.progress_since_ms = None
    elif s.progress_since_ms is None:
        s.progress_since_ms = s.now_ms


def on_tick(s: State) -> None:
    """Act on every deadline that has passed."""
    update_progress(s)
    now = s.now_ms
    _withdraw(s)
    if s.voting and s.complaining is None and caught_up(s):
        since = s.progress_since_ms
        if since is not None and now >= since + timeout_ms(s):
            complain(s, Complaint.NO_PROGRESS)
        elif since is None and s.leader != s.index and now >= s.leader_seen_ms + timeout_ms(s):
            complain(s, Complaint.NO_HEARTBEAT)
    if s.new_view_deadline_ms is not None and not s.active and now >= s.new_view_deadline_ms:
        s.trace("C4", "new view timer expired", s.stable)
        s.new_view_deadline_ms = None
        if s.halted is None and s.view < limits.VIEW_MAX:
            move(s, s.view + 1)
    if s.leading and now >= s.heartbeat_ms + s.settings.heartbeat_ms:
        s.heartbeat_ms = now
        s.broadcast(Heartbeat(s.validators.epoch, s.index, s.view, s.stable, next_height(s), s.clock_ms))
    if _resending(s) and now >= s.resend_ms + limits.RESEND_INTERVAL_MS:
        s.resend_ms = now
        _resend(s)
    if now >= s.status_ms + status_interval_ms(s):
        s.status_ms = now
        s.broadcast(own_status(s))
    check_complaints(s)  # complaints age
    watch_results(s)
    ask_for_bodies(s)


def on_censored(s: State, view: int | None) -> None:
    """Section 11: complain about a leader that leaves a transaction out, until it is in a block or another leads."""
    if view == s.view and s.voting and s.leader != s.index and caught_up(s):
        complain(s, Complaint.CENSORED)
    elif view is None and s.complaining == Complaint.CENSORED:
        s.complaining = None
        s.trace("C1", "complaint withdrawn", s.stable + 1)


def _withdraw(s: State) -> None:
    """Complain no more about what is over: a leader that is heard again, work that is done."""
    heard = s.complaining == Complaint.NO_HEARTBEAT and s.now_ms < s.leader_seen_ms + timeout_ms(s)
    done = s.complaining == Complaint.NO_PROGRESS and s.progress_since_ms is None
    if heard or done:
        s.complaining = None
        s.trace("C1", "complaint withdrawn", s.stable + 1)


def _resending(s: State) -> bool:
    return s.halted is None and (s.complaining is not None or not s.active)


def _resend(s: State) -> None:
    if s.complaining is not None:
        s.complaint_resends += 1
        reason = Complaint(s.complaining)
        s.broadcast(Complain(s.validators.epoch, s.index, s.view, reason, s.complaint_resends))
    if not s.active and s.own_change is not None:
        s.broadcast(s.own_change)


def status_interval_ms(s: State) -> int:
    """Return the time between two STATUS: shorter while something is stuck, or votes lost early cost a time-out."""
    since = s.progress_since_ms
    stuck = since is not None and s.now_ms - since >= s.settings.timeout_ms // 8
    return min(limits.STATUS_INTERVAL_MS, timeout_ms(s) // 8) if stuck else limits.STATUS_INTERVAL_MS


def deadlines(s: State) -> list[int]:
    """Return all future points at which ``on_tick`` has something to do."""
    found = [s.status_ms + status_interval_ms(s)]
    since = s.progress_since_ms
    if since is not None:
        found.append(since + s.settings.timeout_ms // 8)
    if s.voting and s.complaining is None:
        if since is not None:
            found.append(since + timeout_ms(s))
        elif s.leader != s.index:
            found.append(s.leader_seen_ms + timeout_ms(s))
    if s.new_view_deadline_ms is not None and not s.active:
        found.append(s.new_view_deadline_ms)
    if s.leading:
        found.append(s.heartbeat_ms + s.settings.heartbeat_ms)
        if s.pool_since_ms is not None and s.building is None:
            found.append(s.pool_since_ms + s.settings.batch_delay_ms)
        if s.settings.max_idle_ms and s.building is None:
            found.append(s.proposed_ms + s.settings.max_idle_ms)
    if _resending(s):
        found.append(s.resend_ms + limits.RESEND_INTERVAL_MS)
    if s.pool_since_ms is not None and since is None:
        found.append(s.pool_since_ms + 2 * s.settings.batch_delay_ms + 1)
    alarm_ms = alarm_due_ms(s)
    if alarm_ms is not None:
        found.append(alarm_ms)
    found.extend(fetch.next_ms for fetch in s.fetches.values())
    if s.target is not None and s.fetching_to < s.target.height:
        found.append(s.target_ms + s.settings.timeout_ms // 8)
    return found


def arm(s: State) -> None:
    """Emit Wake when the earliest deadline moved. A deadline already passed is retried soon, never in a busy loop."""
    update_progress(s)
    now = s.now_ms
    future = [at for at in deadlines(s) if at > now]
    earliest = min(future, default=now + limits.STATUS_INTERVAL_MS)
    if s.wake_ms is None or s.wake_ms <= now or earliest < s.wake_ms:
        s.wake_ms = earliest
        s.emit(Wake(earliest))
