"""A world made from seeds (genesis, keys, transactions, decided blocks) and networks of nodes in this process."""

import asyncio
import logging
import os
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

import pytest

from consensus import SealCert
from consensus.certificate import SEAL_TYPE, Signatures
from consensus.messages import ProposalHeader
from hanchain.crypto import default_suite
from hanchain.crypto.certificates import create_authority, der_of, issue_node_certificate, public_key_of
from hanchain.ledger.block import BlockHeader, Body, evidence_root, transactions_root
from hanchain.ledger.execution import rules_of
from hanchain.ledger.genesis import Genesis, Organisation, Validator
from hanchain.ledger.parameters import Parameters
from hanchain.ledger.transaction import account_of, build, sign
from hanchain.node.assembly import assemble
from hanchain.node.chain import Chain
from hanchain.node.config import load
from hanchain.node.executor_inline import InlineExecutor
from hanchain.node.local import LocalService
from hanchain.testnet.files import create_network
from storage.blocks import BlockStore
from storage.memory import Memory

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIME_MS = 1_767_225_600_000


@dataclass(frozen=True)
class Proposal:
    """A decided batch."""

    header: ProposalHeader
    digest: bytes
    body: bytes
    transactions: tuple

    def decide(self, chain):
        """Take it through a chain."""
        return chain.decide(self.header, self.digest, self.body, b"commits")


class World:
    """Four validators, three users, and the means to make transactions, proposals, chains and certificates."""

    def __init__(self):
        self.suite = default_suite()
        self.salts = count()
        self.keys = [self.suite.generate(b"validator %d" % number) for number in range(4)]
        self.users = [self.suite.generate(b"user %d" % number) for number in range(3)]
        self.accounts = [account_of(self.suite.id, user.public_key, self.suite) for user in self.users]
        self.genesis = self.make_genesis("test-chain")
        self.context = self.genesis.context
        self.rules = rules_of(self.genesis)

    def make_genesis(self, chain_name, **parameters):
        """Return a genesis of the four validators."""
        authority = create_authority("Notary", now=NOW, days=3650, seed=b"authority")
        self.certificates = [
            der_of(
                issue_node_certificate(
                    authority, f"node{n}", ["127.0.0.1"], now=NOW, days=365, seed=b"node %d" % n
                ).certificate_pem
            )
            for n in range(4)
        ]
        validators = tuple(
            Validator(
                f"node{n}", "notary", key.public_key, public_key_of(self.certificates[n]), f"127.0.0.1:{7000 + n}"
            )
            for n, key in enumerate(self.keys)
        )
        organisation = Organisation("notary", authority.certificate_pem.decode())
        return Genesis(chain_name, self.suite, TIME_MS, (organisation,), validators, Parameters(**parameters))

    def transaction(self, *, user=0, size=5, **changes):
        """Return a signed transaction with a salt, and so a digest to notarise, of its own."""
        salt = next(self.salts).to_bytes(16, "big")
        fields = {
            "chain_id": self.genesis.chain_id,
            "sender": self.accounts[user],
            "salt": salt,
            "expires_at_height": 500,
            "contract": "sys.anchor",
            "method": "notarise",
            "arguments": (salt * 2, "text/plain", size),
            "gas_limit": 10_000,
            **changes,
        }
        return sign(build(**fields), [self.users[user]], self.suite)

    def proposal(self, transactions, parent=None, **changes):
        """Return a decided batch on top of another, by default on top of genesis."""
        encoded = tuple(t.encoded for t in transactions)
        body = Body(encoded).encode()
        height = 1 if parent is None else parent.header.height + 1
        fields = {
            "chain_id": self.genesis.chain_id,
            "epoch": 0,
            "height": height,
            "pview": 0,
            "proposer": 0,
            "parent": self.genesis.chain_id if parent is None else parent.digest,
            "anchor_height": 0,
            "anchor_hash": self.genesis.block0.hash(self.suite),
            "timestamp_ms": TIME_MS + 1000 * height,
            "tx_root": transactions_root(encoded, self.suite),
            "tx_count": len(encoded),
            "body_bytes": len(body),
            "evidence_root": evidence_root((), self.suite),
            **changes,
        }
        header = ProposalHeader(**fields)
        return Proposal(header, header.digest(self.context), body, tuple(transactions))

    def proposals(self, blocks, each=2):
        """Return consecutive batches of new transactions."""
        made = []
        for _ in range(blocks):
            made.append(self.proposal([self.transaction(user=i % 3) for i in range(each)], made[-1] if made else None))
        return made

    def chain(self, blocks=None, state=None):
        """Return a chain on key-value stores, by default on new ones in memory, brought up to date."""
        executor = InlineExecutor(Memory() if state is None else state, self.rules, self.genesis.block0)
        chain = Chain(self.genesis, BlockStore(Memory() if blocks is None else blocks), executor)
        chain.recover()
        return chain

    def certificate(self, height, block_hash, signers=(0, 1, 2)):
        """Return the seal certificate of a block."""
        message = self.context.signing_input(SEAL_TYPE, 0, [height, block_hash])
        votes = {signer: self.keys[signer].sign(message) for signer in signers}
        return SealCert(0, height, block_hash, Signatures.collect(votes, self.genesis.validator_set))

    def sealed_chain(self, blocks, each=2, uncertified=()):
        """Return a chain of decided and certified blocks and their proposals."""
        chain, proposals = self.chain(), self.proposals(blocks, each)
        for proposal in proposals:
            stored = proposal.decide(chain)
            if stored.height not in uncertified:
                chain.certify(self.certificate(stored.height, stored.block_hash))
        return chain, proposals

    def header(self, data):
        """Return a decoded block header."""
        return BlockHeader.decode(data, self.suite)


