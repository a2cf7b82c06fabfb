"""Type by type: what is checked where values enter, leave, are stored or assigned to a field, and how they change form.

Three forms of one value: the contract's (list, dict, Record, a state's name), the wire's (``codec.Value``: sequences, a
dict as pairs sorted by key, a record as its fields, a state as its index), and canonical bytes of the wire's. A type
takes values from one form to the next and charges one unit of gas for each element on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, Protocol

from contracts import prices
from contracts.codec import Value
from contracts.failures import ContractFailure, Kind
from contracts.limits import ELEMENTS_MAX
from contracts.runtime import Runtime
from contracts.values import Record, Shape, alloc_bytes, alloc_elements, alloc_text
from contracts.wire import pay_integer, pay_integers, take_room, take_text

BLOB_REFERENCE_BYTES_MIN: Final = 16  # digests of any suite lie within; those that enter are of a blob that is there
BLOB_REFERENCE_BYTES_MAX: Final = 64


class Type(Protocol):
    """One declared type."""

    @property
    def depth(self) -> int:
        """Levels, 1 for a scalar."""

    def check(self, runtime: Runtime, value: object, /) -> object:
        """Return ``value`` if it is of this type outside, elements unseen; raise ContractFailure(TYPE)."""

    def to_value(self, runtime: Runtime, value: object, /) -> Value:
        """Return the wire form; elements checked, counted against ``runtime.room``; raise ContractFailure or Stop."""

    def from_value(self, runtime: Runtime, value: Value, entering: bool = True, /) -> object:
        """Return a fresh value of the wire form; raise ContractFailure(TYPE or SIZE) or Stop.

        ``entering``: as an argument, not from state, where what has been let in once stays good.
        """


@dataclass(frozen=True, slots=True)
class PlainType:
    """None, bool or int: the same in every form, and nothing to charge for."""

    kind: type
    depth: int = 1

    def check(self, _runtime: Runtime, value: object) -> object:
        """See ``Type``."""
        if type(value) is not self.kind:
            raise ContractFailure(Kind.TYPE)
        return value

    def to_value(self, runtime: Runtime, value: object) -> Value:
        """See ``Type``."""
        if type(value) is not self.kind:
            raise ContractFailure(Kind.TYPE)
        if type(value) is int:
            pay_integer(runtime, value)
        return value  # type: ignore[return-value]  # None, bool or int, which ``kind`` is

    def from_value(self, _runtime: Runtime, value: Value, _entering: bool = True) -> object:
        """See ``Type``."""
        if type(value) is not self.kind:
            raise ContractFailure(Kind.TYPE)
        return value


@dataclass(frozen=True, slots=True)
class TextType:
    """A str."""

    depth: int = 1

    def check(self, _runtime: Runtime, value: object) -> object:
        """See ``Type``."""
        if type(value) is not str:
            raise ContractFailure(Kind.TYPE)
        return value

    def to_value(self, runtime: Runtime, value: object) -> Value:
        """See ``Type``."""
        if type(value) is not str:
            raise ContractFailure(Kind.TYPE)
        take_text(runtime, value)
        return value

    def from_value(self, runtime: Runtime, value: Value, _entering: bool = True) -> object:
        """See ``Type``."""
        if type(value) is not str:
            raise ContractFailure(Kind.TYPE)
        alloc_text(runtime, len(value), wide=not value.isascii())
        return value


@dataclass(frozen=True, slots=True)
class BytesType:
    """Bytes."""

    depth: int = 1

    def check(self, _runtime: Runtime, value: object) -> object:
        """See ``Type``."""
        if type(value) is not bytes:
            raise ContractFailure(Kind.TYPE)
        return value

    def to_value(self, runtime: Runtime, value: object) -> Value:
        """See ``Type``."""
        if type(value) is not bytes:
            raise ContractFailure(Kind.TYPE)
        take_room(runtime, len(value))
        return value

    def from_value(self, runtime: Runtime, value: Value, _entering: bool = True) -> object:
        """See ``Type``."""
        if type(value) is not bytes:
            raise ContractFailure(Kind.TYPE)
        alloc_bytes(runtime, len(value))
        return value


@dataclass(frozen=True, slots=True)
class BlobType:
    """The digest of a blob, which has to be among the transaction's when it enters as an argument."""

    depth: int = 1

    def check(self, _runtime: Runtime, value: object) -> object:
        """See ``Type``."""
        if type(value) is not bytes or not BLOB_REFERENCE_BYTES_MIN <= len(value) <= BLOB_REFERENCE_BYTES_MAX:
            raise ContractFailure(Kind.TYPE)
        return value

    def to_value(self, runtime: Runtime, value: object) -> Value:
        """See ``Type``."""
        self.check(runtime, value)
        take_room(runtime, len(value))  # type: ignore[arg-type]  # bytes, as checked
        return value  # type: ignore[return-value]  # as above

    def from_value(self, runtime: Runtime, value: Value, entering: bool = True) -> object:
        """See ``Type``."""
        self.check(runtime, value)
        alloc_bytes(runtime, len(value))  # type: ignore[arg-type]  # bytes, as checked
        if entering:
            runtime.pay(prices.BLOB)
            if not runtime.host.has_blob(value):  # type: ignore[arg-type]  # as above
                raise ContractFailure(Kind.TYPE)
        return value


