"""Functions of section 7 that hash, or ask the host: digests, Merkle proofs, signatures, accounts, blobs."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from contracts import prices
from contracts.failures import ContractFailure, Kind
from contracts.forms import ListType, PlainType, TextType, Type
from contracts.limits import STATE_VALUE_BYTES_MAX
from contracts.runtime import Runtime
from contracts.values import Record, Shape, integer, occupy
from contracts.wire import to_wire

MERKLE_PATH_MAX: Final = 64  # steps: a tree of 2^64 leaves
MERKLE_SIZE_MAX: Final = 2**MERKLE_PATH_MAX  # of a larger one, one step could skip hundreds of levels
SIGNATURES_MAX: Final = 16  # of one account, as in a transaction

_SHORT_LIST: Final = 0x90  # first byte of a list in MessagePack, up to 15 elements: they are in it
_SHORT_LIST_MAX: Final = 15
_LIST_OF_SIGNATURES_MAX: Final = b"\xdc\x00\x10"


_ACCOUNT_FIELDS: Final[dict[str, Type]] = {
    "exists": PlainType(bool),
    "organisation": TextType(),
    "roles": ListType(TextType(), 2),
    "level": PlainType(int),
    "status": TextType(),
}
ACCOUNT_SHAPE: Final = Shape(  # of every program, and none of its own
    name="Account",
    names=tuple(_ACCOUNT_FIELDS),
    positions={name: position for position, name in enumerate(_ACCOUNT_FIELDS)},
    types=tuple(_ACCOUNT_FIELDS.values()),
    checks=tuple([field.check for field in _ACCOUNT_FIELDS.values()]),
)


def _bytes(value: object) -> bytes:
    if type(value) is not bytes:
        raise ContractFailure(Kind.TYPE)
    return value


def _text(value: object) -> str:
    if type(value) is not str:
        raise ContractFailure(Kind.TYPE)
    return value


def _own(runtime: Runtime, result: bytes) -> bytes:
    """Charge the memory of a digest; its gas is in its price."""
    occupy(runtime, prices.BINARY_BYTES + len(result))
    return result


def suite_hash(runtime: Runtime, arguments: list[Any]) -> object:
    """``hash(b)``: the hash function of the network's suite."""
    data = _bytes(arguments[0])
    runtime.pay(prices.DIGEST + (len(data) >> prices.DIGEST_SHIFT))
    return _own(runtime, runtime.host.hash(data))


def sha256(runtime: Runtime, arguments: list[Any]) -> object:
    """``sha256(b)`` (FIPS 180-4), whatever the network's suite."""
    data = _bytes(arguments[0])
    runtime.pay(prices.DIGEST + (len(data) >> prices.DIGEST_SHIFT))
    return _own(runtime, hashlib.sha256(data).digest())


def digest(runtime: Runtime, arguments: list[Any]) -> object:
    """``digest(v)``: the suite's hash of the canonical bytes of any value that could be stored."""
    runtime.room = STATE_VALUE_BYTES_MAX
    data = runtime.pack(to_wire(runtime, arguments[0], prices.DIGEST_ELEMENT))
    if len(data) > STATE_VALUE_BYTES_MAX:
        raise ContractFailure(Kind.SIZE)
    runtime.pay(prices.DIGEST + (len(data) >> prices.DIGEST_SHIFT))
    return _own(runtime, runtime.host.hash(data))


def merkle_verify(runtime: Runtime, arguments: list[Any]) -> object:
    """``merkle_verify(root, leaf, index, size, path)``: is ``leaf`` at ``index`` of a tree of ``size`` with ``root``.

    RFC 9162 section 2.1.3.2 with the suite's hash; a tree as in RFC 6962. False for whatever does not fit.
    """
    root, leaf = _bytes(arguments[0]), _bytes(arguments[1])
    index, size = integer(arguments[2]), integer(arguments[3])
    path = arguments[4]
    if type(path) is not list:
        raise ContractFailure(Kind.TYPE)
    if len(path) > MERKLE_PATH_MAX:
        raise ContractFailure(Kind.SIZE)
    for step in path:
        _bytes(step)
    runtime.pay(prices.MERKLE + (len(leaf) >> prices.DIGEST_SHIFT) + prices.MERKLE_STEP * len(path))
    if not 0 <= index < size <= MERKLE_SIZE_MAX:
        return False
    node, last = index, size - 1  # the node's and the last node's position in the current level
    current = runtime.host.hash(b"\x00" + leaf)
    for sibling in path:
        if last == 0 or len(sibling) != len(current):
            return False
        if node & 1 or node == last:
            current = runtime.host.hash(b"\x01" + sibling + current)
            while not node & 1 and node:  # a node that moved up unchanged skips the levels where it had no sibling
                node >>= 1
                last >>= 1
        else:
            current = runtime.host.hash(b"\x01" + current + sibling)
        node >>= 1
        last >>= 1
    return last == 0 and current == root


def verify(runtime: Runtime, arguments: list[Any]) -> object:
    """``verify(account, message, signature)``: by the account's keys and threshold at this height.

    ``signature`` is a canonical list of 1 to 16 entries, which the host reads; each is charged as one.
    """
    account_text, message, signature = _text(arguments[0]), _bytes(arguments[1]), _bytes(arguments[2])
    count = _signature_count(signature)
    size = len(account_text) + len(message) + len(signature)
    runtime.pay(prices.SIGNATURE * max(1, count) + (size >> prices.DIGEST_SHIFT))
    return count > 0 and runtime.host.verify(account_text, message, signature)


def _signature_count(signature: bytes) -> int:
    """Return how many entries the head of a list says, 0 for what is no list of 1 to ``SIGNATURES_MAX``."""
    if signature[:1] and _SHORT_LIST < signature[0] <= _SHORT_LIST + _SHORT_LIST_MAX:
        return signature[0] - _SHORT_LIST
    return SIGNATURES_MAX if signature.startswith(_LIST_OF_SIGNATURES_MAX) else 0


def account(runtime: Runtime, arguments: list[Any]) -> object:
    """``account(a)``: a record of what is known of it; nothing is an error, not even a text that names none."""
    name = _text(arguments[0])
    runtime.pay(prices.ACCOUNT + (len(name) >> prices.COMPARE_SHIFT))
    known = runtime.host.account(name)
    texts = (known.organisation, known.status, *known.roles)
    size = sum([len(part.encode()) for part in texts])
    runtime.pay(size >> prices.READ_SHIFT)
    occupy(
        runtime,
        prices.RECORD_BYTES
        + prices.SLOT_BYTES * (len(_ACCOUNT_FIELDS) + len(known.roles))
        + prices.SEQUENCE_BYTES
        + prices.TEXT_BYTES * len(texts)
        + prices.WIDE_CHARACTER_BYTES * size,
    )
    return Record(ACCOUNT_SHAPE, [known.exists, known.organisation, list(known.roles), known.level, known.status])


def blob_present(runtime: Runtime, arguments: list[Any]) -> object:
    """``blob_present(h)``: is the blob among this transaction's."""
    reference = _bytes(arguments[0])
    runtime.pay(prices.BLOB)
    return runtime.host.has_blob(reference)
