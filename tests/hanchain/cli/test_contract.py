"""``hanchain contract``, ``tx send``, ``tx proof``, ``state get`` and ``verify`` on what they write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from contracts import library
from hanchain.cli.main import app
from hanchain.ledger.transaction import Transaction
from hanchain.sdk import Client, Unreachable

EVIDENCE = Path(library.__file__).parent / "evidence.py"
DIGEST = "0x" + bytes(range(32)).hex()
OTHER = "0x" + bytes(32).hex()
BROKEN = '''from contracts.language import Contract, view


class Broken(Contract):
    """Wrong in two places."""

    @view
    def half(self, amount: int) -> float:
        """Return a half."""
        return amount / 2
'''
BARE = '''from contracts.language import Contract, view


class Bare(Contract):
    """Knows one number."""

    @view
    def one(self) -> int:
        """Return 1."""
        return 1
'''


def check(*arguments: object) -> Result:
    """Run ``contract check`` in this process."""
    return CliRunner().invoke(app, ["contract", "check", *map(str, arguments)])


def words(result: Result) -> str:
    """Return what a command said, in one line."""
    return " ".join(result.output.split())


@pytest.fixture
def source(tmp_path: Path) -> Any:
    """Return a function that writes a source file."""

    def write(text: str) -> Path:
        path = tmp_path / "source.py"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def deployed(commands: Any) -> Any:
    """Return the command line of a network with the evidence contract."""
    commands.json("contract", "deploy", EVIDENCE, "--name", "evidence", signs=True)
    return commands


# ---------------------------------------------------------------------------------------------------------------- check


def test_check_shows_what_a_contract_can_be_asked() -> None:
    """Methods with their types, events and state, and the size of what will be sent."""
    result = check(EVIDENCE)
    assert result.exit_code == 0, result.output
    said = words(result)
    for expected in (
        "Evidence: Notarised digests with k-of-n witnesses.",
        "init setup(required: int = 1) -> None",
        "export deposit(digest: bytes, media_type: str, size: int) -> None",
        "Deposited digest: bytes, owner: str owner",
        "items table bytes Item",
        "good",
    ):
        assert expected in said, result.output


def test_check_shows_every_error_with_its_line_and_a_suggestion(source: Any) -> None:
    """The place, the line with a caret, the reason and what to write instead, for all errors at once."""
    path = source(BROKEN)
    result = check(path)
    assert result.exit_code == 1
    for expected in (
        f"{path}:8:36: error[unknown_type]",
        "    def half(self, amount: int) -> float:",
        "^^^^^",
        f"{path}:10:16: error[unsupported]",
        "suggestion: use // for whole numbers",
        "2 errors",
    ):
        assert expected in result.output, result.output


def test_check_tells_programs_the_same(source: Any, tmp_path: Path) -> None:
    """One JSON document, good or bad: places, reasons and suggestions, or sizes and files."""
    bad = check(source(BROKEN), "--json")
    assert bad.exit_code == 1
    document = json.loads(bad.output)
    assert (document["ok"], [(e["line"], e["column"], e["length"], e["reason"]) for e in document["errors"]]) == (
        False,
        [(8, 36, 5, "unknown_type"), (10, 16, 10, "unsupported")],
    )
    good = check(source(BARE), "--json", "--output", tmp_path / "made")
    assert good.exit_code == 0, good.output
    document = json.loads(good.output)
    program, abi = (Path(path).read_bytes() for path in document["written"])
    assert (document["ok"], document["name"], document["errors"]) == (True, "Bare", [])
    assert (document["program_bytes"], document["abi_bytes"]) == (len(program), len(abi))
    assert json.loads(abi)["name"] == "Bare"


def test_check_refuses_what_is_no_text(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are an error with a place, not a traceback."""
    path = tmp_path / "binary.py"
    path.write_bytes(b"\xff\xfe\x00")
    result = check(path)
    assert (result.exit_code, "error[encoding]" in result.output) == (1, True), result.output


# -------------------------------------------------------------------------------------------------- deploy, call, query


