"""Journals: levels are kept or undone as a whole, scans see writes and base as one, keys of contracts never meet."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hanchain.ledger.memory import MemoryState
from hanchain.ledger.state import Journal, empty_state_root, state_hasher, state_key, writes_digest
from storage.treeproof import verify_tree_path

NAMES = [bytes(name) for name in (b"a", b"aa", b"ab", b"b", b"b\xff", b"b\xff\xff", b"c", b"ca")]
keys = st.sampled_from(NAMES)
stored_values = st.dictionaries(keys, st.binary(max_size=2))
prefixes = st.sampled_from([b"a", b"b", b"b\xff", b"c", b"d"])
starts = st.none() | keys | st.sampled_from([b"a\x00", b"b\xfe", b"d"])


class Base:
    """A state in a dictionary, read only."""

    def __init__(self, stored):
        self.stored = stored
        self.get = stored.get

    def scan(self, prefix, start, *, descending):
        """Scan by sorting everything."""
        return iter(scanned(self.stored, prefix, start, descending))


def scanned(entries, prefix, start, descending):
    """Return what a scan of a dictionary is to yield, by definition."""
    chosen = sorted((k for k in entries if k.startswith(prefix)), reverse=descending)
    if start is not None:
        chosen = [k for k in chosen if (k <= start if descending else k >= start)]
    return [(k, entries[k]) for k in chosen]


class JournalAgainstCopies(RuleBasedStateMachine):
    """A journal behaves like a dictionary that is copied whenever a level opens."""

    @initialize(stored=stored_values)
    def open(self, stored):
        """Start on some state."""
        self.stored = stored
        self.journal = Journal(Base(dict(stored)))
        self.levels = [{}]  # the writes as of each level's end

    @rule(key=keys, value=st.none() | st.binary(max_size=2))
    def put(self, key, value):
        """Write or delete."""
        self.journal.put(key, value)
        self.levels[-1][key] = value

    @rule()
    def begin(self):
        """Open a level."""
        self.journal.begin()
        self.levels.append(dict(self.levels[-1]))

    @precondition(lambda self: len(self.levels) > 1)
    @rule()
    def keep(self):
        """Keep a level."""
        self.journal.keep()
        kept = self.levels.pop()
        self.levels[-1] = kept

    @precondition(lambda self: len(self.levels) > 1)
    @rule()
    def undo(self):
        """Undo a level."""
        self.journal.undo()
        self.levels.pop()

    @rule(prefix=prefixes, start=starts, descending=st.booleans())
    def scan(self, prefix, start, descending):
        """Scan: live keys in order with their values; deleted ones as None, if they are told at all."""
        seen = list(self.journal.scan(prefix, start, descending=descending))
        merged = {**self.stored, **self.levels[-1]}
        live = {key: value for key, value in merged.items() if value is not None}
        assert [(k, v) for k, v in seen if v is not None] == scanned(live, prefix, start, descending)
        assert seen == scanned(merged, prefix, start, descending)

    @invariant()
    def reads(self):
        """Every key reads as in the model."""
        merged = {**self.stored, **self.levels[-1]}
        assert [self.journal.get(key) for key in NAMES] == [merged.get(key) for key in NAMES]

    def teardown(self):
        """Close all levels: the writes are those of the model."""
        while len(self.levels) > 1:
            self.keep()
        if self.levels:
            assert self.journal.writes() == tuple(sorted(self.levels[0].items()))


TestJournalAgainstCopies = JournalAgainstCopies.TestCase
TestJournalAgainstCopies.__doc__ = JournalAgainstCopies.__doc__
TestJournalAgainstCopies.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


def test_changes_are_those_of_the_level():
    """A level tells its own writes and those of levels kept inside it, in the order of their keys, and no others."""
    journal = Journal(Base({b"a": b"0"}))
    journal.put(b"z", b"1")
    journal.begin()
    journal.put(b"c", b"2")
    journal.begin()
    journal.put(b"b", None)
    journal.keep()
    journal.begin()
    journal.put(b"d", b"3")
    journal.put(b"c", b"4")
    journal.undo()
    assert journal.changes() == ((b"b", None), (b"c", b"2"))
    with pytest.raises(AssertionError, match="all its transactions have ended"):
        journal.writes()
    journal.keep()
    assert journal.writes() == ((b"b", None), (b"c", b"2"), (b"z", b"1"))


@given(st.text("ab.", min_size=1, max_size=3), st.binary(max_size=3), st.text("ab.", min_size=1, max_size=3), keys)
def test_state_keys_are_unambiguous(contract, key, other_contract, other_key):
    """Two state keys are equal only for the same contract and the same key."""
    same = (contract, key) == (other_contract, other_key)
    assert (state_key(contract, key) == state_key(other_contract, other_key)) is same
    assert state_key("sys.anchor", b"k") == b"\x0asys.anchork"


def test_the_longest_state_key():
    """The longest name with the longest key has a state key."""
    assert state_key("x" * 64, b"k" * 512) == b"\x40" + b"x" * 64 + b"k" * 512


@pytest.mark.parametrize(("contract", "key"), [("", b"k"), ("x" * 65, b"k"), ("c", b"k" * 513)])
def test_our_own_keys_are_asserted(contract, key):
    """A name or key that no contract can have is our own mistake."""
    with pytest.raises(AssertionError):
        state_key(contract, key)


def test_writes_digest(network):
    """The digest of writes is the tagged hash of their canonical list."""
    suite, writes = network.suite, ((b"a", b"1"), (b"b", None))
    digest = suite.tagged_hash("hanchain/writes/1", bytes.fromhex("92 92c40161c40131 92c40162c0".replace(" ", "")))
    assert writes_digest(writes, suite) == digest


def test_a_state_in_memory(network):
    """Writes are seen once they are committed, in the order of their keys; keys and their absence are proved."""
    state = MemoryState(network.suite)
    assert state.root == empty_state_root(network.suite)
    root = state.root_after(((b"\x01ca", b"1"), (b"\x01cb", b"2"), (b"\x01d", b"3")))
    assert (state.root, state.get(b"\x01ca")) == (empty_state_root(network.suite), None)
    assert state.commit(((b"\x01ca", b"1"), (b"\x01cb", b"2"), (b"\x01d", b"3"))) == state.root == root
    assert list(state.scan(b"\x01c", None, descending=True)) == [(b"\x01cb", b"2"), (b"\x01ca", b"1")]
    for key, value in ((b"\x01cb", b"2"), (b"\x01e", None)):
        found, proof = state.prove(key)
        assert found == value
        assert verify_tree_path(root, key, value, proof, state_hasher(network.suite))
