"""Run the deepest programs that the grammar allows and print how each ends, as JSON; for any interpreter.

Usage: python deepest.py STACK_BYTES

On a stack smaller than the machine allows only nested programs run, no chains of containers: those show that no C
function calls a closure, since the host's stack would end at once.
"""

import json
import sys
import threading
from typing import Any

from contracts.codec import encode
from contracts.host import Context
from contracts.limits import CONTRACTS_MAX, FRAMES_MIN, NODE_DEPTH_MAX, PROGRAM_NESTING_MAX, STACK_BYTES_MIN
from contracts.machine import Entry, Machine
from contracts.memory import MemoryHost
from contracts.runtime import CALLS_MAX
from contracts.thread import in_deep_thread

GUARD = [[], None, 0, [], False]
CELLS = [["one", 0, [], [2], [0], []]]
READ = [24, 0, []]  # at the bottom: the host counts its frames there
NOTHING = [1, None]
TWO = [12, [[1, 0], [1, 1]]]
A = [2, 0]
CALL = [20, 0, []]
ALL_KINDS = [0, 1, 2, 3, 4, 5]


READS_COUNTED = 2 * CALLS_MAX  # the first descent reaches the bottom; loops on the way up would count for hours


class CountingHost(MemoryHost):
    """Remembers the largest number of the host's frames under a read."""

    frames = 0
    reads = 0

    def read(self, contract: str, key: bytes, /) -> bytes | None:
        """See ``Host``."""
        self.reads += 1
        if self.reads > READS_COUNTED:
            return super().read(contract, key)
        count = 0
        frame = sys._getframe()
        while frame is not None:
            count += 1
            frame = frame.f_back  # type: ignore[assignment]  # None at the bottom, which ends the loop
        self.frames = max(self.frames, count)
        return super().read(contract, key)


# Each wraps an expression one level deeper.
WRAPPERS: dict[str, Any] = {
    "unary": lambda inner: [5, 0, inner],
    "binary": lambda inner: [6, 0, inner, [1, 1]],
    "comparison": lambda inner: [7, 0, [1, 1], inner],
    "and": lambda inner: [9, [1, True], inner],
    "conditional": lambda inner: [11, [1, True], inner, NOTHING],
    "list of one": lambda inner: [12, [inner]],
    "list of four": lambda inner: [12, [NOTHING, NOTHING, NOTHING, inner]],
    "tuple of four": lambda inner: [14, [NOTHING, NOTHING, NOTHING, inner]],
    "dict": lambda inner: [15, [[1, "a"], inner, [1, "b"], NOTHING]],
    "comprehension": lambda inner: [13, [14, [inner]], [0], None, A],
    "comprehension's element": lambda inner: [13, TWO, [0], [7, 0, A, [1, 0]], inner],
    "dict comprehension": lambda inner: [27, TWO, [0], [7, 0, A, [1, 0]], [1, "a"], inner],
    "sorted": lambda inner: [26, TWO, [0], [11, [7, 0, A, [1, 0]], [11, [8, inner], [1, 1], [1, 2]], [1, 0]], False],
    "builtin": lambda inner: [21, 3, [inner]],
    "method": lambda inner: [22, "get", [15, []], [[1, "a"], inner]],
    "text": lambda inner: [23, [[11, [8, inner], [1, "a"], [1, "b"]]]],
    "walrus": lambda inner: [3, 0, inner],
    "slice": lambda inner: [19, [12, []], [11, [8, inner], [1, 1], [1, 2]], None, None],
}

# Each wraps a block in a statement one level deeper.
BLOCKS: dict[str, Any] = {
    "if": lambda block: [[48, [1, True], block, []]],
    "else": lambda block: [[48, [1, False], [[40, NOTHING]], block]],
    "while": lambda block: [[49, [1, True], block]],
    "for": lambda block: [[50, [0], TWO, block]],
    "try": lambda block: [[55, block, [1], None, [[40, NOTHING]]]],
    "after others": lambda block: [[40, NOTHING], [40, NOTHING], [40, NOTHING], [48, [1, True], block, []]],
}


def depth_of(node: Any) -> int:
    """Return the levels of nodes in an expression."""
    inside = [depth_of(part) for part in node if type(part) is list]
    own = 1 if node and type(node[0]) is int else 0
    return own + max(inside, default=0)


