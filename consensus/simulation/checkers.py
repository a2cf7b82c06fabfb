"""The judges: invariants of consensus, checked from outside while a run goes on.

They share no code with the core: messages and records are read with msgpack as they lie, quorums are found by search,
and the NEW-VIEW is recomputed the naive way. Labels are those of the specification, section 17.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import msgpack

from consensus.simulation.notary import (
    COMMIT,
    HEADER_HEIGHT,
    HEADER_PARENT,
    HEADER_TIME,
    NEW_VIEW,
    PRE_PREPARE,
    PREPARE,
    PREPARE_CERTIFICATE,
    SEAL,
    VIEW_CHANGE,
    Notary,
)
from consensus.simulation.suite import FakeSuite

RECORD_BODY, RECORD_VOTE, RECORD_PREPARED, RECORD_SEALED = 1, 2, 3, 6


class Violation(Exception):
    """An invariant does not hold: the run has found a bug."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant


@dataclass(slots=True)
class Observed:
    """What the judges know of one correct node."""

    said: dict[tuple[int, int, int, int], bytes] = field(default_factory=dict)  # (type, epoch, view, height) -> digest
    decided: dict[int, bytes] = field(default_factory=dict)  # height -> proposal digest handed to execution or synced
    bodies: set[bytes] = field(default_factory=set)  # digests whose body is durable
    prepared: dict[tuple[int, int], bytes] = field(default_factory=dict)  # (view, height) of durable P-certificates
    votes: dict[tuple[int, int, int, int], bytes] = field(default_factory=dict)  # durable own votes
    certified: int = 0  # height of the highest durable certificate in the log
    view: int = 0
    stable: int = 0
    promised_view: int = 0  # the highest view of a vote or view change that left
    left_for: int = 0  # the highest view of a view change that left


