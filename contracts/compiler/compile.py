"""From source to program: the steps in order."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.codec import encode
from contracts.compiler.abi import make_abi
from contracts.compiler.declarations import declare
from contracts.compiler.errors import CompileWarning, Problems, Reason
from contracts.compiler.functions import Function, lower_functions
from contracts.compiler.grammar import FORMAT, Place, Wire
from contracts.compiler.parser import parse
from contracts.compiler.scanner import decode_source
from contracts.compiler.symbols import CellSymbol, Contract, EventSymbol, FunctionSymbol
from contracts.limits import PROGRAM_BYTES_MAX, PROGRAM_NESTING_MAX
from contracts.machine import Machine
from contracts.program_errors import ProgramRejected


@dataclass(frozen=True, slots=True)
class SourceLine:
    """Where a node of a program came from: nodes of a function count from 0 in the order of the program."""

    function: str
    node: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a source becomes. Only ``program`` is run; ``abi`` is canonical JSON for clients."""

    program: bytes
    abi: bytes
    source_map: tuple[SourceLine, ...]
    warnings: tuple[CompileWarning, ...]


def compile_source(source: str | bytes, file: str = "<contract>") -> Compiled:
    """Return the program of a contract's source; ``file`` names it in tracebacks of our own.

    The same source gives the same program and ABI on every supported version of Python. Raise CompileErrors with all
    errors that were found.
    """
    text = decode_source(source)
    problems = Problems(text)
    tree = parse(text, problems, file)
    contract = declare(tree, problems)
    functions = lower_functions(contract, problems)
    problems.check()
    program = encode(_program(contract, functions), nesting_max=PROGRAM_NESTING_MAX)
    if len(program) > PROGRAM_BYTES_MAX:
        message = f"the program has {len(program):,} bytes, at most {PROGRAM_BYTES_MAX:,} are allowed"
        problems.error(Place(1, 1), Reason.TOO_LARGE, message, "split it into several contracts")
        problems.check()
    _check_loads(program)
    return Compiled(program, make_abi(contract), _source_map(functions), problems.warnings)


def _check_loads(program: bytes) -> None:
    """Make sure that validators will take what was made: if not, the compiler is wrong and not the source."""
    try:
        Machine().load(program)
    except ProgramRejected as rejected:
        raise AssertionError(f"the compiler made a program that does not load: {rejected.detail}") from rejected


def _program(contract: Contract, functions: tuple[Function, ...]) -> list[Wire]:
    records: list[Wire] = [
        [record.name, [[field.name, field.type.to_wire()] for field in record.fields if field.type is not None]]
        for record in contract.records
    ]
    machines: list[Wire] = [
        [machine.name, list(machine.states), [list(move) for move in machine.moves]] for machine in contract.machines
    ]
    return [
        FORMAT,
        records,
        machines,
        [_cell(cell) for cell in contract.cells],
        [_event(event) for event in contract.events],
        [function.to_wire() for function in functions],
        [_export(function) for function in contract.functions if function.export is not None],
    ]


def _cell(cell: CellSymbol) -> list[Wire]:
    default: Wire = [cell.default] if cell.has_default else None
    return [
        cell.name,
        int(cell.kind),
        [key.to_wire() for key in cell.keys],
        cell.value.to_wire(),
        default,
        [[list(index.fields), index.unique] for index in cell.indexes],
    ]


def _event(event: EventSymbol) -> list[Wire]:
    return [
        event.name,
        [[field.name, field.type.to_wire(), field.indexed] for field in event.fields if field.type is not None],
    ]


def _export(function: FunctionSymbol) -> list[Wire]:
    assert function.export is not None
    guard = function.guard
    moves: list[Wire] = [
        [machine.index, machine.states.index(origin), machine.states.index(target)]
        for machine, origin, target in guard.moves
    ]
    return [
        function.name,
        function.index,
        int(function.export),
        [list(guard.roles), None, guard.level, moves, guard.reentrant],
    ]


def _source_map(functions: tuple[Function, ...]) -> tuple[SourceLine, ...]:
    lines: list[SourceLine] = []
    for function in functions:
        nodes = (node for statement in function.block for node in statement.walk())
        for number, node in enumerate(nodes):
            lines.append(SourceLine(function.symbol.name, number, node.place.line, node.place.column))
    return tuple(lines)
