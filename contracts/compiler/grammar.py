"""The numbers of the program format, and the tree that lowering makes before it becomes bytes.

The format itself (contract-grammar, sections 3 to 7) is what the machine loads; here its kinds have names. A node
remembers the place in the source that it came from, so that limits are explained where they are exceeded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

Scalar: TypeAlias = bool | int | str | bytes | None
Wire: TypeAlias = "bool | int | str | bytes | list[Wire] | None"

FORMAT: Final = 1


class Kind(IntEnum):
    """Kinds of nodes: expressions up to 30, statements from 40."""

    CONSTANT = 1
    LOCAL = 2
    WALRUS = 3
    CONTEXT = 4
    UNARY = 5
    BINARY = 6
    COMPARE = 7
    IS_NONE = 8
    AND = 9
    OR = 10
    CONDITIONAL = 11
    LIST = 12
    LIST_COMPREHENSION = 13
    TUPLE = 14
    DICT = 15
    NEW = 16
    FIELD = 17
    INDEX = 18
    SLICE = 19
    CALL = 20
    FUNCTION = 21
    METHOD = 22
    TEXT = 23
    READ = 24
    HAS = 25
    SORTED = 26
    DICT_COMPREHENSION = 27
    ROWS = 28
    REMOTE = 29
    NEXT = 30

    EVALUATE = 40
    ASSIGN = 41
    SET_ITEM = 42
    SET_FIELD = 43
    DELETE_ITEM = 44
    STORE = 45
    DELETE = 46
    EMIT = 47
    IF = 48
    WHILE = 49
    FOR = 50
    BREAK = 51
    CONTINUE = 52
    RETURN = 53
    RAISE = 54
    TRY = 55
    UNPACK = 56
    REQUIRE = 57


class Unary(IntEnum):
    """Operators of ``Kind.UNARY``."""

    NOT = 0
    NEGATE = 1
    INVERT = 2


class Binary(IntEnum):
    """Operators of ``Kind.BINARY``."""

    ADD = 0
    SUBTRACT = 1
    MULTIPLY = 2
    FLOOR_DIVIDE = 3
    MODULO = 4
    AND = 5
    OR = 6
    XOR = 7
    POWER = 8
    SHIFT_LEFT = 9
    SHIFT_RIGHT = 10
    ADD_IN_PLACE = 11


class Compare(IntEnum):
    """Operators of ``Kind.COMPARE``."""

    EQUAL = 0
    NOT_EQUAL = 1
    LESS = 2
    LESS_EQUAL = 3
    GREATER = 4
    GREATER_EQUAL = 5
    IN = 6
    NOT_IN = 7


class CellKind(IntEnum):
    """Kinds of state cells."""

    VALUE = 0
    MAP = 1
    TABLE = 2
    SEQUENCE = 3


class ExportKind(IntEnum):
    """Kinds of exported methods."""

    INIT = 0
    EXPORT = 1
    VIEW = 2


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one source line: line and column count from 1, columns and length are characters."""

    line: int
    column: int
    length: int = 1


Operand: TypeAlias = "Node | tuple[Node, ...] | tuple[int, ...] | Scalar"


@dataclass(frozen=True, slots=True)
class Node:
    """One statement or expression; a tuple of nodes is a block or a list of operands, a tuple of int is slots."""

    kind: Kind
    operands: tuple[Operand, ...]
    place: Place

    def children(self) -> Iterator[Node]:
        """Yield the statements and expressions directly inside."""
        for operand in self.operands:
            if isinstance(operand, Node):
                yield operand
            elif isinstance(operand, tuple):
                yield from (item for item in operand if isinstance(item, Node))

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it, in the order in which they stand in the program."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(tuple(node.children())))

    def wire(self) -> list[Wire]:
        """Return the node as the program holds it."""
        return [int(self.kind), *(_wire_operand(operand) for operand in self.operands)]


def _wire_operand(operand: Operand) -> Wire:
    if isinstance(operand, Node):
        return operand.wire()
    if isinstance(operand, tuple):
        return [item.wire() if isinstance(item, Node) else item for item in operand]
    if isinstance(operand, IntEnum):
        return int(operand)
    return operand


def is_pure(node: Node) -> bool:
    """Tell whether evaluating ``node`` a little earlier or later changes nothing, as long as no local does."""
    if node.kind in (Kind.LIST, Kind.TUPLE):
        return all(is_pure(child) for child in node.children())
    return node.kind in (Kind.CONSTANT, Kind.LOCAL, Kind.CONTEXT)


def assigns(node: Node, slot: int) -> bool:
    """Tell whether evaluating an expression sets a local."""
    return any(inner.kind is Kind.WALRUS and inner.operands[0] == slot for inner in node.walk())


def is_stable(node: Node, others: tuple[Node, ...]) -> bool:
    """Tell whether ``node`` still has the same value after ``others`` were evaluated, however often it is asked."""
    if node.kind is Kind.LOCAL:
        slot = node.operands[0]
        assert isinstance(slot, int)
        return not any(assigns(other, slot) for other in others)
    return node.kind in (Kind.CONSTANT, Kind.CONTEXT)


def depth(block: tuple[Node, ...]) -> tuple[int, Place]:
    """Return how deep statements and expressions nest in a function's block, and where."""
    deepest, place = 0, block[0].place
    waiting = [(node, 1) for node in block]
    while waiting:
        node, level = waiting.pop()
        if level > deepest:
            deepest, place = level, node.place
        waiting.extend((child, level + 1) for child in node.children())
    return deepest, place
