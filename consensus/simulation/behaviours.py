"""The stock of Byzantine behaviours, by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeAlias

from consensus.certificate import SealCert, Signatures, pack_bitmap
from consensus.codec import encode
from consensus.messages import (
    Body,
    Commit,
    Complain,
    Complaint,
    Heartbeat,
    Message,
    NewView,
    Prepare,
    PrepareCertificate,
    PrePrepare,
    Seal,
    SealCertificate,
    ViewChange,
    encode_message,
)
from consensus.simulation.adversary import Behaviour, Seat
from consensus.view_change import base_of, select

Volunteered: TypeAlias = list[tuple[int, Message | bytes]]
_SLOT_MS: Final = 3_000  # a selective sender changes its mind this often

# ------------------------------------------------------------------------------------------------------------- silence


def _nothing(_seat: Seat, _peer: int, _message: Message) -> list[Message]:
    return []


def _silent_leader(seat: Seat, _peer: int, message: Message) -> list[Message]:
    return [] if seat.leading else [message]


def _leader_lull(seat: Seat, _peer: int, message: Message) -> list[Message]:
    """Lead well, then not at all, in turns: time-outs strike with work in flight."""
    lull = seat.now_ms // 1_500 % 2 == 1
    return [] if lull and seat.leading and isinstance(message, PrePrepare | Heartbeat) else [message]


def _selective(seat: Seat, peer: int, message: Message) -> list[Message]:
    """Per message type, tell a random subset only."""
    key = ("selective", int(message.TYPE), seat.now_ms // _SLOT_MS)
    if key not in seat.memory:
        seat.memory[key] = frozenset(i for i in seat.others() if seat.random.randrange(2))
    told = seat.memory[key]
    assert isinstance(told, frozenset)
    return [message] if peer in told else []


def _hide_prepares(_seat: Seat, _peer: int, message: Message) -> list[Message]:
    return [] if isinstance(message, Prepare | PrepareCertificate) else [message]


def _hide_certificates(_seat: Seat, _peer: int, message: Message) -> list[Message]:
    return [] if isinstance(message, PrepareCertificate) else [message]


def _withhold_bodies(_seat: Seat, _peer: int, message: Message) -> list[Message]:
    return [] if isinstance(message, Body) else [message]


def _starve(seat: Seat, peer: int, message: Message) -> list[Message]:
    """Give proposals to just enough for a P-certificate, and the vote that completes it to one of them."""
    size, enough = len(seat.validators), seat.validators.quorum - seat.validators.faulty_max
    distance = (peer - seat.index) % size
    if isinstance(message, PrePrepare) and message.sender == seat.index:
        return [message] if distance <= enough else []
    if isinstance(message, Prepare | PrepareCertificate):
        return [message] if distance == 1 else []
    return [message]


# -------------------------------------------------------------------------------------------------------- equivocation


def _equivocate(seat: Seat, peer: int, message: Message) -> list[Message]:
    """Two proposals for one height, one to each half of the others, and votes for both."""
    if peer % 2 == 0:
        return [message]
    if isinstance(message, PrePrepare) and message.sender == seat.index:
        digest = message.header.digest(seat.context)
        twin = seat.sign(replace(message, header=replace(message.header, timestamp_ms=message.header.timestamp_ms + 1)))
        seat.memory["twin", digest] = twin.header.digest(seat.context)
        return [twin]
    if isinstance(message, Prepare | Commit):
        other = seat.memory.get(("twin", message.digest))
        if isinstance(other, bytes):
            return [seat.sign(replace(message, digest=other))]
    return [message]


def _double_seal(seat: Seat, peer: int, message: Message) -> list[Message]:
    if isinstance(message, Seal) and peer % 2:
        return [seat.sign(replace(message, block_hash=_flip(message.block_hash)))]
    return [message]


def _agree_to_all(seat: Seat, message: Message) -> Volunteered:
    """Vote, and commit, for whatever anybody votes for: a quorum is never short of this one."""
    if not isinstance(message, Prepare) or ("agreed", message.view, message.digest) in seat.memory:
        return []
    seat.memory["agreed", message.view, message.digest] = True
    prepare = seat.sign(replace(message, sender=seat.index))
    commit = seat.sign(Commit(message.epoch, seat.index, message.view, message.height, message.digest, b""))
    return [(peer, vote) for peer in seat.others() for vote in (prepare, commit)]


def _votes_withheld(_seat: Seat, _peer: int, message: Message) -> list[Message]:
    return [] if isinstance(message, Prepare | Commit) else [message]


def _agree_in_private(seat: Seat, message: Message) -> Volunteered:
    """Vote with everybody, each time only to the one who voted: two of these make two quorums of three (N = 4)."""
    if not isinstance(message, Prepare) or message.sender == seat.index:
        return []
    prepare = seat.sign(replace(message, sender=seat.index))
    commit = seat.sign(Commit(message.epoch, seat.index, message.view, message.height, message.digest, b""))
    return [(message.sender, prepare), (message.sender, commit)]


def _double_vote(seat: Seat, _peer: int, message: Message) -> list[Message]:
    """Vote for what was proposed and for something else besides."""
    if isinstance(message, Prepare) and seat.random.randrange(4) == 0:
        return [message, seat.sign(replace(message, digest=_flip(message.digest)))]
    return [message]


# ---------------------------------------------------------------------------------------------------------- view change


def _hide_prepared(seat: Seat, _peer: int, message: Message) -> list[Message]:
    """Show no P-certificate in a view change, so that nothing this validator helped to prepare is forced."""
    if isinstance(message, ViewChange) and message.sender == seat.index and message.prepared:
        return [seat.sign(replace(message, prepared=()))]
    return [message]


def _old_change(seat: Seat, peer: int, message: Message) -> list[Message]:
    """Tell some peers of a stable height long past."""
    if isinstance(message, ViewChange) and message.sender == seat.index and peer % 2:
        first = seat.memory.setdefault("first stable", (message.stable_height, message.stable))
        assert isinstance(first, tuple)
        return [seat.sign(replace(message, stable_height=first[0], stable=first[1], prepared=()))]
    return [message]


def _false_new_view(seat: Seat, _peer: int, message: Message) -> list[Message]:
    """Leave out what the view changes force: only a replica that does not recompute follows."""
    if isinstance(message, NewView) and message.sender == seat.index and message.forced:
        kept = message.forced[: seat.random.randrange(len(message.forced))]
        return [seat.sign(replace(message, forced=kept))]
    return [message]


def _two_new_views(seat: Seat, peer: int, message: Message) -> list[Message]:
    """Two valid NEW-VIEWs for one view, made of different view changes."""
    if not isinstance(message, NewView) or message.sender != seat.index or peer % 2 == 0:
        return [message]
    key = ("other new view", message.view)
    if key not in seat.memory:
        seat.memory[key] = _other_new_view(seat, message)
    other = seat.memory[key]
    return [other if isinstance(other, NewView) else message]


def _other_new_view(seat: Seat, message: NewView) -> NewView | None:
    known = dict(seat.changes.get(message.view, {}))
    own = next((c for c in message.changes if c.sender == seat.index), None)
    if own is not None:
        known[seat.index] = seat.sign(replace(own, prepared=()))
    senders = sorted(known, key=lambda sender: (sender != seat.index, -sender))[: seat.validators.quorum]
    if len(senders) < seat.validators.quorum:
        return None
    chosen = tuple(known[sender] for sender in sorted(senders))
    base = base_of(chosen).stable_height
    digest = seat.proposal_digest(base)
    if digest is None:
        return None
    forced = select(chosen, digest, seat.window, seat.context)
    made = replace(message, changes=chosen, base=base, forced=tuple(f.digest for f in forced))
    return seat.sign(made)


def _complain_always(seat: Seat) -> Volunteered:
    complaint = Complain(seat.validators.epoch, seat.index, seat.view, Complaint.NO_PROGRESS, 0)
    return [(peer, complaint) for peer in seat.others()]


def _huge_view(seat: Seat) -> Volunteered:
    if seat.now_ms % 5 != 0:
        return []
    far = seat.view + 1_000
    stable = seat.stable if seat.certificate is not None else 0
    change = ViewChange(seat.validators.epoch, seat.index, far, stable, seat.certificate, (), b"")
    signed = seat.sign(change)
    complaint = Complain(seat.validators.epoch, seat.index, far, Complaint.CENSORED, 0)
    return [(peer, message) for peer in seat.others() for message in (signed, complaint)]


# --------------------------------------------------------------------------------------------------


def _odd_proposal(seat: Seat, _peer: int, message: Message) -> list[Message]:
    """Propose what no correct replica may vote for, in one of several ways."""
    if not isinstance(message, PrePrepare) or message.sender != seat.index:
        return [message]
    header, payload = message.header, message.payload
    way = header.height % 4
    if way == 0:
        return [message]
    if way == 1:
        payload = encode([b"same", b"same"])
        header = replace(header, tx_root=seat.context.suite.hash(payload), tx_count=2, body_bytes=len(payload))
    elif way == 2:
        header = replace(header, anchor_hash=_flip(header.anchor_hash))
    else:
        header = replace(header, parent=_flip(header.parent))
    return [seat.sign(replace(message, header=header, payload=payload))]


def _edge_of_time(seat: Seat, _peer: int, message: Message) -> list[Message]:
    """Stamp proposals so that some clocks find them timely and some do not."""
    if isinstance(message, PrePrepare) and message.sender == seat.index:
        header = replace(message.header, timestamp_ms=message.header.timestamp_ms + 500)
        return [seat.sign(replace(message, header=header))]
    return [message]


def _phantom_votes(seat: Seat) -> Volunteered:
    """Vote for proposals that nobody made: work that never ends."""
    digest = seat.context.suite.hash(b"phantom%d" % seat.random.randrange(1 << 30))
    made = []
    for height in range(seat.stable + 1, seat.stable + 3):
        vote = Prepare(seat.validators.epoch, seat.index, seat.view, height, digest, b"")
        made.append(seat.sign(vote))
    return [(peer, vote) for peer in seat.others() for vote in made]


def _garbage(seat: Seat) -> Volunteered:
    noise = seat.random.randbytes(seat.random.randrange(60))
    proper = encode_message(Complain(seat.validators.epoch, seat.index, seat.view, Complaint.NO_PROGRESS, 7))
    broken = bytearray(proper)
    broken[seat.random.randrange(len(broken))] ^= 1 << seat.random.randrange(8)
    return [(peer, letter) for peer in seat.others() for letter in (noise, bytes(broken))]


def _mutate(seat: Seat, _peer: int, message: Message) -> list[Message]:
    """Small-scope mutation (ByzzFuzz): a view or height off by one, now and then."""
    if isinstance(message, Prepare | Commit) and seat.random.randrange(4) == 0:
        step = 1 if seat.random.randrange(2) else -1
        if seat.random.randrange(2):
            return [seat.sign(replace(message, view=max(0, message.view + step)))]
        return [seat.sign(replace(message, height=max(1, message.height + step)))]
    return [message]


def _swap_payload(seat: Seat, peer: int, message: Message) -> list[Message]:
    """Lead with the right header and signature, and the wrong bytes beside them for one of the others."""
    if isinstance(message, PrePrepare) and peer == seat.others()[0]:
        return [replace(message, payload=_junk(message.payload))]
    return [message]


def _relay_junk(seat: Seat, message: Message) -> Volunteered:
    """Pass a leader's proposal on with other bytes of the same length: the signature covers the header only."""
    if not isinstance(message, PrePrepare) or ("relayed", message.view, message.header.height) in seat.memory:
        return []  # once each: two of these must not pass one proposal to and fro for ever
    seat.memory["relayed", message.view, message.header.height] = True
    junk = replace(message, payload=_junk(message.payload))
    return [(peer, junk) for peer in seat.others() if peer != message.sender]


