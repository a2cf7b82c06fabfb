"""Encrypted key store: one JSON file per key, readable except for the secret.

The secret is encrypted with AES-256-GCM under a key derived from the passphrase by Argon2id (RFC 9106); name, suite,
public key and the cost parameters are authenticated with it, so that a file passed off under another name, or with
another public key, does not open. Files are written atomically with mode 0600.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.pwhash import argon2id
from nacl.utils import random as random_bytes

from hanchain.crypto import limits
from hanchain.crypto.reasons import CryptoReason, CryptoRejection
from hanchain.crypto.suite import PrivateKey, Suite, suite_by_name

_FORMAT: Final = "hanchain-key/1"
_KDF: Final = "argon2id"
_CIPHER: Final = "aes-256-gcm"
_SUFFIX: Final = ".key.json"
_NONCE_SIZE: Final = 12  # NIST SP 800-38D, the recommended length
_HEADER_FIELDS: Final = {
    "format": str,
    "name": str,
    "suite": str,
    "public_key": str,
    "protected": bool,
    "kdf": str,
    "kdf_memory_kib": int,
    "kdf_iterations": int,
    "kdf_salt": str,
    "cipher": str,
    "nonce": str,
}
_NAME: Final = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{limits.KEY_NAME_LENGTH_MAX - 1}}}")


@dataclass(frozen=True, slots=True)
class Cost:
    """Work of one passphrase guess. The default is RFC 9106's second recommendation (64 MiB, three passes)."""

    memory_kib: int = 64 * 1024
    iterations: int = 3

    def check(self) -> None:
        """Raise CryptoRejection(COST_OUT_OF_RANGE) outside the limits, before any memory is taken."""
        if not (
            limits.KDF_MEMORY_KIB_MIN <= self.memory_kib <= limits.KDF_MEMORY_KIB_MAX
            and limits.KDF_ITERATIONS_MIN <= self.iterations <= limits.KDF_ITERATIONS_MAX
        ):
            raise CryptoRejection(
                CryptoReason.COST_OUT_OF_RANGE, f"{self.memory_kib} KiB, {self.iterations} iterations"
            )


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What anybody may read of a stored key."""

    name: str
    suite: str
    public_key: bytes
    protected: bool  # False: encrypted under the empty passphrase, for test networks


@dataclass(frozen=True, slots=True)
class _KeyFile:
    header: dict[str, Any]
    ciphertext: bytes

    @property
    def info(self) -> KeyInfo:
        header = self.header
        return KeyInfo(header["name"], header["suite"], bytes.fromhex(header["public_key"]), header["protected"])

    def cipher(self, passphrase: str) -> AESGCM:
        """Return the cipher under the key that the passphrase and the header's parameters give."""
        cost = Cost(self.header["kdf_memory_kib"], self.header["kdf_iterations"])
        cost.check()
        secret = passphrase.encode()
        salt = base64.b64decode(self.header["kdf_salt"])
        return AESGCM(argon2id.kdf(32, secret, salt, opslimit=cost.iterations, memlimit=cost.memory_kib * 1024))

    def associated_data(self) -> bytes:
        return json.dumps(self.header, sort_keys=True, separators=(",", ":")).encode()


