"""Check and translation of program nodes in one pass: what is checked is what runs.

Every node of a function becomes a closure ``x(frame)`` over the closures of its operands. The frame is the list of the
function's locals; everything else that a closure needs (counters, cells, shapes) it holds from here on. A closure is
only ever called by another closure, in Python, never by a C function (no ``map``, no ``key=``, no dunder): so nesting
costs the host heap and never its stack.

Gas: a node costs 1 and its static extra, a block 1 more, and the sum is charged when the block is entered. ``cost`` is
the sum for the block under translation. Functions and tries also pay for the levels of nodes inside, before anybody
knows whether an error will have to leave them: an error that ends the transaction can no longer pay for its way out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from contracts import limits, prices
from contracts.cells import Cell
from contracts.failures import Stop, StopReason
from contracts.program_errors import ProgramRejected, TooManyNodes
from contracts.runtime import Runtime
from contracts.types import Type
from contracts.values import Shape

Node: TypeAlias = "tuple[Any, ...]"  # as it is decoded: the kind, then its fields
Frame: TypeAlias = "list[Any]"  # the locals of one call: parameters first
Expression: TypeAlias = "Callable[[Frame], Any]"  # gives a value of the contract
Statement: TypeAlias = "Callable[[Frame], int | None]"  # gives None to go on, or a signal
Function: TypeAlias = "Callable[[Frame], Any]"  # takes its arguments, which become its frame

# Kinds of nodes that operands are looked at for.
CONSTANT: Final = 1
LOCAL: Final = 2

# Signals: how a statement leaves the blocks around it without an exception.
BREAK: Final = 1
CONTINUE: Final = 2
RETURN: Final = 3  # the value is in ``runtime.result``

_Closure = TypeVar("_Closure")


@dataclass(frozen=True, slots=True)
class EventKind:
    """A declared event."""

    name: str
    types: tuple[Type, ...]
    indexed: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Declarations:
    """What the nodes of a program refer to by number."""

    shapes: tuple[Shape, ...]
    cells: tuple[Cell, ...]
    events: tuple[EventKind, ...]
    arities: tuple[int, ...]  # parameters of each function
    functions: list[Function]  # grows while functions are translated; calls look in it when they run


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of node: how many elements its array has, and what checks and translates it."""

    length: int
    translate: Callable[[Translator, Node], Any]


@dataclass(frozen=True, slots=True)
class Operand:
    """An operand with what makes it cheap to get: it is a local, or an integer constant."""

    expression: Expression
    slot: int | None = None
    constant: int | None = None


