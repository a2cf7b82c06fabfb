"""Transactions: encoding, identity, and every reason for which one is refused without state."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanchain.ledger import limits
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.transaction import (
    account_of,
    build,
    check_stateless,
    decode_transaction,
    sign,
    signature_inputs,
    signatures_valid,
)

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.binary(max_size=9) | st.text(max_size=9)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=10)


def _refused(call):
    with pytest.raises(Rejection) as refusal:
        call()
    return refusal.value.reason


def _check(network, transaction, height=1, **changes):
    check_stateless(
        transaction, **{"chain_id": network.genesis.chain_id, "height": height, "suite": network.suite, **changes}
    )


def _fields(transaction):
    """Return payload and signatures as the lists that they are on the wire."""
    payload, signatures = msgpack.unpackb(transaction.encoded)
    return msgpack.unpackb(payload), signatures


def _pack(payload, signatures):
    return msgpack.packb([msgpack.packb(payload), signatures])


def test_layout_on_the_wire(network):
    """The envelope is the payload's ten fields, as bytes, and the signatures; id and signatures are tagged hashes."""
    transaction = network.transaction(b"d" * 32, "text/plain", 5, salt=b"s" * 16)
    suite, user = network.suite, network.users[0]
    payload = msgpack.packb(
        [
            1,
            network.genesis.chain_id,
            network.accounts[0],
            b"s" * 16,
            500,
            "sys.anchor",
            "notarise",
            [b"d" * 32, "text/plain", 5],
            10_000,
            [],
        ]
    )
    txid = suite.tagged_hash("hanchain/tx/1", payload)
    message = suite.tagged_hash("hanchain/tx-signature/1", txid)
    assert transaction.txid == txid
    assert transaction.encoded == msgpack.packb([payload, [[suite.id, user.public_key, user.sign(message)]]])
    assert signature_inputs(transaction, suite) == [(user.public_key, message, user.sign(message))]
    assert network.accounts[0] == suite.tagged_hash("hanchain/account/1", bytes([suite.id]), user.public_key)


@given(st.lists(values, max_size=5), st.integers(0, limits.GAS_LIMIT_MAX), st.integers(0, 4))
def test_round_trip(network, arguments, gas_limit, blobs):
    """What is built and signed decodes to itself, whatever its arguments."""
    made = network.transaction(
        arguments=tuple(arguments), gas_limit=gas_limit, blobs=[bytes([number]) * 32 for number in range(blobs)]
    )
    assert decode_transaction(made.encoded, network.suite) == made
    assert made.payload.arguments == tuple(arguments)
    _check(network, made)


@given(st.binary(max_size=300))
def test_garbage(network, data):
    """Garbage is refused with a reason of form."""
    assert _refused(lambda: decode_transaction(data, network.suite)) in {
        Reason.MALFORMED,
        Reason.NOT_CANONICAL,
        Reason.OVERSIZED,
    }


