"""The handshake without sockets: who is admitted, what is refused in which words, which of two links stays."""

from __future__ import annotations

import pytest

from p2p import codec, limits
from p2p.handshake import (
    MAGIC,
    PROTOCOL_VERSION,
    Admitted,
    Control,
    Handshake,
    HandshakeError,
    HandshakeReason,
    LinkIdentity,
    Refused,
    Terms,
    read_refusal,
    refusal,
    supersedes,
)

NONCE_A, NONCE_B = b"a" * limits.NONCE_BYTES, b"b" * limits.NONCE_BYTES


def judge(peer_certificate_der: bytes, hello: bytes) -> Admitted | Refused:
    """Admit whoever says b"chain", under the name in place of its certificate."""
    return Admitted(peer_certificate_der.decode()) if hello == b"chain" else Refused("wrong_chain", "genesis differs")


def side(
    *, peer: str, nonce: bytes, number: int = 1, hello: bytes = b"chain", expected: str | None = None
) -> Handshake:
    """Return one side of a handshake with ``peer``."""
    return Handshake(
        terms=Terms(hello=hello, nonce=nonce),
        number=number,
        peer_certificate_der=peer.encode(),
        judge=judge,
        expected=expected,
    )


def hello_of(*fields: object) -> bytes:
    """Return a HELLO with other fields."""
    return codec.encode(list(fields))


def refused(payload: bytes, kind: int = Control.HELLO, **options: object) -> tuple[HandshakeReason, str]:
    """Return why a first frame is refused."""
    with pytest.raises(HandshakeError) as error:
        side(peer="b", nonce=NONCE_A, **options).receive(kind, payload)
    return error.value.reason, error.value.detail


def test_both_sides_are_established_by_hello_and_ready():
    """HELLO is answered by READY, and only READY sent and received makes a link."""
    a, b = side(peer="b", nonce=NONCE_A, number=3, expected="b"), side(peer="a", nonce=NONCE_B, number=8)
    assert b.receive(*a.opening()) == (Control.READY, b"")
    assert (b.established, a.established) == (False, False)
    assert a.receive(*b.opening()) == (Control.READY, b"")
    assert a.receive(Control.READY, b"") is None
    assert (b.established, a.established) == (False, True)
    assert b.receive(Control.READY, b"") is None
    assert (a.identity, b.identity) == (LinkIdentity("b", NONCE_B, 3, 8), LinkIdentity("a", NONCE_A, 8, 3))


def test_a_refusal_says_why_in_words_on_both_sides():
    """The admission's own words reach the refused side through REFUSE."""
    a, b = side(peer="b", nonce=NONCE_A, hello=b"other"), side(peer="a", nonce=NONCE_B)
    with pytest.raises(HandshakeError) as at_b:
        b.receive(*a.opening())
    assert (at_b.value.reason, at_b.value.detail) == (HandshakeReason.NOT_ADMITTED, "wrong_chain: genesis differs")
    with pytest.raises(HandshakeError) as at_a:
        a.receive(Control.REFUSE, refusal(at_b.value))
    assert at_a.value.reason is HandshakeReason.REFUSED_BY_PEER
    assert at_a.value.detail == "not_admitted: wrong_chain: genesis differs"


def test_protocol_and_version_are_judged_before_the_rest():
    """A HELLO of another protocol or version is refused by name even if its other fields mean nothing to us."""
    assert refused(hello_of("bitcoin", 1, None)) == (
        HandshakeReason.WRONG_PROTOCOL,
        "peer speaks 'bitcoin', this node 'hanchain'",
    )
    assert refused(hello_of(MAGIC, 2, [], [], [], 7)) == (
        HandshakeReason.WRONG_VERSION,
        f"peer has protocol version 2, this node {PROTOCOL_VERSION}",
    )


