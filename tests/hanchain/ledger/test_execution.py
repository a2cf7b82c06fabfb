"""Execution: sys.anchor, every kind of failed receipt, roots, and the same bytes everywhere."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.keys import encode_key
from hanchain.ledger import gas
from hanchain.ledger.block import Body
from hanchain.ledger.codec import encode
from hanchain.ledger.execution import apply_block, call_view
from hanchain.ledger.memory import MemoryState
from hanchain.ledger.reasons import Fault, Reason, Rejection
from hanchain.ledger.receipt import Event, Receipt, Status, receipts_root
from hanchain.ledger.state import Journal, state_key, writes_digest
from hanchain.ledger.transaction import account_of

DIGEST = b"d" * 32


def _view(network, state, method, *arguments, contract="sys.anchor", gas_limit=10**6, at=None):
    at = at or network.block0
    return call_view(
        state,
        contract,
        method,
        arguments,
        at=at,
        gas_limit=gas_limit,
        rules=network.rules,
        catalogue=network.catalogue,
    )


class _Damaged(MemoryState):
    """A state that nobody wrote."""

    def get(self, key):
        """Find garbage everywhere."""
        return b"\xc1"


def _refused(call):
    with pytest.raises(Rejection) as refusal:
        call()
    return refusal.value.reason


def test_an_anchored_digest(network):
    """A notarised digest leaves a receipt, an event, two written keys and a record that views find."""
    state, owner = network.state(), network.accounts[0]
    transaction = network.transaction(DIGEST, "application/pdf", 1234)
    executed = network.execute(transaction, state=state)
    record = encode(["application/pdf", 1234, 1, 1_767_225_601_000, transaction.txid, None])
    writes = tuple(
        sorted(
            {
                state_key("sys.anchor", encode_key(("record", DIGEST, owner))): record,
                state_key("sys.anchor", encode_key(("latest", DIGEST))): encode(owner),
            }.items()
        )
    )
    event = Event("sys.anchor", "Notarised", (DIGEST, owner, "application/pdf"))
    size = sum(len(key) + len(value) for key, value in writes)
    gas_used = (
        (200 + len(transaction.encoded) // 2 + 600)  # the transaction and its signature
        + 3 * 60  # the sender's account and two more reads of nothing
        + (2 * 400 + 2 * size + 6)  # two new keys, one of them a record of six
        + (60 + len(encode(event.fields)))
    )
    assert executed.receipts == (
        Receipt(
            transaction.txid, 1, 0, Status.OK, "", "", gas_used, None, (event,), writes_digest(writes, network.suite)
        ),
    )
    assert executed.writes == writes
    assert executed.events == (event,)
    found = ["application/pdf", 1234, 1, 1_767_225_601_000, transaction.txid]
    assert _view(network, state, "find", DIGEST) == [[owner, *found]]
    assert _view(network, state, "get", DIGEST, owner) == [owner, *found]


def test_prices_are_pinned(network):
    """The gas of known calls is what it was: another price is another protocol version."""
    one = network.transaction(DIGEST, "text/plain", 1, salt=bytes(16))
    two = network.transaction(DIGEST, "text/plain", 1, salt=bytes(16), user=1, signers=network.users)
    bad = network.transaction(DIGEST, "text/plain", 1, salt=bytes(16), method="none")
    assert [receipt.gas_used for receipt in network.execute(one, two, bad).receipts] == [2_524, 3_693, 992]


def test_header_of_a_block(network):
    """The header commits to order, results and state, and points to its parent."""
    transaction = network.transaction(DIGEST, "text/plain", 1)
    state = network.state()
    executed = network.execute(transaction, state=state)
    header, suite = executed.header, network.suite
    ordering = network.ordering([transaction.encoded])
    assert header == dataclasses.replace(
        network.block0,
        height=1,
        proposal_digest=ordering.proposal_digest,
        parent_hash=network.block0.hash(suite),
        transactions_root=ordering.transactions_root,
        receipts_root=receipts_root(executed.receipts, suite),
        state_root=state.root,
        proposal_view=2,
        proposer=3,
        timestamp_ms=ordering.timestamp_ms,
    )
    assert executed.block_hash == header.hash(suite)
    assert executed.encoded_receipts == tuple(receipt.encode() for receipt in executed.receipts)
    second = network.execute(parent=executed.as_parent)
    assert (second.header.parent_hash, second.header.height) == (executed.block_hash, 2)


def test_one_owner_once(network):
    """The same owner again fails with the first height; another owner succeeds; both are found, newest first."""
    state = network.state()
    first = network.execute(network.transaction(DIGEST, "a/b", 1), state=state)
    again, other = network.transaction(DIGEST, "a/b", 1), network.transaction(DIGEST, "c/d", 2, user=1)
    second = network.execute(again, other, state=state, parent=first.as_parent)
    failed, good = second.receipts
    assert (failed.status, failed.reason, failed.message) == (
        Status.REVERTED,
        "E_EXISTS",
        "notarised by this owner at height 1",
    )
    assert (failed.events, failed.return_value, failed.writes_digest) == ((), None, writes_digest((), network.suite))
    assert good.status is Status.OK
    assert [entry[:2] for entry in _view(network, state, "find", DIGEST)] == [
        [network.accounts[1], "c/d"],
        [network.accounts[0], "a/b"],
    ]


def test_find_is_bounded(network):
    """A digest that a hundred owners notarised shows the sixty-four newest."""
    users = [network.suite.generate(b"%d" % number) for number in range(100)]
    accounts = [account_of(network.suite.id, user.public_key, network.suite) for user in users]
    state = network.state()
    network.execute(
        *(
            network.transaction(DIGEST, "a/b", 1, sender=account, signers=[user])
            for account, user in zip(accounts, users, strict=True)
        ),
        state=state,
    )
    assert [entry[0] for entry in _view(network, state, "find", DIGEST)] == accounts[:35:-1]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((b"d" * 19, "a/b", 1), "E_DIGEST"),
        ((b"d" * 65, "a/b", 1), "E_DIGEST"),
        ((DIGEST, "", 1), "E_MEDIA_TYPE"),
        ((DIGEST, "text", 1), "E_MEDIA_TYPE"),
        ((DIGEST, "text/", 1), "E_MEDIA_TYPE"),
        ((DIGEST, "text/plain; charset=utf-8", 1), "E_MEDIA_TYPE"),
        ((DIGEST, "text/plain\n", 1), "E_MEDIA_TYPE"),
        ((DIGEST, "文/本", 1), "E_MEDIA_TYPE"),
        ((DIGEST, "a/" + "b" * 126, 1), "E_MEDIA_TYPE"),
        ((DIGEST, "a/b", -1), "E_SIZE"),
        ((DIGEST, "a/b", 2**53), "E_SIZE"),
    ],
    ids=repr,
)
def test_what_the_contract_refuses(network, arguments, reason):
    """Arguments of the right type but no meaning revert with the contract's code and change nothing."""
    executed = network.execute(network.transaction(*arguments))
    assert (executed.receipts[0].status, executed.receipts[0].reason) == (Status.REVERTED, reason)
    assert executed.writes == ()


