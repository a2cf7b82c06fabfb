"""M12: drop P-certificates at execution instead of at the seal certificate."""

MODULE = "consensus.sealing"
FUNCTION = "on_executed"
OLD = "s.executed = height"
NEW = "s.executed, slot.prepared, slot.prepared_digest = height, None, None"
PROFILE = "lost_votes"
SEEDS = 60
