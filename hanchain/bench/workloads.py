"""What a throughput run sends: a transaction made from a number, and what has to stand on the chain before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from contracts.compiler import compile_source
from contracts.library import source
from hanchain.crypto import PrivateKey, Suite
from hanchain.ledger.codec import Value
from hanchain.sdk import Client

MEDIA_TYPE: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of transaction, each about another document."""

    name: str
    contract: str
    method: str
    gas_limit: int  # every validator reserves it in a block: close to what a call uses

    def arguments(self, number: int, suite: Suite) -> Sequence[Value]:
        """Return the arguments of the transaction with this number: digest, media type, size."""
        return [suite.hash(number.to_bytes(8, "big")), MEDIA_TYPE, number]

    async def prepare(self, client: Client, key: PrivateKey) -> None:
        """Put on the chain what the transactions need."""
        if self.contract.startswith("sys."):
            return
        text = source(self.contract)
        compiled = compile_source(text, f"{self.contract}.py")
        await client.deploy(key, self.contract, compiled.program, compiled.abi, text.encode(), [1])


ANCHOR: Final = Workload("anchor", "sys.anchor", "notarise", 5_000)
EVIDENCE: Final = Workload("evidence", "evidence", "deposit", 5_000)
WORKLOADS: Final = {workload.name: workload for workload in (ANCHOR, EVIDENCE)}
