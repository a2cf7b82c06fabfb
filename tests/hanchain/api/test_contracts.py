"""Contracts and state on JSON-RPC and REST."""

import json

import pytest

from contracts import library
from contracts.compiler import compile_source
from hanchain.ledger.cells import cell_key
from hanchain.ledger.proof import is_proved, verify_file

SOURCE = library.source("evidence")
COMPILED = compile_source(SOURCE)
DIGEST = "0x" + bytes(range(32)).hex()
OTHER = "0x" + bytes(32).hex()


@pytest.fixture
async def deployed(client, node, fake):
    """Deploy evidence, deposit a digest; return the node's two transactions."""
    made = []
    for contract, method, arguments, gas in (
        ("sys.contracts", "deploy", ("evidence", COMPILED.program, COMPILED.abi, SOURCE.encode(), (1,)), 2_000_000),
        ("evidence", "deposit", (bytes(range(32)), "text/plain", 5), 100_000),
    ):
        transaction = fake.make_transaction(*arguments, contract=contract, method=method, gas_limit=gas)
        await client.result("tx_submit", transaction="0x" + transaction.encoded.hex())
        made.append(transaction)
    assert [receipt.reason for block in node.blocks for receipt in block.receipts] == ["", ""]
    return made


async def test_what_stands_behind_a_name(client, node, fake, deployed):
    """The record of a contract has names for its fields; a system contract is said to be one."""
    found = await client.result("contract_get", contract="evidence")
    hashes = {found.pop(name) for name in ("code_hash", "abi_hash", "source_hash")}
    assert len(hashes) == 3
    assert found == {
        "name": "evidence",
        "system": False,
        "owner": "0x" + fake.ACCOUNT.hex(),
        "version": 1,
        "weight": found["weight"],
        "height": 1,
        "status": "active",
        "at_height": 2,
    }
    assert found["weight"] > 100
    assert await client.result("contract_get", contract="sys.anchor") == {
        "name": "sys.anchor",
        "system": True,
        "at_height": 2,
    }
    assert await client.get("/v1/contracts/sys.anchor") == (
        200,
        await client.result("contract_get", contract="sys.anchor"),
    )


async def test_names_come_in_pages(client, node, fake, deployed):
    """The list goes on from its cursor, and ends with null."""
    for name in ("aaa", "zzz"):
        arguments = (name, COMPILED.program, COMPILED.abi, b"", (1,))
        transaction = fake.make_transaction(*arguments, contract="sys.contracts", method="deploy", gas_limit=2_000_000)
        await client.result("tx_submit", transaction="0x" + transaction.encoded.hex())
    first = await client.result("contract_list", limit=2)
    assert first == {
        "height": 4,
        "system": ["sys.accounts", "sys.anchor", "sys.contracts"],
        "contracts": ["aaa", "evidence"],
        "cursor": "evidence",
    }
    second = await client.result("contract_list", cursor=first["cursor"], limit=2)
    assert (second["contracts"], second["cursor"]) == (["zzz"], None)
    assert await client.get("/v1/contracts?limit=2") == (200, first)


async def test_abis_are_documents(client, deployed):
    """The ABI as the compiler made it, as a document and as its bytes; those of system contracts in the same form."""
    found = await client.result("contract_abi", contract="evidence")
    assert found["abi_encoded"] == "0x" + COMPILED.abi.hex()
    assert found["abi"] == json.loads(COMPILED.abi)
    system = await client.result("contract_abi", contract="sys.anchor")
    assert [m["name"] for m in system["abi"]["methods"]] == ["notarise", "find", "get"]


async def test_an_abi_that_is_none_is_still_served(client, node, fake):
    """Nobody checks an ABI before it is stored: the document is null, the bytes are there, and nothing breaks."""
    for name, abi in (("first", b"\xff"), ("second", b"[" * 5000), ("third", b'{"a": NaN}')):
        transaction = fake.make_transaction(
            name, COMPILED.program, abi, b"", (1,), contract="sys.contracts", method="deploy", gas_limit=2_000_000
        )
        await client.result("tx_submit", transaction="0x" + transaction.encoded.hex())
        found = await client.result("contract_abi", contract=name)
        assert (found["abi"], found["abi_encoded"]) == (None, "0x" + abi.hex())