def test_the_life_of_a_contract(commands: Any) -> None:
    """Deployed with an argument, called, queried, listed and shown; every step says what it did."""
    made = commands.json("contract", "deploy", EVIDENCE, "--name", "evidence", "2", signs=True)
    assert (made["height"], made["value"], made["events"][0]["fields"][0]) == (1, None, "evidence")
    done = commands.json("contract", "call", "evidence", "deposit", DIGEST, "text/plain", "size=5", signs=True)
    owner = commands.node.blocks[1].receipts[0].events[0].fields[1].hex()
    assert done["events"] == [
        {"contract": "evidence", "name": "Deposited", "fields": {"digest": DIGEST, "owner": owner}}
    ]
    found = commands.json("contract", "query", "evidence", "find", DIGEST)
    assert (found["height"], found["value"]["owner"], found["value"]["size"]) == (2, owner, 5)
    assert commands.json("contract", "query", "evidence", "witnesses_required")["value"] == 2
    assert commands.json("contract", "query", "evidence", "by_owner", owner, "limit=1")["value"] == [[DIGEST], None]
    assert commands.json("contract", "list") == ["sys.accounts", "sys.anchor", "sys.contracts", "evidence"]
    shown = commands.json("contract", "show", "evidence")
    assert (shown["name"], shown["owner"], shown["version"], shown["status"]) == ("evidence", "0x" + owner, 1, "active")
    assert [m["name"] for m in shown["abi"]["methods"]][:3] == ["setup", "deposit", "witness"]


def test_the_same_for_people(deployed: Any) -> None:
    """Tables and sentences: transaction, block, gas, events by name, values as JSON."""
    called = deployed.run("contract", "call", "evidence", "deposit", DIGEST, "text/plain", "5", signs=True)
    assert called.exit_code == 0, called.output
    for expected in ("transaction ", "block 2, number 0;", f'event evidence.Deposited digest="{DIGEST}", owner="'):
        assert expected in words(called), called.output
    asked = deployed.run("contract", "query", "evidence", "is_confirmed", DIGEST)
    assert words(asked) == "false as of block 2, as one node says"
    shown = words(deployed.run("contract", "show", "evidence"))
    for expected in ("version 1", "status active", "view count(owner: str) -> int"):
        assert expected in shown
    assert "sys.anchor" in words(deployed.run("contract", "list"))


def test_system_contracts_are_called_and_shown_like_others(commands: Any) -> None:
    """They have names, types and documentation too; there is no record to prove, since they are the protocol."""
    done = commands.json("contract", "call", "sys.anchor", "notarise", DIGEST, "text/plain", "5", signs=True)
    assert done["events"][0]["fields"]["media_type"] == "text/plain"
    assert commands.json("contract", "query", "sys.anchor", "find", DIGEST)["value"][0][1] == "text/plain"
    shown = commands.json("contract", "show", "sys.anchor")
    assert (shown["name"], [m["name"] for m in shown["abi"]["methods"]]) == ("sys.anchor", ["notarise", "find", "get"])


def test_an_upgrade_keeps_the_state(deployed: Any) -> None:
    """The second version stands behind the same name; what was stored is still there."""
    deployed.json("contract", "call", "evidence", "deposit", DIGEST, "text/plain", "5", signs=True)
    deployed.json("contract", "upgrade", EVIDENCE, "--name", "evidence", signs=True)
    assert deployed.json("contract", "show", "evidence")["version"] == 2
    assert deployed.json("contract", "query", "evidence", "find", DIGEST)["value"]["size"] == 5


