"""What commands print of a sealed transaction: its place, its result and events by their types, its proof."""

from __future__ import annotations

import json as json_format
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanchain.cli.output import print_json, say, warn

if TYPE_CHECKING:
    from hanchain.ledger.bundles import ProofBundle
    from hanchain.ledger.receipt import Event
    from hanchain.sdk import SyncContract
    from hanchain.sdk.results import Called


def write_proof(path: Path | None, proof: ProofBundle | None) -> str | None:
    """Write a proof file; return its name, None if nobody asked for one."""
    if path is None:
        return None
    assert proof is not None, "commands verify what they do with the genesis"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(proof.to_json())
    return str(path)


def print_called(
    done: Called, written: str | None, json: bool, *, contract: SyncContract | None = None, method: str = ""
) -> None:
    """Print a transaction that was executed; of a known contract, values have their types and fields their names."""
    value = _result(done, contract, method)
    events = [{"contract": e.contract, "name": e.name, "fields": _fields(e, contract)} for e in done.receipt.events]
    if json:
        print_json(
            {
                "txid": done.txid.hex(),
                "height": done.height,
                "index": done.index,
                "gas_used": done.gas_used,
                "value": value,
                "events": events,
                "proof": written,
            }
        )
        return
    say(f"transaction  {done.txid.hex()}")
    say(f"block        {done.height}, number {done.index}; {done.gas_used} gas")
    if value is not None:
        say(f"result       {compact(value)}")
    for event in events:
        say(f"event        {event['contract']}.{event['name']} {_shown(event['fields'])}")
    if written is not None:
        say(f"proof        {written}")


@contextmanager
def failing(proof: Path | None, json: bool) -> Iterator[Callable[[bytes], None]]:
    """Keep what is known of a transaction that did not end well: its id, its proof file, its JSON; the error goes on.

    Gives what has to be told the id once the transaction is signed.
    """
    from hanchain.sdk import BadAnswer, TransactionFailed, Unreachable, Unverified

    signed: list[bytes] = []
    try:
        yield signed.append
    except (KeyboardInterrupt, Unreachable, BadAnswer, Unverified):
        for txid in signed:  # nobody knows whether a node has it: to do the same again may do it twice
            warn(f"transaction {txid.hex()} was sent and may still be sealed: `hanchain tx status` tells")
        raise
    except TransactionFailed as failed:
        written = write_proof(proof, failed.proof)
        receipt = failed.receipt
        if json:
            print_json(
                {
                    "txid": receipt.txid.hex(),
                    "height": receipt.height,
                    "index": receipt.index,
                    "gas_used": receipt.gas_used,
                    "reason": receipt.reason,
                    "message": receipt.message,
                    "proof": written,
                }
            )
        elif written is not None:
            say(f"proof        {written}")
        raise


def meaning_of(reason: str) -> str:
    """Return what a reason of the contract machine means, "" for a contract's own code."""
    from contracts import explanations

    return explanations.meaning_of(reason)


def compact(document: object) -> str:
    """Return a JSON document in one line, text in its own letters."""
    return json_format.dumps(document, ensure_ascii=False)


def _result(done: Called, contract: SyncContract | None, method: str) -> object:
    from hanchain.sdk.values import to_document

    if contract is None:
        return to_document(done.receipt.return_value)
    declared = next(each for each in contract.abi.methods if each.name == method)
    return declared.result.to_json(declared.returned(done.receipt.return_value))


def _fields(event: Event, contract: SyncContract | None) -> object:
    from hanchain.sdk.values import to_document

    if contract is None or event.contract != contract.name or (declared := contract.abi.event(event.name)) is None:
        return [to_document(value) for value in event.fields]
    types = dict(declared.fields)
    return {name: types[name].to_json(value) for name, value in declared.read(event.fields).items()}


def _shown(fields: Any) -> str:
    if isinstance(fields, Mapping):
        return ", ".join(f"{name}={compact(value)}" for name, value in fields.items())
    return ", ".join(map(compact, fields))
