"""The state tree against its definition: a naive twin builds every tree from scratch, and the roots are the same."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.checksum import seal
from storage.errors import Corruption
from storage.faulty import Faulty
from storage.kv import KeyValue, WriteBatch
from storage.memory import Memory
from storage.state import StateStore
from storage.treeproof import TreeProof

VECTORS = Path(__file__).parent.parent / "vectors" / "state_tree.json"

Hash = Callable[[bytes], bytes]
State = Mapping[bytes, bytes]


def sha256(data: bytes) -> bytes:
    """Return the hash that most tests use."""
    return hashlib.sha256(data).digest()


def crowded(data: bytes) -> bytes:
    """Return 20 bytes that, for a key `<name>/<hex digits>`, begin with these digits: paths share what a test wants."""
    rest = hashlib.sha256(data).digest()
    if data[:1] != b"\x02" or b"/" not in data:
        return rest[:20]
    return bytes.fromhex(data.partition(b"/")[2].decode().ljust(32, "0")) + rest[:4]


def naive_nodes(state: State, hasher: Hash) -> dict[tuple[int, ...], bytes]:
    """Return every node of the tree with this content by its prefix, following the definition word by word."""
    leaves = {hasher(b"\x02" + key): hasher(b"\x03" + value) for key, value in state.items()}
    half_bytes = {path: tuple(half for byte in path for half in (byte // 16, byte % 16)) for path in leaves}
    nodes: dict[tuple[int, ...], bytes] = {}

    def node(prefix: tuple[int, ...], paths: list[bytes]) -> bytes:
        inner = ones = twos = 0
        contents = b""
        for slot in range(16):
            inside = [path for path in paths if half_bytes[path][len(prefix)] == slot]
            if len(inside) > 3:
                inner += 2**slot
                contents += hasher(node((*prefix, slot), inside))
            else:
                ones += 2**slot * (len(inside) % 2)
                twos += 2**slot * (len(inside) // 2)
                contents += b"".join(path + leaves[path] for path in inside)
        nodes[prefix] = b"\x01" + b"".join(bits.to_bytes(2, "big") for bits in (inner, ones, twos)) + contents
        return nodes[prefix]

    node((), sorted(leaves))
    return nodes


def naive_root(state: State, hasher: Hash) -> bytes:
    """Return the root of the tree with this content."""
    return hasher(naive_nodes(state, hasher)[()])


def naive_proof(state: State, key: bytes, hasher: Hash) -> TreeProof:
    """Return the nodes on the way to a key, root first."""
    nodes = naive_nodes(state, hasher)
    path = tuple(half for byte in hasher(b"\x02" + key) for half in (byte // 16, byte % 16))
    return TreeProof(tuple(nodes[path[:depth]] for depth in range(len(path)) if path[:depth] in nodes))


def apply(store: StateStore, database: KeyValue, writes: Mapping[bytes, bytes | None]) -> None:
    """Apply one block's writes and store them."""
    store.root_after(tuple(sorted(writes.items())))
    batch = WriteBatch()
    store.commit_into(batch)
    database.write(batch, sync=True)
    store.committed()


def after(state: State, writes: Mapping[bytes, bytes | None]) -> dict[bytes, bytes]:
    """Return the content after a block's writes."""
    return {key: value for key, value in {**state, **writes}.items() if value is not None}


def many(random: Random, changes: int) -> dict[bytes, bytes | None]:
    """Return changes to a thousand keys, two thirds of them values, the rest deletions."""
    keys = random.sample(range(1000), changes)
    return {b"key %d" % key: random.randbytes(2) if random.random() < 0.67 else None for key in keys}


SPREAD_KEYS = st.integers(0, 60).map(lambda number: b"key %d" % number)
# Prefixes shared to 0, 1, 5, 6, 31 or all 32 of the digits that the hash takes from the key.
CROWDED_KEYS = st.tuples(
    st.integers(0, 9),
    st.sampled_from(["", "a", "abcde0", "abcde1", "abcdef", "f" * 31 + "0", "f" * 31 + "1", "f" * 32]),
).map(lambda parts: b"%d/%s" % (parts[0], parts[1].encode()))


