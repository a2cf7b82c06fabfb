"""Proof bundles: files that show, with no network and no trust in whoever sent them, one fact of a chain.

Three kinds of fact, each under a root of a sealed header: what became of a transaction, an event that it reported, a
key of the state with its value or with none. The file is JSON; its parts are canonical bytes and paths in trees.
``proof`` verifies them. Importing this module loads no database, no network and no event loop.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from hanchain.crypto.limits import DIGEST_BYTES_MAX, DIGEST_BYTES_MIN
from hanchain.ledger import limits
from hanchain.ledger.block import BlockHeader, transaction_path
from hanchain.ledger.cells import is_contract_name
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.json_reader import Json, hex_of, read_json
from hanchain.ledger.reasons import Reason
from hanchain.ledger.receipt import LeafPath, Receipt, event_content, event_path, receipt_path

VERSION: Final = 2

TRANSACTION: Final = "transaction"
EVENT: Final = "event"
STATE: Final = "state"


@dataclass(frozen=True, slots=True)
class TransactionBundle:
    """What became of a transaction: the transaction and its receipt, both under the header. Nothing here is trusted."""

    chain_name: str
    transaction: bytes
    transaction_path: LeafPath
    receipt: bytes
    receipt_path: LeafPath
    header: bytes
    certificate: bytes

    @property
    def kind(self) -> str:
        """The kind of the file."""
        return TRANSACTION

    def to_json(self) -> str:
        """Return the file."""
        return _to_json(
            self,
            transaction=hex_of(self.transaction),
            transaction_path=_path_document(self.transaction_path),
            receipt=hex_of(self.receipt),
            receipt_path=_path_document(self.receipt_path),
        )


@dataclass(frozen=True, slots=True)
class EventBundle:
    """An event that a transaction reported: its content, under the header. Nothing here is trusted."""

    chain_name: str
    event: bytes  # [height, transaction index, event index, txid, contract, name, fields]
    event_path: LeafPath
    header: bytes
    certificate: bytes

    @property
    def kind(self) -> str:
        """The kind of the file."""
        return EVENT

    def to_json(self) -> str:
        """Return the file."""
        return _to_json(self, event=hex_of(self.event), event_path=_path_document(self.event_path))


@dataclass(frozen=True, slots=True)
class StateBundle:
    """A key of a contract's state after a block, with its value or with none. Nothing here is trusted."""

    chain_name: str
    contract: str
    key: bytes  # of the contract, as contracts.keys encodes it
    value: bytes | None  # canonical bytes; None: nothing is stored under the key
    tree_proof: bytes
    header: bytes
    certificate: bytes

    @property
    def kind(self) -> str:
        """The kind of the file."""
        return STATE

    def to_json(self) -> str:
        """Return the file."""
        return _to_json(
            self,
            contract=self.contract,
            key=hex_of(self.key),
            value=None if self.value is None else hex_of(self.value),
            tree_proof=hex_of(self.tree_proof),
        )


ProofBundle: TypeAlias = TransactionBundle | EventBundle | StateBundle


def build_bundle(
    genesis: Genesis,
    transactions: Sequence[bytes],
    receipts: Sequence[Receipt],
    index: int,
    header: BlockHeader,
    certificate: bytes,
) -> TransactionBundle:
    """Return the proof of the transaction at ``index`` of a sealed block."""
    suite = genesis.suite
    return TransactionBundle(
        chain_name=genesis.chain_name,
        transaction=transactions[index],
        transaction_path=LeafPath(index, len(transactions), transaction_path(transactions, index, suite)),
        receipt=receipts[index].encode(),
        receipt_path=receipt_path(receipts, index, suite),
        header=header.encode(),
        certificate=certificate,
    )


def build_event_bundle(
    genesis: Genesis,
    receipts: Sequence[Receipt],
    index: int,
    position: int,
    header: BlockHeader,
    certificate: bytes,
) -> EventBundle:
    """Return the proof of event ``position`` of the transaction at ``index`` of a sealed block."""
    return EventBundle(
        chain_name=genesis.chain_name,
        event=event_content(receipts[index], position),
        event_path=event_path(receipts, index, position, genesis.suite),
        header=header.encode(),
        certificate=certificate,
    )


def build_state_bundle(
    genesis: Genesis,
    header: BlockHeader,
    certificate: bytes,
    contract: str,
    key: bytes,
    value: bytes | None,
    tree_proof: bytes,
) -> StateBundle:
    """Return the proof of a key of the state after a sealed block, from the proof of the state's tree."""
    return StateBundle(
        chain_name=genesis.chain_name,
        contract=contract,
        key=key,
        value=value,
        tree_proof=tree_proof,
        header=header.encode(),
        certificate=certificate,
    )


