"""Programs: bytes of unknown origin in, checked and translated functions out (contract-grammar, sections 1 and 2).

A program is ``[1, records, machines, cells, events, functions, exports]``. Whatever the grammar does not list does not
exist, and there is one way to be wrong: ``ProgramRejected``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from contracts import limits
from contracts.cells import Cell, make_cell
from contracts.codec import CodecError, decode
from contracts.exports import Export, ExportKind, Guard
from contracts.expressions import EXPRESSIONS
from contracts.names import check_name, check_names
from contracts.program_errors import ProgramRejected
from contracts.runtime import Runtime
from contracts.statements import STATEMENTS
from contracts.translate import Declarations, EventKind, Function, Translator, boolean, number
from contracts.types import Type, Types

FORMAT: Final = 1
_NONE: Final = (0,)  # the type of None
_LEVEL_MAX: Final = 255


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A checked program, translated for one machine; two of them are the same only if they are one object."""

    code: bytes  # what it was loaded from
    nodes: int  # statements and expressions: what deployment pays for and the chain bounds
    exports: Mapping[str, Export]
    init: Export | None
    migrate: Export | None
    tree: tuple[Any, ...]  # its first elements as decoded: format, records, machines, cells, events
    runtime: Runtime  # whose counters its closures hold


@dataclass(frozen=True, slots=True)
class _Signature:
    """A function before its body: what is known of it when others call it."""

    parameters: tuple[Type | None, ...]
    result: Type
    locals_count: int
    body: object


def load(code: bytes, runtime: Runtime, nodes_max: int) -> Program:
    """Check ``code`` against the grammar and translate it; raise ProgramRejected, or TooManyNodes."""
    tree = _decode(code)
    records, machines, cell_nodes, event_nodes, function_nodes, export_nodes = tree[1:]
    types = Types(records, machines)
    signatures = [_signature(node, types) for node in _items(function_nodes, limits.FUNCTIONS_MAX, "functions")]
    functions: list[Function] = []
    translator = Translator(
        runtime,
        Declarations(
            shapes=types.shapes,
            cells=_cells(cell_nodes, types),
            events=_events(event_nodes, types),
            arities=tuple([len(signature.parameters) for signature in signatures]),
            functions=functions,
        ),
        EXPRESSIONS,
        STATEMENTS,
        nodes_max,
    )
    for signature in signatures:  # one may call those that follow: each looks in ``functions`` when it runs
        function = translator.function(len(signature.parameters), signature.locals_count, signature.body)
        functions.append(function)
    exports = _exports(export_nodes, types, signatures, functions)
    return Program(
        code=code,
        nodes=translator.nodes,
        exports=MappingProxyType(exports),
        init=_only(exports, ExportKind.INIT),
        migrate=_only(exports, ExportKind.MIGRATE),
        tree=tree[:5],  # function bodies are in the closures
        runtime=runtime,
    )


def _decode(code: bytes) -> tuple[Any, ...]:
    try:
        tree = decode(
            code,
            bytes_max=limits.PROGRAM_BYTES_MAX,
            items_max=limits.STATEMENTS_MAX,
            nesting_max=limits.PROGRAM_NESTING_MAX,
        )
    except CodecError as error:
        raise ProgramRejected(f"not canonical: {error}") from None
    if type(tree) is not tuple or len(tree) != 7 or type(tree[0]) is not int or tree[0] != FORMAT:
        raise ProgramRejected("not a program of format 1")
    return tree


def _items(node: object, count_max: int, what: str) -> tuple[Any, ...]:
    if type(node) is not tuple or len(node) > count_max:
        raise ProgramRejected(f"not {what}, or too many")
    return node


def _element(node: object, length: int, what: str) -> tuple[Any, ...]:
    if type(node) is not tuple or len(node) != length:
        raise ProgramRejected(f"not {what}")
    return node


def _cells(nodes: object, types: Types) -> tuple[Cell, ...]:
    cells = tuple([make_cell(node, types) for node in _items(nodes, limits.CELLS_MAX, "cells")])
    check_names([cell.name for cell in cells])
    return cells


def _events(nodes: object, types: Types) -> tuple[EventKind, ...]:
    events = []
    for node in _items(nodes, limits.EVENTS_MAX, "events"):
        name, field_nodes = _element(node, 2, "an event")
        fields = [
            _element(field, 3, "a field of an event")
            for field in _items(field_nodes, limits.EVENT_FIELDS_MAX, "fields of an event")
        ]
        check_names([field[0] for field in fields])
        events.append(
            EventKind(
                name=check_name(name),
                types=tuple([types.read(field[1]) for field in fields]),
                indexed=tuple([boolean(field[2]) for field in fields]),
            )
        )
    check_names([event.name for event in events])
    return tuple(events)


def _signature(node: object, types: Types) -> _Signature:
    name, parameters, result, locals_count, body = _element(node, 5, "a function")
    check_name(name)
    parameters = _items(parameters, limits.PARAMETERS_MAX, "parameters")
    if number(locals_count, limits.LOCALS_MAX + 1) < len(parameters):
        raise ProgramRejected("a function with fewer locals than parameters")
    return _Signature(
        parameters=tuple([None if parameter is None else types.read(parameter) for parameter in parameters]),
        result=types.read(_NONE if result is None else result),
        locals_count=locals_count,
        body=body,
    )


def _exports(nodes: object, types: Types, signatures: list[_Signature], functions: list[Function]) -> dict[str, Export]:
    exports: dict[str, Export] = {}
    for node in _items(nodes, limits.EXPORTS_MAX, "exports"):
        name, function, kind, guard_node = _element(node, 4, "an export")
        if check_name(name) in exports:
            raise ProgramRejected("a name is exported twice")
        signature = signatures[number(function, len(signatures))]
        parameters = [parameter for parameter in signature.parameters if parameter is not None]
        if len(parameters) != len(signature.parameters):
            raise ProgramRejected("an exported function has types for its parameters")
        kind = ExportKind(number(kind, len(ExportKind)))
        guard = _guard(guard_node, types)
        if kind is not ExportKind.EXPORT and (guard.roles or guard.level or guard.moves):
            raise ProgramRejected("only what transactions call has a guard")
        exports[name] = Export(name, kind, functions[function], tuple(parameters), (signature.result,), guard)
    return exports


def _guard(node: object, types: Types) -> Guard:
    role_nodes, policy, level, move_nodes, reentrant = _element(node, 5, "a guard")
    roles = _items(role_nodes, limits.ROLES_MAX, "roles")
    for role in roles:
        if type(role) is not str or not 1 <= len(role) <= limits.NAME_LENGTH_MAX:
            raise ProgramRejected("a role is a short text")
    if len(set(roles)) != len(roles):
        raise ProgramRejected("a role is there twice")
    if policy is not None:
        raise ProgramRejected("policies are not part of this format")
    moves = set()
    for move_node in _items(move_nodes, limits.MACHINE_MOVES_MAX, "moves"):
        machine, origin, target = _element(move_node, 3, "a move")
        if (origin, target) not in types.machines[number(machine, len(types.machines))].moves:
            raise ProgramRejected("a move that the state machine does not have")
        moves.add((machine, origin, target))
    return Guard(
        roles=frozenset(roles),
        level=number(level, _LEVEL_MAX + 1),
        moves=frozenset(moves) or None,
        reentrant=boolean(reentrant),
    )


def _only(exports: dict[str, Export], kind: ExportKind) -> Export | None:
    found = [export for export in exports.values() if export.kind is kind]
    if len(found) > 1:
        raise ProgramRejected(f"more than one {kind.name.lower()}")
    return found[0] if found else None
