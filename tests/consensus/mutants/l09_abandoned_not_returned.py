"""L9: take transactions out of the pool when a proposal holds them, and never put those of an abandoned one back."""

PATCHES = [
    (
        "consensus.simulation.node",
        "Node._validate",
        "included = self.pool.included",
        (
            "included = self.pool.included\n"
            "    for identifier in application.transactions(effect.body):\n"
            "        self.pool.waiting.pop(identifier, None)\n"
            "        self.pool.taken.add(identifier)"
        ),
    ),
    ("consensus.simulation.node", "Node._traced", "self.pool.taken.clear()", "pass"),
    (
        "consensus.simulation.pool",
        "Pool.admit",
        "if i not in self.waiting and i not in self.included",
        "if i not in self.waiting and i not in self.included and i not in self.taken",
    ),
]
PROFILE = "lost_votes"
SEEDS = 20
