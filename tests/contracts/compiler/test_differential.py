"""What a contract computes is what Python computes: the same source compiled for the machine, and run by CPython.

Functions without state run in both. Whatever ends ok on the machine has the value that CPython gives; failures that a
contract can catch are the ones that CPython raises.
"""

# ruff: noqa: E501 -- a case is one line of a table

import random
from typing import Any

import pytest

from contracts.compiler import compile_source
from contracts.language import Revert
from contracts.testing import CallFailed, LocalChain

HEAD = """
from contracts.language import CallError, Contract, Record, Revert, States, require, to, view

class Pair(Record):
    left: int
    right: int = 5

class Light(States):
    red = to("green")
    green = to("red")

FIVE = 2 + 3
NAMES = ("a", "b")

def log(out, value):
    out.append(value)
    return value

def pair(x, y=7, z=1):
    return x * 100 + y * 10 + z

class Example(Contract):
    @view
    def run(self, a: int, b: int) -> list[int]:
        out = []
        body(a, b, out)
        return out

def body(a, b, out):
"""

CASES = {
    "chained": "out.append(int(a < b < 9)); out.append(int(log(out, 1) < log(out, 3) < log(out, 2) < log(out, 9)))",
    "chained-stops": "out.append(int(log(out, 3) < log(out, 1) < log(out, 9)))",
    "chained-mixed": "out.append(int(1 == a in [a, b] != b))",
    "chained-walrus": "x = 1\nout.append(int(x < (x := 5) < (x := 9))); out.append(x)",
    "chained-local-changes": "x = 1\nout.append(int(0 < x < (x := 2) == x))",
    "and-value": "out.append(a and b and 0 or 4)",
    "or-value": "out.append(0 or a or b)",
    "long-and": "out.append(" + " and ".join(f"log(out, {number})" for number in (1, 2, 3, 4, 0, 5)) + ")",
    "long-or": "out.append(" + " or ".join(f"log(out, {number})" for number in (0, 0, 0, 4, 0, 5)) + ")",
    "not": "out.append(int(not a == b))",
    "conditional": "out.append(log(out, 1) if a < b else log(out, 2))",
    "walrus": "if (x := a + b) > 2 and (y := x * 2):\n    out.append(y)\nout.append(x)",
    "walrus-when-false": "if not (a > 100 or (x := 3) < 0):\n    out.append(x)",
    "augmented-order": "xs = [1, 2, 3]\nxs[log(out, 1)] += log(out, 10)\nout.extend(xs)",
    "augmented-index-changes": "xs = [1, 2, 3]\ni = 0\nxs[i] += (i := 2)\nout.extend(xs)",
    "augmented-name-changes": "x = 1\nx += (x := 10)\nout.append(x)",
    "augmented-container-changes": "xs = [1]\nys = xs\nxs[0] += len(xs := [7, 8])\nout.extend(xs + ys)",
    "augmented-list-in-place": "xs = [1]\nys = xs\nxs += [2]\nout.extend(ys)",
    "augmented-tuple": "x = (1,)\ny = x\nx += (2,)\nout.extend(y + x)",
    "augmented-all": "x = 77\nx -= 3\nx *= 5\nx //= 4\nx %= 50\nx **= 2\nx <<= 3\nx >>= 1\nx |= 8\nx &= 60\nx ^= 5\nout.append(x)",
    "augmented-field": "p = Pair(1)\nq = p\np.left += 4\np.right -= 1\nout.extend([q.left, q.right])",
    "augmented-dict": "d = {'a': 1}\nd['a'] += 5\nout.append(d['a'])",
    "many-targets": "x = y = z = log(out, a)\nout.extend([x, y, z])",
    "many-targets-share": "x = y = []\nx.append(1)\nout.extend(y)",
    "many-targets-order": "xs = [0, 0, 0]\ni = xs[i] = 2\nout.extend(xs)",
    "many-targets-unpack": "x, y = z = (1, 2)\nout.extend([x, y, z[0]])",
    "many-targets-of-local": "x = (5, 6)\nx, y = z = x\nout.extend([x, y, z[1]])",
    "swap": "x, y = a, b\nx, y = y, x\nout.extend([x, y])",
    "unpack-nested": "x, (y, z), w = 1, (2, [3, 4]), 5\nout.extend([x, y, z[0], w])",
    "unpack-one": "(x,) = [a]\nout.append(x)",
    "unpack-same": "x, x = 1, 2\nout.append(x)",
    "unpack-elements": "xs = [0, 0]\nxs[0], xs[1] = 1, 2\nout.extend(xs)",
    "unpack-then-use": "xs = [0, 0]\ni, xs[i] = 1, 9\nout.extend(xs)",
    "unpack-too-many": "try:\n    x, y = [1, 2, 3]\nexcept ValueError:\n    out.append(9)",
    "unpack-field": "p = Pair(1)\np.left, p.right = 8, 9\nout.extend([p.left, p.right])",
    "keywords-in-order": "out.append(pair(log(out, 1), y=log(out, 2), z=log(out, 3)))",
    "keywords-out-of-order": "out.append(pair(z=log(out, 1), x=log(out, 2), y=log(out, 3)))",
    "keywords-with-default": "out.append(pair(z=log(out, 1), x=log(out, 2)))",
    "keywords-one-effect": "out.append(pair(z=a, x=log(out, 2), y=b))",
    "keywords-walrus": "x = 1\nout.append(pair(y=(x := 2), x=x, z=(x := 3)))",
    "record-keywords": "p = Pair(right=log(out, 1), left=log(out, 2))\nout.extend([p.left, p.right])",
    "record-default": "out.append(Pair(1).right)",
    "record-equal": "out.append(int(Pair(1) == Pair(left=1, right=5))); out.append(int(Pair(1) == Pair(2)))",
    "constants": "out.append(FIVE * 2); out.append(int('a' in NAMES)); out.append(int(Light.red == 'red'))",
    "while-else": "i = 0\nwhile i < 3:\n    i += 1\n    if i == a:\n        break\nelse:\n    out.append(99)\nout.append(i)",
    "for-else": "for i in [1, 2, 3]:\n    if i == a:\n        continue\n    if i == b:\n        break\nelse:\n    out.append(99)\nout.append(7)",
    "for-else-nested": """
for i in range(3):
    for j in range(3):
        if i * j == 2:
            break
    else:
        out.append(i)
        continue
    out.append(i + 10)
    break
else:
    out.append(77)
""",
    "for-else-in-try": """
for i in range(3):
    try:
        if i == 1:
            raise Revert("E")
        if i == 2:
            break
    except Revert:
        out.append(i)
else:
    out.append(77)
""",
    "for-unpack": "for i, (j, k) in [(1, (2, 3)), (4, (5, 6))]:\n    out.extend([i, j, k])",
    "for-unpack-one": "for (i,) in [[1], [2]]:\n    out.append(i)",
    "for-unpack-fails": "try:\n    for i, j in [(1, 2), (3,)]:\n        out.append(j)\nexcept ValueError:\n    out.append(0)",
    "for-grows": "xs = [1, 2]\nfor x in xs:\n    if x < 3:\n        xs.append(x + 2)\n    out.append(x)",
    "for-text": "for c in 'abc':\n    out.append(len(c))",
    "for-keeps": "i = 0\nfor i in range(4):\n    pass\nout.append(i)",
    "comprehension": "out.extend([x * y for x, y in [(1, 2), (3, 4)] if x > a or y > 2 if x != 9])",
    "comprehension-scope": "x = 5\nout.extend([x for x in [1, 2]])\nout.append(x)",
    "comprehension-first-outside": "x = [1, 2]\nout.extend([x for x in x])",
    "comprehension-clauses": "out.extend([log(out, x) + y for x in [1, 2] if x != a for y in [10, 20] if log(out, y) > 0])",
    "comprehension-clauses-use": "out.extend([y for x in [[1, 2], [], [3]] for y in x])",
    "comprehension-three": "out.extend([x + y + z for x in range(2) for y in range(x + 1) for z in range(y + 1)])",
    "comprehension-nested-target": "out.extend([x + y + z for x, (y, z) in [(1, (2, 3))]])",
    "comprehension-nested-target-fails": "try:\n    out.extend([y for x, (y, z) in [(1, (2,))]])\nexcept ValueError:\n    out.append(0)",
    "comprehension-inside": "out.extend([sum([x * y for y in range(3)]) for x in range(3)])",
    "comprehension-inside-clauses": "out.append(len([[x + y for x in [1] for y in [2]] for x in [1, 2] for y in [3]]))",
    "comprehension-walrus": "xs = [(last := x) for x in [1, 2, 3]]\nout.extend(xs)",
    "dict-comprehension": "d = {str(x): y for x, y in [(1, 2), (3, 4), (1, 5)] if y}\nout.extend([d['1'], d['3'], len(d)])",
    "dict-comprehension-clauses": "d = {str(x + y): x for x in [1, 2] for y in [1, 2]}\nout.extend([len(d), d['3'], d['2']])",
    "dict": "d = {'b': 1, 'a': 2, 'b': 3}\nfor k in d:\n    out.append(d[k])",
    "dict-order": "d = {'a': log(out, 1), 'b': log(out, 2)}\ndel d['a']\nd['a'] = 7\nfor k, v in d.items():\n    out.append(v)",
    "sorted": "out.extend(sorted([3, 1, 2], reverse=True)); out.extend(sorted([3, 1, 2]))",
    "sorted-key": "x = 9\nout.extend(sorted([31, 12, 23], key=lambda x: x % 10))\nout.append(x)",
    "sorted-stable": "out.extend([p.right for p in sorted([Pair(1, 2), Pair(0, 3), Pair(1, 1)], key=lambda p: p.left)])",
    "sorted-reverse-stable": "out.extend([p.right for p in sorted([Pair(1, 2), Pair(0, 3), Pair(1, 1)], key=lambda p: p.left, reverse=True)])",
    "sorted-key-outside": "m = 10\nout.extend(sorted([31, 12, 23], key=lambda x: (x % m, x)))",
    "text": "s = f'{a}-{b}{True}{None}{\"x\"}' 'tail'\nout.append(len(s)); out.append(int(s == str(a) + '-' + str(b) + 'TrueNonextail'))",
    "text-braces": "out.append(len(f'{{{a}}}')); out.append(len(f'')); out.append(len(f'{a}'))",
    "slices": "xs = list(range(6))\nout.extend(xs[1:4] + xs[-2:] + xs[::2] + xs[::-1])",
    "index-negative": "out.append([1, 2, 3][-1])",
    "try": "try:\n    out.append([1][a])\nexcept IndexError:\n    out.append(-1)",
    "try-order": """
for i in range(4):
    try:
        if i == 0:
            out.append({"a": 1}["b"])
        if i == 1:
            out.append(1 // 0)
        if i == 2:
            raise Revert("E_TWO")
    except KeyError:
        out.append(10)
    except (ZeroDivisionError, ValueError):
        out.append(20)
    except Revert as failure:
        out.append(len(failure.code))
""",
    "try-handler-raises": """
try:
    try:
        raise Revert("E")
    except Revert as failure:
        out.append({"a": 1}[failure.code])
    except KeyError:
        out.append(1)
except KeyError:
    out.append(2)
""",
    "try-first-fits": "try:\n    raise Revert('E')\nexcept Revert:\n    out.append(1)\nexcept (Revert, KeyError):\n    out.append(2)",
    "try-temporaries": """
try:
    out.append(int(log(out, 0) < log(out, 1) < log(out, 2)))
    x = pair(z=log(out, 1), x=log(out, 2))
except KeyError:
    out.append(-1)
except IndexError:
    out.append(-2)
""",
    "try-return": "for i in range(3):\n    try:\n        if i == 1:\n            return\n        out.append(i)\n    except KeyError:\n        pass",
    "try-continue": "for i in range(3):\n    try:\n        if i == 1:\n            continue\n    except KeyError:\n        pass\n    out.append(i)",
    "match": """
for x in [0, 1, 2, 3, -4, 77]:
    match x:
        case 0:
            out.append(100)
        case 1 | 2 if a:
            out.append(200)
        case -4:
            out.append(300)
        case other if other > 50:
            out.append(other)
        case _:
            out.append(400)
""",
    "match-text": "match 'b':\n    case 'a':\n        out.append(1)\n    case Light.red | 'b':\n        out.append(2)",
    "match-state": "match Light.red:\n    case Light.green:\n        out.append(1)\n    case Light.red:\n        out.append(2)",
    "match-none": "for x in [0, None]:\n    match x:\n        case None:\n            out.append(1)\n        case y:\n            out.append(2)",
    "match-true": """
for x in [1, True, 0, False, [1]]:
    match x:
        case True:
            out.append(1)
        case False:
            out.append(2)
        case _:
            out.append(3)
""",
    "match-once": "match log(out, 3):\n    case 1:\n        pass\n    case 3:\n        out.append(33)",
    "match-binds-before-guard": "y = 0\nmatch 5:\n    case y if y > 9:\n        pass\nout.append(y)",
    "match-in-loop": "for x in [1, 2, 3]:\n    match x:\n        case 2:\n            continue\n        case 3:\n            break\n    out.append(x)",
    "require": "try:\n    require(a > 100, f'E_{a}')\nexcept Revert as failure:\n    out.append(len(failure.code))",
    "require-walrus": "require((x := a + 1) > 0, 'E')\nout.append(x)",
    "revert": "out.append(1)\nraise Revert('E_END')",
    "pass": "pass\nif a:\n    pass\nelse:\n    pass",
    "return-in-while": "while True:\n    out.append(1)\n    if len(out) > 2:\n        return",
    "while-true-assigns": "while True:\n    x = a\n    break\nout.append(x)",
    "annotated": "x: int = a\ny: list[int]\ny = [x]\nout.extend(y)",
    "integers": "out.extend([-7 // 2, -7 % 3, 7 // -2, 2**100 // 3**50, -1 >> 70, ~5, -a, divmod(-7, 3)[1]])",
    "builtins": "out.extend([len('ab'), int('-12'), abs(-3), min(3, 1), max([2, 9]), sum((1, 2)), int(any([0, 3])), int(all([]))])",
    "builtins-lists": "out.extend(list(range(0, 9, 4)) + [i + v for i, v in enumerate([5, 6])] + [x * y for x, y in zip([1, 2], [3, 4])])",
    "builtins-empty": "out.append(len(list()) + len(dict()) + len(tuple()))\nout.extend(reversed([1, 2]))",
    "methods": "s = ' a,b '.strip()\nout.extend([len(x) for x in s.split(',')] + [s.find('b'), s.count(','), int(s.isascii())])",
    "methods-list": "xs = [1, 2]\nxs.insert(0, 9)\nxs.remove(2)\nout.extend(xs)\nout.append(xs.pop())\nout.append(xs.index(9))",
    "methods-dict": "d = {'a': 1}\nout.append(d.get('b', 4)); out.append(d.setdefault('c', 5)); out.append(d.pop('a')); out.append(len(d))",
    "bytes": "out.extend([b'ab'[1], len('\u6c49'.encode()), len(b'\\x01'.hex())])",
    "uncaught-key": "out.append({'a': 1}['b'])",
    "uncaught-index": "out.append([1][5])",
    "uncaught-value": "out.append(int('x'))",
    "uncaught-zero": "out.append(1 % 0)",
}

