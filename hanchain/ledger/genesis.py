"""Genesis: the one file that all nodes of a network share, and the block of height 0 that follows from it.

The file is readable JSON. Its meaning, not its layout, is hashed: the hash of the canonical form is the chain id, which
is inside every transaction, vote and header, so that nodes with different files cannot even begin to agree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass, field
from ipaddress import ip_address
from typing import Final

from consensus.certificate import ValidatorSet, new_view_fits
from consensus.crypto import Context
from hanchain.crypto import CryptoRejection, Suite, suite_by_name
from hanchain.crypto.certificates import NODE_KEY_SIZE, der_of, describe
from hanchain.ledger import limits
from hanchain.ledger.block import BlockHeader, transactions_root
from hanchain.ledger.codec import encode
from hanchain.ledger.json_reader import Json, hex_of, read_json
from hanchain.ledger.parameters import RANGES, Parameters
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.receipt import receipts_root
from hanchain.ledger.state import empty_state_root

VERSION: Final = 1
GENESIS_TAG: Final = "hanchain/genesis/1"
VALIDATORS_FAULT_TOLERANT: Final = 4  # the least that survives one faulty validator: N = 3f + 1

_CHAIN_NAME: Final = re.compile(r"[a-z0-9-]{3,32}")
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")  # RFC 1123, lower case
_ADDRESS: Final = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<host>[A-Za-z0-9.-]+)):(?P<port>[1-9][0-9]{0,4})")


@dataclass(frozen=True, slots=True)
class Organisation:
    """A member of the consortium and the certificate (PEM) of its authority."""

    name: str
    certificate: str


@dataclass(frozen=True, slots=True)
class Validator:
    """A validator: the key that votes, the key of its node's TLS certificate, and where it listens."""

    name: str
    organisation: str
    public_key: bytes
    node_key: bytes
    address: str  # host:port, an IPv6 host in brackets


