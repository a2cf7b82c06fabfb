"""What is checked on the text of a source before Python's parser sees it.

The parsers of CPython 3.11, 3.12 and 3.13 do not accept the same texts: f-strings nest quotes since 3.12, and which
characters have names and which are letters of identifiers follows the Unicode version of each release. What 3.11
refuses or versions read differently is refused here, so that one source gives one program everywhere.

Source of the f-string rules: the tokenizer and ``Parser/string_parser.c`` of CPython 3.11.
"""

from __future__ import annotations

from typing import Final

from contracts.compiler.errors import Problems, Reason
from contracts.compiler.grammar import Place
from contracts.compiler.limits import BRACKETS_MAX, SOURCE_BYTES_MAX

_OPENING: Final = "([{"
_CLOSING: Final = ")]}"
_QUOTES: Final = "\"'"
# Characters that turn the order of displayed text: what a reader sees would not be what runs (CVE-2021-42574).
_TURNING: Final = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_PREFIXES: Final = frozenset({"f", "rf", "fr", "r", "b", "rb", "br", "u"})  # any other word only touches the quote
_NESTED_QUOTES: Final = "put the value into a variable first, or use the other kind of quotes inside the braces"


def decode_source(source: str | bytes) -> str:
    """Return the text of a source with line feeds as the only line ends; raise CompileErrors."""
    problems = Problems("")
    start = Place(1, 1)
    text = ""
    try:
        encoded = source.encode() if isinstance(source, str) else source
        text = encoded.decode()
    except UnicodeError:
        problems.error(start, Reason.ENCODING, "the source is not valid UTF-8", "save the file as UTF-8")
        problems.check()
    if len(encoded) > SOURCE_BYTES_MAX:
        message = f"the source has {len(encoded):,} bytes, at most {SOURCE_BYTES_MAX:,} are allowed"
        problems.error(start, Reason.TOO_LARGE, message, "split it into several contracts that call one another")
    problems.check()
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def scan(text: str, problems: Problems) -> None:
    """Note everything in ``text`` that must not reach the parser."""
    _check_characters(text, problems)
    _Scanner(text, problems).code(0, len(text))


def _check_characters(text: str, problems: Problems) -> None:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.isascii() and line.isprintable():
            continue
        for column, character in enumerate(line, start=1):
            if character in _TURNING or (ord(character) < 32 and character != "\t") or ord(character) == 127:
                message = f"the character U+{ord(character):04X} is invisible and not allowed in source"
                problems.error(Place(number, column), Reason.ENCODING, message, "delete it, or write it as an escape")
                break


