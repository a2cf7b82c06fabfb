"""Sources of contracts from parts, so that each test shows only what it is about."""

import textwrap
from collections.abc import Callable

import pytest

from contracts.compiler import CompileError, CompileErrors, compile_source
from contracts.compiler.vocabulary import LANGUAGE

IMPORTS = f"from contracts.language import {', '.join(sorted(LANGUAGE))}\n"
MEMBERS = """
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

Make = Callable[..., str]
Refused = Callable[[str], tuple[CompileError, ...]]


def source_of(
    body: str = "return a",
    *,
    members: str = MEMBERS,
    module: str = "",
    decorator: str = "@export",
    signature: str = "self, a: int",
    result: str = "int",
) -> str:
    """Return a contract ``Example`` with one exported method ``run`` around ``body``."""
    method = (
        f"{decorator}\ndef run({signature}) -> {result}:\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n"
    )
    inside = textwrap.indent(f"{textwrap.dedent(members).strip()}\n\n{method}", "    ")
    return f"{IMPORTS}{textwrap.dedent(module)}\nclass Example(Contract):\n{inside}"


@pytest.fixture
def make() -> Make:
    """Return what makes a source around the body of a method."""
    return source_of


@pytest.fixture
def refused() -> Refused:
    """Return what gives the errors of a source that must not compile."""

    def errors_of(source: str) -> tuple[CompileError, ...]:
        with pytest.raises(CompileErrors) as caught:
            compile_source(source)
        return caught.value.errors

    return errors_of
