"""Proofs of events and of the state: present, absent, and at which step everything else stops."""

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import library
from hanchain.ledger import limits
from hanchain.ledger.block import BlockHeader
from hanchain.ledger.cells import cell_key
from hanchain.ledger.codec import encode
from hanchain.ledger.proof import (
    EventBundle,
    StateBundle,
    build_bundle,
    build_event_bundle,
    build_state_bundle,
    is_proved,
    parse_bundle,
    verify_bundle,
    verify_file,
)
from hanchain.ledger.proofsteps import shown
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.state import state_key

DIGEST = bytes(range(32))
OTHER = bytes(reversed(range(32)))
EVENT_STEPS = ["format", "genesis", "event", "header", "certificate", "outcome"]
STATE_STEPS = ["format", "genesis", "state", "header", "certificate", "outcome"]


@pytest.fixture
def block(network, chain):
    """Return a sealed block with an anchoring and a deposit, the state after it, and what is needed for proofs."""
    chain.deploy("evidence", library.source("evidence"), 1)
    anchoring = network.transaction(DIGEST, "text/plain", 5)
    deposit = network.transaction(
        contract="evidence", method="deposit", arguments=(DIGEST, "text/plain", 5), gas_limit=100_000
    )
    executed = chain.block(anchoring, deposit)
    assert [receipt.reason for receipt in executed.receipts] == ["", ""]
    return executed, network.seal(executed.header), chain.state, (anchoring.encoded, deposit.encoded)


@pytest.fixture
def state_bundle(network, block):
    """Return a function that proves a cell of a contract."""
    executed, certificate, state, _ = block

    def make(contract, cell, *parts):
        key = cell_key(cell, parts)
        value, proof = state.prove(state_key(contract, key))
        return build_state_bundle(network.genesis, executed.header, certificate, contract, key, value, proof)

    return make


@pytest.fixture
def event_bundle(network, block):
    """Return the proof of the event of the deposit."""
    executed, certificate, _, _ = block
    return build_event_bundle(network.genesis, executed.receipts, 1, 0, executed.header, certificate)


def failing(steps):
    """Return the name of the step that failed; all before it held, none came after."""
    assert [step.ok for step in steps] == [True] * (len(steps) - 1) + [False]
    assert not is_proved(steps)
    assert steps[-1].detail
    return steps[-1].name


def test_a_stored_key_is_proved_present(network, state_bundle):
    """The file names the cell and its key as a person would, and says what is stored after which block."""
    bundle = state_bundle("sys.anchor", "latest", DIGEST)
    owner = network.accounts[0]
    steps = verify_file(bundle.to_json().encode(), network.genesis, digest=DIGEST, owner=owner)
    assert is_proved(steps), steps
    assert [step.name for step in steps] == [*STATE_STEPS, "digest", "owner"]
    name = f"sys.anchor/latest[0x{DIGEST.hex()}]"
    assert (steps[2].detail, steps[5].detail) == (
        f"present: {name}",
        f"present: after block 2 {name} is 0x{owner.hex()}",
    )
    assert steps[6].detail == f"digest {DIGEST.hex()} is part 1 of the key"
    assert steps[7].detail == f"account {owner.hex()} is element 1 of the value"


def test_a_missing_key_is_proved_absent(network, state_bundle):
    """That something is not there is a fact like any other: it verifies, and says so."""
    steps = verify_bundle(state_bundle("evidence", "items", OTHER), network.genesis, digest=OTHER)
    assert is_proved(steps), steps
    name = f"evidence/items[0x{OTHER.hex()}]"
    assert (steps[2].detail, steps[5].detail) == (f"absent: no {name}", f"absent: after block 2 there is no {name}")


def test_a_user_contracts_row_is_proved(network, state_bundle):
    """A row of a contract's table has its account in the words of contracts: hexadecimal."""
    steps = verify_bundle(state_bundle("evidence", "items", DIGEST), network.genesis, owner=network.accounts[0])
    assert is_proved(steps), steps
    assert network.accounts[0].hex() in steps[5].detail


def test_a_lie_about_a_key_stops_at_the_state(network, state_bundle):
    """A present key shown as absent, another value, another key, another contract, another's proof."""
    present, absent = state_bundle("evidence", "items", DIGEST), state_bundle("evidence", "items", OTHER)
    for lie in (
        dataclasses.replace(present, value=None),
        dataclasses.replace(present, value=encode("other")),
        dataclasses.replace(present, key=cell_key("items", [OTHER])),
        dataclasses.replace(present, contract="evidences"),
        dataclasses.replace(present, contract="sys.anchor"),
        dataclasses.replace(absent, value=present.value),
        dataclasses.replace(absent, key=present.key),
        dataclasses.replace(present, tree_proof=present.tree_proof[:-1]),
        dataclasses.replace(present, tree_proof=present.tree_proof + b"\x00"),
    ):
        assert failing(verify_bundle(lie, network.genesis)) == "state"


