"""The pool: bounds, fairness, reservations, expiry, and a model that keeps a plain list."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.transaction import Payload, Transaction
from hanchain.node import limits
from hanchain.node.mempool import Mempool


def make(number, *, sender=b"a", size=100, expires=500, gas=0):
    """Return a transaction as far as a pool looks at one."""
    payload = Payload(1, b"c" * 32, sender, bytes(16), expires, "c", "m", (), gas, ())
    return Transaction(payload, (), bytes(size), b"%32d" % number)


def take(pool, number=1000, *, height=1, size=10**9, gas=10**9, in_flight=(), now_ms=0):
    """Take a batch and return its ids as numbers."""
    taken = pool.take(
        height=height, transactions_max=number, bytes_max=size, gas_max=gas, in_flight=in_flight, now_ms=now_ms
    )
    return [int(t.txid) for t in taken]


def filled(*transactions, **bounds):
    """Return a pool with transactions admitted at 0, 1, 2, … ms."""
    pool = Mempool(**bounds)
    for now_ms, transaction in enumerate(transactions):
        assert pool.add(transaction, now_ms)
    return pool


def refusal(pool, transaction):
    """Return why a transaction is refused."""
    with pytest.raises(Rejection) as caught:
        pool.add(transaction, 0)
    return caught.value.reason, caught.value.detail


def test_count_is_bounded():
    """The transaction after the last that fits is refused with pool_full, and leaving makes room."""
    pool = filled(*(make(i, sender=b"%d" % i) for i in range(4)), transactions_max=4)
    assert refusal(pool, make(9, sender=b"z")) == (Reason.POOL_FULL, "4 transactions wait; try again later")
    pool.remove([make(0).txid])
    assert pool.add(make(9, sender=b"z"), 0)


def test_bytes_are_bounded():
    """Bytes are counted exactly: a transaction that fills the pool to its last byte enters, one byte more does not."""
    pool = filled(make(0, size=60), bytes_max=100)
    assert refusal(pool, make(1, size=41)) == (Reason.POOL_FULL, "60 bytes wait; try again later")
    assert pool.add(make(2, size=40), 0)
    assert pool.bytes == 100
    pool.remove([make(0).txid, make(2).txid])
    assert (pool.bytes, len(pool)) == (0, 0)


def test_one_sender_holds_at_most_its_share():
    """A sender with half of the pool is refused, reserved ones counting too, while others still find room."""
    pool = filled(*(make(i) for i in range(5)), transactions_max=10)
    take(pool)
    assert refusal(pool, make(5))[1] == "this sender has 5 transactions waiting, its whole share"
    assert pool.add(make(6, sender=b"b"), 0)


def test_a_pool_of_one_takes_one():
    """The share of a sender is never nothing, however small the pool."""
    pool = filled(make(0), transactions_max=1)
    assert take(pool) == [0]


def test_the_same_transaction_enters_once():
    """Adding again says False and changes nothing."""
    pool = filled(make(1))
    assert not pool.add(make(1, size=5), 7)
    assert (len(pool), pool.bytes, pool.oldest_free_ms) == (1, 100, 0)


def test_senders_take_turns():
    """A batch takes one transaction of each sender in turn, each sender's in its order of arrival."""
    pool = filled(*(make(i) for i in range(5)), make(10, sender=b"b"), make(11, sender=b"b"), make(20, sender=b"c"))
    assert take(pool, 6) == [0, 10, 20, 1, 11, 2]
    assert take(pool) == [3, 4]


def test_a_batch_ends_at_its_bytes():
    """A batch never exceeds its bytes; what did not fit is offered next."""
    pool = filled(make(0, size=60), make(1, size=60), make(2, size=30))
    assert take(pool, size=100) == [0]
    assert take(pool, size=100) == [1, 2]


def test_a_batch_ends_at_its_gas():
    """The gas limits of a batch never exceed what a block may have; what did not fit is offered next."""
    pool = filled(make(0, gas=60), make(1, gas=40), make(2, gas=1), make(3, sender=b"b", gas=41))
    assert take(pool, gas=100) == [0]
    assert take(pool, gas=100) == [3, 1, 2]


def test_what_is_in_flight_is_reserved_and_not_offered():
    """Transactions of the proposals that a batch builds on do not come again, and are no longer counted as free."""
    pool = filled(make(0), make(1), make(2))
    assert take(pool, in_flight={make(0).txid, make(2).txid}) == [1]
    assert (pool.free, pool.oldest_free_ms, len(pool)) == (0, None, 3)


