"""Certificates asked for afterwards: turns, time-outs, bounds."""

from hanchain.node import limits
from hanchain.node.catchup import Ask
from hanchain.node.gaps import Gaps
from hanchain.node.wire import BlocksRequest, BlocksResponse

PEERS = ["a", "b"]


def noted(*heights):
    """Return gaps at some heights."""
    gaps = Gaps()
    gaps.note(heights)
    return gaps


def test_nothing_is_asked_without_gaps_or_peers():
    """No gap or no peer, no request."""
    assert Gaps().next_ask(PEERS, 0) is None
    assert noted(1).next_ask([], 0) is None


def test_heights_and_peers_take_turns():
    """Every answer, helpful or not, is followed by the next height from the next peer, until all are filled."""
    gaps = noted(4, 7)
    asked = []
    for _ in range(4):
        ask = gaps.next_ask(PEERS, 0)
        asked.append((ask.peer, ask.request.from_height))
        assert gaps.accept(ask.peer, BlocksResponse(ask.request.from_height, ()))
    assert asked == [("a", 4), ("b", 7), ("a", 4), ("b", 7)]
    gaps.filled(4)
    assert gaps.next_ask(PEERS, 0) == Ask("a", BlocksRequest(7, 1))
    gaps.filled(7)
    assert len(gaps) == 0


def test_one_request_at_a_time_until_it_is_answered_or_late():
    """While a request is under way nothing is asked; a peer that is late or gone is passed over."""
    gaps = noted(4)
    assert gaps.next_ask(PEERS, 0).peer == "a"
    assert gaps.next_ask(PEERS, limits.SYNC_TIMEOUT_MS - 1) is None
    assert gaps.next_ask(PEERS, limits.SYNC_TIMEOUT_MS).peer == "b"
    assert gaps.next_ask(["a"], limits.SYNC_TIMEOUT_MS).peer == "a"


def test_only_the_answer_to_the_request_is_taken():
    """Another peer's answer, another height, and a second answer are not taken."""
    gaps = noted(4)
    gaps.next_ask(PEERS, 0)
    assert not gaps.accept("b", BlocksResponse(4, ()))
    assert not gaps.accept("a", BlocksResponse(5, ()))
    assert gaps.accept("a", BlocksResponse(4, ()))
    assert not gaps.accept("a", BlocksResponse(4, ()))


def test_gaps_are_bounded(monkeypatch):
    """Of too many heights the first are given up, and the same height counts once."""
    monkeypatch.setattr(limits, "CERTIFICATES_MISSING_MAX", 2)
    gaps = noted(1, 2, 2, 3)
    assert len(gaps) == 2
    assert gaps.next_ask(PEERS, 0).request.from_height == 2
