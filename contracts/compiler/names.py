"""Names and attributes: locals, constants, the context, fields of records and cells that hold one value."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Final

from contracts.compiler.body import Body
from contracts.compiler.errors import Reason
from contracts.compiler.grammar import CellKind, Kind, Node
from contracts.compiler.naming import did_you_mean
from contracts.compiler.symbols import (
    CellSymbol,
    ConstantSymbol,
    EventSymbol,
    FunctionSymbol,
    LanguageSymbol,
    RecordSymbol,
    StatesSymbol,
    Symbol,
)
from contracts.compiler.vocabulary import (
    ACCOUNT,
    BUILTIN_FAILURES,
    BUILTINS,
    CONTEXT,
    LANGUAGE,
    LIBRARY_CONSTANTS,
    METHODS,
    NAMES_REFUSED,
)


def lower_name(body: Body, node: ast.Name) -> Node:
    """Return the value of a bare name."""
    slot = body.scope.slot_of(node.id)
    if slot is not None:
        if not body.scope.is_assigned(node.id):
            return body.refuse(
                node, Reason.UNASSIGNED, f"{node.id!r} may have no value here", "give it one before the branch or loop"
            )
        return body.local(node, slot)
    if node.id in body.scope.codes:
        return body.refuse(node, Reason.UNSUPPORTED, "a caught failure has a code and nothing else", f"{node.id}.code")
    symbol = body.named(node)
    if isinstance(symbol, ConstantSymbol):
        return body.constant(node, symbol.value)
    if isinstance(symbol, LanguageSymbol) and node.id in LIBRARY_CONSTANTS:
        return body.constant(node, LIBRARY_CONSTANTS[node.id])
    if symbol is not None:
        return body.refuse(
            node, Reason.UNSUPPORTED, f"{node.id!r} is {_described(symbol)} and no value", _use(symbol, node.id)
        )
    return unknown_name(body, node)


def unknown_name(body: Body, node: ast.Name) -> Node:
    """Refuse a name that nothing declares, with what was probably meant."""
    name = node.id
    if name == "self":
        if body.function.method:
            return body.refuse(
                node, Reason.UNSUPPORTED, "self stands in front of a dot only", "pass the values themselves"
            )
        return body.refuse(
            node, Reason.UNKNOWN_NAME, "a function outside of the class has no self", "make it a method, or pass values"
        )
    if name in NAMES_REFUSED:
        return body.refuse(node, Reason.UNSUPPORTED, f"{name!r} is not part of the language", NAMES_REFUSED[name])
    if name in BUILTINS or name in BUILTIN_FAILURES:
        return body.refuse(
            node, Reason.UNSUPPORTED, f"{name!r} is not a value", f"call it: {name}(...)" if name in BUILTINS else ""
        )
    if name in LANGUAGE:
        return body.refuse(
            node, Reason.UNKNOWN_NAME, f"{name!r} is not imported", f"from contracts.language import {name}"
        )
    if name in body.contract.members:
        return body.refuse(node, Reason.UNKNOWN_NAME, f"{name!r} belongs to the contract", f"self.{name}")
    if name == body.contract.name:
        return body.refuse(node, Reason.UNSUPPORTED, "the contract's own name is no value", "self")
    known = [*body.scope.names, *body.contract.module, *BUILTINS]
    return body.refuse(node, Reason.UNKNOWN_NAME, f"there is no {name!r} here", did_you_mean(name, known))


def lower_attribute(body: Body, node: ast.Attribute) -> Node:
    """Return the value of ``x.name``."""
    if body.is_self(node.value):
        return _lower_member(body, node)
    if isinstance(node.value, ast.Name):
        if node.value.id in body.scope.codes and body.scope.slot_of(node.value.id) is None:
            if node.attr == "code":
                return body.local(node, body.scope.codes[node.value.id])
            return body.refuse(
                node, Reason.UNKNOWN_MEMBER, f"a caught failure has no {node.attr!r}", f"{node.value.id}.code"
            )
        if body.is_language(node.value, "ctx"):
            return _lower_context(body, node)
    states = body.member(node.value) or body.named(node.value)
    if isinstance(states, StatesSymbol):
        if node.attr in states.states:
            return body.constant(node, node.attr)
        return body.refuse(
            node,
            Reason.UNKNOWN_MEMBER,
            f"{states.name} has no state {node.attr!r}",
            did_you_mean(node.attr, states.states),
        )
    if node.attr not in body.fields:
        suggestion = f"call it: .{node.attr}(...)" if node.attr in METHODS else did_you_mean(node.attr, body.fields)
        body.refuse(node, Reason.UNKNOWN_MEMBER, f"no record has a field {node.attr!r}", suggestion)
    return body.node(node, Kind.FIELD, node.attr, body.expression(node.value))


_CONTEXT_ELSEWHERE: Final[Mapping[str, str]] = {  # names that contracts of other chains and programs use
    "origin": "who signed is ctx.sender, which contract called is ctx.caller",
    "msg": "who calls is ctx.sender",
    "now": "the time of the block is ctx.time_ms, in milliseconds",
    "block": "its height is ctx.height, its time ctx.time_ms",
}


def _lower_context(body: Body, node: ast.Attribute) -> Node:
    if node.attr == "roles":
        sender = body.node(node, Kind.CONTEXT, CONTEXT["sender"])
        return body.node(node, Kind.FIELD, "roles", body.node(node, Kind.FUNCTION, ACCOUNT, (sender,)))
    if node.attr in CONTEXT:
        return body.node(node, Kind.CONTEXT, CONTEXT[node.attr])
    suggestion = _CONTEXT_ELSEWHERE.get(node.attr) or did_you_mean(node.attr, [*CONTEXT, "roles"])
    return body.refuse(node, Reason.UNKNOWN_MEMBER, f"ctx has no {node.attr!r}", suggestion)


def _lower_member(body: Body, node: ast.Attribute) -> Node:
    symbol = body.contract.members.get(node.attr)
    if isinstance(symbol, ConstantSymbol):
        return body.constant(node, symbol.value)
    if isinstance(symbol, CellSymbol) and symbol.kind is CellKind.VALUE:
        return body.node(node, Kind.READ, symbol.index, ())
    if symbol is None:
        return unknown_member(body, node)
    return body.refuse(
        node,
        Reason.UNSUPPORTED,
        f"self.{node.attr} is {_described(symbol)} and no value",
        _use(symbol, f"self.{node.attr}"),
    )


def unknown_member(body: Body, node: ast.Attribute) -> Node:
    """Refuse ``self.name`` that the contract does not declare."""
    suggestion = did_you_mean(node.attr, body.contract.members)
    if not suggestion and node.attr in body.contract.module:
        suggestion = f"it is declared outside of the class: {node.attr}"
    if not suggestion and "__" not in node.attr:  # nobody can declare the names of Python's own attributes
        suggestion = f"state is declared in the class: {node.attr} = Value(int, default=0)"
    return body.refuse(node, Reason.UNKNOWN_MEMBER, f"the contract declares no {node.attr!r}", suggestion)


def _described(symbol: Symbol) -> str:
    match symbol:
        case CellSymbol():
            return f"a {symbol.kind.name.capitalize()}"
        case EventSymbol():
            return "an event"
        case RecordSymbol():
            return "a record type"
        case StatesSymbol():
            return "a state machine"
        case FunctionSymbol():
            return "a function"
        case ConstantSymbol():
            return "a constant"
        case LanguageSymbol():
            return "a name of the language"


def _use(symbol: Symbol, name: str) -> str:
    """Return how something that is no value is used."""
    match symbol:
        case CellSymbol(kind=CellKind.SEQUENCE):
            return f"{name}.next()"
        case CellSymbol():
            return f"{name}[key], key in {name}, {name}.get(key)" + (
                f", {name}.rows(...)"
                if symbol.kind is CellKind.TABLE
                else "; to go over all entries use a Table and rows(...)"
            )
        case EventSymbol() | FunctionSymbol() | RecordSymbol():
            return f"{name}(...)"
        case StatesSymbol():
            return f"{name}.{symbol.states[0]}" if symbol.states else ""
    return ""
