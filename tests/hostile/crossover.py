"""Random sources, each a body of the compiler's tests with parts of others put into it, run by both machines.

What compiles is Python, and whatever ends well, or with a failure that a contract may catch, ends so in CPython.

Usage: python crossover.py FIRST_SEED COUNT
"""

# ruff: noqa: E501 -- a body is one line of a table

import ast
import copy
import importlib.util
import random
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from contracts.compiler import CompileErrors, compile_source
from contracts.host import Context
from contracts.machine import Entry, Machine, Outcome
from contracts.memory import MemoryHost
from contracts.thread import in_deep_thread

ROOT = Path(__file__).parents[1]
GAS = 60_000
CAUGHT = {"key", "index", "value", "zero_division", "revert"}
NAMES = ("a", "b", "x", "xs", "d", "out", "y", "p", "i", "s")
CONSTANTS = (0, 1, -1, 2, 7, 2**200, None, True, "a", "k", "", b"x")
COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn)
OPERATORS = (
    *(ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod, ast.Pow),
    *(ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift),
)
BODIES = (
    "t = (1, 'a', b'x', None, [1, {'k': (2,)}])\nx = [t, t]\nout.append(int(x[0] == x[1])); out.append(len(t[4][1]['k']))",
    "for k, v in {'a': 1, 'b': [2]}.items():\n    if v == [2]:\n        out.append(len(k))\n    else:\n        out.append(v)",
    "xs = [[1, 2], [3]]\nfor ys in xs:\n    ys += [9]\n    ys[0] = len(ys)\nout.extend(xs[0] + xs[1])",
    "d = {}\nfor i in range(5):\n    d[str(i % 3)] = d.get(str(i % 3), 0) + i\nout.extend([d[k] for k in sorted(list(d))])",
    "xs = [1, 2, 3, 4]\ndel xs[1]\ndel xs[-1]\nxs.insert(1, 7)\nxs.reverse()\nout.extend(xs); out.append(xs.index(7))",
    "d = {'a': 1, 'b': 2}\ndel d['a']\nd.update({'c': 3})\nout.append(sum(d.values())); e = d.copy(); e.clear()",
    "s = f'{a}{b}' + f'<{None}>' + 'x' * 3\nout.append(int('x' in s)); out.extend([len(p) for p in s.split('<')])",
    "try:\n    try:\n        raise Revert('E_A')\n    except Revert as e:\n        raise Revert('E_B' + e.code)\nexcept Revert as f:\n    out.append(len(f.code))",
    "x = None\nif x is None and (y := a):\n    out.append(y)\nout.append(int(x is not None or b > 0))",
)


