"""User contracts: from a name to its program, and from a call of the machine to what the ledger makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from contracts.codec import decode
from contracts.failures import ContractFailure, Kind, StopReason
from contracts.host import Account, Context
from contracts.limits import PROGRAM_NESTING_MAX, PROGRAM_NODES_MAX, STATEMENTS_MAX
from contracts.machine import Entry, Outcome, Status
from contracts.program import Program
from contracts.program_errors import ProgramRejected, TooManyNodes
from hanchain.ledger import gas, limits
from hanchain.ledger.codec import CodecError, Value, encode
from hanchain.ledger.endings import Failed, Refused, Revert
from hanchain.ledger.gas import OutOfGas
from hanchain.ledger.reasons import Fault, Reason
from hanchain.ledger.session import Session
from hanchain.ledger.state import contract_prefix
from hanchain.ledger.system import accounts, contracts
from storage.errors import StorageError

_REFUSALS: Final = {
    "unknown_method": (Reason.UNKNOWN_METHOD, "no such method"),
    "view_method": (Reason.VIEW_METHOD, "it changes nothing: query it instead"),
    "bad_arguments": (Reason.BAD_ARGUMENTS, "number or types of the arguments are not those of the method"),
}


def call(session: Session, contract: str, method: str, arguments: tuple[Value, ...]) -> Value:
    """Call a user contract by transaction or, in a read-only session, as a view; return its result.

    Raise Refused (also UNKNOWN_CONTRACT, CONTRACT_FROZEN), Revert, Failed or OutOfGas.
    """
    session.meter.charge(gas.LOOK_UP)
    deployed = contracts.find(session.journal, contract)
    if deployed is None:
        raise Refused(Reason.UNKNOWN_CONTRACT, f"no contract {contract}")
    if deployed.frozen and not session.read_only:
        raise Refused(Reason.CONTRACT_FROZEN, f"{contract} is frozen by its owner")
    program = _program(session, contract, deployed.code_hash)
    entry = Entry.VIEW if session.read_only else Entry.CALL
    return _run(session, contract, program, method, arguments, entry)


def load(session: Session, code: bytes) -> Program:
    """Check and translate the program of a deployment, paid by bytes and nodes; raise ProgramRejected or OutOfGas."""
    session.meter.charge(gas.PROGRAM + gas.PROGRAM_BYTE * len(code))
    affordable = session.meter.left // gas.PROGRAM_NODE
    try:
        program = session.catalogue.machine.load(code, nodes_max=min(affordable, PROGRAM_NODES_MAX))
    except TooManyNodes:
        session.meter.exhaust()
    session.meter.charge(gas.PROGRAM_NODE * program.nodes)
    session.programs[contracts.code_hash(code, session.rules.suite)] = program
    return program


def initialise(session: Session, contract: str, program: Program, arguments: tuple[Value, ...]) -> None:
    """Run the initialisation of a program; raise what ends it."""
    _run(session, contract, program, "", arguments, Entry.INIT)


def layout(session: Session, code: bytes) -> tuple[Value, ...]:
    """Return records, state machines and cells of a program that has been deployed, for gas."""
    session.meter.charge(len(code) >> gas.LAYOUT_SHIFT)
    tree = decode(code, items_max=STATEMENTS_MAX, nesting_max=PROGRAM_NESTING_MAX)
    assert isinstance(tree, tuple), "it was loaded when it was deployed"
    return tree[1:4]


def _program(session: Session, contract: str, code_hash: bytes) -> Program:
    """Return the translated program of a contract that is deployed with this code."""
    program = session.programs.get(code_hash) or session.catalogue.get(code_hash)
    if program is None:
        code = contracts.program_of(session.journal, contract)
        try:
            program = session.catalogue.machine.load(code)
        except ProgramRejected as rejected:
            raise Fault(f"the program of {contract} was deployed and is none: {rejected}") from rejected
        session.catalogue.keep(code_hash, program)
    return program


def _run(
    session: Session, contract: str, program: Program, method: str, arguments: tuple[Value, ...], entry: Entry
) -> Value:
    """Have the machine call a program; return its result or raise what ended it."""
    caller = session.caller
    levels = session.levels
    try:
        outcome = session.catalogue.machine.call(
            program,
            contract=contract,
            method=method,
            arguments=arguments,
            host=ContractHost(session),
            context=Context(
                sender=caller.sender.hex(),
                height=caller.height,
                time_ms=caller.time_ms,
                tx_id=caller.txid,
                chain_id=session.rules.chain_id,
            ),
            gas=session.meter.left,
            entry=entry,
        )
    except (Fault, StorageError):
        raise
    except Exception as error:  # whatever it is, it is ours: never a receipt
        raise Fault(f"the machine failed in {contract}: {type(error).__name__}: {error}") from error
    while session.levels > levels:  # a stop passes through calls that were open
        session.undo()
    session.meter.charge(outcome.gas_used)
    if outcome.status is Status.OK:
        return outcome.value
    raise _ending(session, contract, method, outcome)


def _ending(session: Session, contract: str, method: str, outcome: Outcome) -> Exception:
    """Return the exception that says how a call ended."""
    if outcome.status is Status.REVERT:
        return Revert(outcome.code or Reason.REVERTED.value)  # a plain str, as receipts hold
    if outcome.status is Status.REFUSED:
        reason, message = _REFUSALS[outcome.reason]
        return Refused(reason, f"{contract}.{method}: {message}")
    if outcome.reason == StopReason.OUT_OF_GAS:
        session.meter.used = session.meter.limit
        return OutOfGas()
    return Failed(outcome.reason, outcome.code)


class ContractHost:
    """What the machine asks of the ledger (``contracts.host.Host``), for one session."""

    __slots__ = ("_journal", "_session", "begin", "hash", "keep", "undo")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._journal = session.journal
        self.begin = session.begin
        self.keep = session.keep
        self.undo = session.undo
        self.hash = session.rules.suite.hash

    def read(self, contract: str, key: bytes, /) -> bytes | None:
        """Return the value stored under ``key``."""
        return self._journal.get(contract_prefix(contract) + key)

    def write(self, contract: str, key: bytes, value: bytes | None, /) -> None:
        """Store ``value`` under ``key``; None deletes."""
        assert not self._session.read_only, "the machine ends a view that writes"
        assert value is None or len(value) <= limits.STATE_VALUE_BYTES_MAX, "the machine bounds values"
        self._journal.put(contract_prefix(contract) + key, value)

    def scan(
        self, contract: str, prefix: bytes, start: bytes | None, /, *, descending: bool
    ) -> Iterator[tuple[bytes, bytes | None]]:
        """Yield (key, value) in order; value None: deleted earlier in this block."""
        own = contract_prefix(contract)
        first = None if start is None else own + start
        for key, value in self._journal.scan(own + prefix, first, descending=descending):
            yield key[len(own) :], value

    def emit(self, contract: str, name: str, fields: tuple[Value, ...], /) -> None:
        """Report an event; raise ContractFailure(SIZE) for one too large, too deep or too many."""
        assert not self._session.read_only, "the machine ends a view that reports"
        try:
            size = len(encode(fields, nesting_max=limits.VALUE_NESTING_MAX))
        except CodecError:
            raise ContractFailure(Kind.SIZE) from None
        if not self._session.report(contract, name, fields, size):
            raise ContractFailure(Kind.SIZE)

    def program(self, contract: str, /) -> Program | None:
        """Return the program behind a name, None if there is none or it takes no calls."""
        deployed = contracts.find(self._session.journal, contract)
        if deployed is None or deployed.frozen:
            return None
        return _program(self._session, contract, deployed.code_hash)

    def account(self, account: str, /) -> Account:
        """Return what is known of an account."""
        name = accounts.account_by_text(account, self._session.rules.suite)
        exists = name is not None and accounts.find(self._session.journal, name) is not None
        return Account(exists=exists, organisation="", roles=(), level=0, status="normal")

    def verify(self, account: str, message: bytes, signature: bytes, /) -> bool:
        """Tell whether ``signature`` over ``message`` speaks for ``account`` at this height."""
        rules = self._session.rules
        name = accounts.account_by_text(account, rules.suite)
        return name is not None and accounts.message_speaks_for(
            self._session.journal, name, message, signature, chain_id=rules.chain_id, suite=rules.suite
        )

    def has_blob(self, digest: bytes, /) -> bool:
        """Tell whether ``digest`` is among the transaction's blobs."""
        return digest in self._session.blobs
