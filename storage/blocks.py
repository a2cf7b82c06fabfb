"""The ordered log and the block store: two append-only sequences by height, and indexes into the second.

Everything is opaque bytes. The ordered log holds what consensus has decided (durability step a); the block store holds
what executing it produced (step c). Heights are consecutive in both, and the ordered log is never behind the blocks.
Every value is sealed with a checksum bound to its key; damage raises `Corruption` with the key, and is never served.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from storage import limits
from storage.checksum import seal, unseal
from storage.errors import Conflict, Corruption, Gap, UnsupportedFormat
from storage.kv import KeyValue, WriteBatch

FORMAT: Final = b"hanchain-blocks/1"

# First byte of a key: what the entry is. Heights are big-endian, so that key order is height order.
_FORMAT_KEY: Final = b"!"
_ORDERED: Final = b"o"  # height -> digest, record
_BLOCK: Final = b"b"  # height -> block hash, header, number of receipts
_HASH: Final = b"h"  # block hash -> height
_RECEIPTS: Final = b"r"  # height, group -> RECEIPTS_PER_GROUP receipts
_TRANSACTION: Final = b"t"  # transaction id -> height, index
_SENDER: Final = b"s"  # sender's length, sender, height, index -> nothing
_CERTIFICATE: Final = b"c"  # height -> certificate

_COMPONENTS: Final = {
    "ordered": _ORDERED,
    "blocks": _BLOCK,
    "hashes": _HASH,
    "receipts": _RECEIPTS,
    "transactions": _TRANSACTION,
    "senders": _SENDER,
    "certificates": _CERTIFICATE,
}

_HEIGHT: Final = Struct(">Q")
_GROUP: Final = Struct(">QI")  # height, number of the group in its block
_POSITION: Final = Struct(">QI")  # height, index in the block
_BLOCK_HEAD: Final = Struct(">IH")  # number of receipts, length of the block hash
_DIGEST_HEAD: Final = Struct(">H")  # length of the digest


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """Where a transaction is: block `height`, and `index` in that block, from 0."""

    height: int
    index: int


@dataclass(frozen=True, slots=True)
class BlockRecord:
    """What executing one decided proposal produced.

    `transaction_ids` and `senders` run in parallel, in block order; receipt i belongs to transaction i, and receipts
    that belong to no transaction follow. Ids are unique within a chain: the layers above see to that.
    """

    height: int
    block_hash: bytes
    header: bytes
    receipts: tuple[bytes, ...]
    transaction_ids: tuple[bytes, ...]
    senders: tuple[bytes, ...]


class BlockStore:
    """Ordered log, blocks, receipts and certificates in one `KeyValue`, which the store owns alone.

    One thread writes; any thread may read.

    Raises:
        UnsupportedFormat: the store was written by another version of this format.
        Corruption: the newest entries are damaged.

    """

    def __init__(self, kv: KeyValue) -> None:
        self._kv = kv
        self._check_format()
        # Derived from the keys rather than stored beside them: two truths could disagree.
        self._ordered_height = self._last_height(_ORDERED, 0)
        self._height = self._last_height(_BLOCK, -1)
        self._certified_height = self._last_height(_CERTIFICATE, -1)

    @property
    def ordered_height(self) -> int:
        """The height of the newest ordered record, 0 if there is none (genesis is not ordered)."""
        return self._ordered_height

    @property
    def height(self) -> int:
        """The height of the newest block, -1 if there is none."""
        return self._height

    @property
    def certified_height(self) -> int:
        """The greatest height that has a certificate, -1 if there is none."""
        return self._certified_height

    def append_ordered(self, height: int, digest: bytes, record: bytes) -> None:
        """Store the decided proposal of `height`, durably when this returns; storing the same again does nothing.

        Raises:
            Gap: `height` is neither stored nor the next one.
            Conflict: something else is stored at `height`: two decisions for one height.

        """
        assert len(digest) <= limits.DIGEST_BYTES_MAX, f"a digest of {len(digest)} bytes"
        if not 1 <= height <= self._ordered_height + 1:
            raise Gap("ordered log", self._ordered_height + 1, height)
        batch = WriteBatch()
        key = _ORDERED + _HEIGHT.pack(height)
        batch.put(key, seal(key, _DIGEST_HEAD.pack(len(digest)) + digest + record))
        if height <= self._ordered_height:
            self._require_same(batch, "the ordered record", height)
            return
        self._kv.write(batch, sync=True)
        self._ordered_height = height

    def ordered(self, height: int) -> tuple[bytes, bytes] | None:
        """Return (digest, record) of the decided proposal of `height`, or None above `ordered_height` and for 0.

        Raises:
            Corruption: the record is damaged or gone.

        """
        if not 1 <= height <= self._ordered_height:
            return None
        value = self._read_existing(_ORDERED + _HEIGHT.pack(height))
        start = _DIGEST_HEAD.size + _DIGEST_HEAD.unpack_from(value)[0]
        return value[_DIGEST_HEAD.size : start], value[start:]

    def append_block(self, block: BlockRecord) -> None:
        """Store a block with its receipts and indexes in one durable batch; storing the same again does nothing.

        Raises:
            Gap: the height is neither stored nor the next one, or its proposal is not in the ordered log.
            Conflict: another block, other receipts or other indexes are stored at this height.

        """
        height = block.height
        if not 0 <= height <= self._height + 1:
            raise Gap("block store", self._height + 1, height)
        if height > self._ordered_height:
            raise Gap("ordered log, before a block", self._ordered_height + 1, height)
        batch = _block_batch(block)
        if height <= self._height:
            self._require_same(batch, "the block", height)
            return
        self._kv.write(batch, sync=True)
        self._height = height

    def put_certificate(self, height: int, certificate: bytes, *, sync: bool = False) -> None:
        """Store the certificate of `height`, replacing one that is there: different signers certify the same block.

        Without `sync` a crash can lose it, and the peers that have it are asked again.
        """
        assert 0 <= height <= limits.HEIGHT_MAX, f"height {height}"
        key = _CERTIFICATE + _HEIGHT.pack(height)
        self._kv.put(key, seal(key, certificate), sync=sync)
        self._certified_height = max(self._certified_height, height)

    def certificate(self, height: int) -> bytes | None:
        """Return the certificate of `height`, or None if there is none."""
        return self._read(_CERTIFICATE + _HEIGHT.pack(height)) if 0 <= height <= self._certified_height else None

    def header(self, height: int) -> bytes | None:
        """Return the encoded header of block `height`, or None above `height`."""
        block = self._block(height)
        return None if block is None else block[2]

    def block_hash(self, height: int) -> bytes | None:
        """Return the hash of block `height`, or None above `height`."""
        block = self._block(height)
        return None if block is None else block[1]

    def height_of(self, block_hash: bytes) -> int | None:
        """Return the height of the block with this hash, or None."""
        value = self._read(_HASH + block_hash)
        return None if value is None else int(_HEIGHT.unpack(value)[0])

    def receipts(self, height: int) -> tuple[bytes, ...] | None:
        """Return all receipts of block `height` in order, or None above `height`."""
        block = self._block(height)
        if block is None:
            return None
        count = block[0]
        groups = range(-(-count // limits.RECEIPTS_PER_GROUP))
        return tuple(receipt for group in groups for receipt in _split(self._group(height, group)))

    def receipt(self, height: int, index: int) -> bytes | None:
        """Return receipt `index` of block `height`, or None if there is no such block or receipt."""
        block = self._block(height)
        if block is None or not 0 <= index < block[0]:
            return None
        group, place = divmod(index, limits.RECEIPTS_PER_GROUP)
        return _split(self._group(height, group))[place]

    def locate(self, transaction_id: bytes) -> Location | None:
        """Return where the transaction is, or None if no block has it."""
        value = self._read(_TRANSACTION + transaction_id)
        return None if value is None else Location(*_POSITION.unpack(value))

    def by_sender(self, sender: bytes, limit: int, before: Location | None = None) -> list[Location]:
        """Return up to `limit` of the sender's transactions, newest first, older than `before` if that is given.

        The last location of a page is the cursor of the next one.
        """
        assert 0 < limit <= limits.PAGE_MAX, f"a page of {limit}"
        if len(sender) > limits.SENDER_BYTES_MAX:
            return []
        prefix = _SENDER + bytes([len(sender)]) + sender
        start = None if before is None else prefix + _POSITION.pack(before.height, before.index)
        found: list[Location] = []
        for key, value in self._kv.iterate(prefix, start=start, reverse=True):
            unseal(key, value, _name(key))
            location = Location(*_POSITION.unpack_from(key, len(prefix)))
            if location == before:
                continue
            found.append(location)
            if len(found) == limit:
                break
        return found

    def damage(self) -> Iterator[Corruption]:
        """Read every entry and yield what is wrong: failed checksums and missing heights, as repair work to do.

        Damage that stops LevelDB itself from reading on is raised instead.
        """
        with self._kv.snapshot() as snapshot:
            for key, value in snapshot.iterate():
                try:
                    unseal(key, value, _name(key))
                except Corruption as found:
                    yield found
            for prefix, heights in (
                (_ORDERED, range(1, self._ordered_height + 1)),
                (_BLOCK, range(self._height + 1)),
            ):
                for height in heights:
                    key = prefix + _HEIGHT.pack(height)
                    if snapshot.get(key) is None:
                        yield Corruption(_name(key), "the entry is missing")

    def stats(self) -> dict[str, int]:
        """Return the bytes of keys and values by component; reads everything."""
        return {
            component: sum(len(key) + len(value) for key, value in self._kv.iterate(prefix))
            for component, prefix in _COMPONENTS.items()
        }

    def _check_format(self) -> None:
        found = self._kv.get(_FORMAT_KEY)
        if found is None:
            if next(self._kv.iterate(), None) is not None:
                raise UnsupportedFormat("the database holds something else than blocks, or has lost its format entry")
        elif (version := unseal(_FORMAT_KEY, found, "format")) != FORMAT:
            raise UnsupportedFormat(f"the database has format {version!r}, this program reads {FORMAT!r}")
        # Written at every opening: this sync makes durable what a killed process had only handed to the system.
        self._kv.put(_FORMAT_KEY, seal(_FORMAT_KEY, FORMAT), sync=True)

    def _last_height(self, prefix: bytes, none: int) -> int:
        for key, value in self._kv.iterate(prefix, reverse=True):
            unseal(key, value, _name(key))
            return int(_HEIGHT.unpack_from(key, len(prefix))[0])
        return none

    def _read(self, key: bytes) -> bytes | None:
        sealed = self._kv.get(key)
        return None if sealed is None else unseal(key, sealed, _name(key))

    def _read_existing(self, key: bytes) -> bytes:
        value = self._read(key)
        if value is None:
            raise Corruption(_name(key), "the entry is missing")
        return value

    def _block(self, height: int) -> tuple[int, bytes, bytes] | None:
        if not 0 <= height <= self._height:
            return None
        value = self._read_existing(_BLOCK + _HEIGHT.pack(height))
        count, hash_bytes = _BLOCK_HEAD.unpack_from(value)
        start = _BLOCK_HEAD.size + hash_bytes
        return count, value[_BLOCK_HEAD.size : start], value[start:]

    def _group(self, height: int, group: int) -> bytes:
        return self._read_existing(_RECEIPTS + _GROUP.pack(height, group))

    def _require_same(self, batch: WriteBatch, what: str, height: int) -> None:
        for key, expected in batch.operations:
            stored = self._kv.get(key)
            if stored == expected:
                continue
            if stored is not None:
                unseal(key, stored, _name(key))  # damage is damage, not a conflict
            raise Conflict(what, height)


def _block_batch(block: BlockRecord) -> WriteBatch:
    height, count = block.height, len(block.transaction_ids)
    assert len(block.senders) == count, f"{count} transactions, {len(block.senders)} senders"
    assert len(block.receipts) >= count, f"{count} transactions, {len(block.receipts)} receipts"
    assert len(block.receipts) <= limits.TRANSACTIONS_PER_BLOCK_MAX, f"{len(block.receipts)} receipts"
    assert len(block.block_hash) <= limits.DIGEST_BYTES_MAX, f"a block hash of {len(block.block_hash)} bytes"
    batch = WriteBatch()
    put = batch.put
    key = _BLOCK + _HEIGHT.pack(height)
    head = _BLOCK_HEAD.pack(len(block.receipts), len(block.block_hash))
    put(key, seal(key, head + block.block_hash + block.header))
    key = _HASH + block.block_hash
    put(key, seal(key, _HEIGHT.pack(height)))
    for group, first in enumerate(range(0, len(block.receipts), limits.RECEIPTS_PER_GROUP)):
        key = _RECEIPTS + _GROUP.pack(height, group)
        put(key, seal(key, _join(block.receipts[first : first + limits.RECEIPTS_PER_GROUP])))
    for index, (transaction_id, sender) in enumerate(zip(block.transaction_ids, block.senders, strict=True)):
        assert len(sender) <= limits.SENDER_BYTES_MAX, f"a sender of {len(sender)} bytes"
        position = _POSITION.pack(height, index)
        key = _TRANSACTION + transaction_id
        put(key, seal(key, position))
        key = _SENDER + bytes([len(sender)]) + sender + position
        put(key, seal(key, b""))
    return batch


def _join(receipts: Sequence[bytes]) -> bytes:
    # The count and all lengths first, as u32, then the receipts: reading is slicing, nothing is decoded.
    lengths = Struct(f">{len(receipts) + 1}I").pack(len(receipts), *map(len, receipts))
    return lengths + b"".join(receipts)


def _split(group: bytes) -> list[bytes]:
    count = int.from_bytes(group[:4])
    lengths = Struct(f">{count}I").unpack_from(group, 4)
    receipts = []
    start = 4 * (count + 1)
    for length in lengths:
        receipts.append(group[start : start + length])
        start += length
    return receipts


def _name(key: bytes) -> str:
    # The location in an error: what it is, and which one.
    for component, prefix in _COMPONENTS.items():
        if key.startswith(prefix):
            rest = key[len(prefix) :]
            if prefix in {_ORDERED, _BLOCK, _CERTIFICATE} and len(rest) == _HEIGHT.size:
                return f"{component}/{_HEIGHT.unpack(rest)[0]}"
            if prefix == _RECEIPTS and len(rest) == _GROUP.size:
                return "{}/{}/{}".format(component, *_GROUP.unpack(rest))
            return f"{component}/{rest.hex()}"
    return f"key {key.hex()}"
