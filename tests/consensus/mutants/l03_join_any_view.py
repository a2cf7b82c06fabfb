"""L3: join any single validator that is further on, instead of f + 1."""

PATCHES = [
    (
        "consensus.views",
        "check_changes",
        "if len(views) >= s.validators.weak_quorum and views[s.validators.weak_quorum - 1] > s.view:",
        "if views and views[0] > s.view:",
    ),
    ("consensus.views", "check_changes", 'f"view {views[s.validators.weak_quorum - 1]}"', "''"),
    ("consensus.views", "check_changes", "move(s, views[s.validators.weak_quorum - 1])", "move(s, views[0])"),
]
PROFILE = "swarm"
BYZANTINE = ("huge_view",)
SEEDS = 20
