"""``sys.accounts``: an account is not its key; keys rotate, and several may have to sign."""

import pytest

from hanchain.ledger.cells import cell_key
from hanchain.ledger.codec import decode
from hanchain.ledger.messages import sign_message
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.receipt import Event, Status
from hanchain.ledger.state import state_key
from hanchain.ledger.system.accounts import account_by_text, message_speaks_for

REASONS = {Status.REVERTED, Status.REJECTED_AT_EXECUTION}


def _keys(network, *weights):
    """Return the argument that gives the users of the network these weights, in their order; 0: none."""
    entries = [
        (network.suite.id, user.public_key, weight) for user, weight in zip(network.users, weights, strict=False)
    ]
    return tuple(sorted(entry for entry in entries if entry[2]))


def _ended(receipt):
    return receipt.status, receipt.reason


def test_registration(network, chain):
    """A registered account has the keys and the threshold that it asked for, and says so in an event."""
    keys = _keys(network, 2, 1, 1)
    receipt = chain.call("sys.accounts", "register", keys, 3)
    owner = network.accounts[0]
    assert (receipt.status, receipt.events) == (Status.OK, (Event("sys.accounts", "Registered", (owner, 3, 3)),))
    assert chain.view("sys.accounts", "get", owner) == (3, keys, 1, 1)
    stored = chain.state.get(state_key("sys.accounts", cell_key("account", [owner])))
    assert decode(stored, max_bytes=10_000, max_items=10) == (3, keys, 1, 1)
    assert _ended(chain.call("sys.accounts", "register", keys, 3, signers=network.users)) == (
        Status.REVERTED,
        "E_REGISTERED",
    )
    with pytest.raises(Rejection, match="E_NOT_FOUND"):
        chain.view("sys.accounts", "get", network.accounts[1])


@pytest.mark.parametrize(
    ("signers", "speaks"),
    [((0,), False), ((1, 2), False), ((0, 1), True), ((0, 2), True), ((0, 1, 2), True), ((), False)],
    ids=repr,
)
def test_threshold(network, chain, signers, speaks):
    """Once registered, an account acts when the keys that signed weigh enough, its first key or not among them."""
    chain.call("sys.accounts", "register", _keys(network, 2, 1, 1), 3)
    stranger = network.suite.generate(b"stranger")
    receipt = chain.call(
        "sys.anchor", "notarise", b"d" * 32, "a/b", 1, signers=[stranger, *(network.users[n] for n in signers)]
    )
    if speaks:
        assert receipt.status is Status.OK
    else:
        assert _ended(receipt) == (Status.REJECTED_AT_EXECUTION, "wrong_sender")
        assert receipt.message == "the keys that signed weigh less than the sender's 3"


def test_rotation(network, chain):
    """The account keeps its name when its key goes: from then on only the new key speaks for it."""
    old, new = network.users[:2]
    chain.call("sys.accounts", "register", _keys(network, 1), 1)
    first = chain.call("sys.accounts", "set_keys", _keys(network, 0, 5), 4)
    owner = network.accounts[0]
    assert first.events == (Event("sys.accounts", "KeysChanged", (owner, 1, 4)),)
    assert chain.view("sys.accounts", "get", owner) == (4, _keys(network, 0, 5), 1, 2)
    notarise = ("sys.anchor", "notarise", b"d" * 32, "a/b", 1)
    assert chain.call(*notarise, signers=[old]).reason == "wrong_sender"
    assert chain.call(*notarise, signers=[new]).status is Status.OK
    assert chain.call("sys.accounts", "set_keys", _keys(network, 1), 1, signers=[old]).reason == "wrong_sender"
    assert chain.view("sys.anchor", "get", b"d" * 32, owner)[0] == owner
    # The new key's own account is another one, and not registered by this.
    assert chain.call(*notarise, user=1).status is Status.OK
    assert _ended(chain.call("sys.accounts", "set_keys", _keys(network, 1), 1, user=1)) == (
        Status.REVERTED,
        "E_UNREGISTERED",
    )


def test_a_change_counts_from_the_next_transaction_on(network, chain):
    """Within one block the old key registers the new one and is refused right after."""
    register = network.transaction(
        contract="sys.accounts", method="register", arguments=(_keys(network, 0, 1), 1), gas_limit=20_000
    )
    late, good = network.transaction(), network.transaction(signers=[network.users[1]])
    assert [receipt.reason for receipt in chain.block(register, late, good).receipts] == ["", "wrong_sender", ""]


