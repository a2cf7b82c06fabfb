"""M14: restart without the votes in the log."""

MODULE = "consensus.restore"
FUNCTION = "_restore_record"
OLD = "s.safety.restore_vote(value)"
NEW = "pass"
PROFILE = "swarm"
SEEDS = 60
