"""The language of contracts, for editors, type checkers and readers: what ``from contracts.language import ...`` names.

A contract is compiled, not imported: nothing here runs on the chain. The declarations give contract source its types,
so that ``mypy`` and editors understand it; calling what needs a chain raises RuntimeError. To run a contract on a
desk use ``contracts.testing.LocalChain``.
"""

# ruff: noqa: ARG001, ARG002 -- declarations for readers and type checkers: names and types of parameters are the content

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, auto
from types import UnionType
from typing import Any, Final, Generic, NewType, NoReturn, TypeVar, dataclass_transform, overload

__all__ = [
    "DOWN", "HALF_EVEN", "HALF_UP", "UP", "BlobRef", "CallError", "Contract", "Event", "Map", "Record", "Revert",
    "Sequence", "States", "Table", "Value", "account", "blob_present", "contract", "ctx", "date", "digest", "export",
    "from_hex", "hash", "init", "merkle_verify", "migrate", "muldiv", "require", "sha256", "to", "to_bytes", "to_int",
    "verify", "view",
]  # fmt: skip

K = TypeVar("K")
V = TypeVar("V")
R = TypeVar("R", bound="Record")
D = TypeVar("D")
Method = TypeVar("Method", bound=Callable[..., Any])

BlobRef = NewType("BlobRef", bytes)  # a digest that must be among the blobs of the transaction

DOWN: Final = 0  # modes of muldiv, as in the module decimal: towards zero, unlike //
UP: Final = 1  # away from zero
HALF_UP: Final = 2  # to the nearest, ties away from zero
HALF_EVEN: Final = 3  # to the nearest, ties to the even one


def _on_chain() -> NoReturn:
    raise RuntimeError("contracts run on a chain: use contracts.testing.LocalChain")


class Contract:
    """Base of the one contract class of a file."""


@dataclass_transform()
class Record:
    """Base of record classes: fields with types, constant defaults."""

    def __init_subclass__(cls) -> None:
        dataclass(cls)


class to(auto):  # noqa: N801 -- reads as a word of the language
    """A state and those that may follow it: ``draft = to("issued", "void")``; the first state is the initial one."""

    def __init__(self, *states: str) -> None:
        super().__init__()
        self.states = states


class States(StrEnum):
    """Base of state machines. A state is text, and a machine is a type of fields and parameters."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[str]) -> str:  # noqa: ARG004
        return name


class Value(Generic[V]):
    """State of one value: ``self.name`` reads it, ``self.name = value`` stores it."""

    @overload
    def __init__(self, type: type[V], *, default: V = ...) -> None: ...
    @overload
    def __init__(self: Value[Any], type: UnionType, *, default: Any = ...) -> None: ...
    def __init__(self, type: Any, *, default: Any = ...) -> None:  # noqa: A002
        """Declare a value; reading it before it was stored gives the default, else fails with KeyError."""

    def __get__(self, instance: Contract, owner: type[Contract], /) -> V:
        """Return a copy of what is stored."""
        _on_chain()

    def __set__(self, instance: Contract, value: V, /) -> None:
        """Store a value of the declared type."""
        _on_chain()


class Map(Generic[K, V]):
    """State of many values by key. A key of several parts is declared ``tuple[str, bytes]`` and used ``m[a, b]``."""

    @overload
    def __init__(self, key: type[K], value: type[V], *, default: V = ...) -> None: ...
    @overload
    def __init__(self: Map[K, Any], key: type[K], value: UnionType, *, default: Any = ...) -> None: ...
    def __init__(self, key: Any, value: Any, *, default: Any = ...) -> None:
        """Declare a map; reading a key that was not stored gives the default, else fails with KeyError."""

    def __getitem__(self, key: K, /) -> V:
        """Return a copy of what is stored under a key."""
        _on_chain()

    def __setitem__(self, key: K, value: V, /) -> None:
        """Store a value of the declared type."""
        _on_chain()

    def __delitem__(self, key: K, /) -> None:
        """Delete what is stored; fails with KeyError if nothing is."""
        _on_chain()

    def __contains__(self, key: K, /) -> bool:
        """Tell whether something is stored under a key."""
        _on_chain()

    @overload
    def get(self, key: K, /) -> V | None: ...
    @overload
    def get(self, key: K, default: D, /) -> V | D: ...
    def get(self, key: K, default: Any = None, /) -> Any:
        """Return a copy of what is stored, ``default`` if nothing is; the default of the declaration plays no part."""
        _on_chain()


class Table(Generic[K, R]):
    """State of many records by key, with further orders by their fields."""

    def __init__(
        self,
        record: type[R],
        *,
        key: type[K],
        index: str | tuple[str | tuple[str, ...], ...] = (),
        unique: str | tuple[str | tuple[str, ...], ...] = (),
    ) -> None:
        """Declare a table; ``index=("owner", ("kind", "height"))`` keeps its rows in these orders as well."""

    def __getitem__(self, key: K, /) -> R:
        """Return a copy of the record stored under a key; fails with KeyError if there is none."""
        _on_chain()

    def __setitem__(self, key: K, value: R, /) -> None:
        """Store a record."""
        _on_chain()

    def __delitem__(self, key: K, /) -> None:
        """Delete a record; fails with KeyError if there is none."""
        _on_chain()

    def __contains__(self, key: K, /) -> bool:
        """Tell whether a record is stored under a key."""
        _on_chain()

    @overload
    def get(self, key: K, /) -> R | None: ...
    @overload
    def get(self, key: K, default: D, /) -> R | D: ...
    def get(self, key: K, default: Any = None, /) -> Any:
        """Return a copy of the stored record, ``default`` if there is none."""
        _on_chain()

    def rows(
        self,
        index: str | tuple[str, ...] | None = None,
        prefix: tuple[Any, ...] = (),
        *,
        cursor: bytes | None = None,
        limit: int = 50,
        descending: bool = False,
    ) -> tuple[list[tuple[K, R]], bytes | None]:
        """Return one page, at most 256 rows of (key, record), and the cursor of the next page, None at the end.

        ``index`` names fields of a declared index, None the order of the keys; ``prefix`` holds values of the first of
        those fields or parts of the key.
        """
        _on_chain()


class Sequence:
    """State that counts: each ``next()`` gives the next number, beginning with 1."""

    def next(self) -> int:
        """Return the next number."""
        _on_chain()


class Event:
    """An event: ``Event(digest=bytes, owner=str, indexed=("owner",))``, emitted as ``self.Name(digest, owner)``."""

    def __init__(self, *, indexed: str | tuple[str, ...] = (), **fields: Any) -> None:
        """Declare the fields in order with their types; clients can search by the indexed ones."""

    def __call__(self, *values: Any, **fields: Any) -> None:
        """Emit the event."""
        _on_chain()


class Revert(Exception):
    """Ends the transaction, or the call that catches it, with a code; nothing that it did remains."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class CallError(Exception):
    """A called contract ended by a revert or an error; ``code`` is its code."""

    code: str


