"""The consensus settings that a genesis fixes."""

from __future__ import annotations

from consensus import Settings
from hanchain.ledger.genesis import Genesis


def settings_of(genesis: Genesis) -> Settings:
    """Return the consensus settings that the genesis fixes."""
    parameters = genesis.parameters
    return Settings(
        window=parameters.window,
        batch_delay_ms=parameters.batch_delay_ms,
        timeout_ms=parameters.timeout_ms,
        timeout_max_ms=parameters.timeout_max_ms,
        max_idle_ms=parameters.max_idle_ms,
    )
