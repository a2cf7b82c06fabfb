"""Calls: functions and methods of the machine, helpers of the contract, records, cells, other contracts."""

from __future__ import annotations

import ast

from contracts.compiler.arguments import arrange, check_operands
from contracts.compiler.body import Body
from contracts.compiler.comprehensions import lower_sorted
from contracts.compiler.errors import Reason
from contracts.compiler.grammar import CellKind, ExportKind, Kind, Node
from contracts.compiler.names import lower_name, unknown_member, unknown_name
from contracts.compiler.naming import check_identifier, did_you_mean
from contracts.compiler.queries import lower_get, lower_rows
from contracts.compiler.symbols import (
    CellSymbol,
    ConstantSymbol,
    EventSymbol,
    FunctionSymbol,
    LanguageSymbol,
    RecordSymbol,
    Symbol,
)
from contracts.compiler.vocabulary import BUILTINS, FAILURES, LIBRARY, METHODS

_EMPTY = {"list": Kind.LIST, "tuple": Kind.TUPLE, "dict": Kind.DICT}


def lower_call(body: Body, node: ast.Call) -> Node:
    """Return a call as a node."""
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            return body.refuse(
                argument, Reason.UNSUPPORTED, "there are no star arguments", "write the arguments one by one"
            )
    for keyword in node.keywords:
        if keyword.arg is None:
            return body.refuse(
                keyword.value, Reason.UNSUPPORTED, "there are no ** arguments", "write the arguments one by one"
            )
    if isinstance(node.func, ast.Name):
        return _lower_named(body, node, node.func)
    if isinstance(node.func, ast.Attribute):
        if body.is_self(node.func.value):
            return _lower_member(body, node, node.func)
        cell = body.cell(node.func.value)
        if cell is not None and cell.kind is not CellKind.VALUE:
            return _lower_cell(body, node, node.func, cell)
        if isinstance(node.func.value, ast.Call) and body.is_language(node.func.value.func, "contract"):
            return _lower_remote(body, node, node.func, node.func.value)
        return _lower_method(body, node, node.func)
    return body.refuse(
        node.func, Reason.UNSUPPORTED, "only functions and methods are called by name", "f(x), x.method()"
    )


def _lower_named(body: Body, node: ast.Call, function: ast.Name) -> Node:
    name = function.id
    if body.scope.slot_of(name) is not None:
        return body.refuse(
            function,
            Reason.UNSUPPORTED,
            f"{name!r} is a variable here and cannot be called",
            "rename the variable" if name in BUILTINS or name in body.contract.module else "",
        )
    symbol = body.named(function)
    if isinstance(symbol, FunctionSymbol | RecordSymbol):
        return _lower_symbol(body, node, symbol)
    if isinstance(symbol, LanguageSymbol):
        return _lower_language(body, node, name)
    if symbol is not None:
        return lower_name(body, function)
    if name == "sorted":
        return lower_sorted(body, node)
    if name in _EMPTY and not node.args and not node.keywords:
        return body.node(node, _EMPTY[name], ())
    if name in BUILTINS:
        return _lower_function(body, node, name, *BUILTINS[name])
    return unknown_name(body, function)


def _lower_function(body: Body, node: ast.Call, name: str, number: int, arities: frozenset[int]) -> Node:
    if node.keywords:
        return body.refuse(
            node.keywords[0].value,
            Reason.WRONG_ARGUMENTS,
            f"{name} takes no keyword {node.keywords[0].arg!r} here",
            "sort first and take an end" if name in ("min", "max") else "",
        )
    if len(node.args) not in arities:
        counts = " or ".join(map(str, sorted(arities))) if len(arities) <= 3 else f"{min(arities)} to {max(arities)}"
        hints = {
            "int": "only decimal text is read",
            "sum": "add the start yourself",
            "enumerate": "add the start yourself",
        }
        return body.refuse(node, Reason.WRONG_ARGUMENTS, f"{name} takes {counts} arguments here", hints.get(name, ""))
    if len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp):
        suggestion = f"{name}([{ast.unparse(node.args[0])[1:-1][:60]}])"
        return body.refuse(node.args[0], Reason.UNSUPPORTED, "there are no generators", suggestion)
    return body.node(node, Kind.FUNCTION, number, body.expressions(node.args))


def _lower_language(body: Body, node: ast.Call, name: str) -> Node:
    """Return a call of something imported from the language."""
    if name == "muldiv":
        arguments = arrange(body, node, "muldiv", ("a", "b", "c", "mode"), {"mode": body.constant(node, 0)})
        return (
            body.node(node, Kind.FUNCTION, LIBRARY[name][0], arguments)
            if arguments is not None
            else body.constant(node, None)
        )
    if name in LIBRARY:
        return _lower_function(body, node, name, *LIBRARY[name])
    if name == "require":
        return body.refuse(
            node, Reason.MISPLACED, "require(...) is a statement of its own", "write it in a line of its own"
        )
    if name == "contract":
        return body.refuse(node, Reason.UNSUPPORTED, "another contract is called at once", "contract(name).method(...)")
    if name in FAILURES:
        return body.refuse(
            node, Reason.MISPLACED, f"{name} is raised, not kept", f'raise {name}("E_CODE")' if name == "Revert" else ""
        )
    return body.refuse(
        node, Reason.MISPLACED, f"{name} declares something of the class or module", "move it out of the function"
    )