@pytest.mark.parametrize(
    ("arguments", "signs", "said"),
    [
        (["contract", "call", "evidence", "deposit", DIGEST, "text/plain"], True, "the argument size (int) is missing"),
        (["contract", "call", "evidence", "deposit", "00ff", "text/plain", "5"], True, "bytes (0x… or digest:FILE)"),
        (["contract", "call", "evidence", "find", DIGEST], True, "changes nothing: query it"),
        (["contract", "call", "evidence", "vanish"], True, "no method 'vanish'; there are deposit, witness"),
        (["contract", "call", "nothing", "vanish"], True, "unknown_contract"),
        (["contract", "query", "evidence", "deposit", DIGEST, "a", "1"], False, "send a transaction"),
        (["contract", "query", "evidence", "is_confirmed", DIGEST], False, "reverted: E_UNKNOWN"),
        (["contract", "call", "evidence", "deposit", "0x00", "a", "1"], True, "E_DIGEST"),
        (["contract", "call", "evidence", "deposit", DIGEST, "a", "1", "--gas", "2000"], True, "out_of_gas"),
        (["contract", "call", "evidence", "deposit", DIGEST, "a", "1", "--key", "nobody"], True, "key_not_found"),
        (["contract", "deploy", str(EVIDENCE), "--name", "evidence"], True, "E_EXISTS"),
        (["contract", "deploy", str(EVIDENCE), "--name", "Not A Name"], True, "E_NAME"),
        (["contract", "deploy", str(EVIDENCE), "--name", "second", "many"], True, "an integer in decimal digits"),
        (["contract", "show", "nothing"], False, "there is no nothing, proved at height 1"),
        (["state", "get", "evidence", "item", DIGEST], False, "no state called 'item'; there is required, items"),
        (["state", "get", "evidence", "items"], False, "0 keys given, its keys are: bytes"),
        (["state", "get", "evidence", "items", "00ff"], False, "bytes (0x… or digest:FILE)"),
        (["tx", "send", "evidence", "deposit", "0xzz"], True, "0x… (bytes) expected"),
        (["tx", "send", "evidence", "deposit", "text"], True, "bad_arguments"),
        (["tx", "proof", "00" * 32, "out.json"], False, "not_found"),
    ],
    ids=lambda value: " ".join(value[:4]).replace(DIGEST, "D") if isinstance(value, list) else "",
)
def test_what_is_refused_ends_with_code_1_and_a_sentence(
    deployed: Any, arguments: list[str], signs: bool, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Wrong words, wrong methods, failed transactions: what is wrong is said, and never with a traceback."""
    monkeypatch.chdir(tmp_path)
    result = deployed.run(*arguments, signs=signs)
    assert (result.exit_code, said in words(result)) == (1, True), result.output
    assert "Traceback" not in result.output


def test_nothing_is_sent_when_a_source_is_wrong(commands: Any, source: Any) -> None:
    """A contract with errors costs no transaction, and a bare one takes no arguments."""
    refused = commands.run("contract", "deploy", source(BROKEN), "--name", "broken", signs=True)
    assert (refused.exit_code, "2 errors" in refused.output) == (1, True), refused.output
    more = commands.run("contract", "deploy", source(BARE), "--name", "bare", "1", signs=True)
    assert (more.exit_code, "takes no arguments" in words(more)) == (1, True), more.output
    assert len(commands.node.blocks) == 1
    commands.json("contract", "deploy", source(BARE), "--name", "bare", signs=True)
    assert commands.json("contract", "query", "bare", "one")["value"] == 1


# ----------------------------------------------------------------------------------------------------- state and proofs


def verify(commands: Any, path: Path, *more: object) -> Result:
    """Run the offline verifier."""
    arguments = ["verify", path, "--genesis", commands.genesis, *more]
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_state_is_shown_and_proved(deployed: Any, tmp_path: Path) -> None:
    """Present with its value, absent with a word; both with a proof that verifies without the node, exit code 0."""
    report = tmp_path / "report.pdf"
    report.write_bytes(b"report")
    deployed.json("contract", "call", "evidence", "deposit", f"digest:{report}", "application/pdf", "6", signs=True)
    present, absent = tmp_path / "present.json", tmp_path / "absent.json"
    found = deployed.json("state", "get", "evidence", "items", f"digest:{report}", "--proof", present)
    assert (found["present"], found["value"]["media_type"], found["proof"]) == (True, "application/pdf", str(present))
    missing = deployed.run("state", "get", "evidence", "items", OTHER, "--proof", absent)
    assert missing.exit_code == 0, missing.output
    assert words(missing).startswith("absent nothing is stored under this key proved as of block 2")
    for path, name in ((present, "present: evidence/items[0x"), (absent, "absent: no evidence/items[0x")):
        result = verify(deployed, path)
        assert (result.exit_code, name in words(result)) == (0, True), result.output
    assert verify(deployed, present, "--file", report).exit_code == 0
    other = verify(deployed, absent, "--file", report)
    assert (other.exit_code, "not verified" in other.output) == (1, True), other.output
    assert deployed.json("state", "get", "evidence", "required")["value"] == 1
    counted = deployed.json("state", "get", "evidence", "deposits", "ab")
    assert (counted["present"], counted["value"], counted["default"]) == (False, None, 0)
    assert "the contract reads it as 0" in words(deployed.run("state", "get", "evidence", "deposits", "ab"))


def test_state_of_system_contracts_by_bytes_and_text(deployed: Any) -> None:
    """A system contract declares no state: its keys are bytes or text, its values shown as the ledger has them."""
    found = deployed.json("state", "get", "sys.contracts", "contract", "evidence")
    assert (found["present"], found["value"][1], found["value"][-1]) == (True, 1, "active")
    slip = deployed.run("state", "get", "sys.contracts", "contrat", "evidence")
    assert (slip.exit_code, "a cell of another name would be absent too" in words(slip)) == (0, True), slip.output
    deployed.json("contract", "deploy", EVIDENCE, "--name", "true", signs=True)
    assert deployed.json("state", "get", "sys.contracts", "contract", "true")["present"] is True


def test_a_transaction_that_failed_is_named_explained_and_proved(deployed: Any, tmp_path: Path) -> None:
    """Whoever is told no learns which transaction it was, in which block, and has its proof like any other."""
    proof = tmp_path / "failed.json"
    words_of_call = ["contract", "call", "evidence", "deposit", DIGEST, "a", "1", "--gas", "2000", "--proof", proof]
    refused = deployed.run(*words_of_call, signs=True)
    receipt = deployed.node.blocks[2].receipts[0]
    place = f"transaction {receipt.txid.hex()}, block 2, number 0; {receipt.gas_used} gas; it changed nothing"
    assert (refused.exit_code, place in words(refused)) == (1, True), refused.output
    assert verify(deployed, proof, "--expect", "failed").exit_code == 0
    bare = deployed.run("contract", "call", "evidence", "witness", DIGEST, "--json", signs=True)
    assert (bare.exit_code, json.loads(bare.stdout)) == (
        1,
        {
            "txid": deployed.node.blocks[3].receipts[0].txid.hex(),
            "height": 3,
            "index": 0,
            "gas_used": deployed.node.blocks[3].receipts[0].gas_used,
            "reason": "E_UNKNOWN",
            "message": "",
            "proof": None,
        },
    )
    status = words(deployed.run("tx", "status", receipt.txid.hex()))
    assert "reason out_of_gas: " in status
    assert "E_UNKNOWN:" not in words(deployed.run("tx", "status", json.loads(bare.stdout)["txid"]))


def test_who_stops_waiting_learns_which_transaction_was_sent(deployed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction may be sealed all the same: without its id one would do the same again, and twice."""
    sent: list[str] = []

    async def interrupted(self: Client, transaction: Transaction, timeout_ms: int) -> None:
        sent.append(transaction.txid.hex())
        raise Unreachable([("http://127.0.0.1:9", "gone")])

    monkeypatch.setattr(Client, "send", interrupted)
    stopped = deployed.run("contract", "call", "evidence", "witness", DIGEST, signs=True)
    assert (stopped.exit_code, len(sent)) == (3, 1), stopped.output
    assert f"transaction {sent[0]} was sent and may still be sealed" in words(stopped)


def test_a_default_that_json_cannot_hold_is_shown_as_the_number_that_it_is(source: Any) -> None:
    """The ABI writes a large number as text; a reader of the signature sees no quotes."""
    text = BARE.replace("def one(self)", "def one(self, limit: int = 10**30)")
    assert f"one(limit: int = {10**30}) -> int" in words(check(source(text)))


def test_proofs_of_calls_and_events(deployed: Any, tmp_path: Path) -> None:
    """A call writes its proof at once; a transaction and each of its events can be proved later."""
    report = tmp_path / "report.pdf"
    report.write_bytes(b"report")
    at_once, later, event = (tmp_path / name for name in ("at-once.json", "later.json", "event.json"))
    deposit = ["contract", "call", "evidence", "deposit", f"digest:{report}", "application/pdf", "6"]
    done = deployed.json(*deposit, "--proof", at_once, signs=True)
    assert deployed.json("tx", "proof", done["txid"], later) == {
        "txid": done["txid"],
        "kind": "transaction",
        "proof": str(later),
    }
    assert at_once.read_text() == later.read_text()
    assert words(deployed.run("tx", "proof", done["txid"], event, "--event", 0)).startswith("event proof, verified")
    for path, said in ((later, "is argument 1 of evidence.deposit"), (event, "is field 1 of evidence.Deposited")):
        result = verify(deployed, path, "--file", report, "--json")
        document = json.loads(result.output)
        assert (result.exit_code, document["verified"]) == (0, True), result.output
        assert document["steps"][-1]["detail"].endswith(said)
    beyond = deployed.run("tx", "proof", done["txid"], event, "--event", 1)
    assert (beyond.exit_code, "not_found" in words(beyond)) == (1, True), beyond.output


def test_a_proof_of_an_earlier_release_is_refused_clearly(deployed: Any, tmp_path: Path) -> None:
    """A file of version 1 is no riddle: the verifier says which version it is and which it reads."""
    path = tmp_path / "old.json"
    path.write_text('{"version": 1, "chain_name": "x"}')
    result = verify(deployed, path)
    assert result.exit_code == 1
    assert "version 1, 2 expected: of a chain of an earlier release" in words(result)


def test_tx_send_takes_words_as_they_look(deployed: Any) -> None:
    """The ABI is not asked for: bytes after 0x, numbers, text; the receipt's values come in the API's convention."""
    done = deployed.json("tx", "send", "evidence", "deposit", DIGEST, "text/plain", "5", signs=True)
    assert (done["height"], done["events"][0]["fields"][0]) == (2, DIGEST)
    said = deployed.run("tx", "send", "sys.anchor", "notarise", DIGEST, "text/plain", "5", signs=True)
    assert (said.exit_code, f'event sys.anchor.Notarised "{DIGEST}"' in words(said)) == (0, True), said.output
