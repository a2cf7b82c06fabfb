"""L4: judge the time of forced proposals again, which are as old as the view change made them."""

PATCHES = [
    (
        "consensus.normal",
        "_prepare",
        "if digest not in slot.bodies:",
        (
            "if height <= s.floor and s.clock_ms > slot.headers[digest].timestamp_ms + limits.MESSAGE_DELAY_MS:\n"
            "        return\n"
            "    if digest not in slot.bodies:"
        ),
    ),
]
PROFILE = "lost_votes"
SEEDS = 60
