"""What the machine asks of the ledger: the only way out of a running contract, and the only way in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contracts.codec import Value
    from contracts.program import Program


@dataclass(frozen=True, slots=True)
class Context:
    """Who signed, in which block. What a called contract sees as its sender is the contract that called it."""

    sender: str  # the account in hexadecimal, lower case; empty in a view
    height: int
    time_ms: int  # since 1970
    tx_id: bytes  # empty in a view
    chain_id: bytes
    organisation: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """What contracts may know of an account."""

    exists: bool
    organisation: str
    roles: tuple[str, ...]
    level: int
    status: str


class Host(Protocol):
    """State, events, other programs and the suite of the network, for one transaction or view.

    Keys are those of one contract; the host puts the contract's name in front. The machine has charged for a call
    before it makes it, wherever the size is known by then.
    """

    def read(self, contract: str, key: bytes, /) -> bytes | None:
        """Return the value stored under ``key``, None if there is none."""

    def write(self, contract: str, key: bytes, value: bytes | None, /) -> None:
        """Store ``value`` under ``key``; None deletes."""

    def scan(
        self, contract: str, prefix: bytes, start: bytes | None, /, *, descending: bool
    ) -> Iterator[tuple[bytes, bytes | None]]:
        """Yield (key, value) of the keys that begin with ``prefix``, in order of their bytes, writes so far included.

        ``start`` begins with ``prefix``: the first key yielded is the nearest at or beyond it in the direction of
        travel. The value is None for a key that was there when the block began and has been deleted in it: passing
        over one is work that has to be charged.
        """

    def emit(self, contract: str, name: str, fields: tuple[Value, ...], /) -> None:
        """Report an event."""

    def program(self, contract: str, /) -> Program | None:
        """Return the program behind a name, None if there is no such contract or it takes no calls."""

    def begin(self) -> None:
        """Open a nested journal: writes and events until ``keep`` or ``undo`` belong to it."""

    def keep(self) -> None:
        """Close the innermost journal; what is in it belongs to the one around."""

    def undo(self) -> None:
        """Close the innermost journal and forget what is in it."""

    def hash(self, data: bytes, /) -> bytes:
        """Return the digest of the network's suite."""

    def account(self, account: str, /) -> Account:
        """Return what is known of an account."""

    def verify(self, account: str, message: bytes, signature: bytes, /) -> bool:
        """Tell whether ``signature`` over ``message`` speaks for ``account`` at this height."""

    def has_blob(self, digest: bytes, /) -> bool:
        """Tell whether ``digest`` is among the transaction's blobs."""
