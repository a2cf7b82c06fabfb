"""Types of contracts: what each takes, what it becomes on the ledger and in JSON, and how refusals name the place."""

import pytest

from hanchain.ledger.codec import INTEGER_MAX
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.sdk.types import (
    BLOB,
    BOOL,
    BYTES,
    INT,
    NONE,
    STR,
    AnyList,
    DictOf,
    ListOf,
    OptionalOf,
    RecordOf,
    StateOf,
    TupleOf,
)

ITEM = RecordOf("Item", (("owner", STR), ("digest", BYTES), ("witnesses", ListOf(STR))))
PHASE = StateOf("Phase", ("draft", "issued", "revoked"))
DEEP = ListOf(
    OptionalOf(RecordOf("Row", (("by_name", DictOf(STR, TupleOf((INT, PHASE)))), ("raw", DictOf(BYTES, BOOL)))))
)

CASES = [
    ("None", NONE, None, None, None),
    ("bool", BOOL, True, True, True),
    ("int", INT, -7, -7, -7),
    ("large int", INT, 2**53, 2**53, "9007199254740992"),
    ("largest int", INT, -INTEGER_MAX, -INTEGER_MAX, str(-INTEGER_MAX)),
    ("str", STR, "0x00 is text here", "0x00 is text here", "0x00 is text here"),
    ("bytes", BYTES, b"\x00\xff", b"\x00\xff", "0x00ff"),
    ("blob", BLOB, bytes(48), bytes(48), "0x" + 96 * "0"),
    ("list", ListOf(INT), [1, 2], (1, 2), [1, 2]),
    ("tuple", TupleOf((INT, STR)), (1, "a"), (1, "a"), [1, "a"]),
    ("dict", DictOf(STR, INT), {"a": 1, "b": 2}, (("a", 1), ("b", 2)), {"a": 1, "b": 2}),
    ("dict of bytes", DictOf(BYTES, INT), {b"\x01": 1}, ((b"\x01", 1),), {"0x01": 1}),
    (
        "record",
        ITEM,
        {"owner": "ab", "digest": b"\x01", "witnesses": ["cd"]},
        ("ab", b"\x01", ("cd",)),
        {"owner": "ab", "digest": "0x01", "witnesses": ["cd"]},
    ),
    ("nothing", OptionalOf(STR), None, None, None),
    ("something", OptionalOf(STR), "x", "x", "x"),
    ("state", PHASE, "issued", 1, "issued"),
    (
        "list of anything",
        AnyList(),
        [1, b"\x00", "0x", (2**60, None)],
        (1, b"\x00", "0x", (2**60, None)),
        [1, "0x00", {"text": "0x"}, [{"integer": str(2**60)}, None]],
    ),
    (
        "deep",
        DEEP,
        [None, {"by_name": {"x": (1, "revoked")}, "raw": {b"k": False}}],
        (None, ((("x", (1, 2)),), ((b"k", False),))),
        [None, {"by_name": {"x": [1, "revoked"]}, "raw": {"0x6b": False}}],
    ),
]