def test_a_transaction_that_expires_below_the_height_is_not_offered():
    """A batch for height 8 passes over what no block above 7 may contain."""
    pool = filled(make(0, expires=7), make(1, expires=8))
    assert take(pool, height=8) == [1]
    assert pool.free == 1


def test_release_offers_again_in_order_of_arrival():
    """After a view change everything is free again, oldest first."""
    pool = filled(make(0), make(1), make(2))
    assert take(pool, 2) == [0, 1]
    assert pool.oldest_free_ms == 2
    pool.release()
    assert (pool.oldest_free_ms, take(pool)) == (0, [0, 1, 2])


def test_stale_reservations_lapse():
    """A reservation that is older than the age asked for frees everything reserved; a younger one stays."""
    pool = filled(make(0), make(1))
    take(pool, 1, now_ms=100)
    assert not pool.release_stale(200, 100)
    assert pool.free == 1
    assert pool.release_stale(201, 100)
    assert (pool.free, pool.oldest_free_ms) == (2, 0)


def test_a_reserved_transaction_that_is_executed_leaves_no_reservation():
    """Executing what was reserved leaves nothing that could lapse."""
    pool = filled(make(0), make(1))
    take(pool, 1, now_ms=0)
    pool.remove([make(0).txid])
    assert not pool.release_stale(10**6, 1)
    assert take(pool) == [1]


def test_reserve_ignores_what_is_not_here():
    """A follower reserves what it has of a proposal."""
    pool = filled(make(0), make(1))
    pool.reserve([make(1).txid, make(5).txid], 0)
    assert take(pool) == [0]


def test_expiry_removes_exactly_what_is_past():
    """After a block at height h, all that expire at h or below are gone, also when heights were skipped."""
    pool = filled(make(0, expires=3), make(1, expires=4), make(2, expires=9), make(3, expires=10))
    take(pool, 1)
    assert pool.expire(3) == [make(0).txid]
    assert pool.expire(9) == [make(1).txid, make(2).txid]
    assert pool.expire(9) == []
    assert (len(pool), take(pool)) == (1, [3])


def test_a_transaction_that_expired_while_it_was_verified_is_refused():
    """Nothing enters that the sweep has passed: it would wait for ever."""
    pool = Mempool()
    pool.expire(10)
    assert refusal(pool, make(0, expires=10)) == (Reason.EXPIRED, "expired at height 10")
    assert pool.add(make(1, expires=11), 0)
    assert pool.expire(11) == [make(1).txid]


def test_due_for_push_comes_back_after_the_age():
    """What waits for the age is due once, and again only after the age has passed again; younger ones are not."""
    pool = filled(make(0), make(1))
    assert [int(t.txid) for t in pool.due_for_push(100, 100)] == [0]
    assert [int(t.txid) for t in pool.due_for_push(101, 100)] == [1]
    assert pool.due_for_push(150, 100) == []
    assert [int(t.txid) for t in pool.due_for_push(201, 100)] == [0, 1]


def test_due_for_push_is_bounded(monkeypatch):
    """At most a batch is due at one time, the rest the next time."""
    monkeypatch.setattr(limits, "REGOSSIP_BATCH_MAX", 2)
    pool = filled(make(0), make(1), make(2))
    assert [int(t.txid) for t in pool.due_for_push(1000, 100)] == [0, 1]
    assert [int(t.txid) for t in pool.due_for_push(1000, 100)] == [2]


NUMBERS = st.integers(0, 30)
SENDERS = [b"a", b"b", b"c"]


