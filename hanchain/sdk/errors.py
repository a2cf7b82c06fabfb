"""What can go wrong for a client, by whose affair it is."""

from __future__ import annotations

from collections.abc import Sequence

from hanchain.ledger.bundles import TransactionBundle
from hanchain.ledger.proof import Step
from hanchain.ledger.receipt import Receipt


class ClientError(Exception):
    """Any error of this library."""


class BadAddress(ClientError, ValueError):
    """What was given as the address of a node is none."""


class RpcError(ClientError):
    """A node refused, finally. ``reason`` equals a ``hanchain.ledger.reasons.Reason`` or is a contract's code."""

    def __init__(self, reason: str, message: str, detail: str, *, code: int = 0, retried: bool = False) -> None:
        super().__init__(f"{reason}: {detail or message}")
        self.reason = reason
        self.message = message
        self.detail = detail
        self.code = code  # JSON-RPC error code, 0 for an item of a binary batch
        self.retried = retried  # an earlier attempt, of unknown fate, came before this answer


class TransactionFailed(RpcError):
    """A transaction was sealed and failed, and changed nothing; ``proof`` shows so, if the client has a genesis."""

    def __init__(self, receipt: Receipt, proof: TransactionBundle | None) -> None:
        super().__init__(receipt.reason, "the transaction failed", receipt.message)
        self.receipt = receipt
        self.proof = proof


class Unreachable(ClientError):
    """No node answered; ``attempts`` has (address, what happened) in order. Whether a node acted is unknown."""

    def __init__(self, attempts: Sequence[tuple[str, str]]) -> None:
        super().__init__("no node answered: " + "; ".join(f"{url}: {what}" for url, what in attempts))
        self.attempts = tuple(attempts)


class BadAnswer(ClientError):
    """A node answered something that is no answer: another program, another version, or a liar."""

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(f"{url}: {detail}")
        self.url = url
        self.detail = detail


class Unverified(ClientError):
    """An answer does not follow from the genesis; ``steps`` are those of the proof, the last one failed."""

    def __init__(self, detail: str, steps: Sequence[Step] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.steps = tuple(steps)
