"""Genesis: one file, one hash, and a reason with a path for everything that does not hold."""

import dataclasses
import json
from datetime import UTC, datetime

import pytest

from consensus.certificate import ValidatorSet
from hanchain.crypto.certificates import create_authority, issue_node_certificate
from hanchain.ledger.block import BlockHeader
from hanchain.ledger.genesis import Organisation, parse_genesis
from hanchain.ledger.parameters import RANGES, Parameters
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.state import empty_state_root


def _document(network):
    return json.loads(network.genesis.to_json())


def _refusal(document):
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(Rejection) as refusal:
        parse_genesis(data)
    return refusal.value.reason, refusal.value.detail.split(":")[0]


def _changed(document, path, value):
    """Return the document with one value replaced; ``...`` removes it."""
    *parents, last = path
    target = document
    for step in parents:
        target = target[step]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return document


def test_file_round_trip(network):
    """The file reads back as the same genesis; layout and order of fields do not matter, meaning does."""
    genesis = network.genesis
    again = parse_genesis(genesis.to_json().encode())
    assert again == genesis
    compact = json.dumps(dict(reversed(_document(network).items())), separators=(",", ":"))
    assert parse_genesis(compact.encode()).chain_id == genesis.chain_id
    assert len(genesis.chain_id) == network.suite.digest_size


def test_chain_id_is_pinned(network):
    """The genesis hash of the test network is what it was: a change of the canonical form breaks every network."""
    assert network.genesis.chain_id.hex() == "46b51c69cdfef227efa1de9a8280ecb010db926db642045b2853359814a91fc3"


def test_every_field_is_in_the_hash(network):
    """Changing any one value gives another chain id."""
    document = _document(network)
    second = document["organisations"][1]
    changes = [
        (("chain_name",), "other-chain"),
        (("time_ms",), 1),
        (("organisations", 0, "name"), "renamed"),
        (("validators", 0, "name"), "renamed"),
        (("validators", 0, "organisation"), "hospital"),
        (("validators", 0, "public_key"), "0x" + "11" * 32),
        (("validators", 0, "node_key"), "0x" + "22" * 32),
        (("validators", 0, "address"), "example.org:7000"),
        (("validators",), document["validators"][::-1]),
        (("organisations",), [*document["organisations"], {**second, "name": "third"}]),
        *(
            (("parameters", name), getattr(network.genesis.parameters, name) + 1)
            for name in RANGES
            if name != "max_idle_ms"
        ),
        (("parameters", "max_idle_ms"), 60_000),
    ]
    seen = {network.genesis.chain_id}
    for path, value in changes:
        changed = _changed(_document(network), path, value)
        if path == ("organisations", 0, "name"):
            for validator in changed["validators"][::2]:
                validator["organisation"] = "renamed"
        if path == ("organisations",):
            with pytest.raises(Rejection):
                parse_genesis(json.dumps(changed).encode())  # one certificate, two names
            continue
        seen.add(parse_genesis(json.dumps(changed).encode()).chain_id)
    assert len(seen) == len(changes)


def test_parameters_keep_their_defaults(network):
    """A parameter that is left out has its default, and so the same chain id as when it is written."""
    assert parse_genesis(json.dumps({**_document(network), "parameters": {}}).encode()) == network.genesis
    assert Parameters() == Parameters(8, 1000, 2 * 1024 * 1024, 20, 2_000, 60_000, 0, 1000)


