"""``hanchain verify``: the offline verifier. It needs the bundle and the genesis, and nothing else in the world."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from hanchain.cli.options import Json, load_genesis
from hanchain.cli.output import EXIT_REFUSED, marked, print_json, reported, say

_SAID: Final[dict[str, str]] = {  # of outcomes that nobody may take for the opposite
    "failed": "the transaction failed, and changed nothing",
    "absent": "nothing is stored under exactly this key",
}


class Expectation(StrEnum):
    """The outcomes of ``hanchain.ledger.proof``, which only the command itself loads."""

    EXECUTED = "executed"
    FAILED = "failed"
    REPORTED = "reported"
    PRESENT = "present"
    ABSENT = "absent"


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
    expect: Annotated[
        Expectation | None,
        typer.Option("--expect", help="What must have come out; anything else is exit code 1, however well proved."),
    ] = None,
    json: Json = False,
) -> None:
    """Verify a proof bundle offline, step by step: no network, no node, no trust in whoever sent it.

    A bundle is of a transaction, of an event, or of a key of the state, present or absent; a proved absence or failure
    is a good result, unless you `--expect` another. Exit code 1 says that something does not hold.
    """
    from hanchain.crypto.content import digest_file
    from hanchain.ledger import limits
    from hanchain.ledger.proof import Outcome, outcome_of, verify_file

    with reported():
        known = load_genesis(genesis)
        digest = None if file is None else digest_file(file)
        account = None if owner is None else _account(owner)
        with bundle.open("rb") as opened:
            data = opened.read(limits.PROOF_BYTES_MAX + 1)  # more is refused as too large
        expected = None if expect is None else Outcome(expect.value)
        steps = verify_file(data, known, digest=digest, owner=account, expected=expected)
    outcome = outcome_of(steps)
    good = outcome is not None
    if json:
        print_json({"verified": good, "outcome": outcome, "steps": [step._asdict() for step in steps]})
    else:
        for number, step in enumerate(steps, start=1):
            mark = marked("ok    ", "green") if step.ok else marked("FAILED", "bold red")
            say(f"{number:>2} ", mark, f" {step.name:<12} {step.detail}")
        if outcome in _SAID:
            say(marked("verified", "bold green"), f": {_SAID[outcome]}")
        elif good:
            say(marked("verified", "bold green"))
        else:
            say(marked("not verified", "bold red"), ": do not rely on this bundle")
    if not good:
        raise typer.Exit(EXIT_REFUSED)


def _account(text: str) -> bytes:
    try:
        account = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        account = b""
    if not account:  # also of a variable that is not set: nothing would match an empty text
        raise typer.BadParameter("hex expected", param_hint="--owner")
    return account