def blocks_of(keys: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[dict[bytes, bytes | None]]]:
    """Return lists of blocks of writes to such keys, more of them values than deletions."""
    return st.lists(st.dictionaries(keys, st.one_of(st.binary(max_size=3), st.none()), max_size=30), max_size=6)


@given(
    st.sampled_from([(sha256, 0), (crowded, 0), (sha256, 1 << 20), (crowded, 1 << 20)]).flatmap(
        lambda how: st.tuples(st.just(how), blocks_of(SPREAD_KEYS if how[0] is sha256 else CROWDED_KEYS))
    )
)
def test_the_root_depends_on_the_content_only(case: tuple[tuple[Hash, int], list[dict[bytes, bytes | None]]]) -> None:
    """After any blocks, deletions and long shared prefixes included, with and without a cache, the root is the twin's.

    And what is stored is what a database would hold into which the final content had been written at once.
    """
    (hasher, cache_bytes), blocks = case
    database, state = Memory(), dict[bytes, bytes]()
    store = StateStore(database, hasher, cache_bytes=cache_bytes)
    for writes in blocks:
        apply(store, database, writes)
        state = after(state, writes)
        assert store.root == naive_root(state, hasher)
    assert StateStore(database, hasher).root == store.root
    fresh = Memory()
    apply(StateStore(fresh, hasher), fresh, dict(state))
    assert dict(database.iterate(b"n")) == dict(fresh.iterate(b"n"))
    assert dict(store.scan()) == state


@given(blocks_of(CROWDED_KEYS), CROWDED_KEYS)
def test_proofs_are_the_twin_s(blocks: list[dict[bytes, bytes | None]], key: bytes) -> None:
    """The proof of any key, there or not, is the twin's nodes on the way to it."""
    database, state = Memory(), dict[bytes, bytes]()
    store = StateStore(database, crowded, cache_bytes=0)
    for writes in blocks:
        apply(store, database, writes)
        state = after(state, writes)
    assert store.prove(key) == (state.get(key), naive_proof(state, key, crowded).encode())


@pytest.mark.parametrize("cache_bytes", [0, 20_000, 1 << 20])
def test_a_long_history(cache_bytes: int) -> None:
    """Forty blocks over a thousand keys, with a reopened store now and then, keep to the twin's root."""
    for seed in range(3):
        random = Random(seed)
        database, state = Memory(), dict[bytes, bytes]()
        store = StateStore(database, sha256, cache_bytes=cache_bytes)
        for block in range(40):
            writes = many(random, random.choice([0, 1, 10, 300]))
            apply(store, database, writes)
            state = after(state, writes)
            if random.random() < 0.2:
                store = StateStore(database, sha256, cache_bytes=cache_bytes)
            assert store.root == naive_root(state, sha256), f"seed {seed}, block {block}"
            assert store._tree._cache_bytes <= cache_bytes, f"seed {seed}, block {block}"


def test_the_cache_counts_what_it_holds() -> None:
    """The bytes that the cache believes to hold are those of its nodes, through growth, removal and eviction."""
    random, database = Random(7), Memory()
    store = StateStore(database, crowded, cache_bytes=30_000)
    tree = store._tree
    for _ in range(60):
        numbers = [random.choice([0, 0xABC00000]) + random.randrange(256) for _ in range(40)]
        keys = [f"k/{number:08x}".encode() for number in numbers]
        keep = random.choice([0.2, 0.9])
        apply(store, database, {key: b"value" if random.random() < keep else None for key in keys})
        store.prove(keys[0])
        held = [node for level in tree._levels[4:] for node in level.values()]
        assert tree._cache_bytes == sum(len(node) + 150 for node in held)
        assert tree._cache_bytes <= 30_000


def test_nothing_is_shown_before_it_is_current() -> None:
    """Staging twice, and proving meanwhile, leave the current state alone; what was staged last counts."""
    database, random = Memory(), Random(3)
    store = StateStore(database, sha256, cache_bytes=0)
    state = after({}, many(random, 500))
    apply(store, database, dict(state))
    root, entries = store.root, dict(database.iterate())
    store.root_after(tuple(sorted(many(random, 200).items())))
    wanted = many(random, 200)
    staged = store.root_after(tuple(sorted(wanted.items())))
    for key in (b"key 1", b"key 2", b"key 3"):
        assert store.prove(key) == (state.get(key), naive_proof(state, key, sha256).encode())
    assert (store.root, dict(database.iterate())) == (root, entries)
    batch = WriteBatch()
    store.commit_into(batch)
    database.write(batch)
    store.committed()
    assert store.root == staged == naive_root(after(state, wanted), sha256)


