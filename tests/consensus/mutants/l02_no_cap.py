"""L2: double the time-out without a cap."""

MODULE = "consensus.patience"
FUNCTION = "timeout_ms"
OLD = "return min(s.settings.timeout_max_ms, base_ms(s) << min(back_off(s), _DOUBLINGS_MAX))"
NEW = "return base_ms(s) << min(back_off(s), _DOUBLINGS_MAX)"
PROFILE = "outage"
SEEDS = 10
