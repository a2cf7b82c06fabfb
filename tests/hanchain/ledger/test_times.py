"""Times of blocks as people read them."""

from __future__ import annotations

import pytest

from hanchain.ledger.limits import TIME_MS_MAX
from hanchain.ledger.times import utc_of


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_767_225_601_009, "2026-01-01T00:00:01.009Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "after the year 9999"),
        (TIME_MS_MAX, "after the year 9999"),
    ],
)
def test_every_time_that_a_header_may_have_can_be_shown(time_ms: int, text: str) -> None:
    """To the millisecond, and without failing on times that no calendar of the library has."""
    assert utc_of(time_ms) == text
