"""M9: COMMIT a height although a lower one was not committed."""

MODULE = "consensus.normal"
FUNCTION = "_commit"
OLD = "if slot.decided is None and height not in s.chain:\n                return"
NEW = "continue"
PROFILE = "lost_votes"
SEEDS = 60
