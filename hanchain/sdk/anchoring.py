"""Notarisation of digests by ``sys.anchor``: what most programs want of a ledger, in two calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hanchain.crypto import PrivateKey
from hanchain.ledger.block import BlockHeader
from hanchain.ledger.bundles import TransactionBundle
from hanchain.ledger.fields import Fields
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.reasons import Reason
from hanchain.ledger.system import anchor as contract
from hanchain.ledger.transaction import account_of
from hanchain.sdk import limits
from hanchain.sdk.checks import require_proof
from hanchain.sdk.errors import RpcError
from hanchain.sdk.results import Anchored

if TYPE_CHECKING:
    from hanchain.sdk.client import Client


async def anchor(
    client: Client, genesis: Genesis, digest: bytes, media_type: str, size: int, key: PrivateKey, *, timeout_ms: int
) -> Anchored:
    """Notarise a digest for the account of ``key``; see ``Client.anchor``."""
    done = await client.call(
        key,
        contract.NAME,
        contract.NOTARISE,
        (digest, media_type, size),
        gas_limit=limits.GAS_LIMIT_DEFAULT,
        timeout_ms=timeout_ms,
    )
    assert done.proof is not None, "a client with a genesis proves what it returns"
    owner = account_of(genesis.suite.id, key.public_key, genesis.suite)
    return _checked(done.proof, genesis, digest, owner, done.txid)


async def anchored(client: Client, genesis: Genesis, digest: bytes, owner: bytes) -> Anchored | None:
    """Return the notarisation of a digest by an account; see ``Client.anchored``."""
    try:
        found = (await client.view(contract.NAME, "get", digest, owner)).value
    except RpcError as error:
        if error.reason == Reason.REVERTED:
            return None
        raise
    fields = Fields(tuple(found) if isinstance(found, list) else found, "record")
    for _ in range(5):  # owner, media type, size, height, time: the proof says them again, and is checked
        fields.value()
    txid = fields.blob(genesis.suite.digest_size)
    return _checked(await client.proof(txid), genesis, digest, owner, txid)


def _checked(bundle: TransactionBundle, genesis: Genesis, digest: bytes, owner: bytes, txid: bytes) -> Anchored:
    require_proof(bundle, genesis, txid, digest=digest, owner=owner)
    header = BlockHeader.decode(bundle.header, genesis.suite)
    return Anchored(digest, owner, txid, header.height, header.timestamp_ms, bundle)
