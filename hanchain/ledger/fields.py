"""Typed reading of decoded sequences: where the shape of somebody else's bytes is judged, field by field."""

from __future__ import annotations

from typing import Any

from hanchain.ledger.codec import CodecError, CodecReason, Value, decode
from hanchain.ledger.reasons import Reason, Rejection


def rejection_of(error: CodecError, what: str) -> Rejection:
    """Return the rejection that a refused encoding of ``what`` amounts to."""
    if error.reason in {CodecReason.TOO_LONG, CodecReason.TOO_MANY}:
        reason = Reason.OVERSIZED
    elif error.reason is CodecReason.NOT_CANONICAL:
        reason = Reason.NOT_CANONICAL
    else:
        reason = Reason.MALFORMED
    return Rejection(reason, f"{what}: {error}")


class Fields:
    """A decoded sequence, read in order; every read states the type and the bound, ``end`` that nothing is left."""

    __slots__ = ("_next", "_values", "_what")

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, tuple):
            raise Rejection(Reason.MALFORMED, f"{what}: array expected")
        self._values: tuple[Any, ...] = value
        self._next = 0
        self._what = what

    @staticmethod
    def decode(data: bytes, what: str, *, max_bytes: int, max_items: int) -> Fields:
        """Decode ``data`` canonically and read it; raise Rejection for anything else."""
        try:
            return Fields(decode(data, max_bytes=max_bytes, max_items=max_items), what)
        except CodecError as error:
            raise rejection_of(error, what) from None

    def value(self) -> Value:
        """Return the next field, of any type."""
        if self._next >= len(self._values):
            raise Rejection(Reason.MALFORMED, f"{self._what}: too few fields")
        self._next += 1
        field: Value = self._values[self._next - 1]
        return field

    def integer(self, minimum: int, maximum: int) -> int:
        """Return the next field, an integer in minimum..maximum."""
        field = self.value()
        if type(field) is not int:
            raise self._refuse(Reason.MALFORMED, "integer expected")
        if not minimum <= field <= maximum:
            raise self._refuse(Reason.OUT_OF_RANGE, f"{field} is not in {minimum}..{maximum}")
        return field

    def blob(self, minimum: int, maximum: int | None = None) -> bytes:
        """Return the next field, bytes of minimum..maximum length (of exactly ``minimum`` without a maximum)."""
        field = self.value()
        if not isinstance(field, bytes):
            raise self._refuse(Reason.MALFORMED, "bytes expected")
        if not minimum <= len(field) <= (minimum if maximum is None else maximum):
            raise self._refuse(Reason.OUT_OF_RANGE, f"{len(field)} bytes")
        return field

    def text(self, maximum: int) -> str:
        """Return the next field, text of at most ``maximum`` characters."""
        field = self.value()
        if not isinstance(field, str):
            raise self._refuse(Reason.MALFORMED, "text expected")
        if len(field) > maximum:
            raise self._refuse(Reason.OUT_OF_RANGE, f"{len(field)} characters")
        return field

    def array(self, maximum: int) -> tuple[Value, ...]:
        """Return the next field, a sequence of at most ``maximum`` elements."""
        field = self.value()
        if not isinstance(field, tuple):
            raise self._refuse(Reason.MALFORMED, "array expected")
        if len(field) > maximum:
            raise self._refuse(Reason.OUT_OF_RANGE, f"{len(field)} elements")
        return field

    def blobs(self, maximum: int) -> tuple[bytes, ...]:
        """Return all fields that are left, each bytes of 1..maximum length."""
        left = self._values[self._next :]
        for field in left:
            if type(field) is not bytes or not 0 < len(field) <= maximum:
                raise Rejection(Reason.MALFORMED, f"{self._what}: elements of 1..{maximum} bytes expected")
        self._next = len(self._values)
        return left

    def end(self) -> None:
        """Refuse fields that were not read."""
        if self._next != len(self._values):
            raise Rejection(Reason.MALFORMED, f"{self._what}: {len(self._values) - self._next} fields too many")

    def _refuse(self, reason: Reason, detail: str) -> Rejection:
        return Rejection(reason, f"{self._what}, field {self._next}: {detail}")
