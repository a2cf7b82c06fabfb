"""Rules of patience, with time passed in: how soon to dial again, how fast a peer may talk, how much we log."""

from __future__ import annotations

from random import Random

from p2p import limits


class Backoff:
    """Exponential delays with jitter: each is between half and all of a bound that doubles up to a cap."""

    def __init__(self, *, base_ms: int, cap_ms: int, random: Random) -> None:
        assert 0 < base_ms <= cap_ms, "backoff bounds"
        self._base_ms = base_ms
        self._cap_ms = cap_ms
        self._bound_ms = base_ms
        self._random = random

    def next_delay_ms(self) -> int:
        """Return the delay before the next attempt and double the bound."""
        bound_ms = self._bound_ms
        self._bound_ms = min(bound_ms * 2, self._cap_ms)
        return self._random.randint(bound_ms // 2, bound_ms)

    def reset(self) -> None:
        """Start from the base again, because a link lived a while."""
        self._bound_ms = self._base_ms


class Throttle:
    """A token bucket over messages and bytes of one peer; debts are paid by not reading for a while."""

    def __init__(
        self,
        now_ms: int,
        *,
        messages_per_second: int = limits.INBOUND_MESSAGES_PER_SECOND,
        bytes_per_second: int = limits.INBOUND_BYTES_PER_SECOND,
        burst_ms: int = limits.INBOUND_BURST_MS,
    ) -> None:
        self._rates = (messages_per_second, bytes_per_second)
        self._burst_ms = burst_ms
        self._tokens = [rate * burst_ms for rate in self._rates]  # thousandths, so that integers lose nothing
        self._at_ms = now_ms

    def spend(self, messages: int, size: int, now_ms: int) -> int:
        """Account for input; return how many ms to stop reading, 0 to go on. The pause is at most one burst."""
        elapsed_ms = now_ms - self._at_ms
        self._at_ms = now_ms
        pause_ms = 0
        for index, spent in enumerate((messages, size)):
            rate = self._rates[index]
            tokens = min(self._tokens[index] + elapsed_ms * rate, rate * self._burst_ms) - spent * 1000
            self._tokens[index] = tokens
            if tokens < 0:
                pause_ms = max(pause_ms, min(-tokens // rate + 1, self._burst_ms))
        return pause_ms


class LogBudget:
    """Lets so many lines through per interval and counts the rest: strangers must not fill the log."""

    def __init__(self, now_ms: int, *, lines: int = limits.STRANGER_LINES_MAX) -> None:
        self._lines = lines
        self._left = lines
        self._since_ms = now_ms
        self._suppressed = 0

    def allow(self) -> bool:
        """Return whether one more line may be written."""
        if self._left > 0:
            self._left -= 1
            return True
        self._suppressed += 1
        return False

    def renew(self, now_ms: int) -> int:
        """Start a new interval when the old one is over; return how many lines were suppressed in it."""
        if now_ms - self._since_ms < limits.STRANGER_INTERVAL_MS:
            return 0
        suppressed, self._suppressed = self._suppressed, 0
        self._left, self._since_ms = self._lines, now_ms
        return suppressed
