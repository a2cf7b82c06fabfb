"""The executor as a real child process: same results, deaths noticed, nothing of it left over."""

import os
import resource
import shutil
import signal
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import structlog

from contracts.compiler import compile_source
from hanchain.ledger.codec import encode
from hanchain.ledger.execution import Ordering
from hanchain.ledger.reasons import Fault, Reason, Rejection
from hanchain.ledger.receipt import Receipt
from hanchain.node import executor_process, limits
from hanchain.node.executor import ExecutorDied, Mode
from hanchain.node.executor_inline import InlineExecutor
from hanchain.node.executor_process import ProcessExecutor
from storage.errors import Corruption, Locked
from storage.leveldb import LevelDB
from storage.memory import Memory

ABSENT = b"d" * 32


def ordering(proposal):
    """Return what consensus says about a proposal."""
    header = proposal.header
    return Ordering(
        header.height, 0, proposal.digest, header.tx_root, header.pview, header.proposer, header.timestamp_ms
    )


def apply(executor, proposal):
    """Execute a proposal."""
    return executor.apply(ordering(proposal), proposal.body)


def wait(condition, seconds=5.0):
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.005)


def suspend(pid):
    """Stop a process; a thread of it that runs goes on for a moment after the signal was sent."""
    os.kill(pid, signal.SIGSTOP)
    tasks = Path(f"/proc/{pid}/task")
    wait(lambda: all((t / "stat").read_text().rpartition(")")[2].split()[0] == "T" for t in tasks.iterdir()))


def exists(pid):
    """Tell whether there is a process with this id, be it a zombie."""
    return Path(f"/proc/{pid}").exists()


@pytest.fixture
def opened(world, tmp_path):
    """Return a function that starts executors, on one state database by default; all are closed afterwards."""
    made = []

    def start(name="state", **options):
        executor = ProcessExecutor(world.genesis, tmp_path / name, **options)
        made.append(executor)
        return executor

    yield start
    for executor in made:
        executor.close()
        assert executor.pid is None


ODD = """
import sys
sys.path.insert(0, {code!r})
from hanchain.node.executor_child import main
from storage.leveldb import LevelDB

class Odd(LevelDB):
    def write(self, batch, *, sync=False):
        {what}

sys.exit(main(sys.argv, Odd))
"""


@pytest.fixture
def odd(tmp_path):
    """Return a maker of commands for executors whose database does something odd when a block is written."""

    def make(what):
        path = tmp_path / "odd.py"
        path.write_text(ODD.format(code=str(executor_process.CODE.parent), what=what))
        return (*executor_process.COMMAND[:-1], str(path))

    return make


def test_both_executors_give_the_same_results(world, opened):
    """The same blocks, failing transactions among them, give the same bytes in a process and inline; so do proofs."""
    process, inline = opened(), InlineExecutor(Memory(), world.rules, world.genesis.block0)
    assert (process.height, process.block_hash) == (inline.height, inline.block_hash)
    assert (process.mode, inline.mode) == (Mode.PROCESS, Mode.INLINE)
    last = None
    for size in (0, 1, 3, 40, 2):
        transactions = [world.transaction(user=i % 3, gas_limit=10_000 if i % 7 else 1) for i in range(size)]
        last = world.proposal(transactions, last)
        assert apply(process, last) == apply(inline, last)
        assert (process.height, process.block_hash) == (inline.height, inline.block_hash)
    digest = last.transactions[1].payload.arguments[0]
    there, here = (executor.view("sys.anchor", "find", [digest]) for executor in (process, inline))
    assert (there[0], encode(there[1])) == (here[0], encode(here[1]))
    assert len(there[1]) == 1
    for key in (b"", b"none", b"k" * 512):
        assert process.state("sys.anchor", key) == inline.state("sys.anchor", key)


ROGUE = """
from contracts.language import Contract, export, view


class Rogue(Contract):
    def deeper(self, number: int) -> int:
        return self.deeper(number + 1)

    @export
    def loop(self) -> None:
        while True:
            pass

    @export
    def dive(self) -> int:
        return self.deeper(0)

    @export
    def hoard(self) -> None:
        found = []
        while True:
            found.append("x" * 60_000 + "y")

    @view
    def forever(self) -> int:
        while True:
            pass
"""


