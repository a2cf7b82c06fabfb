"""The interface's own metrics, in a registry of the server that they belong to."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class Metrics:
    """Counters of calls and refusals, the time of requests, and what is held at the moment."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._calls = Counter(
            "hanchain_api_calls",
            "Calls by method and outcome: ok, or the reason of the refusal",
            ("method", "outcome"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "hanchain_api_request_seconds",
            "Time from a request's headers to its answer, by route and HTTP status",
            ("route", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._transactions = Counter(
            "hanchain_api_binary_transactions",
            "Transactions that came over the binary route",
            registry=self._registry,
        )
        self._refused_connections = Counter(
            "hanchain_api_refused_connections",
            "Connections refused because too many were open",
            registry=self._registry,
        )

    def call(self, method: str, outcome: str) -> None:
        """Count a call; ``method`` is empty when the request named none that exists."""
        self._calls.labels(method or "none", str(outcome)).inc()

    def request(self, route: str, status: int, seconds: float) -> None:
        """Record an HTTP request; ``route`` is the pattern, not the address, so that labels stay few."""
        self._seconds.labels(route, str(status)).observe(seconds)

    def binary_transactions(self, count: int) -> None:
        """Count transactions of a binary batch."""
        self._transactions.inc(count)

    def refused_connection(self) -> None:
        """Count a connection that found the house full."""
        self._refused_connections.inc()

    def gauge(self, name: str, doc: str, read: Callable[[], float]) -> None:
        """Add a gauge that is read when the metrics are asked for."""
        Gauge(f"hanchain_api_{name}", doc, registry=self._registry).set_function(read)

    def text(self) -> bytes:
        """Return the Prometheus exposition format."""
        return generate_latest(self._registry)
