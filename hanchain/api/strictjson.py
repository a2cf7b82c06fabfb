"""JSON read strictly: RFC 8259 without what its readers disagree on.

Refused beyond the grammar: a name twice in one object, numbers that no integer of the ledger can be, ``NaN`` and
``Infinity`` (Python's reader takes them), deep nesting, invalid UTF-8 and lone surrogates.
"""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn, TypeAlias

from hanchain.api.limits import JSON_INTEGER_DIGITS_MAX, JSON_NESTING_MAX
from hanchain.ledger.reasons import Reason, Rejection

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_NUMBER_LENGTH_MAX: Final = JSON_INTEGER_DIGITS_MAX + 1  # and a sign


def parse(data: bytes) -> Any:
    """Return the JSON value in ``data``; raise Rejection(malformed) for anything else. The caller bounded the size."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Rejection(Reason.MALFORMED, f"invalid UTF-8 at byte {error.start}") from None
    return parse_text(text)


def parse_text(text: str) -> Any:
    """Return the JSON value in ``text``; raise Rejection(malformed) for anything else."""
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_fraction,
            parse_constant=_constant,
        )
    except RecursionError:
        raise Rejection(Reason.MALFORMED, f"nested deeper than {JSON_NESTING_MAX}") from None
    except json.JSONDecodeError as error:
        raise Rejection(Reason.MALFORMED, f"{error.msg} at character {error.pos}") from None
    if "\\u" in text:  # only an escape can make a lone surrogate of valid UTF-8
        _check_surrogates(value)
    _check_nesting(value)
    return value


def dump(value: object) -> bytes:
    """Return ``value`` as compact ASCII JSON."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held: dict[str, Any] = {}
    for name, value in pairs:
        if name in held:
            raise Rejection(Reason.MALFORMED, f"the name {name[:64]!a} stands twice in one object")
        held[name] = value
    return held


def _integer(digits: str) -> int:
    if len(digits) > _NUMBER_LENGTH_MAX:
        raise Rejection(Reason.MALFORMED, f"a number of {len(digits)} digits; the largest is 2^64 - 1")
    return int(digits)


def _fraction(digits: str) -> float:
    if len(digits) > 64:
        raise Rejection(Reason.MALFORMED, f"a number of {len(digits)} characters")
    return float(digits)


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
