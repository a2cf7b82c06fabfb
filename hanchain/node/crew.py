"""The threads of a node and its background tasks: whatever fails in one of them is told to the node.

Threads work beside the loop: one makes the write-ahead log durable, one owns the chain on disk, one judges proposals (a
vote must not wait behind reads and gossip), two verify signatures and read blocks, two read the state, which may have
to wait for a block under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node import limits

T = TypeVar("T")


class Crew:
    """Runs the work of one node; ``on_failure`` gets what failed, on the loop, and nothing of it is lost."""

    def __init__(self, on_failure: Callable[[BaseException], None]) -> None:
        self._on_failure = on_failure
        self._log = ThreadPoolExecutor(1, thread_name_prefix="log")
        self._chain = ThreadPoolExecutor(1, thread_name_prefix="chain")
        self._judge = ThreadPoolExecutor(1, thread_name_prefix="judge")
        self._workers = ThreadPoolExecutor(2, thread_name_prefix="work")
        self._state = ThreadPoolExecutor(2, thread_name_prefix="state")
        self._state_reads = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken = False  # something failed: the chain takes no more work
        self._closing = False

    async def close(self) -> None:
        """End the background tasks; from now on nothing is begun."""
        self._closing = True
        ending = list(self._tasks)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def close_threads(self) -> None:
        """Let the threads finish what they do, drop what waits for them, and end them."""
        for pool in (self._judge, self._workers, self._state, self._chain, self._log):
            await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run a coroutine in the background."""
        if self._closing:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def in_chain(self, work: Callable[[], T], done: Callable[[T], None]) -> None:
        """Run on the chain's thread, in order; then ``done(result)`` on the loop."""
        if self._broken or self._closing:
            return
        future = asyncio.get_running_loop().run_in_executor(self._chain, work)

        def finished(result: asyncio.Future[T]) -> None:
            if result.cancelled():
                return
            error = result.exception()
            if error is None:
                try:
                    done(result.result())
                except Exception as failure:  # noqa: BLE001 - a callback of the loop: nobody else would see it
                    error = failure
            if error is not None:
                self._fail(error)

        future.add_done_callback(finished)

    async def read(self, work: Callable[[], T]) -> T:
        """Run a read of the chain in a worker thread; raise Rejection(not_ready) when the node is stopping."""
        return await self._run(self._workers, work)

    async def read_state(self, work: Callable[[], T]) -> T:
        """Run a read of the state in a thread of its own kind; raise Rejection(busy) when too many wait already."""
        if self._state_reads >= limits.STATE_READS_WAITING_MAX:
            raise Rejection(Reason.BUSY, f"{limits.STATE_READS_WAITING_MAX} reads of the state wait already; try again")
        self._state_reads += 1
        try:
            return await self._run(self._state, work)
        finally:
            self._state_reads -= 1

    async def in_order(self, work: Callable[[], T]) -> T:
        """Run on the chain's thread, after what is under way there; raise Rejection(not_ready) when stopping."""
        return await self._run(self._chain, work)

    async def judge(self, work: Callable[[], T]) -> T:
        """Run on the thread that judges proposals; raise Rejection(not_ready) when stopping."""
        return await self._run(self._judge, work)

    async def log(self, work: Callable[[], None]) -> None:
        """Run on the log's thread; raise Rejection(not_ready) when stopping."""
        await self._run(self._log, work)

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        if self._closing:
            raise Rejection(Reason.NOT_READY, "this node is stopping")
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if not self._closing:
            self._broken = True
            self._on_failure(error)
