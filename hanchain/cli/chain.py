"""``hanchain tx`` and ``hanchain block``: sending to the chain and looking at it, verified against the genesis."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hanchain.cli.options import (
    DEFAULT_DIRECTORY,
    Directory,
    GasLimit,
    GenesisFile,
    Json,
    KeyName,
    KeyStoreDirectory,
    PassphraseFile,
    ProofFile,
    Urls,
    resolve,
    unlock,
)
from hanchain.cli.output import EXIT_REFUSED, print_json, reported, say
from hanchain.cli.sealed import failing, meaning_of, print_called, write_proof

if TYPE_CHECKING:
    from hanchain.sdk.results import TransactionStatus

tx = typer.Typer(no_args_is_help=True)
block = typer.Typer(no_args_is_help=True)

TransactionId = Annotated[str, typer.Argument(help="Transaction id, hex.")]


def _identifier(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise typer.BadParameter(f"hex expected, not {text!r}") from None


def _print_status(found: TransactionStatus, json: bool) -> None:
    if json:
        print_json(asdict(found))
    else:
        say(f"id        {found.txid.hex()}")
        say(f"state     {found.state}")
        if found.receipt is not None:
            say(f"block     {found.height}, number {found.index}")
            say(f"gas       {found.receipt.gas_used}")
            if found.receipt.reason:
                message = found.receipt.message or meaning_of(found.receipt.reason)
                say(f"reason    {found.receipt.reason}{message and ': ' + message}")
            for event in found.receipt.events:
                say(f"event     {event.contract}.{event.name}")
    if found.state in {"failed", "expired", "unknown"}:
        raise typer.Exit(EXIT_REFUSED)


@tx.command("send")
def tx_send(
    contract: Annotated[str, typer.Argument(help="Name of the contract.")],
    method: Annotated[str, typer.Argument(help="Name of the method.")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            help="Arguments as they look: JSON, 0x… (bytes), digest:FILE, anything else is text; a negative number "
            "stands after --."
        ),
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    url: Urls = None,
    genesis: GenesisFile = None,
    keys: KeyStoreDirectory = None,
    key: KeyName = "client",
    passphrase_file: PassphraseFile = None,
    gas_limit: GasLimit = None,
    proof: ProofFile = None,
    json: Json = False,
) -> None:
    """Send a transaction without asking what the contract declares, wait until it is sealed, and verify it.

    `hanchain contract call` reads the arguments by their declared types instead.
    """
    from hanchain.cli.arguments import read_untyped
    from hanchain.sdk import SyncClient
    from hanchain.sdk import limits as sdk_limits

    with reported():
        values = [read_untyped(word, f"argument {number}") for number, word in enumerate(arguments or [], start=1)]
        urls, known = resolve(directory, url, genesis)
        signer = unlock(directory, keys, key, passphrase_file)
        gas = sdk_limits.CONTRACT_GAS_LIMIT_DEFAULT if gas_limit is None else gas_limit
        with SyncClient(urls, known) as client, failing(proof, json) as signed:
            done = client.call(signer, contract, method, values, gas_limit=gas, signed=signed)
        written = write_proof(proof, done.proof)
    print_called(done, written, json)


@tx.command("proof")
def tx_proof(
    identifier: TransactionId,
    file: Annotated[Path, typer.Argument(help="The proof file to write.", dir_okay=False)],
    event: Annotated[
        int | None, typer.Option("--event", help="Prove only this event of the transaction, from 0.", min=0)
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    url: Urls = None,
    genesis: GenesisFile = None,
    json: Json = False,
) -> None:
    """Write the proof of a sealed transaction, or of one of its events, into a file that verifies offline."""
    from hanchain.sdk import SyncClient

    with reported():
        urls, known = resolve(directory, url, genesis)
        txid = _identifier(identifier)
        with SyncClient(urls, known) as client:
            bundle = client.proof(txid) if event is None else client.event_proof(txid, event)
        written = write_proof(file, bundle)
    if json:
        print_json({"txid": txid.hex(), "kind": bundle.kind, "proof": written})
    else:
        say(f"{bundle.kind} proof, verified: {written}")


@tx.command("status")
def tx_status(
    identifier: TransactionId,
    directory: Directory = DEFAULT_DIRECTORY,
    url: Urls = None,
    genesis: GenesisFile = None,
    json: Json = False,
) -> None:
    """Show where a transaction stands: pending, committed, failed, expired or unknown."""
    from hanchain.sdk import SyncClient

    with reported():
        urls, known = resolve(directory, url, genesis)
        with SyncClient(urls, known) as client:
            found = client.status(_identifier(identifier))
    _print_status(found, json)


@tx.command("wait")
def tx_wait(
    identifier: TransactionId,
    directory: Directory = DEFAULT_DIRECTORY,
    url: Urls = None,
    genesis: GenesisFile = None,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds to wait.", min=0.1, max=3600)] = 30.0,
    json: Json = False,
) -> None:
    """Wait until a transaction is committed, failed or expired."""
    from hanchain.sdk import SyncClient

    with reported():
        urls, known = resolve(directory, url, genesis)
        with SyncClient(urls, known) as client:
            found = client.wait(_identifier(identifier), int(timeout * 1000))
    _print_status(found, json)


@block.command("show")
def block_show(
    which: Annotated[str, typer.Argument(help="Height, block hash (hex), or latest.")] = "latest",
    directory: Directory = DEFAULT_DIRECTORY,
    url: Urls = None,
    genesis: GenesisFile = None,
    json: Json = False,
) -> None:
    """Show a block, verified against the genesis: header, certificate, transactions, receipts."""
    from hanchain.ledger.times import utc_of
    from hanchain.sdk import SyncClient

    wanted = None if which == "latest" else int(which) if which.isascii() and which.isdigit() else _identifier(which)
    with reported():
        urls, known = resolve(directory, url, genesis)
        with SyncClient(urls, known) as client:
            found = client.block(wanted)
    if json:
        print_json(asdict(found))
        return
    header = found.header
    proposer = known.validators[header.proposer].name
    for key, value in (
        ("height", header.height),
        ("hash", found.block_hash.hex()),
        ("parent", header.parent_hash.hex()),
        ("time", utc_of(header.timestamp_ms)),
        ("proposer", f"{proposer}, view {header.proposal_view}, epoch {header.epoch}"),
        ("sealed by", ", ".join(found.signers) or "nobody: genesis"),
        ("state root", header.state_root.hex()),
    ):
        say(f"{key:<11} {value}")
    if found.receipts:
        say(f"{len(found.receipts)} transaction{'' if len(found.receipts) == 1 else 's'}")
        for receipt in found.receipts:
            say(f"{receipt.index:>4}  {receipt.txid.hex()}  {receipt.reason or 'ok'}")
