"""The machine's thread: deep enough, and nothing else of the process changes."""

import sys
import threading

import pytest

from contracts.limits import FRAMES_MIN, STACK_BYTES_MIN
from contracts.thread import in_deep_thread, start_deep_thread


def descend(levels: int) -> int:
    """Return ``levels`` by as many calls."""
    return 0 if levels == 0 else 1 + descend(levels - 1)


def test_results_and_errors_come_back() -> None:
    """What the function returns or raises is what the caller gets, and it ran in another thread."""
    assert in_deep_thread(threading.get_ident) != threading.get_ident()
    error = KeyError("inside")

    def fail() -> None:
        raise error

    with pytest.raises(KeyError) as caught:
        in_deep_thread(fail)
    assert caught.value is error


def test_it_is_deep_enough() -> None:
    """Half of the frames that the machine may need fit with room to spare, on the smallest stack."""
    assert in_deep_thread(lambda: descend(FRAMES_MIN // 2), stack_bytes=STACK_BYTES_MIN) == FRAMES_MIN // 2
    assert sys.getrecursionlimit() >= FRAMES_MIN


def test_other_threads_keep_their_stack() -> None:
    """The size is for this thread: the next one gets what it would have had."""
    before = threading.stack_size()
    thread = start_deep_thread(lambda: None, name="deep")
    thread.join()
    assert thread.name == "deep"
    assert threading.stack_size() == before


def test_a_shallow_one_is_refused() -> None:
    """Less stack than the machine needs is an error of ours."""
    with pytest.raises(AssertionError, match="at least"):
        start_deep_thread(lambda: None, stack_bytes=STACK_BYTES_MIN - 1)
