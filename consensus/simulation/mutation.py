"""Planted bugs: named changes to functions of the core, to see whether the simulator finds them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from runpy import run_path
from textwrap import dedent
from types import FunctionType, ModuleType
from typing import Any


@dataclass(frozen=True, slots=True)
class Patch:
    """In ``function`` of ``module`` ("name" or "Class.name") the source text ``old`` is replaced by ``new``."""

    module: str
    function: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutation:
    """One planted bug, the runs that bring it out, and how many of them may be needed."""

    name: str
    rule: str  # label and sentence of its docstring
    patches: tuple[Patch, ...]
    profile: str
    byzantine: tuple[str, ...] | None  # behaviours of the faulty validators; None: drawn
    seeds: int  # within this many it must be found

    @staticmethod
    def load(path: str) -> Mutation:
        """Read a mutation file: a Python file that sets PATCHES, PROFILE, SEEDS and perhaps BYZANTINE."""
        values = run_path(path)
        patches = values.get("PATCHES") or [tuple(values[key] for key in ("MODULE", "FUNCTION", "OLD", "NEW"))]
        return Mutation(
            name=Path(path).stem,
            rule=" ".join(values["__doc__"].split()),
            patches=tuple(Patch(*patch) for patch in patches),
            profile=values["PROFILE"],
            byzantine=values.get("BYZANTINE"),
            seeds=values["SEEDS"],
        )

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Plant the bug wherever the functions are known by name, and take it out again."""
        undo: list[tuple[Any, str, Any]] = []
        try:
            for (module, function), patches in self._by_function().items():
                undo += self._plant(import_module(module), function, patches)
            yield
        finally:
            for holder, name, original in reversed(undo):
                setattr(holder, name, original)

    def _by_function(self) -> dict[tuple[str, str], list[Patch]]:
        found: dict[tuple[str, str], list[Patch]] = {}
        for patch in self.patches:
            found.setdefault((patch.module, patch.function), []).append(patch)
        return found

    def _plant(self, module: ModuleType, function: str, patches: list[Patch]) -> list[tuple[Any, str, Any]]:
        class_name, _, name = function.rpartition(".")
        owner: Any = getattr(module, class_name) if class_name else module
        original: Any = vars(owner)[name]
        source = dedent(inspect.getsource(getattr(original, "fget", original)))  # of a property: its function
        for patch in patches:
            count = source.count(patch.old)
            assert count == 1, f"{self.name}: the text to replace is in {function} {count} times: {patch.old!r}"
            source = source.replace(patch.old, patch.new)
        made: dict[str, Any] = dict(vars(module))
        exec(compile(source, f"<{self.name}>", "exec"), made)  # noqa: S102 - its purpose
        mutated = _at_home(made[name], module)
        holders = [owner]
        if not class_name:
            loaded = [m for key, m in sorted(sys.modules.items()) if key.startswith("consensus.")]
            holders = [m for m in loaded if getattr(m, name, None) is original]
        for holder in holders:
            setattr(holder, name, mutated)
        return [(holder, name, original) for holder in holders]


def _at_home(made: Any, module: ModuleType) -> Any:
    """Return the function with its module's own names, so that other changes to the module reach it."""
    if isinstance(made, staticmethod):
        return staticmethod(_at_home(made.__func__, module))
    if not isinstance(made, FunctionType):
        return made
    home = FunctionType(made.__code__, vars(module), made.__name__, made.__defaults__, made.__closure__)
    home.__kwdefaults__ = made.__kwdefaults__
    return home
