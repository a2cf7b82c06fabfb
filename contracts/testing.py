"""A chain of one process, to try contracts on a desk: deploy, call as anybody, look at events, state and gas.

    chain = LocalChain()
    alice, bob = chain.account("alice"), chain.account("bob")
    evidence = chain.deploy("evidence", source("evidence"), 1, sender=alice)
    evidence.call("deposit", digest, "text/plain", 12, sender=alice)
    with reverts("E_OWNER"):
        evidence.call("witness", digest, sender=alice)
    assert evidence.view("is_confirmed", digest) is False

It runs the real machine; signatures, quotas and the order of blocks are the ledger's and have no part in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from contracts.abivalues import AbiMismatch, default_of, from_wire, to_wire
from contracts.codec import decode
from contracts.compiler import compile_source
from contracts.explanations import meaning_of
from contracts.host import Account, Context
from contracts.keys import Part, encode_key
from contracts.machine import Entry, Machine, Outcome, Status
from contracts.memory import EmittedEvent, MemoryHost
from contracts.thread import in_deep_thread

GAS_LIMIT: Final = 2_000_000  # of one call, as in the genesis of a test network
TIME_MS: Final = 1_700_000_000_000  # of the first block
BLOCK_MS: Final = 1_000  # between blocks unless said otherwise


class CallFailed(Exception):
    """A call did not end ok; ``outcome`` says how."""

    def __init__(self, contract: str, method: str, outcome: Outcome, detail: str = "") -> None:
        self.outcome = outcome
        meaning = "" if outcome.code else meaning_of(outcome.reason) or detail
        said = f"{contract}.{method}: {outcome.status} {outcome.code or outcome.reason}"
        super().__init__(f"{said}: {meaning}" if meaning else said)

    @property
    def code(self) -> str:
        """Return the contract's code of a revert, else the machine's reason."""
        return self.outcome.code or self.outcome.reason


@dataclass(frozen=True, slots=True)
class Event:
    """An event with its fields by name."""

    contract: str
    name: str
    fields: dict[str, Any]


@contextmanager
def reverts(code: str) -> Iterator[None]:
    """Expect that what is inside reverts with ``code``; raise AssertionError if it does not."""
    outcome: Outcome | None = None
    try:
        yield
    except CallFailed as failed:
        outcome = failed.outcome
    assert outcome is not None, f"expected a revert with {code}, but it went through"
    assert (outcome.status, outcome.code) == (Status.REVERT, code), f"expected a revert with {code}: {outcome}"


class LocalChain:
    """Contracts, accounts and a block height; every call is a transaction of its own."""

    def __init__(self, *, height: int = 1, time_ms: int = TIME_MS, gas_limit: int = GAS_LIMIT) -> None:
        self.height = height
        self.time_ms = time_ms
        self.gas_limit = gas_limit
        self.host = MemoryHost()
        self.machine = Machine()
        self.contracts: dict[str, LocalContract] = {}
        self.last: Outcome | None = None  # of the last call or view
        self._transactions = 0

    def account(self, name: str, *, organisation: str = "", roles: tuple[str, ...] = (), level: int = 0) -> str:
        """Register an account, or change it, and return its id: the same for the same name."""
        identity = name.encode().hex()
        self.host.accounts[identity] = Account(
            exists=True, organisation=organisation, roles=roles, level=level, status="normal"
        )
        return identity

    def advance(self, blocks: int = 1, ms: int | None = None) -> None:
        """Go on by some blocks, and by ``ms`` of their clock (default: a second for each)."""
        self.height += blocks
        self.time_ms += blocks * BLOCK_MS if ms is None else ms

    def deploy(self, name: str, source: str | bytes, *arguments: Any, sender: str) -> LocalContract:
        """Compile and deploy a contract and run its ``@init``; raise CompileErrors or CallFailed."""
        assert name not in self.contracts, f"there is a contract {name!r} already"
        compiled = compile_source(source, name)
        abi: dict[str, Any] = json.loads(compiled.abi)
        deployed = LocalContract(self, name, abi)
        self.host.programs[name] = self.machine.load(compiled.program)
        init = next((method for method in abi["methods"] if method["kind"] == "init"), None)
        try:
            self._run(deployed, "", deployed.encode(init, arguments), sender, Entry.INIT, self.gas_limit)
        except CallFailed:
            del self.host.programs[name]
            raise
        self.contracts[name] = deployed
        return deployed

    @property
    def events(self) -> list[Event]:
        """Return all events so far."""
        return [self._named(event) for event in self.host.events]

    def _named(self, event: EmittedEvent) -> Event:
        abi = self.contracts[event.contract].abi
        fields = next(item["fields"] for item in abi["events"] if item["name"] == event.name)
        named = zip(fields, event.fields, strict=True)
        return Event(
            event.contract, event.name, {field["name"]: from_wire(field["type"], wire, abi) for field, wire in named}
        )

    def _run(
        self, contract: LocalContract, method: str, arguments: tuple[Any, ...], sender: str, entry: Entry, gas: int
    ) -> Any:
        """Run one transaction or view and return its wire result; undo everything unless it ends ok."""
        self._transactions += 1
        context = Context(
            sender=sender,
            height=self.height,
            time_ms=self.time_ms,
            tx_id=b"" if entry is Entry.VIEW else self._transactions.to_bytes(16, "big"),
            chain_id=b"local",
            organisation=self.host.account(sender).organisation or None,
        )
        self.host.begin()
        outcome = in_deep_thread(
            lambda: self.machine.call(
                self.host.programs[contract.name],
                contract=contract.name,
                method=method,
                arguments=arguments,
                host=self.host,
                context=context,
                gas=gas,
                entry=entry,
            )
        )
        self.last = outcome
        if outcome.status is not Status.OK:
            self.host.undo()
            raise CallFailed(contract.name, method or "init", outcome, _taken(contract.abi, method, outcome))
        self.host.keep()
        return outcome.value


def _taken(abi: dict[str, Any], name: str, outcome: Outcome) -> str:
    """Return what a refused call could have been: the parameters of its method, or the methods that there are."""
    if outcome.status is not Status.REFUSED:
        return ""
    kind = "init" if not name else None
    method = next((item for item in abi["methods"] if item["name"] == name or item["kind"] == kind), None)
    if method is None:
        return f"there are {', '.join(item['name'] for item in abi['methods'] if item['kind'] != 'init')}"
    parameters = ", ".join(f"{item['name']}: {item['python']}" for item in method["parameters"])
    return f"it is the {method['kind']} {method['name']}({parameters})"


class LocalContract:
    """A deployed contract; values go in and come out by its ABI."""

    def __init__(self, chain: LocalChain, name: str, abi: dict[str, Any]) -> None:
        self.chain = chain
        self.name = name
        self.abi = abi

    def call(self, method: str, *arguments: Any, sender: str, gas: int | None = None) -> Any:
        """Send a transaction and return the method's result; raise CallFailed."""
        return self._run(method, arguments, sender, Entry.CALL, gas)

    def view(self, method: str, *arguments: Any, gas: int | None = None) -> Any:
        """Ask a view and return its result; raise CallFailed."""
        return self._run(method, arguments, "", Entry.VIEW, gas)

    def stored(self, cell: str, *key: Part) -> Any:
        """Return what a cell holds under a key, None if nothing is stored."""
        data = self.chain.host.read(self.name, encode_key((cell, *key)))
        declared = next(item["value"]["type"] for item in self.abi["cells"] if item["name"] == cell)
        return None if data is None else from_wire(declared, decode(data), self.abi)

    def encode(self, method: dict[str, Any] | None, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return arguments on the wire, defaults filled in; what does not fit passes for the machine to refuse."""
        parameters = method["parameters"] if method is not None else []
        missing = parameters[len(arguments) :]
        if len(arguments) <= len(parameters) and all("default" in parameter for parameter in missing):
            arguments = (*arguments, *(default_of(parameter) for parameter in missing))
        if len(arguments) != len(parameters):
            return arguments
        try:
            return tuple(
                to_wire(parameter["type"], argument, self.abi)
                for parameter, argument in zip(parameters, arguments, strict=True)
            )
        except AbiMismatch:
            return arguments

    def _run(self, name: str, arguments: tuple[Any, ...], sender: str, entry: Entry, gas: int | None) -> Any:
        method = next((item for item in self.abi["methods"] if item["name"] == name), None)
        wire = arguments if method is None else self.encode(method, arguments)
        limit = self.chain.gas_limit if gas is None else gas
        result = self.chain._run(self, name, wire, sender, entry, limit)
        return None if method is None else from_wire(method["result"]["type"], result, self.abi)
