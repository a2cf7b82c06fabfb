"""The executor: each block once, durable with its results, and damage never served."""

import pytest

from contracts.compiler import compile_source
from hanchain.ledger import limits as ledger_limits
from hanchain.ledger.execution import Ordering
from hanchain.ledger.reasons import Fault, Reason, Rejection
from hanchain.ledger.receipt import Receipt, Status
from hanchain.ledger.state import state_hasher, state_key
from hanchain.node import limits
from hanchain.node.executor import Results
from hanchain.node.executor_inline import InlineExecutor
from storage import limits as storage_limits
from storage.errors import Corruption
from storage.faulty import Faulty, PowerCut
from storage.memory import Memory
from storage.state import StateStore
from storage.treeproof import verify_tree_path


def ordering(proposal):
    """Return what consensus says about a proposal."""
    header = proposal.header
    return Ordering(
        header.height, 0, proposal.digest, header.tx_root, header.pview, header.proposer, header.timestamp_ms
    )


class Counting(Memory):
    """A store that remembers its batches, and which were synced."""

    def __init__(self):
        super().__init__()
        self.batches = []

    def write(self, batch, *, sync=False):
        """Remember."""
        self.batches.append((list(batch.operations), sync))
        super().write(batch, sync=sync)


@pytest.fixture
def opened(world):
    """Return a function that opens an executor on a store."""
    return lambda store: InlineExecutor(store, world.rules, world.genesis.block0)


def test_a_new_one_stands_at_genesis(world, opened):
    """Before the first block, height and hash are those of genesis."""
    executor = opened(Memory())
    assert (executor.height, executor.block_hash) == (0, world.genesis.block0.hash(world.suite))


def test_a_block_is_one_synced_batch(world, opened):
    """Writes, height and results of a block go into one batch, synced before the answer."""
    store = Counting()
    executor = opened(store)
    proposal = world.proposal([world.transaction(), world.transaction(user=1)])
    results = executor.apply(ordering(proposal), proposal.body)
    written = [key[:1] for key, _ in store.batches[0][0]]
    assert len(store.batches) == 1
    assert store.batches[0][1] is True
    assert written.count(b"v") == 4  # two records and two latest owners
    assert written.count(b"n") >= 1  # nodes of the tree over them
    assert (written.count(b"r"), written.count(b"l")) == (1, 1)  # its root, and the block
    assert (executor.height, executor.block_hash) == (1, results.block_hash)
    assert world.header(results.header).proposal_digest == proposal.digest
    assert len(results.receipts) == 2


def test_the_last_block_is_answered_again_without_executing(world, opened):
    """Asked for the same block again, also after a restart, the executor gives the same results and writes nothing."""
    store = Counting()
    proposal = world.proposal([world.transaction()])
    first = opened(store)
    results = first.apply(ordering(proposal), proposal.body)
    assert first.apply(ordering(proposal), proposal.body) == results
    again = opened(store)
    assert again.apply(ordering(proposal), proposal.body) == results
    assert results.transaction_ids == tuple(t.txid for t in proposal.transactions)
    assert results.senders == tuple(t.payload.sender for t in proposal.transactions)
    assert isinstance(results, Results)
    assert len(store.batches) == 1


def test_a_block_that_does_not_follow_is_a_fault(world, opened):
    """A skipped height, another block of the same height, and another body are our own faults and change nothing."""
    first, second = world.proposals(2)
    other = world.proposal([world.transaction()])
    executor = opened(Memory())
    with pytest.raises(Fault, match="block 2 on top of block 0"):
        executor.apply(ordering(second), second.body)
    with pytest.raises(Fault, match="not the one that was ordered"):
        executor.apply(ordering(first), other.body)
    results = executor.apply(ordering(first), first.body)
    with pytest.raises(Fault, match="block 1 on top of block 1"):
        executor.apply(ordering(other), other.body)
    assert executor.block_hash == results.block_hash


def test_views_see_the_last_block(world, opened):
    """A view reads the state after the last block and says which height that is."""
    transaction = world.transaction()
    proposal = world.proposal([transaction])
    executor = opened(Memory())
    digest = transaction.payload.arguments[0]
    assert executor.view("sys.anchor", "find", [digest]) == (0, [])
    executor.apply(ordering(proposal), proposal.body)
    height, found = executor.view("sys.anchor", "find", [digest])
    assert (height, [entry[0] for entry in found]) == (1, [world.accounts[0]])


def test_keys_are_answered_with_proofs(world, opened):
    """Every key, present or absent, is proved under the state root of the answer's height, after a restart too."""
    store = Memory()
    executor = opened(store)
    header, last = world.genesis.block0, None
    for size in (0, 2, 5):
        if size:
            last = world.proposal([world.transaction(user=i % 3) for i in range(size)], last)
            header = world.header(executor.apply(ordering(last), last.body).header)
        hasher = state_hasher(world.suite)
        prefix = state_key("sys.anchor", b"")
        stored = {key[len(prefix) :]: value for key, value in StateStore(store, hasher).scan(prefix)}
        assert len(stored) >= size
        for key in [*stored, b"", b"none"]:
            answer = opened(store).state("sys.anchor", key)
            assert (answer.height, answer.value) == (header.height, stored.get(key))
            assert verify_tree_path(header.state_root, prefix + key, answer.value, answer.proof, hasher)
            assert not verify_tree_path(header.state_root, prefix + key, b"other", answer.proof, hasher)
            assert executor.state("sys.anchor", key) == answer


