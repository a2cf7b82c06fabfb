"""Hostile sources: an error with a place, in bounded time, never a crash."""

import random
import re
import time

import pytest

from contracts.compiler import CompileError, CompileErrors, Reason, compile_source, render
from contracts.library import source

HEAD = """from contracts.language import Contract, view
class C(Contract):
    @view
    def f(self, a: int) -> int:
        """
SECONDS_MAX = 20  # the slowest takes some two seconds on an idle core
STEP = "\n" + " " * 8

DEEP = {
    "brackets": ("return " + "(" * 30_000 + "a" + ")" * 30_000, Reason.TOO_DEEP),
    "lists": ("return " + "[" * 60 + "a" + "]" * 60, None),
    "not": ("return " + "not " * 15_000 + "a", Reason.TOO_DEEP),
    "minus": ("return " + "-" * 60_000 + "a", Reason.TOO_DEEP),
    "sum": ("return " + "a+" * 30_000 + "a", Reason.TOO_DEEP),
    "power": ("return " + "a**" * 20_000 + "a", Reason.TOO_DEEP),
    "attributes": ("return a" + ".b" * 30_000, Reason.TOO_DEEP),
    "calls": ("return a" + "()" * 30_000, Reason.TOO_DEEP),
    "subscripts": ("return a" + "[0]" * 20_000, Reason.TOO_DEEP),
    "conditionals": ("return " + "a if a else " * 5_000 + "a", Reason.TOO_DEEP),
    "lambdas": ("return " + "lambda: " * 7_000 + "a", Reason.TOO_DEEP),
    "elif": ("if a: return 1" + f"{STEP}elif a: return 2" * 2_000, Reason.TOO_DEEP),
    "match": ("match a:" + f"{STEP}  case 1: return 2" * 2_000, Reason.TOO_DEEP),
    "ifs": (
        "".join(" " * level * 8 + "if a:\n" + " " * 8 for level in range(70)) + " " * 560 + "pass",
        Reason.TOO_DEEP,
    ),
    "indentation": (
        "".join(" " * level + "if a:\n" + " " * 8 for level in range(120)) + " " * 120 + "a",
        Reason.SYNTAX,
    ),
    "and": ("return " + "a and " * 9_000 + "a", Reason.TOO_LARGE),
    "compare": ("return " + "a<" * 30_000 + "a", Reason.TOO_LARGE),
    "targets": ("x=" * 30_000 + "a", Reason.TOO_LARGE),
    "clauses": ("return [a " + "for i in a " * 5_000 + "]", Reason.TOO_DEEP),
    "comprehensions": ("return " + "[a for i in " * 1_000 + "a" + "]" * 1_000, Reason.TOO_DEEP),
    "list": ("x=[" + "a," * 30_000 + "]", Reason.TOO_MANY),
    "text": ('return f"' + "{a}" * 20_000 + '"', Reason.TOO_MANY),
    "nested-text": ("return f'" + "{" * 30_000, Reason.SYNTAX),
    "variables": (STEP.join(f"x{number}=a" for number in range(3_000)), Reason.TOO_MANY),
    "digits": ("return " + "9" * 60_000, Reason.SYNTAX),
    "hexadecimal": ("return 0x" + "f" * 60_000, Reason.BAD_CONSTANT),
    "quotes": ("return " + '"' * 60_001, Reason.SYNTAX),
    "walrus": ("return " + "(a:=" * 62 + "a" + ")" * 62, None),
    "similar-names": (STEP.join(f"self.abcdefgh{number}" for number in range(2_000)), Reason.UNKNOWN_MEMBER),
    "decorators": ("pass\n    " + "@a\n    " * 9_000 + "def g(self): pass", Reason.BAD_DECORATOR),
    "parameters": ("pass\n    def g(" + ",".join(f"a{number}" for number in range(8_000)) + "): pass", Reason.TOO_MANY),
    "functions": ("return 1\n" + "".join(f"def f{number}(): pass\n" for number in range(2_500)), Reason.TOO_MANY),
}


@pytest.mark.parametrize("name", sorted(DEEP))
def test_a_hostile_source_is_refused_in_bounded_time(name: str) -> None:
    """Whatever nests or repeats is refused, or compiles, before it can hurt whoever compiles it."""
    body, reason = DEEP[name]
    started = time.process_time()
    reasons: set[Reason] = set()
    try:
        compile_source(HEAD + body)
    except CompileErrors as refused:
        reasons = {error.reason for error in refused.errors}
    assert (reason in reasons) if reason is not None else not reasons, reasons
    assert time.process_time() - started < SECONDS_MAX


