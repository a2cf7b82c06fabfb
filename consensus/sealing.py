"""Execution results, seals and certificates; catching up with what others sealed (specification, P7-P9, section 12)."""

from __future__ import annotations

from consensus import limits
from consensus.certificate import SealCert, Signatures
from consensus.divergence import halt, note_results, watch_results
from consensus.faults import compare_seals, report
from consensus.fields import Reason, Rejection
from consensus.interface import CommitBlock, FetchBlocks, RecordKind, SealedBlock
from consensus.keyguard import look_at_seals
from consensus.messages import Complaint, Seal, Type, seal_body
from consensus.patience import note_sealed
from consensus.state import State


def on_seal(s: State, message: Seal) -> None:
    """Count a verified SEAL (P8)."""
    height = message.height
    if not s.stable < height <= s.stable + 2 * s.settings.window:
        return  # late, or from far ahead: no offence
    by_hash = s.seals.get(height, {})
    if message.sender in by_hash.get(message.block_hash, {}):
        return
    signing_input = s.context.signing_input(Type.SEAL, message.epoch, seal_body(height, message.block_hash))
    if not s.context.verify(s.validators.public_keys[message.sender], signing_input, message.signature):
        raise Rejection(Reason.BAD_SIGNATURE, "SEAL")
    for block_hash, votes in by_hash.items():
        if message.sender in votes:
            other = Seal(message.epoch, message.sender, height, block_hash, votes[message.sender])
            report(s, "K3", message.sender, height, other, message)
            return
    s.seals.setdefault(height, {}).setdefault(message.block_hash, {})[message.sender] = message.signature
    count_seals(s, height)


def on_executed(s: State, height: int, block_hash: bytes) -> None:
    """Record the result of an own decision and sign SEAL over it (P7 (d))."""
    if height <= s.executed:
        return
    assert height == s.executed + 1, "execution answers in height order"
    slot = s.slots[height]
    assert slot.decided is not None, "only decisions are executed"
    header = slot.headers[slot.decided]
    s.chain[height] = SealedBlock(height, block_hash, slot.decided, header.timestamp_ms, header.pview)
    s.executed = height
    s.trace("P7", "executed", height, block_hash.hex()[:8])
    sign_seals(s)
    count_seals(s, height)
    if s.target is not None and s.target.height <= s.executed:
        adopt_certificate(s, s.target)


def sign_seals(s: State) -> None:
    """Sign and send SEAL for every executed height above the stable one, as far as the watermarks reach (P7 (d)).

    Also for blocks that others sealed and this replica caught up with: it executed them, and after a crash of several
    replicas their certificates may be gone, while the seals of all are needed to make them again.
    """
    if s.halted is not None:
        return
    for height in range(s.stable + 1, min(s.executed, s.stable + 2 * s.settings.window) + 1):
        block_hash = s.chain[height].block_hash
        votes = s.seals.setdefault(height, {}).setdefault(block_hash, {})
        if s.index not in votes:
            message = s.safety.seal(height, block_hash)
            votes[s.index] = message.signature
            s.broadcast(message)


def on_synced(s: State, block: SealedBlock, certificate: SealCert | None) -> None:
    """Take a block that others sealed and the shell verified, executed and stored."""
    if block.height == s.executed + 1:
        s.chain[block.height] = block
        s.executed = block.height
        s.execute_next = max(s.execute_next, block.height + 1)
        s.trace("R5", "synced", block.height)
    if certificate is not None:
        adopt_certificate(s, certificate)
    if s.target is not None and s.target.height <= s.executed:
        adopt_certificate(s, s.target)
    seal_executed(s)


def seal_executed(s: State) -> None:
    """Sign every executed height, and form the certificates that only this replica's seal lacked (P8)."""
    sign_seals(s)
    before = None
    while s.stable != before:  # the watermarks move along with what is formed
        before = s.stable
        for height in sorted((h for h in s.seals if h <= s.executed), reverse=True):
            count_seals(s, height)


def count_seals(s: State, height: int) -> None:
    """Form a SealCert at q equal seals (P8); f + 1 seals against this replica's own result halt it (P9)."""
    for block_hash, votes in list(s.seals.get(height, {}).items()):
        own = s.chain.get(height)
        if own is not None and own.block_hash != block_hash and len(votes) >= s.validators.weak_quorum:
            halt(s, f"P9: {len(votes)} validators sealed another result at height {height}")
        if len(votes) >= s.validators.quorum:
            seals = Signatures.collect(votes, s.validators)
            adopt_certificate(s, SealCert(s.validators.epoch, height, block_hash, seals))
    watch_results(s)


def on_certificate(s: State, certificate: SealCert) -> None:
    """Take a SealCert from anybody: it verifies itself, and shows who sealed something else before (K3)."""
    height = certificate.height
    if height <= s.stable:
        return
    certificate.verify(s.validators, s.context)
    compare_seals(s, certificate)
    adopt_certificate(s, certificate)


def adopt_certificate(s: State, certificate: SealCert) -> None:
    """Make a verified certificate the stable one, or the target to catch up to."""
    height = certificate.height
    if height <= s.stable:
        return
    if height > s.executed:
        look_at_seals(s, certificate)
        if s.target is None or height > s.target.height:
            s.target, s.target_ms = certificate, s.now_ms
        return
    if s.chain[height].block_hash != certificate.block_hash:
        halt(s, f"P9: the certified result at height {height} is not mine")
        return
    note_sealed(s, height)
    s.stable, s.certificate = height, certificate
    s.persist(RecordKind.SEALED, certificate.encode(), sync=False)
    s.emit(CommitBlock(certificate))
    s.safety.sealed(certificate)
    if s.target is not None and s.target.height <= height:
        s.target = None
    for gone in [h for h in s.slots if h <= height]:
        del s.slots[gone]
    for gone in [h for h in s.seals if h <= height]:
        del s.seals[gone]
    for gone in [h for h in s.chain if h < height - limits.CHAIN_KEPT and h != s.anchor.height]:
        del s.chain[gone]
    for digest in [d for d, f in s.fetches.items() if f.height <= height]:
        del s.fetches[digest]
    s.served.clear()
    s.progress_since_ms = s.now_ms if s.progress_since_ms is not None else None
    if s.complaining != Complaint.CENSORED:
        s.complaining = None  # other blocks are no amends for what is left out
    s.complaints.pop(s.index, None)
    sign_seals(s)
    note_results(s, grown=True)
    s.trace("P8", "sealed", height, certificate.block_hash.hex()[:8])


def fetch_blocks(s: State) -> None:
    """Ask for blocks up to the target when they will not come by deciding here (section 12)."""
    if s.target is None or s.target.height < s.execute_next or s.fetching_to >= s.target.height:
        return
    if s.halted is not None:
        return  # on top of what is wrong here nothing of others fits
    far = s.target.height > s.stable + s.settings.window
    if far or s.now_ms - s.target_ms >= s.settings.timeout_ms // 8:
        s.fetching_to = s.target.height
        s.trace("R5", "fetch blocks", s.target.height, f"from {s.executed + 1}")
        s.emit(FetchBlocks(s.executed + 1, s.target))
