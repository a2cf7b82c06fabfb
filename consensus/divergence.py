"""Execution that differs: this replica's (P9, it halts) or everybody's (an alarm, and the protocol goes on).

A quorum of seals for one result may fail to come because validators are away, or because they execute differently.
After T_MAX, the cap of the time-out, without one for a height that is executed here, and at once when no result can
reach a quorum any more, the people who run this validator are told what was sealed by whom.
"""

from __future__ import annotations

from consensus.codec import encode
from consensus.interface import Alarm, Halt, RecordKind
from consensus.state import State


def halt(s: State, why: str, *, rule: str = "P9") -> None:
    """Stop voting, keep serving, say so, and remember it in the log: only the operator ends it, not a restart."""
    if s.halted is None:
        s.halted, s.halted_height = why, s.executed
        s.persist(RecordKind.HALTED, halt_payload(s))
        s.trace(rule, "halt", s.executed, why)
        s.emit(Halt(why))


def halt_payload(s: State) -> bytes:
    """Return the log record of this replica's halt: the height executed by then, up to which it may have sealed."""
    assert s.halted is not None, "called for a halted replica"
    return encode([s.halted_height, s.halted.encode()])


def note_results(s: State, *, grown: bool = False) -> None:
    """Let the time without a quorum run from the last seal, or from the first execution above it."""
    if s.executed == s.stable:
        s.unsealed_since_ms = None
    elif s.unsealed_since_ms is None or grown:
        s.unsealed_since_ms = s.now_ms


def watch_results(s: State) -> None:
    """P9: raise the alarm when no quorum seals one result, and take it back when one has."""
    note_results(s)
    height = s.stable + 1
    if s.alarm is not None and s.stable >= s.alarm_height:
        s.alarm = None
        s.trace("P9", "alarm over", s.stable)
        s.emit(Alarm(None))
    since_ms = s.unsealed_since_ms
    if s.alarm is not None or s.halted is not None or since_ms is None:
        return
    late = s.now_ms >= since_ms + s.settings.timeout_max_ms
    if late or _split(s, height):
        s.alarm, s.alarm_height = _describe(s, height), height
        s.trace("P9", "alarm", height, "no quorum in time" if late else "results differ")
        s.emit(Alarm(s.alarm))


def alarm_due_ms(s: State) -> int | None:
    """Return when the time without a quorum is over, None while it does not run."""
    if s.alarm is not None or s.halted is not None or s.unsealed_since_ms is None:
        return None
    return s.unsealed_since_ms + s.settings.timeout_max_ms


def _split(s: State, height: int) -> bool:
    """Whether no result can reach a quorum, even if all who said nothing yet agreed."""
    votes = [len(signers) for signers in s.seals.get(height, {}).values()]
    silent = len(s.validators) - sum(votes)
    return max(votes, default=0) + silent < s.validators.quorum


def _describe(s: State, height: int) -> str:
    by_hash = s.seals.get(height, {})
    own = s.chain[height].block_hash
    parts = [
        f"{block_hash.hex()[:8]}{' (mine)' if block_hash == own else ''} by {sorted(signers)}"
        for block_hash, signers in sorted(by_hash.items())
    ]
    silent = sorted(set(range(len(s.validators))) - {i for signers in by_hash.values() for i in signers})
    return (
        f"P9: no quorum for one result of height {height}: {', '.join(parts)}; nothing from {silent}. "
        "Either they are away, or execution is not deterministic"
    )
