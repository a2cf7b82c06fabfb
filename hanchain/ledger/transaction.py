"""Transactions: what a client signs, how it travels, and what can be said of it without any state.

The *payload* is what is signed and named by the transaction id; the *envelope* is the payload with its signatures:

    payload  = [version, chain_id, sender, salt, expires_at_height, contract, method, args, gas_limit, blobs]
    envelope = [payload as bytes, [[algorithm, public_key, signature], …]]
    txid     = H("hanchain/tx/1", payload)          a signature signs H("hanchain/tx-signature/1", txid)

There is no nonce: the salt makes a transaction unique and the expiry, at most a window of heights ahead, lets the
chain forget its id. Signatures are checked against the keys they carry; whether those keys may act for the sender is
a question of state, answered only when the transaction is executed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from hanchain.crypto import PrivateKey, Suite
from hanchain.ledger import limits
from hanchain.ledger.codec import CodecError, Value, check_canonical, check_types, encode, is_flat, unpack
from hanchain.ledger.fields import rejection_of
from hanchain.ledger.reasons import Reason, Rejection

VERSION: Final = 1
EXPIRY_WINDOW_DEFAULT: Final = 1000  # heights; the parameter of genesis decides

ID_TAG: Final = "hanchain/tx/1"
SIGNATURE_TAG: Final = "hanchain/tx-signature/1"
ACCOUNT_TAG: Final = "hanchain/account/1"


class Payload(NamedTuple):
    """The signed fields, in the order of the encoding: the tuple is what is encoded (made once per transaction)."""

    version: int
    chain_id: bytes
    sender: bytes  # account: the hash of its one key until it is registered
    salt: bytes  # 16 random bytes
    expires_at_height: int  # the last height at which it may be executed
    contract: str
    method: str
    arguments: tuple[Value, ...]
    gas_limit: int
    blobs: tuple[bytes, ...]  # digests of detachable contents


class Signature(NamedTuple):
    """One signature with the key that made it; ``algorithm`` is the id of the key's suite."""

    algorithm: int
    public_key: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Transaction:
    """A well-formed transaction. ``encoded`` is the envelope; its hash with other signatures is another envelope's."""

    payload: Payload
    signatures: tuple[Signature, ...]
    encoded: bytes
    txid: bytes


def account_of(algorithm: int, public_key: bytes, suite: Suite) -> bytes:
    """Return the account that a key has before it is registered: a digest of the network's suite."""
    return suite.tagged_hash(ACCOUNT_TAG, bytes((algorithm,)), public_key)


def build(
    *,
    chain_id: bytes,
    sender: bytes,
    salt: bytes,
    expires_at_height: int,
    contract: str,
    method: str,
    arguments: Sequence[Value],
    gas_limit: int,
    blobs: Sequence[bytes] = (),
) -> Payload:
    """Return the payload of a transaction; the salt comes from the caller's randomness."""
    return Payload(
        VERSION,
        chain_id,
        sender,
        salt,
        expires_at_height,
        contract,
        method,
        tuple(arguments),
        gas_limit,
        tuple(blobs),
    )


def sign(payload: Payload, keys: Sequence[PrivateKey], suite: Suite) -> Transaction:
    """Return the transaction signed by each of ``keys``, keys of the network's suite; raise Rejection if malformed."""
    try:
        signed = encode(payload[:])
    except CodecError as error:
        raise rejection_of(error, "transaction") from None
    message = _signed_message(suite.tagged_hash(ID_TAG, signed), suite)
    signatures = sorted((suite.id, key.public_key, key.sign(message)) for key in keys)
    return decode_transaction(encode([signed, signatures]), suite)


def decode_transaction(data: bytes, suite: Suite) -> Transaction:
    """Return the transaction whose envelope is exactly ``data``; raise Rejection for anything else.

    Judges form only: types, lengths, canonical encoding. Costs about 8 µs: it neither verifies nor looks up.
    """
    try:
        envelope = unpack(data, max_bytes=limits.TRANSACTION_BYTES_MAX, max_items=limits.SIGNATURES_MAX)
        if type(envelope) is not tuple or len(envelope) != 2 or type(envelope[0]) is not bytes:
            raise Rejection(Reason.MALFORMED, "transaction: [payload, signatures] expected")
        encoded_payload, raw_signatures = envelope
        signatures = read_signatures(raw_signatures)
        check_canonical(envelope, data)
        value = unpack(encoded_payload, max_bytes=limits.TRANSACTION_BYTES_MAX, max_items=limits.ARGUMENT_ITEMS_MAX)
        payload = _read_payload(value, suite.digest_size)
        check_canonical(value, encoded_payload)
    except CodecError as error:
        raise rejection_of(error, "transaction") from None
    return Transaction(payload, signatures, data, suite.tagged_hash(ID_TAG, encoded_payload))


def signature_inputs(transaction: Transaction, suite: Suite) -> list[tuple[bytes, bytes, bytes]]:
    """Return ``(public_key, message, signature)`` of every signature, for ``suite.verify`` in any thread."""
    message = _signed_message(transaction.txid, suite)
    return [(entry.public_key, message, entry.signature) for entry in transaction.signatures]


def signatures_valid(transaction: Transaction, suite: Suite) -> bool:
    """Tell whether every signature is good for the key it carries (about 60 µs each)."""
    return all(suite.verify(*entry) for entry in signature_inputs(transaction, suite))


