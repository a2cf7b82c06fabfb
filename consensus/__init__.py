"""PBFT as a pure, deterministic state machine: ``Replica.step(now_ms, event) -> effects``."""

from consensus.certificate import SealCert, ValidatorSet, faulty_max, quorum
from consensus.crypto import Context
from consensus.interface import Recovery, Settings
from consensus.replica import Replica, Snapshot

__all__ = ["Context", "Recovery", "Replica", "SealCert", "Settings", "Snapshot", "ValidatorSet", "faulty_max", "quorum"]
