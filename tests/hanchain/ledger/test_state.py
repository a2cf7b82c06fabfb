"""Journals commit or vanish as a whole; keys of two contracts never meet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanchain.ledger.state import Journal, empty_state_root, next_state_root, state_key, writes_digest

keys = st.sampled_from([b"a", b"b", b"c", b"d"])
operations = st.lists(st.tuples(keys, st.none() | st.binary(max_size=2)), max_size=8)
scripts = st.lists(st.tuples(operations, st.booleans()), max_size=6)


@given(st.dictionaries(keys, st.binary(max_size=2)), scripts)
def test_journals_against_a_dictionary(stored, script):
    """A block of transactions, some rolled back, leaves exactly the writes of those that were committed."""
    before, model = dict(stored), dict(stored)
    block, expected = Journal(stored.get), {}
    for writes, committed in script:
        transaction, inside = block.child(), dict(model)
        for key, value in writes:
            transaction.put(key, value)
            inside[key] = value
            assert transaction.get(key) == value
        assert [transaction.get(key) for key in (b"a", b"b", b"c", b"d")] == [
            inside.get(key) for key in (b"a", b"b", b"c", b"d")
        ]
        if committed:
            transaction.commit()
            model = inside
            expected |= dict(writes)
        else:
            transaction.rollback()
        assert transaction.writes() == ()
        assert [block.get(key) for key in (b"a", b"b", b"c", b"d")] == [
            model.get(key) for key in (b"a", b"b", b"c", b"d")
        ]
    assert block.writes() == tuple(sorted(expected.items()))
    assert stored == before


@given(st.text("ab.", min_size=1, max_size=3), st.binary(max_size=3), st.text("ab.", min_size=1, max_size=3), keys)
def test_state_keys_are_unambiguous(contract, key, other_contract, other_key):
    """Two state keys are equal only for the same contract and the same key."""
    same = (contract, key) == (other_contract, other_key)
    assert (state_key(contract, key) == state_key(other_contract, other_key)) is same
    assert state_key("sys.anchor", b"k") == b"\x0asys.anchor\x00\x01k"


def test_the_longest_state_key():
    """The longest name with the longest key has a state key."""
    assert state_key("x" * 64, b"k" * 512) == b"\x40" + b"x" * 64 + b"\x02\x00" + b"k" * 512


@pytest.mark.parametrize(("contract", "key"), [("", b"k"), ("x" * 65, b"k"), ("c", b"k" * 513)])
def test_our_own_keys_are_asserted(contract, key):
    """A name or key that no contract can have is our own mistake."""
    with pytest.raises(AssertionError):
        state_key(contract, key)


def test_roots_are_tagged_hashes(network):
    """The state root is a chain over the digests of the blocks' writes."""
    suite, writes = network.suite, ((b"a", b"1"), (b"b", None))
    digest = suite.tagged_hash("hanchain/writes/1", bytes.fromhex("92 92c40161c40131 92c40162c0".replace(" ", "")))
    assert writes_digest(writes, suite) == digest
    assert empty_state_root(suite) == suite.tagged_hash("hanchain/state/1")
    assert next_state_root(b"r" * 32, writes, suite) == suite.tagged_hash("hanchain/state/1", b"r" * 32, digest)
