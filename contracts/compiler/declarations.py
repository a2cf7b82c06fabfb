"""Reads what a source declares: imports, constants, records, states, functions, and the one contract class."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Final

from contracts.compiler.cells import declares_cell, read_cell, read_event
from contracts.compiler.constants import Constants, NotConstant
from contracts.compiler.errors import Advice, Problems, Reason
from contracts.compiler.methods import read_function
from contracts.compiler.naming import check_declared, did_you_mean, documentation_of, without_documentation
from contracts.compiler.shapes import read_record, read_states
from contracts.compiler.symbols import ConstantSymbol, Contract, FunctionSymbol, LanguageSymbol, Symbol
from contracts.compiler.types import Types
from contracts.compiler.vocabulary import LANGUAGE
from contracts.limits import FUNCTIONS_MAX

_MODULE = "contracts.language"
_IMPORTED_INSTEAD: Final[Mapping[str, str]] = {  # by the module that a beginner imports from
    "contracts": f"from {_MODULE} import ...",
    "typing": "types are written without it: list[T], dict[K, T], tuple[T, ...] of fixed length, T | None",
    "datetime": "the time of the block is ctx.time_ms, in milliseconds; date(...) takes one apart",
}


def declare(tree: ast.Module, problems: Problems) -> Contract:
    """Return everything that a module declares; errors are noted, and what is wrong is left out."""
    return _Declarations(problems).module(tree)


class _Declarations:
    """The names of one module while they are read, in the order of the source."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._contract = Contract()
        self._types = Types(self._contract, problems)
        self._constants = Constants(problems, self._contract.module, self._contract.members)
        self._places: dict[str, ast.AST] = {}
        self._functions: list[tuple[ast.FunctionDef, bool]] = []

    def module(self, tree: ast.Module) -> Contract:
        """Read all statements of the module; functions last, since they see every name wherever it stands."""
        contract: ast.ClassDef | None = None
        for statement in without_documentation(tree.body):
            if isinstance(statement, ast.ClassDef) and self._base(statement) == "Contract":
                if contract is not None:
                    self._problems.error(
                        statement,
                        Reason.DUPLICATE,
                        "a file has one contract",
                        f"move {statement.name!r} into a file of its own",
                    )
                    continue
                contract = statement
                self._class(statement)
            else:
                self._statement(statement, self._contract.module)
        if contract is None:
            self._problems.error(
                tree.body[0] if tree.body else tree,
                Reason.BAD_DECLARATION,
                "there is no contract",
                "declare one: class Name(Contract)",
            )
        self._read_functions()
        self._check_imports(tree)
        self._contract.documentation = self._contract.documentation or documentation_of(tree)
        return self._contract

    def _class(self, node: ast.ClassDef) -> None:
        """Read the contract class."""
        self._check_class(node)
        check_declared(node.name, node, self._problems)
        self._contract.name = node.name
        self._contract.documentation = documentation_of(node)
        for statement in without_documentation(node.body):
            self._statement(statement, self._contract.members)

    def _statement(self, node: ast.stmt, names: dict[str, Symbol]) -> None:
        """Read one statement of the module or of the contract class into ``names``."""
        inside = names is self._contract.members
        if isinstance(node, ast.ImportFrom) and not inside:
            self._import(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self._problems.error(
                node,
                Reason.UNSUPPORTED,
                "a contract imports from contracts.language only",
                f"from {_MODULE} import ... at the top of the file",
            )
        elif isinstance(node, ast.FunctionDef):
            self._function(node, names)
        elif isinstance(node, ast.ClassDef):
            self._inner_class(node, names)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self._assignment(node.targets[0], node.value, names)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            self._assignment(node.target, node.value, names)
        elif isinstance(node, ast.AsyncFunctionDef):
            self._problems.error(node, Reason.UNSUPPORTED, "nothing waits in a contract", "remove async")
        elif not isinstance(node, ast.Pass):
            place = "a contract class" if inside else "a module"
            what = (
                "cells, events, records, states, constants and methods"
                if inside
                else "imports, constants, records, states, functions and one contract"
            )
            self._problems.error(
                node, Reason.UNSUPPORTED, f"{place} holds {what}, nothing that runs", "put it into a method"
            )

    def _import(self, node: ast.ImportFrom) -> None:
        if node.module == "__future__" and [alias.name for alias in node.names] == ["annotations"]:
            return  # annotations are read from the syntax tree either way
        if node.module != _MODULE or node.level:
            self._problems.error(
                node,
                Reason.UNSUPPORTED,
                f"a contract imports from {_MODULE} only",
                _IMPORTED_INSTEAD.get(node.module or "", "call another contract by contract(name).method(...)"),
            )
            return
        for alias in node.names:
            if alias.name == "*" or alias.asname is not None:
                self._problems.error(
                    alias,
                    Reason.UNSUPPORTED,
                    "names are imported one by one and keep their names",
                    f"from {_MODULE} import {'...' if alias.name == '*' else alias.name}",
                )
            elif alias.name not in LANGUAGE:
                self._problems.error(
                    alias, Reason.UNKNOWN_NAME, f"{_MODULE} has no {alias.name!r}", did_you_mean(alias.name, LANGUAGE)
                )
            else:
                self._add(alias.name, LanguageSymbol(alias.name), alias, self._contract.module)

    def _function(self, node: ast.FunctionDef, names: dict[str, Symbol]) -> None:
        """Reserve the name and number of a function; its types are read when all records are known."""
        if self._name(node.name, node, names) and check_declared(node.name, node, self._problems):
            self._functions.append((node, names is self._contract.members))

    def _read_functions(self) -> None:
        if len(self._functions) > FUNCTIONS_MAX:
            self._problems.error(
                self._functions[FUNCTIONS_MAX][0], Reason.TOO_MANY, f"a contract has at most {FUNCTIONS_MAX} functions"
            )
        for index, (node, method) in enumerate(self._functions):
            function = read_function(
                node, index, self._contract, self._types, self._constants, self._problems, method=method
            )
            self._contract.functions.append(function)
            names = self._contract.members if method else self._contract.module
            names[node.name] = function
        _check_init(self._contract.functions, self._problems)

    def _inner_class(self, node: ast.ClassDef, names: dict[str, Symbol]) -> None:
        base = self._base(node)
        types = {record.name for record in self._contract.records}
        types |= {machine.name for machine in self._contract.machines}
        if node.name in types and base in ("Record", "States"):
            self._problems.error(
                node, Reason.DUPLICATE, f"there is a type {node.name!r} already", "choose another name"
            )
        elif base == "Record" and self._name(node.name, node, names):
            self._check_class(node)
            record = read_record(node, self._contract, self._types, self._constants, self._problems)
            self._contract.records.append(record)
            self._add(node.name, record, node, names)
        elif base == "States" and self._name(node.name, node, names):
            self._check_class(node)
            states = read_states(node, self._contract, self._constants, self._problems)
            self._contract.machines.append(states)
            self._add(node.name, states, node, names)
        elif base == "Contract":
            self._problems.error(node, Reason.BAD_DECLARATION, "a contract stands at the top of the file")
        elif base not in ("Record", "States"):
            self._problems.error(
                node,
                Reason.BAD_DECLARATION,
                f"class {node.name!r} is no Contract, Record or States",
                f"class {node.name}(Record) declares fields; functions need no class",
            )

    def _assignment(self, target: ast.Name, value: ast.expr, names: dict[str, Symbol]) -> None:
        if not self._name(target.id, target, names) or not check_declared(target.id, target, self._problems):
            return
        inside = names is self._contract.members
        symbol: Symbol | None = None
        if isinstance(value, ast.Call) and self._contract.is_language(value.func, "Event"):
            symbol = read_event(target.id, value, self._contract, self._types, self._constants, self._problems)
            if symbol is not None and inside:
                self._contract.events.append(symbol)
        elif isinstance(value, ast.Call) and declares_cell(value, self._contract):
            symbol = read_cell(target.id, value, self._contract, self._types, self._constants, self._problems)
            if symbol is not None and inside:
                self._contract.cells.append(symbol)
        else:
            try:
                symbol = ConstantSymbol(target.id, self._constants.read(value))
            except NotConstant:
                symbol = ConstantSymbol(target.id, None)  # known, so that its uses are no further errors
        if symbol is not None and not inside and not isinstance(symbol, ConstantSymbol):
            self._problems.error(
                target,
                Reason.BAD_DECLARATION,
                "state and events belong to the contract",
                f"move {target.id!r} into the class",
            )
        elif symbol is not None:
            self._add(target.id, symbol, target, names)

    def _base(self, node: ast.ClassDef) -> str:
        """Return the language's name that a class derives from, "" if it is another or none."""
        for name in ("Contract", "Record", "States"):
            if len(node.bases) == 1 and self._contract.is_language(node.bases[0], name):
                return name
            if len(node.bases) == 1 and isinstance(node.bases[0], ast.Name) and node.bases[0].id == name:
                self._problems.error(
                    node.bases[0], Reason.UNKNOWN_NAME, f"{name!r} is not imported", f"from {_MODULE} import {name}"
                )
                return name
        return ""

    def _check_class(self, node: ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            self._problems.error(decorator, Reason.BAD_DECORATOR, "classes have no decorators here", "remove it")
        for keyword in node.keywords:
            self._problems.error(keyword, Reason.UNSUPPORTED, "a class takes a base and nothing else here", "remove it")

    def _name(self, name: str, where: ast.AST, names: dict[str, Symbol]) -> bool:
        """Tell whether ``name`` is still free; note an error if not."""
        key = f"{'self.' if names is self._contract.members else ''}{name}"
        if key in self._places:
            first = self._problems.place(self._places[key]).line
            self._problems.error(
                where, Reason.DUPLICATE, f"{name!r} is declared in line {first} already", "choose another name"
            )
            return False
        self._places[key] = where
        return True

    def _add(self, name: str, symbol: Symbol, where: ast.AST, names: dict[str, Symbol]) -> None:
        if isinstance(symbol, LanguageSymbol) and not self._name(name, where, names):
            return
        names[name] = symbol

    def _check_imports(self, tree: ast.Module) -> None:
        """Warn of imported names that nothing mentions."""
        mentioned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        for statement in tree.body:
            if isinstance(statement, ast.ImportFrom) and statement.module == _MODULE:
                for alias in statement.names:
                    if alias.name not in mentioned and alias.name in LANGUAGE:
                        self._problems.warn(alias, Advice.UNUSED_IMPORT, f"{alias.name!r} is not used", "remove it")


def _check_init(functions: list[FunctionSymbol], problems: Problems) -> None:
    """Refuse a second method that sets the contract up."""
    inits = [function for function in functions if function.export is not None and function.export.name == "INIT"]
    for function in inits[1:]:
        problems.error(
            function.definition,
            Reason.DUPLICATE,
            "a contract has one @init method",
            f"{inits[0].name!r} is one already",
        )
