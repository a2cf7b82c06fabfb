"""The replica: ``step(now_ms, event) -> effects``, deterministic and without IO.

This file dispatches; the rules are in ``proposing`` (P1), ``normal`` (P2-P6), ``sealing`` (P7-P9), ``views`` (C, N),
``view_change`` (V), ``status``, ``timers`` and ``safety``.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from consensus import limits
from consensus.certificate import SealCert, ValidatorSet
from consensus.crypto import Context, Signer
from consensus.divergence import halt
from consensus.fields import Reason, Rejection
from consensus.interface import (
    Censored,
    CommitBlock,
    Connected,
    Diverged,
    Effect,
    Event,
    Executed,
    Halt,
    PoolChanged,
    Proposed,
    Received,
    Record,
    Recovery,
    Refused,
    Settings,
    Synced,
    Tick,
    Validated,
)
from consensus.messages import (
    Body,
    Commit,
    Complain,
    FetchBody,
    Heartbeat,
    Message,
    NewView,
    Prepare,
    PrepareCertificate,
    PrePrepare,
    Seal,
    SealCertificate,
    Status,
    ViewChange,
    decode_message,
)
from consensus.normal import (
    advance,
    on_body,
    on_commit,
    on_pre_prepare,
    on_prepare,
    on_prepare_certificate,
    on_validated,
)
from consensus.patience import base_ms, timeout_ms
from consensus.proposing import on_proposed
from consensus.restore import checkpoint, restore
from consensus.sealing import on_certificate, on_executed, on_seal, on_synced, seal_executed
from consensus.state import BodyMatches, State, new_state
from consensus.status import on_fetch_body, on_status, own_status
from consensus.timers import arm, on_censored, on_tick
from consensus.views import on_complain, on_new_view, on_view_change, resume_new_view

_OF_A_VIEW = (PrePrepare, Prepare, Commit, Heartbeat)  # kept for later when their view has not started here
_RELAYED = (PrePrepare, NewView)  # any holder may pass them on: their signer is checked, not their link


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an operator or a test sees of a replica."""

    epoch: int
    view: int
    active: bool
    leader: int
    stable_height: int
    executed_height: int
    in_flight: int
    complaining: int | None
    target_height: int | None
    base_timeout_ms: int  # T(0), which adapts to what sealing takes here
    timeout_ms: int  # T(k)
    halted: str | None
    alarm: str | None  # no quorum agrees on a result (P9)


