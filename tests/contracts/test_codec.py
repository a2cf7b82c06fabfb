"""The canonical codec of the contracts: shared vectors, a naive twin written from the format's table, hostile input."""

import enum
import json
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.codec import NESTING_MAX, CodecError, CodecReason, decode, encode, make_packer, unpack
from contracts.limits import INTEGER_MAX

VECTORS = Path(__file__).parents[1] / "vectors"
FILES = [json.loads((VECTORS / name).read_text(encoding="utf-8")) for name in ("canonical.json", "big_integers.json")]
ACCEPTED = [vector for file in FILES for vector in file["accepted"]]
REJECTED = [vector for file in FILES for vector in file["rejected"]]
BIG = [vector["name"] for vector in FILES[1]["accepted"]]


def from_json(form: Any) -> Any:
    """Turn the JSON form of a vector's value into the value, as canonical.json describes it."""
    if isinstance(form, dict):
        return int(form["int"]) if "int" in form else form["str"]
    if isinstance(form, str) and form.startswith("0x"):
        return bytes.fromhex(form[2:])
    return tuple(from_json(item) for item in form) if isinstance(form, list) else form


def naive_encode(value: Any) -> bytes:
    """Encode by the table of the MessagePack specification, smallest form first."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return naive_integer(value)
    if isinstance(value, str):
        return naive_text(value.encode(), 0xD9, short=True)
    if isinstance(value, bytes):
        return naive_text(value, 0xC4, short=False)
    items = b"".join(map(naive_encode, value))
    if len(value) < 16:
        return bytes((0x90 + len(value),)) + items
    return b"\xdc" + len(value).to_bytes(2, "big") + items


def naive_integer(value: int) -> bytes:
    """Return the shortest form of an integer."""
    if -32 <= value < 128:
        return (value & 0xFF).to_bytes(1, "big")
    for power in range(4):
        width = 1 << power
        if 0 <= value < 1 << 8 * width:
            return bytes((0xCC + power,)) + value.to_bytes(width, "big")
        if -(1 << 8 * width - 1) <= value < 0:
            return bytes((0xD0 + power,)) + value.to_bytes(width, "big", signed=True)
    width = next(width for width in range(9, 33) if -(1 << 8 * width - 1) <= value < 1 << 8 * width - 1)
    head = b"\xd8\x01" if width == 16 else bytes((0xC7, width, 1))
    return head + value.to_bytes(width, "big", signed=True)


def naive_text(data: bytes, first: int, *, short: bool) -> bytes:
    """Return the shortest form of text or bytes of less than 64 KiB."""
    if short and len(data) < 32:
        return bytes((0xA0 + len(data),)) + data
    if len(data) < 256:
        return bytes((first, len(data))) + data
    return bytes((first + 1,)) + len(data).to_bytes(2, "big") + data


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-INTEGER_MAX, INTEGER_MAX)
    | st.integers(-(1 << 65), 1 << 65)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
    | st.binary(max_size=300)
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=20).map(tuple), max_leaves=60)


@pytest.mark.parametrize("vector", ACCEPTED, ids=lambda vector: vector["name"])
def test_accepted_vector(vector: dict[str, Any]) -> None:
    """Each accepted vector encodes to its bytes and decodes to its value, of the same type."""
    value, data = from_json(vector["value"]), bytes.fromhex(vector["encoded"])
    decoded = decode(data)
    assert (encode(value), decoded, type(decoded)) == (data, value, type(value))


@pytest.mark.parametrize("vector", REJECTED, ids=lambda vector: vector["name"])
def test_rejected_vector(vector: dict[str, Any]) -> None:
    """Each rejected vector is refused for its own reason."""
    with pytest.raises(CodecError) as refused:
        decode(
            bytes.fromhex(vector["encoded"]),
            bytes_max=vector.get("max_bytes", 1024),
            items_max=vector.get("max_items", 1024),
        )
    assert refused.value.reason.value == vector["reason"]


def test_every_reason_has_a_vector() -> None:
    """The shared files exercise every reason that decoding can give."""
    assert {vector["reason"] for vector in REJECTED} == {reason.value for reason in CodecReason}


@given(values)
def test_encoding_equals_the_naive_twin_and_comes_back(value: Any) -> None:
    """Any value encodes as the specification's table says, and decodes to itself."""
    data = encode(value)
    assert (data, decode(data)) == (naive_encode(value), value)


