"""Which contracts and methods exist, and with which arguments.

Everything a transaction can get wrong about a call ends here, as a :class:`Refused` that execution turns into a
failed receipt; a method body may rely on the number and the types of its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from hanchain.ledger import limits
from hanchain.ledger.codec import Value
from hanchain.ledger.endings import Refused
from hanchain.ledger.host import Host
from hanchain.ledger.reasons import Reason

SYSTEM_PREFIX: Final = "sys."  # of the names that the registry answers for; no user contract has a dot in its name
TYPES: Final[Mapping[str, type]] = MappingProxyType(
    {"bool": bool, "bytes": bytes, "int": int, "list": tuple, "str": str}
)


@dataclass(frozen=True, slots=True)
class Method:
    """A callable method: argument names and type names in order, and the function behind it.

    ``view`` methods read only; they are called at any node and refused in transactions.
    """

    name: str
    arguments: tuple[tuple[str, str], ...]
    returns: str  # for people and generated clients; "none" or a name of TYPES
    call: Callable[..., Any]  # (host, *arguments) -> canonical value; raises Revert
    view: bool = False

    def __post_init__(self) -> None:
        assert 0 < len(self.name) <= limits.NAME_LENGTH_MAX, "a name fits a transaction"
        assert all(kind in TYPES for _, kind in self.arguments), "argument types come from the table"

    def check(self, arguments: Sequence[Value]) -> None:
        """Raise Refused(BAD_ARGUMENTS) unless number and types are those of the method."""
        if len(arguments) != len(self.arguments):
            raise Refused(
                Reason.BAD_ARGUMENTS, f"{self.name} takes {len(self.arguments)} arguments, got {len(arguments)}"
            )
        for (name, kind), value in zip(self.arguments, arguments, strict=True):
            if type(value) is not TYPES[kind]:  # exactly: a bool is no int here
                raise Refused(Reason.BAD_ARGUMENTS, f"{self.name}: {name} must be {kind}")


@dataclass(frozen=True, slots=True)
class EventKind:
    """An event of a contract: names and type names of its fields in order."""

    name: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract: its name, its methods and its events."""

    name: str
    methods: tuple[Method, ...]
    events: tuple[EventKind, ...] = ()

    def method(self, name: str) -> Method:
        """Return the method called ``name``; raise Refused(UNKNOWN_METHOD)."""
        for method in self.methods:
            if method.name == name:
                return method
        raise Refused(Reason.UNKNOWN_METHOD, f"{self.name} has no method {name}")


class Registry:
    """The contracts of a network by name."""

    __slots__ = ("_contracts",)

    def __init__(self, contracts: Sequence[Contract]) -> None:
        self._contracts = {contract.name: contract for contract in contracts}
        assert len(self._contracts) == len(contracts), "contract names are unique"
        assert all(name.startswith(SYSTEM_PREFIX) for name in self._contracts), "the prefix tells who answers"

    def __iter__(self) -> Iterator[Contract]:
        return iter(self._contracts.values())

    def method(self, contract: str, method: str, *, view: bool) -> Method:
        """Return a view, or a method for transactions.

        Raise Refused(UNKNOWN_CONTRACT | UNKNOWN_METHOD | VIEW_METHOD).
        """
        known = self._contracts.get(contract)
        if known is None:
            raise Refused(Reason.UNKNOWN_CONTRACT, f"no contract {contract}")
        found = known.method(method)
        if found.view and not view:
            raise Refused(Reason.VIEW_METHOD, f"{contract}.{method} changes nothing: query it instead")
        if view and not found.view:
            raise Refused(Reason.UNKNOWN_METHOD, f"{contract}.{method} is not a view: send a transaction")
        return found


def call_method(method: Method, host: Host, arguments: Sequence[Value]) -> Value:
    """Check the arguments and call; raise Refused, Revert or OutOfGas."""
    method.check(arguments)
    result: Value = method.call(host, *arguments)
    return result
