"""``hanchain node``: run one validator, or ask a running one how it is."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hanchain.cli.options import Json
from hanchain.cli.output import fail, print_json, print_table, reported, say, short

if TYPE_CHECKING:
    from hanchain.node.config import Config
    from hanchain.sdk import ExecutorStatus

app = typer.Typer(no_args_is_help=True)

ConfigFile = Annotated[Path, typer.Argument(help="Configuration file (node.toml).", exists=True, dir_okay=False)]


@app.command("run")
def run(
    config: ConfigFile,
    stop_with: Annotated[
        int | None, typer.Option("--stop-with", help="Stop when the process with this id is gone.", hidden=True)
    ] = None,
) -> None:
    """Run a validator in the foreground until SIGINT or SIGTERM."""
    import asyncio

    from hanchain.node.config import load
    from hanchain.node.log import configure

    with reported():
        loaded = load(config, os.environ)
        configure(loaded.log.level, loaded.log.format)
        asyncio.run(_run(loaded, stop_with))


async def _run(config: Config, stop_with: int | None) -> None:
    import asyncio
    import signal

    from hanchain.api.server import ApiServer
    from hanchain.ledger.reasons import Reason, Rejection
    from hanchain.node.assembly import assemble
    from hanchain.node.config import parse_address
    from hanchain.node.local import LocalService

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    node = await asyncio.to_thread(assemble, config)
    api = ApiServer(LocalService(node), *parse_address(config.api.listen, "[api] listen"))
    await node.start()
    try:
        try:
            await api.start()
        except OSError as error:
            raise Rejection(
                Reason.BAD_CONFIG, f"[api] listen {config.api.listen}: {error.strerror or error}"
            ) from error
        while not stop.is_set():
            try:
                async with asyncio.timeout(1.0):
                    await stop.wait()
            except TimeoutError:
                if stop_with is not None and not _exists(stop_with):
                    break
    finally:
        await api.close()
        await node.close()


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _executor(executor: ExecutorStatus) -> str:
    """Return who runs the contracts, and what became of those before."""
    process = "in the node's process" if executor.mode == "inline" else f"process {executor.pid or '-'}"
    if not executor.restarts:
        return f"{executor.state}, {process}"
    again = f"{executor.restarts} restart{'' if executor.restarts == 1 else 's'}"
    return f"{executor.state}, {process}, {again}, {executor.replayed} blocks executed again in the last"


@app.command("clear-halt")
def clear_halt(
    config: ConfigFile,
    mended: Annotated[
        bool, typer.Option("--mended", help="The cause is mended: let this validator vote again.")
    ] = False,
    json: Json = False,
) -> None:
    """Show why a stopped validator votes no more, and with --mended let it vote again."""
    from hanchain.node import mending
    from hanchain.node.config import load

    with reported():
        loaded = load(config, os.environ)
        found = mending.clear_halt(loaded) if mended else mending.read_halt(loaded)
    if json:
        print_json({"halted": None if found is None else asdict(found), "cleared": mended and found is not None})
        return
    if found is None:
        say("nothing to clear: this validator may vote")
        return
    say(f"halted at height {found.height}: {found.reason}")
    if mended:
        say(f"cleared; it starts on blocks that are certified up to height {found.height}")
    else:
        say("once its cause is mended (docs/halted.md): the same command with --mended")


@app.command("status")
def status(
    url: Annotated[str, typer.Option("--url", help="API address of the node.")] = "http://127.0.0.1:8600",
    json: Json = False,
) -> None:
    """Show where a node stands: height, view, leader, pool, peers."""
    from hanchain.sdk import SyncClient

    with reported(), SyncClient([url]) as client:
        found = client.chain_status()
    if json:
        print_json(asdict(found))
    else:
        for key, value in (
            ("node", f"{found.node_name}, version {found.node_version}"),
            ("chain", f"{found.chain_name} {found.chain_id.hex()}"),
            ("height", f"{found.height}  {short(found.block_hash, 16)}"),
            ("view", f"{found.view}{'' if found.view_active else ' (changing)'}, leader {found.leader}"),
            ("pool", f"{found.mempool_transactions} transactions, {found.mempool_bytes} bytes"),
            ("executor", _executor(found.executor)),
            ("uptime", f"{found.uptime_ms // 1000} s"),
        ):
            say(f"{key:<9} {value}")
        if found.catching_up_to is not None:
            say(f"catching up to height {found.catching_up_to}")
        print_table(
            "", ("peer", "address", "link"), [(p.name, p.address, p.detail or "not connected") for p in found.peers]
        )
    if found.alarm is not None:
        say(f"ALARM: {found.alarm}")
    if found.halted is not None:
        raise fail(f"this node stopped voting: {found.halted}")
