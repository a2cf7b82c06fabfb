"""What the read methods answer, on JSON-RPC and on REST."""

import json

import pytest

from hanchain.ledger.block import BlockHeader
from hanchain.ledger.genesis import parse_genesis
from hanchain.ledger.proof import is_proved, verify_file


@pytest.fixture
async def sealed(client, node, fake):
    """Return a transaction that stands in block 1."""
    transaction = fake.make_transaction()
    await client.result("tx_submit", transaction="0x" + transaction.encoded.hex())
    return transaction


async def test_chain_status(client, node, sealed):
    """The status has every field of the node's, bytes in hexadecimal."""
    status = await client.result("chain_status")
    assert status["chain_id"] == "0x" + node.genesis.chain_id.hex()
    assert (status["height"], status["block_hash"]) == (1, "0x" + node.blocks[1].block_hash.hex())
    assert status["peers"] == await client.result("peers")
    assert status["peers"] == [{"name": "node-1", "address": "127.0.0.1:7001", "connected": True, "detail": "outbound"}]
    assert set(status) == set(type(node.chain_status()).__slots__)


async def test_transaction_status(client, node, sealed):
    """A sealed transaction's state has its place and the receipt with the contract's values."""
    receipt = node.blocks[1].receipts[0]
    assert await client.result("tx_status", id="0x" + sealed.txid.hex()) == {
        "txid": "0x" + sealed.txid.hex(),
        "state": "committed",
        "height": 1,
        "index": 0,
        "receipt": {
            "txid": "0x" + sealed.txid.hex(),
            "height": 1,
            "index": 0,
            "status": "ok",
            "reason": "",
            "message": "",
            "gas_used": receipt.gas_used,
            "return_value": None,
            "events": [
                {
                    "contract": "sys.anchor",
                    "name": "Notarised",
                    "fields": ["0x" + bytes(range(32)).hex(), "0x" + sealed.payload.sender.hex(), "text/plain"],
                }
            ],
            "writes_digest": "0x" + receipt.writes_digest.hex(),
        },
    }


async def test_unknown_and_pending(client, node, fake):
    """A transaction that the node never saw is unknown, one that it admitted pending: neither has a receipt."""
    node.hold = True
    transaction = fake.make_transaction()
    txid = "0x" + transaction.txid.hex()
    nothing = {"txid": txid, "height": None, "index": None, "receipt": None}
    assert await client.result("tx_status", id=txid) == {**nothing, "state": "unknown"}
    await client.result("tx_submit", transaction="0x" + transaction.encoded.hex())
    assert await client.result("tx_status", id=txid) == {**nothing, "state": "pending"}


async def test_proof(client, node, sealed):
    """The proof that comes with a transaction is a file that verifies against the genesis."""
    answer = await client.result("tx_get", id="0x" + sealed.txid.hex())
    assert answer["status"] == await client.result("tx_status", id="0x" + sealed.txid.hex())

    steps = verify_file(json.dumps(answer["proof"]).encode(), node.genesis, digest=bytes(range(32)))
    assert is_proved(steps), steps


async def test_block(client, node, sealed):
    """A block is found by height, by hash and as the latest; its encoded header has its hash."""
    block = node.blocks[1]
    latest = await client.result("block_get")
    assert latest == await client.result("block_get", block=1)
    assert latest == await client.result("block_get", block="1")
    assert latest == await client.result("block_get", block="0x" + block.block_hash.hex())
    header = BlockHeader.decode(bytes.fromhex(latest["header_encoded"][2:]), node.genesis.suite)
    assert header == block.header
    assert "0x" + header.hash(node.genesis.suite).hex() == latest["block_hash"]
    assert latest["header"]["state_root"] == "0x" + header.state_root.hex()
    assert (latest["height"], latest["signers"]) == (1, ["node-0", "node-1", "node-2"])
    assert latest["transaction_ids"] == ["0x" + sealed.txid.hex()]
    assert set(latest) == {
        "height",
        "block_hash",
        "header",
        "header_encoded",
        "certificate",
        "signers",
        "transaction_ids",
    }
    full = await client.result("block_get", full=True)
    assert full["transactions"] == ["0x" + sealed.encoded.hex()]
    status = await client.result("tx_status", id="0x" + sealed.txid.hex())
    assert full["receipts"] == [status["receipt"]]
    assert {name: full[name] for name in latest} == latest


