"""Methods about contracts and their state."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Final

from hanchain.api import kinds
from hanchain.api.convert import to_hex, to_integer, to_json
from hanchain.api.method import Context, Method, Parameter
from hanchain.api.strictjson import Json, parse
from hanchain.ledger.cells import cell_key
from hanchain.ledger.codec import CodecError, Value, decode
from hanchain.ledger.limits import STATE_VALUE_BYTES_MAX
from hanchain.ledger.reasons import Fault, Reason, Rejection
from hanchain.ledger.rules import system_registry
from hanchain.ledger.system import contracts
from hanchain.ledger.system.description import abi_of
from hanchain.ledger.system.registry import SYSTEM_PREFIX

_SYSTEM: Final = {contract.name: contract for contract in system_registry()}
_RECORD: Final = tuple(field.name for field in fields(contracts.Deployed))


async def _contract_call(context: Context, *, contract: str, method: str, args: Sequence[Value]) -> Json:
    height, value = await context.service.view(contract, method, args)
    return {"height": to_integer(height), "value": to_json(value)}


async def _contract_get(context: Context, *, contract: str) -> Json:
    if _is_system(contract):
        return {"name": contract, "system": True, "at_height": to_integer(context.service.chain_status().height)}
    height, record = await _ask(context, "get", contract)
    if not isinstance(record, list | tuple) or len(record) != len(_RECORD):
        raise Fault(f"{contracts.NAME} answers with a record of another form")
    named = {name: _field(value) for name, value in zip(_RECORD, record, strict=True)}
    return {"name": contract, "system": False, **named, "at_height": to_integer(height)}


async def _contract_list(context: Context, *, cursor: str, limit: int) -> Json:
    height, answer = await context.service.view(contracts.NAME, "names", [cursor, limit])
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        raise Fault(f"{contracts.NAME} answers with a list of another form")
    names, following = answer
    assert isinstance(names, list | tuple), "as the contract declares"
    return {
        "height": to_integer(height),
        "system": [*sorted(_SYSTEM)],
        "contracts": [to_json(name) for name in names],
        "cursor": to_json(following),
    }


async def _contract_abi(context: Context, *, contract: str) -> Json:
    if _is_system(contract):
        height, abi = context.service.chain_status().height, abi_of(_SYSTEM[contract])
    else:
        height, answer = await _ask(context, "abi", contract)
        if not isinstance(answer, bytes):
            raise Fault(f"{contracts.NAME} answers with an ABI that is not bytes")
        abi = answer
    return {"name": contract, "height": to_integer(height), "abi": _document(abi), "abi_encoded": to_hex(abi)}


async def _state_get(
    context: Context, *, contract: str, cell: str | None, parts: Sequence[Value], key: bytes | None, prove: bool
) -> Json:
    if (cell is None) == (key is None):
        raise Rejection(Reason.BAD_ARGUMENTS, "exactly one of cell (with its parts) and key is given")
    if key is None:
        assert cell is not None, "one of both is there"
        key = cell_key(cell, [_part(part, position) for position, part in enumerate(parts)])
    elif parts:
        raise Rejection(Reason.BAD_ARGUMENTS, "parts belong to a cell: a key has them in it")
    found = await context.service.state(contract, key, prove=prove)
    return {
        "height": to_integer(found.height),
        "contract": contract,
        "key": to_hex(key),
        "present": found.value is not None,
        "value": None if found.value is None else _stored(found.value),
        "value_encoded": None if found.value is None else to_hex(found.value),
        "proof": None if found.proof is None else json.loads(found.proof.to_json()),
    }


async def _event_proof(context: Context, *, id: bytes, index: int) -> Json:  # noqa: A002  # the name on the wire
    bundle = await context.service.event_proof(id, index)
    document: dict[str, Json] = {"proof": json.loads(bundle.to_json())}
    return document


async def _ask(context: Context, method: str, contract: str) -> tuple[int, Value]:
    """Ask the directory of contracts; raise Rejection(unknown_contract) for a name that nothing stands behind."""
    try:
        return await context.service.view(contracts.NAME, method, [contract])
    except Rejection as rejection:
        if rejection.reason is Reason.REVERTED:
            raise Rejection(Reason.UNKNOWN_CONTRACT, f"no contract {contract[:64]!a}") from None
        raise


def _is_system(contract: str) -> bool:
    if contract in _SYSTEM:
        return True
    if contract.startswith(SYSTEM_PREFIX):
        raise Rejection(Reason.UNKNOWN_CONTRACT, f"no contract {contract[:64]!a}; there are {', '.join(_SYSTEM)}")
    return False


def _field(value: Value) -> Json:
    """Return a typed field of a record: the name says the type, so bytes and large integers need no marks."""
    if isinstance(value, bytes):
        return to_hex(value)
    if type(value) is int:
        return to_integer(value)
    return to_json(value)


def _document(abi: bytes) -> Json:
    """Return an ABI as JSON; None for one that is none, since nobody checks it before it is stored."""
    try:
        document: Json = parse(abi)
    except Rejection:
        return None
    return document


def _stored(value: bytes) -> Json:
    try:
        decoded: Value = decode(value, max_bytes=STATE_VALUE_BYTES_MAX, max_items=STATE_VALUE_BYTES_MAX)
    except CodecError:  # deeper than the ledger reads: a client has value_encoded
        return None
    return to_json(decoded)


def _part(part: Value, position: int) -> bool | int | str | bytes:
    if isinstance(part, bool | int | str | bytes):
        return part
    raise Rejection(Reason.BAD_ARGUMENTS, f"parts[{position}]: a key has true, false, integers, text and bytes only")


_CONTRACT: Final = Parameter("contract", kinds.NAME, "name of the contract")

CONTRACT_METHODS: Final = (
    Method(
        name="contract_call",
        doc="Call a view method of a contract on the last executed state. Changes nothing.",
        parameters=(
            _CONTRACT,
            Parameter("method", kinds.NAME, "name of the view method"),
            Parameter("args", kinds.ARGUMENTS, 'arguments; "0x…" is bytes, any other string is text', default=[]),
        ),
        result="height (of the state), value",
        handler=_contract_call,
        path="/v1/contracts/{contract}/views/{method}",
    ),
    Method(
        name="contract_list",
        doc="The names of the contracts, in order, a page at a time.",
        parameters=(
            Parameter("cursor", kinds.CURSOR, "the cursor of the page before", default=""),
            Parameter("limit", kinds.PAGE, "names on a page", default=100),
        ),
        result="height, system (names that every chain has), contracts [name], cursor (of the next page, or null)",
        handler=_contract_list,
        path="/v1/contracts",
    ),
    Method(
        name="contract_get",
        doc="What stands behind a contract's name.",
        parameters=(_CONTRACT,),
        result=(
            "name, system, and unless system: owner, version, code_hash, abi_hash, source_hash, weight, "
            "height (of the last deployment or upgrade), status (active, frozen); at_height (of the state)"
        ),
        handler=_contract_get,
        path="/v1/contracts/{contract}",
    ),
    Method(
        name="contract_abi",
        doc="The ABI of a contract: methods, events and state with their types.",
        parameters=(_CONTRACT,),
        result="name, height (of the state), abi (the document), abi_encoded (its bytes, as stored)",
        handler=_contract_abi,
        path="/v1/contracts/{contract}/abi",
    ),
    Method(
        name="state_get",
        doc=(
            "A key of a contract's state, present or absent. With `prove` the answer waits until the block of that "
            "state is sealed, and brings the proof that verifies offline (save `proof` as a file for "
            "`hanchain verify`)."
        ),
        parameters=(
            _CONTRACT,
            Parameter("cell", kinds.optional(kinds.NAME), "name of the cell", default=None),
            Parameter("parts", kinds.ARGUMENTS, "the parts of the cell's key", default=[]),
            Parameter("key", kinds.optional(kinds.STATE_KEY), "instead of cell and parts: the encoded key", None),
            Parameter("prove", kinds.BOOLEAN, "also the proof", default=False),
        ),
        result="height, contract, key, present, value, value_encoded (canonical bytes, null if absent), proof",
        handler=_state_get,
        path="/v1/contracts/{contract}/state",
    ),
    Method(
        name="event_proof",
        doc="The proof of one event of a sealed transaction; it verifies offline.",
        parameters=(
            Parameter("id", kinds.DIGEST, "transaction id"),
            Parameter("index", kinds.EVENT_INDEX, "which of the transaction's events, from 0"),
        ),
        result="proof (the proof file)",
        handler=_event_proof,
        path="/v1/transactions/{id}/events/{index}",
    ),
)
