"""``hanchain sim``: the consensus simulator."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from difflib import unified_diff
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hanchain.cli.options import Json
from hanchain.cli.output import EXIT_REFUSED, fail, marked, print_json, print_table, say

if TYPE_CHECKING:  # the simulator is loaded by the commands that need it
    from consensus.simulation import Result

app = typer.Typer(no_args_is_help=True)
Validators = Annotated[
    int | None, typer.Option("--validators", help="Network size; default: drawn from the seed.", min=4, max=31)
]
Window = Annotated[
    int | None, typer.Option("--window", help="Proposals in flight; default: drawn from the seed.", min=1, max=64)
]

Profile = Annotated[str, typer.Option("--profile", help="Which faults are turned up; swarm: a random mix.")]
Byzantine = Annotated[
    str | None, typer.Option("--byzantine", help="Behaviours of the faulty validators, by commas; default: drawn.")
]

Faulty = Annotated[
    int | None,
    typer.Option("--faulty", help="Byzantine validators; more than f: the judges will say so.", min=0, max=31),
]
Mutant = Annotated[
    Path | None, typer.Option("--mutant", help="A file with a bug to plant.", exists=True, dir_okay=False)
]


def _behaviours(profile: str, byzantine: str | None) -> tuple[str, ...] | None:
    """Return the behaviours asked for; raise BadParameter for a name that the simulator does not know."""
    from consensus.simulation.behaviours import BEHAVIOURS
    from consensus.simulation.plan import PROFILES

    if profile not in PROFILES:
        raise typer.BadParameter(f"{profile!r}; there are {', '.join(PROFILES)}", param_hint="--profile")
    if byzantine is None:
        return None
    names = tuple(name for name in byzantine.split(",") if name)
    for name in names:
        if name not in BEHAVIOURS:
            raise typer.BadParameter(f"{name!r}; there are {', '.join(sorted(BEHAVIOURS))}", param_hint="--byzantine")
    return names


@app.command("run")
def run(
    seeds: Annotated[int, typer.Option("--seeds", help="How many runs.", min=1)] = 100,
    first: Annotated[int, typer.Option("--first", help="The first seed.", min=0)] = 0,
    jobs: Annotated[int, typer.Option("--jobs", help="Processes; default: one per core.", min=0, max=64)] = 0,
    validators: Validators = None,
    window: Window = None,
    profile: Profile = "swarm",
    byzantine: Byzantine = None,
    faulty: Faulty = None,
    minimal: Annotated[bool, typer.Option("--minimise", help="Minimise the schedule of the first failure.")] = False,
    json: Json = False,
) -> None:
    """Run seeds with random faults and Byzantine validators; report violations and what was covered."""
    from consensus.simulation.campaign import run_many

    summary = run_many(
        range(first, first + seeds),
        jobs=min(seeds, jobs or os.cpu_count() or 1),
        validators=validators,
        window=window,
        byzantine=_behaviours(profile, byzantine),
        profile=profile,
        faulty=faulty,
    )
    if json:
        print_json(asdict(summary) | {"missing": summary.missing})
    else:
        print_table("", ("reached", "times"), summary.coverage.items())
        say(
            f"{summary.runs} runs from seed {first}: {summary.events} events, {summary.virtual_ms // 1000} virtual s "
            f"in {summary.wall_ms / 1000:.1f} s, {len(summary.failures)} violations"
        )
        for failure in summary.failures:
            say(marked(f"seed {failure.seed}", "bold red"), f" {failure.violation}")
            say(f"  again: {failure.repeat}")
        if summary.missing:
            say(f"not reached by so few runs: {', '.join(summary.missing)}")
    if summary.failures:
        if minimal:
            first_seed = summary.failures[0].seed
            _minimise(partial(_run, first_seed, validators, window, profile, byzantine, faulty, None), json=False)
        raise typer.Exit(EXIT_REFUSED)


@app.command("replay")
def replay(
    seed: Annotated[int, typer.Argument(help="The seed to run again.", min=0)],
    validators: Validators = None,
    window: Window = None,
    profile: Profile = "swarm",
    byzantine: Byzantine = None,
    faulty: Faulty = None,
    removed: Annotated[
        str | None,
        typer.Option("--without", help="Faults to leave out, by commas, as a minimised schedule names them."),
    ] = None,
    mutant: Mutant = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a space-time diagram to this file instead.", dir_okay=False)
    ] = None,
    from_ms: Annotated[int, typer.Option("--from", help="First millisecond of the diagram.", min=0)] = 0,
    to_ms: Annotated[int | None, typer.Option("--to", help="Last millisecond; default: the end.", min=1)] = None,
    scale: Annotated[float, typer.Option("--scale", help="Pixels per millisecond.", min=0.01, max=20)] = 1.0,
    json: Json = False,
) -> None:
    """Run one seed again and print its trace: virtual time, node, view, rule, what happened."""
    names = tuple(name for name in (removed or "").split(",") if name)
    filmed = html is not None
    try:
        result = _run(
            seed, validators, window, profile, byzantine, faulty, mutant, names, trace=not filmed, film=filmed
        )
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--without") from error
    if html is not None:
        _draw(result, html, from_ms, to_ms, scale)
    elif json:
        print_json(asdict(result))
    else:
        for line in result.lines:
            print(line)
        say(f"trace hash {result.trace_hash}")
        say(result.violation or "no violation")
    if result.violation:
        raise typer.Exit(EXIT_REFUSED)


@app.command("minimise")
def minimise(
    seed: Annotated[int, typer.Argument(help="A seed that fails.", min=0)],
    validators: Validators = None,
    window: Window = None,
    profile: Profile = "swarm",
    byzantine: Byzantine = None,
    faulty: Faulty = None,
    mutant: Mutant = None,
    json: Json = False,
) -> None:
    """Take faults away from a failing seed until each one left is needed; print what remains."""
    _minimise(partial(_run, seed, validators, window, profile, byzantine, faulty, mutant), json=json)


def _run(
    seed: int,
    validators: int | None,
    window: int | None,
    profile: str,
    byzantine: str | None,
    faulty: int | None,
    mutant: Path | None,
    removed: tuple[str, ...] = (),
    *,
    trace: bool = False,
    film: bool = False,
) -> Result:
    from consensus.simulation import run as run_seed

    return run_seed(
        seed,
        validators=validators,
        window=window,
        profile=profile,
        byzantine=_behaviours(profile, byzantine),
        faulty=faulty,
        mutant=None if mutant is None else str(mutant),
        removed=removed,
        trace=trace,
        film=film,
    )


def _draw(result: Result, file: Path, from_ms: int, to_ms: int | None, scale: float) -> None:
    from consensus.simulation.diagram import page

    try:
        drawn = page(result, from_ms=from_ms, to_ms=to_ms, pixels_per_ms=scale)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--from, --to") from error
    file.write_text(drawn, encoding="utf-8")
    say(f"{file}: {len(drawn) // 1024} KiB, {result.violation or 'no violation'}")


def _minimise(again: Callable[[tuple[str, ...]], Result], *, json: bool) -> None:
    from consensus.simulation.minimise import minimise as reduce

    try:
        minimal = reduce(again)
    except ValueError as error:
        raise fail(str(error)) from error
    if json:
        print_json(asdict(minimal))
        return
    say(f"seed {minimal.seed}, minimised in {minimal.runs} runs: {minimal.violation}")
    for fault in minimal.kept:
        say(f"  {fault}")
    if not minimal.kept:
        say("  no fault is needed: the seed alone fails")
    say(f"  again: {minimal.repeat}")


@app.command("mutants")
def mutants(
    directory: Annotated[Path, typer.Argument(help="A folder of mutation files.", exists=True, file_okay=False)] = Path(
        "tests/consensus/mutants"
    ),
    jobs: Annotated[int, typer.Option("--jobs", help="Processes; default: one per core.", min=0, max=64)] = 0,
    json: Json = False,
) -> None:
    """Plant bugs one at a time; count the seeds until each is found, and run the core itself on the same seeds."""
    from consensus.simulation.hunt import hunt_many

    paths = sorted(str(path) for path in directory.glob("*.py"))
    if not paths:
        raise typer.BadParameter(f"no mutation file in {directory}", param_hint="DIRECTORY")
    hunted = hunt_many(paths, jobs=min(len(paths), jobs or os.cpu_count() or 1))
    missed = [h for h in hunted if not h.passed]
    if json:
        print_json([asdict(h) for h in hunted])
    else:
        rows = []
        for h in hunted:
            found = "not found" if h.seeds is None else str(h.seeds)
            rows.append((h.rule, f"{found} / {h.budget}", h.violation.split(":")[0], h.unmutated or "passes"))
        print_table("", ("planted bug", "seeds / budget", "by", "core itself"), rows)
        say(f"{len(hunted)} planted bugs, {len(hunted) - len(missed)} found")
    if missed:
        raise typer.Exit(EXIT_REFUSED)


@app.command("twins")
def twins(
    scenarios: Annotated[int, typer.Option("--scenarios", help="Random scenarios of 4 to 7 views.", min=0)] = 500,
    first: Annotated[int, typer.Option("--first", help="The first of them.", min=0)] = 0,
    exhaustive: Annotated[bool, typer.Option("--exhaustive", help="Also all 3,600 of two views, N = 4.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", help="Processes; default: one per core.", min=0, max=64)] = 0,
    json: Json = False,
) -> None:
    """Run a validator twice under one key, in scripted partitions: no fork, progress afterwards, evidence of it."""
    from consensus.simulation.twins import drawn, play_many
    from consensus.simulation.twins import exhaustive as all_pairs

    chosen = [*(all_pairs() if exhaustive else ()), *(drawn(seed) for seed in range(first, first + scenarios))]
    if not chosen:
        raise typer.BadParameter("no scenario to play", param_hint="--scenarios")
    played = play_many(chosen, jobs=jobs or os.cpu_count() or 1)
    failed = [p for p in played if p.violation is not None]
    contradicted = [p for p in played if p.contradicted]
    silent = [p for p in contradicted if not p.evidence]
    rules = sorted({rule for p in played for rule in p.evidence})
    evidence = {rule: sum(p.evidence.get(rule, 0) for p in played) for rule in rules}
    if json:
        summary = {"scenarios": len(played), "contradicted": len(contradicted), "without_evidence": len(silent)}
        failures = [{"name": p.name, "violation": p.violation} for p in failed]
        decisions = sum(p.decisions for p in played)
        print_json(summary | {"decisions": decisions, "evidence": evidence, "failures": failures})
    else:
        print_table("", ("evidence against twins", "times"), evidence.items())
        say(
            f"{len(played)} scenarios, {sum(p.decisions for p in played)} decisions; twins contradicted themselves "
            f"before a correct validator in {len(contradicted)}, without evidence in {len(silent)}; "
            f"{len(failed)} violations"
        )
        for p in failed:
            say(marked(p.name, "bold red"), f" {p.violation}")
    if failed:
        raise typer.Exit(EXIT_REFUSED)


@app.command("scenario")
def scenario(
    files: Annotated[list[Path], typer.Argument(help="Scenario files.", exists=True, dir_okay=False)],
    rewrite: Annotated[bool, typer.Option("--rewrite", help="Write what happens into the files.")] = False,
    json: Json = False,
) -> None:
    """Play scenario files and compare what happens with what they expect; see docs/research.md for their language."""
    from consensus.simulation.scenario import ScenarioError, play

    differing: list[str] = []
    for file in files:
        expected = file.read_text(encoding="utf-8")
        try:
            happened = play(expected)
        except ScenarioError as error:
            raise fail(f"{file}: {error}") from error
        if happened == expected:
            continue
        differing.append(str(file))
        if rewrite:
            file.write_text(happened, encoding="utf-8")
        if json:
            continue
        if rewrite:
            say(f"{file}: rewritten")
        else:
            for line in unified_diff(expected.splitlines(), happened.splitlines(), f"{file} expects", "happens", n=1):
                say(line.rstrip("\n"))
    if json:
        print_json({"scenarios": len(files), "differing": differing, "rewritten": rewrite})
    if differing and not rewrite:
        raise typer.Exit(EXIT_REFUSED)
    if not json:
        say(f"{len(files)} scenarios, {len(differing)} {'rewritten' if rewrite else 'differ'}")