def test_hostile_contracts_cost_a_receipt(world, opened):
    """Contracts that loop, dive or hoard end as failed receipts between honest ones, the same bytes as inline.

    A view that loops ends at its gas, soon enough for the block that waits.
    """
    process, inline = opened(), InlineExecutor(Memory(), world.rules, world.genesis.block0)
    made = compile_source(ROGUE)

    def call(contract, method, *arguments):
        return world.transaction(contract=contract, method=method, arguments=arguments, gas_limit=1_000_000)

    deploy = call("sys.contracts", "deploy", "rogue", made.program, made.abi, ROGUE.encode(), ())
    first = world.proposal([deploy])
    calls = [call("rogue", "loop"), call("rogue", "dive"), call("rogue", "hoard")]
    second = world.proposal([each for bad in calls for each in (bad, world.transaction(gas_limit=10_000))], first)
    for proposal in (first, second):
        results = apply(process, proposal)
        assert results == apply(inline, proposal)
    receipts = [Receipt.decode(receipt, world.suite) for receipt in results.receipts]
    assert [(r.status.name, r.reason) for r in receipts] == [
        ("OUT_OF_GAS", "out_of_gas"),
        ("OK", ""),
        ("FAILED", "call_depth"),
        ("OK", ""),
        ("FAILED", "out_of_memory"),
        ("OK", ""),
    ]
    began_s = time.monotonic()
    with pytest.raises(Rejection) as caught:
        process.view("rogue", "forever", [])
    assert caught.value.reason is Reason.OUT_OF_GAS
    assert time.monotonic() - began_s < 1
    assert process.death is None


def test_the_state_is_there_after_a_restart(world, opened):
    """Closed and opened again, the executor stands where it stood and answers for the last block without a new one."""
    first = opened()
    proposal = world.proposal([world.transaction()])
    results = apply(first, proposal)
    first.close()
    second = opened()
    assert (second.height, second.block_hash) == (1, results.block_hash)
    assert apply(second, proposal) == results


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (("sys.none", "find", [ABSENT]), Reason.UNKNOWN_CONTRACT),
        (("sys.anchor", "none", [ABSENT]), Reason.UNKNOWN_METHOD),
        (("sys.anchor", "find", []), Reason.BAD_ARGUMENTS),
        (("sys.anchor", "find", [1.5]), Reason.BAD_ARGUMENTS),
        (("sys.anchor", "find", [[0] * 5_000]), Reason.BAD_ARGUMENTS),
        (("sys.\ud800", "find", []), Reason.BAD_ARGUMENTS),
        (("sys.anchor", "find", [b"d"]), Reason.REVERTED),
        (("sys.anchor", "find", [b"d" * limits.EXECUTOR_READ_BYTES_MAX]), Reason.OVERSIZED),
    ],
    ids=["contract", "method", "count", "type", "items", "text", "value", "size"],
)
def test_a_bad_view_is_rejected(opened, call, reason):
    """Whatever a caller asks wrongly is a rejection with its reason, and the process goes on."""
    executor = opened()
    with pytest.raises(Rejection) as caught:
        executor.view(*call)
    assert caught.value.reason is reason
    assert executor.view("sys.anchor", "find", [ABSENT]) == (0, ())


@pytest.mark.parametrize(("contract", "key"), [("", b"k"), ("c" * 65, b"k"), ("汉", b"k"), ("sys.anchor", b"k" * 513)])
def test_a_key_that_cannot_be_is_rejected(opened, contract, key):
    """A contract's name or a key beyond their bounds is the caller's fault."""
    with pytest.raises(Rejection) as caught:
        opened().state(contract, key)
    assert caught.value.reason is Reason.OUT_OF_RANGE


def test_a_fault_is_told_and_not_a_death(world, opened):
    """A block that cannot follow is a Fault in the process's words; the process lives and the state is unchanged."""
    executor = opened()
    first, second = world.proposals(2)
    pid = executor.pid
    with pytest.raises(Fault, match="block 2 on top of block 0"):
        apply(executor, second)
    assert (executor.pid, executor.death, executor.height) == (pid, None, 0)
    assert apply(executor, first).block_hash == executor.block_hash


