"""``hanchain demo``: the main job from end to end on one machine, and a proof at the end."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from hanchain.cli.options import Json
from hanchain.cli.output import fail, reported
from hanchain.crypto.content import digest_file

FILES_MAX = 400  # more are deposited with a program of one's own


def demo(
    files: Annotated[list[Path] | None, typer.Argument(help="Files to deposit; default: the project's own.")] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Keep the network, its logs and the proof in this new directory.")
    ] = None,
    json: Json = False,
) -> None:
    """Four validators run a contract, the leader and an executor are killed under load, and proofs verify offline."""
    from hanchain.cli.demonstration import Demonstration

    with reported(), _stopped_by_signals():
        chosen = _choose(files or [])
        if keep is not None:
            Demonstration(keep, chosen, json).run()
            return
        with tempfile.TemporaryDirectory(prefix="hanchain-demo-") as scratch:
            Demonstration(Path(scratch) / "network", chosen, json).run()


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the demo as Ctrl-C does: with everything it started."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _choose(given: Sequence[Path]) -> list[Path]:
    """Return distinct files: those given, else the project's documents and sources. Equal contents are one file."""
    if given:
        candidates = list(given)
        for path in candidates:
            if not path.is_file():
                raise fail(f"{path} is no file")
    else:
        root = Path(__file__).resolve().parents[2]
        documents = [p for pattern in ("*.md", "LICENSE", "docs/**/*.md") for p in sorted(root.glob(pattern))]
        packages = [root / name for name in ("hanchain", "consensus", "contracts", "p2p", "storage")]
        sources = [p for package in packages for s in (".md", ".py") for p in sorted(package.rglob(f"*{s}"))]
        candidates = [p for p in dict.fromkeys([*documents, *sources]) if p.stat().st_size > 0]
    distinct: dict[bytes, Path] = {}
    for path in candidates:
        distinct.setdefault(digest_file(path), path)
    if len(distinct) > FILES_MAX:
        raise fail(f"{len(distinct)} files; the demo takes {FILES_MAX}")
    return list(distinct.values())
