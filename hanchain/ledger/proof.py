"""Proof bundles: one file that shows, with no network and no trust in whoever sent it, what became of a transaction.

The chain of reasons runs from the bytes outwards: transaction and receipt stand under the roots of a header, the
header's hash is sealed by a quorum of validators, the validators are those of the genesis that the verifier holds.
Importing this module loads no database, no network and no event loop.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from consensus.certificate import SealCert
from consensus.fields import Rejection as ConsensusRejection
from hanchain.crypto import Suite
from hanchain.crypto.limits import DIGEST_BYTES_MAX, DIGEST_BYTES_MIN
from hanchain.ledger import limits
from hanchain.ledger.block import TRANSACTIONS_TAG, BlockHeader, transaction_path
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.json_reader import Json, hex_of, read_json
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.receipt import LeafPath, Receipt, Status, receipt_leaf, receipt_path, verify_leaf
from hanchain.ledger.system import anchor
from hanchain.ledger.transaction import Transaction, decode_transaction, signatures_valid
from storage.proof import verify_path

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class ProofBundle:
    """The content of a proof file: canonical bytes and Merkle paths. Nothing in it is trusted."""

    chain_name: str
    transaction: bytes
    transaction_path: LeafPath
    receipt: bytes
    receipt_path: LeafPath
    header: bytes
    certificate: bytes
    version: int = VERSION

    def to_json(self) -> str:
        """Return the file."""
        document = {
            "version": self.version,
            "chain_name": self.chain_name,
            "transaction": hex_of(self.transaction),
            "transaction_path": _path_document(self.transaction_path),
            "receipt": hex_of(self.receipt),
            "receipt_path": _path_document(self.receipt_path),
            "header": hex_of(self.header),
            "certificate": hex_of(self.certificate),
        }
        return json.dumps(document, indent=2) + "\n"


class Step(NamedTuple):
    """One step of a verification, in words for the person who asked."""

    name: str
    ok: bool
    detail: str


class Failed(Exception):
    """A step does not hold, for this reason."""


@dataclass(frozen=True, slots=True)
class _Evidence:
    """The decoded parts of a bundle."""

    transaction: Transaction
    receipt: Receipt
    header: BlockHeader
    certificate: SealCert


def build_bundle(
    genesis: Genesis,
    transactions: Sequence[bytes],
    receipts: Sequence[Receipt],
    index: int,
    header: BlockHeader,
    certificate: bytes,
) -> ProofBundle:
    """Return the proof of the transaction at ``index`` of a sealed block."""
    suite = genesis.suite
    return ProofBundle(
        chain_name=genesis.chain_name,
        transaction=transactions[index],
        transaction_path=LeafPath(index, len(transactions), transaction_path(transactions, index, suite)),
        receipt=receipts[index].encode(),
        receipt_path=receipt_path(receipts, index, suite),
        header=header.encode(),
        certificate=certificate,
    )


def parse_bundle(data: bytes) -> ProofBundle:
    """Return the bundle in the file ``data``; raise Rejection with the JSON path of the first thing wrong."""
    root = read_json(data, max_bytes=limits.PROOF_BYTES_MAX)
    fields = root.fields(
        (
            "version",
            "chain_name",
            "transaction",
            "transaction_path",
            "receipt",
            "receipt_path",
            "header",
            "certificate",
        )
    )
    version = fields["version"].integer(0, 2**31)
    if version != VERSION:
        raise fields["version"].refuse(Reason.WRONG_VERSION, f"version {version}, {VERSION} expected")
    return ProofBundle(
        chain_name=fields["chain_name"].text(limits.NAME_LENGTH_MAX),
        transaction=fields["transaction"].blob(1, limits.TRANSACTION_BYTES_MAX),
        transaction_path=_read_path(fields["transaction_path"]),
        receipt=fields["receipt"].blob(1, limits.RECEIPT_BYTES_MAX),
        receipt_path=_read_path(fields["receipt_path"]),
        header=fields["header"].blob(1, limits.HEADER_BYTES_MAX),
        certificate=fields["certificate"].blob(1, limits.CERTIFICATE_BYTES_MAX),
    )


def verify_file(
    data: bytes, genesis: Genesis, *, digest: bytes | None = None, owner: bytes | None = None
) -> tuple[Step, ...]:
    """Verify a proof file; a file that is none fails the step ``format``. Otherwise as ``verify_bundle``."""
    try:
        bundle = parse_bundle(data)
    except Rejection as rejection:
        return (Step("format", ok=False, detail=str(rejection)),)
    return verify_bundle(bundle, genesis, digest=digest, owner=owner)


def verify_bundle(
    bundle: ProofBundle, genesis: Genesis, *, digest: bytes | None = None, owner: bytes | None = None
) -> tuple[Step, ...]:
    """Return the steps of the verification up to the first that fails; the bundle proves if the last one is ok.

    ``digest``: the bundle must prove that this digest was anchored; ``owner``: by this account. A bundle of a failed
    transaction proves its failure, and that is what the step ``outcome`` says.
    """
    try:
        evidence = _decode(bundle, genesis.suite)
    except (Rejection, ConsensusRejection) as rejection:
        return (Step("format", ok=False, detail=str(rejection)),)
    return _run(_checks(bundle, evidence, genesis, digest, owner))


def verify_header(header: BlockHeader, certificate: bytes, genesis: Genesis) -> tuple[Step, ...]:
    """Return the steps that show a header sealed by the validators of ``genesis``, up to the first that fails."""
    try:
        seals = SealCert.decode(certificate)
    except ConsensusRejection as rejection:
        return (Step("format", ok=False, detail=str(rejection)),)
    return _run(
        iter(
            (
                ("genesis", lambda: _check_chain(header, genesis)),
                ("header", lambda: _check_header(header, seals, genesis.suite)),
                ("certificate", lambda: _check_certificate(header, seals, genesis)),
            )
        )
    )


def _run(checks: Iterator[tuple[str, Callable[[], str]]]) -> tuple[Step, ...]:
    """Run checks in order up to the first that fails; the parts they check were decoded before."""
    steps = [Step("format", ok=True, detail="every part is canonical")]
    for name, check in checks:
        try:
            steps.append(Step(name, ok=True, detail=check()))
        except Failed as failure:
            steps.append(Step(name, ok=False, detail=str(failure)))
            break
    return tuple(steps)


def is_proved(steps: Sequence[Step]) -> bool:
    """Tell whether every step of a verification held."""
    return bool(steps) and all(step.ok for step in steps)


def _checks(
    bundle: ProofBundle, evidence: _Evidence, genesis: Genesis, digest: bytes | None, owner: bytes | None
) -> Iterator[tuple[str, Callable[[], str]]]:
    transaction, receipt, header = evidence.transaction, evidence.receipt, evidence.header
    suite = genesis.suite
    yield "genesis", lambda: _check_genesis(bundle, transaction, header, genesis)
    yield "signature", lambda: _check_signature(transaction, suite)
    yield "transaction", lambda: _check_transaction(bundle, receipt, header, suite)
    yield "receipt", lambda: _check_receipt(bundle, evidence, suite)
    yield "header", lambda: _check_header(header, evidence.certificate, suite)
    yield "certificate", lambda: _check_certificate(header, evidence.certificate, genesis)
    yield "outcome", lambda: _outcome(receipt)
    if digest is not None:
        yield "digest", lambda: _check_digest(transaction, receipt, digest)
    if owner is not None:
        yield "owner", lambda: _check_owner(transaction, receipt, owner)


def _decode(bundle: ProofBundle, suite: Suite) -> _Evidence:
    return _Evidence(
        transaction=decode_transaction(bundle.transaction, suite),
        receipt=Receipt.decode(bundle.receipt, suite),
        header=BlockHeader.decode(bundle.header, suite),
        certificate=SealCert.decode(bundle.certificate),
    )


def _check_genesis(bundle: ProofBundle, transaction: Transaction, header: BlockHeader, genesis: Genesis) -> str:
    _require(bundle.chain_name == genesis.chain_name, f"of chain {bundle.chain_name!r}, not {genesis.chain_name!r}")
    _require(transaction.payload.chain_id == genesis.chain_id, "the transaction was signed for another chain")
    return _check_chain(header, genesis)


def _check_chain(header: BlockHeader, genesis: Genesis) -> str:
    _require(header.chain_id == genesis.chain_id, "the header belongs to another chain")
    return f"chain {genesis.chain_name}, id {genesis.chain_id.hex()}"


def _check_signature(transaction: Transaction, suite: Suite) -> str:
    _require(bool(transaction.signatures), "nobody signed the transaction")
    _require(all(entry.algorithm == suite.id for entry in transaction.signatures), "a key of another algorithm")
    _require(signatures_valid(transaction, suite), "a signature is not good: the transaction was changed")
    return "signed with " + ", ".join(entry.public_key.hex() for entry in transaction.signatures)


def _check_transaction(bundle: ProofBundle, receipt: Receipt, header: BlockHeader, suite: Suite) -> str:
    where = bundle.transaction_path
    _require(where.position == receipt.index, "the receipt names another position in the block")
    included = verify_path(
        bundle.transaction,
        where.position,
        where.size,
        where.path,
        header.transactions_root,
        suite.tagged_hasher(TRANSACTIONS_TAG),
    )
    _require(included, "the transaction is not under the header's root")
    return f"number {where.position} in block {header.height}"


def _check_receipt(bundle: ProofBundle, evidence: _Evidence, suite: Suite) -> str:
    receipt, header = evidence.receipt, evidence.header
    _require(receipt.txid == evidence.transaction.txid, "the receipt is of another transaction")
    _require(receipt.height == header.height, "the receipt is of another block")
    included = verify_leaf(receipt_leaf(receipt), bundle.receipt_path, header.receipts_root, suite)
    _require(included, "the receipt is not under the header's root")
    return f"transaction {receipt.txid.hex()}"


def _check_header(header: BlockHeader, certificate: SealCert, suite: Suite) -> str:
    block_hash = header.hash(suite)
    _require(certificate.block_hash == block_hash, "the certificate seals another header")
    _require(certificate.height == header.height, "the certificate names another height")
    _require(certificate.epoch == header.epoch, "the certificate names another epoch")
    return f"block hash {block_hash.hex()}, time {header.timestamp_ms} ms"


def _check_certificate(header: BlockHeader, certificate: SealCert, genesis: Genesis) -> str:
    """Check the seals against the validators of genesis: the only place that asks consensus for a judgement."""
    validators = genesis.validator_set
    _require(header.validators_hash == genesis.validators_hash, "sealed by another validator set than genesis has")
    try:
        certificate.verify(validators, genesis.context)
    except ConsensusRejection as rejection:
        raise Failed(str(rejection)) from None
    return f"sealed by {validators.quorum} of {len(validators)} validators"


def _outcome(receipt: Receipt) -> str:
    if receipt.status is Status.OK:
        return "executed"
    return f"failed ({receipt.status.name.lower()}): {receipt.reason}: {receipt.message}"


def _check_digest(transaction: Transaction, receipt: Receipt, digest: bytes) -> str:
    payload = transaction.payload
    _require((payload.contract, payload.method) == (anchor.NAME, anchor.NOTARISE), "the transaction anchors nothing")
    _require(receipt.status is Status.OK, "the transaction failed: nothing was anchored")
    anchored = payload.arguments[0]  # an executed call has the arguments of its method
    _require(anchored == digest, f"anchored {_shown(anchored)}, not {digest.hex()}")
    return f"anchored {digest.hex()} as {payload.arguments[1]!r}, {payload.arguments[2]!r} bytes"


def _check_owner(transaction: Transaction, receipt: Receipt, owner: bytes) -> str:
    sender = transaction.payload.sender
    reached = receipt.status in {Status.OK, Status.REVERTED}
    _require(reached, "the transaction did not reach its contract: nobody checked that its keys speak for the sender")
    _require(sender == owner, f"the sender is {sender.hex()}, not {owner.hex()}")
    return f"sent by {owner.hex()}"


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else repr(value)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Failed(otherwise)


def _path_document(where: LeafPath) -> dict[str, object]:
    return {"position": where.position, "size": where.size, "path": [hex_of(digest) for digest in where.path]}


def _read_path(entry: Json) -> LeafPath:
    fields = entry.fields(("position", "size", "path"))
    return LeafPath(
        fields["position"].integer(0, 2**63 - 1),
        fields["size"].integer(1, 2**63 - 1),
        tuple(
            item.blob(DIGEST_BYTES_MIN, DIGEST_BYTES_MAX) for item in fields["path"].items(0, limits.PATH_LENGTH_MAX)
        ),
    )
