"""The counters and surroundings of the running transaction: the one object that every translated node holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.codec import make_packer
from contracts.failures import Stop, StopReason

if TYPE_CHECKING:
    from contracts.host import Context, Host

MEMORY_BYTES_MAX: Final = 16 * 1024 * 1024  # charged per transaction; only the frames of calls give theirs back
CALLS_MAX: Final = 64  # calls of functions and contracts on the stack of one transaction, all contracts together


class Runtime:
    """What is left of gas (units) and memory (bytes), and where calls go. One for each machine, set up for each run.

    Nodes of a program subtract from ``gas`` and ``memory`` themselves where that is on the hot path; ``pay`` and
    ``alloc`` are for everything else. Charge first, then work.
    """

    __slots__ = (
        "caller",
        "calls",
        "context",
        "contract",
        "contracts",
        "gas",
        "host",
        "memory",
        "moves",
        "pack",
        "read_only",
        "result",
        "room",
        "sender",
    )

    host: Host
    context: Context
    contract: str  # whose code runs now
    caller: str | None  # the contract that called it, None if a transaction or a view did
    sender: str  # on whose authority: the account of the transaction, or the contract that called

    def __init__(self) -> None:
        self.gas = 0
        self.memory = 0
        self.calls = 0  # how many more may be open
        self.read_only = False
        self.contracts: list[str] = []  # on the stack, the running one last
        self.moves: frozenset[tuple[int, int, int]] | None = None  # (machine, from, to) that may be made, None: all
        self.result: object = None  # of the last ``return`` statement
        self.room = 0  # bytes that the value being encoded may still grow by; set by whoever begins to encode one
        self.pack = make_packer()

    def start(self, host: Host, context: Context, contract: str, gas: int, *, read_only: bool) -> None:
        """Begin a transaction or view, whatever the last one left."""
        self.host = host
        self.context = context
        self.contract = contract
        self.caller = None
        self.sender = context.sender
        self.contracts = [contract]
        self.gas = gas
        self.memory = MEMORY_BYTES_MAX
        self.calls = CALLS_MAX
        self.read_only = read_only
        self.moves = None
        self.result = None

    def finish(self) -> None:
        """Let go of what the transaction held."""
        del self.host, self.context
        self.result = None

    def pay(self, amount: int) -> None:
        """Charge ``amount`` of gas; raise Stop(OUT_OF_GAS)."""
        self.gas -= amount
        if self.gas < 0:
            raise Stop(StopReason.OUT_OF_GAS)

    def alloc(self, size_bytes: int) -> None:
        """Charge memory, and a 64th of it as gas; raise Stop."""
        self.gas -= size_bytes >> 6
        if self.gas < 0:
            raise Stop(StopReason.OUT_OF_GAS)
        self.memory -= size_bytes
        if self.memory < 0:
            raise Stop(StopReason.OUT_OF_MEMORY)
