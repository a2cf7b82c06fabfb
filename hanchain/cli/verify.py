"""``hanchain verify``: the offline verifier. It needs the bundle and the genesis, and nothing else in the world."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hanchain.cli.options import Json, load_genesis
from hanchain.cli.output import EXIT_REFUSED, marked, print_json, reported, say


def verify(
    bundle: Annotated[Path, typer.Argument(help="Proof bundle (JSON).", exists=True, dir_okay=False)],
    genesis: Annotated[
        Path, typer.Option("--genesis", help="Genesis file, from a source you trust.", exists=True, dir_okay=False)
    ],
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            help="The file that this is about: its digest must stand in the proof.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="Account (hex) that this must be of.")] = None,
    json: Json = False,
) -> None:
    """Verify a proof bundle offline, step by step: no network, no node, no trust in whoever sent it.

    A bundle is of a transaction, of an event, or of a key of the state, present or absent; a proved absence is a good
    result. Exit code 1 says that something does not hold.
    """
    from hanchain.crypto.content import digest_file
    from hanchain.ledger.proof import verify_file

    with reported():
        known = load_genesis(genesis)
        digest = None if file is None else digest_file(file)
        try:
            account = None if owner is None else bytes.fromhex(owner.removeprefix("0x"))
        except ValueError:
            raise typer.BadParameter("hex expected", param_hint="--owner") from None
        steps = verify_file(bundle.read_bytes(), known, digest=digest, owner=account)
    good = all(step.ok for step in steps)
    if json:
        print_json({"verified": good, "steps": [step._asdict() for step in steps]})
    else:
        for number, step in enumerate(steps, start=1):
            mark = marked("ok    ", "green") if step.ok else marked("FAILED", "bold red")
            say(f"{number:>2} ", mark, f" {step.name:<12} {step.detail}")
        if good:
            say(marked("verified", "bold green"))
        else:
            say(marked("not verified", "bold red"), ": do not rely on this bundle")
    if not good:
        raise typer.Exit(EXIT_REFUSED)
