"""JSON read strictly: RFC 8259 without what its readers disagree on.

Refused beyond the grammar: a name twice in one object, ``NaN`` and ``Infinity`` (Python's reader takes them), deep
nesting, integers of thousands of digits, invalid UTF-8 and lone surrogates.
"""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn, TypeAlias

from hanchain.api.limits import JSON_MARKS_MAX, JSON_NESTING_MAX
from hanchain.ledger.reasons import Reason, Rejection

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_MARKS: Final = ("[", "{", ":", ",")


def parse(data: bytes) -> Any:
    """Return the JSON value in ``data``; raise Rejection(malformed | oversized). The caller bounded the size."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Rejection(Reason.MALFORMED, f"invalid UTF-8 at byte {error.start}") from None
    return parse_text(text)


def parse_text(text: str) -> Any:
    """Return the JSON value in ``text``; raise Rejection(malformed | oversized) for anything else."""
    marks = sum(map(text.count, _MARKS))  # counting costs a hundredth of reading: those in strings count too
    if marks > JSON_MARKS_MAX:
        raise Rejection(Reason.OVERSIZED, f"{marks} brackets, colons and commas, at most {JSON_MARKS_MAX}")
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except RecursionError:
        raise Rejection(Reason.MALFORMED, f"nested deeper than {JSON_NESTING_MAX}") from None
    except json.JSONDecodeError as error:
        raise Rejection(Reason.MALFORMED, f"{error.msg} at character {error.pos}") from None
    except (
        ValueError
    ):  # Python reads integers of at most 4,300 digits; far smaller ones are refused where they are used
        raise Rejection(Reason.MALFORMED, "a number of thousands of digits") from None
    if "\\u" in text:  # only an escape can make a lone surrogate of valid UTF-8
        _check_surrogates(value)
    _check_nesting(value)
    return value


def dump(value: object) -> bytes:
    """Return ``value`` as compact ASCII JSON."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) == len(pairs):
        return held
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            break
        seen.add(name)
    raise Rejection(Reason.MALFORMED, f"the name {name[:64]!a} stands twice in one object")


def _constant(name: str) -> NoReturn:
    raise Rejection(Reason.MALFORMED, f"{name} is not JSON")


def _check_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise Rejection(Reason.MALFORMED, "a lone surrogate (half of a \\u pair)") from None


def _check_nesting(value: object) -> None:
    level = [value]
    for _ in range(JSON_NESTING_MAX):
        level = [
            item
            for holder in level
            if isinstance(holder, list | dict)
            for item in (holder.values() if isinstance(holder, dict) else holder)
            if isinstance(item, list | dict)
        ]
        if not level:
            return
    raise Rejection(Reason.MALFORMED, f"nested deeper than {JSON_NESTING_MAX}")