def by_expressions(wrap: Any, last: Any = CALL) -> list[Any]:
    """Return a body whose innermost expression, as deep as can be, reads and evaluates ``last``."""
    expression: Any = [11, [8, READ], NOTHING, last]
    while True:
        wrapped = wrap(expression)
        if depth_of([53, wrapped]) > NODE_DEPTH_MAX:
            return [[53, expression]]
        expression = wrapped


def by_blocks(wrap: Any, last: list[Any]) -> list[Any]:
    """Return a body whose innermost statement, as deep as can be, is ``last``."""
    block: list[Any] = [[40, READ], last]
    for _ in range(NODE_DEPTH_MAX - depth_of(last)):
        block = wrap(block)
    return block


def programs() -> dict[str, bytes]:
    """Return the programs by name: each has one function, which is exported and calls itself."""
    bodies = {f"expression: {name}": by_expressions(wrap) for name, wrap in WRAPPERS.items()}
    bodies |= {f"block: {name}": by_blocks(wrap, [53, CALL]) for name, wrap in BLOCKS.items()}
    bodies["block: try, then an error"] = by_blocks(BLOCKS["try"], [54, [11, [8, READ], [1, "E"], CALL]])
    return {
        name: encode(
            [1, [], [], CELLS, [], [["f", [], [1], 1, body]], [["f", 0, 1, GUARD]]], nesting_max=PROGRAM_NESTING_MAX
        )
        for name, body in bodies.items()
    }


def remote(number: int) -> bytes:
    """Return a contract with eight functions, each of which calls the next, and the last one the next contract."""
    calls: list[Any] = [[20, after, []] for after in range(1, 8)]
    calls.append([29, [1, f"c{number + 1}"], "f", [], None])
    functions = [["f", [], None, 1, by_expressions(WRAPPERS["list of four"], call)] for call in calls]
    tree = [1, [], [], CELLS, [], functions, [["f", 0, 1, GUARD]]]
    return encode(tree, nesting_max=PROGRAM_NESTING_MAX)


def chains() -> dict[str, bytes]:
    """Return programs that build a chain of containers as deep as memory allows and drop it."""
    makers = {
        "lists": [12, [A]],
        "tuples": [14, [A]],
        "dicts": [15, [[1, "a"], A]],
        "records": [16, 0, [[12, [A]]]],
        "a cycle": [11, [22, "append", A, [A]], NOTHING, [12, [A]]],
    }
    records = [["Box", [["inside", [5, [2]]]]]]
    result = {}
    for name, make in makers.items():
        body = [[41, 0, [12, []]], [49, [1, True], [[41, 0, make]]]]
        function = ["f", [], None, 1, body]
        result[f"chain of {name}"] = encode([1, records, [], CELLS, [], [function], [["f", 0, 1, GUARD]]])
    return result


def main(*, with_chains: bool) -> dict[str, Any]:
    """Run all of them and return how they end."""
    report: dict[str, Any] = {}
    context = Context(sender="", height=1, time_ms=1, tx_id=b"", chain_id=b"")
    for name, code in ({"remote": remote(0)} | programs() | (chains() if with_chains else {})).items():
        machine = Machine()
        host = CountingHost()
        if name == "remote":
            host.programs = {f"c{number}": machine.load(remote(number)) for number in range(1, CONTRACTS_MAX)}
        program = machine.load(code)
        for again in ("", " again"):
            outcome = machine.call(
                program,
                contract="c0",
                method="f",
                arguments=(),
                host=host,
                context=context,
                gas=3_000_000,
                entry=Entry.CALL,
            )
            report[name + again] = [outcome.status, outcome.reason, outcome.code, outcome.gas_used, host.frames]
    return report


def on_small_stack(stack_bytes: int) -> dict[str, Any]:
    """Return the report without chains of a thread that has a smaller stack than the machine allows."""
    reports: list[dict[str, Any]] = []
    sys.setrecursionlimit(FRAMES_MIN)
    threading.stack_size(stack_bytes)
    thread = threading.Thread(target=lambda: reports.append(main(with_chains=False)))
    thread.start()
    thread.join()
    return reports[0]


def report_on(stack_bytes: int) -> dict[str, Any]:
    """Return the report of a thread with so much stack."""
    if stack_bytes < STACK_BYTES_MIN:
        return on_small_stack(stack_bytes)
    return in_deep_thread(lambda: main(with_chains=True), stack_bytes=stack_bytes)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(report_on(int(sys.argv[1])), indent=1))
