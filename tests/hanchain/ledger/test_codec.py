"""The ledger's copy of the canonical codec is equal to the others'."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanchain.ledger.codec import CodecError, CodecReason, decode, encode

FOLDER = Path(__file__).parents[2] / "vectors"
FILES = [json.loads((FOLDER / name).read_text(encoding="utf-8")) for name in ("canonical.json", "big_integers.json")]
ACCEPTED, REJECTED = ([vector for file in FILES for vector in file[kind]] for kind in ("accepted", "rejected"))
BOUNDS = {name: FILES[0]["limits"][name] for name in ("max_bytes", "max_items")}

integers = st.integers(-(2**63), 2**64 - 1) | st.integers(-(2**255) + 1, 2**255 - 1)
scalars = st.none() | st.booleans() | integers | st.binary(max_size=9) | st.text(max_size=9)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=5).map(tuple), max_leaves=30)


def _value_of(form):
    """Return the value of a vector; sequences as tuples, the way this copy decodes them."""
    if isinstance(form, dict):
        return int(form["int"]) if "int" in form else form["str"]
    if isinstance(form, str) and form.startswith("0x"):
        return bytes.fromhex(form[2:])
    return tuple(map(_value_of, form)) if isinstance(form, list) else form


def _bounds_of(vector):
    return {name: vector.get(name, default) for name, default in BOUNDS.items()}


@pytest.mark.parametrize("vector", ACCEPTED, ids=lambda vector: vector["name"])
def test_accepted(vector):
    """An accepted vector encodes to its bytes and decodes to its value."""
    value, data = _value_of(vector["value"]), bytes.fromhex(vector["encoded"])
    decoded = decode(data, **_bounds_of(vector))
    assert (encode(value), decoded, type(decoded)) == (data, value, type(value))


@pytest.mark.parametrize("vector", REJECTED, ids=lambda vector: vector["name"])
def test_rejected(vector):
    """A rejected vector is refused with its reason."""
    with pytest.raises(CodecError) as refusal:
        decode(bytes.fromhex(vector["encoded"]), **_bounds_of(vector))
    assert refusal.value.reason == vector["reason"]


@given(values)
def test_round_trip(value):
    """Every value decodes from its encoding."""
    assert decode(encode(value), **BOUNDS) == value


@given(st.binary(max_size=60))
def test_garbage(data):
    """Whatever decodes encodes to the same bytes; everything else is a CodecError."""
    try:
        value = decode(data, **BOUNDS)
    except CodecError:
        return
    assert encode(value) == data


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1.5, CodecReason.UNSUPPORTED),
        ({}, CodecReason.UNSUPPORTED),
        ([bytearray()], CodecReason.UNSUPPORTED),
        ([CodecReason.TOO_LONG], CodecReason.UNSUPPORTED),
        (2**255, CodecReason.OUT_OF_RANGE),
        (-(2**255), CodecReason.OUT_OF_RANGE),
        ([1, [2**300]], CodecReason.OUT_OF_RANGE),
        ("\ud800", CodecReason.BAD_TEXT),
    ],
    ids=repr,
)
def test_values_without_encoding(value, reason):
    """A value that has no canonical encoding is refused with its reason."""
    with pytest.raises(CodecError) as refusal:
        encode(value)
    assert refusal.value.reason is reason


def test_depth():
    """Thirty-two levels encode, thirty-three do not."""
    nested = ()
    for _ in range(31):
        nested = (nested,)
    assert decode(encode(nested), **BOUNDS) == nested
    with pytest.raises(CodecError) as refusal:
        encode((nested,))
    assert refusal.value.reason is CodecReason.TOO_DEEP
