"""M11: COMMIT in the view just left, when its P-certificate comes late."""

PATCHES = [
    ("consensus.normal", "advance", "if voting:\n            _commit(s, heights)", "_commit(s, heights)"),
    (
        "consensus.normal",
        "_commit",
        "slot.prepared is None or digest is None or slot.prepared.view != s.view:",
        "slot.prepared is None or digest is None:",
    ),
    (
        "consensus.normal",
        "_commit",
        "s.safety.commit(s.view, height, slot.prepared, digest)",
        "s.safety.commit(slot.prepared.view, height, slot.prepared, digest)",
    ),
    ("consensus.safety", "Safety._vote", "view == self.view,", "view <= self.view,"),
]
PROFILE = "swarm"
SEEDS = 60
