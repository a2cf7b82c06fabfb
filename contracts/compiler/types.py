"""Annotations to types: what the machine checks at the boundary, in state and in events."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Final

from contracts.compiler.errors import Problems, Reason
from contracts.compiler.naming import did_you_mean
from contracts.compiler.symbols import Contract, LanguageSymbol, RecordSymbol, StatesSymbol, Type
from contracts.compiler.vocabulary import NAMES_REFUSED
from contracts.limits import TUPLE_TYPES_MAX, TYPE_DEPTH_MAX

NONE: Final = Type((0,), {"type": "null"}, "None", may_be_none=True)
BOOL: Final = Type((1,), {"type": "boolean"}, "bool", scalar_key=True)
INT: Final = Type((2,), {"type": "integer"}, "int", scalar_key=True)
STR: Final = Type((3,), {"type": "string"}, "str", scalar_key=True)
BYTES: Final = Type((4,), {"type": "string", "format": "bytes"}, "bytes", scalar_key=True)
BLOB: Final = Type((11,), {"type": "string", "format": "blob"}, "BlobRef")
_SIMPLE: Final[Mapping[str, Type]] = {"bool": BOOL, "int": INT, "str": STR, "bytes": BYTES}
_TYPING: Final[Mapping[str, str]] = {  # names of the module typing, and what is written here
    "Optional": "write T | None",
    "Union": "write T | None",
    "List": "write list[T]",
    "Sequence": "write list[T]",
    "Tuple": "write tuple[T, ...] of fixed length",
    "Dict": "write dict[K, T]",
    "Mapping": "write dict[K, T]",
    "Set": NAMES_REFUSED["set"],
}
_KNOWN: Final = "types are bool, int, str, bytes, None, list[T], tuple[T, ...] of fixed length, dict[K, T], T | None"


class Types:
    """Reads annotations by the records and states declared so far."""

    def __init__(self, contract: Contract, problems: Problems) -> None:
        self._contract = contract
        self._problems = problems

    def read(self, node: ast.expr) -> Type | None:
        """Return the type that an annotation names; None after noting an error."""
        found = self._read(node)
        if found is not None and found.depth > TYPE_DEPTH_MAX:
            self._problems.error(node, Reason.TOO_DEEP, f"a type nests at most {TYPE_DEPTH_MAX} deep", "use a Record")
            return None
        return found

    def read_keys(self, node: ast.expr) -> tuple[Type, ...] | None:
        """Return the types of a cell's key: one, or those of a tuple; None after noting an error."""
        items = [node]
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "tuple":
            items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        types: list[Type] = []
        for item in items:
            found = self.read(item)
            if found is None:
                return None
            if not found.scalar_key:
                self._problems.error(
                    item,
                    Reason.BAD_DECLARATION,
                    f"{found.python} cannot be a key",
                    "keys are bool, int, str, bytes or a tuple of these",
                )
                return None
            types.append(found)
        return tuple(types)

    def _read(self, node: ast.expr) -> Type | None:
        if isinstance(node, ast.Constant) and node.value is None:
            return NONE
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self._unknown(node, "a type is not written as text", "remove the quotes; declare the type above")
        if isinstance(node, ast.Name):
            return self._named(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._optional(node)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            return self._generic(node, node.value.id)
        if isinstance(node, ast.Attribute):
            return self._unknown(node, "a type has no dots", "write its name alone")
        return self._unknown(node, "this is not a type", _KNOWN)

    def _named(self, node: ast.Name) -> Type | None:
        if node.id in _SIMPLE:
            return _SIMPLE[node.id]
        symbol = self._contract.members.get(node.id) or self._contract.module.get(node.id)
        if isinstance(symbol, RecordSymbol):
            deepest = max((field.type.depth for field in symbol.fields if field.type is not None), default=1)
            return Type((8, symbol.index), {"$ref": f"#/records/{symbol.name}"}, symbol.name, depth=1 + deepest)
        if isinstance(symbol, StatesSymbol):
            return Type((10, symbol.index), {"$ref": f"#/states/{symbol.name}"}, symbol.name, states=symbol.states)
        if symbol == LanguageSymbol("BlobRef"):
            self._contract.used.add("BlobRef")
            return BLOB
        if node.id in ("list", "tuple", "dict"):
            return self._unknown(node, f"{node.id} of what?", "list[int], tuple[str, int], dict[str, int]")
        declared = [record.name for record in self._contract.records]
        machines = [machine.name for machine in self._contract.machines]
        suggestion = NAMES_REFUSED.get(node.id) or did_you_mean(node.id, [*_SIMPLE, *declared, *machines])
        return self._unknown(node, f"there is no type {node.id!r} here", suggestion or _KNOWN)

    def _optional(self, node: ast.BinOp) -> Type | None:
        left, right = self._read(node.left), self._read(node.right)
        if left is None or right is None:
            return None
        inner = left if right is NONE else right
        if (left is NONE) == (right is NONE) or inner.may_be_none:
            return self._unknown(node, "the only union is T | None", "use a Record with a field for each case")
        schema = {"anyOf": [inner.schema, NONE.schema]}
        python = f"{inner.python} | None"
        return Type((9, inner.wire), schema, python, depth=inner.depth + 1, may_be_none=True, states=inner.states)

    def _generic(self, node: ast.Subscript, name: str) -> Type | None:
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if any(isinstance(item, ast.Constant) and item.value is ... for item in items):
            return self._unknown(node, "a tuple has a fixed length", "write list[T]")
        types: list[Type] = []
        for item in items:
            found = self._read(item)
            if found is None:
                return None
            types.append(found)
        python = f"{name}[{', '.join(found.python for found in types)}]"
        depth = 1 + max(found.depth for found in types) if types else 1
        if name == "list" and len(types) == 1:
            return Type((5, types[0].wire), {"type": "array", "items": types[0].schema}, python, depth=depth)
        if name == "tuple" and 1 <= len(types) <= TUPLE_TYPES_MAX:
            schema = {"type": "array", "prefixItems": [found.schema for found in types], "items": False}
            return Type((6, *(found.wire for found in types)), schema, python, depth=depth)
        if name == "dict" and len(types) == 2:
            key, value = types
            if key not in (STR, BYTES):
                return self._unknown(
                    items[0],
                    f"a dict's keys are str or bytes, not {key.python}",
                    "use str(key), or a Map if it is state",
                )
            schema = {"type": "object", "propertyNames": key.schema, "additionalProperties": value.schema}
            return Type((7, key.wire, value.wire), schema, python, depth=depth)
        suggestion = _TYPING.get(name) or NAMES_REFUSED.get(name) or _KNOWN
        return self._unknown(node, f"there is no type {ast.unparse(node)[:60]!r}", suggestion)

    def _unknown(self, node: ast.expr, message: str, suggestion: str) -> Type | None:
        self._problems.error(node, Reason.UNKNOWN_TYPE, message, suggestion)
        return None
