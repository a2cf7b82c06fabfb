"""Scenarios: text files that drive a small network by hand and say what it is expected to do.

After the data-driven tests of etcd-io/raft: blocks of commands, a line ``----``, and the output they give, which
``hanchain sim scenario --rewrite`` writes anew. Nothing is left to chance: messages take 5 ms or are cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgpack

from consensus.interface import Settings, Trace
from consensus.messages import Type
from consensus.simulation.behaviours import BEHAVIOURS
from consensus.simulation.casting import Network
from consensus.simulation.checkers import Violation
from consensus.simulation.node import Node
from consensus.simulation.notary import HEADER_HEIGHT
from consensus.simulation.parcels import Parcel, Transactions
from consensus.simulation.stage import Stage

_RUN_MAX_MS: Final = 120_000  # one command; longer is a mistake
_DIGEST: Final = re.compile(r"\b[0-9a-f]{8}\b")
_TRANSACTIONS, _BLOCKS = "TRANSACTIONS", "BLOCKS"
_KINDS: Final = frozenset(kind.name for kind in Type) | {_TRANSACTIONS, _BLOCKS}


class ScenarioError(Exception):
    """A scenario file says something that cannot be done; the text names the line."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """Messages that are lost; an empty set stands for all."""

    kinds: frozenset[str]
    senders: frozenset[int]
    receivers: frozenset[int]
    height: int | None = None  # of a proposal, a vote or a seal

    def takes(self, kind: str, height: int | None, sender: int, receiver: int) -> bool:
        return (
            (not self.kinds or kind in self.kinds)
            and self.height in {None, height}
            and (not self.senders or sender in self.senders)
            and (not self.receivers or receiver in self.receivers)
        )


@dataclass(slots=True)
class _Script:
    """What a scenario has said so far."""

    options: dict[str, int] = field(default_factory=dict)
    byzantine: dict[int, tuple[str, ...]] = field(default_factory=dict)
    skews_ms: dict[int, int] = field(default_factory=dict)
    cuts: list[_Cut] = field(default_factory=list)
    rules: tuple[str, ...] = ()  # printed; empty: all
    shown: int = 0  # trace lines printed already
    submitted: int = 0
    letters: dict[str, str] = field(default_factory=dict)  # digests by order of appearance
    stage: Stage | None = None


def play(text: str) -> str:
    """Return the scenario ``text`` with the output that its commands really give; raise ScenarioError for a bad one."""
    script, made = _Script(), []
    for number, commands, lead in _blocks(text):
        made.extend(lead)
        made.extend(commands)
        if commands:
            made.append("----")
            for offset, command in enumerate(commands):
                made.extend(_obey(script, number + offset, command))
            made.append("")
    while made and not made[-1]:
        made.pop()
    return "\n".join(made) + "\n"


def _blocks(text: str) -> Iterator[tuple[int, list[str], list[str]]]:
    """Yield the number of the first command line, the commands, and the comment and blank lines before them."""
    lead: list[str] = []
    commands: list[str] = []
    first, in_output = 0, False
    for number, line in enumerate(text.splitlines(), 1):
        if in_output:
            if not line.strip():
                in_output = False
        elif line == "----":
            yield first, commands, lead
            lead, commands, in_output = [], [], True
        elif line.startswith("#") or (not line.strip() and not commands):
            lead.append(line)
        elif line.strip():
            first = first if commands else number
            commands.append(line)
        else:  # a block that has no output yet
            yield first, commands, lead
            lead, commands = [], []
    if commands:
        yield first, commands, lead
    elif lead:
        yield first, [], lead


def _obey(script: _Script, number: int, line: str) -> list[str]:
    name, *words = line.split()
    command = _COMMANDS.get(name)
    if command is None:
        raise ScenarioError(f"line {number}: no command {name!r}; there are {', '.join(sorted(_COMMANDS))}")
    try:
        return command(script, words)
    except (ValueError, KeyError, IndexError) as error:
        raise ScenarioError(f"line {number}: {line!r}: {error}") from error
    except Violation as violation:
        return [*_new_lines(script), f"violation {violation}"]


# ----------------------------------------------------------------------------------------------------- before the start


def _network(script: _Script, words: list[str]) -> list[str]:
    """``network [validators=4] [window=3] [timeout=1000]``: what the network is like."""
    given = dict(word.split("=") for word in words)
    unknown = sorted(set(given) - {"validators", "window", "timeout"})
    if unknown or script.stage is not None:
        raise ValueError(f"unknown {unknown}" if unknown else "the network has started")
    script.options = {key: int(value) for key, value in given.items()}
    return []


def _byzantine(script: _Script, words: list[str]) -> list[str]:
    """``byzantine NODE BEHAVIOUR …``: a validator that does not keep to the protocol."""
    node, *names = words
    unknown = sorted(set(names) - set(BEHAVIOURS))
    if unknown or not names or script.stage is not None:
        raise ValueError(f"no behaviour {unknown}" if unknown else "a behaviour, before the start")
    script.byzantine[_index(node)] = tuple(names)
    return []


def _clock(script: _Script, words: list[str]) -> list[str]:
    """``clock NODE MS``: how far a node's wall clock is off."""
    if script.stage is not None:
        raise ValueError("clocks are set before the start")
    script.skews_ms[_index(words[0])] = int(words[1])
    return []