@pytest.mark.parametrize(
    "arguments",
    [
        (b"d" * 20, "a/b", 0),
        (b"d" * 64, "application/vnd.oasis.opendocument.text", 2**53 - 1),
        (DIGEST, "a/" + "b" * 125, 1),
        (DIGEST, "image/svg+xml", 1),
    ],
    ids=repr,
)
def test_what_the_contract_accepts(network, arguments):
    """Digests of 20 to 64 bytes, media types of RFC 6838 and sizes from zero are accepted."""
    assert network.execute(network.transaction(*arguments)).receipts[0].status is Status.OK


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"contract": "sys.nothing"}, Reason.UNKNOWN_CONTRACT),
        ({"method": "nothing"}, Reason.UNKNOWN_METHOD),
        ({"method": "__init__"}, Reason.UNKNOWN_METHOD),
        ({"method": "find", "arguments": (DIGEST,)}, Reason.VIEW_METHOD),
        ({"arguments": ()}, Reason.BAD_ARGUMENTS),
        ({"arguments": (DIGEST, "a/b", 1, 1)}, Reason.BAD_ARGUMENTS),
        ({"arguments": ("text", "a/b", 1)}, Reason.BAD_ARGUMENTS),
        ({"arguments": (DIGEST, b"a/b", 1)}, Reason.BAD_ARGUMENTS),
        ({"arguments": (DIGEST, "a/b", True)}, Reason.BAD_ARGUMENTS),
        ({"arguments": (DIGEST, "a/b", None)}, Reason.BAD_ARGUMENTS),
        ({"arguments": ((DIGEST,), "a/b", 1)}, Reason.BAD_ARGUMENTS),
        ({"sender": b"s" * 32}, Reason.WRONG_SENDER),
        ({"user": 1, "sender": b"alice"}, Reason.WRONG_SENDER),
    ],
    ids=repr,
)
def test_calls_that_reach_no_method(network, changes, reason):
    """Unknown names, wrong arguments and senders without a key become failed receipts, never exceptions."""
    executed = network.execute(network.transaction(**changes))
    receipt = executed.receipts[0]
    assert (receipt.status, receipt.reason) == (Status.REJECTED_AT_EXECUTION, reason)
    assert (executed.writes, receipt.events) == ((), ())
    assert receipt.message


