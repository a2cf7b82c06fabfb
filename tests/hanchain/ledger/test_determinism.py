"""The same blocks give the same bytes: whatever is cached, under any hash seed, on any supported Python."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgpack
import pytest

import hanchain
from contracts.compiler import compile_source
from contracts.library import source
from contracts.thread import in_deep_thread
from hanchain.ledger.execution import Catalogue
from hanchain.ledger.receipt import Status
from hanchain.ledger.transaction import decode_transaction

SOURCES = Path(hanchain.__file__).parents[1]

WORKER = """
from contracts.language import CallError, Contract, Event, Map, Record, Table, contract, ctx, export


class Worker(Contract):
    class Entry(Record):
        owner: str
        amounts: list[int]
        tags: dict[str, int]

    entries = Table(Entry, key=tuple[str, int], index=("owner",))
    Big = Event(number=int, text=str)

    @export
    def enter(self, name: str, count: int) -> int:
        tags = {}
        for number in range(count):
            tags[f"{name}-{number * 7 % count}"] = number
        amounts = sorted([number ** 5 % 1009 for number in range(count)])
        self.entries[name, count] = self.Entry(owner=ctx.sender, amounts=amounts, tags=tags)
        self.Big(2 ** 200 + count, name.upper())
        return (2 ** 254 - count) * -1

    @export
    def page(self) -> list[int]:
        found, following = self.entries.rows("owner", (ctx.sender,), limit=3)
        result = []
        for key, entry in found:
            result.extend(entry.amounts)
            result.append(len(entry.tags))
        return result

    @export
    def drop(self, name: str, count: int) -> None:
        del self.entries[name, count]

    def deeper(self, number: int) -> int:
        return self.deeper(number + 1)

    @export
    def misbehave(self, how: int) -> int:
        if how == 0:
            while True:
                pass
        if how == 1:
            return self.deeper(0)
        if how == 2:
            found = []
            while True:
                found.append("x" * 60_000 + "y")
        try:
            contract("evidence").witness(b"d" * 32)
        except CallError as error:
            self.Big(-1, error.code)
        return 10 // (3 - how)
