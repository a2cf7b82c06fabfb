"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hanchain.crypto import Suite
    from hanchain.ledger.genesis import Genesis

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
Directory = Annotated[
    Path, typer.Option("--dir", help="Directory of the test network.", envvar="HANCHAIN_DIR", file_okay=False)
]
Urls = Annotated[
    list[str] | None,
    typer.Option("--url", help="API address of a node, such as http://127.0.0.1:8600; repeat for more nodes."),
]
GenesisFile = Annotated[
    Path | None, typer.Option("--genesis", help="Genesis file, from a source you trust.", dir_okay=False)
]
SuiteName = Annotated[
    str | None, typer.Option("--suite", help="Crypto suite of the network; default: that of a new network.")
]
DEFAULT_DIRECTORY = Path("net")


def suite_of(name: str | None) -> Suite:
    """Return the suite called so, by default that of a network that names none; raise CryptoRejection."""
    from hanchain.crypto import default_suite, suite_by_name

    return default_suite() if name is None else suite_by_name(name)


def load_genesis(path: Path) -> Genesis:
    """Return the genesis in a file; raise Rejection naming the file and what is wrong with it."""
    from hanchain.ledger.genesis import parse_genesis
    from hanchain.ledger.reasons import Rejection

    try:
        return parse_genesis(path.read_bytes())
    except Rejection as error:
        raise Rejection(error.reason, f"{path}: {error.detail}") from error


def resolve(directory: Path, urls: list[str] | None, genesis: Path | None) -> tuple[list[str], Genesis]:
    """Return node addresses and genesis: those given, else those of the network's directory."""
    from hanchain.testnet.files import load_network

    if urls and genesis is not None:
        return urls, load_genesis(genesis)
    network = load_network(directory)
    return urls or [n.url for n in network.nodes], load_genesis(genesis or network.genesis_path)


def passphrase(path: Path | None) -> str:
    """Return the passphrase in a file, or ask for it."""
    if path is not None:
        return path.read_text().rstrip("\n")
    return str(typer.prompt("passphrase", hide_input=True, default="", show_default=False))