@dataclass(frozen=True, slots=True)
class Genesis:
    """A genesis that holds together: construction raises Rejection, with the JSON path, otherwise."""

    chain_name: str
    suite: Suite
    time_ms: int
    organisations: tuple[Organisation, ...]
    validators: tuple[Validator, ...]  # their order is their index in consensus
    parameters: Parameters = field(default_factory=Parameters)
    version: int = VERSION
    chain_id: bytes = field(init=False, repr=False)  # the genesis hash

    def __post_init__(self) -> None:
        certificates = _check(self)
        value = [
            self.version,
            self.chain_name,
            self.suite.id,
            self.time_ms,
            [[organisation.name, der] for organisation, der in zip(self.organisations, certificates, strict=True)],
            [astuple(validator) for validator in self.validators],
            astuple(self.parameters),
        ]
        object.__setattr__(self, "chain_id", self.suite.tagged_hash(GENESIS_TAG, encode(value)))

    @property
    def validator_set(self) -> ValidatorSet:
        """The validators of epoch 0."""
        return ValidatorSet(0, tuple(validator.public_key for validator in self.validators))

    @property
    def context(self) -> Context:
        """The suite bound to this chain, for consensus and its certificates."""
        return Context(self.suite, self.chain_id)

    @property
    def validators_hash(self) -> bytes:
        """What headers of epoch 0 commit to."""
        return self.validator_set.digest(self.context)

    @property
    def block0(self) -> BlockHeader:
        """The header of height 0: executed by definition, sealed by nobody, the anchor of epoch 0."""
        zeros = bytes(self.suite.digest_size)
        return BlockHeader(
            suite_id=self.suite.id,
            chain_id=self.chain_id,
            epoch=0,
            height=0,
            proposal_digest=self.chain_id,
            parent_hash=zeros,
            transactions_root=transactions_root((), self.suite),
            receipts_root=receipts_root((), self.suite),
            state_root=empty_state_root(self.suite),
            validators_hash=self.validators_hash,
            next_validators_hash=zeros,
            proposal_view=0,
            proposer=0,
            timestamp_ms=self.time_ms,
            parameters_hash=self.parameters.hash(self.suite),
        )

    def warnings(self) -> tuple[str, ...]:
        """Return what is allowed but should not surprise its operator."""
        count = len(self.validators)
        if count < VALIDATORS_FAULT_TOLERANT:
            return (f"{count} validator(s): one failure stops the chain; {VALIDATORS_FAULT_TOLERANT} tolerate one",)
        return ()

    def to_json(self) -> str:
        """Return the file."""
        document = {
            "version": self.version,
            "chain_name": self.chain_name,
            "suite": self.suite.name,
            "time_ms": self.time_ms,
            "organisations": [asdict(organisation) for organisation in self.organisations],
            "validators": [
                {
                    **asdict(validator),
                    "public_key": hex_of(validator.public_key),
                    "node_key": hex_of(validator.node_key),
                }
                for validator in self.validators
            ],
            "parameters": asdict(self.parameters),
        }
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def parse_genesis(data: bytes) -> Genesis:
    """Return the genesis in the file ``data``; raise Rejection with the JSON path of the first thing wrong.

    Every field is required, except that ``parameters`` may leave out those that keep their defaults.
    """
    root = read_json(data, max_bytes=limits.GENESIS_BYTES_MAX)
    fields = root.fields(("version", "chain_name", "suite", "time_ms", "organisations", "validators", "parameters"))
    version = fields["version"].integer(0, 2**31)
    if version != VERSION:
        raise fields["version"].refuse(Reason.WRONG_VERSION, f"version {version}, {VERSION} expected")
    try:
        suite = suite_by_name(fields["suite"].text(limits.NAME_LENGTH_MAX))
    except CryptoRejection as error:
        raise fields["suite"].refuse(Reason.UNKNOWN_SUITE, error.detail) from None
    return Genesis(
        chain_name=fields["chain_name"].text(limits.NAME_LENGTH_MAX),
        suite=suite,
        time_ms=fields["time_ms"].integer(0, limits.TIME_MS_MAX),
        organisations=tuple(map(_organisation, fields["organisations"].items(1, limits.ORGANISATIONS_MAX))),
        validators=tuple(map(_validator, fields["validators"].items(1, limits.VALIDATORS_MAX))),
        parameters=_parameters(fields["parameters"]),
    )


def _organisation(entry: Json) -> Organisation:
    fields = entry.fields(("name", "certificate"))
    return Organisation(fields["name"].text(limits.LABEL_LENGTH_MAX), fields["certificate"].text(16 * 1024))


def _validator(entry: Json) -> Validator:
    fields = entry.fields(("name", "organisation", "public_key", "node_key", "address"))
    return Validator(
        name=fields["name"].text(limits.LABEL_LENGTH_MAX),
        organisation=fields["organisation"].text(limits.LABEL_LENGTH_MAX),
        public_key=fields["public_key"].blob(1, limits.KEY_BYTES_MAX),
        node_key=fields["node_key"].blob(1, limits.KEY_BYTES_MAX),
        address=fields["address"].text(limits.ADDRESS_LENGTH_MAX),
    )


def _parameters(entry: Json) -> Parameters:
    fields = entry.fields((), RANGES)
    try:
        return Parameters(**{name: value.integer(0, 2**63 - 1) for name, value in fields.items()})
    except Rejection as error:
        if error.detail.startswith("$"):
            raise
        raise entry.refuse(error.reason, error.detail) from None


