"""M17: count seals over different blocks of one height together."""

PATCHES = [
    (
        "consensus.sealing",
        "count_seals",
        "if len(votes) >= s.validators.quorum:",
        (
            "votes = {sender: seal for some in s.seals.get(height, {}).values() for sender, seal in some.items()}\n"
            "        if len(votes) >= s.validators.quorum:"
        ),
    ),
]
PROFILE = "swarm"
BYZANTINE = ("double_seal",)
SEEDS = 20
