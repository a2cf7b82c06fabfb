"""What a method of the interface is: its parameters, its answer and who gives it, said once for all uses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hanchain.api.kinds import Kind
from hanchain.api.strictjson import Json
from hanchain.api.waits import Waits
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node.service import NodeService


class Required:
    """Marks a parameter that has no default."""


REQUIRED: Final = Required()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; its name is also the name of the handler's argument."""

    name: str
    kind: Kind
    doc: str
    default: Json | Required = REQUIRED


@dataclass(frozen=True, slots=True)
class Context:
    """What handlers work with."""

    service: NodeService
    waits: Waits


@dataclass(frozen=True, slots=True)
class Method:
    """One method. ``path`` is its REST form (GET), with parameters in braces; None if it has none."""

    name: str
    doc: str
    parameters: tuple[Parameter, ...]
    result: str
    handler: Callable[..., Awaitable[Json]]
    path: str | None = None

    def bind(self, params: object) -> dict[str, Any]:
        """Return the handler's arguments from JSON-RPC parameters, by name or position; raise Rejection."""
        if params is None:
            given: dict[str, Json] = {}
        elif isinstance(params, dict):
            given = params
        elif isinstance(params, list):
            if len(params) > len(self.parameters):
                raise Rejection(
                    Reason.BAD_ARGUMENTS, f"{len(params)} parameters, {self.name} takes {len(self.parameters)}"
                )
            given = {parameter.name: entry for parameter, entry in zip(self.parameters, params, strict=False)}
        else:
            raise Rejection(Reason.BAD_ARGUMENTS, "params: array or object expected")
        known = {parameter.name for parameter in self.parameters}
        for name in given:
            if name not in known:
                takes = ", ".join(parameter.name for parameter in self.parameters) or "none"
                raise Rejection(Reason.BAD_ARGUMENTS, f"unknown parameter {name[:64]!a}; {self.name} takes {takes}")
        return {parameter.name: _read(parameter, given) for parameter in self.parameters}

    def document(self) -> dict[str, Json]:
        """Return the description that ``rpc_methods`` gives."""
        return {
            "name": self.name,
            "doc": self.doc,
            "parameters": [_parameter_document(parameter) for parameter in self.parameters],
            "result": self.result,
            "rest": None if self.path is None else f"GET {self.path}",
        }


def _read(parameter: Parameter, given: Mapping[str, Json]) -> Any:
    if parameter.name in given:
        return parameter.kind.read(given[parameter.name], parameter.name)
    if isinstance(parameter.default, Required):
        raise Rejection(Reason.BAD_ARGUMENTS, f"{parameter.name}: missing; {parameter.kind.name} expected")
    return parameter.kind.read(parameter.default, parameter.name)


def _parameter_document(parameter: Parameter) -> dict[str, Json]:
    required = isinstance(parameter.default, Required)
    document: dict[str, Json] = {
        "name": parameter.name,
        "type": parameter.kind.name,
        "doc": parameter.doc,
        "required": required,
        "schema": parameter.kind.schema,
    }
    if not isinstance(parameter.default, Required):
        document["default"] = parameter.default
    return document
