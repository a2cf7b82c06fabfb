"""STATUS: where a replica stands, and re-sending what others lack (specification, section 8).

The only retransmission mechanism of votes. Any holder re-sends the signed PRE-PREPAREs and P-certificates of the view,
not only its own messages: a faulty leader that told only some must not stop the others.
"""

from __future__ import annotations

from consensus import limits
from consensus.certificate import pack_bitmap, unpack_bitmap
from consensus.messages import (
    Body,
    Commit,
    FetchBody,
    Held,
    Prepare,
    PrepareCertificate,
    Seal,
    SealCertificate,
    Status,
    Type,
)
from consensus.state import Ballot, Slot, State

_NOTHING = Held(0, False, b"", b"", b"")


def own_status(s: State) -> Status:
    """Return this replica's STATUS."""
    size = len(s.validators)
    held = []
    top = s.stable + 2 * s.settings.window  # a replica that is catching up has executed far beyond
    for height in sorted(h for h in set(s.slots) | set(s.seals) if h <= top):
        slot = s.slots.get(height)
        seals = {sender for votes in s.seals.get(height, {}).values() for sender in votes}
        held.append(
            Held(
                height,
                slot is not None and (slot.proposal is not None or slot.accepted is not None),
                pack_bitmap(set(_best(slot.prepares, s.view)) if slot else set(), size),
                pack_bitmap(set(_best(slot.commits, s.view)) if slot else set(), size),
                pack_bitmap(seals, size),
            )
        )
    return Status(s.validators.epoch, s.index, s.view, s.active, s.stable, tuple(held), s.new_view is not None)


def _best(tally: dict[Ballot, dict[int, bytes]], view: int) -> dict[int, bytes]:
    """Return the largest tally of the view."""
    return max((votes for ballot, votes in tally.items() if ballot[0] == view), key=len, default={})


def on_status(s: State, status: Status) -> None:
    """Send a peer what it lacks."""
    peer, size = status.sender, len(s.validators)
    s.heard.add(peer)
    if s.now_ms - s.answered.get(peer, -answer_interval_ms(s)) < answer_interval_ms(s):
        return  # a few bytes ask for megabytes: once per interval and peer
    s.answered[peer] = s.now_ms
    held: dict[int, Held] = {}
    for item in status.held:
        for bitmap in (item.prepares, item.commits, item.seals):
            unpack_bitmap(bitmap, size)  # refuses a bitmap of another size before anything is sent
        held[item.height] = item
    if s.certificate is not None and s.stable > status.sealed_height:
        s.send(peer, SealCertificate(s.validators.epoch, s.index, s.certificate))
    _send_seals(s, status, held)
    if s.active and s.new_view is not None and (status.view, status.active) < (s.view, True):
        s.send(peer, s.new_view)
    if not s.active and s.own_change is not None:
        s.send(peer, s.own_change)
    if status.view != s.view or not status.active or not s.active:
        return
    for height in range(max(status.sealed_height, s.stable) + 1, s.stable + s.settings.window + 1):
        slot = s.slots.get(height)
        if slot is not None:
            _send_slot(s, peer, slot, held.get(height, _NOTHING))


def _send_seals(s: State, status: Status, held: dict[int, Held]) -> None:
    for height in range(max(status.sealed_height, s.stable) + 1, s.executed + 1):
        if _lacks(held.get(height, _NOTHING).seals, s.index) and height in s.seals:
            block_hash = s.chain[height].block_hash
            signature = s.seals[height].get(block_hash, {}).get(s.index)
            if signature is not None:
                s.send(status.sender, Seal(s.validators.epoch, s.index, height, block_hash, signature))


def _send_slot(s: State, peer: int, slot: Slot, held: Held) -> None:
    if slot.proposal is not None and not held.proposal and (s.leader == s.index or _stuck(s)):
        s.send(peer, slot.proposal)  # the leader's task at first, everybody's when it seems to leave some out
    own = s.safety.voted(Type.PREPARE, s.view, slot.height)
    if own is not None and _lacks(held.prepares, s.index):
        s.send(peer, Prepare(s.validators.epoch, s.index, s.view, slot.height, *own))
    prepared = slot.prepared
    if prepared is not None and prepared.view == s.view:
        holders = int.from_bytes(held.prepares, "big").bit_count()
        if holders < s.validators.quorum:
            s.send(peer, PrepareCertificate(s.validators.epoch, s.index, prepared))
    own = s.safety.voted(Type.COMMIT, s.view, slot.height)
    if own is not None and slot.committed_view == s.view and _lacks(held.commits, s.index):
        s.send(peer, Commit(s.validators.epoch, s.index, s.view, slot.height, *own))


def _lacks(bitmap: bytes, index: int) -> bool:
    return not bitmap or not bitmap[index // 8] >> index % 8 & 1  # sizes were checked before


def on_fetch_body(s: State, message: FetchBody) -> None:
    """Answer with the body of an in-flight proposal; executed ones come as blocks."""
    slot = s.slots.get(message.height)
    if slot is None or message.digest not in slot.bodies or message.digest not in slot.headers:
        return  # the asker goes round all validators: no offence
    key = (message.sender, message.digest)
    if s.now_ms - s.served.get(key, -answer_interval_ms(s)) < answer_interval_ms(s):
        return
    s.served[key] = s.now_ms
    s.send(
        message.sender,
        Body(s.validators.epoch, s.index, slot.headers[message.digest], slot.bodies[message.digest]),
    )


def ask_for_bodies(s: State) -> None:
    """Send the fetches that are due, each to the next holder."""
    for digest, fetch in s.fetches.items():
        if s.now_ms >= fetch.next_ms:
            others = [i for i in range(len(s.validators)) if i != s.index and i not in fetch.holders]
            order = [*fetch.holders, *others]
            if order:
                peer = order[fetch.asked % len(order)]
                s.send(peer, FetchBody(s.validators.epoch, s.index, fetch.height, digest))
            fetch.asked += 1
            fetch.next_ms = s.now_ms + s.settings.timeout_ms // 8


def answer_interval_ms(s: State) -> int:
    """Return the least time between two answers to one peer: half of what an honest one leaves between two."""
    return min(limits.STATUS_INTERVAL_MS, s.settings.timeout_ms // 8) // 2


def _stuck(s: State) -> bool:
    return s.progress_since_ms is not None and s.now_ms - s.progress_since_ms >= s.settings.timeout_ms // 8
