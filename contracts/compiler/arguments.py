"""Arguments of helpers, records and events: by position or name, in the order of the parameters."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from contracts.compiler.body import Body
from contracts.compiler.errors import Reason
from contracts.compiler.grammar import Kind, Node, is_pure
from contracts.compiler.naming import did_you_mean
from contracts.limits import OPERANDS_MAX


def arrange(
    body: Body, call: ast.Call, name: str, parameters: tuple[str, ...], defaults: Mapping[str, Node]
) -> tuple[Node, ...] | None:
    """Return one node for each parameter, evaluated in the order of the source; None after noting an error."""
    given: dict[str, Node] = {}
    if len(call.args) > len(parameters):
        message = f"{name} takes {_count(len(parameters))}, here are {len(call.args)}"
        body.refuse(call.args[len(parameters)], Reason.WRONG_ARGUMENTS, message, f"{name}({', '.join(parameters)})")
        return None
    for parameter, argument in zip(parameters, call.args, strict=False):
        given[parameter] = body.expression(argument)
    for keyword in call.keywords:
        assert keyword.arg is not None, "** was refused before"
        value = body.expression(keyword.value)
        if keyword.arg not in parameters:
            body.refuse(
                keyword.value,
                Reason.WRONG_ARGUMENTS,
                f"{name} has no parameter {keyword.arg!r}",
                did_you_mean(keyword.arg, parameters) or f"{name}({', '.join(parameters)})",
            )
            return None
        if keyword.arg in given:
            body.refuse(keyword.value, Reason.WRONG_ARGUMENTS, f"{keyword.arg!r} is given twice")
            return None
        given[keyword.arg] = value
    missing = [parameter for parameter in parameters if parameter not in given and parameter not in defaults]
    if missing:
        body.refuse(
            call, Reason.WRONG_ARGUMENTS, f"{name} also takes {', '.join(missing)}", f"{name}({', '.join(parameters)})"
        )
        return None
    return _in_order(body, call, given, parameters, defaults)


def check_operands(body: Body, node: ast.AST, count: int) -> None:
    """Refuse more values in one place than a node of a program has operands."""
    if count > OPERANDS_MAX:
        body.refuse(node, Reason.TOO_MANY, f"at most {OPERANDS_MAX} values in one place", "build it in parts")


def _in_order(
    body: Body, call: ast.Call, given: dict[str, Node], parameters: tuple[str, ...], defaults: Mapping[str, Node]
) -> tuple[Node, ...]:
    """Arrange by parameter. Where that would evaluate what has effects in another order, all go into locals first."""
    effects = [name for name, node in given.items() if not is_pure(node)]
    assigning = any(inner.kind is Kind.WALRUS for node in given.values() for inner in node.walk())
    order = effects if not assigning else list(given)
    if order == [name for name in parameters if name in order]:
        return tuple(given.get(name) or defaults[name] for name in parameters)
    slots = {name: body.scope.temporary() for name in given}
    kept: dict[str, Node] = {name: body.local(call, slot) for name, slot in slots.items()}
    first = next(name for name in parameters if name in given)
    evaluated = tuple(body.node(call, Kind.WALRUS, slots[name], node) for name, node in given.items())
    everything = body.node(call, Kind.TUPLE, evaluated)
    kept[first] = body.node(call, Kind.INDEX, everything, body.constant(call, list(given).index(first)))
    return tuple(kept.get(name) or defaults[name] for name in parameters)


def _count(number: int) -> str:
    return {0: "no arguments", 1: "one argument"}.get(number, f"{number} arguments")
