"""``hanchain anchor``: notarise the digests of files."""

from __future__ import annotations

import mimetypes
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hanchain.cli.options import (
    DEFAULT_DIRECTORY,
    Directory,
    GenesisFile,
    Json,
    KeyName,
    KeyStoreDirectory,
    PassphraseFile,
    Urls,
    resolve,
    unlock,
)
from hanchain.cli.output import marked, print_json, reported, say
from hanchain.crypto.content import CONTENT_DIGEST_NAME, digest_file
from hanchain.ledger.reasons import Reason

if TYPE_CHECKING:
    from hanchain.sdk import SyncClient
    from hanchain.sdk.results import Anchored


def media_type_of(path: Path) -> str:
    """Return the media type that a file's name suggests."""
    if path.suffix == ".md":
        return "text/markdown"
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def anchor(
    files: Annotated[list[Path], typer.Argument(help="Files to anchor.", exists=True, dir_okay=False, readable=True)],
    directory: Directory = DEFAULT_DIRECTORY,
    url: Urls = None,
    genesis: GenesisFile = None,
    keys: KeyStoreDirectory = None,
    key: KeyName = "client",
    passphrase_file: PassphraseFile = None,
    proofs: Annotated[
        Path | None, typer.Option("--proofs", help="Write a proof bundle for each file into this directory.")
    ] = None,
    json: Json = False,
) -> None:
    """Notarise files: their digest, media type, size, owner and time go on chain, not their names or contents.

    A file that this owner anchored before is not anchored again: its first height and proof are given.
    """
    from hanchain.ledger.transaction import account_of
    from hanchain.sdk import SyncClient

    with reported():
        urls, known = resolve(directory, url, genesis)
        signer = unlock(directory, keys, key, passphrase_file)
        owner = account_of(known.suite.id, signer.public_key, known.suite)
        if proofs is not None:  # before anything is submitted: a proof that cannot be written is no use
            proofs.mkdir(parents=True, exist_ok=True)
        rows: list[dict[str, object]] = []
        with SyncClient(urls, known) as client:
            for path in files:
                digest, began = digest_file(path), time.monotonic()
                done = _anchored(client, digest, owner)
                status = "anchored before"
                if done is None:
                    done = client.anchor(digest, media_type_of(path), path.stat().st_size, signer)
                    status = "anchored"
                row: dict[str, object] = {
                    "file": str(path),
                    "digest": digest.hex(),
                    "status": status,
                    "height": done.height,
                    "txid": done.txid.hex(),
                    "latency_ms": round((time.monotonic() - began) * 1000, 1),
                }
                if proofs is not None:
                    bundle = proofs / f"{path.name}.{digest.hex()[:12]}.proof.json"
                    bundle.write_text(done.proof.to_json())
                    row["proof"] = str(bundle)
                rows.append(row)
                if not json:
                    _print_row(row)
    if json:
        print_json(rows)


def _anchored(client: SyncClient, digest: bytes, owner: bytes) -> Anchored | None:
    """Return an earlier notarisation; None also before the first block, when there is no state yet to prove it by."""
    from hanchain.sdk import RpcError

    try:
        return client.anchored(digest, owner)
    except RpcError as error:
        if error.reason != Reason.NOT_FOUND:
            raise
        return None  # a node that lies here gains nothing: the contract refuses what it has


def _print_row(row: dict[str, object]) -> None:
    say(marked(row["file"], "bold"))
    say(f"  {CONTENT_DIGEST_NAME.lower():<11}  {row['digest']}")
    say(f"  transaction  {row['txid']}")
    say(f"  {row['status']} at height {row['height']}, {row['latency_ms']} ms")
    if "proof" in row:
        say(f"  proof        {row['proof']}")
