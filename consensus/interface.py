"""Events in, effects out: the whole contract between the consensus core and whoever runs it.

Effects form one totally ordered stream. **An effect is released only when every Persist before it is durable**
(R2): that is the one rule a shell must keep, and it allows group commit, since the records of many steps may share
one fsync. Everything else a shell owes is written at the effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from consensus.certificate import SealCert
from consensus.limits import MESSAGE_DELAY_MS, WINDOW_MAX
from consensus.messages import ProposalHeader

# ------------------------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes from an authenticated peer: ``peer`` is its index in the validator set, ``clock_ms`` the wall clock."""

    peer: int
    data: bytes
    clock_ms: int


@dataclass(frozen=True, slots=True)
class Connected:
    """A link to a peer came up: it is told at once where this replica stands."""

    peer: int


@dataclass(frozen=True, slots=True)
class Tick:
    """The time asked for by the last Wake has come (an early or spurious tick does no harm)."""

    clock_ms: int


@dataclass(frozen=True, slots=True)
class PoolChanged:
    """The pool of transactions not in any in-flight proposal: when its oldest entry came, and whether a batch is full.

    ``since_ms`` is on the clock of ``step``; None means empty.
    """

    since_ms: int | None
    batch_full: bool


@dataclass(frozen=True, slots=True)
class Proposed:
    """The answer to BuildProposal: a batch, or None when there was nothing to propose after all."""

    view: int
    height: int
    batch: Batch | None


@dataclass(frozen=True, slots=True)
class Batch:
    """A body with what its header says about it."""

    body: bytes
    tx_root: bytes
    tx_count: int
    evidence_root: bytes
    timestamp_ms: int  # the proposer's wall clock; the core raises it above the parent's


@dataclass(frozen=True, slots=True)
class Validated:
    """The answer to Validate: ``refusal`` is None when the body is fresh-valid (P2)."""

    view: int
    digest: bytes
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Executed:
    """The answer to Execute: results of ``height`` are durable and hash to ``block_hash`` (P7 (a)-(c))."""

    height: int
    block_hash: bytes


@dataclass(frozen=True, slots=True)
class SealedBlock:
    """What consensus needs to know of a block that others sealed."""

    height: int
    block_hash: bytes
    proposal_digest: bytes
    timestamp_ms: int
    pview: int


@dataclass(frozen=True, slots=True)
class Synced:
    """The answer to FetchBlocks, per block: verified, executed and durable.

    ``certificate`` is the block's own; None when a later certificate covers it through the parent hashes.
    """

    block: SealedBlock
    certificate: SealCert | None


@dataclass(frozen=True, slots=True)
class Censored:
    """The leader of ``view`` leaves a transaction out (``censorship.Watch``); None: no longer.

    Told again as long as it holds, it does no harm.
    """

    view: int | None


@dataclass(frozen=True, slots=True)
class Diverged:
    """The shell found that executing a certified block gives another result here (P9)."""

    reason: str


Event: TypeAlias = (
    Received | Connected | Tick | PoolChanged | Proposed | Validated | Executed | Synced | Censored | Diverged
)

# ------------------------------------------------------------------------------------------------------------ effects


class RecordKind(IntEnum):
    """Kinds of write-ahead log records."""

    BODY = 1  # header and body of a proposal this replica voted for
    VOTE = 2  # an own PRE-PREPARE or PREPARE: type, epoch, view, height, digest, signature
    PREPARED = 3  # a P-certificate
    MOVED = 4  # view moved to, with the own VIEW-CHANGE's exact bytes
    NEW_VIEW = 5  # the accepted NEW-VIEW
    SEALED = 6  # a SealCert
    HALTED = 7  # this replica votes no more: the height executed by then, and why
    CLEARED = 8  # the operator has mended it: nothing in it; the one record that no replica writes


@dataclass(frozen=True, slots=True)
class Record:
    """One write-ahead log record."""

    kind: RecordKind
    payload: bytes


@dataclass(frozen=True, slots=True)
class Persist:
    """Append to the write-ahead log. With ``sync`` every later effect waits until the record is durable."""

    records: tuple[Record, ...]
    sync: bool = True


@dataclass(frozen=True, slots=True)
class Send:
    """Send to one validator; may be lost."""

    peer: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Send to every other validator; may be lost for any of them."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wake:
    """Call ``step`` with Tick at or after ``at_ms``; replaces the previous Wake."""

    at_ms: int


Ancestor: TypeAlias = tuple[bytes, bytes]  # digest and body of an in-flight proposal


@dataclass(frozen=True, slots=True)
class BuildProposal:
    """Answer with Proposed: a batch without the transactions of ``ancestors`` or of executed blocks.

    A shell keeps transactions in its pool until they are executed, so that those of an abandoned proposal need no
    way back (sawtooth-pbft #140).
    """

    view: int
    height: int
    ancestors: tuple[Ancestor, ...]


