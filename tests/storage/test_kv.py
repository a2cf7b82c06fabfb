"""One behaviour for all key-value stores: each is compared with a plain dictionary, operation by operation."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import Closed
from storage.faulty import Faulty
from storage.kv import KeyValue, Reader, WriteBatch
from storage.leveldb import LevelDB
from storage.memory import Memory

Factory = Callable[[Path], KeyValue]
FACTORIES: dict[str, Factory] = {
    "memory": lambda _directory: Memory(),
    "faulty": lambda _directory: Faulty(seed=1),
    "leveldb": lambda directory: LevelDB(directory / "db"),
}

# Few short keys, so that they collide, are prefixes of one another and touch the end of the key space.
keys = st.sampled_from(
    [b"", b"a", b"a\x00", b"a\xff", b"a\xff\xff", b"ab", b"b", b"\xff", b"\xff\xff", b"\xff\xff\x01"]
)
values = st.binary(max_size=3)
changes = st.lists(st.tuples(keys, st.none() | values), max_size=6)
queries = st.tuples(keys, st.none() | keys, st.booleans())


@pytest.fixture(params=FACTORIES)
def factory(request: pytest.FixtureRequest) -> Factory:
    """Each kind of store in turn."""
    return FACTORIES[request.param]


@pytest.fixture
def kv(factory: Factory, tmp_path: Path) -> Iterator[KeyValue]:
    """Give an empty store of each kind."""
    with closing(factory(tmp_path)) as store:
        yield store


def model_iterate(
    model: dict[bytes, bytes], prefix: bytes, start: bytes | None, *, reverse: bool
) -> list[tuple[bytes, bytes]]:
    """Say naively what `iterate` yields."""
    chosen = [item for item in model.items() if item[0].startswith(prefix)]
    if start is not None:
        chosen = [item for item in chosen if (item[0] <= start if reverse else item[0] >= start)]
    return sorted(chosen, reverse=reverse)


def everything(reader: Reader) -> list[tuple[bytes, bytes]]:
    """Read the whole store."""
    return list(reader.iterate())


@pytest.mark.parametrize("kind", FACTORIES)
@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.tuples(changes, st.booleans()), max_size=6), asked=st.lists(queries, max_size=8))
def test_every_store_is_a_dictionary(
    kind: str,
    batches: list[tuple[list[tuple[bytes, bytes | None]], bool]],
    asked: list[tuple[bytes, bytes | None, bool]],
) -> None:
    """After any writes, reads, ranges in both directions and older snapshots answer as a dictionary does."""
    with TemporaryDirectory() as directory, closing(FACTORIES[kind](Path(directory))) as kv:
        model: dict[bytes, bytes] = {}
        for operations, sync in batches:
            before = dict(model)
            batch = WriteBatch()
            batch.operations = list(operations)
            with kv.snapshot() as snapshot:
                kv.write(batch, sync=sync)
                for key, value in operations:
                    if value is None:
                        model.pop(key, None)
                    else:
                        model[key] = value
                assert everything(snapshot) == sorted(before.items())
            assert everything(kv) == sorted(model.items())
        for prefix, start, reverse in asked:
            found = list(kv.iterate(prefix, start=start, reverse=reverse))
            assert found == model_iterate(model, prefix, start, reverse=reverse)
            assert kv.get(prefix) == model.get(prefix)


def test_iteration_is_of_the_moment_of_the_call(kv: KeyValue) -> None:
    """Writes after `iterate` was called, even before its first entry is taken, do not show in it."""
    kv.put(b"a", b"1")
    entries = kv.iterate()
    kv.put(b"b", b"2")
    kv.delete(b"a")
    assert list(entries) == [(b"a", b"1")]
    assert everything(kv) == [(b"b", b"2")]


def test_the_last_operation_on_a_key_wins_inside_a_batch(kv: KeyValue) -> None:
    """A batch is applied in order, and can be reused and read by its owner."""
    batch = WriteBatch()
    batch.put(b"a", b"1")
    batch.delete(b"a")
    batch.put(b"a", b"2")
    batch.delete(b"b")
    kv.write(batch)
    assert batch.operations == [(b"a", b"1"), (b"a", None), (b"a", b"2"), (b"b", None)]
    assert (everything(kv), len(batch)) == ([(b"a", b"2")], 4)


def test_a_snapshot_stays_and_closes(kv: KeyValue) -> None:
    """A snapshot keeps its moment through later writes, and refuses to be read once closed."""
    kv.put(b"a", b"1")
    with kv.snapshot() as snapshot:
        kv.put(b"a", b"2")
        assert (snapshot.get(b"a"), kv.get(b"a")) == (b"1", b"2")
    with pytest.raises(Closed):
        snapshot.get(b"a")
    with pytest.raises(Closed):
        snapshot.iterate()
    snapshot.close()


def test_everything_ends_when_the_store_is_closed(kv: KeyValue) -> None:
    """After `close`, which can be repeated, each operation, open snapshot and running iteration says `Closed`."""
    kv.put(b"a", b"1")
    kv.put(b"b", b"1")
    entries, snapshot = kv.iterate(), kv.snapshot()
    next(entries)
    kv.close()
    kv.close()
    operations: list[Callable[[], object]] = [
        lambda: kv.get(b"a"),
        lambda: kv.put(b"a", b"2"),
        lambda: kv.delete(b"a"),
        lambda: kv.write(WriteBatch()),
        kv.iterate,
        kv.snapshot,
        lambda: snapshot.get(b"a"),
        lambda: next(entries),
    ]
    for operation in operations:
        with pytest.raises(Closed):
            operation()
    snapshot.close()
