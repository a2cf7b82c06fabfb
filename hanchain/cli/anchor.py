"""``hanchain anchor``: notarise the digests of files."""

from __future__ import annotations

import hashlib
import mimetypes
import time
from pathlib import Path
from typing import Annotated

import typer

from hanchain.cli.keys import PassphraseFile
from hanchain.cli.options import DEFAULT_DIRECTORY, Directory, GenesisFile, Json, Urls, passphrase, resolve
from hanchain.cli.output import EXIT_REFUSED, console, print_json, print_table, reported


def media_type_of(path: Path) -> str:
    """Return the media type that a file's name suggests."""
    if path.suffix == ".md":
        return "text/markdown"
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def digest_of(path: Path) -> bytes:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()


def anchor(
    files: Annotated[list[Path], typer.Argument(help="Files to anchor.", exists=True, dir_okay=False, readable=True)],
    directory: Directory = DEFAULT_DIRECTORY,
    url: Urls = None,
    genesis: GenesisFile = None,
    keys: Annotated[Path | None, typer.Option("--keys", help="Key store; default: the test network's client.")] = None,
    key: Annotated[str, typer.Option("--key", help="Name of the key that signs.")] = "client",
    passphrase_file: PassphraseFile = None,
    proofs: Annotated[
        Path | None, typer.Option("--proofs", help="Write a proof bundle for each file into this directory.")
    ] = None,
    json: Json = False,
) -> None:
    """Notarise files: their SHA-256, media type, size, owner and time go on chain, not their names or contents."""
    from hanchain.crypto.keystore import KeyStore
    from hanchain.sdk import SyncClient
    from hanchain.sdk.errors import RpcError

    with reported():
        urls, known = resolve(directory, url, genesis)
        store = KeyStore(keys if keys is not None else directory / "client")
        secret = passphrase(passphrase_file) if store.show(key).protected or passphrase_file else ""
        signer = store.unlock(key, secret)
        rows: list[dict[str, object]] = []
        with SyncClient(urls, known) as client:
            for path in files:
                digest, began = digest_of(path), time.monotonic()
                row: dict[str, object] = {"file": str(path), "digest": digest.hex()}
                try:
                    done = client.anchor(digest, media_type_of(path), path.stat().st_size, signer)
                except RpcError as error:
                    if error.reason != "E_EXISTS":
                        raise
                    row |= {"status": "anchored before", "detail": error.detail}
                else:
                    row |= {
                        "status": "anchored",
                        "height": done.height,
                        "txid": done.txid.hex(),
                        "latency_ms": round((time.monotonic() - began) * 1000, 1),
                    }
                    if proofs is not None:
                        proofs.mkdir(parents=True, exist_ok=True)
                        bundle = proofs / f"{path.name}.{digest.hex()[:12]}.proof.json"
                        bundle.write_text(done.proof.to_json())
                        row["proof"] = str(bundle)
                rows.append(row)
                if not json and len(files) > 1:
                    console.print(f"{row['status']:<16} {path}")
    if json:
        print_json(rows)
        return
    print_table(
        "",
        ("file", "sha-256", "height", "latency", "note"),
        [
            (
                r["file"],
                str(r["digest"])[:16],
                r.get("height", ""),
                f"{r['latency_ms']} ms" if "latency_ms" in r else "",
                r.get("proof", r.get("detail", "")),
            )
            for r in rows
        ],
    )
    if any(r["status"] != "anchored" for r in rows):
        raise typer.Exit(EXIT_REFUSED)
