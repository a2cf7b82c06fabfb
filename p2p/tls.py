"""TLS 1.3 between two nodes, without any IO: ciphertext in, plaintext out, and every failure in words.

Python's own TLS transport is not used because it drops the alert that tells a refused peer why, and because a failed
handshake never reaches the protocol that would log it. Here ``ssl.MemoryBIO`` carries the bytes (RFC 8446).
"""

from __future__ import annotations

import ssl
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from p2p.rejection import Rejection

_RECORD_BYTES: Final = 16 * 1024  # largest TLS plaintext record: one read returns at most one record
_FIRST_BYTES: Final = (0x15, 0x16)  # a link begins with a handshake record, or with an alert that refuses it
_VERSION_BYTE: Final = 0x03


class TlsReason(StrEnum):
    """Why a link failed below its first frame."""

    NOT_TLS = "not_tls"
    UNKNOWN_AUTHORITY = "unknown_authority"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_INVALID = "certificate_invalid"
    NO_CERTIFICATE = "no_certificate"
    CERTIFICATE_REFUSED = "certificate_refused_by_peer"
    NO_COMMON_VERSION = "no_common_version"
    CLOSED_IN_HANDSHAKE = "closed_in_handshake"
    BROKEN = "tls_broken"


class TlsError(Rejection):
    """The peer failed TLS; ``detail`` says what an operator needs to know."""

    def __init__(self, reason: TlsReason, detail: str) -> None:
        super().__init__(reason, detail)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where a node's certificate, its private key and the accepted authorities are: each PEM bytes or a path."""

    certificate_pem: bytes | Path
    private_key_pem: bytes | Path
    authority_pem: bytes | Path


_UNKNOWN_AUTHORITY: Final = "certificate signed by an unknown authority"

# X509_V_ERR_* of OpenSSL's x509_vfy.h: we judged the peer's certificate.
_VERIFY_WORDS: Final = {
    9: (TlsReason.CERTIFICATE_NOT_YET_VALID, "certificate not yet valid"),
    10: (TlsReason.CERTIFICATE_EXPIRED, "certificate expired"),
    18: (TlsReason.UNKNOWN_AUTHORITY, _UNKNOWN_AUTHORITY),
    19: (TlsReason.UNKNOWN_AUTHORITY, _UNKNOWN_AUTHORITY),
    20: (TlsReason.UNKNOWN_AUTHORITY, _UNKNOWN_AUTHORITY),
    21: (TlsReason.UNKNOWN_AUTHORITY, _UNKNOWN_AUTHORITY),
}

# Reasons of OpenSSL's sslerr.h: alerts say that the peer judged ours, the others that we judged the peer's bytes.
_ERROR_WORDS: Final = {
    "TLSV1_ALERT_UNKNOWN_CA": (TlsReason.CERTIFICATE_REFUSED, f"peer refused ours: {_UNKNOWN_AUTHORITY}"),
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": (TlsReason.CERTIFICATE_REFUSED, "peer refused ours: certificate expired"),
    "SSLV3_ALERT_BAD_CERTIFICATE": (TlsReason.CERTIFICATE_REFUSED, "peer refused ours: bad certificate"),
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": (TlsReason.CERTIFICATE_REFUSED, "peer refused ours: certificate not accepted"),
    "SSLV3_ALERT_CERTIFICATE_REVOKED": (TlsReason.CERTIFICATE_REFUSED, "peer refused ours: certificate revoked"),
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": (TlsReason.CERTIFICATE_REFUSED, "peer refused ours: wrong kind of key"),
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": (TlsReason.CERTIFICATE_REFUSED, "peer asks for a certificate"),
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": (TlsReason.NO_CERTIFICATE, "peer sent no certificate"),
    "TLSV1_ALERT_PROTOCOL_VERSION": (TlsReason.NO_COMMON_VERSION, "peer does not speak TLS 1.3"),
    "UNSUPPORTED_PROTOCOL": (TlsReason.NO_COMMON_VERSION, "peer does not speak TLS 1.3"),
    "WRONG_VERSION_NUMBER": (TlsReason.NOT_TLS, "not TLS (plain bytes on the port)"),
    "HTTP_REQUEST": (TlsReason.NOT_TLS, "not TLS (plain bytes on the port)"),
}


