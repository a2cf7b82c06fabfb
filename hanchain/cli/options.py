"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hanchain.crypto import PrivateKey, Suite
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
KeyStoreDirectory = Annotated[
    Path | None, typer.Option("--keys", help="Key store; default: the test network's client.")
]
KeyName = Annotated[str, typer.Option("--key", help="Name of the key that signs.")]
PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="File with the passphrase; otherwise it is asked for.")
]
GasLimit = Annotated[
    int | None, typer.Option("--gas", help="The most that the transaction may use; unused gas is free.", min=1)
]
ProofFile = Annotated[
    Path | None, typer.Option("--proof", help="Write the proof into this file; `hanchain verify` reads it.")
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


def unlock(directory: Path, keys: Path | None, key: str, passphrase_file: Path | None) -> PrivateKey:
    """Return a signing key: of a key store, by default that of the test network's client; raise CryptoRejection."""
    from hanchain.crypto.keystore import KeyStore

    store = KeyStore(keys if keys is not None else directory / "client")
    secret = passphrase(passphrase_file) if store.show(key).protected or passphrase_file else ""
    return store.unlock(key, secret)


def passphrase(path: Path | None) -> str:
    """Return the passphrase in a file, or ask for it."""
    if path is not None:
        return path.read_text().rstrip("\n")
    return str(typer.prompt("passphrase", hide_input=True, default="", show_default=False))
