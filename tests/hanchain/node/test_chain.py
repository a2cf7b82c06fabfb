"""The chain on disk: steps (a) to (c), what a crash leaves, what is served, and what consensus starts from."""

import dataclasses
from itertools import product

import pytest

from consensus import Replica, Settings
from consensus.interface import DecidedBlock, SealedBlock
from hanchain.ledger.proof import verify_bundle
from hanchain.ledger.reasons import Fault, Reason, Rejection
from hanchain.node import limits
from hanchain.node.catchup import CatchUp, body_matches
from hanchain.node.wire import BlocksRequest, OrderedRecord
from storage.errors import Conflict, Corruption, DiskFull
from storage.faulty import Faulty, PowerCut
from storage.memory import Memory
from storage.walformat import WalRecord


def hashes(chain):
    """Return the hash of every block."""
    return [chain.block_hash(height) for height in range(chain.height + 1)]


def refusal(call, *arguments):
    """Return why a call is rejected."""
    with pytest.raises(Rejection) as caught:
        call(*arguments)
    return caught.value.reason


def test_a_decision_is_stored_with_everything(world):
    """A decided block can be read back whole: header, body, receipts, ids, places, and what consensus is told."""
    chain = world.chain()
    transactions = [world.transaction(), world.transaction(user=1, gas_limit=1)]
    proposal = world.proposal(transactions, pview=2, proposer=3)
    stored = proposal.decide(chain)
    header = chain.header(1)
    assert (stored.height, stored.block_hash, stored.proposal_digest) == (1, header.hash(world.suite), proposal.digest)
    assert (stored.timestamp_ms, stored.view, stored.proposer) == (proposal.header.timestamp_ms, 2, 3)
    assert stored.transaction_ids == tuple(t.txid for t in transactions)
    assert chain.stored(1) == stored
    assert chain.height_of(stored.block_hash) == 1
    assert chain.transactions(1) == transactions
    assert [r.status.name for r in chain.receipts(1)] == ["OK", "OUT_OF_GAS"]
    location = chain.locate(transactions[1].txid)
    assert (location.height, location.index) == (1, 1)
    assert chain.receipt(location) == chain.receipts(1)[1]
    block = chain.block(1)
    assert (block.certificate, block.signers, block.transactions) == (None, (), tuple(t.encoded for t in transactions))


def test_genesis_is_a_block_without_transactions(world):
    """Height 0 is there from the start."""
    block = world.chain().block(0)
    assert block.header == world.genesis.block0
    assert (block.transactions, block.receipts, block.certificate) == ((), (), None)


def test_what_is_not_there_is_not_found(world):
    """Heights, hashes and proofs that do not exist are rejected as not_found; an unknown id has no place."""
    chain = world.chain()
    for call, argument in ((chain.header, 1), (chain.block_hash, 1), (chain.height_of, b"x" * 32), (chain.block, 1)):
        assert refusal(call, argument) is Reason.NOT_FOUND
    assert chain.locate(b"x" * 32) is None
    proposal = world.proposal([world.transaction()])
    proposal.decide(chain)
    assert refusal(chain.proof, chain.locate(proposal.transactions[0].txid)) is Reason.NOT_FOUND


def test_a_certified_block_is_provable(world):
    """Once a certificate is there the proof holds, and the block names who sealed it."""
    chain = world.chain()
    proposal = world.proposal([world.transaction()])
    stored = proposal.decide(chain)
    certificate = world.certificate(1, stored.block_hash, signers=(0, 2, 3))
    chain.certify(certificate)
    assert (chain.certificate(1), chain.block(1).signers) == (certificate, ("node0", "node2", "node3"))
    steps = verify_bundle(chain.proof(chain.locate(proposal.transactions[0].txid)), world.genesis)
    assert [step.ok for step in steps] == [True] * len(steps)


def test_deciding_again_only_answers(world):
    """A height that is stored is answered with the same values, and nothing is written."""
    blocks, state = Faulty(1), Faulty(2)
    chain = world.chain(blocks, state)
    proposals = world.proposals(2)
    first = [p.decide(chain) for p in proposals]
    writes = blocks.writes, state.writes
    assert [p.decide(chain) for p in proposals] == first
    assert (blocks.writes, state.writes) == writes