@pytest.mark.parametrize("method", ["contract_get", "contract_abi"])
@pytest.mark.parametrize("name", ["nothing", "sys.nothing", "Not A Name", "汉链"])
async def test_a_name_that_nothing_stands_behind(client, deployed, method, name):
    """The reason is the ledger's, whatever the form of the name."""
    assert (await client.failure(method, contract=name))[1] == "unknown_contract"


async def test_state_by_cell_and_by_key(client, node, deployed):
    """The same row by its parts and by its encoded key; values as the convention of contract values has them."""
    key = "0x" + cell_key("items", [bytes(range(32))]).hex()
    by_parts = await client.result("state_get", contract="evidence", cell="items", parts=[DIGEST])
    by_key = await client.result("state_get", contract="evidence", key=key)
    assert by_parts == by_key
    assert (by_parts["height"], by_parts["present"], by_parts["key"], by_parts["proof"]) == (2, True, key, None)
    assert by_parts["value"][1:4] == ["text/plain", 5, 2]
    absent = await client.result("state_get", contract="evidence", cell="items", parts=[OTHER])
    assert (absent["present"], absent["value"], absent["value_encoded"]) == (False, None, None)
    plain = await client.result("state_get", contract="evidence", cell="required")
    assert plain["value"] == 1
    status, found = await client.get(f'/v1/contracts/evidence/state?cell=items&parts=["{DIGEST}"]')
    assert (status, found) == (200, by_parts)


@pytest.mark.parametrize("digest", [DIGEST, OTHER])
async def test_a_proof_of_the_state_is_a_file_that_verifies(client, node, deployed, digest):
    """What is present and what is absent come with a proof for the offline verifier."""
    found = await client.result("state_get", contract="evidence", cell="items", parts=[digest], prove=True)
    steps = verify_file(json.dumps(found["proof"]).encode(), node.genesis, digest=bytes.fromhex(digest[2:]))
    assert is_proved(steps), steps
    assert steps[2].detail.startswith("present" if digest == DIGEST else "absent")


async def test_an_event_has_a_proof(client, node, deployed):
    """The event's proof verifies offline; one that was not reported is not found."""
    txid = "0x" + deployed[1].txid.hex()
    found = await client.result("event_proof", id=txid, index=0)
    assert is_proved(verify_file(json.dumps(found["proof"]).encode(), node.genesis))
    assert await client.get(f"/v1/transactions/{txid}/events/0") == (200, found)
    assert (await client.failure("event_proof", id=txid, index=1))[1] == "not_found"


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({}, "bad_arguments"),
        ({"cell": "items", "key": "0x00"}, "bad_arguments"),
        ({"key": "0x00", "parts": [1]}, "bad_arguments"),
        ({"cell": "items", "parts": [[1]]}, "bad_arguments"),
        ({"cell": "items", "parts": [None]}, "bad_arguments"),
        ({"cell": "items", "parts": ["x" * 600]}, "oversized"),
        ({"key": "0x" + "00" * 600}, "oversized"),
        ({"key": "00"}, "bad_arguments"),
        ({"cell": ""}, "bad_arguments"),
        ({"cell": "items", "prove": 1}, "bad_arguments"),
    ],
)
async def test_keys_of_another_form_are_refused(client, deployed, params, reason):
    """Exactly one way to name a key, of types that keys have, within their length."""
    assert (await client.failure("state_get", contract="evidence", **params))[1] == reason


async def test_values_that_the_ledger_cannot_read_are_served_as_bytes(client, node, fake, monkeypatch):
    """A stored value deeper than the ledger reads has no JSON; its bytes are there all the same."""
    deep = b"\x91" * 40 + b"\x01"

    async def state(_contract, _key, *, prove):
        return fake.StateRead(1, deep, None)

    monkeypatch.setattr(node, "state", state)
    found = await client.result("state_get", contract="evidence", cell="deep")
    assert (found["present"], found["value"], found["value_encoded"]) == (True, None, "0x" + deep.hex())