def test_a_body_that_was_not_executed_is_a_fault(world, opened):
    """Asked again for the last block with another body, the executor does not answer with ids of that one."""
    executor = opened(Memory())
    proposal, other = world.proposal([world.transaction()]), world.proposal([world.transaction()])
    executor.apply(ordering(proposal), proposal.body)
    with pytest.raises(Fault, match="the body of block 1 is not the one that was executed"):
        executor.apply(ordering(proposal), other.body)


def test_a_state_that_is_not_that_of_its_block_is_refused(world, opened):
    """A database whose last block is of another state than its tree is refused when it is opened."""
    store, older = Memory(), Memory()
    executor = opened(store)
    first, second = world.proposals(2)
    executor.apply(ordering(first), first.body)
    for key, value in store.iterate():
        older.put(key, value)
    executor.apply(ordering(second), second.body)
    older.put(b"l", store.get(b"l"))
    with pytest.raises(Fault, match="the state is not that of block 2"):
        opened(older)


@pytest.mark.parametrize(
    ("contract", "method", "arguments", "reason"),
    [
        ("sys.none", "find", [b"d" * 32], Reason.UNKNOWN_CONTRACT),
        ("sys.anchor", "none", [b"d" * 32], Reason.UNKNOWN_METHOD),
        ("sys.anchor", "find", [], Reason.BAD_ARGUMENTS),
        ("sys.anchor", "find", [b"d"], Reason.REVERTED),
    ],
)
def test_a_bad_view_is_rejected(opened, contract, method, arguments, reason):
    """Whatever a caller asks wrongly is a rejection with its reason."""
    with pytest.raises(Rejection) as caught:
        opened(Memory()).view(contract, method, arguments)
    assert caught.value.reason is reason


def test_a_cut_while_writing_leaves_the_block_whole_or_absent(world, opened):
    """After a power cut the state is that before the block or that after it, and applying it gives the same results."""
    proposal = world.proposal([world.transaction()])
    expected = opened(Memory()).apply(ordering(proposal), proposal.body)
    heights = set()
    for seed in range(20):
        store = Faulty(seed)
        executor = opened(store)
        store.cut_power_at(1)
        with pytest.raises(PowerCut):
            executor.apply(ordering(proposal), proposal.body)
        store.crash()
        recovered = opened(store)
        heights.add(recovered.height)
        assert recovered.apply(ordering(proposal), proposal.body) == expected, f"seed {seed}"
    assert heights == {0, 1}


def test_a_failed_write_changes_nothing(world, opened):
    """While the disk is full the executor stays where it is, and goes on once there is room."""
    proposal = world.proposal([world.transaction()])
    store = Faulty(1)
    executor = opened(store)
    store.fill_disk_at(1)
    with pytest.raises(Exception, match="full"):
        executor.apply(ordering(proposal), proposal.body)
    assert executor.height == 0
    store.free_disk()
    assert executor.apply(ordering(proposal), proposal.body).block_hash == executor.block_hash


def test_damage_is_reported_with_its_place(world, opened):
    """A flipped bit in the last results or in a state entry is Corruption, never an answer."""
    transaction = world.transaction()
    proposal = world.proposal([transaction])
    store = Faulty(7)
    opened(store).apply(ordering(proposal), proposal.body)
    store.flip_bit(b"l")
    with pytest.raises(Corruption, match="state/last"):
        opened(store)

    store = Faulty(8)
    executor = opened(store)
    executor.apply(ordering(proposal), proposal.body)
    for key, _ in list(store.iterate(b"v")):
        store.flip_bit(key)
    with pytest.raises(Corruption, match="state value"):
        executor.view("sys.anchor", "find", [transaction.payload.arguments[0]])


LOUD = """
from contracts.language import Contract, Event, export


class Loud(Contract):
    NAME = Event(text=str)

    @export
    def shout(self, count: int, text: str) -> str:
        for number in range(count):
            self.NAME(text)
        return text * 30
""".replace("NAME", "N" * 64)


def test_results_of_the_largest_block_fit(world, opened):
    """Whatever transactions report, a block of the most gas that a genesis allows has results that can be stored.

    Bytes of receipts for each gas, at their worst: many small events of long names, few of the largest size, and
    transactions that are nothing but a refusal.
    """
    executor, made, name = opened(Memory()), compile_source(LOUD), "l" * 32

    def call(contract, method, *arguments):
        return world.transaction(contract=contract, method=method, arguments=arguments, gas_limit=500_000)

    last = world.proposal([call("sys.contracts", "deploy", name, made.program, made.abi, LOUD.encode(), ())])
    executor.apply(ordering(last), last.body)
    worst = 0
    for calls, status in (
        ([call(name, "shout", 256, "")], Status.OK),
        ([call(name, "shout", 256, "x" * 500)], Status.OK),
        ([call(name, "shout", 32, "x" * 4_000)], Status.FAILED),  # its result is too long
        ([call("n" * 64, "m" * 64)], Status.REJECTED_AT_EXECUTION),
        ([call(name, "m" * 64)], Status.REJECTED_AT_EXECUTION),
    ):
        last = world.proposal(calls, last)
        (encoded,) = executor.apply(ordering(last), last.body).receipts
        receipt = Receipt.decode(encoded, world.suite)
        assert receipt.status is status
        worst = max(worst, len(encoded) / receipt.gas_used)
    assert 1.4 < worst < 1.6
    assert 1.6 * ledger_limits.BLOCK_GAS_MAX + ledger_limits.HEADER_BYTES_MAX < storage_limits.VALUE_BYTES_MAX
    ids = 2 * ledger_limits.BLOCK_TRANSACTIONS_MAX * (world.suite.digest_size + 8)
    assert storage_limits.VALUE_BYTES_MAX + ids < limits.EXECUTOR_REPLY_BYTES_MAX
