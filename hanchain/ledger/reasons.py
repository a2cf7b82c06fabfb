"""Why the ledger refuses: one enum for programs, used in rejections, receipts, the API and proofs alike."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Reason of a rejection or of a failed receipt."""

    # the form of bytes
    MALFORMED = "malformed"
    OVERSIZED = "oversized"
    NOT_CANONICAL = "not_canonical"
    OUT_OF_RANGE = "out_of_range"

    # a transaction before it is ordered (rule P2): judged without state
    WRONG_VERSION = "wrong_version"
    WRONG_CHAIN = "wrong_chain"
    EXPIRED = "expired"
    EXPIRY_TOO_FAR = "expiry_too_far"
    NO_SIGNATURE = "no_signature"
    WRONG_ALGORITHM = "wrong_algorithm"
    BAD_SIGNATURE = "bad_signature"
    DUPLICATE = "duplicate"
    GAS_LIMIT = "gas_limit"

    # a proposed body (rule P2)
    TOO_MANY_TRANSACTIONS = "too_many_transactions"
    BODY_TOO_LARGE = "body_too_large"
    TOO_MUCH_GAS = "too_much_gas"
    WRONG_COUNT = "wrong_count"
    WRONG_BODY_SIZE = "wrong_body_size"
    WRONG_TRANSACTIONS_ROOT = "wrong_transactions_root"

    # execution: reasons of failed receipts
    WRONG_SENDER = "wrong_sender"
    UNKNOWN_CONTRACT = "unknown_contract"
    UNKNOWN_METHOD = "unknown_method"
    VIEW_METHOD = "view_method"
    BAD_ARGUMENTS = "bad_arguments"
    OUT_OF_GAS = "out_of_gas"
    CONTRACT_FROZEN = "contract_frozen"
    REVERTED = "reverted"  # of a view: the contract's code is in the detail
    FAILED = "failed"  # of a view: what the machine ended it for is in the detail

    # genesis and proof files
    UNKNOWN_FIELD = "unknown_field"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    NOT_UNIQUE = "not_unique"
    INCONSISTENT = "inconsistent"
    BAD_CERTIFICATE = "bad_certificate"
    UNKNOWN_SUITE = "unknown_suite"

    # answers of a node
    NOT_FOUND = "not_found"
    BUSY = "busy"
    POOL_FULL = "pool_full"
    TIMEOUT = "timeout"
    NOT_READY = "not_ready"

    # an operator's files
    BAD_CONFIG = "bad_config"


class Rejection(Exception):
    """Somebody else's input is bad: the reason is for programs, the detail for people. It changed nothing."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


class Fault(Exception):
    """We are wrong: what consensus ordered cannot be executed as it stands. Stop voting, keep the data, say so."""