class Translator:
    """Checks and translates the functions of one program, one after the other; raises ProgramRejected."""

    __slots__ = (
        "cost",
        "declarations",
        "deepest",
        "depth",
        "expressions",
        "locals",
        "loops",
        "nodes",
        "nodes_max",
        "runtime",
        "signals",
        "statements",
    )

    def __init__(
        self,
        runtime: Runtime,
        declarations: Declarations,
        expressions: Mapping[int, Rule],
        statements: Mapping[int, Rule],
        nodes_max: int,
    ) -> None:
        self.nodes_max = min(nodes_max, limits.PROGRAM_NODES_MAX)
        self.runtime = runtime
        self.declarations = declarations
        self.expressions = expressions
        self.statements = statements
        self.nodes = 0  # of the functions so far
        self.locals = 0  # of the function under translation
        self.loops = 0  # around the node under translation
        self.depth = 0  # nodes around it
        self.deepest = 0  # of the nodes of its function or try so far
        self.cost = 0  # gas of its block so far
        self.signals = False  # a statement of its block may leave it

    def function(self, parameters: int, locals_count: int, body: object) -> Function:
        """Return the function whose frame has ``locals_count`` slots, of which the arguments fill the first."""
        assert self.loops == self.depth == self.cost == 0, "functions do not nest"
        before = self.nodes
        self.locals = locals_count
        self.deepest = 0
        block = self.block(body, pays_levels=True)
        if self.nodes - before > limits.FUNCTION_NODES_MAX:
            raise ProgramRejected("a function with too many nodes")
        return _function(self.runtime, block, locals_count - parameters, locals_count)

    def block(self, node: object, *, pays_levels: bool = False) -> Statement:
        """Return a block of statements as one, which charges for all of them when it is entered.

        The body of a function also pays for its levels.
        """
        if type(node) is not tuple or not 1 <= len(node) <= limits.STATEMENTS_MAX:
            raise ProgramRejected("a block is a non-empty array of statements")
        cost, self.cost = self.cost, prices.BLOCK
        signals = self.signals
        statements = []
        may_leave = []
        for statement in node:
            self.signals = False
            statements.append(self._statement(statement))
            may_leave.append(self.signals)
        if pays_levels:
            self.cost += prices.LEVEL * self.deepest
        block = _block(self.runtime, self.cost, tuple(statements), may_leave)
        self.cost = cost
        self.signals = signals or any(may_leave)
        return block

    def protected(self, node: object) -> Statement:
        """Return the block of a try, for the levels of which the block around it pays."""
        deepest, self.deepest = self.deepest, self.depth
        block = self.block(node)
        self.cost += prices.LEVEL * (self.deepest - self.depth)
        self.deepest = max(deepest, self.deepest)
        return block

    def loop_body(self, node: object) -> Statement:
        """Return a block in which ``break`` and ``continue`` are allowed."""
        self.loops += 1
        block = self.block(node)
        self.loops -= 1
        return block

    def round(self, translate: Callable[[], _Closure]) -> tuple[_Closure, int]:
        """Return what ``translate`` makes and its gas, which is charged for each round instead of with the block."""
        cost, self.cost = self.cost, prices.BLOCK
        closure = translate()
        cost, self.cost = self.cost, cost
        return closure, cost

    def _statement(self, node: object) -> Statement:
        statement: Statement = self._node(node, self.statements)
        return statement

    def expression(self, node: object) -> Expression:
        """Return one expression."""
        expression: Expression = self._node(node, self.expressions)
        return expression

    def optional(self, node: object) -> Expression | None:
        """Return one expression, or None for nil."""
        return None if node is None else self.expression(node)

    def operands(self, nodes: object, count: int | None = None) -> tuple[Expression, ...]:
        """Return a list of expressions: ``count`` of them, or up to the limit."""
        if type(nodes) is not tuple or len(nodes) > limits.OPERANDS_MAX:
            raise ProgramRejected("an array of operands that is none or too long")
        if count is not None and len(nodes) != count:
            raise ProgramRejected(f"{len(nodes)} operands instead of {count}")
        return tuple([self.expression(node) for node in nodes])

    def operand(self, node: object) -> Operand:
        """Return one expression with its shape."""
        expression = self.expression(node)
        assert type(node) is tuple, "it was a node"
        if node[0] == LOCAL:
            return Operand(expression, slot=node[1])
        if node[0] == CONSTANT and type(node[1]) is int:
            return Operand(expression, constant=node[1])
        return Operand(expression)

    def slot(self, value: object) -> int:
        """Return the number of a local."""
        return number(value, self.locals)

    def slots(self, value: object) -> tuple[int, ...]:
        """Return the numbers of the locals that a loop or an unpacking assigns to."""
        if type(value) is not tuple or not 1 <= len(value) <= limits.LOCALS_MAX:
            raise ProgramRejected("targets are a non-empty array of locals")
        return tuple([self.slot(slot) for slot in value])

    def cell(self, value: object, kinds: frozenset[int]) -> Cell:
        """Return a cell, which is of one of ``kinds``."""
        cell = self.declarations.cells[number(value, len(self.declarations.cells))]
        if cell.kind not in kinds:
            raise ProgramRejected(f"a node that cell {cell.name} does not have")
        return cell

    def _node(self, node: object, rules: Mapping[int, Rule]) -> Any:
        if type(node) is not tuple or not node or type(node[0]) is not int:
            raise ProgramRejected("a node is an array that begins with its kind")
        rule = rules.get(node[0])
        if rule is None or len(node) != rule.length:
            raise ProgramRejected(f"no such node here: kind {node[0]}, {len(node)} elements")
        self.nodes += 1
        if self.nodes > self.nodes_max:
            raise ProgramRejected("too many nodes") if self.nodes > limits.PROGRAM_NODES_MAX else TooManyNodes
        if self.depth >= limits.NODE_DEPTH_MAX:
            raise ProgramRejected("nodes nest too deep")
        self.depth += 1
        self.deepest = max(self.deepest, self.depth)
        self.cost += prices.NODE
        closure = rule.translate(self, node)
        self.depth -= 1
        return closure


