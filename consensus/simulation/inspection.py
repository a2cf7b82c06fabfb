"""What the judges are shown of a replica: its private state, read here and nowhere else."""

from __future__ import annotations

import msgpack

from consensus import limits
from consensus.replica import Replica
from consensus.simulation.adversary import Seat
from consensus.simulation.checkers import Judges

_RULES_OF_EVIDENCE = 5  # K1 to K5, each once per offender


def show_progress(judges: Judges, index: int, replica: Replica) -> None:
    """Show where a correct replica stands, and how much it keeps."""
    s = replica._state
    judges.moved(index, s.view, s.stable, s.executed)
    window, size = s.settings.window, len(s.validators)
    sizes = {
        "slots": (len(s.slots), 2 * window),
        "heights of seals": (len(s.seals), 2 * window),
        "view changes": (len(s.changes), size),
        "complaints": (len(s.complaints), size),
        "fetches": (len(s.fetches), 2 * window * size),
        "peers with kept messages": (len(s.later), size),
        "offences": (len(s.reported), 5 * size),
        "blocks": (len(s.chain), limits.CHAIN_KEPT + 2 * window + 2),
    }
    judges.bounded(index, sizes)


def show_restart(judges: Judges, index: int, replica: Replica) -> None:
    """Show what a correct replica remembers of its votes after a restart."""
    s = replica._state
    held = {(kind, epoch, view, h): digest for (epoch, view, h, kind), (digest, _) in s.safety._signed.items()}
    judges.restarted(index, s.view, held, s.stable)


def show_seat(seat: Seat, replica: Replica, now_ms: int) -> None:
    """Show an adversary where the replica in its seat stands."""
    s = replica._state
    seat.now_ms, seat.view, seat.stable, seat.certificate = now_ms, s.view, s.stable, s.certificate


def proposal_digest(replica: Replica, height: int) -> bytes | None:
    """Return the proposal digest of an executed block, None when the replica does not keep it."""
    block = replica._state.chain.get(height)
    return None if block is None else block.proposal_digest


def ballot_of(data: bytes) -> tuple[int, int, int] | None:
    """Return type, view and height of an encoded PREPARE, COMMIT or P-certificate, None for anything else."""
    message = msgpack.unpackb(data)
    match message:
        case [2 | 3 as kind, _, _, int(view), int(height), *_]:
            return kind, view, height
        case [13, _, _, [int(view), [_, _, _, int(height), *_], *_]]:
            return 13, view, height
    return None


def new_view_of(data: bytes) -> int:
    """Return the view that an encoded VIEW-CHANGE leads to."""
    new_view: int = msgpack.unpackb(data)[3]
    return new_view
