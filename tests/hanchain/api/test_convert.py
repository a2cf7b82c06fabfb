"""Values in JSON, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanchain.api.convert import from_hex, from_integer, from_json, record_to_json, to_hex, to_integer, to_json
from hanchain.api.strictjson import dump, parse
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node.service import PeerStatus, TransactionState, TransactionStatus

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(1 - 2**255, 2**255 - 1)
    | st.binary(max_size=8)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.text("0x1f", max_size=6),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)

FORMS = [
    (None, None),
    (True, True),
    (0, 0),
    (2**53 - 1, 2**53 - 1),
    (2**53, {"integer": "9007199254740992"}),
    (-(2**63), {"integer": "-9223372036854775808"}),
    (2**255 - 1, {"integer": str(2**255 - 1)}),
    (b"", "0x"),
    (b"\x00\xff", "0x00ff"),
    ("汉链", "汉链"),
    ("", ""),
    ("0x00ff", {"text": "0x00ff"}),
    ("0xyz", {"text": "0xyz"}),
    ([1, [b"\x01"]], [1, ["0x01"]]),
]

REFUSED = {
    1.0: "arg: the ledger has no fractions; use integers of a smaller unit",
    2**53: "arg: integers beyond 2^53 - 1 are sent as decimal strings",
    "0x0": None,
    "0xzz": None,
}

REFUSED_OBJECTS = [
    {},
    {"bytes": "0x00", "text": "a"},
    {"float": "1"},
    {"bytes": "00"},
    {"bytes": 1},
    {"text": 1},
    {"integer": "1.0"},
    {"integer": "01"},
    {"integer": "-0"},
    {"integer": "+1"},
    {"integer": "١"},  # a digit, but not ASCII
    {"integer": str(2**255)},
    {"integer": True},
    {"integer": [1]},
]


@pytest.mark.parametrize(("value", "document"), FORMS, ids=repr)
def test_forms(value, document):
    """Each value has the documented form, and that form means the value."""
    assert to_json(value) == document
    back = from_json(document, "arg")
    assert (back, type(back)) == (value, type(value))


@pytest.mark.parametrize("document", REFUSED, ids=repr)
def test_refused(document):
    """What could be read in two ways is refused with a reason."""
    with pytest.raises(Rejection) as caught:
        from_json(document, "arg")
    assert caught.value.reason is Reason.BAD_ARGUMENTS
    assert REFUSED[document] in (None, caught.value.detail)


@pytest.mark.parametrize("document", REFUSED_OBJECTS, ids=repr)
def test_refused_objects(document):
    """An object is one of the three marks with a content of its type, or refused."""
    with pytest.raises(Rejection) as caught:
        from_json([document], "arg")
    assert caught.value.reason is Reason.BAD_ARGUMENTS
    assert caught.value.detail.startswith("arg[0]: ")


def test_marked_forms_are_accepted_for_any_value():
    """A program may always say the type, needed or not."""
    assert from_json([{"bytes": "0x0A"}, {"text": "a"}, {"integer": "7"}, {"integer": 7}], "arg") == [b"\n", "a", 7, 7]


@given(VALUES)
def test_round_trip(value):
    """Every value of the ledger survives JSON, with its type."""
    assert from_json(parse(dump(to_json(value))), "arg") == value


@given(st.integers(1 - 2**255, 2**255 - 1))
def test_integers(number):
    """A typed integer is a number as long as every reader holds it exactly, and a decimal string beyond."""
    document = to_integer(number)
    assert isinstance(document, int) is (abs(number) < 2**53)
    assert from_integer(document, "n") == number


@pytest.mark.parametrize("text", ["", "00", "0X00", "0x0", "0x 00", "0x00 ", "0xgg", "0x٠٠", None, 1, b"0x00", ["0x"]])
def test_not_hexadecimal(text):
    """Bytes are 0x and pairs of ASCII hexadecimal digits, nothing else."""
    with pytest.raises(Rejection, match="hexadecimal"):
        from_hex(text, "id")


@given(st.binary(max_size=40))
def test_hexadecimal(data):
    """Bytes survive, in either case of letters."""
    assert from_hex(to_hex(data), "id") == data == from_hex("0x" + data.hex().upper(), "id")


def test_records():
    """Records become objects with all their fields: enums by value, bytes in hexadecimal, tuples as arrays."""
    assert record_to_json((PeerStatus("a", "b:1", connected=True, detail="c"),)) == [
        {"name": "a", "address": "b:1", "connected": True, "detail": "c"}
    ]
    assert record_to_json(TransactionStatus(b"\x01", TransactionState.PENDING, height=2**60)) == {
        "txid": "0x01",
        "state": "pending",
        "height": str(2**60),
        "index": None,
        "receipt": None,
    }
