"""A node of one process for tests of the interface: real ledger rules and real seals, no consensus and no network."""

import asyncio
from datetime import UTC, datetime
from itertools import count

from consensus.certificate import SEAL_TYPE, SealCert, Signatures
from hanchain.crypto import default_suite
from hanchain.crypto.certificates import create_authority, der_of, issue_node_certificate, public_key_of
from hanchain.ledger.block import Body, transactions_root
from hanchain.ledger.execution import Catalogue, Ordering, apply_block, call_view, parent_of, rules_of
from hanchain.ledger.genesis import Genesis, Organisation, Validator
from hanchain.ledger.memory import MemoryState
from hanchain.ledger.proof import build_bundle, build_event_bundle, build_state_bundle
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.receipt import Status
from hanchain.ledger.state import state_key
from hanchain.ledger.transaction import account_of, build, check_stateless, decode_transaction, sign
from hanchain.node.service import (
    Block,
    ChainStatus,
    ExecutorState,
    ExecutorStatus,
    PeerStatus,
    Readiness,
    StateRead,
    TransactionState,
    TransactionStatus,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SUITE = default_suite()
VALIDATOR_KEYS = [SUITE.generate(b"validator %d" % number) for number in range(4)]
USER = SUITE.generate(b"user")
ACCOUNT = account_of(SUITE.id, USER.public_key, SUITE)
SALTS = count(1)
DIGEST = bytes(range(32))


def make_genesis(chain_name="test-chain"):
    """Return the genesis of a network of four validators, the same in every run."""
    authority = create_authority("Notary", now=NOW, days=3650, seed=b"notary")

    def node_key(name):
        issued = issue_node_certificate(authority, name, ["127.0.0.1"], now=NOW, days=365, seed=b"node")
        return public_key_of(der_of(issued.certificate_pem))

    return Genesis(
        chain_name=chain_name,
        suite=SUITE,
        time_ms=1_767_225_600_000,
        organisations=(Organisation("notary", authority.certificate_pem.decode()),),
        validators=tuple(
            Validator(
                f"node-{number}", "notary", key.public_key, node_key(f"node-{number}"), f"127.0.0.1:{7000 + number}"
            )
            for number, key in enumerate(VALIDATOR_KEYS)
        ),
    )


GENESIS = make_genesis()


def make_transaction(*arguments, genesis=GENESIS, signers=None, **changes):
    """Return a signed transaction: by default, notarise(*arguments) by the user, with a salt of its own."""
    fields = {
        "chain_id": genesis.chain_id,
        "sender": ACCOUNT,
        "salt": next(SALTS).to_bytes(16, "big"),
        "expires_at_height": 500,
        "contract": "sys.anchor",
        "method": "notarise",
        "arguments": arguments or (DIGEST, "text/plain", 5),
        "gas_limit": 10_000,
        **changes,
    }
    return sign(build(**fields), [USER] if signers is None else signers, SUITE)


class FakeNode:
    """Implements NodeService: every admitted transaction is sealed in a block of its own, unless ``hold`` is set."""

    def __init__(self, genesis=GENESIS):
        self.genesis = genesis
        self.rules = rules_of(genesis)
        self.parent = parent_of(genesis.block0, genesis.suite)
        self.ledger_state = MemoryState(genesis.suite)
        self.catalogue = Catalogue(genesis.parameters)
        self.blocks = [Block(genesis.block0, self.parent.block_hash, None, (), (), (), ())]
        self.pending = {}
        self.found = {}
        self.sealed = asyncio.Event()
        self.hold = False
        self.problems = ()
        self.failure = None  # an exception that every call raises
        self.submissions = 0

    async def submit(self, envelope):
        """Admit by the ledger's rules and, unless held, seal at once."""
        self._fail()
        self.submissions += 1
        transaction = decode_transaction(envelope, self.genesis.suite)
        check_stateless(transaction, chain_id=self.genesis.chain_id, height=len(self.blocks), suite=self.genesis.suite)
        if transaction.txid in self.found:
            raise Rejection(Reason.DUPLICATE, "this transaction is in the chain already")
        self.pending[transaction.txid] = envelope
        if not self.hold:
            self.seal()
        return transaction.txid

    async def submit_batch(self, envelopes):
        """Admit each; one block for all of them would be the same to the interface."""
        answers = []
        for envelope in envelopes:
            try:
                answers.append(await self.submit(envelope))
            except Rejection as rejection:
                answers.append(rejection)
        return answers

    def seal(self, proposer=0):
        """Execute what is pending as the next block, and seal it."""
        suite = self.genesis.suite
        envelopes, ids = tuple(self.pending.values()), tuple(self.pending)
        self.pending.clear()
        height = len(self.blocks)
        ordering = Ordering(
            height=height,
            epoch=0,
            proposal_digest=suite.hash(b"proposal %d" % height),
            transactions_root=transactions_root(envelopes, suite),
            view=0,
            proposer=proposer,
            timestamp_ms=self.genesis.time_ms + 1000 * height,
        )
        executed = apply_block(self.ledger_state, ordering, Body(envelopes), self.parent, self.rules, self.catalogue)
        self.ledger_state.commit(executed.writes)
        self.parent = executed.as_parent
        certificate = self._certificate(executed.header)
        names = tuple(validator.name for validator in self.genesis.validators[:3])
        self.blocks.append(
            Block(executed.header, executed.block_hash, certificate, ids, envelopes, executed.receipts, names)
        )
        self.found.update({txid: (height, index) for index, txid in enumerate(ids)})
        self.sealed.set()
        self.sealed = asyncio.Event()

    def _certificate(self, header):
        message = self.genesis.context.signing_input(
            SEAL_TYPE, header.epoch, [header.height, header.hash(self.genesis.suite)]
        )
        votes = {number: VALIDATOR_KEYS[number].sign(message) for number in range(3)}
        seals = Signatures.collect(votes, self.genesis.validator_set)
        return SealCert(header.epoch, header.height, header.hash(self.genesis.suite), seals).encode()

    async def transaction_status(self, txid):
        """Look the transaction up."""
        self._fail()
        if txid in self.found:
            height, index = self.found[txid]
            receipt = self.blocks[height].receipts[index]
            state = TransactionState.COMMITTED if receipt.status is Status.OK else TransactionState.FAILED
            return TransactionStatus(txid, state, height, index, receipt)
        state = TransactionState.PENDING if txid in self.pending else TransactionState.UNKNOWN
        return TransactionStatus(txid, state)

    async def wait(self, txid, timeout_ms):
        """Wait for a block with the transaction."""
        self._fail()
        assert 0 < timeout_ms <= 120_000, "as a node demands"
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                while txid not in self.found:
                    await self.sealed.wait()
        except TimeoutError:
            raise Rejection(Reason.TIMEOUT, f"not sealed within {timeout_ms} ms") from None
        return await self.transaction_status(txid)

    async def proof(self, txid):
        """Build the bundle."""
        self._fail()
        if txid not in self.found:
            raise Rejection(Reason.NOT_FOUND, f"no sealed transaction {txid.hex()}")
        height, index = self.found[txid]
        block = self.blocks[height]
        return build_bundle(self.genesis, block.transactions, block.receipts, index, block.header, block.certificate)

    async def block(self, height):
        """Return a block."""
        self._fail()
        if height >= len(self.blocks):
            raise Rejection(Reason.NOT_FOUND, f"no block {height}, the highest is {len(self.blocks) - 1}")
        return self.blocks[height]

    async def block_by_hash(self, block_hash):
        """Return a block by its hash."""
        self._fail()
        for block in self.blocks:
            if block.block_hash == block_hash:
                return block
        raise Rejection(Reason.NOT_FOUND, "no block with this hash")

    async def view(self, contract, method, args):
        """Call a view on the last state."""
        self._fail()
        header = self.blocks[-1].header
        value = call_view(
            self.ledger_state,
            contract,
            method,
            args,
            at=header,
            gas_limit=50_000,
            rules=self.rules,
            catalogue=self.catalogue,
        )
        return header.height, value

    async def event_proof(self, txid, position):
        """Build the bundle of an event."""
        self._fail()
        if txid not in self.found:
            raise Rejection(Reason.NOT_FOUND, f"no sealed transaction {txid.hex()}")
        height, index = self.found[txid]
        block = self.blocks[height]
        if position >= len(block.receipts[index].events):
            raise Rejection(Reason.NOT_FOUND, f"no event {position}")
        return build_event_bundle(self.genesis, block.receipts, index, position, block.header, block.certificate)

    async def state(self, contract, key, *, prove):
        """Read the last state."""
        self._fail()
        value, proof = self.ledger_state.prove(state_key(contract, key))
        top = self.blocks[-1]
        bundle = None
        if prove and not top.header.height:
            raise Rejection(Reason.NOT_FOUND, "no block yet")
        if prove:
            bundle = build_state_bundle(self.genesis, top.header, top.certificate, contract, key, value, proof)
        return StateRead(top.header.height, value, bundle)

    def chain_status(self):
        """Return where the node stands."""
        self._fail()
        top = self.blocks[-1]
        return ChainStatus(
            chain_name=self.genesis.chain_name,
            chain_id=self.genesis.chain_id,
            node_name="node-0",
            node_version="0.0.0",
            suite=self.genesis.suite.name,
            validator_index=0,
            validators=tuple(validator.name for validator in self.genesis.validators),
            height=top.header.height,
            block_hash=top.block_hash,
            block_time_ms=top.header.timestamp_ms,
            executed_height=top.header.height,
            executor=ExecutorStatus("inline", ExecutorState.RUNNING, 77, 0, None, 0),
            epoch=0,
            view=0,
            view_active=True,
            leader="node-0",
            timeout_ms=2000,
            mempool_transactions=len(self.pending),
            mempool_bytes=sum(map(len, self.pending.values())),
            peers=(PeerStatus("node-1", "127.0.0.1:7001", connected=True, detail="outbound"),),
            catching_up_to=None,
            halted=None,
            alarm=None,
            uptime_ms=1,
        )

    def readiness(self):
        """Return the problems that the test set."""
        return Readiness(self.problems)

    def metrics_text(self):
        """Return one metric."""
        return b"# TYPE hanchain_height gauge\nhanchain_height %d\n" % (len(self.blocks) - 1)

    def _fail(self):
        if self.failure is not None:
            raise self.failure