@given(st.data())
def test_no_second_encoding(network, data):
    """An envelope with any one bit flipped is refused, or is another transaction that no longer verifies."""
    transaction = network.transaction(salt=bytes(16))
    flipped = bytearray(transaction.encoded)
    bit = data.draw(st.integers(0, len(flipped) * 8 - 1))
    flipped[bit // 8] ^= 1 << bit % 8
    try:
        other = decode_transaction(bytes(flipped), network.suite)
    except Rejection:
        return
    assert other != transaction
    assert not signatures_valid(other, network.suite) or other.signatures[0].algorithm != network.suite.id


@pytest.mark.parametrize(
    ("position", "value", "reason"),
    [
        (0, 256, Reason.OUT_OF_RANGE),
        (0, True, Reason.MALFORMED),
        (0, None, Reason.MALFORMED),
        (1, b"short", Reason.OUT_OF_RANGE),
        (1, "x" * 32, Reason.MALFORMED),
        (2, b"", Reason.OUT_OF_RANGE),
        (2, b"x" * 65, Reason.OUT_OF_RANGE),
        (3, b"x" * 15, Reason.OUT_OF_RANGE),
        (4, -1, Reason.OUT_OF_RANGE),
        (4, 2**63, Reason.OUT_OF_RANGE),
        (4, False, Reason.MALFORMED),
        (5, "", Reason.OUT_OF_RANGE),
        (5, "x" * 65, Reason.OUT_OF_RANGE),
        (5, "line\nbreak", Reason.OUT_OF_RANGE),
        (5, "合约", Reason.OUT_OF_RANGE),
        (5, b"bytes", Reason.MALFORMED),
        (6, "", Reason.OUT_OF_RANGE),
        (7, None, Reason.MALFORMED),
        (7, [1.5], Reason.MALFORMED),
        (7, [{}], Reason.MALFORMED),
        (7, [0] * 65, Reason.OVERSIZED),
        (7, [[0] * 1025], Reason.OVERSIZED),
        (8, -1, Reason.GAS_LIMIT),
        (8, 2**40 + 1, Reason.GAS_LIMIT),
        (8, 1.0, Reason.MALFORMED),
        (9, [b"short"], Reason.MALFORMED),
        (9, [0], Reason.MALFORMED),
        (9, [b"x" * 32] * 17, Reason.OVERSIZED),
    ],
    ids=repr,
)
def test_payload_fields(network, position, value, reason):
    """A payload field of another type or range is refused with its reason."""
    payload, signatures = _fields(network.transaction())
    payload[position] = value
    assert _refused(lambda: decode_transaction(_pack(payload, signatures), network.suite)) is reason


@pytest.mark.parametrize(
    ("signatures", "reason"),
    [
        (None, Reason.MALFORMED),
        ([[1, b"k"]], Reason.MALFORMED),
        ([[True, b"k", b"s"]], Reason.MALFORMED),
        ([[0, b"k", b"s"]], Reason.MALFORMED),
        ([[256, b"k", b"s"]], Reason.MALFORMED),
        ([[1, b"", b"s"]], Reason.MALFORMED),
        ([[1, b"k" * 129, b"s"]], Reason.MALFORMED),
        ([[1, b"k", b""]], Reason.MALFORMED),
        ([[1, b"k", b"s" * 257]], Reason.MALFORMED),
        ([[1, "k", b"s"]], Reason.MALFORMED),
        ([[1, b"k", b"s"], [1, b"k", b"t"]], Reason.NOT_CANONICAL),
        ([[1, b"l", b"s"], [1, b"k", b"s"]], Reason.NOT_CANONICAL),
        ([[2, b"a", b"s"], [1, b"k", b"s"]], Reason.NOT_CANONICAL),
        ([[1, bytes([number]), b"s"] for number in range(17)], Reason.OVERSIZED),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_signature_fields(network, signatures, reason):
    """Signatures of another form or order, or twice by one key, are refused with their reason."""
    payload, _ = _fields(network.transaction())
    assert _refused(lambda: decode_transaction(_pack(payload, signatures), network.suite)) is reason


def test_limits_belong_to_what_is_allowed(network):
    """Every field at its very limit is accepted."""
    payload, _ = _fields(network.transaction())
    payload[0] = 255
    payload[2] = b"s" * 64
    payload[4] = 2**63 - 1
    payload[5] = payload[6] = "x" * 64
    payload[7] = [[0] * 1024, *range(63)]
    payload[8] = 2**40
    payload[9] = [b"b" * 32] * 16
    signatures = [[255, b"k" * 127 + bytes([number]), b"s" * 256] for number in range(16)]
    data = _pack(payload, signatures)
    assert decode_transaction(data, network.suite).encoded == data
    smallest = _pack([0, payload[1], b"s", payload[3], 0, "c", "m", [], 0, []], [[1, b"k", b"s"]])
    assert decode_transaction(smallest, network.suite).encoded == smallest
    payload[7] = [bytes(limits.TRANSACTION_BYTES_MAX - len(_pack([*payload[:7], [b""], *payload[8:]], [])) - 5)]
    full = _pack(payload, [])
    while len(full) < limits.TRANSACTION_BYTES_MAX:
        payload[7][0] += b"x"
        full = _pack(payload, [])
    assert decode_transaction(full, network.suite).encoded == full
    payload[7][0] += b"x"
    assert _refused(lambda: decode_transaction(_pack(payload, []), network.suite)) is Reason.OVERSIZED


def test_envelopes_of_another_form(network):
    """Wrong envelopes, padding, re-encodings and oversized input are refused with their reasons."""
    transaction = network.transaction()
    payload, signatures = _fields(transaction)
    longer = msgpack.packb(payload).replace(b"\x05", b"\xcc\x05")  # the size argument in two bytes
    cases = {
        msgpack.packb([msgpack.packb(payload)]): Reason.MALFORMED,
        msgpack.packb([payload, signatures]): Reason.MALFORMED,
        msgpack.packb({}): Reason.MALFORMED,
        msgpack.packb([msgpack.packb(payload[:-1]), signatures]): Reason.MALFORMED,
        transaction.encoded + b"\x00": Reason.MALFORMED,
        transaction.encoded[:-1]: Reason.MALFORMED,
        msgpack.packb([longer, signatures]): Reason.NOT_CANONICAL,
        b"\xdc\x00\x02" + transaction.encoded[1:]: Reason.NOT_CANONICAL,
        bytes(limits.TRANSACTION_BYTES_MAX + 1): Reason.OVERSIZED,
    }
    for data, reason in cases.items():
        assert _refused(lambda data=data: decode_transaction(data, network.suite)) is reason, data[:20]


def test_nesting_has_one_bound(network):
    """What is too deep to be signed is too deep to be decoded."""
    deep = ()
    for _ in range(40):
        deep = (deep,)
    assert _refused(lambda: network.transaction(arguments=(deep,))) is Reason.MALFORMED
    payload, signatures = _fields(network.transaction())
    payload[7] = [deep]
    assert _refused(lambda: decode_transaction(_pack(payload, signatures), network.suite)) is Reason.MALFORMED


def test_expiry_window(network):
    """A transaction may stand in the heights from its expiry minus the window up to its expiry."""
    transaction = network.transaction(expires_at_height=1500)
    for height, reason in ((499, Reason.EXPIRY_TOO_FAR), (500, None), (1500, None), (1501, Reason.EXPIRED)):
        if reason is None:
            _check(network, transaction, height)
        else:
            assert _refused(lambda height=height: _check(network, transaction, height)) is reason
    assert _refused(lambda: _check(network, transaction, 1400, expiry_window=99)) is Reason.EXPIRY_TOO_FAR


def test_reasons_without_state(network):
    """Version, chain, missing signature, foreign algorithm and bad signature: each has its reason."""
    suite, user = network.suite, network.users[0]
    good = network.transaction()
    payload, signatures = _fields(good)

    def changed(new_payload=payload, new_signatures=signatures):
        return decode_transaction(_pack(new_payload, new_signatures), suite)

    cases = {
        Reason.WRONG_VERSION: changed([2, *payload[1:]]),
        Reason.WRONG_CHAIN: changed([1, b"x" * 32, *payload[2:]]),
        Reason.NO_SIGNATURE: changed(payload, []),
        Reason.WRONG_ALGORITHM: changed(payload, [[suite.id + 1, user.public_key, b"s" * 64]]),
        Reason.BAD_SIGNATURE: changed(payload, [[suite.id, user.public_key, b"s" * 64]]),
    }
    for reason, transaction in cases.items():
        assert _refused(lambda transaction=transaction: _check(network, transaction)) is reason
    _check(network, cases[Reason.BAD_SIGNATURE], verify=False)
    assert _refused(lambda: _check(network, changed([*payload[:9], [b"b" * 32]]))) is Reason.BAD_SIGNATURE


def test_every_signature_must_be_good(network):
    """One bad signature beside a good one makes the transaction bad."""
    transaction = network.transaction(signers=network.users[:2])
    assert [entry.public_key for entry in transaction.signatures] == sorted(
        user.public_key for user in network.users[:2]
    )
    assert signatures_valid(transaction, network.suite)
    payload, signatures = _fields(transaction)
    signatures[1][2] = bytes(64)
    assert not signatures_valid(decode_transaction(_pack(payload, signatures), network.suite), network.suite)


def test_a_signature_is_of_one_transaction(network):
    """The id leaves signatures out, and a signature of one transaction is worth nothing on another."""
    payload = build(
        chain_id=network.genesis.chain_id,
        sender=network.accounts[0],
        salt=bytes(16),
        expires_at_height=9,
        contract="c",
        method="m",
        arguments=(),
        gas_limit=0,
    )
    alone, together = (sign(payload, network.users[:number], network.suite) for number in (1, 2))
    assert alone.txid == together.txid
    assert alone.encoded != together.encoded
    other = decode_transaction(_pack(_fields(network.transaction())[0], _fields(alone)[1]), network.suite)
    assert not signatures_valid(other, network.suite)


def test_accounts_differ_by_key_and_algorithm(network):
    """An account's name depends on the key and on its algorithm."""
    key = network.users[0].public_key
    names = {account_of(1, key, network.suite), account_of(2, key, network.suite), *network.accounts}
    assert len(names) == 4
