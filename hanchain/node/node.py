"""The node: the thin asyncio shell around consensus, chain, pool and network.

Everything that decides is elsewhere and synchronous; what takes time runs in the threads of ``crew``. One task, the
pump, releases the effects of consensus in order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import structlog

from consensus import Replica, SealCert, Snapshot
from consensus.interface import (
    Alarm,
    Broadcast,
    BuildProposal,
    CommitBlock,
    Connected,
    Diverged,
    Effect,
    Event,
    Execute,
    Executed,
    FetchBlocks,
    Halt,
    PoolChanged,
    Proposed,
    Received,
    Refused,
    ReportEvidence,
    Send,
    Tick,
    Trace,
    Validate,
    Validated,
    Wake,
)
from consensus.messages import ProposalHeader
from hanchain import __version__
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.reasons import Fault, Reason, Rejection
from hanchain.node import limits
from hanchain.node.admission import Admission
from hanchain.node.chain import Chain, WrongResult
from hanchain.node.config import Config, parse_address
from hanchain.node.crew import Crew
from hanchain.node.engine import Engine
from hanchain.node.execution import StoredBlock
from hanchain.node.executor import ExecutorDied
from hanchain.node.fairness import Fairness
from hanchain.node.intake import Intake
from hanchain.node.links import judge_link
from hanchain.node.mempool import Mempool
from hanchain.node.metrics import Metrics
from hanchain.node.settings import settings_of
from hanchain.node.syncing import Syncing
from hanchain.node.waiting import Waiting
from hanchain.node.wire import NODE_PROTOCOL, Hello, Kind
from p2p.channels import Channel
from p2p.network import Network
from p2p.tls import TlsFiles
from storage.errors import StorageError
from storage.wal import WalRecord, WriteAheadLog

_MAINTENANCE_SECONDS: Final = 0.5
# Offences that only a faulty or foreign program commits; timing and reordering commit none of them.
_OFFENCES: Final = {
    "malformed": 50,
    "unknown_type": 50,
    "bad_signature": 25,
    "bad_certificate": 25,
    "bad_view_change": 25,
    "wrong_chain": 25,
    "wrong_sender": 25,
    "not_a_member": 25,
}
_NOTEWORTHY: Final = frozenset(
    {"C1", "C2", "C3", "C4", "N2", "N4", "N6", "P9", "R4", "R5", "K1", "K2", "K3", "K4", "K5"}
)


class Node:
    """One validator: its parts, and what moves between them."""

    def __init__(
        self,
        *,
        config: Config,
        genesis: Genesis,
        index: int,
        chain: Chain,
        log: WriteAheadLog,
        replica: Replica,
        metrics: Metrics,
        release: Callable[[], None],
    ) -> None:
        """Take the parts; ``release`` closes log and databases, and is called last."""
        self.config = config
        self.genesis = genesis
        self.index = index
        self.chain = chain
        self.names = [v.name for v in genesis.validators]
        self.pool = Mempool(transactions_max=config.mempool.transactions_max, bytes_max=config.mempool.bytes_max)
        self.admission = Admission(genesis, self.pool, lambda txid: chain.locate(txid) is not None)
        self.waiting = Waiting()
        self.metrics = metrics
        self.halted: str | None = None  # why this node votes no more
        self.alarm: str | None = None  # what people have to look at while it votes on
        self.sealed_height = 0
        self.started = time.monotonic()
        self._log = log
        self._release = release
        self._out = structlog.get_logger("hanchain.node")
        self._engine = Engine(replica, _monotonic_ms, _wall_ms)
        self.crew = Crew(self._fault)
        self.settings = settings_of(genesis)
        self.fairness = Fairness(self)
        self.intake = Intake(self)
        self.network = self._make_network()
        self._syncing = Syncing(self)
        self._wakeup = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        self._pool_told: tuple[int | None, bool] = (None, False)
        self._view = 0
        self.connected: set[str] = set()
        self._unsealed: dict[int, StoredBlock] = {}
        self.failed = False  # of a Fault of our own or of the disk: nothing is written any more
        self._closing = False

    # --------------------------------------------------------------------------------------------------------- life

    async def start(self) -> None:
        """Open the network and begin; raises Rejection when the port is taken."""
        self._loop = asyncio.get_running_loop()
        snapshot = self._engine.snapshot()
        self.sealed_height = snapshot.stable_height
        for block in map(self.chain.stored, range(self.sealed_height + 1, self.chain.height + 1)):
            self._unsealed[block.height] = block
        self._syncing.look_for_gaps(
            range(max(1, self.sealed_height - limits.CERTIFICATES_MISSING_MAX), self.sealed_height)
        )
        self.chain.watch_executor(self._executor_died)
        self._revive_executor()  # it may have died before somebody watched
        self._engine.start()
        self._wakeup.set()
        try:
            await self.network.start()
        except OSError as error:
            raise Rejection(
                Reason.BAD_CONFIG, f"[p2p] listen {self.config.p2p.listen}: {error.strerror or error}"
            ) from error
        if self._closing:  # closed meanwhile
            await self.network.close()
            return
        for i, validator in enumerate(self.genesis.validators):
            if i != self.index:
                self.network.dial(validator.name, *parse_address(validator.address, "genesis"))
        self.crew.spawn(self._pump())
        self.crew.spawn(self._maintain())
        self._out.info("started", node=self.config.node.name, chain=self.genesis.chain_name, height=self.sealed_height)

    async def close(self) -> None:
        """Stop in bounded time; the disk is safe at any moment."""
        if self._closing:
            return
        self._closing = True
        if self._alarm is not None:
            self._alarm.cancel()
        self.intake.close()
        self.waiting.close("this node is stopping")
        self.chain.stop()
        await self.crew.close()
        await self.network.close()
        await self.crew.close_threads()
        try:
            self._release()
        except StorageError as error:
            self._out.error("closing", detail=str(error))
        self._out.info("stopped", node=self.config.node.name, height=self.sealed_height)

    def fail(self, reason: str) -> None:
        """Stop consensus for a Fault of this node: the data stays, reads are served, and people are told."""
        if not self._closing:
            self.failed = True
            self._halt(reason)
            self.waiting.close(f"this node stopped: {reason}")

    def _fault(self, error: BaseException) -> None:
        """Fail for a broken disk or chain in their own words, for an error that nobody foresaw with its trace too."""
        if isinstance(error, WrongResult):
            self.handle(Diverged(str(error)))  # the core halts, and its log remembers
        elif isinstance(error, StorageError | Fault):
            self.fail(str(error))
        else:
            self._out.error("fault", exc_info=error)
            self.fail(f"{type(error).__name__}: {error}")

    def _halt(self, reason: str) -> None:
        if self.halted is None:
            self.halted = reason
            self._out.critical("halted", reason=reason, node=self.config.node.name)

    def _make_network(self) -> Network:
        config = self.config
        hello = Hello(NODE_PROTOCOL, self.genesis.chain_name, self.genesis.chain_id, config.node.name, __version__)
        return Network(
            node_name=config.node.name,
            tls=TlsFiles(
                config.path(config.p2p.certificate),
                config.path(config.p2p.private_key),
                config.path(config.p2p.authority),
            ),
            listen=parse_address(config.p2p.listen, "[p2p] listen"),
            hello=hello.encode(),
            admission=partial(judge_link, self.genesis),
            handler=self,
        )

    # ---------------------------------------------------------------------------------------------------------- pump

    async def _pump(self) -> None:
        """Release the effects of consensus in order: what must be durable first, then the rest (R2)."""
        while True:
            await self._wakeup.wait()
            self._wakeup.clear()
            while self._engine.waiting and not self.failed:
                drained = self._engine.drain()
                if drained.records:
                    began = time.perf_counter()
                    await self.crew.log(partial(self._persist, drained.records, drained.sync))
                    self.metrics.sync_seconds.observe(time.perf_counter() - began)
                self._engine.release(drained, self)
                self._after_release()
                if self._log.should_rotate:
                    records = self._engine.checkpoint()
                    await self.crew.log(partial(self._log.rotate, records))

    def _persist(self, records: Sequence[WalRecord], sync: bool) -> None:
        self._log.append(records)
        if sync:
            self._log.sync()

    def _after_release(self) -> None:
        view = self._engine.snapshot().view
        if view != self._view:
            self._view = view
            self.pool.release()
            self.fairness.new_leader()
        self.tell_pool()

    def handle(self, event: Event) -> None:
        """Give the core an event."""
        if self.failed or self._closing:
            return
        try:
            self._engine.handle(event)
        except Exception as error:  # noqa: BLE001 - a step that broke off leaves a state that must not vote
            self._fault(error)
        else:
            self._wakeup.set()

    def tell_pool(self) -> None:
        """Tell the core of the pool when what it should know has changed."""
        parameters = self.genesis.parameters
        told = (self.pool.oldest_free_ms, self.pool.free >= parameters.max_block_transactions)
        if told != self._pool_told:
            self._pool_told = told
            self.handle(PoolChanged(*told))

    # ------------------------------------------------------------------------------------------------------- effects

    def perform(self, effect: Effect) -> None:
        """Carry out one effect of consensus."""
        match effect:
            case Broadcast():
                self.network.broadcast(Channel.CONSENSUS, Kind.CONSENSUS_MESSAGE, effect.data)
            case Send():
                self.network.send(self.names[effect.peer], Channel.CONSENSUS, Kind.CONSENSUS_MESSAGE, effect.data)
            case Wake():
                self._set_alarm(effect.at_ms)
            case Trace():
                self._trace(effect)
            case Validate():
                self.crew.spawn(self._validate(effect))
            case BuildProposal():
                self._build(effect)
            case Execute():
                self.crew.in_chain(partial(self._decide, effect), partial(self._decided, effect.header))
            case CommitBlock():
                certificate = effect.certificate
                self.crew.in_chain(partial(self.chain.certify, certificate), lambda _: self._sealed(certificate))
            case FetchBlocks():
                self._syncing.aim(effect.target)
            case Refused():
                self._refused(effect)
            case ReportEvidence():
                self.metrics.evidence.labels(effect.rule).inc()
                offender = self.names[effect.offender]
                self._out.warning("evidence", rule=effect.rule, offender=offender, first=effect.first.hex()[:64])
            case Halt():
                self._halt(effect.reason)  # the core votes no more by itself, and goes on serving
            case Alarm():
                self.alarm = effect.reason
                say = self._out.info if effect.reason is None else self._out.critical
                say("alarm" if effect.reason else "alarm over", reason=effect.reason, node=self.config.node.name)
            case _:
                raise AssertionError(f"an effect without a performer: {type(effect).__name__}")

    def _set_alarm(self, at_ms: int) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        delay = max(0, at_ms - self._engine.now_ms()) / 1000
        self._alarm = self._loop.call_later(delay, self._ring, at_ms)

    def _ring(self, at_ms: int) -> None:
        if self._engine.now_ms() < at_ms:
            self._set_alarm(at_ms)  # the loop's clock ran a little ahead; the core asks only once
        else:
            self.handle(Tick(_wall_ms()))

    def _trace(self, effect: Trace) -> None:
        self.metrics.steps.labels(effect.rule).inc()
        level = self._out.info if effect.rule in _NOTEWORTHY else self._out.debug
        level(effect.what, rule=effect.rule, view=effect.view, height=effect.height, detail=effect.detail)

    def _refused(self, effect: Refused) -> None:
        self.metrics.refused.labels(effect.reason).inc()
        name = self.names[effect.peer]
        self._out.debug("refused", peer=name, reason=effect.reason, detail=effect.detail)
        weight = _OFFENCES.get(effect.reason)
        if weight is not None and effect.peer != self.index:
            self.network.report(name, effect.reason, weight)

    def _build(self, effect: BuildProposal) -> None:
        batch = self.admission.build(effect, _wall_ms(), self.now_ms())
        self.handle(Proposed(effect.view, effect.height, batch))

    async def _validate(self, effect: Validate) -> None:
        refusal: str | None = None
        try:
            transactions = await self.crew.judge(self.metrics.timed("judge", partial(self.admission.validate, effect)))
        except Rejection as error:
            refusal = str(error)
        else:
            txids = [t.txid for t in transactions]
            self.admission.note(effect.digest, txids)
            if effect.view == self._engine.snapshot().view:
                self.pool.reserve(txids, self.now_ms())
        self.handle(Validated(effect.view, effect.digest, refusal))
        self.tell_pool()

    def _executor_died(self, _: ExecutorDied) -> None:
        """Have it replaced also when nothing is to be executed; called in a thread of the executor."""
        with suppress(RuntimeError):  # the loop has ended, and the node with it
            self._loop.call_soon_threadsafe(self._revive_executor)

    def _revive_executor(self) -> None:
        """Replace an executor that died; blocks that wait behind come after."""
        self.crew.in_chain(self.chain.revive, lambda _: None)

    def _decide(self, effect: Execute) -> StoredBlock:
        began = time.perf_counter()
        stored = self.chain.decide(effect.header, effect.digest, effect.body, effect.commit_certificate)
        self.metrics.execute_seconds.observe(time.perf_counter() - began)
        return stored

    def _decided(self, header: ProposalHeader, block: StoredBlock) -> None:
        self.executed(block, header)
        self.handle(Executed(block.height, block.block_hash))
        self.tell_pool()

    def executed(self, block: StoredBlock, header: ProposalHeader | None = None) -> None:
        """Take the transactions of a block whose results are durable out of the pool; decided here, it has a header."""
        self.fairness.included(block, header)
        if block.height > self.sealed_height:
            self._unsealed[block.height] = block
        self.pool.remove(block.transaction_ids)
        expired = self.pool.expire(block.height)
        if expired:
            self.fairness.expired(expired)
            self.metrics.expired.inc(len(expired))
            self.waiting.expire(expired)

    def left_out(self, txid: bytes) -> None:
        """Say that the leader leaves out a transaction that it was given."""
        self.metrics.left_out.inc()
        leader = self.names[self.snapshot().leader]
        self._out.warning("transaction left out", txid=txid.hex(), leader=leader)

    def _sealed(self, certificate: SealCert) -> None:
        """Log everything up to a stored certificate as sealed and tell those who wait."""
        self.sealed_height = max(self.sealed_height, certificate.height)
        heights = sorted(h for h in self._unsealed if h <= certificate.height)
        self._syncing.look_for_gaps(h for h in heights if h < certificate.height)
        self.waiting.wake(heights)
        for height in heights:
            block = self._unsealed.pop(height)
            self.metrics.sealed.inc(len(block.transaction_ids))
            self._out.info(
                "block",
                height=height,
                txs=len(block.transaction_ids),
                view=block.view,
                leader=self.names[block.proposer],
                hash=block.block_hash.hex()[:16],
            )
            self.waiting.wake(block.transaction_ids)

    # ------------------------------------------------------------------------------------------------------- network

    def on_message(self, peer_id: str, channel: Channel, kind: int, payload: bytes) -> None:
        """Take a message of an authenticated peer."""
        match channel, kind:
            case Channel.CONSENSUS, Kind.CONSENSUS_MESSAGE:
                self.handle(Received(self.names.index(peer_id), payload, _wall_ms()))
            case Channel.TX, Kind.TRANSACTIONS:
                self.intake.on_transactions(peer_id, payload)
            case Channel.SYNC, Kind.BLOCKS_REQUEST:
                self._syncing.on_request(peer_id, payload)
            case Channel.SYNC, Kind.BLOCKS_RESPONSE:
                self._syncing.on_response(peer_id, payload)
            case _:
                self.network.report(peer_id, "unknown_kind", 50)

    def on_connected(self, peer_id: str) -> None:
        """Tell a connected peer where this replica stands."""
        self.connected.add(peer_id)
        self.handle(Connected(self.names.index(peer_id)))
        self._syncing.drive()

    def on_disconnected(self, peer_id: str, reason: str) -> None:
        """Take note that a peer is gone."""
        self.connected.discard(peer_id)
        self._out.debug("peer gone", peer=peer_id, reason=reason)

    # --------------------------------------------------------------------------------------------------------- upkeep

    async def _maintain(self) -> None:
        """Twice a second: push again what waits, go on catching up, measure the loop's lag."""
        while True:
            due = self._loop.time() + _MAINTENANCE_SECONDS
            await asyncio.sleep(_MAINTENANCE_SECONDS)
            self.metrics.lag_seconds.observe(max(0.0, self._loop.time() - due))
            self.intake.push_again()
            self.fairness.look()
            self._syncing.drive()
            if self.pool.release_stale(self.now_ms(), self.genesis.parameters.timeout_ms):
                self.tell_pool()  # of proposals that nobody will decide

    # ------------------------------------------------------------------------------------------------------- looking

    @property
    def catching_up_to(self) -> int | None:
        """The certified height this node is catching up to, None when up to date."""
        return self._syncing.target

    def snapshot(self) -> Snapshot:
        """Return what people see of the replica."""
        return self._engine.snapshot()

    def now_ms(self) -> int:
        """Return the clock of the core."""
        return self._engine.now_ms()


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