def parse_bundle(data: bytes) -> ProofBundle:
    """Return the bundle in the file ``data``; raise Rejection with the JSON path of the first thing wrong."""
    return bundle_of(read_json(data, max_bytes=limits.PROOF_BYTES_MAX))


def bundle_of(root: Json) -> ProofBundle:
    """Return the bundle in a document, or a part of one; raise as ``parse_bundle``."""
    if not isinstance(root.value, dict):
        raise root.refuse(Reason.WRONG_TYPE, "object expected")
    if "version" not in root.value:
        raise root.refuse(Reason.MISSING_FIELD, "field 'version' is missing")
    version = root.field("version").integer(0, 2**31)
    if version != VERSION:
        hint = ": of a chain of an earlier release, whose tools verify it" if version < VERSION else ""
        raise root.field("version").refuse(Reason.WRONG_VERSION, f"version {version}, {VERSION} expected{hint}")
    if "kind" not in root.value:
        raise root.refuse(Reason.MISSING_FIELD, "field 'kind' is missing")
    kind = root.field("kind").text(limits.NAME_LENGTH_MAX)
    if kind not in _READERS:
        raise root.field("kind").refuse(Reason.MALFORMED, f"{kind!r} is none of {', '.join(_READERS)}")
    return _READERS[kind](root)


def _read_transaction(root: Json) -> TransactionBundle:
    fields = _fields(root, ("transaction", "transaction_path", "receipt", "receipt_path"))
    return TransactionBundle(
        chain_name=fields["chain_name"].text(limits.NAME_LENGTH_MAX),
        transaction=fields["transaction"].blob(1, limits.TRANSACTION_BYTES_MAX),
        transaction_path=_read_path(fields["transaction_path"]),
        receipt=fields["receipt"].blob(1, limits.RECEIPT_BYTES_MAX),
        receipt_path=_read_path(fields["receipt_path"]),
        header=fields["header"].blob(1, limits.HEADER_BYTES_MAX),
        certificate=fields["certificate"].blob(1, limits.CERTIFICATE_BYTES_MAX),
    )


def _read_event(root: Json) -> EventBundle:
    fields = _fields(root, ("event", "event_path"))
    return EventBundle(
        chain_name=fields["chain_name"].text(limits.NAME_LENGTH_MAX),
        event=fields["event"].blob(1, limits.EVENT_CONTENT_BYTES_MAX),
        event_path=_read_path(fields["event_path"]),
        header=fields["header"].blob(1, limits.HEADER_BYTES_MAX),
        certificate=fields["certificate"].blob(1, limits.CERTIFICATE_BYTES_MAX),
    )


def _read_state(root: Json) -> StateBundle:
    fields = _fields(root, ("contract", "key", "value", "tree_proof"))
    contract = fields["contract"].text(limits.NAME_LENGTH_MAX)
    if not is_contract_name(contract):
        raise fields["contract"].refuse(Reason.MALFORMED, "not the name of a contract")
    value = fields["value"]
    return StateBundle(
        chain_name=fields["chain_name"].text(limits.NAME_LENGTH_MAX),
        contract=contract,
        key=fields["key"].blob(0, limits.STATE_KEY_BYTES_MAX),
        value=None if value.value is None else value.blob(0, limits.STATE_VALUE_BYTES_MAX),
        tree_proof=fields["tree_proof"].blob(1, limits.TREE_PROOF_BYTES_MAX),
        header=fields["header"].blob(1, limits.HEADER_BYTES_MAX),
        certificate=fields["certificate"].blob(1, limits.CERTIFICATE_BYTES_MAX),
    )


_READERS: Final[Mapping[str, Callable[[Json], ProofBundle]]] = MappingProxyType(
    {TRANSACTION: _read_transaction, EVENT: _read_event, STATE: _read_state}
)


def _fields(root: Json, names: Collection[str]) -> dict[str, Json]:
    return root.fields(("version", "kind", "chain_name", *names, "header", "certificate"))


def _to_json(bundle: ProofBundle, **parts: object) -> str:
    document = {
        "version": VERSION,
        "kind": bundle.kind,
        "chain_name": bundle.chain_name,
        **parts,
        "header": hex_of(bundle.header),
        "certificate": hex_of(bundle.certificate),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _path_document(where: LeafPath) -> dict[str, object]:
    return {"position": where.position, "size": where.size, "path": [hex_of(digest) for digest in where.path]}


def _read_path(entry: Json) -> LeafPath:
    fields = entry.fields(("position", "size", "path"))
    path = fields["path"].items(0, limits.PATH_LENGTH_MAX)
    return LeafPath(
        fields["position"].integer(0, 2**63 - 1),
        fields["size"].integer(1, 2**63 - 1),
        tuple(item.blob(DIGEST_BYTES_MIN, DIGEST_BYTES_MAX) for item in path),
    )
