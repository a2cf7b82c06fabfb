"""The whole node under another crypto suite: other lengths everywhere, and no default to fall back to."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts import library
from contracts.compiler import compile_source
from hanchain.api.server import ApiServer
from hanchain.crypto import CryptoReason, CryptoRejection, default_suite, suite_by_id, suite_by_name
from hanchain.crypto.keystore import Cost, KeyStore
from hanchain.ledger.block import BlockHeader
from hanchain.ledger.genesis import parse_genesis
from hanchain.ledger.messages import sign_message
from hanchain.ledger.proof import is_proved, parse_bundle, verify_bundle
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.transaction import account_of, decode_transaction
from hanchain.node.service import TransactionState
from hanchain.sdk import Client, RpcError

TOY = Path(__file__).parents[2] / "toysuite.py"


def _load():
    spec = importlib.util.spec_from_file_location("hanchain_tests_toysuite", TOY)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


toysuite = _load()


@pytest.fixture
def toy():
    """Return the suite; while the test runs it is the only one there is."""
    suite = toysuite.ToySuite()
    with toysuite.known_suites(suite):
        yield suite


def run(directory, *arguments):
    """Run the command line in a process that knows the toy suite only; return its exit code and output."""
    environment = {**os.environ, "COLUMNS": "200"}
    command = [sys.executable, str(TOY), *map(str, arguments)]
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_toy_suite_signs_and_verifies(toy):
    """The stand-in is a real scheme: every byte of message, key and signature counts, and seeds determine keys."""
    key = toy.generate(b"seed")
    signature = key.sign(b"message")
    assert (len(key.public_key), len(signature), len(toy.hash(b""))) == (40, 80, 48)
    assert toy.verify(key.public_key, b"message", signature)
    assert not toy.verify(key.public_key, b"massage", signature)
    for position in range(80):
        forged = bytearray(signature)
        forged[position] ^= 1
        assert not toy.verify(key.public_key, b"message", bytes(forged)), position
    for position in range(40):
        other = bytearray(key.public_key)
        other[position] ^= 1
        assert not toy.verify(bytes(other), b"message", signature), position
    assert toy.load(key.export()).public_key == toy.generate(b"seed").public_key == key.public_key


def test_the_table_of_suites_is_closed_and_swapped_as_a_whole():
    """The toy suite is unknown before and after; within, it is the only one, and there is no default."""
    toy, real = toysuite.ToySuite(), default_suite()
    with toysuite.known_suites(toy):
        assert (suite_by_name("toy"), suite_by_id(201)) == (toy, toy)
        with pytest.raises(CryptoRejection) as refused:
            default_suite()
        assert refused.value.reason is CryptoReason.UNKNOWN_SUITE
    assert default_suite() is real
    with pytest.raises(CryptoRejection) as refused:
        suite_by_id(201)
    assert refused.value.reason is CryptoReason.UNKNOWN_SUITE


def test_the_key_store_takes_keys_of_any_suite(toy, tmp_path):
    """A key is stored, shown and unlocked under its suite's name, and does not open where that is unknown."""
    store = KeyStore(tmp_path, cost=Cost(memory_kib=64, iterations=1))
    key = toy.generate()
    info = store.add("alice", "secret", toy, key)
    assert (info.suite, info.public_key) == ("toy", key.public_key)
    assert store.unlock("alice", "secret").sign(b"message") == key.sign(b"message")
    with toysuite.known_suites(), pytest.raises(CryptoRejection) as refused:
        store.unlock("alice", "secret")
    assert (refused.value.reason, "'toy'" in refused.value.detail) == (CryptoReason.UNKNOWN_SUITE, True)


async def test_four_nodes_live_under_another_suite(toy, cluster, tmp_path):
    """Anchoring, a dead leader, a new view, catch-up and restarts: the same life as under the suite of every day."""
    async with cluster(suite=toy) as net:
        assert (net.genesis.suite, len(net.genesis.chain_id), len(net.sender)) == (toy, 48, 48)
        first = await net.seal("node1", "node2")
        await net.stop("node0")  # the leader of view 0
        for _ in range(3):
            assert (await net.seal("node1", "node3")).state is TransactionState.COMMITTED
        assert {s.chain_status().view for s in net.services.values()} != {0}
        await net.start("node0")
        await net.seal("node0", "node2")
        await net.agree(5)
        head = net.heads()
        await net.stop()
        await net.start()
        assert net.heads() == head
        await net.ready()
        await net.seal("node3", "node0")
        block = await net.services["node0"].block(first.height)
        transaction = decode_transaction(block.transactions[first.index], toy)
        assert [len(s.public_key) for s in transaction.signatures] == [40]
        assert [len(s.signature) for s in transaction.signatures] == [80]
        assert (len(block.block_hash), block.header.suite_id) == (48, 201)


