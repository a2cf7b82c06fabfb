"""L13: hold a leader responsible for a NEW-VIEW that it did not sign."""

MODULE = "consensus.views"
FUNCTION = "on_new_view"
OLD = "check_author(message, s.validators, s.context)\n    try:"
NEW = "try:\n        check_author(message, s.validators, s.context)"
PROFILE = "forger"
SEEDS = 20
