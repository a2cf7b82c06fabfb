"""The normal case: PRE-PREPARE, PREPARE, COMMIT and decision (specification, section 4, P2-P6).

Every handler takes note of one input and calls ``advance``, which applies the rules to every height of the
window in ascending order until nothing changes.
"""

from __future__ import annotations

from consensus import limits
from consensus.certificate import Signatures
from consensus.codec import encode
from consensus.faults import compare_prepares, report
from consensus.fields import Reason, Rejection
from consensus.interface import Execute, RecordKind, Refused, Validate
from consensus.keyguard import look_at_prepares
from consensus.messages import Commit, Complaint, Prepare, PrepareCert, PrePrepare, ProposalHeader, Type, vote_body
from consensus.patience import back_off
from consensus.proposing import propose
from consensus.sealing import fetch_blocks
from consensus.state import Fetch, Slot, State
from consensus.status import ask_for_bodies
from consensus.views import complain

# -------------------------------------------------------------------------------------------------------------- input


def on_pre_prepare(s: State, message: PrePrepare) -> None:
    """Take note of a proposal of the current view (P2, the part that needs no state)."""
    header, height = message.header, message.header.height
    if message.sender != s.leader:
        raise Rejection(Reason.WRONG_SENDER, f"validator {message.sender} does not lead view {message.view}")
    if not s.stable < height <= s.stable + 2 * s.settings.window:
        return
    if header.chain_id != s.context.chain_id:
        raise Rejection(Reason.WRONG_CHAIN)
    if (header.epoch, header.pview, header.proposer) != (message.epoch, message.view, message.sender):
        raise Rejection(Reason.WRONG_HEADER, "epoch, view or proposer of the header")
    if len(message.payload) != header.body_bytes:
        raise Rejection(Reason.BAD_BODY, f"{len(message.payload)} bytes, the header says {header.body_bytes}")
    slot, digest = s.slot(height), header.digest(s.context)
    if slot.proposal is not None and slot.proposal.header == header:
        return
    body = vote_body(message.view, height, digest)
    signing_input = s.context.signing_input(Type.PRE_PREPARE, message.epoch, body)
    if not s.context.verify(s.validators.public_keys[message.sender], signing_input, message.signature):
        raise Rejection(Reason.BAD_SIGNATURE, "PRE-PREPARE")
    if slot.proposal is not None:
        report(s, "K2", message.sender, height, slot.proposal, message)
        return
    if height <= s.floor:
        raise Rejection(Reason.OUT_OF_WINDOW, f"height {height} was settled by the NEW-VIEW up to {s.floor}")
    # The signature covers the header only: whoever passed the message on may have put other bytes beside it.
    if not s.body_matches(header, message.payload):
        raise Rejection(Reason.BAD_BODY, "not the body that the header commits to")
    slot.proposal, slot.proposal_received_ms = message, s.clock_ms
    slot.headers[digest], slot.bodies[digest] = header, message.payload
    s.trace("P2", "proposal", height, digest.hex()[:8])


def on_prepare(s: State, message: Prepare) -> None:
    """Count a verified PREPARE (P4)."""
    if not _countable(s, message):
        return
    body = vote_body(message.view, message.height, message.digest)
    signing_input = s.context.signing_input(Type.PREPARE, message.epoch, body)
    slot = s.slot(message.height)
    held = slot.voters.get((Type.PREPARE, message.view, message.sender))
    if held == message.digest:
        return
    if not s.context.verify(s.validators.public_keys[message.sender], signing_input, message.signature):
        raise Rejection(Reason.BAD_SIGNATURE, "PREPARE")
    if held is not None:
        first = slot.prepares[message.view, held][message.sender]
        other = Prepare(message.epoch, message.sender, message.view, message.height, held, first)
        report(s, "K1", message.sender, message.height, other, message)
        return
    slot.voters[Type.PREPARE, message.view, message.sender] = message.digest
    slot.prepares.setdefault((message.view, message.digest), {})[message.sender] = message.signature


