"""How a call ends without a result: what contract, registry or machine say, and execution makes a receipt of."""

from __future__ import annotations

from hanchain.ledger.reasons import Reason


class Revert(Exception):
    """A contract says no: the transaction's writes and events are undone, the receipt carries code and message."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message


class Refused(Exception):
    """A call that reaches no method."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


class Failed(Exception):
    """The machine ended the call: ``kind`` is that of ``contracts.failures``, or why it stopped."""

    def __init__(self, kind: str, message: str = "") -> None:
        super().__init__(f"{kind}: {message}" if message else kind)
        self.kind = kind
        self.message = message
