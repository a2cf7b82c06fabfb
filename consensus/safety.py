"""The only builder of votes: every signature this replica ever makes for consensus is made here.

One rule for all: for each (epoch, view, height, type) at most one statement is ever signed, and what was signed once
is sent again byte for byte (R4, R6). The state only grows, except that heights below the stable one, which can never
be voted on again, are forgotten behind a floor that refuses them.
"""

from __future__ import annotations

from consensus.certificate import SealCert
from consensus.codec import Value, encode
from consensus.crypto import Context, Signer
from consensus.fields import Fields
from consensus.interface import Record, RecordKind
from consensus.messages import (
    Commit,
    NewView,
    Prepare,
    PrepareCert,
    PrePrepare,
    ProposalHeader,
    Seal,
    Type,
    ViewChange,
    seal_body,
    vote_body,
)

Key = tuple[int, int, int, int]  # epoch, view, height, type


class SafetyViolation(AssertionError):
    """Our own code asked for a vote that a correct replica never signs: a Fault, never caused by input."""


class Safety:
    """Signs, and remembers what it signed."""

    def __init__(self, context: Context, signer: Signer, epoch: int, index: int) -> None:
        self._context = context
        self._signer = signer
        self.epoch = epoch
        self.index = index
        self.view = 0  # the view moved to: nothing is signed for an earlier one
        self.floor = 0  # stable height: nothing is signed at or below it, except seals
        self._signed: dict[Key, tuple[bytes, bytes]] = {}  # digest and signature

    def pre_prepare(
        self, view: int, header: ProposalHeader, digest: bytes, payload: bytes
    ) -> tuple[PrePrepare, Record]:
        """Sign a proposal; the record is durable before the message leaves (R3)."""
        assert header.pview == view, "a leader proposes fresh batches only in their own view"
        signature = self._vote(Type.PRE_PREPARE, view, header.height, digest)
        message = PrePrepare(self.epoch, self.index, view, header, payload, signature)
        return message, self._record(Type.PRE_PREPARE, view, header.height, digest, signature)

    def prepare(self, view: int, height: int, digest: bytes) -> tuple[Prepare, Record]:
        """Sign PREPARE (P3); the record, and the body, are durable before the message leaves."""
        signature = self._vote(Type.PREPARE, view, height, digest)
        message = Prepare(self.epoch, self.index, view, height, digest, signature)
        return message, self._record(Type.PREPARE, view, height, digest, signature)

    def commit(self, view: int, height: int, prepared: PrepareCert, digest: bytes) -> Commit:
        """Sign COMMIT under a P-certificate of the same view, which is durable already (P5)."""
        self._require(prepared.view == view and prepared.header.height == height, "COMMIT needs its own P-certificate")
        signature = self._vote(Type.COMMIT, view, height, digest)
        return Commit(self.epoch, self.index, view, height, digest, signature)

    def seal(self, height: int, block_hash: bytes) -> Seal:
        """Sign SEAL over an executed header: its results are durable, so the same bytes come out again (P7)."""
        signature = self._once((self.epoch, 0, height, Type.SEAL), block_hash, seal_body(height, block_hash))
        return Seal(self.epoch, self.index, height, block_hash, signature)

    def view_change(self, change: ViewChange) -> ViewChange:
        """Sign a VIEW-CHANGE and leave all earlier views for good (C3); durable before it leaves."""
        self._require(change.new_view > self.view, f"VIEW-CHANGE to {change.new_view} in view {self.view}")
        self.view = change.new_view
        body = change.body()
        digest = self._context.suite.hash(encode(body))
        signature = self._once((self.epoch, change.new_view, 0, Type.VIEW_CHANGE), digest, body)
        return ViewChange(
            self.epoch, self.index, change.new_view, change.stable_height, change.stable, change.prepared, signature
        )

    def new_view(self, unsigned: NewView) -> NewView:
        """Sign the NEW-VIEW of a view this replica leads."""
        self._require(unsigned.view >= self.view, "a NEW-VIEW for a view already left")
        body = unsigned.body()
        digest = self._context.suite.hash(encode(body))
        signature = self._once((self.epoch, unsigned.view, 0, Type.NEW_VIEW), digest, body)
        return NewView(
            self.epoch, self.index, unsigned.view, unsigned.changes, unsigned.base, unsigned.forced, signature
        )

    def entered(self, view: int) -> None:
        """Take note that the replica moved to ``view`` (by a NEW-VIEW): earlier views are left for good."""
        self._require(view >= self.view, f"view {view} after {self.view}")
        self.view = view

    def sealed(self, certificate: SealCert) -> None:
        """Forget heights that became stable: they are refused from now on."""
        self.floor = max(self.floor, certificate.height)
        for key in [k for k in self._signed if 0 < k[2] <= self.floor]:
            del self._signed[key]
        for key in [k for k in self._signed if k[2] == 0 and k[1] < self.view]:
            del self._signed[key]

    def voted(self, kind: Type, view: int, height: int) -> tuple[bytes, bytes] | None:
        """Return digest and signature of an own vote of this epoch, None when there is none."""
        return self._signed.get((self.epoch, view, height, kind))

    def votes(self) -> list[Record]:
        """Return the records of all PRE-PREPAREs and PREPAREs that still count, for a log checkpoint."""
        kinds = (Type.PRE_PREPARE, Type.PREPARE)
        return [
            self._record(Type(kind), view, height, digest, signature)
            for (_, view, height, kind), (digest, signature) in self._signed.items()
            if kind in kinds
        ]

    def restore_vote(self, payload: Value) -> tuple[Type, int, int, bytes, bytes]:
        """Take an own vote back from the log; return type, view, height, digest and signature."""
        fields = Fields(payload, "vote record")
        kind, epoch, view = Type(fields.uint(255)), fields.uint(2**63), fields.uint(2**32)
        height, digest, signature = fields.uint(2**63), fields.blob(1, 1024), fields.blob(1, 1024)
        fields.end()
        if epoch == self.epoch and height > self.floor:
            held = self._signed.setdefault((epoch, view, height, kind), (digest, signature))
            self._require(held[0] == digest, f"the log holds two {kind.name} votes at {height} in view {view}")
        return kind, view, height, digest, signature

    def _vote(self, kind: Type, view: int, height: int, digest: bytes) -> bytes:
        self._require(view == self.view, f"{kind.name} in view {view}, moved to {self.view}")
        self._require(height > self.floor, f"{kind.name} at {height}, stable at {self.floor}")
        return self._once((self.epoch, view, height, kind), digest, vote_body(view, height, digest))

    def _once(self, key: Key, digest: bytes, body: Value) -> bytes:
        held = self._signed.get(key)
        if held is not None:
            self._require(held[0] == digest, f"a second {Type(key[3]).name} at height {key[2]} in view {key[1]}")
            return held[1]
        signature = self._signer.sign(self._context.signing_input(key[3], self.epoch, body))
        self._signed[key] = (digest, signature)
        return signature

    def _record(self, kind: Type, view: int, height: int, digest: bytes, signature: bytes) -> Record:
        return Record(RecordKind.VOTE, encode([int(kind), self.epoch, view, height, digest, signature]))

    @staticmethod
    def _require(condition: bool, what: str) -> None:
        if not condition:
            raise SafetyViolation(what)
