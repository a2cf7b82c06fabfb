"""M19: take the bytes beside a signed header for the body it commits to, if only their number is right."""

MODULE = "consensus.normal"
FUNCTION = "on_pre_prepare"
OLD = "if not s.body_matches(header, message.payload):"
NEW = "if len(message.payload) != header.body_bytes:"
PROFILE = "forger"
SEEDS = 20