def on_prepare_certificate(s: State, certificate: PrepareCert) -> None:
    """Count the q PREPAREs of a relayed P-certificate: self-verifying, whoever sent it."""
    header = certificate.header
    if not s.stable < header.height <= s.stable + 2 * s.settings.window or certificate.view > s.view:
        return
    if header.epoch != s.validators.epoch or certificate.view < s.view - limits.VOTE_VIEWS_KEPT:
        return
    digest = header.digest(s.context)
    body = vote_body(certificate.view, header.height, digest)
    signing_input = s.context.signing_input(Type.PREPARE, header.epoch, body)
    members = certificate.prepares.check(signing_input, s.validators, s.context)
    compare_prepares(s, certificate, digest)
    look_at_prepares(s, certificate, digest)
    slot = s.slot(header.height)
    slot.headers[digest] = header
    tally = slot.prepares.setdefault((certificate.view, digest), {})
    for member, signature in zip(members, certificate.prepares.signatures, strict=True):
        slot.voters.setdefault((Type.PREPARE, certificate.view, member), digest)
        tally.setdefault(member, signature)


def on_commit(s: State, message: Commit) -> None:
    """Count a COMMIT: its link authenticates it, its signature is kept unverified for the ordered log (P6)."""
    if not _countable(s, message):
        return
    slot = s.slot(message.height)
    if slot.voters.setdefault((Type.COMMIT, message.view, message.sender), message.digest) != message.digest:
        raise Rejection(Reason.CONFLICT, "a second COMMIT for another digest")
    slot.commits.setdefault((message.view, message.digest), {})[message.sender] = message.signature


def _countable(s: State, message: Prepare | Commit) -> bool:
    """Whether a vote is within the watermarks: one that comes late, or from far ahead, is dropped, and no offence."""
    in_window = s.stable < message.height <= s.stable + 2 * s.settings.window
    return in_window and message.view >= s.view - limits.VOTE_VIEWS_KEPT


def on_validated(s: State, view: int, digest: bytes, refusal: str | None) -> None:
    """Take the shell's verdict on a body; the own proposal leaves only now."""
    slot = next((x for x in s.slots.values() if x.validating == digest), None)
    if slot is None or view != s.view or not s.active:
        return
    slot.validating = None
    if slot.proposal is None:  # the own one (P1)
        if refusal is not None:
            s.trace("P1", "own proposal refused", slot.height, refusal)
            s.emit(Refused(s.index, Reason.BAD_BODY, refusal))
            del slot.headers[digest], slot.bodies[digest]
            s.pool_dry_view = view  # the same batch would be refused again: wait for another pool, or another view
            return
        if not s.leading or slot.height in s.chain:
            return  # others sealed this height meanwhile
        message, record = s.safety.pre_prepare(view, slot.headers[digest], digest, slot.bodies[digest])
        slot.proposal, slot.proposal_received_ms, slot.valid = message, s.clock_ms, digest
        _persist_body(s, slot, digest)
        s.persist(record.kind, record.payload)
        s.broadcast(message)
        s.trace("P1", "proposed", slot.height, digest.hex()[:8])
        return
    if refusal is None:
        slot.valid = digest
        return
    if digest in (slot.accepted, slot.decided):
        return  # others settled it meanwhile, and the shell may have executed it before it looked
    slot.refused = True
    s.trace("P2", "refused", slot.height, refusal)
    s.emit(Refused(s.leader, Reason.BAD_BODY, refusal))
    complain(s, Complaint.BAD_PROPOSAL)


def on_body(s: State, header: ProposalHeader, body: bytes) -> None:
    """Take a body that was asked for, if it is the one that the digest commits to."""
    digest = header.digest(s.context)
    fetch = s.fetches.get(digest)
    if fetch is None:
        return  # two holders answered, or it came otherwise: no offence
    if header.height != fetch.height or len(body) != header.body_bytes or not s.body_matches(header, body):
        raise Rejection(Reason.BAD_BODY, f"not the body of height {fetch.height}")
    del s.fetches[digest]
    slot = s.slots.get(header.height)
    if slot is not None:
        slot.headers[digest], slot.bodies[digest] = header, body
        s.trace("P3", "body fetched", header.height, digest.hex()[:8])


# -------------------------------------------------------------------------------------------------------------- rules


