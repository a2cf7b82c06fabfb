"""``sys.accounts``: which keys speak for an account. An account is not its key.

An account is named by the hash of its first key, for ever. Until it is registered that key alone speaks for it;
afterwards the keys in its record do, once the weights of those that signed reach the threshold. State:

    ("account", account) -> [threshold, [[algorithm, public_key, weight], …], height registered, height changed]

Rotation is ``set_keys``, authorised by the keys that are to be replaced, like everything the account does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from hanchain.crypto import Suite
from hanchain.ledger import gas, limits
from hanchain.ledger.cells import cell_key
from hanchain.ledger.codec import Value
from hanchain.ledger.endings import Revert
from hanchain.ledger.host import Host, decode_stored
from hanchain.ledger.messages import signers_of
from hanchain.ledger.state import Reader, state_key
from hanchain.ledger.system.registry import Contract, EventKind, Method
from hanchain.ledger.transaction import Signature, account_of

NAME: Final = "sys.accounts"
ACCOUNT: Final = "account"

REGISTERED: Final = "E_REGISTERED"
UNREGISTERED: Final = "E_UNREGISTERED"
KEYS: Final = "E_KEYS"
ALGORITHM: Final = "E_ALGORITHM"
THRESHOLD: Final = "E_THRESHOLD"
NOT_FOUND: Final = "E_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class Keys:
    """Who speaks for a registered account: ``(algorithm, public_key) -> weight``, and how much weight it takes."""

    threshold: int
    weights: dict[tuple[int, bytes], int]
    gas: int  # what reading them costs


def find(state: Reader, account: bytes) -> Keys | None:
    """Return the keys of a registered account, None for any other."""
    stored = state.get(_key(account))
    if stored is None:
        return None
    record = decode_stored(NAME, stored)
    threshold, keys, *_ = record
    weights = {(algorithm, public_key): weight for algorithm, public_key, weight in keys}
    return Keys(threshold, weights, gas.read(len(stored), record))


@lru_cache(maxsize=limits.KEYS_REMEMBERED)
def _key(account: bytes) -> bytes:
    return state_key(NAME, cell_key(ACCOUNT, [account]))


def speaks_for(account: bytes, keys: Keys | None, signatures: Sequence[Signature], suite: Suite) -> bool:
    """Tell whether the (valid) signatures speak for an account with these keys, None if it is not registered."""
    if keys is None:
        return any(account_of(entry.algorithm, entry.public_key, suite) == account for entry in signatures)
    weight = sum(keys.weights.get((entry.algorithm, entry.public_key), 0) for entry in signatures)
    return weight >= keys.threshold


def account_by_text(text: str, suite: Suite) -> bytes | None:
    """Return the account that contracts know by ``text``, lower-case hexadecimal; None if none can have that name."""
    if len(text) != 2 * suite.digest_size:
        return None
    try:
        account = bytes.fromhex(text)
    except ValueError:
        return None
    return account if account.hex() == text else None


def message_speaks_for(
    state: Reader, account: bytes, message: bytes, signed: bytes, *, chain_id: bytes, suite: Suite
) -> bool:
    """Tell whether ``signed`` (``ledger.messages``) over ``message`` speaks for ``account`` as of ``state``."""
    signatures = signers_of(message, signed, chain_id=chain_id, suite=suite)
    return bool(signatures) and speaks_for(account, find(state, account), signatures, suite)


def register(host: Host, keys: tuple[Value, ...], threshold: int) -> None:
    """Give the sender keys with weights and a threshold; revert with E_REGISTERED if it has some already."""
    sender, height = host.caller.sender, host.caller.height
    if host.get(ACCOUNT, sender) is not None:
        raise Revert(REGISTERED, "this account is registered: set_keys changes its keys")
    _check_keys(keys, threshold, host.suite)
    host.put([threshold, keys, height, height], ACCOUNT, sender)
    host.emit("Registered", sender, len(keys), threshold)


def set_keys(host: Host, keys: tuple[Value, ...], threshold: int) -> None:
    """Replace keys, weights and threshold of the sender; revert with E_UNREGISTERED if it has none."""
    sender = host.caller.sender
    record = host.get(ACCOUNT, sender)
    if record is None:
        raise Revert(UNREGISTERED, "this account is not registered")
    _check_keys(keys, threshold, host.suite)
    host.put([threshold, keys, record[2], host.caller.height], ACCOUNT, sender)
    host.emit("KeysChanged", sender, len(keys), threshold)


def get(host: Host, account: bytes) -> Value:
    """Return ``[threshold, [[algorithm, public_key, weight], …], registered, changed]``, or revert E_NOT_FOUND."""
    if not 0 < len(account) <= limits.SENDER_BYTES_MAX:
        raise Revert(NOT_FOUND, "no such account")
    record: Value = host.get(ACCOUNT, account)
    if record is None:
        raise Revert(NOT_FOUND, "this account is not registered: the key that it is named by speaks for it")
    return record


def _check_keys(keys: tuple[Value, ...], threshold: int, suite: Suite) -> None:
    if not 0 < len(keys) <= limits.SIGNATURES_MAX:
        raise Revert(KEYS, f"an account has 1..{limits.SIGNATURES_MAX} keys")
    previous: tuple[int, bytes] = (-1, b"")
    total = 0
    for entry in keys:
        algorithm, public_key, weight = _read_entry(entry)
        if algorithm != suite.id:
            raise Revert(ALGORITHM, f"algorithm {suite.id} is the network's")
        if len(public_key) != suite.public_key_size or not 0 < weight <= limits.KEY_WEIGHT_MAX:
            raise Revert(KEYS, f"a key has {suite.public_key_size} bytes and a weight of 1..{limits.KEY_WEIGHT_MAX}")
        if (algorithm, public_key) <= previous:
            raise Revert(KEYS, "keys stand in ascending order, each once")
        previous = (algorithm, public_key)
        total += weight
    if not 0 < threshold <= total:
        raise Revert(THRESHOLD, f"the threshold is 1..{total}, what all keys weigh together")


def _read_entry(entry: Any) -> tuple[int, bytes, int]:
    if type(entry) is tuple and len(entry) == 3:
        algorithm, public_key, weight = entry
        if type(algorithm) is int and type(public_key) is bytes and type(weight) is int:
            return algorithm, public_key, weight
    raise Revert(KEYS, "a key is [algorithm, public_key, weight]")


CONTRACT: Final = Contract(
    NAME,
    methods=(
        Method("register", (("keys", "list"), ("threshold", "int")), "none", register),
        Method("set_keys", (("keys", "list"), ("threshold", "int")), "none", set_keys),
        Method("get", (("account", "bytes"),), "list", get, view=True),
    ),
    events=(
        EventKind("Registered", (("account", "bytes"), ("keys", "int"), ("threshold", "int"))),
        EventKind("KeysChanged", (("account", "bytes"), ("keys", "int"), ("threshold", "int"))),
    ),
)
