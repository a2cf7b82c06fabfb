"""JSON read strictly."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanchain.api.limits import JSON_NESTING_MAX
from hanchain.api.strictjson import dump, parse
from hanchain.ledger.reasons import Reason, Rejection

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**19), 10**19) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=4),
    max_leaves=20,
)

REFUSED = {
    b"": "Expecting value at character 0",
    b"{": "Expecting property name enclosed in double quotes at character 1",
    b"[1,]": None,  # the words differ between versions of Python
    b"[1] x": "Extra data at character 4",
    b"NaN": "NaN is not JSON",
    b"[Infinity]": "Infinity is not JSON",
    b"[-Infinity]": "-Infinity is not JSON",
    b'{"a":1,"a":1}': "the name 'a' stands twice in one object",
    b'"\xff"': "invalid UTF-8 at byte 1",
    b'"\xed\xa0\x80"': "invalid UTF-8 at byte 1",
    rb'"\ud800"': "a lone surrogate (half of a \\u pair)",
    rb'{"\udc00":1}': "a lone surrogate (half of a \\u pair)",
    b"9" * 10_000: "a number of thousands of digits",
    b"[" * 41 + b"]" * 41: "nested deeper than 40",
    b"[" * 50_000: "nested deeper than 40",
    b'{"a":' * 30_000: "nested deeper than 40",
    b"\xef\xbb\xbf1": None,
}


@pytest.mark.parametrize("data", REFUSED, ids=lambda data: repr(data[:24]))
def test_refused(data):
    """What readers disagree on is malformed, and the detail says what it is."""
    with pytest.raises(Rejection) as caught:
        parse(data)
    assert caught.value.reason is Reason.MALFORMED
    assert REFUSED[data] in (None, caught.value.detail)


@pytest.mark.parametrize("data", [b"[1" + b",1" * 65_536 + b"]", b"[" * 65_537, b"{" * 65_537, b'"' + b":" * 65_537])
def test_too_many_marks(data):
    """A body of many small values, which would hold the event loop, is refused before it is read."""
    with pytest.raises(Rejection, match="at most 65536") as caught:
        parse(data)
    assert caught.value.reason is Reason.OVERSIZED


def test_the_deepest_that_is_accepted():
    """Nesting is accepted up to the bound exactly."""
    value = parse(b"[" * JSON_NESTING_MAX + b"]" * JSON_NESTING_MAX)
    depth = 0
    while value:
        (value,) = value
        depth += 1
    assert depth == JSON_NESTING_MAX - 1


def test_escapes():
    """Escapes, surrogate pairs among them, mean what RFC 8259 says."""
    assert parse(rb'["\u00e9", "\ud83d\ude00", "\\ud800"]') == ["é", "😀", "\\ud800"]


@given(DOCUMENTS)
def test_round_trip(document):
    """What is written reads back; the bytes are ASCII, and any other reader agrees."""
    data = dump(document)
    assert data.isascii()
    assert parse(data) == document == json.loads(data)


@given(st.binary(max_size=64) | st.text('{}[]",:0123456789\\udeNafulrs', max_size=40).map(str.encode))
def test_garbage(data):
    """Any bytes are a value or a Rejection(malformed), nothing else."""
    try:
        parse(data)
    except Rejection as rejection:
        assert rejection.reason is Reason.MALFORMED  # noqa: PT017  # both outcomes are right
