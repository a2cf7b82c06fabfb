"""One simulated node: the shell around the real core, with a disk that forgets and a power cord.

It can die at every boundary between records and messages; ``outbox`` keeps the contract, ``executor`` the blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Protocol

from consensus.censorship import Room, Waiting, Watch
from consensus.certificate import SealCert, ValidatorSet
from consensus.crypto import Context
from consensus.fields import Reason
from consensus.interface import (
    Alarm,
    Broadcast,
    BuildProposal,
    Censored,
    CommitBlock,
    Connected,
    Effect,
    Event,
    Execute,
    FetchBlocks,
    Halt,
    Persist,
    PoolChanged,
    Proposed,
    Received,
    Record,
    RecordKind,
    Refused,
    ReportEvidence,
    Send,
    Tick,
    Trace,
    Validate,
    Validated,
    Wake,
)
from consensus.messages import decode_message, encode_message
from consensus.replica import Replica
from consensus.simulation import application, inspection
from consensus.simulation.adversary import Adversary
from consensus.simulation.checkers import Judges, Violation
from consensus.simulation.disk import Disk
from consensus.simulation.executor import Bench, Executor
from consensus.simulation.outbox import Outbox, Wiring
from consensus.simulation.parcels import BlockRequest, Parcel, Transactions
from consensus.simulation.pool import Pool

CENSORED = b"3"  # the client whom the behaviour "censor" leaves out
MAINTENANCE_MS = 250  # between two looks at what is due besides consensus
_OFFENCES = frozenset(Reason) - {Reason.WRONG_EPOCH, Reason.OLD_VIEW, Reason.OUT_OF_WINDOW, Reason.BUFFER_FULL}


class Host(Protocol):
    """The world as a node sees it."""

    @property
    def now_ms(self) -> int:
        """Virtual time."""

    @property
    def random(self) -> Random:
        """The one source of randomness of the run."""

    def after(self, delay_ms: int, action: Callable[[], None]) -> None:
        """Do something later."""

    def transmit(self, sender: int, receiver: int, parcel: Parcel, delay_ms: int | None = None) -> None:
        """Put a parcel on the network; with ``delay_ms`` the sender decides how long it takes."""

    def note(self, node: int, what: str, data: bytes = b"") -> None:
        """Mix something that happened into the trace hash."""

    def traced(self, node: int, trace: Trace) -> None:
        """Show a step of the protocol."""

    @property
    def context(self) -> Context:
        """The suite and chain of the network."""

    @property
    def validators(self) -> ValidatorSet:
        """The validators of the network."""

    def starts(self, node: Node) -> Replica:
        """Make a replica from the node's disk."""


@dataclass(frozen=True, slots=True)
class Traits:
    """How one node differs from another."""

    index: int
    peers: tuple[int, ...]
    skew_ms: int
    execution_ms: int
    sync_ms: int
    regossip_ms: int
    complain_ms: int
    faulty: frozenset[int]
    adversary: (
        Adversary | None
    )  # None: a correct node, or a twin, which runs the same code under a key in use elsewhere


class _PowerCut(Exception):
    """The node dies here."""


