"""What becomes of a source: the tree of the program, element by element."""

from typing import Any

import pytest

from contracts.codec import decode
from contracts.compiler import SourceLine, compile_source
from contracts.limits import PROGRAM_NESTING_MAX

NAMES = "Contract, Event, Map, Record, States, Table, Value, ctx, export, require, to, view"
HEAD = f"from contracts.language import {NAMES}\n"


def tree_of(source: str) -> Any:
    """Return a program's decoded tree."""
    return decode(compile_source(source).program, nesting_max=PROGRAM_NESTING_MAX)


def body_of(statements: str, *, parameters: str = "a, b", cells: str = "") -> Any:
    """Return the block of a helper with these statements."""
    lines = "\n".join("        " + line for line in statements.split("\n"))
    source = f"{HEAD}class C(Contract):\n    {cells or 'pass'}\n    def f(self, {parameters}):\n{lines}\n"
    return tree_of(source)[5][0][4]


def test_a_whole_program_has_its_elements_in_order() -> None:
    """Records, machines, cells, events, functions and exports stand in the order of the source, under their numbers."""
    tree = tree_of(
        HEAD
        + """
class Item(Record):
    owner: str
    tags: dict[str, list[int]]
    item: bytes | None

class Pair(Record):
    items: tuple[Item, Item]

class C(Contract):
    class Status(States):
        draft = to("done")
        done = to()

    LIMIT = 3
    total = Value(int, default=-1)
    items = Table(Item, key=tuple[str, bytes], index=(("owner",),), unique=())
    status = Map(int, Status, default="draft")
    Moved = Event(who=str, what=Pair, indexed=("who",))

    def _help(self, x, y=LIMIT):
        return x

    @export(roles="clerk", kyc=1, move=("draft", "done"), reentrant=True)
    def go(self, item: Item, status: Status) -> None:
        self._help(item)

    @view
    def see(self) -> list[bool]:
        return []

def outside(x):
    pass
"""
    )
    text, integer = (3,), (2,)
    assert tree == (
        1,
        (
            ("Item", (("owner", text), ("tags", (7, text, (5, integer))), ("item", (9, (4,))))),
            ("Pair", (("items", (6, (8, 0), (8, 0))),)),
        ),
        (("Status", ("draft", "done"), ((0, 1),)),),
        (
            ("total", 0, (), integer, (-1,), ()),
            ("items", 2, (text, (4,)), (8, 0), None, ((("owner",), False),)),
            ("status", 1, (integer,), (10, 0), ("draft",), ()),
        ),
        (("Moved", (("who", text, True), ("what", (8, 1), False))),),
        (
            ("_help", (None, None), None, 2, ((53, (2, 0)),)),
            ("go", ((8, 0), (10, 0)), (0,), 2, ((40, (20, 0, ((2, 0), (1, 3)))),)),
            ("see", (), (5, (1,)), 0, ((53, (12, ())),)),
            ("outside", (None,), None, 1, ((40, (1, None)),)),
        ),
        (
            ("go", 1, 1, (("clerk",), None, 1, ((0, 0, 1),), True)),
            ("see", 2, 2, ((), None, 0, (), False)),
        ),
    )


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        pytest.param("a += 1", ((41, 0, (6, 11, (2, 0), (1, 1))),), id="add-in-place"),
        pytest.param("return -5", ((53, (1, -5)),), id="negative-constant"),
        pytest.param("return a < b < 3", ((53, (9, (7, 2, (2, 0), (2, 1)), (7, 2, (2, 1), (1, 3)))),), id="chain"),
        pytest.param(
            "return a < len(b) < 3",
            ((53, (9, (7, 2, (2, 0), (3, 2, (21, 0, ((2, 1),)))), (7, 2, (2, 2), (1, 3)))),),
            id="chain-through-a-temporary",
        ),
        pytest.param(
            "return a and b and 1 and 2",
            ((53, (9, (9, (2, 0), (2, 1)), (9, (1, 1), (1, 2)))),),
            id="and-as-a-balanced-tree",
        ),
        pytest.param("return a is not None", ((53, (5, 0, (8, (2, 0)))),), id="is-not-none"),
        pytest.param("return f'{a}x' 'y'", ((53, (23, ((2, 0), (1, "xy")))),), id="text"),
        pytest.param("require(a, 'E')", ((57, (2, 0), (1, "E")),), id="require"),
        pytest.param(
            "a[0], b = 1, 2", ((56, (2, 1), (14, ((1, 1), (1, 2)))), (42, (2, 0), (1, 0), (2, 2))), id="unpack"
        ),
        pytest.param(
            "while a:\n    break\nelse:\n    b = 1",
            (
                (41, 2, (1, True)),
                (49, (2, 0), ((41, 2, (1, False)), (51,))),
                (48, (2, 2), ((41, 1, (1, 1)),), ()),
            ),
            id="while-else",
        ),
        pytest.param(
            "try:\n    pass\nexcept (ValueError, KeyError):\n    pass",
            ((55, ((40, (1, None)),), (1, 3), None, ((40, (1, None)),)),),
            id="try",
        ),
        pytest.param(
            "return [x for x in a if x if b]",
            ((53, (13, (2, 0), (2,), (9, (2, 2), (2, 1)), (2, 2))),),
            id="conditions-of-a-comprehension",
        ),
        pytest.param(
            "return sorted(a, key=lambda x: -x, reverse=True)",
            ((53, (26, (2, 0), (2,), (5, 1, (2, 2)), True)),),
            id="sort-key",
        ),
        pytest.param("return ctx.sender", ((53, (4, 0)),), id="context"),
        pytest.param("return ctx.roles", ((53, (17, "roles", (21, 28, ((4, 0),)))),), id="roles"),
        pytest.param("'text'\nreturn", ((53, (1, None)),), id="docstring"),
    ],
)
def test_a_construct_becomes_these_nodes(statements: str, expected: Any) -> None:
    """What the grammar does not have is made of what it has, without more locals or nodes than needed."""
    assert body_of(statements) == expected