KINDS = {
    KeyError: "key",
    IndexError: "index",
    ValueError: "value",
    ZeroDivisionError: "zero_division",
    Revert: "revert",
}


def by_python(source: str, arguments: tuple[int, ...]) -> Any:
    """Return what CPython makes of the functions of a source: the list, or the kind of failure and its code."""
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(source, "example", "exec"), names)
    out: list[int] = []
    try:
        names["body"](*arguments, out)
    except tuple(KINDS) as failure:
        return KINDS[type(failure)], failure.code if isinstance(failure, Revert) else ""
    return out


def by_machine(source: str, arguments: tuple[int, ...]) -> Any:
    """Return the same by the machine."""
    chain = LocalChain()
    try:
        return chain.deploy("example", source, sender=chain.account("a")).view("run", *arguments)
    except CallFailed as failed:
        return failed.outcome.reason, failed.outcome.code


def indented(body: str) -> str:
    """Return statements as the body of a function."""
    return "\n".join("    " + line for line in body.strip("\n").split("\n")) + "\n"


@pytest.mark.parametrize("arguments", [(1, 2), (3, 0)], ids=["1-2", "3-0"])
@pytest.mark.parametrize("name", sorted(CASES))
def test_what_is_lowered_computes_what_python_computes(name: str, arguments: tuple[int, int]) -> None:
    """Order of evaluation, scopes and failures of everything that the compiler rewrites are Python's."""
    source = HEAD + indented(CASES[name])
    assert by_machine(source, arguments) == by_python(source, arguments)


