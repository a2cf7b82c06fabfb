"""``hanchain state``: what contracts have stored, with its proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hanchain.cli.options import DEFAULT_DIRECTORY, Directory, GenesisFile, Json, ProofFile, Urls, resolve
from hanchain.cli.output import marked, print_json, reported, say
from hanchain.cli.sealed import compact, write_proof

if TYPE_CHECKING:
    from hanchain.sdk.abi import Abi, Cell

app = typer.Typer(no_args_is_help=True)


@app.callback()
def state() -> None:
    """Look at what contracts have stored; every answer is proved against the genesis."""


@app.command("get")
def get(
    contract: Annotated[str, typer.Argument(help="Name of the contract.")],
    cell: Annotated[str, typer.Argument(help="Name of the state: a value, map, table or sequence of the contract.")],
    keys: Annotated[
        list[str] | None,
        typer.Argument(help="The parts of the key, by their declared types: text, 42, 0x…, digest:FILE."),
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    url: Urls = None,
    genesis: GenesisFile = None,
    proof: ProofFile = None,
    json: Json = False,
) -> None:
    """Show what is stored under a key, or that nothing is; proved either way, which `--proof` writes into a file.

    The keys of a system contract are 0x… or digest:FILE for bytes, anything else is text.
    """
    from hanchain.cli.arguments import read_system_key
    from hanchain.sdk import SyncClient

    words = keys or []
    with reported():
        urls, known = resolve(directory, url, genesis)
        with SyncClient(urls, known) as client:
            declared = _declared(client.contract(contract).abi, cell)
            parts: list[Any] = (
                [read_system_key(word, f"key {number}") for number, word in enumerate(words, start=1)]
                if declared is None
                else _read_keys(declared, words)
            )
            found = client.state(contract, cell, *parts)
        value = _document(found.value, declared) if found.present else None
        default = _default(declared) if not found.present else None
        written = write_proof(proof, found.proof)
    if json:
        print_json(
            {
                "contract": contract,
                "cell": cell,
                "key": found.key,
                "height": found.height,
                "present": found.present,
                "value": value,
                "default": default,
                "proof": written,
            }
        )
        return
    if found.present:
        say(marked("present", "bold green"), f"  {compact(value)}")
    else:
        reads = f"; the contract reads it as {compact(default)}" if default is not None else ""
        say(marked("absent", "bold yellow"), f"   nothing is stored under this key{reads}")
        if declared is None:
            say(f"{contract} declares no state: a cell of another name would be absent too")
    say(f"proved as of block {found.height}")
    if written is not None:
        say(f"proof    {written}")


def _declared(abi: Abi, cell: str) -> Cell | None:
    """Return the declaration of a cell; None for contracts that declare no state, as system contracts do."""
    return abi.cell(cell) if abi.cells else None


def _read_keys(cell: Cell, words: list[str]) -> list[Any]:
    from hanchain.cli.arguments import read_word
    from hanchain.ledger.reasons import Reason, Rejection

    if len(words) != len(cell.keys):
        kinds = ", ".join(kind.name for kind in cell.keys) or "none"
        raise Rejection(Reason.BAD_ARGUMENTS, f"{cell.name}: {len(words)} keys given, its keys are: {kinds}")
    return [
        kind.to_value(read_word(kind, word, f"key {number}"), f"key {number}")
        for number, (kind, word) in enumerate(zip(cell.keys, words, strict=True), start=1)
    ]


def _default(cell: Cell | None) -> object:
    """Return what the contract reads where nothing is stored, None if it declares nothing."""
    return cell.value.to_json(cell.default) if cell is not None and cell.optional else None


def _document(value: Any, cell: Cell | None) -> object:
    from hanchain.sdk.values import to_document

    if cell is None:
        return to_document(value)
    return cell.value.to_json(cell.value.from_value(value, cell.name))
