"""Calls from one contract to another: own gas, nested journals, re-entrancy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from contracts import limits, prices, wire
from contracts.exports import CallReason, CallRefused, Export, ExportKind, enter
from contracts.failures import CODED, ContractFailure, Kind, Stop, StopReason

if TYPE_CHECKING:
    from contracts.codec import Value
    from contracts.runtime import Runtime

_CALLABLE: Final = frozenset({ExportKind.EXPORT, ExportKind.VIEW})

UNKNOWN_CONTRACT: Final = "unknown_contract"
SENDER_PREFIX: Final = "contract:"  # no account begins like this: a contract can be told from any of them


def call(runtime: Runtime, contract: Any, method: str, arguments: list[Any], gas: int | None) -> Any:
    """Call ``method`` of ``contract`` with at most ``gas``, or with all there is if it is None; return its result.

    The result is a fresh copy as it comes over the wire: records and tuples are lists, a dict is a list of pairs.
    Whatever ends the callee alone is rolled back and raised as CALL, with its code; with gas of its own that includes
    running out of it. The gas must be there in full: who promises 1,000 does not pass on the 10 that are left.
    """
    if type(contract) is not str:
        raise ContractFailure(Kind.TYPE)
    values, size_bytes = wire.outgoing(runtime, arguments)
    runtime.pay(prices.REMOTE_CALL + (size_bytes >> prices.READ_SHIFT))
    if len(runtime.contracts) >= limits.CONTRACTS_MAX:
        raise Stop(StopReason.CALL_DEPTH)
    kept = 0
    if gas is not None:
        kept = runtime.gas - gas
        if kept < 0:
            raise Stop(StopReason.OUT_OF_GAS)
        runtime.gas = gas
    try:
        value, code = _run(runtime, contract, method, values, own_gas=gas is not None)
    finally:  # also when a stop passes: what the caller kept is not spent
        runtime.gas = kept + max(runtime.gas, 0)
    if code is not None:
        raise ContractFailure(Kind.CALL, code)
    return wire.incoming(runtime, value)


def _run(
    runtime: Runtime, contract: str, method: str, arguments: tuple[Value, ...], *, own_gas: bool
) -> tuple[Value, str | None]:
    """Return the result, or None and the code of what ended the call; the runtime is as before but for counters.

    The callee's sender is the calling contract, never who signed: a contract that somebody was led to call could
    otherwise act with that person's authority anywhere.
    """
    calls, running, caller, sender = runtime.calls, runtime.contract, runtime.caller, runtime.sender
    read_only, moves = runtime.read_only, runtime.moves
    open_contracts = len(runtime.contracts)
    value: Value = None
    code = None
    runtime.host.begin()
    try:
        export = _find(runtime, contract, method)
        runtime.contracts.append(contract)
        runtime.contract = contract
        runtime.caller = running
        runtime.sender = SENDER_PREFIX + running
        runtime.read_only = read_only or export.kind is ExportKind.VIEW
        value = enter(runtime, export, arguments)
    except ContractFailure as failure:
        code = failure.code if failure.kind in CODED else failure.kind.name.lower()
    except CallRefused as refused:
        code = refused.reason.value
    except Stop as stop:
        if not own_gas or stop.reason is not StopReason.OUT_OF_GAS:
            runtime.host.undo()
            raise
        code = stop.reason.value
    del runtime.contracts[open_contracts:]
    runtime.calls, runtime.contract, runtime.caller, runtime.sender = calls, running, caller, sender
    runtime.read_only, runtime.moves = read_only, moves
    if code is None:
        runtime.host.keep()
    else:
        runtime.host.undo()
    return value, code


def _find(runtime: Runtime, contract: str, method: str) -> Export:
    program = runtime.host.program(contract)
    if program is None:
        raise ContractFailure(Kind.CALL, UNKNOWN_CONTRACT)
    assert program.runtime is runtime, "programs are translated for the machine that runs them"
    export = program.exports.get(method)
    if export is None or export.kind not in _CALLABLE:
        raise CallRefused(CallReason.UNKNOWN_METHOD)
    if contract in runtime.contracts and not export.guard.reentrant:
        raise ContractFailure(Kind.REENTRANT)
    return export
