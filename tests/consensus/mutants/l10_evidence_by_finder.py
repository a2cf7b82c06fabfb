"""L10: evidence that differs with who found it and when (CVE-2021-21271)."""

PATCHES = [
    (
        "consensus.faults",
        "report",
        "one, two = sorted((encode_message(first), encode_message(second)))",
        "one, two = encode_message(first), encode_message(second)\n    if s.now_ms % 2:\n        one, two = two, one",
    ),
]
PROFILE = "swarm"
BYZANTINE = ("double_vote", "equivocate")
SEEDS = 20
