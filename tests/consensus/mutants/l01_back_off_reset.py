"""L1: wait no longer in a later view, as if a NEW-VIEW were progress."""

MODULE = "consensus.patience"
FUNCTION = "back_off"
OLD = "return max(0, s.view - (sealed.pview if s.stable > s.anchor.height else 0))"
NEW = "return 0"
PROFILE = "impatient"
SEEDS = 4
