"""The canonical codec: shared vectors, a naive twin written from the format's table, and hostile input."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.codec import CodecError, CodecReason, decode, encode
from storage.limits import DEPTH_MAX

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "canonical.json").read_text(encoding="utf-8"))


def from_json(form: Any) -> Any:
    """Turn the JSON form of a vector's value into the value; the file says how."""
    if isinstance(form, dict):
        return int(form["int"]) if "int" in form else form["str"]
    if isinstance(form, str) and form.startswith("0x"):
        return bytes.fromhex(form[2:])
    return [from_json(item) for item in form] if isinstance(form, list) else form


def naive_encode(value: Any) -> bytes:
    """Encode by the table of the MessagePack specification, smallest form first."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return naive_integer(value)
    if isinstance(value, str):
        data = value.encode()
        return naive_head(len(data), (0xA0, 32), 0xD9) + data
    if isinstance(value, bytes):
        return naive_head(len(value), (0, 0), 0xC4) + value
    return naive_head(len(value), (0x90, 16), 0xDC - 1, shortest_width=2) + b"".join(map(naive_encode, value))


def naive_integer(value: int) -> bytes:
    """Return the shortest form of an integer."""
    if -32 <= value < 128:
        return (value & 0xFF).to_bytes(1)
    for power in range(4):
        width = 1 << power
        if 0 <= value < 1 << 8 * width:
            return bytes([0xCC + power]) + value.to_bytes(width)
        if value < 0 and value >= -(1 << 8 * width - 1):
            return bytes([0xD0 + power]) + value.to_bytes(width, signed=True)
    raise AssertionError(value)


def naive_head(length: int, fix: tuple[int, int], first: int, *, shortest_width: int = 1) -> bytes:
    """Return the shortest head of a str, bin or array of this length."""
    base, fix_end = fix
    if length < fix_end:
        return bytes([base + length])
    for power in range(3):
        width = 1 << power
        if width >= shortest_width and length < 1 << 8 * width:
            return bytes([first + power]) + length.to_bytes(width)
    raise AssertionError(length)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
    | st.binary(max_size=300)
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=20), max_leaves=60)


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda vector: vector["name"])
def test_accepted_vector(vector: dict[str, Any]) -> None:
    """Each accepted vector encodes to its bytes and decodes to its value, of the same type."""
    value, data = from_json(vector["value"]), bytes.fromhex(vector["encoded"])
    decoded = decode(data, **limits_of(vector))
    assert (encode(value), decoded, type(decoded)) == (data, value, type(value))


@pytest.mark.parametrize("vector", VECTORS["rejected"], ids=lambda vector: vector["name"])
def test_rejected_vector(vector: dict[str, Any]) -> None:
    """Each rejected vector is refused for its own reason."""
    with pytest.raises(CodecError) as refused:
        decode(bytes.fromhex(vector["encoded"]), **limits_of(vector))
    assert refused.value.reason.value == vector["reason"]


def test_every_reason_of_decoding_has_a_vector() -> None:
    """The shared file exercises every reason that decoding can give."""
    covered = {vector["reason"] for vector in VECTORS["rejected"]}
    assert covered == {reason.value for reason in CodecReason} - {CodecReason.OUT_OF_RANGE.value}


@given(values)
def test_encoding_equals_the_naive_twin_and_comes_back(value: Any) -> None:
    """Any value encodes as the specification's table says, and decodes to itself."""
    data = encode(value)
    assert (data, decode(data, max_bytes=len(data), max_items=20)) == (naive_encode(value), value)


@given(st.binary(max_size=40))
def test_whatever_decodes_is_the_only_encoding_of_its_value(data: bytes) -> None:
    """Random bytes are either refused with a reason or exactly what encoding the result gives."""
    try:
        value = decode(data, max_bytes=40, max_items=40)
    except CodecError:
        return
    assert naive_encode(value) == data


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1 << 64, CodecReason.OUT_OF_RANGE),
        (-(1 << 63) - 1, CodecReason.OUT_OF_RANGE),
        ([1.0], CodecReason.UNSUPPORTED),
        ({}, CodecReason.UNSUPPORTED),
        (bytearray(b"a"), CodecReason.UNSUPPORTED),
        (CodecReason.TRAILING, CodecReason.UNSUPPORTED),
        ({1}, CodecReason.UNSUPPORTED),
        ("\ud800", CodecReason.BAD_TEXT),
    ],
)
def test_what_cannot_be_encoded(value: object, reason: CodecReason) -> None:
    """A value without canonical form is refused, also inside a list and when another type would be close enough."""
    for candidate in (value, [value], (0, [value])):
        with pytest.raises(CodecError) as refused:
            encode(candidate)
        assert refused.value.reason is reason


def test_depth_is_bounded_when_encoding() -> None:
    """Lists nest to the limit and no further."""
    nested: list[Any] = []
    for _ in range(DEPTH_MAX - 1):
        nested = [nested]
    assert encode(nested) == b"\x91" * (DEPTH_MAX - 1) + b"\x90"
    with pytest.raises(CodecError) as refused:
        encode([nested])
    assert refused.value.reason is CodecReason.TOO_DEEP


def test_tuples_encode_as_lists() -> None:
    """A tuple and a list of the same items have the same encoding, and decode as a list."""
    assert encode((1, (2, b"x"))) == encode([1, [2, b"x"]])
    assert decode(encode((1, (2, b"x"))), max_bytes=20, max_items=2) == [1, [2, b"x"]]


def test_a_very_deep_input_is_refused_without_recursion() -> None:
    """A hundred thousand open brackets cost a refusal, not a stack."""
    with pytest.raises(CodecError) as refused:
        decode(b"\x91" * 100_000, max_bytes=100_000, max_items=10)
    assert refused.value.reason in {CodecReason.TOO_DEEP, CodecReason.TRUNCATED}


def limits_of(vector: dict[str, Any]) -> dict[str, int]:
    """Return the bounds to decode a vector with."""
    common = VECTORS["limits"]
    return {name: vector.get(name, common[name]) for name in ("max_bytes", "max_items")}
