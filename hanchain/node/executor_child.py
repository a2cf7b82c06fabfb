"""The executor's process: it alone opens the state database, and answers what the node asks over one stream.

It ends when the stream does, so that no executor outlives its node; on Linux the kernel sees to that too. A block that
waits goes before reads that wait, and a read takes a few milliseconds at most. What goes wrong in carrying out a
request is said in its reply; the node decides.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import signal
import socket
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import hanchain
from contracts.thread import in_deep_thread
from hanchain.crypto import Suite
from hanchain.ledger import limits as ledger_limits
from hanchain.ledger.execution import rules_of
from hanchain.ledger.fields import Fields
from hanchain.ledger.genesis import parse_genesis
from hanchain.ledger.reasons import Fault, Rejection
from hanchain.node import limits
from hanchain.node.executor_inline import InlineExecutor
from hanchain.node.executor_wire import (
    FrameReader,
    Opened,
    Opening,
    Request,
    failure_reply,
    frame,
    read_apply,
    read_state,
    read_view,
    results_reply,
    state_reply,
    view_reply,
)
from storage.errors import Locked, StorageError
from storage.kv import KeyValue
from storage.leveldb import LevelDB

_READS: Final = frozenset({Request.VIEW, Request.STATE})
_FULL_COLLECTION_BLOCKS: Final = 256
_LOCK_PAUSE_SECONDS: Final = 0.02
_READ_BYTES: Final = 256 * 1024
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_PR_SET_NO_NEW_PRIVS: Final = 38


def main(arguments: Sequence[str], open_database: Callable[[Path], KeyValue] = LevelDB) -> int:
    """Serve the stream whose number is the last argument until it ends; return the exit code."""
    parent = os.getppid()
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # the node gets them too, and ends this process in its own time
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    if not __debug__:
        sys.stderr.write("the executor does not run under -O: its assertions are part of it\n")
        return 2
    _confine(parent)
    stream = socket.socket(fileno=int(arguments[-1]))
    return in_deep_thread(lambda: serve(stream, open_database))


def serve(stream: socket.socket, open_database: Callable[[Path], KeyValue]) -> int:
    """Open the state that the first request names, answer all others, and return the exit code."""
    inbox = _Inbox(stream)
    first = inbox.next()
    if first is None:
        return 0
    number, kind, fields = first
    assert kind is Request.OPEN, "the first request says which state"
    try:
        executor, suite = _open(Opening.read(fields), open_database)
    except Exception as error:  # noqa: BLE001 - whatever it is, the node has to be told
        _send(stream, number, _failure(error))
        inbox.next()  # the node hangs up when it has read that: an end before would look like a death
        return 1
    gc.disable()  # a collection in the middle of a block would be paid by whichever transaction it meets
    gc.collect()
    gc.freeze()
    _send(
        stream,
        number,
        Opened(str(Path(hanchain.__file__).resolve().parent), executor.height, executor.block_hash).encode(),
    )
    blocks = 0
    while (request := inbox.next()) is not None:
        number, kind, fields = request
        if not _send(stream, number, _answer(executor, suite, kind, fields)):
            break
        if kind is Request.APPLY:
            blocks += 1
            # What a block leaves behind is young; what caches drop grows old first.
            gc.collect(2 if blocks % _FULL_COLLECTION_BLOCKS == 0 else 1)
    executor.close()
    return 0


class _Inbox:
    """Requests as they come: blocks before reads."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._frames = FrameReader(limits.EXECUTOR_REQUEST_BYTES_MAX)
        self._first: deque[tuple[int, Request, Fields]] = deque()  # blocks: never more than one
        self._reads: deque[tuple[int, Request, Fields]] = deque()  # never more than the node sends

    def next(self) -> tuple[int, Request, Fields] | None:
        """Return the request to carry out now; None when the node is gone."""
        while True:
            idle = not (self._first or self._reads)
            try:
                # Of a frame that has begun the rest is on its way: it may be a block.
                data = self._stream.recv(_READ_BYTES, 0 if idle or self._frames.partial else socket.MSG_DONTWAIT)
            except BlockingIOError:
                return (self._first or self._reads).popleft()
            except ConnectionError:
                return None
            if not data:
                return None
            for number, payload in self._frames.feed(data):
                fields = Fields.decode(
                    payload,
                    "request",
                    max_bytes=limits.EXECUTOR_REQUEST_BYTES_MAX,
                    max_items=ledger_limits.ITEMS_MAX,
                )
                kind = Request(fields.integer(min(Request), max(Request)))
                (self._reads if kind in _READS else self._first).append((number, kind, fields))


def _open(opening: Opening, open_database: Callable[[Path], KeyValue]) -> tuple[InlineExecutor, Suite]:
    if sys.platform == "linux":
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = opening.memory_bytes if hard == resource.RLIM_INFINITY else min(hard, opening.memory_bytes)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    genesis = parse_genesis(opening.genesis)
    database = _unlocked(lambda: open_database(Path(opening.path)))
    return InlineExecutor(database, rules_of(genesis), genesis.block0, caller_is_deep=True), genesis.suite


def _unlocked(open_database: Callable[[], KeyValue]) -> KeyValue:
    """Open the database, waiting a moment for the executor of a node that was killed just now."""
    deadline_s = time.monotonic() + limits.EXECUTOR_LOCK_SECONDS
    while True:
        try:
            return open_database()
        except Locked:
            if time.monotonic() > deadline_s:
                raise
        time.sleep(_LOCK_PAUSE_SECONDS)


def _answer(executor: InlineExecutor, suite: Suite, kind: Request, fields: Fields) -> bytes:
    """Carry out a request; return the payload of the reply."""
    assert kind is not Request.OPEN, "a state is opened once"
    try:
        match kind:
            case Request.APPLY:
                return results_reply(executor.apply(*read_apply(fields, suite)))
            case Request.VIEW:
                return view_reply(*executor.view(*read_view(fields)))
            case Request.STATE:
                return state_reply(executor.state(*read_state(fields)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the node has to be told, and halts unless it was a read
        return _failure(error)


def _failure(error: Exception) -> bytes:
    """Return the reply for what went wrong; the trace of what nobody foresaw goes to the node's log."""
    if not isinstance(error, Rejection | StorageError | Fault):
        traceback.print_exception(error)
    return failure_reply(error)


def _send(stream: socket.socket, number: int, payload: bytes) -> bool:
    """Send a reply; return whether there is somebody to take it."""
    try:
        stream.sendall(frame(number, payload))
    except ConnectionError:
        return False
    return True


def _confine(parent: int) -> None:
    """Leave no core file, gain no privileges, and end with the node."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
        for option, value in ((_PR_SET_NO_NEW_PRIVS, 1), (_PR_SET_PDEATHSIG, signal.SIGKILL)):
            if prctl(option, value, 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        sys.exit("the node ended meanwhile")
