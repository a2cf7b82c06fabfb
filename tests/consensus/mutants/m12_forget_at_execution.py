"""M12: show no P-certificate of what was executed, though it is not sealed yet."""

PATCHES = [
    (
        "consensus.views",
        "move",
        "height <= s.stable + s.settings.window",
        "s.executed < height <= s.stable + s.settings.window",
    ),
]
PROFILE = "lost_votes"
SEEDS = 200