def test_state_is_read_and_stored_by_number() -> None:
    """A key that can change while the value is worked out is kept in a local; a plain one is not."""
    cells = "m = Map(str, int, default=0)"
    assert body_of("self.m[a] += b", cells=cells) == ((45, 0, ((2, 0),), (6, 11, (24, 0, ((2, 0),)), (2, 1))),)
    assert body_of("self.m[str(a)] -= b", cells=cells) == (
        (41, 2, (21, 1, ((2, 0),))),
        (45, 0, ((2, 2),), (6, 1, (24, 0, ((2, 2),)), (2, 1))),
    )
    assert body_of("self.m[a] += (a := b)", cells=cells) == (
        (41, 2, (2, 0)),
        (45, 0, ((2, 2),), (6, 11, (24, 0, ((2, 2),)), (3, 0, (2, 1)))),
    )
    assert body_of("return self.m.get(a)", cells=cells) == (
        (53, (11, (25, 0, ((2, 0),)), (24, 0, ((2, 0),)), (1, None))),
    )
    assert body_of("del self.m[a]\nreturn a not in self.m", cells=cells) == (
        (46, 0, ((2, 0),)),
        (53, (5, 0, (25, 0, ((2, 0),)))),
    )


def test_the_source_map_tells_lines_and_columns() -> None:
    """Nodes count in the order of the program; each knows the place in the source that it came from."""
    source = f"{HEAD}class C(Contract):\n    def f(self, a):\n        return (\n            a + 1\n        )\n"
    assert compile_source(source).source_map == (
        SourceLine("f", 0, 4, 9),
        SourceLine("f", 1, 5, 13),
        SourceLine("f", 2, 5, 13),
        SourceLine("f", 3, 5, 17),
    )
