"""Offences of others: what is evidence, and reported once."""

from __future__ import annotations

from consensus.certificate import SealCert
from consensus.interface import ReportEvidence
from consensus.messages import Message, Prepare, PrepareCert, Seal, Type, encode_message
from consensus.state import State


def report(s: State, rule: str, offender: int, height: int, first: Message, second: Message) -> None:
    """Report an offence, once per rule, offender and epoch: the smaller encoding first, the same for all finders."""
    key = (rule, offender)
    if key in s.reported:
        return
    s.reported[key] = None
    one, two = sorted((encode_message(first), encode_message(second)))
    s.trace(rule, "evidence", height, f"validator {offender}")
    s.emit(ReportEvidence(rule, offender, one, two))


def compare_prepares(s: State, certificate: PrepareCert, digest: bytes) -> None:
    """Report whose PREPARE in a verified P-certificate for ``digest`` contradicts the one received here (K1).

    A voter that tells each replica only one thing is exposed by what these pass on.
    """
    epoch, view, height = certificate.header.epoch, certificate.view, certificate.header.height
    slot = s.slots.get(height)
    if slot is None:
        return
    members = certificate.prepares.members(len(s.validators))
    for member, signature in zip(members, certificate.prepares.signatures, strict=True):
        held = slot.voters.get((Type.PREPARE, view, member), digest)
        votes = slot.prepares.get((view, held), {})
        if held != digest and member in votes:
            first = Prepare(epoch, member, view, height, held, votes[member])
            report(s, "K1", member, height, first, Prepare(epoch, member, view, height, digest, signature))


def compare_seals(s: State, certificate: SealCert) -> None:
    """Report whose SEAL in a verified certificate contradicts the one received here (K3)."""
    epoch, height = certificate.epoch, certificate.height
    members = certificate.seals.members(len(s.validators))
    for member, signature in zip(members, certificate.seals.signatures, strict=True):
        for block_hash, votes in s.seals.get(height, {}).items():
            if block_hash != certificate.block_hash and member in votes:
                first = Seal(epoch, member, height, block_hash, votes[member])
                report(s, "K3", member, height, first, Seal(epoch, member, height, certificate.block_hash, signature))
