"""What a few bytes of a peer can make a replica send, and that an honest peer never waits for it (section 8)."""

from dataclasses import replace

import pytest

from consensus.interface import Batch, BuildProposal, PoolChanged, Proposed, Send, Validate, Validated, Wake
from consensus.messages import (
    Body,
    FetchBody,
    Prepare,
    PrepareCertificate,
    PrePrepare,
    Status,
    decode_message,
)

CLOCK_MS = 1_000_000
T_MS = 2_000
INTERVAL_MS = T_MS // 16  # half of what a peer that is stuck leaves between two STATUS


def nothing(sender: int) -> Status:
    """Return the STATUS of a peer that holds nothing."""
    return Status(0, sender, 0, True, 0, (), False)


def leading(kit, drive, heights: int = 1):
    """Return the leader of view 0 with some proposals in flight."""
    driver = drive(kit, 0)
    driver.step(PoolChanged(0, True))
    for height in range(1, heights + 1):
        asked = driver.of(BuildProposal)[-1]
        assert (asked.view, asked.height) == (0, height)
        body = b"body %d" % height
        batch = Batch(body, kit.suite.hash(body), 1, bytes(kit.suite.digest_size), CLOCK_MS)
        validate = driver.of(Validate, driver.step(Proposed(0, height, batch)))[-1]
        driver.step(Validated(0, validate.digest, None))
    return driver


def to_peer(kit, effects, peer: int) -> list[type]:
    """Return the types of the messages sent to one peer."""
    return [type(decode_message(e.data, kit.context)) for e in effects if isinstance(e, Send) and e.peer == peer]


# ------------------------------------------------------------------------------------------------- rationed answers


def test_a_status_is_answered_once_per_interval_and_peer(kit, drive) -> None:
    """Twenty in a millisecond are one answer; another peer is not made to wait; after the interval there is another."""
    driver = leading(kit, drive)
    burst = [to_peer(kit, driver.receive(nothing(3)), 3) for _ in range(20)]
    assert burst == [[PrePrepare, Prepare]] + [[]] * 19
    assert to_peer(kit, driver.receive(nothing(2)), 2) == [PrePrepare, Prepare]
    answers = []
    for now_ms in (INTERVAL_MS - 1, INTERVAL_MS, INTERVAL_MS + 1, 2 * INTERVAL_MS):
        driver.now_ms = now_ms
        answers.append(to_peer(kit, driver.receive(nothing(3)), 3))
    assert answers == [[], [PrePrepare, Prepare], [], [PrePrepare, Prepare]]


def test_a_body_is_sent_once_per_interval_and_peer(kit, drive) -> None:
    """Another body and another peer are answered meanwhile."""
    driver = leading(kit, drive, heights=2)
    one, two = (m.header.digest(kit.context) for m in driver.sent(PrePrepare))
    asked = [(3, 1, one)] * 3 + [(3, 2, two)] * 2 + [(2, 1, one)] * 2
    answers = [to_peer(kit, driver.receive(FetchBody(0, peer, h, d)), peer) for peer, h, d in asked]
    assert answers == [[Body], [], [], [Body], [], [Body], []]
    driver.now_ms = INTERVAL_MS - 1
    assert to_peer(kit, driver.receive(FetchBody(0, 3, 1, one)), 3) == []
    driver.now_ms = INTERVAL_MS
    assert to_peer(kit, driver.receive(FetchBody(0, 3, 1, one)), 3) == [Body]


def test_proposals_come_from_the_leader_at_first_and_from_all_when_it_leaves_some_out(kit, drive) -> None:
    """A follower re-sends its own vote at once, the whole proposal only when nothing moves for T / 8."""
    driver, header = drive(kit), kit.header(1)
    driver.receive(kit.pre_prepare(header))
    driver.step(Validated(0, header.digest(kit.context), None))
    answers = []
    for now_ms in (0, T_MS // 8 - 1, T_MS // 8 + INTERVAL_MS):
        driver.now_ms = now_ms
        answers.append(to_peer(kit, driver.receive(nothing(3)), 3))
    assert answers == [[Prepare], [Prepare], [PrePrepare, Prepare]]


# ---------------------------------------------------------------------------------------------- honest peers never wait


def run(driver, until_ms: int):
    """Let a replica that hears nothing run by its own alarm; yield the effects of each step."""
    yield list(driver.effects)
    while True:
        at_ms = driver.of(Wake)[-1].at_ms
        if at_ms > until_ms:
            return
        yield driver.tick(at_ms)


@pytest.mark.parametrize("timeout_ms", [161, T_MS, 60_000], ids=lambda timeout_ms: f"T={timeout_ms}")
def test_every_status_of_an_honest_peer_is_answered(kit, drive, timeout_ms: int) -> None:
    """A replica that is stuck asks as often as its timers allow, and gets what it lacks each time."""
    kit.settings = replace(kit.settings, timeout_ms=timeout_ms)
    leader, lagging = leading(kit, drive), drive(kit, 3)
    lagging.step(PoolChanged(0, False))
    eager_ms = min(1_000, timeout_ms // 8)
    answers = []
    for effects in run(lagging, 20 * eager_ms):
        for status in lagging.sent(Status, effects):
            leader.now_ms = lagging.now_ms
            answers.append(to_peer(kit, leader.receive(status), 3))
    assert len(answers) >= 10
    assert answers == [[PrePrepare, Prepare]] * len(answers)


@pytest.mark.parametrize("timeout_ms", [161, T_MS, 60_000], ids=lambda timeout_ms: f"T={timeout_ms}")
def test_every_fetch_of_an_honest_peer_is_answered(kit, drive, timeout_ms: int) -> None:
    """A replica that lacks a body goes round the holders, and whoever it asks sends the body each time."""
    kit.settings = replace(kit.settings, timeout_ms=timeout_ms)
    leader, lagging = leading(kit, drive), drive(kit, 3)
    (proposal,) = leader.sent(PrePrepare)
    lagging.receive(PrepareCertificate(0, 1, kit.prepared(proposal.header)))
    asked, answers = [], []
    for effects in run(lagging, 30 * (timeout_ms // 8)):
        for effect in lagging.of(Send, effects):
            message = decode_message(effect.data, kit.context)
            if isinstance(message, FetchBody):
                asked.append(effect.peer)
                if effect.peer == leader.index:
                    leader.now_ms = lagging.now_ms
                    answers.append(to_peer(kit, leader.receive(message), 3))
    assert asked[:6] == [0, 1, 2, 0, 1, 2]
    assert len(answers) >= 10
    assert answers == [[Body]] * len(answers)


@pytest.mark.parametrize("timeout_ms", [161, T_MS, 60_000], ids=lambda timeout_ms: f"T={timeout_ms}")
def test_the_only_holder_answers_each_fetch(kit, drive, timeout_ms: int) -> None:
    """Asked by one peer every T / 8, the time between two fetches, it answers every time."""
    kit.settings = replace(kit.settings, timeout_ms=timeout_ms)
    leader = leading(kit, drive)
    digest = leader.sent(PrePrepare)[0].header.digest(kit.context)
    answers = []
    for asked in range(10):
        leader.now_ms = asked * (timeout_ms // 8)
        answers.append(to_peer(kit, leader.receive(FetchBody(0, 3, 1, digest)), 3))
    assert answers == [[Body]] * 10