class Judges:
    """All checkers of one run; each method is told of one kind of thing that happened at a correct node."""

    def __init__(
        self, suite: FakeSuite, chain_id: bytes, keys: tuple[bytes, ...], window: int, anchor: bytes, faulty: int
    ) -> None:
        self._suite = suite
        self._window = window
        size = len(keys)
        self.faulty: Final = next(f for f in range(size, -1, -1) if 3 * f + 1 <= size)
        self.quorum: Final = next(q for q in range(size + 1) if 2 * q - size >= self.faulty + 1)
        self._actually_faulty = faulty
        self._notary = Notary(suite, chain_id, keys, self.quorum)
        self.nodes = [Observed() for _ in keys]
        self._committed: dict[tuple[int, bytes], dict[int, set[int]]] = {}  # (height, digest) -> view -> correct nodes
        self.proposals: dict[int, bytes] = {0: anchor}  # height -> the digest that correct nodes decided
        self.times: dict[int, int] = {0: 0}
        self.blocks: dict[int, bytes] = {}  # height -> block hash
        self.coverage: dict[str, int] = {}

    def count(self, what: str) -> None:
        """Count something worth having happened."""
        self.coverage[what] = self.coverage.get(what, 0) + 1

    # ------------------------------------------------------------------------------------------------------- messages

    def sent(self, node: int, data: bytes, stable: int) -> None:
        """Judge a message that a correct node let go: I3, I4, I6."""
        message = msgpack.unpackb(data, strict_map_key=False)
        kind = message[0]
        seen = self.nodes[node]
        if kind in {PREPARE, COMMIT}:
            _, epoch, _, view, height, digest, _ = message
            if view < seen.left_for:
                raise Violation("I9", f"node {node} votes in view {view}, which it left for {seen.left_for}")
            self._say(node, (kind, epoch, view, height), digest)
            if kind == COMMIT:
                self._committed.setdefault((height, digest), {}).setdefault(view, set()).add(node)
                if height > stable:
                    self._commit(node, view, height, digest)
        elif kind == PRE_PREPARE:
            if message[2] == node:
                _, epoch, _, view, header, _, _ = message
                self._say(node, (kind, epoch, view, header[HEADER_HEIGHT]), self._notary.header_digest(header))
        elif kind == SEAL:
            _, epoch, _, height, block_hash, _ = message
            self._say(node, (kind, epoch, 0, height), block_hash)
            if height not in seen.decided:
                raise Violation("I4", f"node {node} sealed height {height} without a decision")
            if self.blocks.get(height, block_hash) != block_hash:
                raise Violation("I1", f"node {node} sealed another block at height {height}")
        elif kind == PREPARE_CERTIFICATE:
            self.count("P-certificates relayed")
        elif kind in {VIEW_CHANGE, NEW_VIEW} and message[2] == node:
            self._say(node, (kind, message[1], message[3], 0), self._suite.hash(data))
            if kind == VIEW_CHANGE:
                seen.left_for = max(seen.left_for, message[3])

    def _say(self, node: int, key: tuple[int, int, int, int], digest: bytes) -> None:
        seen = self.nodes[node]
        if seen.said.setdefault(key, digest) != digest:
            raise Violation("I3", f"node {node} signed twice for type {key[0]}, view {key[2]}, height {key[3]}")
        if key[0] != SEAL:
            seen.promised_view = max(seen.promised_view, key[2])

    def _commit(self, node: int, view: int, height: int, digest: bytes) -> None:
        seen = self.nodes[node]
        if seen.prepared.get((view, height)) != digest:
            raise Violation(
                "I6", f"node {node} committed height {height} in view {view} without a durable P-certificate"
            )
        if digest not in seen.bodies:
            raise Violation("I6", f"node {node} committed height {height} without a durable body")

    # ----------------------------------------------------------------------------------------------------------- disk

    def durable(self, node: int, kind: int, payload: bytes) -> None:
        """Take note of a record that is safe on a correct node's disk."""
        seen = self.nodes[node]
        value = msgpack.unpackb(payload, strict_map_key=False)
        if kind == RECORD_BODY:
            seen.bodies.add(self._notary.header_digest(value[0]))
        elif kind == RECORD_VOTE:
            vote, epoch, view, height, digest, _ = value
            seen.votes[vote, epoch, view, height] = digest
        elif kind == RECORD_PREPARED:
            seen.prepared[value[0], value[1][HEADER_HEIGHT]] = self._notary.header_digest(value[1])
        elif kind == RECORD_SEALED:
            seen.certified = max(seen.certified, value[1])

    def log_replaced(self, node: int, records: list[tuple[int, bytes]]) -> None:
        """Forget the old log of a node, and take note of the new one."""
        seen = self.nodes[node]
        seen.votes.clear()
        seen.prepared.clear()
        for kind, payload in records:
            self.durable(node, kind, payload)

    def ordered(self, node: int, digest: bytes) -> None:
        """Take note of a body that is safe in the ordered log."""
        self.nodes[node].bodies.add(digest)

    # ---------------------------------------------------------------------------------------------------------- chain

    def decides(self, node: int, header: list[Any], digest: bytes) -> None:
        """Judge a decision that a correct node hands to execution: I1, I2, I4, I16."""
        height, parent, time_ms = header[HEADER_HEIGHT], header[HEADER_PARENT], header[HEADER_TIME]
        if self._notary.header_digest(header) != digest:
            raise Violation("I1", f"node {node} decided a digest of another header at height {height}")
        self._agree(node, height, digest)
        support = max((len(who) for who in self._committed.get((height, digest), {}).values()), default=0)
        if support < self.quorum - self._actually_faulty:
            raise Violation("I4", f"node {node} decided height {height} after COMMITs of {support} correct nodes")
        if self.proposals.get(height - 1, parent) != parent:
            raise Violation("I2", f"node {node} decided height {height} on another parent")
        if time_ms <= self.times.get(height - 1, -1):
            raise Violation("I16", f"the time of height {height} is not above its parent's")
        self.times[height] = time_ms
        self.count("decisions")

    def syncs(self, node: int, height: int, digest: bytes) -> None:
        """Judge a block that a correct node took from others: I1."""
        self._agree(node, height, digest)

    def _agree(self, node: int, height: int, digest: bytes) -> None:
        if self.proposals.setdefault(height, digest) != digest:
            raise Violation("I1", f"node {node} decided another proposal at height {height}")
        self.nodes[node].decided[height] = digest

    def executed(self, node: int, height: int, block_hash: bytes) -> None:
        """Judge a result: I1 for blocks."""
        if self.blocks.setdefault(height, block_hash) != block_hash:
            raise Violation("I1", f"node {node} has another block at height {height}")

    def certified(self, node: int, certificate: bytes, executed: int) -> None:
        """Judge a certificate that a correct node calls stable: I1, I5, and the signatures one by one."""
        epoch, height, block_hash, bitmap, signatures = msgpack.unpackb(certificate)
        if height > executed:
            raise Violation("I5", f"node {node} is stable at {height}, executed {executed}")
        if self.blocks.get(height) != block_hash:
            raise Violation("I1", f"a certificate of another block at height {height}")
        wrong = self._notary.seal_certificate(epoch, height, block_hash, bitmap, signatures)
        if wrong is not None:
            raise Violation("I13", f"a certificate of height {height}: {wrong}")

    # ----------------------------------------------------------------------------------------------------- new view

    def enters(self, node: int, new_view: bytes) -> None:
        """Judge a NEW-VIEW that a correct node accepts: I8, by recomputing it naively."""
        _, epoch, _, view, changes, base, forced, _ = msgpack.unpackb(new_view)
        senders = [change[0] for change in changes]
        if len(set(senders)) != len(senders) or len(senders) < self.quorum or any(c[1] != view for c in changes):
            raise Violation("I8", f"node {node} entered view {view} by view changes of {senders}")
        for wrong in (self._notary.view_change(epoch, change) for change in changes):
            if wrong is not None:
                raise Violation("I8", f"node {node} entered view {view}: {wrong}")
        if base + self._window <= self.nodes[node].stable:
            return  # all it can force is sealed at this node
        if base != max(change[2] for change in changes):
            raise Violation("I8", f"node {node} entered view {view} on base {base}")
        expected = self._force(changes, base)
        if forced != expected:
            raise Violation(
                "I8", f"node {node} entered view {view}, forced {len(forced)} proposals, recomputed {len(expected)}"
            )
        self.count("new views entered")
        if forced:
            self.count("re-proposals")
        if base > 0:
            self.count("base above the anchor")

    def _force(self, changes: list[Any], base: int) -> list[bytes]:
        parent, forced = self.proposals[base], []
        for height in range(base + 1, base + self._window + 1):
            shown = [p for change in changes for p in change[3 + 1] if p[1][HEADER_HEIGHT] == height]
            if not shown:
                break
            highest = max(p[0] for p in shown)
            digest, header = min((self._notary.header_digest(p[1]), p[1]) for p in shown if p[0] == highest)
            if header[HEADER_PARENT] != parent:
                self.count("truncations")
                break
            forced.append(digest)
            parent = digest
        return forced

    # ------------------------------------------------------------------------------------------------ life and bounds

    def moved(self, node: int, view: int, stable: int, executed: int) -> None:
        """Judge where a correct node stands after a step: I5, I9."""
        seen = self.nodes[node]
        if view < seen.view or stable < seen.stable:
            raise Violation("I9", f"node {node} went from view {seen.view}, stable {seen.stable} to {view}, {stable}")
        if stable > executed:
            raise Violation("I5", f"node {node} is stable at {stable}, executed {executed}")
        seen.view, seen.stable = view, stable

    def crashed(self, node: int, stored: int) -> None:
        """Judge a disk after a crash: what left the node is on it (I7); ``stored`` is the highest certificate there."""
        seen = self.nodes[node]
        stable = max(stored, seen.certified)
        for key, digest in seen.said.items():
            if key[0] in {PRE_PREPARE, PREPARE} and key[3] > stable and seen.votes.get(key) != digest:
                raise Violation("I7", f"node {node} forgot its vote in view {key[2]} at height {key[3]}")
        seen.view = seen.stable = 0

    def restarted(self, node: int, view: int, held: dict[tuple[int, int, int, int], bytes], stable: int) -> None:
        """Judge a replica after a restart: I7 for what it remembers, I9 for its view."""
        seen = self.nodes[node]
        if view < seen.promised_view:
            raise Violation("I9", f"node {node} was in view {seen.promised_view} and restarts in {view}")
        wanted = {k: d for k, d in seen.said.items() if k[0] in {PRE_PREPARE, PREPARE} and k[3] > stable}
        for key, digest in wanted.items():
            if held.get(key) != digest:
                raise Violation("I7", f"node {node} restarts without its vote in view {key[2]} at height {key[3]}")
        if wanted:
            self.count("restarts with votes")

    def bounded(self, node: int, sizes: dict[str, tuple[int, int]]) -> None:
        """Judge the sizes of a correct node's containers against their bounds: I15."""
        for what, (size, bound) in sizes.items():
            if size > bound:
                raise Violation("I15", f"node {node} keeps {size} {what}, at most {bound}")

    def accused(self, node: int, rule: str, offender: int, pair: tuple[bytes, bytes], faulty: frozenset[int]) -> None:
        """Judge evidence: never against a correct node, and proof to anybody (I17)."""
        if offender not in faulty:
            raise Violation("I17", f"node {node} accuses the correct node {offender} by {rule}")
        wrong = self._notary.evidence(rule, offender, *pair)
        if wrong is not None:
            raise Violation("I17", f"node {node} accuses {offender} by {rule}: {wrong}")
        self.count(f"evidence {rule}")
