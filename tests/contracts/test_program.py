"""Programs: what the grammar lists loads, and whatever else does not, in one way only."""

from copy import deepcopy
from typing import Any

import msgpack
import pytest

from contracts import limits
from contracts.codec import encode
from contracts.exports import ExportKind
from contracts.machine import Machine
from contracts.program_errors import ProgramReason, ProgramRejected, TooManyNodes

GUARD = [[], None, 0, [], False]
BODY = [[40, [1, None]]]
A = [2, 0]

# A program with every element and every kind of node: what the refusals below change in one place.
RECORDS = [["Item", [["owner", [3]], ["digest", [4]], ["state", [10, 0]]]], ["Box", [["item", [9, [8, 0]]]]]]
MACHINES = [["Life", ["new", "done"], [[0, 1]]]]
CELLS = [
    ["required", 0, [], [2], [1], []],
    ["balances", 1, [[3]], [2], [0], []],
    ["items", 2, [[4]], [8, 0], None, [[["owner"], False]]],
    ["numbers", 3, [], [2], None, []],
]
EVENTS = [["Stored", [["digest", [4], True], ["item", [8, 0], False]]]]
EXPRESSIONS = [
    [1, 5],
    [2, 0],
    [3, 0, [1, 5]],
    [4, 7],
    [5, 0, A],
    [6, 0, A, A],
    [7, 6, A, A],
    [8, A],
    [9, A, A],
    [10, A, A],
    [11, A, A, A],
    [12, [A]],
    [13, A, [1], None, A],
    [14, [A]],
    [15, [A, A]],
    [16, 0, [A, A, A]],
    [17, "owner", A],
    [18, A, A],
    [19, A, None, A, None],
    [20, 1, [A]],
    [21, 0, [A]],
    [22, "get", A, [A]],
    [23, [A]],
    [24, 1, [A]],
    [25, 2, [A]],
    [26, A, [1], A, False],
    [27, A, [1], A, A, A],
    [28, 2, 0, [A], A, A, False],
    [29, A, "deposit", [A], None],
    [30, 3],
]
STATEMENTS = [
    *[[40, expression] for expression in EXPRESSIONS],
    [41, 0, A],
    [42, A, A, A],
    [43, "owner", A, A],
    [44, A, A],
    [45, 1, [A], A],
    [46, 1, [A]],
    [47, 0, [A, A]],
    [48, A, BODY, []],
    [49, A, [[51]]],
    [50, [1], A, [[52]]],
    [54, A],
    [55, BODY, [0, 5], 1, BODY],
    [56, [0, 1], A],
    [57, A, A],
    [53, A],
]
FUNCTIONS = [["all", [[2]], [2], 2, STATEMENTS], ["helper", [None], None, 1, BODY], ["begin", [], None, 0, BODY]]
EXPORTS = [
    ["run", 0, 1, [["notary"], None, 2, [[0, 0, 1]], True]],
    ["look", 0, 2, GUARD],
    ["setup", 2, 0, GUARD],
    ["migrate", 2, 3, GUARD],
]
TREE: list[Any] = [1, RECORDS, MACHINES, CELLS, EVENTS, FUNCTIONS, EXPORTS]


def code(tree: Any) -> bytes:
    """Return the canonical bytes of a tree of any shape."""
    return encode(tree, nesting_max=limits.PROGRAM_NESTING_MAX)


def changed(path: tuple[int, ...], value: Any) -> bytes:
    """Return the bytes of the program with the element at ``path`` replaced."""
    tree = deepcopy(TREE)
    parent = tree
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    return code(tree)


def with_expression(expression: Any) -> bytes:
    """Return the bytes of the program with one more expression in its first function."""
    return changed((5, 0, 4), [[40, expression]])


def with_statement(statement: Any) -> bytes:
    """Return the bytes of the program with another body of its first function."""
    return changed((5, 0, 4), [statement])


def test_every_kind_of_node_loads() -> None:
    """A program with all elements and nodes of the grammar loads and says what it exports."""
    program = Machine().load(code(TREE))
    assert program.code == code(TREE)
    assert {name: export.kind for name, export in program.exports.items()} == {
        "run": ExportKind.EXPORT,
        "look": ExportKind.VIEW,
        "setup": ExportKind.INIT,
        "migrate": ExportKind.MIGRATE,
    }
    assert program.init is program.exports["setup"]
    assert program.migrate is program.exports["migrate"]
    guard = program.exports["run"].guard
    assert (guard.roles, guard.level, guard.moves, guard.reentrant) == ({"notary"}, 2, {(0, 0, 1)}, True)


