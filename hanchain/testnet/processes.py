"""Node processes of a test network: started, watched, killed and restarted by process id.

The ids stand in ``<node>/node.pid`` together with the time the process started, so that a number used again by the
system for another process is never signalled.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from hanchain.ledger.reasons import Reason, Rejection
from hanchain.testnet.files import NetworkFiles, NodeAddress

START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 10.0


@dataclass(frozen=True, slots=True)
class _Recorded:
    pid: int
    started: str


class Processes:
    """The node processes of one network, also those that an earlier command started."""

    def __init__(self, files: NetworkFiles) -> None:
        self._files = files
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, node: NodeAddress, *, stop_with: int | None = None) -> int:
        """Start a node in the background and return its process id; raise Rejection when it runs already.

        With ``stop_with`` the node ends by itself when the process with that id is gone.
        """
        if self.pid(node) is not None:
            raise Rejection(Reason.NOT_UNIQUE, f"{node.name} runs already")
        if _alive(node):
            raise Rejection(
                Reason.NOT_UNIQUE,
                f"something answers at {node.url} already: a {node.name} started by hand? Stop it first",
            )
        command = [sys.executable, "-m", "hanchain.cli.main", "node", "run", str(self._files.config_path(node.name))]
        if stop_with is not None:
            command += ["--stop-with", str(stop_with)]
        with _uninterrupted(), self._files.log_path(node.name).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
            self._children[node.name] = process
            self._pid_path(node).write_text(json.dumps([process.pid, _start_time(process.pid)]))
        return process.pid

    def pid(self, node: NodeAddress) -> int | None:
        """Return the process id of a running node, None when it does not run."""
        child = self._children.get(node.name)
        if child is not None:
            if child.poll() is None:  # an ended one is reaped by this
                return child.pid
            del self._children[node.name]
        recorded = self._recorded(node)
        if recorded is None or _start_time(recorded.pid) != recorded.started:
            return None
        return recorded.pid

    def wait_ready(self, node: NodeAddress, seconds: float = START_SECONDS_MAX) -> None:
        """Wait until a node's API answers; raise Rejection with the end of its log when it died or never does."""
        deadline = time.monotonic() + seconds
        while True:
            if self.pid(node) is None:  # asked first: somebody else may answer on its port
                raise Rejection(Reason.NOT_READY, f"{node.name} stopped while starting:\n{self.log_tail(node)}")
            if _alive(node):
                return
            if time.monotonic() > deadline:
                raise Rejection(Reason.TIMEOUT, f"{node.name} does not answer:\n{self.log_tail(node)}")
            time.sleep(0.05)

    def kill(self, node: NodeAddress) -> int:
        """End a node with SIGKILL, as a crash would, and return its former process id."""
        pid = self.pid(node)
        if pid is None:
            raise Rejection(Reason.NOT_FOUND, f"{node.name} does not run")
        _signal(pid, signal.SIGKILL)
        self._wait_gone(node, STOP_SECONDS_MAX)
        return pid

    def kill_executor(self, node: NodeAddress, pid: int | None) -> int:
        """End a node's executor, whose id its status tells, with SIGKILL; return the id.

        Raise Rejection when that process is no child of the node: a number is never trusted to name a process.
        """
        own = self.pid(node)
        if own is None or pid is None or _parent(pid) != own:
            raise Rejection(Reason.NOT_FOUND, f"{node.name} has no executor with the process id {pid}")
        _signal(pid, signal.SIGKILL)
        return pid

    def stop(self, *nodes: NodeAddress) -> None:
        """End nodes with SIGTERM all at once, and with SIGKILL those that do not follow in time."""
        for node in nodes:
            pid = self.pid(node)
            if pid is not None:
                _signal(pid, signal.SIGTERM)
        for node in nodes:
            if not self._wait_gone(node, STOP_SECONDS_MAX) and self.pid(node) is not None:
                self.kill(node)

    def stop_all(self) -> None:
        """End all nodes."""
        self.stop(*self._files.nodes)

    def log_tail(self, node: NodeAddress, lines: int = 12) -> str:
        """Return the last lines of a node's log."""
        path = self._files.log_path(node.name)
        if not path.exists():
            return "(no log)"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])

    def _wait_gone(self, node: NodeAddress, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.pid(node) is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        self._pid_path(node).unlink(missing_ok=True)
        return True

    def _recorded(self, node: NodeAddress) -> _Recorded | None:
        try:
            pid, started = json.loads(self._pid_path(node).read_text())
            return _Recorded(int(pid), str(started))
        except (OSError, ValueError, TypeError):
            return None

    def _pid_path(self, node: NodeAddress) -> Path:
        return self._files.directory / node.name / "node.pid"


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put off SIGINT and SIGTERM: a process that was started and not written down could never be stopped again."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for late in came:
            signal.raise_signal(late)


def _start_time(pid: int) -> str | None:
    """Return when a living process started (clock ticks since boot), None for a dead one or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else fields[19]


def _parent(pid: int) -> int | None:
    """Return the id of a living process's parent, None for a dead one or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else int(fields[1])


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it ended by itself meanwhile
        os.kill(pid, number)


def _alive(node: NodeAddress) -> bool:
    host, _, port = node.api.rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=1)  # not urllib, which would ask a proxy of the environment
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
