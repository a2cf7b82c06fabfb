"""``hanchain bench``: benchmarks on real processes, and of the contract machine alone."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hanchain.cli.options import Json
from hanchain.cli.output import fail, marked, print_json, print_table, reported, say

if TYPE_CHECKING:
    from hanchain.bench.throughput import Result

# What each stage may take, microseconds per transaction and replica: the targets that the measured is held against.
BUDGET: Final = {"admit": "10", "verify": "one verify", "judge": "4", "execute": "20", "tree": "20", "roots": "10"}

app = typer.Typer(no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Benchmarks: a network of real processes with its load generator, or the contract machine alone."""


@app.command("throughput")
def throughput(
    validators: Annotated[int, typer.Option("--validators", help="Validator processes.", min=1, max=31)] = 4,
    duration: Annotated[float, typer.Option("--duration", help="Seconds measured at saturation.", min=1, max=600)] = 20,
    workload: Annotated[
        list[str] | None,
        typer.Option("--workload", help="evidence (a contract) or anchor (native); give both to compare them."),
    ] = None,
    json: Json = False,
) -> None:
    """Measure transactions per second at saturation, where their time goes, and latency at half of that load.

    Latency runs from submit to verified proof. Stages are microseconds per transaction and replica.
    """
    from hanchain.bench.throughput import run
    from hanchain.bench.workloads import WORKLOADS

    chosen = list(dict.fromkeys(workload or ["evidence"]))
    unknown = [name for name in chosen if name not in WORKLOADS]
    if unknown:
        raise fail(f"no workload {unknown[0]!r}; there are {', '.join(WORKLOADS)}")
    with reported():
        results = [run(validators, duration, WORKLOADS[name], say=(lambda _: None) if json else say) for name in chosen]
    if json:
        print_json([asdict(result) for result in results])
        return
    for result in results:
        say("")
        _print_throughput(result)
    say("")
    _print_stages(results)


def _print_throughput(result: Result) -> None:
    machine = result.machine
    for key, value in (
        ("workload", result.workload),
        ("machine", f"{machine.processor}, {machine.cores} cores, {machine.memory_bytes >> 30} GiB, {machine.system}"),
        ("python", machine.python),
        ("verifies", f"{machine.verifies_per_second} signatures/s, one thread per core"),
        (
            "throughput",
            (
                f"{result.throughput_tx_s:.0f} tx/s sealed ({result.transactions_sealed} in {result.duration_s} s, "
                f"{result.blocks} blocks)"
            ),
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


def _print_stages(results: list[Result]) -> None:
    """Print where a transaction's time went, one column for each workload."""
    parts = [result.breakdown for result in results]
    rows: list[tuple[object, ...]] = [
        (stage, BUDGET.get(stage, ""), *(p.stages_us[stage] for p in parts)) for stage in parts[0].stages_us
    ]
    rows += [
        ("rest of the node", "", *(p.node_rest_us for p in parts)),
        ("rest of the executor", "", *(p.executor_rest_us for p in parts)),
        ("node in all", "", *(p.node_us for p in parts)),
        ("executor in all", "", *(p.executor_us for p in parts)),
    ]
    rows += [(f"waiting: {stage}", "", *(p.waiting_us[stage] for p in parts)) for stage in parts[0].waiting_us]
    names = [result.workload for result in results]
    print_table("µs per transaction and replica", ("stage", "budget", *names), rows)
    if len(results) == 2:
        first, second = results
        ratio = first.throughput_tx_s / second.throughput_tx_s
        say(f"{first.workload} ÷ {second.workload}: {ratio:.2f} of the throughput")


@app.command("vm")
def vm(json: Json = False) -> None:
    """Measure the contract machine alone, on a host in memory: calls per second, and loops beside CPython's."""
    from hanchain.bench.vm import run

    with reported():
        result = run()
    if json:
        print_json(asdict(result))
        return
    say(f"Python {result.python}, {result.system}, {result.cores} cores")
    print_table(
        "calls",
        ("call", "per second", "µs", "gas", "ns per gas"),
        [
            (
                call.name,
                f"{call.calls_per_second:.0f}",
                f"{call.microseconds:.1f}",
                call.gas,
                f"{call.nanoseconds_per_gas:.0f}",
            )
            for call in result.calls
        ],
    )
    print_table(
        "beside CPython",
        ("computation", "machine ms", "CPython ms", "ratio", "ns per gas"),
        [
            (
                ratio.name,
                f"{ratio.machine_ms:.2f}",
                f"{ratio.python_ms:.2f}",
                f"{ratio.ratio:.1f}",
                f"{ratio.nanoseconds_per_gas:.0f}",
            )
            for ratio in result.ratios
        ],
    )
    say(f"a program of {result.load_nodes} nodes is checked and translated in {result.load_ms:.2f} ms")


@app.command("storage")
def storage(
    tree: Annotated[bool, typer.Option("--tree", help="The state tree (so far the only part measured).")] = True,
    keys: Annotated[
        list[int] | None,
        typer.Option("--keys", help="Keys in the state; several times for several sizes.", min=1, max=100_000_000),
    ] = None,
    batch: Annotated[int, typer.Option("--batch", help="Keys that a block changes.", min=10, max=100_000)] = 1000,
    blocks: Annotated[int, typer.Option("--blocks", help="Blocks measured per size.", min=1, max=10_000)] = 200,
    json: Json = False,
) -> None:
    """Measure the authenticated state on disk: microseconds per changed key, for states of several sizes."""
    from hanchain.bench.storage import run_tree

    assert tree, "a flag that can only be given"
    with reported():
        sizes = tuple(keys or (10_000, 100_000, 1_000_000))
        result = run_tree(sizes, batch, blocks, say=(lambda _: None) if json else say)
    if json:
        print_json(asdict(result))
        return
    machine = result.machine
    say(f"{machine.processor}, {machine.cores} cores, Python {machine.python}; {blocks} blocks of {batch} changed keys")
    print_table(
        "µs per changed key",
        ("keys", "clock", "total", "best", "stage", "hash", "read", "walk", "collect", "write", "values"),
        [
            (
                cost.keys,
                cost.clock_us,
                cost.total_us,
                cost.total_best_us,
                cost.stage_us,
                cost.split.hash_us,
                cost.split.read_us,
                cost.split.walk_us,
                cost.collect_us,
                cost.write_us,
                cost.values_alone_us,
            )
            for cost in result.costs
        ],
    )
    say("stage = hash + read + walk; total = stage + collect + write; values: what they cost with no tree")
    print_table(
        "per changed key, and the whole",
        ("keys", "hashes", "node reads", "entries", "bytes", "processor µs", "build s", "open ms", "memory MB"),
        [
            (
                cost.keys,
                f"{cost.split.hashes:.2f}",
                f"{cost.split.reads:.3f}",
                f"{cost.records:.2f}",
                f"{cost.written_bytes:.0f}",
                cost.processor_us,
                cost.load_s,
                f"{cost.open_ms:.0f}",
                cost.resident_bytes >> 20,
            )
            for cost in result.costs
        ],
    )
