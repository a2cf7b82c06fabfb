"""Typed reading of decoded arrays: the one place where the shape of a peer's input is judged."""

from __future__ import annotations

from enum import StrEnum

from consensus.codec import Value


class Reason(StrEnum):
    """Why a message was refused; a refused message changes nothing."""

    MALFORMED = "malformed"
    UNKNOWN_TYPE = "unknown_type"
    OUT_OF_RANGE = "out_of_range"
    WRONG_SENDER = "wrong_sender"
    NOT_A_MEMBER = "not_a_member"
    WRONG_EPOCH = "wrong_epoch"
    OLD_VIEW = "old_view"
    OUT_OF_WINDOW = "out_of_window"
    WRONG_CHAIN = "wrong_chain"
    WRONG_HEADER = "wrong_header"
    BAD_SIGNATURE = "bad_signature"
    BAD_CERTIFICATE = "bad_certificate"
    BAD_VIEW_CHANGE = "bad_view_change"
    BAD_NEW_VIEW = "bad_new_view"
    BAD_BODY = "bad_body"
    CONFLICT = "conflict"
    NOT_ASKED = "not_asked"
    BUFFER_FULL = "buffer_full"


class Rejection(Exception):
    """Somebody else's input is bad: the reason is for programs, the detail for people."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


class Fields:
    """A decoded array read field by field, each with its type and bound."""

    def __init__(self, value: Value, what: str) -> None:
        if not isinstance(value, list):
            raise Rejection(Reason.MALFORMED, f"{what} is not an array")
        self._values = value
        self._next = 0
        self._what = what

    @property
    def done(self) -> bool:
        """Whether every field was read."""
        return self._next == len(self._values)

    def take(self) -> Value:
        """Return the next field, whatever it is."""
        if self._next >= len(self._values):
            raise Rejection(Reason.MALFORMED, f"{self._what} has too few fields")
        self._next += 1
        return self._values[self._next - 1]

    def uint(self, maximum: int) -> int:
        """Return the next field, an integer in 0..maximum."""
        value = self.take()
        if type(value) is not int or not 0 <= value <= maximum:
            raise Rejection(Reason.OUT_OF_RANGE, f"{self._what} field {self._next}: integer in 0..{maximum} expected")
        return value

    def flag(self) -> bool:
        """Return the next field, a boolean."""
        value = self.take()
        if not isinstance(value, bool):
            raise Rejection(Reason.MALFORMED, f"{self._what} field {self._next}: boolean expected")
        return value

    def blob(self, minimum: int, maximum: int) -> bytes:
        """Return the next field, bytes of minimum..maximum length."""
        value = self.take()
        if not isinstance(value, bytes) or not minimum <= len(value) <= maximum:
            raise Rejection(Reason.MALFORMED, f"{self._what} field {self._next}: {minimum}..{maximum} bytes expected")
        return value

    def array(self, maximum: int) -> list[Value]:
        """Return the next field, an array of at most ``maximum`` elements."""
        value = self.take()
        if not isinstance(value, list) or len(value) > maximum:
            raise Rejection(Reason.MALFORMED, f"{self._what} field {self._next}: at most {maximum} elements expected")
        return value

    def end(self) -> None:
        """Refuse an array with more fields than were read."""
        if self._next != len(self._values):
            raise Rejection(Reason.MALFORMED, f"{self._what} has {len(self._values) - self._next} fields too many")