def test_a_database_that_cannot_be_opened_keeps_its_error(opened, tmp_path):
    """What is wrong with the disk arrives as what it is: locked by somebody, or damaged."""
    with structlog.testing.capture_logs() as logs:
        with LevelDB(tmp_path / "state"), pytest.raises(Locked, match="Resource temporarily unavailable"):
            opened()
        (tmp_path / "state" / "CURRENT").write_text("nonsense\n")
        with pytest.raises(Corruption, match="state"):
            opened()
    assert logs == []  # the error says it all; that the process ended too is no news


def test_a_genesis_of_an_unknown_suite_is_refused(opened, world, monkeypatch):
    """A process that does not know the network's suite says so instead of starting."""
    text = world.genesis.to_json().replace('"ed25519"', '"none"')
    monkeypatch.setattr(type(world.genesis), "to_json", lambda _: text)
    with pytest.raises(Rejection) as caught:
        opened()
    assert caught.value.reason is Reason.UNKNOWN_SUITE


# -------------------------------------------------------------------------------------------------------------- deaths


def test_a_death_is_noticed_at_once_and_reaped(world, opened):
    """A killed idle process is told within milliseconds, logged with id and signal, and no zombie stays."""
    executor = opened()
    told = Future()
    executor.watch(lambda death: told.set_result((death, time.monotonic())))
    pid = executor.pid
    with structlog.testing.capture_logs() as logs:
        killed_s = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        death, noticed_s = told.result(5)
    assert noticed_s - killed_s < 1
    assert (death.pid, death.how, executor.death, executor.pid) == (pid, "SIGKILL", death, None)
    assert logs == [{"event": "executor died", "log_level": "error", "pid": pid, "how": "SIGKILL"}]
    assert not exists(pid)
    with pytest.raises(ExecutorDied):
        apply(executor, world.proposal([world.transaction()]))
    with pytest.raises(Rejection) as caught:
        executor.view("sys.anchor", "find", [ABSENT])
    assert caught.value.reason is Reason.NOT_READY

    executor.start_again()
    assert executor.death is None
    assert executor.pid not in {None, pid}
    assert apply(executor, world.proposal([world.transaction()])).block_hash == executor.block_hash


def test_whoever_waits_hears_of_a_death(world, opened):
    """A process that dies with a block and a read under way ends both waits: one may be tried again, one is refused."""
    executor = opened()
    suspend(executor.pid)
    with ThreadPoolExecutor(2) as threads:
        block = threads.submit(apply, executor, world.proposal([world.transaction()]))
        read = threads.submit(executor.view, "sys.anchor", "find", [ABSENT])
        wait(lambda: executor._link._number == 3)  # the opening and these two
        os.kill(executor.pid, signal.SIGKILL)
        assert isinstance(block.exception(5), ExecutorDied)
        assert read.exception(5).reason is Reason.NOT_READY


def test_signals_of_a_terminal_do_not_end_it(opened):
    """Ctrl-C, a hang-up and a stop of the whole service reach the process too: it ends with its node only."""
    executor = opened()
    pid = executor.pid
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        os.kill(pid, number)
    assert executor.view("sys.anchor", "find", [ABSENT]) == (0, ())
    assert executor.pid == pid
    executor.close()
    assert not exists(pid)


def test_closing_lets_a_block_finish(world, opened, odd):
    """A block that is under way when the executor is closed is answered, and durable afterwards."""
    executor = opened(command=odd("import time; time.sleep(1); super().write(batch, sync=sync)"))
    with ThreadPoolExecutor(1) as thread:
        block = thread.submit(apply, executor, world.proposal([world.transaction()]))
        time.sleep(0.5)
        assert not block.done()
        executor.close()
        results = block.result(5)
    again = opened()
    assert (again.height, again.block_hash) == (1, results.block_hash)


