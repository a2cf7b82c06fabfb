"""What the client checks of an answer before it returns it: everything that follows from the genesis."""

from __future__ import annotations

from collections.abc import Sequence

from hanchain.ledger.block import BlockHeader, transactions_root
from hanchain.ledger.bundles import EventBundle, ProofBundle, StateBundle, TransactionBundle
from hanchain.ledger.codec import CodecError
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.proof import Step, is_proved, signers_of, verify_bundle, verify_header
from hanchain.ledger.proofsteps import read_event
from hanchain.ledger.reasons import Rejection
from hanchain.ledger.receipt import receipts_root
from hanchain.ledger.transaction import decode_transaction
from hanchain.sdk.errors import Unverified
from hanchain.sdk.results import Block


def require_proof(
    bundle: TransactionBundle,
    genesis: Genesis,
    txid: bytes,
    *,
    digest: bytes | None = None,
    owner: bytes | None = None,
) -> None:
    """Raise Unverified unless ``bundle`` proves what became of ``txid`` (and that it anchored ``digest``)."""
    steps = _require_steps(verify_bundle(bundle, genesis, digest=digest, owner=owner))
    proved = decode_transaction(bundle.transaction, genesis.suite).txid
    if proved != txid:
        raise Unverified(f"the proof is of transaction {proved.hex()}, not {txid.hex()}", steps)


def require_event(bundle: EventBundle, genesis: Genesis, txid: bytes, index: int) -> None:
    """Raise Unverified unless ``bundle`` proves event ``index`` of transaction ``txid``."""
    steps = _require_steps(verify_bundle(bundle, genesis))
    event = read_event(bundle.event, genesis.suite)
    if (event.txid, event.position) != (txid, index):
        raise Unverified(f"the proof is of event {event.position} of {event.txid.hex()}", steps)


def require_state(bundle: ProofBundle, genesis: Genesis, contract: str, key: bytes) -> BlockHeader:
    """Raise Unverified unless ``bundle`` proves this key of the state; return the header of the block it stands in."""
    if not isinstance(bundle, StateBundle):
        raise Unverified(f"a proof of kind {bundle.kind}, not of the state")
    steps = _require_steps(verify_bundle(bundle, genesis))
    if (bundle.contract, bundle.key) != (contract, key):
        raise Unverified(f"the proof is of another key: {bundle.key.hex()} of {bundle.contract}", steps)
    return BlockHeader.decode(bundle.header, genesis.suite)


def _require_steps(steps: Sequence[Step]) -> Sequence[Step]:
    if not is_proved(steps):
        raise Unverified(f"the proof fails at {steps[-1].name!r}: {steps[-1].detail}", steps)
    return steps


def require_block(block: Block, wanted: int | bytes | None, genesis: Genesis) -> None:
    """Raise Unverified unless the validators of ``genesis`` sealed exactly this block, and it is the one ``wanted``."""
    header, suite = block.header, genesis.suite
    _require(wanted is None or wanted in (header.height, block.block_hash), f"block {header.height} is another one")
    _require(header.hash(suite) == block.block_hash, "the header does not have the block's hash")
    _require(header.transactions_root == transactions_root(block.transactions, suite), "other transactions")
    try:
        ids = tuple(decode_transaction(envelope, suite).txid for envelope in block.transactions)
        receipts_hold = header.receipts_root == receipts_root(block.receipts, suite)
    except (Rejection, CodecError) as error:
        raise Unverified(f"the block's content is not well-formed: {error}") from None
    _require(receipts_hold, "other receipts")
    _require(ids == block.transaction_ids, "other transaction ids")
    _require(ids == tuple(receipt.txid for receipt in block.receipts), "receipts of other transactions")
    if header.height == 0:
        _require(header == genesis.block0, "another block of height 0 than the genesis has")
        _require(block.certificate is None and not block.signers, "nobody seals the block of height 0")
        return
    _require(block.certificate is not None, "nobody sealed the block")
    assert block.certificate is not None, "just required"
    steps = verify_header(header, block.certificate, genesis)
    if not is_proved(steps):
        raise Unverified(f"block {header.height} fails at {steps[-1].name!r}: {steps[-1].detail}", steps)
    _require(block.signers == signers_of(block.certificate, genesis), "other signers")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Unverified(otherwise)
