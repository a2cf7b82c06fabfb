"""What is the same for every block of an epoch."""

from __future__ import annotations

from dataclasses import dataclass

from hanchain.crypto import Suite
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.parameters import Parameters
from hanchain.ledger.system import accounts, anchor, contracts
from hanchain.ledger.system.registry import Registry


@dataclass(frozen=True, slots=True)
class Rules:
    """Suite, chain, parameters and system contracts, and what headers say of them."""

    suite: Suite
    chain_id: bytes
    validators_hash: bytes
    parameters: Parameters
    parameters_hash: bytes
    registry: Registry


def system_registry() -> Registry:
    """Return the system contracts of this version of the protocol."""
    return Registry((accounts.CONTRACT, anchor.CONTRACT, contracts.CONTRACT))


def rules_of(genesis: Genesis, registry: Registry | None = None) -> Rules:
    """Return the rules of a network's first epoch."""
    return Rules(
        suite=genesis.suite,
        chain_id=genesis.chain_id,
        validators_hash=genesis.validators_hash,
        parameters=genesis.parameters,
        parameters_hash=genesis.parameters.hash(genesis.suite),
        registry=registry or system_registry(),
    )
