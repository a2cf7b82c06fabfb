"""A validator set whose keys are all at hand, and builders for everything they can sign."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from consensus import Context, Recovery, Replica, SealCert, Settings, ValidatorSet
from consensus.certificate import SEAL_TYPE, Signatures, pack_bitmap
from consensus.interface import (
    Broadcast,
    Effect,
    Event,
    Persist,
    Received,
    Record,
    SealedBlock,
    Send,
    Synced,
    Tick,
    Trace,
)
from consensus.messages import (
    Commit,
    Message,
    NewView,
    Prepare,
    PrepareCert,
    PrePrepare,
    ProposalHeader,
    Seal,
    Type,
    ViewChange,
    decode_message,
    encode_message,
    seal_body,
    vote_body,
)
from consensus.simulation.suite import FakeSuite

CLOCK_MS = 1_000_000


class Kit:
    """Four validators by default: every key, and a builder for every signed thing."""

    def __init__(self, size: int = 4, window: int = 3) -> None:
        self.suite = FakeSuite()
        self.signers = [self.suite.signer(f"kit/{i}") for i in range(size)]
        self.context = Context(self.suite, self.suite.hash(b"chain"))
        self.validators = ValidatorSet(0, tuple(s.public_key for s in self.signers))
        self.settings = Settings(window=window)
        self.anchor = SealedBlock(0, self.digest("genesis"), self.digest("genesis proposal"), 0, 0)
        self.blocks = {0: self.anchor}

    def digest(self, text: str) -> bytes:
        """Return some digest."""
        return self.suite.hash(text.encode())

    def _sign(self, signer: int, kind: int, body: list) -> bytes:
        return self.signers[signer].sign(self.context.signing_input(kind, 0, body))

    def header(
        self, height: int, parent: bytes | None = None, *, view: int = 0, body: bytes = b"body"
    ) -> ProposalHeader:
        """Return the header of a proposal, by default on the anchor and by the view's leader."""
        anchor_height = max(0, height - self.settings.window)
        anchor = self.blocks.get(anchor_height) or self.block(anchor_height)
        return ProposalHeader(
            chain_id=self.context.chain_id,
            epoch=0,
            height=height,
            pview=view,
            proposer=self.validators.leader(view),
            parent=self.anchor.proposal_digest if parent is None else parent,
            anchor_height=anchor.height,
            anchor_hash=anchor.block_hash,
            timestamp_ms=CLOCK_MS + height,
            tx_root=self.suite.hash(body),
            tx_count=1,
            body_bytes=len(body),
            evidence_root=bytes(self.suite.digest_size),
        )

    def block(self, height: int, proposal: bytes | None = None) -> SealedBlock:
        """Return the block that executing a proposal at ``height`` gives, the same every time."""
        if height not in self.blocks:
            digest = self.digest(f"proposal {height}") if proposal is None else proposal
            self.blocks[height] = SealedBlock(height, self.digest(f"block {height}"), digest, CLOCK_MS + height, 0)
        return self.blocks[height]

    def chain(self, heights: int, *, view: int = 0, body: bytes = b"body") -> list[ProposalHeader]:
        """Return headers 1..heights, each on the one before."""
        headers: list[ProposalHeader] = []
        for height in range(1, heights + 1):
            parent = headers[-1].digest(self.context) if headers else None
            headers.append(self.header(height, parent, view=view, body=body))
        return headers

    def sealed_blocks(self, headers: Iterable[ProposalHeader]) -> tuple[SealedBlock, ...]:
        """Return the blocks of executed proposals, as others sealed them."""
        return tuple(
            SealedBlock(h.height, self.block(h.height).block_hash, h.digest(self.context), h.timestamp_ms, h.pview)
            for h in headers
        )

    def pre_prepare(self, header: ProposalHeader, body: bytes = b"body", *, view: int | None = None) -> PrePrepare:
        """Return the leader's proposal."""
        view = header.pview if view is None else view
        leader = self.validators.leader(view)
        signature = self._sign(leader, Type.PRE_PREPARE, vote_body(view, header.height, header.digest(self.context)))
        return PrePrepare(0, leader, view, header, body, signature)

    def prepare(self, sender: int, view: int, height: int, digest: bytes) -> Prepare:
        """Return a PREPARE."""
        return Prepare(
            0, sender, view, height, digest, self._sign(sender, Type.PREPARE, vote_body(view, height, digest))
        )

    def commit(self, sender: int, view: int, height: int, digest: bytes) -> Commit:
        """Return a COMMIT."""
        return Commit(0, sender, view, height, digest, self._sign(sender, Type.COMMIT, vote_body(view, height, digest)))

    def seal(self, sender: int, height: int, block_hash: bytes) -> Seal:
        """Return a SEAL."""
        return Seal(0, sender, height, block_hash, self._sign(sender, SEAL_TYPE, seal_body(height, block_hash)))

    def prepared(
        self, header: ProposalHeader, *, view: int | None = None, signers: Iterable[int] = (0, 1, 2)
    ) -> PrepareCert:
        """Return a P-certificate by ``signers``."""
        view = header.pview if view is None else view
        body = vote_body(view, header.height, header.digest(self.context))
        members = sorted(signers)
        signatures = tuple(self._sign(i, Type.PREPARE, body) for i in members)
        return PrepareCert(view, header, Signatures(pack_bitmap(set(members), len(self.validators)), signatures))

    def certificate(self, height: int, block_hash: bytes, signers: Iterable[int] = (0, 1, 2)) -> SealCert:
        """Return a SealCert by ``signers``."""
        members = sorted(signers)
        signatures = tuple(self._sign(i, SEAL_TYPE, seal_body(height, block_hash)) for i in members)
        return SealCert(0, height, block_hash, Signatures(pack_bitmap(set(members), len(self.validators)), signatures))

    def change(
        self, sender: int, new_view: int, *, stable: SealCert | None = None, prepared: Iterable[PrepareCert] = ()
    ) -> ViewChange:
        """Return a VIEW-CHANGE."""
        height = 0 if stable is None else stable.height
        return self.signed(ViewChange(0, sender, new_view, height, stable, tuple(prepared), b""))

    def new_view(
        self, view: int, changes: Iterable[ViewChange], *, base: int = 0, forced: Iterable[bytes] = ()
    ) -> NewView:
        """Return a NEW-VIEW by the view's leader."""
        return self.signed(NewView(0, self.validators.leader(view), view, tuple(changes), base, tuple(forced), b""))

    def signed(self, message: ViewChange | NewView) -> ViewChange | NewView:
        """Return the message with its sender's signature."""
        return replace(message, signature=self._sign(message.sender, int(message.TYPE), message.body()))

    def recovery(self, records: Iterable[Record] = (), **changes: object) -> Recovery:
        """Return what a disk with nothing but the anchor and these log records gives."""
        empty = Recovery(self.anchor, (), None, (), tuple(records))
        return replace(empty, **changes)

    def replica(self, index: int, recovery: Recovery | None = None, *, guard_key: bool = False) -> Replica:
        """Return a replica that has not started.

        Certificates of the kit carry any signatures, this replica's too: without ``guard_key`` that is no surprise.
        """
        return Replica(
            context=Context(self.suite, self.context.chain_id),
            validators=self.validators,
            index=index,
            signer=self.signers[index],
            settings=self.settings,
            body_matches=lambda header, body: self.suite.hash(body) == header.tx_root,
            recovery=self.recovery() if recovery is None else recovery,
            guard_key=guard_key,
        )


