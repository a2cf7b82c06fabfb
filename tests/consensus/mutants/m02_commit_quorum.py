"""M2: decide with one COMMIT less than a quorum."""

MODULE = "consensus.normal"
FUNCTION = "_decide"
OLD = "if len(votes) < enough or"
NEW = "if len(votes) < enough - 1 or"
PROFILE = "lost_votes"
SEEDS = 60
