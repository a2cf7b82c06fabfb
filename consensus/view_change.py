"""The pure part of the view change: validity of a VIEW-CHANGE and the selection that everyone recomputes (section 5).

No state and no effects: the same functions judge a peer's NEW-VIEW and build one's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consensus.certificate import SealCert, ValidatorSet
from consensus.crypto import Context
from consensus.fields import Reason, Rejection
from consensus.interface import SealedBlock
from consensus.messages import NewView, PrepareCert, Type, ViewChange, vote_body


@dataclass(frozen=True, slots=True)
class Forced:
    """One re-proposal of a NEW-VIEW."""

    height: int
    digest: bytes
    certificate: PrepareCert


def check_change(
    change: ViewChange, validators: ValidatorSet, context: Context, anchor: SealedBlock, window: int
) -> None:
    """Raise Rejection unless the VIEW-CHANGE obeys V1-V7 (V8, the sizes, is judged by the decoder)."""
    if change.epoch != validators.epoch or not 0 <= change.sender < len(validators):
        raise Rejection(Reason.NOT_A_MEMBER, f"V1: validator {change.sender} in epoch {change.epoch}")
    if change.new_view < 1:
        raise Rejection(Reason.BAD_VIEW_CHANGE, "V2: new view 0")
    signing_input = context.signing_input(Type.VIEW_CHANGE, change.epoch, change.body())
    if not context.verify(validators.public_keys[change.sender], signing_input, change.signature):
        raise Rejection(Reason.BAD_SIGNATURE, "V1: VIEW-CHANGE")
    if change.stable is None:
        if change.stable_height != anchor.height:
            raise Rejection(Reason.BAD_VIEW_CHANGE, f"V3: stable height {change.stable_height} without certificate")
    else:
        if change.stable.height != change.stable_height or change.stable_height <= anchor.height:
            raise Rejection(Reason.BAD_VIEW_CHANGE, f"V3: certificate of {change.stable.height}")
        change.stable.verify(validators, context)
    last = change.stable_height
    for certificate in change.prepared:
        height = certificate.header.height  # V7: the header's height is the only one there is
        if not last < height <= change.stable_height + window:
            raise Rejection(Reason.BAD_VIEW_CHANGE, f"V4: P-certificate at {height} after {last}")
        if certificate.view >= change.new_view:
            raise Rejection(Reason.BAD_VIEW_CHANGE, f"V6: P-certificate of view {certificate.view}")
        check_prepared(certificate, validators, context)
        last = height


def check_prepared(certificate: PrepareCert, validators: ValidatorSet, context: Context) -> None:
    """Raise Rejection unless q distinct members signed PREPARE for exactly this header in this view (V5)."""
    header = certificate.header
    if header.epoch != validators.epoch or header.chain_id != context.chain_id:
        raise Rejection(Reason.BAD_CERTIFICATE, "V5: header of another epoch or chain")
    body = vote_body(certificate.view, header.height, header.digest(context))
    certificate.prepares.check(context.signing_input(Type.PREPARE, header.epoch, body), validators, context)


def base_of(changes: Sequence[ViewChange]) -> ViewChange:
    """Return the VIEW-CHANGE with the highest stable height: its certificate proves the base, nothing is counted."""
    return max(changes, key=lambda c: (c.stable_height, -c.sender))


def select(changes: Sequence[ViewChange], base_digest: bytes, window: int, context: Context) -> list[Forced]:
    """Return what the VIEW-CHANGEs force: per height the highest view, ascending, cut where the parent link breaks.

    ``base_digest`` is the proposal digest of the block at the base.
    """
    base, parent = base_of(changes).stable_height, base_digest
    forced: list[Forced] = []
    for height in range(base + 1, base + window + 1):
        found = [p for c in changes for p in c.prepared if p.header.height == height]
        if not found:
            break
        view = max(p.view for p in found)
        # Two digests in one view would need f + 1 double votes; the smaller one keeps the choice deterministic.
        digest, best = min(((p.header.digest(context), p) for p in found if p.view == view), key=lambda pair: pair[0])
        if best.header.parent != parent:
            break
        forced.append(Forced(height, digest, best))
        parent = digest
    return forced


def check_author(new_view: NewView, validators: ValidatorSet, context: Context) -> None:
    """Raise Rejection unless the leader of its view signed the NEW-VIEW (N1): only then is its content the leader's."""
    if new_view.view < 1 or new_view.sender != validators.leader(new_view.view):
        raise Rejection(Reason.WRONG_SENDER, f"N1: validator {new_view.sender} does not lead view {new_view.view}")
    signing_input = context.signing_input(Type.NEW_VIEW, new_view.epoch, new_view.body())
    if not context.verify(validators.public_keys[new_view.sender], signing_input, new_view.signature):
        raise Rejection(Reason.BAD_SIGNATURE, "N1: NEW-VIEW")


def check_content(
    new_view: NewView, validators: ValidatorSet, context: Context, anchor: SealedBlock, window: int
) -> SealCert | None:
    """Return the certificate of its base; raise Rejection unless the content obeys N2 and N3 (N4 needs the base block).

    Called after ``check_author``: what is wrong here, its leader signed.
    """
    senders = [c.sender for c in new_view.changes]
    if len(senders) != validators.quorum or senders != sorted(set(senders)):
        raise Rejection(Reason.BAD_NEW_VIEW, f"N2: view changes of {senders}, {validators.quorum} distinct needed")
    for change in new_view.changes:
        if change.new_view != new_view.view:
            raise Rejection(Reason.BAD_NEW_VIEW, f"N2: a view change to {change.new_view}")
        check_change(change, validators, context, anchor, window)
    best = base_of(new_view.changes)
    if new_view.base != best.stable_height:
        raise Rejection(Reason.BAD_NEW_VIEW, f"N3: base {new_view.base}, recomputed {best.stable_height}")
    return best.stable
