"""The handshake of two nodes inside an authenticated TLS link, without any IO.

Each side sends HELLO(magic, version, hello, nonce, link number), judges the other's, and answers READY or REFUSE with
the reason in words. A link is established when READY was sent and received, so it is never up on one side only.

Two processes that dial each other at once get two links. The process with the larger nonce chooses for both, and its
later link, by its own link number, wins. A dial by a peer whose old link is dead on its side only is later, too, so
the same rule heals half-open links without waiting for a time-out; nobody dials while it has a link, so the choice
never flaps. A different nonce means that the peer's process restarted: its new link replaces the old one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Final, Protocol, TypeAlias

from p2p import codec, limits
from p2p.rejection import Rejection, printable

MAGIC: Final = "hanchain"
PROTOCOL_VERSION: Final = 1


class Control(int, Enum):
    """Kinds of frames on the control channel."""

    HELLO = 1
    READY = 2
    REFUSE = 3
    PING = 4
    PONG = 5
    GOODBYE = 6


class HandshakeReason(StrEnum):
    """Why a handshake failed."""

    MALFORMED = "handshake_malformed"
    OUT_OF_ORDER = "handshake_out_of_order"
    WRONG_PROTOCOL = "wrong_protocol"
    WRONG_VERSION = "wrong_version"
    CONNECTED_TO_SELF = "connected_to_self"
    NOT_ADMITTED = "not_admitted"
    UNEXPECTED_PEER = "unexpected_peer"
    REFUSED_BY_PEER = "refused_by_peer"


class HandshakeError(Rejection):
    """The handshake failed; the other side is told in the same words unless it was the one who refused."""

    def __init__(self, reason: HandshakeReason, detail: str) -> None:
        super().__init__(reason, detail)


@dataclass(frozen=True, slots=True)
class Admitted:
    """The peer may connect, and is called ``peer_id`` from now on."""

    peer_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The peer may not connect, for a short ``reason`` and a ``detail`` that its operator will read."""

    reason: str
    detail: str


class Admission(Protocol):
    """Judges a peer by its certificate (DER, already verified up to an authority) and its opaque hello bytes."""

    def __call__(self, peer_certificate_der: bytes, hello: bytes) -> Admitted | Refused:
        """Return the verdict; must not block and must not raise on bad input."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What this process says of itself on every link."""

    hello: bytes
    nonce: bytes
    version: int = PROTOCOL_VERSION


@dataclass(frozen=True, slots=True)
class LinkIdentity:
    """Who is at the other end, and the numbers that order two links of the same pair of processes."""

    peer_id: str
    peer_nonce: bytes
    own_number: int
    peer_number: int


Reply: TypeAlias = "tuple[Control, bytes]"


def supersedes(new: LinkIdentity, old: LinkIdentity, own_nonce: bytes) -> bool:
    """Return whether ``new`` replaces ``old``, both links of the same peer; both sides come to the same answer."""
    if new.peer_nonce != old.peer_nonce:
        return True
    if own_nonce > new.peer_nonce:
        return new.own_number > old.own_number
    return new.peer_number > old.peer_number


def refusal(error: Rejection) -> bytes:
    """Return the payload of REFUSE or GOODBYE that tells the peer why."""
    return codec.encode(
        [printable(str(error.reason), limits.REASON_CHARS_MAX), printable(error.detail, limits.DETAIL_CHARS_MAX)]
    )


def read_refusal(payload: bytes) -> str:
    """Return the peer's words, fit for a log line; raise HandshakeError if they are none."""
    match _decode(payload):
        case [str(reason), str(detail)]:
            reason = printable(reason, limits.REASON_CHARS_MAX)
            return f"{reason}: {printable(detail, limits.DETAIL_CHARS_MAX)}" if detail else reason
    raise HandshakeError(HandshakeReason.MALFORMED, "a refusal has two texts")


def _decode(payload: bytes) -> object:
    try:
        return codec.decode(payload, max_bytes=limits.CONTROL_FRAME_BYTES_MAX, max_items=limits.CONTROL_ITEMS_MAX)
    except codec.CodecError as error:
        raise HandshakeError(HandshakeReason.MALFORMED, error.detail) from error


