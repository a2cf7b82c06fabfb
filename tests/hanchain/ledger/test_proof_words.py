"""What a verifier says does not read like another claim, and what it reads costs little before it is proved."""

import dataclasses
import json

import pytest

from contracts import library
from hanchain.ledger import limits, proofsteps
from hanchain.ledger.cells import cell_key
from hanchain.ledger.codec import encode
from hanchain.ledger.json_reader import read_json
from hanchain.ledger.proof import (
    Outcome,
    build_bundle,
    build_state_bundle,
    is_proved,
    outcome_of,
    verify_bundle,
    verify_file,
)
from hanchain.ledger.proofsteps import shown
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.state import state_key

DIGEST = bytes(range(32))
NAME = f"evidence/items[0x{DIGEST.hex()}]"
REVERTER = """
from contracts.language import Contract, Revert, export


class Reverter(Contract):
    @export
    def revert(self, code: str) -> None:
        raise Revert(code)
"""


@pytest.fixture
def prove(network, chain):
    """Return a function that proves any key of a state in which DIGEST was deposited as evidence."""
    chain.deploy("evidence", library.source("evidence"), 1)
    receipt = chain.call("evidence", "deposit", DIGEST, "text/plain", 5)
    assert receipt.reason == ""
    header = chain.blocks[-1].header
    certificate = network.seal(header)

    def make(contract, key):
        value, proof = chain.state.prove(state_key(contract, key))
        return build_state_bundle(network.genesis, header, certificate, contract, key, value, proof)

    return make


def details(bundle, network, **wishes):
    """Return the details of the steps of a file that is proved."""
    steps = verify_file(bundle.to_json().encode(), network.genesis, **wishes)
    assert is_proved(steps), steps
    return {step.name: step.detail for step in steps}


def test_no_absent_key_reads_like_a_present_one(network, prove):
    """Whoever proves the absence of a key that looks like another in words is shown to have proved just that."""
    assert details(prove("evidence", cell_key("items", [DIGEST])), network)["state"] == f"present: {NAME}"
    keys = [
        cell_key(NAME.removeprefix("evidence/")),
        cell_key("items", [DIGEST.hex()]),
        cell_key("items", ["0x" + DIGEST.hex()]),
        cell_key(" items", [DIGEST]),
        cell_key("items ", [DIGEST]),
        cell_key("items", [DIGEST, ""]),
        cell_key("items", [f"0x{DIGEST.hex()}]", 1]),
        cell_key("items[0x00] is 1; present: evidence/items", [DIGEST]),
        cell_key("0x6974656d73", [DIGEST]),
        b"\x01items\x00" + cell_key("", [DIGEST])[2:],
        b"items",
        b"",
    ]
    said = [details(prove("evidence", key), network)["outcome"] for key in keys]
    assert len(set(said)) == len(keys)
    for claim in said:
        assert claim.startswith("absent: after block 2 there is no evidence/")
        assert claim.removeprefix("absent: after block 2 there is no ") != NAME
    plain = [claim for claim in said if claim.startswith("absent: after block 2 there is no evidence/items[")]
    assert plain == [
        f"absent: after block 2 there is no evidence/items['{DIGEST.hex()}']",
        f"absent: after block 2 there is no evidence/items['0x{DIGEST.hex()}']",
        f"absent: after block 2 there is no evidence/items[0x{DIGEST.hex()}, '']",
        f"absent: after block 2 there is no evidence/items['0x{DIGEST.hex()}]', 1]",
    ]


def test_long_parts_of_keys_are_shown_whole(network, prove):
    """Two keys that differ in their last byte differ in words."""
    ends = [
        details(prove("evidence", cell_key("items", [b"\xff" * 400 + end])), network)["state"] for end in (b"a", b"b")
    ]
    assert [end[-3:] for end in ends] == ["61]", "62]"]
    text = "\x9b" * 200  # 400 bytes, 800 characters when escaped
    assert details(prove("evidence", cell_key("items", [text])), network)["state"].count("\\x9b") == 200