class Replica:
    """One validator's consensus core."""

    def __init__(
        self,
        *,
        context: Context,
        validators: ValidatorSet,
        index: int,
        signer: Signer,
        settings: Settings,
        body_matches: BodyMatches,
        recovery: Recovery,
        guard_key: bool = True,
    ) -> None:
        """Take up where ``recovery`` ends; without ``guard_key`` a second user of the key goes unnoticed (R6).

        That is for experiments which are about two users of one key.
        """
        self._state: State = new_state(
            context, validators, index, signer, settings, body_matches, guard_key, recovery.anchor
        )
        restore(self._state, recovery)
        self._stored_certificate = recovery.certificate

    def start(self, now_ms: int, clock_ms: int) -> list[Effect]:
        """Return the first effects: executions that a crash interrupted, own seals, STATUS (R4, R5)."""
        s = self._state
        s.now_ms, s.clock_ms = now_ms, clock_ms
        s.leader_seen_ms = s.status_ms = s.heartbeat_ms = s.resend_ms = s.proposed_ms = s.sealed_ms = now_ms
        s.trace("R4", "start", s.stable, f"executed {s.executed}, {'active' if s.active else 'changing view'}")
        if s.certificate is not None and s.certificate != self._stored_certificate:
            s.emit(CommitBlock(s.certificate))  # the log kept it, the shell's store did not
        if s.halted is not None:
            s.emit(Halt(s.halted))
        seal_executed(s)
        s.broadcast(own_status(s))
        return self._finish()

    def step(self, now_ms: int, event: Event) -> list[Effect]:
        """Take one event at ``now_ms`` (monotonic) and return the effects in the order to carry them out."""
        s = self._state
        assert now_ms >= s.now_ms, "time does not run backwards"
        s.now_ms = now_ms
        match event:
            case Received():
                s.clock_ms = event.clock_ms
                self._receive(event.peer, event.data)
            case Tick():
                s.clock_ms = event.clock_ms
                on_tick(s)
            case PoolChanged():
                s.pool_since_ms, s.pool_full, s.pool_dry_view = event.since_ms, event.batch_full, None
            case Proposed():
                on_proposed(s, event.view, event.height, event.batch)
            case Validated():
                on_validated(s, event.view, event.digest, event.refusal)
            case Executed():
                on_executed(s, event.height, event.block_hash)
            case Synced():
                on_synced(s, event.block, event.certificate)
            case Censored():
                on_censored(s, event.view)
            case Diverged():
                halt(s, event.reason)
            case Connected():
                s.send(event.peer, own_status(s))
        return self._finish()

    def checkpoint(self) -> list[Record]:
        """Return the records that replace the whole log so far."""
        return checkpoint(self._state)

    def snapshot(self) -> Snapshot:
        """Return a copy of what matters to people."""
        s = self._state
        return Snapshot(
            epoch=s.validators.epoch,
            view=s.view,
            active=s.active,
            leader=s.leader,
            stable_height=s.stable,
            executed_height=s.executed,
            in_flight=sum(1 for slot in s.slots.values() if slot.proposal or slot.accepted),
            complaining=s.complaining,
            target_height=None if s.target is None else s.target.height,
            base_timeout_ms=base_ms(s),
            timeout_ms=timeout_ms(s),
            halted=s.halted,
            alarm=s.alarm,
        )

    @property
    def certificate(self) -> SealCert | None:
        """The certificate of the stable height; None at the epoch's anchor."""
        return self._state.certificate

    # ------------------------------------------------------------------------------------------------------ messages

    def _finish(self) -> list[Effect]:
        s = self._state
        resume_new_view(s)
        advance(s)
        self._replay_later()
        arm(s)
        out, s.out = s.out, []
        return out

    def _receive(self, peer: int, data: bytes) -> None:
        s = self._state
        if data == s.pending_new_view_data:
            return  # every holder re-sends it while it waits for its base: decoded and checked once
        try:
            message = decode_message(data, s.context)
            self._check_sender(peer, message)
            self._handle(peer, message, len(data))
        except Rejection as refusal:
            s.emit(Refused(peer, refusal.reason, refusal.detail))

    def _check_sender(self, peer: int, message: Message) -> None:
        s = self._state
        if not 0 <= message.sender < len(s.validators) or not 0 <= peer < len(s.validators):
            raise Rejection(Reason.NOT_A_MEMBER, f"sender {message.sender}, peer {peer}")
        # A relayed message may even be an own one of before a crash: its signature decides.
        if not isinstance(message, _RELAYED) and (message.sender != peer or message.sender == s.index):
            raise Rejection(Reason.WRONG_SENDER, f"sender {message.sender} on the link of {peer}")
        if message.epoch != s.validators.epoch:
            raise Rejection(Reason.WRONG_EPOCH, f"epoch {message.epoch}, current {s.validators.epoch}")

    def _handle(self, peer: int, message: Message, size: int) -> None:
        s = self._state
        if isinstance(message, _OF_A_VIEW):
            if message.view > s.view or (message.view == s.view and not s.active):
                self._keep(peer, message, size)
                return
            if message.view < s.view and isinstance(message, PrePrepare | Heartbeat):
                raise Rejection(Reason.OLD_VIEW, f"view {message.view}, current {s.view}")
        if s.active and message.sender == s.leader and peer == s.leader and getattr(message, "view", None) == s.view:
            s.leader_seen_ms = s.now_ms  # a sign of life; it never restarts the progress timer
        match message:
            case PrePrepare():
                on_pre_prepare(s, message)
            case Prepare():
                on_prepare(s, message)
            case Commit():
                on_commit(s, message)
            case Seal():
                on_seal(s, message)
            case Complain():
                on_complain(s, message)
            case ViewChange():
                on_view_change(s, message)
            case NewView():
                on_new_view(s, message)
            case Status():
                on_status(s, message)
            case FetchBody():
                on_fetch_body(s, message)
            case Body():
                on_body(s, message.header, message.body)
            case SealCertificate():
                on_certificate(s, message.certificate)
            case PrepareCertificate():
                on_prepare_certificate(s, message.certificate)
            case Heartbeat():
                pass  # noted above

    def _keep(self, peer: int, message: Message, size: int) -> None:
        """Keep a message of a view that has not started here (section 3): bounded per peer, oldest dropped."""
        s = self._state
        queue = s.later.setdefault(peer, deque())
        queue.append((message, size))
        total = s.later_bytes.get(peer, 0) + size
        while len(queue) > limits.LATER_MESSAGES_MAX or total > limits.LATER_BYTES_MAX:
            total -= queue.popleft()[1]
        s.later_bytes[peer] = total

    def _replay_later(self) -> None:
        """Take kept messages up again when the view or its activity changed."""
        s = self._state
        while (s.view, s.active) != s.replayed:
            s.replayed = (s.view, s.active)
            kept, s.later, s.later_bytes = s.later, {}, {}
            for peer, queue in kept.items():
                for message, size in queue:
                    try:
                        self._handle(peer, message, size)
                    except Rejection as refusal:
                        if refusal.reason is not Reason.OLD_VIEW:
                            s.emit(Refused(peer, refusal.reason, refusal.detail))
            resume_new_view(s)
            advance(s)
