"""Prometheus metrics of a node: counters as things happen, gauges read when asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from hanchain import __version__
from hanchain.node.service import ChainStatus, ExecutorState
from p2p.info import NetworkMetrics

T = TypeVar("T")


class Metrics:
    """One registry per node, so that several nodes can live in one process."""

    def __init__(self, chain_name: str, node_name: str) -> None:
        self._registry = registry = CollectorRegistry()
        Info("hanchain", "Program and network", registry=registry).info(
            {"version": __version__, "chain": chain_name, "node": node_name}
        )
        self.steps = Counter("hanchain_consensus_steps", "Protocol steps by rule", ["rule"], registry=registry)
        self.evidence = Counter("hanchain_consensus_evidence", "Offences seen by rule", ["rule"], registry=registry)
        self.refused = Counter(
            "hanchain_consensus_refused", "Refused messages by reason", ["reason"], registry=registry
        )
        self.admitted = Counter("hanchain_transactions_admitted", "By origin", ["origin"], registry=registry)
        self.rejected = Counter("hanchain_transactions_rejected", "By reason", ["reason"], registry=registry)
        self.gossip_dropped = Counter(
            "hanchain_gossip_dropped", "Batches of peers dropped because too many are in admission", registry=registry
        )
        self.sealed = Counter("hanchain_transactions_sealed", "Transactions in sealed blocks", registry=registry)
        self.expired = Counter("hanchain_transactions_expired", "Transactions that expired here", registry=registry)
        self.left_out = Counter(
            "hanchain_transactions_left_out", "Complaints about a leader that left a transaction out", registry=registry
        )
        self.sync_seconds = Histogram(
            "hanchain_log_sync_seconds",
            "Write-ahead log: append and sync",
            buckets=(0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1),
            registry=registry,
        )
        self.execute_seconds = Histogram(
            "hanchain_execute_seconds",
            "Ordered log, execution and block store, per block",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2),
            registry=registry,
        )
        self._stages = Counter(
            "hanchain_stage_seconds",
            "Time spent on transactions and blocks, by what it was spent on",
            ["stage"],
            registry=registry,
        )
        self.lag_seconds = Histogram(
            "hanchain_event_loop_lag_seconds",
            "How late a timer of the event loop fires",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5),
            registry=registry,
        )
        self._gauges = {
            name: Gauge(f"hanchain_{name}", text, registry=registry)
            for name, text in (
                ("height", "Highest sealed block"),
                ("executed_height", "Highest executed block"),
                ("view", "Current view"),
                ("view_active", "1 while the view is active"),
                ("leading", "1 while this node leads"),
                ("timeout_ms", "Current progress time-out"),
                ("mempool_transactions", "Transactions waiting"),
                ("mempool_bytes", "Bytes waiting"),
                ("peers", "Connected peers"),
                ("halted", "1 when this node stopped voting"),
                ("alarm", "1 while no quorum of validators agrees on a result"),
                ("executor_running", "1 while transactions can be executed"),
                ("executor_restarts", "Executors that died and were replaced"),
                ("catching_up_to", "Height to catch up to, 0 when up to date"),
            )
        }
        self._network = Gauge(
            "hanchain_network_bytes", "Bytes since the start", ["direction", "channel"], registry=registry
        )
        self._dropped = Gauge("hanchain_network_dropped", "Messages dropped", ["channel"], registry=registry)
        self._ended = Gauge(
            "hanchain_network_links_ended", "Links that ended, by reason", ["reason"], registry=registry
        )

    def observe(self, stage: str, seconds: float) -> None:
        """Add to the time spent on a stage of blocks; any thread may."""
        self._stages.labels(stage).inc(seconds)

    def timed(self, stage: str, work: Callable[[], T]) -> Callable[[], T]:
        """Return ``work`` with the CPU time that its thread spends on it added to a stage."""

        def run() -> T:
            began = time.thread_time()
            try:
                return work()
            finally:
                self.observe(stage, time.thread_time() - began)

        return run

    def render(self, status: ChainStatus, network: NetworkMetrics) -> bytes:
        """Return the exposition text."""
        values = {
            "height": status.height,
            "executed_height": status.executed_height,
            "view": status.view,
            "view_active": int(status.view_active),
            "leading": int(status.leader == status.node_name and status.view_active),
            "timeout_ms": status.timeout_ms,
            "mempool_transactions": status.mempool_transactions,
            "mempool_bytes": status.mempool_bytes,
            "peers": sum(1 for p in status.peers if p.connected),
            "halted": int(status.halted is not None),
            "alarm": int(status.alarm is not None),
            "executor_running": int(status.executor.state is ExecutorState.RUNNING),
            "executor_restarts": status.executor.restarts,
            "catching_up_to": status.catching_up_to or 0,
        }
        for name, value in values.items():
            self._gauges[name].set(value)
        for channel, count in network.bytes_in.items():
            self._network.labels("in", channel).set(count)
        for channel, count in network.bytes_out.items():
            self._network.labels("out", channel).set(count)
        for channel, count in network.dropped.items():
            self._dropped.labels(channel).set(count)
        for reason, count in network.ended.items():
            self._ended.labels(reason).set(count)
        return generate_latest(self._registry)
