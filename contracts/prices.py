"""What everything costs: gas in units of about 100 ns, memory in bytes. All of it is consensus: never a setting.

Gas depends on values and sizes only, never on object identity, hashes, caches or what a version of the host does
inside. Sizes are charged before the work. Where a price has a part that grows, a shift divides: ``>> 6`` is one unit
for each 64. Memory is charged for the transaction, and only that of frames is given back; each figure is an upper bound
of what CPython 3.11 to 3.13 takes on 64 bits. ``alloc`` charges memory and a 64th of it as gas.
"""

from __future__ import annotations

from typing import Final

# -- Memory: one figure for what is new, one for each element ---------------------------------------------------------
TEXT_BYTES: Final = 80  # of a str besides its characters
WIDE_CHARACTER_BYTES: Final = 4  # of a character of a str that is not ASCII: the widest form the host has
BINARY_BYTES: Final = 64  # of a bytes object besides its content
SEQUENCE_BYTES: Final = 112  # of a list or tuple, empty
SLOT_BYTES: Final = 80  # an element, field or local: the reference, growth of the array, and the largest integer
DICTIONARY_BYTES: Final = 320
ENTRY_BYTES: Final = 240  # a key and its value, with what a table of hashes keeps free and allocates to grow
RECORD_BYTES: Final = 176
CALL_BYTES: Final = 600  # a frame of a contract function, besides SLOT_BYTES for each local
EVENT_BYTES: Final = 64  # besides its encoded fields
PAIR_BYTES: Final = SLOT_BYTES + SEQUENCE_BYTES + 2 * SLOT_BYTES  # an element that is a new tuple of two: 352
NUMBER_TEXT_BYTES: Final = 160  # str() of anything: the longest integer has 78 characters
PIECE_BYTES: Final = 160  # a part that split() makes, besides its characters: a slot and a str

# -- Nodes: charged with the block they are in ------------------------------------------------------------------------
BLOCK: Final = 1
NODE: Final = 1
MULTIPLY: Final = 2  # up to 255 by 255 bits
DIVIDE: Final = 3  # // and %
NEW_RECORD: Final = 4
TEXT_PART: Final = 3  # of an f-string
CALL: Final = 10
LEVEL: Final = 3  # of nodes, for a body or a try: an error on its way out takes the host 0.4 µs for each
CAUGHT: Final = 20  # at each except that an error meets: the host's own handling takes about 2 µs
TARGET: Final = 1  # of an unpacking
SLICE: Final = 4  # the host works out the bounds, whatever the length
SORT: Final = 10  # with a key, besides the sort itself

# -- Operators --------------------------------------------------------------------------------------------------------
POWER: Final = 10  # eight squarings at most: the result is bounded before the work
GROW_IN_PLACE: Final = 1  # list += x, besides its memory
ITEM_OF_TEXT_BYTES: Final = 84  # one character: a str of its own
ITEM_OF_DICTIONARY: Final = 1
COMPARE_SHIFT: Final = 6  # str and bytes: 64 units of text per gas
ORDER: Final = 1  # < of str or bytes, besides the shorter length >> COMPARE_SHIFT
WALK: Final = 1  # == of containers
WALK_ELEMENT: Final = 4
WALK_ENTRY: Final = 5  # of a dict
LOOK_UP: Final = 1  # a key in a dict, besides the key's length >> COMPARE_SHIFT
FIND: Final = 2  # a part in a text of n: besides n * min(length of the part, FIND_PART_MAX) >> FIND_SHIFT
FIND_PART_MAX: Final = 32  # beyond, the host's search no longer gets slower with the part
FIND_SHIFT: Final = 4