def test_closing_does_not_wait_for_ever(opened, monkeypatch):
    """A process that does not end in time is killed, and that is no death to tell of."""
    monkeypatch.setattr(limits, "EXECUTOR_CLOSE_SECONDS", 0.1)
    executor = opened()
    told = []
    executor.watch(told.append)
    pid = executor.pid
    suspend(pid)
    executor.close()
    assert (exists(pid), told) == (False, [])
    with pytest.raises(Rejection) as caught:
        executor.start_again()
    assert caught.value.reason is Reason.NOT_READY


def test_a_process_that_hangs_is_killed(world, opened):
    """Asked and silent for longer than anything takes, it ends by our hand, with the reason; a new one goes on."""
    executor = opened()
    executor._link._patience_s = 0.5  # only now: starting takes as long as the machine likes
    proposal = world.proposal([world.transaction()])
    suspend(executor.pid)
    time.sleep(0.7)
    assert executor.death is None  # nobody waits: it may be silent
    with pytest.raises(ExecutorDied, match=r"ended with SIGKILL: no answer for \d s"):
        apply(executor, proposal)
    executor.start_again()
    assert apply(executor, proposal).block_hash == executor.block_hash


def test_reads_do_not_wait_for_a_process_that_hangs(world, opened, monkeypatch):
    """A read gives up after a while, and those that come then are refused at once; both may be tried again."""
    monkeypatch.setattr(limits, "EXECUTOR_SILENT_SECONDS", 0.3)
    executor = opened()
    suspend(executor.pid)
    assert not executor.silent
    for least_s in (0.3, 0.0):
        began_s = time.monotonic()
        with pytest.raises(Rejection, match="silent") as caught:
            executor.view("sys.anchor", "find", [ABSENT])
        assert caught.value.reason is Reason.NOT_READY
        assert least_s <= time.monotonic() - began_s < least_s + 0.25
    assert executor.silent
    os.kill(executor.pid, signal.SIGCONT)
    wait(lambda: not executor.silent)
    assert executor.view("sys.anchor", "find", [ABSENT]) == (0, ())


def test_a_slow_process_that_answers_does_not_hang(world, opened, odd):
    """Patience begins anew with each answer: reads that wait behind many blocks are no sign of anything."""
    executor = opened(command=odd("import time; time.sleep(0.4); super().write(batch, sync=sync)"))
    executor._link._patience_s = 1.0
    for proposal in world.proposals(4):
        apply(executor, proposal)
    assert (executor.height, executor.death) == (4, None)


def test_patience_is_that_of_the_largest_block(opened):
    """A full block of the default parameters takes a second by its gas; twenty and a minute are waited for."""
    assert opened()._patience_s == 80


def test_hurrying_ends_what_hangs(world, opened, monkeypatch):
    """A node that stops gives a block that is under way a few seconds, and then ends the process."""
    monkeypatch.setattr(limits, "EXECUTOR_CLOSE_SECONDS", 0.3)
    executor = opened()
    suspend(executor.pid)
    with ThreadPoolExecutor(1) as thread:
        block = thread.submit(apply, executor, world.proposal([world.transaction()]))
        time.sleep(0.5)
        assert not block.done()
        executor.hurry()
        assert isinstance(block.exception(5), ExecutorDied)


# --------------------------------------------------------------------------------------------------------------- order


def test_a_block_goes_before_reads(world, opened):
    """A block that comes while reads wait is executed before them: they see the state after it."""
    executor = opened()
    suspend(executor.pid)
    with ThreadPoolExecutor(9) as threads:
        reads = [threads.submit(executor.view, "sys.anchor", "find", [ABSENT]) for _ in range(8)]
        wait(lambda: executor._link._number == 9)
        block = threads.submit(apply, executor, world.proposal([world.transaction()]))
        wait(lambda: executor._link._number == 10)
        time.sleep(0.05)  # between its number and its last byte
        os.kill(executor.pid, signal.SIGCONT)
        assert len(block.result(5).receipts) == 1
        assert [read.result(5) for read in reads] == [(1, ())] * 8


