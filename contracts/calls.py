"""Calls: functions of the program, functions and methods of the machine's tables, other contracts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from contracts import prices, remote
from contracts.failures import ContractFailure, Kind, Stop, StopReason
from contracts.functions import FUNCTIONS
from contracts.limits import ELEMENTS_MAX, PARAMETERS_MAX
from contracts.methods import METHOD_NAMES, METHODS
from contracts.names import check_name
from contracts.program_errors import ProgramRejected
from contracts.translate import Expression, Frame, Node, Translator, gathered, number
from contracts.values import integer


def call_function(translator: Translator, node: Node) -> Expression:
    """[20, function, [e...]]: a function of the program, perhaps one that comes later in it."""
    declarations = translator.declarations
    index = number(node[1], len(declarations.arities))
    operands = translator.operands(node[2], declarations.arities[index])
    translator.cost += prices.CALL
    functions = declarations.functions
    if len(operands) == 1:
        argument = operands[0]

        def run_one(frame: Frame) -> Any:
            return functions[index]([argument(frame)])

        return run_one
    gather = gathered(operands)

    def run(frame: Frame) -> Any:
        return functions[index](gather(frame))

    return run


def call_builtin(translator: Translator, node: Node) -> Expression:
    """[21, n, [e...]]: a function of contract-grammar, section 7."""
    builtin = FUNCTIONS[number(node[1], len(FUNCTIONS))]
    operands = translator.operands(node[2])
    if len(operands) not in builtin.arities:
        raise ProgramRejected(f"{builtin.name} with {len(operands)} arguments")
    gather = gathered(operands)
    runtime = translator.runtime
    call = builtin.call

    def run(frame: Frame) -> Any:
        return call(runtime, gather(frame))

    return run


# What a method is for each type of receiver, by its name and number of arguments.
_IMPLEMENTATIONS: Final[Mapping[tuple[str, int], Mapping[type, Callable[..., Any]]]] = MappingProxyType(
    {
        (name, arity): {
            kind: methods[name].call
            for kind, methods in METHODS.items()
            if name in methods and arity in methods[name].arities
        }
        for name in METHOD_NAMES
        for arity in range(PARAMETERS_MAX + 1)
    }
)
_NOBODY: Final[Mapping[type, Callable[..., Any]]] = {}


def call_method(translator: Translator, node: Node) -> Expression:
    """[22, name, e, [e...]]: a method of contract-grammar, section 6, of whatever type the value has."""
    name = check_name(node[1])
    if name not in METHOD_NAMES:
        raise ProgramRejected("a method that no type has")
    receiver = translator.expression(node[2])
    operands = translator.operands(node[3])
    runtime = translator.runtime
    if name == "append" and len(operands) == 1:
        return _append(translator, receiver, operands[0])
    calls = _IMPLEMENTATIONS.get((name, len(operands)), _NOBODY)
    owners = frozenset([kind for kind, methods in METHODS.items() if name in methods])
    gather = gathered(operands)

    def run(frame: Frame) -> Any:
        value = receiver(frame)
        call = calls.get(type(value))
        if call is None and type(value) not in owners:
            raise ContractFailure(Kind.TYPE)  # as Python: before an argument can fail in a way that may be caught
        arguments = gather(frame)
        if call is None:
            raise ContractFailure(Kind.TYPE)  # the method takes another number of them
        return call(runtime, value, arguments)

    return run


def _append(translator: Translator, receiver: Expression, operand: Expression) -> Expression:
    """Return list.append in line: contracts build most of what they return with it."""
    runtime = translator.runtime

    def run(frame: Frame) -> None:
        values = receiver(frame)
        if type(values) is not list:
            raise ContractFailure(Kind.TYPE)
        value = operand(frame)
        if len(values) >= ELEMENTS_MAX:
            raise ContractFailure(Kind.SIZE)
        runtime.gas -= prices.APPEND
        if runtime.gas < 0:
            raise Stop(StopReason.OUT_OF_GAS)
        runtime.memory -= prices.SLOT_BYTES
        if runtime.memory < 0:
            raise Stop(StopReason.OUT_OF_MEMORY)
        values.append(value)

    return run


def call_contract(translator: Translator, node: Node) -> Expression:
    """[29, contract, method name, [e...], gas or nil]: an export of another contract."""
    contract = translator.expression(node[1])
    method = check_name(node[2])
    gather = gathered(translator.operands(node[3]))
    gas = translator.optional(node[4])
    runtime = translator.runtime
    call = remote.call

    def run(frame: Frame) -> Any:
        name = contract(frame)
        arguments = gather(frame)
        return call(runtime, name, method, arguments, None if gas is None else _own_gas(gas(frame)))

    return run


def _own_gas(value: Any) -> int:
    amount = integer(value)
    if amount < 0:
        raise ContractFailure(Kind.REFUSED)
    return amount
