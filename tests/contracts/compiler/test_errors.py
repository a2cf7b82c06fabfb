"""Errors and how they are shown."""

import textwrap

import pytest

from contracts.compiler import Advice, CompileErrors, CompileWarning, Reason, compile_source, render

SOURCE = """
from contracts.language import Contract, export

class Example(Contract):
    @export
    def f(self, a: int) -> int:
        x = 1.5
        \u6c49 = "\u6c49\u94fe" + lenght(a)
        return a / 2
"""


def test_all_errors_are_found_and_shown_with_a_caret_below_each() -> None:
    """One run tells everything, with line, caret and suggestion; Chinese characters take two columns."""
    source = SOURCE.replace('\u6c49 = "', 'y = "')
    with pytest.raises(CompileErrors) as caught:
        compile_source(source)
    shown = render(caught.value.errors, source, "example.py")
    assert shown == textwrap.dedent(
        """\
        example.py:7:13: error[bad_constant]: floats give different results on different machines
                    x = 1.5
                        ^^^
            suggestion: count in the smallest unit with int, and use muldiv(a, b, c) for rates

        example.py:8:20: error[unknown_name]: there is no 'lenght' here
                    y = "\u6c49\u94fe" + lenght(a)
                                 ^^^^^^
            suggestion: did you mean 'len'?

        example.py:9:16: error[unsupported]: '/' gives floats, which contracts do not have
                    return a / 2
                           ^^^^^
            suggestion: use // for whole numbers, or muldiv(a, b, c)
        """
    )


def test_the_text_of_the_exception_names_all_places() -> None:
    """Whoever prints the exception itself sees where and what."""
    with pytest.raises(CompileErrors) as caught:
        compile_source(SOURCE)
    assert str(caught.value) == "8:9: '\u6c49' stands outside of strings and comments"


def test_what_a_terminal_cannot_show_is_replaced() -> None:
    """A source line is data: control characters in it do not reach the terminal."""
    with pytest.raises(CompileErrors) as caught:
        compile_source("x = 1 \x1b[2J")
    assert render(caught.value.errors, "x = 1 \x1b[2J", "f").splitlines()[1] == "    x = 1 \ufffd[2J"


def test_a_warning_is_rendered_like_an_error() -> None:
    """Both kinds of findings have a place, a reason and a suggestion."""
    warning = CompileWarning(1, 1, 1, Advice.NO_EFFECT, "nothing happens", "do something")
    assert render((warning,), "x", "f") == (
        "f:1:1: warning[no_effect]: nothing happens\n    x\n    ^\n    suggestion: do something\n"
    )


def test_the_number_of_errors_is_bounded() -> None:
    """A source of thousands of errors tells the first two hundred."""
    body = "\n".join(f"        y{number}.z" for number in range(3_000))
    source = f"from contracts.language import Contract\nclass C(Contract):\n    def f(self):\n{body}\n"
    with pytest.raises(CompileErrors) as caught:
        compile_source(source)
    assert len(caught.value.errors) == 200
    assert caught.value.errors[0].reason is Reason.UNKNOWN_NAME
