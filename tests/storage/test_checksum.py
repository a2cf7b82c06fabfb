"""Sealed values: what comes back is what was stored under that key, or an error with the location."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.checksum import SEAL_BYTES, seal, unseal
from storage.errors import Corruption


@given(st.binary(max_size=20), st.binary(max_size=60))
def test_a_sealed_value_comes_back(key: bytes, value: bytes) -> None:
    """Unsealing under the same key returns the value; the seal costs four bytes."""
    sealed = seal(key, value)
    assert (unseal(key, sealed, "here"), len(sealed)) == (value, len(value) + SEAL_BYTES)


def test_every_single_bit_flip_is_found() -> None:
    """Whichever bit of the stored bytes flips, the value is refused and the location named."""
    sealed = seal(b"key", b"some value")
    for bit in range(8 * len(sealed)):
        damaged = (int.from_bytes(sealed) ^ 1 << bit).to_bytes(len(sealed))
        with pytest.raises(Corruption) as found:
            unseal(b"key", damaged, "blocks/7")
        assert found.value.location == "blocks/7"


def test_a_value_under_another_key_is_found() -> None:
    """A value is bound to its key, also when key and value together are the same bytes."""
    sealed = seal(b"ab", b"c")
    for key in (b"ac", b"a", b"", b"abc"):
        with pytest.raises(Corruption):
            unseal(key, sealed, "here")
    with pytest.raises(Corruption):
        unseal(b"a", b"b" + sealed, "here")


@pytest.mark.parametrize("size", range(SEAL_BYTES))
def test_too_short_to_be_sealed(size: int) -> None:
    """Fewer bytes than a checksum has are damage, not a crash."""
    with pytest.raises(Corruption) as found:
        unseal(b"", bytes(size), "here")
    assert found.value.detail == f"{size} bytes are too short to hold a checksum"
