"""``hanchain keys``: the encrypted key store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hanchain.cli.options import Json, PassphraseFile, SuiteName, passphrase, suite_of
from hanchain.cli.output import print_json, print_table, reported, say

app = typer.Typer(no_args_is_help=True)

Store = Annotated[Path, typer.Option("--keys", help="Directory of the key store.", envvar="HANCHAIN_KEYS")]
Name = Annotated[str, typer.Argument(help="Name of the key.")]
DEFAULT_STORE = Path("keys")


def account(public_key: bytes, suite_name: str) -> bytes:
    """Return the account that a key has by itself."""
    from hanchain.crypto import suite_by_name
    from hanchain.ledger.transaction import account_of

    suite = suite_by_name(suite_name)
    return account_of(suite.id, public_key, suite)


@app.command("new")
def new(
    name: Name,
    keys: Store = DEFAULT_STORE,
    passphrase_file: PassphraseFile = None,
    suite: SuiteName = None,
    unprotected: Annotated[bool, typer.Option("--unprotected", help="No passphrase: for test networks only.")] = False,
    json: Json = False,
) -> None:
    """Make a key and store it encrypted under a passphrase (Argon2id, AES-256-GCM)."""
    from hanchain.crypto.keystore import KeyStore

    with reported():
        chosen = suite_of(suite)
        secret = "" if unprotected else passphrase(passphrase_file)
        if not unprotected and passphrase_file is None and secret != typer.prompt("again", hide_input=True, default=""):
            raise typer.BadParameter("the passphrases differ")
        info = KeyStore(keys).new(name, secret, chosen, allow_empty_passphrase=unprotected)
    _print_one(info.name, info.suite, info.public_key, info.protected, json)


@app.command("list")
def list_keys(keys: Store = DEFAULT_STORE, json: Json = False) -> None:
    """List the keys of the store."""
    from hanchain.crypto.keystore import KeyStore

    with reported():
        found = KeyStore(keys).list()
    rows = [(k.name, k.suite, account(k.public_key, k.suite), k.public_key, k.protected) for k in found]
    if json:
        names = ("name", "suite", "account", "public_key", "protected")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    elif rows:
        print_table(
            "",
            ("name", "suite", "account", "passphrase"),
            [(name, suite, acc.hex(), "yes" if safe else "none") for name, suite, acc, _, safe in rows],
        )
    else:
        say(f"no keys in {keys}; make one with `hanchain keys new NAME --keys {keys}`")


@app.command("show")
def show(name: Name, keys: Store = DEFAULT_STORE, json: Json = False) -> None:
    """Show the public part of a key."""
    from hanchain.crypto.keystore import KeyStore

    with reported():
        info = KeyStore(keys).show(name)
    _print_one(info.name, info.suite, info.public_key, info.protected, json)


def _print_one(name: str, suite: str, public_key: bytes, protected: bool, json: bool) -> None:
    document = {
        "name": name,
        "suite": suite,
        "account": account(public_key, suite),
        "public_key": public_key,
        "protected": protected,
    }
    if json:
        print_json(document)
        return
    for key, value in document.items():
        say(f"{key:<11} {value.hex() if isinstance(value, bytes) else value}")
