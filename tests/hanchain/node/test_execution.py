"""Steps (b) and (c) while executors die: replaced, brought up to date, and not for ever."""

import time

import pytest
import structlog

from hanchain.ledger.reasons import Fault, Reason, Rejection
from hanchain.node import limits
from hanchain.node.chain import Chain
from hanchain.node.executor import ExecutorDied, Mode
from hanchain.node.executor_inline import InlineExecutor
from hanchain.node.service import ExecutorState, ExecutorStatus
from storage.blocks import BlockStore
from storage.memory import Memory


class Mortal:
    """An executor in this process that dies when told to, and then has to be started again like a process."""

    mode = Mode.PROCESS

    def __init__(self, world, state):
        self.world, self.state_database = world, state
        self.dies = []  # one entry for each coming apply: None, "before" or "after" the block is durable
        self.stillborn = 0  # how many of the next starts end at once
        self.starts = 0
        self.death = None
        self.silent = False
        self.hurried = 0
        self.on_death = None
        self._open()

    def _open(self):
        self.starts += 1
        self.pid = 1000 + self.starts
        self._inline = InlineExecutor(self.state_database, self.world.rules, self.world.genesis.block0)

    @property
    def height(self):
        return self._inline.height

    @property
    def block_hash(self):
        return self._inline.block_hash

    def kill(self):
        """Die."""
        self.death = ExecutorDied(self.pid, "SIGKILL", time.monotonic())
        self.pid = None

    def apply(self, ordering, body):
        if self.death is not None:
            raise self.death
        how = self.dies.pop(0) if self.dies else None
        if how == "before":
            self.kill()
            raise self.death
        results = self._inline.apply(ordering, body)
        if how == "after":
            self.kill()
            raise self.death
        return results

    def view(self, contract, method, arguments):
        return self._inline.view(contract, method, arguments)

    def watch(self, on_death):
        self.on_death = on_death

    def start_again(self):
        if self.stillborn:
            self.stillborn -= 1
            self.kill()
            raise self.death
        self._open()
        self.death = None

    def hurry(self):
        self.hurried += 1

    def close(self):
        pass


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    """Let restarts follow one another at once."""
    monkeypatch.setattr(limits, "EXECUTOR_PAUSE_SECONDS", 0)


@pytest.fixture
def made(world):
    """Return a chain, its mortal executor and the stores behind them."""
    blocks, state = Memory(), Memory()
    executor = Mortal(world, state)
    chain = Chain(world.genesis, BlockStore(blocks), executor)
    return chain, executor, blocks, state


def hashes(chain):
    """Return the hash of every block."""
    return [chain.block_hash(height) for height in range(chain.height + 1)]


def reference(world, proposals):
    """Return the hashes of a chain that nothing happens to."""
    chain = world.chain()
    for proposal in proposals:
        proposal.decide(chain)
    return hashes(chain)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_block_under_way_goes_on(world, made, when):
    """An executor that dies before or after making a block durable is replaced, and the block is stored as ever."""
    chain, executor, *_ = made
    proposals = world.proposals(3)
    executor.dies = [None, when]
    with structlog.testing.capture_logs() as logs:
        for proposal in proposals:
            proposal.decide(chain)
    assert hashes(chain) == reference(world, proposals)
    assert executor.starts == 2
    status = chain.executor_status()
    assert (status.state, status.restarts, status.replayed, status.pid) == (ExecutorState.RUNNING, 1, 0, 1002)
    (back,) = [entry for entry in logs if entry["event"] == "executor back"]
    assert (back["replayed"], back["pid"], back["milliseconds"]) == (0, 1002, status.last_restart_ms)


def test_a_lost_state_is_executed_again_on_the_running_node(world, made):
    """When the state is gone with its executor, the new one executes every block again before the one under way."""
    chain, executor, *_ = made
    proposals = world.proposals(4)
    for proposal in proposals[:3]:
        proposal.decide(chain)
    executor.dies = ["before"]
    executor.state_database = Memory()
    proposals[3].decide(chain)
    assert hashes(chain) == reference(world, proposals)
    assert (executor.height, chain.executor_status().replayed) == (4, 3)


def test_an_idle_executor_is_replaced_once(world, made):
    """Told of a death while idle, the chain replaces the executor; asked again it does nothing."""
    chain, executor, *_ = made
    (first, second) = world.proposals(2)
    first.decide(chain)
    before = chain.executor_status()
    assert before == ExecutorStatus("process", ExecutorState.RUNNING, 1001, 0, None, 0)
    executor.kill()
    assert chain.executor_status() == ExecutorStatus("process", ExecutorState.RESTARTING, None, 0, None, 0)
    chain.revive()
    chain.revive()
    assert executor.starts == 2
    assert chain.executor_status().state is ExecutorState.RUNNING
    assert second.decide(chain).height == 2


def test_deaths_while_replaying_are_survived(world, made):
    """An executor that dies while it catches up is replaced too, and what it had made durable is not done again."""
    chain, executor, *_ = made
    proposals = world.proposals(5)
    for proposal in proposals[:4]:
        proposal.decide(chain)
    executor.kill()
    executor.state_database = Memory()
    executor.dies = [None, "after", "before", None]
    chain.revive()
    assert (executor.height, executor.starts) == (4, 4)
    proposals[4].decide(chain)
    assert hashes(chain) == reference(world, proposals)


def test_a_block_that_kills_every_executor_is_a_fault(world, made):
    """One block that kills six executors in a row stops the node, in words; later blocks fail at once."""
    chain, executor, *_ = made
    first, second = world.proposals(2)
    executor.dies = ["before"] * 100
    with pytest.raises(Fault, match=r"6 executors died .* process 1006, ended with SIGKILL"):
        first.decide(chain)
    assert executor.starts == limits.EXECUTOR_DEATHS_MAX + 1
    assert chain.executor_status().state is ExecutorState.STOPPED
    with pytest.raises(Fault, match="an earlier block could not be stored"):
        second.decide(chain)


