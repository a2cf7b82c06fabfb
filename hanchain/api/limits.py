"""Every bound of the interface, each with its reason."""

from __future__ import annotations

from typing import Final

from hanchain.crypto.limits import DIGEST_BYTES_MAX, DIGEST_BYTES_MIN

# connections
CONNECTIONS_MAX: Final = 1_024  # below the usual limit of open files, with room for peers and databases
KEEPALIVE_MS: Final = 75_000  # an idle connection is closed; clients reconnect in a millisecond
BACKLOG: Final = 256  # connections the kernel keeps while the loop is busy with a block
LINGER_MS: Final = 2_000  # how long the rest of a refused body is read, so that the client sees the refusal
HEADER_LINE_BYTES_MAX: Final = 8 * 1024  # a REST address with a contract call in it
HEADERS_MAX: Final = 64  # browsers send about twenty
SHUTDOWN_MS: Final = 2_000  # what a running request gets to finish when the node stops

# requests
JSON_BODY_BYTES_MAX: Final = 4 * 1024 * 1024  # a batch of 1,000 transactions of 2 KiB in hexadecimal; 30 ms to read
BINARY_BODY_BYTES_MAX: Final = 8 * 1024 * 1024  # a full block of transactions of 2 KiB
BODY_READ_MS: Final = 30_000  # 8 MiB over 2 Mbit/s; who sends slower holds memory for nothing
BODIES_BYTES_MAX: Final = 64 * 1024 * 1024  # bodies in memory at one time; beyond it requests are told busy
REQUESTS_MAX: Final = 2_048  # requests in service, waits included; beyond it requests are told busy
REQUEST_MS_MAX: Final = 150_000  # a whole request, also a batch with waits; no request is held for ever
JSON_MARKS_MAX: Final = 65_536  # 4,096 transactions or 100 calls with room; a value each would cost the loop 50 ms
JSON_NESTING_MAX: Final = 40  # values nest 32 deep in the ledger; the rest is the request around them
ID_LENGTH_MAX: Final = 64  # characters of a request id: a UUID with room
BATCH_CALLS_MAX: Final = 100  # JSON-RPC calls of one request
BATCH_TRANSACTIONS_MAX: Final = 4_096  # transactions of one submission: a full block
WAIT_MS_DEFAULT: Final = 30_000  # common proxies cut after 60 s
WAIT_MS_MAX: Final = 120_000  # longest wait of one call; longer ones ask again
WAIT_GRACE_MS: Final = 1_000  # what the node may be late with the end of a wait
WAITS_MAX: Final = 1_024  # waits at one time: one per connection

# values
NAME_LENGTH_MAX: Final = 64  # contract and method names, as in the ledger
HEX_DIGEST_BYTES_MIN: Final = DIGEST_BYTES_MIN  # the shortest id that can be looked up; each suite has its own length
HEX_DIGEST_BYTES_MAX: Final = DIGEST_BYTES_MAX  # the longest digest of any suite
SAFE_INTEGER_MAX: Final = 2**53 - 1  # what every JSON reader holds exactly (RFC 8259 section 6)

# answers
ANSWER_BYTES_MAX: Final = 48 * 1024 * 1024  # four full blocks in hexadecimal; later calls of a batch are refused
DETAIL_LENGTH_MAX: Final = 512  # characters of an error's detail: a sentence, whatever the input was