async def test_clients_and_proofs_under_another_suite(toy, cluster, tmp_path):
    """API, client library and offline verifier carry the lengths of the suite that the genesis names."""
    async with cluster(suite=toy, validators=1) as net:
        server = ApiServer(net.services["node0"], "127.0.0.1", 0)
        try:
            url = f"http://127.0.0.1:{await server.start()}"
            async with Client(url, net.genesis) as client:
                anchored = await client.anchor(b"\x05" * 20, "text/plain", 9, net.key)
                assert anchored.owner == account_of(201, net.key.public_key, toy)
                assert (len(anchored.txid), len(anchored.owner)) == (48, 48)
                again = await client.anchored(b"\x05" * 20, anchored.owner)
                assert again.txid == anchored.txid
                block = await client.block(anchored.height)
                assert block.header == BlockHeader.decode(anchored.proof.header, toy)
                assert (await client.block(block.block_hash)).block_hash == block.block_hash
            async with Client(url) as stranger:  # learns the suite from the node
                assert (await stranger.prepare(net.key, "sys.anchor", "find", [b""])).payload.sender == anchored.owner
        finally:
            await server.close()
        (tmp_path / "proof.json").write_text(anchored.proof.to_json())
        genesis = net.genesis
    (tmp_path / "genesis.json").write_text(genesis.to_json())
    bundle = parse_bundle((tmp_path / "proof.json").read_bytes())
    assert is_proved(verify_bundle(bundle, parse_genesis((tmp_path / "genesis.json").read_bytes())))
    code, output = run(tmp_path, "verify", "proof.json", "--genesis", "genesis.json")
    assert (code, "verified" in output) == (0, True), output
    document = json.loads((tmp_path / "proof.json").read_text())
    document["certificate"] = document["certificate"][:-2] + f"{int(document['certificate'][-2:], 16) ^ 1:02x}"
    (tmp_path / "forged.json").write_text(json.dumps(document))
    code, output = run(tmp_path, "verify", "forged.json", "--genesis", "genesis.json")
    assert (code, "FAILED certificate" in " ".join(output.split())) == (1, True), output


def test_a_genesis_of_an_unknown_suite_is_refused_by_name(toy, tmp_path):
    """A program without the suite says which one the network has, and reads nothing more."""
    code, output = run(tmp_path, "testnet", "init", "--validators", "4", "--dir", "net", "--suite", "toy", "--json")
    assert code == 0, output
    data = (tmp_path / "net" / "genesis.json").read_bytes()
    genesis = parse_genesis(data)
    assert (genesis.suite.name, {len(v.public_key) for v in genesis.validators}) == ("toy", {40})
    with toysuite.known_suites():
        with pytest.raises(Rejection) as refused:
            parse_genesis(data)
        assert (refused.value.reason, "'toy'" in refused.value.detail) == (Reason.UNKNOWN_SUITE, True)


def test_the_command_line_names_suites_and_prefers_none(toy, tmp_path):
    """``keys new`` takes a suite by name; without one it takes that of a new network, which here is unknown."""
    code, output = run(tmp_path, "keys", "new", "alice", "--suite", "toy", "--unprotected", "--json")
    assert code == 0, output
    made = json.loads(output)
    assert (made["suite"], len(made["account"]), len(made["public_key"])) == ("toy", 2 + 2 * 48, 2 + 2 * 40)
    code, output = run(tmp_path, "keys", "new", "bob", "--unprotected")
    assert (code, "unknown_suite" in output) == (1, True), output


CHECKER = '''
from contracts.language import Contract, hash, verify, view


class Checker(Contract):
    """Asks for the network's hash and signatures."""

    @view
    def signed(self, account: str, message: bytes, signatures: bytes) -> bool:
        """Tell whether signatures speak for an account."""
        return verify(account, message, signatures)

    @view
    def hashed(self, data: bytes) -> bytes:
        """Return the network's digest."""
        return hash(data)
'''


async def test_contracts_and_the_state_under_another_suite(toy, cluster, tmp_path):
    """Programs, accounts, signatures within contracts, keys of the state and their proofs have its lengths too."""
    async with cluster(suite=toy, validators=1) as net:
        server = ApiServer(net.services["node0"], "127.0.0.1", 0)
        try:
            url = f"http://127.0.0.1:{await server.start()}"
            async with Client(url, net.genesis) as client:
                for name, source in (("evidence", library.source("evidence")), ("checker", CHECKER)):
                    made = compile_source(source)
                    await client.deploy(net.key, name, made.program, made.abi, source.encode())
                evidence, checker = await client.contract("evidence"), await client.contract("checker")
                digest = bytes(range(48))
                done = await evidence.call(net.key, "deposit", digest, "text/plain", 5)
                assert done.events[0].fields == {"digest": digest, "owner": net.sender.hex()}
                row, nothing = await evidence.state("items", digest), await evidence.state("items", bytes(48))
                assert (row.value["owner"], nothing.present) == (net.sender.hex(), False)
                event = await client.event_proof(done.txid, 0)
                signed = sign_message(b"message", [net.key], chain_id=net.genesis.chain_id, suite=toy)
                for message, good in ((b"message", True), (b"massage", False)):
                    assert (await checker.query("signed", net.sender.hex(), message, signed)).value is good
                assert (await checker.query("hashed", b"data")).value == toy.hash(b"data")
                accounts = await client.contract("sys.accounts")
                other = toy.generate()
                keys = sorted([toy.id, key.public_key, 1] for key in (net.key, other))
                await accounts.call(net.key, "register", keys, 2)
                with pytest.raises(RpcError) as alone:
                    await evidence.call(net.key, "deposit", bytes(32), "text/plain", 5)
                assert alone.value.reason == Reason.WRONG_SENDER
                assert (await checker.query("signed", net.sender.hex(), b"message", signed)).value is False
                both = sign_message(b"message", [net.key, other], chain_id=net.genesis.chain_id, suite=toy)
                assert (await checker.query("signed", net.sender.hex(), b"message", both)).value is True
        finally:
            await server.close()
        genesis = net.genesis
    (tmp_path / "genesis.json").write_text(genesis.to_json())
    for name, bundle in (("row", row.proof), ("nothing", nothing.proof), ("event", event), ("call", done.proof)):
        (tmp_path / f"{name}.json").write_text(bundle.to_json())
        code, output = run(tmp_path, "verify", f"{name}.json", "--genesis", "genesis.json")
        assert (code, "verified" in output) == (0, True), output
