"""Tables: index entries beside the rows, and walks over rows by cursor.

The entry of a row in an index lies under ``encode_key(("cell#field,field", *field values, *key parts))`` with an empty
value, so the entries of an index are in the order of its fields, then of the keys. A state is in a key as its index.

A walk goes over the keys that begin with a prefix of whole parts. The bytes of a prefix that ends in text may also
begin a longer text with a NUL in it (``00 ff``): those keys lie behind all others with the prefix, outside of the walk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from contracts import prices
from contracts.codec import Value
from contracts.failures import ContractFailure, Kind
from contracts.forms import StateType
from contracts.keys import BEYOND_PARTS, ESCAPED, KeyRejected, Part, decode_key, encode_part
from contracts.limits import ROWS_MAX, STATE_KEY_BYTES_MAX
from contracts.runtime import Runtime
from contracts.values import alloc_bytes, alloc_elements, alloc_text, integer

_PART_TYPES: Final = frozenset({bool, int, str, bytes})


@dataclass(frozen=True, slots=True)
class Index:
    """A declared index over fields of the rows of a table."""

    prefix: bytes  # of its entries
    positions: tuple[int, ...]  # of its fields in the record
    parts: tuple[StateType | type, ...]  # what each field is in a key
    unique: bool  # no two rows have the same fields


@dataclass(frozen=True, slots=True)
class Scan:
    """A walk that is about to begin: all of it checked."""

    base: bytes  # of the cell's or the index's keys: parts follow
    prefix: bytes  # of the keys wanted
    start: bytes | None
    fields: int  # parts in front of the row's own key
    limit: int
    descending: bool


def change_entries(runtime: Runtime, indexes: Sequence[Index], row_key: bytes, old: Value, new: Value) -> None:
    """Write the index entries of a row of which ``old`` and ``new`` are the wire forms, None for none; charge them.

    ``row_key`` is the encoded key parts. Raise ContractFailure(STORAGE) for an entry whose key is too long, or if
    another row has the place in a unique index.
    """
    host, contract = runtime.host, runtime.contract
    for index in indexes:
        if old is not None and new is not None and _same_fields(index, old, new):
            continue
        before = None if old is None else _place(index, old)
        after = None if new is None else _place(index, new)
        if before is not None:
            runtime.pay(prices.INDEX_ENTRY)
            host.write(contract, before + row_key, None)
        if after is not None:
            runtime.pay(prices.INDEX_ENTRY)
            if len(after) + len(row_key) > STATE_KEY_BYTES_MAX:
                raise ContractFailure(Kind.STORAGE)
            if index.unique:
                _check_free(runtime, after)
            host.write(contract, after + row_key, b"")


def _same_fields(index: Index, old: Any, new: Any) -> bool:
    for position in index.positions:  # noqa: SIM110  # scalars; a generator costs more than the comparisons
        if old[position] != new[position]:
            return False
    return True


def _place(index: Index, row: Any) -> bytes:
    """Return what the entries of all rows with these fields begin with; STORAGE for a field that no key can hold."""
    place = index.prefix
    for position in index.positions:
        part = row[position]
        if type(part) not in _PART_TYPES:
            raise ContractFailure(Kind.STORAGE)  # another program left the row
        if (type(part) is str or type(part) is bytes) and len(part) > STATE_KEY_BYTES_MAX:
            raise ContractFailure(Kind.STORAGE)
        place += encode_part(part)
    return place


def _check_free(runtime: Runtime, place: bytes) -> None:
    runtime.pay(prices.INDEX_UNIQUE)
    for key, value in runtime.host.scan(runtime.contract, place, None, descending=False):
        if key[len(place)] == ESCAPED:
            return
        if value is not None:
            raise ContractFailure(Kind.STORAGE)
        runtime.pay(prices.ROWS_DELETED)


def begin_scan(
    runtime: Runtime,
    base: bytes,
    fields: tuple[StateType | type, ...],
    key_types: tuple[type, ...],
    prefix: list[object],
    cursor: object,
    limit: object,
    *,
    descending: bool,
) -> Scan:
    """Return the walk over the keys ``base``, ``prefix``, …; charge it; raise ContractFailure.

    TYPE for parts, cursor or limit of another type; VALUE for a limit out of bounds, or a cursor that no such walk has.
    """
    parts: tuple[StateType | type, ...] = fields or key_types
    wanted = base
    for kind, part in zip(parts, prefix, strict=False):
        wanted += _encode_prefix_part(runtime, kind, part)
    count = integer(limit)
    if cursor is not None and type(cursor) is not bytes:
        raise ContractFailure(Kind.TYPE)
    runtime.pay(prices.ROWS)
    if not 1 <= count <= ROWS_MAX:
        raise ContractFailure(Kind.VALUE)
    start = cursor
    if cursor is None:
        start = wanted + BEYOND_PARTS if descending else None
    elif not _is_cursor(cursor, base, wanted, (*fields, *key_types)):
        raise ContractFailure(Kind.VALUE)
    return Scan(base, wanted, start, len(fields), count, descending)


def _encode_prefix_part(runtime: Runtime, kind: StateType | type, value: Any) -> bytes:
    part: Any = value
    if isinstance(kind, StateType):
        part = kind.to_value(runtime, value)
    elif type(value) is not kind:
        raise ContractFailure(Kind.TYPE)
    if (type(part) is str or type(part) is bytes) and len(part) > STATE_KEY_BYTES_MAX:
        raise ContractFailure(Kind.STORAGE)
    return encode_part(part)


def _is_cursor(cursor: bytes, base: bytes, wanted: bytes, parts: tuple[StateType | type, ...]) -> bool:
    if len(cursor) > STATE_KEY_BYTES_MAX or not cursor.startswith(wanted):
        return False
    if cursor[len(wanted) : len(wanted) + 1] == bytes((ESCAPED,)):
        return False
    try:
        decoded = decode_key(cursor[len(base) :])
    except KeyRejected:
        return False
    kinds = tuple([int if isinstance(part, StateType) else part for part in parts])
    return tuple(map(type, decoded)) == kinds


def entries(runtime: Runtime, scan: Scan) -> Iterator[tuple[bytes, bytes, tuple[Part, ...]]]:
    """Yield (key, value, parts of the row's own key) of a walk; charges the deleted keys that it passes over."""
    for key, value in runtime.host.scan(runtime.contract, scan.prefix, scan.start, descending=scan.descending):
        if key[len(scan.prefix) : len(scan.prefix) + 1] == b"\xff":
            return  # only ever met going up, where nothing else follows
        if value is None:
            runtime.pay(prices.ROWS_DELETED)
            continue
        yield key, value, decode_key(key[len(scan.base) :])[scan.fields :]


def own_key(runtime: Runtime, parts: tuple[Part, ...]) -> object:
    """Return the key of a row as the contract sees it: the part if there is one, else a tuple; charged."""
    for part in parts:
        if type(part) is str:
            alloc_text(runtime, len(part), wide=not part.isascii())
        elif type(part) is bytes:
            alloc_bytes(runtime, len(part))
    if len(parts) == 1:
        return parts[0]
    alloc_elements(runtime, len(parts))
    return parts