class Node:
    """One validator of a simulated network."""

    def __init__(self, host: Host, traits: Traits, disk: Disk, judges: Judges) -> None:
        self.host = host
        self.traits = traits
        self.index = traits.index
        self.disk = disk
        self.judges = judges
        self.pool = Pool()
        self.up = False
        self.life = 0
        self.boundaries_left: int | None = None  # until the power cut
        self.halted = False  # in this life or an earlier one
        self._backup = disk
        self.replica: Replica
        self._clear()

    @property
    def correct(self) -> bool:
        """Whether this node keeps to the protocol, and is judged by it."""
        return self.index not in self.traits.faulty

    @property
    def guards_key(self) -> bool:
        """Whether its replica stops when its key votes elsewhere (R6): one that is meant to lie to others does not."""
        return self.correct or self._restores_old_copy

    @property
    def _restores_old_copy(self) -> bool:
        return self.traits.adversary is not None and self.traits.adversary.has("old_copy")

    def _clear(self) -> None:
        self._outbox = Outbox(self._wiring())
        self._executor = Executor(self._bench())
        self._wake_ms: int | None = None
        self._left_out: Waiting | None = None
        patience_ms = self.traits.complain_ms - self.traits.regossip_ms
        self._watch = Watch(patience_ms=patience_ms, block_transactions=application.BATCH_TRANSACTIONS_MAX)

    # ----------------------------------------------------------------------------------------------------- life, death

    def boot(self) -> None:
        """Start, or start again, from the disk."""
        assert not self.up, "a running node is not started"
        self.up, self.boundaries_left = True, None
        self.life += 1
        if self._restores_old_copy and self.life == 3:
            self.disk = self._backup
        self._clear()
        self.pool.restart((height, block.body) for height, block in self.disk.blocks.items())
        self.host.note(self.index, "boot")
        self.replica = self.host.starts(self)
        if self.correct:
            inspection.show_restart(self.judges, self.index, self.replica)
        self._take(self.replica.start(self.host.now_ms, self._clock_ms()))
        if self.halted:
            self.judges.count("restarts after a halt")
            if self.replica.snapshot().halted is None:
                raise Violation("P9", f"node {self.index} votes again after a restart")
        self._tell_pool()
        for peer in self.traits.peers:
            self._later(1 + self.host.random.randrange(5), partial(self.step, Connected(peer)))
        self._later(MAINTENANCE_MS, self._maintain)

    def crash(self) -> None:
        """Lose memory, and whatever the disk had not synced."""
        self.up = False
        if self.life == 1:
            self._backup = deepcopy(self.disk)
        waiting = self._outbox.holds_messages
        loss = self.disk.crash(self.host.random)
        self.host.note(self.index, "crash", b"%d" % loss.lost)
        if self.correct:
            self.judges.count("crashes")
            if waiting:
                self.judges.count("crashes between persist and send")
            if loss.torn:
                self.judges.count("torn tails")
            self._became_durable(list(loss.survived))
            stable = max((h for h in self.disk.certificates if h <= self.disk.executed), default=0)
            self.judges.crashed(self.index, stable)

    def _boundary(self, effect: Effect) -> None:
        if self.boundaries_left is None or not isinstance(effect, Persist | Send | Broadcast | Execute):
            return
        if self.boundaries_left == 0:
            raise _PowerCut
        self.boundaries_left -= 1

    def _later(self, delay_ms: int, action: Callable[[], None]) -> None:
        life = self.life

        def unless_dead() -> None:
            if self.up and self.life == life:
                action()

        self.host.after(delay_ms, unless_dead)

    def _clock_ms(self) -> int:
        return 1_000_000 + self.host.now_ms + self.traits.skew_ms

    # ------------------------------------------------------------------------------------------------ steps and effects

    def receive(self, sender: int, parcel: Parcel) -> None:
        """Take a parcel off the network."""
        if not self.up:
            return
        if isinstance(parcel, bytes):
            if self.traits.adversary is not None:
                for peer, data in self.traits.adversary.overhear(parcel):
                    self.host.transmit(self.index, peer, data, 1)
            self.step(Received(sender, parcel, self._clock_ms()))
        elif isinstance(parcel, Transactions):
            self.admit(parcel.identifiers)
        elif isinstance(parcel, BlockRequest):
            reply = self._executor.serve(parcel)
            if reply is not None:
                self.host.transmit(self.index, sender, reply)
        else:
            self._executor.take(parcel)

    def step(self, event: Event) -> None:
        """Drive the core by one event."""
        if not self.up:
            return
        self.host.note(self.index, type(event).__name__, event.data if isinstance(event, Received) else b"")
        self._take(self.replica.step(self.host.now_ms, event))

    def _take(self, effects: list[Effect]) -> None:
        self._guarded(lambda: self._put(effects))

    def _put(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Trace):
                self._traced(effect)
                continue
            self._outbox.put(effect)
            if isinstance(effect, Persist) and self.correct:
                for record in effect.records:
                    if record.kind is RecordKind.NEW_VIEW:
                        self.judges.enters(self.index, record.payload)
        self._show()
        self._outbox.flush()

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except _PowerCut:
            self.crash()

    def _show(self) -> None:
        if self.correct:
            inspection.show_progress(self.judges, self.index, self.replica)
        elif self.traits.adversary is not None:
            inspection.show_seat(self.traits.adversary.seat, self.replica, self.host.now_ms)

    def _became_durable(self, records: list[Record]) -> None:
        if self.correct:
            for record in records:
                self.judges.durable(self.index, int(record.kind), record.payload)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Broadcast():
                self._send(effect.data, self.traits.peers)
            case Send():
                self._send(effect.data, (effect.peer,))
            case Wake():
                self._wake_ms = effect.at_ms
                self._later(max(0, effect.at_ms - self.host.now_ms), lambda: self._wake(effect.at_ms))
            case BuildProposal():
                self._later(self.host.random.randrange(3), lambda: self._build(effect))
            case Validate():
                self._later(self.host.random.randrange(3), lambda: self._validate(effect))
            case Execute():
                self._executor.order(effect)
            case CommitBlock():
                self._certified(effect.certificate)
            case FetchBlocks():
                self._executor.fetch(effect)
            case ReportEvidence():
                if self.correct:
                    pair = effect.first, effect.second
                    self.judges.accused(self.index, effect.rule, effect.offender, pair, self.traits.faulty)
            case Refused():
                self._refused(effect)
            case Alarm():
                self.judges.count("P9 alarms" if effect.reason is not None else "P9 alarms over")
            case Halt():
                if self.correct:
                    raise Violation("P9", f"node {self.index} halts: {effect.reason}")
                self.halted = True
                self.judges.count(f"{effect.reason[:2]} halts")
            case Persist() | Trace():
                raise AssertionError("handled before")

    def _send(self, data: bytes, peers: tuple[int, ...]) -> None:
        self.host.note(self.index, "send", data)
        adversary = self.traits.adversary
        if adversary is None:
            if self.correct:
                self.judges.sent(self.index, data, self.judges.nodes[self.index].stable)
            for peer in peers:
                self.host.transmit(self.index, peer, data)
            return
        message = decode_message(data, adversary.seat.context)
        for peer in peers:
            for delay_ms, letter in adversary.rewrite(peer, message):
                sent = letter if isinstance(letter, bytes) else encode_message(letter)
                self.host.transmit(self.index, peer, sent, 1 + delay_ms)

    def _wake(self, at_ms: int) -> None:
        if self._wake_ms == at_ms:
            self.step(Tick(self._clock_ms()))

    def _refused(self, effect: Refused) -> None:
        """Judge a refusal: a correct node's message is never an offence to another correct one (I17)."""
        self.judges.count("refused messages")
        if self.correct and effect.peer not in self.traits.faulty and effect.reason in _OFFENCES:
            raise Violation("I17", f"node {self.index} refuses {effect.peer}: {effect.reason}, {effect.detail}")

    def _traced(self, trace: Trace) -> None:
        self.host.traced(self.index, trace)
        if trace.what in {"new view", "view change"}:
            self._watch.new_leader()
            self.pool.taken.clear()
            self._later(0, self._tell_pool)

    # ----------------------------------------------------------------------------------------------------- application

    def admit(self, identifiers: tuple[bytes, ...]) -> bool:
        """Take transactions into the pool; tell whether any was new."""
        fresh = self.pool.admit(identifiers, self.host.now_ms)
        if fresh:
            self._tell_pool()
        return fresh

    def push(self, identifiers: tuple[bytes, ...]) -> None:
        """Hand transactions to every other validator."""
        for peer in self.traits.peers:
            self.host.transmit(self.index, peer, Transactions(identifiers))

    def _tell_pool(self) -> None:
        self.step(PoolChanged(*self.pool.offer()))

    def _build(self, effect: BuildProposal) -> None:
        offered = [i for i in self.pool.waiting if not self._leaves_out(i)]
        batch = application.build(self.host.context, offered, effect.ancestors, self._clock_ms())
        if batch is not None:
            self.pool.take([batch.body, *(body for _, body in effect.ancestors)])
        self.step(Proposed(effect.view, effect.height, batch))
        if batch is not None:
            self._tell_pool()

    def _leaves_out(self, identifier: bytes) -> bool:
        adversary = self.traits.adversary
        return adversary is not None and adversary.has("censor") and application.client_of(identifier) == CENSORED

    def _validate(self, effect: Validate) -> None:
        included = self.pool.included
        refusal = application.refusal(self.host.context, effect.header, effect.body, effect.ancestors, included)
        self.step(Validated(effect.view, effect.digest, refusal))

    def _executed(self, height: int, body: bytes) -> None:
        listed = application.transactions(body)
        room = Room(application.BATCH_TRANSACTIONS_MAX - len(listed))
        self._watch.included(height, {i: self.pool.orders.get(i) for i in listed}, room)
        again = self.pool.execute(height, body)
        if self.correct and again:
            raise Violation("I10", f"node {self.index} executes a transaction again at height {height}")
        self._later(0, self._tell_pool)

    def _certified(self, certificate: SealCert) -> None:
        if self.correct:
            self.judges.certified(self.index, certificate.encode(), self.disk.executed)
        self.disk.loose_certificates[certificate.height] = certificate

    def _wiring(self) -> Wiring:
        return Wiring(
            disk=self.disk,
            later=self._later,
            sync_ms=lambda: self.host.random.randrange(self.traits.sync_ms + 1),
            perform=self._perform,
            became_durable=self._became_durable,
            boundary=self._boundary,
            guarded=self._guarded,
        )

    def _bench(self) -> Bench:
        host, traits = self.host, self.traits
        return Bench(
            index=self.index,
            disk=self.disk,
            context=host.context,
            validators=host.validators,
            random=host.random,
            judges=self.judges if self.correct else None,
            spoils=traits.adversary is not None and traits.adversary.has("wrong_results"),
            execution_ms=traits.execution_ms,
            sync_ms=traits.sync_ms,
            later=self._later,
            now_ms=lambda: host.now_ms,
            deliver=self.step,
            included=self._executed,
            ask=lambda peer, request: host.transmit(self.index, peer, request),
            peers=traits.peers,
        )

    # ----------------------------------------------------------------------------------------------------- maintenance

    def _maintain(self) -> None:
        """Push transactions again that wait for T / 2 (section 11), and let a Byzantine node act on its own."""
        due = self.pool.due(self.host.now_ms, self.traits.regossip_ms)
        if due:
            self.push(due)
            self._watch.forwarded(self.pool.watchable(due), waiting=len(self.pool.waiting), now_ms=self.host.now_ms)
        self._look_for_censorship()
        adversary = self.traits.adversary
        if adversary is not None:
            for peer, data in adversary.volunteer():
                self.host.transmit(self.index, peer, data, 1)
        self._later(MAINTENANCE_MS, self._maintain)

    def _look_for_censorship(self) -> None:
        left_out = self._watch.censored(self.host.now_ms)
        if left_out is not None:
            if self._left_out is None and self.correct:
                self.judges.count("censorship complaints")
            self.step(Censored(self.replica.snapshot().view))
        elif self._left_out is not None:
            self.step(Censored(None))
        self._left_out = left_out

    def rotate(self) -> None:
        """Replace the log by a checkpoint: a new segment, synced, before the old ones go."""
        records = self.replica.checkpoint()
        self.disk.replace_log(records)
        if self.correct:
            self.judges.log_replaced(self.index, [(int(r.kind), r.payload) for r in records])
            self.judges.count("log rotations")
        self._guarded(lambda: self._outbox.synced(self.disk.position))  # it holds all that waiting effects need
