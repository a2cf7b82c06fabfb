"""A small network made from seeds: the same keys, certificates and chain id in every run."""

from datetime import UTC, datetime
from itertools import count

import pytest

from consensus.certificate import SEAL_TYPE, SealCert, Signatures
from contracts.compiler import compile_source
from contracts.thread import in_deep_thread
from hanchain.crypto import default_suite
from hanchain.crypto.certificates import create_authority, der_of, issue_node_certificate, public_key_of
from hanchain.ledger.block import Body, transactions_root
from hanchain.ledger.execution import Catalogue, Ordering, apply_block, call_view, parent_of, rules_of
from hanchain.ledger.genesis import Genesis, Organisation, Validator
from hanchain.ledger.memory import MemoryState
from hanchain.ledger.transaction import account_of, build, sign

NOW = datetime(2026, 1, 1, tzinfo=UTC)


COUNTER = """
from contracts.language import Contract, Event, Map, Revert, Value, ctx, export, init, require, view


class Counter(Contract):
    count = Value(int, default=0)
    notes = Map(str, str)
    Counted = Event(by=str, count=int)

    @init
    def setup(self, start: int) -> None:
        require(start >= 0, "E_START")
        self.count = start
        self.Counted("", start)

    @export
    def add(self, amount: int) -> int:
        require(amount > 0, "E_AMOUNT")
        self.count = self.count + amount
        self.Counted(ctx.sender, self.count)
        return self.count

    @export
    def note(self, key: str, text: str) -> None:
        self.notes[key] = text

    @export
    def forget(self, key: str) -> None:
        del self.notes[key]

    @export
    def write_and_revert(self) -> None:
        self.count = 99
        self.Counted("nobody", 99)
        raise Revert("E_NEVER")

    @view
    def now(self) -> int:
        return self.count

    @view
    def noted(self, key: str) -> str:
        return self.notes[key]
"""


class Network:
    """Four validators of two organisations, three users, and the means to make transactions, blocks and seals."""

    def __init__(self):
        self.suite = default_suite()
        self.salts = count()
        self.keys = [self.suite.generate(b"validator %d" % number) for number in range(4)]
        self.users = [self.suite.generate(b"user %d" % number) for number in range(3)]
        self.accounts = [account_of(self.suite.id, user.public_key, self.suite) for user in self.users]
        authorities = [
            create_authority(name, now=NOW, days=3650, seed=name.encode()) for name in ("Notary", "Hospital")
        ]
        self.genesis = Genesis(
            chain_name="test-chain",
            suite=self.suite,
            time_ms=1_767_225_600_000,
            organisations=(
                Organisation("notary", authorities[0].certificate_pem.decode()),
                Organisation("hospital", authorities[1].certificate_pem.decode()),
            ),
            validators=tuple(
                Validator(
                    name=f"node-{number}",
                    organisation=("notary", "hospital")[number % 2],
                    public_key=key.public_key,
                    node_key=self.node_key(authorities[number % 2], f"node-{number}"),
                    address=f"127.0.0.1:{7000 + number}",
                )
                for number, key in enumerate(self.keys)
            ),
        )
        self.rules = rules_of(self.genesis)
        self.catalogue = Catalogue(self.rules.parameters)
        self.block0 = self.genesis.block0
        self.parent0 = parent_of(self.block0, self.suite)

    @staticmethod
    def node_key(authority, name):
        """Return the key of a new node's certificate."""
        issued = issue_node_certificate(authority, name, ["127.0.0.1"], now=NOW, days=365, seed=b"node")
        return public_key_of(der_of(issued.certificate_pem))

    def transaction(self, *arguments, user=0, signers=None, **changes):
        """Return a signed transaction: by default, notarise(*arguments) by a user, with a salt of its own."""
        fields = {
            "chain_id": self.genesis.chain_id,
            "sender": self.accounts[user],
            "salt": next(self.salts).to_bytes(16, "big"),
            "expires_at_height": 500,
            "contract": "sys.anchor",
            "method": "notarise",
            "arguments": arguments or (b"d" * 32, "text/plain", 5),
            "gas_limit": 10_000,
            **changes,
        }
        return sign(build(**fields), [self.users[user]] if signers is None else signers, self.suite)

    def ordering(self, transactions, height=1):
        """Return what consensus would say about a batch."""
        return Ordering(
            height=height,
            epoch=0,
            proposal_digest=self.suite.hash(b"proposal %d" % height),
            transactions_root=transactions_root(transactions, self.suite),
            view=2,
            proposer=3,
            timestamp_ms=1_767_225_600_000 + 1000 * height,
        )

    def state(self):
        """Return the state of the network at genesis."""
        return MemoryState(self.suite)

    def execute(self, *transactions, state=None, parent=None, catalogue=None, rules=None):
        """Execute a block of transactions on a state, which takes the writes; return the results."""
        state = self.state() if state is None else state
        parent = parent or self.parent0
        encoded = tuple(transaction.encoded for transaction in transactions)
        ordering = self.ordering(encoded, parent.height + 1)
        executed = apply_block(state, ordering, Body(encoded), parent, rules or self.rules, catalogue or self.catalogue)
        assert state.commit(executed.writes) == executed.header.state_root
        return executed

    def seal(self, header, signers=(0, 1, 2)):
        """Return the certificate that these validators make of a header."""
        block_hash = header.hash(self.suite)
        context = self.genesis.context
        message = context.signing_input(SEAL_TYPE, header.epoch, [header.height, block_hash])
        votes = {signer: self.keys[signer].sign(message) for signer in signers}
        collected = Signatures.collect(votes, self.genesis.validator_set)
        return SealCert(header.epoch, header.height, block_hash, collected).encode()


