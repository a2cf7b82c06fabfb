"""The node's service for programs (``NodeService``), implemented on a running node."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial

from hanchain import __version__
from hanchain.ledger.codec import Value
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.proof import EventBundle, TransactionBundle
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.receipt import Status
from hanchain.node import limits
from hanchain.node.node import Node
from hanchain.node.service import (
    Block,
    ChainStatus,
    ExecutorState,
    PeerStatus,
    Readiness,
    StateRead,
    TransactionState,
    TransactionStatus,
)
from hanchain.node.waiting import until
from storage.blocks import Location


class LocalService:
    """Answers from a node in this process; reads run in worker threads."""

    def __init__(self, node: Node) -> None:
        self._node = node

    @property
    def genesis(self) -> Genesis:
        """The network's genesis."""
        return self._node.genesis

    async def submit(self, envelope: bytes) -> bytes:
        """Admit a signed transaction and gossip it; return its id. Raises Rejection."""
        answer = (await self.submit_batch([envelope]))[0]
        if isinstance(answer, Rejection):
            raise answer
        return answer

    async def submit_batch(self, envelopes: Sequence[bytes]) -> list[bytes | Rejection]:
        """Admit many; one answer each, in order: the id or why not."""
        if len(envelopes) > limits.SUBMIT_BATCH_MAX:
            raise Rejection(Reason.OVERSIZED, f"{len(envelopes)} transactions, at most {limits.SUBMIT_BATCH_MAX}")
        if self._node.halted is not None:
            raise Rejection(Reason.NOT_READY, f"this node stopped voting: {self._node.halted}")
        return await self._node.intake.admit(envelopes, "client")

    async def transaction_status(self, txid: bytes) -> TransactionStatus:
        """Return the state of a transaction."""
        # The pool is looked at first: what leaves it between the two looks is in the chain by then.
        pooled, expired = txid in self._node.pool, self._node.waiting.is_expired(txid)
        return await self._node.crew.read(partial(self._status, txid, pooled=pooled, expired=expired))

    def _status(self, txid: bytes, *, pooled: bool, expired: bool) -> TransactionStatus:
        node = self._node
        location = node.chain.locate(txid)
        if location is not None and location.height <= node.sealed_height:
            receipt = node.chain.receipt(location)
            state = TransactionState.COMMITTED if receipt.status is Status.OK else TransactionState.FAILED
            return TransactionStatus(txid, state, location.height, location.index, receipt)
        if location is not None or pooled:
            return TransactionStatus(txid, TransactionState.PENDING)
        if expired:
            return TransactionStatus(txid, TransactionState.EXPIRED)
        return TransactionStatus(txid, TransactionState.UNKNOWN)

    async def wait(self, txid: bytes, timeout_ms: int) -> TransactionStatus:
        """Return once the transaction is sealed, failed or expired; raises Rejection(timeout) otherwise."""
        if not 0 < timeout_ms <= limits.WAIT_MS_MAX:
            raise Rejection(Reason.OUT_OF_RANGE, f"timeout_ms in 1..{limits.WAIT_MS_MAX}")
        # Registered before the look, so that a seal between the two is not missed.
        with self._node.waiting.registered(txid) as future:
            status = await self.transaction_status(txid)
            if status.state is TransactionState.PENDING or status.state is TransactionState.UNKNOWN:
                await until(future, timeout_ms)
                status = await self.transaction_status(txid)
            return status

    async def proof(self, txid: bytes) -> TransactionBundle:
        """Return the offline proof of a sealed transaction. Raises Rejection(not_found)."""
        return await self._node.crew.read(lambda: self._node.chain.proof(self._locate(txid)))

    async def event_proof(self, txid: bytes, position: int) -> EventBundle:
        """Return the offline proof of an event of a sealed transaction. Raises Rejection(not_found)."""
        return await self._node.crew.read(lambda: self._node.chain.event_proof(self._locate(txid), position))

    def _locate(self, txid: bytes) -> Location:
        location = self._node.chain.locate(txid)
        if location is None or location.height > self._node.sealed_height:
            raise Rejection(Reason.NOT_FOUND, "no sealed transaction with this id here")
        return location

    async def block(self, height: int) -> Block:
        """Return a sealed block. Raises Rejection(not_found)."""
        if not 0 <= height <= self._node.sealed_height:
            raise Rejection(
                Reason.NOT_FOUND, f"no sealed block at height {height}, the head is {self._node.sealed_height}"
            )
        return await self._node.crew.read(partial(self._node.chain.block, height))

    async def block_by_hash(self, block_hash: bytes) -> Block:
        """Return a sealed block by its hash. Raises Rejection(not_found)."""
        return await self.block(await self._node.crew.read(partial(self._node.chain.height_of, block_hash)))

    async def view(self, contract: str, method: str, args: Sequence[Value]) -> tuple[int, Value]:
        """Call a view method on the last executed state; return the height of that state and the value."""
        return await self._node.crew.read_state(partial(self._node.chain.view, contract, method, args))

    async def state(self, contract: str, key: bytes, *, prove: bool) -> StateRead:
        """Return what a contract has stored under a key after the last executed block; see ``NodeService``."""
        node, clock = self._node, asyncio.get_running_loop().time
        deadline = clock() + limits.STATE_PROOF_WAIT_MS / 1000
        while True:
            answer = await node.crew.read_state(partial(node.chain.state, contract, key))
            if not prove:
                return StateRead(answer.height, answer.value, None)
            if answer.height == 0:
                raise Rejection(Reason.NOT_FOUND, "no block yet: nobody has sealed the state of genesis")
            await self._sealed(answer.height, max(1, int((deadline - clock()) * 1000)))
            bundle = await node.crew.read(partial(node.chain.state_proof, contract, key, answer))
            if bundle is not None:
                return StateRead(answer.height, answer.value, bundle)
            # Sealed by what came after it: that block's state is read instead, as long as there is time.
            if clock() >= deadline:
                raise Rejection(Reason.TIMEOUT, f"block {answer.height} has no certificate of its own here")
            await asyncio.sleep(limits.STATE_PROOF_PAUSE_MS / 1000)

    async def _sealed(self, height: int, timeout_ms: int) -> None:
        """Return once a height is sealed here; raise Rejection(timeout)."""
        with self._node.waiting.registered(height) as future:
            if self._node.sealed_height < height:
                await until(future, timeout_ms)

    def chain_status(self) -> ChainStatus:
        """Return where the node stands."""
        node, snapshot = self._node, self._node.snapshot()
        head = node.chain.header(node.sealed_height)
        return ChainStatus(
            chain_name=node.genesis.chain_name,
            chain_id=node.genesis.chain_id,
            node_name=node.config.node.name,
            node_version=__version__,
            suite=node.genesis.suite.name,
            validator_index=node.index,
            validators=tuple(node.names),
            height=node.sealed_height,
            block_hash=node.chain.block_hash(node.sealed_height),
            block_time_ms=head.timestamp_ms,
            executed_height=node.chain.height,
            executor=node.chain.executor_status(),
            epoch=snapshot.epoch,
            view=snapshot.view,
            view_active=snapshot.active,
            leader=node.names[snapshot.leader],
            timeout_ms=snapshot.timeout_ms,
            mempool_transactions=len(node.pool),
            mempool_bytes=node.pool.bytes,
            peers=self._peers(),
            catching_up_to=node.catching_up_to,
            halted=node.halted,
            alarm=node.alarm,
            uptime_ms=int((time.monotonic() - node.started) * 1000),
        )

    def _peers(self) -> tuple[PeerStatus, ...]:
        return tuple(
            PeerStatus(
                info.peer_id,
                info.address,
                info.direction is not None,
                info.direction.value if info.direction is not None else info.last_reason,
            )
            for info in self._node.network.peers()
        )

    def readiness(self) -> Readiness:
        """Tell whether the node takes part in consensus, and if not, why."""
        node, snapshot = self._node, self._node.snapshot()
        problems: list[str] = []
        if node.halted is not None:
            problems.append(f"this node stopped voting: {node.halted}")
        executor = node.chain.executor_status()
        if executor.state is not ExecutorState.RUNNING:
            problems.append(f"executor: {executor.state.value}")
        missing = [name for name in node.names if name != node.config.node.name and name not in node.connected]
        needed = node.genesis.validator_set.quorum
        if len(node.connected) + 1 < needed:
            problems.append(
                f"{len(node.connected) + 1} of {len(node.names)} validators connected, {needed} needed; "
                f"missing: {', '.join(missing)}"
            )
        if node.catching_up_to is not None:
            problems.append(f"catching up: executed {node.chain.height}, sealed by others {node.catching_up_to}")
        if not snapshot.active:
            problems.append(f"changing to view {snapshot.view}, led by {node.names[snapshot.leader]}")
        return Readiness(tuple(problems))

    def metrics_text(self) -> bytes:
        """Return the metrics in Prometheus exposition format."""
        return self._node.metrics.render(self.chain_status(), self._node.network.metrics())
