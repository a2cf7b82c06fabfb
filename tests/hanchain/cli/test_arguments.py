"""Words of a command line become arguments by the types that a contract declares."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from hanchain.cli.arguments import read_call, read_system_key, read_untyped, read_word
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.sdk.abi import Method, MethodKind, Parameter
from hanchain.sdk.types import BLOB, BOOL, BYTES, INT, NONE, STR, DictOf, ListOf, OptionalOf, RecordOf, StateOf, TupleOf

ITEM = RecordOf("Item", (("owner", STR), ("digest", BYTES)))
PHASE = StateOf("Phase", ("draft", "issued"))
DEPOSIT = Method(
    "deposit",
    MethodKind.EXPORT,
    (
        Parameter("digest", BYTES),
        Parameter("note", STR),
        Parameter("copies", INT, optional=True, default=1),
        Parameter("open", OptionalOf(BOOL), optional=True),
    ),
    NONE,
)


@pytest.mark.parametrize(
    ("kind", "word", "native"),
    [
        (INT, "42", 42),
        (INT, "-7", -7),
        (INT, str(2**200), 2**200),
        (BOOL, "true", True),
        (STR, "汉链 = 0x00", "汉链 = 0x00"),
        (STR, "", ""),
        (BYTES, "0x00fF", b"\x00\xff"),
        (BLOB, "0x" + "ab" * 32, b"\xab" * 32),
        (NONE, "null", None),
        (OptionalOf(INT), "null", None),
        (OptionalOf(INT), "5", 5),
        (PHASE, "issued", "issued"),
        (ListOf(BYTES), '["0x01", "0x02"]', [b"\x01", b"\x02"]),
        (ListOf(INT), f'[1, "{2**64}"]', [1, 2**64]),
        (TupleOf((INT, STR)), '[1, "a"]', (1, "a")),
        (DictOf(STR, INT), '{"a": 1}', {"a": 1}),
        (ITEM, '{"owner": "ab", "digest": "0x01"}', {"owner": "ab", "digest": b"\x01"}),
    ],
)
def test_a_word_is_read_by_its_type(kind: object, word: str, native: object) -> None:
    """The same word means what the declared type makes of it."""
    assert read_word(kind, word, "x") == native


@pytest.mark.parametrize(
    ("kind", "word", "words"),
    [
        (INT, "0x10", "x: an integer in decimal digits expected, not '0x10'"),
        (INT, "1.5", "x: an integer in decimal digits expected, not '1.5'"),
        (INT, str(2**255), "x: an integer in decimal digits expected, not '5789"),
        (BOOL, "yes", "x: true or false expected, not 'yes'"),
        (NONE, "", "x: null expected, not ''"),
        (BYTES, "00ff", "x: bytes (0x… or digest:FILE) expected, not '00ff'"),
        (BYTES, "0xabc", "x: bytes (0x… or digest:FILE) expected, not '0xabc'"),
        (BLOB, "0x00", "x: BlobRef (0x… or digest:FILE) expected, not '0x00'"),
        (BYTES, "digest:missing.pdf", "x: missing.pdf: No such file or directory"),
        (PHASE, "lost", "x: Phase, one of draft, issued, expected, not 'lost'"),
        (ListOf(INT), "1,2", "x: list[int] is given as JSON: not JSON"),
        (ListOf(INT), "[1.5]", "x: list[int] is given as JSON: not JSON: 1.5: only integers"),
        (ListOf(INT), '["a"]', "x[0]: int expected, not 'a'"),
        (ITEM, '{"owner": "ab"}', "x: the field digest of Item is missing"),
        (ITEM, '{"owner": "a", "owner": "b"}', "x: Item is given as JSON: not JSON: an object has a field twice"),
    ],
)
def test_a_word_of_another_form_is_refused_in_a_sentence(kind: object, word: str, words: str) -> None:
    """The refusal says which argument, what was expected and what stood there."""
    with pytest.raises(Rejection) as caught:
        read_word(kind, word, "x")
    assert caught.value.detail[: len(words)] == words


def test_the_digest_of_a_file_is_taken_here(tmp_path: Path) -> None:
    """``digest:FILE`` is what ``sha256sum FILE`` prints; the content stays here."""
    path = tmp_path / "report.pdf"
    path.write_bytes(b"content")
    assert read_word(BYTES, f"digest:{path}", "x") == hashlib.sha256(b"content").digest()
    assert read_untyped(f"digest:{path}", "x") == hashlib.sha256(b"content").digest()
    assert read_word(STR, f"digest:{path}", "x") == f"digest:{path}"


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (["0x01", "a"], (b"\x01", "a", 1, None)),
        (["0x01", "a", "2", "false"], (b"\x01", "a", 2, False)),
        (["0x01", "note=b", "open=true"], (b"\x01", "b", 1, True)),
        (["note=b", "digest=0x01"], (b"\x01", "b", 1, None)),
        (["0x01", "note=x=y"], (b"\x01", "x=y", 1, None)),
        (["0x01", "https://a.b/?x=y"], (b"\x01", "https://a.b/?x=y", 1, None)),
        (["0x01", "note=note=a"], (b"\x01", "note=a", 1, None)),
    ],
)
def test_arguments_come_by_position_and_by_name(words: list[str], arguments: tuple[object, ...]) -> None:
    """Defaults fill what is left out, and an equals sign within text is no name."""
    assert read_call(DEPOSIT, words) == arguments


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "the argument digest (bytes) is missing"),
        (["0x01"], "the argument note (str) is missing"),
        (["0x01", "a", "1", "true", "more"], "5 arguments given, 4 are taken"),
        (
            ["0x01", "nota=a"],
            "there is no parameter 'nota'; if it is text, write note=nota=a",
        ),
        (["note=a", "0x01"], "'0x01' comes after arguments by name"),
        (["note=a", "note=b"], "note is given twice"),
        (["0x01", "a", "digest=0x02"], "digest is given twice"),
    ],
)
def test_a_wrong_number_of_words_is_refused_with_the_signature(words: list[str], said: str) -> None:
    """Whoever forgot an argument sees the whole signature."""
    with pytest.raises(Rejection) as caught:
        read_call(DEPOSIT, words)
    assert caught.value.reason is Reason.BAD_ARGUMENTS
    assert caught.value.detail.startswith(
        "deposit(digest: bytes, note: str, copies: int = 1, open: bool | None = null)"
    )
    assert said in caught.value.detail


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("5", 5),
        (str(2**100), 2**100),
        ("true", True),
        ("null", None),
        ("text", "text"),
        ("", ""),
        ('"5"', "5"),
        ('"0x00"', "0x00"),
        ("0x00", b"\x00"),
        ('[1, "0x00", {"text": "0x00"}]', (1, b"\x00", "0x00")),
        (f'{{"integer": "{2**64}"}}', 2**64),
        ("{not json", "{not json"),
    ],
)
def test_a_word_without_a_type_means_what_it_looks_like(word: str, value: object) -> None:
    """JSON if it is JSON, bytes after 0x, text otherwise; quotes make text of anything."""
    read = read_untyped(word, "x")
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("word", ["0x0", "0xzz", '{"a": 1}', '[{"a": 1}]', str(2**255)])
def test_an_untyped_word_that_stands_for_nothing_is_refused(word: str) -> None:
    """Half bytes, objects without meaning and too large numbers are errors, not text."""
    with pytest.raises(Rejection) as caught:
        read_untyped(word, "x")
    assert caught.value.reason is Reason.BAD_ARGUMENTS


@pytest.mark.parametrize(
    ("word", "value"),
    [("true", "true"), ("5", "5"), ("null", "null"), ("evidence", "evidence"), ('"a"', '"a"'), ("0x00ff", b"\x00\xff")],
)
def test_a_key_of_a_system_contract_is_bytes_or_text(word: str, value: object) -> None:
    """No word is read as another kind of value, under which nothing could be stored: its absence would say nothing."""
    assert read_system_key(word, "key 1") == value
