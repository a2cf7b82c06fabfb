"""Intake: answers one by one, batches of peers, what they cost, and how transactions spread."""

import asyncio

import pytest

from hanchain.ledger.codec import encode
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node import limits
from hanchain.node.admission import Admission
from hanchain.node.fairness import Fairness
from hanchain.node.intake import Intake
from hanchain.node.mempool import Mempool
from hanchain.node.metrics import Metrics
from hanchain.node.settings import settings_of
from hanchain.node.wire import Kind
from p2p import limits as p2p_limits
from p2p.channels import Channel


class Shell:
    """As much of a node as intake sees, with a clock that stands still."""

    def __init__(self, world, **bounds):
        self.genesis = world.genesis
        self.chain = world.chain()
        self.pool = Mempool(**bounds)
        self.admission = Admission(world.genesis, self.pool, lambda txid: self.chain.locate(txid) is not None)
        self.metrics = Metrics("chain", "node")
        self.network = self.crew = self
        self.time_ms = 1_000
        self.reports = []
        self.sent = []
        self.tasks = []
        self.told = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.settings = settings_of(world.genesis)
        self.fairness = Fairness(self)
        self.intake = Intake(self)

    def now_ms(self):
        """Return the clock."""
        return self.time_ms

    def tell_pool(self):
        """Count."""
        self.told += 1

    async def read(self, work):
        """Run on this thread, once the gate is open."""
        await self.gate.wait()
        return work()

    def report(self, peer, offence, weight):
        """Note an offence."""
        self.reports.append((peer, offence, weight))

    def broadcast(self, channel, kind, payload):
        """Note a broadcast."""
        assert (channel, kind) == (Channel.TX, Kind.TRANSACTIONS)
        self.sent.append(payload)

    def spawn(self, work):
        """Run in the background."""
        self.tasks.append(asyncio.create_task(work))

    async def idle(self):
        """Wait for what runs in the background."""
        await asyncio.gather(*self.tasks)
        self.tasks = []

    def count(self, name):
        """Return a counter of the metrics."""
        return sum(s.value for m in self.metrics._registry.collect() for s in m.samples if s.name == name)


@pytest.fixture
async def shell(world):
    """Return a shell, closed afterwards."""
    made = Shell(world)
    yield made
    made.intake.close()


def broken(transaction):
    """Return an envelope whose signature is not good."""
    return transaction.encoded[:-1] + bytes([transaction.encoded[-1] ^ 1])


def reasons(answers):
    """Return ids as they are and rejections as their reasons."""
    return [a.reason if isinstance(a, Rejection) else a for a in answers]


def batch(*transactions):
    """Return a peer's batch."""
    return encode([t if isinstance(t, bytes) else t.encoded for t in transactions])


async def test_every_transaction_gets_its_answer_in_order(world, shell):
    """A mixed submission is answered one by one; only the good ones are pooled."""
    good, twice = world.transaction(), world.transaction(user=1)
    executed = world.proposal([world.transaction()])
    executed.decide(shell.chain)
    answers = await shell.intake.admit(
        [
            good.encoded,
            b"",
            broken(world.transaction()),
            twice.encoded,
            twice.encoded,
            executed.transactions[0].encoded,
            world.transaction(chain_id=b"x" * 32).encoded,
            world.transaction(expires_at_height=1).encoded,
            world.transaction(expires_at_height=5000).encoded,
        ],
        "client",
    )
    assert reasons(answers) == [
        good.txid,
        Reason.MALFORMED,
        Reason.BAD_SIGNATURE,
        twice.txid,
        twice.txid,
        Reason.DUPLICATE,
        Reason.WRONG_CHAIN,
        Reason.EXPIRED,
        Reason.EXPIRY_TOO_FAR,
    ]
    assert len(shell.pool) == 2
    assert shell.count("hanchain_transactions_admitted_total") == 2
    assert shell.count("hanchain_transactions_rejected_total") == 6
    assert shell.told == 1


async def test_a_long_submission_is_verified_in_chunks(world, shell):
    """More transactions than one chunk are all answered, in order."""
    transactions = [world.transaction() for _ in range(limits.VALIDATION_CHUNK + 3)]
    assert await shell.intake.admit([t.encoded for t in transactions], "client") == [t.txid for t in transactions]
    assert len(shell.pool) == len(transactions)


async def test_the_same_transaction_submitted_at_once_enters_once(world, shell):
    """Two submissions of one transaction are both answered with its id, admitted once and gossiped once."""
    transaction = world.transaction()
    shell.gate.clear()
    both = asyncio.gather(*(shell.intake.admit([transaction.encoded], "client") for _ in range(2)))
    await asyncio.sleep(0)
    shell.gate.set()
    assert await both == [[transaction.txid], [transaction.txid]]
    assert (len(shell.pool), shell.count("hanchain_transactions_admitted_total")) == (1, 1)
    shell.time_ms += p2p_limits.BATCH_DELAY_MS
    shell.intake._flush_gossip()
    assert shell.sent == [batch(transaction)]


async def test_a_block_that_comes_during_verification_is_noticed(world, shell):
    """A transaction that is executed, or expires, while its signature is verified does not enter the pool."""
    executed, expires = world.transaction(), world.transaction(expires_at_height=1)
    shell.gate.clear()
    task = asyncio.create_task(shell.intake.admit([executed.encoded, expires.encoded], "client"))
    await asyncio.sleep(0)
    world.proposal([executed]).decide(shell.chain)
    shell.pool.expire(1)
    shell.gate.set()
    assert reasons(await task) == [executed.txid, Reason.EXPIRED]
    assert len(shell.pool) == 0