def test_nodes_are_counted() -> None:
    """Nodes are the statements and expressions of all functions."""
    branch = [48, A, [[53, A]], [[40, [12, [A, A]]]]]
    functions = [["f", [], None, 1, [branch]], ["g", [], None, 0, BODY]]
    assert Machine().load(code([1, [], [], [], [], functions, []])).nodes == (1 + 1) + 2 + (1 + 3) + 2


def test_the_smallest_program() -> None:
    """A program may be empty, and then has nothing to call."""
    program = Machine().load(code([1, [], [], [], [], [], []]))
    assert (program.nodes, dict(program.exports), program.init, program.migrate) == (0, {}, None, None)


BAD_TREES: dict[str, bytes] = {
    "nothing": b"",
    "a number": code(1),
    "format 2": changed((0,), 2),
    "format true": changed((0,), True),
    "an element less": code(TREE[:-1]),
    "an element more": code([*TREE, []]),
    "a longer form of a number": b"\x97\xcc\x01\x90\x90\x90\x90\x90\x90",
    "a longer form of an array": b"\xdc\x00\x07\x01\x90\x90\x90\x90\x90\x90",
    "a map": b"\x97\x01\x80\x90\x90\x90\x90\x90",
    "a float": msgpack.packb([1, [], [], [], [], [], 1.5]),
    "a foreign extension": msgpack.packb([1, [], [], [], [], [], msgpack.ExtType(2, b"\x01")]),
    "bytes after it": code([1, [], [], [], [], [], []]) + b"\x00",
    "cut off": code(TREE)[:-1],
    "invalid UTF-8": b"\x97\x01\x90\x90\x90\x90\x90\x91\xa1\xff",
    "a surrogate": with_expression([1, "S"]).replace(b"\x01\xa1S", b"\x01\xa3\xed\xa0\x80"),
    "an array of four thousand million": b"\xdd\xff\xff\xff\xff",
    "too long": code([1, [], [], [], [], [], [b"x" * limits.PROGRAM_BYTES_MAX]]),
    "too deep": b"\x91" * 100_000 + b"\x90",
    **{f"element {place} is no array": changed((place,), None) for place in range(1, 7)},
    "two records of one name": changed((1, 1, 0), "Item"),
    "two fields of one name": changed((1, 0, 1, 1, 0), "owner"),
    "a recursive record": changed((1, 1, 1, 0, 1), [8, 1]),
    "a record that comes later": changed((1, 0, 1, 0, 1), [8, 1]),
    "an unknown type": changed((1, 0, 1, 0, 1), [12]),
    "an unknown state machine": changed((1, 0, 1, 2, 1), [10, 1]),
    "a move to nowhere": changed((2, 0, 2), [[0, 2]]),
    "two cells of one name": changed((3, 1, 0), "required"),
    "an unknown kind of cell": changed((3, 0, 1), 4),
    "a default of another type": changed((3, 0, 4), ["1"]),
    "two events of one name": code([1, [], [], [], [["A", []], ["A", []]], [], []]),
    "two fields of an event of one name": code([1, [], [], [], [["A", [["a", [2], True], ["a", [2], True]]]], [], []]),
    "an index that is no boolean": changed((4, 0, 1, 0, 2), 1),
    "an event field without a type": changed((4, 0, 1, 0, 1), None),
    "a function name with a space": changed((5, 1, 0), "a b"),
    "a function name of bytes": changed((5, 1, 0), b"helper"),
    "fewer locals than parameters": changed((5, 1, 3), 0),
    "too many locals": changed((5, 1, 3), 256),
    "locals that are no number": changed((5, 1, 3), True),
    "an empty block": changed((5, 1, 4), []),
    "a block that is a statement": changed((5, 1, 4), [40, [1, None]]),
    "a parameter that is no type": changed((5, 1, 1), [5]),
    "too many parameters": changed((5, 1), ["helper", [None] * 17, None, 17, BODY]),
    "an export of an unknown function": changed((6, 0, 1), 3),
    "an export of function true": changed((6, 0, 1), True),
    "an unknown kind of export": changed((6, 0, 2), 4),
    "two exports of one name": changed((6, 1, 0), "run"),
    "two inits": changed((6, 3, 2), 0),
    "two migrations": changed((6, 2, 2), 3),
    "an exported parameter without a type": changed((6, 0, 1), 1),
    "a guard of a view": changed((6, 1, 3), [["notary"], None, 0, [], False]),
    "moves of a view": changed((6, 1, 3), [[], None, 0, [[0, 0, 1]], False]),
    "a guard of an init": changed((6, 2, 3), [[], None, 1, [], False]),
    "a guard with a policy": changed((6, 0, 3, 1), "two_of_three"),
    "a role that is no text": changed((6, 0, 3, 0), [b"notary"]),
    "an empty role": changed((6, 0, 3, 0), [""]),
    "a role twice": changed((6, 0, 3, 0), ["notary", "notary"]),
    "a level below zero": changed((6, 0, 3, 2), -1),
    "a level that is true": changed((6, 0, 3, 2), True),
    "a move the machine does not have": changed((6, 0, 3, 3), [[0, 1, 0]]),
    "a move of an unknown machine": changed((6, 0, 3, 3), [[1, 0, 1]]),
    "reentrant by a number": changed((6, 0, 3, 4), 1),
    "an identifier with two underscores": changed((6, 0, 0), "__run"),
    "an identifier that begins with a digit": changed((6, 0, 0), "1run"),
    "an identifier with a line feed": changed((6, 0, 0), "run\n"),
    "an identifier that is not ASCII": changed((6, 0, 0), "rün"),
    "an identifier that is too long": changed((6, 0, 0), "a" * 65),
}

