"""Frames between a node and its executor's process: whole, bounded, and read strictly."""

import random

import pytest

from hanchain.crypto import default_suite
from hanchain.ledger.codec import encode
from hanchain.ledger.execution import Ordering
from hanchain.ledger.fields import Fields
from hanchain.ledger.reasons import Fault, Reason, Rejection
from hanchain.node import limits
from hanchain.node.executor import STAGES, Results, StateAnswer
from hanchain.node.executor_wire import (
    BadFrame,
    FrameReader,
    Opened,
    Opening,
    Request,
    apply_request,
    failure_reply,
    frame,
    open_reply,
    read_apply,
    read_results,
    read_state,
    read_state_answer,
    read_view,
    read_view_answer,
    results_reply,
    state_reply,
    state_request,
    view_reply,
    view_request,
)
from storage.errors import Closed, Conflict, Corruption, DiskFull, Locked, Missing, StorageError, UnsupportedFormat

SUITE = default_suite()
DIGEST = bytes(range(SUITE.digest_size))
RESULTS = Results(
    b"header", DIGEST, (b"receipt", b"other"), (DIGEST, DIGEST[::-1]), (b"a", b"b"), tuple((s, 7) for s in STAGES), 99
)
ANSWERS = [
    (results_reply(RESULTS), lambda fields: read_results(fields, SUITE), RESULTS),
    (view_reply(3, ["text", [1, None, -(2**70)], b"b"]), read_view_answer, (3, ("text", (1, None, -(2**70)), b"b"))),
    (state_reply(StateAnswer(4, b"value", b"proof")), read_state_answer, StateAnswer(4, b"value", b"proof")),
    (state_reply(StateAnswer(4, None, b"")), read_state_answer, StateAnswer(4, None, b"")),
    (Opened("/code", 5, DIGEST).encode(), lambda fields: Opened.read(fields, SUITE), Opened("/code", 5, DIGEST)),
]
IDS = ["results", "view", "state", "absent", "opened"]


def request(payload, kind):
    """Return the fields of a request after its kind."""
    fields = Fields.decode(payload, "request", max_bytes=len(payload), max_items=100)
    assert fields.integer(0, 255) == kind
    return fields


def test_a_stream_is_cut_into_its_frames():
    """However the bytes arrive, the frames come out whole, in order, with their numbers."""
    frames = [(1, b""), (2**64 - 1, b"x" * 1000), (0, b"y")]
    stream = b"".join(frame(number, payload) for number, payload in frames)
    for step in (1, 2, 11, 12, 13, len(stream)):
        reader, found = FrameReader(1000), []
        for start in range(0, len(stream), step):
            found += reader.feed(stream[start : start + step])
        assert (found, reader.partial) == (frames, False), step
    reader = FrameReader(10)
    assert (reader.feed(b""), reader.partial) == ([], False)
    assert (reader.feed(frame(1, b"x")[:5]), reader.partial) == ([], True)


def test_a_frame_too_long_is_refused_by_its_length():
    """A length above the bound is refused before anything of that length is waited for."""
    with pytest.raises(BadFrame, match="a frame of 11 bytes, at most 10"):
        FrameReader(10).feed(frame(1, b"x" * 11)[:12])


@pytest.mark.parametrize(("payload", "read", "value"), ANSWERS, ids=IDS)
def test_answers_come_back(payload, read, value):
    """What the executor answers is what the node reads; times are beside the results, and not compared with them."""
    assert read(open_reply(payload)) == value
    results = read_results(open_reply(results_reply(RESULTS)), SUITE)
    assert (results.times_us, results.spent_us) == (RESULTS.times_us, RESULTS.spent_us)


def test_requests_come_back():
    """What the node asks is what the executor reads."""
    ordering = Ordering(7, 1, DIGEST, DIGEST[::-1], 2, 3, 1_767_225_600_000)
    assert read_apply(request(apply_request(ordering, b"body"), Request.APPLY), SUITE) == (ordering, b"body")
    asked = view_request("sys.anchor", "find", [b"d", [1, [2]], "汉链"])
    assert read_view(request(asked, Request.VIEW)) == ("sys.anchor", "find", (b"d", (1, (2,)), "汉链"))
    assert read_state(request(state_request("c", b"\x00key"), Request.STATE)) == ("c", b"\x00key")
    opening = Opening(b"{}", "/data/state", 1 << 30)
    assert Opening.read(request(opening.encode(), Request.OPEN)) == opening


