"""M13: base a new view on the lowest stable height instead of the highest."""

MODULE = "consensus.view_change"
FUNCTION = "base_of"
OLD = "return max("
NEW = "return min("
PROFILE = "lying_leader"
SEEDS = 60
