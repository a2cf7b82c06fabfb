"""``hanchain contract``: check, deploy, call, query and show contracts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hanchain.cli.options import (
    DEFAULT_DIRECTORY,
    Directory,
    GasLimit,
    GenesisFile,
    Json,
    KeyName,
    KeyStoreDirectory,
    PassphraseFile,
    ProofFile,
    Urls,
    resolve,
    unlock,
)
from hanchain.cli.output import fail, marked, print_json, print_table, reported, say
from hanchain.cli.sealed import failing, print_called, write_proof

if TYPE_CHECKING:
    from contracts.compiler import Compiled, CompileErrors, Finding
    from hanchain.sdk.abi import Abi

app = typer.Typer(no_args_is_help=True)

Source = Annotated[Path, typer.Argument(help="Source of the contract.", exists=True, dir_okay=False)]
Name = Annotated[str, typer.Argument(help="Name of the contract.")]
DeployedName = Annotated[
    str, typer.Option("--name", help="Name on the chain: 3..32 of a-z, 0-9 and _, a letter first.")
]
MethodName = Annotated[str, typer.Argument(help="Name of the method.")]
Arguments = Annotated[
    list[str] | None,
    typer.Argument(
        help="Arguments by their declared types: 42, true, text, 0x00ff, digest:FILE, JSON for lists and records; "
        "or name=value. A negative number stands after --."
    ),
]


@app.command("check")
def check(
    file: Source,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Write program and ABI into this directory.", file_okay=False),
    ] = None,
    json: Json = False,
) -> None:
    """Compile a contract here, and say all that is wrong with it, line by line; nothing is sent anywhere."""
    with reported():
        source = file.read_bytes()
        compiled = _compile(source, file, json)
        abi = _abi(compiled)
        written = _write(output, file, compiled)
    if json:
        print_json(
            {
                "ok": True,
                "name": abi.name,
                "errors": [],
                "warnings": [_finding(warning) for warning in compiled.warnings],
                "program_bytes": len(compiled.program),
                "abi_bytes": len(compiled.abi),
                "written": written,
            }
        )
        return
    _print_findings(compiled.warnings, source, file)
    _print_abi(abi)
    say(f"program {len(compiled.program)} bytes, ABI {len(compiled.abi)} bytes")
    for path in written:
        say(f"written     {path}")
    say(marked("good", "bold green"))


@app.command("deploy")
def deploy(
    file: Source,
    name: DeployedName,
    arguments: Arguments = None,
    directory: Directory = DEFAULT_DIRECTORY,
    url: Urls = None,
    genesis: GenesisFile = None,
    keys: KeyStoreDirectory = None,
    key: KeyName = "client",
    passphrase_file: PassphraseFile = None,
    gas_limit: GasLimit = None,
    proof: ProofFile = None,
    json: Json = False,
) -> None:
    """Compile a contract and put it behind a new name; the arguments go to its @init. The key's account owns it."""
    from hanchain.cli.arguments import read_call
    from hanchain.ledger.reasons import Reason, Rejection
    from hanchain.ledger.system import contracts
    from hanchain.sdk import SyncClient

    with reported():
        source = file.read_bytes()
        compiled = _compile(source, file, json)
        abi = _abi(compiled)
        words = arguments or []
        if abi.initializer is None and words:
            raise Rejection(Reason.BAD_ARGUMENTS, f"{abi.name} has no @init and takes no arguments")
        values = () if abi.initializer is None else read_call(abi.initializer, words)
        urls, known = resolve(directory, url, genesis)
        signer = unlock(directory, keys, key, passphrase_file)
        with SyncClient(urls, known) as client, failing(proof, json) as signed:
            done = client.call(
                signer,
                contracts.NAME,
                contracts.DEPLOY,
                (name, compiled.program, compiled.abi, source, values),
                gas_limit=known.parameters.max_transaction_gas if gas_limit is None else gas_limit,
                signed=signed,
            )
        written = write_proof(proof, done.proof)
    if not json:
        _print_findings(compiled.warnings, source, file)
        say(marked(name, "bold"), f" is {abi.name} of {file}")
    print_called(done, written, json)