def test_proving_does_not_drop_what_is_staged_upon() -> None:
    """With no room in the cache, proofs asked for between staging and commit leave the staged batch whole."""
    database = Memory()
    store = StateStore(database, crowded, cache_bytes=0)
    state: dict[bytes, bytes] = {b"k/abcde%03x" % number: b"value" for number in range(400)}
    apply(store, database, dict(state))
    writes: dict[bytes, bytes | None] = {key: b"new" if number % 3 else None for number, key in enumerate(state)}
    store.root_after(tuple(sorted(writes.items())))
    for key in list(state)[::7]:
        assert store.prove(key) == (b"value", naive_proof(state, key, crowded).encode())
    batch = WriteBatch()
    store.commit_into(batch)
    database.write(batch)
    store.committed()
    assert store.root == StateStore(database, crowded).root == naive_root(after(state, writes), crowded)
    assert store._tree._cache_bytes == 0


def test_writes_that_change_nothing_leave_the_root() -> None:
    """Setting values that are there, and deleting what is not, keeps the root and writes nothing of the tree."""
    database = Memory()
    store = StateStore(database, crowded)
    state = {b"%d/abcde%03x" % (name, number): b"" for number in range(400) for name in range(1 + number % 2)}
    apply(store, database, dict(state))
    root, entries = store.root, dict(database.iterate())
    batch = WriteBatch()
    store.root_after(tuple(sorted({**state, b"never there": None}.items())))
    store.commit_into(batch)
    assert [key for key, _ in batch.operations if key[:1] == b"n"] == []
    apply(store, database, {**state, b"never there": None})
    assert (store.root, dict(database.iterate())) == (root, entries)


def wide_and_deep(number: int) -> bytes:
    """Return a key of 3,000: one half of the paths is spread, the other shares five digits."""
    return b"%d" % number if number < 1500 else b"k/abcde%03x" % number


@pytest.fixture
def stored() -> Faulty:
    """Give a database with a state of 3,000 keys."""
    database = Faulty(seed=1)
    store = StateStore(database, crowded)
    apply(store, database, {wide_and_deep(number): b"%d" % number for number in range(3000)})
    return database


def read_everything(database: KeyValue) -> list[object]:
    """Open the state and read all of it, values and proofs."""
    store = StateStore(database, crowded, cache_bytes=0)
    proofs = [store.prove(wide_and_deep(number)) for number in range(3000)]
    return [store.root, list(store.scan()), proofs]


def test_a_flipped_bit_anywhere_is_found_where_it_is(stored: Faulty) -> None:
    """Whatever stored entry is damaged, reading the state raises `Corruption` that names that very entry."""
    whole = read_everything(stored)
    names = {b"v": "state value ", b"n": "state tree entry ", b"r": "state root"}
    entries = [key for key, _ in stored.iterate()]
    chosen = [*Random(5).sample(entries, 20), *Random(5).sample([key for key, _ in stored.iterate(b"n\x06")], 5), b"r"]
    for key in chosen:
        bit = stored.flip_bit(key)
        with pytest.raises(Corruption) as found:
            read_everything(stored)
        place = {b"v": key[1:].hex(), b"n": f"{key[1]}/{key[2:].hex()}" if key != b"r" else "", b"r": ""}[key[:1]]
        assert found.value.location == names[key[:1]] + place, (key, bit)
        stored.flip_bit(key, bit)
    assert read_everything(stored) == whole


def test_a_lost_entry_is_found(stored: Faulty) -> None:
    """An entry of the tree, or the root, that is not there any more is `Corruption`: of its node, if that is deep."""
    entries = [key for key, _ in stored.iterate(b"n")]
    deep = [key for key in entries if key[1] > 5]
    for key in [*Random(6).sample(entries, 10), *Random(6).sample(deep, 5)]:
        value = stored.get(key)
        assert value is not None
        stored.delete(key)
        with pytest.raises(Corruption) as found:
            read_everything(stored)
        node = f"state tree node {key[2:].hex()[: key[1] - 1]}"
        assert found.value.location == (node if key[1] > 4 else "state tree"), key
        stored.put(key, value)
    stored.delete(b"r")
    with pytest.raises(Corruption, match="state root"):
        StateStore(stored, crowded)


