"""The machine: loads programs and runs one call at a time against a host, with an outcome that is the same everywhere.

Whoever runs it gives it a thread with a stack of ``limits.STACK_BYTES_MIN`` and a recursion limit of
``limits.FRAMES_MIN`` (``contracts.thread`` does), turns the automatic cycle collector off while it runs, and never
starts Python with ``-O``. A host exception (MemoryError, RecursionError, an assertion) passes through: it is a fault of
the node and never an outcome.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Final

from contracts import prices
from contracts.exports import CallReason, CallRefused, Export, ExportKind, enter
from contracts.failures import CODED, ContractFailure, Kind, Stop
from contracts.limits import GARBAGE_BYTES_MAX, MESSAGE_BYTES_MAX, PROGRAM_NODES_MAX
from contracts.program import Program, load
from contracts.runtime import MEMORY_BYTES_MAX, Runtime

if TYPE_CHECKING:
    from contracts.codec import Value
    from contracts.host import Context, Host


class Entry(Enum):
    """Why a program is called."""

    INIT = "init"  # deployed
    CALL = "call"  # by a transaction
    VIEW = "view"  # by a query, outside of the chain
    MIGRATE = "migrate"  # upgraded to


class Status(StrEnum):
    """How a call ended; all but OK undo everything that it wrote."""

    OK = "ok"
    REVERT = "revert"  # the contract said no: ``code`` is what it said
    ERROR = "error"  # ``reason`` is the kind of failure
    STOPPED = "stopped"  # ``reason`` is that of the stop
    REFUSED = "refused"  # nothing ran; ``reason`` is why


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a call; ``value`` is the result in wire form, None unless OK; ``gas_used`` is at most the limit."""

    status: Status
    reason: str
    code: str
    value: Value
    gas_used: int


class Machine:
    """Runs programs that it has loaded, one call at a time, in one thread."""

    __slots__ = ("_charged_bytes", "_running", "_runtime")

    def __init__(self) -> None:
        self._runtime = Runtime()
        self._running = False
        self._charged_bytes = 0  # since the cycle collector ran

    def load(self, data: bytes, *, nodes_max: int = PROGRAM_NODES_MAX) -> Program:
        """Check and translate a program; raise ProgramRejected.

        Work is bounded by ``nodes_max``: raise TooManyNodes for a program that has more, but fewer than the format's.
        """
        return load(data, self._runtime, nodes_max)

    def call(
        self,
        program: Program,
        *,
        contract: str,
        method: str,
        arguments: tuple[Value, ...],
        host: Host,
        context: Context,
        gas: int,
        entry: Entry,
    ) -> Outcome:
        """Call ``method`` of ``program``, deployed as ``contract``, with at most ``gas``.

        ``arguments`` are canonical values. For INIT and MIGRATE ``method`` is empty: a program has one or none, and
        without it takes no arguments. Writes and events go to ``host`` as they happen, and the caller undoes them
        unless the status is OK.
        """
        runtime = self._runtime
        assert program.runtime is runtime, "programs run on the machine that has loaded them"
        assert not self._running, "one call at a time"
        self._running = True
        runtime.start(host, context, contract, gas, read_only=entry is Entry.VIEW)
        status, reason, code = Status.OK, "", ""
        value: Value = None
        try:
            value = _run(runtime, program, method, arguments, entry)
        except CallRefused as refused:
            status, reason = Status.REFUSED, refused.reason.value
        except ContractFailure as failure:
            status = Status.REVERT if failure.kind is Kind.REVERT else Status.ERROR
            reason = failure.kind.name.lower()
            code = failure.code if failure.kind in CODED else ""
        except Stop as stop:
            status, reason = Status.STOPPED, stop.reason.value
        self._running = False
        gas_used = gas - max(runtime.gas, 0)
        self._collect(MEMORY_BYTES_MAX - runtime.memory)
        runtime.finish()
        return Outcome(status, reason, code, value, gas_used)

    def _collect(self, charged_bytes: int) -> None:
        """Collect cycles once the memory charged allows for many: with the collector off nobody else does."""
        self._charged_bytes += charged_bytes
        if self._charged_bytes >= GARBAGE_BYTES_MAX:
            self._charged_bytes = 0
            gc.collect(1)  # what calls leave behind is young; a walk over all programs took a second for a few gas


def _run(runtime: Runtime, program: Program, method: str, arguments: tuple[Value, ...], entry: Entry) -> Value:
    size_bytes = len(runtime.pack(arguments))
    runtime.pay(prices.REMOTE_CALL + (size_bytes >> prices.READ_SHIFT))
    export = _select(program, method, entry)
    if size_bytes > MESSAGE_BYTES_MAX or (export is None and arguments):
        raise CallRefused(CallReason.BAD_ARGUMENTS)
    return None if export is None else enter(runtime, export, arguments)


_KINDS: Final = {Entry.CALL: ExportKind.EXPORT, Entry.VIEW: ExportKind.VIEW}


def _select(program: Program, method: str, entry: Entry) -> Export | None:
    """Return what is called, None when a program has nothing to do at its beginning; raise CallRefused."""
    if entry is Entry.INIT or entry is Entry.MIGRATE:
        export = program.init if entry is Entry.INIT else program.migrate
        if method and (export is None or export.name != method):
            raise CallRefused(CallReason.UNKNOWN_METHOD)
        return export
    export = program.exports.get(method)
    if export is not None and export.kind is _KINDS[entry]:
        return export
    if export is not None and export.kind is ExportKind.VIEW:
        raise CallRefused(CallReason.VIEW_METHOD)
    raise CallRefused(CallReason.UNKNOWN_METHOD)
