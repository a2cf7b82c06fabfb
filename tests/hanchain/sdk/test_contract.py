"""Contracts through the client: deployed, called and queried by their ABI, read with proofs, and liars found out."""

import dataclasses

import pytest

from contracts import library
from contracts.compiler import compile_source
from hanchain.ledger.cells import cell_key
from hanchain.ledger.proof import is_proved, verify_bundle
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.receipt import Event
from hanchain.node.service import StateRead as NodeStateRead
from hanchain.sdk import BadAnswer, Client, EventSeen, RpcError, SyncContract, Unverified
from hanchain.sdk.abi import parse_abi
from hanchain.sdk.contract import Contract

SOURCE = library.source("evidence")
COMPILED = compile_source(SOURCE)
DIGEST = bytes(range(32))
OTHER = bytes(reversed(range(32)))


async def deploy(client, key, name="evidence", *arguments):
    """Deploy the evidence contract."""
    return await client.deploy(key, name, COMPILED.program, COMPILED.abi, SOURCE.encode(), arguments)


@pytest.fixture
async def evidence(client, fake):
    """Return the deployed evidence contract."""
    await deploy(client, fake.USER)
    return await client.contract("evidence")


async def test_a_contract_is_deployed_and_proved(client, fake):
    """A deployment is a transaction like any other: sealed, proved, with its event."""
    done = await deploy(client, fake.USER, "evidence", 2)
    assert (done.height, done.index, done.value) == (1, 0, None)
    assert [(e.contract, e.name, e.fields[:3]) for e in done.events] == [
        ("sys.contracts", "Deployed", ("evidence", fake.ACCOUNT, 1))
    ]
    assert is_proved(verify_bundle(done.proof, fake.GENESIS, owner=fake.ACCOUNT))
    assert (await (await client.contract("evidence")).query("witnesses_required")).value == 2
    with pytest.raises(RpcError) as again:
        await deploy(client, fake.USER)
    assert again.value.reason == "E_EXISTS"


async def test_the_initialisation_is_judged_before_anything_is_sent(client, node, fake):
    """Wrong arguments of ``@init``, or arguments where there is none, cost no transaction."""
    for arguments in (("two",), (1, 2)):
        with pytest.raises(Rejection) as refused:
            await deploy(client, fake.USER, "evidence", *arguments)
        assert refused.value.reason is Reason.BAD_ARGUMENTS
    bare = compile_source(
        "from contracts.language import Contract, view\n\nclass Bare(Contract):\n"
        '    """Nothing."""\n\n    @view\n    def one(self) -> int:\n        """Return 1."""\n'
        "        return 1\n"
    )
    with pytest.raises(Rejection, match="takes no arguments"):
        await client.deploy(fake.USER, "bare", bare.program, bare.abi, b"", [1])
    assert len(node.blocks) == 1
    await client.deploy(fake.USER, "bare", bare.program, bare.abi)
    assert (await (await client.contract("bare")).query("one")).value == 1


async def test_calls_and_queries_speak_python(evidence, fake):
    """Arguments go by position and by name, results and events come back with the names of the source."""
    done = await evidence.call(fake.USER, "deposit", DIGEST, size=5, media_type="text/plain")
    owner = fake.ACCOUNT.hex()
    assert (done.value, done.events) == (
        None,
        (EventSeen("evidence", "Deposited", {"digest": DIGEST, "owner": owner}),),
    )
    found = await evidence.query("find", digest=DIGEST)
    assert found.height == done.height
    assert found.value == {
        "owner": owner,
        "media_type": "text/plain",
        "size": 5,
        "height": done.height,
        "time_ms": fake.GENESIS.time_ms + 1000 * done.height,
        "witnesses": [],
        "confirmed_at": 0,
    }
    assert (await evidence.query("find", OTHER)).value is None
    assert (await evidence.query("by_owner", owner)).value == ([DIGEST], None)
    assert evidence.event(Event("other", "Deposited", (1,))) == EventSeen("other", "Deposited", (1,))


async def test_a_failed_call_raises_with_its_code(evidence, fake):
    """A revert gives the contract's code, an error of the machine its kind, running dry its reason."""
    await evidence.call(fake.USER, "deposit", DIGEST, "text/plain", 5)
    for arguments, gas_limit, reason in (
        (("deposit", DIGEST, "text/plain", 5), 100_000, "E_DUP"),
        (("witness", DIGEST), 100_000, "E_OWNER"),
        (("deposit", OTHER, "text/plain", 5), 2_000, Reason.OUT_OF_GAS),
    ):
        with pytest.raises(RpcError) as failed:
            await evidence.call(fake.USER, *arguments, gas_limit=gas_limit)
        assert failed.value.reason == reason


