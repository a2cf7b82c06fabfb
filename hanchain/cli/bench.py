"""``hanchain bench``: benchmarks on real processes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from hanchain.cli.options import Json
from hanchain.cli.output import marked, print_json, reported, say

app = typer.Typer(no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Benchmarks: a network of real processes on this machine, the load generator beside it."""


@app.command("throughput")
def throughput(
    validators: Annotated[int, typer.Option("--validators", help="Validator processes.", min=1, max=31)] = 4,
    duration: Annotated[float, typer.Option("--duration", help="Seconds measured at saturation.", min=1, max=600)] = 20,
    json: Json = False,
) -> None:
    """Measure transactions per second at saturation, and latency from submit to verified proof at half of that."""
    from hanchain.bench.throughput import run

    with reported():
        result = run(validators, duration, say=(lambda _: None) if json else say)
    if json:
        print_json(asdict(result))
        return
    machine = result.machine
    for key, value in (
        ("machine", f"{machine.processor}, {machine.cores} cores, {machine.memory_bytes >> 30} GiB, {machine.system}"),
        ("python", machine.python),
        ("verifies", f"{machine.verifies_per_second} signatures/s, one thread per core"),
        (
            "throughput",
            f"{result.throughput_tx_s:.0f} tx/s sealed ({result.transactions_sealed} in {result.duration_s} s)",
        ),
        ("ratio", f"{result.throughput_ratio:.2f} of verifies ÷ validators"),
        ("saturated", f"latency p50 {result.saturation_latency_p50_ms} ms, p99 {result.saturation_latency_p99_ms} ms"),
        (
            "half load",
            (
                f"latency p50 {result.half_load_latency_p50_ms} ms, p99 {result.half_load_latency_p99_ms} ms "
                f"at {result.half_load_tx_s:.0f} tx/s ({result.half_load_samples} samples)"
            ),
        ),
        ("refused", result.failed),
    ):
        say(f"{key:<11} {value}")
    if result.exhausted:
        say(marked("the signed transactions ran out: throughput is a lower bound", "yellow"))
