"""M3: a NEW-VIEW of one VIEW-CHANGE less than a quorum."""

PATCHES = [
    (
        "consensus.views",
        "lead_view",
        "if len(same) < s.validators.quorum:",
        "if len(same) < s.validators.quorum - 1:",
    ),
    (
        "consensus.view_change",
        "check_content",
        "if len(senders) != validators.quorum or",
        "if len(senders) < validators.quorum - 1 or",
    ),
]
PROFILE = "lost_votes"
SEEDS = 20
