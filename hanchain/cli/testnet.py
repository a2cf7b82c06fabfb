"""``hanchain testnet``: a network of real node processes on this machine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hanchain.cli.options import DEFAULT_DIRECTORY, Directory, Json, SuiteName, suite_of
from hanchain.cli.output import EXIT_REFUSED, marked, print_json, print_table, reported, say, short

if TYPE_CHECKING:
    from hanchain.testnet.files import NetworkFiles, NodeAddress
    from hanchain.testnet.processes import Processes

app = typer.Typer(no_args_is_help=True)

NodeName = Annotated[str, typer.Argument(help="Node: its name or its number.")]


def _open(directory: Path) -> tuple[NetworkFiles, Processes]:
    from hanchain.testnet.files import load_network
    from hanchain.testnet.processes import Processes

    files = load_network(directory)
    return files, Processes(files)


@app.command("init")
def init(
    directory: Directory = DEFAULT_DIRECTORY,
    validators: Annotated[int, typer.Option("--validators", help="How many.", min=1, max=128)] = 4,
    chain: Annotated[str, typer.Option("--chain", help="Name of the chain.")] = "hanchain-testnet",
    port_base: Annotated[
        int, typer.Option("--port-base", help="First of consecutive ports; 0: free ones.", min=0, max=65_000)
    ] = 0,
    suite: SuiteName = None,
    json: Json = False,
) -> None:
    """Make the files of a network: genesis, keys, certificates, one configuration per validator."""
    from hanchain.testnet.files import create_network

    with reported():
        files = create_network(
            directory, validators=validators, chain_name=chain, port_base=port_base, suite=suite_of(suite)
        )
        genesis = files.genesis()
    if json:
        print_json({"directory": str(directory), "chain_id": genesis.chain_id, "nodes": [n.name for n in files.nodes]})
        return
    for warning in genesis.warnings():
        say(marked("warning", "yellow"), f" {warning}")
    print_table("", ("node", "p2p", "api"), [(n.name, n.p2p, n.api) for n in files.nodes])
    say(f"chain {genesis.chain_name}, id {genesis.chain_id.hex()}")
    say(f"next: hanchain testnet up --dir {directory}")


@app.command("up")
def up(directory: Directory = DEFAULT_DIRECTORY, json: Json = False) -> None:
    """Start all nodes that do not run, in the background, and wait until they answer."""
    with reported():
        files, processes = _open(directory)
        started = [node for node in files.nodes if processes.pid(node) is None]
        for node in started:
            processes.start(node)
        for node in started:
            processes.wait_ready(node)
    if json:
        print_json({"started": [n.name for n in started]})
    else:
        say(f"{len(started)} of {len(files.nodes)} nodes started")
        _print_status(files, processes)


@app.command("status")
def status(directory: Directory = DEFAULT_DIRECTORY, json: Json = False) -> None:
    """Show height, view, leader, block hash and peers of every node."""
    with reported():
        files, processes = _open(directory)
        if json:
            print_json([_look(node, processes) for node in files.nodes])
        else:
            _print_status(files, processes)


def _look(node: NodeAddress, processes: Processes) -> dict[str, Any]:
    from hanchain.sdk import SyncClient
    from hanchain.sdk.errors import ClientError

    row: dict[str, Any] = {"node": node.name, "pid": processes.pid(node), "api": node.url}
    if row["pid"] is None:
        return row | {"state": "down"}
    try:
        with SyncClient([node.url]) as client:
            found = client.chain_status()
    except ClientError as error:
        return row | {"state": "no answer", "detail": str(error)}
    state = "halted" if found.halted else "catching up" if found.catching_up_to else "up"
    if state == "up" and not found.view_active:
        state = "changing view"
    return row | {
        "state": state,
        "height": found.height,
        "view": found.view,
        "leader": found.leader,
        "block_hash": found.block_hash.hex(),
        "pool": found.mempool_transactions,
        "executor": {"state": found.executor.state, "pid": found.executor.pid, "restarts": found.executor.restarts},
        "peers": sum(1 for p in found.peers if p.connected),
        "detail": found.halted or ("" if found.executor.state == "running" else f"executor {found.executor.state}"),
    }


def _print_status(files: NetworkFiles, processes: Processes) -> None:
    rows = [_look(node, processes) for node in files.nodes]
    others = len(rows) - 1
    print_table(
        "",
        ("node", "state", "height", "view", "leader", "block hash", "pool", "peers", "pid"),
        [
            (
                r["node"],
                r["state"],
                r.get("height", "-"),
                r.get("view", "-"),
                r.get("leader", "-"),
                short(bytes.fromhex(r["block_hash"]), 16) if "block_hash" in r else "-",
                r.get("pool", "-"),
                f"{r['peers']}/{others}" if "peers" in r else "-",
                r["pid"] or "-",
            )
            for r in rows
        ],
    )
    for row in rows:
        if row.get("detail"):
            say(f"{row['node']}: {row['detail']}")


@app.command("logs")
def logs(
    node: NodeName,
    directory: Directory = DEFAULT_DIRECTORY,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines.", min=1)] = 30,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
    json: Json = False,
) -> None:
    """Show a node's log: one line per block."""
    with reported():
        files, processes = _open(directory)
        address = files.node(node)
        path = files.log_path(address.name)
    if json:
        print_json({"node": address.name, "path": str(path), "lines": processes.log_tail(address, lines).splitlines()})
    elif follow:
        subprocess.run([shutil.which("tail") or "tail", "-n", str(lines), "-f", str(path)], check=False)  # noqa: S603
    else:
        print(processes.log_tail(address, lines))


@app.command("kill")
def kill(node: NodeName, directory: Directory = DEFAULT_DIRECTORY, json: Json = False) -> None:
    """End a node with SIGKILL, as a crash or a power cut would."""
    with reported():
        files, processes = _open(directory)
        address = files.node(node)
        pid = processes.kill(address)
    _say({"killed": address.name, "pid": pid}, f"{address.name} (process {pid}) killed", json)


@app.command("restart")
def restart(node: NodeName, directory: Directory = DEFAULT_DIRECTORY, json: Json = False) -> None:
    """Start a node again, stopping it first if it runs."""
    with reported():
        files, processes = _open(directory)
        address = files.node(node)
        processes.stop(address)
        pid = processes.start(address)
        processes.wait_ready(address)
    _say({"restarted": address.name, "pid": pid}, f"{address.name} runs as process {pid}", json)


@app.command("down")
def down(directory: Directory = DEFAULT_DIRECTORY, json: Json = False) -> None:
    """Stop all nodes; their data stays."""
    with reported():
        files, processes = _open(directory)
        running = [node.name for node in files.nodes if processes.pid(node) is not None]
        processes.stop_all()
        left = [node.name for node in files.nodes if processes.pid(node) is not None]
    _say({"stopped": running, "left": left}, f"{len(running)} nodes stopped", json)
    if left:
        raise typer.Exit(EXIT_REFUSED)


def _say(document: dict[str, Any], sentence: str, json: bool) -> None:
    if json:
        print_json(document)
    else:
        say(sentence)