async def test_a_proof_that_is_not_there_yet_is_asked_for_again(evidence, node, fake, monkeypatch):
    """A node that has just come back may lack the seals for a moment; one that never has them is not asked for ever."""
    monkeypatch.setattr("hanchain.sdk.limits.BACKOFF_MS", 5)
    monkeypatch.setattr("hanchain.sdk.limits.PROOF_MS", 200)
    asked, proof = [], node.proof

    async def behind(txid):
        asked.append(txid)
        if len(asked) < 4:
            raise Rejection(Reason.NOT_FOUND, "block 2 has no certificate here yet; try again")
        return await proof(txid)

    monkeypatch.setattr(node, "proof", behind)
    done = await evidence.call(fake.USER, "deposit", DIGEST, "text/plain", 5)
    assert (len(asked), set(asked)) == (4, {done.txid})

    async def never(_):
        raise Rejection(Reason.NOT_FOUND, "no certificate")

    monkeypatch.setattr(node, "proof", never)
    with pytest.raises(RpcError) as refused:
        await evidence.call(fake.USER, "deposit", OTHER, "text/plain", 5)
    assert refused.value.reason == Reason.NOT_FOUND


async def test_wrong_calls_cost_nothing(evidence, node, fake):
    """What the ABI refuses is not sent: names, numbers and types of arguments, views and changes mixed up."""
    height = len(node.blocks)
    for call, reason in (
        (evidence.call(fake.USER, "deposit", DIGEST, "text/plain"), Reason.BAD_ARGUMENTS),
        (evidence.call(fake.USER, "deposit", "text", "text/plain", 5), Reason.BAD_ARGUMENTS),
        (evidence.call(fake.USER, "find", DIGEST), Reason.VIEW_METHOD),
        (evidence.call(fake.USER, "setup", 1), Reason.UNKNOWN_METHOD),
        (evidence.call(fake.USER, "vanish"), Reason.UNKNOWN_METHOD),
        (evidence.query("deposit", DIGEST, "text/plain", 5), Reason.UNKNOWN_METHOD),
        (evidence.query("count"), Reason.BAD_ARGUMENTS),
        (evidence.state("items"), Reason.BAD_ARGUMENTS),
        (evidence.state("items", "text"), Reason.BAD_ARGUMENTS),
        (evidence.state("item", DIGEST), Reason.NOT_FOUND),
    ):
        with pytest.raises(Rejection) as refused:
            await call
        assert refused.value.reason is reason
    assert len(node.blocks) == height


async def test_the_state_is_read_with_its_proof(evidence, client, fake):
    """A row comes back as a record, a plain value as it is, a missing one as None; each with a proof that holds."""
    await evidence.call(fake.USER, "deposit", DIGEST, "text/plain", 5)
    row = await evidence.state("items", DIGEST)
    assert (row.present, row.value["owner"], row.value["size"]) == (True, fake.ACCOUNT.hex(), 5)
    assert is_proved(verify_bundle(row.proof, fake.GENESIS, digest=DIGEST, owner=fake.ACCOUNT))
    assert (await evidence.state("required")).value == 1
    missing = await evidence.state("items", OTHER)
    assert (missing.present, missing.value) == (False, None)
    steps = verify_bundle(missing.proof, fake.GENESIS, digest=OTHER)
    assert steps[5].detail.startswith("absent: after block 2 there is no evidence/items[0x1f1e")
    raw = await client.state("evidence", "items", DIGEST)
    assert raw.value[0] == fake.ACCOUNT.hex()
    assert raw.key == cell_key("items", [DIGEST])
    assert (await client.state("evidence", "items", DIGEST, verify=False)).proof is None


async def test_events_have_proofs_of_their_own(evidence, client, fake):
    """Each event of a transaction is proved by itself; another one's proof is refused."""
    done = await evidence.call(fake.USER, "deposit", DIGEST, "text/plain", 5)
    bundle = await client.event_proof(done.txid, 0)
    assert is_proved(verify_bundle(bundle, fake.GENESIS, digest=DIGEST))
    with pytest.raises(RpcError) as missing:
        await client.event_proof(done.txid, 1)
    assert missing.value.reason == Reason.NOT_FOUND