@dataclass(frozen=True, slots=True)
class Validate:
    """Answer with Validated: fresh-validity of ``body`` on top of ``ancestors`` and the executed blocks below (P2).

    Blocks at or above the header's height may have been executed by the time of the answer: they do not count.
    """

    view: int
    digest: bytes
    header: ProposalHeader
    body: bytes
    ancestors: tuple[Ancestor, ...]


@dataclass(frozen=True, slots=True)
class Execute:
    """A decision (P6). Append to the ordered log (a), execute (b), store the results (c), then answer Executed.

    Decisions come in height order; the same height may come again after a restart and is then only answered.
    """

    header: ProposalHeader
    digest: bytes
    body: bytes
    commit_certificate: bytes


@dataclass(frozen=True, slots=True)
class CommitBlock:
    """The block is stable (P8): store its certificate and tell those who wait for its transactions."""

    certificate: SealCert


@dataclass(frozen=True, slots=True)
class FetchBlocks:
    """Blocks up to the certified height are missing: get them from any peer, verify, execute, answer Synced each."""

    from_height: int
    target: SealCert


@dataclass(frozen=True, slots=True)
class ReportEvidence:
    """Two signed messages of one validator that no correct one sends (K1-K4)."""

    rule: str
    offender: int
    first: bytes
    second: bytes


@dataclass(frozen=True, slots=True)
class Halt:
    """This replica's state is wrong (P9), or its key votes elsewhere (R6): it votes no more and keeps serving.

    Sent again at every start, until the operator has the log say that it is mended.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """People have to look: no quorum agrees on a result (P9). Voting goes on. None: it is over."""

    reason: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A message was refused and changed nothing: score its sender."""

    peer: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Trace:
    """A step of the protocol under the label of its rule, for logs, metrics and the simulator."""

    rule: str
    what: str
    height: int
    view: int
    detail: str = ""


Effect: TypeAlias = (
    Persist
    | Send
    | Broadcast
    | Wake
    | BuildProposal
    | Validate
    | Execute
    | CommitBlock
    | FetchBlocks
    | ReportEvidence
    | Halt
    | Alarm
    | Refused
    | Trace
)

# ----------------------------------------------------------------------------------------------- recovery and settings


@dataclass(frozen=True, slots=True)
class Settings:
    """On-chain parameters of consensus: equal on all validators (times in milliseconds)."""

    window: int = 8
    batch_delay_ms: int = 20
    timeout_ms: int = 2_000  # T(0)
    timeout_max_ms: int = 60_000  # the cap: unbounded doubling needs a restart of all validators (besu-docs #611)
    max_idle_ms: int = 0  # propose an empty block after this long without one; 0: never

    def __post_init__(self) -> None:
        assert 1 <= self.window <= WINDOW_MAX
        assert self.batch_delay_ms * 8 < self.timeout_ms <= self.timeout_max_ms, "checked when the genesis was read"

    # What follows from the floor of the time-out, so that no choice of parameters can put them at odds (FISCO-BCOS
    # #4656: one node's block interval above the time-out hung the chain).

    @property
    def heartbeat_ms(self) -> int:
        """Between two heartbeats of an idle leader: four in the patience of its followers."""
        return self.timeout_ms // 4

    @property
    def forward_ms(self) -> int:
        """T_fwd: after so long without inclusion a transaction goes to the leader, and to all others (section 11)."""
        return self.timeout_ms // 2

    @property
    def complain_ms(self) -> int:
        """T_complain: a transaction left out for so long is complained about; more than twice T_fwd."""
        return self.timeout_ms * 5 // 2

    @property
    def message_delay_ms(self) -> int:
        """How old a fresh timestamp may be at k = 0: no less than half of what replicas wait for a proposal."""
        return max(MESSAGE_DELAY_MS, self.timeout_ms // 2)


@dataclass(frozen=True, slots=True)
class DecidedBlock:
    """A decision found in the ordered log above the stable height; ``block_hash`` is None when not executed yet."""

    header: ProposalHeader
    body: bytes
    block_hash: bytes | None


@dataclass(frozen=True, slots=True)
class Recovery:
    """What the disk holds when a replica starts.

    ``anchor`` is the block before the epoch's first; ``sealed`` the executed blocks that others sealed (ascending)
    back to at least as many as the window, which anchors refer to, and at most ``limits.CHAIN_KEPT``;
    ``certificate`` is the highest one of a block among them, None at the anchor: usually that of the last, lower when
    a crash interrupted catching up. ``decided`` continues from there without a gap.
    """

    anchor: SealedBlock
    sealed: tuple[SealedBlock, ...]
    certificate: SealCert | None
    decided: tuple[DecidedBlock, ...]
    records: tuple[Record, ...]
