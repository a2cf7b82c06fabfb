"""``sys.contracts``: which program stands behind a name, whose it is, and since when.

State:

    ("contract", name) -> [owner, version, code hash, abi hash, source hash, weight, height, status]
    ("program", name)  -> the program, as it was deployed
    ("abi", name)      -> its ABI, which nothing executes
    ("weight",)        -> what all programs weigh together: nodes, and an eighth of the bytes

A source travels in the transaction that deploys it and is kept there; its hash stands here, so that anyone can compile
it again and compare.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from contracts.program import Program
from contracts.program_errors import ProgramRejected
from hanchain.crypto import Suite
from hanchain.ledger import limits
from hanchain.ledger.catalogue import weight_of
from hanchain.ledger.cells import cell_key
from hanchain.ledger.codec import Value
from hanchain.ledger.endings import Revert
from hanchain.ledger.host import Host, decode_stored, read_cell
from hanchain.ledger.reasons import Fault
from hanchain.ledger.state import Reader, state_key
from hanchain.ledger.system.registry import Contract, EventKind, Method

NAME: Final = "sys.contracts"
DEPLOY: Final = "deploy"
UPGRADE: Final = "upgrade"

PROGRAM_TAG: Final = "hanchain/program/1"
ABI_TAG: Final = "hanchain/abi/1"
SOURCE_TAG: Final = "hanchain/source/1"

BAD_NAME: Final = "E_NAME"
EXISTS: Final = "E_EXISTS"
UNKNOWN: Final = "E_UNKNOWN"
OWNER: Final = "E_OWNER"
PROGRAM: Final = "E_PROGRAM"
ABI: Final = "E_ABI"
CAPACITY: Final = "E_CAPACITY"
LAYOUT: Final = "E_LAYOUT"
STATUS: Final = "E_STATUS"
LIMIT: Final = "E_LIMIT"

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{2,31}")  # no dot: system contracts have one


class ContractStatus(StrEnum):
    """Whether a contract takes calls."""

    ACTIVE = "active"
    FROZEN = "frozen"  # by its owner: no transaction and no contract may call it, views still answer


@dataclass(frozen=True, slots=True)
class Deployed:
    """What stands behind a name, in the order of its encoding."""

    owner: bytes
    version: int  # 1 when deployed, one more with each upgrade
    code_hash: bytes
    abi_hash: bytes
    source_hash: bytes
    weight: int  # see ``catalogue.weight_of``
    height: int  # of the last deployment or upgrade
    status: ContractStatus

    @property
    def frozen(self) -> bool:
        """Whether it takes no calls."""
        return self.status is ContractStatus.FROZEN

    @property
    def record(self) -> list[Value]:
        """What is stored."""
        return [
            self.owner,
            self.version,
            self.code_hash,
            self.abi_hash,
            self.source_hash,
            self.weight,
            self.height,
            self.status.value,
        ]


def find(state: Reader, name: str) -> Deployed | None:
    """Return what stands behind the name of a user contract, None for a text that is no name: contracts ask for any."""
    if not _NAME.fullmatch(name):
        return None
    stored = state.get(_key(name))
    return None if stored is None else _decode(stored)


@lru_cache(maxsize=limits.KEYS_REMEMBERED)
def _key(name: str) -> bytes:
    return state_key(NAME, cell_key("contract", [name]))


@lru_cache(maxsize=limits.RECORDS_REMEMBERED)
def _decode(stored: bytes) -> Deployed:
    # By what is stored, not by name: the same bytes mean the same whatever was written since.
    return _deployed(decode_stored(NAME, stored))


def program_of(state: Reader, name: str) -> bytes:
    """Return the program of a contract that ``find`` finds."""
    program = read_cell(state, NAME, "program", name)
    if not isinstance(program, bytes):
        raise Fault(f"the contract {name} has no program")
    return program


def code_hash(program: bytes, suite: Suite) -> bytes:
    """Return the hash by which a program is known."""
    return suite.tagged_hash(PROGRAM_TAG, program)


def deploy(host: Host, name: str, program: bytes, abi: bytes, source: bytes, arguments: tuple[Value, ...]) -> None:
    """Put a program behind a new name and run its initialisation; the sender owns it."""
    if not _NAME.fullmatch(name):
        raise Revert(BAD_NAME, "a name is 3..32 of a-z, 0-9 and _, and begins with a letter")
    if host.get("contract", name) is not None:
        raise Revert(EXISTS, "the name is taken")
    loaded = _load(host, program, abi)
    _weigh(host, weight_of(loaded))
    deployed = Deployed(
        owner=host.caller.sender,
        version=1,
        code_hash=code_hash(program, host.suite),
        abi_hash=host.suite.tagged_hash(ABI_TAG, abi),
        source_hash=host.suite.tagged_hash(SOURCE_TAG, source),
        weight=weight_of(loaded),
        height=host.caller.height,
        status=ContractStatus.ACTIVE,
    )
    host.put(deployed.record, "contract", name)
    host.put(program, "program", name)
    host.put(abi, "abi", name)
    host.emit("Deployed", name, deployed.owner, deployed.version, deployed.code_hash)
    host.initialise(name, loaded, arguments)


def upgrade(host: Host, name: str, program: bytes, abi: bytes, source: bytes) -> None:
    """Put another program behind the sender's name; it has to find the state where the last one left it."""
    before = _owned(host, name)
    loaded = _load(host, program, abi)
    if not _keeps_layout(host.layout(host.get("program", name)), loaded):
        raise Revert(LAYOUT, "records, state machines and cells of the last version must come first and unchanged")
    _weigh(host, weight_of(loaded) - before.weight)
    after = Deployed(
        owner=before.owner,
        version=before.version + 1,
        code_hash=code_hash(program, host.suite),
        abi_hash=host.suite.tagged_hash(ABI_TAG, abi),
        source_hash=host.suite.tagged_hash(SOURCE_TAG, source),
        weight=weight_of(loaded),
        height=host.caller.height,
        status=before.status,
    )
    host.put(after.record, "contract", name)
    host.put(program, "program", name)
    host.put(abi, "abi", name)
    host.emit("Upgraded", name, after.version, after.code_hash)


