"""The chain on disk: ordered log, blocks and state kept in step, and what a restart finds.

Durability, in order, with no write spanning two databases (specification, P7): (a) the decided proposal goes into the
ordered log, (b) the executor applies it, (c) header, receipts and indexes go into the block store. Each step is synced
before the next begins, each is idempotent, and ``recover`` repeats (b) and (c) for whatever (a) has and they lack.
Only then does consensus sign SEAL (d).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from consensus import SealCert
from consensus.certificate import unpack_bitmap
from consensus.interface import DecidedBlock, Record, RecordKind, Recovery, SealedBlock
from consensus.limits import CHAIN_KEPT
from consensus.messages import ProposalHeader
from hanchain.ledger.block import BlockHeader, Body
from hanchain.ledger.codec import Value
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.proof import (
    EventBundle,
    StateBundle,
    TransactionBundle,
    build_bundle,
    build_event_bundle,
    build_state_bundle,
)
from hanchain.ledger.reasons import Fault, Reason, Rejection
from hanchain.ledger.receipt import Receipt
from hanchain.ledger.transaction import Transaction, decode_transaction
from hanchain.node import limits
from hanchain.node.catchup import VerifiedBlock
from hanchain.node.execution import Execution, StoredBlock
from hanchain.node.executor import Executor, ExecutorDied, StateAnswer
from hanchain.node.service import Block, ExecutorStatus
from hanchain.node.wire import BlocksRequest, BlocksResponse, OrderedRecord, SyncBlock
from storage.blocks import BlockRecord, BlockStore, Location
from storage.wal import WalRecord


class WrongResult(Fault):
    """Executing a certified block gave another result here (P9): this validator's state is wrong."""