def _forge_new_view(seat: Seat, message: Message) -> Volunteered:
    """Answer every VIEW-CHANGE with a NEW-VIEW in the name of somebody who does not lead that view."""
    if not isinstance(message, ViewChange):
        return []
    somebody = (seat.validators.leader(message.new_view) + 1) % len(seat.validators)
    signature = bytes(seat.context.suite.signature_size)
    forged = NewView(message.epoch, somebody, message.new_view, (), seat.stable, (), signature)
    return [(peer, forged) for peer in seat.others()]


def _forge_certificate(seat: Seat) -> Volunteered:
    """Claim a stable height far ahead under signatures that nobody made (ASA-2025-001: a claim is no target)."""
    if seat.random.randrange(4):
        return []
    size = seat.context.suite.signature_size
    members = range(seat.validators.quorum)
    seals = Signatures(
        pack_bitmap(set(members), len(seat.validators)), tuple(seat.random.randbytes(size) for _ in members)
    )
    block_hash = seat.context.suite.hash(b"claimed")
    claim = SealCert(seat.validators.epoch, seat.stable + 1_000, block_hash, seals)
    return [(peer, SealCertificate(seat.validators.epoch, seat.index, claim)) for peer in seat.others()]


def _repeat_change(seat: Seat, _peer: int, message: Message) -> list[Message]:
    """Make a NEW-VIEW of the own VIEW-CHANGE over and over, which shows no P-certificate."""
    if not isinstance(message, NewView) or message.sender != seat.index:
        return [message]
    own = next((c for c in message.changes if c.sender == seat.index), None)
    if own is None:
        return [message]
    blank = seat.sign(replace(own, prepared=()))
    repeated = (blank,) * len(message.changes)
    return [seat.sign(replace(message, changes=repeated, base=blank.stable_height, forced=()))]


