"""The files of a test network: complete, private, and all or nothing."""

import json
import stat

import pytest

from hanchain.crypto.certificates import der_of, public_key_of
from hanchain.crypto.keystore import KeyStore
from hanchain.ledger.parameters import Parameters
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node.config import load
from hanchain.testnet import files as module
from hanchain.testnet.files import NetworkFiles, create_network, free_ports, load_network


def refusal(call, *arguments, **named):
    """Return why something is rejected."""
    with pytest.raises(Rejection) as caught:
        call(*arguments, **named)
    return caught.value.reason, caught.value.detail


def test_a_network_fits_together(tmp_path):
    """Genesis, configurations, keys and certificates of every node agree with one another and with network.json."""
    files = create_network(tmp_path / "net", chain_name="my-net", parameters=Parameters(window=4))
    genesis = files.genesis()
    assert (genesis.chain_name, genesis.parameters.window, len(genesis.validators)) == ("my-net", 4, 4)
    assert load_network(tmp_path / "net") == files
    for node, validator in zip(files.nodes, genesis.validators, strict=True):
        config = load(files.config_path(node.name), {})
        assert (config.node.name, config.p2p.listen, config.api.listen) == (node.name, node.p2p, node.api)
        assert (validator.name, validator.address) == (node.name, node.p2p)
        assert config.path(config.node.genesis).resolve() == files.genesis_path.resolve()
        key = KeyStore(config.path(config.key.directory)).unlock(config.key.name, "")
        assert key.public_key == validator.public_key
        certificate = der_of(config.path(config.p2p.certificate).read_bytes())
        assert public_key_of(certificate) == validator.node_key
        assert config.path(config.p2p.authority).read_text() == genesis.organisations[0].certificate
    assert files.client_keys().unlock("client", "").public_key not in {v.public_key for v in genesis.validators}


def test_secrets_are_for_their_owner_only(tmp_path):
    """Every private key file has mode 0600; there is no other file that holds one."""
    files = create_network(tmp_path / "net", validators=2)
    secret = [p for p in files.directory.rglob("*") if p.name.endswith((".key.json", "-key.pem"))]
    assert len(secret) == 2 * 2 + 1
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
    others = [p for p in files.directory.rglob("*") if p.is_file() and p not in secret]
    assert not any(b"PRIVATE KEY" in path.read_bytes() for path in others)


def test_all_ports_differ(tmp_path):
    """No two addresses of a network are the same, whether ports are free ones or counted from a base."""
    for files in (
        create_network(tmp_path / "free", validators=7),
        create_network(tmp_path / "base", validators=3, port_base=40_000),
    ):
        addresses = [a for node in files.nodes for a in (node.p2p, node.api)]
        assert len(set(addresses)) == len(addresses)
    assert [n.p2p for n in files.nodes] == ["127.0.0.1:40000", "127.0.0.1:40001", "127.0.0.1:40002"]
    assert [n.api for n in files.nodes] == ["127.0.0.1:40003", "127.0.0.1:40004", "127.0.0.1:40005"]
    assert len(set(free_ports(50))) == 50


def test_a_directory_with_something_in_it_is_left_alone(tmp_path):
    """A network is never written over anything, and what was there stays."""
    (tmp_path / "thesis.txt").write_text("years")
    reason, detail = refusal(create_network, tmp_path)
    assert (reason, detail) == (
        Reason.NOT_UNIQUE,
        f"{tmp_path} exists and is not empty; choose another or remove it",
    )
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    assert refusal(create_network, tmp_path / "thesis.txt")[0] is Reason.NOT_UNIQUE
    assert create_network(tmp_path / "empty" / "deeper").directory.exists()


@pytest.mark.parametrize("validators", [0, -1, 129])
def test_impossible_sizes_are_refused(tmp_path, validators):
    """A network has 1 to 128 validators."""
    assert refusal(create_network, tmp_path / "net", validators=validators)[0] is Reason.OUT_OF_RANGE
    assert not (tmp_path / "net").exists()


def test_impossible_ports_are_refused(tmp_path):
    """All ports of a network fit below 65536, the last one too."""
    assert refusal(create_network, tmp_path / "net", port_base=65_529) == (
        Reason.OUT_OF_RANGE,
        "no 8 ports from 65529 on",
    )
    assert create_network(tmp_path / "net", port_base=65_528).nodes[3].api == "127.0.0.1:65535"


def test_nothing_half_made_is_left(tmp_path, monkeypatch):
    """A failure in the middle, whatever it is, removes what was written."""
    assert refusal(create_network, tmp_path / "net", chain_name="No Name")[0] is Reason.MALFORMED
    assert not (tmp_path / "net").exists()

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_write_private", fail)
    with pytest.raises(KeyboardInterrupt):
        create_network(tmp_path / "net")
    assert not (tmp_path / "net").exists()


def test_what_is_no_network_is_refused(tmp_path):
    """Loading says what is missing or damaged."""
    assert refusal(load_network, tmp_path / "absent")[0] is Reason.NOT_FOUND
    (tmp_path / "network.json").write_text("{")
    assert refusal(load_network, tmp_path)[0] is Reason.MALFORMED
    for document in ([{"name": "n"}], [5], {"a": 1}, 5):
        (tmp_path / "network.json").write_text(json.dumps(document))
        assert refusal(load_network, tmp_path)[0] is Reason.MALFORMED


def test_nodes_are_found_by_name_and_number(tmp_path):
    """A node is selected by either; anything else is answered with the list."""
    files = create_network(tmp_path / "net", validators=2)
    assert files.node("1") == files.node("node1") == files.nodes[1]
    assert files.nodes[0].url == f"http://{files.nodes[0].api}"
    assert refusal(files.node, "2") == (
        Reason.NOT_FOUND,
        "no node '2' in this network; there are 0 (node0), 1 (node1)",
    )


def test_places_of_files(tmp_path):
    """Every node has its own directory."""
    files = NetworkFiles(tmp_path, ())
    assert files.config_path("n") == tmp_path / "n" / "node.toml"
    assert files.log_path("n") == tmp_path / "n" / "node.log"
