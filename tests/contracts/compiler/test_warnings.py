"""Warnings: what compiles and is probably not meant."""

import pytest

from contracts.compiler import Advice, compile_source

HEAD = """from contracts.language import Contract, Map, Record, Table, Value, export, require

class Item(Record):
    size: int
    names: list[str]

def check(a):
    require(a, "E")

class Example(Contract):
    items = Table(Item, key=bytes)
    lists = Map(str, list[int])
    names = Value(list[str])

    @export
    def run(self, a: int) -> int:
"""

CASES = {
    "copy-field": ("x = self.items[b'']\nx.size = 1\nreturn x.size", [(Advice.COPY_NOT_STORED, 2)]),
    "copy-append": ("x = self.items[b'']\nx.names.append('')\nreturn 1", [(Advice.COPY_NOT_STORED, 2)]),
    "copy-list": ("x = self.lists['a']\nx[0] = 1\nreturn len(x[1:])", [(Advice.COPY_NOT_STORED, 2)]),
    "copy-value": ("x = self.names\nx.append('')\nreturn 1", [(Advice.COPY_NOT_STORED, 2)]),
    "copy-get": ("x = self.lists.get('a', [])\nx.append(1)\nreturn 1", [(Advice.COPY_NOT_STORED, 2)]),
    "copy-augmented": ("x = self.items[b'']\nx.size += 1\nreturn 1", [(Advice.COPY_NOT_STORED, 2)]),
    "copy-asked": ("x = self.lists['a']\nx.clear()\nrequire(x != [], 'E')\nreturn 1", [(Advice.COPY_NOT_STORED, 2)]),
    "copy-stored": ("x = self.items[b'']\nx.size = 1\nself.items[b''] = x\nreturn 1", []),
    "copy-returned": ("x = self.lists['a']\nx.append(1)\nreturn len(x)", []),
    "copy-passed": ("x = self.lists['a']\nx.append(1)\ny = [x]\nreturn 1", []),
    "copy-or-own": ("x = self.lists['a']\nif a:\n    x = []\nx.append(1)\nreturn 1", []),
    "own-list": ("x = [1]\nx.append(2)\nreturn 1", []),
    "unreachable": ("return 1\na = 2\na = 3", [(Advice.UNREACHABLE, 2)]),
    "unreachable-after-loop": (
        "while True:\n    a += 1\n    if a > 9:\n        return a\nreturn 2",
        [(Advice.UNREACHABLE, 5)],
    ),
    "no-effect": ("a == 1\nreturn a", [(Advice.NO_EFFECT, 1)]),
    "slow-text": ("s = ''\nfor i in range(a):\n    s += 'x'\nreturn len(s)", [(Advice.SLOW_TEXT, 3)]),
    "slow-text-formatted": ("s = ''\nwhile a:\n    s += f'{a}'\nreturn 1", [(Advice.SLOW_TEXT, 3)]),
    "sum-in-loop": ("s = 0\nfor i in range(a):\n    s += i\nreturn s", []),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_warnings_stand_where_something_is_odd(name: str) -> None:
    """Each odd line has its warning, and nothing else has one."""
    body, expected = CASES[name]
    source = HEAD + "\n".join("        " + line for line in body.split("\n")) + "\n"
    first = HEAD.count("\n")
    warnings = compile_source(source).warnings
    assert [(warning.reason, warning.line - first) for warning in warnings] == expected


def test_an_import_that_nothing_uses_is_reported() -> None:
    """Whoever reads the imports can rely on them."""
    source = "from contracts.language import Contract, Map\nclass C(Contract):\n    pass\n"
    warnings = compile_source(source).warnings
    assert [(warning.reason, warning.line, warning.column, warning.length) for warning in warnings] == [
        (Advice.UNUSED_IMPORT, 1, 42, 3)
    ]
