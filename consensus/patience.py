"""How long a replica waits before it complains: T(k) of the specification, section 8.

    T(k) = min(cap, max(floor, 4 L) 2^k)

*floor* and *cap* are ``timeout_ms`` and ``timeout_max_ms``, equal on all validators. *k* is the number of views since
the one in which the highest sealed block was proposed: equal on all replicas of one view, and back to 0 only by a
sealed block (a reset at every new view would let a network slower than its floor change views for ever).

*L* is what sealing a height takes here, a moving average in integers. Its samples are of heights decided here: the time
from when the proposal was here and linked (or forced) until the decision, and the time from the later of the decision
and the seal of the height below until the seal. Neither waits for the leader, so one who proposes late teaches nobody
patience; and neither counts the heights ahead in the queue: a busy chain and an idle one give the same. A sample counts
as T(0) at most and with a weight of one eighth, so that no outage lengthens the next one.
"""

from __future__ import annotations

from consensus.state import State

_DOUBLINGS_MAX = 24  # 2^24 times the least floor is above the greatest cap
_WEIGHT_SHIFT = 3  # a sample's weight in the average is 1/8, as in RFC 6298


def back_off(s: State) -> int:
    """Return k: views since the one in which the highest sealed block was proposed."""
    sealed = s.chain[s.stable]
    return max(0, s.view - (sealed.pview if s.stable > s.anchor.height else 0))


def base_ms(s: State) -> int:
    """Return T(0) in milliseconds: four average seal latencies, within floor and cap."""
    average_4_ms = 4 * s.latency_sum_ms >> _WEIGHT_SHIFT
    return min(s.settings.timeout_max_ms, max(s.settings.timeout_ms, average_4_ms))


def timeout_ms(s: State) -> int:
    """Return T(k) in milliseconds."""
    return min(s.settings.timeout_max_ms, base_ms(s) << min(back_off(s), _DOUBLINGS_MAX))


def note_sealed(s: State, height: int) -> None:
    """Take the sample of a height that becomes stable now: ``latency_sum_ms`` is eight times the average."""
    slot, before_ms = s.slots.get(height), base_ms(s)
    if slot is not None and slot.taken_up_ms is not None and slot.decided_ms is not None:
        to_decide_ms = max(0, slot.decided_ms - slot.taken_up_ms)  # decided by votes of an older view: no time at all
        sample_ms = min(to_decide_ms + s.now_ms - max(slot.decided_ms, s.sealed_ms), before_ms)
        s.latency_sum_ms += sample_ms - (s.latency_sum_ms >> _WEIGHT_SHIFT)
    s.sealed_ms = s.now_ms
    after_ms, floor_ms = base_ms(s), s.settings.timeout_ms
    if (before_ms > floor_ms) != (after_ms > floor_ms):
        s.trace("T", "patience above the floor" if after_ms > floor_ms else "patience at the floor", height)
