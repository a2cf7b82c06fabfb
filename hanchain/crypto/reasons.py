"""Why keys, key files and certificates are refused."""

from __future__ import annotations

from enum import StrEnum


class CryptoReason(StrEnum):
    """Reason of a refusal, for programs to match on."""

    UNKNOWN_SUITE = "unknown_suite"
    BAD_KEY = "bad_key"
    BAD_NAME = "bad_name"
    KEY_EXISTS = "key_exists"
    KEY_NOT_FOUND = "key_not_found"
    EMPTY_PASSPHRASE = "empty_passphrase"  # noqa: S105 - the name of a refusal, not a secret
    WRONG_PASSPHRASE = "wrong_passphrase"  # noqa: S105 - the name of a refusal, not a secret
    MALFORMED_KEY_FILE = "malformed_key_file"
    COST_OUT_OF_RANGE = "cost_out_of_range"
    MALFORMED_CERTIFICATE = "malformed_certificate"
    NOT_AN_AUTHORITY = "not_an_authority"
    BAD_VALIDITY = "bad_validity"


class CryptoRejection(Exception):
    """Input that cryptography refuses: the reason is for programs, the detail for people."""

    def __init__(self, reason: CryptoReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


class CryptoFault(Exception):
    """Our own platform does not behave as pinned: stop rather than disagree with the other validators."""
