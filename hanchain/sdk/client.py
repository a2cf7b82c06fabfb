"""The asynchronous client of a network: what a program calls.

With a genesis the client trusts no node: chain ids are compared, blocks and proofs are verified against the validators
of the genesis before they are returned. Without one it can still talk, but ``proof`` and ``block`` must be told
``verify=False``, and ``anchor`` is refused: no answer is passed off as checked.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from typing import Final, Self

from hanchain.crypto import CryptoRejection, PrivateKey, Suite, suite_by_name
from hanchain.ledger.bundles import EventBundle, StateBundle, TransactionBundle
from hanchain.ledger.cells import cell_key
from hanchain.ledger.codec import Value, encode
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.json_reader import Json, hex_of
from hanchain.ledger.limits import SALT_SIZE
from hanchain.ledger.parameters import Parameters
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.receipt import Receipt
from hanchain.ledger.rules import system_registry
from hanchain.ledger.system import contracts
from hanchain.ledger.system.description import abi_of
from hanchain.ledger.transaction import EXPIRY_WINDOW_DEFAULT, Transaction, account_of, build, sign
from hanchain.sdk import anchoring, limits
from hanchain.sdk.abi import parse_abi
from hanchain.sdk.checks import require_block, require_event, require_proof, require_state
from hanchain.sdk.contract import Contract, called, initial_arguments, stored
from hanchain.sdk.errors import BadAnswer, RpcError, Unverified
from hanchain.sdk.reading import (
    fields_of,
    read_abi,
    read_batch,
    read_block,
    read_bundle,
    read_chain_status,
    read_digest,
    read_state,
    read_status,
    read_view_result,
)
from hanchain.sdk.results import Anchored, Block, Called, ChainStatus, State, StateRead, TransactionStatus, ViewResult
from hanchain.sdk.transport import Answer, Transport
from hanchain.sdk.types import KeyPart
from hanchain.sdk.values import to_document

_FINAL: Final = frozenset({State.COMMITTED, State.FAILED, State.EXPIRED})
_NO_NEWS: Final[frozenset[str]] = frozenset({Reason.BUSY, Reason.POOL_FULL, Reason.NOT_READY, Reason.TIMEOUT})


class Client:
    """One network, through any of its nodes. Use as ``async with``, or call ``close``.

    ``urls``: addresses of nodes such as ``http://127.0.0.1:8600``; ``genesis``: the network's, from a source you trust.
    Every call raises RpcError (refused), Unreachable (no node answered) or BadAnswer (nonsense).
    """

    def __init__(self, urls: str | Sequence[str], genesis: Genesis | None = None) -> None:
        self._transport = Transport([urls] if isinstance(urls, str) else urls)
        self._genesis = genesis

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; the client may be used again."""
        await self._transport.close()

    async def chain_status(self) -> ChainStatus:
        """Return where a node stands; raise Unverified if it is on another chain than the genesis."""
        answer, result = await self._transport.rpc("chain_status", {})
        status = answer.read(read_chain_status, result)
        if self._genesis is not None and status.chain_id != self._genesis.chain_id:
            raise Unverified(f"{answer.url} serves chain {status.chain_id.hex()}, not {self._genesis.chain_id.hex()}")
        return status

    async def prepare(
        self,
        key: PrivateKey,
        contract: str,
        method: str,
        arguments: Sequence[Value] = (),
        *,
        sender: bytes | None = None,
        gas_limit: int = limits.GAS_LIMIT_DEFAULT,
    ) -> Transaction:
        """Return a transaction signed by ``key``, with a random salt, that expires a little before the window's end.

        ``sender``: an account, by default the one that the key has by itself. Raise Rejection if it is malformed.
        """
        status = await self.chain_status()
        suite = self._suite(status)
        window = EXPIRY_WINDOW_DEFAULT if self._genesis is None else self._genesis.parameters.expiry_window
        payload = build(
            chain_id=status.chain_id,
            sender=account_of(suite.id, key.public_key, suite) if sender is None else sender,
            salt=secrets.token_bytes(SALT_SIZE),
            # not the whole window: a node that is some heights behind this one must still admit it
            expires_at_height=status.height + window - window // 8,
            contract=contract,
            method=method,
            arguments=arguments,
            gas_limit=gas_limit,
        )
        return sign(payload, [key], suite)

    async def submit(self, transaction: Transaction) -> bytes:
        """Hand a transaction to a node; return its id once it is admitted."""
        try:
            answer, result = await self._transport.rpc("tx_submit", {"transaction": hex_of(transaction.encoded)})
        except RpcError as error:
            if error.retried and error.reason == Reason.DUPLICATE:  # the attempt before did arrive
                return transaction.txid
            raise
        txid = answer.read(lambda entry: read_digest(fields_of(entry, ("txid",))["txid"]), result)
        if txid != transaction.txid:
            raise BadAnswer(answer.url, f"another id, {txid.hex()}, for transaction {transaction.txid.hex()}")
        return txid

    async def submit_batch(self, transactions: Sequence[Transaction]) -> list[bytes | RpcError]:
        """Hand many transactions to a node in one binary request; return for each its id or why not, in order.

        At most ``BATCH_TRANSACTIONS_MAX`` transactions and ``BATCH_BYTES_MAX`` bytes: ValueError beyond.
        """
        return await self.submit_encoded([transaction.encoded for transaction in transactions])

    async def submit_encoded(self, envelopes: Sequence[bytes]) -> list[bytes | RpcError]:
        """As ``submit_batch``, for transactions that are encoded already: no work per transaction is done here."""
        body = encode(list(envelopes))
        if not 0 < len(envelopes) <= limits.BATCH_TRANSACTIONS_MAX or len(body) > limits.BATCH_BYTES_MAX:
            raise ValueError(f"a batch of {len(envelopes)} transactions, {len(body)} bytes")
        answer = await self._transport.binary(body)
        try:
            return read_batch(answer.body, len(envelopes), retried=answer.retried)
        except Rejection as rejection:
            raise BadAnswer(answer.url, str(rejection)) from None

    async def status(self, txid: bytes) -> TransactionStatus:
        """Return what a node says of a transaction, now."""
        answer, result = await self._transport.rpc("tx_status", {"id": hex_of(txid)})
        return _about(answer, result, txid)

    async def wait(self, txid: bytes, timeout_ms: int = limits.WAIT_MS_DEFAULT) -> TransactionStatus:
        """Return once the transaction is committed, failed or expired; raise RpcError(timeout) otherwise."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_ms / 1000
        while True:
            slice_ms = max(1, min(limits.WAIT_SLICE_MS, int((deadline - clock()) * 1000)))
            params = {"id": hex_of(txid), "timeout_ms": slice_ms}
            try:
                answer, result = await self._transport.rpc("tx_wait", params, slice_ms + limits.WAIT_GRACE_MS)
            except RpcError as error:
                if error.reason != Reason.TIMEOUT:
                    raise
                if clock() < deadline:
                    continue
                raise _not_sealed(txid, timeout_ms) from None
            return _about(answer, result, txid)

    async def send(self, transaction: Transaction, timeout_ms: int = limits.WAIT_MS_DEFAULT) -> TransactionStatus:
        """Submit and wait. A transaction that is in the chain already is waited for like a new one.

        While it is not sealed it is handed in again from time to time, to whichever node answers: the one that took it
        may have died before anybody else heard of it. The id makes that harmless.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_ms / 1000
        ended = await self._hand_in(transaction, again=False)
        while ended is None:
            remaining_ms = int((deadline - clock()) * 1000)
            try:
                return await self.wait(transaction.txid, min(max(1, remaining_ms), limits.RESUBMIT_MS))
            except RpcError as error:
                if error.reason != Reason.TIMEOUT:
                    raise
                if clock() >= deadline:
                    raise _not_sealed(transaction.txid, timeout_ms) from None
            ended = await self._hand_in(transaction, again=True)
        return ended

    async def proof(self, txid: bytes, *, verify: bool = True) -> TransactionBundle:
        """Return the proof of a sealed transaction, verified; raise Unverified if it does not hold."""
        genesis = self._trusted(verify)
        answer, result = await self._transport.rpc("tx_get", {"id": hex_of(txid)})
        bundle = answer.read(read_bundle, answer.read(lambda entry: fields_of(entry, ("proof",))["proof"], result))
        if not isinstance(bundle, TransactionBundle):
            raise BadAnswer(answer.url, f"a proof of kind {bundle.kind}")
        if genesis is not None:
            require_proof(bundle, genesis, txid)
        return bundle

    async def block(self, block: int | bytes | None = None, *, verify: bool = True) -> Block:
        """Return a block by height or hash, by default the latest, verified down to its receipts."""
        genesis = self._trusted(verify)
        suite = self._suite(await self.chain_status()) if genesis is None else genesis.suite
        wanted = "latest" if block is None else hex_of(block) if isinstance(block, bytes) else block
        answer, result = await self._transport.rpc(
            "block_get", {"block": wanted, "full": True}, bytes_max=limits.BLOCK_BYTES_MAX
        )
        found = answer.read(lambda entry: read_block(entry, suite), result)
        if genesis is not None:
            require_block(found, block, genesis)
        return found

    async def view(self, contract: str, method: str, *arguments: Value) -> ViewResult:
        """Call a view method of a contract on a node's last state."""
        params = {"contract": contract, "method": method, "args": [to_document(argument) for argument in arguments]}
        answer, result = await self._transport.rpc("contract_call", params)
        return answer.read(read_view_result, result)

    async def anchor(
        self, digest: bytes, media_type: str, size: int, key: PrivateKey, *, timeout_ms: int = limits.WAIT_MS_DEFAULT
    ) -> Anchored:
        """Notarise a digest for the account of ``key``; return it with its proof, which was verified.

        Raise TransactionFailed (E_EXISTS: this account notarised it before), and as the calls above.
        """
        genesis = self._trusted(verify=True)
        assert genesis is not None, "_trusted refuses to verify without one"
        return await anchoring.anchor(self, genesis, digest, media_type, size, key, timeout_ms=timeout_ms)

    async def anchored(self, digest: bytes, owner: bytes) -> Anchored | None:
        """Return the notarisation of a digest by an account, with its verified proof; None if it is proved absent.

        As of the state of the node that answers: ``state`` says of which block, and can be asked for a later one. Raise
        RpcError(not_found) before the first block, since nobody has sealed a state then.
        """
        genesis = self._trusted(verify=True)
        assert genesis is not None, "_trusted refuses to verify without one"
        return await anchoring.anchored(self, genesis, digest, owner)

    async def call(
        self,
        key: PrivateKey,
        contract: str,
        method: str,
        arguments: Sequence[Value] = (),
        *,
        sender: bytes | None = None,
        gas_limit: int = limits.CONTRACT_GAS_LIMIT_DEFAULT,
        timeout_ms: int = limits.WAIT_MS_DEFAULT,
        signed: Callable[[bytes], None] | None = None,
    ) -> Called:
        """Call a method with the ledger's values, wait until the transaction is sealed, and verify what became of it.

        ``contract(name).call`` takes Python values instead. Without a genesis nothing is verified, and ``proof`` is
        None. Raise TransactionFailed with the receipt if the transaction failed, RpcError(expired) if it expired.
        ``signed`` is told the transaction's id before anybody else: whoever stops waiting can ask for it later.
        """
        transaction = await self.prepare(key, contract, method, arguments, sender=sender, gas_limit=gas_limit)
        if signed is not None:
            signed(transaction.txid)
        status = await self.send(transaction, timeout_ms)
        if status.state is State.EXPIRED:
            raise RpcError(Reason.EXPIRED, "expired", "the transaction's last height passed without it")
        if self._genesis is None:
            if status.receipt is None:
                raise BadAnswer("node", "a sealed transaction without a receipt")
            return called(status.receipt, None)
        bundle = await self._proof_of_sealed(transaction.txid)
        return called(Receipt.decode(bundle.receipt, self._genesis.suite), bundle)

    async def _proof_of_sealed(self, txid: bytes) -> TransactionBundle:
        """Return the proof of a transaction that a node called sealed; the one that answers may still be behind."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + limits.PROOF_MS / 1000
        while True:
            try:
                return await self.proof(txid)
            except RpcError as error:
                if error.reason != Reason.NOT_FOUND or clock() >= deadline:
                    raise
            await asyncio.sleep(limits.BACKOFF_MS / 1000)

    async def deploy(
        self,
        key: PrivateKey,
        name: str,
        program: bytes,
        abi: bytes,
        source: bytes = b"",
        arguments: Sequence[object] = (),
        *,
        gas_limit: int | None = None,
        timeout_ms: int = limits.WAIT_MS_DEFAULT,
    ) -> Called:
        """Put a compiled program behind a new name, owned by the account of ``key``; raise as ``call`` does.

        ``arguments``: Python values for its ``@init``. The source travels in the transaction, so that anyone can
        compile it again and compare. The gas limit is by default the most that a transaction may use: what is unused
        is free.
        """
        values = (name, program, abi, source, initial_arguments(parse_abi(abi), arguments))
        gas_limit = self._gas_limit_max() if gas_limit is None else gas_limit
        return await self.call(
            key, contracts.NAME, contracts.DEPLOY, values, gas_limit=gas_limit, timeout_ms=timeout_ms
        )

    async def contract(self, name: str) -> Contract:
        """Return a contract by its ABI; with a genesis, one that is proved to be the stored one.

        Raise RpcError(unknown_contract) if there is none.
        """
        for known in system_registry():
            if known.name == name:
                return Contract(self, name, parse_abi(abi_of(known)))
        if self._genesis is None:
            answer, result = await self._transport.rpc("contract_abi", {"contract": name})
            encoded = answer.read(lambda entry: fields_of(entry, ("abi_encoded",))["abi_encoded"], result)
            return Contract(self, name, parse_abi(answer.read(read_abi, encoded)))
        found = await self.state(contracts.NAME, "abi", name)
        if not found.present:
            raise RpcError(Reason.UNKNOWN_CONTRACT, "no such contract", f"{name!r}, proved at height {found.height}")
        if not isinstance(found.value, bytes):
            raise Unverified(f"the ABI of {name} is not bytes")
        return Contract(self, name, parse_abi(found.value))

    async def state(
        self, contract: str, cell: str, *parts: KeyPart, verify: bool = True, at_least: int = 0
    ) -> StateRead:
        """Return what a contract has stored under ``cell`` and the parts of its key, present or absent, verified.

        The value is the ledger's; ``contract(name).state`` returns Python values. A proof does not say how old it is:
        a node that is behind, or lies, proves what was so at an earlier height. ``at_least``: the height that the state
        must have, such as that of a ``Called``; raise Unverified if the nodes do not come to it in time.
        """
        genesis = self._trusted(verify)
        key = cell_key(cell, parts)
        clock = asyncio.get_running_loop().time
        deadline = clock() + limits.PROOF_MS / 1000
        while (found := await self._state(contract, key, genesis)).height < at_least:
            if clock() >= deadline:
                raise Unverified(f"the state of block {found.height} was given, {at_least} or later asked for")
            await asyncio.sleep(limits.BACKOFF_MS / 1000)
        return found

    async def _state(self, contract: str, key: bytes, genesis: Genesis | None) -> StateRead:
        params = {"contract": contract, "key": hex_of(key), "prove": genesis is not None}
        answer, result = await self._transport.rpc("state_get", params, limits.STATE_PROOF_MS)
        if genesis is None:
            height, value = answer.read(read_state, result)
            return stored(contract, key, height, value, None)
        bundle = answer.read(read_bundle, answer.read(lambda entry: fields_of(entry, ("proof",))["proof"], result))
        header = require_state(bundle, genesis, contract, key)
        assert isinstance(bundle, StateBundle), "as was just required"
        return stored(contract, key, header.height, bundle.value, bundle)

    async def event_proof(self, txid: bytes, index: int, *, verify: bool = True) -> EventBundle:
        """Return the proof of one event of a sealed transaction, verified."""
        genesis = self._trusted(verify)
        answer, result = await self._transport.rpc("event_proof", {"id": hex_of(txid), "index": index})
        bundle = answer.read(read_bundle, answer.read(lambda entry: fields_of(entry, ("proof",))["proof"], result))
        if not isinstance(bundle, EventBundle):
            raise BadAnswer(answer.url, f"a proof of kind {bundle.kind}")
        if genesis is not None:
            require_event(bundle, genesis, txid, index)
        return bundle

    async def _hand_in(self, transaction: Transaction, *, again: bool) -> TransactionStatus | None:
        """Submit; return how the transaction ended if it is refused for that, None if it is to be waited for."""
        try:
            await self.submit(transaction)
        except RpcError as error:
            if error.reason == Reason.DUPLICATE or (again and error.reason in _NO_NEWS):
                return None
            status = await self.status(transaction.txid) if again else None
            if status is None or status.state not in _FINAL:
                raise
            return status
        return None

    def _trusted(self, verify: bool) -> Genesis | None:
        if verify and self._genesis is None:
            raise ValueError("nothing to verify against: give the client a genesis, or pass verify=False")
        return self._genesis if verify else None

    def _gas_limit_max(self) -> int:
        parameters = Parameters() if self._genesis is None else self._genesis.parameters
        return parameters.max_transaction_gas

    def _suite(self, status: ChainStatus) -> Suite:
        if self._genesis is not None:
            return self._genesis.suite
        try:
            return suite_by_name(status.suite)
        except CryptoRejection as error:
            raise Unverified(f"a suite that this version does not know: {error.detail}") from None


def _not_sealed(txid: bytes, timeout_ms: int) -> RpcError:
    detail = f"transaction {txid.hex()} was not sealed within {timeout_ms / 1000:g} s; it may still be"
    return RpcError(Reason.TIMEOUT, "not sealed in time", detail)


def _about(answer: Answer, result: Json, txid: bytes) -> TransactionStatus:
    status = answer.read(read_status, result)
    if status.txid != txid:
        raise BadAnswer(answer.url, f"the state of {status.txid.hex()}, {txid.hex()} was asked for")
    return status