class Generator:
    """Writes random bodies that mix all constructs, with calls that log the order of evaluation."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._loops = 0
        self._plain = 0  # inside of what a comprehension goes over, where ':=' is not allowed

    def body(self) -> str:
        """Return statements and, at the end, what shows all variables."""
        end = "out.extend([a, b, c, d, p.left, p.right] + xs + ys + [dd[k] for k in sorted(list(dd))])"
        start = "c, d = 4, 5\nrounds = []\nxs, ys = [3, 1, 2], [4, 0]\ndd = {'1': 1, '2': 5}\np = Pair(1, 2)"
        return "\n".join([start, *self._block(7, 0), end])

    def _choose(self, *options: str) -> str:
        return self._random.choice(options)

    def _variable(self) -> str:
        return self._choose("a", "b", "c", "d")

    def _integer(self, depth: int = 0) -> str:
        if depth > 2 or self._random.random() < 0.25:
            return self._choose(self._variable(), self._variable(), str(self._random.randint(-3, 9)))
        first, second, third = (self._integer(depth + 1) for _ in range(3))
        variable = self._variable()
        return self._choose(
            f"({first} {self._choose('+', '-', '*', '//', '%', '&', '|', '^')} {second})",
            f"log(out, {first})",
            f"({first} if {self._condition(depth + 1)} else {second})",
            f"len({self._list(depth + 1)})",
            variable if self._plain else f"({variable} := {first})",
            f"(xs + [9])[{first} % (len(xs) + 1)]",
            f"{self._choose('ys', '(ys + [7])', '(ys + [6])')}[{self._choose('0', '-1', first)}]",
            f"pair({first}, {second})",
            f"pair(z={first}, x={second}, y={third})",
            f"sum({self._list(depth + 1)})",
            f"max({first}, {second})",
            f"dd.get(str({first}), {second})",
            f"dd[{self._choose(repr('1'), repr('2'), repr('1'), f'str({first})')}]",
            f"Pair(right={first}, left={second}).{self._choose('left', 'right')}",
        )

    def _condition(self, depth: int = 0) -> str:
        if depth > 3:
            return f"{self._variable()} < {self._variable()}"
        first, second, third, fourth = (self._integer(depth + 1) for _ in range(4))
        return self._choose(
            f"{first} < {second}",
            f"{first} <= {second} < {third}",
            f"{first} == {second} != {third} >= {fourth}",
            f"({self._condition(depth + 1)} and {self._condition(depth + 1)} and {self._condition(depth + 1)})",
            f"({self._condition(depth + 1)} or {self._condition(depth + 1)})",
            f"not {self._condition(depth + 1)}",
            f"{first} in {self._list(depth + 1)}",
            f"str({first}) not in dd",
        )

    def _list(self, depth: int = 0) -> str:
        self._plain += 1
        first, second = self._integer(depth + 1), self._integer(depth + 1)
        inner = self._choose("xs", "ys") if depth > 2 else self._list(depth + 1)
        other = self._choose("xs", "ys")
        self._plain -= 1
        return self._choose(
            inner,
            f"[{first}, {second}]",
            f"[{first} + i for i in {inner} if {second} != i]",
            f"[i + j for i in {inner} if i > 0 for j in {other} if log(out, j) != i]",
            f"sorted({inner}, key=lambda k: {self._choose('-k', 'k % 3', '(k % 2, k)')}, reverse={self._choose('True', 'False')})",
            f"{inner}[{first}:{second}]",
            f"({inner} + {other})",
            f"[m + q * r for m, (q, r) in [(1, (2, {first})), ({second}, (0, 1))]]",
            f"list(range({first} % 5))",
        )

    def _block(self, statements: int, depth: int) -> list[str]:
        return [line for _ in range(self._random.randint(1, statements)) for line in self._statement(depth)]

    def _inside(self, statements: int, depth: int) -> list[str]:
        return ["    " + line for line in self._block(statements, depth + 1)]

    def _loop(self, head: str, depth: int) -> list[str]:
        self._loops += 1
        lines = [head, "    rounds.append(1)", "    require(len(rounds) < 60, 'E_ROUNDS')", *self._inside(3, depth)]
        self._loops -= 1
        return [*lines, "else:", *self._inside(2, depth)] if self._random.random() < 0.5 else lines

    def _compound(self, depth: int) -> list[str]:
        match self._random.randrange(5):
            case 0:
                lines = [f"if {self._condition()}:", *self._inside(3, depth)]
                if self._random.random() < 0.4:
                    lines += [f"elif {self._condition()}:", *self._inside(2, depth)]
                return [*lines, "else:", *self._inside(2, depth)] if self._random.random() < 0.5 else lines
            case 1:
                return self._loop(f"for {self._variable()} in {self._list()}:", depth)
            case 2:
                return self._loop(f"while {self._condition()}:", depth)
            case 3:
                lines = ["try:", *self._inside(3, depth)]
                kinds = ["KeyError", "IndexError", "(ValueError, ZeroDivisionError)", f"Revert as e{depth}"]
                for kind in self._random.sample(kinds, self._random.randint(1, 3)):
                    lines += [f"except {kind}:", *self._inside(2, depth)]
                return lines
        lines = [f"match {self._integer()}:"]
        for _ in range(self._random.randint(1, 3)):
            guard = self._choose("", f" if {self._condition()}")
            pattern = self._choose("0", "1", "2 | 3", "-1", "True", "None")
            lines += [f"    case {pattern}{guard}:", *("    " + line for line in self._inside(2, depth))]
        lines += [f"    case {self._choose('_', 'c')}:", *("    " + line for line in self._inside(2, depth))]
        return lines

    def _statement(self, depth: int) -> list[str]:
        if depth < 3 and self._random.random() < 0.35:
            return self._compound(depth)
        first, second, third = self._integer(), self._integer(), self._integer()
        simple = [
            f"{self._variable()} = {first}",
            f"{self._variable()} {self._choose('+', '-', '*', '//')}= {first}",
            f"{self._choose('xs', 'ys')}.append({first})",
            f"a, b = {first}, {second}",
            f"a, (b, c) = {first}, ({second}, {third})",
            f"xs[{self._choose('-1', '0', first)}] = {second}",
            f"ys[{self._choose('0', '-1', first)}] += {second}",
            f"dd[str({first})] = {second}",
            f"dd[{self._choose(repr('2'), repr('1'), f'str({first})')}] += {second}",
            f"p.left {self._choose('', '+')}= {first}",
            f"c = d = {first}",
            f"xs, ys = ys, {self._list()}",
            f'out.append(len(f"{{{first}}}-{{{self._variable()}}}"))',
            f"xs += {self._list()}",
        ]
        if self._loops:
            simple += ["break", "continue"]
        return [self._random.choice(simple)]


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_compute_what_python_computes(seed: int) -> None:
    """Constructs inside one another, whatever their order, give what Python gives; repeat one by its seed."""
    source = HEAD + indented(Generator(seed).body())
    expected = by_python(source, (1, 2))
    found = by_machine(source, (1, 2))
    if found != expected and isinstance(found, tuple):  # the machine ends what Python would go on with
        assert found[0] in {"overflow", "size", "out_of_gas", "out_of_memory"}, f"seed {seed}: {found}\n{source}"
        return
    assert found == expected, f"seed {seed}\n{source}"


def test_most_random_programs_run_to_their_end() -> None:
    """The programs above are worth running: few of them only fail."""
    ends = [by_machine(HEAD + indented(Generator(seed).body()), (1, 2)) for seed in range(40)]
    assert sum(isinstance(end, list) for end in ends) >= 15
    assert compile_source(HEAD + indented(Generator(0).body())).program
