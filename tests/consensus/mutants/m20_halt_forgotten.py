"""M20: vote again after a restart although the state was found to be wrong."""

MODULE = "consensus.divergence"
FUNCTION = "halt"
OLD = "s.persist(RecordKind.HALTED, halt_payload(s))"
NEW = "pass"
PROFILE = "divergent"
SEEDS = 6
