"""What modules and contract classes must not declare: each case with its reason and a suggestion that helps."""

import pytest

from contracts.compiler import Reason

LONG_INDEX = f"""
class R(Record):
    {"x" * 64}: int
    {"y" * 64}: int
a = Table(R, key=int, index=(("{"x" * 64}", "{"y" * 64}"),))
"""
SAME_TYPE = """
class Part(Record):
    x: int
class Other(Contract):
    class Part(States):
        on = to()
"""
THROUGH_HELPERS = """
a = Sequence()
def _g(self):
    return self._h()
def _h(self):
    return self.a.next()
@view
def f(self) -> int:
    return self._g()
"""

# name: (place, text, reason, words of message or suggestion); the text stands in the module or in the class
CASES = {
    "statement-in-module": ("module", "x = 1\nx += 1", Reason.UNSUPPORTED, "put it into a method"),
    "call-in-module": ("module", "print(1)", Reason.UNSUPPORTED, "put it into a method"),
    "import": ("module", "import os", Reason.UNSUPPORTED, "contracts.language"),
    "import-from": ("module", "from os import path", Reason.UNSUPPORTED, "contract(name)"),
    "import-star": ("module", "from contracts.language import *", Reason.UNSUPPORTED, "one by one"),
    "import-as": ("module", "from contracts.language import Map as M", Reason.UNSUPPORTED, "keep their names"),
    "import-unknown": ("module", "from contracts.language import Mapp", Reason.UNKNOWN_NAME, "'Map'"),
    "import-twice": ("module", "from contracts.language import Map", Reason.DUPLICATE, "another name"),
    "import-inside": ("class", "import os", Reason.UNSUPPORTED, "top of the file"),
    "second-contract": ("module", "class Other(Contract):\n    pass", Reason.DUPLICATE, "file of its own"),
    "inner-contract": ("class", "class Other(Contract):\n    pass", Reason.BAD_DECLARATION, "top of the file"),
    "plain-class": ("module", "class Other:\n    pass", Reason.BAD_DECLARATION, "Record"),
    "two-bases": ("module", "class Other(Record, States):\n    pass", Reason.BAD_DECLARATION, "Record"),
    "decorated-class": ("module", "@export\nclass Other(Record):\n    x: int", Reason.BAD_DECORATOR, "remove"),
    "class-keyword": ("module", "class Other(Record, x=1):\n    x: int", Reason.UNSUPPORTED, "remove"),
    "type-in-module-and-class": ("module", SAME_TYPE, Reason.DUPLICATE, "there is a type"),
    "hidden-builtin": ("module", "def len(x):\n    pass", Reason.BAD_NAME, "another name"),
    "hidden-language": ("module", "def require(x):\n    pass", Reason.DUPLICATE, "another name"),
    "twice": ("class", "a = Value(int)\na = Value(int)", Reason.DUPLICATE, "another name"),
    "method-and-cell": ("class", "a = Value(int)\ndef a(self):\n    pass", Reason.DUPLICATE, "another name"),
    "cell-in-module": ("module", "a = Value(int)", Reason.BAD_DECLARATION, "class"),
    "event-in-module": ("module", "A = Event(x=int)", Reason.BAD_DECLARATION, "class"),
    "annotation-only": ("class", "a: int", Reason.UNSUPPORTED, "put it into a method"),
    "list-attribute": ("class", "a = []", Reason.BAD_CONSTANT, "constant"),
    "called-attribute": ("class", "a = len([])", Reason.BAD_CONSTANT, "constant"),
    "constant-too-large": ("module", "A = 2**256", Reason.BAD_CONSTANT, "255 bits"),
    "constant-zero-division": ("module", "A = 1 // 0", Reason.BAD_CONSTANT, "zero"),
    "constant-of-text": ("module", "A = 'a' + 'b'", Reason.BAD_CONSTANT, "number"),
    "constant-unknown": ("module", "A = B", Reason.BAD_CONSTANT, "above"),
    # cells
    "value-without-type": ("class", "a = Value()", Reason.BAD_DECLARATION, "Value(int"),
    "value-keyword": ("class", "a = Value(int, defualt=1)", Reason.BAD_DECLARATION, "default=0"),
    "map-with-three": ("class", "a = Map(str, str, int)", Reason.BAD_DECLARATION, "tuple[str, bytes]"),
    "map-of-list-keys": ("class", "a = Map(list[int], int)", Reason.BAD_DECLARATION, "keys are"),
    "map-of-optional-keys": ("class", "a = Map(int | None, int)", Reason.BAD_DECLARATION, "keys are"),
    "map-of-many-keys": (
        "class",
        "a = Map(tuple[int, int, int, int, int, int, int, int, int], int)",
        Reason.TOO_MANY,
        "8 parts",
    ),
    "default-type": ("class", "a = Value(int, default='x')", Reason.BAD_CONSTANT, "int"),
    "default-bool": ("class", "a = Value(int, default=True)", Reason.BAD_CONSTANT, "int"),
    "default-list": ("class", "a = Value(list[int], default=())", Reason.BAD_CONSTANT, "not a tuple"),
    "default-none": ("class", "a = Value(list[int], default=None)", Reason.BAD_CONSTANT, ".get(key)"),
    "default-state": (
        "class",
        "class S(States):\n    on = to()\na = Value(S, default='off')",
        Reason.BAD_CONSTANT,
        "type S",
    ),
    "table-of-int": ("class", "a = Table(int, key=int)", Reason.BAD_DECLARATION, "record"),
    "table-without-key": ("class", "class R(Record):\n    x: int\na = Table(R)", Reason.BAD_DECLARATION, "key"),
    "index-unknown": (
        "class",
        "class R(Record):\n    owner: str\na = Table(R, key=int, index='onwer')",
        Reason.UNKNOWN_MEMBER,
        "'owner'",
    ),
    "index-list": (
        "class",
        "class R(Record):\n    x: list[int]\na = Table(R, key=int, index='x')",
        Reason.BAD_DECLARATION,
        "bool, int",
    ),
    "index-twice": (
        "class",
        "class R(Record):\n    x: int\na = Table(R, key=int, index='x', unique='x')",
        Reason.DUPLICATE,
        "twice",
    ),
    "index-field-twice": (
        "class",
        "class R(Record):\n    x: int\na = Table(R, key=int, index=(('x', 'x'),))",
        Reason.DUPLICATE,
        "twice",
    ),
    "index-of-four": (
        "class",
        "class R(Record):\n    x: int\na = Table(R, key=int, index=(('x', 'x', 'x', 'x'),))",
        Reason.TOO_MANY,
        "three",
    ),
    "index-names-long": (
        "class",
        LONG_INDEX,
        Reason.TOO_LARGE,
        "shorter",
    ),
    "sequence-of-text": ("class", "a = Sequence(str)", Reason.BAD_DECLARATION, "Sequence()"),
    # events, records, states
    "event-without-types": ("class", "A = Event('x', 'y')", Reason.BAD_DECLARATION, "digest=bytes"),
    "event-index-unknown": ("class", "A = Event(x=int, indexed=('y',))", Reason.UNKNOWN_MEMBER, "to index"),
    "event-of-many": (
        "class",
        f"A = Event({', '.join(f'x{number}=int' for number in range(17))})",
        Reason.TOO_MANY,
        "16 fields",
    ),
    "record-method": (
        "module",
        "class R(Record):\n    x: int\n    def f(self): pass",
        Reason.BAD_DECLARATION,
        "outside",
    ),
    "record-plain": ("module", "class R(Record):\n    x = 1", Reason.BAD_DECLARATION, "name: str"),
    "record-empty": ("module", "class R(Record):\n    pass", Reason.BAD_DECLARATION, "at least one"),
    "record-twice": ("module", "class R(Record):\n    x: int\n    x: int", Reason.DUPLICATE, "twice"),
    "record-default-first": ("module", "class R(Record):\n    x: int = 1\n    y: int", Reason.BAD_DECLARATION, "last"),
    "record-default-list": ("module", "class R(Record):\n    x: list[int] = []", Reason.BAD_CONSTANT, "constant"),
    "record-default-type": ("module", "class R(Record):\n    x: int = 'a'", Reason.BAD_CONSTANT, "type int"),
    "record-recursive": ("module", "class R(Record):\n    x: list[R]", Reason.UNKNOWN_TYPE, "no type 'R'"),
    "record-field-dunder": ("module", "class R(Record):\n    __x: int", Reason.BAD_NAME, "underscores"),
    "record-large": (
        "module",
        "class R(Record):\n" + "".join(f"    x{number}: int\n" for number in range(33)),
        Reason.TOO_MANY,
        "split",
    ),
    "states-plain": ("module", "class S(States):\n    on = 1", Reason.BAD_DECLARATION, "to("),
    "states-empty": ("module", "class S(States):\n    pass", Reason.BAD_DECLARATION, "at least one"),
    "states-unknown": ("module", "class S(States):\n    on = to('of')\n    off = to()", Reason.UNKNOWN_NAME, "'off'"),
    "states-move-twice": ("module", "class S(States):\n    on = to('on', 'on')", Reason.DUPLICATE, "twice"),
    # types
    "type-float": ("class", "a = Value(float)", Reason.UNKNOWN_TYPE, "smallest unit"),
    "type-any": ("class", "a = Value(Any)", Reason.UNKNOWN_TYPE, "types are"),
    "type-bare-list": ("class", "a = Value(list)", Reason.UNKNOWN_TYPE, "list[int]"),
    "type-text": ("class", "a = Value('int')", Reason.UNKNOWN_TYPE, "quotes"),
    "type-union": ("class", "a = Value(int | str)", Reason.UNKNOWN_TYPE, "T | None"),
    "type-optional-twice": ("class", "a = Value(int | None | None)", Reason.UNKNOWN_TYPE, "T | None"),
    "type-open-tuple": ("class", "a = Value(tuple[int, ...])", Reason.UNKNOWN_TYPE, "list[T]"),
    "type-dict-of-int": ("class", "a = Value(dict[int, int])", Reason.UNKNOWN_TYPE, "str(key)"),
    "type-dotted": ("class", "a = Value(typing.Any)", Reason.UNKNOWN_TYPE, "dots"),
    "type-deep": ("class", f"a = Value({'list[' * 8}int{']' * 8})", Reason.TOO_DEEP, "Record"),
    "type-wide": ("class", f"a = Value(tuple[{'int, ' * 17}])", Reason.UNKNOWN_TYPE, "types are"),
    # methods
    "no-self": ("class", "@export\ndef f(a: int) -> None:\n    pass", Reason.BAD_DECLARATION, "self"),
    "no-type": ("class", "@export\ndef f(self, a) -> None:\n    pass", Reason.MISSING_TYPE, "a: int"),
    "no-result": ("class", "@export\ndef f(self):\n    pass", Reason.MISSING_TYPE, "-> None"),
    "view-of-nothing": ("class", "@view\ndef f(self) -> None:\n    pass", Reason.BAD_DECLARATION, "result"),
    "init-result": ("class", "@init\ndef f(self) -> int:\n    return 1", Reason.BAD_DECLARATION, "-> None"),
    "two-inits": (
        "class",
        "@init\ndef f(self) -> None:\n    pass\n@init\ndef g(self) -> None:\n    pass",
        Reason.DUPLICATE,
        "@init",
    ),
    "exported-helper": ("class", "@export\ndef _f(self) -> None:\n    pass", Reason.BAD_NAME, "underscore"),
    "exported-function": ("module", "@export\ndef f() -> None:\n    pass", Reason.MISPLACED, "class"),
    "two-decorators": ("class", "@export\n@view\ndef f(self) -> int:\n    return 1", Reason.BAD_DECORATOR, "one of"),
    "unknown-decorator": ("class", "@exprot\ndef f(self) -> None:\n    pass", Reason.BAD_DECORATOR, "'export'"),
    "property": ("class", "@property\ndef f(self):\n    return 1", Reason.BAD_DECORATOR, "@view"),
    "decorator-positional": ("class", "@export('a')\ndef f(self) -> None:\n    pass", Reason.BAD_DECORATOR, "keywords"),
    "decorator-keyword": ("class", "@export(role='a')\ndef f(self) -> None:\n    pass", Reason.BAD_DECORATOR, "roles"),
    "policy": ("class", "@export(policy='board')\ndef f(self) -> None:\n    pass", Reason.NOT_ENFORCED, "roles="),
    "migrate": ("class", "@migrate\ndef f(self) -> None:\n    pass", Reason.NOT_ENFORCED, "upgrade"),
    "kyc-text": ("class", "@export(kyc='high')\ndef f(self) -> None:\n    pass", Reason.BAD_CONSTANT, "255"),
    "roles-empty": ("class", "@export(roles=())\ndef f(self) -> None:\n    pass", Reason.TOO_MANY, "one to 16"),
    "roles-twice": ("class", "@export(roles=('a', 'a'))\ndef f(self) -> None:\n    pass", Reason.TOO_MANY, "different"),
    "view-roles": ("class", "@view(roles='a')\ndef f(self) -> int:\n    return 1", Reason.BAD_DECORATOR, "public"),
    "move-unknown": (
        "class",
        "@export(move=('a', 'b'))\ndef f(self) -> None:\n    pass",
        Reason.UNKNOWN_MEMBER,
        "no state",
    ),
    "dunder-method": ("class", "def __init__(self):\n    pass", Reason.BAD_NAME, "underscores"),
    "star-parameters": ("class", "def f(self, *a):\n    pass", Reason.UNSUPPORTED, "list or a dict"),
    "keyword-only": ("class", "def f(self, *, a):\n    pass", Reason.UNSUPPORTED, "remove"),
    "many-parameters": (
        "class",
        f"def f(self, {', '.join(f'a{number}' for number in range(17))}):\n    pass",
        Reason.TOO_MANY,
        "Record",
    ),
    "default-of-parameter": (
        "class",
        "@export\ndef f(self, a: int = 'x') -> None:\n    pass",
        Reason.BAD_CONSTANT,
        "type int",
    ),
    "default-mutable": ("class", "def f(self, a=[]):\n    pass", Reason.BAD_CONSTANT, "constant"),
    "async": ("class", "async def f(self):\n    pass", Reason.UNSUPPORTED, "remove async"),
    "constructor": ("class", "def __init__(self):\n    pass", Reason.BAD_NAME, "@init"),
    "type-optional": ("class", "a = Value(Optional[int])", Reason.UNKNOWN_TYPE, "T | None"),
    "type-typing-list": ("class", "a = Value(List[int])", Reason.UNKNOWN_TYPE, "list[T]"),
    "type-set": ("class", "a = Value(set[int])", Reason.UNKNOWN_TYPE, "sorted list"),
    "import-package": (
        "module",
        "from contracts import Contract",
        Reason.UNSUPPORTED,
        "from contracts.language import ...",
    ),
    "import-typing": ("module", "from typing import Optional", Reason.UNSUPPORTED, "T | None"),
    "view-stores": (
        "class",
        "a = Value(int)\n@view\ndef f(self) -> int:\n    self.a = 1\n    return 1",
        Reason.VIEW_WRITES,
        "'f'",
    ),
    "view-emits": (
        "class",
        "A = Event(x=int)\n@view\ndef f(self) -> int:\n    self.A(1)\n    return 1",
        Reason.VIEW_WRITES,
        "'f'",
    ),
    "view-through-helper": (
        "class",
        THROUGH_HELPERS,
        Reason.VIEW_WRITES,
        "through '_h'",
    ),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_what_cannot_be_declared_has_a_reason_and_a_way_out(name, make, refused) -> None:
    """Each declaration is refused for the reason that fits, with words that help."""
    place, text, reason, words = CASES[name]
    source = make(members=text if place == "class" else "", module=text if place == "module" else "")
    errors = refused(source)
    found = [error for error in errors if error.reason is reason]
    assert found, errors
    assert any(words in f"{error.message} {error.suggestion}" for error in found), found


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("", "there is no contract", id="empty"),
        pytest.param("'''Only a docstring.'''", "there is no contract", id="docstring"),
        pytest.param("class A(Contract):\n    pass", "'Contract' is not imported", id="not-imported"),
        pytest.param("def f(:\n", "invalid syntax", id="syntax"),
        pytest.param("from contracts import language", "a contract imports from contracts.language only", id="package"),
    ],
)
def test_a_source_without_contract_says_what_is_missing(source, message, refused) -> None:
    """The first thing a beginner does wrong is answered."""
    assert message in [error.message for error in refused(source)]


def test_a_contract_has_at_most_256_functions(refused) -> None:
    """Functions have numbers of one byte or two, and a reader has an end."""
    functions = "".join(f"def f{number}(): pass\n" for number in range(257))
    source = f"from contracts.language import Contract\n{functions}class C(Contract):\n    pass\n"
    assert [(error.reason, error.line) for error in refused(source)] == [(Reason.TOO_MANY, 258)]
