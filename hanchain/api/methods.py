"""The one table of methods: what they are called, what they take and return, and who answers.

Checks of parameters, REST routes, ``rpc_methods`` and the printed reference all derive from ``METHODS``. Contracts and
state have a file of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from hanchain.api import kinds
from hanchain.api.contract_methods import CONTRACT_METHODS
from hanchain.api.convert import record_to_json, to_hex
from hanchain.api.errors import refusal
from hanchain.api.kinds import BlockRef
from hanchain.api.limits import WAIT_MS_DEFAULT
from hanchain.api.method import Context, Method, Parameter
from hanchain.api.shapes import block_to_json, status_to_json
from hanchain.api.strictjson import Json
from hanchain.ledger.reasons import Rejection


async def _chain_status(context: Context) -> Json:
    return record_to_json(context.service.chain_status())


async def _tx_submit(context: Context, *, transaction: bytes) -> Json:
    return {"txid": to_hex(await context.service.submit(transaction))}


async def _tx_submit_batch(context: Context, *, transactions: Sequence[bytes]) -> Json:
    answers = await context.service.submit_batch(transactions)
    assert len(answers) == len(transactions), "one answer for each"
    return [_item(answer) for answer in answers]


def _item(answer: bytes | Rejection) -> Json:
    return {"txid": to_hex(answer)} if isinstance(answer, bytes) else {"error": refusal(answer).document()}


async def _tx_status(context: Context, *, id: bytes) -> Json:  # noqa: A002  # the name on the wire
    return status_to_json(await context.service.transaction_status(id))


async def _tx_wait(context: Context, *, id: bytes, timeout_ms: int) -> Json:  # noqa: A002
    return status_to_json(await context.waits.wait(context.service, id, timeout_ms))


async def _tx_get(context: Context, *, id: bytes) -> Json:  # noqa: A002
    bundle = await context.service.proof(id)
    status = await context.service.transaction_status(id)
    document: dict[str, Json] = {"status": status_to_json(status), "proof": json.loads(bundle.to_json())}
    return document


async def _block_get(context: Context, *, block: BlockRef, full: bool) -> Json:
    if block.block_hash is not None:
        found = await context.service.block_by_hash(block.block_hash)
    else:
        height = context.service.chain_status().height if block.height is None else block.height
        found = await context.service.block(height)
    return block_to_json(found, full=full)


async def _validators_get(context: Context) -> Json:
    status, genesis = context.service.chain_status(), context.service.genesis
    return {
        "epoch": status.epoch,
        "leader": status.leader,
        "validators": [{"index": index, **_fields(validator)} for index, validator in enumerate(genesis.validators)],
    }


async def _genesis_get(context: Context) -> Json:
    genesis = context.service.genesis
    return {"chain_id": to_hex(genesis.chain_id), "genesis": json.loads(genesis.to_json())}


async def _peers(context: Context) -> Json:
    return record_to_json(context.service.chain_status().peers)


async def _rpc_methods(_: Context) -> Json:
    return [method.document() for method in METHODS.values()]


def _fields(record: object) -> dict[str, Json]:
    document = record_to_json(record)
    assert isinstance(document, dict), "a record has fields"
    return document


_ID: Final = Parameter("id", kinds.DIGEST, "transaction id")
_STATUS_DOC: Final = (
    "txid, state (pending, committed, failed, expired, unknown), and once it is in a sealed block: "
    "height, index, receipt (status, reason, message, gas_used, return_value, events, writes_digest)"
)

_TABLE: Final = (
    Method(
        name="chain_status",
        doc="Where this node and its chain stand.",
        parameters=(),
        result="chain_name, chain_id, node_name, suite, height, block_hash, epoch, view, leader, peers, …",
        handler=_chain_status,
        path="/v1/status",
    ),
    Method(
        name="tx_submit",
        doc="Admit and gossip a signed transaction. Harmless to repeat: reason `duplicate` once it is in the chain.",
        parameters=(Parameter("transaction", kinds.ENVELOPE, "the envelope: canonical bytes with signatures"),),
        result="txid",
        handler=_tx_submit,
    ),
    Method(
        name="tx_submit_batch",
        doc="Admit many signed transactions; each is judged for itself.",
        parameters=(Parameter("transactions", kinds.ENVELOPES, "the envelopes"),),
        result="for each, in order: {txid} or {error: {code, message, data: {reason, detail}}}",
        handler=_tx_submit_batch,
    ),
    Method(
        name="tx_status",
        doc="The state of a transaction, now.",
        parameters=(_ID,),
        result=_STATUS_DOC,
        handler=_tx_status,
        path="/v1/transactions/{id}/status",
    ),
    Method(
        name="tx_wait",
        doc="Answer once the transaction is sealed or expired; error timeout if that takes longer.",
        parameters=(
            _ID,
            Parameter("timeout_ms", kinds.WAIT_MS, "how long to wait, in milliseconds", WAIT_MS_DEFAULT),
        ),
        result=_STATUS_DOC,
        handler=_tx_wait,
        path="/v1/transactions/{id}/wait",
    ),
    Method(
        name="tx_get",
        doc="A sealed transaction with the proof that verifies offline (save `proof` as a file for `hanchain verify`).",
        parameters=(_ID,),
        result="status (as tx_status), proof (the proof file)",
        handler=_tx_get,
        path="/v1/transactions/{id}",
    ),
    Method(
        name="block_get",
        doc="A sealed block.",
        parameters=(
            Parameter("block", kinds.BLOCK, "which block", "latest"),
            Parameter("full", kinds.BOOLEAN, "also the transactions' envelopes and the receipts", default=False),
        ),
        result=(
            "height, block_hash, header (fields), header_encoded, certificate, signers, transaction_ids; "
            "if full: transactions, receipts"
        ),
        handler=_block_get,
        path="/v1/blocks/{block}",
    ),
    *CONTRACT_METHODS,
    Method(
        name="validators_get",
        doc="The validators of the current epoch, in the order of their index.",
        parameters=(),
        result="epoch, leader, validators [{index, name, organisation, public_key, node_key, address}]",
        handler=_validators_get,
        path="/v1/validators",
    ),
    Method(
        name="genesis_get",
        doc="The network's genesis file. Compare chain_id with one from a source that you trust.",
        parameters=(),
        result="chain_id, genesis (the file)",
        handler=_genesis_get,
        path="/v1/genesis",
    ),
    Method(
        name="peers",
        doc="The peers of this node.",
        parameters=(),
        result="[{name, address, connected, detail}]",
        handler=_peers,
        path="/v1/peers",
    ),
    Method(
        name="rpc_methods",
        doc="This table.",
        parameters=(),
        result="[{name, doc, parameters [{name, type, doc, required, default, schema}], result, rest}]",
        handler=_rpc_methods,
        path="/v1/methods",
    ),
)

METHODS: Final[Mapping[str, Method]] = MappingProxyType({method.name: method for method in _TABLE})
