"""This package's copy of the canonical codec against the vectors that hold all copies equal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from p2p.codec import CodecError, CodecReason, decode, encode

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "canonical.json").read_text(encoding="utf-8"))


def from_json(form: Any) -> Any:
    """Turn the JSON form of a vector's value into the value; the file says how."""
    if isinstance(form, dict):
        return int(form["int"]) if "int" in form else form["str"]
    if isinstance(form, str) and form.startswith("0x"):
        return bytes.fromhex(form[2:])
    return [from_json(item) for item in form] if isinstance(form, list) else form


def bounds(vector: dict[str, Any]) -> dict[str, int]:
    """Return the bounds to decode a vector with."""
    return {name: vector.get(name, VECTORS["limits"][name]) for name in ("max_bytes", "max_items")}


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda vector: vector["name"])
def test_accepted_vector(vector):
    """Each accepted vector encodes to its bytes and decodes to its value, of the same type."""
    value, data = from_json(vector["value"]), bytes.fromhex(vector["encoded"])
    decoded = decode(data, **bounds(vector))
    assert (encode(value), decoded, type(decoded)) == (data, value, type(value))


@pytest.mark.parametrize("vector", VECTORS["rejected"], ids=lambda vector: vector["name"])
def test_rejected_vector(vector):
    """Each rejected vector is refused for its own reason."""
    with pytest.raises(CodecError) as refused:
        decode(bytes.fromhex(vector["encoded"]), **bounds(vector))
    assert refused.value.reason.value == vector["reason"]


@pytest.mark.parametrize("value", [1.5, {}, bytearray(b"a"), CodecReason.TRAILING, [1.5]])
def test_other_types_have_no_encoding(value):
    """What is no value of ours is refused when encoding, also inside a list."""
    with pytest.raises(CodecError) as refused:
        encode(value)
    assert refused.value.reason is CodecReason.UNSUPPORTED
