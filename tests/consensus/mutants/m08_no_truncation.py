"""M8: force a proposal although its parent is not the one forced below it."""

MODULE = "consensus.view_change"
FUNCTION = "select"
OLD = "if best.header.parent != parent:"
NEW = "if False:"
PROFILE = "lost_votes"
SEEDS = 60
