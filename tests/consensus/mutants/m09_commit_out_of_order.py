"""M9: COMMIT a height although a lower one was not committed."""

MODULE = "consensus.normal"
FUNCTION = "_commit"
OLD = "elif slot.decided is None:\n            return"
NEW = "else:\n            continue"
PROFILE = "lost_votes"
SEEDS = 60
