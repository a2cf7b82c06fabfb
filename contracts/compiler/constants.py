"""Values that the compiler works out itself: constants of modules and classes, defaults, parts of declarations."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from contracts.compiler.errors import Problems, Reason
from contracts.compiler.limits import CONSTANT_ITEMS_MAX, CONSTANT_PARTS_MAX
from contracts.compiler.symbols import Constant, ConstantSymbol, StatesSymbol, Symbol
from contracts.limits import INTEGER_BITS_MAX, INTEGER_MAX, TEXT_LENGTH_MAX

_ALLOWED = "a constant is None, True, False, a whole number, text, bytes, a tuple of these, or + - * // % ** of numbers"


class NotConstant(Exception):
    """An expression is no constant; an error was noted."""


class Constants:
    """Reads constant expressions by the names known so far."""

    def __init__(self, problems: Problems, names: Mapping[str, Symbol], members: Mapping[str, Symbol]) -> None:
        self._problems = problems
        self._names = names
        self._members = members

    def read(self, node: ast.expr) -> Constant:
        """Return the value of a constant expression; raise NotConstant after noting why not."""
        if isinstance(node, ast.Constant):
            return self.literal(node)
        if isinstance(node, ast.Name | ast.Attribute):
            return self._named(node)
        if isinstance(node, ast.Tuple):
            return self._tuple(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return self._bounded(node, -self._integer(node.operand))
        if isinstance(node, ast.BinOp):
            return self._arithmetic(node)
        raise self._refuse(node, "this is not a constant", _ALLOWED)

    def literal(self, node: ast.Constant) -> Constant:
        """Return the value of a literal; raise NotConstant after noting why the language does not have it."""
        value = node.value
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return self._bounded(node, value)
        if isinstance(value, bytes):
            return value
        if isinstance(value, str):
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise self._refuse(node, "half of a surrogate pair is not text", "write the whole character")
            assert len(value) <= TEXT_LENGTH_MAX, "no longer than the source"
            return value
        if isinstance(value, float):
            raise self._refuse(
                node,
                "floats give different results on different machines",
                "count in the smallest unit with int, and use muldiv(a, b, c) for rates",
            )
        raise self._refuse(node, "no such constant", _ALLOWED)

    def scalar(self, node: ast.expr) -> bool | int | str | bytes | None:
        """Return a constant that is no tuple."""
        value = self.read(node)
        if isinstance(value, tuple):
            raise self._refuse(node, "one value is expected, not a tuple")
        return value

    def text(self, node: ast.expr) -> str:
        """Return a constant text."""
        value = self.read(node)
        if not isinstance(value, str):
            raise self._refuse(node, "a constant text is expected")
        return value

    def texts(self, node: ast.expr) -> tuple[str, ...]:
        """Return a tuple of constant texts; a single text stands for a tuple of one."""
        value = self.read(node)
        items = value if isinstance(value, tuple) else (value,)
        texts = tuple(item for item in items if isinstance(item, str))
        if len(texts) != len(items):
            raise self._refuse(node, "a tuple of texts is expected", 'as in ("a", "b")')
        return texts

    def _tuple(self, node: ast.Tuple) -> Constant:
        """Return a tuple of so few items, through all levels, that those that are other constants cannot explode."""
        if len(node.elts) <= CONSTANT_ITEMS_MAX:
            value = tuple(self.read(item) for item in node.elts)
            if _count(value) <= CONSTANT_PARTS_MAX:
                return value
        message = f"a constant tuple has at most {CONSTANT_ITEMS_MAX} items, {CONSTANT_PARTS_MAX} with all inside them"
        raise self._refuse(node, message, "keep larger tables in the state")

    def _named(self, node: ast.Name | ast.Attribute) -> Constant:
        if isinstance(node, ast.Name):
            symbol = self._members.get(node.id) or self._names.get(node.id)
            if isinstance(symbol, ConstantSymbol):
                return symbol.value
        elif isinstance(node.value, ast.Name):
            symbol = self._members.get(node.value.id) or self._names.get(node.value.id)
            if isinstance(symbol, StatesSymbol) and node.attr in symbol.states:
                return node.attr
        raise self._refuse(node, f"{ast.unparse(node)[:60]!r} is not the name of a constant", "declare it above")

    def _integer(self, node: ast.expr) -> int:
        value = self.read(node)
        if type(value) is not int:
            raise self._refuse(node, "a whole number is expected")
        return value

    def _arithmetic(self, node: ast.BinOp) -> int:
        left, right = self._integer(node.left), self._integer(node.right)
        match node.op:
            case ast.Add():
                return self._bounded(node, left + right)
            case ast.Sub():
                return self._bounded(node, left - right)
            case ast.Mult():
                return self._bounded(node, left * right)
            case ast.FloorDiv() | ast.Mod() if right == 0:
                raise self._refuse(node, "division by zero")
            case ast.FloorDiv():
                return self._bounded(node, left // right)
            case ast.Mod():
                return left % right
            case ast.Pow() if right >= 0:
                if abs(left) > 1 and (left.bit_length() - 1) * right > INTEGER_BITS_MAX:
                    raise self._too_large(node)
                return self._bounded(node, left**right)
        raise self._refuse(node, "not an operator of constants", _ALLOWED)

    def _bounded(self, node: ast.expr, value: int) -> int:
        if abs(value) > INTEGER_MAX:
            raise self._too_large(node)
        return value

    def _too_large(self, node: ast.expr) -> NotConstant:
        return self._refuse(node, f"integers have {INTEGER_BITS_MAX} bits and a sign", "store larger data as bytes")

    def _refuse(self, node: ast.expr, message: str, suggestion: str = "") -> NotConstant:
        self._problems.error(node, Reason.BAD_CONSTANT, message, suggestion)
        return NotConstant()


def _count(value: Constant) -> int:
    """Return how many values there are in a constant, itself among them; each item has been counted before."""
    return 1 + sum(map(_count, value)) if isinstance(value, tuple) else 1