def _check(genesis: Genesis) -> list[bytes]:
    """Raise Rejection for the first field that does not hold; return the organisations' certificates in DER."""
    if genesis.version != VERSION:
        raise Rejection(Reason.WRONG_VERSION, f"$.version: {VERSION} expected")
    if not _CHAIN_NAME.fullmatch(genesis.chain_name):
        raise Rejection(Reason.MALFORMED, f"$.chain_name: {genesis.chain_name!r} is not of the form [a-z0-9-]{{3,32}}")
    if not 0 <= genesis.time_ms <= limits.TIME_MS_MAX:
        raise Rejection(Reason.OUT_OF_RANGE, f"$.time_ms: {genesis.time_ms}")
    if not 1 <= len(genesis.organisations) <= limits.ORGANISATIONS_MAX:
        raise Rejection(Reason.OUT_OF_RANGE, f"$.organisations: {len(genesis.organisations)} elements")
    if not 1 <= len(genesis.validators) <= limits.VALIDATORS_MAX:
        raise Rejection(Reason.OUT_OF_RANGE, f"$.validators: {len(genesis.validators)} elements")
    certificates = [
        _check_organisation(organisation, f"$.organisations[{index}]")
        for index, organisation in enumerate(genesis.organisations)
    ]
    _check_unique("$.organisations", "name", (organisation.name for organisation in genesis.organisations))
    _check_unique("$.organisations", "certificate", certificates)
    names = {organisation.name for organisation in genesis.organisations}
    for index, validator in enumerate(genesis.validators):
        _check_validator(validator, f"$.validators[{index}]", genesis.suite, names)
    count, window = len(genesis.validators), genesis.parameters.window
    if not new_view_fits(count, window, genesis.suite.digest_size, genesis.suite.signature_size):
        raise Rejection(
            Reason.INCONSISTENT,
            f"$.parameters.window: {count} validators with {window} blocks in flight could never change their view",
        )
    for attribute in ("name", "public_key", "node_key", "address"):
        _check_unique("$.validators", attribute, (getattr(entry, attribute) for entry in genesis.validators))
    return certificates


def _check_organisation(organisation: Organisation, path: str) -> bytes:
    _check_label(organisation.name, f"{path}.name")
    try:
        der = der_of(organisation.certificate.encode())
        info = describe(der)
    except CryptoRejection as error:
        raise Rejection(Reason.BAD_CERTIFICATE, f"{path}.certificate: {error}") from None
    if not info.is_authority:
        raise Rejection(Reason.BAD_CERTIFICATE, f"{path}.certificate: {info.subject} is not an authority")
    return der


def _check_validator(validator: Validator, path: str, suite: Suite, organisations: set[str]) -> None:
    _check_label(validator.name, f"{path}.name")
    if validator.organisation not in organisations:
        raise Rejection(Reason.INCONSISTENT, f"{path}.organisation: no organisation {validator.organisation!r}")
    if len(validator.public_key) != suite.public_key_size:
        raise Rejection(Reason.OUT_OF_RANGE, f"{path}.public_key: {suite.public_key_size} bytes expected")
    if len(validator.node_key) != NODE_KEY_SIZE:
        raise Rejection(Reason.OUT_OF_RANGE, f"{path}.node_key: {NODE_KEY_SIZE} bytes expected")
    if not _is_address(validator.address):
        raise Rejection(Reason.MALFORMED, f"{path}.address: {validator.address!r} is not host:port")


def _check_label(text: str, path: str) -> None:
    if not _LABEL.fullmatch(text) or len(text) > limits.LABEL_LENGTH_MAX:
        raise Rejection(
            Reason.MALFORMED, f"{path}: {text!r} is not a name of a-z, 0-9 and inner '-', at most 63 characters"
        )


def _check_unique(path: str, attribute: str, values: Iterable[str | bytes]) -> None:
    seen: dict[str | bytes, int] = {}
    for index, value in enumerate(values):
        if value in seen:
            raise Rejection(Reason.NOT_UNIQUE, f"{path}[{index}].{attribute}: the same as that of [{seen[value]}]")
        seen[value] = index


def _is_address(text: str) -> bool:
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) > 65_535:
        return False
    if match["six"] is not None or match["host"].replace(".", "").isdigit():
        try:
            ip_address(match["six"] or match["host"])
        except ValueError:
            return False
        return True
    return all(_LABEL.fullmatch(label.lower()) and len(label) <= 63 for label in match["host"].split("."))
