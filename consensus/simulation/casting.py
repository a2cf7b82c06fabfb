"""Nodes for a run: who sits on which seat, with which key, how fast, and keeping to the protocol or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consensus.certificate import ValidatorSet
from consensus.crypto import Context
from consensus.interface import SealedBlock, Settings
from consensus.messages import ProposalHeader
from consensus.replica import Replica
from consensus.simulation import inspection
from consensus.simulation.adversary import Adversary, Seat
from consensus.simulation.behaviours import BEHAVIOURS
from consensus.simulation.checkers import Judges
from consensus.simulation.disk import Disk
from consensus.simulation.node import Host, Node, Traits
from consensus.simulation.suite import FakeSigner, FakeSuite


@dataclass(frozen=True, slots=True)
class Network:
    """Keys and parameters of one simulated network."""

    context: Context
    signers: tuple[FakeSigner, ...]
    validators: ValidatorSet
    anchor: SealedBlock
    settings: Settings
    suite: FakeSuite

    @staticmethod
    def found(name: str, size: int, settings: Settings) -> Network:
        """Return a network of ``size`` validators with keys of its own."""
        suite = FakeSuite()
        signers = tuple(suite.signer(f"{name}/{i}") for i in range(size))
        validators = ValidatorSet(0, tuple(signer.public_key for signer in signers))
        anchor = SealedBlock(0, suite.hash(b"genesis"), suite.hash(b"genesis proposal"), 0, 0)
        return Network(Context(suite, suite.hash(b"chain")), signers, validators, anchor, settings, suite)

    def judges(self, faulty: int) -> Judges:
        """Return judges who have seen nothing yet, of a run with so many faulty validators."""
        keys, window = self.validators.public_keys, self.settings.window
        return Judges(self.suite, self.context.chain_id, keys, window, self.anchor.proposal_digest, faulty)

    def replica(self, node: Node, kept_blocks: int) -> Replica:
        """Make a replica from a node's disk."""
        return Replica(
            context=Context(self.suite, self.context.chain_id),
            validators=self.validators,
            index=node.index,
            signer=self.signers[node.index],
            settings=self.settings,
            body_matches=self._body_matches,
            recovery=node.disk.recovery(kept_blocks),
            guard_key=node.guards_key,
        )

    def _body_matches(self, header: ProposalHeader, body: bytes) -> bool:
        return self.suite.hash(body) == header.tx_root


@dataclass(frozen=True, slots=True)
class Pace:
    """How one node differs from another in time (milliseconds)."""

    skew_ms: int = 0
    execution_ms: int = 1
    sync_ms: int = 0


def cast(
    host: Host,
    network: Network,
    judges: Judges,
    index: int,
    pace: Pace,
    *,
    byzantine: Mapping[int, tuple[str, ...]],
    twins: frozenset[int] = frozenset(),
) -> Node:
    """Return a node for validator ``index``: ``byzantine`` names behaviours, ``twins`` run the real code twice."""
    adversary = None
    if index in byzantine:
        seat = Seat(
            context=network.context,
            validators=network.validators,
            index=index,
            signer=network.signers[index],
            random=host.random,
            window=network.settings.window,
            timeout_ms=network.settings.timeout_ms,
            proposal_digest=lambda height: inspection.proposal_digest(node.replica, height),
        )
        adversary = Adversary(seat, tuple(BEHAVIOURS[name] for name in byzantine[index]))
    traits = Traits(
        index=index,
        peers=tuple(i for i in range(len(network.validators)) if i != index),
        skew_ms=pace.skew_ms,
        execution_ms=pace.execution_ms,
        sync_ms=pace.sync_ms,
        regossip_ms=network.settings.forward_ms,
        complain_ms=network.settings.complain_ms,
        faulty=frozenset(byzantine) | twins,
        adversary=adversary,
    )
    node = Node(host, traits, Disk(network.anchor), judges)
    return node  # named, since the seat looks into it