def require(condition: object, code: str) -> None:
    """Raise Revert(code) unless the condition holds."""
    if not condition:
        raise Revert(code)


@overload
def export(method: Method, /) -> Method: ...
@overload
def export(
    *,
    roles: str | tuple[str, ...] = ...,
    kyc: int = ...,
    policy: str = ...,
    move: tuple[Any, ...] = ...,
    reentrant: bool = ...,
) -> Callable[[Method], Method]: ...
def export(*_method: Any, **_guard: Any) -> Any:
    """Let transactions and other contracts call a method; the guard says whom.

    ``roles``: the sender has one of them. ``kyc``: the least level of the sender. ``move``: the only moves of state
    machines that the method may make. ``reentrant``: it may run while the contract waits for another one.
    """
    return _method[0] if _method else _same


@overload
def view(method: Method, /) -> Method: ...
@overload
def view(*, reentrant: bool = ...) -> Callable[[Method], Method]: ...
def view(*_method: Any, **_guard: Any) -> Any:
    """Let anybody ask a method that only reads."""
    return _method[0] if _method else _same


def init(method: Method, /) -> Method:
    """Mark the method that runs once, when the contract is deployed."""
    return method


def migrate(method: Method, /) -> Method:
    """Mark the method that runs once, when the contract is upgraded. This release does not run it yet."""
    return method


def _same(method: Method) -> Method:
    return method


class _Context:
    """The transaction and block that a method runs in."""

    sender: str  # who acts: the account that signed, hexadecimal, or "contract:name"; empty in a view
    height: int
    time_ms: int  # of the block, since 1970
    tx_id: bytes  # empty in a view
    chain_id: bytes
    organisation: str | None  # of the sender
    roles: tuple[str, ...]  # of the sender
    caller: str | None  # the contract that called, None if a transaction or view did
    contract: str  # this contract's name


class _Account:
    """What is known of an account."""

    exists: bool
    organisation: str
    roles: tuple[str, ...]
    level: int
    status: str


ctx: Final = _Context()


def contract(name: str, *, gas: int | None = None) -> Any:
    """Return another contract, to call at once: ``contract("prices").latest("gold")``.

    With ``gas`` the call may spend that much, and running out of it is a CallError instead of the end.
    """
    _on_chain()


def muldiv(a: int, b: int, c: int, mode: int = DOWN) -> int:
    """Return a * b / c with the product kept whole, rounded by ``mode``."""
    _on_chain()


def hash(data: bytes) -> bytes:  # noqa: A001 -- the hash function of the network's suite
    """Return the digest of the network's own hash function."""
    _on_chain()


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 digest (FIPS 180-4), whatever the network's suite is."""
    _on_chain()


def digest(value: Any) -> bytes:
    """Return the network's digest of the canonical encoding of any value that can be stored."""
    _on_chain()


def merkle_verify(root: bytes, leaf: bytes, index: int, size: int, path: list[bytes]) -> bool:
    """Tell whether ``leaf`` is leaf ``index`` of the tree of ``size`` leaves under ``root`` (RFC 6962)."""
    _on_chain()


def verify(account: str, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature speaks for an account, by its keys and threshold at this height."""
    _on_chain()


def from_hex(text: str) -> bytes:
    """Return the bytes of lower-case hexadecimal text."""
    _on_chain()


def to_bytes(number: int, length: int) -> bytes:
    """Return an unsigned integer as big-endian bytes, at most 32."""
    _on_chain()


def to_int(data: bytes) -> int:
    """Return the unsigned integer of at most 32 big-endian bytes."""
    _on_chain()


def date(time_ms: int, offset_minutes: int) -> tuple[int, int, int, int, int, int]:
    """Return year, month, day, hour, minute and second of a time since 1970, in a fixed offset from UTC."""
    _on_chain()


def account(name: str) -> _Account:
    """Return what is known of an account."""
    _on_chain()


def blob_present(reference: bytes) -> bool:
    """Tell whether a blob is among those of the transaction."""
    _on_chain()
