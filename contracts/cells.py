"""State cells of a program: a value, a map, a table with indexes, a sequence (contract-grammar, sections 2 and 7).

A cell's row lies under ``encode_key((cell name, *key parts))``; its value is the canonical bytes of the wire form. What
is read is a fresh copy; what is stored is encoded at once: nothing in a contract is ever the state itself.

State machines are enforced here, where a state is stored: for a cell whose values are states, and for the fields of its
records (not deeper). A new row is in the first state, or comes by a move from the cell's default; staying is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import Any, Final

from contracts import prices, tables, types
from contracts.codec import Value, unpack
from contracts.failures import ContractFailure, Kind
from contracts.forms import BlobType, BytesType, PlainType, RecordType, StateType, TextType, Type
from contracts.keys import Part, encode_key, encode_part
from contracts.limits import (
    CELL_INDEXES_MAX,
    CELL_KEYS_MAX,
    INDEX_FIELDS_MAX,
    INTEGER_MAX,
    STATE_KEY_BYTES_MAX,
    STATE_VALUE_BYTES_MAX,
)
from contracts.names import check_name
from contracts.program_errors import ProgramRejected
from contracts.runtime import Runtime
from contracts.tables import Index
from contracts.values import SCALARS

VALUE: Final = 0
MAP: Final = 1
TABLE: Final = 2
SEQUENCE: Final = 3

KEY_TYPES: Final = {types.BOOL: bool, types.INT: int, types.STR: str, types.BYTES: bytes}
INDEX_PREFIX_BYTES_MAX: Final = 128  # of its names: the other half of a state key is for the fields and the row's key


@dataclass(frozen=True, slots=True)
class StateField:
    """Where a stored value says in which state of a machine it is."""

    position: int | None  # among the fields of the record; None: the value is the state
    machine: int
    moves: frozenset[tuple[int, int]]
    default: int | None  # the state of the cell's default


class Cell:
    """One declared cell. Keys, values, cursors and limits are of any type and checked here; their number is not.

    Methods raise ContractFailure: TYPE; STORAGE for a key of more than ``STATE_KEY_BYTES_MAX``, a move that the machine
    does not have, a second row in a unique place; SIZE for a value of more than ``STATE_VALUE_BYTES_MAX``; VIEW for
    whatever writes while the runtime is read-only; and Stop.
    """

    __slots__ = ("_default", "_fields", "_key_types", "_prefix", "_states", "_type", "arity", "indexes", "kind", "name")

    def __init__(
        self,
        name: str,
        kind: int,
        key_types: tuple[type, ...],
        value_type: Type,
        default: tuple[()] | tuple[object],
        indexes: tuple[Index, ...],
        states: tuple[StateField, ...],
    ) -> None:
        self.name = name
        self.kind = kind
        self.arity = len(key_types)
        self.indexes = indexes
        self._prefix = encode_key((name,))
        self._key_types = key_types
        self._type = value_type
        self._default = default
        self._states = states
        self._fields = len(value_type.shape.names) if isinstance(value_type, RecordType) else None

    # -- One row ------------------------------------------------------------------------------------------------------

    def get(self, runtime: Runtime, keys: list[object]) -> object:
        """Return the value under ``keys``, else the default; without one, raise ContractFailure(KEY)."""
        key = self._key(keys)
        runtime.pay(prices.READ)
        data = runtime.host.read(runtime.contract, key)
        if data is not None:
            return self._decode(runtime, data)
        if self._default:
            return self._default[0]
        raise ContractFailure(Kind.KEY)

    def has(self, runtime: Runtime, keys: list[object]) -> bool:
        """Tell whether a value is stored under ``keys``; a default is not."""
        key = self._key(keys)
        runtime.pay(prices.HAS)
        return runtime.host.read(runtime.contract, key) is not None

    def put(self, runtime: Runtime, keys: list[object], value: object) -> None:
        """Store ``value`` under ``keys``."""
        key = self._key(keys)
        if runtime.read_only:
            raise ContractFailure(Kind.VIEW)
        runtime.room = STATE_VALUE_BYTES_MAX
        wire = self._type.to_value(runtime, value)
        data = runtime.pack(wire)
        if len(data) > STATE_VALUE_BYTES_MAX:
            raise ContractFailure(Kind.SIZE)
        old = runtime.host.read(runtime.contract, key)
        runtime.pay((prices.WRITE_NEW if old is None else prices.WRITE) + prices.WRITE_BYTE * len(data))
        if self._states or self.indexes:
            old_wire = None if old is None else self._decode_old(runtime, old)
            self._check_moves(runtime, old_wire, wire, is_new=old is None)
            if self.indexes:
                tables.change_entries(runtime, self.indexes, key[len(self._prefix) :], old_wire, wire)
        runtime.host.write(runtime.contract, key, data)

    def delete(self, runtime: Runtime, keys: list[object]) -> None:
        """Remove the value under ``keys``; raise ContractFailure(KEY) if none is stored."""
        key = self._key(keys)
        if runtime.read_only:
            raise ContractFailure(Kind.VIEW)
        runtime.pay(prices.DELETE)
        old = runtime.host.read(runtime.contract, key)
        if old is None:
            raise ContractFailure(Kind.KEY)
        if self.indexes:
            old_wire = self._decode_old(runtime, old)
            tables.change_entries(runtime, self.indexes, key[len(self._prefix) :], old_wire, None)
        runtime.host.write(runtime.contract, key, None)

    def next(self, runtime: Runtime) -> int:
        """Return the next number of a sequence, which begins with 1."""
        if runtime.read_only:
            raise ContractFailure(Kind.VIEW)
        runtime.pay(prices.NEXT)
        last = runtime.host.read(runtime.contract, self._prefix)
        before: Any = 0 if last is None else unpack(last)
        if type(before) is not int or not 0 <= before < INTEGER_MAX:
            raise ContractFailure(Kind.STORAGE)  # another program left it
        number: int = before + 1
        runtime.host.write(runtime.contract, self._prefix, runtime.pack(number))
        return number

    # -- Many rows ----------------------------------------------------------------------------------------------------

    def prefix_max(self, index: int | None) -> int:
        """Return how many parts a prefix of ``rows`` may have; raise ProgramRejected for an index that is not there."""
        if index is None:
            return self.arity
        if not 0 <= index < len(self.indexes):
            raise ProgramRejected("an index that the table does not have")
        return len(self.indexes[index].positions)

    def rows(
        self,
        runtime: Runtime,
        index: int | None,
        prefix: list[object],
        cursor: object,
        limit: object,
        descending: bool,
    ) -> tuple[list[tuple[object, object]], bytes | None]:
        """Return up to ``limit`` rows, each (key, record), and the cursor of the next one, None if there is none.

        In the order of their keys, or of the fields of ``index`` and then their keys; only those that begin with
        ``prefix``. A key of several parts is a tuple. Raise ContractFailure(VALUE) for a limit outside of 1 to
        ``ROWS_MAX`` or a cursor that is not one of this call.
        """
        scan = tables.begin_scan(
            runtime,
            self._prefix if index is None else self.indexes[index].prefix,
            () if index is None else self.indexes[index].parts,
            self._key_types,
            prefix,
            cursor,
            limit,
            descending=descending,
        )
        rows: list[tuple[object, object]] = []
        following: bytes | None = None
        for key, data, parts in tables.entries(runtime, scan):
            if len(rows) == scan.limit:
                following = key
                break
            runtime.pay(prices.READ)
            runtime.alloc(prices.PAIR_BYTES)
            stored = data if index is None else self._read_row(runtime, parts)
            rows.append((tables.own_key(runtime, parts), self._decode(runtime, stored)))
        runtime.alloc(prices.BINARY_BYTES + (0 if following is None else len(following)))
        return rows, following

    def _read_row(self, runtime: Runtime, parts: tuple[Part, ...]) -> bytes:
        data = runtime.host.read(runtime.contract, self._prefix + encode_key(parts))
        if data is None:
            raise ContractFailure(Kind.STORAGE)  # an entry without its row: another program left it
        return data

    # -- Bytes --------------------------------------------------------------------------------------------------------

    def _key(self, keys: list[object]) -> bytes:
        key = self._prefix
        for kind, part in zip(self._key_types, keys):  # noqa: B905  # as many, by the check of the program
            if type(part) is not kind:
                raise ContractFailure(Kind.TYPE)
            if (kind is str or kind is bytes) and len(part) > STATE_KEY_BYTES_MAX:  # type: ignore[arg-type]  # of kind
                raise ContractFailure(Kind.STORAGE)
            key += encode_part(part)  # type: ignore[arg-type]  # one of the types of a key
        if len(key) > STATE_KEY_BYTES_MAX:
            raise ContractFailure(Kind.STORAGE)
        return key

    def _decode(self, runtime: Runtime, data: bytes) -> object:
        """Return a fresh value of stored bytes, charged; STORAGE if another program left them, with another type."""
        runtime.pay(len(data) >> prices.READ_SHIFT)
        try:
            return self._type.from_value(runtime, unpack(data), False)
        except ContractFailure as failure:
            raise ContractFailure(Kind.STORAGE) from failure

    def _decode_old(self, runtime: Runtime, data: bytes) -> Value:
        """Return the wire form of what is about to change: only its states and indexed fields matter."""
        runtime.pay(len(data) >> prices.OLD_ROW_SHIFT)
        wire: Value = unpack(data)
        if self._fields is not None and (type(wire) is not tuple or len(wire) != self._fields):
            raise ContractFailure(Kind.STORAGE)  # as in _decode
        return wire

    def _check_moves(self, runtime: Runtime, old: Value, new: Value, *, is_new: bool) -> None:
        for field in self._states:
            target = _part(new, field.position)
            source = field.default if is_new else _part(old, field.position)
            if source is None:
                allowed = target == 0
            elif target == source:
                allowed = True
            else:
                allowed = (source, target) in field.moves and (
                    runtime.moves is None or (field.machine, source, target) in runtime.moves
                )
            if not allowed:
                raise ContractFailure(Kind.STORAGE)


def _part(wire: Any, position: int | None) -> Any:
    return wire if position is None else wire[position]


# -- Declarations -----------------------------------------------------------------------------------------------------


def make_cell(node: object, declared: types.Types) -> Cell:
    """Return the cell that ``node`` of a program declares; raise ProgramRejected."""
    if type(node) is not tuple or len(node) != 6:
        raise ProgramRejected("not a cell")
    name, kind, keys, value, default, indexes = node
    check_name(name)
    if type(kind) is not int or not VALUE <= kind <= SEQUENCE:
        raise ProgramRejected("an unknown kind of cell")
    key_types = _read_key_types(keys)
    if (kind in {MAP, TABLE}) != bool(key_types):
        raise ProgramRejected("maps and tables have keys, other cells have none")
    value_type = declared.read(value)
    if kind == TABLE and not isinstance(value_type, RecordType):
        raise ProgramRejected("the rows of a table are records")
    if kind == SEQUENCE and value != (types.INT,):
        raise ProgramRejected("a sequence is of int")
    if default is not None and kind in {TABLE, SEQUENCE}:
        raise ProgramRejected("a default of a cell that has none")
    constant = _read_default(default, value_type)
    return Cell(
        name=name,
        kind=kind,
        key_types=key_types,
        value_type=value_type,
        default=constant,
        indexes=_read_indexes(indexes, name, value_type, is_table=kind == TABLE),
        states=_state_fields(value_type, constant, declared),
    )


def _read_key_types(nodes: object) -> tuple[type, ...]:
    if type(nodes) is not tuple or len(nodes) > CELL_KEYS_MAX:
        raise ProgramRejected("not keys, or too many")
    key_types = []
    for node in nodes:
        if type(node) is not tuple or len(node) != 1 or type(node[0]) is not int or node[0] not in KEY_TYPES:
            raise ProgramRejected("a part of a key is of bool, int, str or bytes")
        key_types.append(KEY_TYPES[node[0]])
    return tuple(key_types)


def _read_default(node: object, value_type: Type) -> tuple[()] | tuple[object]:
    if node is None:
        return ()
    if type(node) is not tuple or len(node) != 1 or type(node[0]) not in SCALARS:
        raise ProgramRejected("not a default")
    try:
        return (value_type.check(Runtime(), node[0]),)  # a scalar: nothing is charged
    except ContractFailure:
        raise ProgramRejected("a default that is not of the cell's type") from None


def _read_indexes(nodes: object, cell_name: str, value_type: Type, *, is_table: bool) -> tuple[Index, ...]:
    if type(nodes) is not tuple or len(nodes) > CELL_INDEXES_MAX:
        raise ProgramRejected("not indexes, or too many")
    if not nodes:
        return ()
    if not is_table or not isinstance(value_type, RecordType):
        raise ProgramRejected("an index of what is not a table")
    indexes = tuple([_read_index(node, cell_name, value_type) for node in nodes])
    if len({index.prefix for index in indexes}) != len(indexes):
        raise ProgramRejected("an index is there twice")
    return indexes


def _read_index(node: object, cell_name: str, value_type: RecordType) -> Index:
    if type(node) is not tuple or len(node) != 2 or type(node[1]) is not bool:
        raise ProgramRejected("not an index")
    names = node[0]
    if type(names) is not tuple or not 1 <= len(names) <= INDEX_FIELDS_MAX:
        raise ProgramRejected("an index has one to three fields")
    if len(set(map(check_name, names))) != len(names) or not set(names) <= value_type.shape.positions.keys():
        raise ProgramRejected("an index over a field that the record does not have")
    positions = tuple([value_type.shape.positions[name] for name in names])
    prefix = encode_key((f"{cell_name}#{','.join(names)}",))
    if len(prefix) > INDEX_PREFIX_BYTES_MAX:
        raise ProgramRejected("an index whose names are too long for a key")
    return Index(
        prefix,
        positions,
        tuple([_index_part(value_type.shape.types[position]) for position in positions]),
        unique=node[1],
    )


def _index_part(field: Type) -> StateType | type:
    """Return what a field is in a key: a scalar's own type, or a state."""
    if isinstance(field, StateType):
        return field
    if isinstance(field, TextType):
        return str
    if isinstance(field, (BytesType, BlobType)):
        return bytes
    if isinstance(field, PlainType) and field.kind is not NoneType:
        return field.kind
    raise ProgramRejected("an index over a field that is no scalar")


def _state_fields(
    value_type: Type, default: tuple[()] | tuple[object], declared: types.Types
) -> tuple[StateField, ...]:
    if isinstance(value_type, StateType):
        first = value_type.indices[default[0]] if default else None  # type: ignore[index]  # checked to be a state
        return (StateField(None, value_type.machine, declared.machines[value_type.machine].moves, first),)
    if isinstance(value_type, RecordType):
        return tuple(
            [
                StateField(position, field.machine, declared.machines[field.machine].moves, None)
                for position, field in enumerate(value_type.shape.types)
                if isinstance(field, StateType)
            ]
        )
    return ()
