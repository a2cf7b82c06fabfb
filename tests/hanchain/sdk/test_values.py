"""The client's and the node's copies of the JSON convention agree."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanchain.api.convert import from_json, to_json
from hanchain.ledger.json_reader import Json, read_json
from hanchain.ledger.reasons import Rejection
from hanchain.sdk.values import read_value, to_document

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(1 - 2**255, 2**255 - 1)
    | st.binary(max_size=8)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.text("0x1f", max_size=6),
    lambda inner: st.lists(inner, max_size=4).map(tuple),
    max_leaves=12,
)


@given(VALUES)
def test_both_ways(value):
    """What the client sends, the node understands, and the other way round, for every value."""
    sent = json.loads(json.dumps(to_document(value)))
    assert to_json(from_json(sent, "arg")) == sent == to_json(value)
    returned = json.dumps(to_json(value)).encode()
    assert read_value(read_json(returned, max_bytes=10_000)) == value


@pytest.mark.parametrize(
    "value", [1.5, {"a": 1}, {1}, 2**255, pytest.param(object(), id="object"), [b"x", [2.0]]], ids=repr
)
def test_what_has_no_encoding(value):
    """A value that the ledger cannot hold is refused before it is sent."""
    with pytest.raises(Rejection):
        to_document(value)


@pytest.mark.parametrize(
    "document",
    [
        2**53,
        "0x0",
        "0xAB",
        {},
        {"bytes": "0x"},
        {"integer": "x"},
        {"integer": "-"},
        {"integer": str(2**255)},
        {"text": 1},
    ],
    ids=repr,
)
def test_what_stands_for_nothing(document):
    """Another form than the one documented for answers is refused."""
    with pytest.raises(Rejection):
        read_value(Json(document, "$"))


def test_deep_answers():
    """An answer nested beyond what the ledger holds is refused."""
    document = 0
    for _ in range(34):
        document = [document]
    with pytest.raises(Rejection, match="nested deeper"):
        read_value(Json(document, "$"))