# ---------------------------------------------------------------------------------------------------------------- while


def _start(script: _Script, words: list[str]) -> list[str]:
    """``start [NODE …]``: start all nodes, or those that crashed."""
    if script.stage is None:
        script.stage = _raise_curtain(script)
    for node in _chosen(script.stage, words):
        node.boot()
    return _new_lines(script)


def _raise_curtain(script: _Script) -> Stage:
    size, timeout_ms = script.options.get("validators", 4), script.options.get("timeout", 1_000)
    settings = Settings(script.options.get("window", 3), timeout_ms=timeout_ms, timeout_max_ms=8 * timeout_ms)
    network = Network.found("scenario", size, settings)
    skews = tuple(script.skews_ms.get(i, 0) for i in range(size))

    def passes(sender: int, receiver: int, parcel: Parcel) -> bool:
        kind, height = _kind(parcel)
        return not any(cut.takes(kind, height, sender, receiver) for cut in script.cuts)

    return Stage(network, tuple(range(size)), passes, byzantine=script.byzantine, skews_ms=skews)


def _kind(parcel: Parcel) -> tuple[str, int | None]:
    if not isinstance(parcel, bytes):
        return (_TRANSACTIONS if isinstance(parcel, Transactions) else _BLOCKS), None
    message = msgpack.unpackb(parcel)
    kind = Type(message[0])
    if kind in {Type.PREPARE, Type.COMMIT}:
        return kind.name, message[4]
    if kind is Type.PRE_PREPARE:
        return kind.name, message[4][HEADER_HEIGHT]
    if kind is Type.PREPARE_CERTIFICATE:
        return kind.name, message[3][1][HEADER_HEIGHT]
    return kind.name, message[3] if kind is Type.SEAL else None


def _crash(script: _Script, words: list[str]) -> list[str]:
    """``crash NODE …``: cut the power of nodes; what was not synced is lost."""
    for node in _chosen(_started(script), words):
        node.crash()
    return []


def _submit(script: _Script, words: list[str]) -> list[str]:
    """``submit NODE [COUNT]``: hand transactions to one node, which passes them on."""
    node = _started(script).nodes[_index(words[0])]
    for _ in range(int(words[1]) if len(words) > 1 else 1):
        script.submitted += 1
        fresh = (b"%08d" % script.submitted,)
        node.admit(fresh)
        node.push(fresh)
    return _new_lines(script)


def _cut(script: _Script, words: list[str]) -> list[str]:
    """``cut [TYPE …] [height=H] [from=NODE,…] [to=NODE,…]``: lose these messages from now on."""
    ends = {"from": frozenset[int](), "to": frozenset[int]()}
    kinds, height = set(), None
    for word in words:
        key, equals, value = word.partition("=")
        if key == "height":
            height = int(value)
        elif equals and key in ends:
            ends[key] = frozenset(_index(node) for node in value.split(","))
        elif word in _KINDS:
            kinds.add(word)
        else:
            raise ValueError(f"no message {word}; there are {', '.join(sorted(_KINDS))}")
    script.cuts.append(_Cut(frozenset(kinds), ends["from"], ends["to"], height))
    return []