@pytest.fixture(scope="session")
def world():
    """Return the world; its state is only the counter of salts."""
    return World()


class Cluster:
    """A network of nodes in this process, on loopback, each with its own directory."""

    def __init__(self, directory, **parameters):
        settings = {"timeout_ms": 1_000, "batch_delay_ms": 5, **parameters}
        validators, suite = settings.pop("validators", 4), settings.pop("suite", None)
        self.executor = settings.pop("executor", "inline")  # in one process it is quicker, and can be looked into
        self.files = create_network(directory, validators=validators, parameters=Parameters(**settings), suite=suite)
        self.genesis = self.files.genesis()
        self.names = [node.name for node in self.files.nodes]
        self.key = self.files.client_keys().unlock("client", "")
        self.sender = account_of(self.genesis.suite.id, self.key.public_key, self.genesis.suite)
        self.nodes = {}
        self.services = {}

    def assemble(self, name):
        """Return a node that is not started."""
        return assemble(load(self.files.config_path(name), {"HANCHAIN_NODE_EXECUTOR": self.executor}))

    async def start(self, *names):
        """Start nodes, by default all that do not run."""
        for name in names or [n for n in self.names if n not in self.nodes]:
            node = self.assemble(name)
            self.nodes[name], self.services[name] = node, LocalService(node)
            await node.start()

    async def stop(self, *names):
        """Close nodes, by default all that run."""
        for name in names or list(self.nodes):
            del self.services[name]
            await self.nodes.pop(name).close()

    def transaction(self, **changes):
        """Return a signed transaction of the network's client."""
        fields = {
            "chain_id": self.genesis.chain_id,
            "sender": self.sender,
            "salt": os.urandom(16),
            "expires_at_height": 500,
            "contract": "sys.anchor",
            "method": "notarise",
            "arguments": (os.urandom(32), "text/plain", 5),
            "gas_limit": 10_000,
            **changes,
        }
        return sign(build(**fields), [self.key], self.genesis.suite)

    async def seal(self, through, seen_on=None, timeout_ms=20_000):
        """Submit a transaction to one node and wait for it on another; return its status."""
        transaction = self.transaction()
        await self.services[through].submit(transaction.encoded)
        return await self.services[seen_on or through].wait(transaction.txid, timeout_ms)

    def heads(self):
        """Return (height, hash) of every running node."""
        return {name: (s.chain_status().height, s.chain_status().block_hash) for name, s in self.services.items()}

    async def agree(self, height, seconds=20):
        """Wait until all running nodes have sealed at least ``height`` and have the same head."""

        def reached():
            heads = self.heads()
            return len(set(heads.values())) == 1 and min(heads.values())[0] >= height

        await until(reached, seconds, self.heads)

    async def ready(self, seconds=20):
        """Wait until every running node takes part."""
        await until(
            lambda: not any(s.readiness().problems for s in self.services.values()),
            seconds,
            lambda: {n: s.readiness().problems for n, s in self.services.items()},
        )


async def until(condition, seconds=20, tell=lambda: ""):
    """Wait for a condition, looking often; fail with words after a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {tell()}"
        await asyncio.sleep(0.01)


@pytest.fixture
def wait_until():
    """Return the function that waits for a condition."""
    return until


@pytest.fixture
def cluster(tmp_path):
    """Return a maker of networks as context managers: started on entry, closed on exit, with no task left over."""

    @asynccontextmanager
    async def make(*, start=True, **parameters):
        made = Cluster(tmp_path / "net", **parameters)
        try:
            if start:
                await made.start()
                await made.ready()
            yield made
        finally:
            await made.stop()
        left = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        assert left == []

    return make


@pytest.fixture(autouse=True)
def _quiet(caplog):
    """Keep the logs of every test, of all levels, for those that read them."""
    caplog.set_level(logging.DEBUG, logger="hanchain.p2p")


@pytest.fixture(autouse=True)
def _unhandled(monkeypatch):
    """Let no exception end in the loop's handler: a test in which one does fails."""
    seen = []
    loop_class = asyncio.SelectorEventLoop
    original = loop_class.call_exception_handler

    def handler(self, context):
        seen.append(context)
        original(self, context)

    monkeypatch.setattr(loop_class, "call_exception_handler", handler)
    yield
    assert seen == []
