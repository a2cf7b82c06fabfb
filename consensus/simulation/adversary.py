"""A Byzantine validator: the real core in a seat whose every outgoing message may be rewritten.

It keeps its own key and nobody else's, sees what the wrapped replica sees, may send anything to anyone at any time,
and is always first on the network. A behaviour is a pair of small functions; see ``behaviours`` for the stock, and the
README for how to write one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from random import Random
from typing import TypeAlias, TypeVar

from consensus.certificate import SealCert, ValidatorSet
from consensus.codec import Value
from consensus.crypto import Context, Signer
from consensus.fields import Rejection
from consensus.messages import (
    Commit,
    Message,
    NewView,
    Prepare,
    PrePrepare,
    Seal,
    ViewChange,
    decode_message,
    encode_message,
    seal_body,
    vote_body,
)

Signed = TypeVar("Signed", bound="PrePrepare | Prepare | Commit | Seal | ViewChange | NewView")
Letter: TypeAlias = tuple[int, Message | bytes]  # delay in milliseconds, and what is sent
VIEWS_REMEMBERED = 8


@dataclass(slots=True)
class Seat:
    """What a behaviour may use: the wrapped replica's place, its key, its view of the world, and a memory."""

    context: Context
    validators: ValidatorSet
    index: int
    signer: Signer
    random: Random
    window: int
    timeout_ms: int
    proposal_digest: Callable[[int], bytes | None]  # of an executed height
    now_ms: int = 0
    view: int = 0
    stable: int = 0
    certificate: SealCert | None = None
    changes: dict[int, dict[int, ViewChange]] = field(default_factory=dict)  # seen, by view and sender
    memory: dict[object, object] = field(default_factory=dict)

    @property
    def leading(self) -> bool:
        """Whether this validator leads the wrapped replica's view."""
        return self.validators.leader(self.view) == self.index

    def others(self) -> list[int]:
        """Return the indices of all other validators."""
        return [i for i in range(len(self.validators)) if i != self.index]

    def sign(self, message: Signed) -> Signed:
        """Return the message with this validator's signature over what it says."""
        body: list[Value]
        if isinstance(message, PrePrepare):
            body = vote_body(message.view, message.header.height, message.header.digest(self.context))
        elif isinstance(message, Prepare | Commit):
            body = vote_body(message.view, message.height, message.digest)
        elif isinstance(message, Seal):
            body = seal_body(message.height, message.block_hash)
        else:
            body = message.body()
        signing_input = self.context.signing_input(int(message.TYPE), message.epoch, body)
        return replace(message, signature=self.signer.sign(signing_input))

    def note(self, message: Message) -> None:
        """Remember VIEW-CHANGEs, which a lying leader needs."""
        if isinstance(message, ViewChange):
            self.changes.setdefault(message.new_view, {})[message.sender] = message
            while len(self.changes) > VIEWS_REMEMBERED:
                del self.changes[min(self.changes)]


def pass_on(_seat: Seat, _peer: int, message: Message) -> list[Message]:
    """Send what the wrapped replica sends."""
    return [message]


def keep_quiet(_seat: Seat) -> list[tuple[int, Message | bytes]]:
    """Send nothing of one's own accord."""
    return []


def ignore(_seat: Seat, _message: Message) -> list[tuple[int, Message | bytes]]:
    """Send nothing in answer."""
    return []


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What one kind of faulty validator does differently.

    ``outgoing(seat, peer, message)`` gives what is sent instead of a message, ``answer(seat, message)`` what is sent
    because one came, and ``spontaneous(seat)`` is asked 4 times a second; the last two give peers and letters.
    """

    name: str
    outgoing: Callable[[Seat, int, Message], list[Message]] = pass_on
    answer: Callable[[Seat, Message], list[tuple[int, Message | bytes]]] = ignore
    spontaneous: Callable[[Seat], list[tuple[int, Message | bytes]]] = keep_quiet
    delay_ms: Callable[[Seat, Message], int] = lambda _seat, _message: 0


@dataclass(slots=True)
class Adversary:
    """Some behaviours in one seat, each rewriting what the one before it lets through."""

    seat: Seat
    behaviours: tuple[Behaviour, ...]

    def has(self, name: str) -> bool:
        """Whether one of the behaviours is the one of this name."""
        return any(behaviour.name == name for behaviour in self.behaviours)

    def rewrite(self, peer: int, message: Message) -> list[Letter]:
        """Return what leaves to ``peer`` in place of the wrapped replica's message."""
        letters = [message]
        for behaviour in self.behaviours:
            letters = [made for letter in letters for made in behaviour.outgoing(self.seat, peer, letter)]
        return [(max((b.delay_ms(self.seat, x) for b in self.behaviours), default=0), x) for x in letters]

    def overhear(self, data: bytes) -> list[tuple[int, bytes]]:
        """Look at a message that arrived; return peers and bytes sent because of it."""
        try:
            message = decode_message(data, self.seat.context)
        except Rejection:
            return []  # another adversary's garbage
        self.seat.note(message)
        return _encoded(letter for behaviour in self.behaviours for letter in behaviour.answer(self.seat, message))

    def volunteer(self) -> list[tuple[int, bytes]]:
        """Return peers and bytes sent of the adversary's own accord."""
        return _encoded(letter for behaviour in self.behaviours for letter in behaviour.spontaneous(self.seat))


def _encoded(letters: Iterable[tuple[int, Message | bytes]]) -> list[tuple[int, bytes]]:
    return [(peer, x if isinstance(x, bytes) else encode_message(x)) for peer, x in letters]
