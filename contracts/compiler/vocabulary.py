"""Names that contracts may use: functions, methods and context of the machine, and what to say about the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from contracts.compiler.grammar import Binary, Compare

# Functions of the machine: name -> (number, how many arguments). A test holds them equal to the machine's own table.
BUILTINS: Final[Mapping[str, tuple[int, frozenset[int]]]] = {
    "len": (0, frozenset({1})),
    "str": (1, frozenset({1})),
    "int": (2, frozenset({1})),
    "bool": (3, frozenset({1})),
    "abs": (4, frozenset({1})),
    "min": (5, frozenset(range(1, 9))),
    "max": (6, frozenset(range(1, 9))),
    "sum": (7, frozenset({1})),
    "sorted": (8, frozenset({1})),
    "list": (9, frozenset({1})),
    "tuple": (10, frozenset({1})),
    "range": (11, frozenset({1, 2, 3})),
    "enumerate": (12, frozenset({1})),
    "zip": (13, frozenset({2, 3})),
    "reversed": (14, frozenset({1})),
    "any": (15, frozenset({1})),
    "all": (16, frozenset({1})),
    "divmod": (17, frozenset({2})),
}
LIBRARY: Final[Mapping[str, tuple[int, frozenset[int]]]] = {
    "muldiv": (18, frozenset({4})),
    "hash": (19, frozenset({1})),
    "sha256": (20, frozenset({1})),
    "digest": (21, frozenset({1})),
    "merkle_verify": (22, frozenset({5})),
    "verify": (23, frozenset({3})),
    "from_hex": (24, frozenset({1})),
    "to_bytes": (25, frozenset({2})),
    "to_int": (26, frozenset({1})),
    "date": (27, frozenset({2})),
    "account": (28, frozenset({1})),
    "blob_present": (29, frozenset({1})),
}
LIBRARY_CONSTANTS: Final[Mapping[str, int]] = {"DOWN": 0, "UP": 1, "HALF_UP": 2, "HALF_EVEN": 3}  # modes of muldiv
ACCOUNT_FIELDS: Final = ("exists", "organisation", "roles", "level", "status")
ACCOUNT: Final = LIBRARY["account"][0]
STR: Final = BUILTINS["str"][0]

# Names of ``contracts.language`` with a meaning of their own.
CELLS: Final = ("Value", "Map", "Table", "Sequence")
DECORATORS: Final = ("export", "view", "init", "migrate")
FORMS: Final = (
    *CELLS,
    *DECORATORS,
    "Contract",
    "Record",
    "States",
    "to",
    "Event",
    "BlobRef",
    "ctx",
    "require",
    "contract",
)
FAILURES: Final[Mapping[str, int]] = {"Revert": 0, "CallError": 5}
BUILTIN_FAILURES: Final[Mapping[str, int]] = {"KeyError": 1, "IndexError": 2, "ValueError": 3, "ZeroDivisionError": 4}
LANGUAGE: Final = frozenset({*FORMS, *FAILURES, *LIBRARY, *LIBRARY_CONSTANTS})

CONTEXT: Final[Mapping[str, int]] = {
    "sender": 0,
    "height": 1,
    "time_ms": 2,
    "tx_id": 3,
    "chain_id": 4,
    "organisation": 5,
    "caller": 6,
    "contract": 7,
}

# Methods of values: name -> how many arguments, over all types that have it.
METHODS: Final[Mapping[str, frozenset[int]]] = {
    "append": frozenset({1}),
    "clear": frozenset({0}),
    "copy": frozenset({0}),
    "count": frozenset({1}),
    "decode": frozenset({0}),
    "encode": frozenset({0}),
    "endswith": frozenset({1}),
    "extend": frozenset({1}),
    "find": frozenset({1}),
    "get": frozenset({1, 2}),
    "hex": frozenset({0}),
    "index": frozenset({1}),
    "insert": frozenset({2}),
    "isalnum": frozenset({0}),
    "isalpha": frozenset({0}),
    "isascii": frozenset({0}),
    "isdigit": frozenset({0}),
    "items": frozenset({0}),
    "join": frozenset({1}),
    "keys": frozenset({0}),
    "lower": frozenset({0}),
    "pop": frozenset({0, 1, 2}),
    "remove": frozenset({1}),
    "removeprefix": frozenset({1}),
    "removesuffix": frozenset({1}),
    "replace": frozenset({2}),
    "reverse": frozenset({0}),
    "setdefault": frozenset({2}),
    "split": frozenset({1}),
    "startswith": frozenset({1}),
    "strip": frozenset({0}),
    "update": frozenset({1}),
    "upper": frozenset({0}),
    "values": frozenset({0}),
    "zfill": frozenset({1}),
}
CHANGING_METHODS: Final = frozenset(
    {"append", "extend", "insert", "remove", "reverse", "clear", "update", "pop", "setdefault"}
)

OPERATORS: Final[Mapping[str, Binary]] = {
    "Add": Binary.ADD,
    "Sub": Binary.SUBTRACT,
    "Mult": Binary.MULTIPLY,
    "FloorDiv": Binary.FLOOR_DIVIDE,
    "Mod": Binary.MODULO,
    "BitAnd": Binary.AND,
    "BitOr": Binary.OR,
    "BitXor": Binary.XOR,
    "Pow": Binary.POWER,
    "LShift": Binary.SHIFT_LEFT,
    "RShift": Binary.SHIFT_RIGHT,
}
OPERATORS_REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    "Div": ("'/' gives floats, which contracts do not have", "use // for whole numbers, or muldiv(a, b, c)"),
    "MatMult": ("'@' multiplies matrices, which contracts do not have", ""),
}
COMPARISONS: Final[Mapping[str, Compare]] = {
    "Eq": Compare.EQUAL,
    "NotEq": Compare.NOT_EQUAL,
    "Lt": Compare.LESS,
    "LtE": Compare.LESS_EQUAL,
    "Gt": Compare.GREATER,
    "GtE": Compare.GREATER_EQUAL,
    "In": Compare.IN,
    "NotIn": Compare.NOT_IN,
}

_NO_REFLECTION: Final = "what a value is, its declared type says"
NAMES_REFUSED: Final[Mapping[str, str]] = {
    "float": "count in the smallest unit with int, and use muldiv(a, b, c) for rates",
    "complex": "count with int",
    "set": "use a dict with None as values, or a sorted list",
    "frozenset": "use a tuple or a sorted list",
    "object": "name the type",
    "dict": "write the dict out: {}",
    "bytes": "write b'...', text.encode() or to_bytes(number, length)",
    "bytearray": "use bytes",
    "print": "declare an Event and emit it",
    "input": "take what you need as a parameter",
    "open": "contracts see no files; take the content's digest as a parameter",
    "isinstance": _NO_REFLECTION,
    "type": _NO_REFLECTION,
    "getattr": _NO_REFLECTION,
    "setattr": _NO_REFLECTION,
    "hasattr": _NO_REFLECTION,
    "vars": _NO_REFLECTION,
    "dir": _NO_REFLECTION,
    "id": _NO_REFLECTION,
    "callable": _NO_REFLECTION,
    "eval": "there is no code but the contract's own",
    "exec": "there is no code but the contract's own",
    "compile": "there is no code but the contract's own",
    "globals": "pass values as arguments",
    "locals": "pass values as arguments",
    "super": "contracts and records inherit nothing; call a helper function",
    "map": "use a list comprehension: [f(x) for x in xs]",
    "filter": "use a list comprehension: [x for x in xs if f(x)]",
    "iter": "use a for loop",
    "next": "use a for loop",
    "round": "use muldiv(a, b, c, HALF_EVEN)",
    "pow": "use a ** b",
    "repr": "use str(x)",
    "ascii": "use str(x)",
    "format": "use an f-string without a format specification",
    "chr": "text comes from parameters and constants; bytes.decode() makes it from bytes",
    "ord": "text.encode()[0] is the first byte of text in UTF-8",
    "hex": "to_bytes(number, length).hex()",
    "bin": "use shifts and masks",
    "oct": "use shifts and masks",
    "slice": "write x[a:b]",
    "Exception": "catch Revert, CallError, KeyError, IndexError, ValueError or ZeroDivisionError by name",
    "BaseException": "catch Revert, CallError, KeyError, IndexError, ValueError or ZeroDivisionError by name",
    "property": "write a @view method",
    "staticmethod": "write a function outside of the class",
    "classmethod": "write a function outside of the class",
    "Fixed": "count in the smallest unit with int, and use muldiv(a, b, c, HALF_EVEN)",
}