@app.command("upgrade")
def upgrade(
    file: Source,
    name: DeployedName,
    directory: Directory = DEFAULT_DIRECTORY,
    url: Urls = None,
    genesis: GenesisFile = None,
    keys: KeyStoreDirectory = None,
    key: KeyName = "client",
    passphrase_file: PassphraseFile = None,
    gas_limit: GasLimit = None,
    proof: ProofFile = None,
    json: Json = False,
) -> None:
    """Put another version behind a name of the key's account; records, states and cells it has stay as they are."""
    from hanchain.ledger.system import contracts
    from hanchain.sdk import SyncClient

    with reported():
        source = file.read_bytes()
        compiled = _compile(source, file, json)
        urls, known = resolve(directory, url, genesis)
        signer = unlock(directory, keys, key, passphrase_file)
        with SyncClient(urls, known) as client, failing(proof, json) as signed:
            done = client.call(
                signer,
                contracts.NAME,
                contracts.UPGRADE,
                (name, compiled.program, compiled.abi, source),
                gas_limit=known.parameters.max_transaction_gas if gas_limit is None else gas_limit,
                signed=signed,
            )
        written = write_proof(proof, done.proof)
    if not json:
        _print_findings(compiled.warnings, source, file)
    print_called(done, written, json)


@app.command("call")
def call(
    name: Name,
    method: MethodName,
    arguments: Arguments = None,
    directory: Directory = DEFAULT_DIRECTORY,
    url: Urls = None,
    genesis: GenesisFile = None,
    keys: KeyStoreDirectory = None,
    key: KeyName = "client",
    passphrase_file: PassphraseFile = None,
    gas_limit: GasLimit = None,
    proof: ProofFile = None,
    json: Json = False,
) -> None:
    """Call a method by a transaction, wait until it is sealed, verify it; system contracts are called the same way."""
    from hanchain.cli.arguments import read_call
    from hanchain.sdk import SyncClient
    from hanchain.sdk import limits as sdk_limits
    from hanchain.sdk.abi import MethodKind

    with reported():
        urls, known = resolve(directory, url, genesis)
        with SyncClient(urls, known) as client:
            contract = client.contract(name)
            values = read_call(contract.abi.method(method, MethodKind.EXPORT), arguments or [])
            signer = unlock(directory, keys, key, passphrase_file)
            gas = sdk_limits.CONTRACT_GAS_LIMIT_DEFAULT if gas_limit is None else gas_limit
            with failing(proof, json) as signed:
                done = client.call(signer, name, method, values, gas_limit=gas, signed=signed)
        written = write_proof(proof, done.proof)
    print_called(done, written, json, contract=contract, method=method)


@app.command("query")
def query(
    name: Name,
    method: MethodName,
    arguments: Arguments = None,
    directory: Directory = DEFAULT_DIRECTORY,
    url: Urls = None,
    genesis: GenesisFile = None,
    json: Json = False,
) -> None:
    """Call a view on a node's last state. The answer is that node's word; what `state get` says is proved."""
    from hanchain.cli.arguments import read_call
    from hanchain.cli.sealed import compact
    from hanchain.sdk import SyncClient
    from hanchain.sdk.abi import MethodKind

    with reported():
        urls, known = resolve(directory, url, genesis)
        with SyncClient(urls, known) as client:
            declared = client.contract(name).abi.method(method, MethodKind.VIEW)
            found = client.view(name, method, *read_call(declared, arguments or []))
        value = declared.result.to_json(declared.returned(found.value))
    if json:
        print_json({"height": found.height, "value": value})
    else:
        say(compact(value))
        say(f"as of block {found.height}, as one node says")