@pytest.mark.parametrize(
    ("path", "value", "reason", "where"),
    [
        (("version",), 2, Reason.WRONG_VERSION, "$.version"),
        (("version",), ..., Reason.MISSING_FIELD, "$"),
        (("extra",), 1, Reason.UNKNOWN_FIELD, "$"),
        (("chain_name",), "No", Reason.MALFORMED, "$.chain_name"),
        (("chain_name",), "ab", Reason.MALFORMED, "$.chain_name"),
        (("chain_name",), "a" * 33, Reason.MALFORMED, "$.chain_name"),
        (("chain_name",), "a" * 65, Reason.OUT_OF_RANGE, "$.chain_name"),
        (("chain_name",), 5, Reason.WRONG_TYPE, "$.chain_name"),
        (("suite",), "rot13", Reason.UNKNOWN_SUITE, "$.suite"),
        (("time_ms",), -1, Reason.OUT_OF_RANGE, "$.time_ms"),
        (("time_ms",), True, Reason.WRONG_TYPE, "$.time_ms"),
        (("organisations",), [], Reason.OUT_OF_RANGE, "$.organisations"),
        (("organisations",), {}, Reason.WRONG_TYPE, "$.organisations"),
        (("organisations", 0), [], Reason.WRONG_TYPE, "$.organisations[0]"),
        (("organisations", 0, "name"), "-a", Reason.MALFORMED, "$.organisations[0].name"),
        (("organisations", 0, "name"), "hospital", Reason.NOT_UNIQUE, "$.organisations[1].name"),
        (("organisations", 0, "certificate"), "garbage", Reason.BAD_CERTIFICATE, "$.organisations[0].certificate"),
        (("organisations", 0, "key"), "", Reason.UNKNOWN_FIELD, "$.organisations[0]"),
        (("validators",), [], Reason.OUT_OF_RANGE, "$.validators"),
        (("validators", 1, "name"), "node-0", Reason.NOT_UNIQUE, "$.validators[1].name"),
        (("validators", 1, "name"), "节点", Reason.MALFORMED, "$.validators[1].name"),
        (("validators", 1, "organisation"), "court", Reason.INCONSISTENT, "$.validators[1].organisation"),
        (("validators", 1, "public_key"), "0x11", Reason.OUT_OF_RANGE, "$.validators[1].public_key"),
        (("validators", 1, "public_key"), "11" * 32, Reason.MALFORMED, "$.validators[1].public_key"),
        (("validators", 1, "public_key"), "0x" + "AB" * 32, Reason.MALFORMED, "$.validators[1].public_key"),
        (("validators", 1, "public_key"), "0x", Reason.OUT_OF_RANGE, "$.validators[1].public_key"),
        (("validators", 1, "node_key"), "0x" + "11" * 33, Reason.OUT_OF_RANGE, "$.validators[1].node_key"),
        (("validators", 1, "address"), "127.0.0.1:7000", Reason.NOT_UNIQUE, "$.validators[1].address"),
        (("parameters", "window"), 0, Reason.OUT_OF_RANGE, "$.parameters"),
        (("parameters", "window"), -1, Reason.OUT_OF_RANGE, "$.parameters.window"),
        (("parameters", "window"), "8", Reason.WRONG_TYPE, "$.parameters.window"),
        (("parameters", "windows"), 8, Reason.UNKNOWN_FIELD, "$.parameters"),
        (("parameters", "batch_delay_ms"), 250, Reason.INCONSISTENT, "$.parameters"),
        (("parameters", "timeout_max_ms"), 1_999, Reason.INCONSISTENT, "$.parameters"),
        (("parameters", "max_idle_ms"), 20, Reason.INCONSISTENT, "$.parameters"),
    ],
)
def test_what_does_not_hold(network, path, value, reason, where):
    """Each field that does not hold is refused with its reason and its JSON path."""
    assert _refusal(_changed(_document(network), path, value)) == (reason, where)


def test_keys_and_certificates_are_unique(network):
    """Two validators with one key, or two organisations with one certificate, are refused."""
    for key in ("public_key", "node_key"):
        document = _document(network)
        document["validators"][3][key] = document["validators"][1][key]
        assert _refusal(document) == (Reason.NOT_UNIQUE, f"$.validators[3].{key}")
    document = _document(network)
    document["organisations"][1]["certificate"] = document["organisations"][0]["certificate"]
    assert _refusal(document) == (Reason.NOT_UNIQUE, "$.organisations[1].certificate")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        ":7000",
        "host:",
        "host:0",
        "host:65536",
        "host:07",
        "256.0.0.1:1",
        "1.2.3:1",
        "[::g]:1",
        "::1:7000",
        "-a:1",
        "a..b:1",
        "a b:1",
        "host:1\n",
        "",
    ],
)
def test_addresses_that_are_none(network, address):
    """What is not host:port is refused."""
    document = _changed(_document(network), ("validators", 0, "address"), address)
    assert _refusal(document) == (Reason.MALFORMED, "$.validators[0].address")


