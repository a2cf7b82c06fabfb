"""What bodies of methods must not contain: each case with its reason, and a suggestion that helps."""

import pytest

from contracts.compiler import Reason

CASES = {
    # what Python has and the language does not
    "float": ("return 1.5", Reason.BAD_CONSTANT, "muldiv"),
    "complex": ("return 1j", Reason.BAD_CONSTANT, "whole number"),
    "ellipsis": ("...", Reason.UNSUPPORTED, "pass"),
    "division": ("return a / 2", Reason.UNSUPPORTED, "//"),
    "division-in-place": ("a /= 2\nreturn a", Reason.UNSUPPORTED, "//"),
    "matrix": ("return a @ a", Reason.UNSUPPORTED, ""),
    "percent-format": ("return '%d' % a", Reason.UNSUPPORTED, "f-string"),
    "unary-plus": ("return +a", Reason.UNSUPPORTED, "leave it out"),
    "set": ("return {1, 2}", Reason.UNSUPPORTED, "dict"),
    "set-comprehension": ("return {x for x in [1]}", Reason.UNSUPPORTED, "dict"),
    "set-function": ("return set([1])", Reason.UNSUPPORTED, "dict"),
    "generator": ("return sum(x for x in [a])", Reason.UNSUPPORTED, "sum([x for x in [a]])"),
    "generator-alone": ("x = (y for y in [a])\nreturn a", Reason.UNSUPPORTED, "list"),
    "generator-to-a-method": ("return ''.join(x for x in ['a'])", Reason.UNSUPPORTED, "list"),
    "yield": ("yield a", Reason.UNSUPPORTED, "list"),
    "await": ("await a", Reason.UNSUPPORTED, "await"),
    "lambda": ("f = lambda x: x\nreturn a", Reason.UNSUPPORTED, "helper"),
    "function": ("def g():\n    pass\nreturn a", Reason.UNSUPPORTED, "move it out"),
    "class": ("class X:\n    pass\nreturn a", Reason.UNSUPPORTED, "move it out"),
    "import": ("import os\nreturn a", Reason.UNSUPPORTED, ""),
    "with": ("with a:\n    pass\nreturn a", Reason.UNSUPPORTED, "with"),
    "global": ("global x\nreturn a", Reason.UNSUPPORTED, "Value"),
    "nonlocal": ("nonlocal x\nreturn a", Reason.UNSUPPORTED, "pass and return"),
    "assert": ("assert a\nreturn a", Reason.UNSUPPORTED, "require"),
    "finally": ("try:\n    pass\nfinally:\n    pass\nreturn a", Reason.UNSUPPORTED, "undone"),
    "try-else": ("try:\n    pass\nexcept Revert:\n    pass\nelse:\n    pass\nreturn a", Reason.UNSUPPORTED, "behind"),
    "bare-except": ("try:\n    pass\nexcept:\n    pass\nreturn a", Reason.UNSUPPORTED, "except Revert"),
    "except-exception": ("try:\n    pass\nexcept Exception:\n    pass\nreturn a", Reason.UNSUPPORTED, "KeyError"),
    "except-group": ("try:\n    pass\nexcept* KeyError:\n    pass\nreturn a", Reason.UNSUPPORTED, "except Revert"),
    "code-of-key-error": ("try:\n    pass\nexcept KeyError as e:\n    pass\nreturn a", Reason.UNSUPPORTED, "as"),
    "raise-other": ("raise KeyError('a')", Reason.UNSUPPORTED, "raise Revert"),
    "raise-again": ("raise", Reason.UNSUPPORTED, "raise Revert"),
    "raise-class": ("raise Revert", Reason.UNSUPPORTED, "raise Revert"),
    "raise-from": ("raise Revert('E') from None", Reason.UNSUPPORTED, "raise Revert"),
    "delete-name": ("del a\nreturn 1", Reason.UNSUPPORTED, "None"),
    "delete-slice": ("x = [a]\ndel x[0:1]\nreturn a", Reason.UNSUPPORTED, "new list"),
    "slice-assignment": ("x = [a]\nx[0:1] = []\nreturn a", Reason.UNSUPPORTED, "new list"),
    "star-argument": ("return max(*[a])", Reason.UNSUPPORTED, "one by one"),
    "star-in-list": ("return len([*[a]])", Reason.UNSUPPORTED, "extend"),
    "star-target": ("x, *y = [a]\nreturn a", Reason.UNSUPPORTED, "slices"),
    "double-star": ("return self._two(**{'x': 1})", Reason.UNSUPPORTED, "one by one"),
    "star-in-dict": ("x = {**{}}\nreturn a", Reason.UNSUPPORTED, "update"),
    "is": ("return a is 1", Reason.UNSUPPORTED, "=="),
    "format-specification": ("return f'{a:>3}'", Reason.UNSUPPORTED, "zfill"),
    "conversion": ("return f'{a!r}'", Reason.UNSUPPORTED, "zfill"),
    "debug-text": ("return f'{a=}'", Reason.UNSUPPORTED, "zfill"),
    "dict-of-int": ("x = {1: a}\nreturn a", Reason.UNSUPPORTED, "str(key)"),
    "two-indexes": ("x = [[a]]\nreturn x[0, 0]", Reason.UNSUPPORTED, "x[i][j]"),
    "walrus-in-iterable": ("return len([x for x in (y := [a])])", Reason.UNSUPPORTED, "before"),
    "walrus-of-variable": ("return len([(x := 1) for x in [a]])", Reason.UNSUPPORTED, "another name"),
    "walrus-in-key": ("return len(sorted([a], key=lambda x: (b := x)))", Reason.UNSUPPORTED, ""),
    "match-sequence": ("match [a]:\n    case [1, x]:\n        pass\nreturn a", Reason.UNSUPPORTED, "assignment"),
    "match-class": ("match a:\n    case int():\n        pass\nreturn a", Reason.UNSUPPORTED, "assignment"),
    "match-mapping": ("match a:\n    case {'x': 1}:\n        pass\nreturn a", Reason.UNSUPPORTED, "assignment"),
    "match-as": ("match a:\n    case 1 | 2 as x:\n        pass\nreturn a", Reason.UNSUPPORTED, "subject"),
    # reflection and the host
    "dunder-field": ("return a.__class__", Reason.UNKNOWN_MEMBER, ""),
    "dunder-method": ("return a.__add__(1)", Reason.UNKNOWN_MEMBER, ""),
    "dunder-name": ("return __name__", Reason.UNKNOWN_NAME, ""),
    "exec": ("exec('1')\nreturn a", Reason.UNSUPPORTED, "no code"),
    "getattr": ("return getattr(a, 'b')", Reason.UNSUPPORTED, "declared type"),
    "isinstance": ("return isinstance(a, int)", Reason.UNSUPPORTED, "declared type"),
    "print": ("print(a)\nreturn a", Reason.UNSUPPORTED, "Event"),
    "open": ("return open('x')", Reason.UNSUPPORTED, "digest"),
    "text-format": ("return '{}'.format(a)", Reason.UNKNOWN_MEMBER, "f-string"),
    # names
    "unknown-name": ("return lenght(a)", Reason.UNKNOWN_NAME, "'len'"),
    "unknown-method": ("x = [a]\nx.apend(1)\nreturn a", Reason.UNKNOWN_MEMBER, "'append'"),
    "unknown-field": ("return self.items[b''].onwer", Reason.UNKNOWN_MEMBER, "'owner'"),
    "unknown-member": ("return self.totl", Reason.UNKNOWN_MEMBER, "'total'"),
    "unknown-context": ("return ctx.hieght", Reason.UNKNOWN_MEMBER, "'height'"),
    "context-of-others": ("return ctx.msg", Reason.UNKNOWN_MEMBER, "ctx.sender"),
    "context-now": ("return ctx.now", Reason.UNKNOWN_MEMBER, "ctx.time_ms"),
    "context-block": ("return ctx.block", Reason.UNKNOWN_MEMBER, "ctx.height"),
    "origin": ("return ctx.origin", Reason.UNKNOWN_MEMBER, "ctx.sender"),
    "unknown-state": ("self.status = self.Status.isued\nreturn a", Reason.UNKNOWN_MEMBER, "'issued'"),
    "member-without-self": ("return total", Reason.UNKNOWN_NAME, "self.total"),
    "record-without-self": ("x = Item('a', [])\nreturn a", Reason.UNKNOWN_NAME, "self.Item"),
    "contract-name": ("return Example.LIMIT", Reason.UNSUPPORTED, "self"),
    "self-alone": ("return self", Reason.UNSUPPORTED, "values"),
    "assign-self": ("self = a\nreturn a", Reason.BAD_NAME, "another name"),
    "dunder-variable": ("__x = a\nreturn a", Reason.BAD_NAME, ""),
    "function-as-value": ("x = len\nreturn a", Reason.UNSUPPORTED, "len(...)"),
    "helper-as-value": ("x = self._two\nreturn a", Reason.UNSUPPORTED, "self._two(...)"),
    "variable-called": ("len = a\nreturn len([])", Reason.UNSUPPORTED, "rename"),
    "unassigned": ("if a:\n    x = 1\nreturn x", Reason.UNASSIGNED, "before"),
    "unassigned-loop": ("for x in [a]:\n    y = x\nreturn y", Reason.UNASSIGNED, "before"),
    "unassigned-handler": (
        "try:\n    x = self.shares['', b'']\nexcept KeyError:\n    pass\nreturn x",
        Reason.UNASSIGNED,
        "before",
    ),
    "unassigned-or": ("if a or (x := 1):\n    return x\nreturn a", Reason.UNASSIGNED, "before"),
    "unassigned-after-comprehension": ("y = [(x := i) for i in [a]]\nreturn x", Reason.UNASSIGNED, "before"),
    "comprehension-variable": ("y = [i for i in [a]]\nreturn i", Reason.UNKNOWN_NAME, ""),
    "code-alone": ("try:\n    pass\nexcept Revert as e:\n    return e\nreturn a", Reason.UNSUPPORTED, "e.code"),
    "code-after": ("try:\n    pass\nexcept Revert as e:\n    pass\nreturn e.code", Reason.UNKNOWN_MEMBER, ""),
    "code-is-variable": (
        "e = 1\ntry:\n    pass\nexcept Revert as e:\n    pass\nreturn a",
        Reason.DUPLICATE,
        "another name",
    ),
    # arguments
    "too-many": ("return len(a, a)", Reason.WRONG_ARGUMENTS, ""),
    "too-few-for-helper": ("return self._two()", Reason.WRONG_ARGUMENTS, "_two(x, y)"),
    "too-many-for-helper": ("return self._two(1, 2, 3)", Reason.WRONG_ARGUMENTS, "_two(x, y)"),
    "unknown-keyword": ("return self._two(1, z=2)", Reason.WRONG_ARGUMENTS, ""),
    "twice": ("return self._two(1, x=2)", Reason.WRONG_ARGUMENTS, ""),
    "keyword-for-function": ("return max([a], key=a)", Reason.WRONG_ARGUMENTS, "sort"),
    "base": ("return int('1', 16)", Reason.WRONG_ARGUMENTS, "decimal"),
    "start": ("return sum([a], 1)", Reason.WRONG_ARGUMENTS, "start"),
    "split-without-separator": ("return len('a b'.split())", Reason.WRONG_ARGUMENTS, "separator"),
    "method-keyword": ("x = 'a'.split(sep=' ')\nreturn a", Reason.WRONG_ARGUMENTS, ""),
    "sort-key-helper": ("return sorted([a], key=self._two)", Reason.WRONG_ARGUMENTS, "lambda"),
    "sort-key-two": ("return sorted([a], key=lambda x, y: x)", Reason.WRONG_ARGUMENTS, "lambda"),
    "sort-reverse": ("return sorted([a], reverse=a)", Reason.WRONG_ARGUMENTS, "reverse=True"),
    "require-alone": ("require(a)\nreturn a", Reason.WRONG_ARGUMENTS, "E_AMOUNT"),
    "require-as-value": ("return require(a, 'E')", Reason.MISPLACED, "line of its own"),
    "code-number": ("require(a, 1)\nreturn a", Reason.WRONG_ARGUMENTS, "E_AMOUNT"),
    "code-empty": ("raise Revert('')", Reason.WRONG_ARGUMENTS, "E_AMOUNT"),
    "code-long": (f"raise Revert('{'E' * 65}')", Reason.WRONG_ARGUMENTS, "E_AMOUNT"),
    "record-field-missing": ("x = self.Item('a')\nreturn a", Reason.WRONG_ARGUMENTS, "names"),
    "event-field-missing": ("self.Happened('a')\nreturn a", Reason.WRONG_ARGUMENTS, "count"),
    "event-as-value": ("return self.Happened('a', 1)", Reason.MISPLACED, "line of its own"),
    "contract-alone": ("x = contract('b')\nreturn a", Reason.UNSUPPORTED, "contract(name).method"),
    "contract-keyword": ("return contract('b').f(x=1)", Reason.WRONG_ARGUMENTS, "order"),
    "contract-gas": ("return contract('b', gass=1).f()", Reason.WRONG_ARGUMENTS, "gas"),
    "contract-dunder": ("return contract('b').__init__()", Reason.BAD_NAME, ""),
    "init-called": ("return self.begin()", Reason.UNSUPPORTED, "helper"),
    "guarded-called": ("return self.guarded()", Reason.UNSUPPORTED, "helper"),
    "declaration-inside": ("x = Map(str, int)\nreturn a", Reason.MISPLACED, "move it out"),
    # state
    "copy-field": ("self.items[b''].size = 1\nreturn a", Reason.COPY_LOST, "self.cell[key] = x"),
    "copy-element": ("self.lists['a'][0] = 1\nreturn a", Reason.COPY_LOST, "self.cell[key] = x"),
    "copy-append": ("self.lists['a'].append(1)\nreturn a", Reason.COPY_LOST, "self.cell[key] = x"),
    "copy-deep": ("self.items[b''].names.append('')\nreturn a", Reason.COPY_LOST, "self.cell[key] = x"),
    "copy-get": ("self.lists.get('a', []).append(1)\nreturn a", Reason.COPY_LOST, "self.cell[key] = x"),
    "copy-augmented": ("self.items[b''].size += 1\nreturn a", Reason.COPY_LOST, "self.cell[key] = x"),
    "copy-deleted": ("del self.lists['a'][0]\nreturn a", Reason.COPY_LOST, "self.cell[key] = x"),
    "iterate-map": ("for k in self.counts:\n    pass\nreturn a", Reason.UNSUPPORTED, "rows"),
    "length-of-table": ("return len(self.items)", Reason.UNSUPPORTED, "rows"),
    "map-keys": ("return self.counts.keys()", Reason.UNKNOWN_MEMBER, "rows"),
    "assign-map": ("self.counts = {}\nreturn a", Reason.UNSUPPORTED, "self.counts[key]"),
    "assign-constant": ("self.LIMIT = 1\nreturn a", Reason.UNSUPPORTED, ""),
    "new-attribute": ("self.other = 1\nreturn a", Reason.UNKNOWN_MEMBER, "Value"),
    "one-key-for-two": ("return self.shares['a']", Reason.WRONG_ARGUMENTS, "self.shares[a, b]"),
    "slice-of-map": ("return self.counts['a':'b']", Reason.UNSUPPORTED, "rows"),
    "sequence-read": ("return self.number", Reason.UNSUPPORTED, "self.number.next()"),
    "unknown-index": ("return self.items.rows('size')", Reason.UNKNOWN_MEMBER, "declare it"),
    "prefix-too-long": ("return self.items.rows('owner', ('a', 'b'))", Reason.WRONG_ARGUMENTS, ""),
    "prefix-no-tuple": ("return self.items.rows('owner', 'a')", Reason.WRONG_ARGUMENTS, "(owner,)"),
    "descending-variable": ("return self.items.rows(descending=a)", Reason.WRONG_ARGUMENTS, "descending=False"),
    "rows-keyword": ("return self.items.rows(reverse=True)", Reason.WRONG_ARGUMENTS, "descending=False"),
    "membership-chain": ("return a == b'' in self.items", Reason.UNSUPPORTED, "comparison of its own"),
    # places
    "break-outside": ("break", Reason.MISPLACED, ""),
    "continue-outside": ("continue", Reason.MISPLACED, ""),
    "case-behind": (
        "match a:\n    case x:\n        pass\n    case 1:\n        pass\nreturn a",
        Reason.MISPLACED,
        "last",
    ),
    "target-order": ("x = [a]\ni = 0\nx[i], i = 1, 2\nreturn a", Reason.UNSUPPORTED, "two steps"),
    "no-return": ("if a:\n    return 1", Reason.MISSING_RETURN, "raise Revert"),
    "no-return-after-loop": ("while a:\n    return 1", Reason.MISSING_RETURN, "raise Revert"),
}
HELPERS = """
@init
def begin(self) -> None:
    pass
@export(roles="notary")
def guarded(self) -> int:
    return 1
def _two(self, x, y=7):
    return x + y
"""


