"""Validator sets, quorums and the certificate that makes a block self-verifying.

Imports neither the protocol nor any IO: the offline verifier uses this module as it is.
Quorum: q = ceil((N + f + 1) / 2) with f = floor((N - 1) / 3), so that two quorums share f + 1 validators and the
N - f correct ones suffice (checked for N = 1..128 by a test); the same q as SmartBFT.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from consensus import limits
from consensus.codec import CodecError, Value, decode, encode
from consensus.crypto import Context
from consensus.fields import Fields, Reason, Rejection

SEAL_TYPE = 4  # message type of SEAL, part of what a seal signs


def faulty_max(validators: int) -> int:
    """Return f, the Byzantine validators that a set of this size tolerates."""
    return (validators - 1) // 3


@lru_cache(maxsize=limits.VALIDATORS_MAX)
def quorum(validators: int) -> int:
    """Return q, the votes that make a certificate."""
    return -(-(validators + faulty_max(validators) + 1) // 2)


def new_view_fits(validators: int, window: int, digest_size: int, signature_size: int) -> bool:
    """Tell whether the largest NEW-VIEW of such a network is within the bounds of a message.

    It holds q VIEW-CHANGEs with a SealCert and ``window`` P-certificates of q signatures each. A network for which
    this is false could never change its view; the genesis of such a network is refused.
    """
    votes = quorum(validators)
    certificate_bytes = votes * (signature_size + 3) + validators // 8 + 16
    header_bytes = 5 * (digest_size + 3) + 64
    change_bytes = (window + 1) * (certificate_bytes + header_bytes) + signature_size + 32
    values = votes * (window * (votes + 20) + votes + 16)
    fits = votes * change_bytes + window * (digest_size + 3) + 64 <= limits.MESSAGE_BYTES_MAX
    return fits and values + window + 16 <= limits.VALUES_MAX


@dataclass(frozen=True, slots=True)
class ValidatorSet:
    """The validators of one epoch, by index: their public keys in the order of the member list."""

    epoch: int
    public_keys: tuple[bytes, ...]

    def __post_init__(self) -> None:
        assert 1 <= len(self.public_keys) <= limits.VALIDATORS_MAX, "the member list was checked when it was adopted"
        assert len(set(self.public_keys)) == len(self.public_keys), "one key votes once"

    def __len__(self) -> int:
        return len(self.public_keys)

    @property
    def faulty_max(self) -> int:
        """How many may be Byzantine: f."""
        return faulty_max(len(self.public_keys))

    @property
    def quorum(self) -> int:
        """How many votes decide: q."""
        return quorum(len(self.public_keys))

    @property
    def weak_quorum(self) -> int:
        """One more than f: at least one of them is correct."""
        return self.faulty_max + 1

    def leader(self, view: int) -> int:
        """Return the index of the leader of ``view``: the order rotates with the epoch (section 4)."""
        return (self.epoch + view) % len(self.public_keys)

    def digest(self, context: Context) -> bytes:
        """Return the hash that headers commit to as ``validators_hash``."""
        return context.tagged_hash("hanchain/validators/1", list(self.public_keys))


def pack_bitmap(members: frozenset[int] | set[int], size: int) -> bytes:
    """Return ``ceil(size / 8)`` bytes with bit ``i % 8`` of byte ``i // 8`` set for every member."""
    packed = bytearray((size + 7) // 8)
    for member in sorted(members):
        packed[member // 8] |= 1 << (member % 8)
    return bytes(packed)


def unpack_bitmap(packed: bytes, size: int) -> tuple[int, ...]:
    """Return the members in ascending order; refuse another length or a bit beyond ``size``."""
    if len(packed) != (size + 7) // 8:
        raise Rejection(Reason.BAD_CERTIFICATE, f"bitmap of {len(packed)} bytes for {size} validators")
    members = tuple(8 * i + bit for i, byte in enumerate(packed) for bit in range(8) if byte >> bit & 1)
    if members and members[-1] >= size:
        raise Rejection(Reason.BAD_CERTIFICATE, f"bit {members[-1]} beyond {size} validators")
    return members


@dataclass(frozen=True, slots=True)
class Signatures:
    """Exactly q signatures of distinct members, in the order of the bitmap."""

    bitmap: bytes
    signatures: tuple[bytes, ...]

    @staticmethod
    def collect(votes: dict[int, bytes], validators: ValidatorSet) -> Signatures:
        """Return the certificate part of the q votes with the lowest indices."""
        members = sorted(votes)[: validators.quorum]
        assert len(members) == validators.quorum, "called with a quorum"
        return Signatures(pack_bitmap(set(members), len(validators)), tuple(votes[i] for i in members))

    def members(self, size: int) -> tuple[int, ...]:
        """Return the signers, of a set of ``size`` validators, in ascending order."""
        return unpack_bitmap(self.bitmap, size)

    def value(self) -> list[Value]:
        """Return the two fields for encoding."""
        return [self.bitmap, list(self.signatures)]

    @staticmethod
    def read(fields: Fields) -> Signatures:
        """Read the two fields."""
        bitmap = fields.blob(1, limits.VALIDATORS_MAX // 8)
        raw = Fields(fields.array(limits.VALIDATORS_MAX), "signatures")
        signatures = []
        while not raw.done:
            signatures.append(raw.blob(1, 512))
        return Signatures(bitmap, tuple(signatures))

    def check(self, message: bytes, validators: ValidatorSet, context: Context) -> tuple[int, ...]:
        """Return the signers; raise Rejection unless exactly q distinct members signed ``message``, all verified."""
        members = unpack_bitmap(self.bitmap, len(validators))
        if len(members) != validators.quorum or len(self.signatures) != len(members):
            raise Rejection(
                Reason.BAD_CERTIFICATE,
                f"{len(members)} signers and {len(self.signatures)} signatures, {validators.quorum} needed",
            )
        for member, signature in zip(members, self.signatures, strict=True):
            if not context.verify(validators.public_keys[member], message, signature):
                raise Rejection(Reason.BAD_CERTIFICATE, f"signature of validator {member} is not valid")
        return members


@dataclass(frozen=True, slots=True)
class SealCert:
    """q seals over one executed header: a stable checkpoint, and what makes the block self-verifying (P8)."""

    epoch: int
    height: int
    block_hash: bytes
    seals: Signatures

    def value(self) -> list[Value]:
        """Return the array for encoding."""
        return [self.epoch, self.height, self.block_hash, *self.seals.value()]

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return encode(self.value())

    @staticmethod
    def read(value: Value) -> SealCert:
        """Read the array; raise Rejection for another shape."""
        fields = Fields(value, "seal certificate")
        certificate = SealCert(
            fields.uint(2**63 - 1), fields.uint(2**63 - 1), fields.blob(16, 64), Signatures.read(fields)
        )
        fields.end()
        return certificate

    @staticmethod
    def decode(data: bytes) -> SealCert:
        """Return the certificate encoded in ``data``; raise Rejection for anything else."""
        try:
            return SealCert.read(decode(data, max_bytes=limits.CERTIFICATE_BYTES_MAX))
        except CodecError as error:
            raise Rejection(Reason.MALFORMED, str(error)) from error

    def verify(self, validators: ValidatorSet, context: Context) -> None:
        """Raise Rejection unless q members of ``validators``, the set of the certificate's own epoch, sealed it."""
        if self.epoch != validators.epoch:
            raise Rejection(Reason.WRONG_EPOCH, f"certificate of epoch {self.epoch}, set of epoch {validators.epoch}")
        message = context.signing_input(SEAL_TYPE, self.epoch, [self.height, self.block_hash])
        self.seals.check(message, validators, context)