async def test_a_peers_batch_enters_and_goes_no_further(world, shell):
    """Transactions of a peer are pooled and not gossiped again: the peer has told everybody."""
    transaction = world.transaction()
    shell.intake.on_transactions("node1", batch(transaction))
    await shell.idle()
    shell.time_ms += 1_000
    shell.intake._flush_gossip()
    assert (transaction.txid in shell.pool, shell.sent, shell.reports) == (True, [], [])


async def test_bad_signatures_cost_the_peer(world, shell):
    """A batch with a bad signature is one offence; its good transactions enter."""
    good = world.transaction()
    shell.intake.on_transactions("node1", batch(broken(world.transaction()), good, broken(world.transaction())))
    await shell.idle()
    assert shell.reports == [("node1", "transaction_bad_signature", 10)]
    assert good.txid in shell.pool


@pytest.mark.parametrize("payload", [b"", b"x", encode([]), encode([5]), encode([b""])])
async def test_a_batch_that_is_none_costs_the_peer(shell, payload):
    """Garbage in place of a batch is an offence, and nothing runs for it."""
    shell.intake.on_transactions("node1", payload)
    assert [(peer, weight) for peer, _, weight in shell.reports] == [("node1", 25)]
    assert shell.tasks == []


async def test_what_timing_explains_costs_nothing(world, shell):
    """Expired, far and already executed transactions of a peer are dropped without a word."""
    executed = world.proposal([world.transaction()])
    executed.decide(shell.chain)
    late, far = world.transaction(expires_at_height=1), world.transaction(expires_at_height=5000)
    shell.intake.on_transactions("node1", batch(executed.transactions[0], late, far))
    await shell.idle()
    assert (shell.reports, len(shell.pool)) == ([], 0)


async def test_the_batches_of_one_peer_are_bounded(world, shell, monkeypatch):
    """A peer that sends faster than it is verified loses batches, counted; others lose nothing; later it is heard."""
    first, second, third, other = (world.transaction() for _ in range(4))
    monkeypatch.setattr(limits, "GOSSIP_UNDER_WAY_BYTES_MAX", 2 * len(batch(first)))
    shell.gate.clear()
    for transaction in (first, second, third):
        shell.intake.on_transactions("node1", batch(transaction))
    shell.intake.on_transactions("node2", batch(other))
    assert len(shell.tasks) == 3
    assert shell.count("hanchain_gossip_dropped_total") == 1
    shell.gate.set()
    await shell.idle()
    assert [t.txid in shell.pool for t in (first, second, third, other)] == [True, True, False, True]
    shell.intake.on_transactions("node1", batch(third))
    await shell.idle()
    assert third.txid in shell.pool


async def test_what_had_no_room_enters_when_it_is_pushed_again(world):
    """A transaction refused by a full pool is admitted when its sender pushes it again and there is room."""
    shell = Shell(world, transactions_max=1)
    held, missed = world.transaction(), world.transaction(user=1)
    shell.intake.on_transactions("node1", batch(held))
    shell.intake.on_transactions("node1", batch(missed))
    await shell.idle()
    assert (held.txid in shell.pool, missed.txid in shell.pool) == (True, False)
    shell.pool.remove([held.txid])
    shell.intake.on_transactions("node1", batch(held, missed))
    await shell.idle()
    assert (held.txid in shell.pool, missed.txid in shell.pool) == (False, True)
    shell.intake.close()


async def test_clients_transactions_travel_in_batches(world, shell):
    """What clients bring leaves as one batch after the delay, by one timer however many submissions there were."""
    transactions = [world.transaction() for _ in range(3)]
    for transaction in transactions:
        await shell.intake.admit([transaction.encoded], "client")
    handle = shell.intake._gossip_timer
    assert shell.sent == []
    await shell.intake.admit([b""], "client")
    assert shell.intake._gossip_timer is handle
    shell.time_ms += p2p_limits.BATCH_DELAY_MS
    shell.intake._come_back()
    assert (shell.sent, shell.intake._gossip_timer) == ([batch(*transactions)], None)


async def test_what_waits_too_long_is_pushed_again(world, shell):
    """After half a time-out a pooled transaction goes to everybody again, in batches within the bounds."""
    transactions = [world.transaction(user=i % 3, arguments=(bytes(100_000),)) for i in range(3)]
    for transaction in transactions:
        shell.pool.add(transaction, shell.time_ms)
    shell.intake.push_again()
    assert shell.sent == []
    shell.time_ms += world.genesis.parameters.timeout_ms // 2
    shell.intake.push_again()
    assert shell.sent == [batch(*transactions[:2]), batch(transactions[2])]
    assert all(len(payload) <= p2p_limits.BATCH_BYTES_MAX for payload in shell.sent)


async def test_after_close_no_timer_is_left(world, shell):
    """Closing cancels the timer, and later submissions start none."""
    await shell.intake.admit([world.transaction().encoded], "client")
    handle = shell.intake._gossip_timer
    shell.intake.close()
    assert handle.cancelled()
    shell.intake._come_back()
    await shell.intake.admit([world.transaction().encoded], "client")
    assert shell.intake._gossip_timer is None
