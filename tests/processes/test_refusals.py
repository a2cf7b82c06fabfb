"""Bad input to a real node: each a clear error with a reason, and the chain goes on."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from hanchain.ledger.codec import encode
from hanchain.ledger.transaction import Signature, Transaction, account_of, build, sign
from hanchain.sdk.results import State

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]


def post(url: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """Post raw bytes to a node's RPC; return the HTTP status and the answer."""
    request = urllib.request.Request(f"{url}/rpc", data=body, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def call(url: str, method: str, **parameters: Any) -> dict[str, Any]:
    """Make one JSON-RPC call and return the answer."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    return post(url, json.dumps(body).encode())[1]


def test_bad_requests_and_bad_transactions_get_their_reasons(network: Callable[..., Any]) -> None:
    """Malformed, oversized, wrong types, expired, replayed, wrong chain, bad signature: each says so in one word."""
    running = network()
    url, genesis = running.files.nodes[0].url, running.genesis
    suite, key = genesis.suite, running.files.client_keys().unlock("client", "")

    def transaction(**changes: Any) -> Transaction:
        fields: dict[str, Any] = {
            "chain_id": genesis.chain_id,
            "sender": account_of(suite.id, key.public_key, suite),
            "salt": os.urandom(16),
            "expires_at_height": 500,
            "contract": "sys.anchor",
            "method": "notarise",
            "arguments": [os.urandom(32), "text/plain", 1],
            "gas_limit": 10_000,
        }
        return sign(build(**(fields | changes)), [key], suite)

    def refusal(envelope: bytes) -> str:
        answer = call(url, "tx_submit", transaction="0x" + envelope.hex())
        return str(answer["error"]["data"]["reason"])

    code, answer = post(url, b'{"jsonrpc": "2.0", "id": 1, "method": ')
    assert (answer["error"]["code"], answer["error"]["data"]["reason"]) == (-32700, "malformed")
    code, answer = post(url, b'"' + b"x" * (6 * 1024 * 1024) + b'"')
    assert (code, answer["error"]["data"]["reason"]) == (413, "oversized")
    assert call(url, "no_such_method")["error"]["code"] == -32601
    answer = call(url, "block_get", block=[1])
    assert (answer["error"]["code"], answer["error"]["data"]["reason"]) == (-32602, "bad_arguments")
    assert refusal(b"\x00garbage") == "malformed"

    good = transaction()
    with running.client() as client:
        assert client.send(good).state is State.COMMITTED
        assert refusal(good.encoded) == "duplicate"
        assert refusal(transaction(chain_id=bytes(32)).encoded) == "wrong_chain"
        assert refusal(transaction(expires_at_height=0).encoded) == "expired"
        assert refusal(transaction(expires_at_height=100_000).encoded) == "expiry_too_far"
        forged = Signature(suite.id, key.public_key, bytes(suite.signature_size))
        payload = encode(list(transaction().payload))
        assert refusal(encode([payload, [list(forged)]])) == "bad_signature"
        wrong = client.send(transaction(arguments=["no digest", "text/plain", 1]))
        assert wrong.receipt is not None
        assert (wrong.state, wrong.receipt.reason) == (State.FAILED, "bad_arguments")
        unknown = client.send(transaction(contract="no.such"))
        assert unknown.receipt is not None
        assert (unknown.state, unknown.receipt.reason) == (State.FAILED, "unknown_contract")
        assert client.send(transaction()).state is State.COMMITTED
    for node in running.files.nodes:
        assert "Traceback" not in running.files.log_path(node.name).read_text()