@dataclass(frozen=True, slots=True)
class StateType:
    """A state of a machine: its name in the contract, its index outside."""

    machine: int
    states: tuple[str, ...]
    indices: dict[str, int]
    depth: int = 1

    def check(self, _runtime: Runtime, value: object) -> object:
        """See ``Type``."""
        if type(value) is not str or value not in self.indices:
            raise ContractFailure(Kind.TYPE)
        return value

    def to_value(self, _runtime: Runtime, value: object) -> Value:
        """See ``Type``."""
        if type(value) is not str or value not in self.indices:
            raise ContractFailure(Kind.TYPE)
        return self.indices[value]

    def from_value(self, _runtime: Runtime, value: Value, _entering: bool = True) -> object:
        """See ``Type``."""
        if type(value) is not int or not 0 <= value < len(self.states):
            raise ContractFailure(Kind.TYPE)
        return self.states[value]  # the program's own text: nothing is made


@dataclass(frozen=True, slots=True)
class ListType:
    """A list whose elements are of one type."""

    element: Type
    depth: int

    def check(self, _runtime: Runtime, value: object) -> object:
        """See ``Type``."""
        if type(value) is not list:
            raise ContractFailure(Kind.TYPE)
        return value

    def to_value(self, runtime: Runtime, value: object) -> Value:
        """See ``Type``."""
        if type(value) is not list:
            raise ContractFailure(Kind.TYPE)
        take_room(runtime, len(value))  # an element takes a byte at least
        runtime.pay(prices.CONTAINER + prices.ELEMENT * len(value))
        if isinstance(self.element, PlainType):
            if not {self.element.kind}.issuperset(map(type, value)):
                raise ContractFailure(Kind.TYPE)
            if self.element.kind is int:
                pay_integers(runtime, value)
            return tuple(value)
        convert = self.element.to_value
        return tuple([convert(runtime, element) for element in value])

    def from_value(self, runtime: Runtime, value: Value, entering: bool = True) -> object:
        """See ``Type``."""
        if type(value) is not tuple and type(value) is not list:
            raise ContractFailure(Kind.TYPE)
        alloc_elements(runtime, len(value))
        runtime.pay(prices.DECODED + prices.ELEMENT * len(value))
        if isinstance(self.element, PlainType):
            if not {self.element.kind}.issuperset(map(type, value)):
                raise ContractFailure(Kind.TYPE)
            return list(value)
        convert = self.element.from_value
        return [convert(runtime, element, entering) for element in value]


@dataclass(frozen=True, slots=True)
class TupleType:
    """A tuple of so many elements, each of its own type."""

    elements: tuple[Type, ...]
    depth: int

    def check(self, _runtime: Runtime, value: object) -> object:
        """See ``Type``."""
        if type(value) is not tuple or len(value) != len(self.elements):
            raise ContractFailure(Kind.TYPE)
        return value

    def to_value(self, runtime: Runtime, value: object) -> Value:
        """See ``Type``."""
        if type(value) is not tuple or len(value) != len(self.elements):
            raise ContractFailure(Kind.TYPE)
        take_room(runtime, len(value))
        runtime.pay(prices.CONTAINER + prices.ELEMENT * len(value))
        return tuple([kind.to_value(runtime, element) for kind, element in zip(self.elements, value, strict=True)])

    def from_value(self, runtime: Runtime, value: Value, entering: bool = True) -> object:
        """See ``Type``."""
        if (type(value) is not tuple and type(value) is not list) or len(value) != len(self.elements):
            raise ContractFailure(Kind.TYPE)
        alloc_elements(runtime, len(value))
        runtime.pay(prices.DECODED + prices.ELEMENT * len(value))
        return tuple(
            [kind.from_value(runtime, element, entering) for kind, element in zip(self.elements, value, strict=True)]
        )


