"""L14: let a leader leave out whom it likes, as long as it orders something."""

MODULE = "consensus.timers"
FUNCTION = "on_censored"
OLD = "complain(s, Complaint.CENSORED)"
NEW = "pass"
PROFILE = "censor"
SEEDS = 6
