"""The host of system contracts: what a call costs, what it sees and what scans tell."""

import pytest

from hanchain.ledger import gas
from hanchain.ledger.codec import encode
from hanchain.ledger.execution import Catalogue
from hanchain.ledger.host import Caller
from hanchain.ledger.native import NativeHost
from hanchain.ledger.reasons import Fault
from hanchain.ledger.session import Session
from hanchain.ledger.state import Journal, state_key


@pytest.fixture
def session(network):
    """Return a session on an empty state."""
    return Session(
        rules=network.rules,
        catalogue=Catalogue(network.rules.parameters),
        journal=Journal(network.state()),
        meter=gas.Meter(100_000),
        caller=Caller(b"sender", b"txid", 7, 1_000),
        blobs=(),
        read_only=False,
    )


@pytest.fixture
def host(session):
    """Return the host of a contract."""
    return NativeHost("sys.test", session)


def _cost(session, call):
    before = session.meter.used
    result = call()
    return session.meter.used - before, result


def test_prices(session, host):
    """Reads, new keys, changed keys and events cost what they cost user contracts, by size and elements."""
    assert _cost(session, lambda: host.get("cell", b"k")) == (60, None)
    value = [1, "text", [b"x" * 100]]
    size = len(encode(value)) + len(state_key("sys.test", b"\x02cell\x00\x01k\x00"))
    assert _cost(session, lambda: host.put(value, "cell", b"k")) == (400 + 2 * size + 4, None)
    assert _cost(session, lambda: host.put(value, "cell", b"k")) == (200 + 2 * size + 4, None)
    read = (1, "text", (b"x" * 100,))
    assert _cost(session, lambda: host.get("cell", b"k")) == (60 + len(encode(value)) // 32 + 4, read)
    assert _cost(session, lambda: host.put(5, "other")) == (400 + 2 * (1 + len(b"\x08sys.test\x02other\x00")), None)
    assert _cost(session, lambda: host.emit("Event", b"abc", 1)) == (60 + len(encode((b"abc", 1))), None)


def test_a_key_that_was_looked_for_is_new_once(session, host):
    """What a read found absent is new when it is written, and no longer when it is written again."""
    host.get("cell")
    first, _ = _cost(session, lambda: host.put(1, "cell"))
    second, _ = _cost(session, lambda: host.put(2, "cell"))
    assert first - second == 200


def test_scans(session, host):
    """A scan yields the next part of each key and its value, in order, from beyond a given one, and pays for all."""
    for name in ("b", "a", "c", "aa"):
        host.put(name * 2, "row", name)
    host.put(1, "rows", "z")
    assert list(host.scan("row")) == [("a", "aa"), ("aa", "aaaa"), ("b", "bb"), ("c", "cc")]
    assert list(host.scan("row", after="a")) == [("aa", "aaaa"), ("b", "bb"), ("c", "cc")]
    assert list(host.scan("row", after="ab")) == [("b", "bb"), ("c", "cc")]
    assert list(host.scan("row", after="z")) == []
    assert _cost(session, lambda: list(host.scan("row", after="b")))[0] == 60 + 60
    session.journal.put(state_key("sys.test", b"\x02row\x00\x02c\x00"), None)
    assert _cost(session, lambda: list(host.scan("row", after="b"))) == (60 + 20, [])


def test_damage_is_a_fault(session, host):
    """Bytes that no execution wrote are our own mistake, read or scanned."""
    session.journal.put(state_key("sys.test", b"\x02cell\x00\x01k\x00"), b"\xc1")
    for read in (lambda: host.get("cell", b"k"), lambda: list(host.scan("cell"))):
        with pytest.raises(Fault, match="damaged"):
            read()


def test_a_view_cannot_write(session):
    """Writing in a view is a bug of the system contract, and stops there."""
    session.read_only = True
    host = NativeHost("sys.test", session)
    for write in (lambda: host.put(1, "cell"), lambda: host.emit("Event")):
        with pytest.raises(AssertionError):
            write()
    assert (session.journal.writes(), session.events) == ((), [])


def test_levels(session, host):
    """Writes and events of an undone level are gone, those of a kept one stay, and the room for events comes back."""
    host.put(1, "cell")
    session.begin()
    host.put(2, "cell")
    host.emit("Kept", 1)
    session.begin()
    host.put(3, "cell")
    assert session.report("c", "Gone", (b"x",), 4_096)
    session.undo()
    session.keep()
    assert (host.get("cell"), [event.name for event in session.events], session.levels) == (2, ["Kept"], 0)
    assert all(session.report("c", "E", (), 4_096) for _ in range(31))
    assert not session.report("c", "E", (), 4_096)  # the 2 bytes of the one kept are in the way
    assert session.report("c", "E", (), 4_094)