@pytest.mark.parametrize("name", sorted(CASES))
def test_what_is_refused_has_a_reason_and_a_way_out(name, make, refused) -> None:
    """Each construct is refused where it stands, for the reason that fits, with a suggestion where there is one."""
    from contracts.compiler import CompileError

    body, reason, suggestion = CASES[name]
    source = make(body, members=_members() + HELPERS)
    errors: tuple[CompileError, ...] = refused(source)
    first_line = source.split("\n").index("    def run(self, a: int) -> int:") + 2
    found = [error for error in errors if error.reason is reason]
    assert found, errors
    if reason is not Reason.MISSING_RETURN:
        assert first_line <= found[0].line < first_line + body.count("\n") + 1
    words = f"{found[0].message} {found[0].suggestion}" if suggestion else ""
    assert suggestion in words, found[0]
    assert bool(found[0].suggestion) or not suggestion


def test_nobody_is_told_to_declare_an_attribute_of_python(make, refused) -> None:
    """``self.__dict__`` is refused without the advice to declare it, which no contract could follow."""
    (error,) = refused(make("return self.__dict__"))
    assert (error.message, error.suggestion) == ("the contract declares no '__dict__'", "")


def _members() -> str:
    return """
class Item(Record):
    owner: str
    names: list[str]
    size: int = 0
class Status(States):
    draft = to("issued", "void")
    issued = to("void")
    void = to()
LIMIT = 20
items = Table(Item, key=bytes, index=("owner", ("owner", "size")))
counts = Map(str, int, default=0)
shares = Map(tuple[str, bytes], int)
lists = Map(str, list[int])
total = Value(int, default=0)
status = Value(Status, default="draft")
number = Sequence()
Happened = Event(what=str, count=int, indexed=("what",))
"""
