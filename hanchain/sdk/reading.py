"""From a node's JSON to records: every field named, typed and bounded; fields that a newer node adds are skipped.

Raise Rejection, with the JSON path, for an answer of another shape: the caller makes a ``BadAnswer`` of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from hanchain.crypto import Suite
from hanchain.crypto.limits import DIGEST_BYTES_MAX, DIGEST_BYTES_MIN
from hanchain.ledger import limits as ledger_limits
from hanchain.ledger.block import BlockHeader
from hanchain.ledger.bundles import ProofBundle, bundle_of
from hanchain.ledger.codec import Value
from hanchain.ledger.fields import Fields
from hanchain.ledger.json_reader import Json
from hanchain.ledger.reasons import Reason
from hanchain.ledger.receipt import Event, Receipt, Status
from hanchain.sdk import limits
from hanchain.sdk.errors import RpcError
from hanchain.sdk.results import Block, ChainStatus, ExecutorStatus, Peer, State, TransactionStatus, ViewResult
from hanchain.sdk.values import read_value

_COUNT_MAX = 2**53 - 1
_STATUS = {status.name.lower(): status for status in Status}

_T = TypeVar("_T")


def fields_of(entry: Json, names: Iterable[str]) -> dict[str, Json]:
    """Return the named fields of an object, which may have more."""
    if not isinstance(entry.value, dict):
        raise entry.refuse(Reason.WRONG_TYPE, "object expected")
    for name in names:
        if name not in entry.value:
            raise entry.refuse(Reason.MISSING_FIELD, f"field {name!r} is missing")
    return {name: entry.field(name) for name in names}


def read_digest(entry: Json) -> bytes:
    """Return a digest of any suite."""
    return entry.blob(DIGEST_BYTES_MIN, DIGEST_BYTES_MAX)


def read_chain_status(entry: Json) -> ChainStatus:
    """Return the answer of ``chain_status``."""
    fields = fields_of(entry, ChainStatus.__slots__)
    return ChainStatus(
        chain_name=_name(fields["chain_name"]),
        chain_id=read_digest(fields["chain_id"]),
        node_name=_name(fields["node_name"]),
        node_version=_name(fields["node_version"]),
        suite=_name(fields["suite"]),
        validators=_names(fields["validators"]),
        height=_count(fields["height"]),
        block_hash=read_digest(fields["block_hash"]),
        block_time_ms=_count(fields["block_time_ms"]),
        executor=_executor(fields["executor"]),
        epoch=_count(fields["epoch"]),
        view=_count(fields["view"]),
        view_active=_flag(fields["view_active"]),
        leader=_name(fields["leader"]),
        mempool_transactions=_count(fields["mempool_transactions"]),
        mempool_bytes=_count(fields["mempool_bytes"]),
        peers=tuple(_peer(peer) for peer in fields["peers"].items(0, limits.NAMES_MAX)),
        catching_up_to=None if fields["catching_up_to"].value is None else _count(fields["catching_up_to"]),
        halted=None if fields["halted"].value is None else fields["halted"].text(limits.DETAIL_LENGTH_MAX),
        alarm=None if fields["alarm"].value is None else fields["alarm"].text(limits.DETAIL_LENGTH_MAX),
        uptime_ms=_count(fields["uptime_ms"]),
    )


def read_status(entry: Json) -> TransactionStatus:
    """Return the answer of ``tx_status`` and ``tx_wait``."""
    fields = fields_of(entry, TransactionStatus.__slots__)
    return TransactionStatus(
        txid=read_digest(fields["txid"]),
        state=_choice(fields["state"], {state.value: state for state in State}),
        height=None if fields["height"].value is None else _count(fields["height"]),
        index=None if fields["index"].value is None else _count(fields["index"]),
        receipt=None if fields["receipt"].value is None else read_receipt(fields["receipt"]),
    )


def read_receipt(entry: Json) -> Receipt:
    """Return a receipt."""
    fields = fields_of(entry, Receipt.__slots__)
    return Receipt(
        txid=read_digest(fields["txid"]),
        height=_count(fields["height"]),
        index=_count(fields["index"]),
        status=_choice(fields["status"], _STATUS),
        reason=fields["reason"].text(ledger_limits.REASON_LENGTH_MAX),
        message=fields["message"].text(ledger_limits.MESSAGE_LENGTH_MAX),
        gas_used=_count(fields["gas_used"]),
        return_value=read_value(fields["return_value"]),
        events=tuple(_event(event) for event in fields["events"].items(0, limits.EVENTS_MAX)),
        writes_digest=read_digest(fields["writes_digest"]),
    )


def read_block(entry: Json, suite: Suite) -> Block:
    """Return the answer of ``block_get`` with ``full``; the header is decoded from its canonical bytes."""
    fields = fields_of(
        entry,
        ("block_hash", "header_encoded", "certificate", "signers", "transaction_ids", "transactions", "receipts"),
    )
    certificate = fields["certificate"]
    count_max = ledger_limits.BLOCK_TRANSACTIONS_MAX
    return Block(
        header=BlockHeader.decode(fields["header_encoded"].blob(1, ledger_limits.HEADER_BYTES_MAX), suite),
        block_hash=read_digest(fields["block_hash"]),
        certificate=None if certificate.value is None else certificate.blob(1, ledger_limits.CERTIFICATE_BYTES_MAX),
        signers=_names(fields["signers"]),
        transaction_ids=tuple(read_digest(txid) for txid in fields["transaction_ids"].items(0, count_max)),
        transactions=tuple(
            envelope.blob(1, ledger_limits.TRANSACTION_BYTES_MAX)
            for envelope in fields["transactions"].items(0, count_max)
        ),
        receipts=tuple(read_receipt(receipt) for receipt in fields["receipts"].items(0, count_max)),
    )


def read_view_result(entry: Json) -> ViewResult:
    """Return the answer of ``contract_call``."""
    fields = fields_of(entry, ("height", "value"))
    return ViewResult(_count(fields["height"]), read_value(fields["value"]))


def _event(entry: Json) -> Event:
    fields = fields_of(entry, ("contract", "name", "fields"))
    values = tuple(read_value(value) for value in fields["fields"].items(0, limits.EVENT_FIELDS_MAX))
    return Event(_name(fields["contract"]), _name(fields["name"]), values)


def _peer(entry: Json) -> Peer:
    fields = fields_of(entry, Peer.__slots__)
    return Peer(
        name=_name(fields["name"]),
        address=fields["address"].text(ledger_limits.ADDRESS_LENGTH_MAX),
        connected=_flag(fields["connected"]),
        detail=fields["detail"].text(limits.DETAIL_LENGTH_MAX),
    )


def _executor(entry: Json) -> ExecutorStatus:
    fields = fields_of(entry, ExecutorStatus.__slots__)
    return ExecutorStatus(
        mode=_name(fields["mode"]),
        state=_name(fields["state"]),
        pid=None if fields["pid"].value is None else _count(fields["pid"]),
        restarts=_count(fields["restarts"]),
        last_restart_ms=None if fields["last_restart_ms"].value is None else _count(fields["last_restart_ms"]),
        replayed=_count(fields["replayed"]),
    )


def _choice(entry: Json, choices: dict[str, _T]) -> _T:
    word = entry.text(limits.NAME_LENGTH_MAX)
    if word not in choices:
        raise entry.refuse(Reason.MALFORMED, f"{word!r} is none of {', '.join(choices)}")
    return choices[word]


def _count(entry: Json) -> int:
    return entry.integer(0, _COUNT_MAX)


def _flag(entry: Json) -> bool:
    if not isinstance(entry.value, bool):
        raise entry.refuse(Reason.WRONG_TYPE, "true or false expected")
    return entry.value


def _name(entry: Json) -> str:
    return entry.text(limits.NAME_LENGTH_MAX)


def _names(entry: Json) -> tuple[str, ...]:
    return tuple(_name(item) for item in entry.items(0, limits.NAMES_MAX))


def read_bundle(entry: Json) -> ProofBundle:
    """Return a proof file that stands in an answer."""
    return bundle_of(entry)


def read_abi(entry: Json) -> bytes:
    """Return the bytes of an ABI."""
    return entry.blob(1, limits.ABI_BYTES_MAX)


def read_state(entry: Json) -> tuple[int, bytes | None]:
    """Return height and canonical value of the answer of ``state_get``."""
    fields = fields_of(entry, ("height", "value_encoded"))
    value = fields["value_encoded"]
    height = _count(fields["height"])
    return height, None if value.value is None else value.blob(0, ledger_limits.STATE_VALUE_BYTES_MAX)


def read_batch(body: bytes, count: int, *, retried: bool) -> list[bytes | RpcError]:
    """Return the answers to a binary batch of ``count`` transactions, in order."""
    fields = Fields.decode(body, "answer", max_bytes=limits.ANSWER_BYTES_MAX, max_items=max(count, 2))
    items = [_read_item(fields.value(), retried) for _ in range(count)]
    fields.end()
    return items


def _read_item(item: Value, retried: bool) -> bytes | RpcError:
    if isinstance(item, bytes):
        return item
    fields = Fields(item, "item")
    reason, detail = fields.text(limits.NAME_LENGTH_MAX), fields.text(limits.DETAIL_LENGTH_MAX)
    fields.end()
    return RpcError(reason, reason, detail, retried=retried)
