"""Every bound of the client, each with its reason."""

from __future__ import annotations

from typing import Final

ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024  # the largest receipt with its proof; as objects a false one is 25 times that
BLOCK_BYTES_MAX: Final = 64 * 1024 * 1024  # a full block in hexadecimal with its receipts
NODES_MAX: Final = 128  # addresses of one client: a whole validator set
CONNECT_MS: Final = 3_000  # a node that does not accept in this time is passed over
REQUEST_MS: Final = 10_000  # a read or a submission; a healthy node answers in milliseconds
ROUNDS: Final = 2  # how often every node is tried before a call fails
BACKOFF_MS: Final = 250  # pause between two rounds: a restarting node gets a moment
PROOF_MS: Final = 5_000  # how long the proof of a sealed transaction is asked for: the node may just have come back
STATE_PROOF_MS: Final = 15_000  # a proof of the state, which waits for its block to be sealed
WAIT_MS_DEFAULT: Final = 60_000  # a transaction on a network in the middle of a view change
WAIT_SLICE_MS: Final = 25_000  # one request of a wait: common proxies cut idle ones after 30 s
RESUBMIT_MS: Final = 3_000  # a transaction not sealed in this time is handed in again: its node may have died
WAIT_GRACE_MS: Final = 5_000  # what an answer to a wait may be late before the node counts as gone
BATCH_TRANSACTIONS_MAX: Final = 4_096  # as the node: a full block
BATCH_BYTES_MAX: Final = 8 * 1024 * 1024  # as the node: the body of one request
GAS_LIMIT_DEFAULT: Final = 10_000  # four times what an anchor takes; a block has room for a thousand such limits
CONTRACT_GAS_LIMIT_DEFAULT: Final = 100_000  # a call of a user's contract; a block has room for a hundred such limits
DETAIL_LENGTH_MAX: Final = 1_024  # characters of a node's message that are kept
NAMES_MAX: Final = 1_024  # validators, peers, signers in one answer
NAME_LENGTH_MAX: Final = 256  # names, addresses and details in a status
EVENT_FIELDS_MAX: Final = 64  # fields of one event, as in the ledger
EVENTS_MAX: Final = 256  # events of one receipt, as in the ledger
ABI_BYTES_MAX: Final = 64 * 1024  # as the ledger: the largest value of a state key
ABI_ITEMS_MAX: Final = 1_024  # methods, events, fields, states of one contract: more than a program may have
TYPE_DEPTH_MAX: Final = 32  # levels of a type: values that are deeper have no encoding
