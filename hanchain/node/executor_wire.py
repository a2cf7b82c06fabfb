"""What a node and its executor's process say to one another: numbered frames on one stream, read strictly.

A frame is ``u32 length ‖ u64 number ‖ payload``; a reply carries its request's number. A payload is a canonical array
whose first element is the kind. The child runs the contracts of others: what it says is judged like a stranger's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final

from hanchain.crypto import Suite
from hanchain.ledger import limits as ledger_limits
from hanchain.ledger.codec import CodecError, Value, decode, encode
from hanchain.ledger.execution import Ordering
from hanchain.ledger.fields import Fields
from hanchain.ledger.reasons import Fault, Reason, Rejection
from hanchain.node import limits
from hanchain.node.executor import STAGES, Results, StateAnswer
from storage.errors import Corruption, DiskFull, Locked, Missing, StorageError, UnsupportedFormat

_HEAD: Final = Struct(">IQ")
_TIME_US_MAX: Final = 2**53
_TEXT_MAX: Final = 4096
_STORAGE: Final = {kind.__name__: kind for kind in (DiskFull, Locked, Missing, UnsupportedFormat)}  # told by a text


class Request(IntEnum):
    """What the node asks for."""

    OPEN = 1
    APPLY = 2
    VIEW = 3
    STATE = 4


class Reply(IntEnum):
    """How the executor answers: with what was asked for, or why not."""

    DONE = 0
    REJECTED = 1  # the caller's fault
    STORAGE = 2  # the disk's
    FAULT = 3  # ours


class BadFrame(Exception):
    """The other side does not speak this protocol."""


def frame(number: int, payload: bytes) -> bytes:
    """Return the bytes of one frame."""
    return _HEAD.pack(len(payload), number) + payload


class FrameReader:
    """Cuts a stream into frames."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._buffer = bytearray()

    @property
    def partial(self) -> bool:
        """Whether a frame has begun and not ended: the rest is on its way."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the (number, payload) of the frames that ``data`` completes; raise BadFrame for one too long."""
        self._buffer += data
        found: list[tuple[int, bytes]] = []
        start, end = 0, len(self._buffer)
        while end - start >= _HEAD.size:
            length, number = _HEAD.unpack_from(self._buffer, start)
            if length > self._bytes_max:
                raise BadFrame(f"a frame of {length} bytes, at most {self._bytes_max}")
            stop = start + _HEAD.size + length
            if stop > end:
                break
            found.append((number, bytes(self._buffer[start + _HEAD.size : stop])))
            start = stop
        del self._buffer[:start]
        return found


@dataclass(frozen=True, slots=True)
class Opening:
    """The first request: which chain, where its state is, and the address space that the process may use."""

    genesis: bytes  # the file's JSON
    path: str
    memory_bytes: int

    def encode(self) -> bytes:
        """Return the payload."""
        return encode([int(Request.OPEN), self.genesis, self.path, self.memory_bytes])

    @staticmethod
    def read(fields: Fields) -> Opening:
        """Return the opening in the fields after the kind; raise Rejection otherwise."""
        opening = Opening(
            fields.blob(1, ledger_limits.GENESIS_BYTES_MAX), fields.text(_TEXT_MAX), fields.integer(1, 2**62)
        )
        fields.end()
        return opening


@dataclass(frozen=True, slots=True)
class Opened:
    """Where the state stands, and from which directory the process's own code comes."""

    code: str
    height: int
    block_hash: bytes

    def encode(self) -> bytes:
        """Return the payload."""
        return encode([int(Reply.DONE), self.code, self.height, self.block_hash])

    @staticmethod
    def read(fields: Fields, suite: Suite) -> Opened:
        """Return what the fields of a reply say; raise Rejection otherwise."""
        opened = Opened(
            fields.text(_TEXT_MAX), fields.integer(0, ledger_limits.HEIGHT_MAX), fields.blob(suite.digest_size)
        )
        fields.end()
        return opened


