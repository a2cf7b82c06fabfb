"""A contract by its ABI: methods take and give Python values, events and state come back with names.

evidence = await client.contract("evidence")
await evidence.call(key, "deposit", digest=digest, media_type="application/pdf", size=5)
item = (await evidence.query("find", digest)).value        # a dict of the record's fields
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hanchain.crypto import PrivateKey
from hanchain.ledger.bundles import StateBundle, TransactionBundle
from hanchain.ledger.codec import CodecError, Value, decode
from hanchain.ledger.fields import rejection_of
from hanchain.ledger.limits import STATE_VALUE_BYTES_MAX
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.receipt import Event, Receipt, Status
from hanchain.sdk import limits
from hanchain.sdk.abi import Abi, MethodKind
from hanchain.sdk.errors import TransactionFailed
from hanchain.sdk.results import Called, EventSeen, StateRead, ViewResult

if TYPE_CHECKING:
    from hanchain.sdk.client import Client


class Contract:
    """One deployed contract, seen through a client. Errors are those of ``Client``; Rejection for wrong arguments."""

    def __init__(self, client: Client, name: str, abi: Abi) -> None:
        self._client = client
        self.name = name
        self.abi = abi

    async def call(
        self,
        key: PrivateKey,
        method: str,
        /,
        *arguments: object,
        gas_limit: int = limits.CONTRACT_GAS_LIMIT_DEFAULT,
        timeout_ms: int = limits.WAIT_MS_DEFAULT,
        **named: object,
    ) -> Called:
        """Call a method by a transaction of the account of ``key``, and wait until it is sealed.

        Raise TransactionFailed, an RpcError, whose reason is the contract's code (E_…) or the kind of failure.
        """
        declared = self.abi.method(method, MethodKind.EXPORT)
        values = declared.arguments(arguments, named)
        called = await self._client.call(key, self.name, method, values, gas_limit=gas_limit, timeout_ms=timeout_ms)
        return replace(
            called,
            value=declared.returned(called.receipt.return_value),
            events=tuple(self.event(event) for event in called.receipt.events),
        )

    async def query(self, method: str, /, *arguments: object, **named: object) -> ViewResult:
        """Call a view on a node's last state; the answer is that node's word. ``state`` is proved."""
        declared = self.abi.method(method, MethodKind.VIEW)
        found = await self._client.view(self.name, method, *declared.arguments(arguments, named))
        return ViewResult(found.height, declared.returned(found.value))

    async def state(self, cell: str, /, *keys: object, at_least: int = 0) -> StateRead:
        """Read a piece of the contract's state, verified against the genesis of the client; see ``Client.state``."""
        declared = self.abi.cell(cell)
        if len(keys) != len(declared.keys):
            kinds = ", ".join(kind.name for kind in declared.keys) or "none"
            raise Rejection(Reason.BAD_ARGUMENTS, f"{cell}: {len(keys)} keys given, its keys are: {kinds}")
        parts: list[Any] = [kind.to_value(key, f"key of {cell}") for kind, key in zip(declared.keys, keys, strict=True)]
        found = await self._client.state(self.name, cell, *parts, at_least=at_least)
        if not found.present:
            return found
        return replace(found, value=declared.value.from_value(found.value, cell))

    def event(self, event: Event) -> EventSeen:
        """Return an event with the names of its fields; one of another contract keeps positions."""
        declared = self.abi.event(event.name) if event.contract == self.name else None
        return EventSeen(event.contract, event.name, event.fields if declared is None else declared.read(event.fields))


def called(receipt: Receipt, proof: TransactionBundle | None) -> Called:
    """Return a transaction that executed well, with the ledger's values; raise TransactionFailed for another."""
    if receipt.status is not Status.OK:
        raise TransactionFailed(receipt, proof)
    events = tuple(EventSeen(event.contract, event.name, event.fields) for event in receipt.events)
    return Called(
        receipt.txid, receipt.height, receipt.index, receipt.gas_used, receipt.return_value, events, receipt, proof
    )


def stored(contract: str, key: bytes, height: int, value: bytes | None, proof: StateBundle | None) -> StateRead:
    """Return a key of the state with the ledger's value; raise Rejection(malformed) for bytes that encode none."""
    if not value:  # nothing is stored, or the empty entry of an index
        return StateRead(contract, key, height, present=value is not None, value=None, proof=proof)
    try:
        decoded = decode(value, max_bytes=STATE_VALUE_BYTES_MAX, max_items=STATE_VALUE_BYTES_MAX)
    except CodecError as error:
        raise rejection_of(error, f"state of {contract}") from None
    return StateRead(contract, key, height, present=True, value=decoded, proof=proof)


def initial_arguments(abi: Abi, arguments: Sequence[object]) -> tuple[Value, ...]:
    """Return the ledger's values of the arguments of a deployment; raise Rejection(bad_arguments)."""
    if abi.initializer is not None:
        return abi.initializer.arguments(arguments, {})
    if arguments:
        raise Rejection(Reason.BAD_ARGUMENTS, f"{abi.name} has no @init and takes no arguments")
    return ()
