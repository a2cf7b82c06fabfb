"""Every bound of the node, each with its reason."""

from __future__ import annotations

from typing import Final

POOL_TRANSACTIONS_MAX: Final = 50_000  # about a quarter of a minute of work at the target throughput
POOL_BYTES_MAX: Final = 64 * 1024 * 1024  # the same in bytes; memory of a node stays under 300 MB
POOL_SENDER_SHARE: Final = 2  # one sender may hold a half of the pool: others always find room
EXPIRED_REMEMBERED: Final = 10_000  # transaction ids whose expiry can still be told to who asks
PROPOSALS_REMEMBERED: Final = 128  # proposals whose transaction ids are kept: two of the widest windows
SUBMIT_BATCH_MAX: Final = 5_000  # transactions of one submission
WAITERS_MAX: Final = 20_000  # callers waiting for transactions at one time
STATE_PROOF_WAIT_MS: Final = 5_000  # until the block of a state is sealed: a round under load, or a view change
STATE_PROOF_PAUSE_MS: Final = 50  # before a later state is read, when a block is sealed by the one after it only
WAIT_MS_MAX: Final = 120_000  # longest wait of one call; longer ones ask again
VALIDATION_CHUNK: Final = 64  # signatures checked per hop to a worker thread: amortises the hop, keeps threads fair
REGOSSIP_BATCH_MAX: Final = 1_000  # transactions pushed again at one time (section 11)
GOSSIP_UNDER_WAY_BYTES_MAX: Final = 4 * 1024 * 1024  # bytes of one peer's batches in admission: two of the largest
MISSED_REMEMBERED: Final = 50_000  # fingerprints of peers' transactions that had no room; a pool of them
SYNC_BLOCKS_MAX: Final = 128  # blocks of one catch-up response
SYNC_BYTES_MAX: Final = 2 * 1024 * 1024  # bytes of one catch-up response; one block is always sent
SYNC_TIMEOUT_MS: Final = 2_000  # a peer that does not answer a catch-up request in this time is passed over
SYNC_PAUSE_MS: Final = 500  # rest after every peer was asked in vain: blocks just certified are soon there
SYNC_SERVED_PER_PEER: Final = 2  # catch-up requests of one peer in service; serving must not starve consensus
CERTIFICATES_MISSING_MAX: Final = 1_024  # sealed heights whose own certificate is asked for afterwards
CONFIG_BYTES_MAX: Final = 64 * 1024  # a configuration file is small

# the executor
VIEW_GAS_MAX: Final = 50_000  # about 5 ms: no read keeps a block waiting for longer
EXECUTOR_DEATHS_MAX: Final = 5  # deaths without a block in between; one more, and it is the block or the machine
EXECUTOR_DEATHS_SECONDS: Final = 60  # in which so many deaths are no accidents
EXECUTOR_PAUSE_SECONDS: Final = 0.2  # before the second start in a row, doubled for each one more: 3 s in all
EXECUTOR_SILENT_SECONDS: Final = 10.0  # without an answer: people are told, and reads no longer wait
EXECUTOR_PATIENCE_SECONDS: Final = 60.0  # without an answer, besides the time of the largest block: then it hangs
EXECUTOR_PATIENCE_FACTOR: Final = 20  # times a full block's time by its gas: what a machine under load may need
EXECUTOR_CLOSE_SECONDS: Final = 5.0  # a process that has not ended by then is killed; its state is safe at any time
EXECUTOR_LOCK_SECONDS: Final = 3.0  # a killed executor lets go of its database when the system gets round to it
EXECUTOR_REQUEST_BYTES_MAX: Final = 8 * 1024 * 1024  # the largest body, or genesis, with what goes with it
EXECUTOR_REPLY_BYTES_MAX: Final = 72 * 1024 * 1024  # results, which the database takes up to 64 MiB of, ids and senders
EXECUTOR_READ_BYTES_MAX: Final = 256 * 1024  # arguments of a view: as much as the largest transaction, twice
EXECUTOR_READS_MAX: Final = 64  # reads under way; one more is refused, and does not wait behind them
EXECUTOR_LINE_LENGTH_MAX: Final = 2_000  # characters of one line that the process says: of a trace, the part that tells
EXECUTOR_LINES_MAX: Final = 1_000  # lines of one process: traces of a few faults; nothing fills the node's log
EXECUTOR_MEMORY_MIB: Final = 2_048  # address space: 240 at first, 650 more for LevelDB on 500 MiB of state
STATE_READS_WAITING_MAX: Final = 256  # views and state reads that wait: at 5 ms each, half the patience of a caller
