"""The files of a new network: genesis, keys, certificates and one configuration per validator.

DIR/genesis.json            what all nodes share
DIR/network.json            addresses, for the tools that drive the network
DIR/<node>/node.toml        configuration
DIR/<node>/keys/            the validator's key (empty passphrase: a test network)
DIR/<node>/tls/             certificate, private key, authority
DIR/<node>/data/            made by the node
DIR/client/                 a key for transactions
"""

from __future__ import annotations

import json
import shutil
import socket
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from hanchain.crypto import Suite, default_suite
from hanchain.crypto.certificates import create_authority, der_of, issue_node_certificate, public_key_of
from hanchain.crypto.keystore import Cost, KeyStore
from hanchain.ledger.genesis import Genesis, Organisation, Validator, parse_genesis
from hanchain.ledger.parameters import Parameters
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node.config import ApiSection, Config, LogSection, NodeSection, P2pSection, parse_address, render

HOST = "127.0.0.1"
CERTIFICATE_DAYS = 825
# The keys of a test network lie open beside their data: a dear passphrase guess would only slow every start.
TEST_COST = Cost(memory_kib=64, iterations=1)
NETWORK_FILE = "network.json"
CLIENT_KEY = "client"


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Where a node of the network is found."""

    name: str
    p2p: str
    api: str

    @property
    def url(self) -> str:
        """The base URL of its API."""
        return f"http://{self.api}"


@dataclass(frozen=True, slots=True)
class NetworkFiles:
    """A network's directory."""

    directory: Path
    nodes: tuple[NodeAddress, ...]

    @property
    def genesis_path(self) -> Path:
        """The genesis file."""
        return self.directory / "genesis.json"

    def genesis(self) -> Genesis:
        """Return the genesis."""
        return parse_genesis(self.genesis_path.read_bytes())

    def config_path(self, name: str) -> Path:
        """Return the configuration file of a node."""
        return self.directory / name / "node.toml"

    def log_path(self, name: str) -> Path:
        """Return the log file of a node started by ``testnet up``."""
        return self.directory / name / "node.log"

    def client_keys(self) -> KeyStore:
        """Return the key store with the client's key."""
        return KeyStore(self.directory / "client", cost=TEST_COST)

    def node(self, selector: str) -> NodeAddress:
        """Return a node by its name or number; raise Rejection for neither."""
        for index, node in enumerate(self.nodes):
            if selector in {node.name, str(index)}:
                return node
        known = ", ".join(f"{i} ({n.name})" for i, n in enumerate(self.nodes))
        raise Rejection(Reason.NOT_FOUND, f"no node {selector!r} in this network; there are {known}")


def create_network(
    directory: Path,
    *,
    validators: int = 4,
    chain_name: str = "hanchain-testnet",
    parameters: Parameters | None = None,
    port_base: int = 0,
    log_level: str = "info",
    suite: Suite | None = None,
) -> NetworkFiles:
    """Write the files of a network into a new or empty directory; raise Rejection when it is not.

    With ``port_base`` the nodes take consecutive ports from there, first p2p, then API; otherwise free ones.
    """
    if not 1 <= validators <= 128:
        raise Rejection(Reason.OUT_OF_RANGE, f"{validators} validators; 1..128 are possible")
    if not 0 <= port_base <= 65_536 - 2 * validators:
        raise Rejection(Reason.OUT_OF_RANGE, f"no {2 * validators} ports from {port_base} on")
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise Rejection(Reason.NOT_UNIQUE, f"{directory} exists and is not empty; choose another or remove it")
    directory.mkdir(parents=True, exist_ok=True)
    try:
        return _create(
            directory,
            validators,
            chain_name,
            parameters or Parameters(),
            port_base,
            log_level,
            default_suite() if suite is None else suite,
        )
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)  # a half-made network is worth nothing
        raise


def _create(
    directory: Path,
    validators: int,
    chain_name: str,
    parameters: Parameters,
    port_base: int,
    log_level: str,
    suite: Suite,
) -> NetworkFiles:
    now = datetime.now(UTC)
    ports = list(range(port_base, port_base + 2 * validators)) if port_base else free_ports(2 * validators)
    nodes = tuple(
        NodeAddress(f"node{i}", f"{HOST}:{ports[i]}", f"{HOST}:{ports[validators + i]}") for i in range(validators)
    )
    authority = create_authority(f"{chain_name} authority", now=now, days=CERTIFICATE_DAYS)
    members = []
    for node in nodes:
        home = directory / node.name
        key = KeyStore(home / "keys", cost=TEST_COST).new("validator", "", suite, allow_empty_passphrase=True)
        issued = issue_node_certificate(authority, node.name, ["localhost", HOST], now=now, days=CERTIFICATE_DAYS)
        tls = home / "tls"
        tls.mkdir(parents=True)
        (tls / "node.pem").write_bytes(issued.certificate_pem)
        (tls / "authority.pem").write_bytes(authority.certificate_pem)
        _write_private(tls / "node-key.pem", issued.private_key_pem)
        node_key = public_key_of(der_of(issued.certificate_pem))
        members.append(Validator(node.name, "hanchain", key.public_key, node_key, node.p2p))
        config = Config(
            directory=home,
            node=NodeSection(name=node.name, genesis="../genesis.json"),
            p2p=P2pSection(listen=node.p2p),
            api=ApiSection(listen=node.api),
            log=LogSection(level=log_level),
        )
        (home / "node.toml").write_text(render(config))
    genesis = Genesis(
        chain_name=chain_name,
        suite=suite,
        time_ms=int(now.timestamp() * 1000),
        organisations=(Organisation("hanchain", authority.certificate_pem.decode()),),
        validators=tuple(members),
        parameters=parameters,
    )
    files = NetworkFiles(directory, nodes)
    files.genesis_path.write_text(genesis.to_json())
    files.client_keys().new(CLIENT_KEY, "", suite, allow_empty_passphrase=True)
    (directory / NETWORK_FILE).write_text(json.dumps([asdict(n) for n in nodes], indent=2) + "\n")
    return files


def load_network(directory: Path) -> NetworkFiles:
    """Return the network in a directory; raise Rejection when there is none."""
    try:
        document = json.loads((directory / NETWORK_FILE).read_text())
        nodes = tuple(NodeAddress(str(n["name"]), str(n["p2p"]), str(n["api"])) for n in document)
        for node in nodes:
            parse_address(node.p2p, f"p2p address of {node.name}")
            parse_address(node.api, f"API address of {node.name}")
    except OSError as error:
        raise Rejection(
            Reason.NOT_FOUND, f"{directory} holds no network: {error.strerror}; make one with init"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise Rejection(Reason.MALFORMED, f"{directory / NETWORK_FILE}: {error}") from error
    if not nodes:
        raise Rejection(Reason.MALFORMED, f"{directory / NETWORK_FILE}: no nodes")
    return NetworkFiles(directory, nodes)


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback address that nobody listens on now; held together while choosing, so all differ."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _write_private(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)