def apply_request(ordering: Ordering, body: bytes) -> bytes:
    """Return the payload that asks for a block."""
    return encode(
        [
            int(Request.APPLY),
            ordering.height,
            ordering.epoch,
            ordering.proposal_digest,
            ordering.transactions_root,
            ordering.view,
            ordering.proposer,
            ordering.timestamp_ms,
            body,
        ]
    )


def read_apply(fields: Fields, suite: Suite) -> tuple[Ordering, bytes]:
    """Return the block that is asked for."""
    ordering = Ordering(
        height=fields.integer(0, ledger_limits.HEIGHT_MAX),
        epoch=fields.integer(0, ledger_limits.HEIGHT_MAX),
        proposal_digest=fields.blob(suite.digest_size),
        transactions_root=fields.blob(suite.digest_size),
        view=fields.integer(0, ledger_limits.VIEW_MAX),
        proposer=fields.integer(0, ledger_limits.PROPOSER_MAX),
        timestamp_ms=fields.integer(0, ledger_limits.TIME_MS_MAX),
    )
    body = fields.blob(0, ledger_limits.BLOCK_BYTES_MAX)
    fields.end()
    return ordering, body


def results_reply(results: Results) -> bytes:
    """Return the payload that answers for a block."""
    times = dict(results.times_us)
    return encode(
        [
            int(Reply.DONE),
            results.header,
            results.block_hash,
            results.receipts,
            results.transaction_ids,
            results.senders,
            [*(times.get(stage, 0) for stage in STAGES), results.spent_us],
        ]
    )


def read_results(fields: Fields, suite: Suite) -> Results:
    """Return the results in a reply; raise Rejection otherwise."""
    header = fields.blob(1, ledger_limits.HEADER_BYTES_MAX)
    block_hash = fields.blob(suite.digest_size)
    receipts = Fields(fields.array(ledger_limits.BLOCK_TRANSACTIONS_MAX), "receipts")
    transaction_ids = Fields(fields.array(ledger_limits.BLOCK_TRANSACTIONS_MAX), "ids")
    senders = Fields(fields.array(ledger_limits.BLOCK_TRANSACTIONS_MAX), "senders")
    times = Fields(fields.array(len(STAGES) + 1), "times")
    fields.end()
    results = Results(
        header,
        block_hash,
        receipts.blobs(ledger_limits.RECEIPT_BYTES_MAX),
        transaction_ids.blobs(suite.digest_size),
        senders.blobs(suite.digest_size),
        tuple((stage, times.integer(0, _TIME_US_MAX)) for stage in STAGES),
        times.integer(0, _TIME_US_MAX),
    )
    times.end()
    if not len(results.receipts) == len(results.transaction_ids) == len(results.senders):
        raise Rejection(Reason.INCONSISTENT, "results: as many receipts as transactions expected")
    return results


def view_request(contract: str, method: str, arguments: Sequence[Value]) -> bytes:
    """Return the payload that asks for a view; raise Rejection for what has no canonical form."""
    return _read_request(lambda: encode([int(Request.VIEW), contract, method, encode(list(arguments))]))


def read_view(fields: Fields) -> tuple[str, str, tuple[Value, ...]]:
    """Return contract, method and arguments of the view that is asked for."""
    contract, method = fields.text(limits.EXECUTOR_REQUEST_BYTES_MAX), fields.text(limits.EXECUTOR_REQUEST_BYTES_MAX)
    arguments = decode(
        fields.blob(1, limits.EXECUTOR_REQUEST_BYTES_MAX),
        max_bytes=limits.EXECUTOR_REQUEST_BYTES_MAX,
        max_items=limits.EXECUTOR_REQUEST_BYTES_MAX,  # the ledger judges them, and says so to the caller
    )
    fields.end()
    return contract, method, arguments


def view_reply(height: int, value: Value) -> bytes:
    """Return the payload that answers a view."""
    return encode([int(Reply.DONE), height, encode(value)])


