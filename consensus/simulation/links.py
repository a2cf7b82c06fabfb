"""The links of a plan: which copies of a message arrive, and when. Any protocol can be put on them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from consensus.simulation.plan import Plan
from consensus.simulation.timeline import Timeline

_STRAGGLER: Final = 10  # a straggling message takes this many times the ordinary delay


def _kept() -> bool:
    return False


class Links:
    """Loss, delay, duplicates, order and partitions until the links heal, and delivery within delta after."""

    def __init__(self, plan: Plan, random: Random, timeline: Timeline) -> None:
        self.healed = False
        self._plan = plan
        self._random = random
        self._timeline = timeline
        self._last_ms: dict[tuple[int, int], int] = {}

    def delays(
        self, sender: int, receiver: int, *, loss: int | None = None, also_lost: Callable[[], bool] = _kept
    ) -> list[int]:
        """Return how long each copy of a message takes (ms); none: it is lost.

        ``loss`` is per mille (the plan's by default), ``also_lost`` is asked about what that leaves.
        """
        plan, random = self._plan, self._random
        if self.healed:
            return [self.ordered(sender, receiver, 1 + random.randrange(plan.delta_ms))]
        if any(p.blocks(self._timeline.now_ms, sender, receiver) for p in plan.partitions):
            return []
        if random.randrange(1_000) < (plan.loss if loss is None else loss) or also_lost():
            return []
        found = []
        for _ in range(2 if random.randrange(1_000) < plan.duplicates else 1):
            delay = 1 + random.randrange(plan.delay_ms)
            if random.randrange(1_000) < plan.stragglers:
                delay *= _STRAGGLER
            found.append(self.ordered(sender, receiver, delay))
        return found

    def ordered(self, sender: int, receiver: int, delay_ms: int) -> int:
        """Return the delay after which nothing sent earlier on this link is overtaken, if its order is kept."""
        if not self._plan.ordered_links:
            return delay_ms
        now = self._timeline.now_ms
        at_ms = self._last_ms[sender, receiver] = max(now + delay_ms, self._last_ms.get((sender, receiver), 0))
        return at_ms - now
