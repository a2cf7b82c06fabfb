"""The canonical codec against the shared vectors, and against random input."""

import json
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.codec import CodecError, CodecReason, decode, encode
from consensus.limits import NESTING_MAX

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "canonical.json").read_text(encoding="utf-8"))


class Enum(IntEnum):
    """An int to isinstance."""

    ONE = 1


def from_json(form: Any) -> Any:
    """Turn the JSON form of a vector's value into the value; the file says how."""
    if isinstance(form, dict):
        return int(form["int"]) if "int" in form else form["str"]
    if isinstance(form, str) and form.startswith("0x"):
        return bytes.fromhex(form[2:])
    return [from_json(item) for item in form] if isinstance(form, list) else form


def limits_of(vector: dict[str, Any]) -> dict[str, int]:
    """Return the bounds that a vector is to be decoded with."""
    return {name: vector.get(name, VECTORS["limits"][name]) for name in ("max_bytes", "max_items")}


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
    assert refused.value.reason == vector["reason"]


@given(st.binary(max_size=60))
def test_whatever_decodes_is_the_only_encoding_of_its_value(data: bytes) -> None:
    """Random bytes are refused with a reason, or are exactly what encoding the result gives."""
    try:
        value = decode(data, max_bytes=60, max_items=60)
    except CodecError:
        return
    assert encode(value) == data


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1 << 64, CodecReason.OUT_OF_RANGE),
        (-(1 << 63) - 1, CodecReason.OUT_OF_RANGE),
        (1.0, CodecReason.UNSUPPORTED),
        ({}, CodecReason.UNSUPPORTED),
        (bytearray(b"a"), CodecReason.UNSUPPORTED),
        (Enum.ONE, CodecReason.UNSUPPORTED),
        ("\ud800", CodecReason.BAD_TEXT),
    ],
)
def test_what_has_no_encoding(value: Any, reason: CodecReason) -> None:
    """A value without canonical form is refused, also inside an array."""
    for candidate in (value, [value], (0, (value,))):
        with pytest.raises(CodecError) as refused:
            encode(candidate)
        assert refused.value.reason is reason


def test_arrays_nest_to_the_limit_and_no_further() -> None:
    """The deepest array encodes and decodes; one more level does neither."""
    nested: Any = []
    for _ in range(NESTING_MAX - 1):
        nested = [nested]
    assert decode(encode(nested)) == nested
    with pytest.raises(CodecError) as refused:
        encode([nested])
    assert refused.value.reason is CodecReason.TOO_DEEP
