"""Every bound of programs and of what they do, each with its reason. All of them are consensus: never a setting."""

from __future__ import annotations

from typing import Final

# Programs: what a validator takes on when it agrees to translate one.
PROGRAM_BYTES_MAX: Final = 64 * 1024  # fits a transaction and a state value; a large contract has 20 KiB
PROGRAM_NODES_MAX: Final = 16_000  # translated in some 50 ms and 10 MiB
FUNCTION_NODES_MAX: Final = 4_000  # a function that a reader can still follow has 300
PROGRAM_NESTING_MAX: Final = 160  # arrays in arrays: two for each of NODE_DEPTH_MAX levels, and those around them
NODE_DEPTH_MAX: Final = 64  # statements and expressions together; times CALLS_MAX it bounds the host's frames
FUNCTIONS_MAX: Final = 256
PARAMETERS_MAX: Final = 16
LOCALS_MAX: Final = 255
STATEMENTS_MAX: Final = 1_024  # of one block
OPERANDS_MAX: Final = 256  # of one node that takes a list of them
RECORDS_MAX: Final = 64
RECORD_FIELDS_MAX: Final = 32
MACHINES_MAX: Final = 32
MACHINE_STATES_MAX: Final = 64
MACHINE_MOVES_MAX: Final = 256
CELLS_MAX: Final = 64
CELL_KEYS_MAX: Final = 8  # parts of a key; 256 bytes of key hold no more that are of use
CELL_INDEXES_MAX: Final = 8  # each costs a write whenever a row changes
INDEX_FIELDS_MAX: Final = 3
EVENTS_MAX: Final = 64
EVENT_FIELDS_MAX: Final = 16
EXPORTS_MAX: Final = 256  # as many as functions
ROLES_MAX: Final = 16  # named by one guard
TYPE_DEPTH_MAX: Final = 8  # list of list of ...
TUPLE_TYPES_MAX: Final = 16
NAME_LENGTH_MAX: Final = 64  # identifiers; characters, which are bytes, since they are ASCII

# Values: what a running contract can make.
TEXT_LENGTH_MAX: Final = 64 * 1024  # of a str in characters, of bytes in bytes
ELEMENTS_MAX: Final = 16_384  # of a list, tuple or dict: walking one takes less than a block's time
DATA_DEPTH_MAX: Final = 32  # containers in containers, in any walk: compare, encode, check
INTEGER_MAX: Final = 2**255 - 1  # symmetric, so that negation never leaves the range
INTEGER_MIN: Final = -INTEGER_MAX
INTEGER_BITS_MAX: Final = 255
REPEAT_MAX: Final = 65_536  # factor of a repetition, either sign; no longer result than TEXT_LENGTH_MAX is possible
STATE_VALUE_BYTES_MAX: Final = 64 * 1024
STATE_KEY_BYTES_MAX: Final = 256
ERROR_CODE_BYTES_MAX: Final = 64  # of UTF-8: a name, not a report
ROWS_MAX: Final = 256  # of a table in one go: the rest comes by cursor
MESSAGE_BYTES_MAX: Final = 64 * 1024  # arguments, result or event of one call: what a receipt can hold

# Runs.
CONTRACTS_MAX: Final = 8  # on the stack of one transaction: each has its own journal
GARBAGE_BYTES_MAX: Final = 64 * 1024 * 1024  # charged since the last collection of cycles: hosts have this to spare
STACK_BYTES_MIN: Final = 8 * 1024 * 1024  # CPython 3.13 crashes on 512 KiB when a long chain of containers is dropped
FRAMES_MIN: Final = 20_000  # the host's recursion limit: CALLS_MAX calls of NODE_DEPTH_MAX nested nodes take some 8,500
