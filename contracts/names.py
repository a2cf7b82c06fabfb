"""Identifiers of programs: records, fields, states, cells, events, functions and methods."""

from __future__ import annotations

import re
from typing import Final

from contracts.limits import NAME_LENGTH_MAX
from contracts.program_errors import ProgramRejected

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def check_name(name: object) -> str:
    """Return ``name`` if it is an identifier of contract-grammar, section 1; raise ProgramRejected."""
    if type(name) is not str or len(name) > NAME_LENGTH_MAX or _NAME.fullmatch(name) is None:
        raise ProgramRejected("not an identifier")
    if name.startswith("__") or name.endswith("__"):
        raise ProgramRejected("an identifier with two underscores at an end")
    return name


def check_names(names: list[str]) -> tuple[str, ...]:
    """Return ``names``, identifiers without repetition; raise ProgramRejected."""
    if len(set(map(check_name, names))) != len(names):
        raise ProgramRejected("a name is there twice")
    return tuple(names)
