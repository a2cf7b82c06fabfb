"""Proof bundles: what they prove, and at which step everything else stops."""

import dataclasses
import hashlib
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.certificate import SEAL_TYPE, SealCert, Signatures, pack_bitmap
from hanchain.ledger.proof import (
    Step,
    build_bundle,
    is_proved,
    parse_bundle,
    verify_bundle,
    verify_file,
    verify_header,
)
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.receipt import LeafPath

FILE = b"contract of sale"
DIGEST = hashlib.sha256(FILE).digest()
STEPS = ["format", "genesis", "signature", "transaction", "receipt", "header", "certificate", "outcome"]


@pytest.fixture(scope="module")
def block(network):
    """Return five transactions and their sealed block; number 2 anchors DIGEST, number 3 fails to."""
    transactions = [network.transaction(bytes([number]) * 32, "a/b", number) for number in range(2)]
    transactions += [network.transaction(DIGEST, "text/plain", len(FILE)) for _ in range(2)]
    transactions += [network.transaction(DIGEST, "text/plain", len(FILE), sender=b"mallory")]
    executed = network.execute(*transactions)
    return tuple(transaction.encoded for transaction in transactions), executed, network.seal(executed.header)


@pytest.fixture(scope="module")
def bundle(network, block):
    """Return the proof of the anchored digest."""
    return _bundle(network, block, 2)


def _bundle(network, block, index):
    transactions, executed, certificate = block
    return build_bundle(network.genesis, transactions, executed.receipts, index, executed.header, certificate)


def _failing(steps):
    """Return the name of the step that failed; all before it held, none came after."""
    assert [step.ok for step in steps] == [True] * (len(steps) - 1) + [False]
    assert not is_proved(steps)
    assert steps[-1].detail
    return steps[-1].name


def test_a_good_bundle(network, bundle):
    """A proof file goes through all steps and says in words what it proves."""
    steps = verify_file(bundle.to_json().encode(), network.genesis, digest=DIGEST, owner=network.accounts[0])
    header_hash = network.suite.tagged_hash("hanchain/block/1", bundle.header).hex()
    txid = network.suite.tagged_hash("hanchain/tx/1", bundle.transaction[3:-103]).hex()
    assert steps == (
        Step("format", True, "every part is canonical"),
        Step("genesis", True, f"chain test-chain, id {network.genesis.chain_id.hex()}"),
        Step("signature", True, f"signed with {network.users[0].public_key.hex()}"),
        Step("transaction", True, "number 2 in block 1"),
        Step("receipt", True, f"transaction {txid}"),
        Step("header", True, f"block hash {header_hash}, time 2026-01-01T00:00:01.000Z (1767225601000 ms)"),
        Step("certificate", True, "sealed by 3 of 4 validators"),
        Step("outcome", True, "executed: sys.anchor.notarise"),
        Step("digest", True, f"anchored {DIGEST.hex()} as 'text/plain', {len(FILE)} bytes"),
        Step("owner", True, f"sent by {network.accounts[0].hex()}"),
    )
    assert is_proved(steps)
    assert [step.name for step in verify_bundle(bundle, network.genesis)] == STEPS


def test_every_transaction_of_a_block_is_proved(network, block):
    """Each transaction has its own proof, and the failed ones prove that they failed."""
    outcomes = []
    for index in range(5):
        steps = verify_bundle(_bundle(network, block, index), network.genesis)
        assert is_proved(steps)
        outcomes.append(steps[-1].detail)
    assert outcomes == [
        "executed: sys.anchor.notarise",
        "executed: sys.anchor.notarise",
        "executed: sys.anchor.notarise",
        "failed (reverted): E_EXISTS: 'notarised by this owner at height 1'",
        "failed (rejected_at_execution): wrong_sender: 'the sender is not the account of any key that signed'",
    ]


def test_wishes_that_are_not_proved(network, block, bundle):
    """Another digest, another owner, a failed anchor and a call that anchors nothing are not proved."""
    genesis, owner = network.genesis, network.accounts[0]
    assert _failing(verify_bundle(bundle, genesis, digest=b"x" * 32)) == "digest"
    assert _failing(verify_bundle(bundle, genesis, digest=DIGEST, owner=network.accounts[1])) == "owner"
    failed = _bundle(network, block, 3)
    assert _failing(verify_bundle(failed, genesis, digest=DIGEST)) == "digest"
    assert is_proved(verify_bundle(failed, genesis, owner=owner))
    claimed = _bundle(network, block, 4)
    assert _failing(verify_bundle(claimed, genesis, owner=b"mallory")) == "owner"
    other = network.transaction(method="find", arguments=(DIGEST,))
    executed = network.execute(other)
    sealed = ((other.encoded,), executed, network.seal(executed.header))
    assert _failing(verify_bundle(_bundle(network, sealed, 0), genesis, digest=DIGEST)) == "digest"


