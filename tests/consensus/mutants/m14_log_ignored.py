"""M14: restart without the votes in the log."""

MODULE = "consensus.restore"
FUNCTION = "_restore_records"
OLD = "s.safety.restore_vote(value)"
NEW = "continue"
PROFILE = "swarm"
SEEDS = 60
