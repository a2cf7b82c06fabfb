"""Random programs, valid and mutated: run a range of seeds and print a digest of all outcomes; for any interpreter.

Usage: python randomprograms.py FIRST_SEED COUNT
"""

import hashlib
import random
import sys
from typing import Any

from contracts.codec import encode
from contracts.functions import FUNCTIONS
from contracts.host import Account, Context
from contracts.limits import PROGRAM_NESTING_MAX
from contracts.machine import Entry, Machine, Outcome
from contracts.memory import MemoryHost
from contracts.methods import METHODS
from contracts.program_errors import ProgramRejected
from contracts.thread import in_deep_thread

GAS = 30_000
LOCALS = 9
EMPTY = {0: [1, 5], 1: [1, "a,b"], 2: [1, b"b"], 3: [12, []], 4: [15, []]}  # for parameters that are not there
SENDER = "5e" * 32
GUARD = [[], None, 0, [], False]
RECORDS = [
    ["Pair", [["left", [2]], ["right", [9, [3]]]]],
    ["Box", [["pair", [8, 0]], ["many", [5, [2]]], ["is", [10, 0]]]],
]
MACHINES = [["Life", ["new", "open", "done"], [[0, 1], [1, 2]]]]
CELLS = [
    ["one", 0, [], [2], [7], []],
    ["many", 1, [[3]], [5, [2]], None, []],
    ["boxes", 2, [[2]], [8, 1], None, [[["is"], False]]],
    ["next", 3, [], [2], None, []],
]
EVENTS = [["Said", [["what", [2], True], ["more", [9, [3]], False]]]]
PARAMETERS = [[2], [3], [4], [5, [2]], [7, [3], [2]]]
ARGUMENTS = (5, "a,汉,b", b"\x00ab", (3, 1, 2), (("a", 1), ("b", 2)))
CONSTANTS = (None, True, 0, 1, -1, 7, 2**64, -(2**200), "", "a", ",", "汉字", b"", b"ab")
FIELDS = ("left", "right", "pair", "many", "is", "length")
SIGNATURES = [(name, arity) for table in METHODS.values() for name, method in table.items() for arity in method.arities]
SLOTS = {"int": (0, 5, 8), "str": (1, 6), "bytes": (2,), "list": (3, 7), "dict": (4,)}  # by what they usually hold
LITERALS = {
    "int": (0, 1, -1, 2, 3, 7, 100, 2**64, -(2**200), 2**255 - 1),
    "str": ("", "a", ",", "k", "汉字", "12", "new", "open", "E"),
    "bytes": (b"", b"a", b"\x00ab"),
}
KINDS = tuple(SLOTS)

