"""L7: start the NEW-VIEW timer at the own VIEW-CHANGE instead of at q of them."""

MODULE = "consensus.views"
FUNCTION = "check_changes"
OLD = "if s.new_view_deadline_ms is None and at_least >= s.validators.quorum:"
NEW = "if s.new_view_deadline_ms is None:"
PROFILE = "swarm"
SEEDS = 60
