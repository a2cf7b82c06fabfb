"""What a network decides once for all its nodes: the on-chain parameters, their ranges, and what must fit together."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Final, NamedTuple

from hanchain.crypto import Suite
from hanchain.ledger import limits
from hanchain.ledger.codec import encode
from hanchain.ledger.reasons import Reason, Rejection

GAS_PER_MS: Final = 10_000  # the unit of gas is about 100 ns of a validator
PARAMETERS_TAG: Final = "hanchain/parameters/1"


class Range(NamedTuple):
    """Allowed values of a parameter, both ends included, and what it counts."""

    minimum: int
    maximum: int
    unit: str


RANGES: Final[dict[str, Range]] = {
    "window": Range(1, 64, "blocks in flight"),
    "max_block_transactions": Range(1, limits.BLOCK_TRANSACTIONS_MAX, "transactions"),
    "max_block_bytes": Range(2 * limits.TRANSACTION_BYTES_MAX, limits.BLOCK_BYTES_MAX, "bytes of an encoded body"),
    "batch_delay_ms": Range(0, 7_499, "milliseconds a leader waits to fill a block"),
    "timeout_ms": Range(100, 60_000, "milliseconds without progress before a complaint, in view 0"),
    "timeout_max_ms": Range(1_000, 600_000, "milliseconds, the cap of the doubling timeout"),
    "max_idle_ms": Range(0, 3_600_000, "milliseconds until an empty block; 0: never one"),
    "expiry_window": Range(16, 100_000, "heights that a transaction may lie ahead"),
    "max_transaction_gas": Range(100_000, limits.BLOCK_GAS_MAX, "gas of one transaction, 100 ns a unit"),
    "max_block_gas": Range(100_000, limits.BLOCK_GAS_MAX, "sum of the gas limits in a block"),
    "max_program_weight": Range(25_000, 2_000_000, "nodes of all programs, and an eighth of their bytes"),
}


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters, in the order of their encoding; a value outside its range is refused on construction."""

    window: int = 8
    max_block_transactions: int = 1000
    max_block_bytes: int = 2 * 1024 * 1024
    batch_delay_ms: int = 20
    timeout_ms: int = 2_000
    timeout_max_ms: int = 60_000
    max_idle_ms: int = 0
    expiry_window: int = 1000
    max_transaction_gas: int = 2_000_000
    max_block_gas: int = 10_000_000
    max_program_weight: int = 500_000

    def __post_init__(self) -> None:
        for name, bounds in RANGES.items():
            value = getattr(self, name)
            if type(value) is not int or not bounds.minimum <= value <= bounds.maximum:
                raise Rejection(
                    Reason.OUT_OF_RANGE,
                    f"{name}: {value!r} is not in {bounds.minimum}..{bounds.maximum} ({bounds.unit})",
                )
        # A block that takes longer to fill than the patience of the replicas is never accepted: consensus
        # specification, section 8 (FISCO-BCOS #4656: one node's longer delay hung the chain).
        self._require(8 * self.batch_delay_ms < self.timeout_ms, "batch_delay_ms must be below timeout_ms / 8")
        self._require(self.timeout_ms <= self.timeout_max_ms, "timeout_max_ms must not be below timeout_ms")
        self._require(
            self.max_idle_ms == 0 or self.max_idle_ms > self.batch_delay_ms, "max_idle_ms must be above batch_delay_ms"
        )
        self._require(
            self.expiry_window >= 2 * self.window, "expiry_window must cover the blocks in flight twice (2 * window)"
        )
        self._require(
            self.max_transaction_gas <= self.max_block_gas, "max_block_gas must not be below max_transaction_gas"
        )
        # A full block must be executed well within the patience that replicas reach in the end: a chain whose blocks
        # take longer changes views for ever.
        self._require(
            2 * self.max_block_gas <= GAS_PER_MS * self.timeout_max_ms,
            f"max_block_gas must be executable in half of timeout_max_ms, at {GAS_PER_MS} gas a millisecond",
        )

    def hash(self, suite: Suite) -> bytes:
        """Return what headers commit to as the hash of the consensus parameters."""
        return suite.tagged_hash(PARAMETERS_TAG, encode(astuple(self)))

    @staticmethod
    def _require(holds: bool, otherwise: str) -> None:
        if not holds:
            raise Rejection(Reason.INCONSISTENT, otherwise)