def freeze(host: Host, name: str) -> None:
    """Have a contract of the sender's take no calls until it is unfrozen."""
    _set_status(host, name, ContractStatus.FROZEN, "Frozen")


def unfreeze(host: Host, name: str) -> None:
    """Have a frozen contract of the sender's take calls again."""
    _set_status(host, name, ContractStatus.ACTIVE, "Unfrozen")


def get(host: Host, name: str) -> Value:
    """Return ``[owner, version, code hash, abi hash, source hash, weight, height, status]``, or revert E_UNKNOWN."""
    return _get(host, name).record


def abi(host: Host, name: str) -> Value:
    """Return the ABI of a contract, or revert E_UNKNOWN."""
    _get(host, name)
    found: Value = host.get("abi", name)
    return found


def program(host: Host, name: str) -> Value:
    """Return the program of a contract, or revert E_UNKNOWN."""
    _get(host, name)
    found: Value = host.get("program", name)
    return found


def names(host: Host, cursor: str, limit: int) -> Value:
    """Return ``[[name, …], next cursor or nil]``: names above ``cursor`` in order, at most ``limit`` of them."""
    if not 0 < limit <= limits.NAMES_LISTED_MAX:
        raise Revert(LIMIT, f"the limit is 1..{limits.NAMES_LISTED_MAX}")
    found: list[Value] = []
    for name, _ in host.scan("contract", after=cursor):
        if len(found) == limit:
            return [found, found[-1]]
        found.append(name)
    return [found, None]


def _get(host: Host, name: str) -> Deployed:
    record = host.get("contract", name) if _NAME.fullmatch(name) else None
    if record is None:
        raise Revert(UNKNOWN, "no contract has this name")
    return _deployed(record)


def _deployed(record: Any) -> Deployed:
    owner, version, code, abi_hash, source_hash, weight, height, status = record
    return Deployed(owner, version, code, abi_hash, source_hash, weight, height, ContractStatus(status))


def _owned(host: Host, name: str) -> Deployed:
    deployed = _get(host, name)
    if deployed.owner != host.caller.sender:
        raise Revert(OWNER, "the contract is somebody else's")
    return deployed


def _set_status(host: Host, name: str, status: ContractStatus, event: str) -> None:
    deployed = _owned(host, name)
    if deployed.status is status:
        raise Revert(STATUS, f"the contract is {status} already")
    host.put([*deployed.record[:-1], status.value], "contract", name)
    host.emit(event, name)


def _load(host: Host, program: bytes, abi: bytes) -> Program:
    if len(abi) > limits.ABI_BYTES_MAX:
        raise Revert(ABI, f"an ABI has at most {limits.ABI_BYTES_MAX} bytes")
    try:
        return host.load(program)
    except ProgramRejected as rejected:  # its detail may quote the host's libraries: never part of a receipt
        raise Revert(PROGRAM, rejected.reason) from None


def _weigh(host: Host, more: int) -> None:
    """Count what programs weigh; revert when that is more than validators keep translated."""
    weight, most = (host.get("weight") or 0) + more, host.parameters.max_program_weight
    if more > 0 and weight > most:
        raise Revert(CAPACITY, f"programs would weigh {weight}, at most {most} together")
    host.put(weight, "weight")


def _keeps_layout(old: tuple[Any, ...], new: Program) -> bool:
    """Tell whether what a program with the old declarations has stored means the same to the new one."""
    return all(kept[: len(before)] == before for before, kept in zip(old, new.tree[1:4], strict=True))


CONTRACT: Final = Contract(
    NAME,
    methods=(
        Method(
            DEPLOY,
            (("name", "str"), ("program", "bytes"), ("abi", "bytes"), ("source", "bytes"), ("arguments", "list")),
            "none",
            deploy,
        ),
        Method(
            UPGRADE, (("name", "str"), ("program", "bytes"), ("abi", "bytes"), ("source", "bytes")), "none", upgrade
        ),
        Method("freeze", (("name", "str"),), "none", freeze),
        Method("unfreeze", (("name", "str"),), "none", unfreeze),
        Method("get", (("name", "str"),), "list", get, view=True),
        Method("abi", (("name", "str"),), "bytes", abi, view=True),
        Method("program", (("name", "str"),), "bytes", program, view=True),
        Method("names", (("cursor", "str"), ("limit", "int")), "list", names, view=True),
    ),
    events=(
        EventKind("Deployed", (("name", "str"), ("owner", "bytes"), ("version", "int"), ("code_hash", "bytes"))),
        EventKind("Upgraded", (("name", "str"), ("version", "int"), ("code_hash", "bytes"))),
        EventKind("Frozen", (("name", "str"),)),
        EventKind("Unfrozen", (("name", "str"),)),
    ),
)