class _Scanner:
    """Walks over code, strings and f-strings of one text by the rules of CPython 3.11."""

    def __init__(self, text: str, problems: Problems) -> None:
        self._text = text
        self._problems = problems

    def code(self, start: int, end: int, brackets: int = 0) -> None:
        """Look at code between two positions; ``brackets`` are open already."""
        text = self._text
        position = word = start  # word: where the letters in front of a quote begin
        while position < end:
            character = text[position]
            if character in _QUOTES:
                position = word = self._string(text[word:position].lower(), position, end, brackets)
                continue
            if character == "#":
                position = word = self._line_end(position, end)
                continue
            if character in _OPENING:
                brackets += 1
                if brackets == BRACKETS_MAX + 1:
                    self._error(
                        position,
                        Reason.TOO_DEEP,
                        f"more than {BRACKETS_MAX} brackets are open here",
                        "give parts of the expression names",
                    )
            elif character in _CLOSING:
                brackets = max(0, brackets - 1)
            elif not character.isascii():
                position = word = self._foreign(position, end)
                continue
            position += 1
            if not (character.isalnum() or character == "_"):
                word = position

    def _string(self, prefix: str, quote: int, end: int, brackets: int) -> int:
        """Look at the string literal whose first quote stands at ``quote``; return where code goes on."""
        text = self._text
        prefix = prefix if prefix in _PREFIXES else ""
        mark = text[quote] * 3 if text.startswith(text[quote] * 3, quote, end) else text[quote]
        body = position = quote + len(mark)
        while position < end and not text.startswith(mark, position, end):
            if text[position] == "\n" and len(mark) == 1:
                break
            position += 2 if text[position] == "\\" else 1
        if not text.startswith(mark, position, end):
            # Since 3.12 an f-string may go on in the next line while a brace is open: 3.11 says as we do.
            self._error(quote, Reason.SYNTAX, "this text is not closed", f"put {mark} at its end")
            return min(position, end)
        if "r" not in prefix and "b" not in prefix:
            self._named_characters(body, position)
        if "f" in prefix:
            self._formatted(body, position, brackets)
        return position + len(mark)

    def _named_characters(self, start: int, end: int) -> None:
        position = start
        while position < end:
            if self._text.startswith("\\N", position, end):
                self._error(
                    position,
                    Reason.UNSUPPORTED,
                    "names of characters differ between versions of Python",
                    "write the character itself or its number: \\u6c49",
                )
            position += 2 if self._text[position] == "\\" else 1

    def _formatted(self, start: int, end: int, brackets: int) -> None:
        """Look at the inside of an f-string: the code between its braces."""
        text = self._text
        position = start
        while position < end:
            if text.startswith(("{{", "}}"), position, end):
                position += 2
            elif text[position] == "{":
                close = self._expression_end(position + 1, end)
                if close is None:
                    return
                self.code(position + 1, close, brackets + 1)
                position = close + 1
            else:
                position += 1

    def _expression_end(self, start: int, end: int) -> int | None:
        """Return where the expression in braces that begins at ``start`` ends; None after an error."""
        text = self._text
        nested = 0
        position = start
        while position < end:
            character = text[position]
            if character == "\\":
                self._error(
                    position,
                    Reason.UNSUPPORTED,
                    "Python 3.11 takes no backslash inside the braces of an f-string",
                    _NESTED_QUOTES,
                )
                return None
            if character == "#":
                self._error(
                    position,
                    Reason.UNSUPPORTED,
                    "Python 3.11 takes no comment inside the braces of an f-string",
                    _NESTED_QUOTES,
                )
                return None
            if character in _QUOTES:
                mark = character * 3 if text.startswith(character * 3, position, end) else character
                close = text.find(mark, position + len(mark), end)
                if close < 0:
                    break
                if "\\" in text[position:close]:
                    position = text.index("\\", position)
                    continue
                position = close + len(mark)
                continue
            if character in _OPENING:
                nested += 1
            elif character in _CLOSING and nested:
                nested -= 1
            elif character == "}" or (character == ":" and not nested):
                return position  # a colon begins a format specification, which is refused later
            position += 1
        self._error(
            start, Reason.UNSUPPORTED, "Python 3.11 ends this f-string before its braces are closed", _NESTED_QUOTES
        )
        return None

    def _foreign(self, position: int, end: int) -> int:
        """Refuse a run of characters outside of ASCII in code; return where it ends."""
        stop = position
        while stop < end and not self._text[stop].isascii():
            stop += 1
        run = self._text[position:stop]
        self._error(
            position,
            Reason.BAD_NAME,
            f"{run[:20]!r} stands outside of strings and comments",
            "identifiers and operators are ASCII; other characters belong in strings",
            length=len(run),
        )
        return stop

    def _line_end(self, position: int, end: int) -> int:
        stop = self._text.find("\n", position, end)
        return end if stop < 0 else stop

    def _error(self, position: int, reason: Reason, message: str, suggestion: str, *, length: int = 1) -> None:
        line = self._text.count("\n", 0, position) + 1
        column = position - (self._text.rfind("\n", 0, position) + 1) + 1
        self._problems.error(Place(line, column, length), reason, message, suggestion)