def read_view_answer(fields: Fields) -> tuple[int, Value]:
    """Return the height and value of a view's reply; raise Rejection otherwise."""
    height = fields.integer(0, ledger_limits.HEIGHT_MAX)
    encoded = fields.blob(1, limits.EXECUTOR_REPLY_BYTES_MAX)
    fields.end()
    value: Value = decode(encoded, max_bytes=limits.EXECUTOR_REPLY_BYTES_MAX, max_items=limits.EXECUTOR_REPLY_BYTES_MAX)
    return height, value


def state_request(contract: str, key: bytes) -> bytes:
    """Return the payload that asks for a key of a contract's state; raise Rejection for what has no canonical form."""
    return _read_request(lambda: encode([int(Request.STATE), contract, key]))


def _read_request(encoded: Callable[[], bytes]) -> bytes:
    try:
        return encoded()
    except CodecError as error:
        raise Rejection(Reason.BAD_ARGUMENTS, str(error)) from None


def read_state(fields: Fields) -> tuple[str, bytes]:
    """Return contract and key that are asked for."""
    contract, key = fields.text(limits.EXECUTOR_REQUEST_BYTES_MAX), fields.blob(0, limits.EXECUTOR_REQUEST_BYTES_MAX)
    fields.end()
    return contract, key


def state_reply(answer: StateAnswer) -> bytes:
    """Return the payload that answers for a key."""
    return encode([int(Reply.DONE), answer.height, answer.value, answer.proof])


def read_state_answer(fields: Fields) -> StateAnswer:
    """Return the answer for a key; raise Rejection otherwise."""
    height = fields.integer(0, ledger_limits.HEIGHT_MAX)
    value = fields.value()
    if value is not None and not isinstance(value, bytes):
        raise Rejection(Reason.MALFORMED, "state answer: bytes or nothing expected")
    proof = fields.blob(0, limits.EXECUTOR_REPLY_BYTES_MAX)
    fields.end()
    return StateAnswer(height, value, proof)


def failure_reply(error: BaseException) -> bytes:
    """Return the payload that says why a request was not carried out."""
    match error:
        case Rejection():
            return encode([int(Reply.REJECTED), error.reason.value, _plain(error.detail)])
        case Corruption():
            return encode([int(Reply.STORAGE), Corruption.__name__, _plain(error.location), _plain(error.detail)])
        case StorageError():
            return encode([int(Reply.STORAGE), type(error).__name__, _plain(str(error)), ""])
        case Fault():
            return encode([int(Reply.FAULT), _plain(str(error))])
        case _:
            return encode([int(Reply.FAULT), _plain(f"{type(error).__name__}: {error}")])


def _plain(text: str) -> str:
    """Return bounded text that can be encoded, whatever an exception says."""
    return text[:_TEXT_MAX].encode(errors="replace").decode()


def open_reply(payload: bytes) -> Fields:
    """Return the fields of a reply that gives what was asked for.

    Raises Rejection, StorageError or Fault as the executor did, and BadFrame for anything that is no reply.
    """
    try:
        fields = Fields.decode(
            payload, "reply", max_bytes=limits.EXECUTOR_REPLY_BYTES_MAX, max_items=ledger_limits.ITEMS_MAX
        )
        kind = Reply(fields.integer(0, max(Reply)))
        if kind is Reply.DONE:
            return fields
        failure = _read_failure(kind, fields)
        fields.end()
    except (Rejection, ValueError) as error:
        raise BadFrame(str(error)) from error
    raise failure


def _read_failure(kind: Reply, fields: Fields) -> Exception:
    if kind is Reply.REJECTED:
        return Rejection(Reason(fields.text(_TEXT_MAX)), fields.text(_TEXT_MAX))
    if kind is Reply.FAULT:
        return Fault(fields.text(_TEXT_MAX))
    name, text, detail = fields.text(_TEXT_MAX), fields.text(_TEXT_MAX), fields.text(_TEXT_MAX)
    return Corruption(text, detail) if name == Corruption.__name__ else _STORAGE.get(name, StorageError)(text)
