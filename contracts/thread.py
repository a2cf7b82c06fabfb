"""A thread that is deep enough for the machine, whatever the thread that asks for it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from contracts.limits import FRAMES_MIN, STACK_BYTES_MIN

Result = TypeVar("Result")

STACK_BYTES: Final = 64 * 1024 * 1024  # address space only: pages that are never touched cost nothing

_sizes = threading.Lock()  # the stack size of the next thread belongs to the whole process


def start_deep_thread(
    run: Callable[[], None], *, name: str = "machine", stack_bytes: int = STACK_BYTES
) -> threading.Thread:
    """Start a thread with a stack and a recursion limit on which every legal program runs; return it.

    The recursion limit is one for all threads of the process, and is only ever raised. Python before 3.11 would need
    stack for it; since then Python functions that call each other do not.
    """
    assert stack_bytes >= STACK_BYTES_MIN, f"a machine's thread has at least {STACK_BYTES_MIN} bytes of stack"
    sys.setrecursionlimit(max(sys.getrecursionlimit(), FRAMES_MIN))
    thread = threading.Thread(target=run, name=name)
    with _sizes:
        before = threading.stack_size(stack_bytes)
        try:
            thread.start()
        finally:
            threading.stack_size(before)
    return thread


def in_deep_thread(function: Callable[[], Result], *, stack_bytes: int = STACK_BYTES) -> Result:
    """Return what ``function`` returns, or raise what it raises, having run it in a deep thread."""
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001 -- raised again below, in the thread that asked
            errors.append(error)

    start_deep_thread(run, stack_bytes=stack_bytes).join()
    if errors:
        raise errors[0]
    return results[0]
