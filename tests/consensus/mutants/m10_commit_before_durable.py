"""M10: COMMIT before the P-certificate is durable."""

MODULE = "consensus.normal"
FUNCTION = "_certify"
OLD = "s.persist(RecordKind.PREPARED, encode(certificate.value()))"
NEW = "s.persist(RecordKind.PREPARED, encode(certificate.value()), sync=False)"
PROFILE = "swarm"
SEEDS = 60
