"""Python values to the wire values of a contract and back, by the types of its ABI.

Records are dicts by field name, states are their names, dicts are dicts; on the wire records are lists of fields,
states are numbers, dicts are lists of pairs in the order of their keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contracts.codec import Value


class AbiMismatch(Exception):
    """A value is not of the type that the ABI declares."""


def to_wire(declared: Mapping[str, Any], value: Any, abi: Mapping[str, Any]) -> Value:
    """Return the wire form of a value of a declared type; raise AbiMismatch where its shape is another.

    Scalars pass as they are: the machine judges them.
    """
    match declared:
        case {"anyOf": [inner, _]}:
            return None if value is None else to_wire(inner, value, abi)
        case {"$ref": reference}:
            return _named_to_wire(reference, value, abi)
        case {"type": "array", "items": False, "prefixItems": types}:
            _check(isinstance(value, list | tuple) and len(value) == len(types), value, declared)
            return tuple(to_wire(inner, item, abi) for inner, item in zip(types, value, strict=True))
        case {"type": "array", "items": inner}:
            _check(isinstance(value, list | tuple), value, declared)
            return tuple(to_wire(inner, item, abi) for item in value)
        case {"type": "object", "additionalProperties": inner}:
            _check(isinstance(value, dict), value, declared)
            return tuple((key, to_wire(inner, value[key], abi)) for key in sorted(value))
    scalar: Value = value
    return scalar


def from_wire(declared: Mapping[str, Any], wire: Any, abi: Mapping[str, Any]) -> Any:
    """Return the Python form of a wire value that the machine has checked."""
    match declared:
        case {"anyOf": [inner, _]}:
            return None if wire is None else from_wire(inner, wire, abi)
        case {"$ref": reference}:
            group, name = reference.removeprefix("#/").split("/")
            if group == "states":
                return abi["states"][name]["states"][wire]
            fields = abi["records"][name]["fields"]
            return {
                field["name"]: from_wire(field["type"], item, abi) for field, item in zip(fields, wire, strict=True)
            }
        case {"type": "array", "items": False, "prefixItems": types}:
            return tuple(from_wire(inner, item, abi) for inner, item in zip(types, wire, strict=True))
        case {"type": "array", "items": inner}:
            return [from_wire(inner, item, abi) for item in wire]
        case {"type": "object", "additionalProperties": inner}:
            return {key: from_wire(inner, item, abi) for key, item in wire}
    return wire


def _named_to_wire(reference: str, value: Any, abi: Mapping[str, Any]) -> Value:
    group, name = reference.removeprefix("#/").split("/")
    if group == "states":
        states = abi["states"][name]["states"]
        _check(value in states, value, {"type": name})
        number: int = states.index(value)
        return number
    fields = abi["records"][name]["fields"]
    known = {field["name"] for field in fields}
    required = {field["name"] for field in fields if "default" not in field}
    _check(isinstance(value, dict) and required <= value.keys() <= known, value, {"type": name})
    return tuple(
        to_wire(field["type"], value[field["name"]] if field["name"] in value else default_of(field), abi)
        for field in fields
    )


def default_of(parameter: Mapping[str, Any]) -> Any:
    """Return the default of a parameter or field that has one, as a Python value."""
    default = parameter["default"]
    declared = parameter["type"]
    inner = declared.get("anyOf", [declared])[0]
    if isinstance(default, str) and inner == {"type": "string", "format": "bytes"}:
        return bytes.fromhex(default.removeprefix("0x"))
    if isinstance(default, str) and inner == {"type": "integer"}:
        return int(default)
    return default


def _check(fits: bool, value: Any, declared: Mapping[str, Any]) -> None:
    if not fits:
        raise AbiMismatch(f"{value!r:.80} is not of type {dict(declared)!r:.120}")