@pytest.mark.parametrize("address", ["node.example.org:65535", "localhost:1", "10.0.0.1:7000", "[::1]:7000"])
def test_addresses(network, address):
    """Host names, IPv4 and bracketed IPv6 addresses are addresses."""
    document = _changed(_document(network), ("validators", 0, "address"), address)
    assert parse_genesis(json.dumps(document).encode()).validators[0].address == address


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.MALFORMED),
        (b"\xff", Reason.MALFORMED),
        (b"[" * 100_000, Reason.MALFORMED),
        (b'{"version": 1, "version": 1}', Reason.MALFORMED),
        (b'{"version": 1.0}', Reason.MALFORMED),
        (b'{"version": NaN}', Reason.MALFORMED),
        (b"5", Reason.WRONG_TYPE),
        (b" " * (4 * 1024 * 1024 + 1), Reason.OVERSIZED),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_files_that_are_not_documents(data, reason):
    """Bytes that are no strict JSON object are refused."""
    assert _refusal(data)[0] is reason


def test_a_node_certificate_is_no_authority(network):
    """An organisation's certificate must be that of an authority."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    authority = create_authority("Notary", now=now, days=9)
    node = issue_node_certificate(authority, "node", [], now=now, days=9)
    organisations = (Organisation("notary", node.certificate_pem.decode()), network.genesis.organisations[1])
    with pytest.raises(Rejection, match="not an authority") as refusal:
        dataclasses.replace(network.genesis, organisations=organisations)
    assert refusal.value.reason is Reason.BAD_CERTIFICATE


def test_a_genesis_made_in_code_is_checked_too(network):
    """What no file can say is refused on construction as well."""
    cases = [
        ({"version": 2}, Reason.WRONG_VERSION),
        ({"time_ms": -1}, Reason.OUT_OF_RANGE),
        ({"time_ms": 2**53}, Reason.OUT_OF_RANGE),
        ({"organisations": ()}, Reason.OUT_OF_RANGE),
        ({"validators": ()}, Reason.OUT_OF_RANGE),
        ({"chain_name": ""}, Reason.MALFORMED),
    ]
    for changes, reason in cases:
        with pytest.raises(Rejection) as refusal:
            dataclasses.replace(network.genesis, **changes)
        assert refusal.value.reason is reason


def test_block_zero(network):
    """The header of height 0 follows from the genesis alone and decodes like any other."""
    genesis, suite, zeros = network.genesis, network.suite, bytes(32)
    assert genesis.block0 == BlockHeader(
        suite_id=suite.id,
        chain_id=genesis.chain_id,
        epoch=0,
        height=0,
        proposal_digest=genesis.chain_id,
        parent_hash=zeros,
        transactions_root=suite.tagged_hash("hanchain/transactions/1", b""),
        receipts_root=suite.tagged_hash("hanchain/receipts/1", b""),
        state_root=empty_state_root(suite),
        validators_hash=genesis.validators_hash,
        next_validators_hash=zeros,
        proposal_view=0,
        proposer=0,
        timestamp_ms=1_767_225_600_000,
        parameters_hash=genesis.parameters.hash(suite),
    )
    assert BlockHeader.decode(genesis.block0.encode(), suite) == genesis.block0
    assert genesis.validator_set == ValidatorSet(0, tuple(key.public_key for key in network.keys))


def test_small_networks_are_warned(network):
    """Fewer than four validators are allowed and warned of."""
    assert network.genesis.warnings() == ()
    small = dataclasses.replace(network.genesis, validators=network.genesis.validators[:3])
    assert small.warnings() == ("3 validator(s): one failure stops the chain; 4 tolerate one",)
