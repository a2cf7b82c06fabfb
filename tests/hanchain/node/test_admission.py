"""Admission: who enters the pool, what a batch is made of, and which bodies may be voted for."""

import dataclasses

import pytest

from consensus.interface import BuildProposal, Validate
from hanchain.ledger.block import Body
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.transaction import Transaction
from hanchain.node import limits
from hanchain.node.admission import Admission
from hanchain.node.mempool import Mempool


class Place:
    """An admission with its pool and what the chain holds."""

    def __init__(self, world, genesis=None, **bounds):
        self.pool = Mempool(**bounds)
        self.chain = set()
        self.admission = Admission(genesis or world.genesis, self.pool, self.chain.__contains__)

    def build(self, height=1, ancestors=()):
        """Return the transactions of the next batch, None if there is no batch."""
        batch = self.admission.build(BuildProposal(0, height, tuple(ancestors)), 5, 0)
        return None if batch is None else [*Body.decode(batch.body).transactions]


@pytest.fixture
def place(world):
    """Return a new one."""
    return Place(world)


def refusal(call, *arguments):
    """Return why something is rejected."""
    with pytest.raises(Rejection) as caught:
        call(*arguments)
    return caught.value.reason


def broken(transaction):
    """Return an envelope whose signature is not good."""
    return transaction.encoded[:-1] + bytes([transaction.encoded[-1] ^ 1])


def test_a_good_transaction_may_enter(world, place):
    """A transaction that passes the cheap checks comes back, and again with the word that it is pooled."""
    transaction = world.transaction()
    assert place.admission.check(transaction.encoded, 1) == (transaction, False)
    place.pool.add(transaction, 0)
    assert place.admission.check(transaction.encoded, 1) == (transaction, True)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"chain_id": b"x" * 32}, Reason.WRONG_CHAIN),
        ({"expires_at_height": 6}, Reason.EXPIRED),
        ({"expires_at_height": 1008}, Reason.EXPIRY_TOO_FAR),
    ],
)
def test_each_reason_of_a_check(world, place, changes, reason):
    """A transaction of another chain, one that is past and one too far ahead are refused with their reasons."""
    assert refusal(place.admission.check, world.transaction(**changes).encoded, 7) is reason


def test_garbage_is_malformed(place):
    """What is no transaction is refused as such."""
    assert refusal(place.admission.check, b"", 1) is Reason.MALFORMED
    assert refusal(place.admission.check, bytes(200_000), 1) is Reason.OVERSIZED


def test_what_is_in_the_chain_does_not_enter_again(world, place):
    """A replay is a duplicate, whatever its signatures."""
    transaction = world.transaction()
    place.chain.add(transaction.txid)
    assert refusal(place.admission.check, transaction.encoded, 1) is Reason.DUPLICATE
    assert refusal(place.admission.check, broken(transaction), 1) is Reason.DUPLICATE


def test_a_full_pool_refuses_before_signatures_are_verified(world):
    """No signature is verified for a transaction that finds no room."""
    place = Place(world, transactions_max=1)
    place.pool.add(world.transaction(), 0)
    assert refusal(place.admission.check, world.transaction(user=1).encoded, 1) is Reason.POOL_FULL


def test_signatures_are_told_apart(world, place):
    """Each transaction of a batch gets its own verdict."""
    good, bad = world.transaction(), world.transaction()
    wrong = place.admission.check(broken(bad), 1)[0]
    assert place.admission.verify([good, wrong, good]) == [True, False, True]


# ------------------------------------------------------------------------------------------------------------- building


def test_a_batch_says_what_its_header_needs(world, place):
    """The batch has the roots, the count and the time of its body."""
    transaction = world.transaction()
    place.pool.add(transaction, 0)
    batch = place.admission.build(BuildProposal(0, 1, ()), 77, 0)
    expected = world.proposal([transaction]).header
    assert (batch.tx_root, batch.tx_count, batch.evidence_root, len(batch.body), batch.timestamp_ms) == (
        expected.tx_root,
        1,
        expected.evidence_root,
        expected.body_bytes,
        77,
    )


def test_an_empty_pool_builds_nothing_unless_idle_blocks_are_on(world, place):
    """Without transactions there is no batch; on a chain with idle blocks there is an empty one."""
    assert place.build() is None
    assert Place(world, world.make_genesis("idle", max_idle_ms=500)).build() == []


def test_a_batch_has_nothing_of_its_ancestors(world, place):
    """What stands in a proposal underneath is not proposed again, whether its ids were noted or are read now."""
    first, second = world.transaction(), world.transaction()
    place.pool.add(first, 0)
    place.pool.add(second, 0)
    ancestor = world.proposal([first])
    assert place.build(2, [(ancestor.digest, ancestor.body)]) == [second.encoded]
    assert place.build(2, [(ancestor.digest, ancestor.body)]) is None
    assert place.pool.oldest_free_ms is None  # nothing waits: the core is not asked again and again


