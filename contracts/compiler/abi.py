"""The ABI: what clients need to call a contract, read its state and events, and show forms, as canonical JSON.

Objects have sorted keys, there are no spaces, text is UTF-8. Bytes are ``0x`` and hexadecimal digits; integers beyond
2^53, which JSON readers lose, are decimal text.
"""

from __future__ import annotations

import json
from typing import Any, Final

from contracts.compiler.limits import DOCUMENTATION_MAX
from contracts.compiler.symbols import CellSymbol, Constant, Contract, FunctionSymbol, Parameter, Type
from contracts.compiler.types import NONE

ABI_VERSION: Final = 1
_EXACT_MAX: Final = 2**53  # beyond it JSON readers that use doubles lose digits


def make_abi(contract: Contract) -> bytes:
    """Return the ABI of a contract."""
    document = {
        "abi_version": ABI_VERSION,
        "name": contract.name,
        "docs": contract.documentation[:DOCUMENTATION_MAX],
        "methods": [_method(function) for function in contract.functions if function.export is not None],
        "events": [
            {"name": event.name, "docs": event.documentation, "fields": [_field(item) for item in event.fields]}
            for event in contract.events
        ],
        "cells": [_cell(cell) for cell in contract.cells],
        "records": {
            record.name: {
                "docs": record.documentation[:DOCUMENTATION_MAX],
                "fields": [_parameter(field) for field in record.fields],
            }
            for record in contract.records
        },
        "states": {
            machine.name: {
                "docs": machine.documentation[:DOCUMENTATION_MAX],
                "states": machine.states,
                "moves": [[machine.states[origin], machine.states[target]] for origin, target in machine.moves],
            }
            for machine in contract.machines
        },
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _type(declared: Type | None) -> dict[str, Any]:
    assert declared is not None, "what is shown to clients has a type, or an error was noted"
    return {"type": declared.schema, "python": declared.python}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    shown = {"name": parameter.name, **_type(parameter.type)}
    if parameter.has_default:
        shown["default"] = _shown(parameter.default)
    return shown


def _field(field: Parameter) -> dict[str, Any]:
    return {"name": field.name, **_type(field.type), "indexed": field.indexed}


def _method(function: FunctionSymbol) -> dict[str, Any]:
    assert function.export is not None
    guard = function.guard
    return {
        "name": function.name,
        "kind": function.export.name.lower(),
        "docs": function.documentation[:DOCUMENTATION_MAX],
        "parameters": [_parameter(parameter) for parameter in function.parameters],
        "result": _type(function.result or NONE),
        "guard": {
            "roles": guard.roles,
            "level": guard.level,
            "policy": None,
            "moves": [[machine.name, origin, target] for machine, origin, target in guard.moves],
            "reentrant": guard.reentrant,
        },
    }


def _cell(cell: CellSymbol) -> dict[str, Any]:
    shown = {
        "name": cell.name,
        "kind": cell.kind.name.lower(),
        "keys": [_type(key) for key in cell.keys],
        "value": _type(cell.value),
        "indexes": [{"fields": index.fields, "unique": index.unique} for index in cell.indexes],
    }
    if cell.has_default:
        shown["default"] = _shown(cell.default)
    return shown


def _shown(value: Constant) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple):
        return [_shown(item) for item in value]
    if type(value) is int and abs(value) > _EXACT_MAX:
        return str(value)
    return value
