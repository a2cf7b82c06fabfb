"""The crew: order, failures told once, and an end that leaves nothing."""

import asyncio
import threading

import pytest

from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node import limits
from hanchain.node.crew import Crew


@pytest.fixture
async def crew():
    """Return a crew that collects its failures in ``failures``, closed afterwards."""
    failures = []
    made = Crew(failures.append)
    made.failures = failures
    yield made
    await made.close()
    await made.close_threads()


async def test_the_chain_works_in_order_on_one_thread(crew):
    """Works of the chain run one after the other on its thread, their results come to the loop in that order."""
    seen, results = [], []

    def work(number):
        seen.append((number, threading.current_thread().name))
        return number

    for number in range(20):
        crew.in_chain(lambda number=number: work(number), results.append)
    assert await crew.in_order(lambda: work(20)) == 20
    assert [number for number, _ in seen] == list(range(21))
    assert {name for _, name in seen} == {"chain_0"}
    assert results == list(range(20))


async def test_a_failure_of_the_chain_is_told_and_ends_its_work(crew):
    """After a work or its callback has failed, nothing more is begun on the chain; reads go on."""
    crew.in_chain(lambda: 1 // 0, lambda _: None)
    with pytest.raises(KeyError):
        await crew.in_order(lambda: {}["a read's failure belongs to its caller"])
    assert [type(e) for e in crew.failures] == [ZeroDivisionError]
    done = []
    crew.in_chain(lambda: 1, done.append)
    assert await crew.in_order(lambda: "read") == "read"
    assert (done, len(crew.failures)) == ([], 1)


async def test_a_failing_callback_is_told(crew):
    """What goes wrong with a result on the loop is not lost."""
    crew.in_chain(lambda: 1, lambda _: {}["missing"])
    await crew.in_order(lambda: None)
    assert [type(e) for e in crew.failures] == [KeyError]


async def test_a_failing_task_is_told(crew):
    """A background task that raises is told once."""

    async def work():
        raise ValueError("unforeseen")

    crew.spawn(work())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [str(e) for e in crew.failures] == ["unforeseen"]


async def test_closing_cancels_and_refuses(crew):
    """Closing ends background tasks, which is no failure; later work is refused or not begun."""
    ended = []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    crew.spawn(work())
    await asyncio.sleep(0)
    await crew.close()
    crew.spawn(work())
    crew.in_chain(lambda: ended.append("never"), ended.append)
    for run in (crew.read, crew.read_state, crew.in_order, crew.judge, crew.log):
        with pytest.raises(Rejection) as caught:
            await run(lambda: None)
        assert caught.value.reason is Reason.NOT_READY
    await crew.close_threads()
    assert (ended, crew.failures) == ([True], [])


async def test_reads_of_the_state_are_bounded(crew, monkeypatch):
    """One read of the state more than may wait is refused as busy at once; the others get their answers."""
    monkeypatch.setattr(limits, "STATE_READS_WAITING_MAX", 3)
    gate = threading.Event()
    reads = [asyncio.create_task(crew.read_state(gate.wait)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Rejection) as caught:
        await crew.read_state(gate.wait)
    assert caught.value.reason is Reason.BUSY
    gate.set()
    assert await asyncio.gather(*reads) == [True] * 3
    assert await crew.read_state(lambda: threading.current_thread().name.rpartition("_")[0]) == "state"