class Model(RuleBasedStateMachine):
    """The pool against a plain list of [number, reserved since] in order of arrival."""

    def __init__(self):
        super().__init__()
        self.pool = Mempool(transactions_max=12, bytes_max=1000)
        self.held = []
        self.now_ms = 0
        self.swept = 0

    @staticmethod
    def of(number):
        """Return the transaction with this number."""
        return make(number, sender=SENDERS[number % 3], size=50 + number * 3, expires=5 + number)

    def numbers(self):
        """Return what is held."""
        return [number for number, _ in self.held]

    @rule(number=NUMBERS)
    def add(self, number):
        """Admit or refuse by the bounds."""
        self.now_ms += 1
        transaction = self.of(number)
        mates = [n for n in self.numbers() if n % 3 == number % 3]
        size = sum(50 + 3 * n for n in self.numbers())
        fits = len(self.held) < 12 and size + 50 + 3 * number <= 1000 and len(mates) < 6
        if number in self.numbers():
            assert not self.pool.add(transaction, self.now_ms)
        elif 5 + number <= self.swept:
            assert refusal(self.pool, transaction)[0] is Reason.EXPIRED
        elif not fits:
            assert refusal(self.pool, transaction)[0] is Reason.POOL_FULL
        else:
            assert self.pool.add(transaction, self.now_ms)
            self.held.append([number, None])

    @rule(most=st.integers(0, 8), height=st.integers(0, 40), size=st.integers(0, 600), flying=st.sets(NUMBERS))
    def take(self, most, height, size, flying):
        """Everything taken is free, valid, not in flight, within the bounds, and fair."""
        self.now_ms += 1
        free = [n for n, since in self.held if since is None]
        taken = take(
            self.pool,
            most,
            height=height,
            size=size,
            in_flight={self.of(n).txid for n in flying},
            now_ms=self.now_ms,
        )
        offered = [n for n in free if n not in flying and 5 + n >= height]
        assert set(taken) <= set(offered)
        assert len(taken) == len(set(taken)) <= most
        assert sum(50 + 3 * n for n in taken) <= size
        for sender in range(3):
            mine = [n for n in taken if n % 3 == sender]
            assert mine == [n for n in offered if n % 3 == sender][: len(mine)]
        if len(offered) <= most and sum(50 + 3 * n for n in offered) <= size:
            assert set(taken) == set(offered)
        for entry in self.held:
            if entry[1] is None and (entry[0] in taken or (entry[0] in flying and not self.pool_has_free(entry[0]))):
                entry[1] = self.now_ms

    def pool_has_free(self, number):
        """Whether the pool would still offer it."""
        return self.of(number).txid in self.pool._free

    @rule(numbers=st.lists(NUMBERS))
    def reserve(self, numbers):
        """Reserve what is free."""
        self.now_ms += 1
        self.pool.reserve([self.of(n).txid for n in numbers], self.now_ms)
        for entry in self.held:
            if entry[0] in numbers and entry[1] is None:
                entry[1] = self.now_ms

    @rule()
    def release(self):
        """Free everything."""
        self.pool.release()
        for entry in self.held:
            entry[1] = None

    @rule(age=st.integers(0, 20))
    def lapse(self, age):
        """Free everything when the oldest reservation is too old."""
        oldest = min((since for _, since in self.held if since is not None), default=None)
        lapsed = oldest is not None and self.now_ms - oldest > age
        assert self.pool.release_stale(self.now_ms, age) == lapsed
        if lapsed:
            self.release()

    @rule(numbers=st.lists(NUMBERS))
    def remove(self, numbers):
        """Forget executed ones."""
        self.pool.remove([self.of(n).txid for n in numbers])
        self.held = [entry for entry in self.held if entry[0] not in numbers]

    @rule(by=st.integers(1, 3))
    def expire(self, by):
        """Forget those that are past."""
        self.swept += by
        gone = {int(txid) for txid in self.pool.expire(self.swept)}
        assert gone == {n for n in self.numbers() if 5 + n <= self.swept}
        self.held = [entry for entry in self.held if entry[0] not in gone]

    @invariant()
    def same(self):
        """Both hold the same."""
        free = [n for n, since in self.held if since is None]
        assert [n for n in range(31) if self.of(n).txid in self.pool] == sorted(self.numbers())
        assert (len(self.pool), self.pool.free) == (len(self.held), len(free))
        assert self.pool.bytes == sum(50 + 3 * n for n in self.numbers())
        assert (self.pool.oldest_free_ms is None) == (not free)


Model.TestCase.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)
TestModel = Model.TestCase


def test_senders_are_served_in_turn_over_blocks():
    """When a block is full before every sender's turn came, the next one begins with those who had none."""
    crowd = [make(10 * sender + i, sender=b"s%d" % sender) for i in range(3) for sender in range(5)]
    pool = filled(*crowd)
    assert [take(pool, 2) for _ in range(5)] == [[0, 10], [20, 30], [40, 1], [11, 21], [31, 41]]


def test_the_order_of_admission_is_known():
    """For fairness: what came later than what, whatever has left since."""
    one, two, three = (make(n) for n in range(3))
    pool = filled(one, two)
    pool.remove([one.txid])
    pool.add(three, 5)
    assert [pool.order(t.txid) for t in (two, three)] == [1, 2]
