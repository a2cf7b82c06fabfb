"""Arguments of contract calls as words of a command line: read by the type that the ABI declares.

=====================  ==============================================================
type                   word
=====================  ==============================================================
int                    ``42``, ``-7``: decimal digits
bool                   ``true``, ``false``
str                    the word itself
bytes                  ``0x00ff``, or ``digest:FILE`` for the digest of a file
blob reference         as bytes
a state                its name
T | None               ``null``, or as T
list, tuple,           JSON: ``'["a", "b"]'``, ``'{"owner": "ab", "digest": "0x00"}'``;
dict, record           bytes in it are ``"0x…"``, large integers may be decimal strings
=====================  ==============================================================

A word ``name=value`` gives the parameter of that name. Without an ABI (``tx send``) a word is read as JSON if it is
JSON, as bytes if it begins with ``0x``, and as text otherwise. Keys of system contracts are bytes or text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from hanchain.crypto.content import digest_file
from hanchain.ledger.codec import Value
from hanchain.ledger.json_reader import Json, read_json
from hanchain.ledger.limits import TRANSACTION_BYTES_MAX
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.sdk.abi import Method
from hanchain.sdk.types import BOOL, BYTES, INT, NONE, STR, OptionalOf, Scalar, StateOf, Type, wrong
from hanchain.sdk.values import read_value

_DIGEST_OF: Final = "digest:"
_NAMED: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_WORDS: Final[dict[Type, dict[str, Any]]] = {NONE: {"null": None}, BOOL: {"true": True, "false": False}}
_SAYS: Final = {NONE: "null", BOOL: "true or false", INT: "an integer in decimal digits", STR: "text"}


def read_call(method: Method, words: Sequence[str]) -> tuple[Value, ...]:
    """Return the arguments of a call from the words of a command line; raise Rejection(bad_arguments).

    Words come by position first, then by name. A name that the method does not have is refused, since nobody takes
    back what a slip of the keyboard has stored; text that begins so is given by name: ``note=name=value``.
    """
    types = {parameter.name: parameter.type for parameter in method.parameters}
    given: list[object] = []
    named: dict[str, object] = {}
    for word in words:
        match = _NAMED.fullmatch(word)
        if match is not None and match[1] in types:
            if match[1] in named:
                raise Rejection(Reason.BAD_ARGUMENTS, f"{method.signature}: {match[1]} is given twice")
            named[match[1]] = read_word(types[match[1]], match[2], match[1])
        elif match is not None:
            said = f"{method.signature}: there is no parameter {match[1]!r}{_as_text(method, len(given), word)}"
            raise Rejection(Reason.BAD_ARGUMENTS, said)
        elif named:
            raise Rejection(Reason.BAD_ARGUMENTS, f"{method.signature}: {word!r} comes after arguments by name")
        elif len(given) == len(method.parameters):
            raise Rejection(
                Reason.BAD_ARGUMENTS, f"{method.signature}: {len(words)} arguments given, {len(types)} are taken"
            )
        else:
            parameter = method.parameters[len(given)]
            given.append(read_word(parameter.type, word, parameter.name))
    return method.arguments(given, named)


def _as_text(method: Method, position: int, word: str) -> str:
    """Return how to give a word with an equals sign where a parameter of text is next."""
    following = [parameter.name for parameter in method.parameters[position : position + 1] if parameter.type == STR]
    return f"; if it is text, write {following[0]}={word}" if following else ""


def read_word(kind: Type, word: str, what: str) -> Any:
    """Return the Python value of a type that a word stands for; raise Rejection(bad_arguments | not_found)."""
    if isinstance(kind, OptionalOf):
        return None if word == "null" else read_word(kind.of, word, what)
    if isinstance(kind, StateOf):
        return kind.from_json(word, what)
    if isinstance(kind, Scalar):
        return _read_scalar(kind, word, what)
    try:
        document = read_json(word.encode(errors="surrogateescape"), max_bytes=TRANSACTION_BYTES_MAX).value
    except Rejection as rejection:
        raise Rejection(Reason.BAD_ARGUMENTS, f"{what}: {kind.name} is given as JSON: {rejection.detail}") from None
    return kind.from_json(document, what)


def _read_scalar(kind: Scalar, word: str, what: str) -> Any:
    if kind in _WORDS:
        if word not in _WORDS[kind]:
            raise wrong(what, _SAYS[kind], word)
        return _WORDS[kind][word]
    if kind.kind is bytes and word.startswith(_DIGEST_OF):
        return kind.from_json("0x" + _digest(Path(word.removeprefix(_DIGEST_OF)), what).hex(), what)
    try:
        return kind.from_json(word, what)
    except Rejection:
        hint = f"{kind.name} (0x… or {_DIGEST_OF}FILE)" if kind.kind is bytes else _SAYS[kind]
        raise wrong(what, hint, word) from None


def _digest(path: Path, what: str) -> bytes:
    try:
        return digest_file(path)
    except OSError as error:
        raise Rejection(Reason.NOT_FOUND, f"{what}: {path}: {error.strerror}") from None


def read_system_key(word: str, what: str) -> Value:
    """Return a part of a key of a system contract: bytes after ``0x`` or of ``digest:FILE``, text otherwise.

    Those contracts have keys of text and bytes only, so that ``true`` and ``5`` are names like any other.
    """
    return read_untyped(word, what) if word.startswith(("0x", _DIGEST_OF)) else STR.to_value(word, what)


def read_untyped(word: str, what: str) -> Value:
    """Return the ledger's value that a word stands for where no type is declared; raise Rejection(bad_arguments)."""
    if word.startswith(_DIGEST_OF):
        return _digest(Path(word.removeprefix(_DIGEST_OF)), what)
    if word.startswith("0x"):
        return BYTES.to_value(BYTES.from_json(word, what), what)
    try:
        document = read_json(word.encode(errors="surrogateescape"), max_bytes=TRANSACTION_BYTES_MAX)
    except Rejection:
        return STR.to_value(word, what)
    if isinstance(document.value, str):  # in quotes: text whatever it looks like
        return STR.to_value(document.value, what)
    if type(document.value) is int:
        return INT.to_value(document.value, what)
    try:
        return read_value(Json(document.value, what))
    except Rejection as rejection:
        raise Rejection(Reason.BAD_ARGUMENTS, rejection.detail) from None
