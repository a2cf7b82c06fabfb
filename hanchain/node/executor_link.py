"""One life of the executor's process: started, talked to by any thread, watched until it is gone, and reaped.

One thread starts the process and stays with it (``watch``): on Linux a child that is to die with its parent dies with
the thread that started it.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Final

import hanchain
from hanchain.node import limits
from hanchain.node.executor import ExecutorDied
from hanchain.node.executor_wire import BadFrame, FrameReader, frame

CODE: Final = Path(hanchain.__file__).resolve().parent  # where our own code is, and the child's has to be
COMMAND: Final = (sys.executable, "-I", str(CODE / "node" / "executor_boot.py"))
_INHERITED: Final = ("LD_LIBRARY_PATH", "LANG", "LC_ALL")  # what the interpreter itself may need
_READ_BYTES: Final = 256 * 1024
_LOOK_SECONDS: Final = 0.2  # between two looks at how long an answer has been waited for
_EXIT_SECONDS: Final = 1.0  # between the end of the stream and that of the process


class Link:
    """A process and its stream. Made and watched by one thread; any thread sends requests."""

    def __init__(self, command: Sequence[str], say: Callable[[str], None], patience_s: float) -> None:
        """Start ``command`` with the number of its stream as last argument; raises OSError when that fails.

        ``say`` gets every line that the process writes to its standard error. A process that is asked and answers
        nothing for ``patience_s`` is killed: it hangs, and would hold up its node for ever.
        """
        self._say = say
        self._lines = _Lines(say)
        ours, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*command, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=(theirs.fileno(),),
                env={name: os.environ[name] for name in _INHERITED if name in os.environ},
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._stream = ours
        self._sending = threading.Lock()
        self._patience_s = patience_s
        self._heard_s = time.monotonic()  # when the last answer came, or the first request after it was made
        self._lock = threading.Lock()  # over the above and the next three
        self._waiting: dict[int, Future[bytes]] = {}
        self._number = 0
        self._death: ExecutorDied | None = None
        self._hung: str | None = None  # why we killed it

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def request(self, payload: bytes) -> Future[bytes]:
        """Send a request; the future gets the reply's payload, or ExecutorDied."""
        reply: Future[bytes] = Future()
        with self._lock:
            if self._death is not None:
                raise self._death.again()
            if not self._waiting:
                self._heard_s = time.monotonic()
            self._number += 1
            number = self._number
            self._waiting[number] = reply
        with self._sending, suppress(OSError):  # a broken stream: the watcher sees its end and says why
            self._stream.sendall(frame(number, payload))
        return reply

    @property
    def waited_s(self) -> float:
        """How long somebody has waited since the process last answered; nothing while nobody waits."""
        with self._lock:
            return time.monotonic() - self._heard_s if self._waiting else 0.0

    def hurry(self, seconds: float) -> None:
        """Kill the process unless it answers within so many seconds, each time anew."""
        with self._lock:
            self._heard_s = time.monotonic()
            self._patience_s = min(self._patience_s, seconds)

    def hang_up(self) -> None:
        """Let the process end, which it does when nothing more can come; its last reply still arrives."""
        with suppress(OSError):
            self._stream.shutdown(socket.SHUT_WR)

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def watch(self, told: Callable[[ExecutorDied], None]) -> None:
        """Take replies and lines until the process is gone; then tell how it ended, and everybody who waits for it."""
        try:
            self._listen()
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait have to be told
            self._say(f"{type(error).__name__}: {error}")
            self.kill()
        how = self._reap()
        death = ExecutorDied(self.pid, how if self._hung is None else f"{how}: {self._hung}", time.monotonic())
        with self._lock:
            self._death = death
            waiting = list(self._waiting.values())
            self._waiting.clear()
        told(death)
        for reply in waiting:
            reply.set_exception(death.again())

    def _listen(self) -> None:
        errors = self._process.stderr
        assert errors is not None, "it was asked for"
        frames = FrameReader(limits.EXECUTOR_REPLY_BYTES_MAX)
        with selectors.DefaultSelector() as selector:
            selector.register(self._stream, selectors.EVENT_READ)
            selector.register(errors, selectors.EVENT_READ)
            while True:
                self._check_patience()
                for key, _ in selector.select(_LOOK_SECONDS):
                    if key.fileobj is errors:
                        said = os.read(errors.fileno(), _READ_BYTES)
                        self._lines.feed(said)
                        if not said:
                            selector.unregister(errors)
                    elif not self._take(frames):
                        return

    def _check_patience(self) -> None:
        """Kill a process that hangs; its stream ends, and all else follows."""
        if self._hung is None and (waited_s := self.waited_s) > self._patience_s:
            self._hung = f"no answer for {waited_s:.0f} s"
            self.kill()

    def _take(self, frames: FrameReader) -> bool:
        """Take what the stream has; return whether there can be more."""
        try:
            data = self._stream.recv(_READ_BYTES)
        except OSError:
            return False
        for number, payload in frames.feed(data):
            with self._lock:
                reply = self._waiting.pop(number, None)
                self._heard_s = time.monotonic()
            if reply is None:
                raise BadFrame(f"a reply to request {number}, which nobody made")
            reply.set_result(payload)
        return bool(data)

    def _reap(self) -> str:
        """Wait for the process, read the last that it said, and return how it ended."""
        errors = self._process.stderr
        assert errors is not None, "it was asked for"
        try:
            code = self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        with self._sending:  # nobody may be writing to a number that the system gives to another file
            self._stream.close()
        with errors:
            os.set_blocking(errors.fileno(), False)
            with suppress(BlockingIOError):
                while said := os.read(errors.fileno(), _READ_BYTES):
                    self._lines.feed(said)
        self._lines.feed(b"\n")
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


class _Lines:
    """Cuts what a process says into lines, of bounded length and number."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._rest = b""
        self._left = limits.EXECUTOR_LINES_MAX

    def feed(self, data: bytes) -> None:
        """Pass on the lines that ``data`` completes."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > limits.EXECUTOR_LINE_LENGTH_MAX:
            whole.append(self._rest)
            self._rest = b""
        for line in whole:
            if line.strip() and self._left:
                self._left -= 1
                text = line[: limits.EXECUTOR_LINE_LENGTH_MAX].decode(errors="replace")
                self._say(text if self._left else "(and more)")