def test_another_decision_for_a_height_is_a_fault(world):
    """Two decisions for one height mean that we or consensus are wrong, whether the first was executed or not."""
    chain = world.chain()
    world.proposal([world.transaction()]).decide(chain)
    with pytest.raises(Fault, match="height 1 was decided differently before"):
        world.proposal([world.transaction()]).decide(chain)


def test_a_certificate_of_another_result_is_a_fault(world):
    """P9: a certificate over another hash than the one stored here is never stored."""
    chain, _ = world.sealed_chain(1)
    with pytest.raises(Fault, match="P9"):
        chain.certify(world.certificate(1, b"x" * 32))


def test_data_of_another_network_is_refused(world):
    """A block database whose genesis differs is refused before anything is written."""
    blocks = Faulty(1)
    world.chain(blocks).close()
    writes = blocks.writes
    other = dataclasses.replace(world.genesis, chain_name="other-chain")
    stranger = type(world)()
    stranger.genesis = other
    with pytest.raises(Rejection, match="belongs to another network") as caught:
        stranger.chain(blocks)
    assert caught.value.reason is Reason.WRONG_CHAIN
    assert blocks.writes == writes + 1  # opening the store proves that what it holds is durable


def crashed(world, proposals, seed, boundary, which):
    """Cut the power of a store at its nth write, recover, and return the recovered chain and where it stood."""
    stores = {"blocks": Faulty(seed), "state": Faulty(seed + 1)}
    chain = world.chain(stores["blocks"], stores["state"])
    stores[which].cut_power_at(boundary)
    finished = 0
    try:
        for proposal in proposals:
            stored = proposal.decide(chain)
            finished = stored.height
            chain.certify(world.certificate(stored.height, stored.block_hash))
    except PowerCut:
        pass
    for store in stores.values():
        store.crash()
    return world.chain(stores["blocks"], stores["state"]), finished


def test_a_crash_at_every_write_loses_nothing_that_was_answered(world):
    """Whatever write the power cut hits, in either database, recovery gives the same hashes as a run without it.

    What was answered is there, at most one more block is, and going on ends at the same head.
    """
    proposals = world.proposals(3)
    reference = world.chain()
    for proposal in proposals:
        proposal.decide(reference)
    seen = set()
    for which, boundary, seed in product(("blocks", "state"), range(1, 10), range(4)):
        chain, finished = crashed(world, proposals, seed, boundary, which)
        where = f"power cut at write {boundary} of {which}, seed {seed}"
        assert finished <= chain.height <= finished + 1, where
        assert hashes(chain) == hashes(reference)[: chain.height + 1], where
        seen.add((which, finished, chain.height))
        Replica(**replica_arguments(world, chain))
        for proposal in proposals:
            proposal.decide(chain)
        assert hashes(chain) == hashes(reference), where
    assert {("blocks", 0, 0), ("blocks", 0, 1), ("state", 0, 1), ("blocks", 2, 3)} <= seen


def replica_arguments(world, chain, records=()):
    """Return what a replica is made of."""
    return {
        "context": world.genesis.context,
        "validators": world.genesis.validator_set,
        "index": 0,
        "signer": world.keys[0],
        "settings": Settings(),
        "body_matches": lambda header, body: body_matches(header, body, world.suite),
        "recovery": chain.recovery(list(records)),
    }


def test_after_a_failure_nothing_more_is_stored(world):
    """When a step fails, the decisions that wait behind it fail too, so that a restart finds no hole to close."""
    proposals = world.proposals(3)
    for boundary in (1, 2):  # the ordered log, the block
        blocks, state = Faulty(1), Faulty(2)
        chain = world.chain(blocks, state)
        proposals[0].decide(chain)
        blocks.fill_disk_at(boundary)
        with pytest.raises(DiskFull):
            proposals[1].decide(chain)
        blocks.free_disk()
        with pytest.raises(Fault, match="an earlier block could not be stored: the test's disk is full"):
            proposals[2].decide(chain)
        recovered = world.chain(blocks, state)
        assert recovered.height == boundary
        assert [p.decide(recovered).height for p in proposals] == [1, 2, 3]