class Chain:
    """Blocks one after the other on one state, and views of it."""

    def __init__(self, network, *, state=None, catalogue=None):
        self.network = network
        self.state = network.state() if state is None else state
        self.catalogue = catalogue or Catalogue(network.rules.parameters)
        self.rules = network.rules
        self.parent = network.parent0
        self.blocks = []

    def block(self, *transactions):
        """Execute a block; return its results."""
        executed = self.network.execute(
            *transactions, state=self.state, parent=self.parent, catalogue=self.catalogue, rules=self.rules
        )
        self.parent = executed.as_parent
        self.blocks.append(executed)
        return executed

    def call(self, contract, method, *arguments, gas_limit=2_000_000, **changes):
        """Execute a block of one call; return its receipt."""
        made = self.network.transaction(
            contract=contract, method=method, arguments=arguments, gas_limit=gas_limit, **changes
        )
        return self.block(made).receipts[0]

    def deploy(self, name, source, *arguments, **changes):
        """Compile and deploy; return the receipt."""
        made = compile_source(source)
        return self.call("sys.contracts", "deploy", name, made.program, made.abi, source.encode(), arguments, **changes)

    def view(self, contract, method, *arguments, gas_limit=50_000):
        """Call a view on the state after the last block."""
        at = self.blocks[-1].header if self.blocks else self.network.block0
        return call_view(
            self.state,
            contract,
            method,
            arguments,
            at=at,
            gas_limit=gas_limit,
            rules=self.rules,
            catalogue=self.catalogue,
        )


@pytest.fixture(scope="session")
def network():
    """Return the network; its state is only the counter of salts."""
    return Network()


@pytest.fixture(scope="session")
def counter():
    """Return the source of a small contract: it counts, keeps notes, and reverts when asked to."""
    return COUNTER


@pytest.fixture
def deep(request):
    """Run the test where the machine has to run: on a deep stack."""
    function = request.function
    request.node.obj = lambda **arguments: in_deep_thread(lambda: function(**arguments))


@pytest.fixture
def chain(network):
    """Return a chain at genesis."""
    return Chain(network)