def _isolate(script: _Script, words: list[str]) -> list[str]:
    """``isolate NODE …``: lose everything to and from these nodes."""
    nodes = frozenset(_index(word) for word in words)
    script.cuts += [_Cut(frozenset(), nodes, frozenset()), _Cut(frozenset(), frozenset(), nodes)]
    return []


def _heal(script: _Script, _words: list[str]) -> list[str]:
    """``heal``: lose nothing any more."""
    script.cuts.clear()
    return []


def _trace(script: _Script, words: list[str]) -> list[str]:
    """``trace [RULE …]``: print only steps under these rules from now on; none named: all."""
    script.rules = tuple(words)
    script.shown = 0 if script.stage is None else len(script.stage.lines)
    return []


def _run(script: _Script, words: list[str]) -> list[str]:
    """``run MS``: let virtual time pass and print what the nodes did, who did the same in one line."""
    duration_ms = int(words[0])
    if not 0 <= duration_ms <= _RUN_MAX_MS:
        raise ValueError(f"0 to {_RUN_MAX_MS} ms")
    timeline = _started(script).timeline
    timeline.run_until(timeline.now_ms + duration_ms)
    return _new_lines(script)


def _show(script: _Script, _words: list[str]) -> list[str]:
    """``show``: print where every node stands."""
    return [_standing(node) for node in _started(script).nodes]


_COMMANDS: Final[dict[str, Callable[[_Script, list[str]], list[str]]]] = {
    "network": _network,
    "byzantine": _byzantine,
    "clock": _clock,
    "start": _start,
    "crash": _crash,
    "submit": _submit,
    "cut": _cut,
    "isolate": _isolate,
    "heal": _heal,
    "trace": _trace,
    "run": _run,
    "show": _show,
}

# --------------------------------------------------------------------------------------------------------------- output


def _standing(node: Node) -> str:
    name = _name(node)
    if not node.up:
        return f"{name} down"
    s = node.replica.snapshot()
    view = f"view {s.view}{'' if s.active else ' (changing)'} led by n{s.leader}"
    return f"{name} {view}, executed {s.executed_height}, stable {s.stable_height}"


def _new_lines(script: _Script) -> list[str]:
    """Return the steps since the last time, one line for all nodes that took the same; a star marks the Byzantine."""
    lines = [] if script.stage is None else script.stage.lines
    fresh, script.shown = lines[script.shown :], len(lines)
    who: dict[str, list[int]] = {}
    for _, node, trace in fresh:
        if not script.rules or trace.rule in script.rules:
            nodes = who.setdefault(_step(script, trace), [])
            if node not in nodes:
                nodes.append(node)
    cast = [] if script.stage is None else script.stage.nodes
    return [f"{' '.join(_name(cast[i]) for i in sorted(nodes))}: {step}" for step, nodes in who.items()]


def _name(node: Node) -> str:
    return f"n{node.index}{'' if node.correct else '*'}"


def _step(script: _Script, trace: Trace) -> str:
    detail = _DIGEST.sub(lambda found: _letter(script, found[0]), trace.detail)
    return f"v{trace.view} {trace.rule} {trace.what} {trace.height} {detail}".rstrip()


def _letter(script: _Script, digest: str) -> str:
    """Name a digest A, B, C, … in the order of appearance."""
    if digest not in script.letters:
        number = len(script.letters)
        script.letters[digest] = chr(ord("A") + number % 26) + (str(number // 26) if number >= 26 else "")
    return script.letters[digest]


def _started(script: _Script) -> Stage:
    if script.stage is None:
        raise ValueError("start first")
    return script.stage


def _chosen(stage: Stage, words: list[str]) -> list[Node]:
    return [stage.nodes[_index(word)] for word in words] if words else list(stage.nodes)


def _index(word: str) -> int:
    if not word.startswith("n"):
        raise ValueError(f"a node is n0, n1, …, not {word}")
    return int(word[1:])
