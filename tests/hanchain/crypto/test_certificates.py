"""Certificates hold up in a real TLS handshake under strict verification."""

import contextlib
import ssl
from datetime import UTC, datetime, timedelta

import pytest

from hanchain.crypto import CryptoReason, CryptoRejection
from hanchain.crypto.certificates import (
    create_authority,
    der_of,
    describe,
    expires_ms,
    issue_node_certificate,
    pem_of,
    public_key_of,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
AUTHORITY = create_authority("Wuhan Notary", now=NOW, days=3650, seed=b"authority")
NODE = issue_node_certificate(AUTHORITY, "node-1", ["127.0.0.1", "localhost"], now=NOW, days=365, seed=b"node")


def _reason_of(call):
    with pytest.raises(CryptoRejection) as refusal:
        call()
    return refusal.value.reason


def _handshake(tmp_path, server, client, authority, name):
    """Run a TLS 1.3 handshake in memory; return both peers' certificates (DER) as the other side sees them."""

    def context(purpose, issued, side):
        made = ssl.SSLContext(purpose)
        made.minimum_version = ssl.TLSVersion.TLSv1_3
        made.verify_flags |= ssl.VERIFY_X509_STRICT
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(cadata=authority.certificate_pem.decode())
        certificate, key = tmp_path / f"{side}.pem", tmp_path / f"{side}.key"
        certificate.write_bytes(issued.certificate_pem)
        key.write_bytes(issued.private_key_pem)
        made.load_cert_chain(certificate, key)
        return made

    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    dialling = context(ssl.PROTOCOL_TLS_CLIENT, client, "client").wrap_bio(to_client, to_server, server_hostname=name)
    listening = context(ssl.PROTOCOL_TLS_SERVER, server, "server").wrap_bio(to_server, to_client, server_side=True)
    for _ in range(6):
        for side in (dialling, listening):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return dialling.getpeercert(binary_form=True), listening.getpeercert(binary_form=True)


@pytest.mark.parametrize("name", ["node-1", "localhost", "127.0.0.1"])
def test_strict_mutual_tls(tmp_path, name):
    """Two nodes of one authority authenticate each other by every name, with VERIFY_X509_STRICT."""
    now = datetime.now(tz=UTC)
    authority = create_authority("Authority", now=now, days=30)
    server = issue_node_certificate(authority, "node-1", ["127.0.0.1", "localhost"], now=now, days=30)
    client = issue_node_certificate(authority, "node-2", [], now=now, days=30)
    seen = _handshake(tmp_path, server, client, authority, name)
    assert seen == (der_of(server.certificate_pem), der_of(client.certificate_pem))


def test_tls_refuses_another_name_authority_and_date(tmp_path):
    """A name that is not in the certificate, another authority and an expired certificate fail the handshake."""
    now = datetime.now(tz=UTC)
    authority, other = (create_authority(name, now=now, days=30) for name in ("A", "B"))
    good = issue_node_certificate(authority, "node-1", [], now=now, days=30)
    foreign = issue_node_certificate(other, "node-1", [], now=now, days=30)
    expired = issue_node_certificate(authority, "node-1", [], now=now - timedelta(days=3), days=1)
    for server, name in ((good, "node-9"), (foreign, "node-1"), (expired, "node-1")):
        with pytest.raises(ssl.SSLCertVerificationError):
            _handshake(tmp_path, server, good, authority, name)


def test_descriptions_say_what_was_asked_for():
    """Names, times and roles come back from the certificate."""
    info = describe(der_of(NODE.certificate_pem))
    begin = int((NOW - timedelta(hours=1)).timestamp()) * 1000
    assert (info.subject, info.issuer) == ("CN=node-1", "CN=Wuhan Notary")
    assert info.names == ("node-1", "localhost", "127.0.0.1")
    assert (info.not_before_ms, info.not_after_ms) == (begin, begin + 365 * 86_400_000)
    assert info.is_authority is False
    assert info.public_key == public_key_of(der_of(NODE.certificate_pem))
    assert expires_ms(der_of(NODE.certificate_pem)) == info.not_after_ms
    assert describe(der_of(AUTHORITY.certificate_pem)).is_authority is True


def test_seeds_determine_every_byte():
    """With seeds a test network's certificates are reproducible, and differ by node and by seed."""
    again = issue_node_certificate(AUTHORITY, "node-1", ["127.0.0.1", "localhost"], now=NOW, days=365, seed=b"node")
    assert again == NODE
    assert create_authority("Wuhan Notary", now=NOW, days=3650, seed=b"authority") == AUTHORITY
    others = {
        public_key_of(der_of(issue_node_certificate(AUTHORITY, name, [], now=NOW, days=9, seed=seed).certificate_pem))
        for name in ("node-1", "node-2")
        for seed in (b"1", b"2", None, None)
    }
    assert len(others) == 8


def test_pem_and_der():
    """PEM and DER are two forms of one certificate, and the private key stays out of repr."""
    der = der_of(NODE.certificate_pem)
    assert pem_of(der) == NODE.certificate_pem
    assert der_of(pem_of(der)) == der
    assert "PRIVATE" not in repr(NODE)


def test_refusals():
    """Issuing by a node, bad names, bad validity, garbage and bundles are refused with their reasons."""
    pem = NODE.certificate_pem

    def issue(authority=AUTHORITY, name="node-1", addresses=(), now=NOW, days=1):
        return lambda: issue_node_certificate(authority, name, list(addresses), now=now, days=days)

    assert _reason_of(issue(authority=NODE)) is CryptoReason.NOT_AN_AUTHORITY
    for address in ("", "-a", "a..b", "a b", "ü.example", "x" * 64, "a." * 127 + "b"):
        assert _reason_of(issue(addresses=[address])) is CryptoReason.BAD_NAME, address
    assert _reason_of(issue(addresses=["host"] * 65)) is CryptoReason.BAD_NAME
    for name in ("", "line\nbreak", "x" * 65):
        assert _reason_of(lambda name=name: create_authority(name, now=NOW, days=1)) is CryptoReason.BAD_NAME
    assert expires_ms(der_of(issue(days=36_500)().certificate_pem)) > expires_ms(der_of(pem))
    for days in (0, -1, 36_501):
        assert _reason_of(issue(days=days)) is CryptoReason.BAD_VALIDITY
    assert _reason_of(issue(now=NOW.replace(tzinfo=None))) is CryptoReason.BAD_VALIDITY
    assert _reason_of(issue(now=NOW.replace(year=9999, month=12, day=31), days=9)) is CryptoReason.BAD_VALIDITY
    for bad in (b"", b"garbage", pem + pem, pem + b"\n" * 16_384):
        assert _reason_of(lambda bad=bad: der_of(bad)) is CryptoReason.MALFORMED_CERTIFICATE
    assert _reason_of(lambda: describe(b"garbage")) is CryptoReason.MALFORMED_CERTIFICATE
    assert _reason_of(lambda: describe(b"x" * 20_000)) is CryptoReason.MALFORMED_CERTIFICATE
    stolen = type(AUTHORITY)(AUTHORITY.certificate_pem, NODE.private_key_pem)
    assert _reason_of(issue(authority=stolen)) is CryptoReason.BAD_KEY


def test_flipped_bits_never_escape():
    """A certificate with any one bit flipped is described as something else or refused; nothing else comes out."""
    der = der_of(NODE.certificate_pem)
    intact, refused = describe(der), 0
    for bit in range(len(der) * 8):
        damaged = bytearray(der)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            assert describe(bytes(damaged)) != intact
        except CryptoRejection:
            refused += 1
    assert 0 < refused < len(der) * 8
