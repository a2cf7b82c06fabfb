"""The bad disk for key-value stores does what it says: loses suffixes, keeps batches whole, and breaks on order."""

import pytest

from storage.errors import Closed, DiskFull
from storage.faulty import Faulty, PowerCut
from storage.kv import WriteBatch


def numbered(number: int) -> WriteBatch:
    """Return a batch of two entries that belong together."""
    batch = WriteBatch()
    batch.put(b"left%d" % number, b"")
    batch.put(b"right%d" % number, b"")
    return batch


def survivors(store: Faulty) -> tuple[set[int], set[int]]:
    """Return which left and which right halves are there."""
    left = {int(key[4:]) for key, _ in store.iterate(b"left")}
    right = {int(key[5:]) for key, _ in store.iterate(b"right")}
    return left, right


def test_a_crash_keeps_a_prefix_of_whole_batches_with_everything_synced() -> None:
    """Over many seeds every possible prefix occurs, none shorter than the last sync, and no batch is split."""
    lengths = set()
    for seed in range(200):
        store = Faulty(seed)
        for number in range(6):
            store.write(numbered(number), sync=number == 2)
        store.crash()
        left, right = survivors(store)
        assert left == right == set(range(len(left))), f"seed {seed}"
        lengths.add(len(left))
    assert lengths == {3, 4, 5, 6}


def test_a_torn_batch_on_order() -> None:
    """With `tear` some seed leaves half a batch, which the default never does."""
    torn = 0
    for seed in range(100):
        store = Faulty(seed)
        store.write(numbered(0))
        store.crash(tear=True)
        left, right = survivors(store)
        torn += left != right
    assert torn > 0


def test_a_power_cut_at_a_chosen_write() -> None:
    """The chosen write raises `PowerCut`, everything is `Closed` until `crash`, and then works again."""
    store = Faulty(seed=3)
    store.put(b"a", b"", sync=True)
    store.cut_power_at(2)
    store.put(b"b", b"", sync=True)
    with pytest.raises(PowerCut):
        store.put(b"c", b"", sync=True)
    with pytest.raises(Closed):
        store.put(b"d", b"")
    with pytest.raises(Closed):
        store.get(b"a")
    store.crash()
    assert [key for key, _ in store.iterate()][:2] == [b"a", b"b"]
    store.put(b"d", b"")


def test_a_full_disk_takes_nothing() -> None:
    """While the disk is full writes say `DiskFull` and change nothing; afterwards they work."""
    store = Faulty(seed=1)
    store.fill_disk_at(1)
    with pytest.raises(DiskFull):
        store.put(b"a", b"")
    assert list(store.iterate()) == []
    store.free_disk()
    store.put(b"a", b"")
    assert list(store.iterate()) == [(b"a", b"")]


def test_a_flipped_bit_is_one_bit_and_stays() -> None:
    """Exactly the reported bit differs, also after a crash."""
    store = Faulty(seed=1)
    store.put(b"a", bytes(8))
    bit = store.flip_bit(b"a")
    store.crash()
    assert store.get(b"a") == (1 << bit).to_bytes(8, "little")


def test_closing_cleanly_loses_nothing() -> None:
    """What was written before `close` is there after a crash of the closed store."""
    store = Faulty(seed=1)
    store.put(b"a", b"1")
    store.close()
    store.crash()
    assert store.get(b"a") == b"1"
