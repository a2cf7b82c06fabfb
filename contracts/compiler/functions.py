"""Bodies of functions: lowered one by one, then judged together where one calls another."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from contracts.compiler.advice import advise
from contracts.compiler.body import Body, Budget
from contracts.compiler.errors import Problems, Reason
from contracts.compiler.expressions import lower_expression, lower_test
from contracts.compiler.grammar import ExportKind, Node, Wire, depth
from contracts.compiler.naming import check_identifier, without_documentation
from contracts.compiler.scope import Scope, names_assigned
from contracts.compiler.statements import lower_block
from contracts.compiler.symbols import Contract, FunctionSymbol
from contracts.compiler.types import NONE
from contracts.compiler.vocabulary import ACCOUNT_FIELDS
from contracts.limits import FUNCTION_NODES_MAX, LOCALS_MAX, NODE_DEPTH_MAX, PROGRAM_NODES_MAX


@dataclass(frozen=True, slots=True)
class Function:
    """A lowered function."""

    symbol: FunctionSymbol
    size: int  # locals, parameters included
    block: tuple[Node, ...]
    writes: ast.AST | None
    callees: frozenset[str]
    nodes: int

    def to_wire(self) -> list[Wire]:
        """Return the function as the program holds it: types are for what is called from outside."""
        exported = self.symbol.export is not None
        types: list[Wire] = [
            parameter.type.to_wire() if exported and parameter.type is not None else None
            for parameter in self.symbol.parameters
        ]
        result = (self.symbol.result or NONE).to_wire() if exported else None
        return [self.symbol.name, types, result, self.size, [node.wire() for node in self.block]]


def lower_functions(contract: Contract, problems: Problems) -> tuple[Function, ...]:
    """Return all functions of a contract; errors are noted, and raised at once if there is no end to it."""
    fields = frozenset(ACCOUNT_FIELDS).union(field.name for record in contract.records for field in record.fields)
    budget = Budget()
    functions = tuple(_lower_function(symbol, contract, fields, problems, budget) for symbol in contract.functions)
    _check_views(functions, problems)
    total = sum(function.nodes for function in functions)
    if total > PROGRAM_NODES_MAX:
        problems.error(
            contract.functions[-1].definition,
            Reason.TOO_LARGE,
            f"the program has {total:,} nodes, at most {PROGRAM_NODES_MAX:,} are allowed",
            "split the contract",
        )
    return functions


def _lower_function(
    symbol: FunctionSymbol, contract: Contract, fields: frozenset[str], problems: Problems, budget: Budget
) -> Function:
    statements = without_documentation(symbol.definition.body)
    parameters = tuple(parameter.name for parameter in symbol.parameters)
    names = dict.fromkeys(parameters)
    for name, place in names_assigned(statements):
        if name not in names and name != "self":
            check_identifier(name, place, problems)
            names[name] = None
    errors_before = problems.count
    scope = Scope(parameters, tuple(names))
    body = Body(contract, symbol, scope, problems, fields, lower_expression, lower_test, budget)
    block = lower_block(body, statements or [ast.copy_location(ast.Pass(), symbol.definition)])
    if scope.size > LOCALS_MAX:
        problems.error(
            symbol.definition,
            Reason.TOO_MANY,
            f"more than {LOCALS_MAX} variables, temporary ones included",
            "move parts into helpers",
        )
    result = symbol.result
    falls_off = scope.assigned is not None and problems.count == errors_before
    if symbol.export is not None and result is not None and not result.may_be_none and falls_off:
        problems.error(
            symbol.definition,
            Reason.MISSING_RETURN,
            f"{symbol.name!r} may end without returning {result.python}",
            "return a value at the end, or raise Revert",
        )
    deepest, where = depth(block)
    if deepest > NODE_DEPTH_MAX:
        problems.error(
            where,
            Reason.TOO_DEEP,
            f"more than {NODE_DEPTH_MAX} levels of statements and expressions here",
            "give parts of an expression names, split long elif and match chains, move parts into helpers",
        )
    nodes = sum(1 for node in block for _ in node.walk())
    if nodes > FUNCTION_NODES_MAX:
        problems.error(
            symbol.definition,
            Reason.TOO_LARGE,
            f"{symbol.name!r} has {nodes:,} nodes, at most {FUNCTION_NODES_MAX:,}",
            "move parts into helpers",
        )
    advise(body, symbol.definition)
    return Function(symbol, scope.size, block, body.writes, frozenset(body.callees), nodes)


def _check_views(functions: tuple[Function, ...], problems: Problems) -> None:
    """Refuse views that change state or emit, themselves or through a helper."""
    known = {("self." if function.symbol.method else "") + function.symbol.name: function for function in functions}
    for function in functions:
        if function.symbol.export is not ExportKind.VIEW:
            continue
        reached = {f"self.{function.symbol.name}": function}
        waiting = [function]
        while waiting:
            for name in sorted(waiting.pop().callees):
                if name not in reached and name in known:
                    reached[name] = known[name]
                    waiting.append(known[name])
        for other in reached.values():
            if other.writes is not None:
                through = "" if other is function else f" through {other.symbol.name!r}"
                problems.error(
                    other.writes if other is function else function.symbol.definition,
                    Reason.VIEW_WRITES,
                    f"the view {function.symbol.name!r} changes state or emits an event{through}",
                    "make it an @export, or only read",
                )
                break