@dataclass(frozen=True, slots=True)
class DictionaryType:
    """A dict with keys of one type, str or bytes, and values of another. Its wire form is in the order of the keys."""

    key: TextType | BytesType
    value: Type
    depth: int

    def check(self, _runtime: Runtime, value: object) -> object:
        """See ``Type``."""
        if type(value) is not dict:
            raise ContractFailure(Kind.TYPE)
        return value

    def to_value(self, runtime: Runtime, value: object) -> Value:
        """See ``Type``."""
        if type(value) is not dict:
            raise ContractFailure(Kind.TYPE)
        take_room(runtime, 3 * len(value))  # a pair, a key, a value: a byte each at least
        runtime.pay(prices.CONTAINER + 2 * prices.ELEMENT * len(value))
        keys, values = self.key, self.value
        pairs = [(keys.to_value(runtime, key), values.to_value(runtime, item)) for key, item in value.items()]
        pairs.sort(key=itemgetter(0))  # all keys are of one type, as the lines before have found
        return tuple(pairs)

    def from_value(self, runtime: Runtime, value: Value, entering: bool = True) -> object:
        """See ``Type``."""
        if type(value) is not tuple and type(value) is not list:
            raise ContractFailure(Kind.TYPE)
        if len(value) > ELEMENTS_MAX:
            raise ContractFailure(Kind.SIZE)
        runtime.pay(prices.DECODED + 2 * prices.ELEMENT * len(value))
        runtime.alloc(prices.DICTIONARY_BYTES + prices.ENTRY_BYTES * len(value))
        result: dict[Any, object] = {}
        last: Any = None
        for pair in value:
            if (type(pair) is not tuple and type(pair) is not list) or len(pair) != 2:
                raise ContractFailure(Kind.TYPE)
            key: Any = self.key.from_value(runtime, pair[0])
            if last is not None and not last < key:  # one dict has one wire form; also, no key is there twice
                raise ContractFailure(Kind.TYPE)
            result[key] = self.value.from_value(runtime, pair[1], entering)
            last = key
        return result


@dataclass(frozen=True, slots=True)
class OptionalType:
    """None, or a value of another type."""

    other: Type
    depth: int

    def check(self, runtime: Runtime, value: object) -> object:
        """See ``Type``."""
        return None if value is None else self.other.check(runtime, value)

    def to_value(self, runtime: Runtime, value: object) -> Value:
        """See ``Type``."""
        return None if value is None else self.other.to_value(runtime, value)

    def from_value(self, runtime: Runtime, value: Value, entering: bool = True) -> object:
        """See ``Type``."""
        return None if value is None else self.other.from_value(runtime, value, entering)


@dataclass(frozen=True, slots=True)
class RecordType:
    """A record of one shape; made by ``record_type``."""

    shape: Shape
    depth: int
    scalars: (
        tuple[type, ...] | None
    )  # of the fields, if all of them are bool, int, str, bytes: then most is done at once
    texts: tuple[int, ...]  # which of these are str or bytes
    integers: tuple[int, ...]  # which are int

    def check(self, _runtime: Runtime, value: object) -> object:
        """See ``Type``."""
        if type(value) is not Record or value.shape is not self.shape:
            raise ContractFailure(Kind.TYPE)
        return value

    def to_value(self, runtime: Runtime, value: object) -> Value:
        """See ``Type``."""
        if type(value) is not Record or value.shape is not self.shape:
            raise ContractFailure(Kind.TYPE)
        fields: Any = value.fields
        take_room(runtime, len(fields))
        runtime.pay(prices.CONTAINER + prices.ELEMENT * len(fields))
        if self.scalars is None:
            return tuple([kind.to_value(runtime, field) for kind, field in zip(self.shape.types, fields, strict=True)])
        for position in self.texts:  # every field has passed its check: nothing else is open
            field = fields[position]
            if type(field) is str:
                take_text(runtime, field)
            else:
                take_room(runtime, len(field))
        for position in self.integers:
            pay_integer(runtime, fields[position])
        return tuple(fields)

    def from_value(self, runtime: Runtime, value: Value, entering: bool = True) -> object:
        """See ``Type``."""
        types = self.shape.types
        if (type(value) is not tuple and type(value) is not list) or len(value) != len(types):
            raise ContractFailure(Kind.TYPE)
        runtime.pay(prices.DECODED + prices.ELEMENT * len(value))
        runtime.alloc(prices.RECORD_BYTES + prices.SLOT_BYTES * len(value))
        if self.scalars is None:
            return Record(
                self.shape,
                [kind.from_value(runtime, field, entering) for kind, field in zip(types, value, strict=True)],
            )
        if tuple(map(type, value)) != self.scalars:
            raise ContractFailure(Kind.TYPE)
        for position in self.texts:
            text: Any = value[position]
            if type(text) is str:
                alloc_text(runtime, len(text), wide=not text.isascii())
            else:
                alloc_bytes(runtime, len(text))
        return Record(self.shape, list(value))


def record_type(shape: Shape) -> RecordType:
    """Return the type of the records of ``shape``."""
    scalars: list[type] = []
    for field in shape.types:
        if isinstance(field, PlainType):
            scalars.append(field.kind)
        elif isinstance(field, TextType):
            scalars.append(str)
        elif isinstance(field, BytesType):
            scalars.append(bytes)
    return RecordType(
        shape=shape,
        depth=1 + max(field.depth for field in shape.types),
        scalars=tuple(scalars) if len(scalars) == len(shape.types) else None,
        texts=tuple([position for position, kind in enumerate(scalars) if kind is str or kind is bytes]),
        integers=tuple([position for position, kind in enumerate(scalars) if kind is int]),
    )
