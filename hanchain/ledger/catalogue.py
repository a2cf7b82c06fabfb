"""The machine of an executor and the programs that it keeps translated."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from contracts.limits import PROGRAM_BYTES_MAX, PROGRAM_NODES_MAX
from contracts.machine import Machine
from contracts.program import Program
from hanchain.ledger.parameters import Parameters

SUPERSEDED: Final = 4  # programs of the largest size that were replaced and are still here, before the oldest one goes
BYTES_PER_NODE: Final = 8  # of a program, that weigh as much as a node: what is declared takes memory too


def weight_of(program: Program) -> int:
    """Return how much a program weighs: with its bytes counted, a unit takes at most about 350 bytes of memory."""
    return program.nodes + len(program.code) // BYTES_PER_NODE


WEIGHT_MAX: Final = PROGRAM_NODES_MAX + PROGRAM_BYTES_MAX // BYTES_PER_NODE  # of one program


class Catalogue:
    """One machine and the programs translated for it, by code hash, the longest unused one dropped first.

    It has room for all programs that the chain allows to be active, so that no call of one can force a translation
    that nobody pays for. What is in it never shows in a result. One thread at a time.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.machine = Machine()
        self._weight_max = parameters.max_program_weight + SUPERSEDED * WEIGHT_MAX
        self._programs: OrderedDict[bytes, Program] = OrderedDict()
        self._weight = 0

    @property
    def weight(self) -> int:
        """What all programs here weigh."""
        return self._weight

    def get(self, code_hash: bytes) -> Program | None:
        """Return a program that is here."""
        program = self._programs.get(code_hash)
        if program is not None:
            self._programs.move_to_end(code_hash)
        return program

    def keep(self, code_hash: bytes, program: Program) -> None:
        """Keep a program that the machine has loaded, and drop what no longer fits."""
        if code_hash in self._programs:
            return
        self._programs[code_hash] = program
        self._weight += weight_of(program)
        while self._weight > self._weight_max:
            _, dropped = self._programs.popitem(last=False)
            self._weight -= weight_of(dropped)