@pytest.mark.parametrize(("kind", "native", "value", "document"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_value_goes_to_the_ledger_and_to_json_and_back(kind, native, value, document):
    """Each way has one form, and the way back gives the same Python value."""
    assert kind.to_value(native, "x") == value
    assert kind.from_value(value, "x") == native
    assert kind.to_json(native) == document
    assert kind.from_json(document, "x") == native


def test_a_dict_is_sent_in_ascending_order_of_its_keys_bytes():
    """The order of writing is the client's affair, the ledger knows one: that of the encoded keys."""
    native = {"é": 1, "z": 2, "a": 3}
    assert DictOf(STR, INT).to_value(native, "x") == (("a", 3), ("z", 2), ("é", 1))
    assert list(DictOf(STR, INT).from_value((("a", 3), ("z", 2), ("é", 1)), "x")) == ["a", "z", "é"]


@pytest.mark.parametrize(
    ("kind", "native", "words"),
    [
        (INT, True, "x: int expected, not True"),
        (INT, "7", "x: int expected, not '7'"),
        (INT, INTEGER_MAX + 1, "x: int expected, not 578"),
        (STR, b"a", "x: str expected, not b'a'"),
        (STR, "\ud800", "x: str expected, not '\\ud800'"),
        (BYTES, "0x00", "x: bytes expected, not '0x00'"),
        (BLOB, b"short", "x: BlobRef expected, not b'short'"),
        (ListOf(INT), 5, "x: list[int] expected, not 5"),
        (ListOf(INT), [1, None], "x[1]: int expected, not None"),
        (TupleOf((INT, STR)), (1,), "x: tuple[int, str] expected, not (1,)"),
        (TupleOf((INT, STR)), (1, 2), "x[1]: str expected, not 2"),
        (DictOf(STR, INT), [1], "x: dict[str, int] expected, not [1]"),
        (DictOf(STR, INT), {1: 1}, "x, a key: str expected, not 1"),
        (DictOf(STR, INT), {"a": "b"}, "x['a']: int expected, not 'b'"),
        (ITEM, 5, "x: Item with the fields owner, digest, witnesses expected, not 5"),
        (ITEM, {"owner": "a", "digest": b""}, "x: the field witnesses of Item is missing"),
        (ITEM, {"owner": "a", "digest": b"", "witnesses": [], "more": 1}, "x: Item has no field 'more'"),
        (ITEM, {"owner": "a", "digest": b"", "witnesses": [1]}, "x.witnesses[0]: str expected, not 1"),
        (OptionalOf(INT), "a", "x: int expected, not 'a'"),
        (AnyList(), 5, "x: list expected, not 5"),
        (AnyList(), [1.5], "x: no canonical encoding for float"),
        (PHASE, "lost", "x: Phase, one of draft, issued, revoked, expected, not 'lost'"),
        (PHASE, 1, "x: Phase, one of draft, issued, revoked, expected, not 1"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_place(kind, native, words):
    """The refusal says where in the value, what was expected and what was there."""
    with pytest.raises(Rejection) as refused:
        kind.to_value(native, "x")
    assert (refused.value.reason, refused.value.detail[: len(words)]) == (Reason.BAD_ARGUMENTS, words)


@pytest.mark.parametrize(
    ("kind", "document", "words"),
    [
        (BYTES, "00ff", "x: 0x… (bytes) expected, not '00ff'"),
        (BYTES, "0x0", "x: 0x… (bytes) expected, not '0x0'"),
        (INT, "1e3", "x: int expected, not '1e3'"),
        (INT, "-0", "x: int expected, not '-0'"),
        (INT, "007", "x: int expected, not '007'"),
        (INT, 1.5, "x: int expected, not 1.5"),
        (INT, str(INTEGER_MAX + 1), "x: int expected, not 578"),
        (ListOf(INT), {}, "x: list[int] expected, not {}"),
        (TupleOf((INT,)), [1, 2], "x: tuple[int] expected, not [1, 2]"),
        (DictOf(BYTES, INT), {"k": 1}, "x, a key: 0x… (bytes) expected, not 'k'"),
        (DictOf(BYTES, INT), {"0xAB": 1, "0xab": 2}, "x: the key 0xab stands twice"),
        (AnyList(), "a", "x: list expected, not 'a'"),
        (AnyList(), [{"float": 1}], "x[0]: "),
        (ITEM, [], "x: Item with the fields owner, digest, witnesses expected, not []"),
        (PHASE, "lost", "x: Phase, one of draft, issued, revoked, expected, not 'lost'"),
    ],
)
def test_json_of_another_form_is_refused_with_its_place(kind, document, words):
    """Files and command lines are read as strictly as Python values."""
    with pytest.raises(Rejection) as refused:
        kind.from_json(document, "x")
    assert (refused.value.reason, refused.value.detail[: len(words)]) == (Reason.BAD_ARGUMENTS, words)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (NONE, 0),
        (INT, True),
        (INT, 2**255),
        (BLOB, bytes(15)),
        (ListOf(INT), 7),
        (ListOf(INT), (1, "a")),
        (TupleOf((INT, INT)), (1,)),
        (DictOf(STR, INT), "text"),
        (DictOf(STR, INT), (("a", 1, 2),)),
        (DictOf(STR, INT), (("b", 1), ("a", 2))),
        (DictOf(STR, INT), (("a", 1), ("a", 2))),
        (AnyList(), 7),
        (ITEM, ("a", b"")),
        (PHASE, 3),
        (PHASE, -1),
        (PHASE, True),
        (PHASE, "draft"),
    ],
)
def test_an_answer_of_another_type_is_malformed(kind, value):
    """What a node sends is held against the declared type: a liar is found out before its value is used."""
    with pytest.raises(Rejection) as refused:
        kind.from_value(value, "x")
    assert refused.value.reason is Reason.MALFORMED


def test_types_are_named_as_in_source():
    """People read a type as they would write it."""
    assert DEEP.name == "list[Row | None]"
    assert DictOf(BYTES, TupleOf((INT, PHASE))).name == "dict[bytes, tuple[int, Phase]]"
