"""M1: a P-certificate of one PREPARE less than a quorum."""

PATCHES = [
    ("consensus.normal", "_certify", "enough = s.validators.quorum", "enough = s.validators.quorum - 1"),
    (
        "consensus.normal",
        "_decide",
        "len(slot.prepares.get((view, digest), {})) < enough",
        "len(slot.prepares.get((view, digest), {})) < enough - 1",
    ),
    (
        "consensus.certificate",
        "Signatures.collect",
        "assert len(members) == validators.quorum",
        "assert len(members) >= validators.quorum - 1",
    ),
    (
        "consensus.certificate",
        "Signatures.check",
        "if len(members) != validators.quorum or",
        "if len(members) < validators.quorum - 1 or",
    ),
]
PROFILE = "lost_votes"
SEEDS = 60
