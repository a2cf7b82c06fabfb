"""Cells of state and events: what a contract class declares by calls of Value, Map, Table, Sequence and Event."""

from __future__ import annotations

import ast
from typing import Final

from contracts.cells import INDEX_PREFIX_BYTES_MAX
from contracts.compiler.constants import Constants, NotConstant
from contracts.compiler.errors import Problems, Reason
from contracts.compiler.grammar import CellKind, Scalar
from contracts.compiler.naming import check_identifier, did_you_mean
from contracts.compiler.symbols import CellSymbol, Contract, EventSymbol, Index, Parameter, RecordSymbol, Type
from contracts.compiler.types import INT, Types
from contracts.compiler.vocabulary import CELLS
from contracts.keys import encode_key
from contracts.limits import CELL_INDEXES_MAX, CELL_KEYS_MAX, CELLS_MAX, EVENT_FIELDS_MAX, EVENTS_MAX, INDEX_FIELDS_MAX

_FORMS: Final = {
    "Value": "Value(int, default=0)",
    "Map": "Map(str, int, default=0), Map(tuple[str, bytes], int)",
    "Table": 'Table(Item, key=bytes, index=("owner",))',
    "Sequence": "Sequence()",
}
_KEYWORDS: Final = {
    "Value": ({"default"}, 1),
    "Map": ({"default"}, 2),
    "Table": ({"key", "index", "unique"}, 1),
    "Sequence": (set[str](), 0),
}


def declares_cell(call: ast.Call, contract: Contract) -> bool:
    """Tell whether a call declares a cell of state."""
    return any(contract.is_language(call.func, name) for name in CELLS)


def read_cell(
    name: str, call: ast.Call, contract: Contract, types: Types, constants: Constants, problems: Problems
) -> CellSymbol | None:
    """Read the declaration of a cell; None after noting an error."""
    assert isinstance(call.func, ast.Name)
    form = call.func.id
    keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
    allowed, positions = _KEYWORDS[form]
    if len(contract.cells) == CELLS_MAX:
        problems.error(call, Reason.TOO_MANY, f"a contract has at most {CELLS_MAX} cells", "use maps with longer keys")
    if len(call.args) != positions or len(keywords) != len(call.keywords) or not keywords.keys() <= allowed:
        problems.error(call, Reason.BAD_DECLARATION, f"{form} is not declared this way", f"as in {_FORMS[form]}")
        return None
    index = len(contract.cells)
    if form == "Sequence":
        return CellSymbol(name, index, CellKind.SEQUENCE, (), INT)
    if form == "Table":
        return _read_table(name, index, call, keywords, contract, types, constants, problems)
    value = types.read(call.args[-1])
    keys = types.read_keys(call.args[0]) if form == "Map" else ()
    if value is None or keys is None or not _check_keys(call, keys, problems):
        return None
    kind = CellKind.MAP if form == "Map" else CellKind.VALUE
    if "default" not in keywords:
        return CellSymbol(name, index, kind, keys, value)
    default = _read_default(keywords["default"], value, constants, problems)
    return CellSymbol(name, index, kind, keys, value, has_default=True, default=default)


def _read_table(
    name: str,
    index: int,
    call: ast.Call,
    keywords: dict[str, ast.expr],
    contract: Contract,
    types: Types,
    constants: Constants,
    problems: Problems,
) -> CellSymbol | None:
    record = call.args[0]
    symbol = (
        (contract.members.get(record.id) or contract.module.get(record.id)) if isinstance(record, ast.Name) else None
    )
    if not isinstance(symbol, RecordSymbol) or "key" not in keywords:
        message = "a table has a record type declared above, and a key"
        problems.error(call, Reason.BAD_DECLARATION, message, f"as in {_FORMS['Table']}")
        return None
    value, keys = types.read(record), types.read_keys(keywords["key"])
    if value is None or keys is None or not _check_keys(call, keys, problems):
        return None
    indexes: list[Index] = []
    for keyword in ("index", "unique"):
        if keyword in keywords:
            indexes.extend(
                _read_indexes(name, keywords[keyword], symbol, constants, problems, unique=keyword == "unique")
            )
    if len(indexes) > CELL_INDEXES_MAX:
        problems.error(call, Reason.TOO_MANY, f"a table has at most {CELL_INDEXES_MAX} indexes")
    if len({item.fields for item in indexes}) != len(indexes):
        problems.error(call, Reason.DUPLICATE, "the same index is there twice")
    return CellSymbol(name, index, CellKind.TABLE, keys, value, indexes=tuple(indexes))