class KeyStore:
    """The keys in one directory."""

    def __init__(self, directory: Path, *, cost: Cost | None = None) -> None:
        self._directory = directory
        self._cost = cost or Cost()

    def new(self, name: str, passphrase: str, suite: Suite, *, allow_empty_passphrase: bool = False) -> KeyInfo:
        """Generate and store a key; raise CryptoRejection if the name is taken or bad, or the passphrase empty.

        The empty passphrase is for test networks and must be asked for; such a key is marked as not protected.
        """
        return self.add(name, passphrase, suite, suite.generate(), allow_empty_passphrase=allow_empty_passphrase)

    def add(
        self, name: str, passphrase: str, suite: Suite, key: PrivateKey, *, allow_empty_passphrase: bool = False
    ) -> KeyInfo:
        """Store an existing key under ``name``; refuses as ``new`` does."""
        path = self._path(name)
        if not passphrase and not allow_empty_passphrase:
            raise CryptoRejection(CryptoReason.EMPTY_PASSPHRASE, "an unprotected key must be asked for explicitly")
        nonce = random_bytes(_NONCE_SIZE)
        header = {
            "format": _FORMAT,
            "name": name,
            "suite": suite.name,
            "public_key": key.public_key.hex(),
            "protected": bool(passphrase),
            "kdf": _KDF,
            "kdf_memory_kib": self._cost.memory_kib,
            "kdf_iterations": self._cost.iterations,
            "kdf_salt": base64.b64encode(random_bytes(argon2id.SALTBYTES)).decode(),
            "cipher": _CIPHER,
            "nonce": base64.b64encode(nonce).decode(),
        }
        blank = _KeyFile(header, b"")
        ciphertext = blank.cipher(passphrase).encrypt(nonce, key.export(), blank.associated_data())
        document = {**header, "ciphertext": base64.b64encode(ciphertext).decode()}
        _write_new(path, json.dumps(document, indent=2).encode() + b"\n", name)
        return blank.info

    def list(self) -> tuple[KeyInfo, ...]:
        """Return the keys of the directory in the order of their names; a file that is not a key is refused."""
        paths = sorted(self._directory.glob(f"*{_SUFFIX}"))[: limits.KEYS_LISTED_MAX]
        return tuple(self.show(path.name.removesuffix(_SUFFIX)) for path in paths)

    def show(self, name: str) -> KeyInfo:
        """Return the public part of a key; it is not authenticated before ``unlock``."""
        return self._read(name).info

    def unlock(self, name: str, passphrase: str) -> PrivateKey:
        """Return the signing key.

        Raise CryptoRejection: KEY_NOT_FOUND, MALFORMED_KEY_FILE, COST_OUT_OF_RANGE, UNKNOWN_SUITE, or WRONG_PASSPHRASE,
        which a tampered file is indistinguishable from.
        """
        stored = self._read(name)
        suite = suite_by_name(stored.header["suite"])
        nonce = base64.b64decode(stored.header["nonce"])
        try:
            secret = stored.cipher(passphrase).decrypt(nonce, stored.ciphertext, stored.associated_data())
        except InvalidTag:
            raise CryptoRejection(
                CryptoReason.WRONG_PASSPHRASE, f"key {name!r} does not open: wrong passphrase, or the file was changed"
            ) from None
        key = suite.load(secret)
        if key.public_key != stored.info.public_key:
            raise CryptoRejection(CryptoReason.MALFORMED_KEY_FILE, f"key {name!r} belongs to another public key")
        return key

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise CryptoRejection(CryptoReason.BAD_NAME, f"{name!r}; use a-z, 0-9, '-' and '_'")
        return self._directory / f"{name}{_SUFFIX}"

    def _read(self, name: str) -> _KeyFile:
        path = self._path(name)
        try:
            with path.open("rb") as file:
                data = file.read(limits.KEY_FILE_BYTES_MAX + 1)
        except FileNotFoundError:
            raise CryptoRejection(CryptoReason.KEY_NOT_FOUND, f"no key {name!r} in {self._directory}") from None
        stored = _parse(data)
        if stored.header["name"] != name:
            raise CryptoRejection(CryptoReason.MALFORMED_KEY_FILE, f"{path.name} holds key {stored.header['name']!r}")
        return stored


def _parse(data: bytes) -> _KeyFile:
    """Return the key file in ``data``; raise CryptoRejection(MALFORMED_KEY_FILE) for anything else."""

    def malformed(detail: str) -> CryptoRejection:
        return CryptoRejection(CryptoReason.MALFORMED_KEY_FILE, detail)

    if len(data) > limits.KEY_FILE_BYTES_MAX:
        raise malformed(f"more than {limits.KEY_FILE_BYTES_MAX} bytes")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise malformed("not JSON") from None
    if not isinstance(document, dict) or document.keys() != _HEADER_FIELDS.keys() | {"ciphertext"}:
        raise malformed("other fields than a key file has")
    ciphertext = document.pop("ciphertext")
    for field, kind in _HEADER_FIELDS.items():
        if type(document[field]) is not kind:
            raise malformed(f"{field}: {kind.__name__} expected")
    for field, expected in (("format", _FORMAT), ("kdf", _KDF), ("cipher", _CIPHER)):
        if document[field] != expected:
            raise malformed(f"{field}: {expected!r} expected, not {document[field]!r}")
    try:
        bytes.fromhex(document["public_key"])
        salt, nonce, sealed = (
            base64.b64decode(text, validate=True) for text in (document["kdf_salt"], document["nonce"], ciphertext)
        )
    except (ValueError, TypeError, binascii.Error):
        raise malformed("a field is not hexadecimal or base64") from None
    if len(salt) != argon2id.SALTBYTES or len(nonce) != _NONCE_SIZE:
        raise malformed("salt or nonce of another length")
    return _KeyFile(document, sealed)


def _write_new(path: Path, data: bytes, name: str) -> None:
    """Create ``path`` with mode 0600, whole or not at all, durable, and never over an existing file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{random_bytes(8).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(temporary)  # unlike a rename, fails where the name exists
    except FileExistsError:
        raise CryptoRejection(CryptoReason.KEY_EXISTS, f"{name!r} is taken; keys are never overwritten") from None
    finally:
        temporary.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