def test_keys_that_are_none(network, chain):
    """Keys out of order, twice, of another form, length, weight or algorithm, and thresholds out of reach, revert."""
    suite = network.suite
    good = _keys(network, 1, 1)
    first, second = good
    cases = [
        ((), 1, "E_KEYS"),
        (good[::-1], 1, "E_KEYS"),
        ((first, first), 1, "E_KEYS"),
        ((first[:2],), 1, "E_KEYS"),
        (((suite.id, first[1], True),), 1, "E_KEYS"),
        (((suite.id, first[1].hex(), 1),), 1, "E_KEYS"),
        (("key",), 1, "E_KEYS"),
        (((suite.id, first[1] + b"0", 1),), 1, "E_KEYS"),
        (((suite.id, first[1], 0),), 1, "E_KEYS"),
        (((suite.id, first[1], 65_536),), 1, "E_KEYS"),
        (tuple((suite.id, b"%032d" % n, 1) for n in range(17)), 1, "E_KEYS"),
        (((suite.id + 1, first[1], 1),), 1, "E_ALGORITHM"),
        (good, 0, "E_THRESHOLD"),
        (good, 3, "E_THRESHOLD"),
        (good, -1, "E_THRESHOLD"),
    ]
    for keys, threshold, reason in cases:
        receipt = chain.call("sys.accounts", "register", keys, threshold)
        assert _ended(receipt) == (Status.REVERTED, reason), (keys, threshold)
    assert chain.call("sys.accounts", "register", good, 2).status is Status.OK
    assert second in chain.view("sys.accounts", "get", network.accounts[0])[1]


def test_signed_messages(network, chain):
    """A message speaks for an account by its keys as they are now, on this chain, and for exactly these bytes."""
    suite, chain_id = network.suite, network.genesis.chain_id
    owner, (first, second, third) = network.accounts[0], network.users

    def speaks(signed, message=b"pay", account=owner, chain_id=chain_id):
        return message_speaks_for(chain.state, account, message, signed, chain_id=chain_id, suite=suite)

    alone = sign_message(b"pay", [first], chain_id=chain_id, suite=suite)
    both = sign_message(b"pay", [first, third], chain_id=chain_id, suite=suite)
    assert (speaks(alone), speaks(both), speaks(alone, account=network.accounts[1])) == (True, True, False)
    assert not speaks(alone, message=b"pay more")
    assert not speaks(alone, chain_id=b"x" * 32)
    assert not any(speaks(garbage) for garbage in (b"", b"\x90", b"\xc0", alone + b"\x00", alone[:-1], b"x" * 9_000))
    for position in range(len(alone)):
        assert not speaks(alone[:position] + bytes((alone[position] ^ 1,)) + alone[position + 1 :])
    # One good signature does not carry a bad one beside it.
    assert not speaks(both[:-1] + bytes((both[-1] ^ 1,)))
    chain.call("sys.accounts", "register", _keys(network, 0, 1, 1), 2)
    later = sign_message(b"pay", [second, third], chain_id=chain_id, suite=suite)
    assert (speaks(alone), speaks(later)) == (False, True)


def test_account_names(network):
    """Contracts know an account by its lower-case hexadecimal name and by no other."""
    account = network.accounts[0]
    assert account_by_text(account.hex(), network.suite) == account
    for text in ("", account.hex().upper(), account.hex() + " ", account.hex()[2:], "0x" + account.hex(), "汉" * 64):
        assert account_by_text(text, network.suite) is None


def test_registration_costs_what_it_stores(network, chain):
    """A registered sender pays for the reading of its record with every transaction."""
    before = chain.call("sys.anchor", "notarise", b"d" * 32, "a/b", 1).gas_used
    chain.call("sys.accounts", "register", _keys(network, 1, 1, 1), 1)
    after = chain.call("sys.anchor", "notarise", b"e" * 32, "a/b", 1).gas_used
    stored = chain.state.get(state_key("sys.accounts", cell_key("account", [network.accounts[0]])))
    assert after - before == len(stored) // 32 + 4 + 3 + 9  # bytes, the record, its keys and their fields


def test_views_of_accounts_that_cannot_be(chain):
    """Names of no length or an impossible one are not found."""
    for account in (b"", b"x" * 65):
        with pytest.raises(Rejection) as refusal:
            chain.view("sys.accounts", "get", account)
        assert refusal.value.reason is Reason.REVERTED