def _read_indexes(
    name: str, node: ast.expr, record: RecordSymbol, constants: Constants, problems: Problems, *, unique: bool
) -> list[Index]:
    """Read ``("owner", ("owner", "height"))``: names of fields, or tuples of up to three."""
    items = node.elts if isinstance(node, ast.Tuple) else [node]
    indexes: list[Index] = []
    for item in items:
        try:
            names = constants.texts(item)
        except NotConstant:
            continue
        if not 1 <= len(names) <= INDEX_FIELDS_MAX:
            problems.error(item, Reason.TOO_MANY, f"an index has one to three fields, not {len(names)}")
            continue
        found = [_check_index_field(item, field, record, problems) for field in names]
        if len(set(names)) != len(names):
            problems.error(item, Reason.DUPLICATE, "a field is twice in an index")
        elif len(encode_key((f"{name}#{','.join(names)}",))) > INDEX_PREFIX_BYTES_MAX:
            problems.error(
                item, Reason.TOO_LARGE, "the names of table and fields fill half of a key", "use shorter ones"
            )
        elif all(found):
            indexes.append(Index(names, unique))
    return indexes


def _check_index_field(where: ast.expr, name: str, record: RecordSymbol, problems: Problems) -> bool:
    fields = {field.name: field.type for field in record.fields}
    if name not in fields:
        message = f"{record.name} has no field {name!r}"
        problems.error(where, Reason.UNKNOWN_MEMBER, message, did_you_mean(name, fields))
        return False
    declared = fields[name]
    is_state = declared is not None and bool(declared.states) and not declared.may_be_none
    if declared is not None and not declared.scalar_key and not is_state:
        message = f"the field {name!r} is {declared.python}: it cannot be indexed"
        problems.error(where, Reason.BAD_DECLARATION, message, "index fields of type bool, int, str, bytes or states")
        return False
    return True


def _check_keys(call: ast.Call, keys: tuple[Type, ...], problems: Problems) -> bool:
    if len(keys) > CELL_KEYS_MAX:
        problems.error(call, Reason.TOO_MANY, f"a key has at most {CELL_KEYS_MAX} parts")
    return len(keys) <= CELL_KEYS_MAX


def _read_default(node: ast.expr, value: Type, constants: Constants, problems: Problems) -> Scalar:
    try:
        default = constants.scalar(node)
    except NotConstant:
        return None
    check_default(node, default, value, problems)
    return default


def check_default(node: ast.expr, default: object, declared: Type, problems: Problems) -> None:
    """Refuse a default that its declared type would refuse."""
    inner = declared.wire[1] if declared.wire[0] == 9 else declared.wire
    scalars: dict[int, type] = {1: bool, 2: int, 3: str, 4: bytes}
    if default is None:
        fits = declared.may_be_none
    elif declared.states:
        fits = default in declared.states
    else:
        fits = type(default) is scalars.get(inner[0])
    if not fits:
        suggestion = "" if inner[0] in scalars or declared.states else "leave it out, and use .get(key) in the method"
        problems.error(node, Reason.BAD_CONSTANT, f"the default is not of type {declared.python}", suggestion)


def read_event(
    name: str, call: ast.Call, contract: Contract, types: Types, constants: Constants, problems: Problems
) -> EventSymbol | None:
    """Read ``Event(digest=bytes, owner=str, indexed=("owner",))``: fields in order, each with its type."""
    suggestion = 'as in Event(digest=bytes, owner=str, indexed=("owner",))'
    if len(contract.events) == EVENTS_MAX:
        problems.error(call, Reason.TOO_MANY, f"a contract has at most {EVENTS_MAX} events")
    if call.args or any(keyword.arg is None for keyword in call.keywords):
        problems.error(call, Reason.BAD_DECLARATION, "the fields of an event have names and types", suggestion)
        return None
    indexed: tuple[str, ...] = ()
    fields: list[Parameter] = []
    for keyword in call.keywords:
        assert keyword.arg is not None
        if keyword.arg == "indexed":
            try:
                indexed = constants.texts(keyword.value)
            except NotConstant:
                continue
        elif any(field.name == keyword.arg for field in fields):
            problems.error(keyword, Reason.DUPLICATE, f"the field {keyword.arg!r} is there twice")
        else:
            check_identifier(keyword.arg, keyword, problems)
            fields.append(Parameter(keyword.arg, types.read(keyword.value)))
    for field in indexed:
        if field not in [known.name for known in fields]:
            problems.error(
                call,
                Reason.UNKNOWN_MEMBER,
                f"the event has no field {field!r} to index",
                did_you_mean(field, [known.name for known in fields]),
            )
    if len(fields) > EVENT_FIELDS_MAX:
        problems.error(call, Reason.TOO_MANY, f"an event has at most {EVENT_FIELDS_MAX} fields", "use a Record")
    marked = tuple(Parameter(field.name, field.type, indexed=field.name in indexed) for field in fields)
    return EventSymbol(name, len(contract.events), marked)