@given(values)
def test_a_packer_is_encode_without_checks(value: Any) -> None:
    """A packer gives the bytes of encode again and again, and unpack their value."""
    pack = make_packer()
    assert (pack(value), pack(value), unpack(pack(value))) == (encode(value), encode(value), value)


def test_a_packer_survives_a_value_that_it_refuses() -> None:
    """What a packer had written before it failed is not in what it writes next."""
    pack = make_packer()
    with pytest.raises(CodecError) as refused:
        pack([1, "text", 1 << 255])
    assert (refused.value.reason, pack([2])) == (CodecReason.OUT_OF_RANGE, b"\x91\x02")


@given(st.binary(max_size=40))
def test_whatever_decodes_is_the_only_encoding_of_its_value(data: bytes) -> None:
    """Random bytes are either refused with a reason or exactly what encoding the result gives."""
    try:
        value = decode(data)
    except CodecError:
        return
    assert naive_encode(value) == data


@given(st.binary(min_size=1, max_size=33), st.sampled_from([0, 1, 2, 255]))
def test_an_extension_decodes_to_its_only_integer_or_not_at_all(content: bytes, code: int) -> None:
    """Extensions of any type and length are refused unless they are the shortest form of a big integer."""
    data = (b"\xd8" if len(content) == 16 else bytes((0xC7, len(content)))) + bytes((code,)) + content
    try:
        value = decode(data)
    except CodecError:
        value = None
    number = int.from_bytes(content, "big", signed=True)
    good = code == 1 and abs(number) <= INTEGER_MAX and naive_integer(number) == data
    assert value == (number if good else None)


class Colour(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1 << 255, CodecReason.OUT_OF_RANGE),
        (-(1 << 255), CodecReason.OUT_OF_RANGE),
        ([0, 1 << 300], CodecReason.OUT_OF_RANGE),
        (1.0, CodecReason.UNSUPPORTED),
        ([1.0], CodecReason.UNSUPPORTED),
        ({}, CodecReason.UNSUPPORTED),
        (bytearray(b"a"), CodecReason.UNSUPPORTED),
        (Colour.RED, CodecReason.UNSUPPORTED),
        ([Colour.RED], CodecReason.UNSUPPORTED),
        (msgpack.ExtType(1, bytes(9)), CodecReason.UNSUPPORTED),
        ("\ud800", CodecReason.BAD_TEXT),
        (["\udfff"], CodecReason.BAD_TEXT),
    ],
    ids=str,
)
def test_values_without_an_encoding_are_refused(value: Any, reason: CodecReason) -> None:
    """Numbers out of range, foreign types, subclasses and surrogates have no encoding."""
    with pytest.raises(CodecError) as refused:
        encode(value)
    assert refused.value.reason is reason


def nested(levels: int) -> Any:
    """Return a list in a list …, so many of them."""
    value: Any = ()
    for _ in range(levels - 1):
        value = (value,)
    return value


@pytest.mark.parametrize("levels_max", [1, NESTING_MAX, 160])
def test_nesting_is_bounded_both_ways(levels_max: int) -> None:
    """As many levels as the caller allows encode and decode; one more does neither."""
    good, bad = nested(levels_max), nested(levels_max + 1)
    data = encode(good, nesting_max=levels_max)
    assert decode(data, nesting_max=levels_max) == good
    with pytest.raises(CodecError) as encoding:
        encode(bad, nesting_max=levels_max)
    with pytest.raises(CodecError) as decoding:
        decode(encode(bad, nesting_max=levels_max + 1), nesting_max=levels_max)
    assert (encoding.value.reason, decoding.value.reason) == (CodecReason.TOO_DEEP, CodecReason.TOO_DEEP)


def test_sequences_decode_as_tuples() -> None:
    """Nothing that has been decoded can be changed."""
    assert decode(encode([1, [2, []]])) == (1, (2, ()))


def test_the_file_of_big_integers_has_every_width() -> None:
    """The shared file goes through the widths at which something changes."""
    widths = {len(bytes.fromhex(vector["encoded"])) for vector in FILES[1]["accepted"] if vector["name"] in BIG}
    assert {12, 13, 18, 20, 35} <= widths
