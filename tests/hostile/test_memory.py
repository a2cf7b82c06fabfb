"""Memory bombs: what is charged is never less than what CPython takes, and nothing stays behind."""

import gc
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from contracts.codec import encode
from contracts.host import Context
from contracts.machine import Entry, Machine, Outcome
from contracts.memory import MemoryHost
from contracts.runtime import MEMORY_BYTES_MAX
from contracts.thread import in_deep_thread

GUARD = [[], None, 0, [], False]
NOTHING = [1, None]
X, Y, I = [2, 0], [2, 1], [2, 2]  # noqa: E741 -- as in a loop
BIG = 1 << 250
GAS = 200_000_000
SLACK_BYTES = 400_000  # frames, closures' temporaries and the host's free lists, which do not grow with the bomb
LEFT_BYTES = 200_000

WIDE = [6, 2, [1, "汉"], [1, 60_000]]
LONG = [6, 2, [1, "a"], [1, 60_000]]
ZEROS = [6, 2, [12, [[1, 0]]], [1, 16_000]]
COUNT = [41, 2, [6, 0, I, [1, 1]]]


def keep(expression: Any) -> list[Any]:
    """Return a statement that appends a value to the first local."""
    return [40, [22, "append", X, [expression]]]


# By name: what is done before the loop, and what for ever in it. X is a list, I counts from a big integer.
BOMBS: dict[str, tuple[list[Any], list[Any]]] = {
    "integers": ([], [COUNT, keep(I)]),
    "lists": ([], [keep([12, []])]),
    "lists of integers": ([], [COUNT, keep([12, [I, I, [6, 0, I, I]]])]),
    "tuples": ([], [keep([14, [I, I]])]),
    "dicts": ([], [keep([15, []])]),
    "dicts of one": ([], [COUNT, keep([15, [[21, 1, [I]], I]])]),
    "one dict": ([[41, 1, [15, []]]], [COUNT, [42, Y, [21, 1, [I]], I]]),
    "one dict of small keys": ([[41, 1, [15, []]], [41, 2, [1, 0]]], [COUNT, [42, Y, [23, [[1, "k"], I]], I]]),
    "records": ([], [COUNT, keep([16, 0, [[1, "a"], I]])]),
    "texts": ([], [COUNT, keep([23, [[1, "汉"], I]])]),
    "long texts": ([[41, 1, LONG]], [keep([6, 0, Y, [1, "b"]])]),
    "wide texts": ([[41, 1, WIDE]], [keep([6, 0, Y, [1, "b"]])]),
    "texts made wide": ([[41, 1, LONG]], [keep([6, 0, Y, [1, "汉"]])]),
    "characters": ([[41, 1, WIDE]], [[50, [3], Y, [keep([2, 3])]]]),
    "bytes": ([[41, 1, [22, "encode", WIDE, []]]], []),
    "encoded": ([[41, 1, [6, 2, [1, "汉"], [1, 20_000]]]], [keep([22, "encode", Y, []])]),
    "hexadecimal": ([[41, 1, [6, 2, [1, b"a"], [1, 30_000]]]], [keep([22, "hex", Y, []])]),
    "pieces": ([[41, 1, [6, 2, [1, "a,"], [1, 15_000]]]], [keep([22, "split", Y, [[1, ","]]])]),
    "joined": ([[41, 1, [6, 2, [12, [[1, "ab"]]], [1, 16_000]]]], [keep([22, "join", [1, "-"], [Y]])]),
    "slices": ([[41, 1, ZEROS]], [keep([19, Y, [1, 1], None, None])]),
    "sums of lists": ([[41, 1, ZEROS]], [keep([6, 0, Y, [12, [[1, 1]]]])]),
    "ranges": ([], [keep([21, 9, [[21, 11, [[1, 10**15], [1, 10**15 + 16_000]]]]])]),
    "pairs": ([[41, 1, ZEROS]], [keep([21, 12, [Y]])]),
    "reversed": ([[41, 1, ZEROS]], [keep([21, 14, [Y]])]),
    "comprehensions": ([], [keep([13, [21, 11, [[1, 10**15], [1, 10**15 + 9_000]]], [3], None, [12, [[2, 3]]]])]),
    "sorted": (
        [[41, 1, [21, 9, [[21, 11, [[1, 16_000]]]]]]],
        [keep([26, Y, [3], [6, 1, [1, -(10**15)], [2, 3]], False])],
    ),
    "cycles": ([], [[41, 1, [12, []]], [40, [22, "append", Y, [Y]]]]),
    "errors": ([], [[55, [[54, [23, [[1, "E"], I]]]], [0], 3, [keep([2, 3])]], COUNT]),
    "items": (
        [[41, 1, [27, [21, 11, [[1, 5_000]]], [3], None, [21, 1, [[2, 3]]], [2, 3]]]],
        [keep([22, "items", Y, []])],
    ),
    "frames": ([], [[40, [20, 1, [X]]]]),
}


def bomb(name: str) -> bytes:
    """Return the program of a bomb."""
    before, body = BOMBS[name]
    start = [[41, 0, [12, []]], [41, 2, [1, BIG]], *before]
    main = ["f", [], None, 8, [*start, [49, [1, True], body or [keep(Y), [41, 1, [6, 0, Y, [1, b""]]]]]]]
    frames = ["g", [None], None, 255, [[40, [22, "append", X, [[12, []]]]]]]
    records = [["Pair", [["name", [3]], ["number", [2]]]]]
    return encode([1, records, [], [], [], [main, frames], [["f", 0, 1, GUARD]]])


def run(machine: Machine, program: Any) -> Outcome:
    """Run a bomb until it goes off."""
    return machine.call(
        program,
        contract="bomb",
        method="f",
        arguments=(),
        host=MemoryHost(),
        context=Context(sender="", height=1, time_ms=1, tx_id=b"", chain_id=b""),
        gas=GAS,
        entry=Entry.CALL,
    )


@pytest.fixture(autouse=True)
def _collector_is_off() -> Iterator[None]:
    """Run with the cycle collector off, as the executor does."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_defused(name: str) -> None:
    """A bomb ends with its memory, never takes more than what it was charged, and leaves nothing behind."""
    machine = Machine()
    program = machine.load(bomb(name))

    def measured() -> tuple[Outcome, int, int, int]:
        run(machine, program)  # free lists and caches fill up once
        gc.collect()
        tracemalloc.start()
        try:
            outcome = run(machine, program)
            charged_bytes = MEMORY_BYTES_MAX - machine._runtime.memory
            peak_bytes = tracemalloc.get_traced_memory()[1]
            gc.collect()
            return outcome, charged_bytes, peak_bytes, tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    outcome, charged_bytes, peak_bytes, left_bytes = in_deep_thread(measured)
    assert outcome.reason in ("out_of_memory", "size"), outcome
    assert peak_bytes < charged_bytes + SLACK_BYTES
    assert left_bytes < LEFT_BYTES
    assert outcome.gas_used < GAS
