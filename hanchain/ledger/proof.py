"""Verifying proof bundles, with no network and no trust in whoever sent them.

The chain of reasons runs from the bytes outwards: what is proved stands under a root of a header, the header's hash is
sealed by a quorum of validators, the validators are those of the genesis that the verifier holds. Every step says in
words what it found. Importing this module loads no database, no network and no event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from consensus.certificate import SealCert
from consensus.fields import Rejection as ConsensusRejection
from hanchain.crypto import Suite
from hanchain.ledger import proofsteps as steps_of
from hanchain.ledger.block import BlockHeader
from hanchain.ledger.bundles import (
    EventBundle,
    ProofBundle,
    StateBundle,
    TransactionBundle,
    build_bundle,
    build_event_bundle,
    build_state_bundle,
    parse_bundle,
)
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.proofsteps import Failed, Outcome, require
from hanchain.ledger.reasons import Rejection
from hanchain.ledger.receipt import Receipt
from hanchain.ledger.system.registry import SYSTEM_PREFIX
from hanchain.ledger.times import utc_of
from hanchain.ledger.transaction import decode_transaction

__all__ = [
    "EventBundle",
    "Outcome",
    "ProofBundle",
    "StateBundle",
    "Step",
    "TransactionBundle",
    "build_bundle",
    "build_event_bundle",
    "build_state_bundle",
    "is_proved",
    "outcome_of",
    "parse_bundle",
    "signers_of",
    "verify_bundle",
    "verify_file",
    "verify_header",
]

_Checks: TypeAlias = Iterator[tuple[str, Callable[[], str]]]


class Step(NamedTuple):
    """One step of a verification, in words for the person who asked."""

    name: str
    ok: bool
    detail: str


def verify_file(
    data: bytes,
    genesis: Genesis,
    *,
    digest: bytes | None = None,
    owner: bytes | None = None,
    expected: Outcome | None = None,
) -> tuple[Step, ...]:
    """Verify a proof file; a file that is none fails the step ``format``. Otherwise as ``verify_bundle``."""
    try:
        bundle = parse_bundle(data)
    except Rejection as rejection:
        return (Step("format", ok=False, detail=str(rejection)),)
    return verify_bundle(bundle, genesis, digest=digest, owner=owner, expected=expected)


def verify_bundle(
    bundle: ProofBundle,
    genesis: Genesis,
    *,
    digest: bytes | None = None,
    owner: bytes | None = None,
    expected: Outcome | None = None,
) -> tuple[Step, ...]:
    """Return the steps of the verification up to the first that fails; the bundle proves if the last one is ok.

    ``digest``: what is proved must be about this digest (anchored, an argument of an executed call, a field of the
    event, a part of the key); ``owner``: and about this account, which must have sent the transaction. A bundle of a
    failed transaction proves its failure, one of an absent key its absence: the step ``outcome`` says which, and
    ``expected`` takes only the one. A program that acts on the answer wants it.
    """
    try:
        header, certificate = BlockHeader.decode(bundle.header, genesis.suite), SealCert.decode(bundle.certificate)
        checks = _checks(bundle, header, certificate, genesis, digest, owner)
    except (Rejection, ConsensusRejection) as rejection:
        return (Step("format", ok=False, detail=str(rejection)),)
    steps = _run(checks)
    found = outcome_of(steps)
    if expected is None or found is None:
        return steps
    return (*steps, Step("expected", ok=found is expected, detail=f"{found}, as {expected} was expected"))


def outcome_of(steps: Sequence[Step]) -> Outcome | None:
    """Return what the steps of a bundle prove, None if one of them failed."""
    if not is_proved(steps):
        return None
    detail = next(step.detail for step in steps if step.name == "outcome")
    return next(each for each in Outcome if detail.startswith(each))


def verify_header(header: BlockHeader, certificate: bytes, genesis: Genesis) -> tuple[Step, ...]:
    """Return the steps that show a header sealed by the validators of ``genesis``, up to the first that fails."""
    try:
        seals = SealCert.decode(certificate)
    except ConsensusRejection as rejection:
        return (Step("format", ok=False, detail=str(rejection)),)
    first = ("genesis", lambda: _check_chain(header, genesis))
    return _run(iter((first, *_sealed(header, seals, genesis))))


def signers_of(certificate: bytes, genesis: Genesis) -> tuple[str, ...]:
    """Return the names of the validators in a certificate that ``verify_header`` found good."""
    members = SealCert.decode(certificate).seals.members(len(genesis.validators))
    return tuple(genesis.validators[member].name for member in members)


def is_proved(steps: Sequence[Step]) -> bool:
    """Tell whether every step of a verification held."""
    return bool(steps) and all(step.ok for step in steps)


def _run(checks: _Checks) -> tuple[Step, ...]:
    """Run checks in order up to the first that fails; the parts they check were decoded before."""
    steps = [Step("format", ok=True, detail="every part is canonical")]
    for name, check in checks:
        try:
            steps.append(Step(name, ok=True, detail=check()))
        except Failed as failure:
            steps.append(Step(name, ok=False, detail=str(failure)))
            break
    return tuple(steps)


def _checks(
    bundle: ProofBundle,
    header: BlockHeader,
    certificate: SealCert,
    genesis: Genesis,
    digest: bytes | None,
    owner: bytes | None,
) -> _Checks:
    """Return the steps of a bundle; raise Rejection now for parts that cannot be decoded."""
    sealed = _sealed(header, certificate, genesis)
    match bundle:
        case TransactionBundle():
            return _transaction_checks(bundle, header, sealed, genesis, digest, owner)
        case EventBundle():
            return _event_checks(bundle, header, sealed, genesis, digest, owner)
        case StateBundle():
            return _state_checks(bundle, header, sealed, genesis, digest, owner)


def _transaction_checks(
    bundle: TransactionBundle,
    header: BlockHeader,
    sealed: _Checks,
    genesis: Genesis,
    digest: bytes | None,
    owner: bytes | None,
) -> _Checks:
    suite = genesis.suite
    transaction, receipt = decode_transaction(bundle.transaction, suite), Receipt.decode(bundle.receipt, suite)

    def signed_for_chain() -> str:
        of_chain = transaction.payload.chain_id == genesis.chain_id
        require(of_chain, "the transaction was signed for another chain")
        return _check_genesis(bundle, header, genesis)

    def checks() -> _Checks:
        yield "genesis", signed_for_chain
        yield "signature", lambda: steps_of.check_signature(transaction, suite)
        yield "transaction", lambda: steps_of.check_transaction(bundle, receipt, header, suite)
        yield "receipt", lambda: steps_of.check_receipt(bundle, transaction, receipt, header, suite)
        yield from sealed
        yield "outcome", lambda: steps_of.outcome_of(transaction, receipt)
        if digest is not None:
            yield "digest", lambda: steps_of.find_digest_in_call(transaction, receipt, digest)
        if owner is not None:
            yield "owner", lambda: steps_of.check_owner(transaction, receipt, owner)

    return checks()


def _event_checks(
    bundle: EventBundle,
    header: BlockHeader,
    sealed: _Checks,
    genesis: Genesis,
    digest: bytes | None,
    owner: bytes | None,
) -> _Checks:
    event = steps_of.read_event(bundle.event, genesis.suite)

    def checks() -> _Checks:
        yield "genesis", lambda: _check_genesis(bundle, header, genesis)
        yield "event", lambda: steps_of.check_event(bundle, event, header, genesis.suite)
        yield from sealed
        yield "outcome", lambda: steps_of.reported(event)
        if digest is not None:
            yield "digest", lambda: steps_of.find_in_event(event, digest, "digest")
        if owner is not None:
            yield "owner", lambda: steps_of.find_in_event(event, owner, "account")

    return checks()


def _state_checks(
    bundle: StateBundle,
    header: BlockHeader,
    sealed: _Checks,
    genesis: Genesis,
    digest: bytes | None,
    owner: bytes | None,
) -> _Checks:
    stored = steps_of.read_stored(bundle)

    def checks() -> _Checks:
        yield "genesis", lambda: _check_genesis(bundle, header, genesis)
        yield "state", lambda: steps_of.check_state(bundle, stored, header, genesis.suite)
        yield from sealed
        yield "outcome", lambda: steps_of.stored_as_of(stored, header)
        if digest is not None:
            yield "digest", lambda: steps_of.find_in_key(stored, digest, "digest", as_text=False)
        if owner is not None:
            as_text = not bundle.contract.startswith(SYSTEM_PREFIX)
            yield "owner", lambda: steps_of.find_in_key(stored, owner, "account", as_text=as_text)

    return checks()


def _sealed(header: BlockHeader, certificate: SealCert, genesis: Genesis) -> _Checks:
    yield "header", lambda: _check_header(header, certificate, genesis.suite)
    yield "certificate", lambda: _check_certificate(header, certificate, genesis)


def _check_genesis(bundle: ProofBundle, header: BlockHeader, genesis: Genesis) -> str:
    require(bundle.chain_name == genesis.chain_name, f"of chain {bundle.chain_name!r}, not {genesis.chain_name!r}")
    return _check_chain(header, genesis)


def _check_chain(header: BlockHeader, genesis: Genesis) -> str:
    require(header.chain_id == genesis.chain_id, "the header belongs to another chain")
    return f"chain {genesis.chain_name}, id {genesis.chain_id.hex()}"


def _check_header(header: BlockHeader, certificate: SealCert, suite: Suite) -> str:
    block_hash = header.hash(suite)
    require(certificate.block_hash == block_hash, "the certificate seals another header")
    require(certificate.height == header.height, "the certificate names another height")
    require(certificate.epoch == header.epoch, "the certificate names another epoch")
    return f"block hash {block_hash.hex()}, time {utc_of(header.timestamp_ms)} ({header.timestamp_ms} ms)"


def _check_certificate(header: BlockHeader, certificate: SealCert, genesis: Genesis) -> str:
    """Check the seals against the validators of genesis: the only place that asks consensus for a judgement."""
    validators = genesis.validator_set
    require(header.validators_hash == genesis.validators_hash, "sealed by another validator set than genesis has")
    try:
        certificate.verify(validators, genesis.context)
    except ConsensusRejection as rejection:
        raise Failed(str(rejection)) from None
    return f"sealed by {validators.quorum} of {len(validators)} validators"
