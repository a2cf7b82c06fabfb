"""One shape for all that others send us and we refuse."""

from __future__ import annotations

from enum import StrEnum


class Rejection(Exception):
    """Bad input from a peer: ``reason`` is for programs, ``detail`` for people."""

    def __init__(self, reason: StrEnum, detail: str) -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


def printable(text: str, chars_max: int) -> str:
    """Return a peer's words fit for one log line: bounded, no control characters."""
    return "".join(char if char.isprintable() else "?" for char in text[:chars_max])
