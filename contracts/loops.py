"""Loops: while, for, comprehensions and sorted with a key. Each round pays for itself before it begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from contracts import functions, methods, prices
from contracts.failures import ContractFailure, Kind, Stop, StopReason
from contracts.limits import ELEMENTS_MAX
from contracts.program_errors import ProgramRejected
from contracts.runtime import Runtime
from contracts.translate import BREAK, CONTINUE, Expression, Frame, Node, Statement, Translator, boolean
from contracts.values import alloc_elements, iterate

Assign: TypeAlias = "Callable[[Frame, Any], None]"  # puts an element into the targets of a loop


def unpack(runtime: Runtime, frame: Frame, slots: tuple[int, ...], value: Any) -> None:
    """Assign the elements of a list or tuple to ``slots``; raise VALUE when there are more or fewer."""
    if type(value) is not list and type(value) is not tuple:
        raise ContractFailure(Kind.TYPE)
    if len(value) != len(slots):
        raise ContractFailure(Kind.VALUE)
    runtime.gas -= prices.TARGET * len(slots)
    if runtime.gas < 0:
        raise Stop(StopReason.OUT_OF_GAS)
    for slot, element in zip(slots, value, strict=True):
        frame[slot] = element


def targets(runtime: Runtime, slots: tuple[int, ...]) -> Assign:
    """Return what assigns an element to one slot, or unpacks it into several."""
    if len(slots) == 1:
        slot = slots[0]

        def assign(frame: Frame, value: Any) -> None:
            frame[slot] = value

        return assign

    def assign_all(frame: Frame, value: Any) -> None:
        unpack(runtime, frame, slots, value)

    return assign_all


def while_loop(translator: Translator, node: Node) -> Statement:
    """[49, test, block]: the test is a block of its own, paid each time."""
    test, cost = translator.round(lambda: translator.expression(node[1]))
    block = translator.loop_body(node[2])
    runtime = translator.runtime

    def run(frame: Frame) -> int | None:
        while True:
            runtime.gas -= cost
            if runtime.gas < 0:
                raise Stop(StopReason.OUT_OF_GAS)
            if not test(frame):
                return None
            signal = block(frame)
            if signal is not None and signal != CONTINUE:
                return None if signal == BREAK else signal

    return run


def for_loop(translator: Translator, node: Node) -> Statement:
    """[50, [slot...], iterable, block]."""
    slots = translator.slots(node[1])
    iterable = translator.expression(node[2])
    block = translator.loop_body(node[3])
    runtime = translator.runtime
    if len(slots) == 1:
        slot = slots[0]

        def run_one(frame: Frame) -> int | None:
            for value in iterate(runtime, iterable(frame)):
                frame[slot] = value
                signal = block(frame)
                if signal is not None and signal != CONTINUE:
                    return None if signal == BREAK else signal
            return None

        return run_one

    def run(frame: Frame) -> int | None:
        for value in iterate(runtime, iterable(frame)):
            unpack(runtime, frame, slots, value)
            signal = block(frame)
            if signal is not None and signal != CONTINUE:
                return None if signal == BREAK else signal
        return None

    return run


def _jump(translator: Translator, signal: int) -> Statement:
    if translator.loops == 0:
        raise ProgramRejected("break or continue outside of a loop")
    translator.signals = True

    def run(_: Frame) -> int:
        return signal

    return run


def break_loop(translator: Translator, _: Node) -> Statement:
    """[51]."""
    return _jump(translator, BREAK)


def continue_loop(translator: Translator, _: Node) -> Statement:
    """[52]."""
    return _jump(translator, CONTINUE)


def list_comprehension(translator: Translator, node: Node) -> Expression:
    """[13, iterable, [slot...], condition or nil, e]."""
    iterable = translator.expression(node[1])
    assign = targets(translator.runtime, translator.slots(node[2]))
    (condition, element), cost = translator.round(
        lambda: (translator.optional(node[3]), translator.expression(node[4]))
    )
    runtime = translator.runtime

    def run(frame: Frame) -> list[Any]:
        elements: list[Any] = []
        source = iterate(runtime, iterable(frame))
        runtime.alloc(prices.SEQUENCE_BYTES)
        for value in source:
            runtime.gas -= cost
            if runtime.gas < 0:
                raise Stop(StopReason.OUT_OF_GAS)
            assign(frame, value)
            if condition is None or condition(frame):
                made = element(frame)
                if len(elements) >= ELEMENTS_MAX:
                    raise ContractFailure(Kind.SIZE)
                runtime.memory -= prices.SLOT_BYTES
                if runtime.memory < 0:
                    raise Stop(StopReason.OUT_OF_MEMORY)
                elements.append(made)
        return elements

    return run


def dict_comprehension(translator: Translator, node: Node) -> Expression:
    """[27, iterable, [slot...], condition or nil, k, v]."""
    iterable = translator.expression(node[1])
    assign = targets(translator.runtime, translator.slots(node[2]))
    (condition, key, value), cost = translator.round(
        lambda: (translator.optional(node[3]), translator.expression(node[4]), translator.expression(node[5]))
    )
    runtime = translator.runtime
    set_entry = methods.set_item

    def run(frame: Frame) -> dict[Any, Any]:
        entries: dict[Any, Any] = {}
        source = iterate(runtime, iterable(frame))
        runtime.alloc(prices.DICTIONARY_BYTES)
        for element in source:
            runtime.gas -= cost
            if runtime.gas < 0:
                raise Stop(StopReason.OUT_OF_GAS)
            assign(frame, element)
            if condition is None or condition(frame):
                k = key(frame)
                set_entry(runtime, entries, k, value(frame))
        return entries

    return run


def sort(translator: Translator, node: Node) -> Expression:
    """[26, iterable, [slot...], key, reverse]: all keys first, then one native sort of what they are."""
    iterable = translator.expression(node[1])
    assign = targets(translator.runtime, translator.slots(node[2]))
    key, cost = translator.round(lambda: translator.expression(node[3]))
    reverse = boolean(node[4])
    translator.cost += prices.SORT
    runtime = translator.runtime

    def run(frame: Frame) -> list[Any]:
        values = iterable(frame)
        if type(values) is not list and type(values) is not tuple:
            raise ContractFailure(Kind.TYPE)
        alloc_elements(runtime, len(values))
        alloc_elements(runtime, len(values))  # the keys
        values = list(values)  # as Python does: a key that changes the list changes nothing here
        keys = []
        for value in values:
            runtime.gas -= cost
            if runtime.gas < 0:
                raise Stop(StopReason.OUT_OF_GAS)
            assign(frame, value)
            keys.append(key(frame))
        return functions.sort(runtime, values, keys, reverse)

    return run
