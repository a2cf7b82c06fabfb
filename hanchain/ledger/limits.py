"""Every bound of the ledger, each with its reason.

Bounds that stand here are part of the protocol version: all nodes have the same. Bounds that a network chooses are
parameters of its genesis (``genesis.py``), within ranges that stand here.
"""

from __future__ import annotations

from typing import Final

# encoding
NESTING_MAX: Final = 32  # lists inside lists; part of the format, bounds recursion in every reader
ITEMS_MAX: Final = 4096  # elements of any one list: the transactions of a block, the same as consensus admits

# transactions
TRANSACTION_BYTES_MAX: Final = 128 * 1024  # a contract's program and its source; larger content goes into a blob
SALT_SIZE: Final = 16  # 128 random bits: no two transactions of one sender meet by chance
SENDER_BYTES_MAX: Final = 64  # a digest of any suite, or an account's registered name
NAME_LENGTH_MAX: Final = 64  # contract and method names: what a person can read and a log line can hold
ARGUMENTS_MAX: Final = 64  # a method with more parameters wants a record
ARGUMENT_ITEMS_MAX: Final = 1024  # elements of one list inside the arguments: one batch of digests
SIGNATURES_MAX: Final = 16  # m-of-n accounts of a board; every signature costs every validator 60 µs
KEY_BYTES_MAX: Final = 128  # a public key of any suite, uncompressed
SIGNATURE_BYTES_MAX: Final = 256  # a signature of any suite
BLOBS_MAX: Final = 16  # detachable contents of one transaction
GAS_LIMIT_MAX: Final = 2**40  # beyond what any block can execute; keeps sums in 64 bits
HEIGHT_MAX: Final = 2**63 - 1  # fits a signed 64-bit integer everywhere
TIME_MS_MAX: Final = 2**53 - 1  # an exact number in JSON, 285,000 years
SIZE_BYTES_MAX: Final = 2**53 - 1  # size of an anchored file: an exact number in JSON, 9 petabytes

MESSAGE_SIGNATURES_BYTES_MAX: Final = 8 * 1024  # sixteen signatures of any suite with their keys

# blocks
BLOCK_TRANSACTIONS_MAX: Final = 4096  # elements of one list in consensus messages
BLOCK_BYTES_MAX: Final = 4 * 1024 * 1024  # the largest body that consensus carries in one message
BLOCK_GAS_MAX: Final = (
    40_000_000  # receipts take at most 1.6 bytes a unit: so a block's fit one value of 64 MiB on disk
)
EVIDENCE_MAX: Final = 64  # offences of one block; one per offender and epoch is enough
EVIDENCE_BYTES_MAX: Final = 64 * 1024  # two conflicting NEW-VIEWs cited by hash
HEADER_BYTES_MAX: Final = 1024  # a header has about 400 bytes with 32-byte digests
VIEW_MAX: Final = 2**31 - 1  # as in consensus
PROPOSER_MAX: Final = 2**16 - 1  # index of a validator on the wire

# receipts
MESSAGE_LENGTH_MAX: Final = 256  # characters of a failure's text: a sentence, not a document
REASON_LENGTH_MAX: Final = 64  # a code such as E_EXISTS
RETURN_BYTES_MAX: Final = 16 * 1024  # results are for receipts; large ones belong into state, read by a view
EVENTS_MAX: Final = 256  # events of one transaction
EVENTS_BYTES_MAX: Final = 128 * 1024  # of the fields of all of them together
EVENT_BYTES_MAX: Final = 4 * 1024  # one event: an index entry, not a document
VALUE_NESTING_MAX: Final = 28  # of a result or a field of an event: a receipt has four lists around it
RECEIPT_BYTES_MAX: Final = 512 * 1024  # the largest return value and all events at their largest, encoded

# state
STATE_KEY_BYTES_MAX: Final = 512  # with its prefix within the 1,024 bytes of the key-value store
STATE_VALUE_BYTES_MAX: Final = 64 * 1024 + 8  # a record, or the encoding of a program; larger content goes into a blob
KEYS_SORTED_PER_WRITE: Final = 16  # keys of a block sorted again for each new one, beyond that it is put in its place
PREFIXES_REMEMBERED: Final = 1024  # prefixes of state keys computed once per contract; a busy block uses a few dozen
KEYS_REMEMBERED: Final = 4096  # state keys of accounts and contracts made once; as many as a block has transactions
RECORDS_REMEMBERED: Final = 1024  # records of contracts decoded once; a busy block calls a few dozen

# system contracts
KEY_WEIGHT_MAX: Final = 65_535  # of one key of an account; what counts are ratios
ABI_BYTES_MAX: Final = 64 * 1024  # as a program; one of a large contract has 20 KiB
NAMES_LISTED_MAX: Final = 256  # contracts in one answer: the rest comes by cursor
MEDIA_TYPE_LENGTH_MAX: Final = 127  # each name of RFC 6838; here for the whole of type/subtype
DIGEST_BYTES_MIN: Final = 20  # SHA-1: old archives are anchored too, under a digest that names them
DIGEST_BYTES_MAX: Final = 64  # SHA-512, SHA3-512
FOUND_MAX: Final = 64  # owners of one digest that one query returns, newest first

# genesis
GENESIS_BYTES_MAX: Final = 4 * 1024 * 1024  # 128 organisations with certificates of 16 KiB in text
ORGANISATIONS_MAX: Final = 128  # no more organisations than validators
VALIDATORS_MAX: Final = 128  # the largest set that consensus accepts
LABEL_LENGTH_MAX: Final = 63  # names of organisations and validators: a host name's label (RFC 1123)
ADDRESS_LENGTH_MAX: Final = 259  # a host name of 253 characters, a colon and a port

# proofs
PROOF_BYTES_MAX: Final = 2 * 1024 * 1024  # a bundle with the largest transaction and receipt, hexadecimal
EVENT_CONTENT_BYTES_MAX: Final = EVENT_BYTES_MAX + 512  # an event with its place, contract and name around it
TREE_PROOF_BYTES_MAX: Final = 264 * 1024  # a node per half-byte of the longest path, each as large as a node can be
PATH_LENGTH_MAX: Final = 64  # levels of a Merkle tree whose size fits in 64 bits
CERTIFICATE_BYTES_MAX: Final = 64 * 1024  # a seal certificate, as in consensus
