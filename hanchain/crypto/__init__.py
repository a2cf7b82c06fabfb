"""Cryptography of Hanchain: suites, the key store and certificates.

The only package that names an algorithm. Everybody else holds a :class:`~hanchain.crypto.suite.Suite` chosen at
genesis and learns digest, key and signature lengths from it.
"""

from hanchain.crypto.reasons import CryptoReason, CryptoRejection
from hanchain.crypto.suite import PrivateKey, Suite, default_suite, suite_by_id, suite_by_name

__all__ = [
    "CryptoReason",
    "CryptoRejection",
    "PrivateKey",
    "Suite",
    "default_suite",
    "suite_by_id",
    "suite_by_name",
]
