"""What is refused before Python's parser sees it."""

from typing import Any

import pytest

from contracts.compiler import CompileErrors, Reason, compile_source
from contracts.compiler.errors import Problems
from contracts.compiler.scanner import scan


def first(source: str | bytes) -> tuple[int, int, Reason]:
    """Return place and reason of the first error."""
    with pytest.raises(CompileErrors) as caught:
        compile_source(source)
    error = caught.value.errors[0]
    return error.line, error.column, error.reason


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(b"\xff\xfe", (1, 1, Reason.ENCODING), id="not-utf8"),
        pytest.param("x = '\ud800'", (1, 1, Reason.ENCODING), id="surrogate"),
        pytest.param("#" * 65_537, (1, 1, Reason.TOO_LARGE), id="too-large"),
        pytest.param("# \u6c49\n" + "#" * 65_531, (1, 1, Reason.TOO_LARGE), id="too-large-in-bytes"),
        pytest.param("a = 1\nb\0 = 2", (2, 2, Reason.ENCODING), id="nul"),
        pytest.param("a = 1\rb = 2", (1, 6, Reason.ENCODING), id="carriage-return-alone"),
        pytest.param("# \u202e", (1, 3, Reason.ENCODING), id="turned-text-in-a-comment"),
        pytest.param("x = '\u2066'", (1, 6, Reason.ENCODING), id="isolate-in-a-string"),
        pytest.param("n\u0430me = 1", (1, 2, Reason.BAD_NAME), id="cyrillic-letter"),
        pytest.param("x = \uff11", (1, 5, Reason.BAD_NAME), id="full-width-digit"),
        pytest.param("x = f'{\u6c49}'", (1, 8, Reason.BAD_NAME), id="foreign-letter-in-an-f-string"),
        pytest.param("x = " + "(" * 65, (1, 69, Reason.TOO_DEEP), id="brackets"),
        pytest.param("x = '\\N{DIGIT ONE}'", (1, 6, Reason.UNSUPPORTED), id="named-character"),
        pytest.param("x = f'\\N{DIGIT ONE}'", (1, 7, Reason.UNSUPPORTED), id="named-character-in-an-f-string"),
        pytest.param("x = f'{d['k']}'", (1, 8, Reason.UNSUPPORTED), id="same-quotes-nested"),
        pytest.param("x = f'{d[\"\\n\"]}'", (1, 11, Reason.UNSUPPORTED), id="backslash-in-braces"),
        pytest.param("x = f'''{a # b\n}'''", (1, 12, Reason.UNSUPPORTED), id="comment-in-braces"),
        pytest.param("x = f'{a", (1, 6, Reason.SYNTAX), id="unterminated"),
        pytest.param("x = f'{\na}'", (1, 6, Reason.SYNTAX), id="line-end-in-braces"),
        pytest.param('x = """a', (1, 5, Reason.SYNTAX), id="unterminated-triple"),
        pytest.param("x = f'{f\"{f'{a}'}\"}'", (1, 8, Reason.UNSUPPORTED), id="same-quotes-nested-twice"),
        pytest.param("if 1if'a'else 2: \u6c49", (1, 18, Reason.BAD_NAME), id="keyword-touching-a-quote"),
    ],
)
def test_what_versions_read_differently_is_refused(source: str | bytes, expected: Any) -> None:
    """Bytes, invisible characters, names and f-strings are judged before any version of Python can disagree."""
    assert first(source) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("'\u6c49\u94fe'", id="chinese-text"),
        pytest.param("'a' # \u6c49\u94fe", id="chinese-comment"),
        pytest.param("r'\\N{x}'", id="raw"),
        pytest.param("'\\\\N'", id="escaped-backslash"),
        pytest.param("'''a\n'b' \"c\"'''", id="triple-quoted"),
        pytest.param("f'{a[\"k\"]}' if False else ''", id="other-quotes"),
        pytest.param("f'''{'a'}{\"b\"}'''", id="both-quotes-in-triple"),
        pytest.param("f'{{\u6c49}}'", id="doubled-braces"),
        pytest.param("f'{a!r}' if False else ''", id="conversion-is-judged-later"),
    ],
)
def test_what_all_versions_read_alike_passes(text: str) -> None:
    """Nothing is refused by the scanner that every version reads in the same way."""
    source = f"X = {text}\n"
    problems = Problems(source)
    scan(source, problems)
    problems.check()
    assert problems.count == 0


def test_line_ends_and_byte_order_marks_do_not_matter() -> None:
    """A file saved on Windows gives the program that the same text gives elsewhere."""
    source = "from contracts.language import Contract\nclass Example(Contract):\n    '''A\n    B'''\n"
    expected = compile_source(source)
    assert compile_source(source.replace("\n", "\r\n")) == expected
    assert compile_source("\ufeff" + source) == expected
    assert compile_source(source.encode()) == expected