# -- Methods and functions --------------------------------------------------------------------------------------------
MATCH: Final = 1  # startswith and its kin, besides the part's length >> COMPARE_SHIFT
JOIN: Final = 1  # besides one for each element
STRIP_SHIFT: Final = 2  # every character may be looked up among 29
CLASSIFY: Final = 1  # isdigit and its kin, besides length >> CLASSIFY_SHIFT
CLASSIFY_SHIFT: Final = 4  # each character is looked up in a table: up to 6 ns; not for isascii, which is a flag
APPEND: Final = 2
BULK: Final = 1  # extend, reverse, clear, copy of a list, besides length >> BULK_SHIFT
BULK_SHIFT: Final = 3
INSERT: Final = 1  # besides length >> MOVE_SHIFT: what lies behind moves
REMOVE: Final = 1  # pop, besides what lies behind >> MOVE_SHIFT
MOVE_SHIFT: Final = 5
SEARCH: Final = 1  # index and remove of a list, besides WALK_ELEMENT for each element
STORE: Final = 2  # d[k] = v and setdefault, besides the key's length >> COMPARE_SHIFT
KEYS_SHIFT: Final = 2  # keys() and values(), and the keys that a loop over a dict takes beforehand
ENTRY: Final = 3  # update, copy and clear of a dict, for each entry
MAKE_TEXT: Final = 4  # str()
PARSE_INTEGER: Final = 6  # int(): 78 digits at most
EXTREME: Final = 1  # min and max, besides one for each value and their length >> COMPARE_SHIFT
SUM: Final = 1  # besides one for each element
SORT_SHIFT: Final = 2  # n * bits(n) * widths >> 2: comparisons are not counted, since versions differ in how many
ANY: Final = 1  # any and all, besides one for each element
DIVIDE_BOTH: Final = 6  # divmod
MULTIPLY_DIVIDE: Final = 12  # muldiv keeps 510 bits in between
DIGEST: Final = 40  # one call of a hash function, besides bytes >> DIGEST_SHIFT
DIGEST_SHIFT: Final = 6
DIGEST_ELEMENT: Final = 2  # digest() walks what it encodes
MERKLE: Final = 20  # besides the leaf's bytes >> DIGEST_SHIFT, which is hashed too
MERKLE_STEP: Final = 45
SIGNATURE: Final = 600  # the slowest suite in use verifies in some 60 µs
INTEGER_BYTES: Final = 4  # to_bytes and to_int
DATE: Final = 12
ACCOUNT: Final = 60  # as a read, besides its text >> READ_SHIFT
BLOB: Final = 2

# -- State, events and calls of contracts -----------------------------------------------------------------------------
READ: Final = 60  # besides bytes >> READ_SHIFT and ELEMENT for each; the same from the journal, a cache or the disk
READ_SHIFT: Final = 5
ELEMENT: Final = 1  # encoded or decoded: of a list or tuple, a field of a record; an entry of a dict is two
CONTAINER: Final = 4  # each list, tuple, dict or record encoded, besides its elements: one without any takes 0.7 µs
UNTYPED_DICTIONARY: Final = 12  # instead, a dict without a declared type: its keys may be of two types; 2 µs
DECODED: Final = 2  # each list, tuple, dict or record decoded, besides its elements and its memory
BIG_INTEGER: Final = 16  # each integer encoded that has more than 64 bits: the encoder takes 1.6 µs for one
HAS: Final = 60
WRITE: Final = 200
WRITE_NEW: Final = 400  # a key more in the tree, for ever
WRITE_BYTE: Final = 2
DELETE: Final = 100
OLD_ROW_SHIFT: Final = 3  # a row with indexes or states that changes: bytes of the old one, which is decoded as well
INDEX_ENTRY: Final = 200  # each written or deleted
INDEX_UNIQUE: Final = 60  # looking whether somebody else has the place
ROWS: Final = 60  # besides READ and its kin for each row
ROWS_DELETED: Final = 20  # a key deleted earlier in the block: passed over, but the host had to look at it
NEXT: Final = 260  # of a sequence: a read and a write
EMIT: Final = 60  # besides one for each encoded byte
REMOTE_CALL: Final = 300  # besides bytes of arguments and result >> READ_SHIFT and ELEMENT for each
