"""The ABI of a system contract, in the form in which the compiler gives that of any other contract.

A client then needs one way to read a contract: argument names and types, results, events.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hanchain.ledger.system.registry import Contract, EventKind, Method

ABI_VERSION: Final = 1

_TYPES: Final[Mapping[str, tuple[Mapping[str, str], str]]] = MappingProxyType(
    {  # JSON Schema, and how Python writes it
        "none": ({"type": "null"}, "None"),
        "bool": ({"type": "boolean"}, "bool"),
        "int": ({"type": "integer"}, "int"),
        "str": ({"type": "string"}, "str"),
        "bytes": ({"type": "string", "format": "bytes"}, "bytes"),
        "list": ({"type": "array"}, "list"),
    }
)


def abi_of(contract: Contract) -> bytes:
    """Return the ABI of a system contract: canonical JSON (sorted names, no spaces, UTF-8)."""
    document = {
        "abi_version": ABI_VERSION,
        "name": contract.name,
        "docs": "",
        "methods": [_method(method) for method in contract.methods],
        "events": [_event(event) for event in contract.events],
        "cells": [],
        "records": {},
        "states": {},
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _method(method: Method) -> dict[str, object]:
    return {
        "name": method.name,
        "kind": "view" if method.view else "export",
        "docs": (method.call.__doc__ or "").strip(),
        "parameters": [{"name": name, **_typed(kind)} for name, kind in method.arguments],
        "result": _typed(method.returns),
        "guard": {"roles": [], "level": 0, "policy": None, "moves": [], "reentrant": False},
    }


def _event(event: EventKind) -> dict[str, object]:
    fields = [{"name": name, "indexed": False, **_typed(kind)} for name, kind in event.fields]
    return {"name": event.name, "docs": "", "fields": fields}


def _typed(kind: str) -> dict[str, object]:
    schema, written = _TYPES[kind]
    return {"type": dict(schema), "python": written}
