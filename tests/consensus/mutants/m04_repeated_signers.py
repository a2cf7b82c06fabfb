"""M4: count a VIEW-CHANGE as often as a NEW-VIEW repeats it."""

PATCHES = [("consensus.view_change", "check_content", "or senders != sorted(set(senders)):", ":")]
PROFILE = "swarm"
BYZANTINE = ("leader_lull", "repeat_change")
SEEDS = 20
