"""State keys: the published examples of the tuple layer, order, strict reading."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.keys import BEYOND_PARTS, ESCAPED, KeyReason, KeyRejected, decode_key, encode_key, encode_part
from contracts.limits import INTEGER_MAX

# The first four are examples of design/tuple.md in apple/foundationdb; the others follow its rules at the edges.
EXAMPLES: list[tuple[tuple[Any, ...], str]] = [
    ((b"foo\x00bar",), "01666f6f00ff62617200"),
    (("F\u00d4O\x00bar",), "0246c3944f00ff62617200"),
    ((-5551212,), "11ab4b93"),
    ((0,), "14"),
    ((), ""),
    ((b"",), "0100"),
    (("",), "0200"),
    ((False, True), "2627"),
    ((1, -1), "150113fe"),
    ((255, 256, -255, -256), "15ff160100130012feff"),
    (((1 << 64) - 1,), "1cffffffffffffffff"),
    ((1 << 64,), "1d09010000000000000000"),
    ((1 - (1 << 64),), "0c0000000000000000"),
    ((-(1 << 64),), "0bf6feffffffffffffffff"),
    ((INTEGER_MAX,), "1d207f" + "ff" * 31),
    ((-INTEGER_MAX,), "0bdf80" + "00" * 31),
    (("items", b"\x00", 7), "026974656d7300" + "0100ff00" + "1507"),
    (("items#owner", "ab", b"k"), "026974656d73236f776e657200" + "02616200" + "016b00"),
]

parts = (
    st.booleans()
    | st.integers(-INTEGER_MAX, INTEGER_MAX)
    | st.integers(-300, 300)
    | st.sampled_from([sign * (1 << 8 * width) + step for sign in (1, -1) for width in range(9) for step in (-1, 0, 1)])
    | st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\x00\x01\uffff\U00010000"), max_size=6)
    | st.binary(max_size=6)
    | st.lists(st.sampled_from([0, 1, 254, 255]), max_size=6).map(bytes)
)
keys = st.lists(parts, max_size=4).map(tuple)

ORDER_OF_TYPES = (bytes, str, int, bool)


def rank(key: tuple[Any, ...]) -> list[tuple[int, Any]]:
    """Return what Python orders as keys should be: parts by type, then by value, a shorter tuple first."""
    return [(ORDER_OF_TYPES.index(type(part)), part) for part in key]


@pytest.mark.parametrize(("key", "encoded"), EXAMPLES, ids=[encoded or "none" for _, encoded in EXAMPLES])
def test_examples(key: tuple[Any, ...], encoded: str) -> None:
    """Each example has exactly these bytes, and they read back as the same types."""
    decoded = decode_key(bytes.fromhex(encoded))
    assert (encode_key(key).hex(), decoded, [*map(type, decoded)]) == (encoded, key, [*map(type, key)])


@given(keys)
def test_keys_read_back(key: tuple[Any, ...]) -> None:
    """Any key reads back as the same parts of the same types."""
    decoded = decode_key(encode_key(key))
    assert (decoded, [*map(type, decoded)]) == (key, [*map(type, key)])


@given(keys, keys)
def test_the_order_of_bytes_is_the_order_of_values(left: tuple[Any, ...], right: tuple[Any, ...]) -> None:
    """Two keys compare as their bytes do, and are equal only if those are."""
    encoded = encode_key(left), encode_key(right)
    assert (encoded[0] < encoded[1], encoded[0] == encoded[1]) == (rank(left) < rank(right), rank(left) == rank(right))


def test_integers_are_in_order_around_every_width() -> None:
    """Sorting by bytes sorts integers of all widths and both signs."""
    seed = 20260101
    generator = random.Random(seed)
    numbers = {generator.choice((1, -1)) * generator.getrandbits(generator.randrange(256)) for _ in range(2_000)}
    numbers |= {sign * ((1 << bits) + step) for sign in (1, -1) for bits in range(255) for step in (-1, 0, 1)}
    numbers = {number for number in numbers if abs(number) <= INTEGER_MAX}
    assert sorted(numbers, key=encode_part) == sorted(numbers), f"seed {seed}"


@given(st.binary(max_size=12) | st.lists(st.sampled_from([*range(0x0A, 0x2A), 0, 1, 2, 255]), max_size=12).map(bytes))
def test_whatever_reads_is_the_only_encoding_of_its_parts(data: bytes) -> None:
    """Random bytes are refused with a reason, or are exactly what encoding the parts gives."""
    try:
        key = decode_key(data)
    except KeyRejected:
        return
    assert encode_key(key) == data


@given(keys, st.binary(max_size=8))
def test_an_altered_key_is_another_key_or_none(key: tuple[Any, ...], tail: bytes) -> None:
    """Bytes after a key are parts of their own, more of its last text, or refused; never lost."""
    data = encode_key(key) + tail
    try:
        decoded = decode_key(data)
    except KeyRejected:
        return
    assert encode_key(decoded) == data


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        ("02", KeyReason.TRUNCATED),
        ("0161", KeyReason.TRUNCATED),
        ("0200ff", KeyReason.TRUNCATED),
        ("15", KeyReason.TRUNCATED),
        ("1cffff", KeyReason.TRUNCATED),
        ("1d", KeyReason.TRUNCATED),
        ("1d0901", KeyReason.TRUNCATED),
        ("0bf6", KeyReason.TRUNCATED),
        ("1500", KeyReason.NOT_CANONICAL),
        ("160001", KeyReason.NOT_CANONICAL),
        ("13ff", KeyReason.NOT_CANONICAL),
        ("12ff00", KeyReason.NOT_CANONICAL),
        ("1d0801ffffffffffffff", KeyReason.NOT_CANONICAL),
        ("1d09" + "00" + "ff" * 8, KeyReason.NOT_CANONICAL),
        ("0bf7" + "00" * 8, KeyReason.NOT_CANONICAL),
        ("0bf6" + "ff" * 9, KeyReason.NOT_CANONICAL),
        ("1d2080" + "00" * 31, KeyReason.OUT_OF_RANGE),
        ("1d21" + "01" * 33, KeyReason.OUT_OF_RANGE),
        ("0bdf7f" + "ff" * 31, KeyReason.OUT_OF_RANGE),
        ("02ff00", KeyReason.BAD_TEXT),
        ("02eda08000", KeyReason.BAD_TEXT),
        ("00", KeyReason.UNSUPPORTED),
        ("0500", KeyReason.UNSUPPORTED),
        ("28", KeyReason.UNSUPPORTED),
        ("ff", KeyReason.UNSUPPORTED),
    ],
)
def test_bytes_that_are_no_key_are_refused(encoded: str, reason: KeyReason) -> None:
    """Each way of being wrong has its reason."""
    with pytest.raises(KeyRejected) as refused:
        decode_key(bytes.fromhex(encoded))
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (None, KeyReason.UNSUPPORTED),
        (1.5, KeyReason.UNSUPPORTED),
        (("a",), KeyReason.UNSUPPORTED),
        (bytearray(b"a"), KeyReason.UNSUPPORTED),
        (INTEGER_MAX + 1, KeyReason.OUT_OF_RANGE),
        (-INTEGER_MAX - 1, KeyReason.OUT_OF_RANGE),
        ("\ud800", KeyReason.BAD_TEXT),
    ],
    ids=str,
)
def test_parts_that_keys_do_not_have_are_refused(part: Any, reason: KeyReason) -> None:
    """Only bool, int in range, str of scalar values and bytes can be parts."""
    with pytest.raises(KeyRejected) as refused:
        encode_key(("items", part))
    assert refused.value.reason is reason


@given(keys, parts)
def test_what_follows_a_prefix_lies_between_its_marks(prefix: tuple[Any, ...], part: Any) -> None:
    """Another part sorts below BEYOND_PARTS; text that goes on after a NUL sorts above it, marked by ESCAPED."""
    start = encode_key(prefix)
    longer = encode_key((*prefix, part))
    assert start < longer < start + BEYOND_PARTS
    if prefix and type(prefix[-1]) in (str, bytes):
        going_on = encode_key((*prefix[:-1], prefix[-1] + (b"\x00x" if type(prefix[-1]) is bytes else "\x00x")))
        assert going_on.startswith(start)
        assert going_on > start + BEYOND_PARTS
        assert going_on[len(start)] == ESCAPED