def test_an_address_that_is_our_own_or_another_peers():
    """Meeting oneself or somebody else than the peer dialled is refused in words."""
    assert refused(hello_of(MAGIC, 1, b"chain", NONCE_A, 1)) == (
        HandshakeReason.CONNECTED_TO_SELF,
        "this address is our own",
    )
    assert refused(hello_of(MAGIC, 1, b"chain", NONCE_B, 1), expected="c") == (
        HandshakeReason.UNEXPECTED_PEER,
        "dialled c, found b",
    )


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        hello_of(),
        hello_of(MAGIC),
        hello_of(MAGIC, True, b"chain", NONCE_B, 1),
        hello_of(MAGIC, 1, "chain", NONCE_B, 1),
        hello_of(MAGIC, 1, b"chain", NONCE_B[:-1], 1),
        hello_of(MAGIC, 1, b"chain", NONCE_B, 0),
        hello_of(MAGIC, 1, b"chain", NONCE_B, True),
        hello_of(MAGIC, 1, b"chain", NONCE_B, 2**63),
        hello_of(MAGIC, 1, b"chain", NONCE_B, 1, 1),
        hello_of(MAGIC, 1, bytes(limits.HELLO_BYTES_MAX + 1), NONCE_B, 1),
        hello_of(MAGIC, 1, b"chain", NONCE_B, 1) + b"\x00",
    ],
)
def test_a_malformed_hello_is_refused(payload):
    """Each wrong field, length or encoding of HELLO is refused as malformed."""
    assert refused(payload)[0] is HandshakeReason.MALFORMED


def test_frames_out_of_order_are_refused():
    """READY before HELLO, a second HELLO, and pings before READY are refused."""
    for kind in (Control.READY, Control.PING, Control.PONG, Control.GOODBYE, 0, 99):
        assert refused(b"", kind)[0] is HandshakeReason.OUT_OF_ORDER
    a = side(peer="b", nonce=NONCE_A)
    opening = side(peer="a", nonce=NONCE_B).opening()
    a.receive(*opening)
    with pytest.raises(HandshakeError) as error:
        a.receive(*opening)
    assert error.value.reason is HandshakeReason.OUT_OF_ORDER


def test_a_peers_words_cannot_forge_log_lines():
    """Control characters of a refusal are replaced and its length is bounded before anybody logs it."""
    words = read_refusal(codec.encode(["bad\nreason", "line\r\nlink up peer=x" + "y" * 10_000]))
    assert words.startswith("bad?reason: line??link up peer=x")
    assert len(words) <= limits.REASON_CHARS_MAX + limits.DETAIL_CHARS_MAX + 2
    assert words.isprintable()
    for junk in (b"", codec.encode(["one"]), codec.encode(["one", b"two"]), codec.encode("one")):
        with pytest.raises(HandshakeError):
            read_refusal(junk)


def test_the_process_with_the_larger_nonce_chooses_its_later_link():
    """Both sides keep the same one of two links, whichever they established first."""
    # b has the larger nonce; its links to a are numbers 5 (accepted) and 6 (dialled).
    accepted_at_b, dialled_at_b = LinkIdentity("a", NONCE_A, 5, 9), LinkIdentity("a", NONCE_A, 6, 2)
    dialled_at_a, accepted_at_a = LinkIdentity("b", NONCE_B, 9, 5), LinkIdentity("b", NONCE_B, 2, 6)
    assert supersedes(dialled_at_b, accepted_at_b, NONCE_B)
    assert not supersedes(accepted_at_b, dialled_at_b, NONCE_B)
    assert supersedes(accepted_at_a, dialled_at_a, NONCE_A)
    assert not supersedes(dialled_at_a, accepted_at_a, NONCE_A)


def test_a_restarted_peer_replaces_its_former_life():
    """A link with a new nonce is kept even if its numbers are lower."""
    old, new = LinkIdentity("b", NONCE_B, 9, 9), LinkIdentity("b", b"c" * 16, 10, 1)
    assert supersedes(new, old, NONCE_A)