BAD_EXPRESSIONS: dict[str, Any] = {
    "no node": [],
    "nil": None,
    "a number": 5,
    "kind as text": ["1", 5],
    "kind true": [True, 5],
    "kind below": [0, 5],
    "kind above": [31, 5],
    "a statement": [53, A],
    "constant of an array": [1, []],
    "constant too short": [1],
    "constant too long": [1, 5, 5],
    "local out of range": [2, 2],
    "local below": [2, -1],
    "local true": [2, True],
    "context out of range": [4, 8],
    "unary out of range": [5, 3, A],
    "binary out of range": [6, 12, A, A],
    "comparison out of range": [7, 8, A, A],
    "elements that are none": [12, None],
    "too many elements": [12, [A] * 257],
    "comprehension without targets": [13, A, [], None, A],
    "comprehension with a bad target": [13, A, [2], None, A],
    "a key without a value": [15, [A]],
    "an unknown record": [16, 2, [A, A, A]],
    "a record with too few fields": [16, 0, [A, A]],
    "a field name that is none": [17, "a.b", A],
    "a field name with underscores": [17, "__class__", A],
    "an unknown function": [20, 3, []],
    "too many arguments": [20, 1, [A, A]],
    "a builtin that is none": [21, 30, [A]],
    "a builtin with too many arguments": [21, 0, [A, A]],
    "an unknown method": [22, "format", A, [A]],
    "a method of the host": [22, "__len__", A, []],
    "a method by number": [22, 0, A, []],
    "an unknown cell": [24, 4, []],
    "a read of a sequence": [24, 3, []],
    "a read with too few keys": [24, 1, []],
    "a read with too many keys": [24, 0, [A]],
    "has of a sequence": [25, 3, []],
    "an order that is no boolean": [26, A, [1], A, 1],
    "rows of a map": [28, 1, None, [], A, A, False],
    "rows of an unknown index": [28, 2, 1, [], A, A, False],
    "rows by index true": [28, 2, True, [], A, A, False],
    "a prefix that is too long": [28, 2, 0, [A, A, A], A, A, False],
    "rows in direction zero": [28, 2, 0, [], A, A, 0],
    "a remote method that is none": [29, A, A, [], None],
    "next of a map": [30, 1],
}

BAD_STATEMENTS: dict[str, Any] = {
    "an expression": [1, 5],
    "assignment to no local": [41, 2, A],
    "store in a sequence": [45, 3, [], A],
    "store with too few keys": [45, 1, [], A],
    "delete of a value": [46, 0, []],
    "delete from a sequence": [46, 3, []],
    "an unknown event": [47, 1, []],
    "an event with too few fields": [47, 0, [A]],
    "if without a block": [48, A, [], []],
    "if with nil as else": [48, A, BODY, None],
    "while with an empty block": [49, A, []],
    "for without targets": [50, [], A, BODY],
    "break outside of a loop": [51],
    "continue outside of a loop": [52],
    "break in the test's branch": [48, A, [[51]], []],
    "continue after the loop": [48, A, [[49, A, BODY], [52]], []],
    "break with an operand": [49, A, [[51, A]]],
    "return of nothing": [53],
    "except of nothing": [55, BODY, [], None, BODY],
    "except of a kind that is never caught": [55, BODY, [6], None, BODY],
    "except of true": [55, BODY, [True], None, BODY],
    "except of too many": [55, BODY, [0] * 7, None, BODY],
    "except into no local": [55, BODY, [0], 2, BODY],
    "unpack into nothing": [56, [], A],
    "an unknown statement": [58, A],
}