def test_a_state_of_another_block_or_chain_is_refused(network, chain, block, state_bundle):
    """The state's root is that of one sealed header: an older seal or another chain does not carry it."""
    bundle = state_bundle("evidence", "items", DIGEST)
    later = chain.block(network.transaction(OTHER, "text/plain", 1))
    swapped = dataclasses.replace(bundle, header=later.header.encode(), certificate=network.seal(later.header))
    assert failing(verify_bundle(swapped, network.genesis)) == "state"
    unsealed = dataclasses.replace(bundle, certificate=network.seal(later.header))
    assert failing(verify_bundle(unsealed, network.genesis)) == "header"
    renamed = dataclasses.replace(network.genesis, chain_name="other-chain")
    assert failing(verify_bundle(bundle, renamed)) == "genesis"


def test_wishes_about_the_state_that_are_not_proved(network, state_bundle):
    """A digest or an account that stands neither in the key nor in the value is told so."""
    bundle = state_bundle("evidence", "items", DIGEST)
    assert failing(verify_bundle(bundle, network.genesis, digest=OTHER)) == "digest"
    assert failing(verify_bundle(bundle, network.genesis, owner=network.accounts[1])) == "owner"


def test_a_key_of_no_known_form_is_shown_as_bytes(network, block):
    """A key that no contract can have made is proved absent all the same, and shown as what it is."""
    executed, certificate, state, _ = block
    for key in (b"\xff\x00", b""):
        value, proof = state.prove(state_key("evidence", key))
        bundle = build_state_bundle(network.genesis, executed.header, certificate, "evidence", key, value, proof)
        steps = verify_file(bundle.to_json().encode(), network.genesis)
        assert (is_proved(steps), steps[2].detail) == (True, f"absent: no evidence/raw 0x{key.hex()}")


def test_an_event_is_proved(network, event_bundle):
    """The file names contract, event and fields; digest and owner are looked for among them."""
    steps = verify_file(event_bundle.to_json().encode(), network.genesis, digest=DIGEST)
    assert is_proved(steps), steps
    assert [step.name for step in steps] == [*EVENT_STEPS, "digest"]
    assert steps[5].detail.startswith(f"reported: evidence.Deposited(0x{DIGEST.hex()}")
    owned = verify_bundle(event_bundle, network.genesis, owner=network.accounts[0])
    assert is_proved(owned), owned
    assert failing(verify_bundle(event_bundle, network.genesis, digest=OTHER)) == "digest"
    assert failing(verify_bundle(event_bundle, network.genesis, owner=network.accounts[1])) == "owner"


def test_an_event_of_another_place_is_refused(network, block, event_bundle):
    """An event stands where it says: its own path, its own block, and no receipt passes for one."""
    executed, certificate, _, transactions = block
    first = build_event_bundle(network.genesis, executed.receipts, 0, 0, executed.header, certificate)
    assert is_proved(verify_bundle(first, network.genesis))
    assert failing(verify_bundle(dataclasses.replace(event_bundle, event=first.event), network.genesis)) == "event"
    moved = dataclasses.replace(event_bundle, event_path=first.event_path)
    assert failing(verify_bundle(moved, network.genesis)) == "event"
    receipt = build_bundle(network.genesis, transactions, executed.receipts, 0, executed.header, certificate)
    posing = dataclasses.replace(event_bundle, event=receipt.receipt, event_path=receipt.receipt_path)
    assert failing(verify_bundle(posing, network.genesis)) == "format"
    other_header = dataclasses.replace(executed.header, height=executed.header.height + 1)
    later = dataclasses.replace(event_bundle, header=other_header.encode(), certificate=network.seal(other_header))
    assert failing(verify_bundle(later, network.genesis)) == "event"


def test_a_digest_among_the_arguments_of_any_call(network, block):
    """A file's digest that an executed call was given is on record, whatever the contract."""
    executed, certificate, _, transactions = block
    bundle = build_bundle(network.genesis, transactions, executed.receipts, 1, executed.header, certificate)
    steps = verify_bundle(bundle, network.genesis, digest=DIGEST, owner=network.accounts[0])
    assert is_proved(steps), steps
    assert steps[-2].detail == f"{DIGEST.hex()} is argument 1 of evidence.deposit"
    assert failing(verify_bundle(bundle, network.genesis, digest=OTHER)) == "digest"


def test_a_failed_call_puts_no_digest_on_record(network, chain, block):
    """The same arguments in a call that reverted prove nothing about the digest; who sent it is proved."""
    deposit = network.transaction(
        contract="evidence", method="deposit", arguments=(DIGEST, "text/plain", 5), gas_limit=100_000
    )
    executed = chain.block(deposit)
    certificate = network.seal(executed.header)
    bundle = build_bundle(network.genesis, (deposit.encoded,), executed.receipts, 0, executed.header, certificate)
    assert executed.receipts[0].reason == "E_DUP"
    assert failing(verify_bundle(bundle, network.genesis, digest=DIGEST)) == "digest"
    assert is_proved(verify_bundle(bundle, network.genesis, owner=network.accounts[0]))


