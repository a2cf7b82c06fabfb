"""The contract machine alone: compiled contracts on a host in memory, beside the same functions in CPython.

Each figure is the best of several rounds, in one thread with the cycle collector off, as in the executor. A call here
has everything but signatures, the block and the disk: arguments, journal, typed state, events, result.
"""

from __future__ import annotations

import gc
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from contracts.compiler import compile_source
from contracts.host import Context
from contracts.library import source
from contracts.machine import Entry, Machine, Status
from contracts.memory import MemoryHost
from contracts.program import Program
from contracts.thread import in_deep_thread

ROUNDS: Final = 60  # short ones: the best of many is what the machine does when nobody else wants the core
CALLS: Final = 200  # of each round
LOOP_ROUNDS: Final = 4_000
FIBONACCI: Final = 14  # 1,219 calls of a function
GAS: Final = 2_000_000  # the default limit of a transaction
SENDER: Final = "5e" * 32

SOURCE: Final = '''
from contracts.language import Contract, Event, Map, ctx, export, require, view


class Measured(Contract):
    """What is measured."""

    balances = Map(str, int, default=1_000_000)
    Moved = Event(source=str, target=str, amount=int)

    @export
    def nothing(self) -> None:
        """Do nothing."""
        pass

    @export
    def transfer(self, target: str, amount: int) -> bool:
        """Move an amount: two reads, two writes, an event."""
        require(amount > 0, "E_AMOUNT")
        have = self.balances[ctx.sender]
        require(have >= amount, "E_SHORT")
        self.balances[ctx.sender] = have - amount
        self.balances[target] += amount
        self.Moved(ctx.sender, target, amount)
        return True

    @view
    def loop(self, rounds: int) -> int:
        """Count in a tight loop."""
        total = 0
        number = 0
        while number < rounds:
            total = total + number * 3 % 7
            number = number + 1
        return total

    @view
    def fibonacci(self, number: int) -> int:
        """Call functions."""
        if number < 2:
            return number
        return self.fibonacci(number - 1) + self.fibonacci(number - 2)
'''


@dataclass(frozen=True, slots=True)
class Call:
    """One kind of call: how many a second, what one takes, and its gas."""

    name: str
    calls_per_second: float
    microseconds: float
    gas: int
    nanoseconds_per_gas: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """One computation in the machine and in CPython."""

    name: str
    machine_ms: float
    python_ms: float
    ratio: float
    nanoseconds_per_gas: float


@dataclass(frozen=True, slots=True)
class Result:
    """All figures, and where they were measured."""

    python: str
    system: str
    cores: int
    load_ms: float  # decoding, checking and translating the evidence contract
    load_nodes: int
    calls: tuple[Call, ...]
    ratios: tuple[Ratio, ...]


class _Desk:
    """A machine with a program and a host."""

    def __init__(self, name: str, text: str, arguments: tuple[Any, ...] = ()) -> None:
        self.machine = Machine()
        self.host = MemoryHost()
        self.name = name
        self.code = compile_source(text, name).program
        self.program: Program = self.machine.load(self.code)
        self.call("", arguments, Entry.INIT)

    def call(self, method: str, arguments: tuple[Any, ...], entry: Entry = Entry.CALL, gas: int = GAS) -> int:
        """Run one transaction or view that has to succeed; return its gas."""
        context = Context(
            sender=SENDER, height=1, time_ms=1_700_000_000_000, tx_id=b"id", chain_id=b"chain", organisation=None
        )
        self.host.begin()
        outcome = self.machine.call(
            self.program,
            contract=self.name,
            method=method,
            arguments=arguments,
            host=self.host,
            context=context,
            gas=gas,
            entry=entry,
        )
        self.host.keep()
        assert outcome.status is Status.OK, f"{self.name}.{method}: {outcome}"
        return outcome.gas_used


def run() -> Result:
    """Measure everything; takes a few seconds."""
    return in_deep_thread(_measure)


def _measure() -> Result:
    enabled = gc.isenabled()
    gc.disable()
    try:
        desk = _Desk("measured", SOURCE)
        evidence = _Desk("evidence", source("evidence"), (2,))
        load_seconds = _best(lambda: evidence.machine.load(evidence.code))
        return Result(
            python=platform.python_version(),
            system=f"{platform.system()} {platform.release()} {platform.machine()}",
            cores=len(os.sched_getaffinity(0)),
            load_ms=load_seconds * 1e3,
            load_nodes=evidence.program.nodes,
            calls=(
                _calls("empty method", lambda _: desk.call("nothing", ())),
                _calls("transfer", lambda _: desk.call("transfer", ("aa" * 32, 1))),
                _calls("evidence deposit", _Deposits(evidence)),
            ),
            ratios=(
                _ratio("tight loop", lambda: desk.call("loop", (LOOP_ROUNDS,), Entry.VIEW), lambda: _loop(LOOP_ROUNDS)),
                _ratio(
                    "function calls",
                    lambda: desk.call("fibonacci", (FIBONACCI,), Entry.VIEW),
                    lambda: _fibonacci(FIBONACCI),
                ),
            ),
        )
    finally:
        if enabled:
            gc.enable()


class _Deposits:
    """Deposits of ever new digests."""

    def __init__(self, evidence: _Desk) -> None:
        self._evidence = evidence
        self._count = 0

    def __call__(self, _: int) -> int:
        """Deposit the next one."""
        self._count += 1
        return self._evidence.call("deposit", (self._count.to_bytes(32, "big"), "application/pdf", 12_345))


def _calls(name: str, call: Callable[[int], int]) -> Call:
    gas = call(0)

    def many() -> None:
        for number in range(CALLS):
            call(number)

    seconds = _best(many) / CALLS
    return Call(name, 1 / seconds, seconds * 1e6, gas, seconds * 1e9 / gas)


def _ratio(name: str, machine: Callable[[], int], python: Callable[[], object]) -> Ratio:
    gas = machine()
    machine_seconds = _best(machine)
    python_seconds = _best(python)
    return Ratio(
        name, machine_seconds * 1e3, python_seconds * 1e3, machine_seconds / python_seconds, machine_seconds * 1e9 / gas
    )


def _best(function: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - started)
    return best


def _loop(rounds: int) -> int:
    """Do what the contract's loop does."""
    total = 0
    number = 0
    while number < rounds:
        total = total + number * 3 % 7
        number = number + 1
    return total


def _fibonacci(number: int) -> int:
    """Do what the contract's fibonacci does."""
    if number < 2:
        return number
    return _fibonacci(number - 1) + _fibonacci(number - 2)
