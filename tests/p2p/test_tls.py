"""TLS without sockets: two ends talk, and each failure is said in words on both sides."""

from __future__ import annotations

import ssl

import pytest

from p2p.tls import TlsError, TlsFiles, TlsPipe, TlsReason, make_context

UNKNOWN = "certificate signed by an unknown authority"


def run(client: TlsPipe, server: TlsPipe) -> tuple[TlsError | None, TlsError | None]:
    """Carry bytes both ways until nothing moves; return each side's failure."""
    failures: list[TlsError | None] = [None, None]
    ends = [client, server]
    moved = True
    while moved:
        moved = False
        for index, other in ((0, 1), (1, 0)):
            data = ends[index].outgoing()
            if data and failures[other] is None:
                moved = True
                try:
                    ends[other].receive(data)
                except TlsError as error:
                    failures[other] = error
    return failures[0], failures[1]


def pipes(client: TlsFiles, server: TlsFiles) -> tuple[TlsPipe, TlsPipe]:
    """Return both ends of a link."""
    return (
        TlsPipe(make_context(client, server_side=False), server_side=False),
        TlsPipe(make_context(server, server_side=True), server_side=True),
    )


def told(failure: TlsError | None) -> tuple[str, str] | None:
    """Return a failure as plain values."""
    return None if failure is None else (failure.reason.value, failure.detail)


def test_two_ends_show_their_certificates_and_talk(authority):
    """Both sides see the other's certificate, plaintext arrives in order, and the version is TLS 1.3."""
    files_a, files_b = authority.issue("a"), authority.issue("b")
    client, server = pipes(files_a, files_b)
    assert run(client, server) == (None, None)
    assert (client.established, server.established) == (True, True)
    assert client.peer_certificate_der == ssl.PEM_cert_to_DER_cert(files_b.certificate_pem.decode())
    assert server.peer_certificate_der == ssl.PEM_cert_to_DER_cert(files_a.certificate_pem.decode())
    client.write(b"x" * 40_000)
    client.write(b"end")
    data = client.outgoing()
    assert b"xxxx" not in data
    assert b"".join(server.receive(data[:1000]) + server.receive(data[1000:])) == b"x" * 40_000 + b"end"
    assert client._ssl.version() == "TLSv1.3"


def test_files_may_be_paths(authority, tmp_path):
    """Files on disk work like bytes, and nothing is left behind."""
    files = authority.issue("a")
    for name, pem in (("c", files.certificate_pem), ("k", files.private_key_pem), ("a", files.authority_pem)):
        (tmp_path / name).write_bytes(pem)
    client, server = pipes(TlsFiles(tmp_path / "c", tmp_path / "k", tmp_path / "a"), authority.issue("b"))
    assert run(client, server) == (None, None)
    with pytest.raises(OSError):
        make_context(TlsFiles(tmp_path / "c", tmp_path / "missing", tmp_path / "a"), server_side=True)


def test_wrong_authority_of_the_dialling_side(authority):
    """The listener names the unknown authority and the dialler learns that it was refused for it."""
    stranger = type(authority)("elsewhere").issue("a", trusts=authority)
    client, server = pipes(stranger, authority.issue("b"))
    failures = run(client, server)
    assert told(failures[0]) == ("certificate_refused_by_peer", f"peer refused ours: {UNKNOWN}")
    assert told(failures[1]) == ("unknown_authority", UNKNOWN)


def test_wrong_authority_of_the_listening_side(authority):
    """The dialler names the unknown authority and the listener learns that it was refused for it."""
    stranger = type(authority)("elsewhere").issue("b", trusts=authority)
    client, server = pipes(authority.issue("a"), stranger)
    failures = run(client, server)
    assert told(failures[0]) == ("unknown_authority", UNKNOWN)
    assert told(failures[1]) == ("certificate_refused_by_peer", f"peer refused ours: {UNKNOWN}")


@pytest.mark.parametrize("expired_side", [0, 1])
def test_expired_certificate_is_named_on_both_sides(authority, expired_side):
    """Whichever side's certificate expired, both logs can say so."""
    fresh, old = authority.issue("fresh"), authority.issue("old", first_day=-3, last_day=-1)
    client, server = pipes(old, fresh) if expired_side == 0 else pipes(fresh, old)
    failures = run(client, server)
    assert told(failures[expired_side]) == ("certificate_refused_by_peer", "peer refused ours: certificate expired")
    assert told(failures[1 - expired_side]) == ("certificate_expired", "certificate expired")


def test_a_certificate_of_the_future_is_named(authority):
    """A certificate that is not valid yet is told from an expired one."""
    client, server = pipes(authority.issue("a", first_day=1, last_day=2), authority.issue("b"))
    assert told(run(client, server)[1]) == ("certificate_not_yet_valid", "certificate not yet valid")


def test_no_certificate_and_old_versions_are_named(authority):
    """A TLS client without certificate, or without TLS 1.3, is refused in words."""
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bare.check_hostname = False
    bare.verify_mode = ssl.CERT_NONE
    server_context = make_context(authority.issue("b"), server_side=True)
    client = TlsPipe(bare, server_side=False)
    failures = run(client, TlsPipe(server_context, server_side=True))
    assert (told(failures[0]), told(failures[1])) == (
        ("certificate_refused_by_peer", "peer asks for a certificate"),
        ("no_certificate", "peer sent no certificate"),
    )
    bare.maximum_version = ssl.TLSVersion.TLSv1_2
    failures = run(TlsPipe(bare, server_side=False), TlsPipe(server_context, server_side=True))
    assert told(failures[1]) == ("no_common_version", "peer does not speak TLS 1.3")


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x00", b"\x16\x99", b"SSH-2.0", bytes(100)])
def test_plain_bytes_are_not_tls(contexts, data):
    """The first bytes of anything else are recognised, and nothing is answered."""
    server = TlsPipe(contexts[1], server_side=True)
    with pytest.raises(TlsError) as error:
        server.receive(data)
    assert told(error.value) == ("not_tls", "not TLS (plain bytes on the port)")
    assert server.outgoing() == b""


def test_a_damaged_record_ends_the_link(contexts):
    """One flipped bit on the wire is noticed and nothing of the record is delivered."""
    client, server = TlsPipe(contexts[0], server_side=False), TlsPipe(contexts[1], server_side=True)
    run(client, server)
    client.write(b"vote")
    damaged = bytearray(client.outgoing())
    damaged[-1] ^= 1
    with pytest.raises(TlsError) as error:
        server.receive(bytes(damaged))
    assert error.value.reason is TlsReason.BROKEN


def test_the_end_of_input_during_the_handshake_is_named(contexts):
    """A peer that closes before TLS is up is reported; afterwards it is an ordinary end."""
    client, server = TlsPipe(contexts[0], server_side=False), TlsPipe(contexts[1], server_side=True)
    assert told(server.end_of_input()) == ("closed_in_handshake", "peer closed during handshake")
    run(client, server)
    assert server.end_of_input() is None


def test_links_are_never_resumed(contexts):
    """No session ticket is given out, so that each link shows its certificate."""
    client, server = TlsPipe(contexts[0], server_side=False), TlsPipe(contexts[1], server_side=True)
    run(client, server)
    server.write(b"x")
    client.receive(server.outgoing())
    assert not client._ssl.session.has_ticket