class Chain:
    """Block store and executor of one node. One thread writes; reads may come from any."""

    def __init__(
        self,
        genesis: Genesis,
        store: BlockStore,
        executor: Executor,
        observe: Callable[[str, float], None] = lambda _stage, _seconds: None,
    ) -> None:
        """Take the parts; ``observe(stage, seconds)`` is told how long each stage of each block took."""
        self._genesis = genesis
        self._suite = genesis.suite
        self._context = genesis.context
        self._store = store
        self._executor = executor
        self._execution = Execution(genesis.suite, store, executor, observe)
        self._observe = observe
        block0 = genesis.block0
        self._block0_hash = block0.hash(self._suite)
        self._broken: Exception | None = None
        if store.height < 0:
            store.append_block(BlockRecord(0, self._block0_hash, block0.encode(), (), (), ()))
        elif store.block_hash(0) != self._block0_hash:
            raise Rejection(Reason.WRONG_CHAIN, "the data directory belongs to another network: its genesis differs")

    @property
    def height(self) -> int:
        """Height of the last executed and stored block."""
        return self._store.height

    def recover(self) -> int:
        """Execute and store what the ordered log holds beyond state and blocks; return how many blocks that were.

        The state may be older than the blocks, even empty: it is made again from the log, and has to give the same
        blocks. Raises Fault when it is of other blocks than these.
        """
        return self._execution.recover()

    def revive(self) -> None:
        """Replace an executor that died; raises Fault when they die again and again."""
        self._execution.revive()

    def watch_executor(self, on_death: Callable[[ExecutorDied], None]) -> None:
        """Call ``on_death`` from now on, in another thread, when the executor dies; ``revive`` replaces it."""
        self._executor.watch(on_death)

    def executor_status(self) -> ExecutorStatus:
        """Return what people see of the executor; any thread may ask."""
        return self._execution.status()

    def stop(self) -> None:
        """End what may take long: a restart of the executor that is under way."""
        self._execution.stop()

    def decide(self, header: ProposalHeader, digest: bytes, body: bytes, commit_certificate: bytes) -> StoredBlock:
        """Take a decision through (a), (b) and (c); a height that is there already is only answered.

        Once a step has failed every later call fails too: a block stored on top would leave a hole that no restart
        can close.
        """
        if self._broken is not None:
            raise Fault(f"an earlier block could not be stored: {self._broken}")
        try:
            return self._decide(header, digest, body, commit_certificate)
        except Exception as error:
            self._broken = error
            raise

    def _decide(self, header: ProposalHeader, digest: bytes, body: bytes, commit_certificate: bytes) -> StoredBlock:
        height = header.height
        if height <= self._store.height:
            stored = self.stored(height)
            if stored.proposal_digest != digest:
                raise Fault(f"height {height} was decided differently before")
            return stored
        if height <= self._store.ordered_height:
            ordered = self._store.ordered(height)
            if ordered is None or ordered[0] != digest:
                raise Fault(f"height {height} was decided differently before")
        else:
            record = OrderedRecord(header, body, commit_certificate)
            began_s = time.perf_counter()
            self._store.append_ordered(height, digest, record.encode())
            self._observe("ordered", time.perf_counter() - began_s)
        return self._execution.apply(header, digest, body)

    def adopt(self, block: VerifiedBlock) -> StoredBlock:
        """Take a verified block of others through the same steps; its result must be the sealed one (P9)."""
        record = block.record
        stored = self.decide(record.header, block.digest, record.body, record.commit_certificate)
        if stored.block_hash != block.block_hash:
            mine = stored.block_hash.hex()
            raise WrongResult(f"P9: executing height {stored.height} gives {mine}, sealed is another hash")
        if block.certificate is not None and self._store.certificate(stored.height) is None:
            self._store.put_certificate(stored.height, block.certificate.encode())
        return stored

    def certify(self, certificate: SealCert) -> None:
        """Store the certificate of an executed block."""
        if certificate.block_hash != self._store.block_hash(certificate.height):
            raise WrongResult(f"P9: the certificate of height {certificate.height} is not that of the stored block")
        self._store.put_certificate(certificate.height, certificate.encode())

    def stored(self, height: int) -> StoredBlock:
        """Return what ``decide`` answered for a height."""
        header = self.header(height)
        return StoredBlock(
            height,
            header.hash(self._suite),
            header.proposal_digest,
            header.timestamp_ms,
            header.proposal_view,
            header.proposer,
            tuple(t.txid for t in self.transactions(height)),
        )

    # --------------------------------------------------------------------------------------------------------- reading

    def header(self, height: int) -> BlockHeader:
        """Return the header of a stored block."""
        data = self._store.header(height)
        if data is None:
            raise Rejection(Reason.NOT_FOUND, f"no block at height {height}")
        return BlockHeader.decode(data, self._suite)

    def block_hash(self, height: int) -> bytes:
        """Return the hash of a stored block."""
        found = self._store.block_hash(height)
        if found is None:
            raise Rejection(Reason.NOT_FOUND, f"no block at height {height}")
        return found

    def height_of(self, block_hash: bytes) -> int:
        """Return the height of the block with this hash."""
        height = self._store.height_of(block_hash)
        if height is None:
            raise Rejection(Reason.NOT_FOUND, "no block with this hash")
        return height

    def locate(self, txid: bytes) -> Location | None:
        """Return where a transaction stands, None when no stored block has it."""
        return self._store.locate(txid)

    def receipt(self, location: Location) -> Receipt:
        """Return the receipt of a located transaction."""
        data = self._store.receipt(location.height, location.index)
        assert data is not None, "every located transaction has its receipt"
        return Receipt.decode(data, self._suite)

    def body(self, height: int) -> Body:
        """Return the body of a stored block; genesis has an empty one."""
        found = self._store.ordered(height)
        if found is None:
            return Body()
        return Body.decode(OrderedRecord.decode(found[1], self._suite).body)

    def transactions(self, height: int) -> list[Transaction]:
        """Return the decoded transactions of a stored block."""
        return [decode_transaction(t, self._suite) for t in self.body(height).transactions]

    def receipts(self, height: int) -> tuple[Receipt, ...]:
        """Return the receipts of a stored block."""
        return tuple(Receipt.decode(r, self._suite) for r in self._store.receipts(height) or ())

    def certificate(self, height: int) -> SealCert | None:
        """Return the certificate of a block."""
        data = self._store.certificate(height)
        return None if data is None else SealCert.decode(data)

    def block(self, height: int) -> Block:
        """Return a block with everything in it."""
        header = self.header(height)
        certificate = self._store.certificate(height)
        signers: tuple[str, ...] = ()
        if certificate is not None:
            names = [v.name for v in self._genesis.validators]
            bitmap = SealCert.decode(certificate).seals.bitmap
            signers = tuple(names[i] for i in unpack_bitmap(bitmap, len(names)))
        transactions = self.transactions(height)
        return Block(
            header=header,
            block_hash=header.hash(self._suite),
            certificate=certificate,
            transaction_ids=tuple(t.txid for t in transactions),
            transactions=tuple(t.encoded for t in transactions),
            receipts=self.receipts(height),
            signers=signers,
        )

    def proof(self, location: Location) -> TransactionBundle:
        """Return the proof of a located transaction; raise Rejection(not_found) while its block has no certificate."""
        certificate = self._own_certificate(location.height)
        body = self.body(location.height)
        return build_bundle(
            self._genesis,
            body.transactions,
            self.receipts(location.height),
            location.index,
            self.header(location.height),
            certificate,
        )

    def event_proof(self, location: Location, position: int) -> EventBundle:
        """Return the proof of an event of a located transaction; raise Rejection(not_found) as ``proof`` does."""
        certificate = self._own_certificate(location.height)
        receipts = self.receipts(location.height)
        count = len(receipts[location.index].events)
        if not 0 <= position < count:
            raise Rejection(Reason.NOT_FOUND, f"no event {position}: the transaction reported {count}")
        header = self.header(location.height)
        return build_event_bundle(self._genesis, receipts, location.index, position, header, certificate)

    def state_proof(self, contract: str, key: bytes, answer: StateAnswer) -> StateBundle | None:
        """Return the proof of what the executor answered, None if the block of its height has no own certificate."""
        certificate = self._store.certificate(answer.height)
        if certificate is None:
            return None
        header = self.header(answer.height)
        return build_state_bundle(self._genesis, header, certificate, contract, key, answer.value, answer.proof)

    def _own_certificate(self, height: int) -> bytes:
        certificate = self._store.certificate(height)
        if certificate is None:
            raise Rejection(Reason.NOT_FOUND, f"block {height} has no certificate here yet; try again")
        return certificate

    def serve(self, request: BlocksRequest, sealed_height: int) -> BlocksResponse:
        """Return sealed blocks for a peer: as many as fit, at least one, then headers up to the next certificate."""
        blocks: list[SyncBlock] = []
        size = certain = 0
        full = False
        for height in range(request.from_height, min(request.from_height + limits.SYNC_BLOCKS_MAX, sealed_height + 1)):
            header, ordered = self._store.header(height), self._store.ordered(height)
            if header is None or ordered is None:
                break
            certificate = self._store.certificate(height) or b""
            size += len(header) + len(ordered[1]) + len(certificate)
            full = full or (bool(blocks) and (len(blocks) >= request.count or size > limits.SYNC_BYTES_MAX))
            if full and certain == len(blocks):
                break
            blocks.append(SyncBlock(header, certificate, b"" if full else ordered[1]))
            if certificate:
                certain = len(blocks)
        return BlocksResponse(request.from_height, tuple(blocks[:certain]))

    # ------------------------------------------------------------------------------------------------------- consensus

    def anchor(self) -> SealedBlock:
        """Return the block before the first of the epoch: genesis."""
        return SealedBlock(0, self._block0_hash, self._genesis.chain_id, self._genesis.time_ms, 0)

    def recovery(self, log: list[WalRecord]) -> Recovery:
        """Return what consensus starts from; ``recover`` has run."""
        stable = max(0, self._store.certified_height)
        assert stable <= self._store.height, "a block is certified here after it is executed"
        sealed = tuple(self._sealed(h) for h in range(max(1, stable - CHAIN_KEPT + 1), stable + 1))
        decided = []
        for height in range(stable + 1, self._store.height + 1):
            found = self._store.ordered(height)
            assert found is not None, "every stored block was ordered"
            record = OrderedRecord.decode(found[1], self._suite)
            decided.append(DecidedBlock(record.header, record.body, self._store.block_hash(height)))
        return Recovery(
            anchor=self.anchor(),
            sealed=sealed,
            certificate=self.certificate(stable),
            decided=tuple(decided),
            records=tuple(Record(RecordKind(r.kind), r.payload) for r in log),
        )

    def _sealed(self, height: int) -> SealedBlock:
        header = self.header(height)
        return SealedBlock(
            height, header.hash(self._suite), header.proposal_digest, header.timestamp_ms, header.proposal_view
        )

    def view(self, contract: str, method: str, arguments: Sequence[Value]) -> tuple[int, Value]:
        """Call a view method on the last state; raise Rejection for a bad call."""
        return self._execution.view(contract, method, arguments)

    def state(self, contract: str, key: bytes) -> StateAnswer:
        """Return a key of a contract's state with its proof; raise Rejection when that cannot be answered now."""
        return self._execution.state(contract, key)

    def close(self) -> None:
        """Release the databases' owners; the store's own database is closed by who opened it."""
        self._executor.close()
