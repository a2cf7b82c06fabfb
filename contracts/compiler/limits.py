"""Bounds of the compiler, each with its reason. Those of programs stand in ``contracts.limits``."""

from __future__ import annotations

from typing import Final

SOURCE_BYTES_MAX: Final = 64 * 1024  # the source travels with the program in one transaction
BRACKETS_MAX: Final = 64  # open at once; far below what any supported CPython's parser takes (about 200)
NODES_MADE_MAX: Final = 80_000  # before a source is given up: five times what a program may have
NESTING_MAX: Final = 64  # statements and expressions of the source inside one another, as in programs
FINDINGS_MAX: Final = 200  # errors told at once: nobody reads more, and a hostile source could have 30,000
SUGGESTIONS_MAX: Final = 300  # names that a mistyped one is compared with: each comparison takes some 10 µs
CONSTANT_ITEMS_MAX: Final = 64  # of a tuple that is a constant: it is built anew wherever it is used
CONSTANT_PARTS_MAX: Final = 256  # of the same with all inside it: ten constants can each be two of the one before
DOCUMENTATION_MAX: Final = 4 * 1024  # characters of one docstring in the ABI
