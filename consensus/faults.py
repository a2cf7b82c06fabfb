"""What a replica does about offences of others and about faults of its own."""

from __future__ import annotations

from consensus.interface import Halt, ReportEvidence
from consensus.messages import Message, encode_message
from consensus.state import State


def report(s: State, rule: str, offender: int, height: int, first: Message, second: Message) -> None:
    """Report an offence, once per rule, offender and epoch: the smaller encoding first, the same for all finders."""
    key = (rule, offender)
    if key in s.reported:
        return
    s.reported[key] = None
    one, two = sorted((encode_message(first), encode_message(second)))
    s.trace(rule, "evidence", height, f"validator {offender}")
    s.emit(ReportEvidence(rule, offender, one, two))


def halt(s: State, why: str) -> None:
    """Stop voting for good, keep serving, say so."""
    if s.halted is None:
        s.halted = why
        s.trace("P9", "halt", s.executed, why)
        s.emit(Halt(why))
