"""The executor in a child process: contracts run where a crash, a leak or an endless loop is not the node's.

The handle outlives its processes. A process that ends is noticed at once, logged and reaped; whoever waits for it gets
``ExecutorDied``, and ``start_again`` puts another one in its place.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Final, TypeVar

import structlog

from hanchain.ledger.codec import CodecError, Value
from hanchain.ledger.execution import Ordering
from hanchain.ledger.fields import Fields
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.parameters import GAS_PER_MS
from hanchain.ledger.reasons import Fault, Reason, Rejection
from hanchain.node import limits
from hanchain.node.executor import ExecutorDied, Mode, Results, StateAnswer
from hanchain.node.executor_link import CODE, COMMAND, Link
from hanchain.node.executor_wire import (
    BadFrame,
    Opened,
    Opening,
    apply_request,
    open_reply,
    read_results,
    read_state_answer,
    read_view_answer,
    state_request,
    view_request,
)

# The child begins with these blocked, and ignores them: Ctrl-C at a terminal and a stop of the whole service reach it
# too, and it has to outlive the node's last block.
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_T = TypeVar("_T")


class ProcessExecutor:
    """Executes in a child process. One thread applies; any thread reads.

    Raises StorageError when the state cannot be opened, Fault when no process can be started.
    """

    def __init__(
        self,
        genesis: Genesis,
        path: Path,
        *,
        memory_mib: int = limits.EXECUTOR_MEMORY_MIB,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """Start the first process on the state database at ``path``, with ``memory_mib`` of address space."""
        self._suite = genesis.suite
        self._opening = Opening(genesis.to_json().encode(), str(path.resolve()), memory_mib << 20)
        self._command = command
        self._patience_s = limits.EXECUTOR_PATIENCE_SECONDS + limits.EXECUTOR_PATIENCE_FACTOR * (
            genesis.parameters.max_block_gas / (1000 * GAS_PER_MS)
        )
        self._link: Link | None = None
        self._death: ExecutorDied | None = None
        self._on_death: Callable[[ExecutorDied], None] | None = None
        self._wishes: SimpleQueue[Future[Link] | None] = SimpleQueue()  # None: no more
        self._closing = self._hurried = False
        self._lock = threading.Lock()  # over these
        self._applying = threading.Lock()
        self._reads = threading.BoundedSemaphore(limits.EXECUTOR_READS_MAX)
        self._at = Opened("", 0, b"")
        self._out = structlog.get_logger("hanchain.executor")
        self._thread = threading.Thread(target=self._work, name="executor", daemon=True)
        self._thread.start()
        try:
            self.start_again()
        except ExecutorDied as error:
            self.close()
            raise Fault(f"{error} while starting; the log says why") from error
        except BaseException:
            self.close()
            raise

    @property
    def mode(self) -> Mode:
        """Where it executes: in a child process."""
        return Mode.PROCESS

    @property
    def pid(self) -> int | None:
        """The id of the process, None while there is none."""
        link = self._link
        return None if link is None else link.pid

    @property
    def death(self) -> ExecutorDied | None:
        """How the last process ended, None while one runs."""
        return self._death

    @property
    def silent(self) -> bool:
        """Whether the process has not answered for long."""
        link = self._link
        return link is not None and link.waited_s > limits.EXECUTOR_SILENT_SECONDS

    @property
    def height(self) -> int:
        """Height of the last executed block."""
        return self._at.height

    @property
    def block_hash(self) -> bytes:
        """Hash of the last executed block."""
        return self._at.block_hash

    def apply(self, ordering: Ordering, body: bytes) -> Results:
        """Execute the next block, or answer for the last one again; durable when this returns.

        Raises Fault or StorageError when the block cannot be executed here, ExecutorDied when the process ended.
        """
        alone = self._applying.acquire(blocking=False)
        assert alone, "one thread applies"
        try:
            link = self._running()
            reply = link.request(apply_request(ordering, body))
            results = _answer(reply, partial(read_results, suite=self._suite))
        finally:
            self._applying.release()
        self._at = Opened("", ordering.height, results.block_hash)
        return results

    def view(self, contract: str, method: str, arguments: Sequence[Value]) -> tuple[int, Value]:
        """Call a view on the last state; raise Rejection for a bad call, and for one that cannot be answered now."""
        return self._read(view_request(contract, method, arguments), read_view_answer)

    def state(self, contract: str, key: bytes) -> StateAnswer:
        """Return a key of a contract's state with its proof; raises Rejection as ``view`` does."""
        return self._read(state_request(contract, key), read_state_answer)

    def watch(self, on_death: Callable[[ExecutorDied], None]) -> None:
        """Call ``on_death`` from now on, in the thread of this handle, as soon as a process has ended."""
        self._on_death = on_death

    def start_again(self) -> None:
        """Start another process in the place of one that ended; raises ExecutorDied when that one ends at once."""
        wish: Future[Link] = Future()
        with self._lock:  # nothing is wished for behind the last
            if self._closing:
                raise Rejection(Reason.NOT_READY, "this node is stopping")
            self._wishes.put(wish)
        link = wish.result()
        try:
            self._at = self._open(link)
        except ExecutorDied:
            raise
        except Exception:
            link.hang_up()  # what it said is the reason, not its end
            raise
        self._death = None

    def hurry(self) -> None:
        """Have what is under way end within seconds: answered, or else with the process. Any thread may call this."""
        self._hurried = True  # first, for a process that is being started
        link = self._link
        if link is not None:
            link.hurry(limits.EXECUTOR_CLOSE_SECONDS)

    def close(self) -> None:
        """End the process, which finishes the block that it executes if that takes no longer than a few seconds."""
        with self._lock:
            self._closing = True
            self._wishes.put(None)
        link = self._link
        if link is not None:
            link.hang_up()
            self._thread.join(limits.EXECUTOR_CLOSE_SECONDS)
            if self._thread.is_alive():
                link.kill()
        self._thread.join()

    def _open(self, link: Link) -> Opened:
        opened = _answer(link.request(self._opening.encode()), partial(Opened.read, suite=self._suite))
        if opened.code != str(CODE):
            raise Fault(f"the executor runs the code in {opened.code}, this node that in {CODE}")
        return opened

    def _read(self, payload: bytes, read: Callable[[Fields], _T]) -> _T:
        if len(payload) > limits.EXECUTOR_READ_BYTES_MAX:
            raise Rejection(Reason.OVERSIZED, f"{len(payload)} bytes, at most {limits.EXECUTOR_READ_BYTES_MAX}")
        if self.silent:
            raise Rejection(Reason.NOT_READY, "executor: silent; try again")
        if not self._reads.acquire(blocking=False):
            raise Rejection(Reason.BUSY, f"{limits.EXECUTOR_READS_MAX} reads are under way; try again")
        try:
            return _answer(self._running().request(payload), read, limits.EXECUTOR_SILENT_SECONDS)
        except TimeoutError:
            raise Rejection(Reason.NOT_READY, "executor: silent; try again") from None
        except ExecutorDied as death:
            raise Rejection(Reason.NOT_READY, f"executor: {death}; try again") from death
        finally:
            self._reads.release()

    def _running(self) -> Link:
        link, death = self._link, self._death
        if death is not None:
            raise death.again()
        if link is None:
            raise Rejection(Reason.NOT_READY, "this node is stopping")
        return link

    def _work(self) -> None:
        """Start each process that is wished for and stay with it to its end: it dies with this thread."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        while (wish := self._wishes.get()) is not None:
            try:
                self._link = link = Link(self._command, self._say, self._patience_s)
            except OSError as error:
                death = ExecutorDied(0, f"no start: {error}", time.monotonic())
                self._ended(death)
                wish.set_exception(death)
                continue
            if self._closing:
                link.hang_up()
            if self._hurried:
                link.hurry(limits.EXECUTOR_CLOSE_SECONDS)
            wish.set_result(link)
            link.watch(self._ended)

    def _ended(self, death: ExecutorDied) -> None:
        self._link = None
        if self._closing:
            return
        self._death = death
        self._out.error("executor died", pid=death.pid, how=death.how)
        if self._on_death is not None:
            self._on_death(death)

    def _say(self, line: str) -> None:
        self._out.warning("executor says", line=line)


def _answer(reply: Future[bytes], read: Callable[[Fields], _T], seconds: float | None = None) -> _T:
    """Return what is read from a reply; raise what the executor gave instead, or Fault for an answer that is none.

    Raises TimeoutError when there is no reply within ``seconds``.
    """
    try:
        fields = open_reply(reply.result(seconds))
    except BadFrame as error:
        raise Fault(f"the executor does not answer in our protocol: {error}") from error
    try:
        return read(fields)
    except (Rejection, CodecError) as error:
        raise Fault(f"the executor's answer is malformed: {error}") from error
