"""Certificates of organisations and nodes: X.509 (RFC 5280) with Ed25519 keys (RFC 8410), for the TLS links.

Independent of the consensus suite. An organisation has one authority; it issues a certificate per node. The raw public
key of a node's certificate is its ``node_key`` in genesis: who is at the other end of a link is decided by the key.
The extensions are those that strict verification (``ssl.VERIFY_X509_STRICT``, the default of Python 3.13) asks for.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hanchain.crypto import limits
from hanchain.crypto.reasons import CryptoReason, CryptoRejection

NODE_KEY_SIZE: Final = 32  # bytes of a node's raw public key, whatever the consensus suite

_UNREADABLE: Final = (
    ValueError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    CryptographyDeprecationWarning,
)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its private key (PKCS #8), both PEM; the key is left out of ``repr``."""

    certificate_pem: bytes
    private_key_pem: bytes

    def __repr__(self) -> str:
        return f"Issued({describe(der_of(self.certificate_pem))!r})"


@dataclass(frozen=True, slots=True)
class CertificateInfo:
    """What a certificate says. Times are milliseconds since 1970 UTC."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    serial: int
    not_before_ms: int
    not_after_ms: int
    is_authority: bool
    public_key: bytes
    fingerprint: bytes  # SHA-256 of the DER bytes


def create_authority(common_name: str, *, now: datetime, days: int, seed: bytes | None = None) -> Issued:
    """Return a self-signed authority valid from an hour before ``now`` (aware) for ``days``.

    With ``seed`` (test networks) the key, the serial number and so every byte are determined by the arguments.
    """
    key = _private_key(seed, "authority")
    name = _name(common_name)
    public_key, serial = key.public_key(), _serial(seed, "authority")
    builder = _builder(name, name, key=public_key, issuer_key=public_key, now=now, days=days, serial=serial)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(authority=True), critical=True)
    return _issued(builder, key, key)


def issue_node_certificate(
    authority: Issued,
    node_name: str,
    addresses: Sequence[str],
    *,
    now: datetime,
    days: int,
    seed: bytes | None = None,
) -> Issued:
    """Return a certificate for ``node_name`` and its ``addresses`` (host names and IP addresses) by ``authority``.

    Raise CryptoRejection: NOT_AN_AUTHORITY, BAD_NAME, BAD_VALIDITY, MALFORMED_CERTIFICATE.
    """
    issuer = _load(der_of(authority.certificate_pem))
    if not _is_authority(issuer):
        raise CryptoRejection(CryptoReason.NOT_AN_AUTHORITY, issuer.subject.rfc4514_string())
    signing_key = load_pem_private_key(authority.private_key_pem, password=None)
    issuer_key = issuer.public_key()
    if not isinstance(signing_key, Ed25519PrivateKey) or not isinstance(issuer_key, Ed25519PublicKey):
        raise CryptoRejection(CryptoReason.BAD_KEY, "the authority's key is not Ed25519")
    if signing_key.public_key().public_bytes_raw() != issuer_key.public_bytes_raw():
        raise CryptoRejection(CryptoReason.BAD_KEY, "the private key is not that of the authority's certificate")
    role = f"node {node_name}"
    key, serial = _private_key(seed, role), _serial(seed, role)
    builder = _builder(
        _name(node_name),
        issuer.subject,
        key=key.public_key(),
        issuer_key=issuer_key,
        now=now,
        days=days,
        serial=serial,
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(authority=False), critical=True)
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]  # every node dials and listens
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    builder = builder.add_extension(_alternative_names([node_name, *addresses]), critical=False)
    return _issued(builder, key, signing_key)


def der_of(certificate_pem: bytes) -> bytes:
    """Return the DER bytes of the one certificate in ``certificate_pem``; raise CryptoRejection otherwise."""
    if len(certificate_pem) > limits.CERTIFICATE_BYTES_MAX:
        raise CryptoRejection(CryptoReason.MALFORMED_CERTIFICATE, f"more than {limits.CERTIFICATE_BYTES_MAX} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            certificates = x509.load_pem_x509_certificates(certificate_pem)
    except _UNREADABLE as error:
        raise CryptoRejection(CryptoReason.MALFORMED_CERTIFICATE, str(error)) from None
    if len(certificates) != 1:
        raise CryptoRejection(CryptoReason.MALFORMED_CERTIFICATE, f"{len(certificates)} certificates, one expected")
    return certificates[0].public_bytes(Encoding.DER)


def pem_of(certificate_der: bytes) -> bytes:
    """Return the PEM form of a DER certificate."""
    return _load(certificate_der).public_bytes(Encoding.PEM)


def public_key_of(certificate_der: bytes) -> bytes:
    """Return the raw public key (32 bytes): the ``node_key`` of genesis; raise CryptoRejection if not Ed25519."""
    return _raw_key(_load(certificate_der))


def expires_ms(certificate_der: bytes) -> int:
    """Return the end of validity, milliseconds since 1970 UTC."""
    return describe(certificate_der).not_after_ms


def describe(certificate_der: bytes) -> CertificateInfo:
    """Return what the certificate says; raise CryptoRejection(MALFORMED_CERTIFICATE) if it cannot be read."""
    certificate = _load(certificate_der)
    try:  # the parts are parsed when they are first read
        return CertificateInfo(
            subject=certificate.subject.rfc4514_string(),
            issuer=certificate.issuer.rfc4514_string(),
            names=_names_of(certificate),
            serial=certificate.serial_number,
            not_before_ms=_milliseconds(certificate.not_valid_before_utc),
            not_after_ms=_milliseconds(certificate.not_valid_after_utc),
            is_authority=_is_authority(certificate),
            public_key=_raw_key(certificate),
            fingerprint=hashlib.sha256(certificate_der).digest(),
        )
    except _UNREADABLE as error:
        raise CryptoRejection(CryptoReason.MALFORMED_CERTIFICATE, str(error)) from None


def _load(certificate_der: bytes) -> x509.Certificate:
    if len(certificate_der) > limits.CERTIFICATE_BYTES_MAX:
        raise CryptoRejection(CryptoReason.MALFORMED_CERTIFICATE, f"more than {limits.CERTIFICATE_BYTES_MAX} bytes")
    try:
        with warnings.catch_warnings():
            # what the library still reads with a warning, such as a serial that is not positive, is refused today
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            return x509.load_der_x509_certificate(certificate_der)
    except _UNREADABLE as error:
        raise CryptoRejection(CryptoReason.MALFORMED_CERTIFICATE, str(error)) from None


def _raw_key(certificate: x509.Certificate) -> bytes:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CryptoRejection(CryptoReason.BAD_KEY, str(error)) from None
    if not isinstance(key, Ed25519PublicKey):
        raise CryptoRejection(CryptoReason.BAD_KEY, "the certificate's key is not Ed25519")
    return key.public_bytes_raw()


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))


def _private_key(seed: bytes | None, role: str) -> Ed25519PrivateKey:
    if seed is None:
        return Ed25519PrivateKey.generate()
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(_seeded(seed, role, "key")).digest())


def _serial(seed: bytes | None, role: str) -> int:
    if seed is None:
        return x509.random_serial_number()
    # 159 bits and not zero, as RFC 5280 4.1.2.2 wants
    return int.from_bytes(hashlib.sha256(_seeded(seed, role, "serial")).digest()[:19], "big") + 1


def _seeded(seed: bytes, role: str, use: str) -> bytes:
    return b"hanchain/certificate-seed/1/" + f"{role}/{use}/".encode() + seed


def _name(common_name: str) -> x509.Name:
    if not (0 < len(common_name) <= limits.COMMON_NAME_LENGTH_MAX and common_name.isprintable()):
        raise CryptoRejection(CryptoReason.BAD_NAME, f"{common_name!r} as common name")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative_names(addresses: Sequence[str]) -> x509.SubjectAlternativeName:
    if len(addresses) > limits.CERTIFICATE_NAMES_MAX:
        raise CryptoRejection(CryptoReason.BAD_NAME, f"more than {limits.CERTIFICATE_NAMES_MAX} addresses")
    return x509.SubjectAlternativeName([_general_name(address) for address in dict.fromkeys(addresses)])


def _general_name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(address))
    except ValueError:
        pass
    labels = address.split(".")
    if len(address) > 253 or not all(_is_label(label) for label in labels):
        raise CryptoRejection(CryptoReason.BAD_NAME, f"{address!r} is neither an IP address nor a host name")
    return x509.DNSName(address)


def _is_label(label: str) -> bool:
    """Tell whether ``label`` is a host name's label (RFC 1123): letters, digits and inner hyphens."""
    return 0 < len(label) <= 63 and label.isascii() and label.replace("-", "").isalnum() and label.strip("-") == label


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    *,
    key: Ed25519PublicKey,
    issuer_key: Ed25519PublicKey,
    now: datetime,
    days: int,
    serial: int,
) -> x509.CertificateBuilder:
    if now.tzinfo is None or not 0 < days <= limits.CERTIFICATE_DAYS_MAX:
        raise CryptoRejection(CryptoReason.BAD_VALIDITY, f"{days} days from {now}")
    begin = now.replace(microsecond=0) - timedelta(hours=1)  # a peer's clock may be behind
    try:
        end = begin + timedelta(days=days)
    except OverflowError:
        raise CryptoRejection(CryptoReason.BAD_VALIDITY, f"{days} days from {now}") from None
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key, serial_number=serial)
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _issued(builder: x509.CertificateBuilder, key: Ed25519PrivateKey, signing_key: Ed25519PrivateKey) -> Issued:
    certificate = builder.sign(signing_key, algorithm=None)  # RFC 8410: Ed25519 takes no separate hash
    return Issued(
        certificate_pem=certificate.public_bytes(Encoding.PEM),
        private_key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