def advance(s: State) -> None:
    """Apply the rules to every height of the window until nothing changes."""
    while True:
        before, voting = len(s.out), s.voting
        heights = range(s.stable + 1, s.stable + s.settings.window + 1)
        slots = [s.slots[height] for height in heights if height in s.slots]
        for slot in slots:
            if voting and slot.accepted is None:
                _accept(s, slot)
            if voting and slot.accepted is not None:
                _prepare(s, slot)
            _certify(s, slot)
        if voting:
            _commit(s, heights)
        for slot in slots:
            if slot.decided is None:
                _decide(s, slot)
        _execute(s)
        if len(s.out) == before:
            break
    propose(s)
    fetch_blocks(s)
    ask_for_bodies(s)


def _accept(s: State, slot: Slot) -> None:
    """P2: links, anchor, time and fresh-validity of the leader's proposal."""
    proposal, height = slot.proposal, slot.height
    if proposal is None or slot.refused or slot.validating is not None or height <= s.floor:
        return
    header = proposal.header
    if height in s.chain:  # executed: only the same proposal can be voted for, and it needs no judgement any more
        settled = s.chain[height].proposal_digest
        slot.accepted = settled if header.digest(s.context) == settled else None
        return
    parent, parent_ms = s.digest_at(height - 1), s.timestamp_at(height - 1)
    anchor_height = s.anchor_height(height)
    anchor = s.chain.get(anchor_height)
    if parent is None or parent_ms is None or anchor is None:
        return
    if header.parent != parent:
        return  # another chain: a P-certificate below may still change mine, else the timer speaks
    if (header.anchor_height, header.anchor_hash) != (anchor_height, anchor.block_hash):
        slot.refused = True
        s.trace("P2", "anchor differs", height)
        complain(s, Complaint.BAD_PROPOSAL)
        return
    digest = header.digest(s.context)
    if header.timestamp_ms <= parent_ms:
        slot.refused = True
        s.trace("P2", "time not above the parent's", height)
        complain(s, Complaint.BAD_PROPOSAL)
        return
    if s.leader != s.index and not _timely(s, slot, header, digest, parent_ms):
        return  # no complaint yet: the wrong clock may be mine, then others vote; else the progress timer speaks
    if slot.valid != digest:
        ancestors = s.ancestors(height)
        if ancestors is not None:
            slot.validating = digest
            slot.take_up(s.now_ms)
            s.emit(Validate(s.view, digest, header, slot.bodies[digest], ancestors))
        return
    slot.accepted = digest


def _timely(s: State, slot: Slot, header: ProposalHeader, digest: bytes, parent_ms: int) -> bool:
    """Section 10: the time is near this clock, or f + 1 others found it so."""
    received, precision = slot.proposal_received_ms, limits.CLOCK_PRECISION_MS
    steps = min(back_off(s), limits.MESSAGE_DELAY_STEPS_MAX)
    delay = s.settings.message_delay_ms * 3**steps // 2**steps
    # The least time above a parent's is never too late: one block stamped far ahead must not stop those that follow.
    latest = max(received + precision, parent_ms + 1)
    if received - delay - precision <= header.timestamp_ms <= latest:
        return True
    others = slot.prepares.get((s.view, digest), {})
    return len(others) - (s.index in others) >= s.validators.weak_quorum


def _prepare(s: State, slot: Slot) -> None:
    """P3: vote once, with the body durable."""
    digest, height = slot.accepted, slot.height
    assert digest is not None, "called for accepted slots"
    if s.safety.voted(Type.PREPARE, s.view, height) is not None:
        return
    if digest not in slot.bodies:
        want_body(s, slot, digest, ())
        return
    if s.anchor_height(height) > s.executed:
        return  # voting stays within the window of what was executed here
    if _settled_otherwise(s, height, digest):
        return
    message, record = s.safety.prepare(s.view, height, digest)
    _persist_body(s, slot, digest)
    s.persist(record.kind, record.payload)
    slot.voters[Type.PREPARE, s.view, s.index] = digest
    slot.prepares.setdefault((s.view, digest), {})[s.index] = message.signature
    s.broadcast(message)
    s.trace("P3", "prepare", height, digest.hex()[:8])


