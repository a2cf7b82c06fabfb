"""State and events: the rules of the nodes that read, write and report."""

from __future__ import annotations

from typing import Any, Final

from contracts import prices
from contracts.failures import ContractFailure, Kind
from contracts.program_errors import ProgramRejected
from contracts.translate import Expression, Frame, Node, Statement, Translator, boolean, gathered, number
from contracts.types import outgoing

# Kinds of cells that a node may name.
STORED_CELLS: Final = frozenset({0, 1, 2})  # value, map, table
KEYED_CELLS: Final = frozenset({1, 2})
TABLE_CELLS: Final = frozenset({2})
SEQUENCE_CELLS: Final = frozenset({3})


def read(translator: Translator, node: Node) -> Expression:
    """[24, cell, [key...]]: the stored value, or its default, or a KEY error."""
    cell = translator.cell(node[1], STORED_CELLS)
    gather = gathered(translator.operands(node[2], cell.arity))
    runtime = translator.runtime
    get = cell.get

    def run(frame: Frame) -> Any:
        return get(runtime, gather(frame))

    return run


def has(translator: Translator, node: Node) -> Expression:
    """[25, cell, [key...]]: is there a value."""
    cell = translator.cell(node[1], STORED_CELLS)
    gather = gathered(translator.operands(node[2], cell.arity))
    runtime = translator.runtime
    is_there = cell.has

    def run(frame: Frame) -> Any:
        return is_there(runtime, gather(frame))

    return run


def rows(translator: Translator, node: Node) -> Expression:
    """[28, cell, index or nil, [prefix...], cursor, limit, descending]: a page of a table."""
    cell = translator.cell(node[1], TABLE_CELLS)
    chosen = node[2]
    prefix = translator.operands(node[3])
    if chosen is not None:
        number(chosen, len(cell.indexes))
    if len(prefix) > cell.prefix_max(chosen):
        raise ProgramRejected("a prefix longer than the index")
    cursor = translator.expression(node[4])
    limit = translator.expression(node[5])
    descending = boolean(node[6])
    gather = gathered(prefix)
    runtime = translator.runtime

    def run(frame: Frame) -> Any:
        return cell.rows(runtime, chosen, gather(frame), cursor(frame), limit(frame), descending)

    return run


def sequence(translator: Translator, node: Node) -> Expression:
    """[30, cell]: the next number."""
    cell = translator.cell(node[1], SEQUENCE_CELLS)
    runtime = translator.runtime

    def run(_: Frame) -> Any:
        return cell.next(runtime)

    return run


def store(translator: Translator, node: Node) -> Statement:
    """[45, cell, [key...], v]: v is evaluated first."""
    cell = translator.cell(node[1], STORED_CELLS)
    gather = gathered(translator.operands(node[2], cell.arity))
    value = translator.expression(node[3])
    runtime = translator.runtime
    put = cell.put

    def run(frame: Frame) -> None:
        v = value(frame)
        put(runtime, gather(frame), v)

    return run


def delete(translator: Translator, node: Node) -> Statement:
    """[46, cell, [key...]]: delete from a map or table."""
    cell = translator.cell(node[1], KEYED_CELLS)
    gather = gathered(translator.operands(node[2], cell.arity))
    runtime = translator.runtime

    def run(frame: Frame) -> None:
        cell.delete(runtime, gather(frame))

    return run


def emit(translator: Translator, node: Node) -> Statement:
    """[47, event, [e...]]: report an event, whose fields are of the declared types."""
    events = translator.declarations.events
    kind = events[number(node[1], len(events))]
    gather = gathered(translator.operands(node[2], len(kind.types)))
    runtime = translator.runtime
    name, types = kind.name, kind.types

    def run(frame: Frame) -> None:
        values = gather(frame)
        if runtime.read_only:
            raise ContractFailure(Kind.VIEW)
        fields, size_bytes = outgoing(runtime, types, values)
        runtime.pay(prices.EMIT + size_bytes)
        runtime.alloc(prices.EVENT_BYTES + size_bytes)
        runtime.host.emit(runtime.contract, name, fields)

    return run