def _lower_symbol(body: Body, node: ast.Call, symbol: FunctionSymbol | RecordSymbol) -> Node:
    """Return a call of a helper or the making of a record."""
    parameters = symbol.parameters if isinstance(symbol, FunctionSymbol) else symbol.fields
    defaults = {item.name: body.constant(node, item.default) for item in parameters if item.has_default}
    arguments = arrange(body, node, symbol.name, tuple(item.name for item in parameters), defaults)
    if arguments is None:
        return body.constant(node, None)
    if isinstance(symbol, RecordSymbol):
        return body.node(node, Kind.NEW, symbol.index, arguments)
    if symbol.export is ExportKind.INIT:
        return body.refuse(
            node,
            Reason.UNSUPPORTED,
            f"{symbol.name!r} runs once, when the contract is deployed",
            "move what both need into a helper",
        )
    if symbol.guard.roles or symbol.guard.level or symbol.guard.moves:
        return body.refuse(
            node,
            Reason.UNSUPPORTED,
            f"a call from inside would pass by the guard of {symbol.name!r}",
            "move what both need into a helper without a guard",
        )
    body.callees.add(("self." if symbol.method else "") + symbol.name)
    return body.node(node, Kind.CALL, symbol.index, arguments)


def _lower_member(body: Body, node: ast.Call, function: ast.Attribute) -> Node:
    symbol: Symbol | None = body.contract.members.get(function.attr)
    if isinstance(symbol, FunctionSymbol | RecordSymbol):
        return _lower_symbol(body, node, symbol)
    if symbol is None:
        return unknown_member(body, function)
    if isinstance(symbol, EventSymbol):
        return body.refuse(
            node, Reason.MISPLACED, "an event is a statement of its own", "write it in a line of its own"
        )
    kind = "a constant" if isinstance(symbol, ConstantSymbol) else "not a function"
    return body.refuse(function, Reason.UNSUPPORTED, f"self.{function.attr} is {kind} and cannot be called")


def _lower_cell(body: Body, node: ast.Call, function: ast.Attribute, cell: CellSymbol) -> Node:
    """Return ``self.cell.method(...)`` of a Map, Table or Sequence."""
    methods = {CellKind.MAP: ("get",), CellKind.TABLE: ("get", "rows"), CellKind.SEQUENCE: ("next",)}[cell.kind]
    if function.attr not in methods:
        kind = cell.kind.name.capitalize()
        suggestion = did_you_mean(function.attr, methods) or f"a {kind} has {' and '.join(methods)}"
        if function.attr in ("keys", "values", "items") and cell.kind is not CellKind.SEQUENCE:
            suggestion = "state has no end that gas could pay for: use a Table and go over it by rows(...)"
        return body.refuse(function, Reason.UNKNOWN_MEMBER, f"a {kind} has no {function.attr!r}", suggestion)
    if function.attr == "get":
        return lower_get(body, node, cell)
    if function.attr == "rows":
        return lower_rows(body, node, cell)
    if node.args or node.keywords:
        return body.refuse(node, Reason.WRONG_ARGUMENTS, "next() takes no arguments")
    body.write(node)
    return body.node(node, Kind.NEXT, cell.index)


def _lower_method(body: Body, node: ast.Call, function: ast.Attribute) -> Node:
    """Return ``value.method(...)``; of which type the value is shows when it runs."""
    name = function.attr
    if name not in METHODS:
        suggestion = {
            "format": "use an f-string",
            "sort": "xs = sorted(xs)",
            "add": "use append, or d[key] = None",
            "rfind": "find looks from the left only",
            "title": "upper() and lower() take ASCII",
        }.get(name)
        return body.refuse(
            function, Reason.UNKNOWN_MEMBER, f"no type has a method {name!r}", suggestion or did_you_mean(name, METHODS)
        )
    if node.keywords:
        return body.refuse(node.keywords[0].value, Reason.WRONG_ARGUMENTS, f".{name}() takes no keywords here")
    if len(node.args) not in METHODS[name]:
        counts = " or ".join(map(str, sorted(METHODS[name])))
        suggestion = 'name the separator: split(" ")' if name == "split" else ""
        return body.refuse(node, Reason.WRONG_ARGUMENTS, f".{name}() takes {counts} arguments here", suggestion)
    if any(isinstance(argument, ast.GeneratorExp) for argument in node.args):
        return body.refuse(node, Reason.UNSUPPORTED, "there are no generators", "use a list: [x for x in xs]")
    receiver = body.expression(function.value)
    return body.node(node, Kind.METHOD, name, receiver, body.expressions(node.args))


def _lower_remote(body: Body, node: ast.Call, function: ast.Attribute, target: ast.Call) -> Node:
    """Return ``contract(name, gas=...).method(...)``."""
    keywords = [keyword.arg for keyword in target.keywords]
    if len(target.args) != 1 or keywords not in ([], ["gas"]):
        return body.refuse(
            target, Reason.WRONG_ARGUMENTS, "contract takes a name and perhaps gas", 'contract("name", gas=10_000)'
        )
    if node.keywords:
        return body.refuse(
            node, Reason.WRONG_ARGUMENTS, "arguments to another contract have no names", "give them in order"
        )
    check_identifier(function.attr, function, body.problems)
    check_operands(body, node, len(node.args))
    name = body.expression(target.args[0])
    gas = body.expression(target.keywords[0].value) if keywords else None
    arguments = body.expressions(node.args)
    return body.node(node, Kind.REMOTE, name, function.attr, arguments, gas)
