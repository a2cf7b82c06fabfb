"""Transactions that must not enter: each refused with a code, a reason that programs match on, and words."""

import json

import msgpack
import pytest

from hanchain.ledger.reasons import Reason, Rejection


def _corrupted(fake):
    transaction = fake.make_transaction()
    return transaction.encoded[:-1] + bytes([transaction.encoded[-1] ^ 1])


def _unsigned(fake):
    return fake.make_transaction(signers=[]).encoded


def _not_canonical(fake):
    payload, signatures = msgpack.unpackb(fake.make_transaction().encoded)
    return b"\xdc\x00\x02" + msgpack.packb(payload) + msgpack.packb(signatures)


CASES = {
    "wrong chain id": (lambda fake: fake.make_transaction(chain_id=bytes(32)).encoded, "wrong_chain"),
    "expired": (lambda fake: fake.make_transaction(expires_at_height=0).encoded, "expired"),
    "expires too late": (lambda fake: fake.make_transaction(expires_at_height=5000).encoded, "expiry_too_far"),
    "bad signature": (_corrupted, "bad_signature"),
    "no signature": (_unsigned, "no_signature"),
    "not MessagePack": (lambda _: b"\xc1", "malformed"),
    "cut off": (lambda fake: fake.make_transaction().encoded[:-10], "malformed"),
    "another encoding": (_not_canonical, "not_canonical"),
    "map for an array": (lambda _: msgpack.packb({1: 2}), "malformed"),
}


@pytest.mark.parametrize("case", CASES)
async def test_refused_everywhere_alike(client, node, fake, case):
    """A bad transaction is refused with the same reason on all three routes, and changes nothing."""
    make, reason = CASES[case]
    node.hold = True  # one height for all three
    envelope = make(fake)
    good = fake.make_transaction()
    code, found, detail = await client.failure("tx_submit", transaction="0x" + envelope.hex())
    assert (code, found) == (-32000, reason)
    assert not node.pending

    hexadecimal = ["0x" + envelope.hex(), "0x" + good.encoded.hex()]
    first, second = await client.result("tx_submit_batch", transactions=hexadecimal)
    assert first["error"]["data"] == {"reason": reason, "detail": detail}
    assert second == {"txid": "0x" + good.txid.hex()}

    other = fake.make_transaction()
    body = msgpack.packb([other.encoded, envelope])
    status, answer = await client.post(body, "/v1/transactions", **{"Content-Type": "application/msgpack"})
    assert status == 200
    assert msgpack.unpackb(answer) == [other.txid, [reason, detail]]
    assert list(node.pending) == [good.txid, other.txid]


async def test_replayed(client, node, fake):
    """A transaction that is in the chain is refused as a duplicate, in whatever envelope it comes again."""
    envelope = "0x" + fake.make_transaction().encoded.hex()
    await client.result("tx_submit", transaction=envelope)
    code, reason, detail = await client.failure("tx_submit", transaction=envelope)
    assert (code, reason, detail) == (-32000, "duplicate", "this transaction is in the chain already")
    assert len(node.blocks) == 2


async def test_oversized_transaction(client):
    """A transaction beyond the ledger's bound is refused before it is looked at."""
    code, reason, detail = await client.failure("tx_submit", transaction="0x" + "00" * (128 * 1024 + 1))
    assert (code, reason, detail) == (-32602, "oversized", "transaction: 131073 bytes, at most 131072")


async def test_failed_receipt_is_not_a_refusal(client, fake):
    """What only execution can judge is admitted; the receipt says what was wrong."""
    transaction = fake.make_transaction(contract="sys.nothing")
    txid = (await client.result("tx_submit", transaction="0x" + transaction.encoded.hex()))["txid"]
    status = await client.result("tx_wait", id=txid)
    receipt = status["receipt"]
    assert (status["state"], receipt["status"], receipt["reason"], receipt["message"]) == (
        "failed",
        "rejected_at_execution",
        "unknown_contract",
        "no contract sys.nothing",
    )


@pytest.mark.parametrize(
    ("method", "params", "code", "reason"),
    [
        ("tx_get", {"id": "0x" + "00" * 32}, -32001, "not_found"),
        ("block_get", {"block": 10}, -32001, "not_found"),
        ("block_get", {"block": "0x" + "00" * 32}, -32001, "not_found"),
        ("tx_wait", {"id": "0x" + "00" * 32, "timeout_ms": 1}, -32003, "timeout"),
        ("contract_call", {"contract": "sys.none", "method": "find"}, -32000, "unknown_contract"),
        ("contract_call", {"contract": "sys.anchor", "method": "none"}, -32000, "unknown_method"),
        ("contract_call", {"contract": "sys.anchor", "method": "notarise"}, -32000, "unknown_method"),
        ("contract_call", {"contract": "sys.anchor", "method": "find", "args": [5]}, -32000, "bad_arguments"),
        ("contract_call", {"contract": "sys.anchor", "method": "find", "args": ["0x00"]}, -32000, "reverted"),
    ],
)
async def test_refusals_of_reads(client, method, params, code, reason):
    """Reads of what is not there, and calls that the contract refuses, have their codes and reasons."""
    assert (await client.failure(method, **params))[:2] == (code, reason)


@pytest.mark.parametrize("reason", Reason)
async def test_every_reason_passes_through(client, node, reason):
    """Whatever the node refuses with reaches the client as it is, with an HTTP status below 500 on REST."""
    node.failure = Rejection(reason, "because")
    code, found, detail = await client.failure("chain_status")
    assert (found, detail) == (reason.value, "because")
    assert -32099 <= code <= -32000
    status, answer = await client.get("/v1/status")
    assert 400 <= status < 500
    assert answer["error"]["data"] == {"reason": reason.value, "detail": "because"}


async def test_long_details_are_cut(client, node):
    """A refusal is a sentence, whatever went into it."""
    node.failure = Rejection(Reason.MALFORMED, "x" * 10_000)
    _, _, detail = await client.failure("chain_status")
    assert detail == "x" * 511 + "…"
    assert json.dumps(detail).isascii()