async def test_genesis_block(client, node):
    """Block 0 has no certificate: it follows from the genesis."""
    block = await client.result("block_get", block=0, full=True)
    assert (block["certificate"], block["signers"], block["transactions"], block["receipts"]) == (None, [], [], [])
    assert block["block_hash"] == "0x" + node.genesis.block0.hash(node.genesis.suite).hex()


async def test_view(client, fake, sealed):
    """A view returns the contract's value in the documented form, and the height of the state it read."""
    answer = await client.result("contract_call", contract="sys.anchor", method="find", args=["0x" + fake.DIGEST.hex()])
    assert answer == {
        "height": 1,
        "value": [
            [
                "0x" + fake.ACCOUNT.hex(),
                "text/plain",
                5,
                1,
                1_767_225_601_000,
                "0x" + sealed.txid.hex(),
            ]
        ],
    }


async def test_validators_and_genesis(client, node):
    """The validators are those of the genesis by index; the genesis file that is served has the chain id."""
    answer = await client.result("validators_get")
    assert (answer["epoch"], answer["leader"]) == (0, "node-0")
    assert [(entry["index"], entry["name"]) for entry in answer["validators"]] == [
        (number, f"node-{number}") for number in range(4)
    ]
    first = node.genesis.validators[0]
    assert answer["validators"][0] == {
        "index": 0,
        "name": first.name,
        "organisation": "notary",
        "public_key": "0x" + first.public_key.hex(),
        "node_key": "0x" + first.node_key.hex(),
        "address": first.address,
    }

    served = await client.result("genesis_get")
    assert served["chain_id"] == "0x" + node.genesis.chain_id.hex()
    assert parse_genesis(json.dumps(served["genesis"]).encode()).chain_id == node.genesis.chain_id


async def test_rest_is_the_same(client, fake, sealed):
    """Every REST route answers the result of its method."""
    txid = "0x" + sealed.txid.hex()
    digest = "0x" + fake.DIGEST.hex()
    same = {
        "/v1/status": ("chain_status", {}),
        f"/v1/transactions/{txid}": ("tx_get", {"id": txid}),
        f"/v1/transactions/{txid}/status": ("tx_status", {"id": txid}),
        f"/v1/transactions/{txid}/wait?timeout_ms=5": ("tx_wait", {"id": txid, "timeout_ms": 5}),
        "/v1/blocks/latest": ("block_get", {}),
        "/v1/blocks/1?full=true": ("block_get", {"block": 1, "full": True}),
        f'/v1/contracts/sys.anchor/views/find?args=["{digest}"]': (
            "contract_call",
            {"contract": "sys.anchor", "method": "find", "args": [digest]},
        ),
        "/v1/validators": ("validators_get", {}),
        "/v1/genesis": ("genesis_get", {}),
        "/v1/peers": ("peers", {}),
        "/v1/methods": ("rpc_methods", {}),
    }
    for path, (method, params) in same.items():
        assert await client.get(path) == (200, await client.result(method, **params)), path


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/v1/blocks/99", 404, "not_found"),
        ("/v1/blocks/first", 400, "bad_arguments"),
        ("/v1/blocks/1?full=yes", 400, "bad_arguments"),
        ("/v1/blocks/1?block=2", 400, "bad_arguments"),
        ("/v1/blocks/1?full=true&full=true", 400, "bad_arguments"),
        ("/v1/blocks/1?colour=red", 400, "bad_arguments"),
        ("/v1/transactions/0x00", 400, "bad_arguments"),
        ("/v1/transactions/0x" + "00" * 32, 404, "not_found"),
        ("/v1/transactions/0x" + "00" * 32 + "/wait?timeout_ms=1", 408, "timeout"),
        ("/v1/contracts/sys.anchor/views/find?args=[", 400, "malformed"),
        ("/v1/contracts/sys.anchor/views/find?args=5", 400, "bad_arguments"),
        ("/v1/contracts/sys.anchor/views/find", 400, "bad_arguments"),
        ("/nowhere", 404, "unknown_method"),
        ("/rpc", 405, "unknown_method"),
        ("/v1/transactions", 405, "unknown_method"),
    ],
)
async def test_rest_refusals(client, path, status, reason):
    """What REST refuses has an HTTP status and the same error object as JSON-RPC."""
    found, answer = await client.get(path)
    assert (found, answer["error"]["data"]["reason"], set(answer)) == (status, reason, {"error"})