@pytest.mark.parametrize(
    ("part", "steps"),
    [
        ("transaction", {"format", "genesis", "signature", "transaction", "receipt"}),
        ("receipt", {"format", "transaction", "receipt"}),
        ("header", {"format", "genesis", "transaction", "receipt", "header"}),
        ("certificate", {"format", "header", "certificate"}),
    ],
)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_bit_counts(network, bundle, part, steps, data):
    """A bundle with any one bit of its semantic bytes flipped stops at a step that this part can fail."""
    flipped = bytearray(getattr(bundle, part))
    bit = data.draw(st.integers(0, len(flipped) * 8 - 1))
    flipped[bit // 8] ^= 1 << bit % 8
    changed = dataclasses.replace(bundle, **{part: bytes(flipped)})
    assert _failing(verify_bundle(changed, network.genesis, digest=DIGEST)) in steps


@pytest.mark.parametrize(("part", "step"), [("transaction_path", "transaction"), ("receipt_path", "receipt")])
def test_every_bit_of_a_path_counts(network, bundle, part, step):
    """A path with one bit flipped, a digest more or less, or another position stops at its own step."""
    where = getattr(bundle, part)
    changes = [where._replace(position=position) for position in range(8) if position != where.position]
    changes += [where._replace(path=where.path[:-1]), where._replace(path=(*where.path, bytes(32)))]
    for level, digest in enumerate(where.path):
        for bit in range(0, 256, 5):
            flipped = bytearray(digest)
            flipped[bit // 8] ^= 1 << bit % 8
            changes.append(where._replace(path=(*where.path[:level], bytes(flipped), *where.path[level + 1 :])))
    for change in changes:
        changed = dataclasses.replace(bundle, **{part: change})
        assert _failing(verify_bundle(changed, network.genesis)) == step


def test_parts_of_two_proofs_do_not_mix(network, block, bundle):
    """A transaction with another's receipt, or either under another block, is not proved."""
    other = _bundle(network, block, 1)
    receipt_only = dataclasses.replace(bundle, receipt=other.receipt)
    assert _failing(verify_bundle(receipt_only, network.genesis)) == "transaction"
    with_position = dataclasses.replace(receipt_only, transaction_path=other.transaction_path)
    assert _failing(verify_bundle(with_position, network.genesis)) == "transaction"
    whole_receipt = dataclasses.replace(with_position, transaction=other.transaction)
    assert _failing(verify_bundle(whole_receipt, network.genesis)) == "receipt"
    receipt_and_path = dataclasses.replace(other, transaction=bundle.transaction)
    assert _failing(verify_bundle(receipt_and_path, network.genesis)) == "transaction"
    mixed = dataclasses.replace(bundle, transaction=other.transaction, transaction_path=other.transaction_path)
    assert _failing(verify_bundle(mixed, network.genesis)) == "transaction"
    second = network.execute(network.transaction(), parent=block[1].as_parent)
    later = dataclasses.replace(bundle, header=second.header.encode(), certificate=network.seal(second.header))
    assert _failing(verify_bundle(later, network.genesis)) == "transaction"
    resealed = dataclasses.replace(bundle, certificate=network.seal(second.header))
    assert _failing(verify_bundle(resealed, network.genesis)) == "header"


def test_another_genesis(network, bundle):
    """A bundle proves nothing to whoever holds another genesis, though it has the same validators."""
    renamed = dataclasses.replace(network.genesis, chain_name="other-chain")
    assert _failing(verify_bundle(bundle, renamed)) == "genesis"
    relabelled = dataclasses.replace(bundle, chain_name="other-chain")
    assert _failing(verify_bundle(relabelled, renamed)) == "genesis"


def test_certificates_below_the_quorum(network, block, bundle):
    """Two seals, three of which one is doubled or forged, or a set with a stranger, are no certificate."""
    header = block[1].header
    message = network.genesis.context.signing_input(SEAL_TYPE, 0, [1, header.hash(network.suite)])
    seals = [key.sign(message) for key in network.keys]
    stranger = network.users[0].sign(message)
    for bitmap, signatures in (
        ({0, 1}, seals[:2]),
        ({0, 1, 2}, seals[:2]),
        ({0, 1, 2}, [seals[0], seals[0], seals[2]]),
        ({0, 1, 2}, [seals[0], seals[1], stranger]),
        ({0, 1, 2, 3}, seals),
    ):
        collected = Signatures(pack_bitmap(bitmap, 4), tuple(signatures))
        certificate = SealCert(0, 1, header.hash(network.suite), collected).encode()
        changed = dataclasses.replace(bundle, certificate=certificate)
        assert _failing(verify_bundle(changed, network.genesis)) == "certificate"
    for signers in ((1, 2, 3), (0, 2, 3)):
        good = dataclasses.replace(bundle, certificate=network.seal(header, signers))
        assert is_proved(verify_bundle(good, network.genesis))


def test_a_header_of_another_validator_set(network, bundle, block):
    """A header that names other validators than genesis has is not taken on the signatures' word."""
    header = dataclasses.replace(block[1].header, validators_hash=bytes(32))
    changed = dataclasses.replace(bundle, header=header.encode(), certificate=network.seal(header))
    steps = verify_bundle(changed, network.genesis)
    assert _failing(steps) == "certificate"
    assert steps[-1].detail == "sealed by another validator set than genesis has"


def test_file_round_trip(bundle):
    """The file reads back as the same bundle."""
    assert parse_bundle(bundle.to_json().encode()) == bundle


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("version", 1, Reason.WRONG_VERSION),
        ("version", 3, Reason.WRONG_VERSION),
        ("version", ..., Reason.MISSING_FIELD),
        ("kind", ..., Reason.MISSING_FIELD),
        ("kind", "event", Reason.UNKNOWN_FIELD),
        ("kind", "wish", Reason.MALFORMED),
        ("kind", 1, Reason.WRONG_TYPE),
        ("version", True, Reason.WRONG_TYPE),
        ("extra", 1, Reason.UNKNOWN_FIELD),
        ("header", ..., Reason.MISSING_FIELD),
        ("header", "0xzz", Reason.MALFORMED),
        ("header", "0x", Reason.OUT_OF_RANGE),
        ("header", "0x" + "00" * 1025, Reason.OUT_OF_RANGE),
        ("receipt", None, Reason.WRONG_TYPE),
        ("receipt_path", [], Reason.WRONG_TYPE),
        ("receipt_path", {"position": -1, "size": 1, "path": []}, Reason.OUT_OF_RANGE),
        ("receipt_path", {"position": 0, "size": 0, "path": []}, Reason.OUT_OF_RANGE),
        ("receipt_path", {"position": 0, "size": 1, "path": ["0x00"] * 65}, Reason.OUT_OF_RANGE),
        ("receipt_path", {"position": 0, "size": 1}, Reason.MISSING_FIELD),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_files_of_another_form(network, bundle, field, value, reason):
    """A file of another form is refused with its reason, and fails the step ``format`` as a proof."""
    document = json.loads(bundle.to_json())
    if value is ...:
        del document[field]
    else:
        document[field] = value
    data = json.dumps(document).encode()
    with pytest.raises(Rejection) as refusal:
        parse_bundle(data)
    assert refusal.value.reason is reason
    assert _failing(verify_file(data, network.genesis)) == "format"


@settings(deadline=None)
@given(st.data())
def test_garbage_in_any_part(network, bundle, data):
    """Garbage in any part fails a step; nothing raises."""
    part = data.draw(st.sampled_from(["transaction", "receipt", "header", "certificate"]))
    changed = dataclasses.replace(bundle, **{part: data.draw(st.binary(min_size=1, max_size=200))})
    assert _failing(verify_bundle(changed, network.genesis)) == "format"
    numbers = st.integers(0, 2**63 - 1)
    where = LeafPath(
        data.draw(numbers), data.draw(numbers), tuple(data.draw(st.lists(st.binary(max_size=64), max_size=9)))
    )
    changed = dataclasses.replace(bundle, receipt_path=where)
    assert _failing(verify_bundle(changed, network.genesis)) == "receipt"


BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"plyvel", "plyvel_next", "aiohttp", "asyncio"}:
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Blocked())
import json
from hanchain.ledger.genesis import parse_genesis
from hanchain.ledger.proof import is_proved, verify_file
genesis, proof = (open(path, "rb").read() for path in sys.argv[1:])
steps = verify_file(proof, parse_genesis(genesis), digest=bytes.fromhex("@DIGEST@"))
assert not {"plyvel", "aiohttp", "asyncio"} & sys.modules.keys()
print(is_proved(steps), len(steps))
"""


def test_the_verifier_needs_no_database_and_no_network(tmp_path, network, bundle):
    """A proof verifies in a process where plyvel, aiohttp and asyncio cannot be imported."""
    genesis, proof = tmp_path / "genesis.json", tmp_path / "proof.json"
    genesis.write_text(network.genesis.to_json())
    proof.write_text(bundle.to_json())
    script = BLOCKED.replace("@DIGEST@", DIGEST.hex())
    command = [sys.executable, "-c", script, str(genesis), str(proof)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.stdout, result.stderr) == ("True 9\n", "")


def test_header_of_an_empty_block(network):
    """A header alone is verified by its seals; a changed header, other seals and another chain stop at their step."""
    executed = network.execute()
    header, certificate = executed.header, network.seal(executed.header)
    steps = verify_header(header, certificate, network.genesis)
    assert [(step.name, step.ok) for step in steps] == [
        (name, True) for name in ("format", "genesis", "header", "certificate")
    ]
    later = dataclasses.replace(header, timestamp_ms=header.timestamp_ms + 1)
    foreign = dataclasses.replace(header, chain_id=bytes(len(header.chain_id)))
    for changed, seals, step in (
        (later, certificate, "header"),
        (foreign, certificate, "genesis"),
        (header, certificate[:-1], "format"),
        (header, certificate[:-1] + bytes([certificate[-1] ^ 1]), "certificate"),
    ):
        last = verify_header(changed, seals, network.genesis)[-1]
        assert (last.name, last.ok) == (step, False)
