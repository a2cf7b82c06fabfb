"""Callers that wait: woken, timed out, sent away, bounded, and gone without a trace."""

import asyncio

import pytest

from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node import limits
from hanchain.node.waiting import Waiting


async def reason_of(awaitable):
    """Return the reason in which a wait ends."""
    with pytest.raises(Rejection) as caught:
        await awaitable
    return caught.value.reason


async def begun(waiting, txid=b"a", timeout_ms=10_000):
    """Return a task that waits, and waits already."""
    task = asyncio.create_task(waiting.wait(txid, timeout_ms))
    await asyncio.sleep(0)  # one turn of the loop: it runs up to its future
    return task


async def test_all_callers_of_a_transaction_are_woken_and_no_others():
    """Waking a transaction ends every wait for it; a wait for another goes on."""
    waiting = Waiting()
    first, second, other = await begun(waiting), await begun(waiting), await begun(waiting, b"b", 50)
    waiting.wake([b"a", b"unknown"])
    await asyncio.gather(first, second)
    assert len(waiting) == 1
    assert await reason_of(other) is Reason.TIMEOUT
    assert len(waiting) == 0


async def test_a_registration_counts_from_its_moment():
    """What is woken between registering and waiting is not missed."""
    waiting = Waiting()
    with waiting.registered(b"a") as future:
        waiting.wake([b"a"])
        await future
    assert len(waiting) == 0


async def test_waking_before_anyone_waits_does_nothing():
    """A wake is not remembered: a caller looks at the chain after it has registered."""
    waiting = Waiting()
    waiting.wake([b"a"])
    assert await reason_of(waiting.wait(b"a", 1)) is Reason.TIMEOUT


async def test_waking_twice_is_harmless():
    """A second wake before the caller ran changes nothing."""
    waiting = Waiting()
    task = await begun(waiting)
    waiting.wake([b"a"])
    waiting.wake([b"a"])
    await task


async def test_expiry_wakes_and_is_remembered():
    """An expired transaction ends the waits for it and can be asked for afterwards."""
    waiting = Waiting()
    task = await begun(waiting)
    waiting.expire([b"a"])
    await task
    assert (waiting.is_expired(b"a"), waiting.is_expired(b"b")) == (True, False)


async def test_what_is_remembered_is_bounded(monkeypatch):
    """Of many expired transactions the oldest are forgotten."""
    monkeypatch.setattr(limits, "EXPIRED_REMEMBERED", 2)
    waiting = Waiting()
    waiting.expire([b"a", b"b", b"c"])
    assert [waiting.is_expired(t) for t in (b"a", b"b", b"c")] == [False, True, True]


async def test_callers_are_bounded(monkeypatch):
    """One caller too many is told busy at once, and a place that becomes free can be taken."""
    monkeypatch.setattr(limits, "WAITERS_MAX", 1)
    waiting = Waiting()
    task = await begun(waiting)
    assert await reason_of(waiting.wait(b"b", 10)) is Reason.BUSY
    waiting.wake([b"a"])
    await task
    assert await reason_of(waiting.wait(b"b", 1)) is Reason.TIMEOUT


async def test_a_cancelled_caller_leaves_nothing():
    """Cancellation forgets the caller and keeps the others."""
    waiting = Waiting()
    gone, stays = await begun(waiting), await begun(waiting)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert len(waiting) == 1
    waiting.wake([b"a"])
    await stays
    assert (len(waiting), waiting._futures) == (0, {})


async def test_close_sends_everybody_away():
    """Callers and those who come later are told that this node will never know; nothing is left un-awaited."""
    waiting = Waiting()
    task = await begun(waiting)
    with waiting.registered(b"b"):  # registered and never awaited: no complaint about a lost exception
        waiting.close("stopping")
    assert await reason_of(task) is Reason.NOT_READY
    assert await reason_of(waiting.wait(b"a", 10)) is Reason.NOT_READY
    assert len(waiting) == 0