def check_stateless(
    transaction: Transaction,
    *,
    chain_id: bytes,
    height: int,
    suite: Suite,
    expiry_window: int = EXPIRY_WINDOW_DEFAULT,
    gas_max: int = limits.GAS_LIMIT_MAX,
    verify: bool = True,
) -> None:
    """Raise Rejection unless the transaction may stand in a block at ``height``, as far as that needs no state (P2).

    Reasons in the order of the checks: WRONG_VERSION, WRONG_CHAIN, EXPIRED, EXPIRY_TOO_FAR, GAS_LIMIT, NO_SIGNATURE,
    WRONG_ALGORITHM, BAD_SIGNATURE. With ``verify=False`` the caller verifies ``signature_inputs`` itself.
    """
    payload = transaction.payload
    if payload.version != VERSION:
        raise Rejection(Reason.WRONG_VERSION, f"version {payload.version}, {VERSION} expected")
    if payload.chain_id != chain_id:
        raise Rejection(Reason.WRONG_CHAIN, f"for chain {payload.chain_id.hex()}, this is {chain_id.hex()}")
    if payload.expires_at_height < height:
        raise Rejection(Reason.EXPIRED, f"expired at height {payload.expires_at_height}, now {height}")
    if payload.expires_at_height > height + expiry_window:
        raise Rejection(
            Reason.EXPIRY_TOO_FAR, f"expires at height {payload.expires_at_height}, at most {height + expiry_window}"
        )
    if payload.gas_limit > gas_max:
        raise Rejection(Reason.GAS_LIMIT, f"gas limit {payload.gas_limit}, at most {gas_max} on this chain")
    if not transaction.signatures:
        raise Rejection(Reason.NO_SIGNATURE)
    for entry in transaction.signatures:
        if entry.algorithm != suite.id:
            raise Rejection(Reason.WRONG_ALGORITHM, f"algorithm {entry.algorithm}, the network's is {suite.id}")
    if verify and not signatures_valid(transaction, suite):
        raise Rejection(Reason.BAD_SIGNATURE)


def _signed_message(txid: bytes, suite: Suite) -> bytes:
    return suite.tagged_hash(SIGNATURE_TAG, txid)


def read_signatures(value: Any) -> tuple[Signature, ...]:
    """Return the signatures in a decoded value, none of them verified; raise Rejection for another form or order."""
    if type(value) is not tuple or len(value) > limits.SIGNATURES_MAX:
        raise Rejection(Reason.MALFORMED, f"signatures: array of at most {limits.SIGNATURES_MAX} expected")
    previous: tuple[int, bytes] = (-1, b"")
    signatures = []
    for item in value:
        if type(item) is not tuple or len(item) != 3:
            raise Rejection(Reason.MALFORMED, "signature: [algorithm, public_key, signature] expected")
        algorithm, public_key, signature = item
        if (
            type(algorithm) is not int
            or type(public_key) is not bytes
            or type(signature) is not bytes
            or not 0 < algorithm <= 255
            or not 0 < len(public_key) <= limits.KEY_BYTES_MAX
            or not 0 < len(signature) <= limits.SIGNATURE_BYTES_MAX
        ):
            raise Rejection(Reason.MALFORMED, "signature: a field of another type or length")
        if (algorithm, public_key) <= previous:  # one order, and no key twice: a set of keys has one envelope
            raise Rejection(Reason.NOT_CANONICAL, "signatures are not in ascending order of distinct keys")
        previous = (algorithm, public_key)
        signatures.append(Signature._make(item))
    return tuple(signatures)


def _read_payload(value: Any, digest_size: int) -> Payload:
    if type(value) is not tuple or len(value) != len(Payload._fields):
        raise Rejection(Reason.MALFORMED, f"payload: array of {len(Payload._fields)} fields expected")
    version, chain_id, sender, salt, expires_at_height, contract, method, arguments, gas_limit, blobs = value
    if not (
        type(version) is int
        and type(chain_id) is bytes
        and type(sender) is bytes
        and type(salt) is bytes
        and type(expires_at_height) is int
        and type(contract) is str
        and type(method) is str
        and type(arguments) is tuple
        and type(gas_limit) is int
        and type(blobs) is tuple
    ):
        raise Rejection(Reason.MALFORMED, "payload: a field of another type")
    if not (
        0 <= version <= 255
        and len(chain_id) == digest_size
        and 0 < len(sender) <= limits.SENDER_BYTES_MAX
        and len(salt) == limits.SALT_SIZE
        and 0 <= expires_at_height <= limits.HEIGHT_MAX
        and _is_name(contract)
        and _is_name(method)
    ):
        raise Rejection(Reason.OUT_OF_RANGE, "payload: a field outside its range")
    if not 0 <= gas_limit <= limits.GAS_LIMIT_MAX:
        raise Rejection(Reason.GAS_LIMIT, f"gas limit {gas_limit}, at most {limits.GAS_LIMIT_MAX}")
    if len(arguments) > limits.ARGUMENTS_MAX or len(blobs) > limits.BLOBS_MAX:
        raise Rejection(Reason.OVERSIZED, f"{len(arguments)} arguments, {len(blobs)} blobs")
    if not is_flat(arguments):
        check_types(value)
    for blob in blobs:
        if type(blob) is not bytes or len(blob) != digest_size:
            raise Rejection(Reason.MALFORMED, "payload: a blob that is not a digest")
    return Payload._make(value)


def _is_name(text: str) -> bool:
    """Tell whether ``text`` can stand in a log line as it is; which names exist is decided by the registry."""
    return 0 < len(text) <= limits.NAME_LENGTH_MAX and text.isascii() and text.isprintable()
