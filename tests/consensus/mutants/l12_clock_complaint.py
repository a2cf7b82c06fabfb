"""L12: complain at once about a time that does not fit the own clock, which may be the wrong one."""

MODULE = "consensus.normal"
FUNCTION = "_accept"
OLD = "not _timely(s, slot, header, digest, parent_ms):\n        return"
NEW = "not _timely(s, slot, header, digest, parent_ms):\n        complain(s, Complaint.BAD_PROPOSAL)\n        return"
PROFILE = "wrong_clock"
SEEDS = 30
