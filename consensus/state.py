"""The state of one replica: what the rules in ``normal``, ``views`` and ``status`` read and change.

Plain data with small helpers and no rules of its own. Everything lives in ordered containers; nothing here reads a
clock or draws a random number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from consensus import limits
from consensus.certificate import SealCert, ValidatorSet, new_view_fits
from consensus.crypto import Context, Signer
from consensus.interface import (
    Ancestor,
    Broadcast,
    Effect,
    Persist,
    Record,
    RecordKind,
    SealedBlock,
    Send,
    Settings,
    Trace,
)
from consensus.messages import Message, NewView, PrepareCert, PrePrepare, ProposalHeader, ViewChange, encode_message
from consensus.safety import Safety

Ballot: TypeAlias = tuple[int, bytes]  # view and digest
BodyMatches: TypeAlias = Callable[[ProposalHeader, bytes], bool]


@dataclass(slots=True)
class Slot:
    """One height above the stable one."""

    height: int
    proposal: PrePrepare | None = None  # of the current view, its signature verified
    proposal_received_ms: int = 0  # wall clock when it came
    taken_up_ms: int | None = None  # clock of step when what this replica votes for in this view was here, linked
    decided_ms: int | None = None
    validating: bytes | None = None  # digest whose fresh-validity was asked for in this view
    valid: bytes | None = None  # digest found fresh-valid in this view
    refused: bool = False  # the proposal was refused: complained about, never voted for
    accepted: bytes | None = None  # what this replica votes for in this view: fresh, forced or P-certified
    headers: dict[bytes, ProposalHeader] = field(default_factory=dict)
    bodies: dict[bytes, bytes] = field(default_factory=dict)
    durable: set[bytes] = field(default_factory=set)  # digests whose body is in the log
    prepares: dict[Ballot, dict[int, bytes]] = field(default_factory=dict)
    commits: dict[Ballot, dict[int, bytes]] = field(default_factory=dict)
    voters: dict[tuple[int, int, int], bytes] = field(default_factory=dict)  # (type, view, sender) -> digest
    prepared: PrepareCert | None = None  # P-certificate of the highest view, durable
    prepared_digest: bytes | None = None
    committed_view: int | None = None  # current view, once COMMIT was sent in it
    decided: bytes | None = None

    def take_up(self, now_ms: int) -> None:
        """Note when work on this height began in this view."""
        if self.taken_up_ms is None:
            self.taken_up_ms = now_ms

    def reset_view(self, view: int) -> None:
        """Forget what belonged to the view just left; votes of a few views stay, they may still decide (P6)."""
        self.proposal, self.validating, self.valid, self.accepted = None, None, None, None
        self.taken_up_ms, self.refused, self.committed_view = None, False, None
        oldest = view - limits.VOTE_VIEWS_KEPT
        for tally in (self.prepares, self.commits):
            for ballot in [b for b in tally if b[0] < oldest]:
                del tally[ballot]
        for voter in [v for v in self.voters if v[1] < oldest]:
            del self.voters[voter]
        wanted = {ballot[1] for tally in (self.prepares, self.commits) for ballot in tally}
        wanted |= {d for d in (self.prepared_digest, self.decided) if d is not None}
        wanted |= self.durable  # whatever this replica voted for may still be forced, and its body asked for (P3)
        for digest in [d for d in self.headers if d not in wanted]:
            del self.headers[digest]
        for digest in [d for d in self.bodies if d not in wanted]:
            del self.bodies[digest]


@dataclass(slots=True)
class Fetch:
    """A body being asked for, one holder after the other."""

    height: int
    holders: tuple[int, ...]
    asked: int
    next_ms: int


@dataclass(slots=True)
class State:
    """Everything a replica knows."""

    context: Context
    validators: ValidatorSet
    index: int
    settings: Settings
    body_matches: BodyMatches
    guard_key: bool
    anchor: SealedBlock
    safety: Safety
    # chain
    stable: int
    certificate: SealCert | None
    executed: int
    chain: dict[int, SealedBlock]  # executed blocks from stable - window on
    execute_next: int  # next height to hand to execution
    slots: dict[int, Slot] = field(default_factory=dict)
    seals: dict[int, dict[bytes, dict[int, bytes]]] = field(default_factory=dict)
    target: SealCert | None = None  # certified, not yet executed here
    target_ms: int = 0  # when it became known
    fetching_to: int = 0  # height up to which blocks were asked for
    # view
    view: int = 0
    active: bool = True
    new_view: NewView | None = None
    pending_new_view: NewView | None = None  # valid but for N4, which needs the block at its base
    pending_new_view_data: bytes = b""  # its bytes, so that its copies cost nothing
    own_change: ViewChange | None = None
    floor: int = 0  # base + forced of the view's NEW-VIEW: no fresh proposal at or below it
    changes: dict[int, ViewChange] = field(default_factory=dict)
    complaints: dict[int, tuple[int, int]] = field(default_factory=dict)  # sender -> (view, received_ms)
    complaining: int | None = None  # the reason, while this replica complains about its view
    complaint_resends: int = 0
    later: dict[int, deque[tuple[Message, int]]] = field(default_factory=dict)
    later_bytes: dict[int, int] = field(default_factory=dict)
    replayed: tuple[int, bool] = (0, True)  # view and activity for which kept messages were taken up last
    fetches: dict[bytes, Fetch] = field(default_factory=dict)
    reported: dict[tuple[str, int], None] = field(default_factory=dict)  # rule and offender: once each per epoch
    answered: dict[int, int] = field(default_factory=dict)  # when a peer's STATUS was last answered
    served: dict[tuple[int, bytes], int] = field(default_factory=dict)  # when a peer was last sent a body
    heard: set[int] = field(default_factory=set)  # peers whose STATUS came since the start (R5)
    halted: str | None = None
    halted_height: int = 0  # executed when it halted
    unsealed_since_ms: int | None = None  # since when an executed height waits for a quorum of seals (P9)
    alarm: str | None = None  # what people were told of it
    alarm_height: int = 0  # the height it was raised for
    # time (milliseconds of the clock of step, None: not armed)
    now_ms: int = 0
    clock_ms: int = 0  # wall clock, as last told by the shell
    progress_since_ms: int | None = None
    sealed_ms: int = 0  # when the stable height last grew
    latency_sum_ms: int = 0  # eight times the average seal latency (``patience``)
    leader_seen_ms: int = 0
    new_view_deadline_ms: int | None = None
    heartbeat_ms: int = 0
    status_ms: int = 0
    resend_ms: int = 0
    proposed_ms: int = 0
    pool_since_ms: int | None = None
    pool_full: bool = False
    pool_dry_view: int | None = None  # view in which the pool had nothing left for this leader, until it changes
    building: tuple[int, int] | None = None  # (view, height) of an unanswered BuildProposal
    wake_ms: int | None = None
    out: list[Effect] = field(default_factory=list)

    # ------------------------------------------------------------------------------------------------------- helpers

    @property
    def leader(self) -> int:
        """Index of the leader of the current view."""
        return self.validators.leader(self.view)

    @property
    def leading(self) -> bool:
        """Whether this replica may propose now."""
        return self.active and self.leader == self.index and self.halted is None

    @property
    def voting(self) -> bool:
        """Whether this replica may vote now."""
        return self.active and self.halted is None

    def slot(self, height: int) -> Slot:
        """Return the slot of a height above the stable one, made when missing."""
        assert self.stable < height <= self.stable + 2 * self.settings.window, "bounded by the watermarks"
        held = self.slots.get(height)
        if held is None:
            held = self.slots[height] = Slot(height)
        return held

    def digest_at(self, height: int) -> bytes | None:
        """Return the digest this replica builds on at ``height``: executed, decided or accepted; None if unknown."""
        block = self.chain.get(height)
        if block is not None:
            return block.proposal_digest
        slot = self.slots.get(height)
        if slot is None:
            return None
        return slot.decided or slot.accepted

    def timestamp_at(self, height: int) -> int | None:
        """Return the timestamp of the proposal this replica builds on at ``height``."""
        block = self.chain.get(height)
        if block is not None:
            return block.timestamp_ms
        digest, slot = self.digest_at(height), self.slots.get(height)
        if digest is None or slot is None or digest not in slot.headers:
            return None
        return slot.headers[digest].timestamp_ms

    def anchor_height(self, height: int) -> int:
        """Return the executed height that a proposal at ``height`` refers to (section 2)."""
        return max(self.anchor.height, height - self.settings.window)

    def ancestors(self, height: int) -> tuple[Ancestor, ...] | None:
        """Return digests and bodies of the in-flight heights below ``height``; None while one is missing."""
        found = []
        for below in range(self.executed + 1, height):
            digest = self.digest_at(below)
            slot = self.slots.get(below)
            if digest is None or slot is None or digest not in slot.bodies:
                return None
            found.append((digest, slot.bodies[digest]))
        return tuple(found)

    # ------------------------------------------------------------------------------------------------------- effects

    def emit(self, effect: Effect) -> None:
        """Append an effect to the stream."""
        self.out.append(effect)

    def persist(self, kind: RecordKind, payload: bytes, *, sync: bool = True) -> None:
        """Append a record to the log before anything that follows."""
        self.out.append(Persist((Record(kind, payload),), sync))

    def broadcast(self, message: Message) -> None:
        """Send to all others."""
        self.out.append(Broadcast(encode_message(message)))

    def send(self, peer: int, message: Message) -> None:
        """Send to one other."""
        if peer != self.index:
            self.out.append(Send(peer, encode_message(message)))

    def trace(self, rule: str, what: str, height: int = 0, detail: str = "") -> None:
        """Note a step under its rule."""
        self.out.append(Trace(rule, what, height, self.view, detail))


def new_state(
    context: Context,
    validators: ValidatorSet,
    index: int,
    signer: Signer,
    settings: Settings,
    body_matches: BodyMatches,
    guard_key: bool,
    anchor: SealedBlock,
) -> State:
    """Return the state of a replica that has seen nothing but the anchor."""
    suite = context.suite
    sizes = (len(validators), settings.window, suite.digest_size, suite.signature_size)
    assert new_view_fits(*sizes), "checked when the genesis was read: such a network could never change its view"
    return State(
        context=context,
        validators=validators,
        index=index,
        settings=settings,
        body_matches=body_matches,
        guard_key=guard_key,
        anchor=anchor,
        safety=Safety(context, signer, validators.epoch, index),
        stable=anchor.height,
        certificate=None,
        executed=anchor.height,
        chain={anchor.height: anchor},
        execute_next=anchor.height + 1,
        floor=anchor.height,
    )
