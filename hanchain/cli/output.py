"""What the commands print: tables for people, one JSON document for programs, errors that say what to do next.

Exit codes: 0 done; 1 refused, failed or not verified; 2 wrong usage; 3 no node reached; 130 interrupted.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hanchain.crypto import CryptoRejection
from hanchain.ledger.reasons import Rejection

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130

_WORD_LENGTH = 20  # of a table: longer ones, such as hashes, may be broken over lines
_BEYOND_ASCII = re.compile(r"[^\n -~]")

# No markup: what commands print holds names of files and words of other nodes, which are data and never styles.
console = Console(highlight=False, markup=False, emoji=False)
errors = Console(stderr=True, highlight=False, markup=False, emoji=False)


def plain(value: object) -> str:
    """Return a value in one printable line: control characters and broken encodings as escapes."""
    text = str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def marked(value: object, style: str) -> Text:
    """Return a value with a style."""
    return Text(plain(value), style)


def say(*parts: str | Text) -> None:
    """Print one line; it is broken by the terminal, not by us, so that a copied hash stays whole."""
    console.print(Text.assemble(*(p if isinstance(p, Text) else plain(p) for p in parts)), soft_wrap=True)


def print_json(document: object) -> None:
    """Print one JSON document; bytes become 0x hex."""
    text = json.dumps(document, indent=2, default=_plain, ensure_ascii=False)
    sys.stdout.write(_BEYOND_ASCII.sub(_escaped, text) + "\n")


def _escaped(match: re.Match[str]) -> str:
    # Terminals obey some controls beyond ASCII too. They stand in strings, where an escape says the same.
    character = match[0]
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if character.isascii() else json.dumps(character)[1:-1]


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return str(value)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table that fits the terminal, numbers to the right; where its words do not fit, a line for each cell."""
    rows = [list(row) for row in rows]
    if _width(columns, rows) > console.width:
        _print_rows(title, columns, rows)
        return
    heading = Text(title) if title else None
    table = Table(title=heading, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(cell)) for cell in row))
    console.print(table)


def _width(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> int:
    """Return the characters that a table needs before it has to break words that people read as one."""
    cells = [[column, *(_cell(row[index]) for row in rows)] for index, column in enumerate(columns)]
    words = [max(len(word) for cell in column for word in cell.split() or [""]) for column in cells]
    return sum(min(width, _WORD_LENGTH) for width in words) + 2 * (len(columns) - 1)


def _print_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    if title:
        say(title)
    label = max(map(len, columns))
    for row in rows:
        for column, cell in zip(columns, row, strict=True):
            say(f"{column:<{label}}  {_cell(cell)}")
        say("")


def _cell(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else plain(value)


def warn(message: str) -> None:
    """Print a line beside the output of a command."""
    errors.print(Text.assemble(marked("warning", "yellow"), " ", plain(message)), soft_wrap=True)


def fail(message: str, *, code: int = EXIT_REFUSED) -> typer.Exit:
    """Print an error and return the exception that ends the command."""
    lines = "\n".join(map(plain, message.splitlines()))
    errors.print(Text.assemble(marked("error", "bold red"), " ", lines), soft_wrap=True)
    return typer.Exit(code)


_DAMAGED = (
    "what next: data/state may be removed, it is made again from the blocks; with damaged blocks or a damaged log put "
    "back a backup of the whole data directory, or let this validator rejoin with a new key"
)
_HINTS = {  # errors of packages that only the commands which need them load: known by name, with what to do next
    "RpcError": "",
    "timeout": "is a quorum up? `hanchain testnet status`; go on waiting with `hanchain tx wait ID`",
    "BadAnswer": "is it a node, and of the same version as this program? `hanchain version`",
    "Unverified": "do not rely on this node's answers",
    "Locked": "another process runs this node",
    "Corruption": _DAMAGED,
    "CorruptLog": _DAMAGED,
    "Missing": _DAMAGED,
    "Fault": _DAMAGED,
    "DiskFull": "make room and start again; nothing was lost",
}


@contextmanager
def reported() -> Iterator[None]:
    """Turn everything that may go wrong into a sentence and an exit code; anything else is a bug and stays one."""
    try:
        yield
    except (Rejection, CryptoRejection) as error:
        raise fail(f"{error.reason}: {error.detail}" if error.detail else str(error.reason)) from None
    except OSError as error:
        raise fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}") from None
    except Exception as error:
        # The client library and the databases are loaded by the commands that use them; their errors are known by name.
        kind = type(error).__name__
        if kind == "Unreachable":
            attempts = dict(getattr(error, "attempts", ()))
            said = "; ".join(f"{url}: {what}" for url, what in list(attempts.items())[:1])
            more = f" ({len(attempts)} addresses tried)" if len(attempts) > 1 else ""
            hint = "is the network up? `hanchain testnet status`"
            raise fail(f"no node answered{more}: {said}\n{hint}", code=EXIT_UNREACHABLE) from None
        if kind == "BadAddress":
            raise fail(str(error), code=EXIT_USAGE) from None
        if kind == "TransactionFailed":
            raise fail(_failure(error)) from None
        if kind in _HINTS:
            hint = _HINTS["timeout" if getattr(error, "reason", "") == "timeout" else kind]
            raise fail(f"{error}\n{hint}" if hint else str(error)) from None
        raise


def _failure(error: Any) -> str:
    """Return what is said of a transaction that was sealed and failed: why, and which one it was."""
    from contracts.explanations import meaning_of

    receipt = error.receipt
    why = receipt.message or meaning_of(receipt.reason) or "the contract says no"
    where = f"transaction {receipt.txid.hex()}, block {receipt.height}, number {receipt.index}"
    return f"{receipt.reason}: {why}\n{where}; {receipt.gas_used} gas; it changed nothing"


def short(digest: bytes, length: int = 12) -> str:
    """Return the beginning of a digest in hex."""
    return digest.hex()[:length]
