"""One transaction, or one view, on the state that a journal holds: from the call to the receipt or the answer."""

from __future__ import annotations

from collections.abc import Sequence

from hanchain.ledger import gas, limits, programs
from hanchain.ledger.block import BlockHeader
from hanchain.ledger.catalogue import Catalogue
from hanchain.ledger.codec import CodecError, Value, decode, encode
from hanchain.ledger.endings import Failed, Refused, Revert
from hanchain.ledger.host import Caller
from hanchain.ledger.native import NativeHost
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.receipt import Receipt, Status
from hanchain.ledger.rules import Rules
from hanchain.ledger.session import Session
from hanchain.ledger.state import Base, Journal, writes_digest
from hanchain.ledger.system import accounts
from hanchain.ledger.system.registry import SYSTEM_PREFIX, call_method
from hanchain.ledger.transaction import Transaction


def execute(
    journal: Journal,
    transaction: Transaction,
    *,
    height: int,
    time_ms: int,
    index: int,
    rules: Rules,
    catalogue: Catalogue,
) -> Receipt:
    """Execute one transaction on ``journal``, which then holds its writes if all went well, and is as before if not.

    Whatever the transaction does wrong is in the receipt. Raise Fault for what is wrong with us.
    """
    payload = transaction.payload
    session = Session(
        rules=rules,
        catalogue=catalogue,
        journal=journal,
        meter=gas.Meter(payload.gas_limit),
        caller=Caller(payload.sender, transaction.txid, height, time_ms),
        blobs=payload.blobs,
        read_only=False,
    )
    status, reason, message, value = Status.OK, "", "", None
    session.begin()
    try:
        value = _transact(session, transaction)
    except gas.OutOfGas:
        status, reason, message = Status.OUT_OF_GAS, Reason.OUT_OF_GAS.value, f"gas limit {payload.gas_limit}"
    except Refused as refused:
        status, reason, message = Status.REJECTED_AT_EXECUTION, refused.reason.value, refused.message
    except Revert as revert:
        status, reason, message = Status.REVERTED, revert.code, revert.message
    except Failed as failed:
        status, reason, message = Status.FAILED, failed.kind, failed.message
    assert session.levels == 1, "whoever opens a level closes it"
    digest = writes_digest(journal.changes() if status is Status.OK else (), rules.suite)
    if status is Status.OK:
        session.keep()
        for code_hash, program in session.programs.items():
            catalogue.keep(code_hash, program)
    else:
        session.undo()
    return Receipt(
        txid=transaction.txid,
        height=height,
        index=index,
        status=status,
        reason=reason,
        message=message[: limits.MESSAGE_LENGTH_MAX],
        gas_used=session.meter.used,
        return_value=value,
        events=tuple(session.events),
        writes_digest=digest,
    )


def call_view(
    state: Base,
    contract: str,
    method: str,
    arguments: Sequence[Value],
    *,
    at: BlockHeader,
    gas_limit: int,
    rules: Rules,
    catalogue: Catalogue,
) -> Value:
    """Return what a view method says about ``state``, that after the block ``at``.

    Raise Rejection(UNKNOWN_CONTRACT | UNKNOWN_METHOD | BAD_ARGUMENTS | OUT_OF_GAS | REVERTED | FAILED); the detail of
    REVERTED begins with the contract's code, that of FAILED with what went wrong.
    """
    try:
        encoded = encode(list(arguments))
        canonical = decode(encoded, max_bytes=limits.TRANSACTION_BYTES_MAX, max_items=limits.ARGUMENT_ITEMS_MAX)
    except CodecError as error:
        raise Rejection(Reason.BAD_ARGUMENTS, str(error)) from None
    session = Session(
        rules=rules,
        catalogue=catalogue,
        journal=Journal(state),
        meter=gas.Meter(gas_limit),
        caller=Caller(sender=b"", txid=b"", height=at.height, time_ms=at.timestamp_ms),
        blobs=(),
        read_only=True,
    )
    try:
        return _call(session, contract, method, canonical)
    except Refused as refused:
        raise Rejection(refused.reason, refused.message) from None
    except Revert as revert:
        raise Rejection(Reason.REVERTED, str(revert)) from None
    except Failed as failed:
        raise Rejection(Reason.FAILED, str(failed)) from None
    except gas.OutOfGas:
        raise Rejection(Reason.OUT_OF_GAS, f"more than {gas_limit}") from None


def _transact(session: Session, transaction: Transaction) -> Value:
    """Charge for the transaction itself, check who sent it, call; return the result or raise what ended it."""
    payload = transaction.payload
    session.meter.charge(gas.intrinsic(len(transaction.encoded), len(transaction.signatures)))
    _authorise(session, transaction)
    value = _call(session, payload.contract, payload.method, payload.arguments)
    if value is None:
        return None
    try:
        size = len(encode(value, nesting_max=limits.VALUE_NESTING_MAX))
    except CodecError:
        raise Failed("size", "the result is nested too deep for a receipt") from None
    if size > limits.RETURN_BYTES_MAX:
        raise Failed("size", f"a result of {size} bytes, at most {limits.RETURN_BYTES_MAX}")
    session.meter.charge(gas.result(size))
    return value


def _authorise(session: Session, transaction: Transaction) -> None:
    """Refuse a sender that none of the transaction's (valid) signatures speaks for."""
    sender = transaction.payload.sender
    keys = accounts.find(session.journal, sender)
    session.meter.charge(gas.read(0, None) if keys is None else keys.gas)
    if accounts.speaks_for(sender, keys, transaction.signatures, session.rules.suite):
        return
    if keys is None:
        raise Refused(Reason.WRONG_SENDER, "the sender is not the account of any key that signed")
    raise Refused(Reason.WRONG_SENDER, f"the keys that signed weigh less than the sender's {keys.threshold}")


def _call(session: Session, contract: str, method: str, arguments: tuple[Value, ...]) -> Value:
    if contract.startswith(SYSTEM_PREFIX):
        found = session.rules.registry.method(contract, method, view=session.read_only)
        return call_method(found, NativeHost(contract, session), arguments)
    return programs.call(session, contract, method, arguments)
