"""Runs with less: every fault of a plan has a name, and can be taken away without touching the seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from consensus.simulation.plan import Plan

_RATES: Final = ("loss", "vote_loss", "duplicates", "stragglers", "gossip_loss")


def faults_of(plan: Plan) -> tuple[str, ...]:
    """Return the names of everything in a plan that can be taken away."""
    named = [f"partition:{i}" for i in range(len(plan.partitions))]
    named += [f"crash:{i}" for i in range(len(plan.crashes))]
    named += [f"byzantine:{node}:{name}" for node, names in plan.byzantine for name in names]
    named += [f"skew:{node}" for node, skew in enumerate(plan.skew_ms) if skew]
    named += [rate for rate in _RATES if getattr(plan, rate)]
    if plan.rotation_ms:
        named.append("rotation")
    if max(plan.execution_ms) > 2:
        named.append("slow_execution")
    if max(plan.sync_ms) > 0:
        named.append("slow_sync")
    if plan.delay_ms > 10:
        named.append("long_delay")
    return tuple(named)


def without(plan: Plan, names: Sequence[str]) -> Plan:
    """Return the plan with these faults taken away; a Byzantine validator without behaviours is a correct one."""
    gone = set(names)
    unknown = sorted(gone - set(faults_of(plan)))
    if unknown:
        raise ValueError(f"no such fault in seed {plan.seed}: {', '.join(unknown)}")
    behaviours = [(n, tuple(b for b in names if f"byzantine:{n}:{b}" not in gone)) for n, names in plan.byzantine]
    return replace(
        plan,
        partitions=tuple(p for i, p in enumerate(plan.partitions) if f"partition:{i}" not in gone),
        crashes=tuple(c for i, c in enumerate(plan.crashes) if f"crash:{i}" not in gone),
        byzantine=tuple((node, left) for node, left in behaviours if left or not dict(plan.byzantine)[node]),
        skew_ms=tuple(0 if f"skew:{node}" in gone else skew for node, skew in enumerate(plan.skew_ms)),
        rotation_ms=0 if "rotation" in gone else plan.rotation_ms,
        execution_ms=(2,) * plan.validators if "slow_execution" in gone else plan.execution_ms,
        sync_ms=(0,) * plan.validators if "slow_sync" in gone else plan.sync_ms,
        delay_ms=10 if "long_delay" in gone else plan.delay_ms,
        loss=0 if "loss" in gone else plan.loss,
        vote_loss=0 if "vote_loss" in gone else plan.vote_loss,
        duplicates=0 if "duplicates" in gone else plan.duplicates,
        stragglers=0 if "stragglers" in gone else plan.stragglers,
        gossip_loss=0 if "gossip_loss" in gone else plan.gossip_loss,
    )


def words(plan: Plan, name: str) -> str:
    """Return a fault in words."""
    kind, _, rest = name.partition(":")
    if kind == "partition":
        p = plan.partitions[int(rest)]
        way = "cannot be heard" if p.one_way else "is cut off"
        return f"{name}: {', '.join(f'n{i}' for i in p.group)} {way} from {p.from_ms} to {p.to_ms} ms"
    if kind == "crash":
        c = plan.crashes[int(rest)]
        when = "at once" if c.boundary == 0 else f"at its Persist or Send number {c.boundary} from then on"
        return f"{name}: n{c.node} dies at {c.at_ms} ms {when}, down for {c.down_ms} ms"
    if kind == "byzantine":
        node, _, behaviour = rest.partition(":")
        return f"{name}: n{node} behaves by {behaviour}"
    if kind == "skew":
        return f"{name}: the clock of n{rest} is {plan.skew_ms[int(rest)]:+} ms off"
    known = {
        "rotation": f"a log checkpoint every {plan.rotation_ms} ms",
        "slow_execution": f"execution takes up to {max(plan.execution_ms)} ms",
        "slow_sync": f"an fsync takes up to {max(plan.sync_ms)} ms",
        "long_delay": f"messages take up to {plan.delay_ms} ms",
    }
    return f"{name}: " + (known[name] if name in known else f"{getattr(plan, name)} of 1,000")