@pytest.mark.parametrize(
    "error",
    [
        Rejection(Reason.REVERTED, "E_NO"),
        Fault("block 2 on top of block 0"),
        Corruption("state/last", "checksum"),
        DiskFull("full"),
        Locked("locked"),
        Missing("none"),
        UnsupportedFormat("format 9"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_failures_keep_what_they_are(error):
    """A rejection, a fault and an error of the disk arrive as the same type with the same words."""
    with pytest.raises(type(error)) as caught:
        open_reply(failure_reply(error))
    assert (type(caught.value), str(caught.value)) == (type(error), str(error))


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (Closed("closed"), StorageError, "closed"),
        (Conflict("the block", 3), StorageError, "the block at height 3 is already stored with different content"),
        (ValueError("unforeseen"), Fault, "ValueError: unforeseen"),
        (RecursionError("\ud800" + "deep" * 5000), Fault, ("RecursionError: ?" + "deep" * 5000)[:4096]),
    ],
    ids=["closed", "conflict", "unforeseen", "long"],
)
def test_other_failures_become_the_nearest_kind(error, kind, text):
    """What has no form of its own on the wire arrives as StorageError or Fault, with bounded, encodable words."""
    with pytest.raises(kind) as caught:
        open_reply(failure_reply(error))
    assert (type(caught.value), str(caught.value)) == (kind, text)


@pytest.mark.parametrize(
    "payload",
    [b"", b"\x00", encode([]), encode([9]), encode([1]), encode([1, "no_reason", ""]), encode([1, "busy", "", ""])],
    ids=["empty", "number", "nothing", "kind", "fields", "reason", "more"],
)
def test_what_is_no_reply_is_refused(payload):
    """A payload that is none of the replies is refused, whatever is wrong with it."""
    with pytest.raises(BadFrame):
        open_reply(payload)


@pytest.mark.parametrize(
    "results",
    [
        Results(b"", DIGEST, (), (), ()),
        Results(b"h", b"short", (), (), ()),
        Results(b"h", DIGEST, (b"r",), (), ()),
        Results(b"h", DIGEST, (b"r",), (DIGEST,), (b"",)),
        Results(b"h", DIGEST, (), (), (), (("decode", -1),)),
    ],
    ids=["header", "hash", "counts", "sender", "time"],
)
def test_results_that_cannot_be_are_refused(results):
    """Results with a field out of bounds, or with other numbers of receipts and transactions, are refused."""
    with pytest.raises(Rejection):
        read_results(open_reply(results_reply(results)), SUITE)


@pytest.mark.parametrize(("payload", "read", "value"), ANSWERS, ids=IDS)
def test_a_flipped_bit_never_gets_through_as_something_else(payload, read, value):
    """Every single flipped bit is refused, or is a legal answer with another content; nothing else is raised."""
    for position in range(8 * len(payload)):
        flipped = bytearray(payload)
        flipped[position // 8] ^= 1 << position % 8
        try:
            # By their text, since times are not compared.
            assert str(read(open_reply(bytes(flipped)))) != str(value), position
        except (BadFrame, Rejection, ValueError, Fault, StorageError):
            continue


def test_noise_is_refused():
    """Random bytes are no reply, and cost nothing but that."""
    seed = 20_261
    generator = random.Random(seed)
    for number in range(2_000):
        noise = generator.randbytes(generator.randrange(1, 60))
        try:
            read = read_results(open_reply(noise), SUITE)
        except (BadFrame, Fault, StorageError, Rejection):
            continue
        pytest.fail(f"seed {seed}, noise {number}: {noise.hex()} is read as {read}")


def test_arguments_without_a_form_are_refused_before_they_are_sent():
    """A view's arguments that the encoding does not have are the caller's fault."""
    for arguments in ([1.5], [{}], ["\ud800"]):
        with pytest.raises(Rejection) as caught:
            view_request("c", "m", arguments)
        assert caught.value.reason is Reason.BAD_ARGUMENTS
    with pytest.raises(Rejection) as caught:
        state_request("\ud800", b"key")
    assert caught.value.reason is Reason.BAD_ARGUMENTS
    assert limits.EXECUTOR_READ_BYTES_MAX < limits.EXECUTOR_REQUEST_BYTES_MAX