def test_a_lost_state_is_made_again(world):
    """An empty or old state is brought up to the blocks from the ordered log, and gives the same next block."""
    proposals = world.proposals(4)
    blocks, state, old = Memory(), Memory(), Memory()
    chain = world.chain(blocks, state)
    for number, proposal in enumerate(proposals[:3]):
        proposal.decide(chain)
        if number == 0:
            copy(state, old)
    for lost in (Memory(), old):
        kept = Memory()
        copy(blocks, kept)
        recovered = world.chain(kept, lost)
        recovered_hash = proposals[3].decide(recovered).block_hash
        assert hashes(recovered)[:4] == hashes(chain)
        assert recovered_hash == proposals[3].decide(world.chain(kept, Memory())).block_hash


def copy(source, target):
    """Copy a store."""
    for key, value in source.iterate():
        target.put(key, value)


def test_a_state_of_other_blocks_is_refused(world):
    """A state database that is ahead of the blocks, or of another history, is a fault at the start."""
    ahead = Memory()
    chain = world.chain(Memory(), ahead)
    for proposal in world.proposals(3):
        proposal.decide(chain)
    with pytest.raises(Fault, match="the state is that of block 3, the last stored block is 0"):
        world.chain(Memory(), ahead)
    blocks = Memory()
    other = world.chain(blocks)
    for proposal in world.proposals(3):
        proposal.decide(other)
    with pytest.raises(Fault, match="the state is that of another block 3"):
        world.chain(blocks, ahead)


def test_damage_in_the_ordered_log_stops_recovery(world):
    """A damaged record is never executed."""
    blocks = Faulty(3)
    chain = world.chain(blocks)
    world.proposal([world.transaction()]).decide(chain)
    for key, _ in list(blocks.iterate(b"o")):
        blocks.flip_bit(key)
    with pytest.raises(Corruption, match="ordered/1"):
        world.chain(blocks)


def verified(world, chain, request):
    """Return what a peer's answer amounts to."""
    catchup = CatchUp(world.suite, world.context, world.genesis.validator_set, world.genesis.validators_hash)
    response = chain.serve(request, chain.height)
    return catchup.verify(response, chain.block_hash(request.from_height - 1))


def test_a_verified_block_is_adopted_as_if_decided_here(world):
    """Adopting the blocks of another chain gives the same hashes and certificates; doing it twice is harmless."""
    source, _ = world.sealed_chain(3, uncertified={2})
    chain = world.chain()
    for _ in range(2):
        for block in verified(world, source, BlocksRequest(1, 3)):
            chain.adopt(block)
    assert hashes(chain) == hashes(source)
    assert [chain.certificate(h) is None for h in (1, 2, 3)] == [False, True, False]


def test_a_divergent_result_is_a_fault(world):
    """P9: a sealed block that executes to another hash here stops this node."""
    source, _ = world.sealed_chain(1)
    (block,) = verified(world, source, BlocksRequest(1, 1))
    lie = dataclasses.replace(block, block_hash=b"x" * 32)
    with pytest.raises(Fault, match="P9: executing height 1 gives"):
        world.chain().adopt(lie)


def served(chain, from_height, count, sealed=None):
    """Return what is served as (header only?, certified?) pairs."""
    response = chain.serve(BlocksRequest(from_height, count), chain.height if sealed is None else sealed)
    assert response.from_height == from_height
    return [(not block.ordered, bool(block.certificate)) for block in response.blocks]


def test_serving_is_bounded_by_what_was_asked_and_sealed(world):
    """No more than asked for, nothing above the sealed height, nothing beyond the end."""
    chain, _ = world.sealed_chain(4)
    assert served(chain, 2, 2) == [(False, True)] * 2
    assert served(chain, 3, 100) == [(False, True)] * 2
    assert served(chain, 1, 100, sealed=2) == [(False, True)] * 2
    assert served(chain, 5, 1) == []


def test_serving_is_bounded_in_bytes(world, monkeypatch):
    """At least one block is sent, and no second one that would exceed the bytes of a response."""
    chain, _ = world.sealed_chain(3)
    monkeypatch.setattr(limits, "SYNC_BYTES_MAX", 10)
    assert served(chain, 1, 3) == [(False, True)]


