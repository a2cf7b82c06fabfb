"""The deterministic simulator: the real core under a virtual clock, with faults, adversaries and judges."""

from consensus.simulation.simulator import Result, run

__all__ = ["Result", "run"]
