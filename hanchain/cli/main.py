"""``hanchain``: the command line's entry point."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from hanchain import __version__
from hanchain.cli import anchor, chain, contract, demo, keys, node, simulate, state, testnet, verify
from hanchain.cli import bench as bench_commands
from hanchain.cli.output import EXIT_INTERRUPTED, errors, print_json

app = typer.Typer(
    name="hanchain",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Hanchain (汉链): a permissioned blockchain. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, "
    "3 no node reached, 130 interrupted.",
)
app.command("demo")(demo.demo)
app.add_typer(testnet.app, name="testnet", help="Test networks on this machine: make, start, watch, break, stop.")
app.add_typer(node.app, name="node", help="Run one validator, or ask a running one how it is.")
app.add_typer(keys.app, name="keys", help="Keys in an encrypted key store.")
app.command("anchor")(anchor.anchor)
app.add_typer(contract.app, name="contract", help="Contracts: check, deploy, call, query, show.")
app.add_typer(chain.tx, name="tx", help="Transactions: send them, see where they stand, have them proved.")
app.add_typer(chain.block, name="block", help="Blocks.")
app.add_typer(state.app, name="state", help="What contracts have stored, with its proof.")
app.command("verify")(verify.verify)
app.add_typer(simulate.app, name="sim", help="The consensus simulator: search for violations, replay a seed.")
app.add_typer(bench_commands.app, name="bench", help="Benchmarks.")


@app.command("version")
def version(json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False) -> None:
    """Print the version."""
    if json:
        print_json({"version": __version__, "python": sys.version.split()[0]})
    else:
        print(f"hanchain {__version__} (Python {sys.version.split()[0]})")


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Unicode gets escapes, not a traceback
    try:
        app()
    except KeyboardInterrupt:
        errors.print("interrupted")
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