def load(path: Path) -> ModuleType:
    """Return a file of the tests as a module."""
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class Crossover:
    """Makes sources by seed and runs them."""

    def __init__(self) -> None:
        self.tests = load(ROOT / "contracts" / "compiler" / "test_differential.py")
        self.bodies = [*self.tests.CASES.values(), *BODIES]
        self.statements: list[ast.stmt] = []
        self.expressions: list[ast.expr] = []
        self.patterns: list[ast.pattern] = []
        for body in [*self.bodies, *[self.tests.Generator(seed).body() for seed in range(15)]]:
            for node in ast.walk(ast.parse(body)):
                if isinstance(node, ast.stmt):
                    self.statements.append(node)
                elif isinstance(node, ast.pattern):
                    self.patterns.append(node)
                elif isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                    self.expressions.append(node)

    def source(self, seed: int) -> str | None:
        """Return a source; None if the parts of this seed cannot be written down."""
        choose = random.Random(seed)
        tree = ast.parse(choose.choice(self.bodies))
        for _ in range(choose.choice((1, 1, 2, 3, 5, 8))):
            self._replace(choose, *choose.choice(list(places(tree))))
        try:
            body = ast.unparse(ast.fix_missing_locations(tree))
        except ValueError:  # an f-string around something else
            return None
        source: str = self.tests.HEAD + self.tests.indented(body)
        return source

    def _replace(self, choose: random.Random, parent: Any, place: Any, old: ast.AST | None) -> None:
        """Put something else where ``old`` stands in ``parent``; None stands for the end of a block."""
        if isinstance(old, ast.stmt) and len(parent) > 1 and choose.random() < 0.2:
            del parent[place]
        elif old is None or (isinstance(old, ast.stmt) and choose.random() < 0.5):
            parent.insert(place, copy.deepcopy(choose.choice(self.statements)))
        elif isinstance(parent, list):
            parent[place] = self._other(choose, old)
        else:
            setattr(parent, place, self._other(choose, old))

    def _other(self, choose: random.Random, old: ast.AST) -> ast.AST:
        if isinstance(old, ast.stmt):
            return copy.deepcopy(choose.choice(self.statements))
        if isinstance(old, ast.pattern):
            return copy.deepcopy(choose.choice(self.patterns))
        if isinstance(old, ast.cmpop):
            return choose.choice(COMPARISONS)()
        if isinstance(old, ast.operator):
            return choose.choice(OPERATORS)()
        assert isinstance(old, ast.expr)
        context = getattr(old, "ctx", ast.Load())
        if not isinstance(context, ast.Load):
            return ast.Name(choose.choice(NAMES), context) if choose.random() < 0.3 else old
        other = copy.deepcopy(choose.choice(self.expressions))
        return choose.choice(
            (
                *[other] * 5,
                ast.Constant(choose.choice(CONSTANTS)),
                ast.Name(choose.choice(NAMES), ast.Load()),
                ast.NamedExpr(ast.Name(choose.choice(NAMES), ast.Store()), old),
                ast.IfExp(other, old, copy.deepcopy(choose.choice(self.expressions))),
                ast.BoolOp(choose.choice((ast.And, ast.Or))(), [old, other]),
                ast.Call(ast.Name("log", ast.Load()), [ast.Name("out", ast.Load()), old], []),
            )
        )

    def verdict(self, seed: int) -> str:
        """Return how a seed ends: a reason of the machine, "refused" or "unwritable"; AssertionError if it differs."""
        source = self.source(seed)
        if source is None:
            return "unwritable"
        try:
            program = compile_source(source).program
        except CompileErrors:
            return "refused"
        compile(source, "example", "exec")  # SyntaxError: what compiles is no Python
        choose = random.Random(seed)
        arguments = (choose.choice((1, 3, 0, -2)), choose.choice((2, 0, 5)))
        outcome = run(program, arguments)
        if outcome.status == "ok":
            found: Any = outcome.value
        elif outcome.reason in CAUGHT:
            found = (outcome.reason, outcome.code)
        else:
            return outcome.reason  # the machine ends what Python would go on with
        try:
            expected = self.tests.by_python(as_run(source), arguments)
        except Exception as error:
            expected = repr(error)
        expected = as_tuples(expected)
        assert (found, repr(found)) == (expected, repr(expected)), f"seed {seed}, {arguments}: {found}\n{source}"
        return outcome.reason or "ok"


class _Documented(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        call = node.value
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "require"):
            return node
        test, code = call.args
        failure = ast.Call(ast.Name("Revert", ast.Load()), [code], [])
        return ast.If(ast.UnaryOp(ast.Not(), test), [ast.Raise(failure)], [])

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        if not (isinstance(node.op, ast.Mult) and isinstance(node.target, ast.Name)):
            return node
        return ast.Assign([node.target], ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value))


def as_run(source: str) -> str:
    """Return a source that says to CPython what the language documents otherwise.

    The code of ``require`` is worked out only when the test fails, ``xs *= n`` makes a new list.
    """
    return ast.unparse(ast.fix_missing_locations(_Documented().visit(ast.parse(source))))


def places(tree: ast.AST) -> Iterator[tuple[Any, Any, ast.AST | None]]:
    """Yield where something can be put: a parent, a place in it, and what stands there."""
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr | ast.pattern | ast.cmpop | ast.operator):
                yield node, name, value
            elif isinstance(value, list):
                kinds = ast.stmt | ast.expr | ast.pattern | ast.cmpop
                yield from ((value, place, old) for place, old in enumerate(value) if isinstance(old, kinds))
                if value and isinstance(value[0], ast.stmt):
                    yield value, len(value), None


def run(program: bytes, arguments: tuple[int, ...]) -> Outcome:
    """Run the view of a source."""
    machine = Machine()
    return machine.call(
        machine.load(program),
        contract="me",
        method="run",
        arguments=arguments,
        host=MemoryHost(),
        context=Context(sender="", height=1, time_ms=1, tx_id=b"", chain_id=b""),
        gas=GAS,
        entry=Entry.VIEW,
    )


def as_tuples(value: Any) -> Any:
    """Return a value with tuples for lists, as results are on the wire."""
    return tuple(map(as_tuples, value)) if isinstance(value, list | tuple) else value


def verdicts(first: int, count: int) -> Counter[str]:
    """Return how often the seeds of a range end in which way."""
    crossover = Crossover()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CPython's opinion of odd sources, such as 5[0]
        return Counter(crossover.verdict(seed) for seed in range(first, first + count))


if __name__ == "__main__":
    sys.stdout.write(f"{in_deep_thread(lambda: verdicts(int(sys.argv[1]), int(sys.argv[2])))}\n")
