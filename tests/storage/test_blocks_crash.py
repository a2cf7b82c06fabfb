"""Power is cut at every write of a chain's life: the store reopens consistent, with everything it had acknowledged."""

from dataclasses import dataclass

import pytest

from storage.blocks import BlockRecord, BlockStore, Location
from storage.errors import Conflict, Corruption, DiskFull
from storage.faulty import Faulty, PowerCut

HEIGHTS = 5


def block(height: int) -> BlockRecord:
    """Return the one block that execution gives for a height."""
    return BlockRecord(
        height=height,
        block_hash=b"hash %d" % height,
        header=b"header %d" % height,
        receipts=tuple(b"receipt %d/%d" % (height, index) for index in range(70)),
        transaction_ids=tuple(b"id %d/%d" % (height, index) for index in range(70)),
        senders=(b"alice",) * 70,
    )


@dataclass
class Acknowledged:
    """What the store has said is durable."""

    ordered: int = 0
    height: int = -1


def run(store: BlockStore, acknowledged: Acknowledged) -> None:
    """Live through all heights as a node does: decide (a), execute and store (c), certify; replays included."""
    for height in range(HEIGHTS):
        if height:
            store.append_ordered(height, b"digest %d" % height, b"body %d" % height)
            acknowledged.ordered = max(acknowledged.ordered, height)
        store.append_block(block(height))
        acknowledged.height = max(acknowledged.height, height)
        store.put_certificate(height, b"certificate %d" % height)


def check(store: BlockStore, acknowledged: Acknowledged) -> None:
    """Assert that nothing acknowledged is lost and every block is there with all its parts or not at all."""
    assert acknowledged.ordered <= store.ordered_height <= acknowledged.ordered + 1
    assert acknowledged.height <= store.height <= acknowledged.height + 1
    assert store.height <= store.ordered_height
    assert list(store.damage()) == []
    for height in range(1, store.ordered_height + 1):
        assert store.ordered(height) == (b"digest %d" % height, b"body %d" % height)
    for height in range(HEIGHTS):
        expected, there = block(height), height <= store.height
        assert store.header(height) == (expected.header if there else None)
        assert store.receipts(height) == (expected.receipts if there else None)
        assert store.height_of(expected.block_hash) == (height if there else None)
        for index in (0, 69):
            found = store.locate(expected.transaction_ids[index])
            assert found == (Location(height, index) if there else None)
        assert store.certificate(height) in {None, b"certificate %d" % height}
    newest = store.by_sender(b"alice", 1)
    assert newest == ([Location(store.height, 69)] if store.height >= 0 else [])


def writes_of_a_life() -> int:
    """Return how many writes the whole schedule makes."""
    kv = Faulty(seed=0)
    run(BlockStore(kv), Acknowledged())
    return kv.writes


@pytest.mark.parametrize("cut", range(1, writes_of_a_life() + 1))
def test_power_cut_at_every_write(cut: int) -> None:
    """After a cut at any write the store is whole, and running the schedule again from the start completes it."""
    for seed in range(8):
        kv = Faulty(seed * 1000 + cut)
        acknowledged = Acknowledged()
        kv.cut_power_at(cut)
        with pytest.raises(PowerCut):
            run(BlockStore(kv), acknowledged)
        kv.crash()
        store = BlockStore(kv)
        try:
            check(store, acknowledged)
            run(store, acknowledged)
            check(store, acknowledged)
        except Exception as error:
            error.add_note(f"seed {seed}, power cut at write {cut}")
            raise
        assert (store.height, store.ordered_height, store.certified_height) == (HEIGHTS - 1,) * 3


@pytest.mark.parametrize("cut", range(1, writes_of_a_life() + 1))
def test_a_disk_that_fills_at_every_write(cut: int) -> None:
    """`DiskFull` at any write leaves a consistent store, and the same call succeeds once there is space."""
    kv = Faulty(seed=cut)
    acknowledged = Acknowledged()
    kv.fill_disk_at(cut)
    with pytest.raises(DiskFull):
        run(BlockStore(kv), acknowledged)
    kv.free_disk()
    store = BlockStore(kv)
    check(store, acknowledged)
    run(store, acknowledged)
    check(store, acknowledged)


def test_a_torn_batch_is_noticed() -> None:
    """If a disk ever broke the promise of atomic batches, half a block would be found, not served as a whole one."""
    noticed = 0
    for seed in range(100):
        kv = Faulty(seed)
        run(BlockStore(kv), Acknowledged())
        store = BlockStore(kv)
        kv.cut_power_at(2)
        store.append_ordered(HEIGHTS, b"digest", b"body")
        with pytest.raises(PowerCut):
            store.append_block(block(HEIGHTS))
        kv.crash(tear=True)
        store = BlockStore(kv)
        if store.height < HEIGHTS or store.by_sender(b"alice", 1) == [Location(HEIGHTS, 69)]:
            continue
        with pytest.raises((Conflict, Corruption)):
            store.append_block(block(HEIGHTS))
        noticed += 1
    assert noticed > 0
