"""The binary route, ``POST /v1/transactions``: many transactions in one request, for programs that send many.

Request and answer are canonical MessagePack (``application/msgpack``):

    request = [envelope as bytes, …]                       1 to 4,096 envelopes, as JSON-RPC's tx_submit_batch
    answer  = [txid as bytes | [reason, detail], …]        one for each, in order

A request that is not of this form is refused as a whole, with a JSON error like REST's.
"""

from __future__ import annotations

from collections.abc import Sequence

from hanchain.api.limits import BATCH_TRANSACTIONS_MAX, BODY_BYTES_MAX, DETAIL_LENGTH_MAX
from hanchain.ledger.codec import encode
from hanchain.ledger.fields import Fields
from hanchain.ledger.limits import TRANSACTION_BYTES_MAX
from hanchain.ledger.reasons import Reason, Rejection

CONTENT_TYPE = "application/msgpack"


def read_envelopes(body: bytes) -> tuple[bytes, ...]:
    """Return the envelopes of a request; raise Rejection unless it is a canonical array of 1 to 4,096 byte strings."""
    fields = Fields.decode(body, "transactions", max_bytes=BODY_BYTES_MAX, max_items=BATCH_TRANSACTIONS_MAX)
    envelopes = fields.blobs(TRANSACTION_BYTES_MAX)
    if not envelopes:
        raise Rejection(Reason.MALFORMED, "transactions: an empty batch")
    return envelopes


def write_answers(answers: Sequence[bytes | Rejection]) -> bytes:
    """Return the answer: an id or ``[reason, detail]`` for each transaction."""
    return encode(
        [
            answer if isinstance(answer, bytes) else [str(answer.reason), answer.detail[:DETAIL_LENGTH_MAX]]
            for answer in answers
        ]
    )
