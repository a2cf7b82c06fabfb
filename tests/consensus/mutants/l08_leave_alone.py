"""L8: leave a view on any single complaint instead of f + 1."""

MODULE = "consensus.views"
FUNCTION = "check_complaints"
OLD = "if len(who) >= s.validators.weak_quorum and"
NEW = "if who and"
PROFILE = "swarm"
SEEDS = 60
