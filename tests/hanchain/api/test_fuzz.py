"""Whatever comes to /rpc, a well-formed JSON-RPC answer goes back: never a 5xx, never a traceback.

Failures print the input; ``pytest --hypothesis-seed=N`` repeats a run.
"""

import asyncio
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from hanchain.api.dispatch import Dispatcher
from hanchain.api.method import Context
from hanchain.api.methods import METHODS
from hanchain.api.rest import bind_words
from hanchain.api.waits import Waits
from hanchain.ledger.reasons import Reason, Rejection

CODES = {-32700, -32600, -32601, -32602, -32000, -32001, -32002, -32003}  # all but -32603: that would be our fault
REASONS = {reason.value for reason in Reason}

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.integers(0, 3)
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["latest", "0x", "0x00", "0x" + "11" * 32, "sys.anchor", "find", "get", "\ud800", "0xzz"])
    | st.binary(max_size=40).map(lambda data: "0x" + data.hex())
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["bytes", "text", "integer", "x"]), inner, max_size=2)
    ),
    max_leaves=8,
)
PARAMETERS = sorted({parameter.name for method in METHODS.values() for parameter in method.parameters})


CALLS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | SCALARS,
        "id": st.integers(0, 9) | SCALARS,
        "method": st.sampled_from([name for name in METHODS if name != "tx_wait"]) | SCALARS,  # a wait takes its time
        "params": (
            st.lists(DOCUMENTS, max_size=4)
            | st.dictionaries(st.sampled_from(PARAMETERS), DOCUMENTS, max_size=3)
            | SCALARS
        ),
    },
)
BODIES = (
    st.binary(max_size=200)
    | (CALLS | st.lists(CALLS | SCALARS, max_size=5) | DOCUMENTS).map(lambda document: json.dumps(document).encode())
    | st.builds(
        lambda document, at, byte: document[: at % len(document)] + byte + document[at % len(document) + 1 :],
        CALLS.map(lambda document: json.dumps(document).encode()),
        st.integers(0, 500),
        st.binary(max_size=2),
    )
)


def check_answer(answer):
    """Assert that this is one JSON-RPC 2.0 answer of the documented form."""
    assert answer["jsonrpc"] == "2.0"
    assert answer["id"] is None or type(answer["id"]) in (int, str)
    assert set(answer) in ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"})
    if "error" in answer:
        error = answer["error"]
        assert set(error) == {"code", "message", "data"}
        assert set(error["data"]) == {"reason", "detail"}
        assert error["code"] in CODES, error
        assert error["data"]["reason"] in REASONS
        assert len(error["data"]["detail"]) <= 512


@given(body=BODIES)
@settings(max_examples=400, deadline=None)
def test_any_body(body, fake):
    """Any bytes are answered in form; a batch by at most one answer per call."""
    dispatcher = Dispatcher(Context(fake.FakeNode(), Waits()), lambda method, outcome: None)
    answer = asyncio.run(dispatcher.answer(body))
    if answer is None:
        return
    document = json.loads(answer)
    if isinstance(document, list):
        assert 1 <= len(document) <= len(json.loads(body))
    for item in document if isinstance(document, list) else [document]:
        check_answer(item)


@given(name=st.sampled_from(list(METHODS)), params=DOCUMENTS | st.lists(DOCUMENTS, max_size=4))
@settings(max_examples=400, deadline=None)
def test_any_parameters(name, params):
    """Any parameters bind, or are refused with a reason that belongs to parameters."""
    try:
        METHODS[name].bind(params)
    except Rejection as rejection:
        assert rejection.reason in {Reason.BAD_ARGUMENTS, Reason.OVERSIZED}  # noqa: PT017  # both outcomes are right


@given(
    name=st.sampled_from(list(METHODS)),
    words=st.lists(st.tuples(st.sampled_from([*PARAMETERS, "x"]), st.text(max_size=10)), max_size=4),
)
@settings(max_examples=300, deadline=None)
def test_any_words(name, words):
    """Any words of an address bind, or are refused with a reason."""
    try:
        bind_words(METHODS[name], {}, words)
    except Rejection as rejection:
        assert rejection.reason in {  # noqa: PT017  # both outcomes are right
            Reason.BAD_ARGUMENTS,
            Reason.OVERSIZED,
            Reason.MALFORMED,
        }


async def test_over_http(client):
    """The same holds over a real connection, which stays open."""
    bodies = [b"", b"\x00" * 100, b"[" * 9000, b"[[]]", b'{"id":{}}', b'[{"id":[]},5,null]', b'"\\ud800"', b"[1e999]"]
    for body in bodies:
        status, answer = await client.post(body)
        assert status == 200, body
        document = json.loads(answer)
        for item in document if isinstance(document, list) else [document]:
            check_answer(item)