class Driver:
    """One started replica, the others played by the test; keeps what it emitted."""

    def __init__(self, kit: Kit, index: int = 1, recovery: Recovery | None = None, *, guard_key: bool = False) -> None:
        self.kit = kit
        self.index = index
        self.replica = kit.replica(index, recovery, guard_key=guard_key)
        self.now_ms = 0
        self.effects: list[Effect] = self.replica.start(0, CLOCK_MS)

    def step(self, event: Event) -> list[Effect]:
        """Drive the core and return the new effects."""
        fresh = self.replica.step(self.now_ms, event)
        self.effects.extend(fresh)
        return fresh

    def tick(self, now_ms: int) -> list[Effect]:
        """Let time pass and return what came of it."""
        self.now_ms = now_ms
        return self.step(Tick(CLOCK_MS + now_ms))

    def sync(self, *blocks: SealedBlock) -> list[Effect]:
        """Hand over blocks that others sealed, each without a certificate of its own."""
        return [effect for block in blocks for effect in self.step(Synced(block, None))]

    def receive(self, *messages: Message, peer: int | None = None) -> list[Effect]:
        """Deliver messages, each on its sender's link unless ``peer`` is given."""
        fresh: list[Effect] = []
        for message in messages:
            link = message.sender if peer is None else peer
            fresh += self.step(Received(link, encode_message(message), CLOCK_MS + self.now_ms))
        return fresh

    def sent(self, kind: type, effects: list[Effect] | None = None) -> list[Message]:
        """Return the messages of a type that left, to one or to all."""
        where = self.effects if effects is None else effects
        messages = [decode_message(e.data, self.kit.context) for e in where if isinstance(e, Broadcast | Send)]
        return [m for m in messages if isinstance(m, kind)]

    def of(self, kind: type, effects: list[Effect] | None = None) -> list[Effect]:
        """Return the effects of a type."""
        return [e for e in (self.effects if effects is None else effects) if isinstance(e, kind)]

    def rules(self, effects: list[Effect] | None = None) -> list[tuple[str, str]]:
        """Return rule and text of the traced steps."""
        return [(e.rule, e.what) for e in (self.effects if effects is None else effects) if isinstance(e, Trace)]

    def records(self) -> tuple[Record, ...]:
        """Return all log records so far."""
        return tuple(r for e in self.effects if isinstance(e, Persist) for r in e.records)


def exchange_all(drivers: dict[int, Driver], ahead: Callable[[Driver], None] = lambda _: None) -> None:
    """Deliver what the replicas send to one another until they are quiet; ``ahead`` acts before each message."""
    position = dict.fromkeys(drivers, 0)
    for _ in range(100):
        outgoing = [(i, e) for i, d in drivers.items() for e in d.of(Broadcast | Send, d.effects[position[i] :])]
        if not outgoing:
            return
        position = {i: len(d.effects) for i, d in drivers.items()}
        for sender, effect in outgoing:
            for receiver, driver in drivers.items():
                if receiver != sender and (isinstance(effect, Broadcast) or effect.peer == receiver):
                    ahead(driver)
                    driver.step(Received(sender, effect.data, CLOCK_MS + driver.now_ms))
    pytest.fail("the replicas never fall quiet")


@pytest.fixture
def kit() -> Kit:
    """Four validators."""
    return Kit()


@pytest.fixture
def make_kit() -> type[Kit]:
    """Return the builder of validator sets of any size."""
    return Kit


@pytest.fixture
def drive() -> type[Driver]:
    """Return the builder of driven replicas."""
    return Driver


@pytest.fixture
def exchange() -> Callable[..., None]:
    """Return what lets replicas talk until they are quiet."""
    return exchange_all
