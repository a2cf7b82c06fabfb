"""What the correct validators of a run did, as steps of the TLA+ specification in ``consensus/specification``.

A recorder listens to what the judges are told, and to nothing else. A step is noted when nothing can undo it any more:
a vote, a certificate or a move when its record is durable, a COMMIT when it leaves. So a crash is no step at all, and a
step never comes before one that caused it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from inspect import getmembers, ismethod
from random import Random
from typing import Any, Final, TypeAlias

import msgpack

from consensus.interface import RecordKind
from consensus.proposal import ProposalHeader, Type
from consensus.simulation.checkers import Judges, Violation
from consensus.simulation.mutation import Mutation
from consensus.simulation.node import Node
from consensus.simulation.plan import draw
from consensus.simulation.simulator import _drive
from consensus.simulation.world import World

GENESIS: Final = 0  # number of the block below the first height
ELSEWHERE: Final = -1  # parent of a block whose parent no correct validator ever saw

Field: TypeAlias = int | tuple[Any, ...]
Step: TypeAlias = tuple[str, int, tuple[Field, ...]]  # rule, validator, what TraceCheck says about the rule


@dataclass(frozen=True, slots=True)
class Recording:
    """One run. Blocks are numbered in the order in which they were met, from 1."""

    seed: int
    validators: int
    window: int
    faulty: tuple[int, ...]
    views: int  # one more than the highest
    blocks: tuple[tuple[int, int, int], ...]  # height, number of the parent, pview
    steps: tuple[Step, ...]
    violation: str | None  # what the judges said


class Recorder:
    """Turns what the judges of one run are told into steps."""

    def __init__(self, world: World) -> None:
        anchor = world.judges.proposals[0]
        self.steps: list[Step] = []
        self.views = 1
        self._context, self._judges = world.context, world.judges
        self._numbers = {anchor: GENESIS}
        self._headers: dict[int, ProposalHeader] = {}  # by number
        self._chains: dict[int, dict[int, bytes]] = {node.index: {0: anchor} for node in world.correct}
        self._stable = {node.index: 0 for node in world.correct}
        self._said: set[tuple[Any, ...]] = set()
        _listen(world.judges, "sent", self._sent)
        _listen(world.judges, "durable", self._durable)
        _listen(world.judges, "decides", self._decides)
        _listen(world.judges, "syncs", self._syncs)
        _listen(world.judges, "executed", self._executed)
        _listen(world.judges, "restarted", self._restarted)
        for node in world.correct:
            _listen(node, "rotate", self._flusher(node))

    def blocks(self) -> tuple[tuple[int, int, int], ...]:
        """Return height, number of the parent and pview of every block met, by number from 1."""
        described = (self._headers[number] for number in range(1, len(self._numbers)))
        return tuple((h.height, self._numbers.get(h.parent, ELSEWHERE), h.pview) for h in described)

    def _flusher(self, node: Node) -> Callable[[], None]:
        """Return what notes the records that a checkpoint replaces before they were durable: it says the same."""

        def flush() -> None:
            for record in node.disk.unsynced:
                self._durable(node.index, int(record.kind), record.payload)

        return flush

    # -------------------------------------------------------------------------------------------------------- listening

    def _sent(self, node: int, data: bytes, _stable: int) -> None:
        message = msgpack.unpackb(data, strict_map_key=False)
        if message[0] == Type.COMMIT:
            _, _, _, view, _, digest, _ = message
            self._once("P5", node, view, self._numbers[digest])

    def _durable(self, node: int, kind: int, payload: bytes) -> None:
        value = msgpack.unpackb(payload, strict_map_key=False)
        if kind == RecordKind.BODY:
            self._block(value[0])
        elif kind == RecordKind.VOTE and value[0] == Type.PREPARE:
            _, _, view, _, digest, _ = value
            self._once("P3", node, view, self._numbers[digest])
        elif kind == RecordKind.PREPARED:
            self._once("P4", node, *self._certificate(value))
        elif kind == RecordKind.SEALED:
            self._stabilise(node, value[1])
        elif kind == RecordKind.MOVED:
            _, view, data = value
            _, _, _, _, stable, _, prepared, _ = msgpack.unpackb(data, strict_map_key=False)
            self._once("C3", node, view, self._certified(stable), self._certificates(prepared))
            self.views = max(self.views, view + 1)
        elif kind == RecordKind.NEW_VIEW:
            _, _, _, view, changes, base, forced, _ = value
            shown = tuple((c[0], self._certified(c[2]), self._certificates(c[4])) for c in changes)
            numbers = tuple(self._numbers[digest] for digest in forced)
            self._once("N4", node, view, shown, self._certified(base), numbers)
            self.views = max(self.views, view + 1)

    def _decides(self, node: int, header: list[Any], digest: bytes) -> None:
        self._chains[node][self._headers[self._block(header)].height] = digest

    def _syncs(self, node: int, height: int, digest: bytes) -> None:
        self._chains[node][height] = digest

    def _executed(self, node: int, height: int, _block_hash: bytes) -> None:
        self._once("P7", node, self._numbers[self._chains[node][height]])

    def _restarted(self, node: int, _view: int, _held: dict[Any, bytes], stable: int) -> None:
        self._stabilise(node, stable)  # a certificate may have survived in the block store alone

    # ---------------------------------------------------------------------------------------------------------- numbers

    def _stabilise(self, node: int, height: int) -> None:
        if height > self._stable[node]:
            self._stable[node] = height
            self._once("P8", node, self._certified(height))

    def _certified(self, height: int) -> int:
        return self._numbers[self._judges.proposals[height]]

    def _certificate(self, value: list[Any]) -> tuple[int, int]:
        return value[0], self._block(value[1])

    def _certificates(self, values: Iterable[list[Any]]) -> tuple[tuple[int, int], ...]:
        return tuple(self._certificate(value) for value in values)

    def _block(self, value: list[Any]) -> int:
        header = ProposalHeader.read(value, self._context.suite.digest_size)
        number = self._numbers.setdefault(header.digest(self._context), len(self._numbers))
        self._headers[number] = header
        return number

    def _once(self, rule: str, node: int, *fields: Field) -> None:
        """Note a step; saying the same again, after a restart or because somebody asked, is none."""
        if (rule, node, fields) not in self._said:
            self._said.add((rule, node, fields))
            self.steps.append((rule, node, fields))


def record(
    seed: int,
    *,
    validators: int = 4,
    window: int | None = None,
    mutant: str | None = None,
    byzantine: tuple[str, ...] | None = None,
    profile: str = "swarm",
    judged: bool = True,
) -> Recording:
    """Run one seed as ``simulator.run`` does, and return its steps up to the end or the first violation.

    Without ``judged`` the run goes on after the judges' first verdict: then the specification alone finds the bug.
    """
    random = Random(seed)  # noqa: S311 - reproducible by design, and no secret
    plan = draw(random, seed, validators=validators, window=window, byzantine=byzantine, profile=profile)
    change = nullcontext() if mutant is None else Mutation.load(mutant).applied()
    violation = None
    with change:
        world = World(plan, random)
        verdicts: list[Violation] = [] if judged else _mute(world.judges)
        recorder = Recorder(world)
        try:
            _drive(world)
        except Violation as found:
            violation = str(found)
        except AssertionError as fault:
            violation = f"fault: {fault}"
    if verdicts:
        violation = str(verdicts[0])
    return Recording(
        seed=seed,
        validators=plan.validators,
        window=plan.settings.window,
        faulty=tuple(sorted(plan.faulty)),
        views=recorder.views,
        blocks=recorder.blocks(),
        steps=tuple(recorder.steps),
        violation=violation,
    )


def _listen(target: Judges | Node, name: str, listener: Callable[..., None]) -> None:
    """Tell ``listener`` what the method of ``target`` is told, before it judges: its own verdict may end the run."""
    original = getattr(target, name)

    def both(*arguments: Any) -> None:
        listener(*arguments)
        original(*arguments)

    setattr(target, name, both)


def _mute(judges: Judges) -> list[Violation]:
    """Keep the verdicts of the judges in a list instead of ending the run."""
    verdicts: list[Violation] = []

    def muted(method: Callable[..., None]) -> Callable[..., None]:
        def listening(*arguments: Any) -> None:
            try:
                method(*arguments)
            except Violation as found:
                verdicts.append(found)

        return listening

    for name, method in getmembers(judges, ismethod):
        if not name.startswith("_"):
            setattr(judges, name, muted(method))
    return verdicts
