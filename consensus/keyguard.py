"""R6: whoever signs with this replica's key elsewhere is found out by what others pass on, and stops this replica.

A second process with a copy of the key or of the disk votes for itself: each of the two keeps to the protocol, and
together they are one Byzantine validator. All that this replica ever signed is in its log (PREPARE) or follows from
blocks that were durable before (SEAL). So a certificate that carries its signature and that it cannot have signed is
proof; it is looked for in every verified certificate, at the start and later.
"""

from __future__ import annotations

from consensus.certificate import SealCert
from consensus.divergence import halt
from consensus.messages import PrepareCert, Type
from consensus.state import State

_MEANING = "its key is used elsewhere, or its disk is an old copy"


def look_at_seals(s: State, certificate: SealCert) -> None:
    """Halt when a verified certificate carries this replica's seal of a height that it has not executed."""
    if not s.guard_key or certificate.height <= s.executed:
        return
    if s.index in certificate.seals.members(len(s.validators)):
        here = f"height {s.executed} is the last one executed here"
        halt(
            s,
            f"R6: the certificate of height {certificate.height} carries this validator's seal, {here}: {_MEANING}",
            rule="R6",
        )


def look_at_prepares(s: State, certificate: PrepareCert, digest: bytes) -> None:
    """Halt when a verified P-certificate carries a PREPARE of this replica that is not in its log."""
    view, height = certificate.view, certificate.header.height
    if not s.guard_key or height <= s.stable or s.index not in certificate.prepares.members(len(s.validators)):
        return
    own = s.safety.voted(Type.PREPARE, view, height)
    if own is None or own[0] != digest:
        known = "another one" if own is not None else "none"
        where = f"a P-certificate of view {view}, height {height}"
        halt(s, f"R6: {where} carries a PREPARE of this validator, its log has {known}: {_MEANING}", rule="R6")