def test_reads_are_bounded(opened, monkeypatch):
    """One read more than the limit is refused as busy at once, and there is room again afterwards."""
    monkeypatch.setattr(limits, "EXECUTOR_READS_MAX", 3)
    executor = opened()
    suspend(executor.pid)
    with ThreadPoolExecutor(3) as threads:
        reads = [threads.submit(executor.view, "sys.anchor", "find", [ABSENT]) for _ in range(3)]
        wait(lambda: executor._link._number == 4)
        with pytest.raises(Rejection) as caught:
            executor.view("sys.anchor", "find", [ABSENT])
        assert caught.value.reason is Reason.BUSY
        os.kill(executor.pid, signal.SIGCONT)
        assert [read.result(5) for read in reads] == [(0, ())] * 3
    assert executor.view("sys.anchor", "find", [ABSENT]) == (0, ())


def test_many_threads_read_while_blocks_are_executed(world, opened):
    """Reads of many threads each get their own answer while blocks go on, and heights never go back."""
    executor = opened()
    proposals = world.proposals(8, each=20)
    done = threading.Event()

    def read(number):
        heights = []
        key = proposals[number].transactions[0].payload.arguments[0]
        while not done.is_set():
            height, found = executor.view("sys.anchor", "find", [key])
            assert len(found) == (1 if height > number else 0)
            heights.append(height)
        return heights

    with ThreadPoolExecutor(8) as threads:
        readers = [threads.submit(read, number) for number in range(8)]
        for proposal in proposals:
            apply(executor, proposal)
        wait(lambda: executor.view("sys.anchor", "find", [ABSENT])[0] == 8)
        done.set()
        for reader in readers:
            heights = reader.result(5)
            assert heights == sorted(heights)


# --------------------------------------------------------------------------------------------------------- confinement


def test_it_is_confined(opened, monkeypatch):
    """Address space and core files are bounded, no privileges can be gained, the environment's secrets stay out."""
    monkeypatch.setenv("HANCHAIN_SECRET", "s3cret")
    executor = opened(memory_mib=1_000)
    process = Path(f"/proc/{executor.pid}")
    bounds = dict.fromkeys(("Max address space", "Max core file size"))
    for line in (process / "limits").read_text().splitlines():
        for name in bounds:
            if line.startswith(name):
                bounds[name] = tuple(line[len(name) :].split()[:2])
    assert bounds == {"Max address space": (str(1_000 << 20),) * 2, "Max core file size": ("0", "0")}
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    assert b"s3cret" not in (process / "environ").read_bytes()
    files = {int(entry.name): str(entry.readlink()) for entry in (process / "fd").iterdir()}
    assert (files[0], files[1]) == ("/dev/null", "/dev/null")
    assert sum(name.startswith("socket:") for name in files.values()) == 1


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("bytearray(2_000 << 20)", "MemoryError"),
        ("self.write(batch)", "RecursionError: maximum recursion depth exceeded"),
        ("assert not batch, 'must be true'", "AssertionError: must be true"),
        ("raise ValueError('unforeseen \\udcff')", "ValueError: unforeseen"),
    ],
    ids=["memory", "recursion", "assertion", "text"],
)
def test_whatever_goes_wrong_in_a_block_is_a_fault(world, opened, odd, what, words):
    """Memory or stack that runs out, a failed assertion, anything: said in the reply, traced in the log, no death."""
    executor = opened(command=odd(what), memory_mib=1_000)
    before = resource.getrlimit(resource.RLIMIT_AS)
    with structlog.testing.capture_logs() as logs:
        with pytest.raises(Fault, match=words):
            apply(executor, world.proposal([world.transaction()]))
        assert executor.view("sys.anchor", "find", [ABSENT]) == (0, ())
        executor.close()
    assert next(entry["line"] for entry in logs) == "Traceback (most recent call last):"
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_a_stack_as_deep_as_contracts_need(world, opened, odd):
    """Frames of Python that call one another through C nest 10,000 deep without ending the process."""
    deep = "f = lambda n: n and max(map(f, [n - 1])); f(6_000); super().write(batch, sync=sync)"
    executor = opened(command=odd(deep))
    assert len(apply(executor, world.proposal([world.transaction()])).receipts) == 1


