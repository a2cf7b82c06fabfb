"""Every bound of the network package, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Encoding
NESTING_MAX: Final = 32  # depth of arrays in arrays; the package itself needs 2

# Frames
CONTROL_FRAME_BYTES_MAX: Final = 16 * 1024  # HELLO is the largest; all that an unauthenticated peer can make us keep
CONSENSUS_FRAME_BYTES_MAX: Final = 8 * 1024 * 1024  # a PRE-PREPARE with the largest body
SYNC_FRAME_BYTES_MAX: Final = 8 * 1024 * 1024  # one range of blocks or one piece of a snapshot
BLOCK_FRAME_BYTES_MAX: Final = 8 * 1024 * 1024  # a sealed block with body and receipts
TX_FRAME_BYTES_MAX: Final = 2 * 1024 * 1024  # a batch of transactions: small, because it is the first to be dropped
FRAGMENT_BYTES_MAX: Final = 64 * 1024  # a vote waits for at most one fragment of something larger
FRAGMENT_BYTES_MIN: Final = 1024  # of a fragment that is not the last: smaller ones only cost us time
COMPRESS_BYTES_MIN: Final = 2 * 1024  # below this zstandard costs more time than the bytes it saves
COMPRESS_GAIN_SHIFT: Final = 3  # keep the compressed form only if it is at least 1/8 smaller
COMPRESS_RATIO_MAX: Final = 32  # real batches reach 3; what expands more is a bomb, or is sent as it is
COMPRESS_LEVEL: Final = 1  # signatures and hashes do not compress better at higher levels

# Outgoing queues, per peer: (messages, bytes) by channel; bytes hold at least one of the largest frames
CONTROL_QUEUE_MAX: Final = (64, 64 * 1024)  # pings and a farewell
CONSENSUS_QUEUE_MAX: Final = (8192, 16 * 1024 * 1024)  # a window of proposals; STATUS repeats what is dropped
SYNC_QUEUE_MAX: Final = (64, 16 * 1024 * 1024)  # two answers; the asking side paces itself
BLOCK_QUEUE_MAX: Final = (1024, 16 * 1024 * 1024)  # announcements are small, bodies are pulled
TX_QUEUE_MAX: Final = (1024, 4 * 1024 * 1024)  # two of the largest batches; proposals pull what is missing
PATIENCE_BYTES: Final = 1024 * 1024  # a waiting channel gets one turn after this many bytes went ahead of it
QUANTUM_BYTES: Final = FRAGMENT_BYTES_MAX  # one turn: hence at least 1/17 of the link for each waiting channel
WRITE_BATCH_BYTES: Final = 128 * 1024  # bytes encrypted and written in one go: 8 TLS records
WRITE_BUFFER_BYTES_MAX: Final = 256 * 1024  # the transport pauses us above this: later votes overtake what is queued

# Reading
READ_BUFFER_BYTES: Final = 64 * 1024  # one read: small enough that peers take turns on the loop
INBOUND_MESSAGES_PER_SECOND: Final = 20_000  # far above an honest validator's; a flooding peer's link is paused
INBOUND_BYTES_PER_SECOND: Final = 64 * 1024 * 1024  # decompressed; half of what one core can decrypt and use
INBOUND_BURST_MS: Final = 500  # what a peer may spend at once, and the longest pause

# Handshake
CONTROL_ITEMS_MAX: Final = 16  # fields of a control message; HELLO has 5, a later version may have more
HELLO_BYTES_MAX: Final = 8 * 1024  # opaque hello bytes: chain id, genesis hash, and a proof of the node key
NONCE_BYTES: Final = 16  # names one life of one process
REASON_CHARS_MAX: Final = 64  # a reason in words that we print in our log
DETAIL_CHARS_MAX: Final = 512  # a detail in words that we print in our log
PEER_ID_CHARS_MAX: Final = 128  # names chosen by our own admission; long ones are our fault
LINK_NUMBER_MAX: Final = 2**63 - 1  # links of one process, counted from 1
PENDING_MAX: Final = 128  # unauthenticated links at once; the oldest of the busiest address goes first
PENDING_PER_ADDRESS_MAX: Final = 64  # a whole test network dials from one address when a node restarts
STRANGER_LINES_MAX: Final = 200  # log lines about unauthenticated links per interval; the rest are counted
STRANGER_INTERVAL_MS: Final = 10_000  # then one line says how many were not written
LINGER_MS: Final = 1_000  # how long a refused peer may take to read why
LINKS_MAX: Final = 256  # established links: 128 validators and as many observers
DIALS_MAX: Final = 256  # peers to keep connected
RECORDS_MAX: Final = 1024  # peers remembered for score and last reason

# Peer scores
SCORE_MAX: Final = 100  # offences weigh 1..100; at this score the peer is banned
SCORE_DECAY_PER_SECOND: Final = 1  # an occasional fault is forgiven before the next
BAN_MS: Final = 300_000  # long enough to stop a loop of offences, short enough to heal without an operator
FRAME_OFFENCE_WEIGHT: Final = 50  # TLS delivers bytes intact: a malformed frame is a bug or an attack

# Gossip
BATCH_DELAY_MS: Final = 10  # a transaction waits at most this long for company
BATCH_BYTES_MAX: Final = 256 * 1024  # encoded batch sent
BATCH_COUNT_MAX: Final = 1024  # transactions in one batch sent or received
TRANSACTION_BYTES_MAX: Final = 1024 * 1024  # one transaction inside a received batch
SEEN_CAPACITY: Final = 200_000  # identities remembered: half a minute at 6,000 a second
GOSSIP_PENDING_BYTES_MAX: Final = 16 * 1024 * 1024  # transactions waiting for their batch


@dataclass(frozen=True, slots=True)
class Timing:
    """Times of one node's links, in milliseconds; they can slow this node down, never split the chain."""

    connect_timeout_ms: int = 5_000  # TCP connect: longer than any round trip, shorter than a view
    handshake_timeout_ms: int = 5_000  # accept to READY in all, however slowly the bytes drip
    ping_after_ms: int = 3_000  # silence on our side before we send a PING
    idle_timeout_ms: int = 12_000  # silence on their side before we give the link up: four pings
    stall_timeout_ms: int = 20_000  # a peer that does not read for this long is gone
    close_timeout_ms: int = 2_000  # all of Network.close()
    backoff_base_ms: int = 100  # first redial
    backoff_cap_ms: int = 5_000  # a validator that came back waits no longer
    stable_ms: int = 10_000  # a link that lived this long resets the backoff
    tick_ms: int = 100  # resolution of all the above