def test_an_old_entry_is_found(stored: Faulty) -> None:
    """An entry as it was before the last block, good checksum and all, is not taken for the current one."""
    before = dict(stored.iterate(b"n"))
    apply(StateStore(stored, crowded), stored, {wide_and_deep(number): b"new" for number in range(0, 3000, 50)})
    changed = [key for key, value in stored.iterate(b"n") if key in before and before[key] != value]
    for key in [*Random(8).sample(changed, 10), *[key for key in changed if key[1] > 5][:5]]:
        value = stored.get(key)
        assert value is not None
        stored.put(key, before[key])
        with pytest.raises(Corruption):
            read_everything(stored)
        stored.put(key, value)


def test_an_entry_that_does_not_belong_is_found(stored: Faulty) -> None:
    """Leaves too many in a slot, and leaves beside a digest, are `Corruption` wherever a node would read them."""
    for number in (10, 2000):
        path = crowded(b"\x02" + wide_and_deep(number))
        places = [depth for depth in range(40) if stored.get(b"n" + bytes([depth]) + path) is not None]
        assert len(places) == 1
        for depth in range(1, places[0] + 1):
            strays = [b"n" + bytes([depth]) + path[:-1] + bytes([path[-1] ^ flip]) for flip in range(1, 4)]
            for key in strays:
                stored.put(key, seal(key, bytes(20)))
            with pytest.raises(Corruption):
                read_everything(stored)
            for key in strays:
                stored.delete(key)
    read_everything(stored)


def test_another_hash_function_does_not_open_the_state(stored: Faulty) -> None:
    """A store opened under another suite says that its root is not the recorded one."""
    with pytest.raises(Corruption, match="state tree"):
        StateStore(stored, lambda data: crowded(b"another suite" + data))


def vectors() -> dict[str, object]:
    """Return the content of the vectors' file, made by the twin alone."""
    cases: list[dict[str, object]] = []
    for title, state, absent in (
        ("nothing", {}, [b"key"]),
        ("one key", {b"key": b"value"}, [b"", b"other"]),
        ("three keys in one slot of the root", {b"k%d" % number: b"v" for number in (1, 9, 13)}, [b"k21", b"k0"]),
        ("four keys in one slot of the root", {b"k%d" % number: b"v" for number in (1, 9, 13, 21)}, [b"k0"]),
        ("a hundred keys", {b"key %d" % number: b"value %d" % number for number in range(100)}, [b"key 100"]),
        ("empty key, empty value", {b"": b"", b"\x00": b"\x00"}, [b"\x00\x00"]),
    ):
        shown = [*list(state)[:3], *absent]
        cases.append(
            {
                "title": title,
                "state": {key.hex(): value.hex() for key, value in state.items()},
                "root": naive_root(state, sha256).hex(),
                "proofs": [
                    {
                        "key": key.hex(),
                        "value": None if (value := state.get(key)) is None else value.hex(),
                        "proof": naive_proof(state, key, sha256).encode().hex(),
                    }
                    for key in shown
                ],
            }
        )
    about = "State trees under plain SHA-256, and proofs in them; made by the naive twin in tests/storage/test_tree.py."
    return {"about": about, "cases": cases}


def test_vectors_are_what_the_definition_gives() -> None:
    """The published vectors are those of the twin; run this file as a program to write them again."""
    assert json.loads(VECTORS.read_text(encoding="utf-8")) == vectors()


def test_the_store_gives_the_vectors() -> None:
    """Roots and proofs of the published vectors come out of the store."""
    for case in json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]:
        database = Memory()
        store = StateStore(database, sha256)
        apply(store, database, {bytes.fromhex(key): bytes.fromhex(value) for key, value in case["state"].items()})
        assert store.root.hex() == case["root"], case["title"]
        for entry in case["proofs"]:
            value, proof = store.prove(bytes.fromhex(entry["key"]))
            assert (value and value.hex(), proof.hex()) == (entry["value"] or value, entry["proof"]), case["title"]


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
