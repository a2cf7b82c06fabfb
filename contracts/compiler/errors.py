"""What the compiler says about a source: errors that refuse it and warnings that do not, each with a place."""

from __future__ import annotations

import ast
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from contracts.compiler.grammar import Place
from contracts.compiler.limits import FINDINGS_MAX


class Reason(StrEnum):
    """Why a source is refused."""

    ENCODING = "encoding"  # not UTF-8, or characters that have no place in source
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    TOO_MANY = "too_many"  # parameters, fields, locals, ...
    SYNTAX = "syntax"
    UNSUPPORTED = "unsupported"  # Python, but not of this language
    NOT_ENFORCED = "not_enforced"  # of the language, but no part of this release holds it
    MISPLACED = "misplaced"
    UNKNOWN_NAME = "unknown_name"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_MEMBER = "unknown_member"
    BAD_NAME = "bad_name"
    BAD_DECLARATION = "bad_declaration"
    BAD_DECORATOR = "bad_decorator"
    BAD_CONSTANT = "bad_constant"
    DUPLICATE = "duplicate"
    MISSING_TYPE = "missing_type"
    MISSING_RETURN = "missing_return"
    WRONG_ARGUMENTS = "wrong_arguments"
    UNASSIGNED = "unassigned"
    VIEW_WRITES = "view_writes"
    COPY_LOST = "copy_lost"  # a change to a copy that nobody can see


class Advice(StrEnum):
    """What the compiler warns of."""

    COPY_NOT_STORED = "copy_not_stored"
    UNREACHABLE = "unreachable"
    NO_EFFECT = "no_effect"
    SLOW_TEXT = "slow_text"
    UNUSED_IMPORT = "unused_import"


@dataclass(frozen=True, slots=True, order=True)
class CompileError:
    """One reason to refuse a source. Line and column count from 1; column and length are characters."""

    line: int
    column: int
    length: int
    reason: Reason
    message: str
    suggestion: str = ""


@dataclass(frozen=True, slots=True, order=True)
class CompileWarning:
    """Something that compiles and is probably not meant. Fields as in ``CompileError``."""

    line: int
    column: int
    length: int
    reason: Advice
    message: str
    suggestion: str = ""


Finding: TypeAlias = CompileError | CompileWarning


class CompileErrors(Exception):
    """The source is refused; ``errors`` are all reasons found, in the order of the source."""

    def __init__(self, errors: tuple[CompileError, ...]) -> None:
        super().__init__("\n".join(f"{error.line}:{error.column}: {error.message}" for error in errors))
        self.errors = errors


class Problems:
    """Collects what is found in one source text."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._errors: dict[CompileError, None] = {}
        self._warnings: dict[CompileWarning, None] = {}

    def place(self, node: ast.AST) -> Place:
        """Return where a syntax node stands; the syntax tree counts bytes, people count characters."""
        line: int = getattr(node, "lineno", 1)
        start: int = getattr(node, "col_offset", 0)
        end: int | None = getattr(node, "end_col_offset", None)
        source = self._lines[line - 1].encode() if line <= len(self._lines) else b""
        if end is None or getattr(node, "end_lineno", line) != line:
            end = len(source)
        before = source[:start].decode(errors="replace")
        inside = source[start:end].decode(errors="replace")
        return Place(line, len(before) + 1, max(1, len(inside)))

    def error(self, where: ast.AST | Place, reason: Reason, message: str, suggestion: str = "") -> None:
        """Note a reason to refuse the source."""
        at = where if isinstance(where, Place) else self.place(where)
        if len(self._errors) < FINDINGS_MAX:
            self._errors[CompileError(at.line, at.column, at.length, reason, message, suggestion)] = None

    def warn(self, where: ast.AST | Place, reason: Advice, message: str, suggestion: str = "") -> None:
        """Note a warning."""
        at = where if isinstance(where, Place) else self.place(where)
        if len(self._warnings) < FINDINGS_MAX:
            self._warnings[CompileWarning(at.line, at.column, at.length, reason, message, suggestion)] = None

    @property
    def count(self) -> int:
        """Return how many errors were noted so far."""
        return len(self._errors)

    def check(self) -> None:
        """Raise CompileErrors if anything refuses the source."""
        if self._errors:
            raise CompileErrors(tuple(sorted(self._errors)))

    @property
    def warnings(self) -> tuple[CompileWarning, ...]:
        """Return the warnings in the order of the source."""
        return tuple(sorted(self._warnings))


def render(findings: tuple[Finding, ...], source: str | bytes, file: str) -> str:
    """Return findings for a terminal: place, reason, the line with a caret below, suggestion."""
    text = source.decode(errors="replace") if isinstance(source, bytes) else source
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    return "\n".join(_render_one(finding, lines, file) for finding in findings)


def _render_one(finding: Finding, lines: list[str], file: str) -> str:
    severity = "error" if isinstance(finding, CompileError) else "warning"
    out = [f"{file}:{finding.line}:{finding.column}: {severity}[{finding.reason}]: {finding.message}"]
    if finding.line <= len(lines):
        line = lines[finding.line - 1]
        before, inside = line[: finding.column - 1], line[finding.column - 1 :][: finding.length]
        blank = "".join("\t" if character == "\t" else " " * _width(character) for character in before)
        out.append(
            "    "
            + "".join(character if character.isprintable() or character == "\t" else "\ufffd" for character in line)
        )
        out.append("    " + blank + "^" * max(1, sum(map(_width, inside))))
    if finding.suggestion:
        out.append(f"    suggestion: {finding.suggestion}")
    return "\n".join(out) + "\n"


def _width(character: str) -> int:
    """Return how many columns of a terminal a character takes: two for Chinese ones."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
