"""JSON-RPC 2.0 over HTTP: what the specification says, and every refusal in its form."""

import asyncio
import json

import pytest
from structlog.testing import capture_logs

from hanchain.api import limits

PEERS = {"jsonrpc": "2.0", "id": 1, "method": "peers"}

INVALID = [
    (5, None),
    ("peers", None),
    (None, None),
    ({}, None),
    ({"foo": "boo"}, None),
    ({**PEERS, "jsonrpc": "1.0"}, 1),
    ({**PEERS, "jsonrpc": 2.0}, 1),
    ({"id": 1, "method": "peers"}, 1),
    ({**PEERS, "method": 1}, 1),
    ({"jsonrpc": "2.0", "id": "a"}, "a"),
    ({**PEERS, "params": "x"}, 1),
    ({**PEERS, "params": None}, 1),
    ({**PEERS, "extra": 1}, 1),
    ({**PEERS, "id": 1.5}, None),
    ({**PEERS, "id": True}, None),
    ({**PEERS, "id": [1]}, None),
    ({**PEERS, "id": {"a": 1}}, None),
    ({**PEERS, "id": 2**53}, None),
    ({**PEERS, "id": "x" * 65}, None),
]

MALFORMED = [
    b"",
    b"{",
    b"not json",
    b'{"jsonrpc":"2.0","id":1,"method":"peers"',
    b'{"jsonrpc":"2.0","id":NaN,"method":"peers"}',
    b'{"jsonrpc":"2.0","id":1,"id":2,"method":"peers"}',
    b'{"jsonrpc":"2.0","id":1,"method":"peers","params":' + b"[" * 5000 + b"]" * 5000 + b"}",
    b'{"jsonrpc":"2.0","id":' + b"1" * 5000 + b',"method":"peers"}',
    b'\xff\xfe{"jsonrpc":"2.0"}',
    rb'{"jsonrpc":"2.0","id":"\ud800","method":"peers"}',
]


@pytest.mark.parametrize(("document", "answer_id"), INVALID, ids=lambda value: json.dumps(value)[:60])
async def test_invalid_request(client, document, answer_id):
    """JSON that is no request is -32600, told to the id if there is a readable one."""
    answer = await client.rpc(document)
    assert answer["id"] == answer_id
    assert (answer["error"]["code"], answer["error"]["data"]["reason"]) == (-32600, "malformed")


@pytest.mark.parametrize("body", MALFORMED, ids=lambda body: repr(body[:40]))
async def test_malformed_json(client, body):
    """What is not JSON is -32700 with reason malformed, to no id."""
    answer = await client.rpc(body)
    assert answer["id"] is None
    assert (answer["error"]["code"], answer["error"]["data"]["reason"]) == (-32700, "malformed")


async def test_unknown_method(client):
    """A method that does not exist is -32601."""
    code, reason, detail = await client.failure("coin_mint")
    assert (code, reason, detail) == (-32601, "unknown_method", "'coin_mint'; rpc_methods lists all")


async def test_a_long_method_name_is_not_echoed_in_full(client):
    """Nothing a client sends comes back at length."""
    answer = await client.rpc({**PEERS, "method": "\n\u202e" * 100_000})
    assert len(json.dumps(answer)) < 1000


async def test_wrong_argument_types(client):
    """Parameters of a wrong type are -32602 with reason bad_arguments."""
    code, reason, detail = await client.failure("tx_status", id=7)
    assert (code, reason) == (-32602, "bad_arguments")
    assert detail == "id: 0x and an even number of hexadecimal digits expected"


@pytest.mark.parametrize("request_id", [0, -5, 2**53 - 1, "", "a-b", "汉", None])
async def test_ids_come_back(client, request_id):
    """An id comes back as it was, null too."""
    answer = await client.rpc({**PEERS, "id": request_id})
    assert (answer["id"], "result" in answer) == (request_id, True)


async def test_params_by_position_and_name(client):
    """Both ways of passing parameters give the same answer."""
    by_position = await client.rpc({**PEERS, "method": "block_get", "params": [0, True]})
    by_name = await client.rpc({**PEERS, "method": "block_get", "params": {"full": True, "block": 0}})
    assert by_position == by_name
    assert by_name["result"]["height"] == 0


async def test_any_content_type(client):
    """The content type is not looked at: the body is JSON or it is not."""
    for content_type in ("application/json", "text/plain", "application/x-www-form-urlencoded", "x"):
        status, body = await client.post(json.dumps(PEERS).encode(), **{"Content-Type": content_type})
        assert (status, "result" in json.loads(body)) == (200, True)


