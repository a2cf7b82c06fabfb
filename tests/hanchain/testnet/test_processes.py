"""Node processes: started, killed, restarted, stopped, and nobody else's process ever touched."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from hanchain.ledger.reasons import Reason, Rejection
from hanchain.testnet.files import create_network
from hanchain.testnet.processes import Processes, _start_time


@pytest.fixture
def network(tmp_path):
    """Return the files of a network of one, and its processes, stopped afterwards."""
    files = create_network(tmp_path / "net", validators=1)
    processes = Processes(files)
    yield files, processes
    processes.stop_all()
    assert processes.pid(files.nodes[0]) is None


@pytest.fixture
def bystander():
    """Return a process that is none of ours; it must survive."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        assert process.poll() is None, "somebody signalled it"
        process.communicate(b"\n", timeout=10)


def refusal(call, *arguments):
    """Return why something is rejected."""
    with pytest.raises(Rejection) as caught:
        call(*arguments)
    return caught.value.reason


def record(files, content):
    """Write a pid file."""
    path = files.directory / "node0" / "node.pid"
    path.write_text(content)
    return path


def test_a_number_used_again_is_never_signalled(network, bystander):
    """A stale pid file whose number now belongs to another process counts as not running, and nobody is signalled."""
    files, processes = network
    node = files.nodes[0]
    started = _start_time(bystander.pid)
    assert started is not None
    record(files, json.dumps([bystander.pid, str(int(started) - 1)]))
    assert processes.pid(node) is None
    assert refusal(processes.kill, node) is Reason.NOT_FOUND
    processes.stop(node)


@pytest.mark.parametrize("content", ["", "{", "5", "[1]", '["x", "y"]', "[-1, null]", '[0, ""]', "[1, null, 3]"])
def test_a_damaged_pid_file_means_not_running(network, content):
    """Whatever stands in the file, nothing is signalled for it."""
    files, processes = network
    record(files, content)
    assert processes.pid(files.nodes[0]) is None
    processes.stop_all()


def test_a_dead_process_has_no_start_time(bystander):
    """Living processes have one that does not change; a zombie and a number that nobody has have none."""
    assert _start_time(bystander.pid) == _start_time(bystander.pid) != _start_time(1)
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        deadline = time.monotonic() + 10
        while _start_time(child.pid) is not None:  # not reaped: it stays a zombie
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert _start_time(child.pid) is None


def test_a_node_that_cannot_start_says_why(network):
    """Waiting for a node that dies at once ends with the last lines of its log."""
    files, processes = network
    node = files.nodes[0]
    files.config_path(node.name).write_text("[nonsense]\n")
    processes.start(node)
    with pytest.raises(Rejection) as caught:
        processes.wait_ready(node)
    assert caught.value.reason is Reason.NOT_READY
    assert "unknown key 'nonsense'" in " ".join(caught.value.detail.split())
    assert processes.pid(node) is None


def test_without_a_log_there_is_no_tail(network):
    """A node that never ran has no log."""
    files, processes = network
    assert processes.log_tail(files.nodes[0]) == "(no log)"


@pytest.mark.processes
def test_start_kill_restart_stop(network):
    """A node starts once, dies at once by kill, starts again from its directory, and stops in order."""
    files, processes = network
    node = files.nodes[0]
    first = processes.start(node)
    processes.wait_ready(node)
    assert processes.pid(node) == first
    assert refusal(processes.start, node) is Reason.NOT_UNIQUE
    assert Processes(files).pid(node) == first, "a later command finds it by its file"
    assert processes.kill(node) == first
    assert processes.pid(node) is None
    assert refusal(processes.kill, node) is Reason.NOT_FOUND
    second = processes.start(node)
    assert second != first
    processes.wait_ready(node)
    later = Processes(files)
    later.stop(node)
    assert (later.pid(node), processes.pid(node)) == (None, None)
    assert "stopped" in processes.log_tail(node)
    assert not (files.directory / "node0" / "node.pid").exists()


@pytest.mark.processes
def test_a_node_that_ignores_the_request_is_killed(network, monkeypatch):
    """A node that does not follow SIGTERM in time ends by SIGKILL."""
    files, processes = network
    node = files.nodes[0]
    monkeypatch.setattr("hanchain.testnet.processes.STOP_SECONDS_MAX", 0.5)
    pid = processes.start(node)
    processes.wait_ready(node)
    os.kill(pid, signal.SIGSTOP)
    processes.stop(node)
    assert processes.pid(node) is None


def test_an_interrupt_while_a_process_is_started_comes_after_it_is_written_down(monkeypatch, tmp_path):
    """A node that nobody knows of could never be stopped: Ctrl-C waits until its id is on disk."""
    import os
    import signal
    import subprocess

    files = create_network(tmp_path / "network", validators=1)
    processes, node = Processes(files), files.nodes[0]
    started = subprocess.Popen

    def interrupted(*arguments, **options):
        os.kill(os.getpid(), signal.SIGINT)
        return started(*arguments, **options)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
    try:
        monkeypatch.setattr(subprocess, "Popen", interrupted)
        with pytest.raises(KeyboardInterrupt):
            processes.start(node)
        monkeypatch.undo()
        assert processes.pid(node) is not None
    finally:
        signal.signal(signal.SIGINT, before)
        processes.stop_all()
    assert processes.pid(node) is None
