"""L6: catch up to the height of a certificate that was not verified."""

PATCHES = [("consensus.sealing", "on_certificate", "certificate.verify(s.validators, s.context)\n    ", "")]
PROFILE = "swarm"
BYZANTINE = ("forge_certificate",)
SEEDS = 20