@pytest.mark.parametrize("kind", ["event", "state"])
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_every_bit_of_the_file_counts(proved_once, network, kind, data):
    """With one bit flipped in any part that has a meaning, some step fails."""
    bundle = proved_once[kind]
    parts = [field.name for field in dataclasses.fields(bundle) if isinstance(getattr(bundle, field.name), bytes)]
    part = data.draw(st.sampled_from(parts))
    flipped = bytearray(getattr(bundle, part))
    bit = data.draw(st.integers(0, len(flipped) * 8 - 1))
    flipped[bit // 8] ^= 1 << bit % 8
    assert failing(verify_bundle(dataclasses.replace(bundle, **{part: bytes(flipped)}), network.genesis))


@pytest.fixture(scope="module")
def proved_once(network):
    """Return one proof of an event and one of the state, for many examples."""
    state = network.state()
    transaction = network.transaction(DIGEST, "text/plain", 5)
    executed = network.execute(transaction, state=state)
    certificate = network.seal(executed.header)
    key = cell_key("record", [DIGEST, network.accounts[0]])
    value, proof = state.prove(state_key("sys.anchor", key))
    proved = {
        "event": build_event_bundle(network.genesis, executed.receipts, 0, 0, executed.header, certificate),
        "state": build_state_bundle(network.genesis, executed.header, certificate, "sys.anchor", key, value, proof),
    }
    assert all(is_proved(verify_bundle(bundle, network.genesis)) for bundle in proved.values())
    return proved


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_garbage_in_any_part_fails_and_never_raises(proved_once, network, data):
    """Whatever bytes stand in a part, the answer is a step that fails."""
    bundle = proved_once[data.draw(st.sampled_from(["event", "state"]))]
    parts = [field.name for field in dataclasses.fields(bundle) if isinstance(getattr(bundle, field.name), bytes)]
    changed = {data.draw(st.sampled_from(parts)): data.draw(st.binary(min_size=1, max_size=300))}
    assert failing(verify_bundle(dataclasses.replace(bundle, **changed), network.genesis))


@pytest.mark.parametrize("kind", ["event", "state"])
def test_files_read_back_as_the_same_bundle(proved_once, kind):
    """What is written is read, field by field; the kind says which fields there are."""
    bundle = proved_once[kind]
    assert parse_bundle(bundle.to_json().encode()) == bundle
    assert json.loads(bundle.to_json())["kind"] == kind
    assert isinstance(bundle, {"event": EventBundle, "state": StateBundle}[kind])


@pytest.mark.parametrize(
    ("kind", "field", "value", "reason"),
    [
        ("event", "event", "0x", Reason.OUT_OF_RANGE),
        ("event", "event", "0x" + "00" * (limits.EVENT_CONTENT_BYTES_MAX + 1), Reason.OUT_OF_RANGE),
        ("event", "event_path", None, Reason.WRONG_TYPE),
        ("event", "receipt", "0x00", Reason.UNKNOWN_FIELD),
        ("state", "contract", "", Reason.MALFORMED),
        ("state", "contract", "汉链", Reason.MALFORMED),
        ("state", "contract", "a" * 65, Reason.OUT_OF_RANGE),
        ("state", "key", "0x" + "00" * (limits.STATE_KEY_BYTES_MAX + 1), Reason.OUT_OF_RANGE),
        ("state", "value", "0x0", Reason.MALFORMED),
        ("state", "value", False, Reason.WRONG_TYPE),
        ("state", "tree_proof", "0x" + "00" * (limits.TREE_PROOF_BYTES_MAX + 1), Reason.OUT_OF_RANGE),
        ("state", "tree_proof", ..., Reason.MISSING_FIELD),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_files_of_another_form(proved_once, network, kind, field, value, reason):
    """A file of another form is refused with its reason, and fails the step ``format`` as a proof."""
    document = json.loads(proved_once[kind].to_json())
    if value is ...:
        del document[field]
    else:
        document[field] = value
    data = json.dumps(document).encode()
    with pytest.raises(Rejection) as refusal:
        parse_bundle(data)
    assert refusal.value.reason is reason
    assert failing(verify_file(data, network.genesis)) == "format"


def test_values_are_shown_in_one_short_line():
    """Bytes in hexadecimal, lists in brackets, control characters escaped, and never more than a line."""
    assert shown([1, b"\x00\xff", "a\nb", None, [True]]) == "[1, 0x00ff, 'a\\nb', None, [True]]"
    assert [len(shown(long)) for long in (bytes(10_000), "x" * 10_000, [0] * 10_000)] == [400] * 3


def test_the_certificate_is_that_of_the_bundle(network, proved_once):
    """Any quorum's seals of the same header will do; those of another block will not."""
    bundle = proved_once["state"]
    header = BlockHeader.decode(bundle.header, network.suite)
    resealed = dataclasses.replace(bundle, certificate=network.seal(header, (1, 2, 3)))
    assert is_proved(verify_bundle(resealed, network.genesis))
    other = network.seal(network.execute(network.transaction()).header)
    assert failing(verify_bundle(dataclasses.replace(bundle, certificate=other), network.genesis)) == "header"
