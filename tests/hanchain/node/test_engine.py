"""The engine: one stream of effects, records first, one drain at a time."""

import pytest

from consensus.interface import Broadcast, Connected, Persist, Record, RecordKind, Send, Trace
from hanchain.node.engine import Engine
from storage.wal import WalRecord


class Script:
    """A replica that answers each step with the next effects of a script."""

    def __init__(self, *steps):
        self.steps = list(steps)
        self.times = []

    def start(self, now_ms, clock_ms):
        """Answer with the first effects."""
        self.times.append(now_ms)
        return self.steps.pop(0)

    def step(self, now_ms, event):
        """Answer with the next ones."""
        self.times.append(now_ms)
        return self.steps.pop(0)

    def checkpoint(self):
        """Return one record."""
        return [vote(9)]


class World:
    """A log and a network that write down in one list what happens to them, in order."""

    def __init__(self, engine=None):
        self.happened = []
        self.engine = engine
        self.then = []

    def perform(self, effect):
        """Carry out an effect."""
        self.happened.append(effect)
        if self.then:
            self.engine.handle(self.then.pop(0))

    def persist(self, drained):
        """Make records durable."""
        self.happened.append(("durable", [r.payload for r in drained.records], drained.sync))


def vote(number):
    """Return a record."""
    return Record(RecordKind.VOTE, b"%d" % number)


def persist(*numbers, sync=True):
    """Return a Persist."""
    return Persist(tuple(vote(n) for n in numbers), sync)


def engine_of(*steps, clock=lambda: 5):
    """Return an engine of a scripted replica, and the replica."""
    replica = Script(*steps)
    return Engine(replica, clock, lambda: 1_000), replica


def run(engine, world):
    """Drain, persist and release until nothing waits."""
    while engine.waiting:
        drained = engine.drain()
        if drained.records:
            world.persist(drained)
        engine.release(drained, world)


def test_a_send_comes_after_the_record_before_it():
    """R2: no effect is carried out before every record that precedes it in the stream is durable."""
    engine, _ = engine_of([Send(1, b"free"), persist(1), Send(1, b"a"), persist(2), Broadcast(b"b")])
    world = World()
    engine.start()
    run(engine, world)
    assert world.happened == [
        ("durable", [b"1", b"2"], True),
        Send(1, b"free"),
        Send(1, b"a"),
        Broadcast(b"b"),
    ]


def test_effects_keep_their_order_over_steps():
    """The effects of several steps come out in the order of the steps."""
    engine, _ = engine_of([Send(0, b"0")], [Send(0, b"1"), Send(1, b"2")], [Send(0, b"3")])
    world = World()
    engine.start()
    engine.handle(Connected(1))
    engine.handle(Connected(1))
    run(engine, world)
    assert [e.data for e in world.happened] == [b"0", b"1", b"2", b"3"]


def test_steps_taken_while_a_drain_is_written_join_the_next_one():
    """Group commit: all records gathered meanwhile share the next sync, and their effects wait for it."""
    engine, _ = engine_of([persist(1), Send(0, b"1")], [persist(2), Send(0, b"2")], [persist(3), Send(0, b"3")])
    world = World()
    engine.start()
    first = engine.drain()
    engine.handle(Connected(0))
    engine.handle(Connected(0))
    world.persist(first)
    engine.release(first, world)
    run(engine, world)
    assert world.happened == [
        ("durable", [b"1"], True),
        Send(0, b"1"),
        ("durable", [b"2", b"3"], True),
        Send(0, b"2"),
        Send(0, b"3"),
    ]


def test_an_event_handled_while_effects_are_released_joins_the_next_drain():
    """An effect whose performer answers at once does not overtake the effects that follow it."""
    engine, _ = engine_of([Trace("P1", "x", 1, 0), Send(0, b"1")], [persist(2), Send(0, b"2")])
    world = World(engine)
    world.then = [Connected(0)]
    engine.start()
    run(engine, world)
    assert world.happened == [Trace("P1", "x", 1, 0), Send(0, b"1"), ("durable", [b"2"], True), Send(0, b"2")]


def test_only_records_that_ask_for_it_are_synced():
    """A drain of lazy records is not synced; one that asks makes the whole drain synced."""
    engine, _ = engine_of([persist(1, sync=False)], [persist(2, sync=False), persist(3), persist(4, sync=False)])
    engine.start()
    lazy = engine.drain()
    engine.release(lazy, World())
    engine.handle(Connected(0))
    eager = engine.drain()
    assert (lazy.sync, eager.sync) == (False, True)
    assert eager.records == (WalRecord(2, b"2"), WalRecord(2, b"3"), WalRecord(2, b"4"))


def test_a_second_drain_is_our_own_fault():
    """One drain at a time: a second one would overtake the first."""
    engine, _ = engine_of([persist(1), Send(0, b"1")])
    engine.start()
    engine.drain()
    with pytest.raises(AssertionError, match="one drain at a time"):
        engine.drain()


def test_a_release_needs_its_drain():
    """Nothing is released twice."""
    engine, _ = engine_of([Send(0, b"1")])
    engine.start()
    drained = engine.drain()
    engine.release(drained, World())
    with pytest.raises(AssertionError, match="release follows its drain"):
        engine.release(drained, World())


def test_time_never_runs_backwards():
    """A clock that steps back is held."""
    ticks = iter([10, 7, 12])
    engine, replica = engine_of([], [], [], clock=lambda: next(ticks))
    engine.start()
    engine.handle(Connected(0))
    engine.handle(Connected(0))
    assert replica.times == [10, 10, 12]


def test_a_checkpoint_is_made_of_log_records():
    """The records that replace the log have the log's own type."""
    engine, _ = engine_of([])
    assert engine.checkpoint() == [WalRecord(2, b"9")]
