"""Notarisation of digests by ``sys.anchor``: what most programs want of a ledger, in two calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hanchain.crypto import PrivateKey
from hanchain.ledger.block import BlockHeader
from hanchain.ledger.bundles import TransactionBundle
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.system import anchor as contract
from hanchain.ledger.transaction import account_of, decode_transaction
from hanchain.sdk import limits
from hanchain.sdk.checks import require_proof
from hanchain.sdk.errors import Unverified
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
    found = await client.state(contract.NAME, contract.RECORD, digest, owner)
    if not found.present:
        return None
    assert isinstance(found.value, tuple), "the contract stores records, and validators sealed this one"
    txid = found.value[contract.RECORD_TXID]
    assert isinstance(txid, bytes), "as above"
    return _checked(await client.proof(txid), genesis, digest, owner, txid)


def _checked(bundle: TransactionBundle, genesis: Genesis, digest: bytes, owner: bytes, txid: bytes) -> Anchored:
    require_proof(bundle, genesis, txid, digest=digest, owner=owner)
    payload = decode_transaction(bundle.transaction, genesis.suite).payload
    if (payload.contract, payload.method) != (contract.NAME, contract.NOTARISE):
        raise Unverified(f"the digest was an argument of {payload.contract}.{payload.method}: nothing was notarised")
    header = BlockHeader.decode(bundle.header, genesis.suite)
    return Anchored(digest, owner, txid, header.height, header.timestamp_ms, bundle)
