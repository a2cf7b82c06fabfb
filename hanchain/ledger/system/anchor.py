"""``sys.anchor``: who notarised which digest, when. The first use of a ledger, and the smallest.

One owner notarises one digest once; many owners may notarise the same one. State:

    ("record", digest, owner) -> [media_type, size, height, time_ms, txid, previous owner or nil]
    ("latest", digest)        -> the last owner to notarise it

so that a digest's records form a list, newest first, at the price of two reads and two writes.
"""

from __future__ import annotations

import re
from typing import Final

from hanchain.ledger import limits
from hanchain.ledger.codec import Value
from hanchain.ledger.endings import Revert
from hanchain.ledger.host import Host
from hanchain.ledger.system.registry import Contract, EventKind, Method

NAME: Final = "sys.anchor"
NOTARISE: Final = "notarise"
RECORD: Final = "record"
RECORD_TXID: Final = 4  # its place in a record

EXISTS: Final = "E_EXISTS"
DIGEST: Final = "E_DIGEST"
MEDIA_TYPE: Final = "E_MEDIA_TYPE"
SIZE: Final = "E_SIZE"
NOT_FOUND: Final = "E_NOT_FOUND"

_RESTRICTED_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"  # RFC 6838, section 4.2
_MEDIA_TYPE: Final = re.compile(rf"{_RESTRICTED_NAME}/{_RESTRICTED_NAME}")


def notarise(host: Host, digest: bytes, media_type: str, size: int) -> None:
    """Record ``digest`` for the sender; revert with E_EXISTS and the first height if it is already there."""
    _check_digest(digest)
    if len(media_type) > limits.MEDIA_TYPE_LENGTH_MAX or not _MEDIA_TYPE.fullmatch(media_type):
        raise Revert(MEDIA_TYPE, "media type must be type/subtype as in RFC 6838")
    if not 0 <= size <= limits.SIZE_BYTES_MAX:
        raise Revert(SIZE, f"size must be 0..{limits.SIZE_BYTES_MAX} bytes")
    caller = host.caller
    existing = host.get(RECORD, digest, caller.sender)
    if existing is not None:
        raise Revert(EXISTS, f"notarised by this owner at height {existing[2]}")
    previous = host.get("latest", digest)
    record: Value = [media_type, size, caller.height, caller.time_ms, caller.txid, previous]
    host.put(record, RECORD, digest, caller.sender)
    host.put(caller.sender, "latest", digest)
    host.emit("Notarised", digest, caller.sender, media_type)


def find(host: Host, digest: bytes) -> Value:
    """Return up to 64 ``[owner, media_type, size, height, time_ms, txid]``, newest first."""
    _check_digest(digest)
    found: list[Value] = []
    owner = host.get("latest", digest)
    while owner is not None and len(found) < limits.FOUND_MAX:
        *record, previous = host.get(RECORD, digest, owner)
        found.append([owner, *record])
        owner = previous
    return found


def get(host: Host, digest: bytes, owner: bytes) -> Value:
    """Return ``[owner, media_type, size, height, time_ms, txid]``; revert with E_NOT_FOUND."""
    _check_digest(digest)
    if not 0 < len(owner) <= limits.SENDER_BYTES_MAX:
        raise Revert(NOT_FOUND, "no such owner")
    record = host.get(RECORD, digest, owner)
    if record is None:
        raise Revert(NOT_FOUND, "not notarised by this owner")
    return [owner, *record[:-1]]


def _check_digest(digest: bytes) -> None:
    if not limits.DIGEST_BYTES_MIN <= len(digest) <= limits.DIGEST_BYTES_MAX:
        raise Revert(DIGEST, f"a digest has {limits.DIGEST_BYTES_MIN}..{limits.DIGEST_BYTES_MAX} bytes")


CONTRACT: Final = Contract(
    NAME,
    methods=(
        Method(NOTARISE, (("digest", "bytes"), ("media_type", "str"), ("size", "int")), "none", notarise),
        Method("find", (("digest", "bytes"),), "list", find, view=True),
        Method("get", (("digest", "bytes"), ("owner", "bytes")), "list", get, view=True),
    ),
    events=(EventKind("Notarised", (("digest", "bytes"), ("owner", "bytes"), ("media_type", "str"))),),
)