def test_it_refuses_to_run_without_assertions(opened):
    """Under -O the executor ends with words in the log instead of executing without its checks."""
    python, isolated, boot = executor_process.COMMAND
    with structlog.testing.capture_logs() as logs, pytest.raises(Fault, match="exit code 2 while starting"):
        opened(command=(python, isolated, "-O", boot))
    assert "the executor does not run under -O: its assertions are part of it" in [entry.get("line") for entry in logs]


# --------------------------------------------------------------------------------------------------- a stranger's child


def script(text):
    """Return a command that runs a piece of Python with the stream as ``s``."""
    head = "import os, socket, sys; s = socket.socket(fileno=int(sys.argv[-1]));"
    return (sys.executable, "-I", "-c", head + text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sys.exit(3)", "exit code 3 while starting"),
        ("sys.stderr.write('no module\\n'); sys.exit(1)", "exit code 1 while starting"),
        ("os.kill(os.getpid(), 6)", "SIGABRT while starting"),
        ("s.sendall(b'\\xff' * 100); import time; time.sleep(60)", "SIGKILL while starting"),
        ("s.sendall((1).to_bytes(4, 'big') + (77).to_bytes(8, 'big') + b'\\xc0'); s.recv(9**7)", "while starting"),
        ("s.sendall((1).to_bytes(4, 'big') + (1).to_bytes(8, 'big') + b'\\xc0'); s.recv(9**7)", "our protocol"),
        ("s.sendall((2).to_bytes(4, 'big') + (1).to_bytes(8, 'big') + b'\\x91\\x00'); s.recv(9**7)", "malformed"),
        ("s.close(); import time; time.sleep(60)", "SIGKILL while starting"),
    ],
    ids=["exit", "words", "signal", "oversized", "number", "payload", "fields", "hang"],
)
def test_a_process_that_does_not_answer_as_it_should(opened, monkeypatch, text, words):
    """Whatever the child says or does at the start, the node is told in words, and the process is gone."""
    monkeypatch.setattr("hanchain.node.executor_link._EXIT_SECONDS", 0.2)
    with structlog.testing.capture_logs() as logs, pytest.raises(Fault, match=words):
        opened(command=script(text))
    if "stderr" in text:
        assert {"event": "executor says", "log_level": "warning", "line": "no module"} in logs


def test_what_it_says_is_bounded(opened):
    """Lines are cut and counted: no process fills the node's log."""
    text = "sys.stderr.write('x' * 3_000 + '\\n' + 'y\\n' * 5_000 + 'z' * 70_000); sys.exit(1)"
    with structlog.testing.capture_logs() as logs, pytest.raises(Fault, match="exit code 1"):
        opened(command=script(text))
    lines = [entry["line"] for entry in logs if entry["event"] == "executor says"]
    assert len(lines) == limits.EXECUTOR_LINES_MAX
    assert (lines[0], lines[1], lines[-1]) == ("x" * limits.EXECUTOR_LINE_LENGTH_MAX, "y", "(and more)")


def test_a_database_that_is_let_go_is_opened(opened, tmp_path):
    """An executor waits a moment for its predecessor to end: a node that was killed may be started again at once."""
    held = LevelDB(tmp_path / "state")
    threading.Timer(1.5, held.close).start()
    assert opened().height == 0


def test_other_code_is_refused(opened, tmp_path):
    """A child that finds another copy of the program is refused: results must come from the code that this node is."""
    for package in ("hanchain", "consensus", "contracts", "p2p", "storage"):
        shutil.copytree(executor_process.CODE.parent / package, tmp_path / "copy" / package)
    boot = tmp_path / "copy" / "hanchain" / "node" / "executor_boot.py"
    command = (*executor_process.COMMAND[:-1], str(boot))
    with pytest.raises(Fault, match=r"the executor runs the code in .*copy/hanchain, this node that in"):
        opened(command=command)


def test_a_program_that_is_not_there(opened):
    """An interpreter that cannot be started is a fault that names it."""
    with pytest.raises(Fault, match=r"no start: .*No such file or directory: '/none/python'"):
        opened(command=("/none/python",))