def test_any_key_that_signed_may_speak(network):
    """The sender's key may stand beside others; without it the transaction is nobody's."""
    beside = network.transaction(DIGEST, "a/b", 1, signers=network.users)
    without = network.transaction(DIGEST, "a/b", 1, signers=network.users[1:])
    executed = network.execute(without, beside)
    assert [receipt.reason for receipt in executed.receipts] == ["wrong_sender", ""]


@settings(max_examples=60)
@given(limit=st.integers(0, 4_000))
def test_gas_limits(network, limit):
    """A limit is enough or not; gas used never exceeds it; running out leaves no trace but the receipt."""
    transaction = network.transaction(DIGEST, "a/b", 1, salt=b"s" * 16, gas_limit=4_000)
    enough, size = network.execute(transaction).receipts[0], len(transaction.encoded)
    assert enough.status is Status.OK
    executed = network.execute(network.transaction(DIGEST, "a/b", 1, salt=b"s" * 16, gas_limit=limit))
    receipt = executed.receipts[0]
    saved = len(encode(4_000)) - len(encode(limit))  # the limit is part of the envelope
    needed = enough.gas_used - gas.intrinsic(size, 1) + gas.intrinsic(size - saved, 1)
    if limit >= needed:
        assert (receipt.status, receipt.gas_used) == (Status.OK, needed)
    else:
        assert (receipt.status, receipt.reason, receipt.gas_used) == (Status.OUT_OF_GAS, "out_of_gas", limit)
        assert (executed.writes, receipt.events, receipt.message) == ((), (), f"gas limit {limit}")


def test_a_failure_leaves_its_neighbours_alone(network):
    """Good transactions around failed ones have the same writes as without them."""
    good = [network.transaction(bytes([number]) * 32, "a/b", number) for number in range(3)]
    bad = [network.transaction(gas_limit=900), network.transaction(b"", "a/b", 1), network.transaction(method="no")]
    mixed = network.execute(good[0], bad[0], good[1], bad[1], bad[2], good[2])
    assert [receipt.status for receipt in mixed.receipts] == [0, 2, 0, 1, 3, 0]
    assert [receipt.index for receipt in mixed.receipts] == list(range(6))
    assert mixed.writes == network.execute(*good).writes


