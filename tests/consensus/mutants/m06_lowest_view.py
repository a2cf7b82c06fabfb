"""M6: force the P-certificate of the lowest view instead of the highest."""

MODULE = "consensus.view_change"
FUNCTION = "select"
OLD = "view = max(p.view for p in found)"
NEW = "view = min(p.view for p in found)"
PROFILE = "lost_votes"
SEEDS = 60
