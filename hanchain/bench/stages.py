"""Where the time of a transaction goes: stages counted by the nodes, and the CPU time of their processes.

Stages are seconds that a node adds up by itself (``hanchain_stage_seconds_total``): CPU seconds of the thread that
does the work, but for those that wait for a disk or another process, which are marked. What the stages do not name
(the event loop, gossip, consensus, the interface) is the rest of the process's CPU time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from hanchain.sdk import Client

NODE_STAGES: Final = ("admit", "verify", "judge")
EXECUTOR_STAGES: Final = ("decode", "execute", "tree", "roots")
WAITING_STAGES: Final = ("ordered", "write", "pipe", "store")  # wall time: disks and pipes
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters of all nodes together at one moment, in seconds."""

    stages: Mapping[str, float]
    node_cpu: float
    executor_cpu: float


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Microseconds per transaction and replica."""

    stages_us: dict[str, float]  # CPU, in the order of a transaction's life
    waiting_us: dict[str, float]  # wall time beside it
    node_rest_us: float
    executor_rest_us: float
    node_us: float  # CPU of a node's process in all
    executor_us: float  # CPU of its executor in all


async def read(clients: Sequence[Client], urls: Sequence[str], pids: Sequence[int]) -> Reading:
    """Read the counters of all nodes now; ``pids`` are the nodes' processes."""
    stages: dict[str, float] = {}
    executor_cpu = 0.0
    async with aiohttp.ClientSession() as session:
        for url in urls:
            async with session.get(f"{url}/metrics") as answer:
                for family in text_string_to_metric_families(await answer.text()):
                    if family.name == "hanchain_stage_seconds":
                        for sample in family.samples:
                            if sample.name.endswith("_total"):
                                stage = sample.labels["stage"]
                                stages[stage] = stages.get(stage, 0.0) + sample.value
    for client in clients:
        pid = (await client.chain_status()).executor.pid
        if pid is not None:
            executor_cpu += _cpu_seconds(pid)
    return Reading(stages, sum(map(_cpu_seconds, pids)), executor_cpu)


def breakdown(before: Reading, after: Reading, transactions: int, replicas: int) -> Breakdown:
    """Return what each stage took between two readings, in which so many transactions were sealed."""
    share = 1e6 / (max(1, transactions) * replicas)

    def spent(stage: str) -> float:
        return (after.stages.get(stage, 0.0) - before.stages.get(stage, 0.0)) * share

    stages = {stage: spent(stage) for stage in (*NODE_STAGES, *EXECUTOR_STAGES)}
    node = (after.node_cpu - before.node_cpu) * share
    executor = (after.executor_cpu - before.executor_cpu) * share
    return Breakdown(
        stages_us={stage: round(value, 1) for stage, value in stages.items()},
        waiting_us={stage: round(spent(stage), 1) for stage in WAITING_STAGES},
        node_rest_us=round(node - sum(stages[stage] for stage in NODE_STAGES), 1),
        executor_rest_us=round(executor - sum(stages[stage] for stage in EXECUTOR_STAGES), 1),
        node_us=round(node, 1),
        executor_us=round(executor, 1),
    )


def _cpu_seconds(pid: int) -> float:
    """Return user and system CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
