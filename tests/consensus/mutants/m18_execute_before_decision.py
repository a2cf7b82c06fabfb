"""M18: execute what has a P-certificate, before its COMMITs are there."""

PATCHES = [
    (
        "consensus.normal",
        "_certify",
        "slot.prepared, slot.prepared_digest = certificate, digest",
        "slot.prepared, slot.prepared_digest, slot.decided = certificate, digest, slot.decided or digest",
    ),
]
PROFILE = "lost_votes"
SEEDS = 20