async def test_system_contracts_are_contracts_too(client, fake):
    """They are called by the same ABI, which the client has itself and asks nobody for."""
    anchor = await client.contract("sys.anchor")
    done = await anchor.call(fake.USER, "notarise", DIGEST, media_type="text/plain", size=5)
    assert done.events == (
        EventSeen("sys.anchor", "Notarised", {"digest": DIGEST, "owner": fake.ACCOUNT, "media_type": "text/plain"}),
    )
    assert (await anchor.query("find", DIGEST)).value[0][0] == fake.ACCOUNT
    accounts = await client.contract("sys.accounts")
    await accounts.call(fake.USER, "register", [[fake.SUITE.id, fake.USER.public_key, 1]], 1)
    assert (await accounts.query("get", fake.ACCOUNT)).value[:2] == [
        1,
        ((fake.SUITE.id, fake.USER.public_key, 1),),
    ]


async def test_a_contract_that_is_not_there(client, url, fake):
    """With a genesis its absence is proved, without one it is the node's word."""
    await client.anchor(DIGEST, "text/plain", 5, fake.USER)
    with pytest.raises(RpcError, match="proved at height 1") as refused:
        await client.contract("nothing")
    assert refused.value.reason == Reason.UNKNOWN_CONTRACT
    async with Client(url) as stranger:
        with pytest.raises(RpcError) as refused:
            await stranger.contract("nothing")
        assert refused.value.reason == Reason.UNKNOWN_CONTRACT


async def test_without_a_genesis_nothing_is_passed_off_as_proved(evidence, url, fake):
    """The same calls work, and say by a missing proof that nobody checked."""
    async with Client(url) as stranger:
        contract = await stranger.contract("evidence")
        done = await contract.call(fake.USER, "deposit", DIGEST, "text/plain", 5)
        assert (done.proof, done.events[0].fields["digest"]) == (None, DIGEST)
        with pytest.raises(ValueError, match="nothing to verify against"):
            await stranger.state("evidence", "items", DIGEST)
        assert (await stranger.state("evidence", "items", DIGEST, verify=False)).present


async def test_a_lie_about_the_state_is_found_out(evidence, client, node, fake, monkeypatch):
    """A proof of another key, of another kind, a broken one and none at all are refused."""
    await evidence.call(fake.USER, "deposit", DIGEST, "text/plain", 5)
    good = (await node.state("evidence", cell_key("items", [DIGEST]), prove=True)).proof
    other = (await node.state("evidence", cell_key("items", [OTHER]), prove=True)).proof
    receipt = await node.proof(next(iter(node.found)))
    for answer, error, words in (
        (other, Unverified, "of another key"),
        (dataclasses.replace(good, contract="evidences"), Unverified, "fails at 'state'"),
        (dataclasses.replace(good, value=b"\x01"), Unverified, "fails at 'state'"),
        (receipt, Unverified, "a proof of kind transaction"),
        (None, BadAnswer, "object expected"),
    ):

        async def lie(_contract, _key, *, prove, answer=answer):
            assert prove
            return NodeStateRead(2, None, answer)

        monkeypatch.setattr(node, "state", lie)
        with pytest.raises(error, match=words):
            await client.state("evidence", "items", DIGEST)


async def test_a_lie_about_an_event_is_found_out(evidence, client, node, fake, monkeypatch):
    """The proof has to be of this transaction and of this event."""
    first = await evidence.call(fake.USER, "deposit", DIGEST, "text/plain", 5)
    second = await evidence.call(fake.USER, "deposit", OTHER, "text/plain", 5)
    for bundle, error, words in (
        (await node.event_proof(first.txid, 0), Unverified, f"of event 0 of {first.txid.hex()}"),
        (await node.proof(second.txid), BadAnswer, "a proof of kind transaction"),
    ):

        async def lie(*_, bundle=bundle):
            return bundle

        monkeypatch.setattr(node, "event_proof", lie)
        with pytest.raises(error, match=words):
            await client.event_proof(second.txid, 0)


async def test_results_of_another_type_are_refused(evidence, client, fake):
    """A client with another ABI than the contract's does not make sense of its answers by force."""
    source = SOURCE.replace("def count(self, owner: str) -> int", "def count(self, owner: str) -> str")
    source = source.replace("return self.deposits[owner]", "return str(self.deposits[owner])")
    lying = Contract(client, "evidence", parse_abi(compile_source(source).abi))
    with pytest.raises(Rejection) as refused:
        await lying.query("count", fake.ACCOUNT.hex())
    assert refused.value.reason is Reason.MALFORMED


def test_the_blocking_contract_has_the_same_calls():
    """``SyncContract`` mirrors ``Contract``; what differs is who waits."""
    assert {n for n in vars(SyncContract) if n[0] != "_"} == {
        "name",
        "abi",
        *(n for n in vars(Contract) if n[0] != "_"),
    }