BAD = (
    {f"program: {name}": data for name, data in BAD_TREES.items()}
    | {f"expression: {name}": with_expression(node) for name, node in BAD_EXPRESSIONS.items()}
    | {f"statement: {name}": with_statement(node) for name, node in BAD_STATEMENTS.items()}
)


@pytest.mark.parametrize("name", BAD)
def test_what_the_grammar_does_not_list_is_refused(name: str) -> None:
    """Each departure from the grammar is refused for the one reason, and a good program loads after it."""
    machine = Machine()
    with pytest.raises(ProgramRejected) as caught:
        machine.load(BAD[name])
    assert caught.value.reason is ProgramReason.BAD_PROGRAM
    assert caught.value.detail
    assert machine.load(code(TREE)).nodes > 0


@pytest.mark.parametrize("node", EXPRESSIONS, ids=lambda node: str(node[0]))
def test_the_refusals_are_about_what_they_change(node: list[Any]) -> None:
    """Each good expression loads in the place where the bad ones are put, and so does each good statement."""
    assert Machine().load(with_expression(node)).nodes > 0
    assert Machine().load(with_statement([49, A, [[40, node], [51]]])).nodes > 0
    assert Machine().load(changed((6, 0, 0), "go")).exports["go"].kind is ExportKind.EXPORT


def test_loops_end_with_their_function() -> None:
    """A break belongs to a loop of its own function: the one before does not lend its loop."""
    functions = [["f", [], None, 1, [[49, A, [[51]]]]], ["g", [], None, 1, [[51]]]]
    with pytest.raises(ProgramRejected, match="outside of a loop"):
        Machine().load(code([1, [], [], [], [], functions, []]))


def nested(depth: int) -> bytes:
    """Return a program whose expressions nest so that the deepest node is at ``depth``."""
    expression: list[Any] = [1, 0]
    for _ in range(depth - 2):
        expression = [5, 0, expression]
    return code([1, [], [], [], [], [["f", [], None, 0, [[53, expression]]]], []])


def test_depth_of_nodes() -> None:
    """Sixty-four levels of statements and expressions together, not one more."""
    assert Machine().load(nested(64)).nodes == 64
    with pytest.raises(ProgramRejected, match="too deep"):
        Machine().load(nested(65))
    body: list[Any] = [[40, [1, 0]]]
    for _ in range(62):
        body = [[48, [1, 0], body, []]]
    assert Machine().load(code([1, [], [], [], [], [["f", [], None, 0, body]], []])).nodes == 2 + 62 * 2
    with pytest.raises(ProgramRejected, match="too deep"):
        Machine().load(code([1, [], [], [], [], [["f", [], None, 0, [[48, [1, 0], body, []]]]], []]))


def sized(*statements: int) -> bytes:
    """Return a program with one function of two nodes a statement for each of ``statements``."""
    functions = []
    for count in statements:
        blocks = [[48, [1, 0], [[40, [1, 0]]] * 1_024, []]] * (count // 1_025) + [[40, [1, 0]]] * (count % 1_025)
        functions.append(["f", [], None, 0, blocks])
    return code([1, [], [], [], [], functions, []])


def test_number_of_nodes() -> None:
    """A function has up to 4,000 nodes, a program 16,000."""
    assert Machine().load(sized(2_000)).nodes == 4_000
    with pytest.raises(ProgramRejected, match="a function with too many nodes"):
        Machine().load(sized(2_001))
    limit = limits.PROGRAM_BYTES_MAX
    assert len(sized(2_000, 2_000, 2_000, 2_000)) < limit
    assert Machine().load(sized(2_000, 2_000, 2_000, 2_000)).nodes == 16_000
    with pytest.raises(ProgramRejected, match="too many nodes"):
        Machine().load(sized(2_000, 2_000, 2_000, 2_000, 1))


def test_nodes_that_nobody_pays_for_are_not_translated() -> None:
    """Loading ends where the nodes paid for end, in another way than for a program that is none."""
    machine = Machine()
    assert machine.load(sized(50), nodes_max=100).nodes == 100
    with pytest.raises(TooManyNodes):
        machine.load(sized(50), nodes_max=99)
    with pytest.raises(ProgramRejected, match="too many nodes"):
        machine.load(sized(2_000, 2_000, 2_000, 2_000, 1), nodes_max=1_000_000)


def test_statements_of_a_block() -> None:
    """A block has up to 1,024 statements."""
    functions = [["f", [], None, 0, [[40, [1, 0]]] * 1_024]]
    assert Machine().load(code([1, [], [], [], [], functions, []])).nodes == 2_048
    functions[0][4] = [[40, [1, 0]]] * 1_025
    with pytest.raises(ProgramRejected):
        Machine().load(code([1, [], [], [], [], functions, []]))
