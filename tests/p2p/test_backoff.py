"""Patience: redials spread out and stay bounded, floods are paused, strangers cannot fill the log."""

from __future__ import annotations

from random import Random

from p2p import limits
from p2p.backoff import Backoff, LogBudget, Throttle


def test_delays_double_up_to_the_cap_with_jitter():
    """Each delay lies between half and all of its bound; the bound doubles to the cap and a reset starts over."""
    backoff = Backoff(base_ms=100, cap_ms=5_000, random=Random(1))
    bounds = [100, 200, 400, 800, 1600, 3200, 5000, 5000]
    delays = [backoff.next_delay_ms() for _ in bounds]
    assert all(bound // 2 <= delay <= bound for delay, bound in zip(delays, bounds, strict=True)), delays
    assert len({backoff.next_delay_ms() for _ in range(20)}) > 10
    backoff.reset()
    assert 50 <= backoff.next_delay_ms() <= 100


def test_the_same_seed_gives_the_same_delays():
    """A run can be repeated from its seed."""
    runs = [[Backoff(base_ms=100, cap_ms=900, random=Random(7)).next_delay_ms() for _ in range(5)] for _ in range(2)]
    assert runs[0] == runs[1]


def test_a_steady_talker_is_never_paused_and_a_flood_is_held_to_the_rate():
    """At the rate nothing happens; ten times the rate is slowed to it, a burst apart."""
    throttle = Throttle(0, messages_per_second=1000, bytes_per_second=10**9, burst_ms=500)
    assert [throttle.spend(10, 100, now) for now in range(10, 5000, 10)] == [0] * 499
    now, sent = 5000, 0
    while now < 15_000:
        now += 10 + throttle.spend(100, 100, now)
        sent += 100
    assert 10_000 <= sent <= 10_700


def test_bytes_count_like_messages_and_a_pause_is_bounded():
    """A peer far in debt is paused for one burst at a time, again and again."""
    throttle = Throttle(0, messages_per_second=1000, bytes_per_second=1000, burst_ms=500)
    assert throttle.spend(1, 1500, 0) == 500
    assert throttle.spend(1, 0, 500) == 500
    assert throttle.spend(1, 0, 1001) == 0


def test_log_lines_about_strangers_are_counted_when_not_written():
    """Above the budget lines are suppressed, and the next interval says how many."""
    budget = LogBudget(0, lines=2)
    assert [budget.allow() for _ in range(5)] == [True, True, False, False, False]
    assert budget.renew(limits.STRANGER_INTERVAL_MS - 1) == 0
    assert budget.renew(limits.STRANGER_INTERVAL_MS) == 3
    assert budget.allow()
