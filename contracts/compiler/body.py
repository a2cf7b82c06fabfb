"""What lowering a function works on, and the small nodes that everybody builds."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from contracts.compiler.errors import Problems, Reason
from contracts.compiler.grammar import Kind, Node, Operand, Place
from contracts.compiler.limits import NODES_MADE_MAX
from contracts.compiler.scope import Assigned, Scope, merge
from contracts.compiler.symbols import CellSymbol, Constant, Contract, FunctionSymbol, LanguageSymbol, Symbol
from contracts.limits import PROGRAM_NODES_MAX


@dataclass(frozen=True, slots=True)
class Test:
    """A condition, and what surely has a value where it holds and where it does not."""

    node: Node
    when_true: Assigned
    when_false: Assigned


Lower: TypeAlias = "Callable[[Body, ast.expr], Node]"
LowerTest: TypeAlias = "Callable[[Body, ast.expr], Test]"


@dataclass(slots=True)
class Budget:
    """How many more nodes are made before a source is given up: constants and defaults multiply in a few letters."""

    nodes: int = NODES_MADE_MAX


@dataclass(slots=True)
class Body:
    """One function while it is lowered."""

    contract: Contract
    function: FunctionSymbol
    scope: Scope
    problems: Problems
    fields: frozenset[str]  # names of all fields of all records
    lower: Lower = field(repr=False)
    lower_test: LowerTest = field(repr=False)
    budget: Budget
    writes: ast.AST | None = None  # where it first changes state or emits
    callees: set[str] = field(default_factory=set)

    def expression(self, node: ast.expr) -> Node:
        """Return an expression as a node of the program; what is refused becomes None, with an error noted."""
        return self.lower(self, node)

    def expressions(self, nodes: list[ast.expr]) -> tuple[Node, ...]:
        """Return expressions in order."""
        return tuple([self.lower(self, node) for node in nodes])

    def test(self, node: ast.expr) -> Test:
        """Return an expression that is asked for its truth."""
        return self.lower_test(self, node)

    def place(self, node: ast.AST) -> Place:
        """Return where a syntax node stands in the source."""
        return self.problems.place(node)

    def node(self, where: ast.AST | Place, kind: Kind, *operands: Operand) -> Node:
        """Return a node that stands where ``where`` does; raise CompileErrors when there are far too many."""
        self.budget.nodes -= 1
        if self.budget.nodes < 0:
            message = f"the program is far larger than the {PROGRAM_NODES_MAX:,} nodes that are allowed"
            suggestion = "constants and defaults that are tuples are built anew wherever they are used: use fewer"
            self.problems.error(self.function.definition, Reason.TOO_LARGE, message, suggestion)
            self.problems.check()
        return Node(kind, operands, where if isinstance(where, Place) else self.place(where))

    def constant(self, where: ast.AST | Place, value: Constant) -> Node:
        """Return a node for a constant; a tuple is built from its items."""
        if isinstance(value, tuple):
            return self.node(where, Kind.TUPLE, tuple(self.constant(where, item) for item in value))
        return self.node(where, Kind.CONSTANT, value)

    def local(self, where: ast.AST | Place, slot: int) -> Node:
        """Return a node that reads a slot."""
        return self.node(where, Kind.LOCAL, slot)

    def refuse(self, where: ast.AST, reason: Reason, message: str, suggestion: str = "") -> Node:
        """Note an error and return a node to go on with."""
        self.problems.error(where, reason, message, suggestion)
        return self.constant(where, None)

    def write(self, where: ast.AST) -> None:
        """Note that the function changes state or emits an event here."""
        self.writes = self.writes or where

    def is_self(self, node: ast.expr) -> bool:
        """Tell whether an expression is ``self`` of a method."""
        return isinstance(node, ast.Name) and node.id == "self" and self.function.method

    def member(self, node: ast.expr) -> Symbol | None:
        """Return what ``self.name`` means, None if the expression is none or names nothing."""
        if isinstance(node, ast.Attribute) and self.is_self(node.value):
            return self.contract.members.get(node.attr)
        return None

    def cell(self, node: ast.expr) -> CellSymbol | None:
        """Return the cell that ``self.name`` is."""
        symbol = self.member(node)
        return symbol if isinstance(symbol, CellSymbol) else None

    def named(self, node: ast.expr) -> Symbol | None:
        """Return what a bare name of the module means here, None if it is a local, no name or unknown."""
        if not isinstance(node, ast.Name) or self.scope.slot_of(node.id) is not None or node.id in self.scope.codes:
            return None
        symbol = self.contract.module.get(node.id)
        if isinstance(symbol, LanguageSymbol):
            self.contract.used.add(node.id)
        return symbol

    def is_language(self, node: ast.expr, name: str) -> bool:
        """Tell whether an expression is the imported name ``name``."""
        return self.named(node) == LanguageSymbol(name)

    def branch(self, left: Assigned, right: Assigned) -> None:
        """Go on where two ways meet."""
        self.scope.assigned = merge(left, right)