def test_blocks_without_a_certificate_come_with_headers_up_to_one(world, monkeypatch):
    """A block covered only by a later certificate is served with the headers that lead there, and verifies."""
    chain, _ = world.sealed_chain(5, uncertified={2, 3, 5})
    assert served(chain, 2, 1) == [(False, False), (True, False), (True, True)]
    assert served(chain, 5, 1) == []  # nothing covers it yet
    assert served(chain, 1, 100) == [(False, True), (False, False), (False, False), (False, True)]
    monkeypatch.setattr(limits, "SYNC_BYTES_MAX", 10)
    assert served(chain, 2, 3) == [(False, False), (True, False), (True, True)]
    blocks = verified(world, chain, BlocksRequest(2, 3))
    assert [(b.header.height, b.certificate) for b in blocks] == [(2, None)]


def test_served_records_are_those_of_the_ordered_log(world):
    """What is served is exactly what was decided."""
    chain, proposals = world.sealed_chain(1)
    (block,) = chain.serve(BlocksRequest(1, 1), 1).blocks
    record = OrderedRecord.decode(block.ordered, world.suite)
    assert (record.header, record.body, record.commit_certificate) == (
        proposals[0].header,
        proposals[0].body,
        b"commits",
    )


def test_consensus_starts_from_what_is_here(world):
    """Recovery names the anchor, the certified blocks, the decided ones above them, and the log's records."""
    chain, proposals = world.sealed_chain(4, uncertified={3, 4})
    recovery = chain.recovery([WalRecord(2, b"vote")])

    def sealed(height):
        proposal = proposals[height - 1]
        return SealedBlock(height, chain.block_hash(height), proposal.digest, proposal.header.timestamp_ms, 0)

    assert recovery.anchor == SealedBlock(
        0, world.genesis.block0.hash(world.suite), world.genesis.chain_id, world.genesis.time_ms, 0
    )
    assert recovery.sealed == (sealed(1), sealed(2))
    assert recovery.certificate == world.certificate(2, chain.block_hash(2))
    assert recovery.decided == tuple(
        DecidedBlock(proposals[h - 1].header, proposals[h - 1].body, chain.block_hash(h)) for h in (3, 4)
    )
    assert [(int(r.kind), r.payload) for r in recovery.records] == [(2, b"vote")]


def test_a_replica_starts_where_the_chain_ends(world):
    """A replica made from the recovery has the chain's executed height and its certified one."""
    for uncertified, stable in (((), 4), ((3, 4), 2), ((1, 2, 3, 4), 0)):
        chain, _ = world.sealed_chain(4, uncertified=uncertified)
        snapshot = Replica(**replica_arguments(world, chain)).snapshot()
        assert (snapshot.executed_height, snapshot.stable_height, snapshot.halted) == (4, stable, None)


def test_certificates_lost_in_a_crash_are_no_harm(world):
    """Certificates are not synced: with all of them gone the decided blocks remain, and sealing them again goes on."""
    proposal = world.proposal([world.transaction()])
    kept = set()
    for seed in range(8):
        blocks, state = Faulty(seed), Faulty(seed)
        chain = world.chain(blocks, state)
        stored = proposal.decide(chain)
        chain.certify(world.certificate(1, stored.block_hash))
        blocks.crash()
        state.crash()
        recovered = world.chain(blocks, state)
        kept.add(recovered.certificate(1) is not None)
        assert Replica(**replica_arguments(world, recovered)).snapshot().executed_height == 1, f"seed {seed}"
        again = world.certificate(1, stored.block_hash, signers=(1, 2, 3))
        recovered.certify(again)
        assert recovered.certificate(1) == again, f"seed {seed}"
    assert kept == {True, False}, "the seeds show both"


def test_the_store_itself_refuses_a_second_truth(world):
    """A block recovered to other bytes than the stored ones is a conflict, not silently replaced."""
    blocks, state = Memory(), Memory()
    chain = world.chain(blocks, state)
    world.proposal([world.transaction()]).decide(chain)
    key, _ = next(iter(blocks.iterate(b"r")))
    blocks.delete(key)
    with pytest.raises(Conflict):
        world.chain(blocks, Memory())