def _relabel(seat: Seat, _peer: int, message: Message) -> list[Message]:
    """Show old P-certificates as if they were of the view just left: their signatures must not fit that view."""
    if isinstance(message, ViewChange) and message.sender == seat.index and message.prepared:
        newer = tuple(replace(p, view=message.new_view - 1) for p in message.prepared)
        return [seat.sign(replace(message, prepared=newer))]
    return [message]


def _slow_leader_delay(seat: Seat, message: Message) -> int:
    return seat.timeout_ms * 3 // 4 if isinstance(message, PrePrepare) else 0


def _junk(payload: bytes) -> bytes:
    return bytes(byte ^ 1 for byte in payload)


def _flip(digest: bytes) -> bytes:
    return bytes([digest[0] ^ 1]) + digest[1:]


_STOCK = (
    Behaviour("silent", _nothing),
    Behaviour("silent_leader", _silent_leader),
    Behaviour("leader_lull", _leader_lull),
    Behaviour("selective", _selective),
    Behaviour("hide_prepares", _hide_prepares),
    Behaviour("hide_certificates", _hide_certificates),
    Behaviour("withhold_bodies", _withhold_bodies),
    Behaviour("starve", _starve),
    Behaviour("equivocate", _equivocate),
    Behaviour("double_seal", _double_seal),
    Behaviour("double_vote", _double_vote),
    Behaviour("agree_to_all", answer=_agree_to_all),
    Behaviour("hide_prepared", _hide_prepared),
    Behaviour("old_change", _old_change),
    Behaviour("false_new_view", _false_new_view),
    Behaviour("two_new_views", _two_new_views),
    Behaviour("complain_always", spontaneous=_complain_always),
    Behaviour("huge_view", spontaneous=_huge_view),
    Behaviour("odd_proposal", _odd_proposal),
    Behaviour("edge_of_time", _edge_of_time),
    Behaviour("phantom_votes", spontaneous=_phantom_votes),
    Behaviour("garbage", spontaneous=_garbage),
    Behaviour("mutate", _mutate),
    Behaviour("slow_leader", delay_ms=_slow_leader_delay),
)
# Asked for by name: drawn by the swarm, they would make other runs of all seeds that once failed.
_FORGERS = (
    Behaviour("swap_payload", _swap_payload, _relay_junk),
    Behaviour("forge_new_view", answer=_forge_new_view),
    # Done by its node, which keeps to the protocol:
    Behaviour("wrong_results"),  # executes otherwise than all others
    Behaviour("censor"),  # leads and leaves out one client
    Behaviour("old_copy"),  # is started for the third time on the disk of its first life
    Behaviour("forge_certificate", spontaneous=_forge_certificate),
    Behaviour("repeat_change", _repeat_change),
    Behaviour("relabel", _relabel),
    Behaviour("agree_in_private", _votes_withheld, _agree_in_private),
)
SWARM: Final = tuple(sorted(behaviour.name for behaviour in _STOCK))
BEHAVIOURS: Final[dict[str, Behaviour]] = {behaviour.name: behaviour for behaviour in (*_STOCK, *_FORGERS)}
