"""The binary route, ``POST /v1/transactions``: many transactions in one request, for programs that send many.

Request and answer are canonical MessagePack (``application/msgpack``):

    request = [envelope as bytes, …]                       1 to 4,096 envelopes, as JSON-RPC's tx_submit_batch
    answer  = [txid as bytes | [reason, detail], …]        one for each, in order

A request that is not of this form is refused as a whole, with a JSON error like REST's. It is read here and not by the
codec because a general reader builds whatever stands there before anyone can object: 8 MiB of nested small values would
hold the event loop for a third of a second. This reader looks at one header per transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from hanchain.api.limits import BATCH_TRANSACTIONS_MAX, DETAIL_LENGTH_MAX
from hanchain.ledger.codec import encode
from hanchain.ledger.limits import TRANSACTION_BYTES_MAX
from hanchain.ledger.reasons import Reason, Rejection

CONTENT_TYPE: Final = "application/msgpack"

# first byte: (bytes of the length that follows, smallest length that is not shorter in another form)
_ARRAYS: Final[Mapping[int, tuple[int, int]]] = MappingProxyType({0xDC: (2, 1 << 4), 0xDD: (4, 1 << 16)})
_BYTES: Final[Mapping[int, tuple[int, int]]] = MappingProxyType({0xC4: (1, 0), 0xC5: (2, 1 << 8), 0xC6: (4, 1 << 16)})


def read_envelopes(body: bytes) -> tuple[bytes, ...]:
    """Return the envelopes of a request; raise Rejection unless it is a canonical array of 1 to 4,096 byte strings."""
    count, position = _array_header(body)
    if count > BATCH_TRANSACTIONS_MAX:
        raise Rejection(Reason.OVERSIZED, f"{count} transactions, at most {BATCH_TRANSACTIONS_MAX}")
    if count == 0:
        raise Rejection(Reason.MALFORMED, "an empty batch")
    envelopes = []
    for index in range(count):
        size, position = _header(body, position, _BYTES, f"transaction {index}")
        if size > TRANSACTION_BYTES_MAX:
            raise Rejection(Reason.OVERSIZED, f"transaction {index}: {size} bytes, at most {TRANSACTION_BYTES_MAX}")
        envelopes.append(body[position : position + size])
        position += size
    if position != len(body):  # a slice beyond the end is cut short, so one comparison finds both
        raise Rejection(Reason.MALFORMED, f"{len(body)} bytes, {position} announced")
    return tuple(envelopes)


def write_answers(answers: Sequence[bytes | Rejection]) -> bytes:
    """Return the answer: an id or ``[reason, detail]`` for each transaction."""
    return encode(
        [
            answer if isinstance(answer, bytes) else [str(answer.reason), answer.detail[:DETAIL_LENGTH_MAX]]
            for answer in answers
        ]
    )


def _array_header(body: bytes) -> tuple[int, int]:
    if body and body[0] & 0xF0 == 0x90:
        return body[0] & 0x0F, 1
    return _header(body, 0, _ARRAYS, "array of transactions")


def _header(body: bytes, position: int, forms: Mapping[int, tuple[int, int]], what: str) -> tuple[int, int]:
    """Return the length that the header at ``position`` announces, and where the content begins."""
    form = forms.get(body[position]) if position < len(body) else None
    if form is None:
        raise Rejection(Reason.MALFORMED, f"{what} expected at byte {position}")
    width, length_min = form
    start = position + 1 + width
    length = int.from_bytes(body[position + 1 : start], "big")
    if start > len(body):
        raise Rejection(Reason.MALFORMED, f"{what}: cut off at byte {len(body)}")
    if length < length_min:
        raise Rejection(Reason.NOT_CANONICAL, f"{what}: the length {length} has a shorter form")
    return length, start
