"""Messages that keep replicas in step: unsigned, authenticated by their link or proving themselves (section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from consensus import limits
from consensus.certificate import SealCert
from consensus.codec import Value
from consensus.fields import Fields, Reason, Rejection
from consensus.proposal import U8, U32, U64, Complaint, PrepareCert, ProposalHeader, Type


@dataclass(frozen=True, slots=True)
class Complain:
    """A wish to leave ``view`` (C1): unsigned, authenticated by its link."""

    TYPE: ClassVar = Type.COMPLAIN
    epoch: int
    sender: int
    view: int
    complaint: Complaint
    resends: int

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.view, int(self.complaint), self.resends]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, _sizes: tuple[int, int]) -> Complain:
        """Read the fields."""
        view, kind = fields.uint(limits.VIEW_MAX), fields.uint(U8)
        if kind not in Complaint.__members__.values():
            raise Rejection(Reason.OUT_OF_RANGE, f"complaint {kind}")
        return Complain(epoch, sender, view, Complaint(kind), fields.uint(U32))


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The leader is alive; ``clock_ms`` serves monitoring only."""

    TYPE: ClassVar = Type.HEARTBEAT
    epoch: int
    sender: int
    view: int
    sealed_height: int
    next_height: int
    clock_ms: int

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.view, self.sealed_height, self.next_height, self.clock_ms]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, _sizes: tuple[int, int]) -> Heartbeat:
        """Read the fields."""
        return Heartbeat(
            epoch, sender, fields.uint(limits.VIEW_MAX), fields.uint(U64), fields.uint(U64), fields.uint(U64)
        )


@dataclass(frozen=True, slots=True)
class Held:
    """What a replica holds of one height in its view: bitmaps of PREPARE, COMMIT and SEAL senders."""

    height: int
    proposal: bool
    prepares: bytes
    commits: bytes
    seals: bytes

    def value(self) -> list[Value]:
        """Return the array for encoding."""
        return [self.height, self.proposal, self.prepares, self.commits, self.seals]

    @staticmethod
    def read(value: Value) -> Held:
        """Read the array."""
        fields, most = Fields(value, "held"), limits.VALIDATORS_MAX // 8
        held = Held(fields.uint(U64), fields.flag(), fields.blob(1, most), fields.blob(1, most), fields.blob(1, most))
        fields.end()
        return held


@dataclass(frozen=True, slots=True)
class Status:
    """Where a replica stands, so that others re-send what it lacks: the only retransmission mechanism of votes."""

    TYPE: ClassVar = Type.STATUS
    epoch: int
    sender: int
    view: int
    active: bool
    sealed_height: int
    held: tuple[Held, ...]
    has_new_view: bool

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.view, self.active, self.sealed_height, [h.value() for h in self.held], self.has_new_view]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, _sizes: tuple[int, int]) -> Status:
        """Read the fields."""
        view, active, sealed = fields.uint(limits.VIEW_MAX), fields.flag(), fields.uint(U64)
        held = tuple(Held.read(h) for h in fields.array(2 * limits.WINDOW_MAX))
        return Status(epoch, sender, view, active, sealed, held, fields.flag())


@dataclass(frozen=True, slots=True)
class FetchBody:
    """Ask for the body of the proposal with digest D."""

    TYPE: ClassVar = Type.FETCH_BODY
    epoch: int
    sender: int
    height: int
    digest: bytes

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.height, self.digest]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, sizes: tuple[int, int]) -> FetchBody:
        """Read the fields."""
        return FetchBody(epoch, sender, fields.uint(U64), fields.blob(sizes[0], sizes[0]))


@dataclass(frozen=True, slots=True)
class Body:
    """The answer to FETCH_BODY: the header with it, so that the pair proves itself against D."""

    TYPE: ClassVar = Type.BODY
    epoch: int
    sender: int
    header: ProposalHeader
    body: bytes

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.header.value(), self.body]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, sizes: tuple[int, int]) -> Body:
        """Read the fields."""
        return Body(epoch, sender, ProposalHeader.read(fields.take(), sizes[0]), fields.blob(0, limits.BODY_BYTES_MAX))


@dataclass(frozen=True, slots=True)
class SealCertificate:
    """A SealCert for a replica that lags: self-verifying, so its sender does not matter."""

    TYPE: ClassVar = Type.SEAL_CERTIFICATE
    epoch: int
    sender: int
    certificate: SealCert

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.certificate.value()]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, _sizes: tuple[int, int]) -> SealCertificate:
        """Read the fields."""
        return SealCertificate(epoch, sender, SealCert.read(fields.take()))


@dataclass(frozen=True, slots=True)
class PrepareCertificate:
    """A P-certificate relayed to a replica that misses PREPAREs: self-verifying."""

    TYPE: ClassVar = Type.PREPARE_CERTIFICATE
    epoch: int
    sender: int
    certificate: PrepareCert

    def fields(self) -> list[Value]:
        """Return the fields after type, epoch and sender."""
        return [self.certificate.value()]

    @staticmethod
    def read(epoch: int, sender: int, fields: Fields, sizes: tuple[int, int]) -> PrepareCertificate:
        """Read the fields."""
        return PrepareCertificate(epoch, sender, PrepareCert.read(fields.take(), sizes[0]))
