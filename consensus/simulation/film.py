"""What a diagram needs of a run: every message with where it went, every step, and who was up."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgpack

from consensus.interface import Trace
from consensus.messages import Type
from consensus.simulation.parcels import Parcel, Transactions

_WITH_HEIGHT = {Type.PREPARE: 4, Type.COMMIT: 4, Type.SEAL: 3}  # position of the height in a message
_WITH_VIEW = {Type.PRE_PREPARE, Type.PREPARE, Type.COMMIT, Type.COMPLAIN, Type.VIEW_CHANGE, Type.NEW_VIEW, Type.STATUS}


@dataclass(frozen=True, slots=True)
class Sent:
    """One message on its way; ``received_ms`` is None when the network lost it."""

    sent_ms: int
    received_ms: int | None
    sender: int
    receiver: int
    kind: str
    about: str  # view and height, as far as it names them


@dataclass(slots=True)
class Film:
    """Everything that can be seen of one run, in the order it happened."""

    sent: list[Sent] = field(default_factory=list)
    steps: list[tuple[int, int, Trace]] = field(default_factory=list)  # time, node, step
    turns: list[tuple[int, int, str]] = field(default_factory=list)  # time, node, boot or crash; node -1: healed

    def message(self, now_ms: int, received_ms: int | None, sender: int, receiver: int, parcel: Parcel) -> None:
        """Keep one message."""
        self.sent.append(Sent(now_ms, received_ms, sender, receiver, *_described(parcel)))

    def note(self, now_ms: int, node: int, what: str) -> None:
        """Keep what matters of a note for the trace hash."""
        if what in {"boot", "crash", "healed"}:
            self.turns.append((now_ms, node, what))


def _described(parcel: Parcel) -> tuple[str, str]:
    if isinstance(parcel, Transactions):
        return "TRANSACTIONS", f"{len(parcel.identifiers)} transactions"
    if not isinstance(parcel, bytes):
        return "BLOCKS", ""
    try:
        message = msgpack.unpackb(parcel)
        kind = Type(message[0])
        words = [f"view {message[3]}"] if kind in _WITH_VIEW else []
        if kind is Type.PRE_PREPARE:
            words.append(f"height {message[4][3]}")
        elif kind in _WITH_HEIGHT:
            words.append(f"height {message[_WITH_HEIGHT[kind]]}")
    except (ValueError, TypeError, IndexError):
        return "GARBAGE", f"{len(parcel)} bytes"  # an adversary's
    return kind.name, ", ".join(words)
