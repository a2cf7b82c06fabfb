"""Fresh validity: the body that may be voted for, and every reason for which another may not."""

import dataclasses

import pytest

from hanchain.ledger.block import Body
from hanchain.ledger.parameters import Parameters
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.transaction import signatures_valid
from hanchain.ledger.validation import Announced, FreshValidity, announce


def _judge(network, **parameters):
    return FreshValidity(network.suite, network.genesis.chain_id, Parameters(**parameters))


def _check(network, body, announced=None, *, judge=None, height=1, seen=(), verified=None):
    judge = judge or _judge(network)
    announced = announced or announce(body, height, network.suite)
    good = verified or (lambda transaction: signatures_valid(transaction, network.suite))
    return judge.check(body, announced, seen=lambda txid: txid in seen, verified=good)


def _refused(call):
    with pytest.raises(Rejection) as refusal:
        call()
    return refusal.value


def _body(*transactions):
    return Body(tuple(transaction.encoded for transaction in transactions))


def test_a_good_body(network):
    """A body of good transactions gives those transactions, an empty one none."""
    transactions = tuple(network.transaction() for _ in range(3))
    assert _check(network, _body(*transactions)) == transactions
    assert _check(network, Body()) == ()


def test_announcements(network):
    """Count, size and root in the header must be those of the body."""
    body = _body(network.transaction())
    honest = announce(body, 1, network.suite)
    assert honest == Announced(1, honest.transactions_root, 1, len(body.encode()))
    cases = {
        Reason.WRONG_COUNT: dataclasses.replace(honest, transaction_count=2),
        Reason.WRONG_BODY_SIZE: dataclasses.replace(honest, body_bytes=honest.body_bytes + 1),
        Reason.WRONG_TRANSACTIONS_ROOT: dataclasses.replace(honest, transactions_root=bytes(32)),
    }
    for reason, announced in cases.items():
        assert _refused(lambda announced=announced: _check(network, body, announced)).reason is reason


def test_sizes(network):
    """More transactions or bytes than the network allows are refused, exactly at the limit they are not."""
    two = _body(network.transaction(), network.transaction())
    for allowed, reason in ((2, None), (1, Reason.TOO_MANY_TRANSACTIONS)):
        judge = _judge(network, max_block_transactions=allowed)
        if reason is None:
            assert len(_check(network, two, judge=judge)) == 2
        else:
            assert _refused(lambda judge=judge: _check(network, two, judge=judge)).reason is reason
    large = _body(*(network.transaction(arguments=(bytes(90_000),)) for _ in range(3)))
    exact = _judge(network, max_block_bytes=len(large.encode()))
    below = _judge(network, max_block_bytes=len(large.encode()) - 1)
    assert len(_check(network, large, judge=exact)) == 3
    assert _refused(lambda: _check(network, large, judge=below)).reason is Reason.BODY_TOO_LARGE


def test_gas_limits(network):
    """A limit above the network's, or limits together above a block's, are refused; exactly there they are not."""
    judge = _judge(network, max_transaction_gas=100_000, max_block_gas=150_000)
    limits = [
        ((100_000, 50_000), None),
        ((100_001,), (Reason.GAS_LIMIT, "transaction 0: gas limit 100001, at most 100000 on this chain")),
        ((100_000, 50_001), (Reason.TOO_MUCH_GAS, "gas limits of 150001, at most 150000")),
    ]
    for gas_limits, refused in limits:
        body = _body(*(network.transaction(gas_limit=limit) for limit in gas_limits))
        if refused is None:
            assert len(_check(network, body, judge=judge)) == len(gas_limits)
        else:
            refusal = _refused(lambda body=body: _check(network, body, judge=judge))
            assert (refusal.reason, refusal.detail) == refused


def test_duplicates(network):
    """A transaction twice in the body, in an ancestor or in the window is refused, also in another envelope."""
    one, two = network.transaction(), network.transaction()
    again = network.transaction(salt=two.payload.salt, signers=network.users)
    assert again.txid == two.txid
    assert again.encoded != two.encoded
    for body, seen in ((_body(one, one), ()), (_body(one, two, again), ()), (_body(one, two), {two.txid})):
        assert _refused(lambda body=body, seen=seen: _check(network, body, seen=seen)).reason is Reason.DUPLICATE


def test_a_bad_transaction_is_named(network):
    """The first transaction that must not stand in the block is named with its own reason."""
    good = network.transaction()
    cases = {
        Reason.MALFORMED: Body((good.encoded, b"garbage")),
        Reason.WRONG_CHAIN: _body(good, network.transaction(chain_id=b"x" * 32)),
        Reason.EXPIRED: _body(good, network.transaction(expires_at_height=0)),
        Reason.EXPIRY_TOO_FAR: _body(good, network.transaction(expires_at_height=2000)),
        Reason.NO_SIGNATURE: _body(good, network.transaction(signers=[])),
    }
    for reason, body in cases.items():
        refusal = _refused(lambda body=body: _check(network, body))
        assert (refusal.reason, refusal.detail.split(":")[0]) == (reason, "transaction 1")


def test_signatures_are_asked_for_last(network):
    """Verification is the caller's, asked only when everything cheaper holds, once per transaction in order."""
    transactions = [network.transaction() for _ in range(3)]
    asked = []

    def verified(transaction):
        asked.append(transaction.txid)
        return transaction.txid != transactions[1].txid

    refusal = _refused(lambda: _check(network, _body(*transactions), verified=verified))
    assert (refusal.reason, refusal.detail) == (Reason.BAD_SIGNATURE, f"transaction 1: {transactions[1].txid.hex()}")
    assert asked == [transactions[0].txid, transactions[1].txid]
    asked.clear()
    doubled = _body(*transactions, transactions[0])
    assert _refused(lambda: _check(network, doubled, verified=verified)).reason is Reason.DUPLICATE
    assert asked == []


def test_expiry_is_that_of_the_network(network):
    """The window is a parameter of the network."""
    body = _body(network.transaction(expires_at_height=500))
    assert len(_check(network, body, judge=_judge(network, expiry_window=499))) == 1
    narrow = _judge(network, expiry_window=498)
    assert _refused(lambda: _check(network, body, judge=narrow)).reason is Reason.EXPIRY_TOO_FAR


def test_what_depends_on_state_is_not_judged(network):
    """A transaction that can only fail is valid to order: its failure is a receipt."""
    body = _body(network.transaction(contract="no.such"), network.transaction(sender=b"nobody"))
    assert len(_check(network, body)) == 2