"""


def _blocks(network):
    """Return five blocks of everything: system and user contracts, good, bad and hostile calls."""

    def deploy(name, text, *arguments):
        made = compile_source(text)
        return call("sys.contracts", "deploy", name, made.program, made.abi, text.encode(), arguments)

    def call(contract, method, *arguments, gas_limit=400_000, **changes):
        return network.transaction(
            contract=contract, method=method, arguments=arguments, gas_limit=gas_limit, **changes
        )

    second = WORKER.replace("2 ** 200", "2 ** 201")
    upgraded = compile_source(second)
    keys = tuple(sorted((network.suite.id, user.public_key, 1) for user in network.users))
    return [
        [
            deploy("evidence", source("evidence"), 1),
            deploy("worker", WORKER),
            deploy("worker", WORKER),
            call("no", "a"),
        ],
        [
            *(call("sys.anchor", "notarise", bytes([n]) * 32, "a/b", n, user=n % 3) for n in range(9)),
            *(call("evidence", "deposit", bytes([n]) * 32, "a/b", n, user=n % 3) for n in range(9)),
            *(call("worker", "enter", f"name{n % 4}", n + 1, user=n % 2) for n in range(9)),
            call("worker", "enter", "a", 3, gas_limit=3_000),
            call("worker", "enter", 5, 3),
        ],
        [
            *(call("worker", "misbehave", how) for how in range(5)),
            call("worker", "page"),
            call("worker", "drop", "name0", 1),
            call("worker", "drop", "name0", 1),
            call("worker", "page"),
            call("evidence", "witness", b"\x00" * 32, user=1),
            call("evidence", "witness", b"\x01" * 32, user=1),
        ],
        [
            call("sys.accounts", "register", keys, 2),
            call("sys.anchor", "notarise", b"e" * 32, "a/b", 1),
            call("sys.contracts", "upgrade", "worker", upgraded.program, upgraded.abi, b"", signers=network.users[:2]),
            call("worker", "enter", "汉链", 3, user=2),
            call("sys.contracts", "freeze", "evidence", signers=network.users),
            call("evidence", "deposit", b"f" * 32, "a/b", 1, user=1),
        ],
        [call("worker", "page", user=number) for number in (0, 1, 2)],
    ]


@pytest.fixture(scope="module")
def recorded(network):
    """Return the blocks as a child process reads them."""
    return {
        "parameters": dataclasses.asdict(network.rules.parameters),
        "chain_id": network.genesis.chain_id.hex(),
        "validators_hash": network.genesis.validators_hash.hex(),
        "block0_hash": network.block0.hash(network.suite).hex(),
        "blocks": [
            {
                "timestamp_ms": network.genesis.time_ms + 1000 * height,
                "transactions": [transaction.encoded.hex() for transaction in block],
            }
            for height, block in enumerate(_blocks(network), 1)
        ],
    }


def _execute(network, recorded, catalogue_of):
    """Execute the recorded blocks here, each with the catalogue that a function gives; return their results."""
    state, parent, results = network.state(), network.parent0, []
    for height, block in enumerate(recorded["blocks"]):
        transactions = [decode_transaction(bytes.fromhex(data), network.suite) for data in block["transactions"]]
        executed = network.execute(*transactions, state=state, parent=parent, catalogue=catalogue_of(height))
        parent = executed.as_parent
        results.append(executed)
    return results


@pytest.fixture(scope="module")
def expected(network, recorded):
    """Return the results of the blocks, executed in order by one catalogue."""
    catalogue = Catalogue(network.rules.parameters)
    return in_deep_thread(lambda: _execute(network, recorded, lambda _: catalogue))


def _printed(results):
    return [
        [
            executed.block_hash.hex(),
            [receipt.hex() for receipt in executed.encoded_receipts],
            [[key.hex(), None if value is None else value.hex()] for key, value in executed.writes],
        ]
        for executed in results
    ]


def test_the_blocks_hold_every_outcome(expected):
    """The comparison means something: all statuses occur, with events, results and big integers among them."""
    receipts = [receipt for executed in expected for receipt in executed.receipts]
    assert {receipt.status for receipt in receipts} == set(Status)
    assert {receipt.reason for receipt in receipts if receipt.status is Status.FAILED} == {
        "call_depth",
        "key",
        "out_of_memory",
        "refused",
        "zero_division",
    }
    assert any(receipt.return_value == 3 - 2**254 for receipt in receipts)
    assert len({event.name for receipt in receipts for event in receipt.events}) >= 8


@pytest.mark.parametrize("history", ["cold", "other"])
def test_histories_of_the_catalogue(network, recorded, expected, history):
    """Programs loaded anew for each block, or among many others, give what programs that stayed translated give."""
    catalogue = Catalogue(network.rules.parameters)
    for number in range(20):
        text = WORKER.replace("2 ** 200", f"2 ** {100 + number}")
        catalogue.keep(b"%d" % number, catalogue.machine.load(compile_source(text).program))
    made = (lambda _: Catalogue(network.rules.parameters)) if history == "cold" else (lambda _: catalogue)
    assert in_deep_thread(lambda: _execute(network, recorded, made)) == expected


def _replayed(recorded, interpreter, environment):
    child = Path(__file__).with_name("replay_child.py")
    done = subprocess.run(
        [interpreter, str(child)],
        input=json.dumps(recorded),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("seed", ["1", "4242"])
def test_hash_seeds(recorded, expected, seed):
    """Another process under another hash seed gives the same bytes."""
    found = _replayed(recorded, sys.executable, {"PYTHONHASHSEED": seed, "PYTHONPATH": str(SOURCES)})
    assert found == _printed(expected)


def _interpreter(version):
    """Return an interpreter of this version that runs, None if there is none."""
    installed = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    for candidate in [shutil.which(f"python{version}"), *map(str, installed)]:
        if candidate is not None:
            command = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
            answer = subprocess.run(command, capture_output=True, text=True, check=False)
            if answer.stdout.strip() == version:
                return candidate
    return None


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_python_versions(recorded, expected, version, tmp_path):
    """Another minor version of Python, with the pure form of MessagePack, gives the same bytes."""
    interpreter = _interpreter(version)
    if interpreter is None:
        pytest.skip(f"no Python {version} here to compare with")
    library = Path(msgpack.__file__).parent
    (tmp_path / "msgpack").mkdir()
    for module in library.glob("*.py"):
        (tmp_path / "msgpack" / module.name).write_bytes(module.read_bytes())
    environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(SOURCES)]), "MSGPACK_PUREPYTHON": "1"}
    assert _replayed(recorded, interpreter, environment) == _printed(expected)
