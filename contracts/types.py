"""Declared types of a program: records, state machines and what has a type (contract-grammar, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Final

from contracts.codec import Value
from contracts.failures import ContractFailure, Kind
from contracts.forms import (
    BlobType,
    BytesType,
    DictionaryType,
    ListType,
    OptionalType,
    PlainType,
    StateType,
    TextType,
    TupleType,
    Type,
    record_type,
)
from contracts.limits import (
    MACHINE_MOVES_MAX,
    MACHINE_STATES_MAX,
    MACHINES_MAX,
    MESSAGE_BYTES_MAX,
    RECORD_FIELDS_MAX,
    RECORDS_MAX,
    TUPLE_TYPES_MAX,
    TYPE_DEPTH_MAX,
)
from contracts.names import check_name, check_names
from contracts.program_errors import ProgramRejected
from contracts.runtime import Runtime
from contracts.values import Shape

__all__ = ["StateMachine", "Type", "Types", "outgoing"]

# First numbers of type nodes.
NONE: Final = 0
BOOL: Final = 1
INT: Final = 2
STR: Final = 3
BYTES: Final = 4
LIST: Final = 5
TUPLE: Final = 6
DICT: Final = 7
RECORD: Final = 8
OPTIONAL: Final = 9
STATE: Final = 10
BLOB: Final = 11

_LEAVES: Final[dict[int, Type]] = {
    NONE: PlainType(NoneType),
    BOOL: PlainType(bool),
    INT: PlainType(int),
    STR: TextType(),
    BYTES: BytesType(),
    BLOB: BlobType(),
}


def outgoing(runtime: Runtime, types: Sequence[Type], values: Sequence[object]) -> tuple[tuple[Value, ...], int]:
    """Return the wire form of ``values``, each of its type, and the bytes that they take together.

    Raise ContractFailure(TYPE), SIZE above ``MESSAGE_BYTES_MAX``, or Stop.
    """
    runtime.room = MESSAGE_BYTES_MAX
    wire = tuple([kind.to_value(runtime, value) for kind, value in zip(types, values, strict=True)])
    size = len(runtime.pack(wire))
    if size > MESSAGE_BYTES_MAX:
        raise ContractFailure(Kind.SIZE)
    return wire, size


@dataclass(frozen=True, slots=True)
class StateMachine:
    """States in order, the first of which is where everything begins, and the moves allowed between them."""

    name: str
    states: tuple[str, ...]
    moves: frozenset[tuple[int, int]]


class Types:
    """Reads the type nodes of one program; knows its records and machines.

    ``records`` and ``machines`` are these elements of the program as decoded; raises ProgramRejected.
    """

    __slots__ = ("_states", "machines", "shapes")

    def __init__(self, records: object, machines: object) -> None:
        self.machines = tuple([_read_machine(node) for node in _items(machines, MACHINES_MAX, "machines")])
        self._states = tuple(
            [
                StateType(number, machine.states, {state: index for index, state in enumerate(machine.states)})
                for number, machine in enumerate(self.machines)
            ]
        )
        self.shapes: tuple[Shape, ...] = ()
        for node in _items(records, RECORDS_MAX, "records"):
            self.shapes += (self._read_record(node),)  # the fields of a record know the records before it
        check_names([machine.name for machine in self.machines])
        check_names([shape.name for shape in self.shapes])

    def read(self, node: object, levels_left: int = TYPE_DEPTH_MAX) -> Type:
        """Return the type that ``node`` describes, at most ``levels_left`` deep; raise ProgramRejected."""
        if type(node) is not tuple or not node or type(node[0]) is not int:
            raise ProgramRejected("not a type")
        kind, operands = node[0], node[1:]
        if kind in _LEAVES and not operands:
            result = _LEAVES[kind]
        elif kind == RECORD and len(operands) == 1:
            shape = self.shapes[_index(operands[0], len(self.shapes))]
            result = record_type(shape)
        elif kind == STATE and len(operands) == 1:
            result = self._states[_index(operands[0], len(self.machines))]
        else:
            result = self._read_container(kind, operands, levels_left)
        if result.depth > levels_left:
            raise ProgramRejected("a type is too deep")
        return result

    def _read_container(self, kind: int, operands: tuple[object, ...], levels_left: int) -> Type:
        if levels_left <= 1:
            raise ProgramRejected("a type is too deep, or is none")
        if not 1 <= len(operands) <= TUPLE_TYPES_MAX:
            raise ProgramRejected("a type with too few or too many parts")
        parts = tuple([self.read(operand, levels_left - 1) for operand in operands])
        depth = 1 + max(part.depth for part in parts)
        if kind == TUPLE:
            return TupleType(parts, depth)
        if kind == LIST and len(parts) == 1:
            return ListType(parts[0], depth)
        if kind == OPTIONAL and len(parts) == 1:
            return OptionalType(parts[0], depth)
        if kind == DICT and len(parts) == 2 and isinstance(parts[0], (TextType, BytesType)):
            return DictionaryType(parts[0], parts[1], depth)
        raise ProgramRejected("an unknown type, or one with the wrong parts")

    def _read_record(self, node: object) -> Shape:
        if type(node) is not tuple or len(node) != 2:
            raise ProgramRejected("not a record")
        fields = _items(node[1], RECORD_FIELDS_MAX, "fields")
        names: list[str] = []
        types: list[Type] = []
        for field in fields:
            if type(field) is not tuple or len(field) != 2:
                raise ProgramRejected("not a field")
            names.append(check_name(field[0]))
            types.append(self.read(field[1], TYPE_DEPTH_MAX - 1))
        if not fields:
            raise ProgramRejected("a record without fields")
        return Shape(
            name=check_name(node[0]),
            names=check_names(names),
            positions={name: index for index, name in enumerate(names)},
            types=tuple(types),
            checks=tuple([field_type.check for field_type in types]),
        )


def _read_machine(node: object) -> StateMachine:
    if type(node) is not tuple or len(node) != 3:
        raise ProgramRejected("not a state machine")
    states = check_names([check_name(state) for state in _items(node[1], MACHINE_STATES_MAX, "states")])
    if not states:
        raise ProgramRejected("a state machine without states")
    moves = []
    for move in _items(node[2], MACHINE_MOVES_MAX, "moves"):
        if type(move) is not tuple or len(move) != 2:
            raise ProgramRejected("not a move")
        moves.append((_index(move[0], len(states)), _index(move[1], len(states))))
    if len(set(moves)) != len(moves):
        raise ProgramRejected("a move is there twice")
    return StateMachine(check_name(node[0]), states, frozenset(moves))


def _items(node: object, count_max: int, what: str) -> tuple[object, ...]:
    if type(node) is not tuple or len(node) > count_max:
        raise ProgramRejected(f"not {what}, or too many")
    return node


def _index(value: object, count: int) -> int:
    if type(value) is not int or not 0 <= value < count:
        raise ProgramRejected("an index out of range")
    return value