@pytest.mark.parametrize("form", [DIGEST.hex(), "0x" + DIGEST.hex()])
def test_a_file_is_not_absent_under_another_form_of_its_digest(network, prove, form):
    """The digest as text is absent while the digest as bytes is present: that says nothing about the file."""
    steps = verify_bundle(prove("evidence", cell_key("items", [form])), network.genesis, digest=DIGEST)
    assert (steps[-1].name, steps[-1].ok) == ("digest", False)


def test_an_account_is_absent_in_the_form_of_its_contract(network, prove):
    """User contracts write accounts as text, system contracts as bytes; absence of the other form says nothing."""
    account = network.accounts[1]
    for contract, right, wrong in (("evidence", account.hex(), account), ("sys.anchor", account, account.hex())):
        good = verify_bundle(prove(contract, cell_key("record", [DIGEST, right])), network.genesis, owner=account)
        assert (is_proved(good), good[-1].detail) == (True, f"account {account.hex()} is part 2 of the key")
        bad = verify_bundle(prove(contract, cell_key("record", [DIGEST, wrong])), network.genesis, owner=account)
        assert (bad[-1].name, bad[-1].ok) == ("owner", False)


@pytest.mark.parametrize(
    "contract", ["evidence ", " evidence", "Evidence", "a/b", "evidence/items[0x00]", "sys.", "a.b"]
)
def test_names_that_no_contract_has_are_refused(network, prove, contract):
    """A proof that there is nothing in a contract that nobody can deploy is no proof."""
    bundle = prove(contract, cell_key("items", [DIGEST]))
    (step,) = verify_file(bundle.to_json().encode(), network.genesis)
    assert (step.name, step.ok) == ("format", False)
    assert step.detail == "malformed: $.contract: not the name of a contract"


def test_what_a_contract_writes_is_quoted(network, chain):
    """The code of a revert is any text of the contract's choice, and does not pass for words of the verifier."""
    chain.deploy("reverter", REVERTER)
    said = []
    for code in ("E_FULL", "E_X: done\n 9 ok", "x" + " " * 50 + "ok digest", "\u202eok", "", "executed"):
        transaction = network.transaction(contract="reverter", method="revert", arguments=(code,), gas_limit=100_000)
        executed = chain.block(transaction)
        certificate = network.seal(executed.header)
        bundle = build_bundle(
            network.genesis, (transaction.encoded,), executed.receipts, 0, executed.header, certificate
        )
        said.append(details(bundle, network)["outcome"])
    assert said == [
        "failed (reverted): E_FULL",
        "failed (reverted): 'E_X: done\\n 9 ok'",
        "failed (reverted): 'x " + "\\x20" * 49 + "ok digest'",
        "failed (reverted): '\\u202eok'",
        "failed (reverted): reverted",
        "failed (reverted): executed",
    ]


def test_text_stays_where_it_is():
    """Padding, invisible letters and letters written from right to left are escaped; others are shown as they are."""
    assert shown("一 é") == "'一 é'"
    assert shown(" a  b   c") == "' a \\x20b \\x20\\x20c'"
    assert shown(["ㅤ", "⠀", "\u00a0", "\u200b"]) == "['\\u3164', '\\u2800', '\\xa0', '\\u200b']"
    assert shown(["שלום", "عربي", "\U0001e900"]) == (
        "['\\u05e9\\u05dc\\u05d5\\u05dd', '\\u0639\\u0631\\u0628\\u064a', '\\U0001e900']"
    )


def test_an_entry_of_an_index_is_proved(network, chain, prove):
    """An index's entry has no value at all, which is present, and neither absent nor a stored None."""
    prefix = state_key("evidence", b"\x02items#")
    name = next(key for key, value in chain.state.scan(prefix, None, descending=False) if value == b"")
    bundle = prove("evidence", name.removeprefix(state_key("evidence", b"")))
    assert bundle.value == b""
    outcome = details(bundle, network)["outcome"]
    assert outcome.startswith("present: after block 2 there is evidence/items#")
    assert outcome.endswith("], without a value")
    for lie in (None, encode(None), encode(b""), encode("")):
        steps = verify_bundle(dataclasses.replace(bundle, value=lie), network.genesis)
        assert (steps[-1].name, steps[-1].ok) == ("state", False)


