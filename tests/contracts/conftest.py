"""A bench for hand-made programs: nodes as lists, run on a machine with a host in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from contracts import prices
from contracts.cells import make_cell
from contracts.codec import decode, encode
from contracts.expressions import EXPRESSIONS
from contracts.failures import ContractFailure, Stop
from contracts.host import Context
from contracts.limits import PROGRAM_NESTING_MAX, PROGRAM_NODES_MAX
from contracts.machine import Entry, Machine, Outcome
from contracts.memory import MemoryHost
from contracts.program import Program
from contracts.runtime import MEMORY_BYTES_MAX, Runtime
from contracts.statements import STATEMENTS
from contracts.translate import Declarations, EventKind, Translator
from contracts.types import Types

GUARD = [[], None, 0, [], False]  # lets everybody in
SENDER = "5e" * 32
CONTEXT = Context(
    sender=SENDER, height=7, time_ms=1_700_000_000_000, tx_id=b"t" * 32, chain_id=b"c" * 32, organisation="acme"
)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a block ended: "ok", or the name of a failure or stop; the gas, without its levels, and memory it took."""

    end: str
    value: Any = None
    code: str = ""
    gas: int = 0
    memory_bytes: int = 0


@dataclass(slots=True)
class Bench:
    """Declarations that programs and blocks under test share, and what they run on."""

    records: list[Any] = field(default_factory=list)
    machines: list[Any] = field(default_factory=list)
    cells: list[Any] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    functions: list[Any] = field(default_factory=list)
    host: MemoryHost = field(default_factory=MemoryHost)
    machine: Machine = field(default_factory=Machine)
    context: Context = CONTEXT

    def code(self, exports: list[Any]) -> bytes:
        """Return the bytes of a program."""
        tree = [1, self.records, self.machines, self.cells, self.events, self.functions, exports]
        return encode(tree, nesting_max=PROGRAM_NESTING_MAX)

    def load(self, exports: list[Any]) -> Program:
        """Return a program that the machine has loaded."""
        return self.machine.load(self.code(exports))

    def program(self, body: list[Any], *, parameters: Any = (), result: Any = None, kind: int = 1) -> Program:
        """Return a program with one more function, the only one exported, as ``f``."""
        self.functions.append(["f", list(parameters), result, 16, body])
        return self.load([["f", len(self.functions) - 1, kind, GUARD]])

    def call(
        self, program: Program, method: str, *arguments: Any, gas: int = 1_000_000, entry: Any = Entry.CALL
    ) -> Outcome:
        """Call an export of a program that is deployed as ``me``."""
        return self.machine.call(
            program,
            contract="me",
            method=method,
            arguments=arguments,
            host=self.host,
            context=self.context,
            gas=gas,
            entry=entry,
        )

    def run(self, body: list[Any], *arguments: Any, gas: int = 10_000_000, view: bool = False) -> Ran:
        """Run a block as a function with ``arguments`` of any type as its first locals, among 16."""
        runtime = Runtime()
        runtime.start(self.host, self.context, "me", gas, read_only=view)
        types = Types(self._decoded(self.records), self._decoded(self.machines))
        functions: list[Any] = []
        translator = Translator(
            runtime,
            Declarations(
                shapes=types.shapes,
                cells=tuple(make_cell(cell, types) for cell in self._decoded(self.cells)),
                events=tuple(
                    EventKind(
                        name=name,
                        types=tuple(types.read(one[1]) for one in fields),
                        indexed=tuple(one[2] for one in fields),
                    )
                    for name, fields in self._decoded(self.events)
                ),
                arities=tuple(len(function[1]) for function in self.functions),
                functions=functions,
            ),
            EXPRESSIONS,
            STATEMENTS,
            PROGRAM_NODES_MAX,
        )
        for _, parameters, _, locals_count, node in self._decoded(self.functions):
            functions.append(translator.function(len(parameters), locals_count, node))
        function = translator.function(len(arguments), 16, self._decoded(body))
        levels_gas = prices.LEVEL * translator.deepest
        end, value, code = "ok", None, ""
        try:
            value = function(list(arguments))
        except ContractFailure as failure:
            end, code = failure.kind.name.lower(), failure.code
        except Stop as stop:
            end = stop.reason.value
        return Ran(end, value, code, gas - runtime.gas - levels_gas, MEMORY_BYTES_MAX - runtime.memory)

    def value(self, expression: list[Any], *arguments: Any) -> Ran:
        """Evaluate an expression; the gas is that of the expression alone."""
        ran = self.run([[53, expression]], *arguments)
        return Ran(ran.end, ran.value, ran.code, ran.gas - 2, ran.memory_bytes)

    def _decoded(self, nodes: list[Any]) -> Any:
        return decode(encode(nodes, nesting_max=PROGRAM_NESTING_MAX), nesting_max=PROGRAM_NESTING_MAX)


@dataclass(slots=True)
class Meter:
    """A runtime by itself, to run one part of the machine on and see how it ends and what it takes."""

    host: MemoryHost = field(default_factory=MemoryHost)
    runtime: Runtime = field(default_factory=Runtime)

    def run(
        self, work: Callable[[Runtime], Any], *, gas: int = 10_000_000, view: bool = False, moves: Any = None
    ) -> Ran:
        """Do ``work`` in a new transaction of contract ``me``."""
        self.runtime.start(self.host, CONTEXT, "me", gas, read_only=view)
        self.runtime.moves = moves
        end, value, code = "ok", None, ""
        try:
            value = work(self.runtime)
        except ContractFailure as failure:
            end, code = failure.kind.name.lower(), failure.code
        except Stop as stop:
            end = stop.reason.value
        return Ran(end, value, code, gas - self.runtime.gas, MEMORY_BYTES_MAX - self.runtime.memory)


@pytest.fixture
def meter() -> Meter:
    """Return a meter over an empty host."""
    return Meter()


@pytest.fixture
def bench() -> Bench:
    """Return an empty bench."""
    return Bench()
