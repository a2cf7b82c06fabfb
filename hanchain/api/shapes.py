"""The JSON of blocks, receipts and transaction states: the names here are the interface's, whatever the code's are."""

from __future__ import annotations

from hanchain.api.convert import record_to_json, to_hex, to_integer, to_json
from hanchain.api.strictjson import Json
from hanchain.ledger.receipt import Receipt
from hanchain.node.service import Block, TransactionStatus


def receipt_to_json(receipt: Receipt) -> Json:
    """Return a receipt; its status by name, in lower case."""
    return {
        "txid": to_hex(receipt.txid),
        "height": to_integer(receipt.height),
        "index": receipt.index,
        "status": receipt.status.name.lower(),
        "reason": receipt.reason,
        "message": receipt.message,
        "gas_used": to_integer(receipt.gas_used),
        "return_value": to_json(receipt.return_value),
        "events": [
            {"contract": event.contract, "name": event.name, "fields": [to_json(value) for value in event.fields]}
            for event in receipt.events
        ],
        "writes_digest": to_hex(receipt.writes_digest),
    }


def status_to_json(status: TransactionStatus) -> Json:
    """Return a transaction's state."""
    return {
        "txid": to_hex(status.txid),
        "state": status.state.value,
        "height": None if status.height is None else to_integer(status.height),
        "index": status.index,
        "receipt": None if status.receipt is None else receipt_to_json(status.receipt),
    }


def block_to_json(block: Block, *, full: bool) -> Json:
    """Return a block; ``header_encoded`` is what its hash is taken over."""
    document: dict[str, Json] = {
        "height": to_integer(block.header.height),
        "block_hash": to_hex(block.block_hash),
        "header": record_to_json(block.header),
        "header_encoded": to_hex(block.header.encode()),
        "certificate": None if block.certificate is None else to_hex(block.certificate),
        "signers": list(block.signers),
        "transaction_ids": [to_hex(txid) for txid in block.transaction_ids],
    }
    if full:
        document["transactions"] = [to_hex(envelope) for envelope in block.transactions]
        document["receipts"] = [receipt_to_json(receipt) for receipt in block.receipts]
    return document
