"""Signatures, certificates and evidence, judged the naive way: one signature at a time, read with msgpack as they lie.

Shares no code with the core: the wire format, the signing input and what each rule of evidence asks for are written
down a second time on purpose.
"""

from __future__ import annotations

from typing import Any, Final

import msgpack

from consensus.simulation.suite import FakeSuite

PRE_PREPARE, PREPARE, COMMIT, SEAL, VIEW_CHANGE, NEW_VIEW, PREPARE_CERTIFICATE = 1, 2, 3, 4, 6, 7, 13
HEADER_HEIGHT, HEADER_PARENT, HEADER_TIME = 3, 6, 9  # positions in a proposal header
_VOTES: Final = {"K1": PREPARE, "K2": PRE_PREPARE, "K3": SEAL, "K4": NEW_VIEW, "K5": VIEW_CHANGE}


class Notary:
    """Checks what validators signed; every method returns what is wrong, None when nothing is."""

    def __init__(self, suite: FakeSuite, chain_id: bytes, keys: tuple[bytes, ...], quorum: int) -> None:
        self._suite = suite
        self._chain_id = chain_id
        self._keys = keys
        self._quorum = quorum

    def header_digest(self, header: list[Any]) -> bytes:
        """Return the digest of a proposal header."""
        packed: bytes = msgpack.packb(["hanchain/proposal/1", self._suite.id, header])
        return self._suite.hash(packed)

    def seal_certificate(
        self, epoch: int, height: int, block_hash: bytes, bitmap: bytes, seals: list[Any]
    ) -> str | None:
        """Judge q seals over one block (P8)."""
        return self._certificate(SEAL, epoch, [height, block_hash], bitmap, seals)

    def prepared(self, view: int, header: list[Any], bitmap: bytes, signatures: list[Any]) -> str | None:
        """Judge q PREPAREs over view, height and digest (V5)."""
        body = [view, header[HEADER_HEIGHT], self.header_digest(header)]
        return self._certificate(PREPARE, header[2], body, bitmap, signatures)

    def view_change(self, epoch: int, change: list[Any]) -> str | None:
        """Judge a VIEW-CHANGE inside a NEW-VIEW: sender, its fields, signature (V1, V3, V5, V6)."""
        sender, new_view, stable_height, stable, prepared, signature = change
        if not self._signed(VIEW_CHANGE, epoch, change[1:-1], sender, signature):
            return f"V1: the view change of {sender} is not signed by it"
        if stable is not None:
            wrong = "another height" if stable[1] != stable_height else self.seal_certificate(*stable)
            if wrong is not None:
                return f"V3: {wrong}"
        for certificate in prepared:
            wrong = "its view is not earlier" if certificate[0] >= new_view else self.prepared(*certificate)
            if wrong is not None:
                return f"V5: P-certificate of view {certificate[0]} from {sender}: {wrong}"
        return None

    def evidence(self, rule: str, offender: int, first: bytes, second: bytes) -> str | None:
        """Judge a pair of messages: canonical order, both signed by the offender, and contradicting each other."""
        if first > second:
            return "the pair is not in canonical order: each finder would report another one"
        try:
            messages = [msgpack.unpackb(data) for data in (first, second)]
        except ValueError as error:
            return f"not two messages: {error}"
        for message in messages:
            if message[2] != offender or message[0] != _VOTES.get(rule, message[0]):
                return f"a message of type {message[0]} by {message[2]} as {rule} against {offender}"
            if message[0] != COMMIT and not self._authentic(message):
                return f"a message of type {message[0]} that {offender} did not sign"
        one, two = (self._statement(message) for message in messages)
        if one[0] != two[0]:
            return f"statements about different things: {one[0]} and {two[0]}"
        if rule != "K4" and one[1] == two[1]:  # a single NEW-VIEW may contradict itself
            return "the same statement twice"
        return None

    def _statement(self, message: list[Any]) -> tuple[tuple[Any, ...], Any]:
        """Return what a message is about, and what it says: two sayings about one thing are guilt."""
        kind = message[0]
        if kind == PRE_PREPARE:
            return (kind, message[1], message[3], message[4][HEADER_HEIGHT]), self.header_digest(message[4])
        if kind in {PREPARE, COMMIT}:
            return (kind, message[1], message[3], message[4]), message[5]
        if kind == SEAL:
            return (kind, message[1], message[3]), message[4]
        return (kind, message[1], message[3]), message[4:-1]

    def _authentic(self, message: list[Any]) -> bool:
        kind, epoch, sender, signature = message[0], message[1], message[2], message[-1]
        body = message[3:-1]
        if kind == PRE_PREPARE:
            body = [message[3], message[4][HEADER_HEIGHT], self.header_digest(message[4])]
        return self._signed(kind, epoch, body, sender, signature)

    def _certificate(self, kind: int, epoch: int, body: list[Any], bitmap: bytes, signatures: list[Any]) -> str | None:
        signers = [i for i in range(len(self._keys)) if bitmap[i >> 3] & (1 << (i & 7))]
        if len(signers) < self._quorum or len(signers) != len(signatures):
            return f"{len(signers)} signers, {len(signatures)} signatures"
        for signer, signature in zip(signers, signatures, strict=True):
            if not self._signed(kind, epoch, body, signer, signature):
                return f"a bad signature of {signer}"
        return None

    def _signed(self, kind: int, epoch: int, body: list[Any], signer: int, signature: bytes) -> bool:
        said = ["hanchain/bft/1", self._suite.id, self._chain_id, kind, epoch, body]
        return self._suite.verify(self._keys[signer], self._suite.hash(msgpack.packb(said)), signature)
