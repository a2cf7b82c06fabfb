"""Why a program is not one: what whoever loads bytes of unknown origin has to expect."""

from __future__ import annotations

from enum import StrEnum


class ProgramReason(StrEnum):
    """One reason is enough for a receipt: the compiler explains, the machine only refuses."""

    BAD_PROGRAM = "bad_program"


class ProgramRejected(Exception):
    """The bytes are not a program of this format; ``detail`` says where they leave the grammar, for developers."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.reason = ProgramReason.BAD_PROGRAM
        self.detail = detail


class TooManyNodes(Exception):
    """A program has more nodes than its deployer pays for; whether it is one at all has not been found out."""
