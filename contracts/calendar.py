"""Dates of the proleptic Gregorian calendar, by arithmetic alone: no time zone tables, no clock of the host."""

from __future__ import annotations

import datetime as dt
from typing import Final

YEAR_MIN: Final = 1970
YEAR_MAX: Final = 9999
OFFSET_MINUTES_MAX: Final = 24 * 60  # from UTC, either way; the largest in use is 14 hours
DAY_MS: Final = 86_400_000
_EPOCH_DAY: Final = dt.date(1970, 1, 1).toordinal()
_DAYS: Final = dt.date.max.toordinal() - _EPOCH_DAY + 1


def civil_time(time_ms: int, offset_minutes: int) -> tuple[int, int, int, int, int, int] | None:
    """Return year, month, day, hour, minute and second at ``time_ms`` since 1970 UTC, ``offset_minutes`` east of it.

    None for a year outside of 1970 to 9999, or an offset of more than a day.
    """
    if not -OFFSET_MINUTES_MAX <= offset_minutes <= OFFSET_MINUTES_MAX:
        return None
    days, rest_ms = divmod(time_ms + offset_minutes * 60_000, DAY_MS)
    if not 0 <= days < _DAYS:
        return None
    day = dt.date.fromordinal(_EPOCH_DAY + days)
    seconds = rest_ms // 1000
    return day.year, day.month, day.day, seconds // 3600, seconds // 60 % 60, seconds % 60