def number(value: object, bound: int) -> int:
    """Return ``value`` if it is an integer from 0 to below ``bound``; raise ProgramRejected."""
    if type(value) is not int or not 0 <= value < bound:
        raise ProgramRejected(f"not a number below {bound}")
    return value


def boolean(value: object) -> bool:
    """Return ``value`` if it is a boolean; raise ProgramRejected."""
    if type(value) is not bool:
        raise ProgramRejected("not a boolean")
    return value


def _function(runtime: Runtime, block: Statement, unset: int, locals_count: int) -> Function:
    padding = [None] * unset
    frame_bytes = prices.CALL_BYTES + prices.SLOT_BYTES * locals_count

    def call(arguments: Frame) -> Any:
        runtime.calls -= 1
        if runtime.calls < 0:
            raise Stop(StopReason.CALL_DEPTH)
        runtime.memory -= frame_bytes
        if runtime.memory < 0:
            raise Stop(StopReason.OUT_OF_MEMORY)
        signal = block(arguments + padding)
        runtime.calls += 1
        # The only memory that is given back: frames are bounded by the depth of calls, not by their number.
        runtime.memory += frame_bytes
        return None if signal is None else runtime.result

    return call


def _block(runtime: Runtime, cost: int, statements: tuple[Statement, ...], may_leave: list[bool]) -> Statement:
    """Return the cheapest of several closures that do the same: statements in order until one gives a signal."""
    if len(statements) == 1:
        return _block_of_one(runtime, cost, statements[0])
    if any(may_leave[:-1]):
        return _block_that_may_leave(runtime, cost, statements)
    if len(statements) == 2:
        return _block_of_two(runtime, cost, *statements)
    if len(statements) == 3:
        return _block_of_three(runtime, cost, *statements)
    *first, last = statements
    return _block_in_order(runtime, cost, tuple(first), last)


def _block_of_one(runtime: Runtime, cost: int, only: Statement) -> Statement:
    def run(frame: Frame) -> int | None:
        runtime.gas -= cost
        if runtime.gas < 0:
            raise Stop(StopReason.OUT_OF_GAS)
        return only(frame)

    return run


def _block_of_two(runtime: Runtime, cost: int, first: Statement, last: Statement) -> Statement:
    def run(frame: Frame) -> int | None:
        runtime.gas -= cost
        if runtime.gas < 0:
            raise Stop(StopReason.OUT_OF_GAS)
        first(frame)
        return last(frame)

    return run


def _block_of_three(runtime: Runtime, cost: int, first: Statement, second: Statement, last: Statement) -> Statement:
    def run(frame: Frame) -> int | None:
        runtime.gas -= cost
        if runtime.gas < 0:
            raise Stop(StopReason.OUT_OF_GAS)
        first(frame)
        second(frame)
        return last(frame)

    return run


def _block_in_order(runtime: Runtime, cost: int, first: tuple[Statement, ...], last: Statement) -> Statement:
    def run(frame: Frame) -> int | None:
        runtime.gas -= cost
        if runtime.gas < 0:
            raise Stop(StopReason.OUT_OF_GAS)
        for statement in first:
            statement(frame)
        return last(frame)

    return run


def _block_that_may_leave(runtime: Runtime, cost: int, statements: tuple[Statement, ...]) -> Statement:
    def run(frame: Frame) -> int | None:
        runtime.gas -= cost
        if runtime.gas < 0:
            raise Stop(StopReason.OUT_OF_GAS)
        for statement in statements:
            signal = statement(frame)
            if signal is not None:
                return signal
        return None

    return run


def gathered(operands: tuple[Expression, ...]) -> Callable[[Frame], list[Any]]:
    """Return a closure that gives the values of ``operands``, from left to right, as a new list."""
    if len(operands) == 0:
        return lambda _: []
    if len(operands) == 1:
        only = operands[0]
        return lambda frame: [only(frame)]
    if len(operands) == 2:
        first, second = operands
        return lambda frame: [first(frame), second(frame)]
    if len(operands) == 3:
        first, second, third = operands
        return lambda frame: [first(frame), second(frame), third(frame)]

    def run(frame: Frame) -> list[Any]:
        values = []
        for operand in operands:
            values.append(operand(frame))  # noqa: PERF401 -- a comprehension would be one more frame of the host on 3.11
        return values

    return run