def _certify(s: State, slot: Slot) -> None:
    """P4: q PREPAREs of one ballot make a P-certificate, durable together with its body before it is used."""
    enough = s.validators.quorum
    for (view, digest), votes in list(slot.prepares.items()):
        if len(votes) < enough or view > s.view:
            continue
        if s.voting and view == s.view and slot.accepted != digest and slot.height > s.floor:
            slot.accepted = digest  # a P-certificate overrides the proposal that came first
            slot.take_up(s.now_ms)
        if slot.prepared is not None and slot.prepared.view >= view:
            continue
        if digest not in slot.headers or digest not in slot.bodies:
            want_body(s, slot, digest, tuple(sorted(votes)))
            continue
        certificate = PrepareCert(view, slot.headers[digest], Signatures.collect(votes, s.validators))
        _persist_body(s, slot, digest)
        s.persist(RecordKind.PREPARED, encode(certificate.value()))
        slot.prepared, slot.prepared_digest = certificate, digest
        s.trace("P4", "prepared", slot.height, digest.hex()[:8])


def _commit(s: State, heights: range) -> None:
    """P5: COMMIT in height order only; removing the order forks the chain."""
    for height in heights:
        slot = s.slots.get(height)
        if slot is None:
            if height not in s.chain:
                return
            continue
        if slot.committed_view == s.view:
            continue
        digest = slot.prepared_digest
        if slot.prepared is None or digest is None or slot.prepared.view != s.view:
            if slot.decided is None and height not in s.chain:
                return
        elif _settled_otherwise(s, height, digest):
            return
        else:
            message = s.safety.commit(s.view, height, slot.prepared, digest)
            slot.committed_view = s.view
            slot.voters[Type.COMMIT, s.view, s.index] = message.digest
            slot.commits.setdefault((s.view, message.digest), {})[s.index] = message.signature
            s.broadcast(message)
            s.trace("P5", "commit", height, message.digest.hex()[:8])


def _settled_otherwise(s: State, height: int, digest: bytes) -> bool:
    """Whether this replica executed another proposal at ``height``: then ``digest`` is old news of an older view.

    That is no contradiction: the decision fell in a later view that this replica has not entered yet. It never votes
    for anything but what it executed.
    """
    block = s.chain.get(height)
    return block is not None and block.proposal_digest != digest


def _decide(s: State, slot: Slot) -> None:
    """P6: a P-certificate and q COMMITs of the same (view, digest)."""
    enough = s.validators.quorum
    for (view, digest), votes in slot.commits.items():
        if len(votes) < enough or len(slot.prepares.get((view, digest), {})) < enough:
            continue
        if digest not in slot.bodies or digest not in slot.headers:
            want_body(s, slot, digest, tuple(sorted(votes)))
            continue
        slot.decided, slot.decided_ms = digest, s.now_ms
        s.trace("P6", "decided", slot.height, digest.hex()[:8])
        return


def _execute(s: State) -> None:
    """P7: hand decisions to execution in height order."""
    while True:
        slot = s.slots.get(s.execute_next)
        if slot is None or slot.decided is None:
            return
        digest, header = slot.decided, slot.headers[slot.decided]
        view, votes = next(
            ((v, c) for (v, d), c in slot.commits.items() if d == digest and len(c) >= s.validators.quorum),
            (header.pview, {}),
        )
        certificate = encode([view, [[i, votes[i]] for i in sorted(votes)]])
        s.emit(Execute(header, digest, slot.bodies[digest], certificate))
        s.execute_next += 1


def want_body(s: State, slot: Slot, digest: bytes, holders: tuple[int, ...]) -> None:
    """Ask for a body: holders first, one after the other, by the fetch timer."""
    if digest not in s.fetches:
        others = tuple(i for i in range(len(s.validators)) if i != s.index)
        known = tuple(i for i in holders if i != s.index)
        s.fetches[digest] = Fetch(slot.height, known or others, 0, s.now_ms)


def _persist_body(s: State, slot: Slot, digest: bytes) -> None:
    if digest not in slot.durable:
        slot.durable.add(digest)
        s.persist(RecordKind.BODY, encode([slot.headers[digest].value(), slot.bodies[digest]]))
