"""What a contract declares: the names of a module and of its contract class, after declarations were read."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from contracts.compiler.grammar import CellKind, ExportKind, Scalar, Wire


@dataclass(frozen=True, slots=True)
class Type:
    """A declared type: as the program, as JSON Schema and as Python writes it."""

    wire: tuple[Any, ...]  # nested tuples, as the grammar's Type nodes
    schema: Mapping[str, Any]
    python: str
    depth: int = 1
    scalar_key: bool = False  # bool, int, str, bytes: what keys of cells may be
    may_be_none: bool = False
    states: tuple[str, ...] = ()  # of a state machine

    def to_wire(self) -> list[Wire]:
        """Return the type as the program holds it."""
        return [_listed(item) for item in self.wire]


def _listed(item: Any) -> Wire:
    return [_listed(inner) for inner in item] if isinstance(item, tuple) else item


Constant: TypeAlias = "Scalar | tuple[Constant, ...]"


@dataclass(frozen=True, slots=True)
class ConstantSymbol:
    """A name for a value that never changes; it stands wherever the name does."""

    name: str
    value: Constant


@dataclass(frozen=True, slots=True)
class Parameter:
    """A field of a record or event, or a parameter of a method. ``default`` counts only if there is one."""

    name: str
    type: Type | None  # None: of a helper, unchecked
    has_default: bool = False
    default: Constant = None
    indexed: bool = False  # of an event: clients can search by it


@dataclass(frozen=True, slots=True)
class RecordSymbol:
    """A record class; ``index`` is its number in the program."""

    name: str
    index: int
    fields: tuple[Parameter, ...]
    documentation: str


@dataclass(frozen=True, slots=True)
class StatesSymbol:
    """A state machine: states in order, and the moves between them by index."""

    name: str
    index: int
    states: tuple[str, ...]
    moves: tuple[tuple[int, int], ...]
    documentation: str


@dataclass(frozen=True, slots=True)
class Index:
    """A second order of a table's rows, by some of the record's fields."""

    fields: tuple[str, ...]
    unique: bool = False


@dataclass(frozen=True, slots=True)
class CellSymbol:
    """A cell of state."""

    name: str
    index: int
    kind: CellKind
    keys: tuple[Type, ...]
    value: Type
    has_default: bool = False
    default: Scalar = None
    indexes: tuple[Index, ...] = ()


@dataclass(frozen=True, slots=True)
class EventSymbol:
    """An event that the contract emits."""

    name: str
    index: int
    fields: tuple[Parameter, ...]
    documentation: str = ""


@dataclass(frozen=True, slots=True)
class Guard:
    """What has to hold before an exported method runs."""

    roles: tuple[str, ...] = ()
    level: int = 0
    moves: tuple[tuple[StatesSymbol, str, str], ...] = ()
    reentrant: bool = False


@dataclass(frozen=True, slots=True)
class FunctionSymbol:
    """A function of the module or a method of the contract; ``index`` is its number in the program."""

    name: str
    index: int
    definition: ast.FunctionDef
    parameters: tuple[Parameter, ...]
    result: Type | None
    method: bool
    export: ExportKind | None
    guard: Guard
    documentation: str


@dataclass(frozen=True, slots=True)
class LanguageSymbol:
    """A name imported from ``contracts.language``."""

    name: str


Symbol: TypeAlias = (
    ConstantSymbol | RecordSymbol | StatesSymbol | CellSymbol | EventSymbol | FunctionSymbol | LanguageSymbol
)


@dataclass(slots=True)
class Contract:
    """All that a source declares. Order of insertion is order of the source, which numbers things in the program."""

    name: str = ""
    documentation: str = ""
    module: dict[str, Symbol] = field(default_factory=dict)  # names that code can write as they are
    members: dict[str, Symbol] = field(default_factory=dict)  # names behind ``self.``
    records: list[RecordSymbol] = field(default_factory=list)
    machines: list[StatesSymbol] = field(default_factory=list)
    cells: list[CellSymbol] = field(default_factory=list)
    events: list[EventSymbol] = field(default_factory=list)
    functions: list[FunctionSymbol] = field(default_factory=list)
    used: set[str] = field(default_factory=set)  # imported names that something uses

    def is_language(self, node: ast.expr, name: str) -> bool:
        """Tell whether an expression of a declaration is the imported name ``name``."""
        if isinstance(node, ast.Name) and node.id == name and self.module.get(name) == LanguageSymbol(name):
            self.used.add(name)
            return True
        return False
