"""Certificates made on the spot, networks that record what they hear, and pairs of links without sockets."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from p2p.channels import Channel
from p2p.handshake import Admitted, Refused
from p2p.limits import Timing
from p2p.network import Network
from p2p.tls import TlsFiles, make_context

FAST = Timing(
    connect_timeout_ms=1_000,
    handshake_timeout_ms=600,
    ping_after_ms=150,
    idle_timeout_ms=700,
    stall_timeout_ms=1_000,
    close_timeout_ms=1_000,
    backoff_base_ms=20,
    backoff_cap_ms=200,
    stable_ms=300,
    tick_ms=20,
)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """A certificate authority that signs node certificates."""

    def __init__(self, name: str) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.name = _name(name)
        self.pem = self._sign(self.name, self.key, 0, 10, ca=True)

    def _sign(self, subject: x509.Name, key: Ed25519PrivateKey, first_day: int, last_day: int, *, ca: bool) -> bytes:
        now = dt.datetime.now(dt.UTC)
        day = dt.timedelta(days=1)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + first_day * day - dt.timedelta(minutes=5))
            .not_valid_after(now + last_day * day)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(self.key, None)
        )
        return certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str, *, first_day: int = 0, last_day: int = 1, trusts: Authority | None = None) -> TlsFiles:
        """Return the TLS files of a node called ``name``."""
        key = Ed25519PrivateKey.generate()
        return TlsFiles(
            certificate_pem=self._sign(_name(name), key, first_day, last_day, ca=False),
            private_key_pem=key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
            authority_pem=(trusts or self).pem,
        )


def admit(peer_certificate_der: bytes, hello: bytes) -> Admitted | Refused:
    """Admit whoever says b"chain", under the common name of its certificate."""
    if hello != b"chain":
        return Refused("wrong_chain", f"peer is on {hello!r}, this node on b'chain'")
    certificate = x509.load_der_x509_certificate(peer_certificate_der)
    return Admitted(str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value))


@dataclass
class Recorder:
    """A handler that keeps what it is told."""

    messages: list[tuple[str, Channel, int, bytes]] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)

    def on_message(self, peer_id: str, channel: Channel, kind: int, payload: bytes) -> None:
        self.messages.append((peer_id, channel, kind, payload))

    def on_connected(self, peer_id: str) -> None:
        self.changes.append(f"+{peer_id}")

    def on_disconnected(self, peer_id: str, reason: str) -> None:
        self.changes.append(f"-{peer_id} {reason}")


@dataclass
class Node:
    """A started network and its recorder."""

    name: str
    network: Network
    heard: Recorder

    def dial(self, other: Node) -> None:
        """Keep a link to ``other``."""
        host, port = other.network.address
        self.network.dial(other.name, host, port)


class World:
    """Starts networks and closes them all at the end."""

    def __init__(self) -> None:
        self.authority = Authority("authority")
        self.nodes: list[Node] = []

    async def node(
        self,
        name: str,
        *,
        tls: TlsFiles | None = None,
        hello: bytes = b"chain",
        timing: Timing = FAST,
        port: int = 0,
        handler: Recorder | None = None,
    ) -> Node:
        """Start a network on loopback."""
        recorder = handler or Recorder()
        network = Network(
            node_name=name,
            tls=tls or self.authority.issue(name),
            listen=("127.0.0.1", port),
            hello=hello,
            admission=admit,
            handler=recorder,
            seed=1,
            timing=timing,
        )
        await network.start()
        node = Node(name, network, recorder)
        self.nodes.append(node)
        return node

    async def pair(self) -> tuple[Node, Node]:
        """Start a and b, connected by a's dial."""
        a, b = await self.node("a"), await self.node("b")
        a.dial(b)
        await until(lambda: a.heard.changes == ["+b"] and b.heard.changes == ["+a"])
        return a, b

    async def close(self) -> None:
        """Close what still runs."""
        for node in self.nodes:
            await node.network.close()


async def until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    """Wait until ``condition`` holds; fail if it does not in time."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the tested code has no event for this
            await asyncio.sleep(0.005)


@pytest.fixture
def wait_until() -> Callable[..., object]:
    """Return ``until``."""
    return until


@pytest.fixture
def authority() -> Authority:
    """Return a certificate authority; its class makes others."""
    return Authority("authority")


@pytest.fixture
def contexts(authority: Authority) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the contexts of a dialling node a and a listening node b."""
    return (
        make_context(authority.issue("a"), server_side=False),
        make_context(authority.issue("b"), server_side=True),
    )


@pytest.fixture
def admission() -> Callable[[bytes, bytes], Admitted | Refused]:
    """Return an admission that reads the common name and wants b"chain"."""
    return admit


@pytest.fixture
def fast() -> Timing:
    """Return times short enough for a test."""
    return FAST


@pytest.fixture
async def world(caplog: pytest.LogCaptureFixture) -> AsyncIterator[World]:
    """Start networks in a test; at its end nothing may be left and asyncio may not have complained."""
    caplog.set_level(logging.INFO, logger="hanchain.p2p")
    caplog.set_level(logging.WARNING, logger="asyncio")
    loop = asyncio.get_running_loop()
    complaints: list[object] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    the_world = World()
    yield the_world
    await the_world.close()
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert complaints == []
    assert [record for record in caplog.records if record.name == "asyncio"] == []