async def test_notification(client, node, fake):
    """A call without id is executed and not answered, whatever comes of it."""
    envelope = "0x" + fake.make_transaction().encoded.hex()
    for body in (
        {"jsonrpc": "2.0", "method": "tx_submit", "params": [envelope]},
        {"jsonrpc": "2.0", "method": "tx_submit", "params": [5]},
        {"jsonrpc": "2.0", "method": "nonsense"},
        [{"jsonrpc": "2.0", "method": "peers"}, {"jsonrpc": "2.0", "method": "peers"}],
    ):
        assert await client.post(json.dumps(body).encode()) == (204, b"")
    assert node.submissions == 1


async def test_batch(client):
    """A batch is answered call by call, in order, and only the calls that want an answer."""
    answers = await client.rpc(
        [
            {**PEERS, "id": "a"},
            {"jsonrpc": "2.0", "method": "peers"},
            {"foo": "boo"},
            {**PEERS, "id": 9, "method": "tx_status"},
            {**PEERS, "id": 7, "method": "nonsense"},
        ]
    )
    assert [(answer["id"], answer.get("error", {}).get("code")) for answer in answers] == [
        ("a", None),
        (None, -32600),
        (9, -32602),
        (7, -32601),
    ]


async def test_batch_submits_and_then_waits(client, fake):
    """Calls of a batch run in order."""
    transaction = fake.make_transaction()
    txid = "0x" + transaction.txid.hex()
    answers = await client.rpc(
        [
            {"jsonrpc": "2.0", "id": 1, "method": "tx_submit", "params": ["0x" + transaction.encoded.hex()]},
            {"jsonrpc": "2.0", "id": 2, "method": "tx_wait", "params": [txid]},
        ]
    )
    assert answers[0]["result"] == {"txid": txid}
    assert (answers[1]["result"]["txid"], answers[1]["result"]["state"]) == (txid, "committed")


@pytest.mark.parametrize(
    ("batch", "reason"),
    [
        ([], "malformed"),
        ([PEERS] * (limits.BATCH_CALLS_MAX + 1), "oversized"),
        ([PEERS, {**PEERS, "method": "rpc_methods"}], "not_unique"),
    ],
    ids=["empty", "too long", "one id twice"],
)
async def test_batch_refused_as_a_whole(client, batch, reason):
    """A batch that is empty, too long or has one id twice is one refusal, and nothing of it runs."""
    answer = await client.rpc(batch)
    assert (answer["id"], answer["error"]["code"], answer["error"]["data"]["reason"]) == (None, -32600, reason)


async def test_null_ids_may_repeat(client):
    """Null is no id: a batch may have it more than once."""
    answers = await client.rpc([{**PEERS, "id": None}] * 2)
    assert [answer["id"] for answer in answers] == [None, None]


async def test_answer_bounded(client, monkeypatch):
    """Calls whose answers find no room are refused, each for itself; the ones before are answered."""
    status = await client.rpc({**PEERS, "method": "rpc_methods"})
    monkeypatch.setattr(limits, "ANSWER_BYTES_MAX", len(json.dumps(status, separators=(",", ":"))) + 5)
    batch = [{**PEERS, "id": number, "method": "rpc_methods"} for number in range(2)]
    answers = await client.rpc(batch)
    assert "result" in answers[0]
    assert answers[1]["error"]["data"]["reason"] == "oversized"


async def test_our_fault(client, node):
    """An unexpected error is -32603 with an id that the log has too, and nothing else of it leaves the node."""
    node.failure = ZeroDivisionError("secret")
    with capture_logs() as logged:
        answer = await client.call("chain_status")
        status, rest = await client.get("/v1/status")
    for error in (answer["error"], rest["error"]):
        assert (error["code"], error["data"]["reason"]) == (-32603, "internal")
        (entry,) = [entry for entry in logged if entry.get("incident") == error["data"]["detail"]]
        assert (entry["event"], entry["log_level"], entry["exc_info"]) == ("api_call_failed", "error", True)
    assert status == 500
    assert "secret" not in json.dumps([answer, rest])


async def test_request_takes_too_long(client, node, monkeypatch):
    """A call that hangs in the node is ended by the server."""

    async def hang(_):
        await asyncio.sleep(60)

    monkeypatch.setattr(limits, "REQUEST_MS_MAX", 50)
    node.transaction_status = hang
    status, answer = await client.get("/v1/transactions/0x" + "00" * 32 + "/status")
    assert (status, answer["error"]["code"], answer["error"]["data"]["reason"]) == (408, -32003, "timeout")