def test_a_block_that_kills_slowly_is_a_fault_too(world, made, monkeypatch):
    """However long an executor lives with the block before it dies of it, six are enough."""
    chain, executor, *_ = made
    monkeypatch.setattr(limits, "EXECUTOR_DEATHS_SECONDS", 0)
    executor.dies = ["before"] * 100
    with pytest.raises(Fault, match="6 executors died of block 1"):
        world.proposal([world.transaction()]).decide(chain)
    assert executor.starts == limits.EXECUTOR_DEATHS_MAX + 1


def test_stillborn_executors_are_counted(world, made):
    """Executors that end as soon as they are started count as deaths, and a block in between starts the count anew."""
    chain, executor, *_ = made
    first, second = world.proposals(2)
    for proposal in (first, second):
        executor.kill()
        executor.stillborn = limits.EXECUTOR_DEATHS_MAX - 1
        proposal.decide(chain)
    executor.kill()
    executor.stillborn = 100
    with pytest.raises(Fault, match="6 executors died within 60 s without a block in between"):
        chain.revive()
    assert 100 - executor.stillborn == limits.EXECUTOR_DEATHS_MAX


def test_old_deaths_do_not_count(world, made, monkeypatch):
    """Deaths further apart than the limit are accidents, however many there are."""
    chain, executor, *_ = made
    monkeypatch.setattr(limits, "EXECUTOR_DEATHS_SECONDS", 0)
    for _ in range(3 * limits.EXECUTOR_DEATHS_MAX):
        executor.kill()
        chain.revive()
    assert chain.executor_status().restarts == 3 * limits.EXECUTOR_DEATHS_MAX


def test_a_replay_with_another_result_is_a_fault(world, made):
    """P9: an executor that gives another hash for a stored block is not trusted with the next one."""
    chain, executor, *_ = made
    proposals = world.proposals(2)
    for proposal in proposals:
        proposal.decide(chain)
    other = Memory()
    foreign = world.chain(Memory(), other)
    world.proposal([world.transaction()]).decide(foreign)
    executor.kill()
    executor.state_database = other
    with pytest.raises(Fault, match="the state is that of another block 1"):
        chain.revive()

    stored = chain._store.block_hash
    chain._store.block_hash = lambda height: b"x" * 32 if height == 2 else stored(height)
    executor.kill()
    executor.state_database = Memory()
    with pytest.raises(Fault, match="P9: executing height 2 again gives"):
        chain.revive()


def test_a_fault_is_not_tried_again(world, made, monkeypatch):
    """What goes wrong in a living executor is ours: one try, and its words."""
    chain, executor, *_ = made
    tries = []

    def fail(*_):
        tries.append(1)
        raise Fault("RecursionError: maximum recursion depth exceeded")

    monkeypatch.setattr(executor, "apply", fail)
    with pytest.raises(Fault, match="maximum recursion depth"):
        world.proposal([world.transaction()]).decide(chain)
    assert (len(tries), executor.starts) == (1, 1)


def test_reads_wait_for_nobody_while_the_state_is_behind(world, made, monkeypatch):
    """While a new executor catches up, reads are refused as not_ready: they would answer from older blocks."""
    chain, executor, *_ = made
    for proposal in world.proposals(2):
        proposal.decide(chain)
    assert chain.view("sys.anchor", "find", [b"d" * 32])[0] == 2
    seen = []
    inner = executor.start_again

    def start_again():
        with pytest.raises(Rejection) as caught:
            chain.view("sys.anchor", "find", [b"d" * 32])
        seen.append((caught.value.reason, chain.executor_status().state))
        inner()

    monkeypatch.setattr(executor, "start_again", start_again)
    executor.kill()
    chain.revive()
    assert seen == [(Reason.NOT_READY, ExecutorState.RESTARTING)]
    assert chain.view("sys.anchor", "find", [b"d" * 32])[0] == 2


def test_a_stopping_node_does_not_go_on_replaying(world, made):
    """Stopping ends a restart between two blocks."""
    chain, executor, *_ = made
    for proposal in world.proposals(3):
        proposal.decide(chain)
    executor.kill()
    executor.state_database = Memory()
    chain.stop()
    with pytest.raises(Rejection) as caught:
        chain.revive()
    assert caught.value.reason is Reason.NOT_READY
    assert (executor.starts, executor.hurried) == (1, 1)


def test_a_silent_executor_is_told(world, made):
    """While an executor does not answer, status says so; a death goes before."""
    chain, executor, *_ = made
    executor.silent = True
    assert chain.executor_status().state is ExecutorState.SILENT
    executor.kill()
    assert chain.executor_status().state is ExecutorState.RESTARTING


def test_every_stage_of_a_block_is_timed(world):
    """For each block every stage is reported once, none negative; a replayed height reports only its comparison."""
    seen = []
    executor = Mortal(world, Memory())
    chain = Chain(world.genesis, BlockStore(Memory()), executor, lambda stage, seconds: seen.append((stage, seconds)))
    proposals = world.proposals(2)
    proposals[0].decide(chain)
    stages = [stage for stage, _ in seen]
    assert sorted(set(stages)) == sorted(stages)
    assert {"ordered", "execute", "tree", "write", "pipe", "store"} <= set(stages)
    assert min(seconds for _, seconds in seen) >= 0
    seen.clear()
    executor.state_database = Memory()
    executor.kill()
    chain.revive()
    assert [stage for stage, _ in seen] == ["store"]