def test_no_content_is_decoded_before_it_is_proved(network, prove, monkeypatch):
    """A few bytes can announce hundreds of megabytes: values are decoded when validators have sealed them."""
    bundle = prove("evidence", cell_key("items", [DIGEST]))
    bomb = dataclasses.replace(bundle, value=b"\xdc\xff\xff" * 1000)
    decoded = []
    monkeypatch.setattr(proofsteps, "decode", lambda data, **_: decoded.append(data))
    assert verify_bundle(bomb, network.genesis)[-1].name == "state"
    unsealed = dataclasses.replace(bundle, certificate=bundle.certificate[:-1] + b"\x00")
    assert verify_bundle(unsealed, network.genesis)[-1].name == "certificate"
    assert decoded == []
    verify_bundle(bundle, network.genesis)
    assert decoded == [bundle.value]


def test_an_expected_outcome(network, prove):
    """Who wants to know that something is present does not take a good proof that something is absent."""
    absent, present = prove("evidence", cell_key("items", [bytes(32)])), prove("evidence", cell_key("items", [DIGEST]))
    for bundle, outcome in ((absent, Outcome.ABSENT), (present, Outcome.PRESENT)):
        assert outcome_of(verify_bundle(bundle, network.genesis)) is outcome
        for expected in Outcome:
            steps = verify_bundle(bundle, network.genesis, expected=expected)
            assert steps[-1] == ("expected", expected is outcome, f"{outcome}, as {expected} was expected")
            assert outcome_of(steps) == (outcome if expected is outcome else None)
    assert outcome_of(verify_bundle(absent, network.genesis, digest=DIGEST)) is None
    assert outcome_of(()) is None


def test_a_receipt_of_another_position_is_refused(network, chain):
    """The position of a receipt's path is that of the receipt, though another size of the tree would carry it too."""
    transactions = [network.transaction(bytes([number]) * 32, "a/b", number) for number in range(3)]
    executed = chain.block(*transactions)
    encoded = tuple(transaction.encoded for transaction in transactions)
    bundle = build_bundle(
        network.genesis, encoded, executed.receipts, 2, executed.header, network.seal(executed.header)
    )
    moved = dataclasses.replace(bundle, receipt_path=bundle.receipt_path._replace(position=3))
    steps = verify_bundle(moved, network.genesis)
    assert (steps[-1].name, steps[-1].detail) == ("receipt", "the receipt names another position in the block")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_json_is_utf_8(network, prove, encoding):
    """A file in another encoding is refused: what people and their tools see is what is verified."""
    text = prove("evidence", cell_key("items", [DIGEST])).to_json()
    (step,) = verify_file(text.encode(encoding), network.genesis)
    assert (step.name, step.ok) == ("format", False)


@pytest.mark.parametrize(
    "data",
    [
        b'{"version": 0.' + b"1" * 1_000_000 + b"}",
        b'{"version": ' + b"1" * 4000 + b"}",
        b'{"version": ' + b"1" * 1_000_000 + b"}",
        b'{"version": 2, "kind": "state", "' + b"x" * 1_000_000 + b'": 1}',
        b"[" * 1_000_000,
        b'{"a":' * 200_000,
    ],
    ids=["float", "integer", "long integer", "field", "lists", "objects"],
)
def test_refusals_are_short(network, data):
    """Whatever stands in a file, the reason why it is refused is a line."""
    (step,) = verify_file(data, network.genesis)
    assert (step.name, step.ok) == ("format", False)
    assert len(step.detail) < 250


def test_half_of_a_surrogate_pair_is_no_text():
    """JSON can escape what is no character; nothing that we read may hold it, since it cannot be written again."""
    entry = read_json(rb'{"name": "\ud800x", "good": "\ud83d\ude00"}', max_bytes=100)
    with pytest.raises(Rejection) as refusal:
        entry.field("name").text(10)
    assert refusal.value.reason is Reason.MALFORMED
    assert entry.field("good").text(10) == "😀"


def test_a_present_value_that_encodes_nothing_is_shown_as_bytes(network, prove):
    """Bytes beyond what a state can hold are bounded in words too."""
    assert len(shown(bytes(limits.STATE_VALUE_BYTES_MAX))) == 400
    assert json.loads(prove("evidence", cell_key("items", [DIGEST])).to_json())["kind"] == "state"
