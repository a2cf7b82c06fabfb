"""M5: believe the leader's forced list instead of recomputing it."""

MODULE = "consensus.views"
FUNCTION = "resume_new_view"
OLD = "if s.chain.get(message.base) is not None and tuple(f.digest for f in forced) != message.forced:"
NEW = "forced = [f for f in forced if f.digest in message.forced]\n    if False:"
PROFILE = "lying_leader"
SEEDS = 60
