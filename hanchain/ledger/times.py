"""Times of blocks for people: milliseconds since 1970 as a date of UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_of(time_ms: int) -> str:
    """Return a time as in ``2026-01-01T00:00:01.000Z``; the calendar ends with the year 9999."""
    try:
        moment = _EPOCH + timedelta(milliseconds=time_ms)  # not fromtimestamp: a float rounds, and fails by platform
    except OverflowError:
        return "after the year 9999"
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
