"""The locals of one function: their slots, and which of them surely have a value at the point that is lowered."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

Assigned: TypeAlias = frozenset[str] | None  # None: this point is never reached


def merge(left: Assigned, right: Assigned) -> Assigned:
    """Return what surely has a value where two ways meet."""
    if left is None or right is None:
        return right if left is None else left
    return left & right


@dataclass(slots=True)
class Loop:
    """A loop whose body is lowered: the flag that ``break`` clears for its ``else``, and the ways out by ``break``."""

    flag: int | None
    breaks: Assigned = None
    has_break: bool = False


@dataclass(slots=True)
class Scope:
    """Slots: parameters first, then the named locals, then a stack of temporary ones."""

    parameters: tuple[str, ...]
    names: tuple[str, ...]  # all named locals, parameters included
    assigned: Assigned = field(init=False)
    slots: dict[str, int] = field(init=False)
    loops: list[Loop] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)  # names bound by ``except ... as``: the slot of the code
    size: int = field(init=False)  # locals in all
    _next: int = field(init=False)
    _inner: list[dict[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.slots = {name: slot for slot, name in enumerate(self.names)}
        self.assigned = frozenset(self.parameters)
        self.size = self._next = len(self.names)

    def slot_of(self, name: str) -> int | None:
        """Return the slot that ``name`` means here: the innermost comprehension that binds it, else the function."""
        for names in reversed(self._inner):
            if name in names:
                return names[name]
        return self.slots.get(name)

    def is_assigned(self, name: str) -> bool:
        """Tell whether a local surely has a value here."""
        return self.assigned is None or name in self.assigned or any(name in names for names in self._inner)

    def is_inner(self, name: str) -> bool:
        """Tell whether a comprehension around this point binds ``name``."""
        return any(name in names for names in self._inner)

    def assign(self, name: str) -> int:
        """Return the slot of a named local that gets a value here."""
        if self.assigned is not None:
            self.assigned |= {name}
        return self.slots[name]

    def temporary(self) -> int:
        """Return a slot that stays free of other uses until the ``temporaries`` around it ends."""
        slot = self._next
        self._next += 1
        self.size = max(self.size, self._next)
        return slot

    @contextmanager
    def temporaries(self) -> Iterator[None]:
        """Give temporary slots back at the end."""
        mark = self._next
        try:
            yield
        finally:
            self._next = mark

    @contextmanager
    def comprehension(self) -> Iterator[dict[str, int]]:
        """Open the scope of a comprehension or of a sort key: names put into the dict hide those outside."""
        names: dict[str, int] = {}
        self._inner.append(names)
        try:
            yield names
        finally:
            self._inner.pop()


def names_assigned(body: list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """Yield every name that statements bind as a local of their function, and where, in the order of the source."""
    for statement in body:
        yield from _bound(statement)


def _bound(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Store):
            yield node.id, node
        return
    if isinstance(node, ast.NamedExpr):
        yield node.target.id, node.target
        yield from _bound(node.value)
        return
    if isinstance(node, ast.MatchAs) and node.name is not None:
        yield node.name, node
    if isinstance(node, ast.comprehension):  # its target is a local of the comprehension, its walruses are ours
        yield from _bound(node.iter)
        for condition in node.ifs:
            yield from _bound(condition)
        return
    if isinstance(node, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    for child in ast.iter_child_nodes(node):
        yield from _bound(child)
