"""L5: send a VIEW-CHANGE once, not again until its view starts, nor to who comes back."""

PATCHES = [
    ("consensus.timers", "_resend", "s.broadcast(s.own_change)", "pass"),
    ("consensus.status", "on_status", "s.send(peer, s.own_change)", "pass"),
]
PROFILE = "swarm"
SEEDS = 60