# What gives a value of a type, as nodes in which a type's name stands for an expression of it, "slot:" for a local.
FORMS: dict[str, tuple[Any, ...]] = {
    "int": (
        *([6, op, "int", "int"] for op in (0, 1, 2, 3, 4, 5, 6, 7, 10)),
        [6, 8, "int", [1, 3]],
        [6, 9, "int", [1, 4]],
        [5, 1, "int"],
        [5, 2, "int"],
        [4, 1],
        [11, "test", "int", "int"],
        [3, "slot:int", "int"],
        [21, 0, ["any"]],
        [21, 2, ["str"]],
        [21, 4, ["int"]],
        [21, 5, ["int", "int"]],
        [21, 7, [[13, "list", ["slot:int"], None, [21, 0, ["str"]]]]],
        [21, 18, ["int", "int", "int", [1, 3]]],
        [22, "find", "str", ["str"]],
        [22, "count", "str", [[1, "a"]]],
        [22, "index", "list", ["int"]],
        [22, "pop", "list", []],
        [18, "list", "int"],
        [18, "bytes", "int"],
        [18, "dict", "str"],
        [22, "get", "dict", ["str", "int"]],
        [24, 0, []],
        [30, 3],
        [17, "left", [16, 0, ["int", [1, None]]]],
        [17, "left", [17, "pair", "box"]],
        [10, "int", "int"],
    ),
    "str": (
        [6, 0, "str", "str"],
        [6, 2, "str", [1, 2]],
        [19, "str", "int", "int", None],
        [21, 1, ["int"]],
        [22, "replace", "str", [[1, "a"], "str"]],
        [22, "strip", "str", []],
        [22, "join", "str", [[12, ["str", "str"]]]],
        [22, "upper", [1, "abc"], []],
        [22, "hex", "bytes", []],
        [23, ["int", "str", "test"]],
        [18, "str", "int"],
        [11, "test", "str", "str"],
        [9, "str", "str"],
        [17, "is", "box"],
        [4, 7],
        [4, 0],
    ),
    "bytes": (
        [6, 0, "bytes", "bytes"],
        [22, "encode", "str", []],
        [21, 20, ["bytes"]],
        [21, 21, ["list"]],
        [21, 25, [[6, 5, "int", [1, 255]], [1, 4]]],
        [19, "bytes", "int", None, "int"],
        [20, 1, ["int", "str"]],
        [29, [1, "other"], "g", ["int", "str"], None],
        [29, [1, "me"], "h", [], [1, 900]],
        [29, [1, "other"], "f", ["int", "str", "bytes", "list", "dict"], [1, 3000]],
    ),
    "list": (
        [12, ["int", "int"]],
        [12, []],
        [6, 0, "list", "list"],
        [6, 11, "list", "list"],
        [13, "list", ["slot:int"], "test", "int"],
        [13, [22, "items", "dict", []], ["slot:str", "slot:int"], None, "int"],
        [19, "list", "int", "int", "int"],
        [21, 8, ["list"]],
        [21, 9, [[21, 11, [[6, 5, "int", [1, 15]]]]]],
        [21, 14, ["list"]],
        [22, "copy", "list", []],
        [22, "values", "dict", []],
        [24, 1, ["str"]],
        [26, "list", ["slot:int"], "int", True],
        [26, "list", ["slot:int"], [14, ["int", "str"]], False],
        [17, "many", "box"],
        [13, [18, [28, 2, 0, [], [1, None], [1, 3], False], [1, 0]], ["slot:int", "slot:str"], None, "int"],
    ),
    "dict": (
        [15, [[1, "k"], "int", "str", "int"]],
        [27, "list", ["slot:int"], "test", [21, 1, ["int"]], "int"],
        [22, "copy", "dict", []],
    ),
    "test": (
        *([7, op, "int", "int"] for op in range(6)),
        [7, 0, "any", "any"],
        [7, 2, "str", "str"],
        [7, 6, "int", "list"],
        [7, 7, "str", "dict"],
        [7, 6, "str", "str"],
        [5, 0, "any"],
        [8, "any"],
        [25, 2, ["int"]],
        [22, "startswith", "str", ["str"]],
        [21, 15, ["list"]],
    ),
    "box": (
        [16, 1, [[16, 0, ["int", "str"]], "list", [1, "new"]]],
        [16, 1, [[16, 0, ["int", [1, None]]], "list", [1, "open"]]],
        [24, 2, ["int"]],
    ),
}
STATEMENTS: tuple[Any, ...] = (
    *([41, f"slot:{kind}", kind] for kind in KINDS * 2),
    [40, "any"],
    [40, [22, "append", "list", ["int"]]],
    [40, [22, "insert", "list", ["int", "int"]]],
    [40, [22, "update", "dict", ["dict"]]],
    [42, "list", "int", "int"],
    [42, "dict", "str", "int"],
    [43, "left", [17, "pair", "box"], "int"],
    [44, "list", "int"],
    [44, "dict", "str"],
    [45, 0, [], "int"],
    [45, 1, ["str"], "list"],
    [45, 2, ["int"], "box"],
    [46, 2, ["int"]],
    [47, 0, ["int", "str"]],
    [56, ["slot:int", "slot:int"], "list"],
    [57, "test", "str"],
    [48, "test", "block", "block"],
    [48, "test", "block", []],
    [48, "test", [[54, "str"]], []],
    [49, "test", "loop"],
    [50, ["slot:int"], "list", "loop"],
    [50, ["slot:str"], "dict", "loop"],
    [50, ["slot:str"], "str", "loop"],
    [55, "block", [0, 1, 2, 3, 4, 5], "slot:str", "block"],
    [53, "bytes"],
)