def explain(error: ssl.SSLError) -> TlsError:
    """Return what an OpenSSL error means to an operator; unknown ones keep OpenSSL's own short reason."""
    if isinstance(error, ssl.SSLCertVerificationError):
        known = _VERIFY_WORDS.get(error.verify_code)
        return TlsError(*known) if known else TlsError(TlsReason.CERTIFICATE_INVALID, error.verify_message)
    short = error.reason or type(error).__name__
    known = _ERROR_WORDS.get(short)
    return TlsError(*known) if known else TlsError(TlsReason.BROKEN, short.lower().replace("_", " "))


def make_context(files: TlsFiles, *, server_side: bool) -> ssl.SSLContext:
    """Return a TLS 1.3 context that demands a certificate of the peer; raise OSError for unreadable or bad files.

    Host names are not compared: identity is the key in the certificate, and admission judges it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    if server_side:
        context.num_tickets = 0  # no resumption: every link shows its certificate again
    authorities = files.authority_pem
    pem = authorities if isinstance(authorities, bytes) else authorities.read_bytes()
    context.load_verify_locations(cadata=pem.decode("ascii"))
    # OpenSSL reads a chain from files only; keys given as bytes pass through a private directory that is gone after.
    with tempfile.TemporaryDirectory(prefix="hanchain-") as directory:
        context.load_cert_chain(
            _as_file(files.certificate_pem, Path(directory, "certificate.pem")),
            _as_file(files.private_key_pem, Path(directory, "key.pem")),
        )
    return context


def _as_file(pem: bytes | Path, scratch: Path) -> Path:
    if isinstance(pem, Path):
        return pem
    scratch.touch(mode=0o600)
    scratch.write_bytes(pem)
    return scratch


class TlsPipe:
    """One end of a TLS link as a state machine; raises TlsError and is useless afterwards."""

    def __init__(self, context: ssl.SSLContext, *, server_side: bool) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._ssl = context.wrap_bio(self._incoming, self._outgoing, server_side=server_side)
        self._first = True
        self.established = False
        if not server_side:
            self._handshake()

    @property
    def peer_certificate_der(self) -> bytes:
        """Return the peer's certificate, which both sides must have shown once ``established``."""
        certificate = self._ssl.getpeercert(binary_form=True)
        assert certificate is not None, "TLS was established without a certificate"
        return certificate

    def receive(self, data: bytes | memoryview) -> list[bytes]:
        """Take ciphertext; return the plaintext records it completes."""
        if self._first and data:
            self._first = False
            if data[0] not in _FIRST_BYTES or (len(data) > 1 and data[1] != _VERSION_BYTE):
                raise TlsError(TlsReason.NOT_TLS, "not TLS (plain bytes on the port)")
        self._incoming.write(data)
        if not self.established:
            self._handshake()
            if not self.established:
                return []
        records: list[bytes] = []
        incoming, engine = self._incoming, self._ssl
        try:
            while incoming.pending or engine.pending():
                record = engine.read(_RECORD_BYTES)
                if not record:
                    break  # the closing alert; the end of the socket follows
                records.append(record)
        except ssl.SSLWantReadError:
            pass  # the rest of the record is on its way
        except ssl.SSLError as error:
            raise explain(error) from error
        return records

    def write(self, data: bytes) -> None:
        """Encrypt ``data``; the result is in ``outgoing``. Only after ``established``."""
        assert self.established, "plaintext before the TLS handshake"
        try:
            written = self._ssl.write(data)
        except ssl.SSLError as error:
            raise explain(error) from error
        assert written == len(data), "a memory buffer takes all"

    def outgoing(self) -> bytes:
        """Return the ciphertext to send, alerts included; empty when there is none."""
        return self._outgoing.read()

    def end_of_input(self) -> TlsError | None:
        """Return the failure if the peer closed its side now; None when that is an ordinary end of the link."""
        if self.established:
            return None
        return TlsError(TlsReason.CLOSED_IN_HANDSHAKE, "peer closed during handshake")

    def close(self) -> None:
        """Queue the closing alert; nothing can be written after it."""
        if not self.established:
            return
        with suppress(ssl.SSLError):  # the alert is queued by then; we do not wait for the peer's own
            self._ssl.unwrap()

    def _handshake(self) -> None:
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            raise explain(error) from error
        self.established = True
