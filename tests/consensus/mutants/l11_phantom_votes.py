"""L11: count the votes of a single validator as pending work."""

MODULE = "consensus.timers"
FUNCTION = "_in_flight"
OLD = "len(votes) >= enough"
NEW = "votes"
PROFILE = "swarm"
SEEDS = 60