class Writer:
    """Writes random nodes; the same seed gives the same nodes."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.loops = 0

    def expression(self, kind: str, depth: int) -> list[Any]:
        """Return an expression, mostly of type ``kind``, of some ``depth`` levels."""
        choose = self.random
        if kind == "any" or choose.random() < 0.01:
            kind = choose.choice(KINDS)
        if depth <= 0 and kind in SLOTS:
            if kind in LITERALS and choose.random() < 0.5:
                return [1, choose.choice(LITERALS[kind])]
            return [2, choose.choice(SLOTS[kind])]
        if choose.random() < 0.02:
            return self.anything(depth)
        filled: list[Any] = self.fill(choose.choice(FORMS[kind]), depth - 1)
        return filled

    def anything(self, depth: int) -> list[Any]:
        """Return a method or function of the tables with operands of any type."""
        choose = self.random
        if choose.random() < 0.5:
            name, arity = choose.choice(SIGNATURES)
            return [22, name, self.expression("any", depth - 1), self.some(arity, depth - 1)]
        number = choose.randrange(len(FUNCTIONS))
        return [21, number, self.some(choose.choice(sorted(FUNCTIONS[number].arities)), depth - 1)]

    def some(self, count: int, depth: int) -> list[Any]:
        """Return expressions of any type."""
        return [self.expression("any", depth) for _ in range(count)]

    def fill(self, form: Any, depth: int) -> Any:
        """Return a form with nodes where the names of types stand."""
        if type(form) is list:
            if len(form) == 2 and form[0] == 1:
                return form  # a constant, which may be a text
            return [self.fill(part, depth) for part in form]
        if type(form) is not str or form in FIELDS or (form not in FORMS and form not in ("any", "block", "loop")):
            return self.random.choice(SLOTS[form[5:]]) if str(form).startswith("slot:") else form
        if form == "block":
            return self.block(depth)
        if form == "loop":
            self.loops += 1
            block = [*self.block(depth), *([[self.random.choice((51, 52))]] if self.random.random() < 0.3 else [])]
            self.loops -= 1
            return block
        return self.expression(form, depth)

    def block(self, depth: int) -> list[Any]:
        """Return a block of at most ``depth`` levels of blocks."""
        forms = [form for form in STATEMENTS if depth > 0 or form[0] not in (48, 49, 50, 55)]
        return [self.fill(self.random.choice(forms), depth - 1) for _ in range(self.random.randint(1, 3))]

    def body(self, depth: int) -> list[Any]:
        """Return the body of a function: what went wrong is caught, so that more of it runs."""
        start: list[Any] = [[41, 7, [12, []]], [41, 6, [1, "x"]], [41, 5, [1, 3]], [41, 8, [1, 0]]]
        ensure = [[48, [8, [2, slot]], [[41, slot, empty]], []] for slot, empty in EMPTY.items()]
        caught = [[55, self.block(depth), [0, 1, 2, 3, 4, 5], 6, [[40, [1, None]]]] for _ in range(4)]
        return [*start, *ensure, *caught, [53, [21, 21, [[12, [[2, slot] for slot in range(LOCALS)]]]]]]

    def tree(self) -> list[Any]:
        """Return a program."""
        functions = [
            ["f", PARAMETERS, [4], LOCALS, self.body(3)],
            ["g", [[2], [3]], [4], LOCALS, self.body(2)],
            ["h", [], [4], LOCALS, self.body(2)],
        ]
        exports = [["f", 0, 1, GUARD], ["g", 1, 1, [[], None, 0, [], True]], ["h", 2, 2, GUARD]]
        return [1, RECORDS, MACHINES, CELLS, EVENTS, functions, exports]

    def mutate(self, node: Any) -> Any:
        """Return the tree with one element replaced by another, or by something else."""
        parent, place = None, 0
        current = node
        while type(current) is list and current and (parent is None or self.random.random() < 0.85):
            parent, place = current, self.random.randrange(len(current))
            current = parent[place]
        other = node
        while type(other) is list and other and self.random.random() < 0.9:
            other = self.random.choice(other)
        parent[place] = self.random.choice([*CONSTANTS, [], [[]], [0], [2, 200], *[copied(other)] * 3])
        return node


def copied(node: Any) -> Any:
    """Return a copy of a tree."""
    return [copied(part) for part in node] if type(node) is list else node


def outcomes(seed: int) -> list[Any]:
    """Return how the programs of a seed end: one valid, three mutated; each called twice on one state."""
    writer = Writer(seed)
    tree = copied(writer.tree())
    results: list[Any] = []
    for _ in range(4):
        code = encode(tree, nesting_max=PROGRAM_NESTING_MAX)
        machine = Machine()
        try:
            program = machine.load(code)
        except ProgramRejected as rejected:
            results.append(("bad_program", rejected.detail))
        else:
            host = MemoryHost({"me": program, "other": program}, {SENDER: Account(True, "acme", ("a",), 1, "normal")})
            for entry, method, arguments in (
                (Entry.CALL, "f", ARGUMENTS),
                (Entry.CALL, "g", (2, "x")),
                (Entry.VIEW, "h", ()),
                (Entry.CALL, "f", ARGUMENTS),
            ):
                results.append(run(machine, program, host, entry, method, arguments))
            results.append(sorted(host.state.items()))
            results.append([(event.contract, event.name, event.fields) for event in host.events])
        tree = writer.mutate(tree)
    return results


def run(machine: Machine, program: Any, host: MemoryHost, entry: Entry, method: str, arguments: Any) -> Outcome:
    """Run one call as a transaction."""
    host.begin()
    outcome = machine.call(
        program,
        contract="me",
        method=method,
        arguments=arguments,
        host=host,
        context=Context(sender=SENDER, height=3, time_ms=1_700_000_000_000, tx_id=b"t", chain_id=b"c"),
        gas=GAS,
        entry=entry,
    )
    assert 0 < outcome.gas_used <= GAS, "gas is charged, and never more than the limit"
    if outcome.status == "ok":
        host.keep()
    else:
        host.undo()
    return outcome


def digest_of(first: int, count: int) -> str:
    """Return a digest of the outcomes of a range of seeds."""
    digest = hashlib.sha256()
    for seed in range(first, first + count):
        digest.update(repr((seed, outcomes(seed))).encode())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.stdout.write(in_deep_thread(lambda: digest_of(int(sys.argv[1]), int(sys.argv[2]))) + "\n")
