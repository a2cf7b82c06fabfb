"""What can be called from outside of a program, and how a call comes in: arguments, guard, function, result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Final

from contracts import prices
from contracts.failures import ContractFailure, Kind
from contracts.types import Type, outgoing

if TYPE_CHECKING:
    from contracts.codec import Value
    from contracts.runtime import Runtime
    from contracts.translate import Function

ROLE_CODE: Final = "E_ROLE"  # of the revert when the sender has none of the roles
LEVEL_CODE: Final = "E_LEVEL"  # of the revert when the sender's level is too low


class ExportKind(IntEnum):
    """Who may call: the numbers stand in programs."""

    INIT = 0  # the deployment, once
    EXPORT = 1  # transactions and contracts
    VIEW = 2  # queries and contracts; never writes
    MIGRATE = 3  # an upgrade to this program, once


class CallReason(StrEnum):
    """Why a call reaches no function."""

    UNKNOWN_METHOD = "unknown_method"
    VIEW_METHOD = "view_method"  # a transaction called a view
    BAD_ARGUMENTS = "bad_arguments"


class CallRefused(Exception):
    """A call that reaches no function."""

    def __init__(self, reason: CallReason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Guard:
    """What the machine demands before the function runs."""

    roles: frozenset[str]  # the sender has one of them; empty: anybody
    level: int  # the sender has at least this one
    moves: frozenset[tuple[int, int, int]] | None  # (machine, from, to) that the function may make; None: all
    reentrant: bool  # may be called while a call of the same contract is open


@dataclass(frozen=True, slots=True)
class Export:
    """A function with its name, types and guard."""

    name: str
    kind: ExportKind
    function: Function
    parameters: tuple[Type, ...]
    result: tuple[Type]  # of one element
    guard: Guard


def enter(runtime: Runtime, export: Export, arguments: Sequence[Value]) -> Value:
    """Call ``export``; the caller has charged for the bytes of ``arguments``.

    Raise CallRefused(BAD_ARGUMENTS), ContractFailure or Stop.
    """
    if len(arguments) != len(export.parameters):
        raise CallRefused(CallReason.BAD_ARGUMENTS)
    frame = []
    try:
        for parameter, argument in zip(export.parameters, arguments, strict=True):
            frame.append(parameter.from_value(runtime, argument))
    except ContractFailure:
        raise CallRefused(CallReason.BAD_ARGUMENTS) from None
    guard = export.guard
    if guard.roles or guard.level:
        _admit(runtime, guard)
    runtime.moves = guard.moves
    result = export.function(frame)
    (value,), size_bytes = outgoing(runtime, export.result, (result,))
    runtime.pay(size_bytes >> prices.READ_SHIFT)
    return value


def _admit(runtime: Runtime, guard: Guard) -> None:
    runtime.pay(prices.ACCOUNT)
    account = runtime.host.account(runtime.sender)
    runtime.pay(sum(map(len, account.roles)) >> prices.READ_SHIFT)
    if guard.roles and guard.roles.isdisjoint(account.roles):
        raise ContractFailure(Kind.REVERT, ROLE_CODE)
    if account.level < guard.level:
        raise ContractFailure(Kind.REVERT, LEVEL_CODE)
