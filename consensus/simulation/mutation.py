"""Planted bugs: a named change to one function of the core, to see whether the simulator finds it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from runpy import run_path


@dataclass(frozen=True, slots=True)
class Mutation:
    """In ``module.function`` the source text ``old`` is replaced by ``new``."""

    name: str
    module: str
    function: str
    old: str
    new: str
    profile: str  # of the plan that brings the bug out
    seeds: int  # within this many it must be found

    @staticmethod
    def load(path: str) -> Mutation:
        """Read a mutation file: a Python file that sets MODULE, FUNCTION, OLD, NEW, PROFILE and SEEDS."""
        values = run_path(path)
        return Mutation(
            name=Path(path).stem,
            module=values["MODULE"],
            function=values["FUNCTION"],
            old=values["OLD"],
            new=values["NEW"],
            profile=values["PROFILE"],
            seeds=values["SEEDS"],
        )

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Plant the bug wherever the function is known by name, and take it out again."""
        module = import_module(self.module)
        original = getattr(module, self.function)
        source = inspect.getsource(original)
        assert source.count(self.old) == 1, f"{self.name}: the text to replace is not in {self.function} exactly once"
        names = dict(vars(module))
        exec(compile(source.replace(self.old, self.new), f"<{self.name}>", "exec"), names)  # noqa: S102 - its purpose
        mutated = names[self.function]
        holders = [
            m
            for name, m in sorted(sys.modules.items())
            if name.startswith("consensus.") and getattr(m, self.function, None) is original
        ]
        for holder in holders:
            setattr(holder, self.function, mutated)
        try:
            yield
        finally:
            for holder in holders:
                setattr(holder, self.function, original)