class _State(Enum):
    AWAIT_HELLO = auto()
    AWAIT_READY = auto()
    ESTABLISHED = auto()


class Handshake:
    """One link's handshake: give it the peer's control frames, send what it returns."""

    def __init__(
        self, *, terms: Terms, number: int, peer_certificate_der: bytes, judge: Admission, expected: str | None
    ) -> None:
        self._terms = terms
        self._number = number
        self._certificate = peer_certificate_der
        self._judge = judge
        self._expected = expected
        self._state = _State.AWAIT_HELLO
        self._identity: LinkIdentity | None = None

    @property
    def established(self) -> bool:
        """Return whether READY was sent and received."""
        return self._state is _State.ESTABLISHED

    @property
    def identity(self) -> LinkIdentity | None:
        """Return the peer's identity once it is admitted, before the link is established."""
        return self._identity

    def opening(self) -> Reply:
        """Return our HELLO, to be sent first."""
        terms = self._terms
        return Control.HELLO, codec.encode([MAGIC, terms.version, terms.hello, terms.nonce, self._number])

    def receive(self, kind: int, payload: bytes) -> Reply | None:
        """Take one control frame; return what to send, if anything; raise HandshakeError to refuse."""
        if kind == Control.REFUSE:
            raise HandshakeError(HandshakeReason.REFUSED_BY_PEER, read_refusal(payload))
        if kind == Control.HELLO and self._state is _State.AWAIT_HELLO:
            self._identity = self._read_hello(payload)
            self._state = _State.AWAIT_READY
            return Control.READY, b""
        if kind == Control.READY and self._state is _State.AWAIT_READY:
            if payload:
                raise HandshakeError(HandshakeReason.MALFORMED, "READY carries nothing")
            self._state = _State.ESTABLISHED
            return None
        raise HandshakeError(HandshakeReason.OUT_OF_ORDER, f"control frame {kind} in state {self._state.name}")

    def _read_hello(self, payload: bytes) -> LinkIdentity:
        match _decode(payload):
            # Later versions may say more: magic and version are judged before the rest.
            case [str(magic), int(version), *rest] if not isinstance(version, bool):
                pass
            case _:
                raise HandshakeError(HandshakeReason.MALFORMED, "HELLO does not begin with protocol and version")
        if magic != MAGIC:
            raise HandshakeError(
                HandshakeReason.WRONG_PROTOCOL, f"peer speaks {printable(magic, 32)!r}, this node {MAGIC!r}"
            )
        if version != self._terms.version:
            raise HandshakeError(
                HandshakeReason.WRONG_VERSION, f"peer has protocol version {version}, this node {self._terms.version}"
            )
        match rest:
            case [bytes(hello), bytes(nonce), int(number)] if (
                len(hello) <= limits.HELLO_BYTES_MAX
                and len(nonce) == limits.NONCE_BYTES
                and not isinstance(number, bool)
                and 0 < number <= limits.LINK_NUMBER_MAX
            ):
                pass
            case _:
                raise HandshakeError(HandshakeReason.MALFORMED, "HELLO has a field of the wrong type or size")
        if nonce == self._terms.nonce:
            raise HandshakeError(HandshakeReason.CONNECTED_TO_SELF, "this address is our own")
        return self._admit(hello, nonce, number)

    def _admit(self, hello: bytes, nonce: bytes, number: int) -> LinkIdentity:
        verdict = self._judge(self._certificate, hello)
        if isinstance(verdict, Refused):
            detail = f"{verdict.reason}: {verdict.detail}" if verdict.detail else verdict.reason
            raise HandshakeError(HandshakeReason.NOT_ADMITTED, detail)
        peer_id = verdict.peer_id
        assert 0 < len(peer_id) <= limits.PEER_ID_CHARS_MAX, "admission must name the peer"
        if self._expected is not None and peer_id != self._expected:
            raise HandshakeError(HandshakeReason.UNEXPECTED_PEER, f"dialled {self._expected}, found {peer_id}")
        return LinkIdentity(peer_id=peer_id, peer_nonce=nonce, own_number=self._number, peer_number=number)