def test_a_batch_is_fresh_valid_at_its_height(world, place):
    """A transaction that expires below the height of the batch is left out: followers would refuse the whole."""
    place.pool.add(world.transaction(expires_at_height=4), 0)
    late = world.transaction(expires_at_height=5)
    place.pool.add(late, 0)
    assert place.build(5) == [late.encoded]


def test_a_batch_keeps_the_limits_of_the_chain(world):
    """Counts and bytes of a built body are within the parameters, for the largest transactions too."""
    genesis = world.make_genesis("small", max_block_transactions=3, max_block_bytes=262_144)
    place = Place(world, genesis)
    for user in range(3):
        for _ in range(2):
            place.pool.add(world.transaction(user=user), 0)
    assert len(place.build()) == 3
    place = Place(world, genesis)
    for user in range(3):
        place.pool.add(world.transaction(user=user, arguments=(bytes(120_000),)), 0)
    batch = place.admission.build(BuildProposal(0, 1, ()), 0, 0)
    assert batch.tx_count == 2
    assert len(batch.body) <= 262_144


def test_the_ids_of_proposals_are_bounded(world, place, monkeypatch):
    """However many proposals are judged, the ids of the last ones only are kept."""
    monkeypatch.setattr(limits, "PROPOSALS_REMEMBERED", 2)
    for number in range(5):
        place.admission.note(b"%d" % number, [b"id"])
    assert list(place.admission._ids) == [b"3", b"4"]


# ------------------------------------------------------------------------------------------------------------- judging


def validate(place, proposal, ancestors=(), **changes):
    """Judge a proposal."""
    header = dataclasses.replace(proposal.header, **changes)
    return place.admission.validate(Validate(0, proposal.digest, header, proposal.body, tuple(ancestors)))


def test_a_fresh_body_is_valid(world, place):
    """A body of unknown but good transactions is accepted and returned decoded."""
    proposal = world.proposal([world.transaction(), world.transaction(user=1)])
    assert validate(place, proposal) == proposal.transactions


def test_pooled_transactions_are_not_verified_again(world, place, monkeypatch):
    """A transaction that is byte for byte a pooled one was verified on entry; another envelope of it is verified."""
    transaction = world.transaction()
    place.pool.add(transaction, 0)
    monkeypatch.setattr("hanchain.node.admission.signatures_valid", lambda *_: False)
    assert validate(place, world.proposal([transaction])) == (transaction,)
    other = Transaction(transaction.payload, transaction.signatures, broken(transaction), transaction.txid)
    assert refusal(validate, place, world.proposal([other])) is Reason.BAD_SIGNATURE


def test_a_bad_signature_is_refused(world, place):
    """A proposal with an unknown transaction whose signature is bad may not be voted for."""
    good = world.transaction()
    bad = Transaction(good.payload, good.signatures, broken(good), good.txid)
    assert refusal(validate, place, world.proposal([world.transaction(), bad])) is Reason.BAD_SIGNATURE


def test_duplicates_are_refused(world, place):
    """What is in an ancestor, in the chain, or twice in the body itself is a duplicate."""
    first, second = world.transaction(), world.transaction()
    ancestor = world.proposal([first])
    child = world.proposal([second, first], ancestor)
    assert validate(place, child) == (second, first)
    assert refusal(validate, place, child, [(ancestor.digest, ancestor.body)]) is Reason.DUPLICATE
    place.chain.add(second.txid)
    assert refusal(validate, place, child) is Reason.DUPLICATE
    assert refusal(validate, place, world.proposal([first, first])) is Reason.DUPLICATE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tx_root": b"x" * 32}, Reason.WRONG_TRANSACTIONS_ROOT),
        ({"tx_count": 2}, Reason.WRONG_COUNT),
        ({"body_bytes": 1}, Reason.WRONG_BODY_SIZE),
        ({"evidence_root": b"x" * 32}, Reason.INCONSISTENT),
        ({"height": 501}, Reason.EXPIRED),
    ],
)
def test_a_header_that_says_otherwise_is_refused(world, place, changes, reason):
    """Root, count, size, evidence and height of the header are held against the body."""
    assert refusal(lambda: validate(place, world.proposal([world.transaction()]), **changes)) is reason


def test_evidence_and_garbage_are_refused(world, place):
    """A body with evidence is of a later version, and garbage is malformed."""
    proposal = world.proposal([])
    with_evidence = dataclasses.replace(proposal, body=Body((), (b"e",)).encode())
    assert refusal(validate, place, with_evidence) is Reason.INCONSISTENT
    assert refusal(validate, place, dataclasses.replace(proposal, body=b"x")) is Reason.MALFORMED
