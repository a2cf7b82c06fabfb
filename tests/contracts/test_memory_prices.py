"""Memory that is charged is an upper bound of what the host takes for what is made."""

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from contracts import wire
from contracts.cells import make_cell
from contracts.codec import encode
from contracts.functions import FUNCTIONS, sort
from contracts.methods import METHODS, set_item
from contracts.runtime import Runtime
from contracts.types import Types, outgoing
from contracts.values import alloc_elements, alloc_text, iterate

SLACK_BYTES = 800  # numbers and small objects of the measurement itself
NAMES = {function.name: function for function in FUNCTIONS}
TYPES = Types((("Row", (("name", (3,)), ("size", (2,)), ("tags", (5, (4,))))),), ())

WIDE = "汉" * 1_000
ASTRAL = "🔗" * 1_000
ASCII = "a" * 10_000


def method(receiver: Any, name: str, *arguments: Any) -> Callable[[Runtime], Any]:
    """Return the call of a method on ``receiver`` itself."""
    return lambda runtime: METHODS[type(receiver)][name].call(runtime, receiver, list(arguments))


def function(name: str, *arguments: Any) -> Callable[[Runtime], Any]:
    """Return the call of a function."""
    return lambda runtime: NAMES[name].call(runtime, list(arguments))


def appended(runtime: Runtime) -> list[Any]:
    """Append a thousand fresh integers of the greatest size."""
    own: list[Any] = []
    alloc_elements(runtime, 0)
    for number in range(1_000):
        METHODS[list]["append"].call(runtime, own, [2**254 + number])
    return own


def stored(runtime: Runtime) -> dict[Any, Any]:
    """Store a thousand fresh integers under keys that are there already."""
    own: dict[Any, Any] = {}
    runtime.alloc(320)
    for number, key in enumerate(KEYS):
        set_item(runtime, own, key, 2**254 + number)
    return own


def inserted(runtime: Runtime) -> list[Any]:
    """Insert a thousand fresh integers at the front."""
    own: list[Any] = []
    alloc_elements(runtime, 0)
    for number in range(1_000):
        METHODS[list]["insert"].call(runtime, own, [0, 2**254 + number])
    return own


KEYS = [str(number) for number in range(1_000)]
NUMBERS = [*range(1_000)]
MAPPING = dict.fromkeys(KEYS, 0)
ROWS = encode([["汉" * 9, 2**200 + number, [b"a", b"b"]] for number in range(200)])
PAIRS = encode([[key, 2**100 + number] for number, key in enumerate(sorted(KEYS))])


def reading(node: Any, data: bytes) -> Callable[[Runtime], Any]:
    """Return the reading of a cell with ``data`` in it."""
    cell = make_cell(("cell", 0, (), node, None, ()), TYPES)

    def work(runtime: Runtime) -> Any:
        runtime.host.write("me", b"\x02cell\x00", data)
        return cell.get(runtime, [])

    return work


WORKS: dict[str, Callable[[Runtime], Any]] = {
    "encode": method(WIDE, "encode"),
    "upper": method(ASCII, "upper"),
    "strip": method(f" {ASTRAL} ", "strip"),
    "zfill": method("7", "zfill", 256),
    "replace": method(ASCII, "replace", "a", "bb"),
    "replace with wide": method(ASCII, "replace", "a", "汉"),
    "replace one with astral": method(ASCII + "b", "replace", "b", "🔗"),
    "removeprefix": method(ASTRAL, "removeprefix", "🔗"),
    "split": method("a," * 2_000, "split", ","),
    "split wide": method("汉," * 2_000, "split", ","),
    "split bytes": method(b"a," * 2_000, "split", b","),
    "split pieces of astral text": method("a🔗," * 2_000, "split", ","),
    "join": method("", "join", KEYS),
    "join with one wide": method("", "join", [*KEYS, "🔗"]),
    "decode": method(WIDE.encode(), "decode"),
    "decode astral": method(ASTRAL.encode(), "decode"),
    "hex": method(bytes(5_000), "hex"),
    "append": appended,
    "insert": inserted,
    "list.copy": method(NUMBERS, "copy"),
    "dict.copy": method(MAPPING, "copy"),
    "store": stored,
    "keys": method(MAPPING, "keys"),
    "values": method(MAPPING, "values"),
    "items": method(MAPPING, "items"),
    "str": function("str", -(2**254)),
    "list": function("list", range(10**6, 10**6 + 1_000)),
    "tuple": function("tuple", range(10**6, 10**6 + 1_000)),
    "enumerate": function("enumerate", NUMBERS),
    "zip of three": function("zip", NUMBERS, NUMBERS, NUMBERS),
    "sorted": function("sorted", NUMBERS),
    "sort by keys": lambda runtime: (
        alloc_elements(runtime, 1_000),
        alloc_elements(runtime, 1_000),
        sort(runtime, NUMBERS, NUMBERS, True),
    ),
    "reversed": function("reversed", NUMBERS),
    "divmod": function("divmod", 2**254, 2**127),
    "date": function("date", 1_700_000_000_000, 0),
    "sha256": function("sha256", b""),
    "to_bytes": function("to_bytes", 2**254, 32),
    "from_hex": function("from_hex", "ab" * 5_000),
    "account": function("account", "nobody"),
    "loop over text": lambda runtime: list(iterate(runtime, "é汉🔗" * 300)),
    "read rows": reading((5, (8, 0)), ROWS),
    "read dict": reading((7, (3,), (2,)), PAIRS),
    "read wide text": reading((3,), encode(ASTRAL)),
    "incoming": lambda runtime: wire.incoming(runtime, ["汉", b"x", (1, 2), ()] * 200),
}


def held_bytes(work: Callable[[], Any]) -> tuple[Any, int]:
    """Return the result of ``work`` and what the host holds more than before, with the result alive."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        result = work()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return result, after - before


@pytest.mark.parametrize("name", WORKS)
def test_what_is_made_takes_no_more_than_is_charged(meter: Any, name: str) -> None:
    """What the host still holds after the work, with the result alive, is within the memory charged."""
    work = WORKS[name]
    meter.run(work)  # caches, code and interned values of the first time are not the transaction's
    _, idle = held_bytes(lambda: meter.run(lambda _runtime: None))
    ran, held = held_bytes(lambda: meter.run(work))
    assert ran.end == "ok"
    assert held - idle <= ran.memory_bytes + SLACK_BYTES


@pytest.mark.parametrize("character", ["é", "汉", "🔗"])
def test_text_with_the_utf8_beside_it_is_charged(meter: Any, character: str) -> None:
    """Encoding text makes the host keep its UTF-8 as well: text and UTF-8 are within what both are charged."""
    kind = TYPES.read((3,))
    _, idle = held_bytes(lambda: meter.run(lambda _runtime: ((None,), 0)))

    def work(runtime: Runtime) -> Any:
        text = "".join([character] * 5_000)
        alloc_text(runtime, 5_000, wide=True)
        return text, outgoing(runtime, [kind], [text])

    meter.run(work)  # the machine's buffer stays as large as the largest value yet: at most some 256 KiB
    ran, held = held_bytes(lambda: meter.run(work))
    assert held - idle <= ran.memory_bytes + SLACK_BYTES
    assert ran.memory_bytes == 80 + 2 * 4 * 5_000