@app.command("show")
def show(
    name: Name,
    directory: Directory = DEFAULT_DIRECTORY,
    url: Urls = None,
    genesis: GenesisFile = None,
    json: Json = False,
) -> None:
    """Show what stands behind a name: owner, version, hashes, and its methods, events and state; all of it proved."""
    import dataclasses
    import json as json_format

    from hanchain.ledger.rules import system_registry
    from hanchain.ledger.system import contracts
    from hanchain.ledger.system.description import abi_of
    from hanchain.sdk import SyncClient
    from hanchain.sdk.abi import parse_abi

    fields: dict[str, Any] = {"name": name}
    encoded = next((abi_of(each) for each in system_registry() if each.name == name), None)
    with reported():
        urls, known = resolve(directory, url, genesis)
        if encoded is None:
            with SyncClient(urls, known) as client:
                record = client.state(contracts.NAME, "contract", name)
                stored = client.state(contracts.NAME, "abi", name)
            if not isinstance(record.value, tuple) or not isinstance(stored.value, bytes):
                raise fail(f"unknown_contract: there is no {name}, proved at height {record.height}")
            names = (field.name for field in dataclasses.fields(contracts.Deployed))
            fields |= {**dict(zip(names, record.value, strict=True)), "at_height": record.height}
            encoded = stored.value
        abi = parse_abi(encoded)
    if json:
        print_json({**fields, "abi": json_format.loads(encoded)})
        return
    for field, value in fields.items():
        say(f"{field:<11} {value.hex() if isinstance(value, bytes) else value}")
    _print_abi(abi)


@app.command("list")
def list_contracts(
    directory: Directory = DEFAULT_DIRECTORY,
    url: Urls = None,
    genesis: GenesisFile = None,
    json: Json = False,
) -> None:
    """List the contracts of the chain, as one node says."""
    from hanchain.ledger.limits import NAMES_LISTED_MAX
    from hanchain.ledger.rules import system_registry
    from hanchain.ledger.system import contracts
    from hanchain.sdk import SyncClient

    names = [contract.name for contract in system_registry()]
    with reported():
        urls, known = resolve(directory, url, genesis)
        with SyncClient(urls, known) as client:
            directory_of = client.contract(contracts.NAME)
            cursor: str | None = ""
            while cursor is not None:
                page: Any = directory_of.query("names", cursor, NAMES_LISTED_MAX).value
                names += page[0]
                cursor = page[1]
    if json:
        print_json(names)
    else:
        for name in names:
            say(name)


def _compile(source: bytes, file: Path, json: bool) -> Compiled:
    """Return the compiled source; print all errors and end the command when there are any."""
    from contracts.compiler import CompileErrors, compile_source

    try:
        return compile_source(source, str(file))
    except CompileErrors as errors:
        raise _refused(errors, source, file, json) from None


def _refused(refused: CompileErrors, source: bytes, file: Path, json: bool) -> typer.Exit:
    if json:
        print_json({"ok": False, "errors": [_finding(error) for error in refused.errors], "warnings": []})
        return typer.Exit(1)
    _print_findings(refused.errors, source, file)
    count = len(refused.errors)
    return fail(f"{file}: {count} error{'' if count == 1 else 's'}")


def _print_findings(findings: Sequence[Finding], source: bytes, file: Path) -> None:
    from contracts.compiler import render

    if findings:
        typer.echo(render(tuple(findings), source, str(file)), err=True)


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "line": finding.line,
        "column": finding.column,
        "length": finding.length,
        "reason": str(finding.reason),
        "message": finding.message,
        "suggestion": finding.suggestion,
    }


def _abi(compiled: Compiled) -> Abi:
    from hanchain.sdk.abi import parse_abi

    return parse_abi(compiled.abi)


def _write(output: Path | None, file: Path, compiled: Compiled) -> list[str]:
    if output is None:
        return []
    output.mkdir(parents=True, exist_ok=True)
    written = {output / f"{file.stem}.program": compiled.program, output / f"{file.stem}.abi.json": compiled.abi}
    for path, data in written.items():
        path.write_bytes(data)
    return [str(path) for path in written]


def _print_abi(abi: Abi) -> None:
    say(marked(abi.name, "bold"), f": {abi.docs.splitlines()[0]}" if abi.docs else "")
    if abi.methods:
        print_table("", ("kind", "method"), [(m.kind.value, m.signature) for m in abi.methods])
    if abi.events:
        rows = [
            (event.name, ", ".join(f"{name}: {kind.name}" for name, kind in event.fields), ", ".join(event.indexed))
            for event in abi.events
        ]
        print_table("", ("event", "fields", "indexed"), rows)
    if abi.cells:
        cells = [
            (cell.name, cell.kind, ", ".join(kind.name for kind in cell.keys), cell.value.name) for cell in abi.cells
        ]
        print_table("", ("state", "kind", "key", "value"), cells)