DOUBLED = "A0 = (1,)\n" + "".join(f"A{number + 1} = (A{number}, A{number})\n" for number in range(60))
CHAINED = "A0 = (1,)\n" + "".join(f"A{number + 1} = (A{number},)\n" for number in range(500))
WIDE = "A = (" + "0, " * 63 + ")\nB = (A, A, A)\n"
DEFAULTS = WIDE + "def h(" + ", ".join(f"a{number}=B" for number in range(16)) + "):\n    return 1\n"

EXPLODING = {
    "doubled": (DOUBLED, "return len(A60)", Reason.BAD_CONSTANT),
    "chained": (CHAINED, "return len(A500)", Reason.BAD_CONSTANT),
    "used": (WIDE, "B;B;B;B" + f"{STEP}B;B;B;B" * 3_000 + f"{STEP}return 1", Reason.TOO_LARGE),
    "defaults": (DEFAULTS, "h();h()" + f"{STEP}h();h();h();h()" * 2_300 + f"{STEP}return 1", Reason.TOO_LARGE),
}


@pytest.mark.parametrize("name", sorted(EXPLODING))
def test_constants_do_not_explode(name: str) -> None:
    """Constants inside constants and defaults cannot make more of a small source than a program may be."""
    module, body, reason = EXPLODING[name]
    importing, rest = HEAD.split("\n", 1)
    started = time.process_time()
    with pytest.raises(CompileErrors) as caught:
        compile_source(f"{importing}\n{module}{rest}{body}")
    assert reason in {error.reason for error in caught.value.errors}
    assert time.process_time() - started < SECONDS_MAX


def test_a_table_of_constants_compiles() -> None:
    """A tuple of 64 pairs is small enough, one of 65 is not and the error says so."""
    importing, rest = HEAD.split("\n", 1)
    for count in (64, 65):
        table = "A = (" + "(1, 2), " * count + ")\n"
        source_of = f"{importing}\n{table}{rest}return len(A)"
        if count == 64:
            assert compile_source(source_of).program
            continue
        with pytest.raises(CompileErrors) as caught:
            compile_source(source_of)
        assert [error.message for error in caught.value.errors if error.reason == Reason.BAD_CONSTANT] == [
            "a constant tuple has at most 64 items, 256 with all inside them"
        ]


def test_the_nesting_that_is_allowed_compiles() -> None:
    """A program may be as deep as the grammar says and no deeper: 64 levels, statement included."""
    assert compile_source(HEAD + "return " + "not " * 62 + "a").program
    with pytest.raises(CompileErrors) as caught:
        compile_source(HEAD + "return " + "not " * 63 + "a")
    assert [(error.reason, error.line) for error in caught.value.errors] == [(Reason.TOO_DEEP, 5)]


def changed(text: str, seed: int) -> str:
    """Return a source with up to three random changes of lines and words."""
    chance = random.Random(seed)
    words = sorted(set(re.findall(r"[A-Za-z_]+|[0-9]+|[^\sA-Za-z0-9_]", text)))
    lines = text.split("\n")
    for _ in range(chance.randint(1, 3)):
        position = chance.randrange(len(lines))
        line = lines[position]
        place = chance.randrange(len(line) + 1)
        found = re.findall(r"[A-Za-z_]+|[0-9]+", line)
        match chance.randrange(5):
            case 0:
                lines[position] = chance.choice(lines)
            case 1:
                lines.insert(position, chance.choice(lines))
            case 2:
                lines[position] = f"{line[:place]} {chance.choice(words)} {line[place:]}"
            case 3:
                lines[position] = line[:place] + line[place + chance.randint(1, 4) :]
            case _ if found:
                lines[position] = line.replace(chance.choice(found), chance.choice(words), 1)
    return "\n".join(lines)


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_a_broken_source_is_refused_or_compiles(first: int) -> None:
    """Whatever happens to a source, the answer is a program that loads or errors that can be shown: never a crash."""
    for seed in range(first, first + 50):
        text = changed(source("evidence"), seed)
        errors: tuple[CompileError, ...] = ()
        try:
            compile_source(text)
        except CompileErrors as refused:
            errors = refused.errors
        assert render(errors, text, f"seed {seed}").count(f"seed {seed}:") == len(errors)