def test_order_is_what_was_ordered(network):
    """The same transactions in another order are another body: execution refuses it as our own fault."""
    one, two = network.transaction(), network.transaction(user=1)
    ordering = network.ordering([one.encoded, two.encoded])
    body = Body((two.encoded, one.encoded))
    with pytest.raises(Fault, match="not the one that was ordered"):
        apply_block(network.state(), ordering, body, network.parent0, network.rules, network.catalogue)
    with pytest.raises(Fault, match="on top of"):
        apply_block(network.state(), network.ordering([], 2), Body(), network.parent0, network.rules, network.catalogue)
    garbage = Body((b"garbage",))
    with pytest.raises(Fault, match="not well-formed"):
        apply_block(
            network.state(), network.ordering([b"garbage"]), garbage, network.parent0, network.rules, network.catalogue
        )


def test_damaged_state_is_a_fault(network):
    """Stored bytes that no execution wrote stop the node; they are not the transaction's failure."""
    with pytest.raises(Fault, match="damaged"):
        network.execute(network.transaction(), state=_Damaged(network.suite))


class _Layered(MemoryState):
    """A state of which the last blocks are still in a journal."""

    def __init__(self, suite, writes):
        super().__init__(suite)
        self.commit(writes)
        self.journal = Journal(MemoryState(suite))
        for key, value in writes[::-1]:
            self.journal.put(key, value)

    def get(self, key):
        """Read through the journal."""
        return self.journal.get(key)

    def scan(self, prefix, start, *, descending):
        """Read through the journal."""
        return ((k, v) for k, v in self.journal.scan(prefix, start, descending=descending) if v is not None)


def test_history_of_caching_does_not_matter(network):
    """A block gives the same bytes on stored state as on the same state still lying in a journal."""
    state = network.state()
    first = [network.transaction(bytes([number]) * 32, "a/b", number) for number in range(5)]
    one = network.execute(*first, state=state)
    second = [network.transaction(bytes([number]) * 32, "a/b", number, user=1) for number in range(8)]
    second += [network.transaction(bytes([3]) * 32, "a/b", 3)]
    results = [
        network.execute(*second, state=state, parent=one.as_parent)
        for state in (state, _Layered(network.suite, one.writes))
    ]
    assert results[0] == results[1]


def test_views_refuse_with_reasons(network):
    """A view that cannot answer says why: names, arguments, gas, and the contract's own code."""
    state = network.state()
    network.execute(network.transaction(DIGEST, "a/b", 1), state=state)
    assert _view(network, state, "find", b"e" * 32) == []
    cases = [
        (("find", DIGEST), {"contract": "no"}, Reason.UNKNOWN_CONTRACT),
        (("nothing",), {}, Reason.UNKNOWN_METHOD),
        (("notarise", DIGEST, "a/b", 1), {}, Reason.UNKNOWN_METHOD),
        (("find",), {}, Reason.BAD_ARGUMENTS),
        (("find", DIGEST), {"gas_limit": 10}, Reason.OUT_OF_GAS),
        (("get", DIGEST, b"nobody"), {}, Reason.REVERTED),
        (("get", DIGEST, b"x" * 1000), {}, Reason.REVERTED),
        (("find", b"short"), {}, Reason.REVERTED),
    ]
    for arguments, options, reason in cases:
        assert _refused(lambda a=arguments, o=options: _view(network, state, *a, **o)) is reason
    with pytest.raises(Rejection, match="E_NOT_FOUND"):
        _view(network, state, "get", DIGEST, network.accounts[1])


def test_the_registry_describes_itself(network):
    """Contracts, methods, types and events are data that tools can show."""
    contracts = {contract.name: contract for contract in network.rules.registry}
    assert list(contracts) == ["sys.accounts", "sys.anchor", "sys.contracts"]
    contract = contracts["sys.anchor"]
    assert [(method.name, method.view, method.arguments) for method in contract.methods] == [
        ("notarise", False, (("digest", "bytes"), ("media_type", "str"), ("size", "int"))),
        ("find", True, (("digest", "bytes"),)),
        ("get", True, (("digest", "bytes"), ("owner", "bytes"))),
    ]
    assert [(event.name, event.fields) for event in contract.events] == [
        ("Notarised", (("digest", "bytes"), ("owner", "bytes"), ("media_type", "str")))
    ]
